# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
#
# podman.sh: containers for tests. Their storage is a folder of the test, their image busybox; the cgroup mounts are
# ours too, so that a machine with v1 hierarchies serves. Source it behind tap.sh: it skips the test where there can be
# no containers, and cleans up on exit, after podman_cleanup() if there is one.
# shellcheck disable=SC2016
for program in podman crun conmon jq bpftool; do
	command -v $program >/dev/null || skip_all "no $program"
done
busybox=$(command -v busybox) || skip_all "no busybox"
! ldd "$busybox" >/dev/null 2>&1 || skip_all "$busybox is not static (package busybox-static)"
grep -q ' - cgroup2 ' /proc/self/mountinfo || skip_all "no v2 cgroup hierarchy"
v2=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)

tmp=$(mktemp -d)
parent=chaos-pod$$ holder=''

emptied()
{
	grep -q '^populated 0' "$v2/$parent/cgroup.events"
}

cleanup()
{
	! declare -F podman_cleanup >/dev/null || podman_cleanup
	[ -z "$holder" ] || inside 'podman_ pod rm -fa -t 0; podman_ rm -fa -t 0' >/dev/null 2>&1
	[ -z "$holder" ] || kill -9 "$holder" 2>/dev/null
	# A signal to all of the test's group has ended the holder first, and podman could not be asked.
	[ ! -d "$v2/$parent" ] || find "$v2/$parent" -name cgroup.procs -exec cat {} + |
		while read -r pid; do
			kill -9 "$pid" 2>/dev/null
		done
	[ ! -d "$v2/$parent" ] || wait_until 5 emptied
	find "$v2/$parent" -depth -type d -exec rmdir {} \; 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

# Stands before crun: takes out what a machine without CAP_SYS_RESOURCE refuses (limits, resources), and the device
# filter that podman 4.3 puts on a pod's cgroup and that then hides /dev/null from its containers.
cat >"$tmp/runtime" <<'EOF'
#!/bin/bash
bundle=. create='' process=''
args=("$@")
for ((i = 0; i < $#; i++)); do
	case ${args[i]} in
	create | run) create=1 ;;
	--bundle | -b) bundle=${args[i + 1]} ;;
	--bundle=*) bundle=${args[i]#*=} ;;
	--process | -p) process=${args[i + 1]} ;;
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
if [ "$process" ]; then
	jq 'del(.rlimits, .oomScoreAdj)' "$process" >"$process.new" && cat "$process.new" >"$process"
	rm -f "$process.new"
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
