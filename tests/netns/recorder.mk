# SPDX-License-Identifier: GPL-2.0-only
#
# recctl: probes and a workload by hand, for recorder_*.sh. Sanitized as all that is tested.

NETNS_TOOLS += $(O)/tests/netns/recctl
RECCTL_LIBS := $(foreach d,recorder $(DEPS_recorder),$(call unit_lib,$(d)))

$(O)/tests/netns/recctl: tests/netns/tools/recctl.c $(RECCTL_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(RECCTL_LIBS) $(LIBS)
