// SPDX-License-Identifier: GPL-2.0-only
/* What a good file becomes, and that its resolved copy is the same experiment. */
#include "experiment/experiment.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000LL
#define S 1000000000LL

static struct experiment *parse(const char *text)
{
	struct experiment *e = NULL;
	struct error err = {0};

	if (experiment__parse("dir/my test.yaml", text, strlen(text), 4711, &e, &err))
		fail_msg("%s\n%s", err.msg, text);
	return e;
}

/* The documented example, as far as this version has it. */
static const char example[] =
	"apiVersion: netchaos.dev/v1alpha1\n"
	"kind: Experiment\n"
	"metadata: {name: redis-split-brain, description: \"what: it # shows\"}\n"
	"spec:\n"
	"  seed: 42                    # drawn and recorded if absent\n"
	"  duration: 45s\n"
	"  allowHost: true\n"
	"  maxEndpoints: 10\n"
	"  lab:\n"
	"    nodes:\n"
	"      n1:\n"
	"        files: {redis.conf: \"bind ${ip} 127.0.0.1\\nport 6379\\ndir ${dir}\\n\"}\n"
	"        run: [\"redis-server ${dir}/redis.conf\"]\n"
	"        ready: {tcp: 6379}\n"
	"        needs: {redis-server: redis-server}\n"
	"      n2:\n"
	"        files:\n"
	"          etc/x.conf: |\n"
	"            peer ${n1.ip6}\n"
	"            $${HOME}\n"
	"        run: sleep 1\n"
	"        sh: true\n"
	"        ready: {http: \"http://${ip}:80/\", within: 3s}\n"
	"      n3: {user: postgres, ready: {command: \"true\"}}\n"
	"  endpoints:\n"
	"    old: {netns: n1}\n"
	"    web: [{cidr: 10.0.0.0/8}, {host: a.example.org, ports: [80, \"8000-8100\"]}]\n"
	"    ext: {netns: 4711}\n"
	"    dev: {interface: eth0, netns: n2}\n"
	"    six: {cidr: \"FD00:0::/16\"}\n"
	"    one: {cidr: 192.0.2.7}\n"
	"  faults:\n"
	"    - {name: cut, at: 10s, for: 15s, partition: {isolate: n1, l2: true}}\n"
	"    - name: slow\n"
	"      at: 30s\n"
	"      for: 5s\n"
	"      every: 8s\n"
	"      from: n2\n"
	"      to: [n3, web]\n"
	"      direction: both\n"
	"      match: {proto: tcp, ports: [6379], sports: 1-2, dports: 3, tcp_flags: "
	"\"syn,!ack\"}\n"
	"      loss: {probability: 1%}\n"
	"    - {at: 1s, flap: {down: 0.5s..2s, up: 1s}, times: 3, from: old, direction: from, "
	"loss: {probability: 1}}\n"
	"  systems:\n"
	"    - {name: mydb, http: \"http://${ip}:8080/status\", leader: '\"leader\": *true', "
	"epoch: '\"term\": *([0-9]+)'}\n"
	"    - {name: raw, tcp: {port: 7000, send: \"role\\n\"}, leader: ^L}\n"
	"    - {name: raw2, tcp: {port: 7000, send: 'role\\r\\n\\x41\\\\'}, leader: ^L}\n"
	"    - {name: cmd, command: \"ask ${node}\", leader: yes}\n"
	"  observe:\n"
	"    traffic: {bin: 50ms}\n"
	"    roles:\n"
	"      - {resource: redis, system: redis, endpoints: [n1, n2, n3], port: 6379, every: "
	"30ms}\n"
	"      - {resource: s, system: sentinel, endpoints: n1}\n"
	"      - {resource: v, system: vrrp, vip: \"fd99::100\", endpoints: [n1, ext]}\n"
	"      - {resource: m, system: mydb, endpoints: [n1]}\n"
	"    workloads: [{name: set, system: redis, check: set, endpoints: [n1, n2, n3], clients: "
	"5, rate: 120/m, reads: 0, timeout: 2s}, {name: w2, system: etcd, check: set, endpoints: "
	"[n1, n2]}]\n"
	"  guard: [{when: \"writes.lost > 1000\", then: abort}]\n"
	"  expect: [\"split_brain.level <= L1\", \"writes.lost == 0\"]\n";

