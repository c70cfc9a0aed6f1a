# SPDX-License-Identifier: GPL-2.0-only
#
# What is tested, from the bottom up. tests/run runs it all and adds up.
#
#   tests/unit/ROOM/test_*.c     links only ROOM and the rooms that it may use; no root
#   tests/fuzz/fuzz_*.c          every parser of outside data on hostile input; no root
#   tests/bpf/test_*.c           the BPF programs on crafted packets (BPF_PROG_TEST_RUN); root
#   tests/netns/*.sh             in network namespaces: data path, placement, lab, command line; root
#   tests/safety/*.sh            nothing is left behind, whatever happens; root
#   tests/vm/matrix.sh           the same programs and every fault on five kernels (qemu); root
#   tests/experiments/*.sh       the shipped experiments have their documented outcomes; root
#   tests/kube/*.sh              the agents on a real Kubernetes of two nodes; root
#
# Everything in C is tested under ASan and UBSan.

UNIT_SRCS   := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS   := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRCS))
UNIT_SAN    := -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all
UNIT_CFLAGS  = $(ALL_CFLAGS) $(UNIT_SAN) -Itests -MF $@.d -MT $@
unit_lib     = $(O)/unit/lib$(1).a

# The rooms again, sanitized.
$(O)/unit/user/%.o: user/%.c | $(O)/libraries
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(UNIT_SAN) -c $< -o $@

unit_objs    = $(patsubst user/%.c,$(O)/unit/user/%.o,$(call srcs,$(1)))
$(call unit_objs,datapath): | $(SKELS)
$(call unit_objs,report): | $(PAGE)

define unit_room
$(call unit_lib,$(1)): $(call unit_objs,$(1))
	@mkdir -p $$(@D)
	$(Q)rm -f $$@ && ar rcs $$@ $$^
$(patsubst tests/unit/%.c,$(O)/unit/%,$(wildcard tests/unit/$(1)/test_*.c)): $(O)/unit/%: tests/unit/%.c $(foreach d,$(1) $(DEPS_$(1)),$(call unit_lib,$(d)))
	$$(call msg,TEST,$$@)
	@mkdir -p $$(@D)
	$(Q)$(CC) $$(UNIT_CFLAGS) -o $$@ $$< $(foreach d,$(1) $(DEPS_$(1)),$(call unit_lib,$(d))) -lcmocka $(LIBS)
endef
$(foreach r,$(ROOMS),$(eval $(call unit_room,$(r))))

# Programs on crafted packets: each test file, and the files beside it that are no tests.
BPF_TEST_SRCS := $(wildcard tests/bpf/test_*.c)
BPF_TEST_BINS := $(patsubst tests/bpf/%.c,$(O)/tests/bpf/%,$(BPF_TEST_SRCS))
BPF_TEST_AIDS := $(filter-out $(BPF_TEST_SRCS),$(wildcard tests/bpf/*.c))

$(O)/tests/bpf/%: tests/bpf/%.c $(BPF_TEST_AIDS) $(call unit_lib,datapath) $(call unit_lib,lib) | $(SKELS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -Ibpf -o $@ $< $(BPF_TEST_AIDS) $(call unit_lib,datapath) $(call unit_lib,lib) -lcmocka $(LIBS)

# Programs that scripts in tests/netns need: NETNS_TOOLS.
include tests/netns/datapath.mk
include tests/netns/kube.mk
include tests/netns/lab.mk
include tests/netns/line.mk
include tests/netns/recorder.mk

# What measures.
include tests/tools/meter.mk
include tests/bench/bench.mk

# What fuzzes.
include tests/fuzz/fuzz.mk

UNIT_TESTS	 := $(UNIT_BINS) $(sort $(wildcard tests/unit/*/test_*.sh))
BPF_TESTS	 := $(BPF_TEST_BINS) $(wildcard tests/bpf/*.sh)
# Those with the longest limits begin first, so that none of them is left running by itself; those that run beside no
# other come last, so that the others wait for none of them.
in_order	  = $(if $(1),$(shell awk '/^. timeout:/ { t[FILENAME] = $$3 } /^. alone$$/ { last[FILENAME] = 1 } \
			END { for (i = 1; i < ARGC; i++) print last[ARGV[i]] + 0, t[ARGV[i]] + 0, ARGV[i] }' $(1) | \
			sort -k 1,1n -k 2,2nr -k 3 | cut -d ' ' -f 3))
NETNS_TESTS	 := $(call in_order,$(wildcard tests/netns/*.sh))
SAFETY_TESTS	 := $(sort $(wildcard tests/safety/test_*.sh))
EXPERIMENT_TESTS := $(call in_order,$(wildcard tests/experiments/test_*.sh))

include tests/vm/vm.mk
include tests/kube/kube.mk

# At a time: what only computes, as many as there are processors; scripts in namespaces, which mostly wait; experiments,
# which wait for elections that a busy machine can upset; one of what looks at the whole machine.
AT_ONCE	    := -j $(shell nproc)
WAITING	    := -j 4
ELECTING    := -j 3
ALONE	    := -j 1
TEST_RUN     = O=$(abspath $(O)) CHAOS=$(abspath $(O)/chaos) tests/run -l $(O)/test-logs

test: deps-test ## install, build, and run all of it (as root)
	$(Q)$(REMAKE) all $(UNIT_BINS) $(FUZZ_BINS) $(BPF_TEST_BINS) $(NETNS_TOOLS) $(METER)
	$(Q)tests/run --self-test > /dev/null || { tests/run --self-test; exit 1; }
	$(Q)$(TEST_RUN) $(AT_ONCE) $(UNIT_TESTS) $(FUZZ_TESTS) $(ALONE) $(BPF_TESTS) $(WAITING) $(NETNS_TESTS) \
		$(ALONE) $(SAFETY_TESTS) $(ELECTING) $(EXPERIMENT_TESTS) $(ALONE) $(KUBE_SMOKE) $(VM_TESTS)

unit: $(UNIT_BINS)

check: $(O)/chaos $(UNIT_BINS) ## unit tests (no root)
	$(Q)$(TEST_RUN) $(AT_ONCE) $(UNIT_TESTS)

check-long: $(O)/unit/check/test_exhaustive ## the checkers against every order of 200,000 histories each
	$(Q)CHAOS_CHECK_HISTORIES=200000 $<

check-bpf: $(BPF_TEST_BINS) ## the BPF programs on crafted packets (as root, like all below)
	$(Q)$(TEST_RUN) $(BPF_TESTS)

check-netns: $(O)/chaos $(NETNS_TOOLS) $(METER) ## data path, lab and command line in network namespaces
	$(Q)$(TEST_RUN) $(WAITING) $(NETNS_TESTS)

check-safety: $(O)/chaos ## kills at random instants (KILLS=200) and other ends leave no trace
	$(Q)$(TEST_RUN) $(SAFETY_TESTS)

check-experiments: $(O)/chaos ## the shipped experiments have their documented outcomes
	$(Q)$(TEST_RUN) $(ELECTING) $(EXPERIMENT_TESTS)

.PHONY: test unit check check-long check-bpf check-netns check-safety check-experiments
