// SPDX-License-Identifier: GPL-2.0-only
/* Who is meant: members of a selector as pods come and go, places, what is picked, and what is refused in which words. */
#include "cluster.h"

#include "agent/resolve.h"

static void cleanup_object(struct cluster_object *o)
{
	cluster_object__reset(o);
}

#define OBJECT __attribute__((cleanup(cleanup_object))) struct cluster_object
#define PODS __attribute__((cleanup(cleanup_pods))) struct pods *
#define RESOLUTION __attribute__((cleanup(resolution__reset))) struct resolution

/* An Experiment of namespace shop; @endpoints as JSON without braces, @more of spec begins with a comma. */
static struct cluster_object object(const char *endpoints, const char *more)
{
	json_t *j = json("{\"apiVersion\": \"netchaos.dev/v1alpha1\", \"kind\": \"Experiment\", "
			 "\"metadata\":"
			 "{\"name\": \"x\", \"namespace\": \"shop\", \"uid\": \"1\"}, \"spec\": "
			 "{\"seed\": 42,"
			 "\"duration\": \"30s\", \"endpoints\": {%s}%s}}",
			 endpoints, more);
	const struct object_options opts = {.allow_host = true};
	struct cluster_object o = {0};
	struct error err = {0};

	if (object__load_as(j, &opts, &o, &err))
		fail_msg("%s", err.msg);
	json_decref(j);
	return o;
}

/* shop/web-1..5 (app=web) and shop/db-0 on n1 and n2 by turns, other/web-1 (app=web), kube-system/dns. */
static struct pods *cluster(void)
{
	struct pods *p = pods__new();

	for (int i = 1; i <= 5; i++) {
		char path[32], ip[32];

		snprintf(path, sizeof(path), "shop/web-%d", i);
		snprintf(ip, sizeof(ip), "10.1.0.%d", i);
		put(p, make_pod(path, i % 2 ? "n1" : "n2", "\"app\": \"web\"", ip));
	}
	put(p, make_pod("shop/db-0", "n2", "\"app\": \"db\"", "fd00::9"));
	put(p, json("{\"metadata\": {\"namespace\": \"other\", \"name\": \"web-1\", \"uid\": "
		    "\"o\", \"labels\":"
		    "{\"app\": \"web\"}}, \"spec\": {\"nodeName\": \"n3\"}, \"status\": "
		    "{\"phase\": \"Running\","
		    "\"podIPs\": [{\"ip\": \"10.1.0.99\"}, {\"ip\": \"fd00::99\"}]}}"));
	put(p, make_pod("kube-system/dns", "n1", "\"app\": \"dns\"", "10.1.0.50"));
	for (int i = 1; i <= 3; i++) {
		json_t *node = json("{\"metadata\": {\"name\": \"n%d\"}}", i);

		pods__put_node(p, node);
		json_decref(node);
	}
	return p;
}

/* "ENDPOINT/SELECTOR: PLACE PLACE; ..." of the members; those that are not here in brackets. */
static const char *members(const struct resolution *r)
{
	static char text[2048];
	const json_t *entry, *pod;
	size_t i, k, used = 0;

	*text = '\0';
	json_array_foreach(json_object_get(r->members, "endpoints"), i, entry) {
		used += (size_t)snprintf(
			text + used, sizeof(text) - used, "%s%s/%d:", i ? "; " : "",
			json_string_value(json_object_get(entry, "endpoint")),
			(int)json_integer_value(json_object_get(entry, "selector")));
		json_array_foreach(json_object_get(entry, "pods"), k, pod)
			used += (size_t)snprintf(
				text + used, sizeof(text) - used,
				json_is_true(json_object_get(pod, "here")) ? " %s" : " [%s]",
				json_string_value(json_object_get(pod, "place")));
	}
	return text;
}