static void check_lab(const struct experiment *e)
{
	assert_true(e->has_lab);
	assert_int_equal(e->n_nodes, 3);
	assert_string_equal(e->nodes[0].name, "n1");
	assert_string_equal(e->nodes[0].files[0].name, "redis.conf");
	assert_string_equal(e->nodes[0].files[0].template,
			    "bind ${ip} 127.0.0.1\nport 6379\ndir ${dir}\n");
	assert_string_equal(e->nodes[0].run[0], "redis-server ${dir}/redis.conf");
	assert_false(e->nodes[0].sh);
	assert_null(e->nodes[0].user);
	assert_int_equal(e->nodes[0].ready.kind, READY_TCP);
	assert_int_equal(e->nodes[0].ready.port, 6379);
	assert_int_equal(e->nodes[0].ready.within_ns, 10 * S);
	assert_string_equal(e->nodes[0].needs[0].program, "redis-server");
	assert_string_equal(e->nodes[0].needs[0].package, "redis-server");
	assert_string_equal(e->nodes[1].files[0].template, "peer ${n1.ip6}\n$${HOME}\n");
	assert_true(e->nodes[1].sh);
	assert_string_equal(e->nodes[2].user, "postgres");
	assert_int_equal(e->nodes[1].ready.kind, READY_HTTP);
	assert_int_equal(e->nodes[1].ready.within_ns, 3 * S);
	assert_int_equal(e->nodes[2].ready.kind, READY_COMMAND);
	assert_int_equal(e->nodes[2].n_run, 0);
}

static void check_endpoints(const struct experiment *e)
{
	const struct endpoint *ep = experiment__endpoint(e, "web");

	assert_int_equal(e->n_endpoints, 9);
	assert_string_equal(e->endpoints[2].name, "n3");
	assert_int_equal(e->endpoints[2].selectors[0].kind, SELECTOR_NODE);
	assert_int_equal(experiment__endpoint(e, "old")->selectors[0].kind, SELECTOR_NODE);
	assert_string_equal(experiment__endpoint(e, "old")->selectors[0].value, "n1");
	assert_int_equal(ep->n_selectors, 2);
	assert_int_equal(ep->selectors[0].kind, SELECTOR_CIDR);
	assert_int_equal(ep->selectors[1].kind, SELECTOR_HOST);
	assert_int_equal(ep->selectors[1].ports.n, 2);
	assert_int_equal(ep->selectors[1].ports.v[0].hi, 80);
	assert_int_equal(ep->selectors[1].ports.v[1].lo, 8000);
	assert_int_equal(ep->selectors[1].ports.v[1].hi, 8100);
	assert_int_equal(experiment__endpoint(e, "ext")->selectors[0].kind, SELECTOR_NETNS);
	assert_int_equal(experiment__endpoint(e, "dev")->selectors[0].kind, SELECTOR_INTERFACE);
	assert_string_equal(experiment__endpoint(e, "dev")->selectors[0].netns, "n2");
	assert_string_equal(experiment__endpoint(e, "six")->selectors[0].value, "fd00::/16");
	assert_string_equal(experiment__endpoint(e, "one")->selectors[0].value, "192.0.2.7/32");
	assert_null(experiment__endpoint(e, "nobody"));
}

