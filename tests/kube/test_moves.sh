#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 240
#
# test_moves.sh: pods that come during a fault are under it: of a Deployment that is scaled up, of one that is restarted, and of one
# that moves to the other node; the one that is gone is not waited for.
# shellcheck source=tests/kube/lib.sh disable=SC2016
. "$(dirname "$0")/lib.sh"

{ pod b n2; } | kn apply -f - >/dev/null
kn apply -f - >/dev/null <<END
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {kubernetes.io/hostname: n1}
      terminationGracePeriodSeconds: 0
      containers:
        - {name: c, image: "$base_image", imagePullPolicy: Never, command: [/bin/sleep, "100000"]}
END
# web_pods: those that run, by name.
web_pods()
{
	kn get pods -l app=web -o json |
		jq -r '.items[] | select(.metadata.deletionTimestamp == null and .status.podIP and .status.phase == "Running") | .metadata.name'
}
web_are()
{
	[ "$(web_pods | wc -l)" = "$1" ]
}
all_cut()
{
	local p

	for p in $(web_pods); do
		know "$p" && cut_way "$p" b && cut_way b "$p" || return
	done
}
pods_run b
check "and web" wait_until 60 web_are 1
first=$(web_pods)
{
	experiment moving 120s
	cat <<-END
	  endpoints:
	    web: {pods: {labels: {app: web}}}
	    b: {pods: {name: b}}
	  faults:
	    - {name: cut, at: 1s, for: 110s, partition: {halves: [web, b]}}
	END
} | kn apply -f - >/dev/null
check "web is cut from b" wait_until 30 all_cut
kn scale deployment web --replicas=3 >/dev/null
check "scaled to three" wait_until 60 web_are 3
check "all three are cut" wait_until 20 all_cut
kn delete pod "$first" --wait=false >/dev/null
check "one is made anew" wait_until 60 eval 'web_are 3 && ! web_pods | grep -qx "$first"'
check "it is cut too" wait_until 20 all_cut
kn patch deployment web -p '{"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "n2"}}}}}' >/dev/null
on_n2()
{
	web_are 3 && [ "$(kn get pods -l app=web --field-selector spec.nodeName=n2 -o name | wc -l)" = 3 ]
}
check "all move to the other node" wait_until 90 on_n2
check "and are cut there" wait_until 20 all_cut
kn annotate experiment moving netchaos.dev/stop=true >/dev/null
all_open()
{
	local p

	for p in $(web_pods); do
		know "$p" && open_way "$p" b || return
	done
}
check "stopped by annotation: open" wait_until 20 all_open
check "and Stopped" wait_phase experiment/moving Stopped
finish
