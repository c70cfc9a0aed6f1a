// SPDX-License-Identifier: GPL-2.0-only
/*
 * availability.c: what clients and claims did around the cut and the heal.
 *
 *   longest gap     of a side: the longest time without an acknowledged write by clients there,
 *                   from one acknowledgement to the next (the first cut and the run's end stand
 *                   in for missing ones), of those that overlap the cut
 *   t_stepdown      cut -> possible end of the claim that stood when the cut came
 *   t_elect         cut -> certain beginning of the first claim after it by another node or in
 *                   another epoch
 *   heal tail       the longest of: heal -> possible end of the claim that stood at the cut;
 *                   heal -> the first acknowledgement, on the slowest of the sides that
 *                   acknowledge again
 *   replicas equal  heal -> first final reads that agree; known only if earlier ones differed
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

static int64_t max_ns(int64_t a, int64_t b)
{
	return a > b ? a : b; /* NONE is the least of all */
}

/* ---- gaps ---- */

static bool overlaps_cut(const struct timing *t, int64_t from, int64_t to)
{
	size_t lo = 0, hi = t->n_cut;

	while (lo < hi) { /* the first window that ends after @from */
		size_t mid = lo + (hi - lo) / 2;

		if (t->cut[mid].end_ns > from)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < t->n_cut && t->cut[lo].start_ns < to;
}

/* Of the acknowledgements from @from_ns on. */
static int gaps(const struct history *h, const struct timing *t, int64_t from_ns, int64_t *ret)
{
	_cleanup_free_ int64_t *last = calloc(t->n_sides + 1, sizeof(*last));
	_cleanup_free_ bool *clients = calloc(t->n_sides + 1, sizeof(*clients));

	if (!last || !clients)
		return -ENOMEM;
	for (size_t w = 0; w < h->n_workloads; w++)
		for (size_t i = 0; i < h->workloads[w].nodes.n; i++)
			clients[t->side_of[h->workloads[w].nodes.v[i]]] = true;
	for (size_t s = 0; s < t->n_sides; s++) {
		ret[s] = HISTORY_NONE;
		/* who never had an answer did not lose it to the baseline */
		last[s] = t->n_cut ? t->cut[0].start_ns : 0;
	}
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		int s = t->side_of[o->node];

		if (o->kind == OP_READ || o->outcome != OP_OK || o->return_ns < from_ns ||
		    o->return_ns > t->end_ns)
			continue;
		if (overlaps_cut(t, last[s], o->return_ns))
			ret[s] = max_ns(ret[s], o->return_ns - last[s]);
		last[s] = o->return_ns;
	}
	for (size_t s = 0; s < t->n_sides; s++) {
		if (overlaps_cut(t, last[s], t->end_ns))
			ret[s] = max_ns(ret[s], t->end_ns - last[s]);
		if (!clients[s])
			ret[s] = HISTORY_NONE;
	}
	return 0;
}

int availability__gaps(const struct history *h, const struct timing *t,
		       const struct history_window *w, int64_t *ret)
{
	struct history_window only = *w;
	struct timing part = *t;

	if (w->start_ns >= w->end_ns) {
		for (size_t i = 0; i < t->n_sides; i++)
			ret[i] = HISTORY_NONE;
		return 0;
	}
	part.cut = &only;
	part.n_cut = 1;
	part.end_ns = w->end_ns;
	return gaps(h, &part, w->start_ns, ret);
}

/* ---- claims around the cut ---- */

/* The claim that stood at @at_ns: a certain one, else a possible one. */
static const struct claim *standing(const struct claims *c, int64_t at_ns)
{
	const struct claim *possible = NULL;

	for (size_t i = 0; i < c->n; i++) {
		const struct claim *x = &c->v[i];

		if (x->inner.start_ns <= at_ns && at_ns <= x->inner.end_ns)
			return x;
		if (!possible && x->outer.start_ns <= at_ns && at_ns <= x->outer.end_ns)
			possible = x;
	}
	return possible;
}

/*
 * Where the claim ends, through the times in which it was not seen; NONE if it stood to the end
 * of the record.
 */
static int64_t end_of(const struct claims *c, const struct claim *x)
{
	while (x->end == CLAIM_UNSEEN && x + 1 < c->v + c->n && x[1].node == x->node)
		x++;
	return x->end == CLAIM_DENIED || x->end == CLAIM_EPOCH ? x->outer.end_ns : HISTORY_NONE;
}

static void one_resource(const struct timing *t, const struct claims *c, size_t r,
			 struct availability *a)
{
	const struct claim *old = standing(c, t->cut_ns), *next = NULL;
	int64_t end = old ? end_of(c, old) : HISTORY_NONE;

	if (old)
		a->old[r] = old->node;
	if (end != HISTORY_NONE && end >= t->cut_ns) {
		a->stepdown[r] = end - t->cut_ns;
		if (t->heal_ns != HISTORY_NONE)
			a->old_end[r] = end - t->heal_ns;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct claim *x = &c->v[i];
		bool other = !old || x->node != old->node ||
			     (x->epoch != HISTORY_NONE && x->epoch != old->epoch);

		if (other && x->inner.start_ns > t->cut_ns &&
		    (!next || x->inner.start_ns < next->inner.start_ns))
			next = x;
	}
	if (next) {
		a->elect[r] = next->inner.start_ns - t->cut_ns;
		a->elected[r] = next->node;
		end = end_of(c, next);
		if (end != HISTORY_NONE && t->heal_ns != HISTORY_NONE && end >= t->heal_ns)
			a->elected_end[r] = end - t->heal_ns;
	}
}

