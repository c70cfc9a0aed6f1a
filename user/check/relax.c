// SPDX-License-Identifier: GPL-2.0-only
/*
 * relax.c: a history of which only some operations are known. Leaving operations out of a history
 * may make a violation of what was none: a read of 4 without the write of 4. So what is left out is
 * not gone, it is free: what it did to the object may have been done at any instant, from before
 * all else to after it, or never, and what it was told says nothing. Every order of the whole
 * history is an order of the relaxed one, so a relaxed history that is a violation proves one of
 * the whole history, by the operations kept and by nothing else.
 *
 * Of what is left out, only what can explain an answer that was kept has to be in the history:
 *   register, cas  a write of each value that was read, or compared with
 *   lock           an acquire of each hold that was released, a release of each that was acquired
 *   counter        an add for each add
 *   queue, fifo    a push of each value popped, a pop of each value pushed; a pop with an unknown
 *                  outcome may have taken any value, from the beginning on
 *   set            an add of each element found
 *   others         nothing
 */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>

/* May an operation of kind @k explain @o, if it is about the value that @o needs? */
static bool explains(enum check_kind k, const struct check_op *o)
{
	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
	case CHECK_CAS:
		return k == CHECK_WRITE || k == CHECK_CAS;
	case CHECK_RELEASE:
		return k == CHECK_ACQUIRE;
	case CHECK_ACQUIRE:
		return k == CHECK_RELEASE || k == CHECK_EXPIRE;
	case CHECK_POP:
		return k == CHECK_PUSH;
	case CHECK_PUSH:
		return k == CHECK_POP;
	case CHECK_CONTAINS:
		return k == CHECK_ADD;
	case CHECK_WRITE:
	case CHECK_ADD:
	case CHECK_EXPIRE:
		break;
	}
	return false;
}

static int64_t needs(const struct check_op *o)
{
	return o->kind == CHECK_CAS ? o->arg : o->value;
}

/* What is left of @o when it is free; false: nothing. */
static bool loosen(enum checker c, const struct check_op *o, struct check_op *ret)
{
	*ret = *o;
	ret->invoke_ns = T_BEGIN;
	ret->complete_ns = T_INF;
	ret->outcome = CHECK_UNKNOWN;
	switch ((enum check_kind)o->kind) {
	case CHECK_WRITE:
	case CHECK_CAS:
		ret->kind = CHECK_WRITE;
		return c == CHECKER_REGISTER || c == CHECKER_CAS;
	case CHECK_ADD:
		if (c == CHECKER_COUNTER)
			ret->value = CHECK_NIL;
		return true;
	case CHECK_POP:
		/* a pop that found nothing did nothing */
		return o->value != CHECK_NIL || o->complete_ns == T_INF;
	case CHECK_PUSH:
		return true;
	case CHECK_ACQUIRE:
		return c == CHECKER_LOCK;
	case CHECK_RELEASE:
	case CHECK_EXPIRE:
		ret->kind = CHECK_RELEASE;
		return true;
	case CHECK_READ:
	case CHECK_CONTAINS:
		break;
	}
	return false;
}

/* Has it an effect whatever was kept? */
static bool acts_alone(enum checker c, const struct check_op *o)
{
	return (c == CHECKER_COUNTER && o->kind == CHECK_ADD) ||
	       (o->kind == CHECK_POP && o->value == CHECK_NIL && o->complete_ns == T_INF);
}

int relax__init(struct relax *x, enum checker c, const struct check_op *ops, size_t n)
{
	*x = (struct relax){.c = c, .ops = ops, .n = n};
	x->by_value = calloc(n + 1, sizeof(*x->by_value));
	x->out = calloc(n + 1, sizeof(*x->out));
	x->from = calloc(n + 1, sizeof(*x->from));
	x->taken = calloc(n + 1, sizeof(*x->taken));
	x->looked = calloc(n + 1, sizeof(*x->looked));
	x->looked_for = calloc(n + 1, sizeof(*x->looked_for));
	if (!x->by_value || !x->out || !x->from || !x->taken || !x->looked || !x->looked_for) {
		relax__reset(x);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		struct check_op o;

		if (loosen(c, &ops[i], &o))
			x->by_value[x->n_by_value++] = i;
	}
	qsort_r(x->by_value, x->n_by_value, sizeof(*x->by_value), by_value, (void *)ops);
	return 0;
}

