// SPDX-License-Identifier: GPL-2.0-only
/*
 * token.c: fencing tokens, and readers that must agree. Tokens as given out grow (Kleppmann 2016):
 * one that is not greater than another that was given before is no fence. Tokens as a resource
 * accepts them may repeat but never go back: that would be a holder of old writing after a newer
 * one. A late write is under way while the newer one is accepted: by its times alone it may have been
 * first, so the resource must tell.
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

#define NONE SIZE_MAX

static bool any(const struct check_op *o)
{
	(void)o;
	return true;
}

static bool completes(const struct check_op *o)
{
	return o->complete_ns != T_INF;
}

static void pair(const struct check_op *ops, size_t a, size_t b, struct finding *ret)
{
	size_t core[] = {a, b};
	int64_t x = ops[a].complete_ns, y = ops[b].complete_ns;

	finding__add(ret, x > y ? x : y, core, 2);
}

/* Equal tokens, whatever their order in time. */
static int twice(const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_free_ size_t *order = NULL;
	size_t m;

	order = sorted(ops, n, completes, by_value, &m);
	if (!order)
		return -ENOMEM;
	for (size_t i = 1; i < m; i++)
		if (ops[order[i]].value == ops[order[i - 1]].value)
			pair(ops, order[i - 1], order[i], ret);
	return 0;
}

static int by_place(const void *a, const void *b, void *ops)
{
	const struct check_op *x = &((const struct check_op *)ops)[*(const size_t *)a];
	const struct check_op *y = &((const struct check_op *)ops)[*(const size_t *)b];

	return x->arg != y->arg ? (x->arg > y->arg) - (x->arg < y->arg) : by_invoke(a, b, ops);
}

/* All that were accepted, in the order that the resource told. */
static int behind(const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_free_ size_t *order = NULL;
	size_t m, highest = 0;

	order = sorted(ops, n, completes, by_place, &m);
	if (!order)
		return -ENOMEM;
	for (size_t i = 1; i < m; i++) {
		if (ops[order[i]].value < ops[order[highest]].value)
			pair(ops, order[highest], order[i], ret);
		else
			highest = i;
	}
	return 0;
}

static bool has_places(const struct check_op *ops, size_t n)
{
	bool any_there = false;

	for (size_t i = 0; i < n; i++) {
		if (completes(&ops[i]) && ops[i].arg <= 0)
			return false;
		any_there |= completes(&ops[i]);
	}
	return any_there;
}

int token__check(bool strict, const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_free_ size_t *in = NULL, *out = NULL;
	size_t m, done = 0, highest = NONE;

	if (!strict && has_places(ops, n))
		return behind(ops, n, ret);
	in = sorted(ops, n, completes, by_invoke, &m);
	out = sorted(ops, n, completes, by_complete, &m);
	if (!in || !out)
		return -ENOMEM;
	for (size_t i = 0; i < m; i++) {
		for (; done < m && op__before(&ops[out[done]], &ops[in[i]]); done++)
			if (highest == NONE || ops[out[done]].value > ops[highest].value)
				highest = out[done];
		if (highest != NONE && ops[in[i]].value < ops[highest].value)
			pair(ops, highest, in[i], ret);
	}
	return strict ? twice(ops, n, ret) : 0;
}

int agree__check(const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_free_ size_t *order = NULL;
	size_t m;

	order = sorted(ops, n, any, by_invoke, &m);
	if (!order)
		return -ENOMEM;
	for (size_t i = 1; i < n && !ret->count; i++)
		if (ops[order[i]].value != ops[order[0]].value)
			pair(ops, order[0], order[i], ret);
	return 0;
}
