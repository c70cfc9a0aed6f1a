// SPDX-License-Identifier: GPL-2.0-only
/*
 * queue.c: what is pushed comes out once. A history of a queue with values pushed once each is
 * linearizable iff it has none of these (Henzinger, Sezgin and Vafeiadis, "Aspect-oriented
 * linearizability proofs", 2013):
 *   - a value comes out that was not pushed, or before it was
 *   - a value comes out twice
 *   - a pop finds nothing although at each instant of it some value had to be in the queue: one
 *     whose push was complete, and whose pop was not invoked yet. This is what a lost value is, if
 *     the queue is emptied in the end
 *   - of a fifo: a comes out after b, or never, although the push of a was before that of b, and
 *     the pop of b was before that of a
 * A pop with an unknown outcome may have taken one of the values that nobody has; which one is
 * chosen in favour of the queue.
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

#define NONE SIZE_MAX

struct item {
	size_t push, pop;      /* NONE: none; pop: acknowledged */
	int64_t in_ns, out_ns; /* certainly in the queue after, and before; out: T_INF if never */
	bool loose;	       /* a pop of it with an unknown outcome: it may be gone or not */
};

struct queue {
	const struct check_op *ops;
	struct item *items;
	size_t n;
	size_t *takers; /* pops with an unknown outcome and value, by invocation */
	size_t n_takers;
	size_t *core; /* room for the operations of a violation */
	struct finding *ret;
};

static void cleanup_queue(struct queue *q)
{
	free(q->items);
	free(q->takers);
	free(q->core);
}

static bool is_taker(const struct check_op *o)
{
	return o->kind == CHECK_POP && o->complete_ns == T_INF && o->value == CHECK_NIL;
}

static bool is_empty_pop(const struct check_op *o)
{
	return o->kind == CHECK_POP && o->complete_ns != T_INF && o->value == CHECK_NIL;
}

static bool has_value(const struct check_op *o)
{
	return o->value != CHECK_NIL;
}

/* Taken by nobody that is known, though it was acknowledged. */
static bool is_missing(const struct item *x)
{
	return x->pop == NONE && !x->loose && x->in_ns != T_INF;
}

/* ---- values by themselves ---- */

static void out_again(const struct queue *q, size_t first, size_t second)
{
	const struct check_op *a = &q->ops[first], *b = &q->ops[second];
	size_t core[] = {first, second};

	finding__add(q->ret, a->complete_ns > b->complete_ns ? a->complete_ns : b->complete_ns,
		     core, 2);
}

static struct item gather(const struct queue *q, const size_t *order, size_t n, bool *ret_twice)
{
	struct item x = {.push = NONE, .pop = NONE, .in_ns = T_INF, .out_ns = T_INF};

	for (size_t i = 0; i < n; i++) {
		const struct check_op *o = &q->ops[order[i]];

		if (o->kind == CHECK_PUSH) {
			*ret_twice |= x.push != NONE;
			x.push = order[i];
			x.in_ns = o->complete_ns;
		} else if (o->complete_ns == T_INF) {
			x.loose = true;
			x.out_ns = o->invoke_ns < x.out_ns ? o->invoke_ns : x.out_ns;
		} else if (x.pop == NONE) {
			x.pop = order[i];
			x.out_ns = o->invoke_ns < x.out_ns ? o->invoke_ns : x.out_ns;
		} else {
			out_again(q, x.pop, order[i]);
		}
	}
	return x;
}

static int collect(struct queue *q, size_t n, bool *ret_twice)
{
	_cleanup_free_ size_t *order = NULL;
	size_t m, len;

	order = sorted(q->ops, n, has_value, by_value, &m);
	q->takers = sorted(q->ops, n, is_taker, by_invoke, &q->n_takers);
	q->items = calloc(m + 1, sizeof(*q->items));
	/* with an item that is over several others named each time */
	q->core = calloc(3 * n + 4, sizeof(*q->core));
	if (!order || !q->items || !q->takers || !q->core)
		return -ENOMEM;
	for (size_t i = 0; i < m; i += len) {
		struct item x;

		for (len = 1; i + len < m; len++)
			if (q->ops[order[i + len]].value != q->ops[order[i]].value)
				break;
		x = gather(q, order + i, len, ret_twice);
		if (x.push == NONE && x.pop != NONE)
			finding__add(q->ret, q->ops[x.pop].complete_ns, &x.pop, 1);
		if (x.push == NONE)
			continue;
		if (x.pop != NONE && op__before(&q->ops[x.pop], &q->ops[x.push])) {
			size_t core[] = {x.push, x.pop};

			finding__add(q->ret, q->ops[x.pop].complete_ns, core, 2);
		}
		q->items[q->n++] = x;
	}
	return 0;
}

