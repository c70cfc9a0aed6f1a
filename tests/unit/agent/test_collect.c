// SPDX-License-Identifier: GPL-2.0-only
/* The collector against an API of a few lines: one of the nodes makes the report, once, whatever goes wrong. */
#include "agent/child.h"
#include "agent/collect_internal.h"
#include "unit/analysis/events.h"

#include <poll.h>
#include <sys/stat.h>

#define UID "0b1c2d3e-0000-4000-8000-000000000001"
#define S 1000000000LL

/* ---- the world ---- */

struct asked {
	struct kube_request rq;
	char *method, *path;
	json_t *body;
	struct asked *next;
};

static struct world {
	char dir[64];
	json_t *obj, *maps;
	json_int_t version;
	int64_t now;
	struct asked *first;
	unsigned int fail;	/* so many requests fail with 500 */
	unsigned int conflicts; /* so many guarded patches meet another's write */
	unsigned int requests;
} w;

static int request(void *arg, const struct kube_request *r)
{
	struct asked *a = calloc(1, sizeof(*a)), **end = &w.first;

	(void)arg;
	assert_true(r->path[0] == '/' && !strchr(r->path, ' '));
	a->rq = *r;
	a->method = strdup(r->method);
	a->path = strdup(r->path);
	a->body = r->body ? json_deep_copy(r->body) : NULL;
	while (*end)
		end = &(*end)->next;
	*end = a;
	return 0;
}

static void asked__free(struct asked *a)
{
	json_decref(a->body);
	free(a->method);
	free(a->path);
	free(a);
}

static void cancel(void *arg, const void *who)
{
	struct asked **at = &w.first;

	(void)arg;
	while (*at) {
		struct asked *a = *at;

		if (a->rq.arg != who) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		asked__free(a);
	}
}

static int64_t now(void *arg)
{
	(void)arg;
	return w.now;
}

static int64_t realtime(void *arg)
{
	(void)arg;
	return 1800000000 * S + w.now;
}

static const struct collect_ops ops = {request, cancel, now, realtime};

static void set_version(void)
{
	json_object_set_new(json_object_get(w.obj, "metadata"), "resourceVersion",
			    json_sprintf("%lld", (long long)++w.version));
}

static void merge_patch(json_t *to, json_t *patch)
{
	const char *key;
	json_t *v;

	json_object_foreach(patch, key, v) {
		assert_false(json_is_null(v));
		if (json_is_object(v) && json_is_object(json_object_get(to, key)))
			merge_patch(json_object_get(to, key), v);
		else
			json_object_set_new(to, key, json_deep_copy(v));
	}
}

static int patch_object(const struct asked *a, json_t **ret)
{
	json_t *before;
	const json_t *want =
		json_object_get(json_object_get(a->body, "metadata"), "resourceVersion");

	assert_string_equal(a->path,
			    "/apis/netchaos.dev/v1alpha1/namespaces/shop/experiments/cut/status");
	assert_string_equal(a->rq.content_type, "application/merge-patch+json");
	if (want && w.conflicts) {
		w.conflicts--;
		set_version();
	}
	if (want && !json_equal(want, json_object_get(json_object_get(w.obj, "metadata"),
						      "resourceVersion")))
		return 409;
	/* a version of its own, as from the wire */
	before = w.obj;
	w.obj = json_deep_copy(before);
	json_decref(before);
	merge_patch(json_object_get(w.obj, "status"), json_object_get(a->body, "status"));
	set_version();
	*ret = w.obj;
	return 200;
}

static int do_map(const struct asked *a, json_t **ret)
{
	static const char base[] = "/api/v1/namespaces/shop/configmaps";
	const char *name = a->path + strlen(base);

	assert_int_equal(strncmp(a->path, base, strlen(base)), 0);
	if (!strcmp(a->method, "POST")) {
		assert_string_equal(name, "");
		name = collect__meta(a->body, "name");
		if (json_object_get(w.maps, name))
			return 409;
	} else {
		assert_int_equal(*name++, '/');
		if (!json_object_get(w.maps, name))
			return 404;
	}
	if (strcmp(a->method, "GET") != 0)
		json_object_set(w.maps, name, a->body);
	*ret = json_object_get(w.maps, name);
	return 200;
}

