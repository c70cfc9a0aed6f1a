#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# timed
#
# A workload on a real MariaDB.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
rec_needs setpriv mariadbd mariadb-install-db

chmod 711 "$tmp"
mkdir "$tmp/db" && chown mysql "$tmp/db"
as_user mysql
"${as[@]}" mariadb-install-db --no-defaults --datadir="$tmp/db" --auth-root-authentication-method=normal \
	--innodb-log-file-size=8M >"$tmp/install.log" 2>&1
up()
{
	server db "${as[@]}" mariadbd --no-defaults --datadir="$tmp/db" --socket="$tmp/db/socket" \
		--pid-file="$tmp/db/pid" --bind-address=127.0.0.1 --skip-name-resolve --skip-grant-tables \
		--innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=32M --innodb-log-file-size=8M
	wait_until 30 answers
}
answers()
{
	inside bash -c 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/3306'
}
killed_and_back mysql 3306 up -R 0.1
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent
finish