static void check_faults(const struct experiment *e)
{
	const struct fault *f = e->faults;

	assert_int_equal(e->n_faults, 3);
	assert_int_equal(f[0].parts, FAULT_PARTITION);
	assert_int_equal(f[0].at_ns, 10 * S);
	assert_int_equal(f[0].for_ns, 15 * S);
	assert_int_equal(f[0].every_ns, 0);
	assert_int_equal(f[0].partition.kind, PARTITION_ISOLATE);
	assert_true(f[0].partition.l2);
	assert_string_equal(f[0].partition.groups[0].names[0], "n1");
	assert_int_equal(f[1].parts, FAULT_LOSS);
	assert_int_equal(f[1].every_ns, 8 * S);
	assert_int_equal(f[1].times, 0);
	assert_int_equal(f[1].direction, DIRECTION_BOTH);
	assert_string_equal(f[1].to.names[1], "web");
	assert_int_equal(f[1].match.proto, IPPROTO_TCP);
	assert_int_equal(f[1].match.tcp_mask, TCP_SYN | TCP_ACK);
	assert_int_equal(f[1].match.tcp_flags, TCP_SYN);
	assert_int_equal(f[1].match.sports.v[0].hi, 2);
	assert_int_equal(f[1].match.dports.v[0].lo, 3);
	assert_true(f[1].loss.chance.p.from > 0.00999 && f[1].loss.chance.p.from < 0.01001);
	assert_string_equal(f[2].name, "fault-3");
	assert_int_equal(f[2].for_ns, -1);
	assert_true(f[2].flap.set);
	assert_int_equal(f[2].flap.down_lo_ns, S / 2);
	assert_int_equal(f[2].flap.up_hi_ns, S);
	assert_int_equal(f[2].direction, DIRECTION_FROM);
	assert_int_equal(f[2].to.n, 0);
}

static void check_observe(const struct experiment *e)
{
	assert_int_equal(e->n_systems, 4);
	assert_int_equal(e->systems[0].kind, EXCHANGE_HTTP);
	assert_string_equal(e->systems[0].epoch_re, "\"term\": *([0-9]+)");
	assert_int_equal(e->systems[1].kind, EXCHANGE_TCP);
	assert_int_equal(e->systems[1].port, 7000);
	assert_string_equal(e->systems[1].send, "role\n");
	assert_string_equal(e->systems[2].send, "role\r\nA\\");
	assert_int_equal(e->systems[3].kind, EXCHANGE_COMMAND);
	assert_int_equal(e->traffic_bin_ns, 50 * MS);
	assert_int_equal(e->n_roles, 4);
	assert_int_equal(e->roles[0].every_ns, 30 * MS);
	assert_int_equal(e->roles[1].every_ns, 20 * MS);
	assert_string_equal(e->roles[1].master_name, "mymaster");
	assert_int_equal(e->roles[1].port, 0);
	assert_string_equal(e->roles[2].vip, "fd99::100");
	assert_string_equal(e->roles[3].system, "mydb");
	assert_int_equal(e->workloads[0].clients, 5);
	assert_true(e->workloads[0].rate_per_s == 2);
	assert_true(e->workloads[0].reads == 0);
	assert_int_equal(e->workloads[0].timeout_ns, 2 * S);
	assert_int_equal(e->workloads[1].clients, 2);
	assert_true(e->workloads[1].reads == 0.1);
	assert_int_equal(e->workloads[1].timeout_ns, S);
	assert_string_equal(e->guards[0].when, "writes.lost > 1000");
	assert_string_equal(e->expect[1].text, "writes.lost == 0");
	assert_int_equal(e->expect[1].pos.line, 58);
	assert_int_equal(e->expect[1].pos.col, 39);
}

static void check_example(const struct experiment *e)
{
	assert_string_equal(e->name, "redis-split-brain");
	assert_string_equal(e->description, "what: it # shows");
	assert_int_equal(e->seed, 42);
	assert_false(e->seed_drawn);
	assert_int_equal(e->duration_ns, 45 * S);
	assert_true(e->allow_host);
	assert_int_equal(e->max_endpoints, 10);
	check_lab(e);
	check_endpoints(e);
	check_faults(e);
}

