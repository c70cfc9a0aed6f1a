# SPDX-License-Identifier: GPL-2.0-only
#
# Every parser of outside data on hostile input: tests/fuzz/fuzz_TARGET.c with libFuzzer, ASan and UBSan,
# seeds in tests/fuzz/corpus/TARGET, words in tests/fuzz/dict/TARGET (where a format has any).
# tests/fuzz/run says what counts as a finding.

FUZZ_SECONDS ?= 300
FUZZ_SRCS    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TESTS   := tests/fuzz/smoke.sh
FUZZ_BINS    := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRCS))
# Only what holds parsers is built once more: these rooms, and single files of others.
FUZZ_ROOMS   := kube report analysis check recorder discover experiment datapath line lib
FUZZ_FILES   := $(addprefix agent/,job record unpack object object_check instant pods pods_read pods_match texts resolve resolve_words) \
	run/state run/state_list run/state_dir cli/status_text cli/targets_text
FUZZ_USER     = $(patsubst %,$(O)/fuzz/user/%.o,$(FUZZ_FILES)) \
	$(foreach r,$(FUZZ_ROOMS),$(patsubst user/%.c,$(O)/fuzz/user/%.o,$(call srcs,$(r))))
FUZZ_LIB     := $(O)/fuzz/libuser.a
FUZZ_SAN     := -fno-omit-frame-pointer -fno-sanitize-recover=all
FUZZ_CFLAGS   = $(filter-out $(WARN) -O2,$(ALL_CFLAGS)) -O1 $(FUZZ_SAN) -MF $@.d -MT $@

$(O)/fuzz/user/%.o: user/%.c | $(O)/libraries $(SKELS) $(O)/gen/page_head.h $(O)/gen/page_code.h
	$(call msg,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -c $< -o $@

$(FUZZ_LIB): $(FUZZ_USER)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ_BINS): $(O)/fuzz/%: tests/fuzz/%.c $(FUZZ_LIB)
	$(call msg,FUZZ,$@)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) $(WARN) -fsanitize=fuzzer,address,undefined -o $@ $< $(FUZZ_LIB) $(LIBS)

fuzz: $(FUZZ_BINS) ## each parser on hostile input (FUZZ_SECONDS=300 each, two at once)
	$(Q)O=$(abspath $(O)) tests/fuzz/run -s $(FUZZ_SECONDS) -j 2 $(patsubst $(O)/fuzz/fuzz_%,%,$(FUZZ_BINS))

check-fuzz: $(FUZZ_BINS) ## the same for a few seconds each (no root)
	$(Q)$(TEST_RUN) $(FUZZ_TESTS)

.PHONY: fuzz check-fuzz
