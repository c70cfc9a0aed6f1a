// SPDX-License-Identifier: GPL-2.0-only
/* agent.c: the loop, and what goes round in it. */
#include "agent/agent_internal.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

enum {
	IDLE_MS = 10000,
	PODS_TOGETHER_MS = 50, /* changes of pods are acted on together */
	METRICS_EVERY_MS = 1000,
	END_LIMIT_S =
		8, /* below the 30 s that a pod has to end, and what its children need after SIGTERM */
};

/* --- watches ------------------------------------------------------------------------------------- */

/* Words of an outage, once; and that it is over. */
static void note_contact(struct source *s, enum kube_event ev, const char *words)
{
	if (ev != KUBE_LOST)
		s->a->contact_ns = clock__now();
	if (ev == KUBE_LOST) {
		log_warn("%s: %s", s->what, words ? words : "no contact");
		snprintf(s->why, sizeof(s->why), "%s", words ? words : "no contact");
		s->lost = true;
		metrics__add(s->a->metrics, METRIC_WATCH_RESTARTS, NO_LABELS, 1);
	} else if (ev == KUBE_SYNCED && s->lost) {
		log_warn("%s: contact again", s->what);
		s->lost = false;
		s->why[0] = '\0';
	}
}

static void on_run(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct source *s = arg;

	note_contact(s, ev, words);
	if (ev == KUBE_PUT)
		runs__put(s->a->runs, s->kind, obj);
	else if (ev == KUBE_GONE)
		runs__gone(s->a->runs, obj);
	else if (ev == KUBE_SYNCED)
		runs__synced(s->a->runs, s->kind);
}

static void on_schedule(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct source *s = arg;

	note_contact(s, ev, words);
	if (ev == KUBE_PUT)
		schedules__put(s->a->schedules, obj);
	else if (ev == KUBE_GONE)
		schedules__gone(s->a->schedules, obj);
}

static void pods_changed(struct agent *a)
{
	if (!a->pods_changed_ns)
		a->pods_changed_ns = clock__now();
}

/* The newest that is known: what is coming, while it comes. */
static struct pods *store(struct agent *a)
{
	return a->coming ? a->coming : a->pods;
}

/* All of the scope is known: of pods, and of nodes if they are asked for. */
static void take_coming(struct agent *a)
{
	if (!kube_watch__synced(a->pod.watch) ||
	    (a->scope.nodes && !kube_watch__synced(a->node.watch)))
		return;
	if (a->coming) {
		runs__set_pods(a->runs, NULL);
		pods__free(a->pods);
		a->pods = TAKE_PTR(a->coming);
	}
	pods_changed(a);
}

/* Without pods, or nodes where they are asked for, nothing starts: those who wait are told why. */
static void tell_trouble(struct source *s, enum kube_event ev)
{
	_cleanup_free_ char *text = NULL;

	if (ev == KUBE_SYNCED)
		runs__set_trouble(s->a->runs, NULL);
	if (ev == KUBE_LOST && asprintf(&text, "%s are not known: %s", s->what, s->why) >= 0)
		runs__set_trouble(s->a->runs, text);
}

static void on_pod(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct source *s = arg;
	int r = 0;

	note_contact(s, ev, words);
	tell_trouble(s, ev);
	if (ev == KUBE_PUT)
		r = pods__put(store(s->a), obj);
	else if (ev == KUBE_GONE)
		r = pods__remove(store(s->a), obj);
	else if (ev == KUBE_SYNCED)
		take_coming(s->a);
	if (r == -EINVAL)
		log_warn("a pod that the API server told makes no sense");
	else if (r && !s->a->coming)
		pods_changed(s->a);
}

static void on_node(void *arg, enum kube_event ev, const json_t *obj, const char *words)
{
	struct source *s = arg;
	int r = 0;

	note_contact(s, ev, words);
	tell_trouble(s, ev);
	if (ev == KUBE_PUT)
		r = pods__put_node(store(s->a), obj);
	else if (ev == KUBE_GONE)
		r = pods__remove_node(store(s->a), obj);
	else if (ev == KUBE_SYNCED)
		take_coming(s->a);
	if (r > 0 && !s->a->coming)
		pods_changed(s->a);
}