static void test_example(void **state)
{
	struct experiment *e = parse(example);

	(void)state;
	check_example(e);
	check_observe(e);
	experiment__free(e);
}

static void test_resolved(void **state)
{
	struct experiment *e = parse(example), *again = parse(e->resolved);

	(void)state;
	check_example(again);
	/* lines have moved; the text is a fixed point */
	assert_string_equal(again->resolved, e->resolved);
	assert_non_null(strstr(e->resolved, "  seed: 42\n"));
	experiment__free(again);
	experiment__free(e);
}

#define HEAD "apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\n"
#define LAB "  lab: {nodes: {n1: {}, n2: {}, n3: {}, n4: {}, n5: {}}}\n"

/* Seed and name are filled in, and the copy draws what the original drew. */
static void test_filled_in(void **state)
{
	static const char text[] = HEAD "spec:\n  duration: 10s\n" LAB "  faults:\n"
					"  - {at: 1s, partition: {isolate: {random: 2}}}\n"
					"  - {at: 1s, partition: {isolate: {random: 2}}}\n"
					"  - {at: 1s, from: {random: 1, of: [n2, n3]}, to: "
					"{random: 3}, loss: {probability: 1%}}\n";
	struct experiment *e = parse(text), *again = parse(e->resolved);
	struct error err = {0};
	bool differs = false;

	(void)state;
	assert_true(e->seed_drawn);
	assert_int_equal(e->seed, 4711);
	assert_string_equal(e->name, "my-test");
	assert_false(again->seed_drawn);
	assert_int_equal(again->seed, 4711);
	assert_string_equal(again->name, "my-test");
	for (size_t i = 0; i < 2; i++) {
		const struct name_set *a = e->faults[i].partition.groups;
		const struct name_set *b = again->faults[i].partition.groups;

		assert_int_equal(a->n, 2);
		for (size_t j = 0; j < 2; j++)
			assert_string_equal(a->names[j], b->names[j]);
		assert_string_not_equal(a->names[0], a->names[1]);
	}
	for (size_t j = 0; j < 3; j++) {
		assert_string_equal(e->faults[2].to.names[j], again->faults[2].to.names[j]);
		assert_string_not_equal(e->faults[2].to.names[j], e->faults[2].from.names[0]);
	}
	/* another seed draws otherwise, at least once in a few */
	for (uint64_t seed = 1; seed < 10; seed++) {
		struct experiment *o = NULL;

		assert_int_equal(experiment__parse("x", text, strlen(text), seed, &o, &err), 0);
		differs |= strcmp(o->faults[0].partition.groups[0].names[0],
				  e->faults[0].partition.groups[0].names[0]) != 0;
		experiment__free(o);
	}
	assert_true(differs);
	experiment__free(again);
	experiment__free(e);
}

/* Each of the five is drawn about as often: 2 of 5 over 1,000 seeds is 400, sigma 15.5. */
static void test_random_is_fair(void **state)
{
	static const char text[] = HEAD "spec:\n  duration: 10s\n" LAB
					"  faults: [{at: 1s, partition: {isolate: {random: 2}}}]\n";
	int hits[5] = {0};

	(void)state;
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct experiment *e = NULL;

		assert_int_equal(experiment__parse("x", text, strlen(text), seed, &e, NULL), 0);
		for (size_t i = 0; i < 2; i++)
			hits[e->faults[0].partition.groups[0].names[i][1] - '1']++;
		experiment__free(e);
	}
	for (size_t i = 0; i < 5; i++)
		assert_in_range(hits[i], 400 - 78, 400 + 78);
}

