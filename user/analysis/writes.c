// SPDX-License-Identifier: GPL-2.0-only
/*
 * writes.c: what became of the writes (Jepsen's set checker), and reads that miss one.
 *
 *   lost        acknowledged - final                a promise broken
 *   recovered   (final and attempted) - acknowledged   there after all, though nobody was told
 *   unexpected  final - attempted                   what nobody wrote
 *
 * A write that failed or whose outcome is unknown is never lost. Values are counted once, however
 * often they are written.
 *
 * The final set: of each node its last attempt to read everything. If all that succeeded agree,
 * theirs; else that of the only node that leads at the end of the record, if there is one; else
 * what all of them have.
 *
 * Of other workloads than sets only the counts of operations are made here; checks.c does the rest.
 *
 * A read is stale if it does not find a value whose write was acknowledged before the read began;
 * by how much: the time from that acknowledgement to the beginning of the read.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

bool writes__about(const struct history *h, size_t w, size_t r)
{
	const char *system = h->workloads[w].system;

	if (!strcmp(system, h->resources[r].system))
		return true;
	/*
	 * Roles and data may be asked of different systems (Patroni and PostgreSQL): then they
	 * belong together.
	 */
	for (size_t i = 0; i < h->n_resources; i++)
		if (!strcmp(system, h->resources[i].system))
			return false;
	return true;
}

/* ---- every value that was written, once ---- */

struct value {
	int workload;
	int64_t value;
	int64_t acked_ns; /* the first acknowledgement, or NONE */
	bool sent;
};

struct values {
	struct value *v; /* by workload, then value */
	size_t n;
};

static int by_value(const void *a, const void *b)
{
	const struct value *x = a, *y = b;
	int r = CMP(x->workload, y->workload);

	return r ? r : CMP(x->value, y->value);
}

static int collect(const struct history *h, struct values *ret)
{
	size_t n = 0;

	ret->v = calloc(h->n_ops + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (o->kind == OP_ADD && h->workloads[o->workload].is_set)
			ret->v[n++] = (struct value){
				.workload = o->workload,
				.value = o->value,
				.acked_ns = o->outcome == OP_OK ? o->return_ns : HISTORY_NONE,
				.sent = o->invoke_ns != HISTORY_NONE,
			};
	}
	qsort(ret->v, n, sizeof(*ret->v), by_value);
	for (size_t i = 0; i < n; i++) {
		struct value *last = ret->n ? &ret->v[ret->n - 1] : NULL, x = ret->v[i];

		if (!last || by_value(last, &x) != 0) {
			ret->v[ret->n++] = x;
			continue;
		}
		last->sent |= x.sent;
		if (x.acked_ns != HISTORY_NONE &&
		    (last->acked_ns == HISTORY_NONE || x.acked_ns < last->acked_ns))
			last->acked_ns = x.acked_ns;
	}
	return 0;
}

static const struct value *find(const struct values *vs, const struct history_op *o)
{
	struct value key = {.workload = o->workload, .value = o->value};

	return bsearch(&key, vs->v, vs->n, sizeof(key), by_value);
}

static void cleanup_values(struct values *vs)
{
	free(vs->v);
}

/* ---- the final set ---- */

struct set {
	const struct history_run *v; /* sorted, disjoint, not adjacent */
	size_t n;
	struct history_run *own; /* if it was made here */
};

static void cleanup_set(struct set *s)
{
	free(s->own);
}

static bool equal(const struct history_final *a, const struct history_final *b)
{
	return a->n_runs == b->n_runs && !memcmp(a->runs, b->runs, a->n_runs * sizeof(*a->runs));
}

static bool contains(const struct set *s, int64_t value)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].last < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n && s->v[lo].first <= value;
}

/* @s becomes the intersection with @f. */
static int intersect(struct set *s, const struct history_final *f)
{
	struct history_run *out = calloc(s->n + f->n_runs + 1, sizeof(*out));
	size_t n = 0, i = 0, j = 0;

	if (!out)
		return -ENOMEM;
	while (i < s->n && j < f->n_runs) {
		int64_t first = s->v[i].first > f->runs[j].first ? s->v[i].first : f->runs[j].first;
		int64_t last = s->v[i].last < f->runs[j].last ? s->v[i].last : f->runs[j].last;

		if (first <= last)
			out[n++] = (struct history_run){first, last};
		if (s->v[i].last < f->runs[j].last)
			i++;
		else
			j++;
	}
	free(s->own);
	s->v = s->own = out;
	s->n = n;
	return 0;
}