static int watch(struct agent *a, struct source *s, const char *group, const char *plural,
		 const char *ns, kube_event_fn *event)
{
	struct kube_watch_spec spec = {.event = event, .arg = s};
	_cleanup_free_ char *path = NULL;

	s->a = a;
	s->what = plural;
	if (asprintf(&path, "/%s/%s%s%s%s", group, ns ? "namespaces/" : "", ns ? ns : "",
		     ns ? "/" : "", plural) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	spec.path = path;
	return kube__watch(a->kube, &spec, &s->watch);
}

static int watch_objects(struct agent *a)
{
	int r = 0;

	for (int k = 0; k < RUN_KINDS && !r; k++) {
		char group[64];

		if (k != RUN_EXPERIMENT && a->o->no_chaosmesh)
			continue;
		snprintf(group, sizeof(group), "apis/%s", run_kinds[k].group_version);
		a->kinds[k].kind = (enum run_kind)k;
		r = watch(a, &a->kinds[k], group, run_kinds[k].plural, a->o->ns, on_run);
	}
	if (!r && !a->o->no_chaosmesh)
		r = watch(a, &a->schedule, "apis/chaos-mesh.org/v1alpha1", "schedules", a->o->ns,
			  on_schedule);
	return r;
}

static void unwatch(struct source *s)
{
	kube_watch__end(s->watch);
	s->watch = NULL;
}

/* Pods are watched only while some run wants them, and no more of them than they want. */
static int follow_want(struct agent *a)
{
	struct runs_want w = runs__want(a->runs);
	const char *ns = a->o->ns ? a->o->ns : w.ns[0] ? w.ns : NULL;
	int r;

	if (w.pods == a->scope.pods &&
	    (!w.pods || (w.nodes == a->scope.nodes && (a->o->ns || !strcmp(w.ns, a->scope.ns)))))
		return 0;
	unwatch(&a->pod);
	unwatch(&a->node);
	pods__free(a->coming);
	a->coming = NULL;
	a->scope = w;
	if (!w.pods) {
		runs__set_pods(a->runs, NULL);
		pods__free(a->pods);
		a->pods = NULL;
		a->pods_changed_ns = 0;
		return 0;
	}
	a->coming = pods__new();
	if (!a->coming)
		return -ENOMEM;
	r = watch(a, &a->pod, "api/v1", "pods", ns, on_pod);
	if (!r && w.nodes)
		r = watch(a, &a->node, "api/v1", "nodes", NULL, on_node);
	return r;
}

/* Changes that come together are looked at together. Returns when, INT64_MAX: there are none. */
static int64_t pass_on_pods(struct agent *a, int64_t now)
{
	int64_t at = a->pods_changed_ns + PODS_TOGETHER_MS * NS_PER_MS;

	if (!a->pods_changed_ns || !a->pods)
		return INT64_MAX;
	if (now < at)
		return at;
	a->pods_changed_ns = 0;
	runs__set_pods(a->runs, a->pods);
	return INT64_MAX;
}

/* --- the loop ------------------------------------------------------------------------------------- */

static int wait_ms(int64_t next_ns)
{
	int64_t ms = (next_ns - clock__now() + NS_PER_MS - 1) / NS_PER_MS;

	return next_ns == INT64_MAX || ms > IDLE_MS ? IDLE_MS : ms < 0 ? 0 : (int)ms;
}

static int wait(struct agent *a, int64_t next_ns)
{
	struct pollfd fds[2 + RUNS_FDS_MAX];
	size_t n = 0;
	int r;

	fds[n++] = (struct pollfd){.fd = a->o->wake_fd, .events = POLLIN};
	if (a->http)
		fds[n++] = (struct pollfd){.fd = http_server__fd(a->http), .events = POLLIN};
	n += runs__fds(a->runs, fds + n);
	r = kube__wait(a->kube, fds, n, wait_ms(next_ns));
	return r < 0 && r != -EINTR ? r : 0;
}

static int64_t min(int64_t x, int64_t y)
{
	return x < y ? x : y;
}

/* What a child counted is seen before the next one begins from 0. */
static void count(struct agent *a)
{
	if (clock__now() < a->counted_ns + METRICS_EVERY_MS * NS_PER_MS)
		return;
	a->counted_ns = clock__now();
	agent__count(a);
}

static int loop(struct agent *a)
{
	int r = 0;

	while (!*a->o->stop && r == 0) {
		int64_t next = pass_on_pods(a, clock__now());

		next = min(next, runs__step(a->runs));
		next = min(next, schedules__step(a->schedules, a->runs));
		next = min(next, events__step(a->events));
		if (a->http)
			next = min(next, http_server__step(a->http));
		count(a);
		r = follow_want(a);
		if (r == 0)
			r = wait(a, next);
	}
	return r;
}

/* The network is as before when the agent has ended; runs go on with the next one. */
static void end_children(struct agent *a)
{
	int64_t limit = clock__now() + END_LIMIT_S * NS_PER_S;

	while (!runs__end(a->runs, clock__now() > limit)) {
		struct pollfd fds[RUNS_FDS_MAX];
		size_t n = runs__fds(a->runs, fds);

		poll(fds, n, 200);
		if (clock__now() > limit + NS_PER_S)
			break;
	}
}

/*
 * A container may have a view of the cgroups of its own (cgroup v2), in which pods' paths begin with "/..": with the
 * host's process ids process 1 has the whole. Where it cannot be had the paths are ours.
 */
static void see_all_cgroups(void)
{
	_cleanup_close_ int fd = open("/proc/1/ns/cgroup", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWCGROUP) < 0)
		log_info("cgroups of process 1: %s", strerror(errno));
}

