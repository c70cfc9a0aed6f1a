// SPDX-License-Identifier: GPL-2.0-only
/* What is kept of the API's pods and nodes, how they are found, and what they take. */
#include "cluster.h"

#include "lib/rng.h"

#include <time.h>

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

#define JSON __attribute__((cleanup(cleanup_json))) json_t *
#define PODS __attribute__((cleanup(cleanup_pods))) struct pods *

static void test_put(void **state)
{
	PODS p = pods__new();
	JSON full = json("{\"kind\": \"Pod\", \"metadata\": {\"namespace\": \"shop\", \"name\": "
			 "\"web-1\", \"uid\": \"u1\","
			 "\"labels\": {\"app\": \"web\", \"tier\": \"\"}, \"annotations\": "
			 "{\"team\": \"a=b\"},"
			 "\"deletionTimestamp\": \"2026-01-01T00:00:00Z\"},"
			 "\"spec\": {\"nodeName\": \"n1\", \"hostNetwork\": true}, \"status\": "
			 "{\"phase\": \"Running\","
			 "\"podIP\": \"10.1.0.5\", \"podIPs\": [{\"ip\": \"10.1.0.5\"}, {\"ip\": "
			 "\"FD00:0::5\"}]}}");
	JSON bare = json(
		"{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-2\", \"uid\": \"u2\"}}");
	struct pod_facts f;
	char buf[46];

	(void)state;
	assert_int_equal(pods__put(p, full), 1);
	assert_int_equal(pods__put(p, full), 0);
	assert_int_equal(pods__put(p, bare), 1);
	assert_int_equal(pods__count(p), 2);
	f = pod__facts(p, pods__by_uid(p, "u1"));
	assert_string_equal(f.ns, "shop");
	assert_string_equal(f.name, "web-1");
	assert_string_equal(f.uid, "u1");
	assert_string_equal(f.node, "n1");
	assert_true(f.host_network && f.deleting && f.phase == POD_RUNNING && f.n_ips == 2);
	assert_string_equal(pod__ip(pods__by_uid(p, "u1"), 0, buf), "10.1.0.5");
	assert_string_equal(pod__ip(pods__by_uid(p, "u1"), 1, buf), "fd00::5");
	assert_true(pod__lives(pods__by_uid(p, "u1")));
	f = pod__facts(p, pods__by_name(p, "shop", "web-2"));
	assert_true(!*f.node && !f.host_network && !f.deleting && f.phase == POD_PENDING &&
		    !f.n_ips);
	assert_false(pod__lives(pods__by_uid(p, "u2")));
	assert_null(pods__by_name(p, "shop", "web"));
	assert_null(pods__by_name(p, "sho", "web-1"));
	assert_null(pods__by_uid(p, "u"));

	/* what changes: an address, and what does not: something that nobody asks for */
	json_object_set_new(full, "spec",
			    json("{\"nodeName\": \"n1\", \"hostNetwork\": true, \"x\": 1}"));
	assert_int_equal(pods__put(p, full), 0);
	json_object_set_new(full, "status",
			    json("{\"phase\": \"Failed\", \"podIP\": \"10.1.0.6\"}"));
	assert_int_equal(pods__put(p, full), 1);
	assert_false(pod__lives(pods__by_uid(p, "u1")));
	assert_string_equal(pod__ip(pods__by_uid(p, "u1"), 0, buf), "10.1.0.6");

	/* another pod of the same name takes the place; that the first is gone does not take it away */
	json_object_set_new(json_object_get(bare, "metadata"), "uid", json("\"u3\""));
	assert_int_equal(pods__put(p, bare), 1);
	assert_int_equal(pods__count(p), 2);
	assert_null(pods__by_uid(p, "u2"));
	json_object_set_new(json_object_get(bare, "metadata"), "uid", json("\"u2\""));
	assert_int_equal(pods__remove(p, bare), 0);
	assert_non_null(pods__by_name(p, "shop", "web-2"));
	/* who tells only the name means who has it */
	json_object_del(json_object_get(bare, "metadata"), "uid");
	assert_int_equal(pods__remove(p, bare), 1);
	assert_int_equal(pods__remove(p, bare), 0);
	assert_int_equal(pods__remove(p, full), 1);
	assert_int_equal(pods__count(p), 0);
}

