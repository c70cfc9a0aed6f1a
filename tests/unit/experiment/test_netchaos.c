// SPDX-License-Identifier: GPL-2.0-only
/* Manifests of Chaos Mesh: what each field becomes, and what is refused, where. */
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

#define S 1000000000LL
#define META "apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\nmetadata: {name: x}\n"
/* What a spec must have, so that the rest stands at line 4, column 54. */
#define SPEC META "spec: {mode: all, selector: {labelSelectors: {a: b}}, "

static struct experiment *parse(const char *text)
{
	struct experiment *e = NULL, *again = NULL;
	struct error err = {0};

	if (experiment__parse("f.yaml", text, strlen(text), 4711, &e, &err))
		fail_msg("%s\n%s", err.msg, text);
	/* replay: the copy in the run folder is the same */
	if (experiment__parse("f.yaml", e->resolved, strlen(e->resolved), 1, &again, &err))
		fail_msg("%s\n%s", err.msg, e->resolved);
	assert_string_equal(again->resolved, e->resolved);
	assert_int_equal(again->seed, e->seed);
	experiment__free(again);
	return e;
}

static struct experiment *parse_spec(const char *rest)
{
	char text[2048];

	snprintf(text, sizeof(text), SPEC "%s}\n", rest);
	return parse(text);
}

/* What one fault does, in words. */
static void test_actions(void **state)
{
	static const struct {
		const char *spec, *words;
	} cases[] = {
		{"action: delay, delay: {latency: 0.5ms}", "delay 500us"},
		{"action: delay, delay: {latency: 1s500ms, jitter: 10ms, correlation: '25'}",
		 "delay 1.5s +-10ms uniform correlation 25%"},
		/* the example of its documentation */
		{"action: delay, delay: {latency: '10ms', correlation: '100', jitter: '0ms'}",
		 "delay 10ms"},
		{"action: delay, delay: {latency: 10ms, reorder: {reorder: '0.5', correlation: '50', gap: 5}}",
		 "delay 10ms, reorder 0.5% correlation 50% gap 5"},
		{"action: loss, loss: {loss: '25', correlation: '12.5'}",
		 "loss 25% correlation 12.5%"},
		{"action: loss, loss: {loss: 100, correlation: '100'}", "loss 100%"},
		{"action: duplicate, duplicate: {duplicate: '40', correlation: '0'}", "duplicate 40%"},
		{"action: corrupt, corrupt: {corrupt: '0.001'}", "corrupt 0.001%"},
		{"action: netem, rate: {rate: 1mbps}", "rate 8 Mbit/s queue 1s"},
		{"action: netem, loss: {loss: '1'}, delay: {latency: 1ms}, duplicate: {duplicate: '0'}",
		 "loss 1%, delay 1ms"},
		{"action: bandwidth, bandwidth: {rate: 1MBPS, limit: 20971520, buffer: 10000}",
		 "rate 8 Mbit/s burst 9.766 KiB queue 20 MiB"},
		{"action: bandwidth, bandwidth: {rate: 100bps, limit: 2000, buffer: 1, peakrate: 0, minburst: 0}",
		 "rate 800 bit/s burst 1 B queue 2000 B"},
		{"action: partition", "loss 100%"},
		{"action: partition, direction: both, partitionBehavior: drop", "loss 100%"},
		{"action: partition, partitionBehavior: reject", "reject 100% with port unreachable"},
		{"action: partition, externalTargets: [10.0.0.1]",
		 "partition: one way selected -> external"},
		{"action: partition, direction: from, target: {mode: all, selector: {}}",
		 "partition: one way target -> selected"},
		{"action: partition, direction: both, target: {mode: all, selector: {}}, externalTargets: ['::1']",
		 "partition: parts selected | target,external"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct experiment *e = parse_spec(cases[i].spec);
		char words[256];

		assert_int_equal(e->n_faults, 1);
		experiment__describe_fault(&e->faults[0], words, sizeof(words));
		if (strcmp(words, cases[i].words) != 0)
			fail_msg("%s\nfound:    %s\nexpected: %s", cases[i].spec, words,
				 cases[i].words);
		experiment__free(e);
	}
}

static void test_directions(void **state)
{
	static const struct {
		const char *text;
		enum direction direction;
	} cases[] = {
		{"", DIRECTION_TO},
		{", direction: to", DIRECTION_TO},
		{", direction: from", DIRECTION_FROM},
		{", direction: both", DIRECTION_BOTH},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];
		struct experiment *e;

		snprintf(text, sizeof(text),
			 "action: loss, loss: {loss: 1}, target: {mode: one, selector: {}}%s",
			 cases[i].text);
		e = parse_spec(text);
		assert_int_equal(e->faults[0].direction, cases[i].direction);
		assert_int_equal(e->faults[0].from.n, 1);
		assert_string_equal(e->faults[0].from.names[0], "selected");
		assert_int_equal(e->faults[0].to.n, 1);
		assert_string_equal(e->faults[0].to.names[0], "target");
		experiment__free(e);
	}
}

