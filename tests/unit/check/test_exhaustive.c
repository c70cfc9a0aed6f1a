// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every checker against every order of a few operations, on random histories: half of them from an
 * object that works, with one answer changed in half of those; the others with any answers. Of each
 * violation the witness is a violation, and none without any one of its operations.
 *
 * CHAOS_CHECK_HISTORIES: how many for each checker (`make check-long`: 200,000); the seed is
 * CHAOS_CHECK_SEED.
 */
#include "lib/cleanup.h"
#include "lib/rng.h"
#include "unit/check/exhaustive.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HISTORIES 20000
#define N_MAX 6

static uint64_t env(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 10) : otherwise;
}

static int64_t upto(struct rng *r, uint64_t n)
{
	return (int64_t)rng__below(r, n + 1);
}

static bool chance(struct rng *r, unsigned int percent)
{
	return rng__below(r, 100) < percent;
}

/* An operation's kind and what it asks; answers are for later. @i is its number. */
static void ask(struct rng *r, enum checker c, size_t i, struct check_op *o)
{
	int64_t unique = 10 + (int64_t)i;

	switch (c) {
	case CHECKER_REGISTER:
		o->kind = chance(r, 50) ? CHECK_READ : CHECK_WRITE;
		o->value = unique;
		break;
	case CHECKER_CAS:
		o->kind = chance(r, 40) ? CHECK_READ : chance(r, 70) ? CHECK_CAS : CHECK_WRITE;
		o->value = chance(r, 50) ? unique : 10 + upto(r, 2);
		o->arg = chance(r, 20) ? CHECK_NIL : 10 + upto(r, 3);
		break;
	case CHECKER_LOCK:
		o->kind = chance(r, 50)	  ? CHECK_ACQUIRE
			  : chance(r, 70) ? CHECK_RELEASE
					  : CHECK_EXPIRE;
		o->value = o->kind == CHECK_ACQUIRE && chance(r, 90) ? unique : 10 + upto(r, i);
		break;
	case CHECKER_COUNTER:
		o->kind = chance(r, 40) ? CHECK_READ : CHECK_ADD;
		o->value = CHECK_NIL;
		o->arg = 1;
		break;
	case CHECKER_QUEUE:
	case CHECKER_FIFO:
		o->kind = chance(r, 50) ? CHECK_PUSH : CHECK_POP;
		o->value = o->kind == CHECK_PUSH ? unique : CHECK_NIL;
		break;
	case CHECKER_SET:
		o->kind = chance(r, 50) ? CHECK_ADD : CHECK_CONTAINS;
		o->value = 10 + upto(r, 2);
		break;
	case CHECKER_TOKEN:
	case CHECKER_FENCE:
		o->kind = c == CHECKER_TOKEN ? CHECK_ACQUIRE : CHECK_WRITE;
		o->value = 10 + upto(r, 8);
		break;
	case CHECKER_AGREE:
	case CHECKER_COUNT:
		o->kind = CHECK_READ;
		o->value = 10;
		break;
	}
}

/* Any answer at all. */
static void answer_anything(struct rng *r, enum checker c, size_t n, struct check_op *o)
{
	int64_t some = 10 + upto(r, n - 1);

	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		if (c == CHECKER_COUNTER)
			o->value = upto(r, n);
		else
			o->value = chance(r, 20) ? CHECK_NIL : some;
		break;
	case CHECK_ADD:
		if (c == CHECKER_COUNTER && chance(r, 50))
			o->value = upto(r, n);
		break;
	case CHECK_CONTAINS:
		o->arg = chance(r, 50);
		break;
	case CHECK_POP:
		o->value = chance(r, 30) ? CHECK_NIL : some;
		break;
	default:
		break;
	}
}

/* The answer that @x gives; what it refuses fails. */
static void answer_truly(struct rng *r, enum checker c, struct object *x, struct check_op *o)
{
	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		if (c != CHECKER_AGREE)
			o->value = x->value;
		break;
	case CHECK_ADD:
		if (c == CHECKER_COUNTER && chance(r, 40))
			o->value = x->value + 1;
		break;
	case CHECK_CONTAINS:
		o->arg = object__find(x, o->value) < x->n;
		break;
	case CHECK_POP:
		o->value = x->n ? x->items[c == CHECKER_FIFO ? 0 : rng__below(r, x->n)] : CHECK_NIL;
		break;
	default:
		break;
	}
	if (!object__do(c, x, o, 0))
		o->outcome = CHECK_FAIL;
}

/* An answer that is not known is not recorded; a read without one is. */
static void lose_answer(enum checker c, struct check_op *o)
{
	o->outcome = CHECK_UNKNOWN;
	if (o->kind == CHECK_POP || (o->kind == CHECK_ADD && c == CHECKER_COUNTER))
		o->value = CHECK_NIL;
}

