// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_runs.c: runs as one node sees them: objects and pods go in by calls, requests come out, and answers are given by
 * hand; so is the time. The children are a script's processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/child.h"
#include "agent/collect.h"
#include "agent/pods.h"
#include "agent/runs.h"
#include "agent/status.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UID "11111111-2222-3333-4444-555555555555"
#define PATH "/apis/chaos-mesh.org/v1alpha1/namespaces/shop/networkchaos/cut"

/* Stands for `chaos run`. */
static const char script[] =
	"#!/bin/sh\n"
	"trap 'kill $s; exit 130' TERM\n"
	"mkdir -p \"$3\" && echo '{\"type\":\"run\"}' > \"$3/events.jsonl\"\n"
	"sleep 1000 & s=$!\n"
	"echo '{\"args\":\"'\"$*\"'\",\"mechanism\":\"tcx\",\"faults\":[],\"places\":[]}' > "
	"\"$9.new\" && mv \"$9.new\" \"$9\"\n"
	"wait $s\n";

struct asked {
	char method[8], path[200];
	json_t *body;
	kube_done_fn *done;
	void *arg;
};

struct world {
	char dir[64], exe[80], runs_dir[80];
	int64_t now, real;
	struct asked asked[32];
	size_t n_asked;
	char events[4096];
	struct runs *runs;
	struct pods *pods;
	unsigned int version;
};

static int do_request(void *arg, const struct kube_request *r)
{
	struct world *w = arg;
	struct asked *a = &w->asked[w->n_asked++];

	assert_true(w->n_asked <= 32);
	snprintf(a->method, sizeof(a->method), "%s", r->method);
	snprintf(a->path, sizeof(a->path), "%s", r->path);
	a->body = json_deep_copy(r->body);
	a->done = r->done;
	a->arg = r->arg;
	return 0;
}

static void drop(struct world *w, size_t i)
{
	json_decref(w->asked[i].body);
	memmove(&w->asked[i], &w->asked[i + 1], (w->n_asked - i - 1) * sizeof(w->asked[0]));
	w->n_asked--;
}

static void do_cancel(void *arg, const void *who)
{
	struct world *w = arg;

	for (size_t i = w->n_asked; i-- > 0;)
		if (w->asked[i].arg == who)
			drop(w, i);
}

static int64_t get_now(void *arg)
{
	return ((struct world *)arg)->now;
}

static int64_t get_real(void *arg)
{
	return ((struct world *)arg)->real;
}

static bool get_clock(void *arg, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	(void)arg;
	*ret_lo_ns = -NS_PER_MS;
	*ret_hi_ns = NS_PER_MS;
	return true;
}

static json_t *get_exempt(void *arg)
{
	(void)arg;
	return json_pack("[s]", "10.0.0.1");
}

static void on_event(void *arg, const json_t *obj, bool warning, const char *reason,
		     const char *words)
{
	struct world *w = arg;

	(void)obj;
	(void)warning;
	snprintf(w->events + strlen(w->events), sizeof(w->events) - strlen(w->events), "%s: %s\n",
		 reason, words ? words : "");
}

static const struct collect_ops collect_ops = {do_request, do_cancel, get_now, get_real};
static const struct runs_ops ops = {.request = do_request,
				    .cancel = do_cancel,
				    .now = get_now,
				    .realtime = get_real,
				    .clock = get_clock,
				    .collect = &collect_ops,
				    .exempt = get_exempt,
				    .event = on_event};