const struct history_final **writes__last_finals(const struct history *h, size_t workload)
{
	const struct history_final **last = calloc(h->nodes.n + 1, sizeof(*last));

	for (size_t i = 0; last && i < h->n_finals; i++) {
		const struct history_final *f = &h->finals[i];

		if (f->workload == (int)workload &&
		    (!last[f->node] || f->attempt >= last[f->node]->attempt))
			last[f->node] = f;
	}
	return last;
}

/* The only node among @last that leads at the end of the record, or NULL. */
static const struct history_final *leader(const struct history *h, size_t workload,
					  const struct claims *claims,
					  const struct history_final *const *last)
{
	const struct history_final *found = NULL;

	for (size_t r = 0; r < h->n_resources; r++) {
		if (!writes__about(h, workload, r))
			continue;
		for (size_t i = 0; i < claims[r].n; i++) {
			const struct claim *c = &claims[r].v[i];

			if (c->end != CLAIM_RECORD || !last[c->node] || !last[c->node]->ok)
				continue;
			if (found && found != last[c->node])
				return NULL;
			found = last[c->node];
		}
	}
	return found;
}

static int final_set(const struct history *h, size_t workload, const struct claims *claims,
		     struct workload_writes *ret, struct set *set)
{
	_cleanup_free_ const struct history_final **last = writes__last_finals(h, workload);
	const struct history_final *any = NULL, *chosen;
	bool all = true, agree = true;
	int r = 0;

	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < h->workloads[workload].nodes.n; i++) {
		const struct history_final *f = last[h->workloads[workload].nodes.v[i]];

		all &= f && f->ok;
	}
	for (size_t i = 0; i < h->nodes.n; i++) {
		if (!last[i] || !last[i]->ok)
			continue;
		agree &= !any || equal(any, last[i]);
		any = any ? any : last[i];
	}
	ret->has_final = any != NULL;
	ret->diverged = !any || (agree && !all) ? -1 : !agree;
	if (!any)
		return 0;
	chosen = agree ? any : leader(h, workload, claims, last);
	set->v = (chosen ? chosen : any)->runs;
	set->n = (chosen ? chosen : any)->n_runs;
	for (size_t i = 0; !chosen && !r && i < h->nodes.n; i++)
		if (last[i] && last[i]->ok)
			r = intersect(set, last[i]);
	return r;
}

int writes__final(const struct history *h, size_t w, const struct claims *claims,
		  struct history_run **ret, size_t *ret_n, bool *ret_known)
{
	_cleanup_(cleanup_set) struct set set = {0};
	struct workload_writes x = {0};
	struct history_run *copy;
	int r = final_set(h, w, claims, &x, &set);

	copy = r ? NULL : calloc(set.n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (set.n)
		memcpy(copy, set.v, set.n * sizeof(*copy));
	*ret = copy;
	*ret_n = set.n;
	*ret_known = x.has_final;
	return 0;
}

/* ---- accounting ---- */

static void account(const struct values *vs, int workload, const struct set *set,
		    struct workload_writes *ret)
{
	int64_t attempted = 0;

	for (size_t i = 0; i < set->n; i++)
		ret->final += set->v[i].last - set->v[i].first + 1;
	for (size_t i = 0; i < vs->n; i++) {
		const struct value *x = &vs->v[i];
		bool there = x->workload == workload && contains(set, x->value);

		if (x->workload != workload)
			continue;
		attempted += there && x->sent;
		ret->lost += !there && x->acked_ns != HISTORY_NONE;
		ret->recovered += there && x->sent && x->acked_ns == HISTORY_NONE;
	}
	ret->unexpected = ret->final - attempted;
}

/*
 * Mark the acknowledged operations of @workload whose value is not in @set; the first of each
 * value tells when and where.
 */
static void mark_lost(const struct history *h, const struct timing *t, const struct values *vs,
		      int workload, const struct set *set, struct writes *w)
{
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (o->workload != workload || o->kind != OP_ADD || o->outcome != OP_OK ||
		    contains(set, o->value))
			continue;
		w->op_lost[i] = true;
		if (o->return_ns != find(vs, o)->acked_ns)
			continue;
		if (w->lost_first_ns == HISTORY_NONE)
			w->lost_first_ns = o->return_ns;
		w->lost_first_ns =
			o->return_ns < w->lost_first_ns ? o->return_ns : w->lost_first_ns;
		w->lost_last_ns = o->return_ns > w->lost_last_ns ? o->return_ns : w->lost_last_ns;
		w->lost_by_side[t->side_of[o->node]]++;
	}
}

