// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/schedule.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EDGES_MAX 1000000

/* --- building ------------------------------------------------------------------------------------- */

static int add(struct edges *edges, size_t from, size_t to)
{
	if (from == to)
		return 0;
	if (edges->n == EDGES_MAX)
		return -E2BIG;
	/* room doubles at powers of two */
	if ((edges->n & (edges->n - 1)) == 0) {
		struct edge *v = realloc(edges->v, (edges->n ? edges->n * 2 : 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		edges->v = v;
	}
	edges->v[edges->n++] = (struct edge){from, to};
	return 0;
}

/* A set as indices into e->endpoints. */
struct indices {
	size_t *v;
	size_t n;
};

static void cleanup_indices(struct indices *s)
{
	free(s->v);
}

static int get_indices(const struct experiment *e, const struct name_set *set, struct indices *ret)
{
	size_t *v = calloc(set->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++) {
		const struct endpoint *ep = experiment__endpoint(e, set->names[i]);

		if (!ep) {
			free(v);
			return -ENOENT;
		}
		v[i] = (size_t)(ep - e->endpoints);
	}
	*ret = (struct indices){v, set->n};
	return 0;
}

/* Every pair of the two sets, and with @both the way back; an empty set is EDGE_ANY. */
static int add_product(const struct experiment *e, const struct name_set *from,
		       const struct name_set *to, bool both, struct edges *edges)
{
	_cleanup_(cleanup_indices) struct indices a = {0}, b = {0};
	int r = get_indices(e, from, &a);

	if (!r)
		r = get_indices(e, to, &b);
	for (size_t i = 0; !r && i < (a.n ? a.n : 1); i++) {
		for (size_t j = 0; !r && j < (b.n ? b.n : 1); j++) {
			size_t x = a.n ? a.v[i] : EDGE_ANY, y = b.n ? b.v[j] : EDGE_ANY;

			r = add(edges, x, y);
			if (!r && both)
				r = add(edges, y, x);
		}
	}
	return r;
}

/* --- topologies ----------------------------------------------------------------------------------- */

static int groups_edges(const struct experiment *e, const struct partition *p, struct edges *edges)
{
	int r = 0;

	for (size_t i = 0; !r && i < p->n_groups; i++) {
		for (size_t j = i + 1; !r && j < p->n_groups; j++)
			r = add_product(e, &p->groups[i], &p->groups[j], true, edges);
	}
	return r;
}

/*
 * Do positions @i < @j of a ring of @n see each other? Jepsen's majorities-ring (jepsen.nemesis: "every
 * node can see a majority, but no node sees the *same* majority as any other"; its perfect form takes
 * windows of a shuffled ring as each node's majority, seen one-way). A cut both ways needs a symmetric
 * relation: with h = floor(n/2) others making a majority, each sees floor(h/2) neighbours on either side,
 * and where h is odd one more across the ring. With n odd as well, no relation gives everyone
 * exactly h others (h n is odd), so the last node's partner across sees one more than a bare majority.
 */
static bool ring_sees(size_t i, size_t j, size_t n)
{
	size_t h = n / 2, apart = j - i;

	if ((apart < n - apart ? apart : n - apart) <= h / 2)
		return true;
	if (h % 2 == 0)
		return false;
	return (i < h && apart == h) || (n % 2 && j == n - 1 && i == h - 1);
}

static int ring_edges(const struct experiment *e, const struct partition *p, struct edges *edges)
{
	_cleanup_(cleanup_indices) struct indices ring = {0};
	int r = get_indices(e, &p->groups[0], &ring);

	for (size_t i = 0; !r && i < ring.n; i++) {
		for (size_t j = i + 1; !r && j < ring.n; j++) {
			if (ring_sees(i, j, ring.n))
				continue;
			r = add(edges, ring.v[i], ring.v[j]);
			if (!r)
				r = add(edges, ring.v[j], ring.v[i]);
		}
	}
	return r;
}

static int partition_edges(const struct experiment *e, const struct partition *p,
			   struct edges *edges)
{
	static const struct name_set any;

	switch (p->kind) {
	case PARTITION_ISOLATE:
		edges->together = true;
		return add_product(e, &p->groups[0], &any, true, edges);
	case PARTITION_HALVES:
	case PARTITION_GROUPS:
		return groups_edges(e, p, edges);
	case PARTITION_BRIDGE:
		return add_product(e, &p->groups[1], &p->groups[2], true, edges);
	case PARTITION_MAJORITIES_RING:
		return ring_edges(e, p, edges);
	case PARTITION_SIMPLEX:
		return add_product(e, &p->groups[0], &p->groups[1], false, edges);
	}
	return -EINVAL;
}

static int set_edges(const struct experiment *e, const struct fault *f, struct edges *edges)
{
	switch (f->direction) {
	case DIRECTION_TO:
		return add_product(e, &f->from, &f->to, false, edges);
	case DIRECTION_FROM:
		return add_product(e, &f->to, &f->from, false, edges);
	case DIRECTION_BOTH:
		return add_product(e, &f->from, &f->to, true, edges);
	}
	return -EINVAL;
}

static int by_index(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

int schedule__edges(const struct experiment *e, size_t fault, struct edges *ret)
{
	const struct fault *f = &e->faults[fault];
	struct edges edges = {0};
	size_t n = 0;
	int r;

	if (f->parts & FAULT_PARTITION)
		r = partition_edges(e, &f->partition, &edges);
	else
		r = set_edges(e, f, &edges);
	if (r) {
		free(edges.v);
		return r;
	}
	if (edges.n)
		qsort(edges.v, edges.n, sizeof(*edges.v), by_index);
	/* [a, b] to [b, a] both ways names each pair twice */
	for (size_t i = 0; i < edges.n; i++) {
		if (!n || by_index(&edges.v[n - 1], &edges.v[i]))
			edges.v[n++] = edges.v[i];
	}
	edges.n = n;
	*ret = edges;
	return 0;
}

/* --- sides ---------------------------------------------------------------------------------------- */

/* The side of lab node @name: that of the first endpoint on a side which selects it. */
static int node_side(const struct experiment *e, const int *side, const char *name)
{
	for (size_t i = 0; i < e->n_endpoints; i++) {
		const struct endpoint *ep = &e->endpoints[i];

		for (size_t j = 0; side[i] >= 0 && j < ep->n_selectors; j++) {
			if (ep->selectors[j].kind == SELECTOR_NODE &&
			    !strcmp(ep->selectors[j].value, name))
				return side[i];
		}
	}
	return -1;
}

/*
 * An endpoint is on the side of what it is made of: `old: {netns: n1}` and n1 are one machine. Only
 * endpoints of one side alone are on it.
 */
static void spread_sides(const struct experiment *e, const int *named, int *side)
{
	for (size_t i = 0; i < e->n_endpoints; i++) {
		const struct endpoint *ep = &e->endpoints[i];
		int common = -1;

		side[i] = named[i];
		if (side[i] >= 0)
			continue;
		for (size_t j = 0; j < ep->n_selectors; j++) {
			const struct selector *s = &ep->selectors[j];
			int one = s->kind == SELECTOR_NODE ? node_side(e, named, s->value) : -1;

			common = !j || one == common ? one : -1;
			if (common < 0)
				break;
		}
		side[i] = common;
	}
}

static void put(const struct experiment *e, const struct name_set *set, int first, int step,
		int *side)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct endpoint *ep = experiment__endpoint(e, set->names[i]);

		if (ep)
			side[ep - e->endpoints] = first + (int)i * step;
	}
}

int schedule__sides(const struct experiment *e, size_t fault, int *ret_side)
{
	const struct fault *f = &e->faults[fault];
	const struct partition *p = &f->partition;
	_cleanup_free_ int *named = calloc(e->n_endpoints + 1, sizeof(*named));
	int n = 0;

	if (!named)
		return -ENOMEM;
	for (size_t i = 0; i < e->n_endpoints; i++)
		ret_side[i] = named[i] = -1;
	if (!(f->parts & FAULT_PARTITION))
		return 0;
	switch (p->kind) {
	case PARTITION_MAJORITIES_RING:
		/* everyone has a majority of their own */
		put(e, &p->groups[0], 0, 1, named);
		n = (int)p->groups[0].n;
		break;
	case PARTITION_BRIDGE:
		put(e, &p->groups[1], 0, 0, named);
		put(e, &p->groups[2], 1, 0, named);
		n = 2;
		break;
	default:
		for (; (size_t)n < p->n_groups; n++)
			put(e, &p->groups[n], n, 0, named);
	}
	spread_sides(e, named, ret_side);
	if (p->kind == PARTITION_ISOLATE) {
		for (size_t i = 0; i < e->n_endpoints; i++)
			ret_side[i] = ret_side[i] < 0 ? 1 : ret_side[i];
		n = 2;
	}
	return n;
}