void relax__reset(struct relax *x)
{
	free(x->by_value);
	free(x->out);
	free(x->from);
	free(x->taken);
	free(x->looked);
	free(x->looked_for);
	*x = (struct relax){0};
}

static size_t first_of(const struct relax *x, int64_t value)
{
	size_t lo = 0, hi = x->n_by_value;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x->ops[x->by_value[mid]].value < value)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static size_t take(struct relax *x, size_t n, size_t i)
{
	if (x->taken[i] == x->time)
		return n;
	x->taken[i] = x->time;
	x->from[n] = i;
	return n + 1;
}

/* What explains @o, of the operations about the value that it needs; each value is gone through
 * once for each kind of operation. */
static size_t take_for(struct relax *x, size_t n, const struct check_op *o)
{
	size_t at = first_of(x, needs(o));

	if (x->looked[at] != x->time) {
		x->looked[at] = x->time;
		x->looked_for[at] = 0;
	}
	if (x->looked_for[at] >> o->kind & 1)
		return n;
	for (size_t k = at; k < x->n_by_value; k++) {
		const struct check_op *y = &x->ops[x->by_value[k]];

		if (y->value != needs(o))
			break;
		/* marked only where there is such a value: else @at belongs to another */
		x->looked_for[at] |= (uint16_t)(1u << o->kind);
		if (explains(y->kind, o))
			n = take(x, n, x->by_value[k]);
	}
	return n;
}

size_t relax__make(struct relax *x, const size_t *kept, size_t n_kept)
{
	bool alone = x->c == CHECKER_COUNTER || x->c == CHECKER_QUEUE || x->c == CHECKER_FIFO;
	size_t n = 0;

	x->time++;
	for (size_t i = 0; i < n_kept; i++)
		n = take(x, n, kept[i]);
	for (size_t i = 0; i < n_kept; i++)
		n = take_for(x, n, &x->ops[kept[i]]);
	for (size_t i = 0; alone && i < x->n; i++)
		if (acts_alone(x->c, &x->ops[i]))
			n = take(x, n, i);
	for (size_t i = 0; i < n; i++) {
		x->out[i] = x->ops[x->from[i]];
		if (i >= n_kept)
			loosen(x->c, &x->ops[x->from[i]], &x->out[i]);
	}
	return n;
}

/* Times as check__history() takes them. */
static struct check_op outside(struct check_op o)
{
	if (o.invoke_ns < -CHECK_T_MAX)
		o.invoke_ns = -CHECK_T_MAX;
	if (o.complete_ns > CHECK_T_MAX)
		o.complete_ns = CHECK_T_MAX;
	return o;
}

size_t check__relax(enum checker c, const struct check_op *ops, size_t n, const bool *keep,
		    struct check_op *ret)
{
	_cleanup_(relax__reset) struct relax x = {0};
	_cleanup_free_ size_t *kept = calloc(n + 1, sizeof(*kept));
	_cleanup_free_ struct check_op *own = calloc(n + 1, sizeof(*own));
	size_t n_kept = 0, n_own = 0, m;

	if (!kept || !own)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!op__normal(&ops[i], &own[n_own]))
			continue;
		if (keep[i])
			kept[n_kept++] = n_own;
		n_own++;
	}
	if (relax__init(&x, c, own, n_own))
		return 0;
	m = relax__make(&x, kept, n_kept);
	for (size_t i = 0; i < m; i++)
		ret[i] = outside(x.out[i]);
	return m;
}
