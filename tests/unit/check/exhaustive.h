/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exhaustive.h: every order of a few operations, with the plainest model of each object: what the
 * checkers are compared with. Knows nothing of how they work.
 */
#ifndef CHAOS_TEST_EXHAUSTIVE_H
#define CHAOS_TEST_EXHAUSTIVE_H

#include "check/check.h"

#include <string.h>

#define OPS_MAX 24

struct object {
	int64_t value;		/* register, cas: what it is; lock: who holds; counter: how many;
				   tokens: the last one */
	int64_t items[OPS_MAX]; /* queue in order, set */
	size_t n;
};

static inline struct object object__new(enum checker c)
{
	struct object x = {.n = 0};

	x.value = c == CHECKER_COUNTER ? 0 : CHECK_NIL;
	return x;
}

static inline size_t object__find(const struct object *x, int64_t v)
{
	size_t i = 0;

	while (i < x->n && x->items[i] != v)
		i++;
	return i;
}

static inline void object__take(struct object *x, size_t i)
{
	memmove(&x->items[i], &x->items[i + 1], (x->n - i - 1) * sizeof(x->items[0]));
	x->n--;
}

/*
 * Do @o to @x: false if its answer could not be. Where there is a choice (a pop without an answer
 * from a bag) @choice says which.
 */
static inline bool object__do(enum checker c, struct object *x, const struct check_op *o,
			      size_t choice)
{
	bool answered = o->outcome == CHECK_OK;
	size_t i;

	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		if (c == CHECKER_COUNTER)
			return x->value == (o->value == CHECK_NIL ? 0 : o->value);
		if (c == CHECKER_AGREE && !x->n) {
			x->n = 1;
			x->value = o->value;
		}
		return x->value == o->value;
	case CHECK_WRITE:
		if (c == CHECKER_FENCE && o->value < x->value)
			return false;
		x->value = o->value;
		return true;
	case CHECK_CAS:
		if (x->value != o->arg)
			return false;
		x->value = o->value;
		return true;
	case CHECK_ADD:
		if (c == CHECKER_COUNTER) {
			x->value += o->arg;
			return !answered || o->value == CHECK_NIL || o->value == x->value;
		}
		if (object__find(x, o->value) == x->n)
			x->items[x->n++] = o->value;
		return true;
	case CHECK_CONTAINS:
		return (object__find(x, o->value) < x->n) == (o->arg != 0);
	case CHECK_PUSH:
		x->items[x->n++] = o->value;
		return true;
	case CHECK_POP:
		if (answered && o->value == CHECK_NIL)
			return !x->n;
		if (o->value != CHECK_NIL)
			i = object__find(x, o->value);
		else
			i = choice;
		if (i >= x->n || (c == CHECKER_FIFO && i > 0))
			return false;
		object__take(x, i);
		return true;
	case CHECK_ACQUIRE:
		if (c == CHECKER_TOKEN ? o->value <= x->value : x->value != CHECK_NIL)
			return false;
		x->value = o->value;
		return true;
	case CHECK_RELEASE:
		if (x->value != o->value)
			return false;
		x->value = CHECK_NIL;
		return true;
	case CHECK_EXPIRE:
		if (x->value == o->value)
			x->value = CHECK_NIL;
		return true;
	}
	return false;
}

/* Can @ops from here on, without those in @done, be put in an order? */
static inline bool exhaustive__from(enum checker c, const struct check_op *ops, size_t n,
				    uint32_t done, const struct object *x)
{
	uint32_t due = 0;

	for (size_t i = 0; i < n; i++)
		if (!(done >> i & 1) && ops[i].outcome == CHECK_OK)
			due |= 1u << i;
	if (!due)
		return true;
	for (size_t i = 0; i < n; i++) {
		bool first = !(done >> i & 1) && ops[i].outcome != CHECK_FAIL;
		bool choose = ops[i].kind == CHECK_POP && ops[i].outcome == CHECK_UNKNOWN &&
			      ops[i].value == CHECK_NIL;

		for (size_t k = 0; k < n && first; k++)
			first = !(due >> k & 1) || ops[k].complete_ns >= ops[i].invoke_ns;
		for (size_t choice = 0; first && choice < (choose ? x->n : 1); choice++) {
			struct object y = *x;

			if (object__do(c, &y, &ops[i], choice) &&
			    exhaustive__from(c, ops, n, done | 1u << i, &y))
				return true;
		}
	}
	return false;
}

static inline bool exhaustive__holds(enum checker c, const struct check_op *ops, size_t n)
{
	struct object x = object__new(c);

	return exhaustive__from(c, ops, n, 0, &x);
}

#endif