static void count(const struct history *h, const struct values *vs, struct writes *w)
{
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		const struct value *x;
		int64_t by;

		if (o->kind == OP_ADD) {
			w->attempted++;
			w->acked += o->outcome == OP_OK;
			w->failed += o->outcome == OP_FAIL;
			w->unknown += o->outcome == OP_UNKNOWN;
			w->set_acked += o->outcome == OP_OK && h->workloads[o->workload].is_set;
			continue;
		}
		if (o->kind == OP_REQUEST) {
			w->requests++;
			w->requests_ok += o->outcome == OP_OK;
			continue;
		}
		w->reads++;
		w->reads_ok += o->outcome == OP_OK;
		if (o->outcome != OP_OK || !h->workloads[o->workload].is_set)
			continue;
		w->reads_set++;
		if (o->found || o->value == HISTORY_NONE)
			continue;
		x = find(vs, o);
		if (!x || x->acked_ns == HISTORY_NONE || x->acked_ns > o->invoke_ns)
			continue;
		w->op_stale[i] = true;
		w->reads_stale++;
		by = w->staleness_ns[i] = o->invoke_ns - x->acked_ns;
		w->max_staleness_ns = by > w->max_staleness_ns ? by : w->max_staleness_ns;
	}
	if (w->reads_set && !w->reads_stale)
		w->max_staleness_ns = 0;
}

static int one_workload(const struct history *h, const struct timing *t,
			const struct claims *claims, const struct values *vs, size_t i,
			struct writes *w)
{
	_cleanup_(cleanup_set) struct set set = {0};
	int r = final_set(h, i, claims, &w->workloads[i], &set);

	if (r)
		return r;
	if (!h->workloads[i].is_set)
		return 0; /* checks.c */
	w->n_sets++;
	w->has_final &= w->workloads[i].has_final;
	if (!w->workloads[i].has_final)
		return 0;
	account(vs, (int)i, &set, &w->workloads[i]);
	mark_lost(h, t, vs, (int)i, &set, w);
	return 0;
}

int writes__make(const struct history *h, const struct timing *t, const struct claims *claims,
		 struct writes *ret)
{
	_cleanup_(cleanup_values) struct values vs = {0};
	int r = collect(h, &vs);

	ret->workloads = calloc(h->n_workloads + 1, sizeof(*ret->workloads));
	ret->lost_by_side = calloc(t->n_sides + 1, sizeof(*ret->lost_by_side));
	ret->op_lost = calloc(h->n_ops + 1, sizeof(*ret->op_lost));
	ret->op_stale = calloc(h->n_ops + 1, sizeof(*ret->op_stale));
	ret->staleness_ns = calloc(h->n_ops + 1, sizeof(*ret->staleness_ns));
	if (r || !ret->staleness_ns || !ret->workloads || !ret->lost_by_side || !ret->op_lost ||
	    !ret->op_stale)
		return -ENOMEM;
	ret->lost_first_ns = ret->lost_last_ns = ret->max_staleness_ns = HISTORY_NONE;
	ret->has_final = true;
	count(h, &vs, ret);
	for (size_t i = 0; i < h->n_workloads && !r; i++)
		r = one_workload(h, t, claims, &vs, i, ret);
	ret->has_final &= ret->n_sets > 0;
	return r;
}

void writes__free(struct writes *w)
{
	free(w->workloads);
	free(w->lost_by_side);
	free(w->op_lost);
	free(w->op_stale);
	free(w->staleness_ns);
}