static bool answer_one(void)
{
	struct asked *a = w.first;
	struct kube_answer answer = {0};
	json_t *body = NULL;

	if (!a)
		return false;
	w.first = a->next;
	w.requests++;
	if (w.fail) {
		w.fail--;
		answer.status = 500;
		strcpy(answer.why, "etcdserver: request timed out");
	} else {
		answer.status =
			!strcmp(a->method, "PATCH") ? patch_object(a, &body) : do_map(a, &body);
	}
	answer.body = body;
	if (answer.status >= 400)
		snprintf(answer.why, sizeof(answer.why), "status %d", answer.status);
	a->rq.done(a->rq.arg, &answer);
	asked__free(a);
	return true;
}

/* Until it is done, or waits for longer than @limit_ns. */
static void drive(struct collector *c, int64_t limit_ns)
{
	int64_t until = w.now + limit_ns;

	while (!collector__done(c)) {
		int64_t due = collector__step(c);
		int fd = collector__fd(c);

		if (fd >= 0) {
			assert_int_equal(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1),
					 1);
			continue;
		}
		if (answer_one()) {
			collector__put(c, w.obj);
			continue;
		}
		if (due > until)
			return;
		assert_true(due > w.now);
		w.now = due;
	}
}

static int setup(void **state)
{
	(void)state;
	w = (struct world){.now = 1000 * S, .maps = json_object()};
	strcpy(w.dir, "/tmp/test_collect.XXXXXX");
	w.obj = json_pack("{s:{s:s,s:s,s:s},s:{s:{}}}", "metadata", "name", "cut", "namespace",
			  "shop", "uid", UID, "status", "nodes");
	set_version();
	return mkdtemp(w.dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(w.maps);
	json_decref(w.obj);
	assert_null(w.first);
	run_folder__remove(w.dir);
	return 0;
}

static struct collector *collector(const char *node)
{
	char dir[128];
	struct collect_config cfg = {
		node, dir, "netchaos.dev/v1alpha1", "Experiment", "experiments", &ops, NULL};
	struct collector *c = NULL;

	snprintf(dir, sizeof(dir), "%s/report-%s", w.dir, node);
	assert_int_equal(collector__new(&cfg, w.obj, &c), 0);
	collector__set_end(c, realtime(NULL) + 10 * S);
	return c;
}

static json_t *nodes(void)
{
	return json_object_get(json_object_get(w.obj, "status"), "nodes");
}

static void tell(const char *node, const char *phase, unsigned int chunks)
{
	json_object_set_new(nodes(), node,
			    json_pack("{s:s,s:{s:{}},s:{s:i,s:i},s:{s:f,s:f}}", "phase", phase,
				      "pods", "shop/web", "record", "chunks", chunks, "bytes", 1,
				      "clock", "offsetMs", 0.25, "epsilonMs", 0.5));
	set_version();
}

/* @node has recorded its part: chunks are in the API, and its status says so. */
static void record(const char *node)
{
	char path[256], name[RECORD_NAME_MAX], label[RECORD_NAME_MAX];
	_cleanup_free_ char *base64 = NULL;
	struct record_size size;
	struct error err = {0};
	struct events e;
	FILE *f;

	ev__open(&e);
	ev__line(&e,
		 "{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"cut\",\"seed\":42,\"node\":"
		 "\"%s\","
		 "\"kernel\":\"6.18\",\"duration_ns\":30000" MS_JSON
		 ",\"traffic_bin_ns\":100" MS_JSON
		 ",\"mechanism\":\"tcx\",\"nodes\":[\"n1\",\"n2\",\"n3\"],\"faults\":[" CUT
		 "],\"resources\":[],\"workloads\":[],\"expect\":[\"split_brain.level <= L1\","
		 "\"faults[cut].hits.dropped >= 1\"]}",
		 node);
	ev__phase(&e, 0, "baseline");
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 6);
	ev__end(&e, 30000, "complete", 0);
	fclose(e.f);
	snprintf(path, sizeof(path), "%s/of-%s", w.dir, node);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/of-%s/segment-1", w.dir, node);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/of-%s/segment-1/events.jsonl", w.dir, node);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(e.text, 1, e.len, f);
	fclose(f);
	free(e.text);

	snprintf(path, sizeof(path), "%s/of-%s", w.dir, node);
	assert_int_equal(record__pack(path, strcat(strcpy(name, path), ".gz"), &size, &err), 0);
	assert_int_equal(record__chunk(name, 0, &base64, &err), 0);
	assert_int_equal(size.chunks, 1);
	record__map_name(UID, node, 0, name, sizeof(name));
	json_object_set_new(w.maps, name,
			    json_pack("{s:{s:{s:s}},s:{s:s}}", "metadata", "labels",
				      RECORD_LABEL_RUN, record__label(UID, label, sizeof(label)),
				      "binaryData", "chunk", base64));
	tell(node, "Done", 1);
}