static void open_runs(struct world *w)
{
	struct runs_config c = {.node = "n1",
				.agent = "chaos-abc",
				.dir = w->runs_dir,
				.exe = w->exe,
				.lead_ns = 2 * NS_PER_S,
				.ops = &ops,
				.arg = w};

	assert_int_equal(runs__new(&c, &w->runs), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	FILE *f;

	snprintf(w->dir, sizeof(w->dir), "/tmp/chaos-test-runs-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->exe, sizeof(w->exe), "%s/exe", w->dir);
	snprintf(w->runs_dir, sizeof(w->runs_dir), "%s/runs", w->dir);
	f = fopen(w->exe, "we");
	if (!f || fputs(script, f) < 0 || fchmod(fileno(f), 0700) < 0 || fclose(f))
		return -1;
	w->now = 1000 * NS_PER_S;
	w->real = 1800000000LL * NS_PER_S;
	w->version = 10;
	w->pods = pods__new();
	open_runs(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	while (!runs__end(w->runs, false)) {
		struct pollfd fds[RUNS_FDS_MAX];

		poll(fds, runs__fds(w->runs, fds), 1000);
	}
	runs__free(w->runs);
	pods__free(w->pods);
	while (w->n_asked)
		drop(w, 0);
	run_folder__remove(w->dir);
	free(w);
	return 0;
}

/* --- what the cluster says ---------------------------------------------------------------------------- */

static json_t *object(struct world *w, const char *status)
{
	char text[2000], *s = text;

	snprintf(text, sizeof(text),
		 "{'metadata':{'name':'cut','namespace':'shop','uid':'" UID
		 "','resourceVersion':'%u',"
		 "'generation':1,'annotations':{}},'spec':{'action':'partition','mode':'all','"
		 "direction':'both',"
		 "'duration':'30s','selector':{'namespaces':['shop'],'labelSelectors':{'app':'web'}"
		 "}},"
		 "'status':%s}",
		 ++w->version, status);
	for (; *s; s++)
		if (*s == '\'')
			*s = '"';
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static void put(struct world *w, json_t *obj)
{
	runs__put(w->runs, RUN_NETWORKCHAOS, obj);
	json_decref(obj);
}

static void annotate(json_t *obj, const char *key)
{
	json_object_set_new(json_object_get(json_object_get(obj, "metadata"), "annotations"), key,
			    json_string("true"));
}

static void put_pod(struct world *w, const char *name, const char *node, const char *ip)
{
	json_t *pod = json_pack("{s:{s:s,s:s,s:s,s:{s:s}},s:{s:s},s:{s:s,s:s,s:[{s:s}]}}",
				"metadata", "name", name, "namespace", "shop", "uid", name,
				"labels", "app", "web", "spec", "nodeName", node, "status", "phase",
				"Running", "podIP", ip, "podIPs", "ip", ip);

	assert_int_equal(pods__put(w->pods, pod), 1);
	json_decref(pod);
	runs__set_pods(w->runs, w->pods);
}

static void pass(struct world *w, int64_t ns)
{
	w->now += ns;
	w->real += ns;
	runs__step(w->runs);
}

/* The oldest request of that kind whose body's status has @key; NULL: there is none. */
static struct asked *find(struct world *w, const char *method, const char *path, const char *key)
{
	for (size_t i = 0; i < w->n_asked; i++) {
		json_t *status = json_object_get(w->asked[i].body, "status");

		if (!strcmp(w->asked[i].method, method) && strstr(w->asked[i].path, path) &&
		    (!key || json_object_get(status, key)))
			return &w->asked[i];
	}
	return NULL;
}

static struct asked *expect(struct world *w, const char *method, const char *path, const char *key)
{
	struct asked *a = find(w, method, path, key);

	for (size_t i = 0; !a && i < w->n_asked; i++)
		fprintf(stderr, "asked: %s %s\n", w->asked[i].method, w->asked[i].path);
	if (!a)
		fail_msg("no %s %s with %s", method, path, key ? key : "anything");
	return a;
}

static void answer(struct world *w, struct asked *a, int status, json_t *body)
{
	struct kube_answer k = {.status = status, .body = body, .why = "because"};
	struct asked copy = *a;

	copy.body = json_incref(copy.body);
	drop(w, (size_t)(a - w->asked));
	copy.done(copy.arg, &k);
	json_decref(copy.body);
	json_decref(body);
}

static const char *started_at(struct world *w, char buf[40])
{
	return instant__format(w->real + 2 * NS_PER_S, buf, 40);
}

/* With the start at 2 s from now, written by someone else. */
static json_t *started(struct world *w, const char *more)
{
	char status[600], at[40];

	snprintf(status, sizeof(status),
		 "{'phase':'Pending','observedGeneration':1,'startAt':'%s'%s}", started_at(w, at),
		 more);
	return object(w, status);
}

/* Until the child of segment @n has said how it stands: what it said. */
static json_t *wait_child(unsigned int n, struct world *w)
{
	char folder[200], name[40];

	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	snprintf(name, sizeof(name), "segment-%u.json", n);
	for (int i = 0; i < 2000; i++) {
		json_t *j = run_folder__read_json(folder, name);

		if (j)
			return j;
		usleep(10000);
	}
	fail_msg("no child of segment %u", n);
	return NULL;
}

static void wait_no_child(struct world *w)
{
	struct pollfd fds[RUNS_FDS_MAX];

	for (int i = 0; i < 20 && runs__count(w->runs).children; i++) {
		poll(fds, runs__fds(w->runs, fds), 1000);
		runs__step(w->runs);
	}
	assert_int_equal(runs__count(w->runs).children, 0);
}

static void settle(struct world *w)
{
	for (int i = 0; i < 10; i++)
		pass(w, 0);
}

static void restart(struct world *w)
{
	while (!runs__end(w->runs, false)) {
		struct pollfd fds[RUNS_FDS_MAX];

		poll(fds, runs__fds(w->runs, fds), 1000);
	}
	runs__free(w->runs);
	while (w->n_asked)
		drop(w, 0);
	open_runs(w);
	runs__set_pods(w->runs, w->pods);
}

/* --- tests -------------------------------------------------------------------------------------------- */

static void a_start_is_asked_for_once_and_kept(void **state)
{
	struct world *w = *state;
	json_t *patch, *said;
	char at[40], arg[60];
	struct asked *a;

	put(w, object(w, "{}"));
	settle(w);
	assert_null(find(w, "PATCH", PATH, "startAt")); /* pods are not known yet */
	put_pod(w, "web-1", "n1", "10.1.0.5");
	settle(w);
	a = expect(w, "PATCH", PATH "/status", "startAt");
	patch = json_object_get(a->body, "status");
	assert_string_equal(json_string_value(json_object_get(patch, "startAt")),
			    started_at(w, at));
	assert_string_equal(json_string_value(json_object_get(json_object_get(a->body, "metadata"),
							      "resourceVersion")),
			    "11");
	/* Another agent was first: its start is the one. */
	answer(w, a, 409, NULL);
	w->real += 100 * NS_PER_MS;
	put(w, started(w, ""));
	started_at(w, at);
	settle(w);
	assert_null(find(w, "PATCH", PATH, "startAt"));
	said = wait_child(1, w);
	snprintf(arg, sizeof(arg), "--start-at %lld ", (long long)(w->real + 2 * NS_PER_S));
	assert_non_null(strstr(json_string_value(json_object_get(said, "args")), arg));
	assert_int_equal(runs__count(w->runs).children, 1);
	json_decref(said);
}

static void members_are_written_with_what_is_exempt_and_follow_the_pods(void **state)
{
	struct world *w = *state;
	char folder[200];
	json_t *m;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, started(w, ""));
	settle(w);
	json_decref(wait_child(1, w));
	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	m = run_folder__read_json(folder, "members.json");
	assert_string_equal(json_string_value(json_array_get(json_object_get(m, "exempt"), 0)),
			    "10.0.0.1");
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(m, "endpoints"), 0), "pods")),
			 1);
	json_decref(m);
	put_pod(w, "web-2", "n2", "10.1.1.5");
	settle(w);
	m = run_folder__read_json(folder, "members.json");
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(m, "endpoints"), 0), "pods")),
			 2);
	json_decref(m);
}

