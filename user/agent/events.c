// SPDX-License-Identifier: GPL-2.0-only
/*
 * events.c: one table holds what was sent, for what is said again, and what waits. An entry that is `dirty` has something
 * to send; of the others the one that was used least recently makes room.
 */
#include "agent/events.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>
#include <time.h>

enum { NAME_ROOM = 253 - 18 }; /* of an Event's name, before ".%x" of an instant */

struct entry {
	char *key;
	json_t *involved, *words;
	char *ns, *name; /* of the Event */
	const char *type;
	char reason[64];
	int64_t first_ns, last_ns; /* CLOCK_REALTIME */
	int64_t used_ns, dirty_ns; /* CLOCK_MONOTONIC; dirty_ns: since when, 0: it is not */
	json_int_t count, sent;
	bool created;
};

struct budget {
	char *object;
	double tokens;
	int64_t at_ns;
};

struct events {
	char *node, *agent;
	struct collect_ops ops;
	void *arg;
	struct entry entries[EVENTS_MAX];
	size_t n;
	struct budget budgets[EVENTS_OBJECTS];
	size_t n_budgets;
	struct entry *sending; /* never moved or dropped while its request is on its way */
	bool busy;
	unsigned int failures;
	int64_t not_before_ns;
	uint64_t dropped;
};

static int64_t now(const struct events *e)
{
	return e->ops.now(e->arg);
}

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* ---- the table ---- */

static void entry__reset(struct entry *x)
{
	free(x->key);
	free(x->ns);
	free(x->name);
	json_decref(x->involved);
	json_decref(x->words);
	*x = (struct entry){0};
}

static struct entry *find(struct events *e, const char *key)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->entries[i].key && !strcmp(e->entries[i].key, key))
			return &e->entries[i];
	return NULL;
}

/* A place for one more, or NULL: all of them wait to be sent. */
static struct entry *make_room(struct events *e)
{
	struct entry *oldest = NULL;

	if (e->n < EVENTS_MAX)
		return &e->entries[e->n++];
	for (size_t i = 0; i < e->n; i++) {
		struct entry *x = &e->entries[i];

		if (x == e->sending || x->dirty_ns)
			continue;
		if (!oldest || x->used_ns < oldest->used_ns)
			oldest = x;
	}
	if (oldest)
		entry__reset(oldest);
	return oldest;
}

static struct budget *budget_of(struct events *e, const char *object)
{
	struct budget *b = e->budgets, *oldest = b;
	size_t i;

	for (i = 0; i < e->n_budgets; i++, b++) {
		if (b->object && !strcmp(b->object, object))
			return b;
		if (b->at_ns < oldest->at_ns)
			oldest = b;
	}
	if (e->n_budgets < EVENTS_OBJECTS)
		oldest = &e->budgets[e->n_budgets++];
	free(oldest->object);
	*oldest = (struct budget){strdup(object), EVENTS_BURST, now(e)};
	return oldest;
}

static bool may_send(struct events *e, const char *object)
{
	struct budget *b = budget_of(e, object);
	int64_t t = now(e);

	b->tokens += (double)(t - b->at_ns) / NS_PER_S / EVENTS_REFILL_S;
	b->tokens = b->tokens > EVENTS_BURST ? EVENTS_BURST : b->tokens;
	b->at_ns = t;
	if (b->tokens < 1)
		return false;
	b->tokens--;
	return true;
}

/* ---- telling ---- */

static json_t *involved(const json_t *obj, const json_t *meta, const char *ns)
{
	static const char *const keys[] = {"name", "uid", "resourceVersion"};
	const char *kind = text(obj, "kind"), *api = text(obj, "apiVersion");
	json_t *o = json_pack("{s:s,s:s}", "kind", *kind ? kind : "Pod", "apiVersion",
			      *kind ? api : "v1");

	if (*ns)
		json_object_set_new(o, "namespace", json_string(ns));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (*text(meta, keys[i]))
			json_object_set(o, keys[i], json_object_get(meta, keys[i]));
	return o;
}

static bool entry__fill(struct events *e, struct entry *x, const json_t *obj, const char *words)
{
	const json_t *meta = json_object_get(obj, "metadata");
	const char *ns = text(meta, "namespace");
	int64_t real = e->ops.realtime(e->arg);

	x->involved = involved(obj, meta, ns);
	x->words = collect__words(1024, "", words);
	x->ns = strdup(*ns ? ns : "default"); /* where those of objects without one are */
	x->first_ns = x->last_ns = real;
	return x->involved && x->words && x->ns;
}

void events__tell(struct events *e, const json_t *obj, bool warning, const char *reason,
		  const char *words)
{
	const json_t *meta = json_object_get(obj, "metadata");
	_cleanup_free_ char *object = NULL, *key = NULL;
	struct entry *x;
	bool may;

	words = words ? words : "";
	if (!*text(meta, "name"))
		return;
	if (asprintf(&object, "%s/%s/%s/%s", text(obj, "kind"), text(meta, "namespace"),
		     text(meta, "name"), text(meta, "uid")) < 0 ||
	    asprintf(&key, "%s %d %s %s", object, warning, reason, words) < 0) {
		e->dropped++;
		return;
	}
	may = may_send(e, object);
	x = find(e, key);
	if (!x) {
		x = may ? make_room(e) : NULL;
		if (!x) {
			e->dropped++;
			return;
		}
		x->key = TAKE_PTR(key);
		x->type = warning ? "Warning" : "Normal";
		snprintf(x->reason, sizeof(x->reason), "%s", reason);
		if (!entry__fill(e, x, obj, words)) {
			entry__reset(x);
			e->dropped++;
			return;
		}
	}
	x->count++;
	x->last_ns = e->ops.realtime(e->arg);
	x->used_ns = now(e);
	if (may && !x->dirty_ns)
		x->dirty_ns = x->used_ns;
}

