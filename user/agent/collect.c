// SPDX-License-Identifier: GPL-2.0-only
/* collect.c: the collector as a state machine: one request or one job at a time, and the renewal of its claim beside it. */
#include "agent/collect_internal.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

int64_t collector__now(const struct collector *c)
{
	return c->ops.now(c->arg);
}

const char *collect__meta(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(json_object_get(obj, "metadata"), key));
}

const json_t *collector__status(const struct collector *c, const char *key)
{
	return json_object_get(json_object_get(c->obj, "status"), key);
}

/* ---- requests ---- */

void collector__later(struct collector *c, int64_t ns)
{
	c->not_before_ns = collector__now(c) + ns;
}

void collector__back_off(struct collector *c)
{
	unsigned int shift = c->failures < 6 ? c->failures : 6;
	int64_t ns = (NS_PER_S / 2) << shift;

	c->failures++;
	collector__later(c, ns < 30 * NS_PER_S ? ns : 30 * NS_PER_S);
}

/* Takes @body over. */
static void ask(struct collector *c, struct call *call, const char *method, const char *path,
		json_t *body, kube_done_fn *done)
{
	struct kube_request rq = {
		.method = method,
		.path = path,
		.content_type = strcmp(method, "PATCH") ? NULL : "application/merge-patch+json",
		.body = body,
		.done = done,
		.arg = call,
	};

	call->busy = true;
	if (!path || (strcmp(method, "GET") != 0 && !body) || c->ops.request(c->arg, &rq) < 0) {
		call->busy = false;
		collector__back_off(c);
	}
	json_decref(body);
}

void collector__ask_object(struct collector *c, struct call *call, json_t *patch,
			   kube_done_fn *done)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "/apis/%s/namespaces/%s/%s/%s/status", c->group_version, c->ns,
		     c->plural, c->name) < 0)
		path = NULL;
	ask(c, call, "PATCH", path, patch, done);
}

void collector__ask_map(struct collector *c, const char *method, const char *name, json_t *body,
			kube_done_fn *done)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "/api/v1/namespaces/%s/configmaps%s%s", c->ns, name ? "/" : "",
		     name ? name : "") < 0)
		path = NULL;
	ask(c, &c->main, method, path, body, done);
}

void collector__forget_parts(struct collector *c)
{
	record_unpack__free(TAKE_PTR(c->unpack));
	json_decref(TAKE_PTR(c->have));
	json_decref(TAKE_PTR(c->missing));
	c->at = c->chunk = 0;
}

void collector__become(struct collector *c, enum state s)
{
	c->state = s;
	c->failures = 0;
	c->not_before_ns = 0;
	if (s == DONE) {
		job__free(TAKE_PTR(c->job));
		collector__forget_parts(c);
	}
}

bool collect__is_ok(const struct kube_answer *a)
{
	return a->status >= 200 && a->status < 300 && a->body;
}

bool collect__is_refused(const struct kube_answer *a)
{
	return a->status >= 400 && a->status < 500 && a->status != 408 && a->status != 429 &&
	       a->status != 409;
}

/* ---- all of it ---- */

static int64_t step_once(struct collector *c)
{
	switch (c->state) {
	case WAITING:
		return collector__wait(c);
	case CLAIMING:
		break;
	case FETCHING:
		collector__fetch(c);
		break;
	case RENDERING:
		collector__render(c);
		break;
	case WRITING:
		collector__write(c);
		break;
	case TELLING:
		collector__tell(c);
		break;
	case DONE:
		break;
	}
	return INT64_MAX;
}

/* What only its descriptor, an answer, or time can end. */
static bool is_waiting(const struct collector *c)
{
	return c->main.busy || c->state == DONE || collector__now(c) < c->not_before_ns;
}

int64_t collector__step(struct collector *c)
{
	int64_t due = INT64_MAX;
	enum state before;

	do {
		before = c->state;
		if (c->state > CLAIMING && c->state < DONE)
			collector__renew(c);
		if (is_waiting(c))
			break;
		due = step_once(c);
	} while (c->state != before || (c->state == FETCHING && !is_waiting(c)) ||
		 (c->state == RENDERING && !c->job && !is_waiting(c)));
	if (c->state == DONE)
		return INT64_MAX;
	if (!c->main.busy && c->not_before_ns > collector__now(c) && c->not_before_ns < due)
		due = c->not_before_ns;
	if (c->state > CLAIMING && c->renewed_ns + COLLECT_RENEW_NS < due)
		due = c->renewed_ns + COLLECT_RENEW_NS;
	return due;
}

int collector__fd(const struct collector *c)
{
	return c ? job__fd(c->job) : -1;
}

bool collector__done(const struct collector *c)
{
	return c->state == DONE;
}

void collector__put(struct collector *c, const json_t *obj)
{
	const char *uid = collect__meta(obj, "uid");

	if (!uid || strcmp(uid, c->uid) != 0)
		return;
	json_decref(c->obj);
	c->obj = json_incref((json_t *)obj);
	if (json_is_string(collector__status(c, "verdict")) && !c->main.busy && c->state != TELLING)
		collector__become(c, DONE);
}

void collector__set_end(struct collector *c, int64_t end_ns)
{
	c->end_ns = end_ns;
}

void collector__expect(struct collector *c, const json_t *nodes)
{
	json_decref(c->expected);
	c->expected = json_deep_copy(nodes);
}

int collector__new(const struct collect_config *cfg, const json_t *obj, struct collector **ret)
{
	const char *uid = collect__meta(obj, "uid"), *ns = collect__meta(obj, "namespace"),
		   *name = collect__meta(obj, "name");
	struct collector *c;

	if (!uid || !ns || !name)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->main.c = c->renew.c = c;
	c->ops = *cfg->ops;
	c->arg = cfg->arg;
	c->end_ns = INT64_MAX;
	c->obj = json_incref((json_t *)obj);
	c->node = strdup(cfg->node);
	c->dir = strdup(cfg->dir);
	c->group_version = strdup(cfg->group_version);
	c->kind = strdup(cfg->kind);
	c->plural = strdup(cfg->plural);
	c->uid = strdup(uid);
	c->ns = strdup(ns);
	c->name = strdup(name);
	if (!c->node || !c->dir || !c->group_version || !c->kind || !c->plural || !c->uid ||
	    !c->ns || !c->name) {
		collector__free(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void collector__free(struct collector *c)
{
	if (!c)
		return;
	if (c->main.busy)
		c->ops.cancel(c->arg, &c->main);
	if (c->renew.busy)
		c->ops.cancel(c->arg, &c->renew);
	job__free(c->job);
	collector__forget_parts(c);
	json_decref(c->obj);
	json_decref(c->expected);
	json_decref(c->claim);
	json_decref(c->result);
	free(c->node);
	free(c->dir);
	free(c->group_version);
	free(c->kind);
	free(c->plural);
	free(c->uid);
	free(c->ns);
	free(c->name);
	free(c);
}
