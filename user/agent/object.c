// SPDX-License-Identifier: GPL-2.0-only
#include "agent/object.h"

#include "agent/object_internal.h"
#include "agent/status.h"
#include "lib/cleanup.h"

#include <string.h>

#define GROUP "netchaos.dev/v1alpha1"
#define MESH_GROUP "chaos-mesh.org/v1alpha1"

/* A JSON text that the API server takes is 3 MiB at most; far less is nested deep. */
enum { DEPTH_MAX = 32, NAME_MAX_LEN = 63, TEXT_MAX = 512 };

static const struct {
	const char *kind, *version;
} kinds[] = {
	[OBJECT_EXPERIMENT] = {"Experiment", GROUP},
	[OBJECT_NETWORK_CHAOS] = {"NetworkChaos", MESH_GROUP},
	[OBJECT_WORKFLOW] = {"Workflow", MESH_GROUP},
};

static void cleanup_object(struct cluster_object *o)
{
	cluster_object__reset(o);
}

static void cleanup_json(json_t **j)
{
	json_decref(*j);
}

void cluster_object__reset(struct cluster_object *o)
{
	experiment__free(o->e);
	json_decref(o->picked);
	free(o->kind);
	free(o->ns);
	free(o->name);
	free(o->uid);
	*o = (struct cluster_object){0};
}

/* --- head --------------------------------------------------------------------------------------------- */

static const char *annotation(const json_t *meta, const char *key)
{
	return json_string_value(json_object_get(json_object_get(meta, "annotations"), key));
}

static bool says(const json_t *meta, const char *key, const char *word)
{
	const char *s = annotation(meta, key);

	return s && !strcmp(s, word);
}

static int find_kind(const json_t *obj, enum object_kind *ret, struct error *err)
{
	const char *version = json_string_value(json_object_get(obj, "apiVersion"));
	const char *kind = json_string_value(json_object_get(obj, "kind"));

	for (size_t i = 0; version && kind && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kind, kinds[i].kind) && !strcmp(version, kinds[i].version)) {
			*ret = (enum object_kind)i;
			return 0;
		}
	return err__set(err, -EINVAL,
			"kind: `%.64s` of `%.64s`; expected Experiment of " GROUP
			", NetworkChaos or Workflow of " MESH_GROUP,
			kind ? kind : "nothing", version ? version : "nothing");
}

static int copy_text(const json_t *meta, const char *key, char **ret, struct error *err)
{
	const char *s = json_string_value(json_object_get(meta, key));

	if (!s || !*s || strlen(s) > TEXT_MAX)
		return err__set(err, -EINVAL, "metadata.%s: missing, or no text that could be one",
				key);
	*ret = strdup(s);
	return *ret ? 0 : err__set(err, -ENOMEM, "out of memory");
}

/* What was written once, when the start was agreed upon. */
static int read_start(const json_t *status, struct cluster_object *o, struct error *err)
{
	const json_t *start = json_object_get(status, "startAt");
	json_t *picked = json_object_get(status, "picked");

	if (!start || json_is_null(start))
		return 0;
	if (!json_is_string(start) || instant__parse(json_string_value(start), &o->start_at_ns) ||
	    o->start_at_ns <= 0)
		return err__set(err, -EINVAL,
				"status.startAt: no instant; expected one as "
				"2026-01-31T12:00:00.000000Z");
	o->picked = json_is_object(picked) ? json_incref(picked) : json_object();
	return o->picked ? 0 : err__set(err, -ENOMEM, "out of memory");
}

int object__head(const json_t *obj, struct cluster_object *ret, struct error *err)
{
	_cleanup_(cleanup_object) struct cluster_object o = {0};
	const json_t *meta = json_object_get(obj, "metadata");
	const json_t *status = json_object_get(obj, "status");
	int r = find_kind(obj, &o.type, err);

	r = r ?: copy_text(meta, "namespace", &o.ns, err)
		      ?: copy_text(meta, "name", &o.name, err)
		      ?: copy_text(meta, "uid", &o.uid, err);
	if (r) {
		error__make_utf8(err);
		return r;
	}
	o.kind = strdup(kinds[o.type].kind);
	if (!o.kind)
		return err__set(err, -ENOMEM, "out of memory");
	o.generation = json_integer_value(json_object_get(meta, "generation"));
	o.observed_generation = json_integer_value(json_object_get(status, "observedGeneration"));
	o.paused = says(meta, "netchaos.dev/pause", "true") ||
		   says(meta, "experiment.chaos-mesh.org/pause", "true");
	o.stop = says(meta, "netchaos.dev/stop", "true");
	o.node_traffic = says(meta, "netchaos.dev/node-traffic", "fault");
	o.deleting = json_is_string(json_object_get(meta, "deletionTimestamp"));
	r = read_start(status, &o, err);
	if (r)
		return r;
	*ret = o;
	o = (struct cluster_object){0};
	return 0;
}

/* --- its text ----------------------------------------------------------------------------------------- */

/* As people write it: libraries of other languages write 0.00001 as 1e-05, which our files do not have. */
static json_t *plain_number(double x)
{
	char text[400];
	size_t n = (size_t)snprintf(text, sizeof(text), "%.15f", x);

	while (n && text[n - 1] == '0')
		n--;
	if (n && text[n - 1] == '.')
		n--;
	return json_stringn(text, n);
}