static const json_t *status(const char *key)
{
	return json_object_get(json_object_get(w.obj, "status"), key);
}

static void assert_word(const json_t *v, const char *want)
{
	assert_non_null(json_string_value(v));
	assert_string_equal(json_string_value(v), want);
}

static json_t *summary_json(const char *map)
{
	const json_t *m = json_object_get(w.maps, map);
	const char *text =
		json_string_value(json_object_get(json_object_get(m, "data"), "summary.json"));

	assert_non_null(text);
	return json_loads(text, 0, NULL);
}

/* ---- tests ---- */

static void test_report(void **state)
{
	const json_t *map, *owner;
	struct collector *c;
	json_t *sum;

	(void)state;
	record("n1");
	record("n2");
	c = collector("n1");
	drive(c, 100 * S);
	assert_true(collector__done(c));
	collector__free(c);
	assert_word(status("verdict"), "unknown"); /* nobody looked for claims */
	assert_word(json_object_get(status("summary"), "report"), "configmap/cut-chaos");
	assert_word(json_object_get(status("collector"), "node"), "n1");
	map = json_object_get(w.maps, "cut-chaos");
	assert_non_null(json_object_get(json_object_get(map, "data"), "junit.xml"));
	assert_non_null(json_object_get(json_object_get(map, "binaryData"), "report.html.gz"));
	owner = json_array_get(json_object_get(json_object_get(map, "metadata"), "ownerReferences"),
			       0);
	assert_word(json_object_get(owner, "uid"), UID);
	assert_true(json_is_false(json_object_get(owner, "blockOwnerDeletion")));
	sum = summary_json("cut-chaos");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(sum, "cluster"), "missing")), 0);
	assert_string_equal(json_string_value(json_object_get(sum, "status")), "complete");
	json_decref(sum);
}

/* Both nodes try; one does it. The other takes over when the first dies in the middle. */
static void test_one_does_it(void **state)
{
	struct collector *a, *b;

	(void)state;
	record("n1");
	record("n2");
	a = collector("n1");
	b = collector("n2");
	collector__step(a);
	assert_true(answer_one()); /* n1 has claimed */
	collector__put(b, w.obj);
	drive(b, 30 * S);
	assert_false(collector__done(b));
	assert_word(json_object_get(status("collector"), "node"), "n1");
	collector__free(a);
	drive(b, 100 * S);
	assert_true(collector__done(b));
	assert_word(json_object_get(status("collector"), "node"), "n2");
	assert_non_null(status("verdict"));
	collector__free(b);
}

static void test_second_waits_for_first(void **state)
{
	struct collector *b;

	(void)state;
	record("n1");
	record("n2");
	b = collector("n2");
	assert_int_equal(collector__step(b), w.now + RANK_S * S);
	assert_null(w.first);
	json_object_set_new(json_object_get(w.obj, "status"), "verdict", json_string("pass"));
	collector__put(b, w.obj);
	assert_true(collector__done(b));
	assert_int_equal(collector__fd(b), -1);
	collector__free(b);
}

/* Answers fail, versions change under it: it comes to its end all the same. */
static void test_trouble(void **state)
{
	struct collector *c;

	(void)state;
	record("n1");
	w.fail = 5;
	w.conflicts = 3;
	c = collector("n1");
	drive(c, 100 * S);
	assert_true(collector__done(c));
	assert_non_null(json_object_get(w.maps, "cut-chaos"));
	collector__free(c);
}