#define META "\"metadata\": {\"namespace\": \"a\", \"name\": \"b\", \"uid\": \"c\""

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"null",
		"[]",
		"\"pod\"",
		"7",
		"{}",
		"{\"metadata\": 1}",
		"{\"metadata\": {\"namespace\": \"a\", \"name\": \"b\"}}",
		"{\"metadata\": {\"namespace\": \"a\", \"uid\": \"b\"}}",
		"{\"metadata\": {\"namespace\": \"\", \"name\": \"b\", \"uid\": \"c\"}}",
		"{\"metadata\": {\"namespace\": 1, \"name\": \"b\", \"uid\": \"c\"}}",
		"{" META ", \"labels\": []}}",
		"{" META ", \"labels\": {\"a\": 1}}}",
		"{" META ", \"labels\": {\"a\": null}}}",
		"{" META ", \"annotations\": {\"\": \"x\"}}}",
		"{" META ", \"deletionTimestamp\": 5}}",
		"{" META "}, \"spec\": \"x\"}",
		"{" META "}, \"spec\": {\"nodeName\": {}}}",
		"{" META "}, \"spec\": {\"hostNetwork\": \"yes\"}}",
		"{" META "}, \"status\": []}",
		"{" META "}, \"status\": {\"podIP\": \"10.0.0\"}}",
		"{" META "}, \"status\": {\"podIP\": 10}}",
		"{" META "}, \"status\": {\"podIPs\": {\"ip\": \"10.0.0.1\"}}}",
		"{" META "}, \"status\": {\"podIPs\": [{\"ip\": \"fd00::g\"}]}}",
		"{" META "}, \"status\": {\"podIPs\": [{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, "
		"{}, {}, {}, {}, "
		"{}, {}]}}",
		"{" META "}, \"status\": {\"phase\": 3}}",
	};
	PODS p = pods__new();
	size_t empty = pods__bytes(p);
	JSON name = json_object();
	char *text = calloc(1, 1025);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		JSON j = json("%s", bad[i]);

		if (pods__put(p, j) != -EINVAL)
			fail_msg("%s", bad[i]);
	}
	assert_int_equal(pods__count(p), 0);
	assert_int_equal(pods__bytes(p), empty);
	assert_int_equal(pods__remove(p, name), -EINVAL);
	assert_int_equal(pods__put_node(p, name), -EINVAL);
	assert_int_equal(pods__remove_node(p, name), -EINVAL);
	/* odd, but sound */
	assert_int_equal(
		put(p, json("{" META "}, \"spec\": null, \"status\": {\"phase\": \"Dreaming\"}}")),
		1);
	assert_int_equal(pod__facts(p, pods__by_uid(p, "c")).phase, POD_UNKNOWN);
	memset(text, 'x', 1024);
	assert_int_equal(
		put(p,
		    json("{\"metadata\": {\"namespace\": \"a\", \"name\": \"%s\", \"uid\": \"c\"}}",
			 text)),
		-EINVAL);
	free(text);
}

static void test_nodes(void **state)
{
	PODS p = pods__new();
	JSON n1 = json("{\"metadata\": {\"name\": \"n1\", \"labels\": {\"zone\": \"a\"}}}");

	(void)state;
	assert_int_equal(put(p, make_pod("shop/web", "n1", "", "10.1.0.1")), 1);
	assert_false(pods__has_node(p, "n1"));
	assert_int_equal(pods__put_node(p, n1), 1);
	assert_int_equal(pods__put_node(p, n1), 0);
	assert_true(pods__has_node(p, "n1"));
	json_object_set_new(json_object_get(n1, "metadata"), "labels", json("{\"zone\": \"b\"}"));
	assert_int_equal(pods__put_node(p, n1), 1);
	for (int i = 9; i > 1; i--) {
		JSON other = json("{\"metadata\": {\"name\": \"n%d\"}}", i);

		assert_int_equal(pods__put_node(p, other), 1);
	}
	for (int i = 1; i < 10; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		assert_true(pods__has_node(p, name));
	}
	assert_int_equal(pods__remove_node(p, n1), 1);
	assert_int_equal(pods__remove_node(p, n1), 0);
	assert_false(pods__has_node(p, "n1"));
	assert_string_equal(pod__facts(p, pods__by_uid(p, "uid-web")).node, "n1");
}

