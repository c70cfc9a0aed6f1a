// SPDX-License-Identifier: GPL-2.0-only
/*
 * counter.c: a counter that begins at 0 and to which 1 is added. Adds are alike, so let t(k) be the
 * instant at which the counter becomes k. A read of v in [s, f] fits iff t(v) <= f and t(v+1) >= s;
 * an add that was told "it is v now" iff t(v) is in [s, f]. So each k has a window [low, high], and
 * both ends grow with k. The history is linearizable iff the adds can be given different k, from 1
 * on without a gap, each add one whose window meets its own interval, every acknowledged add among
 * them, and at least as many as the highest value seen. Which k an add can have is a range: this is
 * convex bipartite matching, for which taking the add with the nearest end first is optimal (Glover
 * 1967). That t(1) <= t(2) <= ... then holds too, or can be had by exchanging two adds, because the
 * windows are in order.
 *
 * Other amounts than 1: the search.
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

#define NONE SIZE_MAX

static bool is_add(const struct check_op *o)
{
	return o->kind == CHECK_ADD;
}

static bool is_acked_add(const struct check_op *o)
{
	return o->kind == CHECK_ADD && o->complete_ns != T_INF;
}

/* What says how high the counter is. */
static bool is_seen(const struct check_op *o)
{
	return o->kind == CHECK_READ || (is_acked_add(o) && o->value != CHECK_NIL);
}

static int64_t seen_value(const struct check_op *o)
{
	return o->value == CHECK_NIL ? 0 : o->value;
}

/* ---- does it fit? ---- */

struct window {
	int64_t low, high;
};

struct range {
	size_t first, last; /* of k */
	size_t op;
};

struct matching {
	const struct check_op *ops;
	struct window *windows; /* of k = 1 ... n_adds, at [k] */
	struct range *ranges;	/* by first */
	struct range *heap;	/* those that could have the k at hand, the nearest end on top */
	size_t n_adds, n_heap, highest;
};

static void cleanup_matching(struct matching *m)
{
	free(m->windows);
	free(m->ranges);
	free(m->heap);
}

static void heap__push(struct matching *m, struct range r)
{
	size_t i = m->n_heap++;

	for (; i && m->heap[(i - 1) / 2].last > r.last; i = (i - 1) / 2)
		m->heap[i] = m->heap[(i - 1) / 2];
	m->heap[i] = r;
}

static struct range heap__pop(struct matching *m)
{
	struct range top = m->heap[0], r = m->heap[--m->n_heap];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < m->n_heap; i = child) {
		if (child + 1 < m->n_heap && m->heap[child + 1].last < m->heap[child].last)
			child++;
		if (m->heap[child].last >= r.last)
			break;
		m->heap[i] = m->heap[child];
	}
	m->heap[i] = r;
	return top;
}

/* False: a value was seen that no number of adds gives, or one after a higher one. */
static bool find_windows(struct matching *m, size_t n)
{
	struct window *w = m->windows;

	for (size_t k = 0; k <= m->n_adds + 1; k++)
		w[k] = (struct window){INT64_MIN, T_INF};
	for (size_t i = 0; i < n; i++) {
		const struct check_op *o = &m->ops[i];
		int64_t v = seen_value(o);
		size_t low;

		if (!is_seen(o))
			continue;
		if (v < (o->kind == CHECK_ADD) || v > (int64_t)m->n_adds)
			return false;
		low = (size_t)v + (o->kind == CHECK_READ);
		if (o->complete_ns < w[v].high)
			w[v].high = o->complete_ns;
		if (o->invoke_ns > w[low].low)
			w[low].low = o->invoke_ns;
		m->highest = (size_t)v > m->highest ? (size_t)v : m->highest;
	}
	for (size_t k = 1; k <= m->n_adds + 1; k++)
		w[k].low = w[k].low > w[k - 1].low ? w[k].low : w[k - 1].low;
	for (size_t k = m->n_adds + 1; k-- > 0;)
		w[k].high = w[k].high < w[k + 1].high ? w[k].high : w[k + 1].high;
	for (size_t k = 1; k <= m->highest; k++)
		if (w[k].low > w[k].high)
			return false;
	return true;
}