static void comes_to(const struct pods *p, const struct cluster_object *o, const json_t *picked,
		     const char *expected)
{
	RESOLUTION r = {0};
	struct error err = {0};

	if (resolve__pods(p, o, "n1", picked, &r, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(members(&r), expected);
}

static void fails(const struct pods *p, const char *endpoints, const char *more, int code,
		  const char *message)
{
	OBJECT o = object(endpoints, more);
	struct resolution r = {.n_all = 77};
	struct error err = {0};

	assert_int_equal(resolve__pods(p, &o, "n1", NULL, &r, &err), code);
	assert_string_equal(err.msg, message);
	assert_int_equal(r.n_all, 77);
}

#define WEB "\"web\": {\"pods\": {\"labels\": {\"app\": \"web\"}}}"

static void test_members(void **state)
{
	PODS p = cluster();
	OBJECT o = object("\"net\": {\"cidr\": \"10.0.0.0/8\"}, \"one\": {\"pods\": "
			  "{\"namespace\": \"other\", \"name\": "
			  "\"web-1\"}}, \"web\": [{\"cidr\": \"10.9.0.0/16\"}, {\"pods\": "
			  "{\"labels\": {\"app\": \"web\"}},"
			  "\"not\": {\"pods\": {\"names\": [\"shop/web-2\", \"shop/web-3\"]}}}]",
			  "");
	RESOLUTION r = {0};
	struct error err = {0};
	json_t *want = json("{\"node\": \"n1\", \"endpoints\": [{\"endpoint\": \"one\", "
			    "\"selector\": 0, \"pods\": [{\"place\": \"one\","
			    "\"namespace\": \"other\", \"name\": \"web-1\", \"uid\": \"o\", "
			    "\"node\": \"n3\", \"ips\": [\"10.1.0.99\","
			    "\"fd00::99\"], \"here\": false}]}, {\"endpoint\": \"web\", "
			    "\"selector\": 1, \"pods\": [{\"place\":"
			    "\"web/web-1\", \"namespace\": \"shop\", \"name\": \"web-1\", \"uid\": "
			    "\"uid-web-1\", \"node\": \"n1\","
			    "\"ips\": [\"10.1.0.1\"], \"here\": true}, {\"place\": \"web/web-4\", "
			    "\"namespace\": \"shop\", \"name\":"
			    "\"web-4\", \"uid\": \"uid-web-4\", \"node\": \"n2\", \"ips\": "
			    "[\"10.1.0.4\"], \"here\": false}, {\"place\":"
			    "\"web/web-5\", \"namespace\": \"shop\", \"name\": \"web-5\", \"uid\": "
			    "\"uid-web-5\", \"node\": \"n1\","
			    "\"ips\": [\"10.1.0.5\"], \"here\": true}]}]}");

	(void)state;
	assert_int_equal(resolve__pods(p, &o, "n1", NULL, &r, &err), 0);
	if (!json_equal(r.members, want))
		fail_msg("%s", json_dumps(r.members, 0));
	assert_int_equal(json_object_size(r.picked), 0);
	assert_int_equal(r.n_all, 4);
	assert_int_equal(r.n_here, 2);
	json_decref(want);
}

/* They do not depend on who else is there. */
static void test_places(void **state)
{
	static const struct {
		const char *endpoint, *expected;
	} cases[] = {
		{"\"e\": {\"pods\": {\"name\": \"web-1\"}}", "e/0: e"},
		{"\"e\": {\"pods\": {\"names\": [\"shop/web-1\"]}}", "e/0: e"},
		{"\"e\": {\"pods\": {\"names\": [\"shop/web-1\", \"shop/db-0\"]}}",
		 "e/0: [e/db-0] e/web-1"},
		{"\"e\": {\"pods\": {\"names\": [\"shop/web-1\", \"other/web-1\"]}}",
		 "e/0: [e/other.web-1] e/shop.web-1"},
		{"\"e\": {\"pods\": {\"namespaces\": [\"shop\"], \"name\": \"web-1\"}}", "e/0: e"},
		{"\"e\": {\"pods\": {\"namespaces\": [\"shop\", \"none\"], \"name\": \"web-1\"}}",
		 "e/0: e/shop.web-1"},
		{"\"e\": [{\"pods\": {\"name\": \"web-1\"}}, {\"pods\": {\"name\": \"db-0\"}}]",
		 "e/0: e/web-1; e/1: [e/db-0]"},
		{"\"e\": [{\"pods\": {\"name\": \"web-1\"}}, {\"pods\": {\"namespace\": \"other\", "
		 "\"name\": "
		 "\"web-1\"}}]",
		 "e/0: e/shop.web-1; e/1: [e/other.web-1]"},
		{"\"e\": {\"pods\": {\"labels\": {\"app\": \"db\"}}}", "e/0: [e/db-0]"},
	};
	PODS p = cluster();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		OBJECT o = object(cases[i].endpoint, "");

		comes_to(p, &o, NULL, cases[i].expected);
	}
}

/* A pod is a member from its address to its end; one told to end still talks. */
static void test_churn(void **state)
{
	PODS p = cluster();
	OBJECT o = object(WEB, "");
	json_t *none = json_object();

	(void)state;
	comes_to(p, &o, NULL, "web/0: web/web-1 [web/web-2] web/web-3 [web/web-4] web/web-5");
	put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-6\", \"uid\": \"6\", "
		    "\"labels\": {\"app\":"
		    "\"web\"}}, \"spec\": {\"nodeName\": \"n1\"}, \"status\": {\"phase\": "
		    "\"Pending\"}}"));
	put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-1\", \"uid\": "
		    "\"uid-web-1\", \"labels\":"
		    "{\"app\": \"web\"}, \"deletionTimestamp\": \"2026-01-01T00:00:00Z\"}, "
		    "\"spec\": {\"nodeName\": "
		    "\"n1\"}, \"status\": {\"phase\": \"Running\", \"podIP\": \"10.1.0.1\"}}"));
	put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-3\", \"uid\": "
		    "\"uid-web-3\", \"labels\":"
		    "{\"app\": \"web\"}}, \"status\": {\"phase\": \"Succeeded\", \"podIP\": "
		    "\"10.1.0.3\"}}"));
	comes_to(p, &o, none, "web/0: web/web-1 [web/web-2] [web/web-4] web/web-5");
	put(p, make_pod("shop/web-6", "n1", "\"app\": \"web\"", "10.1.0.6"));
	/* moved: a new pod of the name on another node */
	put(p, make_pod("shop/web-5", "n2", "\"app\": \"web\"", "10.1.0.55"));
	comes_to(p, &o, none, "web/0: web/web-1 [web/web-2] [web/web-4] [web/web-5] web/web-6");
	for (int i = 1; i <= 6; i++) {
		json_t *gone =
			json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-%d\"}}", i);

		pods__remove(p, gone);
		json_decref(gone);
	}
	/* none is left: at the start that is an error, later it is not */
	comes_to(p, &o, none, "web/0:");
	json_decref(none);
}

