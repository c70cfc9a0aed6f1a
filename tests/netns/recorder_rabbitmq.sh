#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
# timed
#
# A queue of a real RabbitMQ, classic and quorum.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || skip_all "rabbitmq-server is not installed"
rec_needs erl

cat >"$tmp/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:5672
log.console = true
log.file = false
END
echo '[].' >"$tmp/plugins"
up()
{
	# exec: its pid is Erlang's. No distribution, which would need a port mapper.
	server rabbit env HOME="$tmp" ERL_CRASH_DUMP="$tmp/crash" \
		RABBITMQ_NODENAME="rabbit@localhost" RABBITMQ_MNESIA_BASE="$tmp/mnesia" \
		RABBITMQ_LOG_BASE="$tmp" RABBITMQ_LOGS=- RABBITMQ_CONFIG_FILE="$tmp/rabbitmq.conf" \
		RABBITMQ_ENABLED_PLUGINS_FILE="$tmp/plugins" RABBITMQ_PID_FILE="$tmp/pid" \
		RABBITMQ_CONF_ENV_FILE=/dev/null ERL_EPMD_ADDRESS=127.0.0.1 \
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-setcookie rec +S 2:1" /usr/lib/rabbitmq/bin/rabbitmq-server
	wait_until 90 answers || return 1
	# The shell around it does not end with it.
	server=$(cat "$tmp/pid")
	servers+=("$server")
}
answers()
{
	inside bash -c 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/5672' && [ -s "$tmp/pid" ]
}
# A quorum queue is declared before its Raft member's name is on disk: that is in a DETS table, which is written up to
# seconds later (rabbitmq/ra#443). Killed before, RabbitMQ starts an empty member of the same name, which never elects
# a leader (rabbitmq/rabbitmq-server#15725).
may_be_killed()
{
	grep -q '%2F_set' "$tmp/mnesia/rabbit@localhost/quorum/rabbit@localhost/names.dets"
}
killed_and_back rabbitmq 5672 up -k queue -q quorum
check "the accounts of a quorum queue are right" queue_accounts "$killed"
rec_up -w rabbitmq,5672,127.0.0.1,127.0.0.1 -k queue -c 2 -r 100
is "clients of a classic queue start" 0 $?
check "operations succeed" wait_until 10 more_ok_than 100
check "final reads agree" rec_say final '^final 0$' 15
rec_down
is "orderly end" 0 $?
check "its accounts are right" queue_accounts
is "nothing failed" 0 "$(rec '[.[] | select(.type == "op" and .outcome != "ok" and .invoke_ns != null)] | length')"
finish