/* The first k in 1 ... n_adds whose window ends at @t or later; n_adds + 1 if none does. */
static size_t first_k(const struct matching *m, int64_t t)
{
	size_t lo = 1, hi = m->n_adds + 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->windows[mid].high < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The last k in 1 ... n_adds whose window begins at @t or earlier; 0 if none does. */
static size_t last_k(const struct matching *m, int64_t t)
{
	size_t lo = 0, hi = m->n_adds;

	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2;

		if (m->windows[mid].low > t)
			hi = mid - 1;
		else
			lo = mid;
	}
	return lo;
}

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return CMP(x->first, y->first);
}

/* False: an acknowledged add can have no k at all. */
static bool find_ranges(struct matching *m, size_t n)
{
	size_t n_ranges = 0;

	for (size_t i = 0; i < n; i++) {
		const struct check_op *o = &m->ops[i];
		struct range r = {.op = i};

		if (!is_add(o))
			continue;
		r.first = first_k(m, o->invoke_ns);
		r.last = last_k(m, o->complete_ns);
		if (is_seen(o)) {
			size_t v = (size_t)o->value;

			r.first = r.first > v ? r.first : v;
			r.last = r.last < v ? r.last : v;
		}
		if (r.first > r.last && o->complete_ns != T_INF)
			return false;
		m->ranges[n_ranges++] = r;
	}
	qsort(m->ranges, n_ranges, sizeof(*m->ranges), by_first);
	return true;
}

static bool match(struct matching *m)
{
	size_t next = 0;

	for (size_t k = 1; k <= m->n_adds; k++) {
		for (; next < m->n_adds && m->ranges[next].first <= k; next++)
			heap__push(m, m->ranges[next]);
		if (!m->n_heap) {
			/* Beyond what was seen, the rest moves down: all windows are one there. */
			if (k <= m->highest)
				return false;
			continue;
		}
		if (heap__pop(m).last < k)
			return false;
	}
	return !m->n_heap;
}

static int fits(const struct check_op *ops, size_t n, bool *ret)
{
	_cleanup_(cleanup_matching) struct matching m = {.ops = ops};

	for (size_t i = 0; i < n; i++)
		m.n_adds += is_add(&ops[i]);
	m.windows = calloc(m.n_adds + 2, sizeof(*m.windows));
	m.ranges = calloc(m.n_adds + 1, sizeof(*m.ranges));
	m.heap = calloc(m.n_adds + 1, sizeof(*m.heap));
	if (!m.windows || !m.ranges || !m.heap)
		return -ENOMEM;
	*ret = find_windows(&m, n) && find_ranges(&m, n) && match(&m);
	return 0;
}

/* ---- what does not fit: forms that can be shown in few operations ---- */

struct orders {
	size_t *in, *out;	/* what was seen, by invocation and by completion */
	size_t *adds_in, *adds; /* adds by invocation; acknowledged ones by completion */
	size_t n, n_adds_in, n_adds;
};

static void cleanup_orders(struct orders *o)
{
	free(o->in);
	free(o->out);
	free(o->adds_in);
	free(o->adds);
}

/* Seen after a higher one was: nothing is ever taken away. */
static void backwards(const struct check_op *ops, const struct orders *d, struct finding *ret)
{
	size_t done = 0, highest = NONE;

	for (size_t i = 0; i < d->n; i++) {
		const struct check_op *o = &ops[d->in[i]];
		int64_t least = seen_value(o) - (o->kind == CHECK_ADD);

		for (; done < d->n && op__before(&ops[d->out[done]], o); done++)
			if (highest == NONE ||
			    seen_value(&ops[d->out[done]]) > seen_value(&ops[highest]))
				highest = d->out[done];
		if (highest != NONE && least < seen_value(&ops[highest])) {
			size_t core[] = {highest, d->in[i]};

			finding__add(ret, o->complete_ns, core, 2);
		}
	}
}

