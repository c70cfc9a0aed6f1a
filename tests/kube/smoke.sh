#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 1800
# alone
# timed
#
# smoke.sh: of suite.sh what is in every `make test`: the cluster comes up, the agents are deployed, a partition cuts.
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/suite.sh" "$here/test_partition.sh"
