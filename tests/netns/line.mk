# SPDX-License-Identifier: GPL-2.0-only
#
# holdctl: the delay line by hand, for line_*.sh, sanitized as all that is tested; hold_path: a packet
# path in front of it.

NETNS_TOOLS  += $(O)/tests/netns/holdctl $(O)/tests/netns/hold_path.bpf.o
HOLDCTL_LIBS := $(foreach d,line $(DEPS_line),$(call unit_lib,$(d)))

$(O)/tests/netns/holdctl: tests/netns/tools/holdctl.c $(HOLDCTL_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(HOLDCTL_LIBS) $(LIBS)

$(O)/tests/netns/hold_path.bpf.o: tests/netns/tools/hold_path.bpf.c
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(patsubst %,-I%,$(wildcard /usr/include/$(HOST_ARCH)-linux-gnu)) -MF $@.d -MT $@ -c $< -o $@
