#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 300
#
# discover_podman.sh: real containers and a real pod, found without asking podman.
# shellcheck source=../lib/tap.sh disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
need_root

# shellcheck source=tests/netns/tools/podman.sh
. "$(dirname "$0")/tools/podman.sh"

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
