# SPDX-License-Identifier: GPL-2.0-only
#
# meter: what measures in tests and benchmarks. Plain, since sanitizers cost the time that it measures; its
# statistics have a unit test, sanitized as all are.

METER	    := $(O)/tools/meter
METER_SRCS  := $(wildcard tests/tools/*.c)
METER_OBJS  := $(patsubst tests/tools/%.c,$(O)/meter/%.o,$(METER_SRCS))

$(O)/meter/%.o: tests/tools/%.c | $(O)/libraries
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests -c $< -o $@

$(METER): $(METER_OBJS) $(call lib,lib)
	$(call msg,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(O)/unit/tools/test_%: tests/unit/tools/test_%.c tests/tools/%.c
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $^ -lcmocka -lm
