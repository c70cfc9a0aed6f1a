// SPDX-License-Identifier: GPL-2.0-only
#include "agent/schedule.h"

#include "agent/coordinate.h"
#include "agent/cron.h"
#include "agent/object.h"
#include "agent/status.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <inttypes.h>
#include <string.h>

struct schedule {
	struct schedules *all;
	struct schedule *next;
	char *uid, *ns, *name;
	json_t *obj;
	json_int_t generation; /* that was read; -1: none */
	struct cron cron;
	char *refused;
	bool refusal_told;
	int64_t refusal_due_ns;
	int64_t last_s; /* the time that was dealt with last, seconds since 1970 */
	int64_t making_s, due_ns;
	bool busy, tidying;
};

struct schedules {
	struct runs_config c;
	struct schedule *first;
};

static const char *meta(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(json_object_get(obj, "metadata"), key));
}

/* --- pure -------------------------------------------------------------------------------------------- */

int64_t schedule__latest(const struct cron *c, int64_t last_s, int64_t now_s)
{
	/* Looking back a year by seconds would take long: the shortest span that has a time has the last one. */
	static const int64_t spans_s[] = {3600, 86400, 32 * 86400, 366 * 86400, INT64_MAX};
	int64_t t, at = -1;

	if (c->every_s) {
		int64_t n = (now_s - last_s) / c->every_s;

		return now_s > last_s && n > 0 ? last_s + n * c->every_s : -1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(spans_s) && at < 0; i++) {
		int64_t from = spans_s[i] < now_s - last_s ? now_s - spans_s[i] : last_s;

		for (t = cron__next(c, from); t >= 0 && t <= now_s; t = cron__next(c, t))
			at = t;
		if (from == last_s)
			break;
	}
	return at;
}

json_t *schedule__object(const json_t *schedule, int64_t at_s, enum run_kind *ret_kind,
			 struct error *err)
{
	static const struct {
		const char *type, *key;
		enum run_kind kind;
	} types[] = {
		{"NetworkChaos", "networkChaos", RUN_NETWORKCHAOS},
		{"Workflow", "workflow", RUN_WORKFLOW},
	};
	const json_t *spec = json_object_get(schedule, "spec");
	const char *type = json_string_value(json_object_get(spec, "type")),
		   *name = meta(schedule, "name"), *ns = meta(schedule, "namespace"),
		   *uid = meta(schedule, "uid");
	json_t *template;

	if (!name || !ns || !uid)
		return err__set(err, -EINVAL, "metadata: no name, namespace or uid"), NULL;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		const struct run_kind_info *k = &run_kinds[types[i].kind];
		char made[254];

		if (!type || strcmp(type, types[i].type) != 0)
			continue;
		template = json_object_get(spec, types[i].key);
		if (!json_is_object(template)) {
			err__set(err, -EINVAL, "spec.%s: missing; type is %s", types[i].key, type);
			return NULL;
		}
		snprintf(made, sizeof(made), "%.240s-%" PRId64, name, at_s);
		*ret_kind = types[i].kind;
		return json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s},s:[{s:s,s:s,s:s,s:s,s:b}]},s:O}",
				 "apiVersion", k->group_version, "kind", k->kind, "metadata",
				 "name", made, "namespace", ns, "labels", "managed-by", name,
				 "ownerReferences", "apiVersion", k->group_version, "kind",
				 "Schedule", "name", name, "uid", uid, "controller", 1, "spec",
				 template);
	}
	err__set(err, -EINVAL,
		 "spec.type: `%.40s` is nothing that is injected here; expected NetworkChaos "
		 "or Workflow",
		 type ? type : "");
	return NULL;
}

/* --- the objects that it made --------------------------------------------------------------------- */

struct made {
	const char *uid; /* of the schedule */
	size_t active, finished;
	int64_t last_s, oldest_s;
	json_t *oldest; /* of the finished */
};

static bool owned_by(const json_t *obj, const char *uid)
{
	const json_t *list = json_object_get(json_object_get(obj, "metadata"), "ownerReferences"),
		     *o;
	size_t i;

	json_array_foreach(list, i, o) {
		const char *is = json_string_value(json_object_get(o, "uid"));

		if (is && !strcmp(is, uid))
			return true;
	}
	return false;
}