/* --- selectors -------------------------------------------------------------------------------------------- */

static struct target_selector selector(const char *yaml)
{
	const struct experiment_mode mode = {.place = EXPERIMENT_MEMBERS};
	struct target_selector t;
	struct experiment *e = NULL;
	struct error err = {0};
	char text[1024];

	snprintf(text, sizeof(text),
		 "{apiVersion: netchaos.dev/v1alpha1, kind: Experiment, spec: {duration: 1s, "
		 "endpoints: {x: "
		 "{pods: {%s}}}}}",
		 yaml);
	if (experiment__parse_as("f", text, strlen(text), 1, NULL, &mode, &e, &err))
		fail_msg("%s", err.msg);
	t = *e->endpoints[0].selectors[0].target;
	*e->endpoints[0].selectors[0].target = (struct target_selector){0};
	experiment__free(e);
	return t;
}

static void test_matches(void **state)
{
	static const struct {
		const char *selector;
		bool matches;
	} cases[] = {
		{"namespace: shop", true},
		{"namespace: sho", false},
		{"namespaces: [a, shop]", true},
		{"namespaces: [a, b]", false},
		{"name: web-1", true},
		{"name: web", false},
		{"names: [shop/web-1, a/b]", true},
		{"names: [sho/web-1, shop/web-2]", false},
		{"labels: {app: web}", true},
		{"labels: {app: web, tier: front}", true},
		{"labels: {app: web, tier: back}", false},
		{"labels: {app: we}", false},
		{"expressions: [{key: app, operator: In, values: [db, web]}]", true},
		{"expressions: [{key: app, operator: NotIn, values: [db, web]}]", false},
		{"expressions: [{key: ap, operator: NotIn, values: [db, web]}]", true},
		{"expressions: [{key: app, operator: Exists}, {key: old, operator: DoesNotExist}]",
		 true},
		{"expressions: [{key: app, operator: Exists}, {key: tier, operator: DoesNotExist}]",
		 false},
		{"annotations: {team: shop}", true},
		{"annotations: {team: shop, note: 'a=b c'}", true},
		{"annotations: {team: shops}", false},
		{"node: n1", true},
		{"node: n2", false},
		{"nodes: [n1, n2]", true},
		{"nodes: [n2]", false},
		{"nodeLabels: {zone: a}", true},
		{"nodeLabels: {zone: a, disk: ssd}", false},
		/* either: as Chaos Mesh joins them */
		{"nodes: [n2], nodeLabels: {zone: a}", true},
		{"nodes: [n2], nodeLabels: {zone: b}", false},
		{"phases: [Pending, Running]", true},
		{"phases: [Pending]", false},
		{"fields: {metadata.name: web-1}", true},
		{"fields: {metadata.name: web-2}", false},
		{"fields: {metadata.namespace: shop, spec.nodeName: n1}", true},
		{"fields: {metadata.namespace: a}", false},
		{"fields: {spec.nodeName: n2}", false},
		{"fields: {status.phase: Running}", true},
		{"fields: {status.phase: Failed}", false},
		{"fields: {status.podIP: 10.1.0.5}", true},
		{"fields: {status.podIP: 'fd00:0::5'}", true},
		{"fields: {status.podIP: 10.1.0.6}", false},
	};
	PODS p = pods__new();
	JSON n1 = json("{\"metadata\": {\"name\": \"n1\", \"labels\": {\"zone\": \"a\"}}}");

	(void)state;
	assert_int_equal(pods__put_node(p, n1), 1);
	put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-1\", \"uid\": \"u1\","
		    "\"labels\": {\"app\": \"web\", \"tier\": \"front\"},"
		    "\"annotations\": {\"team\": \"shop\", \"note\": \"a=b c\", \"z\": \"\"}},"
		    "\"spec\": {\"nodeName\": \"n1\"}, \"status\": {\"phase\": \"Running\","
		    "\"podIPs\": [{\"ip\": \"10.1.0.5\"}, {\"ip\": \"fd00::5\"}]}}"));
	/* labels that some pod has, so that none is unknown by chance */
	put(p, make_pod("a/b", "n2", "\"app\": \"db\", \"tier\": \"back\"", "10.1.0.6"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct target_selector t = selector(cases[i].selector);

		if (pod__matches(p, pods__by_uid(p, "u1"), &t) != cases[i].matches)
			fail_msg("%s", cases[i].selector);
		target_selector__reset(&t);
	}
}

