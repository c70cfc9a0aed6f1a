#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# timed
#
# A workload on a real PostgreSQL.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
bin=/usr/lib/postgresql/15/bin
[ -x $bin/postgres ] || skip_all "postgresql-15 is not installed"
rec_needs setpriv

data=$tmp/pg
chmod 711 "$tmp"
mkdir "$data" && chown postgres "$data"
as_user postgres
"${as[@]}" "$bin/initdb" -D "$data" -U postgres --no-sync --locale=C -E UTF8 -A trust >"$tmp/initdb.log" 2>&1
cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = 16MB
fsync = off
END
up()
{
	# What a killed one left is in use until its last child has ended.
	for _ in $(seq 50); do
		server pg "${as[@]}" "$bin/postgres" -D "$data"
		wait_until 10 answers_or_ended && inside "$bin/pg_isready" -q -h 127.0.0.1 && return
		sleep 0.2
	done
	return 1
}
answers_or_ended()
{
	inside "$bin/pg_isready" -q -h 127.0.0.1 || ! kill -0 "$server" 2>/dev/null
}
killed_and_back postgres 5432 up -R 0.1
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent
finish
