#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# timeout: 180
#
# test_workflow.sh: a Workflow of Chaos Mesh, one after the other; and a Schedule, which makes a NetworkChaos each time it
# is due and keeps as many as its historyLimit says.
# shellcheck source=tests/kube/lib.sh disable=SC2016,SC2034
. "$(dirname "$0")/lib.sh"

start_pods a:n1 b:n2
kn apply -f - >/dev/null <<END
apiVersion: chaos-mesh.org/v1alpha1
kind: Workflow
metadata: {name: flow}
spec:
  entry: all
  templates:
    - {name: all, templateType: Serial, deadline: 60s, children: [slow, pause, cut]}
    - name: slow
      templateType: NetworkChaos
      deadline: 10s
      networkChaos:
        action: delay
        mode: all
        selector: {namespaces: [$ns], labelSelectors: {name: a}}
        delay: {latency: 200ms}
    - {name: pause, templateType: Suspend, deadline: 3s}
    - name: cut
      templateType: NetworkChaos
      deadline: 10s
      networkChaos:
        action: partition
        mode: all
        direction: both
        selector: {namespaces: [$ns], labelSelectors: {name: a}}
        target: {mode: all, selector: {namespaces: [$ns], labelSelectors: {name: b}}}
END
check "first slow" wait_until 30 slow a b 200
check "then cut" wait_until 30 cut_way a b
check "then open" wait_until 30 open_way a b
check "Finished" wait_phase workflow/flow Finished

kn apply -f - >/dev/null <<END
apiVersion: chaos-mesh.org/v1alpha1
kind: Schedule
metadata: {name: often}
spec:
  schedule: "@every 12s"
  type: NetworkChaos
  historyLimit: 1
  concurrencyPolicy: Forbid
  networkChaos:
    action: partition
    mode: all
    direction: both
    duration: 6s
    selector: {namespaces: [$ns], labelSelectors: {name: a}}
    target: {mode: all, selector: {namespaces: [$ns], labelSelectors: {name: b}}}
END
names()
{
	kn get networkchaos -o name
}
check "the Schedule: cut" wait_until 40 cut_way a b
first=$(names)
check "open between two" wait_until 30 open_way a b
check "cut again" wait_until 40 cut_way a b
check "another one" eval '[ -n "$first" ] && [ "$(names)" != "$first" ]'
kn delete schedule often --wait=false >/dev/null
check "deleted: what it made goes with it, open" wait_until 60 eval '[ -z "$(names)" ] && open_way a b'
finish