static void test_missing(void **state)
{
	json_t *expected = json_pack("[s,s]", "n1", "n4"), *sum;
	const json_t *missing;
	struct collector *c;
	int64_t began;
	size_t i;
	const json_t *x;

	(void)state;
	record("n1");
	record("n2");
	tell("n3", "Running", 0);
	/* what n2 says it has is not there */
	json_object_del(w.maps, "chaos-0b1c2d3e-n2-00");
	c = collector("n1");
	collector__expect(c, expected);
	began = w.now;
	drive(c, 100 * S);
	assert_true(collector__done(c));
	assert_true(w.now >= began + 10 * S + COLLECT_WAIT_NS);
	missing = json_object_get(status("summary"), "missing");
	assert_int_equal(json_array_size(missing), 3);
	assert_word(status("verdict"), "unknown");
	sum = summary_json("cut-chaos");
	assert_word(json_object_get(sum, "status"), "failed");
	json_array_foreach(json_object_get(sum, "expectations"), i, x) {
		const char *reason = json_string_value(json_object_get(x, "reason"));

		assert_string_not_equal(json_string_value(json_object_get(x, "verdict")), "pass");
		assert_non_null(strstr(reason, "node n3 (it has not told its end)"));
		assert_non_null(strstr(reason, "node n4 (no agent has told of it)"));
	}
	assert_int_equal(i, 2);
	json_decref(sum);
	json_decref(expected);
	collector__free(c);
}

static void test_nothing_recorded(void **state)
{
	struct collector *c;

	(void)state;
	tell("n1", "Refused", 0);
	c = collector("n1");
	drive(c, 100 * S);
	assert_true(collector__done(c));
	assert_word(status("verdict"), "unknown");
	assert_word(json_object_get(status("summary"), "message"),
		    "there is no report: no node has a record of it");
	assert_int_equal(json_object_size(w.maps), 0);
	collector__free(c);
}

/* What claims to be a record and is not costs that node's part, not the report. */
static void test_hostile_record(void **state)
{
	static const char *const bad[] = {"", "AAAA", "!!", "H4sIAAAAAAAA"};
	struct collector *c;

	(void)state;
	record("n1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char name[16], map[64];

		snprintf(name, sizeof(name), "x%zu", i);
		tell(name, "Done", 1);
		json_object_set_new(w.maps, record__map_name(UID, name, 0, map, sizeof(map)),
				    json_pack("{s:{s:{s:s}},s:{s:s}}", "metadata", "labels",
					      RECORD_LABEL_RUN, UID, "binaryData", "chunk",
					      bad[i]));
	}
	tell("../../x", "Done", 1);
	tell("y", "Done", 1);
	json_object_set_new(w.maps, "chaos-0b1c2d3e-y-00", json_pack("[]"));
	c = collector("n1");
	drive(c, 100 * S);
	assert_true(collector__done(c));
	assert_int_equal(json_array_size(json_object_get(status("summary"), "missing")), 6);
	assert_non_null(json_object_get(w.maps, "cut-chaos"));
	collector__free(c);
}

static void test_name_taken(void **state)
{
	struct collector *c;

	(void)state;
	record("n1");
	json_object_set_new(w.maps, "cut-chaos",
			    json_pack("{s:{s:[{s:s}]}}", "metadata", "ownerReferences", "kind",
				      "NetworkChaos"));
	c = collector("n1");
	drive(c, 100 * S);
	assert_true(collector__done(c));
	assert_word(json_object_get(status("summary"), "report"), "configmap/cut-0b1c2d3e-chaos");
	collector__free(c);

	/* one of its own kind, of an object before it, is replaced */
	json_object_set_new(
		w.maps, "cut-chaos",
		json_pack("{s:{s:[{s:s}]}}", "metadata", "ownerReferences", "kind", "Experiment"));
	json_object_del(json_object_get(w.obj, "status"), "verdict");
	set_version();
	c = collector("n1");
	drive(c, 100 * S);
	assert_word(json_object_get(status("summary"), "report"), "configmap/cut-chaos");
	collector__free(c);
}