static size_t n_picked(const struct pods *p, const char *pick, uint32_t seed)
{
	char endpoints[256], more[64];
	RESOLUTION r = {0};
	struct error err = {0};
	struct cluster_object o;
	size_t n;

	snprintf(endpoints, sizeof(endpoints),
		 "\"web\": {\"pods\": {\"labels\": {\"app\": \"web\"}}, \"pick\": %s}", pick);
	snprintf(more, sizeof(more), ", \"maxEndpoints\": %u", 1000 + seed);
	o = object(endpoints, more);
	o.e->seed = seed;
	assert_int_equal(resolve__pods(p, &o, "n1", NULL, &r, &err), 0);
	n = json_array_size(json_object_get(r.picked, "web/0"));
	assert_int_equal(r.n_all, n);
	cluster_object__reset(&o);
	return n;
}

static void test_pick(void **state)
{
	PODS p = cluster();
	OBJECT o = object("\"web\": {\"pods\": {\"labels\": {\"app\": \"web\"}}, \"pick\": "
			  "{\"mode\": \"fixed\", "
			  "\"value\": 2}}",
			  "");
	RESOLUTION first = {0}, second = {0};
	struct error err = {0};
	json_t *picked =
		json("{\"web/0\": [\"shop/web-2\", \"shop/web-5\", 7, \"shop\"], \"x/0\": []}");
	json_t *strange = json("{\"web/0\": 5}");
	bool seen[6] = {0};

	(void)state;
	assert_int_equal(n_picked(p, "\"one\"", 1), 1);
	assert_int_equal(n_picked(p, "{\"mode\": \"fixed\", \"value\": 9}", 1), 5);
	assert_int_equal(n_picked(p, "{\"mode\": \"fixed-percent\", \"value\": 41}", 1), 3);
	for (uint32_t seed = 1; seed <= 100; seed++)
		seen[n_picked(p, "{\"mode\": \"random-max-percent\", \"value\": 60}", seed)] = true;
	assert_true(!seen[0] && seen[1] && seen[2] && seen[3] && !seen[4]);
	/* all who see the same choose the same, wherever they are */
	assert_int_equal(resolve__pods(p, &o, "n1", NULL, &first, &err), 0);
	assert_int_equal(resolve__pods(p, &o, "n2", NULL, &second, &err), 0);
	assert_true(json_equal(first.picked, second.picked));
	assert_int_equal(json_array_size(json_object_get(first.picked, "web/0")), 2);
	/* what was picked stays: nobody joins, one that is replaced is still one of them */
	comes_to(p, &o, picked, "web/0: [web/web-2] web/web-5");
	put(p, make_pod("shop/web-0", "n1", "\"app\": \"web\"", "10.1.0.9"));
	put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"web-2\", \"uid\": "
		    "\"new\"}, \"spec\":"
		    "{\"nodeName\": \"n1\"}, \"status\": {\"phase\": \"Running\", \"podIP\": "
		    "\"10.1.0.22\"}}"));
	comes_to(p, &o, picked, "web/0: web/web-2 web/web-5");
	comes_to(p, &o, strange, "web/0:");
	resolution__reset(&second);
	assert_int_equal(resolve__pods(p, &o, "n2", picked, &second, &err), 0);
	assert_true(json_equal(json_object_get(second.picked, "web/0"),
			       json_object_get(picked, "web/0")));
	json_decref(picked);
	json_decref(strange);
}

