#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 90
# timed
#
# A workload on a real ZooKeeper.
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/tools/rec.sh"
. "$(dirname "$0")/tools/stores.sh"
[ -f /usr/share/java/zookeeper.jar ] || skip_all "zookeeper is not installed"
rec_needs java

cat >"$tmp/zoo.cfg" <<END
tickTime=1000
dataDir=$tmp/zk
clientPort=2181
admin.enableServer=false
END
up()
{
	server zk java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp /usr/share/java/zookeeper.jar \
		org.apache.zookeeper.server.quorum.QuorumPeerMain "$tmp/zoo.cfg"
	wait_until 30 answers
}
answers()
{
	inside bash -c 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/2181'
}
killed_and_back zookeeper 2181 up -R 0.1
check "attempted = ok + fail + unknown; what was acknowledged is there" accounts
check "what failed is not" fails_are_absent
finish
