// SPDX-License-Identifier: GPL-2.0-only
/* Every kind of mistake in the YAML, the lab, the endpoints and the faults of an experiment; how findings are told. */
#include "errors.h"

/* clang-format off */
static const struct mistake cases[] = {
	{"",
	 "f.yaml:1:1: the file is empty; expected an experiment"},
	{"a: [1,\n"
	 "b: 2\n",
	 "f.yaml:2:1: this is no YAML 1.2 or JSON: wrongly indented flow sequence"},
	{"a: 1\n"
	 "---\n"
	 "b: 2\n",
	 "f.yaml:3:1: a second document; expected one in a file, or manifests of Chaos Mesh"},
	{"a: *x\n",
	 "f.yaml:1:5: alias `*x` without an anchor `&x` before it"},
	{"a: \377\n",
	 "f.yaml:1:4: byte 0xff is no UTF-8 text"},
	{"a: \"\\0\"\n",
	 "f.yaml:1:5: an escape gives a NUL byte or no Unicode"},
	{"\001\n",
	 "f.yaml:1:1: byte 0x01 is no UTF-8 text"},
	{"- 1\n",
	 "f.yaml:1:1: found a list; expected an experiment: apiVersion, kind, metadata, spec"},
	{"just text\n",
	 "f.yaml:1:1: found `just text`; expected an experiment: apiVersion, kind, metadata, spec"},
	{"[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
	 "f.yaml:1:25: nested deeper than 24 levels"},
	{"kind: Experiment\n"
	 "metadata: {nam: t}\n"
	 "speck: {}\n",
	 "f.yaml:1:1: an experiment needs `apiVersion`\n"
	 "f.yaml:1:1: an experiment needs `spec`\n"
	 "f.yaml:2:12: unknown key `nam`; did you mean `name`?\n"
	 "f.yaml:3:1: unknown key `speck`; did you mean `spec`?"},
	{"apiVersion: netchaos.dev/v2\n"
	 "kind: Experiment\n"
	 "spec: {duration: 1s}\n",
	 "f.yaml:1:13: apiVersion `netchaos.dev/v2`; expected netchaos.dev/v1alpha1"},
	{"apiVersion: chaos-mesh.org/v1alpha1\n"
	 "kind: NetworkChaos\n"
	 "spec: {}\n",
	 "f.yaml:1:1: an object needs `metadata`\n"
	 "f.yaml:3:7: spec: a NetworkChaos needs `action`\n"
	 "f.yaml:3:7: spec: a NetworkChaos needs `selector`\n"
	 "f.yaml:3:7: spec: a NetworkChaos needs `mode`"},
	{"apiVersion: netchaos.dev/v1alpha1\n"
	 "kind: Experimnt\n"
	 "spec: {}\n",
	 "f.yaml:2:7: kind `Experimnt`; expected Experiment, or a manifest of Chaos Mesh"},
	{"? [a]\n"
	 ": b\n",
	 "f.yaml:1:3: a list as a key; expected text"},
	{"apiVersion: netchaos.dev/v1alpha1\n"
	 "kind: Experiment\n"
	 "metadata: {name: a/b}\n"
	 "spec: {duration: 1s}\n",
	 "f.yaml:3:18: `a/b` is no name; expected letters, digits, `-`, `_`, `.`, at most 63"},
	{HEAD "  seed: 1\n",
	 "f.yaml:5:3: spec needs `duration`"},
	{HEAD "  duration: 10\n",
	 "f.yaml:5:13: `10` is no duration; expected a number with ns us ms s m h, as in 100ms"},
	{HEAD "  duration: -1s\n",
	 "f.yaml:5:13: `-1s` is no duration; expected one that is not negative"},
	{HEAD "  duration: 0s\n",
	 "f.yaml:5:13: `0s` is no time span; expected more than 0"},
	{HEAD "  duration: 10 sec\n",
	 "f.yaml:5:13: `10 sec` is no duration; expected a number with ns us ms s m h, as in 100ms"},
	{HEAD "  duration: [1s]\n",
	 "f.yaml:5:13: a list is no duration; expected a number with ns us ms s m h, as in 100ms"},
	{HEAD "  duration: 9999999h\n",
	 "f.yaml:5:13: `9999999h` is too long; expected at most 292 years"},
	{HEAD "  duration: 1s\n"
	 "  seed: -1\n",
	 "f.yaml:6:9: `-1` is no whole number; expected 0 to 9223372036854775807"},
	{HEAD "  duration: 1s\n"
	 "  seed: 9223372036854775808\n",
	 "f.yaml:6:9: `9223372036854775808` is out of range; expected 0 to 9223372036854775807"},
	{HEAD "  duration: 1s\n"
	 "  duration: 2s\n",
	 "f.yaml:6:3: duplicate key `duration`; the first is at 5:3"},
	{HEAD "  duration: 1s\n"
	 "  fautls: []\n",
	 "f.yaml:6:3: unknown key `fautls`; did you mean `faults`?"},
	{HEAD "  duration: 1s\n"
	 "  zzzzzz: []\n",
	 "f.yaml:6:3: unknown key `zzzzzz`; expected seed, duration, allowHost, maxEndpoints, lab, endpoints, systems, faults, observe, guard, expect"},
	{HEAD "  duration: 1s\n"
	 "  allowHost: yes\n",
	 "f.yaml:6:14: `yes` is no truth value; expected true or false"},
	{HEAD "  duration: 1s\n"
	 "  maxEndpoints: 0\n",
	 "f.yaml:6:17: `0` is out of range; expected 1 to 1000000"},
	{HEAD "  duration: 1s\n"
	 "  maxEndpoints: many\n",
	 "f.yaml:6:17: `many` is no whole number; expected 1 to 1000000"},
	{HEAD "  duration: 1s\n"
	 "  faults: []\n",
	 "f.yaml:6:11: empty list; expected a list of faults"},
	{HEAD "  duration: 1s\n"
	 "  expect:\n",
	 "f.yaml:6:3: found nothing; expected a list of expectations"},
	{HEAD "  duration: 1s\n"
	 "  lab: {}\n",
	 "f.yaml:6:8: a lab needs `nodes`"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {}}\n",
	 "f.yaml:6:16: a lab without nodes; expected at least one"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: [n1]}\n",
	 "f.yaml:6:16: found a list; expected nodes by name"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {N1: {}}}\n",
	 "f.yaml:6:17: `N1` is no node name; expected a-z, 0-9 and `-`, at most 15, beginning with a letter or digit"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {a234567890123456: {}}}\n",
	 "f.yaml:6:17: `a234567890123456` is no node name; expected a-z, 0-9 and `-`, at most 15, beginning with a letter or digit"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {-a: {}}}\n",
	 "f.yaml:6:17: `-a` is no node name; expected a-z, 0-9 and `-`, at most 15, beginning with a letter or digit"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {all: {}}}\n",
	 "f.yaml:6:17: `all` is reserved; choose another name"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {rum: x}}}\n",
	 "f.yaml:6:22: unknown key `rum`; did you mean `run`?"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {files: {/etc/passwd: x}}}}\n",
	 "f.yaml:6:30: `/etc/passwd` is not inside the node's folder; expected a relative path without `..`"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {files: {../x: y}}}}\n",
	 "f.yaml:6:30: `../x` is not inside the node's folder; expected a relative path without `..`"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {files: {a//b: y}}}}\n",
	 "f.yaml:6:30: `a//b` is not inside the node's folder; expected a relative path without `..`"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {files: {a: [y]}}}}\n",
	 "f.yaml:6:33: found a list; expected the file's text"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {files: {a: '${ipp}'}}}}\n",
	 "f.yaml:6:33: unknown `${ipp}`; `$${` gives a `${`; expected ip, ip6, node, dir, or NODE.ip, NODE.ip6 of a lab node"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {files: {a: '${n2.ip}'}}}}\n",
	 "f.yaml:6:33: unknown `${n2.ip}`; `$${` gives a `${`; expected ip, ip6, node, dir, or NODE.ip, NODE.ip6 of a lab node"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {run: '${ip'}}}\n",
	 "f.yaml:6:27: `${ip`: `${` without `}`; `$$` gives a `$`; expected ip, ip6, node, dir, or NODE.ip, NODE.ip6 of a lab node"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {run: []}}}\n",
	 "f.yaml:6:27: empty list; expected a command line or a list of them"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {run: [a, {b: c}]}}}\n",
	 "f.yaml:6:31: found a mapping; expected a command line"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {ready: {tcp: 0}}}}\n",
	 "f.yaml:6:35: `0` is out of range; expected 1 to 65535"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {ready: {within: 1s}}}}\n",
	 "f.yaml:6:29: 0 kinds of probe; expected one of tcp, http, command"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {ready: {tcp: 1, command: x}}}}\n",
	 "f.yaml:6:29: 2 kinds of probe; expected one of tcp, http, command"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {ready: {http: 'n1:80'}}}}\n",
	 "f.yaml:6:36: `n1:80` is no URL; expected one as http://${ip}:8080/health"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {ready: {tcp: 1, within: 0s}}}}\n",
	 "f.yaml:6:46: `0s` is no time span; expected more than 0"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {needs: [x]}}}\n",
	 "f.yaml:6:29: found a list; expected programs with their Debian packages"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {needs: {x: }}}}\n",
	 "f.yaml:6:30: found nothing; expected a Debian package"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {sh: 1}}}\n",
	 "f.yaml:6:26: `1` is no truth value; expected true or false"},
	{HEAD "  duration: 1s\n"
	 "  lab: {nodes: {n1: {}, n1: {}}}\n",
	 "f.yaml:6:25: duplicate key `n1`; the first is at 6:17"},
	{LAB "  endpoints: []\n",
	 "f.yaml:7:14: found a list; expected endpoints by name"},
	{LAB "  endpoints: {n1: {netns: x}}\n",
	 "f.yaml:7:15: `n1` is a lab node; choose another name"},
	{LAB "  endpoints: {all: {netns: x}}\n",
	 "f.yaml:7:15: `all` is reserved; choose another name"},
	{LAB "  endpoints: {'a b': {netns: x}}\n",
	 "f.yaml:7:15: `a b` is no name; expected letters, digits, `-`, `_`, `.`, at most 63"},
	{LAB "  endpoints: {a: {}}\n",
	 "f.yaml:7:18: a selector needs one of "
	 "netns, cidr, host, interface, process, cgroup, unit, container, pods"},
	{LAB "  endpoints: {a: n1}\n",
	 "f.yaml:7:18: found `n1`; expected a selector: netns, cidr, host, interface, process, cgroup, unit, container, pods, ports, proto, not, pick"},
	{LAB "  endpoints: {a: []}\n",
	 "f.yaml:7:18: empty list; expected a selector or a list of them"},
	{LAB "  endpoints: {a: {netns: x, cidr: 10.0.0.0/8}}\n",
	 "f.yaml:7:18: `netns` and `cidr` in one selector; expected one of them"},
	{LAB "  endpoints: {a: {cidr: 10.1.2.3/8}}\n",
	 "f.yaml:7:25: `10.1.2.3/8` has bits set past its prefix; the network is `10.0.0.0/8`"},
	{LAB "  endpoints: {a: {cidr: 10.0.0.0/33}}\n",
	 "f.yaml:7:25: `10.0.0.0/33` has no prefix length; expected /0 to /32"},
	{LAB "  endpoints: {a: {cidr: 10.0.0/8}}\n",
	 "f.yaml:7:25: `10.0.0/8` is no network; expected one as 10.0.0.0/8 or fd00::/8"},
	{LAB "  endpoints: {a: {cidr: 'fd00::1/64'}}\n",
	 "f.yaml:7:25: `fd00::1/64` has bits set past its prefix; the network is `fd00::/64`"},
	{LAB "  endpoints: {a: {cidr: 10.0.0.0/}}\n",
	 "f.yaml:7:25: `10.0.0.0/` has no prefix length; expected /0 to /32"},
	{LAB "  endpoints: {a: {host: 'a..b'}}\n",
	 "f.yaml:7:25: `a..b` is no host name; expected one as db.example.org"},
	{LAB "  endpoints: {a: {interface: abcdefghijklmnop}}\n",
	 "f.yaml:7:30: `abcdefghijklmnop` is no interface; expected one as eth0, at most 15 letters"},
	{LAB "  endpoints: {a: {interface: 'e/0', netns: n1}}\n",
	 "f.yaml:7:30: `e/0` is no interface; expected one as eth0, at most 15 letters"},
	{LAB "  endpoints: {a: {netns: ../x}}\n",
	 "f.yaml:7:26: `../x` is no network namespace; expected a name, a path or a pid"},
	{LAB "  endpoints: {a: {nets: x}}\n",
	 "f.yaml:7:19: unknown key `nets`; did you mean `netns`?"},
	{LAB "  endpoints: {a: {netns: n1, ports: 0}}\n",
	 "f.yaml:7:37: `0` is no port; expected 1 to 65535 or a range as 8000-8100"},
	{LAB "  endpoints: {a: {netns: n1, ports: [80, 90-80]}}\n",
	 "f.yaml:7:42: `90-80` is no port; expected 1 to 65535 or a range as 8000-8100"},
	{LAB "  endpoints: {a: {netns: n1, ports: []}}\n",
	 "f.yaml:7:37: empty list; expected a port, a range or a list of these"},
	{LAB "  endpoints: {a: {ports: 80}}\n",
	 "f.yaml:7:18: a selector needs one of "
	 "netns, cidr, host, interface, process, cgroup, unit, container, pods"},
	{LAB "  endpoints: {a: {netns: x}, a: {netns: y}}\n",
	 "f.yaml:7:30: duplicate key `a`; the first is at 7:15"},
	{LAB "  endpoints: {a: {netns: [x]}}\n",
	 "f.yaml:7:26: found a list; expected a network namespace: a name, a path or a pid"},
	{FAULT "  - {at: 1s, for: 1s}\n",
	 "f.yaml:8:5: a fault needs a part: partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu or ecn"},
	{FAULT "  - {at: 1s, for: 1s, form: n1, loss: {probability: 1%}}\n",
	 "f.yaml:8:23: unknown key `form`; did you mean `from`?"},
	{FAULT "  - {for: 1s, partition: {isolate: n1}}\n",
	 "f.yaml:8:5: a fault needs `at`"},
	{FAULT "  - {at: 10, partition: {isolate: n1}}\n",
	 "f.yaml:8:10: `10` is no duration; expected a number with ns us ms s m h, as in 100ms"},
	{FAULT "  - {at: -1s, partition: {isolate: n1}}\n",
	 "f.yaml:8:10: `-1s` is no duration; expected one that is not negative"},
	{FAULT "  - {at: 60s, partition: {isolate: n1}}\n",
	 "f.yaml:8:10: begins at 1m, the run ends at 1m"},
	{FAULT "  - {at: 50s, for: 11s, partition: {isolate: n1}}\n",
	 "f.yaml:8:20: ends at 61s, the run ends at 1m"},
	{FAULT "  - {at: 1s, for: 0s, partition: {isolate: n1}}\n",
	 "f.yaml:8:19: `0s` is no time span; expected more than 0"},
	{FAULT "  - {at: 1s, for: 5s, every: 4s, partition: {isolate: n1}}\n",
	 "f.yaml:8:30: occurrences overlap: every 4s, each for 5s"},
	{FAULT "  - {at: 1s, every: 4s, partition: {isolate: n1}}\n",
	 "f.yaml:8:21: `every` without `for`: how long is one occurrence?"},
	{FAULT "  - {at: 1s, for: 1s, times: 3, partition: {isolate: n1}}\n",
	 "f.yaml:8:30: `times` repeats nothing; expected `every` or `flap` too"},
	{FAULT "  - {at: 50s, for: 1s, every: 5s, times: 3, partition: {isolate: n1}}\n",
	 "f.yaml:8:42: only 2 of 3 occurrences begin before the run's end at 1m"},
	{FAULT "  - {at: 0s, for: 1us, every: 2us, partition: {isolate: n1}}\n",
	 "f.yaml:8:31: more than 100000 occurrences"},
	{FAULT "  - {at: 1s, flap: {down: 1s..2s, up: 1s}, every: 5s, for: 1s, partition: {isolate: n1}}\n",
	 "f.yaml:8:20: `every` and `flap` in one fault; expected one of them"},
	{FAULT "  - {at: 1s, flap: {down: 2s..1s, up: 1s}, partition: {isolate: n1}}\n",
	 "f.yaml:8:27: `2s..1s` is no duration; expected one or two in ascending order, as in 0.5s..2s"},
	{FAULT "  - {at: 1s, flap: {down: 0s..1s, up: 1s}, partition: {isolate: n1}}\n",
	 "f.yaml:8:27: `0s..1s` is out of range; expected 1ms to 1m"},
	{FAULT "  - {at: 1s, flap: {down: 1s}, partition: {isolate: n1}}\n",
	 "f.yaml:8:20: a flap needs `up`"},
	{FAULT "  - {at: 1s, flap: {down: 1..2, up: 1s}, partition: {isolate: n1}}\n",
	 "f.yaml:8:27: `1..2` is no duration; expected one or two in ascending order, as in 0.5s..2s"},
	{FAULT "  - {at: 1s, from: n1, loss: {probability: 0%}}\n",
	 "f.yaml:8:44: `0%` is out of range; expected more than 0% and at most 100%"},
	{FAULT "  - {at: 1s, from: n1, loss: {probability: 101%}}\n",
	 "f.yaml:8:44: `101%` is out of range; expected more than 0% and at most 100%"},
	{FAULT "  - {at: 1s, from: n1, loss: {probability: often}}\n",
	 "f.yaml:8:44: `often` is no probability; expected one as in 1% or 0.01, or 1%..5% in a ramp"},
	{FAULT "  - {at: 1s, from: n1, loss: {probability: -1%}}\n",
	 "f.yaml:8:44: `-1%` is no probability; expected one as in 1% or 0.01, or 1%..5% in a ramp"},
	{FAULT "  - {at: 1s, loss: {probability: 1%}}\n",
	 "f.yaml:8:5: between whom? expected `from`, `to` or both"},
	{FAULT "  - {at: 1s, from: n4, loss: {probability: 1%}}\n",
	 "f.yaml:8:20: unknown endpoint `n4`; expected n1, n2, n3"},
	{FAULT "  - {at: 1s, from: database, loss: {probability: 1%}}\n",
	 "f.yaml:8:20: unknown endpoint `database`; expected n1, n2, n3"},
	{FAULT "  - {at: 1s, from: [n1, n1], loss: {probability: 1%}}\n",
	 "f.yaml:8:25: `n1` stands twice in this list"},
	{FAULT "  - {at: 1s, from: [], loss: {probability: 1%}}\n",
	 "f.yaml:8:20: empty list; expected a name, a list of names or {random: N}"},
	{FAULT "  - {at: 1s, from: n1, to: n1, loss: {probability: 1%}}\n",
	 "f.yaml:8:28: `n1` to itself"},
	{FAULT "  - {at: 1s, from: n1, direction: forth, loss: {probability: 1%}}\n",
	 "f.yaml:8:35: `forth` is no direction; expected to, from or both"},
	{FAULT "  - {at: 1s, from: {random: 4}, loss: {probability: 1%}}\n",
	 "f.yaml:8:29: random: 4 of 3 endpoints that are left"},
	{FAULT "  - {at: 1s, from: {random: 0}, loss: {probability: 1%}}\n",
	 "f.yaml:8:29: `0` is out of range; expected 1 to 4096"},
	{FAULT "  - {at: 1s, from: {random: 1, of: [n9]}, loss: {probability: 1%}}\n",
	 "f.yaml:8:37: unknown endpoint `n9`; expected n1, n2, n3"},
	{FAULT "  - {at: 1s, from: {random: 1, off: [n1]}, loss: {probability: 1%}}\n",
	 "f.yaml:8:32: unknown key `off`; did you mean `of`?"},
	{FAULT "  - {at: 1s, from: {of: [n1]}, loss: {probability: 1%}}\n",
	 "f.yaml:8:20: a random set needs `random`"},
	{FAULT "  - {at: 1s, from: {random: 3}, to: {random: 1}, loss: {probability: 1%}}\n",
	 "f.yaml:8:46: random: 1 of 0 endpoints that are left"},
	{FAULT "  - {at: 1s, from: {random: 1, of: [n1, n1]}, loss: {probability: 1%}}\n",
	 "f.yaml:8:41: `n1` stands twice in this list"},
	{FAULT "  - {at: 1s, from: n1, partition: {isolate: n1}}\n",
	 "f.yaml:8:20: `from` beside a partition, which names its own sets"},
	{FAULT "  - {at: 1s, direction: both, partition: {isolate: n1}}\n",
	 "f.yaml:8:25: `direction` beside a partition, which names its own sets"},
	{FAULT "  - {at: 1s, partition: {isolate: n1}, loss: {probability: 1%}}\n",
	 "f.yaml:8:46: `loss` of what a partition drops already; expected a fault of its own"},
	{FAULT "  - {at: 1s, partition: {}}\n",
	 "f.yaml:8:25: a partition needs one of isolate, halves, groups, bridge, majorities_ring, simplex"},
	{FAULT "  - {at: 1s, partition: n1}\n",
	 "f.yaml:8:25: found `n1`; expected a partition: isolate, halves, groups, bridge, majorities_ring, simplex, of, l2"},
	{FAULT "  - {at: 1s, partition: {isolat: n1}}\n",
	 "f.yaml:8:26: unknown key `isolat`; did you mean `isolate`?"},
	{FAULT "  - {at: 1s, partition: {isolate: n1, bridge: n2}}\n",
	 "f.yaml:8:25: 2 forms of partition; expected one of isolate, halves, groups, bridge, majorities_ring, simplex"},
	{FAULT "  - {at: 1s, partition: {isolate: []}}\n",
	 "f.yaml:8:35: empty list; expected a name, a list of names or {random: N}"},
	{FAULT "  - {at: 1s, partition: {isolate: x}}\n",
	 "f.yaml:8:35: unknown endpoint `x`; expected n1, n2, n3"},
	{FAULT "  - {at: 1s, partition: {halves: [[n1]]}}\n",
	 "f.yaml:8:34: 1 sets; expected two"},
	{FAULT "  - {at: 1s, partition: {halves: [n1, n2, n3]}}\n",
	 "f.yaml:8:34: 3 sets; expected two"},
	{FAULT "  - {at: 1s, partition: {halves: [n1, [n1, n2]]}}\n",
	 "f.yaml:8:40: `n1` is in two sets of this partition"},
	{FAULT "  - {at: 1s, partition: {groups: [[n1], [n2], [n3, n2]]}}\n",
	 "f.yaml:8:52: `n2` is in two sets of this partition"},
	{FAULT "  - {at: 1s, partition: {groups: n1}}\n",
	 "f.yaml:8:34: found `n1`; expected a list of sets, as in [[a], [b, c]]"},
	{FAULT "  - {at: 1s, partition: {groups: [[n1], []]}}\n",
	 "f.yaml:8:41: empty list; expected a name, a list of names or {random: N}"},
	{FAULT "  - {at: 1s, partition: {bridge: n1, of: [n2]}}\n",
	 "f.yaml:8:25: a bridge between 1 other endpoints; expected at least two"},
	{FAULT "  - {at: 1s, partition: {bridge: n1, of: [n1, n2]}}\n",
	 "f.yaml:8:43: `n1` is in two sets of this partition"},
	{FAULT "  - {at: 1s, partition: {bridge: [n1, n2]}}\n",
	 "f.yaml:8:25: a bridge between 1 other endpoints; expected at least two"},
	{FAULT "  - {at: 1s, partition: {isolate: n1, of: [n2]}}\n",
	 "f.yaml:8:43: `of` belongs to a bridge; {random: N, of: [...]} has its own"},
	{FAULT "  - {at: 1s, partition: {majorities_ring: [n1, n2]}}\n",
	 "f.yaml:8:43: a ring of 2; expected at least 3 endpoints"},
	{FAULT "  - {at: 1s, partition: {simplex: {from: n1}}}\n",
	 "f.yaml:8:35: a simplex needs `to`"},
	{FAULT "  - {at: 1s, partition: {simplex: {from: n1, to: n1}}}\n",
	 "f.yaml:8:50: `n1` is in two sets of this partition"},
	{FAULT "  - {at: 1s, partition: {isolate: n1, l2: maybe}}\n",
	 "f.yaml:8:43: `maybe` is no truth value; expected true or false"},
	{FAULT "  - {at: 1s, match: {proto: tcp}, partition: {isolate: n1, l2: true}}\n",
	 "f.yaml:8:21: `match` beside `l2: true`, which cuts what has no ports: ARP"},
	{FAULT "  - {at: 1s, from: n1, match: {proto: tpc}, loss: {probability: 1%}}\n",
	 "f.yaml:8:39: `tpc` is no protocol; expected tcp, udp, sctp, icmp, icmpv6, vrrp or 1 to 255; did you mean `tcp`?"},
	{FAULT "  - {at: 1s, from: n1, match: {proto: icmp, ports: 80}, loss: {probability: 1%}}\n",
	 "f.yaml:8:52: icmp has no ports; expected proto tcp, udp or sctp"},
	{FAULT "  - {at: 1s, from: n1, match: {proto: udp, tcp_flags: syn}, loss: {probability: 1%}}\n",
	 "f.yaml:8:55: udp has no TCP flags; expected proto tcp"},
	{FAULT "  - {at: 1s, from: n1, match: {tcp_flags: 'syn,!sync'}, loss: {probability: 1%}}\n",
	 "f.yaml:8:43: `sync` is no TCP flag; expected fin syn rst psh ack urg, `!` for clear; did you mean `syn`?"},
	{FAULT "  - {at: 1s, from: n1, match: {tcp_flags: 'syn,!syn'}, loss: {probability: 1%}}\n",
	 "f.yaml:8:43: `syn` stands twice among the flags"},
	{FAULT "  - {at: 1s, from: n1, match: {ports: 70000}, loss: {probability: 1%}}\n",
	 "f.yaml:8:39: `70000` is no port; expected 1 to 65535 or a range as 8000-8100"},
	{FAULT "  - {name: 'a b', at: 1s, partition: {isolate: n1}}\n",
	 "f.yaml:8:12: `a b` is no name; expected letters, digits, `-`, `_`, `.`, at most 63"},
	{FAULT "  - cut\n",
	 "f.yaml:8:5: found `cut`; expected a fault: name, from, to, direction, at, for, every, times, flap, match, ramp, partition, loss, delay, reorder, duplicate, corrupt, rate, reset, reject, mtu, ecn"},
	{FAULT "  - {name: a, at: 1s, partition: {isolate: n1}}\n"
	 "  - {name: a, at: 2s, partition: {isolate: n2}}\n",
	 "f.yaml:9:12: a second fault called `a`; the first is on line 8"},
	{LAB "  observe: {traffic: {bin: 1}}\n"
	 "  endpoints: {a: {cidr: x}}\n"
	 "  seed: x\n",
	 "f.yaml:7:28: `1` is no duration; expected a number with ns us ms s m h, as in 100ms\n"
	 "f.yaml:8:25: `x` is no network; expected one as 10.0.0.0/8 or fd00::/8\n"
	 "f.yaml:9:9: `x` is no whole number; expected 0 to 9223372036854775807"},
};
/* clang-format on */

