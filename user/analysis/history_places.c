// SPDX-License-Identifier: GPL-2.0-only
/*
 * history_places.c: the machines of a cluster, and the pods that an endpoint is many of. A record of
 * one machine whose endpoints are one place each has neither.
 */
#include "analysis/history_reader.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))
#define PLACES_MAX 100000

/* --- hosts ------------------------------------------------------------------------------------ */

int line__host(struct reader *rd, const json_t *o, int *ret)
{
	const json_t *v = json_object_get(o, "host");

	*ret = HISTORY_NO_HOST;
	/* of one node's record, which no one has merged, it says nothing */
	if (!v || !rd->h->n_hosts)
		return 0;
	return line__name_of(rd, &rd->hosts, v, ret);
}

static int segments(struct reader *rd, const json_t *o, struct history_host *x)
{
	const json_t *a = NULL, *s;
	int r = line__array(rd, o, "segments", OPTIONAL, &a);
	size_t i;

	if (r)
		return r;
	x->segments = calloc(json_array_size(a) + 1, sizeof(*x->segments));
	if (!x->segments)
		return -ENOMEM;
	json_array_foreach(a, i, s) {
		struct history_segment *to = &x->segments[i];

		if (!json_is_object(s))
			return line__bad(rd, "`segments`[%zu]: expected an object", i);
		r = line__time(rd, s, "from_ns", REQUIRED, &to->from_ns);
		r = r ? r : line__time(rd, s, "to_ns", REQUIRED, &to->to_ns);
		r = r ? r : line__string(rd, s, "status", OPTIONAL, &to->status);
		if (r)
			return r;
		x->n_segments++;
	}
	return 0;
}

static int host(struct reader *rd, const json_t *o, size_t i)
{
	struct history_host *x = &rd->h->hosts[i];
	int r;

	if (!json_is_object(o))
		return line__bad(rd, "`cluster.nodes`[%zu]: expected an object", i);
	r = line__string(rd, o, "node", REQUIRED, &x->name);
	r = r ? r : line__declare(rd, &rd->hosts, x->name, i);
	r = r ? r : line__string(rd, o, "kernel", OPTIONAL, &x->kernel);
	r = r ? r : line__string(rd, o, "mechanism", OPTIONAL, &x->mechanism);
	r = r ? r : line__time(rd, o, "clock_offset_ns", OPTIONAL, &x->offset_ns);
	r = r ? r : line__count(rd, o, "clock_epsilon_ns", OPTIONAL, &x->epsilon_ns);
	return r ? r : segments(rd, o, x);
}

static int missing(struct reader *rd, const json_t *cluster)
{
	const json_t *a = NULL, *x;
	struct history *h = rd->h;
	int r = line__array(rd, cluster, "missing", OPTIONAL, &a);
	size_t i;

	h->missing = r ? NULL : calloc(json_array_size(a) + 1, sizeof(*h->missing));
	if (!h->missing)
		return r ? r : -ENOMEM;
	json_array_foreach(a, i, x) {
		struct history_missing *to = &h->missing[h->n_missing++];

		if (!json_is_object(x))
			return line__bad(rd, "`cluster.missing`[%zu]: expected an object", i);
		r = line__string(rd, x, "node", REQUIRED, &to->node);
		r = r ? r : line__string(rd, x, "why", REQUIRED, &to->why);
		if (r)
			return r;
	}
	return 0;
}

/*
 * Against a clock in the middle of all of them: what all are off by alike is no uncertainty of
 * theirs. The times themselves stay as recorded.
 */
static void clock_errors(struct history *h)
{
	int64_t lo = INT64_MAX, hi = INT64_MIN, middle;

	for (size_t i = 0; i < h->n_hosts; i++) {
		int64_t offset = h->hosts[i].offset_ns == HISTORY_NONE ? 0 : h->hosts[i].offset_ns;

		lo = offset < lo ? offset : lo;
		hi = offset > hi ? offset : hi;
	}
	middle = h->n_hosts ? lo + (hi - lo) / 2 : 0;
	for (size_t i = 0; i < h->n_hosts; i++) {
		struct history_host *x = &h->hosts[i];

		if (h->n_hosts < 2 || x->epsilon_ns == HISTORY_NONE)
			continue;
		x->error_ns = x->epsilon_ns +
			      llabs((x->offset_ns == HISTORY_NONE ? 0 : x->offset_ns) - middle);
	}
}

int line__cluster(struct reader *rd, const json_t *run)
{
	const json_t *cluster = json_object_get(run, "cluster"), *a = NULL, *x;
	struct history *h = rd->h;
	size_t i;
	int r;

	if (!cluster || json_is_null(cluster))
		return 0;
	if (!json_is_object(cluster))
		return line__bad(rd, "`cluster`: expected an object");
	r = line__array(rd, cluster, "nodes", REQUIRED, &a);
	if (r)
		return r;
	h->hosts = calloc(json_array_size(a) + 1, sizeof(*h->hosts));
	if (!h->hosts)
		return -ENOMEM;
	json_array_foreach(a, i, x) {
		h->n_hosts++; /* before it is whole: what it owns by then is freed */
		r = host(rd, x, i);
		if (r)
			return r;
	}
	clock_errors(h);
	return missing(rd, cluster);
}

int64_t history__clock_error(const struct history *h, int host)
{
	return host >= 0 && (size_t)host < h->n_hosts ? h->hosts[host].error_ns : 0;
}