static void count_made(void *arg, const json_t *obj, const char *node_phase, const json_t *live)
{
	const char *name = meta(obj, "name"), *dash = name ? strrchr(name, '-') : NULL,
		   *phase = json_string_value(
			   json_object_get(json_object_get(obj, "status"), "phase"));
	struct made *m = arg;
	int64_t at_s;

	(void)node_phase;
	(void)live;
	if (!dash || !owned_by(obj, m->uid))
		return;
	at_s = strtoll(dash + 1, NULL, 10);
	if (at_s > m->last_s)
		m->last_s = at_s;
	if (!status__is_final(phase) && !(phase && !strcmp(phase, "Refused"))) {
		m->active++;
		return;
	}
	m->finished++;
	if (!m->oldest || at_s < m->oldest_s) {
		m->oldest_s = at_s;
		m->oldest = (json_t *)obj;
	}
}

/* --- requests --------------------------------------------------------------------------------------- */

static int64_t now_ns(const struct schedules *s)
{
	return s->c.ops->now(s->c.arg);
}

static void wake_at(struct schedule *x, int64_t mono_ns)
{
	if (mono_ns < x->due_ns)
		x->due_ns = mono_ns;
}

static int request(struct schedule *x, const char *method, const char *path, json_t *body,
		   kube_done_fn *done)
{
	struct kube_request q = {
		.method = method,
		.path = path,
		.content_type = !strcmp(method, "PATCH") ? "application/merge-patch+json" : NULL,
		.body = body,
		.done = done,
		.arg = x,
	};
	int r = x->all->c.ops->request(x->all->c.arg, &q);

	json_decref(body);
	return r;
}

static void ignore_answer(void *arg, const struct kube_answer *a)
{
	struct schedule *x = arg;

	if (a->status >= 400 && a->status != 404 && a->status != 409)
		log_warn("Schedule %s/%s: %d %s", x->ns, x->name, a->status, a->why);
}

static void patch_status(struct schedule *x, json_t *status)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "/apis/chaos-mesh.org/v1alpha1/namespaces/%s/schedules/%s/status",
		     x->ns, x->name) < 0) {
		path = NULL;
		json_decref(status);
		return;
	}
	request(x, "PATCH", path, json_pack("{s:o}", "status", status), ignore_answer);
}

static void event(struct schedule *x, bool warning, const char *reason, const char *words)
{
	x->all->c.ops->event(x->all->c.arg, x->obj, warning, reason, words);
}

static void make_done(void *arg, const struct kube_answer *a)
{
	struct schedule *x = arg;
	char at[40], words[400];

	x->busy = false;
	x->due_ns = 0;
	if (a->status == 409 || (a->status >= 200 && a->status < 300)) {
		x->last_s = x->making_s;
		if (a->status == 409)
			return;
		instant__format(x->making_s * NS_PER_S, at, sizeof(at));
		patch_status(x, json_pack("{s:s}", "time", at));
		snprintf(words, sizeof(words), "%.200s-%" PRId64, x->name, x->making_s);
		event(x, false, "Created", words);
		return;
	}
	/* What the server refuses it refuses again; what did not reach it is tried again. */
	if (a->status >= 400 && a->status < 500 && a->status != 429) {
		x->last_s = x->making_s;
		event(x, true, "NotCreated", a->why);
		return;
	}
	x->due_ns = now_ns(x->all) + NS_PER_S;
}

static void make(struct schedule *x, int64_t at_s)
{
	_cleanup_free_ char *path = NULL;
	struct error err = {0};
	enum run_kind kind;
	json_t *obj = schedule__object(x->obj, at_s, &kind, &err);

	if (!obj || asprintf(&path, "/apis/%s/namespaces/%s/%s", run_kinds[kind].group_version,
			     x->ns, run_kinds[kind].plural) < 0) {
		path = NULL;
		json_decref(obj);
		return;
	}
	x->making_s = at_s;
	x->busy = request(x, "POST", path, obj, make_done) == 0;
	wake_at(x, now_ns(x->all) + NS_PER_S);
}

static void tidy_done(void *arg, const struct kube_answer *a)
{
	struct schedule *x = arg;

	ignore_answer(arg, a);
	x->tidying = false;
	x->due_ns = now_ns(x->all) + NS_PER_S;
}