/* One that is about to end is not picked. */
static void test_pick_ending(void **state)
{
	PODS p = pods__new();
	OBJECT o = object(
		"\"web\": {\"pods\": {\"labels\": {\"app\": \"web\"}}, \"pick\": \"one\"}", "");
	RESOLUTION r = {0};
	struct error err = {0};

	(void)state;
	for (int i = 0; i < 5; i++)
		put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"w%d\", \"uid\": "
			    "\"%d\", \"labels\":"
			    "{\"app\": \"web\"}, \"deletionTimestamp\": \"2026-01-01T00:00:00Z\"}, "
			    "\"status\":"
			    "{\"phase\": \"Running\", \"podIP\": \"10.1.0.1\"}}",
			    i, i));
	assert_int_equal(resolve__pods(p, &o, "n1", NULL, &r, &err), -ENOENT);
	assert_string_equal(err.msg, "spec.endpoints.web: all pods that match are about to end");
	put(p, make_pod("shop/w9", "n1", "\"app\": \"web\"", "10.1.0.9"));
	comes_to(p, &o, NULL, "web/0: web/w9");
}

static void test_nothing(void **state)
{
	PODS p = cluster();

#define NOTHING(what) "spec.endpoints.e: nothing matches " what ": "
	(void)state;
	fails(p, "\"e\": {\"pods\": {\"namespace\": \"shpo\"}}", "", -ENOENT,
	      NOTHING("pods:shpo") "no pod is in namespace `shpo`; did you mean `shop`?");
	fails(p, "\"e\": {\"pods\": {\"namespaces\": [\"a\", \"b\"]}}", "", -ENOENT,
	      NOTHING("pods:of a,b") "no pod is in namespace `b`; expected shop, other, kube-system");
	fails(p, "\"e\": {\"pods\": {\"node\": \"n4\"}}", "", -ENOENT,
	      NOTHING("pods:shop (node n4)") "there is no node `n4`; expected n1, n2, n3");
	fails(p, "\"e\": {\"pods\": {\"node\": \"n3\"}}", "", -ENOENT,
	      NOTHING("pods:shop (node n3)") "each of its conditions is met by a pod, but no pod "
					     "meets all");
	fails(p, "\"e\": {\"pods\": {\"name\": \"wep-1\"}}", "", -ENOENT,
	      NOTHING("pod:shop/wep-1") "no pod is called `wep-1`; did you mean `web-1`?");
	fails(p, "\"e\": {\"pods\": {\"names\": [\"other/web-2\"]}}", "", -ENOENT,
	      NOTHING("pods:other/web-2") "no pod is called `web-2`; did you mean `web-1`?");
	fails(p, "\"e\": {\"pods\": {\"labels\": {\"app\": \"wep\"}}}", "", -ENOENT,
	      NOTHING("pods:shop/app=wep") "of 6 pods in its namespaces none has app=wep; there, "
					   "`app` is web, db");
	fails(p, "\"e\": {\"pods\": {\"labels\": {\"ap\": \"web\"}}}", "", -ENOENT,
	      NOTHING("pods:shop/ap=web") "of 6 pods in its namespaces none has ap=web; none has a "
					  "label `ap`");
	fails(p,
	      "\"e\": {\"pods\": {\"name\": \"db-0\"}, \"not\": {\"pods\": {\"labels\": {\"app\": "
	      "\"db\"}}}}",
	      "", -ENOENT,
	      NOTHING("pod:shop/db-0 but not pods:shop/app=db") "pod `shop/db-0` is Running and "
								"has an address: something else "
								"does not match");
	fails(p,
	      "\"e\": {\"pods\": {\"labels\": {\"app\": \"db\"}}, \"not\": {\"pods\": {\"name\": "
	      "\"db-0\"}}}",
	      "", -ENOENT,
	      NOTHING("pods:shop/app=db but not pod:shop/db-0") "`not` leaves none of the 1 "
								"that match");
	put(p, json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"db-0\", \"uid\": \"7\", "
		    "\"labels\": {\"app\":"
		    "\"db\"}}, \"status\": {\"phase\": \"Pending\"}}"));
	fails(p, "\"e\": {\"pods\": {\"labels\": {\"app\": \"db\"}}}", "", -ENOENT,
	      NOTHING("pods:shop/app=db") "1 match, but none of them has an address and still "
					  "runs");
	fails(p, "\"e\": {\"pods\": {\"name\": \"db-0\"}}", "", -ENOENT,
	      NOTHING("pod:shop/db-0") "pod `shop/db-0` is Pending and has no address");
}