/* ---- sending ---- */

static const char *instant(int64_t ns, char *buf, size_t size)
{
	time_t s = ns / NS_PER_S;
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static json_t *event_json(const struct events *e, const struct entry *x)
{
	char first[40], last[40];

	return json_pack(
		"{s:s,s:s,s:{s:s,s:s},s:O,s:s,s:O,s:s,s:{s:s,s:s},s:s,s:s,s:I,s:s,s:s}",
		"apiVersion", "v1", "kind", "Event", "metadata", "name", x->name, "namespace",
		x->ns, "involvedObject", x->involved, "reason", x->reason, "message", x->words,
		"type", x->type, "source", "component", "chaos-agent", "host", e->node,
		"firstTimestamp", instant(x->first_ns, first, sizeof(first)), "lastTimestamp",
		instant(x->last_ns, last, sizeof(last)), "count", x->count, "reportingComponent",
		"netchaos.dev/chaos-agent", "reportingInstance", e->agent ? e->agent : e->node);
}

static json_t *again_json(const struct entry *x)
{
	char last[40];

	return json_pack("{s:I,s:s}", "count", x->count, "lastTimestamp",
			 instant(x->last_ns, last, sizeof(last)));
}

/* @a: the Event is as it is, or will never be. */
static bool settled(struct events *e, struct entry *x, const struct kube_answer *a)
{
	/* An Event of this name, which no other can have: what was asked before has been done after all. */
	if ((a->status >= 200 && a->status < 300) || (a->status == 409 && !x->created)) {
		x->created = true;
		return true;
	}
	if (a->status == 404 && x->created) { /* old ones are removed: it is told anew */
		x->created = false;
		free(TAKE_PTR(x->name));
		return false;
	}
	if (a->status >= 400 && a->status < 500 && a->status != 408 && a->status != 429) {
		e->dropped++;
		return true;
	}
	return false;
}

static void sent(void *arg, const struct kube_answer *a)
{
	struct events *e = arg;
	struct entry *x = e->sending;

	e->busy = false;
	e->sending = NULL;
	if (!settled(e, x, a)) {
		unsigned int shift = e->failures < 6 ? e->failures : 6;
		int64_t ns = (NS_PER_S / 2) << shift;

		e->failures++;
		e->not_before_ns = now(e) + (ns < 30 * NS_PER_S ? ns : 30 * NS_PER_S);
		return;
	}
	e->failures = 0;
	x->dirty_ns = x->count > x->sent ? x->used_ns : 0;
}

static struct entry *next(struct events *e)
{
	struct entry *first = NULL;

	for (size_t i = 0; i < e->n; i++) {
		struct entry *x = &e->entries[i];

		if (x->dirty_ns && (!first || x->dirty_ns < first->dirty_ns))
			first = x;
	}
	return first;
}

static void send(struct events *e, struct entry *x)
{
	struct kube_request rq = {.done = sent, .arg = e};
	_cleanup_free_ char *path = NULL;
	json_t *body;

	if (!x->created && !x->name &&
	    asprintf(&x->name, "%.*s.%llx", NAME_ROOM, text(x->involved, "name"),
		     (unsigned long long)e->ops.realtime(e->arg)) < 0)
		x->name = NULL;
	if (!x->name || asprintf(&path, "/api/v1/namespaces/%s/events%s%s", x->ns,
				 x->created ? "/" : "", x->created ? x->name : "") < 0) {
		x->dirty_ns = 0;
		e->dropped++;
		return;
	}
	body = x->created ? again_json(x) : event_json(e, x);
	rq.method = x->created ? "PATCH" : "POST";
	rq.content_type = x->created ? "application/merge-patch+json" : NULL;
	rq.path = path;
	rq.body = body;
	x->sent = x->count;
	if (!body || e->ops.request(e->arg, &rq) < 0) {
		x->dirty_ns = 0;
		e->dropped++;
	} else {
		e->sending = x;
		e->busy = true;
	}
	json_decref(body);
}

int64_t events__step(struct events *e)
{
	struct entry *x;

	while (!e->busy && (x = next(e))) {
		if (now(e) < e->not_before_ns)
			return e->not_before_ns;
		send(e, x);
	}
	return INT64_MAX;
}

uint64_t events__dropped(const struct events *e)
{
	return e->dropped;
}

size_t events__waiting(const struct events *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += e->entries[i].dirty_ns != 0;
	return n;
}

/* ---- life ---- */

int events__new(const char *node, const char *agent, const struct collect_ops *ops, void *arg,
		struct events **ret)
{
	struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->ops = *ops;
	e->arg = arg;
	e->node = strdup(node);
	e->agent = agent ? strdup(agent) : NULL;
	if (!e->node || (agent && !e->agent)) {
		events__free(e);
		return -ENOMEM;
	}
	*ret = e;
	return 0;
}

void events__free(struct events *e)
{
	if (!e)
		return;
	if (e->busy)
		e->ops.cancel(e->arg, e);
	for (size_t i = 0; i < e->n; i++)
		entry__reset(&e->entries[i]);
	for (size_t i = 0; i < e->n_budgets; i++)
		free(e->budgets[i].object);
	free(e->node);
	free(e->agent);
	free(e);
}
