/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.h: runs as one node sees them, for tests: objects and pods go in by calls, requests come out, and answers are
 * given by hand; so is the time. The children are a script's processes.
 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

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
	int64_t now, real, ahead_ns;
	struct asked asked[32];
	size_t n_asked;
	char events[4096];
	struct runs *runs;
	struct pods *pods;
	unsigned int version;
};

static inline int do_request(void *arg, const struct kube_request *r)
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

static inline void drop(struct world *w, size_t i)
{
	json_decref(w->asked[i].body);
	memmove(&w->asked[i], &w->asked[i + 1], (w->n_asked - i - 1) * sizeof(w->asked[0]));
	w->n_asked--;
}

static inline void do_cancel(void *arg, const void *who)
{
	struct world *w = arg;

	for (size_t i = w->n_asked; i-- > 0;)
		if (w->asked[i].arg == who)
			drop(w, i);
}

static inline int64_t get_now(void *arg)
{
	return ((struct world *)arg)->now;
}

static inline int64_t get_real(void *arg)
{
	return ((struct world *)arg)->real;
}

static inline bool get_clock(void *arg, int64_t *ret_lo_ns, int64_t *ret_hi_ns)
{
	struct world *w = arg;

	*ret_lo_ns = w->ahead_ns - NS_PER_MS;
	*ret_hi_ns = w->ahead_ns + NS_PER_MS;
	return true;
}

static inline json_t *get_exempt(void *arg)
{
	(void)arg;
	return json_pack("[s]", "10.0.0.1");
}

static inline void on_event(void *arg, const json_t *obj, bool warning, const char *reason,
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

static inline void open_runs(struct world *w)
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

/* What stands for `chaos run` from now on. */
static inline void write_script(const struct world *w, const char *text)
{
	FILE *f = fopen(w->exe, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fchmod(fileno(f), 0700), 0);
	assert_int_equal(fclose(f), 0);
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	snprintf(w->dir, sizeof(w->dir), "/tmp/chaos-test-runs-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->exe, sizeof(w->exe), "%s/exe", w->dir);
	snprintf(w->runs_dir, sizeof(w->runs_dir), "%s/runs", w->dir);
	write_script(w, script);
	w->now = 1000 * NS_PER_S;
	w->real = 1800000000LL * NS_PER_S;
	w->version = 10;
	w->pods = pods__new();
	open_runs(w);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
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

static inline json_t *object(struct world *w, const char *status)
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

static inline void put(struct world *w, json_t *obj)
{
	runs__put(w->runs, RUN_NETWORKCHAOS, obj);
	json_decref(obj);
}

static inline void annotate(json_t *obj, const char *key)
{
	json_object_set_new(json_object_get(json_object_get(obj, "metadata"), "annotations"), key,
			    json_string("true"));
}

static inline void put_pod(struct world *w, const char *name, const char *node, const char *ip)
{
	json_t *pod = json_pack("{s:{s:s,s:s,s:s,s:{s:s}},s:{s:s},s:{s:s,s:s,s:[{s:s}]}}",
				"metadata", "name", name, "namespace", "shop", "uid", name,
				"labels", "app", "web", "spec", "nodeName", node, "status", "phase",
				"Running", "podIP", ip, "podIPs", "ip", ip);

	assert_int_equal(pods__put(w->pods, pod), 1);
	json_decref(pod);
	runs__set_pods(w->runs, w->pods);
}

static inline void pass(struct world *w, int64_t ns)
{
	w->now += ns;
	w->real += ns;
	runs__step(w->runs);
}

/* The oldest request of that kind whose body's status has @key; NULL: there is none. */
static inline struct asked *find(struct world *w, const char *method, const char *path,
				 const char *key)
{
	for (size_t i = 0; i < w->n_asked; i++) {
		json_t *status = json_object_get(w->asked[i].body, "status");

		if (!strcmp(w->asked[i].method, method) && strstr(w->asked[i].path, path) &&
		    (!key || json_object_get(status, key)))
			return &w->asked[i];
	}
	return NULL;
}

static inline struct asked *expect(struct world *w, const char *method, const char *path,
				   const char *key)
{
	struct asked *a = find(w, method, path, key);

	for (size_t i = 0; !a && i < w->n_asked; i++)
		fprintf(stderr, "asked: %s %s\n", w->asked[i].method, w->asked[i].path);
	if (!a)
		fail_msg("no %s %s with %s", method, path, key ? key : "anything");
	return a;
}

static inline void answer(struct world *w, struct asked *a, int status, json_t *body)
{
	struct kube_answer k = {.status = status, .body = body, .why = "because"};
	struct asked copy = *a;

	copy.body = json_incref(copy.body);
	drop(w, (size_t)(a - w->asked));
	copy.done(copy.arg, &k);
	json_decref(copy.body);
	json_decref(body);
}

static inline const char *started_at(struct world *w, char buf[40])
{
	return instant__format(w->real + 2 * NS_PER_S, buf, 40);
}

/* With the start at 2 s from now, written by someone else. */
static inline json_t *started(struct world *w, const char *more)
{
	char status[600], at[40];

	snprintf(status, sizeof(status),
		 "{'phase':'Pending','observedGeneration':1,'startAt':'%s'%s}", started_at(w, at),
		 more);
	return object(w, status);
}

/* A newer version of @obj, with @more (' for ") in its status. */
static inline json_t *with_status(struct world *w, const json_t *obj, const char *more)
{
	json_t *copy = json_deep_copy(obj), *j;
	char text[1000], *s = text;

	snprintf(text, sizeof(text), "%s", more);
	for (; *s; s++)
		if (*s == '\'')
			*s = '"';
	j = json_loads(text, 0, NULL);
	assert_int_equal(json_object_update(json_object_get(copy, "status"), j), 0);
	json_object_set_new(json_object_get(copy, "metadata"), "resourceVersion",
			    json_sprintf("%u", ++w->version));
	json_decref(j);
	return copy;
}

/* Until the child of segment @n has said how it stands: what it said. */
static inline json_t *wait_child(unsigned int n, struct world *w)
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

static inline void wait_no_child(struct world *w)
{
	struct pollfd fds[RUNS_FDS_MAX];

	for (int i = 0; i < 20 && runs__count(w->runs).children; i++) {
		poll(fds, runs__fds(w->runs, fds), 1000);
		runs__step(w->runs);
	}
	assert_int_equal(runs__count(w->runs).children, 0);
}

static inline void settle(struct world *w)
{
	for (int i = 0; i < 10; i++)
		pass(w, 0);
}

/* OBJ, which this takes, is run here: its pod web-1 is on this node, and its first child, which is TEXT, is there. */
static inline void begin_child(struct world *w, const char *text, json_t *obj)
{
	write_script(w, text);
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, obj);
	settle(w);
	json_decref(wait_child(1, w));
}

static inline void restart(struct world *w)
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