static void a_pod_that_comes_late_brings_the_child_with_it(void **state)
{
	struct world *w = *state;

	put_pod(w, "web-2", "n2", "10.1.1.5");
	put(w, started(w, ""));
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	assert_null(find(w, "PATCH", PATH, "nodes"));
	pass(w, 10 * NS_PER_S);
	put_pod(w, "web-3", "n1", "10.1.0.6");
	settle(w);
	json_decref(wait_child(1, w));
	assert_int_equal(runs__count(w->runs).children, 1);
}

static void nothing_that_matches_waits(void **state)
{
	struct world *w = *state;
	json_t *status;

	runs__set_pods(w->runs, w->pods);
	put(w, object(w, "{}"));
	settle(w);
	pass(w, NS_PER_S); /* agents take turns */
	status = json_object_get(expect(w, "PATCH", PATH "/status", "phase")->body, "status");
	assert_string_equal(json_string_value(json_object_get(status, "phase")), "Pending");
	assert_non_null(json_object_get(status, "message"));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	settle(w);
	expect(w, "PATCH", PATH "/status", "startAt");
}

static void who_waits_for_pods_that_nobody_may_list_says_so(void **state)
{
	struct world *w = *state;
	json_t *status;

	put(w, object(w, "{}"));
	runs__set_trouble(w->runs, "pods are not known: forbidden");
	settle(w);
	pass(w, NS_PER_S);
	status = json_object_get(expect(w, "PATCH", PATH "/status", "phase")->body, "status");
	assert_string_equal(json_string_value(json_object_get(status, "message")),
			    "pods are not known: forbidden");
}