/* The endpoint "selected", in words. */
static void test_selectors(void **state)
{
	static const struct {
		const char *spec, *words;
	} cases[] = {
		{"mode: all, selector: {}", "pods:of default"},
		{"mode: all, selector: {namespaces: [shop, b]}", "pods:of b,shop"},
		{"mode: one, value: '', selector: {labelSelectors: {app: web, t: '1'}}",
		 "pods:app=web,t=1 of default (one)"},
		{"mode: fixed, value: '2', selector: {expressionSelectors: [{key: t, operator: In, values: [a]}, "
		 "{key: u, operator: DoesNotExist, values: []}]}",
		 "pods:of default t In (a) u DoesNotExist (fixed 2)"},
		{"mode: fixed-percent, value: '30', selector: {pods: {shop: [a, b], c: [d]}}",
		 "pods:c/d,shop/a,shop/b (fixed-percent 30)"},
		{"mode: random-max-percent, value: 100, selector: {namespaces: [a], nodes: [n1]}",
		 "pods:of a (random-max-percent 100) (node n1)"},
		{"mode: all, device: eth1, selector: {fieldSelectors: {metadata.name: web, spec.nodeName: n}}",
		 "pod:web of default on eth1 (node n)"},
		{"mode: all, selector: {podPhaseSelectors: [Running, Pending], annotationSelectors: {}}",
		 "pods:of default"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], words[256];
		struct experiment *e;

		snprintf(text, sizeof(text), META "spec: {action: partition, %s}\n", cases[i].spec);
		e = parse(text);
		assert_string_equal(e->endpoints[0].name, "selected");
		assert_true(e->endpoints[0].selectors[0].target->no_host_network);
		selector__describe(&e->endpoints[0].selectors[0], words, sizeof(words));
		if (strcmp(words, cases[i].words) != 0)
			fail_msg("%s\nfound:    %s\nexpected: %s", cases[i].spec, words,
				 cases[i].words);
		experiment__free(e);
	}
}

static void test_externals(void **state)
{
	static const char *const cases[][2] = {
		{"10.1.2.3", "cidr:10.1.2.3/32"},
		{"10.1.2.3:80", "cidr:10.1.2.3/32, port 80"},
		{"10.1.2.3/8", "cidr:10.0.0.0/8"},
		{"10.1.2.3/8:443", "cidr:10.0.0.0/8, port 443"},
		{"0.0.0.0/0", "cidr:0.0.0.0/0"},
		{"::1", "cidr:::1/128"},
		{"fd00::1/16", "cidr:fd00::/16"},
		{"[fd00::1]", "cidr:fd00::1/128"},
		{"[fd00::1]:80", "cidr:fd00::1/128, port 80"},
		{"[fd00::/8]:80", "cidr:fd00::/8, port 80"},
		{"example.org", "host:example.org"},
		{"example.org:443", "host:example.org, port 443"},
		{"localhost", "host:localhost"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256], words[256];
		struct experiment *e;

		snprintf(text, sizeof(text), "action: partition, externalTargets: ['%s']", cases[i][0]);
		e = parse_spec(text);
		assert_string_equal(e->endpoints[1].name, "external");
		selector__describe(&e->endpoints[1].selectors[0], words, sizeof(words));
		assert_string_equal(words, cases[i][1]);
		experiment__free(e);
	}
}

