// SPDX-License-Identifier: GPL-2.0-only
/* Every kind of mistake in what an experiment observes, guards against and expects: systems, roles, workloads. */
#include "errors.h"

/* clang-format off */
static const struct mistake cases[] = {
	{LAB "  systems:\n"
	 "  - {name: redis, command: x, leader: y}\n",
	 "f.yaml:8:12: `redis` is a built-in system; choose another name"},
	{LAB "  systems:\n"
	 "  - {name: a, leader: y}\n",
	 "f.yaml:8:5: 0 kinds of exchange; expected one of command, http, tcp"},
	{LAB "  systems:\n"
	 "  - {name: a, command: x, http: 'http://x', leader: y}\n",
	 "f.yaml:8:5: 2 kinds of exchange; expected one of command, http, tcp"},
	{LAB "  systems:\n"
	 "  - {name: a, command: x}\n",
	 "f.yaml:8:5: a system needs `leader`"},
	{LAB "  systems:\n"
	 "  - {name: a, command: x, leader: '('}\n",
	 "f.yaml:8:35: `(` is no pattern: Unmatched ( or \\("},
	{LAB "  systems:\n"
	 "  - {name: a, command: x, leader: y, epoch: '[0-9]+'}\n",
	 "f.yaml:8:45: `[0-9]+` has no group; expected (...) around the epoch's number"},
	{LAB "  systems:\n"
	 "  - {name: a, command: x, leader: 'a{200}{200}'}\n",
	 "f.yaml:8:35: pattern too big; expected at most 512 letters and 256 repeats"},
	{LAB "  systems:\n"
	 "  - {name: a, http: x, leader: y}\n",
	 "f.yaml:8:21: `x` is no URL; expected one as http://${ip}:8080/status"},
	{LAB "  systems:\n"
	 "  - {name: a, tcp: {send: x}, leader: y}\n",
	 "f.yaml:8:20: a TCP exchange needs `port`"},
	{LAB "  systems:\n"
	 "  - {name: a, tcp: {port: 1, send: 'x\\q'}, leader: y}\n",
	 "f.yaml:8:36: bad escape; expected \\n \\r \\t \\\\ \\\" or \\xHH, not \\x00"},
	{LAB "  systems:\n"
	 "  - {name: a, tcp: {port: 1, send: 'x\\x00'}, leader: y}\n",
	 "f.yaml:8:36: bad escape; expected \\n \\r \\t \\\\ \\\" or \\xHH, not \\x00"},
	{LAB "  systems:\n"
	 "  - {name: a, command: 'x ${foo}', leader: y}\n",
	 "f.yaml:8:24: unknown `${foo}`; `$${` gives a `${`; expected ip, ip6, node, dir, or NODE.ip, NODE.ip6 of a lab node"},
	{LAB "  systems:\n"
	 "  - {name: a, command: x, leader: y}\n"
	 "  - {name: a, command: x, leader: y}\n",
	 "f.yaml:9:12: a second system called `a`; the first is on line 8"},
	{LAB "  observe: {traffic: {bin: 1ms}}\n",
	 "f.yaml:7:28: `1ms` is out of range; expected 10ms to 10s"},
	{LAB "  observe: {traffic: {bin: 11s}}\n",
	 "f.yaml:7:28: `11s` is out of range; expected 10ms to 10s"},
	{LAB "  observe: {traffic: 100ms}\n",
	 "f.yaml:7:22: found `100ms`; expected traffic: bin"},
	{LAB "  observe: {trafic: {}}\n",
	 "f.yaml:7:13: unknown key `trafic`; did you mean `traffic`?"},
	{LAB "  observe: {roles: [{resource: r, system: rediss, endpoints: n1}]}\n",
	 "f.yaml:7:43: unknown system `rediss`; did you mean `redis`?"},
	{LAB "  observe: {roles: [{resource: r, system: mongodb, endpoints: n1}]}\n",
	 "f.yaml:7:43: unknown system `mongodb`; expected redis, sentinel, redis-cluster, etcd, consul, zookeeper, kafka, patroni, postgres, galera, rabbitmq, nats, vault, lease, vrrp or a name of `systems`"},
	{LAB "  observe: {roles: [{resource: r, system: vrrp, endpoints: n1}]}\n",
	 "f.yaml:7:21: system vrrp needs `vip`, the address that moves"},
	{LAB "  observe: {roles: [{resource: r, system: vrrp, vip: 10.0.0.1/24, endpoints: n1}]}\n",
	 "f.yaml:7:54: `10.0.0.1/24` is no address; expected one as 10.99.0.100, without length"},
	{LAB "  observe: {roles: [{resource: r, system: redis, vip: 10.0.0.1, endpoints: n1}]}\n",
	 "f.yaml:7:55: `vip` belongs to system vrrp, not to redis"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, resource: n1, endpoints: n1}]}\n",
	 "f.yaml:7:72: `resource` belongs to check lock of system redis: what its holders use"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: lock, fenced: true, endpoints: n1}]}\n",
	 "f.yaml:7:71: `fenced` without a `resource` to fence"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: lock, resource: n9, endpoints: n1}]}\n",
	 "f.yaml:7:73: unknown endpoint `n9`; expected n1, n2, n3"},
	{LAB "  observe: {roles: [{resource: r, system: redis, master_name: m, endpoints: n1}]}\n",
	 "f.yaml:7:63: `master_name` belongs to system sentinel, not to redis"},
	{LAB "  observe: {roles: [{resource: r, system: vrrp, vip: 10.0.0.1, port: 1, endpoints: n1}]}\n",
	 "f.yaml:7:70: system vrrp has no port"},
	{LAB "  observe: {roles: [{resource: r, system: zookeper, endpoints: n1}]}\n",
	 "f.yaml:7:43: unknown system `zookeper`; did you mean `zookeeper`?"},
	{LAB "  observe: {roles: [{resource: r, system: etcd, lease: a/b, endpoints: n1}]}\n",
	 "f.yaml:7:56: `lease` belongs to system lease, not to etcd"},
	{LAB "  observe: {roles: [{resource: r, system: redis, slot: 5, endpoints: n1}]}\n",
	 "f.yaml:7:56: `slot` belongs to system redis-cluster, not to redis"},
	{LAB "  observe: {roles: [{resource: r, system: vault, token_file: t, endpoints: n1}]}\n",
	 "f.yaml:7:62: `token_file` belongs to system consul, lease, not to vault"},
	{LAB "  observe: {roles: [{resource: r, system: lease, lease: nope, endpoints: n1}]}\n",
	 "f.yaml:7:57: `nope` is no lease; expected NAMESPACE/NAME, as in kube-system/kube-scheduler"},
	{LAB "  observe: {roles: [{resource: r, system: lease, endpoints: n1}]}\n",
	 "f.yaml:7:21: system lease needs `lease`: NAMESPACE/NAME"},
	{LAB "  observe: {roles: [{resource: r, system: nats, url: ftp://x, endpoints: n1}]}\n",
	 "f.yaml:7:54: `ftp://x` is no URL; expected one as https://${ip}:8200"},
	{LAB "  observe: {roles: [{resource: r, system: redis, endpoints: n1, every: 100us}]}\n",
	 "f.yaml:7:72: `100us` is out of range; expected 1ms to 1m"},
	{LAB "  observe: {roles: [{resource: r, system: redis, endpoints: [n1, n5]}]}\n",
	 "f.yaml:7:66: unknown endpoint `n5`; expected n1, n2, n3"},
	{LAB "  observe: {roles: [{resource: r, system: redis, endpoints: []}]}\n",
	 "f.yaml:7:61: empty list; expected an endpoint or a list of them"},
	{LAB "  observe: {roles: [{resource: r, system: redis, endpoints: [n1, n1]}]}\n",
	 "f.yaml:7:66: `n1` stands twice in this list"},
	{LAB "  observe: {roles: [{system: redis}]}\n",
	 "f.yaml:7:21: a role needs `resource`\n"
	 "f.yaml:7:21: a role needs `endpoints`"},
	{LAB "  observe: {roles: [{resource: r, system: redis, endpoints: n1}, {resource: r, system: redis, endpoints: n2}]}\n",
	 "f.yaml:7:77: a second role of resource `r`; the first is on line 7"},
	/* workloads on described systems */
	{LAB "  systems:\n  - {name: a, workload: {}}\n",
	 "f.yaml:8:25: a workload without operations; expected one of set, register, cas, counter, queue, lock"},
	{LAB "  systems:\n  - {name: a, workload: {counter: {inc: {command: x}}}}\n",
	 "f.yaml:8:35: the operations of a check needs `read`"},
	{LAB "  systems:\n  - name: a\n    workload:\n      counter:\n        inc: {comand: x}\n        read: {command: y, ok: '([0-9]+)'}\n",
	 "f.yaml:11:14: 0 kinds of exchange; expected one of command, http, send\n"
	 "f.yaml:11:15: unknown key `comand`; did you mean `command`?"},
	{LAB "  systems:\n  - name: a\n    workload:\n      counter:\n        inc: {command: \"x 'y\"}\n        read: {command: y, ok: '[0-9]+'}\n",
	 "f.yaml:11:24: `x 'y`: an empty command, or a quote that is not closed\n"
	 "f.yaml:12:32: `[0-9]+` has no group; expected (...) around the count"},
	{LAB "  systems:\n  - name: a\n    workload:\n      counter:\n        inc: {send: x, ok: y}\n        read: {http: 'ftp://x', ok: '(.)'}\n",
	 "f.yaml:11:21: `send` to nothing; expected `session` or `tcp` in the workload\n"
	 "f.yaml:12:22: `ftp://x` is no URL; expected one as http://${ip}:8080/kv/${key}"},
	{LAB "  systems:\n  - name: a\n    workload:\n      tcp: 70000\n      queue:\n        push: {send: 'x ${vale}'}\n        pop: {send: '\\q', ok: '(.)'}\n        list: {send: x, ok: '.'}\n",
	 "f.yaml:10:12: `70000` is out of range; expected 1 to 65535\n"
	 "f.yaml:12:15: push of queue needs `ok`, a line that says that it is done\n"
	 "f.yaml:12:22: unknown `${vale}`; `$${` gives a `${`; expected value, expect, key, client, workload, id, lease_ms, or ip, ip6, node, dir, NODE.ip, NODE.ip6 of the lab\n"
	 "f.yaml:13:21: bad escape; expected \\n \\r \\t \\\\ \\\" or \\xHH, not \\x00\n"
	 "f.yaml:14:15: list of queue needs `value`, a pattern with (...) around a value"},
	{LAB "  systems:\n  - {name: postgres, command: x, leader: y}\n",
	 "f.yaml:8:12: `postgres` is a built-in system; choose another name"},
	{LAB "  observe: {workloads: [{name: w, system: rabbitmq, check: set, endpoints: n1}]}\n",
	 "f.yaml:7:60: rabbitmq has no set to check; expected one of queue"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, user: u, queue_type: quorum}]}\n",
	 "f.yaml:7:83: `user` does not belong to system redis\n"
	 "f.yaml:7:98: `queue_type` does not belong to system redis"},
	{LAB "  observe: {workloads: [{name: w, system: rabbitmq, check: queue, endpoints: n1, queue_type: quorun}]}\n",
	 "f.yaml:7:94: unknown queue type `quorun`; expected classic, quorum; did you mean `quorum`?"},
	{LAB "  systems:\n  - name: a\n    workload: {counter: {inc: {command: x}, read: {command: y, ok: '(.)'}}}\n"
	 "  observe: {roles: [{resource: r, system: a, endpoints: n1}], workloads: [{name: w, system: a, check: set, endpoints: n1, port: 3}]}\n",
	 "f.yaml:10:43: system `a` says no roles; it has a workload only\n"
	 "f.yaml:10:103: system `a` has no operations for check set\n"
	 "f.yaml:10:129: system a has no port"},
	{LAB "  observe: {workloads: [{name: w, system: sentinel, check: set, endpoints: n1}]}\n",
	 "f.yaml:7:43: unknown workload system `sentinel`; expected redis, etcd, consul, postgres, mysql, rabbitmq, zookeeper, redis-cluster, http"},
	{LAB "  observe: {workloads: [{name: w, system: redsi, check: set, endpoints: n1}]}\n",
	 "f.yaml:7:43: unknown workload system `redsi`; expected redis, etcd, consul, postgres, mysql, rabbitmq, zookeeper, redis-cluster, http; did you mean `redis`?"},
	{LAB "  observe: {workloads: [{name: w, system: etcd, check: queue, endpoints: n1}]}\n",
	 "f.yaml:7:56: etcd has no queue to check; expected one of set register cas counter lock"},
	{LAB "  observe: {workloads: [{name: w, system: consul, check: queue, endpoints: n1, user: u}]}\n",
	 "f.yaml:7:58: consul has no queue to check; expected one of set register cas counter lock\n"
	 "f.yaml:7:86: `user` does not belong to system consul"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: sat, endpoints: n1}]}\n",
	 "f.yaml:7:57: unknown check `sat`; expected set, register, cas, counter, queue, lock, none; did you mean `set`?"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, clients: 0}]}\n",
	 "f.yaml:7:86: `0` is out of range; expected 1 to 10000"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, rate: 0/s}]}\n",
	 "f.yaml:7:83: `0/s` is out of range; expected more than 0 and at most 100000/s"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, rate: fast}]}\n",
	 "f.yaml:7:83: `fast` is no rate; expected a number with /s /m /h, as in 100/s"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, rate: 200000/s}]}\n",
	 "f.yaml:7:83: `200000/s` is out of range; expected more than 0 and at most 100000/s"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, reads: 100%}]}\n",
	 "f.yaml:7:84: `100%` is out of range; expected 0% up to, not including, 100%"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, reads: x}]}\n",
	 "f.yaml:7:84: `x` is no fraction; expected one as in 1% or 0.01"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, timeout: 0s}]}\n",
	 "f.yaml:7:86: `0s` is out of range; expected 1ms to 10m"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1}, {name: w, system: redis, check: set, endpoints: n1}]}\n",
	 "f.yaml:7:85: a second workload called `w`; the first is on line 7"},
	{LAB "  observe: {workloads: [{name: w, system: redis, endpoints: n1}]}\n",
	 "f.yaml:7:25: a workload needs `check`"},
	{LAB "  observe: {workloads: [{name: w, system: http, endpoints: n1}]}\n",
	 "f.yaml:7:25: system http needs `url`"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, check: set}]}\n",
	 "f.yaml:7:86: system http has only check none"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: none, endpoints: n1}]}\n",
	 "f.yaml:7:57: check none belongs to system http"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, mode: closd}]}\n",
	 "f.yaml:7:85: `closd` is no mode; expected open or closed; did you mean `closed`?"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, mode: closed, rate: 5/s}]}\n",
	 "f.yaml:7:99: `rate` belongs to mode open; mode closed has `think`"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, mode: closed, arrival: poisson}]}\n",
	 "f.yaml:7:102: `arrival` belongs to mode open; mode closed has `think`"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, think: 1s}]}\n",
	 "f.yaml:7:86: `think` belongs to mode closed; mode open has `rate`"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, arrival: poison}]}\n",
	 "f.yaml:7:88: `poison` is no arrival; expected even or poisson; did you mean `poisson`?"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: imediate}]}\n",
	 "f.yaml:7:86: `imediate` is no retry policy; expected none, immediate, fixed, exponential or full-jitter; did you mean `immediate`?"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: full_jitter}}]}\n",
	 "f.yaml:7:95: `full_jitter` is no retry policy; expected none, immediate, fixed, exponential or full-jitter; did you mean `full-jitter`?"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {delay: 1s}}]}\n",
	 "f.yaml:7:86: a retry policy needs `policy`"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: immediate, delay: 1s}}]}\n",
	 "f.yaml:7:113: `delay` belongs to policy fixed"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: fixed, base: 1s}}]}\n",
	 "f.yaml:7:108: `base` belongs to policy exponential or full-jitter"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: fixed, cap: 1s}}]}\n",
	 "f.yaml:7:107: `cap` belongs to policy exponential or full-jitter"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: none, attempts: 3}}]}\n",
	 "f.yaml:7:111: `attempts` belongs to a policy that retries"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: none, budget: 10%}}]}\n",
	 "f.yaml:7:109: `budget` belongs to a policy that retries"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: exponential, base: 2s, cap: 1s}}]}\n",
	 "f.yaml:7:123: the cap is below the base"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, retry: {policy: fixed, attempts: 0}}]}\n",
	 "f.yaml:7:112: `0` is out of range; expected 1 to 1000000"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, connections: pooled}]}\n",
	 "f.yaml:7:92: `pooled` is no kind of connections; expected keep or new"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, expect_status: 600}]}\n",
	 "f.yaml:7:94: `600` is no status; expected 100 to 599, as in 200 or 200..299"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, expect_status: 299..200}]}\n",
	 "f.yaml:7:94: `299..200` is no status; expected 100 to 599, as in 200 or 200..299"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, keys: 0}]}\n",
	 "f.yaml:7:85: `0` is out of range; expected 1 to 1000000"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, keys: {count: 5, zipf: 0}}]}\n",
	 "f.yaml:7:102: `0` is no exponent; expected more than 0 and at most 10"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, method: G T}]}\n",
	 "f.yaml:7:87: `G T` is no method; expected one as GET or PUT"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, headers: {'a b': c}}]}\n",
	 "f.yaml:7:89: `a b` is no name of a header"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, headers: {a: \"b\\nc\"}}]}\n",
	 "f.yaml:7:92: a header's value is one line"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, port: 80}]}\n",
	 "f.yaml:7:85: `port` belongs to other systems; here it is part of `url`"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: http://x, endpoints: n1, target: n7}]}\n",
	 "f.yaml:7:87: unknown endpoint `n7`; expected n1, n2, n3"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, url: http://x}]}\n",
	 "f.yaml:7:82: `url` belongs to system http"},
	{LAB "  observe: {workloads: [{name: w, system: redis, check: set, endpoints: n1, connections: new}]}\n",
	 "f.yaml:7:90: `connections` belongs to system http; the others keep theirs"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: ftp://x, endpoints: n1}]}\n",
	 "f.yaml:7:54: `ftp://x` is no URL; expected one as http://${server.ip}:8080/${key}"},
	{LAB "  observe: {workloads: [{name: w, system: http, url: 'http://${n9.ip}/${key}', endpoints: n1}]}\n",
	 "f.yaml:7:54: unknown `${n9.ip}`; `$${` gives a `${`; expected ip, ip6, node, dir, or NODE.ip, NODE.ip6 of a lab node"},
	{LAB "  endpoints: {net: {cidr: 10.0.0.0/8}}\n"
	 "  observe: {roles: [{resource: r, system: redis, endpoints: net}]}\n",
	 "f.yaml:8:61: `net` is no network namespace that could be entered; expected a lab node, a netns, pods or a container"},
	{LAB "  guard: [{then: abort}]\n",
	 "f.yaml:7:11: a guard needs `when`"},
	{LAB "  guard: [{when: x, then: pause}]\n",
	 "f.yaml:7:27: `pause` is nothing a guard does; expected abort"},
	{LAB "  guard: [{wen: x}]\n",
	 "f.yaml:7:11: a guard needs `when`\n"
	 "f.yaml:7:12: unknown key `wen`; did you mean `when`?"},
	{LAB "  expect: []\n",
	 "f.yaml:7:11: empty list; expected a list of expectations"},
	{LAB "  expect: [{a: b}]\n",
	 "f.yaml:7:12: found a mapping; expected an expectation, as in writes.lost == 0"},
	{LAB "  expect: ['']\n",
	 "f.yaml:7:12: empty text; expected an expectation, as in writes.lost == 0"},
};
/* clang-format on */

static void test_findings(void **state)
{
	(void)state;
	expect_findings(cases, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
