// SPDX-License-Identifier: GPL-2.0-only
/*
 * split.c: overlapping claims and what was served meanwhile. The level is the highest of
 *
 *   L0  nothing of the below
 *   L1  two nodes certainly claimed one resource at once
 *   L2  while they did, a claimant or its side served a read that missed an acknowledged write
 *   L3  while they did, two claimants (or their sides) each acknowledged a write
 *   L4  there was such an overlap, and acknowledged writes were lost, or the replicas still
 *       differed in the final reads
 *   L5  the overlap went on for more than a second after the last partition was lifted
 *
 * An operation counts as served during an overlap if all of it, from invocation to return, lies
 * within a certain overlap; on a claimant's side if the node that served it claims, or is on the
 * side of the cut of exactly one node that claims. The second of L5 is what a loser needs to hear
 * of the winner: a heartbeat interval. An overlap that is only possible (clean failovers have one
 * of a sampling interval) raises no level.
 *
 * In a cluster times are of several hosts' clocks, each within its error of a clock in the middle
 * (history.h). What is certain by that clock is shorter by the error at both ends, what is possible
 * longer: an overlap of claims on two hosts is certain only beyond the errors of both. Claims on one
 * host are compared by its own clock too. All that is said of an overlap is found by the clock that
 * it was found by; only how long they are altogether is counted over all clocks.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <string.h>

#define SETTLE_NS NS_PER_S

/* ---- who took part in which overlap ---- */

struct part {
	size_t overlap;
	int node;
	bool stale, acked;
};

struct parts {
	struct part *v; /* by overlap, then node; no duplicates */
	size_t n, cap;
};

static int by_part(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	int r = CMP(x->overlap, y->overlap);

	return r ? r : CMP(x->node, y->node);
}

/* The first window that ends after @t. */
static size_t first_after(const struct history_window *w, size_t n, int64_t t)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w[mid].end_ns > t)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static int take_part(struct parts *p, size_t overlap, int node)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 16;
		struct part *v = reallocarray(p->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = (struct part){.overlap = overlap, .node = node};
	return 0;
}

static int participants(const struct span *s, size_t n, const struct history_window *w, size_t n_w,
			struct parts *p)
{
	size_t m = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = first_after(w, n_w, s[i].from_ns);
		     !r && k < n_w && w[k].start_ns < s[i].to_ns; k++)
			r = take_part(p, k, s[i].node);
	if (r || !p->n)
		return r;
	qsort(p->v, p->n, sizeof(*p->v), by_part);
	for (size_t i = 0; i < p->n; i++)
		if (!m || by_part(&p->v[m - 1], &p->v[i]) != 0)
			p->v[m++] = p->v[i];
	p->n = m;
	return 0;
}

/* The part in overlap @k that served an operation at @node, or NULL. */
static struct part *served_by(struct parts *p, size_t k, int node, const struct timing *t)
{
	struct part key = {.overlap = k, .node = node};
	struct part *found = p->n ? bsearch(&key, p->v, p->n, sizeof(*p->v), by_part) : NULL;
	struct part *lo = p->v, *hi = p->v + p->n;

	if (found || !p->n)
		return found;
	while (lo < hi) {
		struct part *mid = lo + (hi - lo) / 2;

		if (mid->overlap >= k)
			hi = mid;
		else
			lo = mid + 1;
	}
	for (; lo < p->v + p->n && lo->overlap == k; lo++) {
		if (t->side_of[lo->node] != t->side_of[node])
			continue;
		if (found)
			return NULL; /* two of them: there is no telling */
		found = lo;
	}
	return found;
}

/* Those of one host by its own clock; or of all hosts, by the clock in their middle. */
struct view {
	int host;   /* ALL_HOSTS */
	bool outer; /* what is possible */
};
#define ALL_HOSTS (-2)

static bool in_view(const struct claim *c, const struct view *v)
{
	return v->host == ALL_HOSTS || c->host == v->host;
}

