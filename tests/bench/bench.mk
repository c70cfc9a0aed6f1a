# SPDX-License-Identifier: GPL-2.0-only
#
# make bench: what the data path costs, against its peers in the same run. tests/bench/run prints
# tables; tables and samples stay in $(O)/bench. ROUNDS=N for more or fewer of them.

comma	     := ,
BENCH_TOOLS  := $(patsubst %,$(O)/bench/%,cost blast inject talk arm hook owners whose)
BENCH_LIBS   := $(foreach r,datapath $(DEPS_datapath),$(call lib,$(r)))
BENCH_CFLAGS  = $(ALL_CFLAGS) -Ibpf -Itests/bpf -Itests/bench -I$(O)/bench -MF $@.d -MT $@
BENCH_AIDS_cost := tests/bpf/harness.c tests/bpf/frame.c
BENCH_AIDS_blast := tests/bench/lane.c
BENCH_AIDS_inject := tests/bench/lane.c
BENCH_LDFLAGS_arm := $(patsubst %,-Wl$(comma)--wrap=%,compile bpf_object__open_skeleton \
	bpf_object__load_skeleton tables__update dataplane__attach_all)

$(O)/bench/driver.bpf.o: tests/bench/driver.bpf.c
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(patsubst %,-I%,$(wildcard /usr/include/$(HOST_ARCH)-linux-gnu)) -MF $@.d -MT $@ -c $< -o $@

$(O)/bench/driver.skel.h: $(O)/bench/driver.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name driver_bpf > $@.tmp && mv $@.tmp $@

$(BENCH_TOOLS): $(O)/bench/%: tests/bench/%.c tests/bench/lane.c tests/bpf/harness.c tests/bpf/frame.c $(BENCH_LIBS) | $(SKELS) $(O)/bench/driver.skel.h
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $< $(BENCH_AIDS_$*) $(BENCH_LDFLAGS_$*) $(BENCH_LIBS) -lcmocka $(LIBS)

$(O)/bench/check_history: tests/bench/check_history.c $(call lib,check) $(call lib,lib)
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $< $(call lib,check) $(call lib,lib) $(LIBS)

bench-check: $(O)/bench/check_history ## what checking a history of a million operations costs
	$(Q)$<

$(O)/bench/pace: tests/bench/pace.c
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $<

bench-recorder: $(O)/chaos $(O)/bench/pace ## what recording costs at 100,000 packets and 5,000 operations a second (as root)
	$(Q)O=$(abspath $(O)) tests/bench/recorder
	$(Q)O=$(abspath $(O)) tests/bench/recorder 100000 20 5000

bench-tools: $(BENCH_TOOLS) $(O)/bench/pace $(O)/chaos

bench: deps-test ## ratios of cost against nftables, iptables, ipset, tc (as root, minutes)
	$(Q).ci/install bench
	$(Q)$(REMAKE) bench-tools
	$(Q)O=$(abspath $(O)) tests/bench/run
	$(Q)$(REMAKE) $(VM_NEEDS)
	$(Q)O=$(abspath $(O)) tests/bench/netem

.PHONY: bench bench-tools bench-check bench-recorder