static size_t make(struct rng *r, enum checker c, struct check_op *ops)
{
	size_t n = 1 + rng__below(r, N_MAX), order[N_MAX];
	int64_t span = 2 + upto(r, 12), at[N_MAX];
	bool truly = chance(r, 50);
	struct object x = object__new(c);

	memset(ops, 0, n * sizeof(*ops));
	for (size_t i = 0; i < n; i++) {
		struct check_op *o = &ops[i];

		o->process = (int32_t)i;
		o->invoke_ns = upto(r, (uint64_t)span);
		o->complete_ns = o->invoke_ns + upto(r, 4);
		at[i] = o->invoke_ns + upto(r, (uint64_t)(o->complete_ns - o->invoke_ns));
		order[i] = i;
		ask(r, c, i, o);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (at[order[k]] < at[order[i]]) {
				size_t t = order[i];

				order[i] = order[k];
				order[k] = t;
			}
	for (size_t i = 0; i < n; i++) {
		if (truly)
			answer_truly(r, c, &x, &ops[order[i]]);
		else
			answer_anything(r, c, n, &ops[order[i]]);
	}
	if (truly && chance(r, 50))
		answer_anything(r, c, n, &ops[rng__below(r, n)]);
	for (size_t i = 0; i < n; i++)
		if (chance(r, 15))
			lose_answer(c, &ops[i]);
		else if (chance(r, 3))
			ops[i].outcome = CHECK_FAIL;
	return n;
}

/* Pops without an answer beside pops that found nothing: see check.h. */
static bool one_sided(enum checker c, const struct check_op *ops, size_t n)
{
	bool taker = false, empty = false;

	for (size_t i = 0; i < n; i++) {
		taker |= ops[i].kind == CHECK_POP && ops[i].outcome == CHECK_UNKNOWN;
		empty |= ops[i].kind == CHECK_POP && ops[i].outcome == CHECK_OK &&
			 ops[i].value == CHECK_NIL;
	}
	return (c == CHECKER_QUEUE || c == CHECKER_FIFO) && taker && empty;
}

static void show(enum checker c, const struct check_op *ops, size_t n, const char *what)
{
	print_message("%s: %s\n", checker__name(c), what);
	for (size_t i = 0; i < n; i++)
		print_message("  [%" PRId64 ",%" PRId64 "] kind %u value %" PRId64 " arg %" PRId64
			      " outcome %u\n",
			      ops[i].invoke_ns, ops[i].complete_ns, ops[i].kind, ops[i].value,
			      ops[i].arg, ops[i].outcome);
}

/* A witness is a violation by itself, and is none without any one of its operations. */
static bool is_least(enum checker c, const struct check_op *ops, size_t n,
		     const struct check_result *res)
{
	struct check_op relaxed[OPS_MAX];
	bool keep[N_MAX] = {false};
	size_t m;

	for (size_t i = 0; i < res->n_witness; i++)
		keep[res->witness[i]] = true;
	m = check__relax(c, ops, n, keep, relaxed);
	if (exhaustive__holds(c, relaxed, m))
		return false;
	for (size_t i = 0; i < res->n_witness; i++) {
		keep[res->witness[i]] = false;
		m = check__relax(c, ops, n, keep, relaxed);
		if (!exhaustive__holds(c, relaxed, m) && !one_sided(c, relaxed, m))
			return false;
		keep[res->witness[i]] = true;
	}
	return true;
}

struct tally {
	uint64_t pass, violation, missed;
};

static void one(struct rng *r, enum checker c, struct tally *t)
{
	struct check_op ops[N_MAX];
	struct check_result res = {0};
	struct error err = {0};
	size_t n = make(r, c, ops);
	bool holds = exhaustive__holds(c, ops, n);

	if (check__history(c, ops, n, NULL, NULL, &res, &err)) {
		show(c, ops, n, err.msg);
		fail();
	}
	t->pass += res.verdict == CHECK_PASS;
	t->violation += res.verdict == CHECK_VIOLATION;
	if (res.verdict == CHECK_PASS && !holds && one_sided(c, ops, n)) {
		t->missed++;
	} else if (res.verdict != (holds ? CHECK_PASS : CHECK_VIOLATION)) {
		show(c, ops, n, holds ? "called a violation" : "called linearizable");
		print_message("%s\n", res.words ? res.words : "");
		fail();
	}
	if (res.verdict == CHECK_VIOLATION &&
	    (!res.whole || !res.words || !*res.words || !is_least(c, ops, n, &res))) {
		show(c, ops, n, "its witness is not the least");
		for (size_t i = 0; i < res.n_witness; i++)
			print_message("  witness: %zu\n", res.witness[i]);
		fail();
	}
	check_result__free(&res);
}

static void agrees(void **state)
{
	enum checker c = *(enum checker *)*state;
	uint64_t n = env("CHAOS_CHECK_HISTORIES", HISTORIES);
	struct rng r = rng__fork(env("CHAOS_CHECK_SEED", 1), c);
	struct tally t = {0};

	for (uint64_t i = 0; i < n; i++)
		one(&r, c, &t);
	print_message("%s: %" PRIu64 " linearizable, %" PRIu64 " violations, %" PRIu64
		      " not decided exactly\n",
		      checker__name(c), t.pass, t.violation, t.missed);
	/* else one side was not tested */
	assert_true(t.pass > n / 20);
	assert_true(t.violation > n / 20);
	assert_true(t.missed < n / 50);
}

#define CHECKER(c)                                                                 \
	{                                                                          \
		"agrees with all orders: " #c, agrees, NULL, NULL, &(enum checker) \
		{                                                                  \
			CHECKER_##c                                                \
		}                                                                  \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECKER(REGISTER), CHECKER(CAS), CHECKER(LOCK),	 CHECKER(COUNTER), CHECKER(QUEUE),
		CHECKER(FIFO),	   CHECKER(SET), CHECKER(TOKEN), CHECKER(FENCE),   CHECKER(AGREE),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
