// SPDX-License-Identifier: GPL-2.0-only
/* collect_write.c: the report: rendered, written, told. */
#include "agent/collect_internal.h"

#include "agent/coordinate.h"
#include "lib/cleanup.h"

#include <string.h>

/* ---- rendering ---- */

void collector__say_unknown(struct collector *c, const char *why)
{
	json_decref(c->result);
	c->result = json_pack("{s:s,s:{s:o}}", "verdict", "unknown", "summary", "message",
			      collect__words(256, "there is no report: ", why));
	if (c->result && json_array_size(c->missing))
		json_object_set(json_object_get(c->result, "summary"), "missing", c->missing);
	collector__become(c, TELLING);
}

void collector__render(struct collector *c)
{
	struct collect_render rd = {c->dir, c->node, c->have, c->missing};
	json_t *result = NULL;
	const char *error;
	int r;

	if (!c->job) {
		r = job__start(collect__render, &rd, &c->job);
		c->job_since_ns = collector__now(c);
		if (r)
			collector__back_off(c);
		return;
	}
	r = job__poll(c->job, &result);
	if (!r && collector__now(c) < c->job_since_ns + COLLECT_RENDER_NS)
		return;
	job__free(TAKE_PTR(c->job));
	error = json_string_value(json_object_get(result, "error"));
	if (r <= 0 || error) {
		collector__say_unknown(
			c, error ? error
			   : r	 ? "the process that renders it was killed; it may need more memory"
				 : "it took too long to render");
		json_decref(result);
		return;
	}
	json_decref(c->result);
	c->result = result;
	collector__become(c, WRITING);
}

/* ---- the ConfigMap ---- */

/* NAME-chaos; if an object of another kind has that already, with this one's uid in it. */
static void name_map(struct collector *c)
{
	int room = (int)(253 - strlen("-01234567-chaos"));

	if (c->other_name)
		snprintf(c->map, sizeof(c->map), "%.*s-%.8s-chaos", room, c->name, c->uid);
	else
		snprintf(c->map, sizeof(c->map), "%.*s-chaos", (int)(253 - strlen("-chaos")),
			 c->name);
}

static json_t *map_json(const struct collector *c)
{
	char label[RECORD_NAME_MAX];

	return json_pack(
		"{s:s,s:s,s:{s:s,s:s,s:{s:s},s:[{s:s,s:s,s:s,s:s,s:b}]},s:O,s:O}", "apiVersion",
		"v1", "kind", "ConfigMap", "metadata", "name", c->map, "namespace", c->ns, "labels",
		RECORD_LABEL_RUN, record__label(c->uid, label, sizeof(label)), "ownerReferences",
		"apiVersion", c->group_version, "kind", c->kind, "name", c->name, "uid", c->uid,
		"blockOwnerDeletion", 0, "data", json_object_get(c->result, "data"), "binaryData",
		json_object_get(c->result, "binary"));
}

static bool may_replace(const struct collector *c, const json_t *map)
{
	const json_t *owner = json_array_get(
		json_object_get(json_object_get(map, "metadata"), "ownerReferences"), 0);
	const char *kind = json_string_value(json_object_get(owner, "kind"));

	return kind && !strcmp(kind, c->kind);
}

/* A ConfigMap of that name is there: that of an object of this name before this one, or somebody else's. */
static void looked(void *arg, const struct kube_answer *a)
{
	struct call *call = arg;
	struct collector *c = call->c;

	call->busy = false;
	if (collect__is_ok(a)) {
		c->replace = may_replace(c, a->body) || c->other_name;
		c->other_name = c->other_name || !c->replace;
	} else if (a->status != 404) {
		collector__back_off(c);
	}
}

static void not_written(struct collector *c, const char *why)
{
	char where[256];

	snprintf(where, sizeof(where), "the report is on node %.100s in %.100s: ", c->node, c->dir);
	json_object_set_new(json_object_get(c->result, "summary"), "left_out",
			    collect__words(256, where, why));
}

static void wrote(void *arg, const struct kube_answer *a)
{
	struct call *call = arg;
	struct collector *c = call->c;
	json_t *summary = json_object_get(c->result, "summary");

	call->busy = false;
	if (collect__is_ok(a)) {
		json_object_set_new(summary, "report", json_sprintf("configmap/%s", c->map));
		collector__become(c, TELLING);
	} else if (a->status == 409 && !c->replace) {
		collector__ask_map(c, "GET", c->map, NULL, looked);
	} else if (collect__is_refused(a) && (a->status != 404 || !c->replace) &&
		   c->failures >= REFUSALS_MAX) {
		not_written(c, a->why);
		collector__become(c, TELLING);
	} else {
		c->replace = false;
		collector__back_off(c);
	}
}

void collector__write(struct collector *c)
{
	name_map(c);
	collector__ask_map(c, c->replace ? "PUT" : "POST", c->replace ? c->map : NULL, map_json(c),
			   wrote);
}

static void told(void *arg, const struct kube_answer *a)
{
	struct call *call = arg;
	struct collector *c = call->c;

	call->busy = false;
	if (collect__is_ok(a) || a->status == 404)
		collector__become(c, DONE);
	else
		collector__back_off(c);
}

void collector__tell(struct collector *c)
{
	json_t *status = json_pack("{s:O,s:O}", "verdict", json_object_get(c->result, "verdict"),
				   "summary", json_object_get(c->result, "summary"));

	/* By its version: an object that was made anew with this name has another, and no verdict yet. */
	collector__ask_object(c, &c->main, coordinate__guarded(c->obj, status), told);
}