/* ---- after the heal ---- */

static int first_acks(const struct history *h, const struct timing *t, struct availability *a)
{
	_cleanup_free_ bool *seen = calloc(t->n_sides + 1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		int s = t->side_of[o->node];

		if (o->kind == OP_READ || o->outcome != OP_OK || o->return_ns < t->heal_ns ||
		    seen[s])
			continue;
		seen[s] = true;
		a->first_ack_everywhere_ns =
			max_ns(a->first_ack_everywhere_ns, o->return_ns - t->heal_ns);
	}
	return 0;
}

static bool same_set(const struct history_final *a, const struct history_final *b)
{
	if (!a->ok || !b->ok || a->n_runs != b->n_runs)
		return false;
	for (size_t i = 0; i < a->n_runs; i++)
		if (a->runs[i].first != b->runs[i].first || a->runs[i].last != b->runs[i].last)
			return false;
	return true;
}

/*
 * Attempts of a workload are consecutive in the record; all nodes of one attempt are compared
 * with its first.
 */
static int64_t equal_at(const struct history *h, int workload)
{
	const struct history_final *first = NULL;
	int64_t differed_ns = HISTORY_NONE, last_ns = HISTORY_NONE;
	bool agree = true;

	for (size_t i = 0; i < h->n_finals; i++) {
		const struct history_final *f = &h->finals[i];

		if (f->workload != workload)
			continue;
		if (first && first->attempt == f->attempt) {
			agree &= same_set(first, f);
			last_ns = f->t_ns;
			continue;
		}
		if (first && agree)
			break;
		if (first)
			differed_ns = last_ns;
		first = f;
		agree = f->ok;
		last_ns = f->t_ns;
	}
	return agree && differed_ns != HISTORY_NONE ? last_ns : HISTORY_NONE;
}

static int after_heal(const struct history *h, const struct timing *t, struct availability *a)
{
	int r = first_acks(h, t, a);

	for (size_t w = 0; w < h->n_workloads; w++) {
		int64_t at = equal_at(h, (int)w);

		if (at != HISTORY_NONE)
			a->replicas_equal_ns = max_ns(a->replicas_equal_ns, at - t->heal_ns);
	}
	if (a->old_end_after_heal_ns > 0)
		a->heal_tail_ns = a->old_end_after_heal_ns;
	a->heal_tail_ns = max_ns(a->heal_tail_ns, a->first_ack_everywhere_ns);
	/* Claims were watched, and the old one was gone before the heal. */
	if (a->heal_tail_ns == HISTORY_NONE && a->old_end_after_heal_ns != HISTORY_NONE)
		a->heal_tail_ns = 0;
	return r;
}

int availability__make(const struct history *h, const struct timing *t, const struct claims *claims,
		       struct availability *ret)
{
	size_t n = h->n_resources;
	int r;

	ret->stepdown_ns = ret->elect_ns = ret->old_end_after_heal_ns = ret->heal_tail_ns =
		ret->first_ack_everywhere_ns = ret->replicas_equal_ns = HISTORY_NONE;
	ret->side_gap = calloc(t->n_sides + 1, sizeof(*ret->side_gap));
	ret->stepdown = calloc(n + 1, sizeof(*ret->stepdown));
	ret->elect = calloc(n + 1, sizeof(*ret->elect));
	ret->old_end = calloc(n + 1, sizeof(*ret->old_end));
	ret->old = calloc(n + 1, sizeof(*ret->old));
	ret->elected = calloc(n + 1, sizeof(*ret->elected));
	ret->elected_end = calloc(n + 1, sizeof(*ret->elected_end));
	if (!ret->side_gap || !ret->stepdown || !ret->elect || !ret->old_end || !ret->old ||
	    !ret->elected || !ret->elected_end)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		ret->stepdown[i] = ret->elect[i] = ret->old_end[i] = ret->elected_end[i] =
			HISTORY_NONE;
		ret->old[i] = ret->elected[i] = -1;
		if (t->cut_ns != HISTORY_NONE)
			one_resource(t, &claims[i], i, ret);
		ret->stepdown_ns = max_ns(ret->stepdown_ns, ret->stepdown[i]);
		ret->elect_ns = max_ns(ret->elect_ns, ret->elect[i]);
		ret->old_end_after_heal_ns = max_ns(ret->old_end_after_heal_ns, ret->old_end[i]);
	}
	r = gaps(h, t, 0, ret->side_gap);
	if (!r && t->heal_ns != HISTORY_NONE)
		r = after_heal(h, t, ret);
	return r;
}

void availability__free(struct availability *a)
{
	free(a->side_gap);
	free(a->stepdown);
	free(a->elect);
	free(a->old_end);
	free(a->old);
	free(a->elected);
	free(a->elected_end);
}