static void test_findings(void **state)
{
	(void)state;
	expect_findings(cases, sizeof(cases) / sizeof(cases[0]));
}

/* As many findings as there is room for, whole lines, in order, and the number of the others. */
static void test_many_findings(void **state)
{
	char text[8192] = HEAD "  duration: 1s\n";
	struct experiment *e = NULL;
	struct error err = {0};
	int lines = 0, left = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		sprintf(text + strlen(text), "  bad%d: 1\n", i);
	assert_int_equal(experiment__parse("f", text, strlen(text), 1, &e, &err), -EINVAL);
	assert_true(strlen(err.msg) < sizeof(err.msg) - 1);
	for (char *save = NULL, *line = strtok_r(err.msg, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		int at, col;

		if (sscanf(line, "... and %d more", &left) == 1)
			break;
		assert_int_equal(sscanf(line, "f:%d:%d: ", &at, &col), 2);
		assert_int_equal(at, 6 + lines);
		lines++;
	}
	assert_true(lines > 3);
	assert_int_equal(lines + left, 60);
}

/* Text from the file cannot break the one-line form. */
static void test_no_line_breaks(void **state)
{
	static const char text[] = HEAD "  duration: \"1\\n2\\e[31m\"\n";
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(experiment__parse("f", text, strlen(text), 1, &e, &err), -EINVAL);
	assert_string_equal(err.msg,
			    "f:5:13: `1?2?[31m` is no duration; expected a number with ns us ms "
			    "s m h, as in 100ms");
}

static void test_load(void **state)
{
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(experiment__load("/nonexistent/x.yaml", 1, &e, &err), -ENOENT);
	assert_string_equal(err.msg, "/nonexistent/x.yaml: No such file or directory");
	assert_int_equal(experiment__load("/", 1, &e, &err), -EISDIR);
	assert_int_equal(experiment__load("/dev/zero", 1, &e, &err), -EFBIG);
	assert_null(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_many_findings),
		cmocka_unit_test(test_no_line_breaks),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
