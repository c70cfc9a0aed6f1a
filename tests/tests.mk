# SPDX-License-Identifier: GPL-2.0-only
#
# Unit tests: tests/unit/ROOM/test_*.c links only ROOM and the rooms that it may use, always under
# ASan and UBSan.

UNIT_SRCS := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRCS))
UNIT_SAN  := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all

# The rooms again, sanitized, for the unit tests.
$(O)/unit/user/%.o: user/%.c
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_SAN) -c $< -o $@

define unit_room
$(O)/unit/lib$(1).a: $(patsubst user/%.c,$(O)/unit/user/%.o,$(call srcs,$(1)))
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
$(patsubst user/%.c,$(O)/unit/user/%.o,$(call srcs,datapath)): | $(SKELS)
$(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/$(1)/test_*.c)): $(O)/unit/%: tests/unit/%.c $(O)/unit/lib$(1).a $(foreach d,$(DEPS_$(1)),$(O)/unit/lib$(d).a)
	$$(call msg,TEST,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_SAN) -Itests -o $$@ $$< $(O)/unit/lib$(1).a \
		$(foreach d,$(DEPS_$(1)),$(O)/unit/lib$(d).a) -lcmocka $(LIBS) -pthread
endef
$(foreach r,$(ROOMS),$(eval $(call unit_room,$(r))))
$(patsubst user/%.c,$(O)/unit/user/%.o,$(call srcs,report)): | $(patsubst user/report/%.html,$(O)/gen/%.html.h,$(wildcard user/report/*.html))

unit: $(UNIT_BINS)
.PHONY: unit