static void test_times(void **state)
{
	struct experiment *e = parse_spec("action: partition, duration: 1h2m3.5s");

	(void)state;
	assert_int_equal(e->duration_ns, 3723 * S + S / 2);
	assert_int_equal(e->faults[0].for_ns, e->duration_ns);
	assert_false(e->until_stopped);
	experiment__free(e);
	e = parse_spec("action: partition");
	assert_true(e->until_stopped);
	assert_int_equal(e->faults[0].for_ns, -1);
	experiment__free(e);
	e = parse("apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\n"
		  "metadata: {name: x, namespace: shop, uid: u, labels: {a: b}, resourceVersion: '1',\n"
		  "  annotations: {netchaos.dev/seed: \"9223372036854775807\", netchaos.dev/duration: 1m}}\n"
		  "spec: {action: partition, mode: all, selector: {}}\n"
		  "status: {conditions: []}\n");
	assert_int_equal(e->seed, INT64_MAX);
	assert_false(e->seed_drawn);
	assert_int_equal(e->duration_ns, 60 * S);
	assert_string_equal(e->name, "x");
	assert_string_equal(e->endpoints[0].selectors[0].value, "of shop");
	experiment__free(e);
}

static void test_json(void **state)
{
	struct experiment *e = parse(
		"{\"apiVersion\":\"chaos-mesh.org/v1alpha1\",\"kind\":\"NetworkChaos\",\"metadata\":{\"name\":"
		"\"x\"},\"spec\":{\"action\":\"loss\",\"mode\":\"one\",\"value\":\"\",\"selector\":"
		"{\"namespaces\":[\"a\"]},\"direction\":\"to\",\"loss\":{\"loss\":\"10\",\"correlation\":\"0\"},"
		"\"duration\":\"5s\"}}");

	(void)state;
	assert_int_equal(e->duration_ns, 5 * S);
	experiment__free(e);
}

/* They run together, as after kubectl apply. */
static void test_documents(void **state)
{
	struct experiment *e = parse(
		"---\n" SPEC "action: partition, duration: 5s}\n---\n" SPEC
		"action: loss, loss: {loss: 1}, duration: 7s, externalTargets: [10.0.0.1]}\n---\n");

	(void)state;
	assert_int_equal(e->n_faults, 2);
	assert_int_equal(e->duration_ns, 7 * S);
	assert_string_equal(e->faults[0].name, "x");
	assert_string_equal(e->faults[1].name, "fault-2");
	assert_string_equal(e->endpoints[1].name, "selected-2");
	assert_string_equal(e->endpoints[2].name, "external-2");
	assert_string_equal(e->description, "NetworkChaos default/x and 1 more, of Chaos Mesh");
	experiment__free(e);
}

#define SCHEDULE(when, policy, span)                                                     \
	"apiVersion: chaos-mesh.org/v1alpha1\nkind: Schedule\nmetadata: {name: s}\n"     \
	"spec:\n  schedule: " when "\n  type: NetworkChaos\n  historyLimit: 2\n"         \
	"  concurrencyPolicy: " policy "\n  startingDeadlineSeconds: null\n"             \
	"  networkChaos: {action: partition, mode: all, selector: {}" span "}\n"

static void test_schedule(void **state)
{
	struct experiment *e = parse(SCHEDULE("'@every 1m'", "Allow", ", duration: 10s"));

	(void)state;
	assert_int_equal(e->faults[0].at_ns, 60 * S);
	assert_int_equal(e->faults[0].every_ns, 60 * S);
	assert_int_equal(e->faults[0].for_ns, 10 * S);
	assert_int_equal(e->duration_ns, 720 * 3600 * S);
	experiment__free(e);
	/* what is due while one is on is left out */
	e = parse(SCHEDULE("'@every 10s'", "Forbid", ", duration: 12s"));
	assert_int_equal(e->faults[0].at_ns, 10 * S);
	assert_int_equal(e->faults[0].every_ns, 20 * S);
	experiment__free(e);
}

