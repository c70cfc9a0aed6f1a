// SPDX-License-Identifier: GPL-2.0-only
/* history_run.c: the "run" event: what was planned, and every name that later events may use. */
#include "analysis/history_reader.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX 1000000 /* of one fault; a duty cycle of milliseconds over hours */

static int strings(struct reader *rd, const json_t *o, const char *key, struct history_names *ret)
{
	const json_t *a = NULL, *s;
	int r = line__array(rd, o, key, OPTIONAL, &a);
	size_t i;

	if (r)
		return r;
	ret->v = calloc(json_array_size(a) + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	json_array_foreach(a, i, s) {
		if (!json_is_string(s))
			return line__bad(rd, "`%s`[%zu]: expected a string", key, i);
		ret->v[i] = line__keep(rd, json_string_value(s));
		if (!ret->v[i])
			return -ENOMEM;
		ret->n++;
	}
	return 0;
}

static int node_list(struct reader *rd, const json_t *a, struct history_nodes *ret)
{
	const json_t *s;
	size_t i;
	int r;

	ret->v = calloc(json_array_size(a) + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	json_array_foreach(a, i, s) {
		r = line__name_of(rd, &rd->nodes, s, &ret->v[i]);
		if (r)
			return r;
		ret->n++;
	}
	return 0;
}

static int nodes_of(struct reader *rd, const json_t *o, const char *key, struct history_nodes *ret)
{
	const json_t *a = NULL;
	int r = line__array(rd, o, key, REQUIRED, &a);

	return r ? r : node_list(rd, a, ret);
}

static int windows(struct reader *rd, const json_t *o, struct history_fault *f)
{
	const json_t *a = NULL, *w;
	int r = line__array(rd, o, "windows", OPTIONAL, &a);
	size_t i;

	if (r)
		return r;
	if (json_array_size(a) > WINDOW_MAX)
		return line__bad(rd, "`windows`: more than %d", WINDOW_MAX);
	f->windows = calloc(json_array_size(a) + 1, sizeof(*f->windows));
	if (!f->windows)
		return -ENOMEM;
	json_array_foreach(a, i, w) {
		const json_t *start = json_array_get(w, 0), *end = json_array_get(w, 1);
		json_int_t s = json_integer_value(start), e = json_integer_value(end);

		if (json_array_size(w) != 2 || !json_is_integer(start) || !json_is_integer(end) ||
		    s < -HISTORY_T_MAX || e > HISTORY_T_MAX || s > e)
			return line__bad(rd, "`windows`[%zu]: expected [start_ns, end_ns]", i);
		f->windows[f->n_windows++] = (struct history_window){s, e};
	}
	return 0;
}

static int edges(struct reader *rd, const json_t *o, struct history_fault *f)
{
	const json_t *a = NULL, *e;
	int r = line__array(rd, o, "edges", OPTIONAL, &a);
	size_t i;

	if (r)
		return r;
	f->edges = calloc(json_array_size(a) + 1, sizeof(*f->edges));
	if (!f->edges)
		return -ENOMEM;
	json_array_foreach(a, i, e) {
		struct history_edge *edge = &f->edges[i];

		if (json_array_size(e) != 2)
			return line__bad(rd, "`edges`[%zu]: expected [from, to]", i);
		r = line__end(rd, json_array_get(e, 0), &edge->from);
		if (!r)
			r = line__end(rd, json_array_get(e, 1), &edge->to);
		if (r)
			return r;
		f->n_edges++;
	}
	return 0;
}

static int sides(struct reader *rd, const json_t *o, struct history_fault *f)
{
	const json_t *a = NULL, *s;
	int r = line__array(rd, o, "sides", OPTIONAL, &a);
	size_t i;

	if (r)
		return r;
	f->sides = calloc(json_array_size(a) + 1, sizeof(*f->sides));
	if (!f->sides)
		return -ENOMEM;
	json_array_foreach(a, i, s) {
		if (!json_is_array(s))
			return line__bad(rd, "`sides`[%zu]: expected an array", i);
		f->n_sides++;
		r = node_list(rd, s, &f->sides[i]);
		if (r)
			return r;
	}
	return 0;
}

static int fault(struct reader *rd, const json_t *o, size_t i)
{
	struct history_fault *f = &rd->h->faults[i];
	int r = line__string(rd, o, "name", REQUIRED, &f->name);

	r = r ? r : line__declare(rd, &rd->faults, f->name, i);
	r = r ? r : line__string(rd, o, "mechanism", OPTIONAL, &f->mechanism);
	r = r ? r : strings(rd, o, "parts", &f->parts);
	r = r ? r : windows(rd, o, f);
	r = r ? r : edges(rd, o, f);
	r = r ? r : sides(rd, o, f);
	for (size_t p = 0; !r && p < f->parts.n; p++) {
		const char *part = f->parts.v[p];

		f->partition |= part && !strcmp(part, "partition");
	}
	return r;
}

static int resource(struct reader *rd, const json_t *o, size_t i)
{
	struct history_resource *x = &rd->h->resources[i];
	int r = line__string(rd, o, "resource", REQUIRED, &x->name);

	r = r ? r : line__declare(rd, &rd->resources, x->name, i);
	r = r ? r : line__string(rd, o, "system", REQUIRED, &x->system);
	r = r ? r : nodes_of(rd, o, "nodes", &x->nodes);
	r = r ? r : line__int(rd, o, "every_ns", REQUIRED, 1, HISTORY_T_MAX / 10, &x->every_ns);
	return r;
}

/* How it offers its load, where that is said; the numbers of the policy are for people. */
static int load_of(struct reader *rd, const json_t *o, struct history_workload *x)
{
	const json_t *retry = json_object_get(o, "retry");
	const char *mode = NULL;
	int r = line__string(rd, o, "mode", OPTIONAL, &mode);

	x->closed = !r && mode && !strcmp(mode, "closed");
	r = r ? r : line__string(rd, o, "target", OPTIONAL, &x->target);
	if (!r && retry && !json_is_object(retry) && !json_is_null(retry))
		r = line__bad(rd, "`retry`: expected an object");
	return r ? r : line__string(rd, retry, "policy", OPTIONAL, &x->retry);
}

static int workload(struct reader *rd, const json_t *o, size_t i)
{
	struct history_workload *x = &rd->h->workloads[i];
	int r = line__string(rd, o, "name", REQUIRED, &x->name);

	r = r ? r : line__declare(rd, &rd->workloads, x->name, i);
	r = r ? r : line__string(rd, o, "system", REQUIRED, &x->system);
	r = r ? r : line__string(rd, o, "check", REQUIRED, &x->check);
	x->is_set = !r && !strcmp(x->check, "set");
	r = r ? r : nodes_of(rd, o, "nodes", &x->nodes);
	r = r ? r : line__count(rd, o, "clients", OPTIONAL, &x->clients);
	r = r ? r : line__time(rd, o, "timeout_ns", OPTIONAL, &x->timeout_ns);
	r = r ? r : line__number(rd, o, "rate_per_s", &x->rate_per_s);
	r = r ? r : line__number(rd, o, "reads", &x->reads);
	return r ? r : load_of(rd, o, x);
}

/* An array of objects: @array of the history (elements of @size), each filled by @one. */
static int list(struct reader *rd, const json_t *o, const char *key, void *array, size_t *n,
		size_t size, int (*one)(struct reader *rd, const json_t *o, size_t i))
{
	const json_t *a = NULL, *x;
	int r = line__array(rd, o, key, OPTIONAL, &a);
	size_t i;
	void *v;

	if (r)
		return r;
	v = calloc(json_array_size(a) + 1, size);
	if (!v)
		return -ENOMEM;
	memcpy(array, &v, sizeof(v));
	json_array_foreach(a, i, x) {
		if (!json_is_object(x))
			return line__bad(rd, "`%s`[%zu]: expected an object", key, i);
		++*n; /* before it is whole: what it owns by then is freed */
		r = one(rd, x, i);
		if (r)
			return r;
	}
	return 0;
}

static int head(struct reader *rd, const json_t *o)
{
	struct history *h = rd->h;
	int64_t version = 0;
	json_t *seed = json_object_get(o, "seed");
	int r = line__int(rd, o, "version", REQUIRED, 1, INT32_MAX, &version);

	if (!r && version > 1)
		return line__bad(rd,
				 "the record is of version %d, written by a newer chaos; this one "
				 "reads version 1",
				 (int)version);
	r = r ? r : line__string(rd, o, "name", REQUIRED, &h->name);
	r = r ? r : line__string(rd, o, "description", OPTIONAL, &h->description);
	r = r ? r : line__string(rd, o, "run_id", OPTIONAL, &h->run_id);
	r = r ? r : line__string(rd, o, "kernel", OPTIONAL, &h->kernel);
	r = r ? r : line__string(rd, o, "tool", OPTIONAL, &h->tool);
	r = r ? r : line__string(rd, o, "mechanism", OPTIONAL, &h->mechanism);
	r = r ? r : line__int(rd, o, "duration_ns", REQUIRED, 0, HISTORY_T_MAX, &h->duration_ns);
	r = r ? r
	      : line__int(rd, o, "start_realtime_ns", OPTIONAL, 0, INT64_MAX,
			  &h->start_realtime_ns);
	r = r ? r
	      : line__int(rd, o, "start_monotonic_ns", OPTIONAL, -INT64_MAX, INT64_MAX,
			  &h->start_monotonic_ns);
	r = r ? r
	      : line__int(rd, o, "traffic_bin_ns", REQUIRED, 1, HISTORY_T_MAX, &h->traffic_bin_ns);
	if (!r && seed && !json_is_integer(seed) && !json_is_null(seed))
		r = line__bad(rd, "`seed`: expected an integer");
	if (!r)
		h->seed = seed ? json_incref(seed) : json_null();
	return r;
}

int line__run(struct reader *rd, const json_t *o)
{
	struct history *h = rd->h;
	int r = head(rd, o);

	r = r ? r : strings(rd, o, "nodes", &h->nodes);
	for (size_t i = 0; !r && i < h->nodes.n; i++)
		r = line__declare(rd, &rd->nodes, h->nodes.v[i], i);
	r = r ? r : line__places(rd, o);
	r = r ? r : line__cluster(rd, o);
	r = r ? r : strings(rd, o, "expect", &h->expect);
	r = r ? r : strings(rd, o, "exempt", &h->exempt);
	r = r ? r : list(rd, o, "faults", &h->faults, &h->n_faults, sizeof(*h->faults), fault);
	r = r ? r
	      : list(rd, o, "resources", &h->resources, &h->n_resources, sizeof(*h->resources),
		     resource);
	r = r ? r
	      : list(rd, o, "workloads", &h->workloads, &h->n_workloads, sizeof(*h->workloads),
		     workload);
	return r;
}
