# SPDX-License-Identifier: GPL-2.0-only
#
# dpctl: a data plane by hand, for datapath_*.sh. Sanitized as all that is tested.

NETNS_TOOLS += $(O)/tests/netns/dpctl
DPCTL_LIBS  := $(foreach d,datapath $(DEPS_datapath),$(call unit_lib,$(d)))

$(O)/tests/netns/dpctl: tests/netns/tools/dpctl.c $(DPCTL_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(DPCTL_LIBS) $(LIBS)
