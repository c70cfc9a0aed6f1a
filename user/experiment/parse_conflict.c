// SPDX-License-Identifier: GPL-2.0-only
/*
 * parse_conflict.c: a fault that meets no packet, because another one takes all of them on the same edges all that time.
 * Only what is certain from the text is said; and only of experiments as people write them, so that a
 * hostile one costs nothing.
 */
#include "experiment/parse.h"
#include "experiment/schedule.h"
#include "lib/cleanup.h"

#include <string.h>

enum { CONFLICT_FAULTS_MAX = 64, CONFLICT_ENDPOINTS_MAX = 64, CONFLICT_EDGES_MAX = 64 };

/* Draws differ from seed to seed: what they bring together is no mistake of the author's. */
static bool draws(const struct yaml_node *n)
{
	if (yaml__get(n, "random"))
		return true;
	for (size_t i = 0; n->kind != YAML_SCALAR && i < n->n; i++) {
		if (draws(n->items[i]))
			return true;
	}
	return false;
}

static bool is_once(const struct fault *f)
{
	return !f->every_ns && !f->flap.set;
}

static bool takes_all(const struct fault *f)
{
	if (!match__is_any(&f->match))
		return false;
	return f->parts & FAULT_PARTITION || (f->parts & FAULT_LOSS && loss__is_total(&f->loss)) ||
	       (f->parts & FAULT_REJECT && f->reject.chance.p.from == 1 &&
		f->reject.chance.p.to == 1);
}

static int64_t end_of(const struct experiment *e, const struct fault *f)
{
	return f->for_ns < 0 ? e->duration_ns : f->at_ns + f->for_ns;
}

/* EDGE_ANY is everybody but the other side. */
static bool covers(const struct edge *outer, const struct edge *inner)
{
	return (outer->from == inner->from || outer->from == EDGE_ANY) &&
	       (outer->to == inner->to || outer->to == EDGE_ANY);
}

static bool is_within(const struct edges *inner, const struct edges *outer)
{
	/* several isolated together see each other; one alone is two edges */
	if (!inner->n || inner->n > CONFLICT_EDGES_MAX || outer->n > CONFLICT_EDGES_MAX ||
	    (outer->together && outer->n > 2))
		return false;
	for (size_t i = 0; i < inner->n; i++) {
		size_t j = 0;

		while (j < outer->n && !covers(&outer->v[j], &inner->v[i]))
			j++;
		if (j == outer->n)
			return false;
	}
	return true;
}

static void check_pair(struct reader *r, size_t inner, size_t outer)
{
	const struct experiment *e = r->e;
	const struct fault *in = &e->faults[inner], *out = &e->faults[outer];
	struct edges in_edges = {0}, out_edges = {0};

	if (in->at_ns < out->at_ns || end_of(e, in) > end_of(e, out))
		return;
	if (!schedule__edges(e, inner, &in_edges) && !schedule__edges(e, outer, &out_edges) &&
	    is_within(&in_edges, &out_edges))
		reader__fault(r, in->pos,
			      "`%s` meets no packet: `%s` on line %d takes all of them on the same "
			      "edges, all that time",
			      in->name, out->name, out->pos.line);
	free(in_edges.v);
	free(out_edges.v);
}

void parse_check_conflicts(struct reader *r, const struct yaml_node *faults)
{
	const struct experiment *e = r->e;

	if (e->n_faults > CONFLICT_FAULTS_MAX || e->n_endpoints > CONFLICT_ENDPOINTS_MAX)
		return;
	for (size_t i = 0; i < e->n_faults; i++) {
		const struct fault *out = &e->faults[i];

		if (!is_once(out) || !takes_all(out) || draws(reader__item(faults, i)))
			continue;
		for (size_t j = 0; j < e->n_faults; j++) {
			const struct fault *in = &e->faults[j];

			if (j != i && is_once(in) && !takes_all(in) && in->parts &&
			    !(in->parts & FAULT_PARTITION) && !draws(reader__item(faults, j)))
				check_pair(r, j, i);
		}
	}
}