#define WORKFLOW "apiVersion: chaos-mesh.org/v1alpha1\nkind: Workflow\nmetadata: {name: w, namespace: shop}\nspec:\n  entry: a\n  templates:\n"
#define CHAOS(name, rest) "  - {name: " name ", templateType: NetworkChaos, " rest "networkChaos: {action: partition, mode: all, selector: {}}}\n"

static void test_workflow(void **state)
{
	static const struct {
		const char *name;
		int64_t at, span;
	} expected[] = {{"cut", 0, 20 * S}, {"slow", 0, 30 * S}, {"fault-3", 35 * S, 20 * S},
			{"last", 55 * S, 5 * S}};
	struct experiment *e = parse(
		WORKFLOW "  - {name: a, templateType: Serial, deadline: 1m, children: [b, p, cut, last, never]}\n"
			 "  - {name: b, templateType: Parallel, deadline: 30s, children: [cut, slow]}\n"
			 "  - {name: p, templateType: Suspend, deadline: 5s}\n" CHAOS("cut", "deadline: 20s, ")
				 CHAOS("slow", "deadline: 90s, ") CHAOS("last", "deadline: 10s, ")
					 CHAOS("never", "deadline: 10s, "));

	(void)state;
	assert_int_equal(e->n_faults, 4);
	assert_int_equal(e->duration_ns, 60 * S);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(e->faults[i].name, expected[i].name);
		assert_int_equal(e->faults[i].at_ns, expected[i].at);
		assert_int_equal(e->faults[i].for_ns, expected[i].span);
	}
	assert_string_equal(e->endpoints[0].selectors[0].value, "of shop");
	experiment__free(e);
}

