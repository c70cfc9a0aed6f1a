# SPDX-License-Identifier: GPL-2.0-only
#
# A real cluster: tests/kube/suite.sh starts it once for all scripts. The first time Kubernetes is compiled, some minutes.

KUBE_TESTS := tests/kube/suite.sh
KUBE_SMOKE := tests/kube/smoke.sh
KUBE_TOOLS := $(O)/tests/netns/netio

check-kube: $(O)/chaos $(KUBE_TOOLS) ## the agents on a real cluster of two nodes, built from Debian's source package
	$(Q)$(TEST_RUN) $(KUBE_TESTS)

.PHONY: check-kube