/* ---- pops that found nothing ---- */

static int by_in(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = CMP(x->in_ns, y->in_ns);

	return r ? r : CMP(x->out_ns, y->out_ns);
}

static int by_end(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return CMP(*x, *y);
}

static size_t below(const int64_t *v, size_t n, int64_t t)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid] < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* More values are missing than pops with an unknown outcome can have taken by then. */
static bool lacks(struct queue *q, size_t pop, int64_t *missing, size_t n_missing, int64_t *takers)
{
	size_t gone = below(missing, n_missing, q->ops[pop].invoke_ns), left = 0, n = 0;
	size_t most = below(takers, q->n_takers, q->ops[pop].complete_ns);

	while (most < q->n_takers && takers[most] == q->ops[pop].complete_ns)
		most++;
	if (gone <= most)
		return false;
	if (q->ret->core && q->ops[pop].complete_ns >= q->ret->at_ns) {
		q->ret->count++;
		return true;
	}
	q->core[n++] = pop;
	for (size_t i = 0; i < q->n && left <= most; i++)
		if (is_missing(&q->items[i]) && q->items[i].in_ns < q->ops[pop].invoke_ns) {
			q->core[n++] = q->items[i].push;
			left++;
		}
	for (size_t i = most; i < q->n_takers; i++)
		q->core[n++] = q->takers[i];
	finding__add(q->ret, q->ops[pop].complete_ns, q->core, n);
	return true;
}

/* Times in which the queue was never empty: open intervals that overlap, as one. */
struct stay {
	int64_t from_ns, to_ns;
	size_t first; /* of items that begin within it; they are sorted */
};

static const struct stay *stay_at(const struct stay *v, size_t n, int64_t t)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid].from_ns < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &v[lo - 1] : NULL;
}

/* A chain of values, each in the queue before the last one is out, that spans the whole pop. */
static void never_empty(struct queue *q, size_t pop, size_t i)
{
	const struct check_op *o = &q->ops[pop];
	int64_t reach = o->invoke_ns;
	size_t n = 0;

	if (q->ret->core && o->complete_ns >= q->ret->at_ns) {
		q->ret->count++;
		return;
	}
	q->core[n++] = pop;
	while (reach <= o->complete_ns) {
		const struct item *best = NULL;

		for (; i < q->n && q->items[i].in_ns < reach; i++)
			if (!best || q->items[i].out_ns > best->out_ns)
				best = &q->items[i];
		if (!best || best->out_ns <= reach)
			break; /* not so: the caller has merged them */
		q->core[n++] = best->push;
		if (best->pop != NONE)
			q->core[n++] = best->pop;
		reach = best->out_ns;
	}
	finding__add(q->ret, o->complete_ns, q->core, n);
}

static size_t merge(const struct queue *q, struct stay *stays)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		const struct item *x = &q->items[i];

		if (x->in_ns >= x->out_ns)
			continue;
		if (n && x->in_ns < stays[n - 1].to_ns) {
			if (x->out_ns > stays[n - 1].to_ns)
				stays[n - 1].to_ns = x->out_ns;
			continue;
		}
		stays[n++] = (struct stay){x->in_ns, x->out_ns, i};
	}
	return n;
}

struct emptied {
	size_t *pops;
	struct stay *stays;
	int64_t *missing, *takers;
	size_t n_pops, n_stays, n_missing;
};

static void cleanup_emptied(struct emptied *e)
{
	free(e->pops);
	free(e->stays);
	free(e->missing);
	free(e->takers);
}

static int find_empty(struct queue *q, size_t n)
{
	_cleanup_(cleanup_emptied) struct emptied e = {0};

	e.pops = sorted(q->ops, n, is_empty_pop, by_invoke, &e.n_pops);
	e.stays = calloc(q->n + 1, sizeof(*e.stays));
	e.missing = calloc(q->n + 1, sizeof(*e.missing));
	e.takers = calloc(q->n_takers + 1, sizeof(*e.takers));
	if (!e.pops || !e.stays || !e.missing || !e.takers)
		return -ENOMEM;
	for (size_t i = 0; i < q->n_takers; i++)
		e.takers[i] = q->ops[q->takers[i]].invoke_ns;
	for (size_t i = 0; i < q->n; i++) {
		struct item *x = &q->items[i];

		if (!is_missing(x))
			continue;
		e.missing[e.n_missing++] = x->in_ns;
		/* Any of them may have been taken by the first that may have taken one. */
		x->out_ns = q->n_takers ? e.takers[0] : T_INF;
	}
	qsort(e.missing, e.n_missing, sizeof(*e.missing), by_end);
	if (q->n)
		qsort(q->items, q->n, sizeof(*q->items), by_in);
	e.n_stays = merge(q, e.stays);
	for (size_t i = 0; i < e.n_pops; i++) {
		const struct check_op *o = &q->ops[e.pops[i]];
		const struct stay *s = stay_at(e.stays, e.n_stays, o->invoke_ns);

		if (lacks(q, e.pops[i], e.missing, e.n_missing, e.takers))
			continue;
		if (s && s->to_ns > o->complete_ns)
			never_empty(q, e.pops[i], s->first);
	}
	return 0;
}