/* More adds were acknowledged before it than it knows of. */
static int too_low(const struct check_op *ops, const struct orders *d, struct finding *ret)
{
	_cleanup_free_ size_t *core = calloc(d->n_adds + 1, sizeof(*core));
	size_t before = 0;

	if (!core)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		const struct check_op *o = &ops[d->in[i]];
		int64_t most = seen_value(o) - (o->kind == CHECK_ADD);

		for (; before < d->n_adds && op__before(&ops[d->adds[before]], o); before++)
			core[before] = d->adds[before];
		if (most >= (int64_t)before)
			continue;
		core[before] = d->in[i];
		/* The first most + 1 would do; of a negative one the read alone. */
		if (most < 0)
			finding__add(ret, o->complete_ns, &core[before], 1);
		else
			finding__add(ret, o->complete_ns, core + before - (size_t)most - 1,
				     (size_t)most + 2);
	}
	return 0;
}

/* Fewer adds had been invoked when it completed than it counts. */
static int too_high(const struct check_op *ops, const struct orders *d, struct finding *ret)
{
	_cleanup_free_ size_t *core = calloc(d->n_adds_in + 1, sizeof(*core));
	size_t begun = 0;

	if (!core)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		const struct check_op *o = &ops[d->out[i]];
		size_t n = 0;

		while (begun < d->n_adds_in && !op__before(o, &ops[d->adds_in[begun]]))
			begun++;
		if (seen_value(o) <= (int64_t)begun)
			continue;
		if (ret->core && o->complete_ns >= ret->at_ns) {
			ret->count++; /* no witness of it is needed */
			continue;
		}
		core[n++] = d->out[i];
		for (size_t k = begun; k < d->n_adds_in; k++)
			core[n++] = d->adds_in[k];
		finding__add(ret, o->complete_ns, core, n);
	}
	return 0;
}

/* Two adds were told the same. */
static int same_answer(const struct check_op *ops, const struct orders *d, struct finding *ret)
{
	_cleanup_free_ size_t *order = calloc(d->n + 1, sizeof(*order));
	size_t n = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++)
		if (is_add(&ops[d->in[i]]))
			order[n++] = d->in[i];
	qsort_r(order, n, sizeof(*order), by_value, (void *)ops);
	for (size_t i = 1; i < n; i++) {
		const struct check_op *a = &ops[order[i - 1]], *b = &ops[order[i]];
		int64_t at = a->complete_ns > b->complete_ns ? a->complete_ns : b->complete_ns;

		if (a->value == b->value)
			finding__add(ret, at, &order[i - 1], 2);
	}
	return 0;
}

static int explain(const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_(cleanup_orders) struct orders d = {0};
	int r;

	d.in = sorted(ops, n, is_seen, by_invoke, &d.n);
	d.out = sorted(ops, n, is_seen, by_complete, &d.n);
	d.adds_in = sorted(ops, n, is_add, by_invoke, &d.n_adds_in);
	d.adds = sorted(ops, n, is_acked_add, by_complete, &d.n_adds);
	if (!d.in || !d.out || !d.adds_in || !d.adds)
		return -ENOMEM;
	backwards(ops, &d, ret);
	r = same_answer(ops, &d, ret);
	r = r ? r : too_low(ops, &d, ret);
	r = r ? r : too_high(ops, &d, ret);
	if (!r && !ret->count)
		finding__add_all(ret, T_INF, n);
	return r;
}

int counter__check(const struct check_op *ops, size_t n, const struct check_limits *l,
		   struct finding *ret)
{
	bool ok = false;
	int r;

	for (size_t i = 0; i < n; i++)
		if (is_add(&ops[i]) && ops[i].arg != 1)
			return search__check(CHECKER_COUNTER, ops, n, l, ret);
	r = fits(ops, n, &ok);
	return r || ok ? r : explain(ops, n, ret);
}
