#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
#
# discover_podman.sh: real containers and a real pod, found without asking podman. Their storage is a folder of
# this test, their image busybox; the cgroup mounts are ours too, so that a machine with v1 hierarchies serves.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root

for program in podman crun conmon jq bpftool; do
	command -v $program >/dev/null || skip_all "no $program"
done
busybox=$(command -v busybox) || skip_all "no busybox"
! ldd "$busybox" >/dev/null 2>&1 || skip_all "$busybox is not static (package busybox-static)"
grep -q ' - cgroup2 ' /proc/self/mountinfo || skip_all "no v2 cgroup hierarchy"
v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)

tmp=$(mktemp -d)
parent=chaos-disc$$ holder=''

cleanup()
{
	[ -z "$holder" ] || inside 'podman_ pod rm -fa -t 0; podman_ rm -fa -t 0' >/dev/null 2>&1
	[ -z "$holder" ] || kill -9 "$holder"
	find "$v2/$parent" -depth -type d -exec rmdir {} \; 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# Stands before crun: takes out what a machine without CAP_SYS_RESOURCE refuses (limits, resources), and the device
# filter that podman 4.3 puts on a pod's cgroup and that then hides /dev/null from its containers.
cat >"$tmp/runtime" <<'EOF'
#!/bin/bash
bundle=. create=''
args=("$@")
for ((i = 0; i < $#; i++)); do
	case ${args[i]} in
	create | run) create=1 ;;
	--bundle | -b) bundle=${args[i + 1]} ;;
	--bundle=*) bundle=${args[i]#*=} ;;
	esac
done
if [ "$create" ]; then
	config=$bundle/config.json
	above=/sys/fs/cgroup$(jq -r '.linux.cgroupsPath | sub("/[^/]*$"; "")' "$config")
	for id in $(bpftool -j cgroup show "$above" 2>/dev/null | jq -r '.[].id'); do
		bpftool cgroup detach "$above" device id "$id"
	done
	jq 'del(.process.rlimits, .process.oomScoreAdj, .linux.resources)' "$config" >"$config.new" &&
		cat "$config.new" >"$config"
	rm -f "$config.new"
fi
exec crun "$@"
EOF
chmod +x "$tmp/runtime"

# One mount namespace for all of it, with the v2 hierarchy alone: containers' root file systems are mounted there.
unshare -m --propagation private bash -c '
	umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && echo yes >"$1/ready"
	exec sleep 300' _ "$tmp" </dev/null >/dev/null 2>&1 &
holder=$!
disown
wait_until 10 grep -q yes "$tmp/ready" || skip_all "the v2 cgroup hierarchy cannot be mounted"

# inside SCRIPT: there, with a podman_ that is ours.
inside()
{
	TMP=$tmp nsenter --mount="/proc/$holder/ns/mnt" bash -c '
		podman_()
		{
			podman --root "$TMP/store" --runroot "$TMP/run" --tmpdir "$TMP/libpod" --cgroup-manager=cgroupfs \
				--events-backend=none --runtime "$TMP/runtime" "$@"
		}
		'"$1"
}

mkdir -p "$tmp/rootfs/bin"
cp "$busybox" "$tmp/rootfs/bin/busybox"
for applet in sh sleep nc cat; do
	ln -s busybox "$tmp/rootfs/bin/$applet"
done
tar -C "$tmp/rootfs" -cf "$tmp/image.tar" .
out=$(inside 'podman_ import -q "$TMP/image.tar" localhost/bb' 2>&1) || skip_all "podman import: ${out##*$'\n'}"
out=$(inside "podman_ run --rm --network none --cgroup-parent /$parent localhost/bb cat /proc/self/cgroup" 2>&1) ||
	skip_all "no container runs here: ${out##*$'\n'}"

run="run -d --network none --cgroup-parent /$parent"
check "a container" inside "podman_ $run --name one$$ localhost/bb nc -l -p 7001"
check "another" inside "podman_ $run --name two$$ localhost/bb sh -c 'sleep 100 & sleep 200; true'"
check "a pod" inside "podman_ pod create --name pod$$ --cgroup-parent /$parent --network none \
	--infra-image localhost/bb --infra-command '/bin/sleep 300'"
check "a container in it" inside "podman_ run -d --pod pod$$ --name in$$ localhost/bb sleep 400"
one=$(inside "podman_ inspect -f '{{.Id}} {{.State.Pid}}' one$$")
in=$(inside "podman_ inspect -f '{{.State.Pid}}' in$$")
infra=$(inside "podman_ pod inspect pod$$" | jq -r .InfraContainerID)
pod=$(inside "podman_ pod inspect pod$$" | jq -r .Id)

json()
{
	"$CHAOS" targets --json "$@"
}
found()
{
	json "$1" | jq -r '[.namespaces[].groups[].processes[].pid] | sort | join(" ")'
}

is "by name" "${one#* }" "$(found "container:one$$")"
is "by the beginning of its id" "${one#* }" "$(found "container:${one:0:12}")"
is "what is known of it" '["podman","one'$$'"]' \
	"$(json "container:one$$" | jq -c '.namespaces[0].groups[0].container | [.runtime, .name]')"
listens()
{
	json "container:one$$" | jq -e '.namespaces[0].groups[0].processes[0].listens == ["tcp:7001"]'
}
check "its port" wait_until 10 listens
forked()
{
	[ "$(found "container:two$$" | wc -w)" = 3 ]
}
check "all processes of a container" wait_until 10 forked
is "a pod's containers can be told apart" "$in" "$(found "container:in$$")"
is "a pod by name" 2 "$(found "pod:pod$$" | wc -w)"
is "a pod by its id" "$(found "pod:pod$$")" "$(found "pod:${pod:0:12}")"
is "which of them holds the namespaces" "$infra" \
	"$(json "pod:pod$$" | jq -r '.namespaces[0].groups[].container | select(.infra) | .id')"
is "a pod has one network namespace, its conmon is not in it" 1 "$(json "pod:pod$$" | jq '.namespaces | length')"
like "the tree" "container:one$$ podman" "$("$CHAOS" targets)"
like "the tree has the pod" "pod:pod$$ container:in$$ podman" "$("$CHAOS" targets)"
out=$("$CHAOS" targets "container:onee$$" 2>&1)
like "a name that nearly is" "did you mean .one$$." "$out"

before=$(found "container:one$$")
check "podman restarts it" inside "podman_ restart -t 0 one$$"
again()
{
	local now

	now=$(found "container:one$$") && [ -n "$now" ] && [ "$now" != "$before" ]
}
check "after a restart it is found with its new process" wait_until 10 again
check "and ends" inside "podman_ rm -f -t 0 one$$"
"$CHAOS" targets "container:one$$" >/dev/null 2>&1
is "what is gone is not found" 2 $?
finish
