// SPDX-License-Identifier: GPL-2.0-only
/* run_api.c: what a run sends to the API server, and what its answers mean. */
#include "agent/runs_internal.h"

#include "agent/coordinate.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <string.h>

enum {
	BACK_OFF_MAX_S = 30,
	PATCH_EVERY_MS = 1000,	   /* of a node's status, at most */
	PATCH_EVERY_NODE_MS = 100, /* and of all nodes together, no matter how many they are */
};

int64_t run__now(const struct run *r)
{
	return r->runs->c.ops->now(r->runs->c.arg);
}

int64_t run__realtime(const struct run *r)
{
	return r->runs->c.ops->realtime(r->runs->c.arg);
}

int64_t run__due_at(const struct run *r, int64_t real_ns)
{
	return run__now(r) + (real_ns - run__realtime(r));
}

int64_t run__ahead(const struct run *r)
{
	int64_t lo, hi;

	return r->runs->c.ops->clock(r->runs->c.arg, &lo, &hi) && lo > 0 ? lo : 0;
}

void run__wake_at(struct run *r, int64_t mono_ns)
{
	if (mono_ns < r->due_ns)
		r->due_ns = mono_ns;
}

void run__event(struct run *r, bool warning, const char *reason, const char *words)
{
	r->runs->c.ops->event(r->runs->c.arg, r->obj, warning, reason, words);
}

void run__take(struct run *r, const json_t *obj)
{
	const char *uid =
		json_string_value(json_object_get(json_object_get(obj, "metadata"), "uid"));
	const struct run_kind_info *k = &run_kinds[r->kind];
	json_t *copy, *meta;

	if (!uid || strcmp(uid, r->uid) != 0 || coordinate__older(obj, r->obj))
		return;
	/* Objects of a list lack what all of them share; who wrote which field is half of most of them. */
	copy = json_copy((json_t *)obj);
	meta = json_copy(json_object_get(obj, "metadata"));
	if (!copy || !meta || json_object_set(copy, "metadata", meta) < 0) {
		json_decref(copy);
		json_decref(meta);
		return;
	}
	json_object_del(meta, "managedFields");
	json_decref(meta);
	json_object_set_new(copy, "kind", json_string(k->kind));
	json_object_set_new(copy, "apiVersion", json_string(k->group_version));
	json_decref(r->obj);
	r->obj = copy;
	r->dirty = true;
}

bool send__may(struct send *s)
{
	if (s->busy)
		return false;
	if (run__now(s->run) >= s->not_before_ns)
		return true;
	run__wake_at(s->run, s->not_before_ns);
	return false;
}

/* Twice as long for each failure in a row, and spread by the run's place in memory, which is as good as chance. */
static void back_off(struct send *s, int64_t first_ns)
{
	int64_t ns = first_ns << (s->failures < 8 ? s->failures : 8);

	if (ns > BACK_OFF_MAX_S * NS_PER_S)
		ns = BACK_OFF_MAX_S * NS_PER_S;
	s->failures++;
	s->not_before_ns = run__now(s->run) + ns + (int64_t)((uintptr_t)s / 64 % 250) * NS_PER_MS;
}

bool send__answered(struct send *s, const struct kube_answer *a)
{
	struct run *r = s->run;

	s->busy = false;
	r->dirty = true;
	if (a->status >= 200 && a->status < 300) {
		s->failures = 0;
		s->not_before_ns = 0;
		return true;
	}
	/* Someone else was first: the watch brings what they wrote. */
	if (a->status == 409) {
		back_off(s, 200 * NS_PER_MS);
		return false;
	}
	if (a->status && a->status != 429 && a->status < 500 && !s->failures)
		log_warn("%s %s/%s: %s: %d %s", run_kinds[r->kind].kind, r->ns, r->name, s->what,
			 a->status, a->why);
	back_off(s, a->status == 403 || a->status == 404 || a->status == 422 ? 5 * NS_PER_S
									     : NS_PER_S / 2);
	return false;
}

int send__go(struct send *s, const char *method, const char *path, json_t *body, kube_done_fn *done)
{
	struct kube_request q = {
		.method = method,
		.path = path,
		.content_type = !strcmp(method, "PATCH") ? "application/merge-patch+json" : NULL,
		.body = body,
		.done = done,
		.arg = s,
	};
	struct run *r = s->run;
	int rc = body ? r->runs->c.ops->request(r->runs->c.arg, &q) : -ENOMEM;

	json_decref(body);
	if (rc < 0) {
		back_off(s, NS_PER_S);
		run__wake_at(r, s->not_before_ns);
		return rc;
	}
	s->busy = true;
	return 0;
}

