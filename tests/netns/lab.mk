# SPDX-License-Identifier: GPL-2.0-only
#
# labctl: a lab by hand, for lab_*.sh. Sanitized as all that is tested.

NETNS_TOOLS += $(O)/tests/netns/labctl
LABCTL_LIBS := $(foreach d,lab $(DEPS_lab),$(call unit_lib,$(d)))

$(O)/tests/netns/labctl: tests/netns/tools/labctl.c $(LABCTL_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(LABCTL_LIBS) $(LIBS)
