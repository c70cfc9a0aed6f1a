# SPDX-License-Identifier: GPL-2.0-only
#
# For datapath_*.sh: dpctl, a data plane by hand; netio, packets counted and timed; other,
# somebody else's programs. Sanitized as all that is tested.

DATAPATH_TOOLS := $(patsubst %,$(O)/tests/netns/%,dpctl netio other)
NETNS_TOOLS    += $(DATAPATH_TOOLS) $(O)/tests/netns/other.bpf.o $(O)/tests/netns/shortconn
DATAPATH_LIBS  := $(foreach d,datapath $(DEPS_datapath),$(call unit_lib,$(d)))

$(DATAPATH_TOOLS): $(O)/tests/netns/%: tests/netns/tools/%.c $(DATAPATH_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(DATAPATH_LIBS) $(LIBS)

# Plain: it is there to be quick.
$(O)/tests/netns/shortconn: tests/netns/tools/shortconn.c $(call lib,lib)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $^ $(LIBS)

$(O)/tests/netns/other.bpf.o: tests/netns/tools/other.bpf.c
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(patsubst %,-I%,$(wildcard /usr/include/$(HOST_ARCH)-linux-gnu)) -MF $@.d -MT $@ -c $< -o $@