static int patch_status(struct send *s, json_t *body, kube_done_fn *done)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/status", s->run->path) < 0) {
		path = NULL;
		json_decref(body);
		return -ENOMEM;
	}
	return send__go(s, "PATCH", path, body, done);
}

/* --- the start ---------------------------------------------------------------------------------- */

static void start_done(void *arg, const struct kube_answer *a)
{
	struct send *s = arg;
	struct run *r = s->run;

	if (!send__answered(s, a))
		return;
	if (a->body && !coordinate__start_at(a->body)) {
		/* A CRD whose schema does not have it takes it away without a word. */
		run__event(r, true, "StatusDropped",
			   "the CustomResourceDefinition drops status.startAt; install the one "
			   "that comes with chaos (kubectl apply -k chaos/k8s)");
		back_off(s, BACK_OFF_MAX_S * NS_PER_S);
		return;
	}
	run__event(
		r, false, "Scheduled",
		json_string_value(json_object_get(json_object_get(a->body, "status"), "startAt")));
	if (a->body)
		run__take(r, a->body);
}

void run__send_start(struct run *r, const json_t *picked)
{
	json_t *patch;

	if (!send__may(&r->start))
		return;
	patch = coordinate__start(r->obj, run__realtime(r), r->runs->c.lead_ns, picked);
	if (patch)
		patch_status(&r->start, patch, start_done);
}

/* --- what this node says ------------------------------------------------------------------------ */

static json_t *node_status(const struct run *r)
{
	struct node_facts f = {
		.phase = run__node_phase(r),
		.agent = r->runs->c.agent,
		.uid = r->uid,
		.message = r->message,
		.segments = r->segments,
		.start_at_ns = r->start_at_ns,
		.now_ns = run__realtime(r),
		.members = r->members,
		.live = r->live,
		.ended = r->over && !r->child,
		.clock_known = r->clock_known,
		.clock_lo_ns = r->clock_lo_ns,
		.clock_hi_ns = r->clock_hi_ns,
		.chunks = r->record == RECORD_SENT ? r->size.chunks : 0,
		.bytes = r->size.bytes,
	};

	return status__node(&f);
}

static const json_t *nodes_of(const struct run *r)
{
	return json_object_get(json_object_get(r->obj, "status"), "nodes");
}

static void node_done(void *arg, const struct kube_answer *a)
{
	struct send *s = arg;

	if (send__answered(s, a) && a->body)
		run__take(s->run, a->body);
}

/* Events on the pods, at their first injection and at their recovery. */
static void tell_pods(struct run *r, const json_t *have, const json_t *is)
{
	/* Before the first time what an agent before this one said; a patch that is sent again is not told again. */
	const json_t *was = r->pods_told ? r->pods_told : have;
	const json_t *pod;
	const char *key;

	json_object_foreach(json_object_get(is, "pods"), key, pod) {
		const json_t *before = json_object_get(json_object_get(was, "pods"), key);
		const char *now = json_string_value(json_object_get(pod, "phase")),
			   *then = json_string_value(json_object_get(before, "phase"));
		bool injected = now && !strcmp(now, "Injected"),
		     recovered = now && !strcmp(now, "Recovered");
		const char *slash = strchr(key, '/');
		json_t *whom;
		char words[700];

		if ((!injected && !recovered) || (then && !strcmp(then, now)) || !slash ||
		    (recovered && !(then && !strcmp(then, "Injected"))))
			continue;
		whom = json_pack("{s:s,s:s,s:{s:s%,s:s}}", "kind", "Pod", "apiVersion", "v1",
				 "metadata", "namespace", key, (size_t)(slash - key), "name",
				 slash + 1);
		snprintf(words, sizeof(words), "%s %s/%s %s", run_kinds[r->kind].kind, r->ns,
			 r->name, injected ? "acts on this pod" : "acts on this pod no more");
		if (whom)
			r->runs->c.ops->event(r->runs->c.arg, whom, false,
					      injected ? "ChaosInjected" : "ChaosRecovered", words);
		json_decref(whom);
	}
	json_decref(r->pods_told);
	r->pods_told = json_incref((json_t *)is);
}

static bool same_phase(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "phase"), json_object_get(b, "phase"));
}

