// SPDX-License-Identifier: GPL-2.0-only
/*
 * set.c: sets that only grow; each element is for itself. It appears at an instant that is not
 * before its first add was invoked, not after the first acknowledgement of one, nor after a read
 * that found it completed, and not before a read that did not find it was invoked.
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

#define NONE SIZE_MAX

struct element {
	size_t first, acked, found; /* the add invoked, the add, the read completed first */
};

static struct element known(const struct check_op *ops, const size_t *order, size_t n)
{
	struct element e = {NONE, NONE, NONE};

	for (size_t i = 0; i < n; i++) {
		const struct check_op *o = &ops[order[i]];
		size_t *done = o->kind == CHECK_ADD ? &e.acked : &e.found;

		if (o->kind == CHECK_ADD &&
		    (e.first == NONE || o->invoke_ns < ops[e.first].invoke_ns))
			e.first = order[i];
		if (o->kind == CHECK_CONTAINS && !o->arg)
			continue;
		if (*done == NONE || o->complete_ns < ops[*done].complete_ns)
			*done = order[i];
	}
	return e;
}

static void judge(const struct check_op *ops, const struct element *e, size_t read,
		  struct finding *ret)
{
	const struct check_op *o = &ops[read];
	size_t core[] = {read, NONE};

	if (o->arg) {
		if (e->first == NONE)
			finding__add(ret, o->complete_ns, core, 1);
		core[1] = e->first;
		if (e->first != NONE && op__before(o, &ops[e->first]))
			finding__add(ret, o->complete_ns, core, 2);
		return;
	}
	if (e->acked != NONE && op__before(&ops[e->acked], o))
		core[1] = e->acked;
	else if (e->found != NONE && op__before(&ops[e->found], o))
		core[1] = e->found;
	if (core[1] != NONE)
		finding__add(ret, o->complete_ns, core, 2);
}

static bool any(const struct check_op *o)
{
	(void)o;
	return true;
}

int set__check(const struct check_op *ops, size_t n, struct finding *ret)
{
	_cleanup_free_ size_t *order = NULL;
	size_t len;

	order = sorted(ops, n, any, by_value, &len);
	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i += len) {
		struct element e;

		for (len = 1; i + len < n; len++)
			if (ops[order[i + len]].value != ops[order[i]].value)
				break;
		e = known(ops, order + i, len);
		for (size_t k = i; k < i + len; k++)
			if (ops[order[k]].kind == CHECK_CONTAINS)
				judge(ops, &e, order[k], ret);
	}
	return 0;
}
