#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 120
#
# kube_quickstart.sh: the quick start's etcd without a cluster: three servers begin with the files that its ConfigMap has for
# them, and what its Job runs, no shell between, makes etcd-0 their leader.
# shellcheck source=tests/safety/lib.sh
. "$(dirname "$0")/../safety/lib.sh"
for p in etcd etcdctl; do
	command -v $p >/dev/null || skip_all "no $p; make deps-test"
done
python3 -c 'import yaml' 2>/dev/null || skip_all "no python3-yaml"
private_host "$@"

quick=$tap_root/chaos/k8s/quickstart/etcd.yaml
# Files as the pods see them, and the Job's environment and command line, a word a line.
command=$(python3 - "$quick" "$work" <<'END'
import sys, yaml
quick, work = sys.argv[1:]
docs = {d["kind"]: d for d in yaml.safe_load_all(open(quick))}
for name, text in docs["ConfigMap"]["data"].items():
    with open(f"{work}/{name}", "w") as f:
        f.write(text.replace("data-dir: /data", f"data-dir: {work}/{name}.data"))
job = docs["Job"]["spec"]["template"]["spec"]["containers"][0]
with open(f"{work}/job", "w") as f:
    f.write("\n".join([f"{e['name']}={e['value']}" for e in job["env"]] + job["command"]) + "\n")
print(*docs["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]["command"])
END
)
# shellcheck disable=SC2016
is "each server reads the file of its name" 'etcd --config-file=/etc/etcd/$(NAME).yaml' "$command"
: >"$work/hosts"
mount --bind "$work/hosts" /etc/hosts
ip link add br0 type bridge
ip link set br0 up
ip addr add 10.0.0.254/24 dev br0
for i in 0 1 2; do
	ip netns add etcd-$i
	ip link add eth$i type veth peer name eth0 netns etcd-$i
	ip link set eth$i master br0 up
	ip -n etcd-$i addr add 10.0.0.1$i/24 dev eth0
	ip -n etcd-$i link set eth0 up
	ip -n etcd-$i link set lo up
done

# The Job is there before the servers, and before their names.
mapfile -t job <"$work/job"
env "${job[@]}" >"$work/job.log" 2>&1 &
first=$!
for i in 0 1 2; do
	echo "10.0.0.1$i etcd-$i.etcd" >>"$work/hosts"
	ip netns exec etcd-$i etcd --config-file="$work/etcd-$i.yaml" >"$work/etcd-$i.log" 2>&1 &
done
wait $first
diag "its first attempt: exit status $?, $(tail -n 1 "$work/job.log")"
check "what the Job runs succeeds, the first time or again" wait_until 30 env "${job[@]}"
leader()
{
	etcdctl --endpoints=10.0.0.10:2379,10.0.0.11:2379,10.0.0.12:2379 -w fields endpoint status |
		awk '/"MemberID"/ { id = $3 } /"Leader"/ && $3 == id { n++ } /"Endpoint"/ && n { print $3; exit }'
}
gateway()
{
	curl -s -m 5 -d '{}' "http://10.0.0.1$1:2379/v3/maintenance/status" | jq -r '.header.member_id // empty'
}
for i in 0 1 2; do
	like "etcd-$i says by its JSON gateway who leads" '^[0-9]+$' "$(gateway $i)"
done
is "etcd-0 leads" '"10.0.0.10:2379"' "$(ETCDCTL_API=3 leader)"
finish
