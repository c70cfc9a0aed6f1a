# SPDX-License-Identifier: GPL-2.0-only
#
# recctl: probes and a workload by hand, for recorder_*.sh. Sanitized as all that is tested.

NETNS_TOOLS += $(O)/tests/netns/recctl
RECCTL_LIBS := $(foreach d,recorder $(DEPS_recorder),$(call unit_lib,$(d)))

$(O)/tests/netns/recctl: tests/netns/tools/recctl.c $(RECCTL_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(RECCTL_LIBS) $(LIBS)

# A program of the tests alone; who builds without librdkafka-dev has the others.
ifneq ($(wildcard /usr/include/librdkafka/rdkafka_mock.h),)
NETNS_TOOLS += $(O)/tests/netns/kafkamock

$(O)/tests/netns/kafkamock: tests/netns/tools/kafkamock.c
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $< -lrdkafka
endif
