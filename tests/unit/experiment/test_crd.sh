#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# test_crd.sh: the CRD of Experiments and the parser agree; see tests/tools/crd_check.py.
root=$(cd "$(dirname "$0")/../../.." && pwd)

python3 -c 'import yaml' 2>/dev/null || {
	echo "1..0 # SKIP no python3-yaml"
	exit 0
}
exec "$root/tests/tools/crd_check.py"
