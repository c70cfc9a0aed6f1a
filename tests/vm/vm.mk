# SPDX-License-Identifier: GPL-2.0-only
#
# For tests/vm: what runs in a machine there is what `make test` builds. Kernels stay in $(O)/vm.

VM_TESTS    := tests/vm/matrix.sh
VM_NEEDS    := $(O)/chaos $(METER) $(BPF_TEST_BINS) $(NETNS_TOOLS)

check-vm: $(VM_NEEDS) ## every fault on Linux 5.10, 6.1, 6.12, 7.2 in qemu, and here (KERNELS="6.1 host")
	$(Q)$(TEST_RUN) $(VM_TESTS)

netem: $(VM_NEEDS) ## netem's faults by the same measure, in qemu (KERNEL=6.12)
	$(Q)O=$(abspath $(O)) tests/vm/run $(or $(KERNEL),6.12) tests/vm/netem.sh

.PHONY: check-vm netem
