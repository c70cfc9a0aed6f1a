// SPDX-License-Identifier: GPL-2.0-only
/*
 * zones.c: a register in which every value is written once (Gibbons and Korach, "Testing shared
 * memories", 1997). A write and the reads of its value are a cluster; f is when the first of them
 * completes, s when the last is invoked. Cluster A has to be before B as a whole if A.f < B.s: one
 * of A's operations completed before one of B's was invoked. So a register is linearizable if every
 * read has a write that was invoked before the read completed, and no two clusters have to be
 * before each other; longer circles contain one of two. Those two are zones: [f, s] (forward) if
 * f < s, else [s, f] (backward), of which two forward ones overlap, or a forward one contains a
 * backward one. The value before all writes, NIL, has a write that completes at T_BEGIN.
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

struct zone {
	int64_t f, s;
	size_t f_op, write; /* NONE: the one before all */
	const size_t *ops;  /* all of the cluster, by invocation */
	size_t n;
};

#define NONE SIZE_MAX

struct zones {
	struct zone *v;
	size_t n;
};

static void cleanup_zones(struct zones *z)
{
	free(z->v);
}

static void stretch(struct zone *z, const struct check_op *ops, size_t i)
{
	if (ops[i].complete_ns < z->f || (z->f_op == NONE && z->f == T_INF)) {
		z->f = ops[i].complete_ns;
		z->f_op = i;
	}
	if (ops[i].invoke_ns > z->s)
		z->s = ops[i].invoke_ns;
}

/* A read of what nobody wrote, or before it was written. */
static void odd_read(const struct check_op *ops, const struct zone *z, size_t read,
		     struct finding *ret)
{
	size_t core[] = {read, z->write};

	if (z->write == NONE)
		finding__add(ret, ops[read].complete_ns, core, 1);
	else if (op__before(&ops[read], &ops[z->write]))
		finding__add(ret, ops[read].complete_ns, core, 2);
}

/* One cluster, ops order[0..n); false if it has no say: an unknown write that nobody read. */
static bool cluster(const struct check_op *ops, const size_t *order, size_t n, struct zone *ret,
		    struct finding *f)
{
	struct zone z = {.f = T_INF, .s = INT64_MIN, .f_op = NONE, .write = NONE};
	bool initial = ops[order[0]].value == CHECK_NIL, read = false;

	z.ops = order;
	z.n = n;
	if (initial)
		z.f = T_BEGIN;
	for (size_t i = 0; i < n; i++) {
		if (ops[order[i]].kind == CHECK_WRITE)
			z.write = order[i];
		else
			read = true;
		stretch(&z, ops, order[i]);
	}
	for (size_t i = 0; i < n && !initial; i++)
		if (ops[order[i]].kind == CHECK_READ)
			odd_read(ops, &z, order[i], f);
	*ret = z;
	return read || (z.write != NONE && ops[z.write].complete_ns != T_INF);
}

static size_t add_op(size_t *core, size_t n, size_t op)
{
	for (size_t i = 0; i < n; i++)
		if (core[i] == op)
			return n;
	if (op != NONE)
		core[n++] = op;
	return n;
}

/* The first of @z that was invoked after @t; there is one. */
static size_t first_after(const struct check_op *ops, const struct zone *z, int64_t t)
{
	size_t lo = 0, hi = z->n - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ops[z->ops[mid]].invoke_ns > t)
			hi = mid;
		else
			lo = mid + 1;
	}
	return z->ops[lo];
}

static void clash(const struct check_op *ops, const struct zone *a, const struct zone *b,
		  struct finding *ret)
{
	const size_t all[] = {a->write, a->f_op, first_after(ops, a, b->f),
			      b->write, b->f_op, first_after(ops, b, a->f)};
	int64_t at = INT64_MIN;
	size_t core[6], n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		n = add_op(core, n, all[i]);
	for (size_t i = 0; i < n; i++) {
		int64_t t = ops[core[i]].complete_ns;

		at = t != T_INF && t > at ? t : at;
	}
	finding__add(ret, at, core, n);
}

static int by_f(const void *a, const void *b)
{
	const struct zone *x = a, *y = b;
	int r = CMP(x->f, y->f);

	return r ? r : CMP(x->s, y->s);
}

/* The last forward zone whose f is below @t, or NULL. */
static const struct zone *last_below(const struct zones *forward, int64_t t)
{
	size_t lo = 0, hi = forward->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (forward->v[mid].f < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &forward->v[lo - 1] : NULL;
}

static void compare(const struct check_op *ops, struct zones *forward, const struct zones *backward,
		    struct finding *ret)
{
	const struct zone *widest = NULL;

	if (forward->n)
		qsort(forward->v, forward->n, sizeof(*forward->v), by_f);
	for (size_t i = 0; i < forward->n; i++) {
		const struct zone *z = &forward->v[i];

		if (widest && z->f < widest->s)
			clash(ops, widest, z, ret);
		if (!widest || z->s > widest->s)
			widest = z;
	}
	/* If no two forward zones overlap, the last that begins before it is the only candidate. */
	for (size_t i = 0; i < backward->n; i++) {
		const struct zone *z = &backward->v[i], *in = last_below(forward, z->s);

		if (in && z->f < in->s)
			clash(ops, in, z, ret);
	}
}

static bool any(const struct check_op *o)
{
	(void)o;
	return true;
}

static bool written_twice(const struct check_op *ops, const size_t *order, size_t n)
{
	size_t writes = 0;

	for (size_t i = 0; i < n; i++) {
		if (i && ops[order[i]].value != ops[order[i - 1]].value)
			writes = 0;
		writes += ops[order[i]].kind == CHECK_WRITE;
		if (writes > 1)
			return true;
	}
	return false;
}

int zones__check(const struct check_op *ops, size_t n, const struct check_limits *l,
		 struct finding *ret)
{
	_cleanup_(cleanup_zones) struct zones forward = {0}, backward = {0};
	_cleanup_free_ size_t *order = NULL;
	size_t len;

	order = sorted(ops, n, any, by_value, &len);
	if (!order)
		return -ENOMEM;
	if (written_twice(ops, order, n))
		return search__check(CHECKER_CAS, ops, n, l, ret);
	forward.v = calloc(n + 1, sizeof(*forward.v));
	backward.v = calloc(n + 1, sizeof(*backward.v));
	if (!forward.v || !backward.v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += len) {
		struct zone z;

		for (len = 1; i + len < n; len++)
			if (ops[order[i + len]].value != ops[order[i]].value)
				break;
		if (!cluster(ops, order + i, len, &z, ret))
			continue;
		if (z.f < z.s)
			forward.v[forward.n++] = z;
		else
			backward.v[backward.n++] = z;
	}
	compare(ops, &forward, &backward, ret);
	return 0;
}