/* Deleted and made anew with its name, which nobody has told the collector: the new one has no verdict yet. */
static void test_other_object(void **state)
{
	struct collector *c;

	(void)state;
	record("n1");
	c = collector("n1");
	for (;;) {
		int64_t due = collector__step(c);
		int fd = collector__fd(c);

		if (w.first && json_object_get(json_object_get(w.first->body, "status"), "verdict"))
			break;
		if (fd >= 0)
			poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
		else if (answer_one())
			collector__put(c, w.obj);
		else
			w.now = due;
	}
	json_object_set_new(json_object_get(w.obj, "metadata"), "uid", json_string("another"));
	json_object_clear(json_object_get(w.obj, "status"));
	set_version();
	answer_one();
	assert_null(status("verdict"));
	assert_false(collector__done(c));
	collector__free(c);
}

static void test_judge(void **state)
{
	json_t *have = NULL, *missing = NULL, *odd;
	int64_t at = 0;

	(void)state;
	/* nobody has told: wait, if need be for ever */
	assert_int_equal(collect__judge(w.obj, NULL, INT64_MAX, 0, &at, &have, &missing),
			 COLLECT_NOT_YET);
	assert_true(at == INT64_MAX);
	tell("n1", "Done", 65);
	tell("n2", "Paused", 0);
	assert_int_equal(collect__judge(w.obj, NULL, 10 * S, 40 * S - 1, &at, &have, &missing),
			 COLLECT_NOT_YET);
	assert_true(at == 40 * S);
	assert_int_equal(collect__judge(w.obj, NULL, 10 * S, 40 * S, &at, &have, &missing),
			 COLLECT_GO);
	/* a record of 65 chunks is none */
	assert_int_equal(json_array_size(have), 0);
	assert_int_equal(json_array_size(missing), 2);
	json_decref(have);
	json_decref(missing);
	odd = json_pack("{s:{s:[],s:i}}", "status", "nodes", "verdict", 1);
	assert_int_equal(collect__judge(odd, odd, 0, COLLECT_WAIT_NS, &at, &have, &missing),
			 COLLECT_GO);
	json_decref(have);
	json_decref(missing);
	json_decref(odd);
}

static void test_short(void **state)
{
	json_t *sum = json_pack(
		"{s:{s:s,s:[]},s:{s:i,s:n,s:i},s:{s:s},s:{s:n},s:[{s:s,s:s,s:s},{s:s,s:s,s:s}]}",
		"split_brain", "level", "L2", "resources", "writes", "acked", 7, "lost",
		"attempted", 9, "herd", "kind", "none", "recovery", "time_s", "expectations",
		"expr", "a == 1", "verdict", "pass", "reason", "", "expr", "b == 1", "verdict",
		"fail", "reason", "it is 2");
	json_t *o = collect__short(sum), *want;

	(void)state;
	want = json_pack("{s:{s:s},s:{s:i},s:{s:s},s:{s:i,s:i,s:i},s:[{s:s,s:s,s:s}]}",
			 "split_brain", "level", "L2", "writes", "acked", 7, "herd", "kind", "none",
			 "expectations", "pass", 1, "fail", 1, "unknown", 0, "not_passed", "expr",
			 "b == 1", "verdict", "fail", "reason", "it is 2");
	assert_true(json_equal(o, want));
	json_decref(o);
	json_decref(want);
	json_decref(sum);
	o = collect__short(NULL);
	assert_int_equal(json_object_size(o), 1);
	json_decref(o);
}

static void test_words(void **state)
{
	char long_words[600];
	json_t *o;

	(void)state;
	o = collect__words(256, "a: ", "b");
	assert_word(o, "a: b");
	json_decref(o);
	o = collect__words(256, "", "\xff!");
	assert_word(o, "?!");
	json_decref(o);
	/* every cut of characters of two bytes is UTF-8 */
	for (size_t i = 0; i + 2 < sizeof(long_words); i += 2)
		memcpy(long_words + i, "\xc3\xa4", 3);
	o = collect__words(256, "", long_words);
	assert_null(strchr(json_string_value(o), '?'));
	assert_true(json_string_length(o) >= 250 && json_string_length(o) <= 256);
	json_decref(o);
	o = collect__words(256, "x", long_words);
	assert_null(strchr(json_string_value(o), '?'));
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_report, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_does_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_second_waits_for_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_trouble, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_recorded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_object, setup, teardown),
		cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