bool history__has_holes(const struct history *h)
{
	bool holes = h->n_missing > 0;

	for (size_t i = 0; i < h->n_hosts; i++)
		for (size_t k = 0; k < h->hosts[i].n_segments; k++)
			holes |= !h->hosts[i].segments[k].status;
	return holes;
}

/* --- places ----------------------------------------------------------------------------------- */

static int declare(struct reader *rd, const char *name, int endpoint, int *ret)
{
	struct history *h = rd->h;
	const json_t *known = json_object_get(rd->nodes.index, name);
	struct history_place *p;
	const char **v;
	int r;

	if (known) {
		*ret = (int)json_integer_value(known);
		if (*ret == endpoint)
			return 0;
		for (size_t i = 0; i < h->n_places; i++)
			if (h->places[i].node == *ret && h->places[i].endpoint == endpoint)
				return 0;
		return line__bad(rd, "place `%.60s` is of another endpoint already", name);
	}
	if (h->n_places >= PLACES_MAX)
		return line__bad(rd, "more than %d places", PLACES_MAX);
	v = reallocarray(h->nodes.v, h->nodes.n + 2, sizeof(*v));
	if (!v)
		return -ENOMEM;
	h->nodes.v = v;
	r = line__declare(rd, &rd->nodes, name, h->nodes.n);
	if (r)
		return r;
	*ret = (int)h->nodes.n;
	h->nodes.v[h->nodes.n++] = name;
	p = ADD(rd, places);
	if (!p)
		return -ENOMEM;
	h->places[h->n_places++] = (struct history_place){*ret, endpoint};
	return 0;
}

static int place_of(struct reader *rd, const json_t *o, int *ret)
{
	const char *name = NULL;
	int endpoint, r = line__name(rd, &rd->nodes, o, "endpoint", &endpoint);

	r = r ? r : line__string(rd, o, "place", REQUIRED, &name);
	return r ? r : declare(rd, name, endpoint, ret);
}

int line__places(struct reader *rd, const json_t *run)
{
	const json_t *a = NULL, *x;
	int r = line__array(rd, run, "places", OPTIONAL, &a), node;
	size_t i;

	json_array_foreach(a, i, x) {
		if (r)
			break;
		r = json_is_object(x) ? place_of(rd, x, &node)
				      : line__bad(rd, "`places`[%zu]: expected an object", i);
	}
	return r;
}

int line__place(struct reader *rd, const json_t *o)
{
	static const char *const events[] = {"left", "joined"};
	struct history_presence *p;
	int r, node, event, host;
	bool here;

	r = place_of(rd, o, &node);
	r = r ? r : line__word(rd, o, "event", events, ARRAY_SIZE(events), &event);
	r = r ? r : line__bool(rd, o, "here", OPTIONAL, &here);
	r = r ? r : line__host(rd, o, &host);
	/* what is elsewhere is told by who has it */
	if (r || !here)
		return r;
	p = ADD(rd, presence);
	if (!p)
		return -ENOMEM;
	*p = (struct history_presence){rd->t_ns, node, host, event == 1};
	rd->h->n_presence++;
	return 0;
}

static int by_node(const void *a, const void *b)
{
	const struct history_presence *x = a, *y = b;
	int r = CMP(x->node, y->node);

	r = r ? r : CMP(x->t_ns, y->t_ns);
	return r ? r : CMP(x->joined, y->joined);
}

/* An endpoint that has places of their own names: they are meant. */
static int expand(const struct history *h, struct history_nodes *nodes)
{
	_cleanup_free_ bool *in = calloc(h->nodes.n + 1, sizeof(*in));
	int *v = calloc(nodes->n + h->n_places + 1, sizeof(*v));
	size_t n = 0;

	if (!in || !v) {
		free(v);
		return -ENOMEM;
	}
	for (size_t i = 0; i < nodes->n; i++) {
		in[nodes->v[i]] = true;
		if (!h->has_places[nodes->v[i]])
			v[n++] = nodes->v[i];
	}
	for (size_t i = 0; i < h->n_places; i++) {
		const struct history_place *p = &h->places[i];

		if (in[p->endpoint] && !in[p->node])
			v[n++] = p->node;
	}
	free(nodes->v);
	nodes->v = v;
	nodes->n = n;
	return 0;
}

int places__finish(struct history *h)
{
	int r = 0;

	h->endpoint_of = calloc(h->nodes.n + 1, sizeof(*h->endpoint_of));
	h->has_places = calloc(h->nodes.n + 1, sizeof(*h->has_places));
	if (!h->endpoint_of || !h->has_places)
		return -ENOMEM;
	for (size_t i = 0; i < h->nodes.n; i++)
		h->endpoint_of[i] = (int)i;
	for (size_t i = 0; i < h->n_places; i++) {
		h->endpoint_of[h->places[i].node] = h->places[i].endpoint;
		h->has_places[h->places[i].endpoint] = true;
	}
	if (h->n_presence)
		qsort(h->presence, h->n_presence, sizeof(*h->presence), by_node);
	if (!h->n_places)
		return 0;
	for (size_t i = 0; i < h->n_resources && !r; i++)
		r = expand(h, &h->resources[i].nodes);
	for (size_t i = 0; i < h->n_workloads && !r; i++)
		r = expand(h, &h->workloads[i].nodes);
	return r;
}