/* How far a time of @host can be from the clock of @v. */
static int64_t error_in(const struct history *h, const struct view *v, int host)
{
	return v->host == host ? 0
			       : history__clock_error(h, host) + history__clock_error(h, v->host);
}

struct served {
	bool stale, both;
};

/* What was served during the overlaps @must of @view, added to @ret. */
static void look_at_ops(const struct history *h, const struct timing *t, size_t resource,
			const struct writes *w, const struct view *view,
			const struct history_window *must, size_t n_must, struct parts *p,
			struct served *ret)
{
	for (size_t i = 0; i < h->n_ops && n_must; i++) {
		const struct history_op *o = &h->ops[i];
		int64_t error = error_in(h, view, o->host);
		struct part *part;
		size_t k;

		if (o->outcome != OP_OK || o->kind == OP_REQUEST ||
		    (o->kind == OP_READ && !w->op_stale[i]))
			continue;
		k = first_after(must, n_must, o->invoke_ns - error);
		if (k == n_must || o->invoke_ns - error < must[k].start_ns ||
		    o->return_ns + error > must[k].end_ns ||
		    !writes__about(h, (size_t)o->workload, resource))
			continue;
		part = served_by(p, k, o->node, t);
		if (part && o->kind == OP_READ)
			part->stale = true;
		else if (part)
			part->acked = true;
	}
	for (size_t i = 0; i < p->n; i++) {
		ret->stale |= p->v[i].stale;
		for (size_t j = i + 1;
		     !ret->both && p->v[i].acked && j < p->n && p->v[j].overlap == p->v[i].overlap;
		     j++)
			ret->both = p->v[j].acked;
	}
}

/* ---- a resource ---- */

static int64_t after(const struct history_window *w, size_t n, int64_t t)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (w[i].end_ns > t)
			sum += w[i].end_ns - (w[i].start_ns > t ? w[i].start_ns : t);
	return sum;
}

struct reign {
	int64_t epoch;
	struct span span;
};

static int by_epoch_time(const void *a, const void *b)
{
	const struct reign *x = a, *y = b;
	int r = CMP(x->epoch, y->epoch);

	r = r ? r : CMP(x->span.from_ns, y->span.from_ns);
	return r ? r : CMP(x->span.node, y->span.node);
}

static struct history_window seen(const struct history *h, const struct claim *c,
				  const struct view *v)
{
	struct history_window w = v->outer ? c->outer : c->inner;
	int64_t error = error_in(h, v, c->host);

	w.start_ns += v->outer ? -error : error;
	w.end_ns += v->outer ? error : -error;
	return w;
}

/* Two of @claims certainly claimed at once in one epoch, by the clock of @view? @v: room for all. */
static bool meet_in_epoch(const struct history *h, const struct claim *const *claims, size_t n,
			  const struct view *view, struct reign *v)
{
	const struct reign *latest = NULL;
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		struct history_window w = seen(h, claims[i], view);

		if (in_view(claims[i], view) && w.start_ns < w.end_ns)
			v[m++] = (struct reign){claims[i]->epoch,
						{claims[i]->node, w.start_ns, w.end_ns}};
	}
	qsort(v, m, sizeof(*v), by_epoch_time);
	/*
	 * A node's own claims never overlap, so the claim that reaches furthest stands for all
	 * before.
	 */
	for (size_t i = 0; i < m; i++) {
		bool same = latest && latest->epoch == v[i].epoch;

		if (same && latest->span.node != v[i].span.node &&
		    v[i].span.from_ns < latest->span.to_ns)
			return true;
		if (!same || v[i].span.to_ns > latest->span.to_ns)
			latest = &v[i];
	}
	return false;
}