static void test_refused(void **state)
{
	PODS p = cluster();
	OBJECT all = object(
		"\"a\": {\"pods\": {\"namespaces\": [\"shop\", \"other\", \"kube-system\"]}}", "");
	OBJECT web = object(WEB, ", \"maxEndpoints\": 5");
	OBJECT host = object("\"a\": {\"pods\": {\"labels\": {\"app\": \"agent\"}}}",
			     ", \"allowHost\": true");
	json_t *none = json_object();
	RESOLUTION r = {0};
	struct error err = {0};

	(void)state;
	fails(p, "\"a\": {\"pods\": {\"namespaces\": [\"shop\", \"other\", \"kube-system\"]}}", "",
	      -EINVAL,
	      "spec.endpoints.a: a selector that matches everything: all 8 pods of the cluster; if "
	      "that is meant, say "
	      "so by spec.maxEndpoints");
	fails(p, WEB, ", \"maxEndpoints\": 4", -EINVAL,
	      "spec.maxEndpoints: the selectors choose 5 pods, 4 are allowed");
	/* each pod counts once */
	fails(p, WEB ", \"w\": {\"pods\": {\"namespace\": \"shop\"}}", ", \"maxEndpoints\": 5",
	      -EINVAL, "spec.maxEndpoints: the selectors choose 6 pods, 5 are allowed");
	comes_to(p, &web, NULL, "web/0: web/web-1 [web/web-2] web/web-3 [web/web-4] web/web-5");
	/* later one more is one too many */
	put(p, make_pod("shop/web-6", "n1", "\"app\": \"web\"", "10.1.0.6"));
	assert_int_equal(resolve__pods(p, &web, "n1", none, &r, &err), -EINVAL);
	/* all but one is not all; and it may become all later */
	put(p,
	    json("{\"metadata\": {\"namespace\": \"shop\", \"name\": \"agent\", \"uid\": \"h\", "
		 "\"labels\": {\"app\":"
		 "\"agent\"}}, \"spec\": {\"nodeName\": \"n1\", \"hostNetwork\": true}, \"status\":"
		 "{\"phase\": \"Running\", \"podIP\": \"192.168.0.1\"}}"));
	fails(p, "\"a\": {\"pods\": {\"labels\": {\"app\": \"agent\"}}}", "", -EINVAL,
	      "spec.endpoints.a: pod `shop/agent` is in its node's own network (hostNetwork): a "
	      "fault on it would meet "
	      "the node");
	assert_int_equal(resolve__pods(p, &all, "n1", none, &r, &err), 0);
	assert_int_equal(r.n_all, 9);
	resolution__reset(&r);
	/* the agent permits it, and the object asks for it */
	assert_int_equal(resolve__pods(p, &host, "n1", NULL, &r, &err), 0);
	assert_string_equal(members(&r), "a/0: a/agent");
	assert_true(json_is_true(json_object_get(
		json_array_get(
			json_object_get(json_array_get(json_object_get(r.members, "endpoints"), 0),
					"pods"),
			0),
		"hostNetwork")));
	json_decref(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),	    cmocka_unit_test(test_places),
		cmocka_unit_test(test_churn),	    cmocka_unit_test(test_pick),
		cmocka_unit_test(test_pick_ending), cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