/* clang-format off */
static const struct {
	const char *text, *expected;
} bad[] = {
	{SPEC "action: dely}", "f.yaml:4:63: spec.action: `dely` is no action; expected netem, delay, loss, duplicate, corrupt, partition or bandwidth; did you mean `delay`?"},
	{SPEC "action: delay}", "f.yaml:4:7: spec: action delay needs `delay`"},
	{SPEC "action: netem}", "f.yaml:4:7: spec: action netem needs one of delay, loss, duplicate, corrupt, rate"},
	{SPEC "action: delay, delay: {latncy: 1s, latency: 1s}}", "f.yaml:4:78: spec.delay: unknown key `latncy`; expected latency, jitter, correlation, reorder"},
	{SPEC "action: delay, delay: {latency: 10}}", "f.yaml:4:87: spec.delay.latency: `10` is no duration; expected numbers with ns us ms s m h, as in 100ms or 1m30s"},
	{SPEC "action: delay, delay: {latency: -1s}}", "f.yaml:4:87: spec.delay.latency: `-1s` is out of range; expected 0 or more and at most 720h"},
	{SPEC "action: delay, delay: {latency: 0s}}", "f.yaml:4:7: spec: all its percentages and times are 0: it would do nothing"},
	{SPEC "action: delay, delay: {latency: 61s}}", "f.yaml:4:77: spec.delay: latency and 4 times jitter are more than 60s, which is how long a packet is held at most"},
	{SPEC "action: delay, delay: {latency: 1s, jitter: 1ms, correlation: 100}}", "f.yaml:4:77: spec.delay: correlation 100: the jitter would never change; expected less"},
	{SPEC "action: delay, delay: {latency: 1s, reorder: {gap: 5}}}", "f.yaml:4:100: spec.delay.reorder: a reordering needs `reorder`"},
	{SPEC "action: loss, loss: {loss: 101}}", "f.yaml:4:82: spec.loss.loss: `101` is out of range; expected 0 to 100"},
	{SPEC "action: loss, loss: {loss: '10%'}}", "f.yaml:4:82: spec.loss.loss: `10%` is no percentage; expected a number from 0 to 100, without %, as in \"25\""},
	{SPEC "action: loss, loss: {loss: -1}}", "f.yaml:4:82: spec.loss.loss: `-1` is no percentage; expected a number from 0 to 100, without %, as in \"25\""},
	{SPEC "action: loss, loss: {loss: 10, correlation: 100}}", "f.yaml:4:75: spec.loss: correlation 100: all packets would fare as the first one; expected less"},
	{SPEC "action: loss, loss: {}}", "f.yaml:4:75: spec.loss: a loss needs `loss`"},
	{SPEC "action: loss, loss: 10}", "f.yaml:4:75: spec.loss: found `10`; expected a loss: loss, correlation"},
	{SPEC "action: netem, rate: {rate: 10}}", "f.yaml:4:83: spec.rate.rate: `10` is no rate; expected a number above 0 with bps kbps mbps gbps tbps (bytes a second) or bit kbit mbit gbit (bits a second), as in 1mbps"},
	{SPEC "action: bandwidth, bandwidth: {rate: 1mbps, limit: 0, buffer: 1}}", "f.yaml:4:106: spec.bandwidth.limit: `0` is out of range; expected 1 to 4294967295"},
	{SPEC "action: bandwidth, bandwidth: {rate: 1mbps, limit: 9999, buffer: 1, peakrate: 5}}", "f.yaml:4:133: spec.bandwidth.peakrate: a second bucket for peaks is not in this version; `rate` and `buffer` say what may pass"},
	{SPEC "action: partition, delay: {latency: 1s}}", "f.yaml:4:81: spec.delay: `delay` with action partition, which has none"},
	{SPEC "action: loss, loss: {loss: 1}, bandwidth: {rate: 1bps, limit: 1, buffer: 1}}", "f.yaml:4:97: spec.bandwidth: `bandwidth` with action loss, which has none"},
	{SPEC "action: loss, loss: {loss: 1}, partitionBehavior: drop}", "f.yaml:4:105: spec.partitionBehavior: `partitionBehavior` with action loss, which has none"},
	{SPEC "action: partition, partitionBehavior: rejct}", "f.yaml:4:93: spec.partitionBehavior: `rejct` is no behavior of a partition; expected drop or reject; did you mean `reject`?"},
	{SPEC "action: partition, direction: in}", "f.yaml:4:85: spec.direction: `in` is no direction; expected to, from or both"},
	{SPEC "action: partition, targetDevice: eth0}", "f.yaml:4:88: spec: `targetDevice` without `target`"},
	{SPEC "action: partition, device: a/b}", "f.yaml:4:82: spec.device: `a/b` is no interface; expected one as eth0, at most 15 letters"},
	{SPEC "action: partition, duration: 0s}", "f.yaml:4:84: spec.duration: `0s` is out of range; expected more than 0 and at most 720h"},
	{SPEC "action: partition, remoteCluster: far}", "f.yaml:4:89: spec.remoteCluster: another cluster cannot be reached from here; apply it there"},
	{SPEC "action: partition, externalTargets: [1.2.3.256, 'a:0', 'http://x']}",
	 "f.yaml:4:92: spec.externalTargets[0]: `1.2.3.256` is no target; expected an address, a network or a host name, with an optional port, as 10.0.0.0/8, [fd00::1]:80 or example.org:443\n"
	 "f.yaml:4:103: spec.externalTargets[1]: `0` is no port; expected 1 to 65535\n"
	 "f.yaml:4:110: spec.externalTargets[2]: `//x` is no port; expected 1 to 65535"},
	{META "spec: {action: partition, mode: fixed, selector: {}}", "f.yaml:4:7: spec: mode fixed needs `value`"},
	{META "spec: {action: partition, mode: all, value: '3', selector: {}}", "f.yaml:4:45: spec.value: mode all takes no value"},
	{META "spec: {action: partition, mode: fixed-percent, value: '101', selector: {}}", "f.yaml:4:55: spec.value: `101` is out of range; expected 1 to 100"},
	{META "spec: {action: partition, mode: fixed, value: '0', selector: {}}", "f.yaml:4:47: spec.value: `0` is out of range; expected 1 to 1000000"},
	{META "spec: {action: partition, mode: two, selector: {}}", "f.yaml:4:33: spec.mode: `two` is no mode; expected all, one, fixed, fixed-percent or random-max-percent"},
	{META "spec: {action: partition, mode: all, selector: {annotationSelectors: {a: b}}}", "f.yaml:4:70: spec.selector.annotationSelectors: annotations of pods are known to the API server only; expected labels"},
	{META "spec: {action: partition, mode: all, selector: {nodeSelectors: {a: b}}}", "f.yaml:4:64: spec.selector.nodeSelectors: labels of nodes are known to the API server only; expected `nodes`"},
	{META "spec: {action: partition, mode: all, selector: {nodes: [a, b]}}", "f.yaml:4:56: spec.selector.nodes: this is one machine; expected one node"},
	{META "spec: {action: partition, mode: all, selector: {podPhaseSelectors: [Pending]}}", "f.yaml:4:68: spec.selector.podPhaseSelectors: only pods in phase Running have a network to disturb"},
	{META "spec: {action: partition, mode: all, selector: {podPhaseSelectors: [runnin]}}", "f.yaml:4:69: spec.selector.podPhaseSelectors: `runnin` is no phase of a pod; expected Pending, Running, Succeeded, Failed or Unknown; did you mean `Running`?"},
	{META "spec: {action: partition, mode: all, selector: {fieldSelectors: {status.podIP: 1.2.3.4}}}", "f.yaml:4:66: spec.selector.fieldSelectors: `status.podIP` is no field of pods that is known here; expected metadata.name, metadata.namespace or spec.nodeName"},
	{META "spec: {action: partition, mode: all, selector: {labelSelector: {a: b}}}", "f.yaml:4:49: spec.selector: unknown key `labelSelector`; did you mean `labelSelectors`?"},
	{META "spec: {action: partition, mode: all, selector: {pods: {a: [b]}, labelSelectors: {a: b}}}", "f.yaml:4:81: spec.selector: `labelSelectors` beside `pods`, which Chaos Mesh takes alone; expected one of them"},
	{META "spec: {action: partition, mode: all, selector: {expressionSelectors: [{key: a, operator: In}]}}", "f.yaml:4:71: spec.selector.expressionSelectors: In needs values; expected some, as [web, db]"},
	{SPEC "action: partition, target: {mode: all}}", "f.yaml:4:82: spec.target: a target needs `selector`"},
	{SPEC "action: partition, target: {mode: all, selector: {nodes: [a, b]}}}", "f.yaml:4:112: spec.target.selector.nodes: this is one machine; expected one node"},
	{"apiVersion: chaos-mesh.org/v1\nkind: NetworkChaos\nmetadata: {}\nspec: {}", "f.yaml:1:13: apiVersion `chaos-mesh.org/v1`; expected chaos-mesh.org/v1alpha1"},
	{"apiVersion: chaos-mesh.org/v1alpha1\nkind: PodChaos\nmetadata: {}\nspec: {}", "f.yaml:2:7: kind `PodChaos` is no fault of the network that is known here; expected NetworkChaos, Schedule or Workflow"},
	{"apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\nmetadata: {nme: x}\nspec: {action: partition, mode: all, selector: {}}", "f.yaml:3:12: metadata: unknown key `nme`; did you mean `name`?"},
	{"apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\nmetadata: {name: x, annotations: {netchaos.dev/seed: y}}\nspec: {action: partition, mode: all, selector: {}}", "f.yaml:3:54: metadata.annotations.netchaos.dev/seed: `y` is no whole number; expected 0 to 9223372036854775807"},
	{"apiVersion: chaos-mesh.org/v1alpha1\nkind: NetworkChaos\nmetadata: {name: x, annotations: {experiment.chaos-mesh.org/pause: 'true'}}\nspec: {action: partition, mode: all, selector: {}}", "f.yaml:3:68: metadata.annotations.experiment.chaos-mesh.org/pause: it is paused: there is nothing to run"},
	{SPEC "action: partition}\n---\n" SPEC "action: partition, duration: 1s}", "f.yaml:4:7: no `duration` beside others that end: how long is the run? expected a duration, or annotation netchaos.dev/duration"},
	{SPEC "action: partition}\n---\n{apiVersion: v1, kind: Pod, metadata: {}, spec: {}}", "f.yaml:6:14: apiVersion `v1`; expected chaos-mesh.org/v1alpha1"},
	{SCHEDULE("'*/5 * * * *'", "Forbid", ", duration: 1s"), "f.yaml:5:13: spec.schedule: `*/5 * * * *`: a run has no calendar, times in it count from its start; expected `@every` and a time from 1s to 720h, as in \"@every 10m\""},
	{SCHEDULE("'@every 1m'", "Forbid", ""), "f.yaml:10:17: spec.networkChaos: a scheduled fault needs its `duration`"},
	{SCHEDULE("'@every 1m'", "Allow", ", duration: 2m"), "f.yaml:5:3: spec.networkChaos: each lasts longer than the time to the next one, and concurrencyPolicy Allow would lay them over each other; expected Forbid"},
	{SCHEDULE("'@every 1m'", "Replace", ", duration: 1s"), "f.yaml:8:22: spec.concurrencyPolicy: `Replace` is no concurrency policy; expected Forbid or Allow"},
	{WORKFLOW "  - {name: a, templateType: Serial, children: [a]}", "f.yaml:7:5: spec: template `a` is a child of itself"},
	{WORKFLOW "  - {name: a, templateType: Serial, children: [patitions]}\n  - {name: partitions, templateType: Suspend, deadline: 1s}", "f.yaml:7:48: spec: no template `patitions`; did you mean `partitions`?"},
	{WORKFLOW "  - {name: a, templateType: Suspend, deadline: 1s}", "f.yaml:7:5: spec: no step of it is a fault"},
	{WORKFLOW "  - {name: a, templateType: Suspend}", "f.yaml:7:5: spec.templates[0]: how long? a template of type Suspend needs its `deadline`"},
	{WORKFLOW CHAOS("a", ""), "f.yaml:7:5: spec.templates[0]: how long? a template of type NetworkChaos needs its `deadline`"},
	{WORKFLOW "  - {name: a, templateType: Task, deadline: 1s}", "f.yaml:7:29: spec.templates[0].templateType: a template of type Task cannot be run here; expected Serial, Parallel, Suspend or NetworkChaos"},
	{WORKFLOW "  - {name: a, templateType: Serial}", "f.yaml:7:5: spec.templates[0]: a template of type Serial needs `children`"},
	{WORKFLOW CHAOS("a", "deadline: 1s, ") CHAOS("a", "deadline: 1s, "), "f.yaml:8:5: spec: a second template `a`"},
};
/* clang-format on */