/* Two nodes certainly claimed at once in one epoch. @ret: 0, 1, or -1: no claim has an epoch. */
static int in_one_epoch(const struct history *h, size_t resource, const struct claims *c, int *ret)
{
	_cleanup_free_ const struct claim **v = calloc(c->n + 1, sizeof(*v));
	_cleanup_free_ struct reign *room = calloc(c->n + 1, sizeof(*room));
	bool doubtful = false, met;
	size_t n = 0;

	if (!v || !room)
		return -ENOMEM;
	/* by node */
	for (size_t i = 0; i < c->n; i++) {
		struct epoch_doubt d;

		if (!i || c->v[i].node != c->v[i - 1].node)
			doubtful = epochs__doubtful(h, resource, c->v[i].node, &d);
		if (c->v[i].epoch != HISTORY_NONE && !doubtful)
			v[n++] = &c->v[i];
	}
	met = meet_in_epoch(h, v, n, &(struct view){.host = ALL_HOSTS}, room);
	for (size_t i = 0; i < h->n_hosts && !met; i++)
		met = meet_in_epoch(h, v, n, &(struct view){.host = (int)i}, room);
	*ret = n ? met : -1;
	return 0;
}

/*
 * All claims of a view as spans; with @pessimist the unseen times too. Caller frees.
 */
static struct span *spans_of(const struct history *h, const struct claims *c,
			     const struct view *view, bool pessimist, size_t *ret_n)
{
	struct span *v = calloc(c->n + c->n_unseen + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < c->n; i++) {
		struct history_window w = seen(h, &c->v[i], view);

		if (in_view(&c->v[i], view) && w.start_ns < w.end_ns)
			v[n++] = (struct span){c->v[i].node, w.start_ns, w.end_ns};
	}
	for (size_t i = 0; v && pessimist && i < c->n_unseen; i++)
		v[n++] = (struct span){c->unseen[i].node, c->unseen[i].from_ns, c->unseen[i].to_ns};
	*ret_n = n;
	return v;
}

/* Both in order and disjoint, into one that is. @to is replaced. */
static int unite(struct history_window **to, size_t *n_to, const struct history_window *from,
		 size_t n_from)
{
	struct history_window *v = calloc(*n_to + n_from + 1, sizeof(*v));
	size_t i = 0, k = 0, n = 0;

	if (!v)
		return -ENOMEM;
	while (i < *n_to || k < n_from) {
		bool first = k == n_from || (i < *n_to && (*to)[i].start_ns <= from[k].start_ns);
		struct history_window w = first ? (*to)[i++] : from[k++];

		if (!n || w.start_ns > v[n - 1].end_ns)
			v[n++] = w;
		else if (w.end_ns > v[n - 1].end_ns)
			v[n - 1].end_ns = w.end_ns;
	}
	free(*to);
	*to = v;
	*n_to = n;
	return 0;
}

static int possible(const struct history *h, const struct claims *c, bool pessimist,
		    int64_t *ret_ns)
{
	const struct view all = {ALL_HOSTS, true};
	_cleanup_free_ struct history_window *w = NULL;
	_cleanup_free_ struct span *spans = NULL;
	size_t n = 0, n_w = 0;
	int r;

	spans = spans_of(h, c, &all, pessimist, &n);
	if (!spans)
		return -ENOMEM;
	r = overlap__sweep(spans, n, h->nodes.n, &w, &n_w);
	if (!r)
		*ret_ns = overlap__measure(w, n_w);
	return r;
}

static int level_of(const struct history *h, size_t resource, const struct writes *w,
		    const struct split_resource *s, struct served served)
{
	bool damage = false;

	if (!s->must_ns)
		return 0;
	for (size_t i = 0; i < h->n_workloads; i++)
		if (writes__about(h, i, resource))
			damage |= w->workloads[i].lost > 0 || w->workloads[i].diverged > 0;
	if (s->outlived_ns != HISTORY_NONE && s->outlived_ns > SETTLE_NS)
		return 5;
	if (damage)
		return 4;
	if (served.both)
		return 3;
	return served.stale ? 2 : 1;
}

static void cleanup_parts(struct parts *p)
{
	free(p->v);
}

/* What is gathered of a resource, clock after clock. */
struct gathered {
	const struct history *h;
	const struct timing *t;
	const struct claims *c;
	const struct writes *w;
	size_t resource;
	bool pessimist;
	bool *in; /* the nodes that took part */
	struct served served;
};