/* A copy without nulls, which say no more than nothing would. NULL: no memory; *@deep: nested too deep. */
static json_t *plain(const json_t *v, int depth, bool *deep)
{
	json_t *copy = NULL, *child;
	const char *key;
	size_t i;
	int r = 0;

	*deep |= depth > DEPTH_MAX;
	if (json_is_real(v) && !*deep)
		return plain_number(json_real_value(v));
	if ((!json_is_object(v) && !json_is_array(v)) || *deep)
		return json_deep_copy(*deep ? json_null() : v);
	copy = json_is_object(v) ? json_object() : json_array();
	json_object_foreach((json_t *)v, key, child)
		if (!json_is_null(child) && !r)
			r = json_object_set_new(copy, key, plain(child, depth + 1, deep));
	json_array_foreach(v, i, child)
		if (!r)
			r = json_array_append_new(copy, plain(child, depth + 1, deep));
	if (!r)
		return copy;
	json_decref(copy);
	return NULL;
}

/* Put @value, a new reference or NULL, where it is one. */
static int put(json_t *map, const char *key, json_t *value)
{
	return value ? json_object_set_new(map, key, value) : 0;
}

/* Of the metadata, what an experiment has too. Faults are called by the name: it is cut where that is too long. */
static json_t *plain_metadata(const json_t *meta, const struct cluster_object *o)
{
	static const char *const kept[] = {"netchaos.dev/seed", "netchaos.dev/duration",
					   "netchaos.dev/max-endpoints"};
	const char *description = annotation(meta, "netchaos.dev/description");
	json_t *copy = json_object(), *annotations = json_object();
	int r = put(copy, "name", json_sprintf("%.*s", NAME_MAX_LEN, o->name));

	if (o->type == OBJECT_EXPERIMENT) {
		r |= put(copy, "description",
			 description && *description ? json_string(description) : NULL);
		json_decref(annotations);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
			if (annotation(meta, kept[i]))
				r |= put(annotations, kept[i],
					 json_string(annotation(meta, kept[i])));
		r |= put(copy, "namespace", json_string(o->ns));
		r |= put(copy, "annotations", annotations);
	}
	if (!r)
		return copy;
	json_decref(copy);
	return NULL;
}

/* The object as the text of an experiment. */
static int make_text(const json_t *obj, const struct cluster_object *o, char **ret,
		     struct error *err)
{
	_cleanup_(cleanup_json) json_t *doc = json_object();
	const json_t *spec = json_object_get(obj, "spec");
	bool deep = false;
	int r = put(doc, "apiVersion", json_string(kinds[o->type].version)) |
		put(doc, "kind", json_string(kinds[o->type].kind));
	json_t *meta = plain_metadata(json_object_get(obj, "metadata"), o);

	if (!meta || json_object_set_new(doc, "metadata", meta) || r)
		return err__set(err, -ENOMEM, "out of memory");
	if (spec && !json_is_null(spec) && json_object_set_new(doc, "spec", plain(spec, 0, &deep)))
		return err__set(err, -ENOMEM, "out of memory");
	if (deep)
		return err__set(err, -EINVAL, "spec: nested deeper than %d levels", DEPTH_MAX);
	*ret = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
	if (!*ret)
		return err__set(err, -ENOMEM, "out of memory");
	if (strlen(*ret) <= EXPERIMENT_MAX_BYTES)
		return 0;
	free(*ret);
	return err__set(err, -EINVAL, "spec: more than 1 MiB is no experiment");
}

/* --- all of it ------------------------------------------------------------------------------------------ */

/* 32 bits, as a seed that is drawn has. */
static uint64_t seed_of(const char *uid)
{
	return target_pick__rank(0, "seed", uid) >> 32;
}

static int parse(const json_t *obj, const struct object_options *opts, struct cluster_object *o,
		 struct error *err)
{
	const struct experiment_mode mode = {.place = EXPERIMENT_CLUSTER,
					     .paths = true,
					     .ns = o->ns,
					     .allow_host = opts && opts->allow_host};
	_cleanup_free_ char *text = NULL, *file = NULL;
	int r = make_text(obj, o, &text, err);

	if (r)
		return r;
	if (asprintf(&file, "%s %s/%s", o->kind, o->ns, o->name) < 0) {
		file = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	return experiment__parse_as(file, text, strlen(text), seed_of(o->uid), NULL, &mode, &o->e,
				    err)
		       ?: object__check_expressions(o->e, err);
}

int object__load_as(const json_t *obj, const struct object_options *opts,
		    struct cluster_object *ret, struct error *err)
{
	_cleanup_(cleanup_object) struct cluster_object o = {0};
	int r = object__head(obj, &o, err);

	if (r)
		return r;
	r = parse(obj, opts, &o, err);
	if (r) {
		error__make_utf8(err);
		return r;
	}
	*ret = o;
	o = (struct cluster_object){0};
	return 0;
}

int object__load(const json_t *obj, struct cluster_object *ret, struct error *err)
{
	return object__load_as(obj, NULL, ret, err);
}