static void a_refusal_is_told_with_its_path(void **state)
{
	struct world *w = *state;
	json_t *obj = object(w, "{}"), *status;
	struct asked *a;

	json_object_set_new(json_object_get(obj, "spec"), "action", json_string("explode"));
	put(w, json_incref(obj));
	settle(w);
	pass(w, NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "phase");
	status = json_object_get(a->body, "status");
	assert_string_equal(json_string_value(json_object_get(status, "phase")), "Refused");
	assert_non_null(
		strstr(json_string_value(json_object_get(status, "message")), "spec.action"));
	json_object_set(obj, "status", status);
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("99"));
	answer(w, a, 200, obj);
	assert_non_null(strstr(w->events, "Refused: "));
	/* Told once. */
	w->events[0] = '\0';
	settle(w);
	pass(w, 20 * NS_PER_S);
	assert_null(find(w, "PATCH", PATH, NULL));
	assert_string_equal(w->events, "");
}

/* The status that the API would have after @patch. */
static json_t *apply(struct world *w, json_t *patch)
{
	json_t *obj = started(w, "");

	json_object_update(json_object_get(obj, "status"), json_object_get(patch, "status"));
	return obj;
}

static void a_node_tells_once_a_second_until_it_is_through(void **state)
{
	struct world *w = *state;
	struct asked *a;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, started(w, ""));
	settle(w);
	json_decref(wait_child(1, w));
	a = expect(w, "PATCH", PATH "/status", "nodes");
	answer(w, a, 0, NULL);
	settle(w);
	assert_null(find(w, "PATCH", PATH, "nodes"));
	pass(w, 2 * NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "nodes");
	answer(w, a, 500, NULL);
	pass(w, 10 * NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "nodes");
	assert_int_equal(runs__count(w->runs).owed, 1);
	answer(w, a, 200, apply(w, a->body));
	settle(w);
	assert_int_equal(runs__count(w->runs).owed, 0);
}

static void pause_ends_the_child_and_resume_starts_it_with_the_same_start(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *paused, *said;
	char arg[60];

	snprintf(arg, sizeof(arg), "--start-at %lld ", (long long)(w->real + 2 * NS_PER_S));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	paused = json_deep_copy(obj);
	annotate(paused, "experiment.chaos-mesh.org/pause");
	json_object_set_new(json_object_get(paused, "metadata"), "resourceVersion",
			    json_string("50"));
	put(w, paused);
	settle(w);
	wait_no_child(w);
	pass(w, 5 * NS_PER_S);
	assert_int_equal(runs__count(w->runs).children, 0);
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("51"));
	put(w, obj);
	settle(w);
	said = wait_child(2, w);
	assert_non_null(strstr(json_string_value(json_object_get(said, "args")), arg));
	json_decref(said);
}

static void a_stop_is_final_and_the_record_goes_up_before_done(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *body;
	struct asked *a;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	annotate(obj, "netchaos.dev/stop");
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("50"));
	put(w, obj);
	settle(w);
	wait_no_child(w);
	settle(w);
	a = expect(w, "POST", "/api/v1/namespaces/shop/configmaps", NULL);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(json_object_get(a->body, "metadata"),
						       "ownerReferences"),
				       0),
			"uid")),
		UID);
	/* From before a restart: it is replaced. */
	answer(w, a, 409, NULL);
	settle(w);
	a = expect(w, "PUT", "/api/v1/namespaces/shop/configmaps/chaos-", NULL);
	answer(w, a, 200, json_object());
	for (size_t i = 0; i < w->n_asked; i++)
		if (json_object_get(json_object_get(w->asked[i].body, "status"), "nodes"))
			answer(w, &w->asked[i], 0, NULL);
	settle(w);
	pass(w, 2 * NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "nodes");
	body = json_object_get(json_object_get(json_object_get(a->body, "status"), "nodes"), "n1");
	assert_string_equal(json_string_value(json_object_get(body, "phase")), "Done");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(body, "record"), "chunks")), 1);
}

static void an_agent_that_is_started_again_goes_on(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *said;
	char arg[60];

	snprintf(arg, sizeof(arg), "--start-at %lld ", (long long)(w->real + 2 * NS_PER_S));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	w->now += NS_PER_S;
	put(w, obj);
	settle(w);
	said = wait_child(2, w);
	assert_non_null(strstr(json_string_value(json_object_get(said, "args")), arg));
	json_decref(said);
}

static void a_run_that_ended_meanwhile_is_only_told(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	pass(w, 60 * NS_PER_S);
	put(w, obj);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	expect(w, "POST", "/configmaps", NULL);
}

static void one_that_was_over_before_it_was_seen_is_left_alone(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	pass(w, 60 * NS_PER_S);
	put(w, obj);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	assert_null(find(w, "POST", "/configmaps", NULL));
	assert_null(find(w, "PATCH", PATH, "nodes"));
}