/* ---- order ---- */

static int by_push(const void *a, const void *b, void *ops)
{
	const struct item *x = a, *y = b;
	const struct check_op *o = ops;

	return CMP(o[x->push].invoke_ns, o[y->push].invoke_ns);
}

struct overdue {
	int64_t by_ns; /* taken later than this, it came out of order */
	const struct item *item, *over;
};

static int by_due(const void *a, const void *b)
{
	const struct overdue *x = a, *y = b;

	return CMP(x->by_ns, y->by_ns);
}

static void overtaken(struct queue *q, const struct item *a, const struct item *b)
{
	size_t core[4] = {a->push, b->push, b->pop, a->pop};
	int64_t at = q->ops[b->pop].complete_ns;

	if (a->pop != NONE && q->ops[a->pop].complete_ns > at)
		at = q->ops[a->pop].complete_ns;
	finding__add(q->ret, at, core, a->pop == NONE ? 3 : 4);
}

/* The first k overdue ones need k pops with an unknown outcome that were invoked by then. */
static void not_taken(struct queue *q, struct overdue *v, size_t n)
{
	size_t taken = 0;

	if (n)
		qsort(v, n, sizeof(*v), by_due);
	for (size_t i = 0; i < n; i++) {
		size_t len = 0;

		while (taken < q->n_takers && taken <= i &&
		       q->ops[q->takers[taken]].invoke_ns <= v[i].by_ns)
			taken++;
		if (taken > i)
			continue;
		if (!q->n_takers) {
			overtaken(q, v[i].item, v[i].over);
			continue;
		}
		for (size_t k = 0; k <= i; k++) {
			q->core[len++] = v[k].item->push;
			q->core[len++] = v[k].over->push;
			q->core[len++] = v[k].over->pop;
		}
		for (size_t k = taken; k < q->n_takers; k++)
			q->core[len++] = q->takers[k];
		finding__add(q->ret, v[i].by_ns, q->core, len);
		return;
	}
}

/*
 * For each value, the first complete pop of those whose push was invoked after its own was
 * complete: it has to be out by then.
 */
static int find_order(struct queue *q)
{
	_cleanup_free_ const struct item **first = calloc(q->n + 1, sizeof(*first));
	_cleanup_free_ struct overdue *due = calloc(q->n + 1, sizeof(*due));
	_cleanup_free_ int64_t *pushed = calloc(q->n + 1, sizeof(*pushed));
	size_t n_due = 0;

	if (!first || !due || !pushed)
		return -ENOMEM;
	if (q->n)
		qsort_r(q->items, q->n, sizeof(*q->items), by_push, (void *)q->ops);
	for (size_t i = q->n; i-- > 0;) {
		const struct item *x = &q->items[i];

		pushed[i] = q->ops[x->push].invoke_ns;
		first[i] = first[i + 1];
		if (x->pop != NONE &&
		    (!first[i] || q->ops[x->pop].complete_ns < q->ops[first[i]->pop].complete_ns))
			first[i] = x;
	}
	for (size_t i = 0; i < q->n; i++) {
		const struct item *x = &q->items[i], *over;
		size_t after;

		if (x->in_ns == T_INF || x->loose)
			continue;
		after = below(pushed, q->n, x->in_ns + 1);
		over = first[after];
		if (!over)
			continue;
		if (x->pop != NONE && op__before(&q->ops[over->pop], &q->ops[x->pop]))
			overtaken(q, x, over);
		if (x->pop == NONE)
			due[n_due++] = (struct overdue){q->ops[over->pop].complete_ns, x, over};
	}
	not_taken(q, due, n_due);
	return 0;
}

int queue__check(bool fifo, const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_(cleanup_queue) struct queue q = {.ops = ops, .ret = ret};
	bool twice = false;
	int r = collect(&q, n, &twice);

	if (!r && twice) {
		ret->verdict = CHECK_OPEN;
		ret->reason = "a value was pushed twice, so it cannot be said which came out";
		free(ret->core);
		ret->core = NULL;
		ret->n_core = 0;
		ret->count = 0;
		return 0;
	}
	r = r ? r : find_empty(&q, n);
	if (!r && fifo)
		r = find_order(&q);
	return r;
}