static void test_json(void **state)
{
	struct experiment *e =
		parse("{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\",\n"
		      "\t\"spec\": {\"duration\": \"10s\", \"seed\": 7,\n"
		      "\t\"endpoints\": {\"a\": {\"netns\": \"x\"}},\n"
		      "\t\"faults\": [{\"at\": \"1s\", \"partition\": {\"isolate\": \"a\"}}]}}");
	struct experiment *again = parse(e->resolved);

	(void)state;
	assert_int_equal(e->seed, 7);
	assert_int_equal(e->n_faults, 1);
	assert_string_equal(again->faults[0].partition.groups[0].names[0], "a");
	experiment__free(again);
	experiment__free(e);
}

static void test_aliases(void **state)
{
	struct experiment *e = parse(
		HEAD "spec:\n  duration: 10s\n  lab: {nodes: {n1: &n {run: [a]}, n2: *n}}\n"
		     "  faults: [{at: 1s, for: &t 2s, every: *t, partition: {isolate: n1}}]\n");
	struct experiment *again = parse(e->resolved);

	(void)state;
	assert_string_equal(e->nodes[1].run[0], "a");
	assert_int_equal(e->faults[0].every_ns, 2 * S);
	assert_string_equal(again->nodes[1].run[0], "a");
	experiment__free(again);
	experiment__free(e);
}

/* A file of a kilobyte that would be gigabytes written out. */
static void test_billion_laughs(void **state)
{
	char text[2048] = HEAD "spec:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n";
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	for (char c = 'b'; c < 'k'; c++)
		sprintf(text + strlen(text),
			"  %c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1,
			c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
	assert_int_equal(experiment__parse("f", text, strlen(text), 1, &e, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "more than 200000 values"));
}

static const char *lookup(const char *name, void *arg)
{
	assert_string_equal(arg, "arg");
	if (!strcmp(name, "ip"))
		return "10.99.0.1";
	return strcmp(name, "empty") ? NULL : "";
}

static void test_expand(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"a ${ip}b", "a 10.99.0.1b"},
		{"${ip}${empty}${ip}", "10.99.0.110.99.0.1"},
		{"$$${ip}", "$10.99.0.1"},
		{"$${ip}", "${ip}"},
		{"$ip $ $", "$ip $ $"},
		{"cost: 5$", "cost: 5$"},
		{"}{", "}{"},
	};
	char arg[] = "arg";
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *s = experiment__expand(cases[i].in, lookup, arg, &err);

		assert_non_null(s);
		assert_string_equal(s, cases[i].out);
		free(s);
	}
	assert_null(experiment__expand("x ${ipp}", lookup, arg, &err));
	assert_string_equal(err.msg, "unknown `${ipp}`; `$${` gives a `${`");
	assert_int_equal(err.code, -EINVAL);
	assert_null(experiment__expand("x ${ip", lookup, arg, &err));
	assert_string_equal(err.msg, "`${ip`: `${` without `}`; `$$` gives a `$`");
	assert_null(experiment__expand("${}", lookup, arg, NULL));
}

/* How many operations read, where nobody says it; a log is not asked for one value. */
static void test_default_reads(void **state)
{
	struct experiment *e =
		parse(HEAD "spec:\n  duration: 10s\n" LAB "  observe:\n    workloads:\n"
			   "    - {name: a, system: redis, check: cas, endpoints: n1}\n"
			   "    - {name: b, system: redis, check: set, endpoints: n1}\n"
			   "    - {name: c, system: kafka, check: set, endpoints: n1}\n"
			   "    - {name: d, system: kafka, check: set, endpoints: n1, reads: 0}\n");

	(void)state;
	assert_true(e->workloads[0].reads == 0.5);
	assert_true(e->workloads[1].reads == 0.1);
	assert_true(e->workloads[2].reads == 0);
	assert_true(e->workloads[3].reads == 0);
	experiment__free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),	       cmocka_unit_test(test_resolved),
		cmocka_unit_test(test_filled_in),      cmocka_unit_test(test_random_is_fair),
		cmocka_unit_test(test_json),	       cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_billion_laughs), cmocka_unit_test(test_expand),
		cmocka_unit_test(test_default_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