/* Somebody's finalizer keeps the object: its faults end all the same. */
static void an_object_that_is_being_deleted_ends_its_child(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	json_object_set_new(json_object_get(obj, "metadata"), "deletionTimestamp",
			    json_string("2027-01-15T08:00:00Z"));
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("50"));
	put(w, obj);
	settle(w);
	wait_no_child(w);
}

/* Once it has a start the spec stands; an agent that does not know that spec has no part in it. */
static void a_spec_that_changes_after_the_start_is_not_read(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *changed = json_deep_copy(obj);
	json_t *meta = json_object_get(changed, "metadata");

	json_object_set_new(meta, "generation", json_integer(2));
	json_object_set_new(meta, "resourceVersion", json_string("50"));
	json_object_set_new(json_object_get(changed, "spec"), "action", json_string("explode"));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, obj);
	settle(w);
	json_decref(wait_child(1, w));
	put(w, json_incref(changed));
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 1);
	assert_non_null(strstr(w->events, "SpecNotRead: "));
	/* The next agent has it from the folder. */
	restart(w);
	put(w, json_incref(changed));
	settle(w);
	json_decref(wait_child(2, w));
	/* And one without the folder leaves it alone. */
	restart(w);
	run_folder__remove(w->runs_dir);
	restart(w);
	put(w, changed);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	assert_int_equal(runs__count(w->runs).refused, 0);
}

static void deleting_the_object_ends_it_at_once(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");
	char folder[200];

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	runs__gone(w->runs, obj);
	json_decref(obj);
	runs__step(w->runs);
	wait_no_child(w);
	runs__step(w->runs);
	assert_int_equal(runs__count(w->runs).objects, 0);
	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	assert_int_not_equal(access(folder, F_OK), 0);
	assert_int_equal(w->n_asked, 0);
}

static void pods_are_asked_for_only_where_they_are_wanted(void **state)
{
	struct world *w = *state;
	struct runs_want want = runs__want(w->runs);

	assert_false(want.pods);
	put(w, object(w, "{}"));
	settle(w);
	want = runs__want(w->runs);
	assert_true(want.pods);
	assert_false(want.nodes);
	assert_string_equal(want.ns, "shop");
}

/* Objects that no API server would give: nothing is done, nothing breaks. */
static void objects_that_make_no_sense_are_passed_over(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"metadata\":7}",
		"{\"metadata\":{\"uid\":\"../x\",\"name\":\"a\",\"namespace\":\"b\"}}",
		"{\"metadata\":{\"uid\":\"u\",\"name\":\"a\",\"namespace\":\"b\"}}",
		"{\"metadata\":{\"uid\":\"v\",\"name\":\"a\",\"namespace\":\"b\",\"annotations\":[]"
		"},\"spec\":7,"
		"\"status\":{\"startAt\":\"soon\",\"nodes\":[7],\"picked\":7}}",
		"{\"metadata\":{\"uid\":\"w\",\"name\":\"a\",\"namespace\":\"b\"},\"status\":"
		"{\"startAt\":\"2027-01-15T08:00:00Z\",\"nodes\":{\"n1\":{\"phase\":\"Done\","
		"\"record\":[]}}}}"};
	struct world *w = *state;

	runs__set_pods(w->runs, w->pods);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put(w, json_loads(texts[i], 0, NULL));
	settle(w);
	pass(w, 20 * NS_PER_S);
	assert_int_equal(runs__count(w->runs).children, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_start_is_asked_for_once_and_kept),
		TEST(members_are_written_with_what_is_exempt_and_follow_the_pods),
		TEST(a_pod_that_comes_late_brings_the_child_with_it),
		TEST(nothing_that_matches_waits),
		TEST(who_waits_for_pods_that_nobody_may_list_says_so),
		TEST(a_refusal_is_told_with_its_path),
		TEST(a_node_tells_once_a_second_until_it_is_through),
		TEST(pause_ends_the_child_and_resume_starts_it_with_the_same_start),
		TEST(a_stop_is_final_and_the_record_goes_up_before_done),
		TEST(an_agent_that_is_started_again_goes_on),
		TEST(a_run_that_ended_meanwhile_is_only_told),
		TEST(one_that_was_over_before_it_was_seen_is_left_alone),
		TEST(a_spec_that_changes_after_the_start_is_not_read),
		TEST(deleting_the_object_ends_it_at_once),
		TEST(an_object_that_is_being_deleted_ends_its_child),
		TEST(pods_are_asked_for_only_where_they_are_wanted),
		TEST(objects_that_make_no_sense_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