static void drop_oldest(struct schedule *x, const struct made *m)
{
	const json_t *limit = json_object_get(json_object_get(x->obj, "spec"), "historyLimit");
	const char *kind = json_string_value(json_object_get(m->oldest, "kind"));
	json_int_t keep = json_is_integer(limit) ? json_integer_value(limit) : 1;
	_cleanup_free_ char *path = NULL;
	enum run_kind k = kind && !strcmp(kind, "Workflow") ? RUN_WORKFLOW : RUN_NETWORKCHAOS;

	if (x->tidying || !m->oldest || (json_int_t)m->finished <= keep)
		return;
	if (asprintf(&path, "/apis/%s/namespaces/%s/%s/%s", run_kinds[k].group_version, x->ns,
		     run_kinds[k].plural, meta(m->oldest, "name")) < 0) {
		path = NULL;
		return;
	}
	/* By uid: a new one of that name is another. */
	x->tidying = request(x, "DELETE", path,
			     json_pack("{s:s,s:{s:s}}", "propagationPolicy", "Background",
				       "preconditions", "uid", meta(m->oldest, "uid")),
			     tidy_done) == 0;
}

/* --- one schedule ----------------------------------------------------------------------------------- */

static void refuse(struct schedule *x, const char *words)
{
	free(x->refused);
	x->refused = strdup(words);
}

static void read_spec(struct schedule *x)
{
	const json_t *spec = json_object_get(x->obj, "spec");
	const char *text = json_string_value(json_object_get(spec, "schedule"));
	json_int_t generation = json_integer_value(
		json_object_get(json_object_get(x->obj, "metadata"), "generation"));
	struct cluster_object o = {0};
	struct error err = {0};
	enum run_kind kind;
	json_t *obj;

	if (x->generation == generation)
		return;
	x->generation = generation;
	free(x->refused);
	x->refused = NULL;
	x->refusal_told = false;
	x->refusal_due_ns = 0;
	if (cron__parse(text ? text : "", &x->cron, &err) < 0) {
		err__prefix(&err, "spec.schedule");
		refuse(x, err.msg);
		return;
	}
	/* What it would make is read now: a mistake is told when it is made, not at night. */
	obj = schedule__object(x->obj, 0, &kind, &err);
	if (obj)
		json_object_set_new(json_object_get(obj, "metadata"), "uid", json_string(x->uid));
	if (!obj || object__load(obj, &o, &err) < 0)
		refuse(x, err.msg);
	else
		cluster_object__reset(&o);
	json_decref(obj);
}

/* Agents do not all ask at one instant; most then see that it was done. */
static int64_t jitter_ns(const struct schedule *x)
{
	uint32_t h = 0;

	for (const char *s = x->all->c.node; *s; s++)
		h = h * 31 + (unsigned char)*s;
	return h % 500 * NS_PER_MS;
}

static void tell_refusal(struct schedule *x)
{
	const json_t *status = json_object_get(x->obj, "status");
	const char *phase = json_string_value(json_object_get(status, "phase")),
		   *message = json_string_value(json_object_get(status, "message"));
	bool told = phase && !strcmp(phase, "Refused") && message && x->refused &&
		    !strcmp(message, x->refused);

	if (x->refusal_told)
		return;
	/* Agents take turns; one tells it. */
	if (!x->refusal_due_ns)
		x->refusal_due_ns = now_ns(x->all) + (x->refused ? jitter_ns(x) : 0);
	if (now_ns(x->all) < x->refusal_due_ns) {
		wake_at(x, x->refusal_due_ns);
		return;
	}
	x->refusal_told = true;
	if (x->refused && !told) {
		patch_status(x, json_pack("{s:s,s:s}", "phase", "Refused", "message", x->refused));
		event(x, true, "Refused", x->refused);
	} else if (!x->refused && phase && !strcmp(phase, "Refused")) {
		patch_status(x, json_pack("{s:n,s:n}", "phase", "message"));
	}
}

/* The time from which on times count. */
static int64_t base_s(struct schedule *x, const struct made *m)
{
	const char *created = meta(x->obj, "creationTimestamp"),
		   *time = json_string_value(
			   json_object_get(json_object_get(x->obj, "status"), "time"));
	int64_t ns, base = x->last_s;

	if (created && instant__parse(created, &ns) == 0 && ns / NS_PER_S > base)
		base = ns / NS_PER_S;
	if (time && instant__parse(time, &ns) == 0 && ns / NS_PER_S > base)
		base = ns / NS_PER_S;
	return m->last_s > base ? m->last_s : base;
}