/* What is certain by the clock of @view. */
static int certain(struct gathered *g, const struct view *view, struct split_resource *s)
{
	_cleanup_(cleanup_parts) struct parts p = {0};
	_cleanup_free_ struct history_window *w = NULL;
	_cleanup_free_ struct span *spans = NULL;
	int64_t outlived, error = 0;
	size_t n = 0, n_w = 0;
	int r;

	spans = spans_of(g->h, g->c, view, g->pessimist, &n);
	if (!spans)
		return -ENOMEM;
	r = overlap__sweep(spans, n, g->h->nodes.n, &w, &n_w);
	r = r ? r : participants(spans, n, w, n_w, &p);
	r = r ? r : unite(&s->must, &s->n_must, w, n_w);
	if (r)
		return r;
	for (size_t i = 0; i < p.n; i++)
		g->in[p.v[i].node] = true;
	look_at_ops(g->h, g->t, g->resource, g->w, view, w, n_w, &p, &g->served);
	if (!g->t->partitioned || g->t->heal_ns == HISTORY_NONE)
		return 0;
	/* any host may have been the last to lift it */
	for (size_t i = 0; i < g->h->n_hosts; i++) {
		int64_t e = error_in(g->h, view, (int)i);

		error = e > error ? e : error;
	}
	outlived = after(w, n_w, g->t->heal_ns + error);
	s->outlived_ns = outlived > s->outlived_ns ? outlived : s->outlived_ns;
	return 0;
}

/* By the clock in the middle, and by each host's own where that is another. */
static int all_certain(struct gathered *g, struct split_resource *s)
{
	const struct history *h = g->h;
	int r = certain(g, &(struct view){.host = ALL_HOSTS}, s);

	for (size_t i = 0; i < h->n_hosts && !r; i++)
		if (h->hosts[i].error_ns)
			r = certain(g, &(struct view){.host = (int)i}, s);
	s->nodes = calloc(h->nodes.n + 1, sizeof(*s->nodes));
	if (r || !s->nodes)
		return r ? r : -ENOMEM;
	for (size_t i = 0; i < h->nodes.n; i++)
		if (g->in[i])
			s->nodes[s->n_nodes++] = (int)i;
	return 0;
}

static int one_resource(const struct history *h, const struct timing *t, const struct claims *c,
			size_t resource, const struct writes *w, bool pessimist,
			struct split_resource *s)
{
	_cleanup_free_ bool *in = calloc(h->nodes.n + 1, sizeof(*in));
	struct gathered g = {h, t, c, w, resource, pessimist, in, {0}};
	int r;

	s->level = -1;
	s->must_ns = s->may_ns = s->outlived_ns = HISTORY_NONE;
	s->same_epoch = -1;
	if (!in)
		return -ENOMEM;
	if (!c->leads || !c->sampled)
		return 0;
	r = all_certain(&g, s);
	r = r ? r : possible(h, c, pessimist, &s->may_ns);
	r = r ? r : in_one_epoch(h, resource, c, &s->same_epoch);
	if (r)
		return r;
	s->must_ns = overlap__measure(s->must, s->n_must);
	if (pessimist && s->must_ns && s->same_epoch == 0)
		s->same_epoch = 1;
	s->level = level_of(h, resource, w, s, g.served);
	return 0;
}

int split__make(const struct history *h, const struct timing *t, const struct claims *claims,
		const struct writes *w, bool pessimist, struct split *ret)
{
	int r = 0;

	ret->level = -1;
	ret->v = calloc(h->n_resources + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_resources && !r; i++) {
		r = one_resource(h, t, &claims[i], i, w, pessimist, &ret->v[i]);
		if (ret->v[i].level > ret->level)
			ret->level = ret->v[i].level;
	}
	return r;
}

void split__free(struct split *s, size_t n_resources)
{
	for (size_t i = 0; s->v && i < n_resources; i++) {
		free(s->v[i].must);
		free(s->v[i].nodes);
	}
	free(s->v);
}