static void test_bad(void **state)
{
	int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct experiment *e = NULL;
		struct error err = {0};
		int r = experiment__parse("f.yaml", bad[i].text, strlen(bad[i].text), 1, &e, &err);

		if (r == -EINVAL && !strcmp(err.msg, bad[i].expected))
			continue;
		print_error("case %zu: %d\n%s\nfound:    %s\nexpected: %s\n", i, r, bad[i].text, err.msg,
			    bad[i].expected);
		experiment__free(e);
		failed++;
	}
	assert_int_equal(failed, 0);
}

/* A tree of templates that doubles at each level, and one that is deep: neither time nor stack without end. */
static void test_hostile_workflow(void **state)
{
	char text[16384] = WORKFLOW;
	struct experiment *e = NULL;
	struct error err = {0};

	(void)state;
	strcat(text, "  - {name: a, templateType: Serial, children: [t0]}\n");
	for (int i = 0; i < 30; i++)
		sprintf(text + strlen(text),
			"  - {name: t%d, templateType: Parallel, children: [t%d, t%d]}\n", i, i + 1, i + 1);
	strcat(text, CHAOS("t30", "deadline: 1s, "));
	assert_int_equal(experiment__parse("f", text, strlen(text), 1, &e, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "more than 1000 faults"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_actions),	  cmocka_unit_test(test_directions),
		cmocka_unit_test(test_selectors), cmocka_unit_test(test_externals),
		cmocka_unit_test(test_times),	  cmocka_unit_test(test_json),
		cmocka_unit_test(test_documents), cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_workflow),  cmocka_unit_test(test_bad),
		cmocka_unit_test(test_hostile_workflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