static bool may_start(struct schedule *x, const struct made *m, int64_t at_s, int64_t now_s)
{
	const json_t *spec = json_object_get(x->obj, "spec"),
		     *deadline = json_object_get(spec, "startingDeadlineSeconds");
	const char *policy = json_string_value(json_object_get(spec, "concurrencyPolicy"));

	if (json_is_integer(deadline) && now_s - at_s > json_integer_value(deadline)) {
		event(x, true, "MissedSchedule", "spec.startingDeadlineSeconds is over");
		return false;
	}
	return !m->active || (policy && !strcmp(policy, "Allow"));
}

static void step(struct schedule *x, const struct runs *runs)
{
	struct made m = {.uid = x->uid};
	int64_t real_ns = x->all->c.ops->realtime(x->all->c.arg), base, at_s, next;

	x->due_ns = now_ns(x->all) + 60 * NS_PER_S;
	read_spec(x);
	tell_refusal(x);
	if (x->refused || coordinate__paused(x->obj) || coordinate__stop(x->obj))
		return;
	runs__each(runs, count_made, &m);
	drop_oldest(x, &m);
	if (x->busy)
		return;
	base = base_s(x, &m);
	at_s = schedule__latest(&x->cron, base, (real_ns - jitter_ns(x)) / NS_PER_S);
	if (at_s >= 0 && may_start(x, &m, at_s, real_ns / NS_PER_S)) {
		make(x, at_s);
		return;
	}
	if (at_s >= 0)
		x->last_s = base = at_s;
	next = cron__next(&x->cron, base);
	if (next >= 0)
		wake_at(x, now_ns(x->all) + next * NS_PER_S + jitter_ns(x) - real_ns + NS_PER_MS);
}

/* --- all of them ------------------------------------------------------------------------------------ */

int schedules__new(const struct runs_config *c, struct schedules **ret)
{
	struct schedules *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->c = *c;
	*ret = s;
	return 0;
}

static void schedule__free(struct schedule *x)
{
	x->all->c.ops->cancel(x->all->c.arg, x);
	json_decref(x->obj);
	free(x->refused);
	free(x->uid);
	free(x->ns);
	free(x->name);
	free(x);
}

void schedules__free(struct schedules *s)
{
	while (s && s->first) {
		struct schedule *x = s->first;

		s->first = x->next;
		schedule__free(x);
	}
	free(s);
}

static struct schedule **find(struct schedules *s, const char *uid)
{
	struct schedule **at = &s->first;

	while (*at && strcmp((*at)->uid, uid) != 0)
		at = &(*at)->next;
	return at;
}

void schedules__put(struct schedules *s, const json_t *obj)
{
	const char *uid = meta(obj, "uid"), *ns = meta(obj, "namespace"), *name = meta(obj, "name");
	struct schedule **at, *x;
	json_t *copy;

	if (!uid || !ns || !name)
		return;
	at = find(s, uid);
	x = *at;
	if (!x) {
		x = calloc(1, sizeof(*x));
		if (!x)
			return;
		*x = (struct schedule){.all = s, .generation = -1};
		x->uid = strdup(uid);
		x->ns = strdup(ns);
		x->name = strdup(name);
		if (!x->uid || !x->ns || !x->name) {
			schedule__free(x);
			return;
		}
		*at = x;
	}
	copy = json_copy((json_t *)obj);
	json_object_set_new(copy, "kind", json_string("Schedule"));
	json_object_set_new(copy, "apiVersion", json_string("chaos-mesh.org/v1alpha1"));
	json_decref(x->obj);
	x->obj = copy;
	x->due_ns = 0;
}

void schedules__gone(struct schedules *s, const json_t *obj)
{
	const char *uid = meta(obj, "uid");
	struct schedule **at = uid ? find(s, uid) : NULL, *x = at ? *at : NULL;

	if (!x)
		return;
	*at = x->next;
	schedule__free(x);
}

int64_t schedules__step(struct schedules *s, const struct runs *runs)
{
	int64_t next = INT64_MAX;

	for (struct schedule *x = s->first; x; x = x->next) {
		if (x->due_ns <= now_ns(s))
			step(x, runs);
		if (x->due_ns < next)
			next = x->due_ns;
	}
	return next;
}