/* --- many ------------------------------------------------------------------------------------------------- */

/* A pod of a Deployment, as the API server of a cluster in use tells it. */
static json_t *make_many(int i, int generation)
{
	return json(
		"{\"metadata\": {\"namespace\": \"team-%d\", \"name\": "
		"\"service-%d-7c9d8bdf5f-x%05d\","
		"\"uid\": \"6d1f0000-0000-4000-8000-%012d\", \"labels\": {\"app\": \"service-%d\","
		"\"app.kubernetes.io/name\": \"service-%d\", \"pod-template-hash\": \"%08d\","
		"\"tier\": \"backend\", \"version\": \"v%d\"}, \"annotations\": {"
		"\"prometheus.io/scrape\": \"true\", \"prometheus.io/port\": \"9090\","
		"\"cni.projectcalico.org/podIP\": \"10.%d.%d.%d/32\","
		"\"kubectl.kubernetes.io/restartedAt\": \"2026-01-01T00:00:00Z\"}},"
		"\"spec\": {\"nodeName\": \"node-%03d\"}, \"status\": {\"phase\": \"Running\","
		"\"podIP\": \"10.%d.%d.%d\", \"podIPs\": [{\"ip\": \"10.%d.%d.%d\"}, {\"ip\": "
		"\"fd00::%x\"}]}}",
		i % 40, i / 20, i, i + generation * 1000000, i / 20, i / 20, i / 20, generation,
		i >> 16, i >> 8 & 255, i & 255, i % 200, i >> 16, i >> 8 & 255, i & 255, i >> 16,
		i >> 8 & 255, i & 255, i);
}

static void test_many(void **state)
{
	enum { N = 10000, SOME = 1500 };
	PODS p = pods__new();
	struct rng r = {.state = 7};
	size_t first;
	clock_t begin;

	(void)state;
	for (int i = 0; i < N; i++)
		assert_int_equal(put(p, make_many(i, 0)), 1);
	first = pods__bytes(p);
	print_message("%d pods: %zu bytes each\n", N, first / N);
	assert_true(first / N < 400);
	begin = clock();
	for (int i = 0; i < N; i++) {
		char uid[64];

		snprintf(uid, sizeof(uid), "6d1f0000-0000-4000-8000-%012d", i);
		assert_non_null(pods__by_uid(p, uid));
	}
	print_message("%d found by UID in %.1f ms of processor time (sanitized)\n", N,
		      (double)(clock() - begin) * 1000 / CLOCKS_PER_SEC);
	/* some replaced, taken away and put back: as many bytes as before, and all are found */
	for (int i = 0; i < SOME; i++)
		assert_int_equal(put(p, make_many(i, 1)), 1);
	for (int i = 0; i < SOME; i++) {
		JSON pod = make_many((int)rng__below(&r, SOME), 1);

		assert_int_equal(pods__remove(p, pod), 1);
		assert_int_equal(pods__remove(p, pod), 0);
		assert_int_equal(pods__put(p, pod), 1);
	}
	for (int i = 0; i < SOME; i++)
		assert_int_equal(put(p, make_many(i, 0)), 1);
	assert_int_equal(pods__count(p), N);
	assert_int_equal(pods__bytes(p), first);
	for (int i = 0; i < N; i++) {
		JSON pod = json("{\"metadata\": {\"uid\": \"6d1f0000-0000-4000-8000-%012d\"}}", i);

		assert_int_equal(pods__remove(p, pod), 1);
	}
	assert_int_equal(pods__count(p), 0);
	assert_null(pods__namespace(p, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put),   cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_nodes), cmocka_unit_test(test_matches),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