static int open_all(struct agent *a, struct error *err)
{
	struct runs_config c = {
		.node = a->o->node,
		.agent = a->o->pod,
		.dir = a->o->dir,
		.exe = "/proc/self/exe",
		.lead_ns = a->o->lead_ns,
		.ops = &agent_ops,
		.arg = a,
	};
	int r;

	see_all_cgroups();
	if (mkdir(a->o->dir, 0700) < 0 && errno != EEXIST)
		return err__set(err, -errno, "%s: %s", a->o->dir, strerror(errno));
	r = kube__open(&a->o->kube, &a->kube, err);
	if (r < 0)
		return r;
	if (a->o->listen)
		r = http_server__open(a->o->listen, agent__page, a, &a->http, err);
	if (r < 0)
		return r;
	a->metrics = metrics__new();
	r = a->metrics ? events__new(a->o->node, a->o->pod, agent_ops.collect, a, &a->events)
		       : -ENOMEM;
	if (r == 0)
		r = runs__new(&c, &a->runs);
	if (r == 0)
		r = schedules__new(&c, &a->schedules);
	if (r == 0 && a->http)
		agent__begin_pages(a);
	if (r == 0)
		r = watch_objects(a);
	return r < 0 ? err__set(err, r, "watches: %s", strerror(-r)) : 0;
}

static void close_all(struct agent *a)
{
	if (a->runs)
		end_children(a);
	http_server__close(a->http);
	schedules__free(a->schedules);
	runs__free(a->runs);
	events__free(a->events);
	agent__forget_asked(a);
	kube__close(a->kube);
	metrics__free(a->metrics);
	pods__free(a->coming);
	pods__free(a->pods);
	json_decref(a->exempt);
}

int agent__run(const struct agent_options *o, struct error *err)
{
	struct agent a = {.o = o};
	int r = open_all(&a, err);

	if (r == 0) {
		r = loop(&a);
		if (r < 0)
			err__set(err, r, "%s", strerror(-r));
	}
	close_all(&a);
	return r;
}
