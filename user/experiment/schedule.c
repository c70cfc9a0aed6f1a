// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/schedule.h"

#include "lib/cleanup.h"
#include "lib/rng.h"

#include <string.h>

enum { WINDOWS_MAX = 100000 };

/* Purposes of generators, apart from those of the parser, which are fault numbers. */
#define PURPOSE_FLAP 0x10000000u

static int add_window(struct windows *w, size_t *room, int64_t start, int64_t end)
{
	if (w->n == WINDOWS_MAX)
		return -E2BIG;
	if (w->n == *room) {
		size_t more = *room ? 2 * *room : 4;
		struct window *grown = realloc(w->v, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		w->v = grown;
		*room = more;
	}
	w->v[w->n++] = (struct window){start, end};
	return 0;
}

static int64_t between(struct rng *r, int64_t lo, int64_t hi)
{
	return lo + (int64_t)rng__below(r, (uint64_t)(hi - lo) + 1);
}

static int64_t clip(int64_t t, int64_t end)
{
	return t < end ? t : end;
}

/* Sums never overflow: parsed times are below a year. */
static int flap_windows(const struct experiment *e, size_t fault, struct windows *w)
{
	const struct fault *f = &e->faults[fault];
	struct rng rng = rng__fork(e->seed, PURPOSE_FLAP + fault);
	int64_t end = f->for_ns < 0 ? e->duration_ns : clip(f->at_ns + f->for_ns, e->duration_ns);
	int64_t t = f->at_ns;
	size_t room = 0;
	int r = 0;

	while (!r && t < end) {
		int64_t down = between(&rng, f->flap.down_lo_ns, f->flap.down_hi_ns);
		int64_t up = between(&rng, f->flap.up_lo_ns, f->flap.up_hi_ns);

		r = add_window(w, &room, t, clip(t + down, end));
		t += down + up;
	}
	return r;
}

int schedule__windows(const struct experiment *e, size_t fault, struct windows *ret)
{
	const struct fault *f = &e->faults[fault];
	struct windows w = {0};
	size_t room = 0;
	int r = 0;

	if (f->flap.set) {
		r = flap_windows(e, fault, &w);
	} else {
		unsigned int times = f->every_ns ? f->times : 1;

		for (unsigned int k = 0; !r && (!times || k < times); k++) {
			int64_t start = f->at_ns + (int64_t)k * f->every_ns;

			if (start >= e->duration_ns)
				break;
			r = add_window(&w, &room, start,
				       f->for_ns < 0 ? e->duration_ns :
						       clip(start + f->for_ns, e->duration_ns));
		}
	}
	if (r) {
		free(w.v);
		return r;
	}
	*ret = w;
	return 0;
}

/* --- edges ------------------------------------------------------------------------------------ */

struct edge_list {
	struct edges edges;
	size_t room;
};

static size_t index_of(const struct experiment *e, const char *name)
{
	const struct endpoint *ep = experiment__endpoint(e, name);

	return ep ? (size_t)(ep - e->endpoints) : EDGE_ANY;
}

static int compare_edges(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static int add_edge(struct edge_list *l, size_t from, size_t to)
{
	if (from == to)
		return 0;
	if (l->edges.n == l->room) {
		size_t more = l->room ? 2 * l->room : 8;
		struct edge *grown = realloc(l->edges.v, more * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->edges.v = grown;
		l->room = more;
	}
	l->edges.v[l->edges.n++] = (struct edge){from, to};
	return 0;
}

static int both_ways(struct edge_list *l, size_t a, size_t b)
{
	return add_edge(l, a, b) ?: add_edge(l, b, a);
}

/* All of @a with all of @b; an empty set is everyone. */
static int cross(const struct experiment *e, struct edge_list *l, const struct name_set *a,
		 const struct name_set *b, bool back)
{
	for (size_t i = 0; i < (a->n ? a->n : 1); i++)
		for (size_t j = 0; j < (b->n ? b->n : 1); j++) {
			size_t from = a->n ? index_of(e, a->names[i]) : EDGE_ANY;
			size_t to = b->n ? index_of(e, b->names[j]) : EDGE_ANY;
			int r = back ? both_ways(l, from, to) : add_edge(l, from, to);

			if (r)
				return r;
		}
	return 0;
}

/* Isolated is the set, not each of its members: they still see each other. */
static int isolate(const struct experiment *e, struct edge_list *l, const struct name_set *set)
{
	_cleanup_free_ bool *in = calloc(e->n_endpoints + 1, sizeof(*in));
	int r = 0;

	if (!in)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++)
		in[index_of(e, set->names[i])] = true;
	if (set->n == 1)
		return both_ways(l, index_of(e, set->names[0]), EDGE_ANY);
	/*
	 * EDGE_ANY is everybody but the one other side, so a set of several would be cut from itself:
	 * name the endpoints outside of it.
	 */
	for (size_t i = 0; i < e->n_endpoints && !r; i++)
		for (size_t j = 0; j < e->n_endpoints && !r; j++)
			if (in[i] && !in[j])
				r = both_ways(l, i, j);
	return r;
}

static int groups(const struct experiment *e, struct edge_list *l, const struct partition *p,
		  size_t first)
{
	int r = 0;

	for (size_t i = first; i < p->n_groups && !r; i++)
		for (size_t j = i + 1; j < p->n_groups && !r; j++)
			r = cross(e, l, &p->groups[i], &p->groups[j], true);
	return r;
}

/*
 * Each node keeps a majority in view, and no two the same one: node i of the ring sees the nodes within
 * m/2 places of it, where m = n/2 + 1 (Jepsen's majorities-ring). For even m the view is one place longer on
 * one side than it need be, so that links stay symmetric.
 */
static int ring(const struct experiment *e, struct edge_list *l, const struct name_set *set)
{
	size_t n = set->n, reach = (n / 2 + 1) / 2;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			size_t d = i > j ? i - j : j - i;
			size_t around = d < n - d ? d : n - d;
			int r = 0;

			if (around > reach)
				r = add_edge(l, index_of(e, set->names[i]),
					     index_of(e, set->names[j]));
			if (r)
				return r;
		}
	return 0;
}

static int partition_edges(const struct experiment *e, const struct partition *p,
			   struct edge_list *l)
{
	switch (p->kind) {
	case PARTITION_ISOLATE:
		return isolate(e, l, &p->groups[0]);
	case PARTITION_HALVES:
	case PARTITION_GROUPS:
		return groups(e, l, p, 0);
	case PARTITION_BRIDGE:
		return groups(e, l, p, 1);
	case PARTITION_MAJORITIES_RING:
		return ring(e, l, &p->groups[0]);
	case PARTITION_SIMPLEX:
		return cross(e, l, &p->groups[0], &p->groups[1], false);
	}
	return -EINVAL;
}

static int fault_edges(const struct experiment *e, const struct fault *f, struct edge_list *l)
{
	int r = 0;

	if (f->parts & FAULT_PARTITION)
		return partition_edges(e, &f->partition, l);
	if (f->direction != DIRECTION_FROM)
		r = cross(e, l, &f->from, &f->to, false);
	if (!r && f->direction != DIRECTION_TO)
		r = cross(e, l, &f->to, &f->from, false);
	return r;
}

int schedule__edges(const struct experiment *e, size_t fault, struct edges *ret)
{
	struct edge_list l = {0};
	size_t kept = 0;
	int r = fault_edges(e, &e->faults[fault], &l);

	if (r) {
		free(l.edges.v);
		return r;
	}
	if (l.edges.n)
		qsort(l.edges.v, l.edges.n, sizeof(*l.edges.v), compare_edges);
	for (size_t i = 0; i < l.edges.n; i++)
		if (!i || compare_edges(&l.edges.v[i], &l.edges.v[i - 1]))
			l.edges.v[kept++] = l.edges.v[i];
	l.edges.n = kept;
	*ret = l.edges;
	return 0;
}

int schedule__sides(const struct experiment *e, size_t fault, int *ret_side)
{
	const struct fault *f = &e->faults[fault];
	const struct partition *p = &f->partition;
	size_t first = 0;
	int n = 0;

	for (size_t i = 0; i < e->n_endpoints; i++)
		ret_side[i] = -1;
	if (!(f->parts & FAULT_PARTITION))
		return 0;
	if (p->kind == PARTITION_BRIDGE)
		first = 1;
	if (p->kind == PARTITION_MAJORITIES_RING) {
		/* every node has a view of its own */
		for (size_t i = 0; i < p->groups[0].n; i++)
			ret_side[index_of(e, p->groups[0].names[i])] = n++;
		return n;
	}
	for (size_t g = first; g < p->n_groups; g++, n++)
		for (size_t i = 0; i < p->groups[g].n; i++)
			ret_side[index_of(e, p->groups[g].names[i])] = n;
	if (p->kind == PARTITION_ISOLATE) {
		for (size_t i = 0; i < e->n_endpoints; i++)
			if (ret_side[i] < 0)
				ret_side[i] = 1;
		n = 2;
	}
	return n;
}
