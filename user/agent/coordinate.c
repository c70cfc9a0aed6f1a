// SPDX-License-Identifier: GPL-2.0-only
#include "agent/coordinate.h"

#include "agent/status.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *version(const json_t *obj)
{
	return json_string_value(
		json_object_get(json_object_get(obj, "metadata"), "resourceVersion"));
}

json_t *coordinate__guarded(const json_t *obj, json_t *status)
{
	const char *v = version(obj);

	if (!v || !status) {
		json_decref(status);
		return NULL;
	}
	return json_pack("{s:{s:s},s:o}", "metadata", "resourceVersion", v, "status", status);
}

int64_t coordinate__start_at(const json_t *obj)
{
	const char *s =
		json_string_value(json_object_get(json_object_get(obj, "status"), "startAt"));
	int64_t ns;

	return s && instant__parse(s, &ns) == 0 ? ns : 0;
}

json_t *coordinate__start(const json_t *obj, int64_t now_ns, int64_t lead_ns, const json_t *picked)
{
	const json_t *generation = json_object_get(json_object_get(obj, "metadata"), "generation");
	json_t *status;
	char at[40];

	if (coordinate__start_at(obj))
		return NULL;
	status = json_pack("{s:s,s:s,s:n}", "startAt",
			   instant__format(now_ns + lead_ns, at, sizeof(at)), "phase", "Pending",
			   "message");
	if (status && json_object_size(picked))
		json_object_set_new(status, "picked", json_deep_copy(picked));
	if (status && generation)
		json_object_set_new(status, "observedGeneration", json_deep_copy(generation));
	return coordinate__guarded(obj, status);
}

static bool annotated(const json_t *obj, const char *key)
{
	const json_t *a = json_object_get(json_object_get(obj, "metadata"), "annotations");
	const char *v = json_string_value(json_object_get(a, key));

	return v && !strcmp(v, "true");
}

bool coordinate__stop(const json_t *obj)
{
	/* One that is being deleted may be kept by somebody's finalizer. */
	return annotated(obj, "netchaos.dev/stop") ||
	       json_is_string(
		       json_object_get(json_object_get(obj, "metadata"), "deletionTimestamp")) ||
	       json_is_object(json_object_get(json_object_get(obj, "status"), "stopped"));
}

bool coordinate__paused(const json_t *obj)
{
	return annotated(obj, "netchaos.dev/pause") ||
	       annotated(obj, "experiment.chaos-mesh.org/pause");
}

/* FNV-1a: the same on every node. */
static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261U;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	return h;
}

int64_t coordinate__delay(const json_t *obj, const char *node)
{
	const json_t *nodes = json_object_get(json_object_get(obj, "status"), "nodes"), *v;
	const char *name;
	int64_t before = 0;

	if (!json_object_get(nodes, node)) {
		/* Before anyone takes part all are alike: spread over half a second. */
		if (!json_object_size(nodes))
			return hash(node) % 500 * NS_PER_MS;
		return (5000 + hash(node) % 5000) * NS_PER_MS;
	}
	json_object_foreach((json_t *)nodes, name, v)
		before += strcmp(name, node) < 0;
	return (before < 10 ? before : 10) * NS_PER_S;
}

bool coordinate__older(const json_t *obj, const json_t *than)
{
	const char *a = version(obj), *b = version(than);
	unsigned long long x, y;
	char *ax, *bx;

	if (!a || !b || !*a || !*b)
		return false;
	errno = 0;
	x = strtoull(a, &ax, 10);
	y = strtoull(b, &bx, 10);
	return !errno && !*ax && !*bx && x < y;
}