void run__send_node(struct run *r)
{
	const json_t *nodes = nodes_of(r), *have = json_object_get(nodes, r->runs->c.node);
	json_t *want, *d;
	int64_t gap_ns;

	if (!run__concerned(r) || r->gone)
		return;
	want = node_status(r);
	d = status__diff(have, want);
	if (!json_object_size(d) || r->node.busy)
		goto out;
	/* What only counts on is told less often the more nodes there are: each patch goes to all of them. */
	gap_ns = PATCH_EVERY_MS * NS_PER_MS;
	if (same_phase(have, want) &&
	    gap_ns < (int64_t)json_object_size(nodes) * PATCH_EVERY_NODE_MS * NS_PER_MS)
		gap_ns = (int64_t)json_object_size(nodes) * PATCH_EVERY_NODE_MS * NS_PER_MS;
	if (have && run__now(r) < r->node_sent_ns + gap_ns) {
		run__wake_at(r, r->node_sent_ns + gap_ns);
		goto out;
	}
	if (!send__may(&r->node))
		goto out;
	tell_pods(r, have, want);
	r->node_sent_ns = run__now(r);
	patch_status(&r->node, json_pack("{s:{s:{s:O}}}", "status", "nodes", r->runs->c.node, d),
		     node_done);
out:
	json_decref(want);
	json_decref(d);
}

/* --- what all say alike -------------------------------------------------------------------------- */

/* By a clock that is ahead nodes would be given up that still act: it is put back to where it may be right. */
static struct object_facts facts(const struct run *r)
{
	int64_t ahead_ns = run__ahead(r);

	return (struct object_facts){
		.refused = r->refused,
		.pending = r->pending,
		.chaosmesh = r->kind != RUN_EXPERIMENT,
		.stop = coordinate__stop(r->obj),
		.paused = coordinate__paused(r->obj),
		.stop_seen_ns = r->stop_seen_ns ? r->stop_seen_ns - ahead_ns : 0,
		.start_at_ns = r->start_at_ns,
		.end_ns = r->end_ns,
		.now_ns = run__realtime(r) - ahead_ns,
	};
}

static void whole_done(void *arg, const struct kube_answer *a)
{
	struct send *s = arg;
	struct run *r = s->run;
	const char *phase, *words;
	json_t *status;

	if (!send__answered(s, a) || !a->body)
		return;
	status = json_object_get(a->body, "status");
	phase = json_string_value(json_object_get(status, "phase"));
	words = json_string_value(json_object_get(status, "message"));
	/* Who wrote it tells it, so each change is told once. */
	if (phase && strcmp(phase, r->told) != 0 && (words || strcmp(phase, "Pending") != 0)) {
		snprintf(r->told, sizeof(r->told), "%s", phase);
		run__event(r, !strcmp(phase, "Refused") || !strcmp(phase, "Failed"), phase,
			   words ? words : phase);
	}
	run__take(r, a->body);
}

/* The instants at which the whole's phase may change without anyone saying anything; by the clock of @f. */
static void wake_for_phases(struct run *r, const struct object_facts *f)
{
	const int64_t at[] = {
		f->start_at_ns,
		f->end_ns,
		f->end_ns ? f->end_ns + STATUS_SILENT_NS : 0,
		f->stop_seen_ns ? f->stop_seen_ns + STATUS_SILENT_NS : 0,
	};

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		if (at[i] > f->now_ns)
			run__wake_at(r, run__now(r) + (at[i] - f->now_ns));
}

void run__send_whole(struct run *r)
{
	struct object_facts f = facts(r);
	json_t *d = status__object(r->obj, &f);
	int64_t delay;

	wake_for_phases(r, &f);
	if (!json_object_size(d)) {
		r->whole_since_ns = 0;
		r->whole.failures = 0; /* whoever has written it */
		json_decref(d);
		return;
	}
	if (!r->whole_since_ns)
		r->whole_since_ns = run__now(r);
	delay = coordinate__delay(r->obj, r->runs->c.node);
	if (run__now(r) < r->whole_since_ns + delay) {
		run__wake_at(r, r->whole_since_ns + delay);
		json_decref(d);
		return;
	}
	if (!send__may(&r->whole)) {
		json_decref(d);
		return;
	}
	d = coordinate__guarded(r->obj, d);
	if (d)
		patch_status(&r->whole, d, whole_done);
}

/* --- a guard that ends the run on all nodes ------------------------------------------------------ */

void run__send_stop(struct run *r, const char *why)
{
	if (coordinate__stop(r->obj) || !send__may(&r->stop))
		return;
	patch_status(&r->stop,
		     json_pack("{s:{s:{s:s,s:o}}}", "status", "stopped", "by", r->runs->c.node,
			       "why", collect__words(1024, "", why)),
		     node_done);
}
