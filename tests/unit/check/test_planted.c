// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histories of an object that works, with hundreds of operations of several clients on several
 * keys, pass. With one wrong answer planted they do not, the wrong answer is in the witness, and
 * the witness is the least.
 */
#include "lib/cleanup.h"
#include "lib/rng.h"
#include "unit/check/exhaustive.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define N 600
#define SEEDS 12
#define PROCESSES 6
#define KEYS 3
#define ROOM (N + 8) /* what is planted comes on top */

struct sim {
	struct rng rng;
	enum checker c;
	struct check_op ops[ROOM];
	int64_t at[ROOM];
	size_t n;
	/* the object, by key */
	int64_t value[KEYS];
	int64_t items[KEYS][N]; /* queue */
	size_t head[KEYS], tail[KEYS];
	bool there[KEYS][N]; /* set */
};

static int64_t upto(struct sim *s, uint64_t n)
{
	return (int64_t)rng__below(&s->rng, n + 1);
}

static bool chance(struct sim *s, unsigned int percent)
{
	return rng__below(&s->rng, 100) < percent;
}

static void ask(struct sim *s, size_t i)
{
	static const struct {
		enum check_kind one, other;
		unsigned int percent;
	} kinds[CHECKER_COUNT] = {
		[CHECKER_REGISTER] = {CHECK_READ, CHECK_WRITE, 50},
		[CHECKER_CAS] = {CHECK_READ, CHECK_CAS, 40},
		[CHECKER_LOCK] = {CHECK_ACQUIRE, CHECK_RELEASE, 50},
		[CHECKER_COUNTER] = {CHECK_READ, CHECK_ADD, 40},
		[CHECKER_QUEUE] = {CHECK_PUSH, CHECK_POP, 50},
		[CHECKER_FIFO] = {CHECK_PUSH, CHECK_POP, 50},
		[CHECKER_SET] = {CHECK_ADD, CHECK_CONTAINS, 50},
		[CHECKER_TOKEN] = {CHECK_ACQUIRE, CHECK_ACQUIRE, 0},
		[CHECKER_FENCE] = {CHECK_WRITE, CHECK_WRITE, 0},
		[CHECKER_AGREE] = {CHECK_READ, CHECK_READ, 0},
	};
	struct check_op *o = &s->ops[i];

	o->kind = chance(s, kinds[s->c].percent) ? kinds[s->c].one : kinds[s->c].other;
	o->value = (int64_t)i;
	o->arg = s->c == CHECKER_COUNTER;
	o->key = (uint32_t)rng__below(&s->rng, KEYS);
	if (o->kind == CHECK_CONTAINS)
		o->value = upto(s, i);
	if (o->kind == CHECK_READ || o->kind == CHECK_POP ||
	    (o->kind == CHECK_ADD && s->c == CHECKER_COUNTER))
		o->value = CHECK_NIL;
}

static void answer(struct sim *s, struct check_op *o)
{
	int64_t *v = &s->value[o->key];

	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		o->value = *v;
		break;
	case CHECK_WRITE:
		*v = s->c == CHECKER_FENCE ? (o->value = *v + upto(s, 1)) : o->value;
		break;
	case CHECK_CAS:
		o->arg = chance(s, 80) ? *v : o->value - 1;
		if (o->arg == *v)
			*v = o->value;
		else
			o->outcome = CHECK_FAIL;
		break;
	case CHECK_ADD:
		if (s->c == CHECKER_SET)
			s->there[o->key][o->value] = true;
		else
			o->value = ++*v;
		break;
	case CHECK_CONTAINS:
		o->arg = s->there[o->key][o->value];
		break;
	case CHECK_PUSH:
		s->items[o->key][s->tail[o->key]++] = o->value;
		break;
	case CHECK_POP:
		if (s->head[o->key] < s->tail[o->key])
			o->value = s->items[o->key][s->head[o->key]++];
		break;
	case CHECK_ACQUIRE:
		if (s->c == CHECKER_TOKEN)
			o->value = ++*v;
		else if (*v == CHECK_NIL)
			*v = o->value;
		else
			o->outcome = CHECK_FAIL;
		break;
	case CHECK_RELEASE:
		if (*v == CHECK_NIL)
			o->outcome = CHECK_FAIL;
		o->value = *v == CHECK_NIL ? 0 : *v;
		*v = CHECK_NIL;
		break;
	case CHECK_EXPIRE:
		break;
	}
}

static bool counts(enum checker c)
{
	return c == CHECKER_COUNTER || c == CHECKER_TOKEN || c == CHECKER_FENCE ||
	       c == CHECKER_AGREE;
}

static void simulate(struct sim *s, enum checker c, uint64_t seed)
{
	int64_t now[PROCESSES] = {0};
	size_t order[N];

	*s = (struct sim){.rng = rng__fork(seed, c), .c = c, .n = N};
	for (size_t k = 0; k < KEYS; k++)
		s->value[k] = counts(c) ? 0 : CHECK_NIL;
	for (size_t i = 0; i < N; i++) {
		struct check_op *o = &s->ops[i];
		size_t p = rng__below(&s->rng, PROCESSES);

		o->process = (int32_t)p;
		o->invoke_ns = now[p] + upto(s, 20);
		s->at[i] = o->invoke_ns + upto(s, 10);
		o->complete_ns = s->at[i] + upto(s, 10);
		now[p] = o->complete_ns + 1;
		order[i] = i;
		ask(s, i);
	}
	for (size_t i = 1; i < N; i++)
		for (size_t k = i; k && s->at[order[k]] < s->at[order[k - 1]]; k--) {
			size_t t = order[k];

			order[k] = order[k - 1];
			order[k - 1] = t;
		}
	for (size_t i = 0; i < N; i++) {
		struct check_op *o = &s->ops[order[i]];

		answer(s, o);
		/* Locks would never be had again, and most values never be known. */
		if (o->outcome != CHECK_OK || c == CHECKER_LOCK || !chance(s, 2))
			continue;
		o->outcome = CHECK_UNKNOWN;
		if (o->kind == CHECK_POP)
			o->value = CHECK_NIL;
	}
}

/* ---- plants: each returns the index of the wrong answer ---- */

static size_t last(const struct sim *s, enum check_kind kind, uint32_t key)
{
	size_t i = s->n;

	while (i-- > 0)
		if (s->ops[i].kind == kind && s->ops[i].outcome == CHECK_OK && s->ops[i].key == key)
			return i;
	fail_msg("no such operation");
	return 0;
}

/* The first by completion that satisfies what plants need: a value to come back much later. */
static size_t first(const struct sim *s, enum check_kind kind, uint32_t key)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->ops[i].kind == kind && s->ops[i].outcome == CHECK_OK &&
		    s->ops[i].key == key && s->ops[i].value != CHECK_NIL)
			return i;
	fail_msg("no such operation");
	return 0;
}

static size_t add(struct sim *s, struct check_op o)
{
	s->ops[s->n] = o;
	return s->n++;
}

static size_t plant(struct sim *s)
{
	uint32_t key = (uint32_t)rng__below(&s->rng, KEYS);
	struct check_op o = {.process = PROCESSES, .key = key};
	size_t i = 0, k;

	switch (s->c) {
	case CHECKER_REGISTER:
	case CHECKER_CAS: /* what it was in the beginning */
		i = last(s, CHECK_READ, key);
		k = first(s, s->c == CHECKER_CAS ? CHECK_CAS : CHECK_WRITE, key);
		s->ops[i].value = s->ops[k].value;
		break;
	case CHECKER_COUNTER: /* more missing than can be on their way at one time */
		i = last(s, CHECK_READ, key);
		s->ops[i].value -= 3 * PROCESSES;
		break;
	case CHECKER_SET: /* one of those that are there */
		i = last(s, CHECK_CONTAINS, key);
		s->ops[i].value = s->ops[first(s, CHECK_ADD, key)].value;
		s->ops[i].arg = 0;
		break;
	case CHECKER_QUEUE:
	case CHECKER_FIFO: /* a value once more */
		k = first(s, CHECK_POP, key);
		o.kind = CHECK_POP;
		o.value = s->ops[k].value;
		o.invoke_ns = o.complete_ns = s->ops[k].complete_ns + 200;
		i = add(s, o);
		break;
	case CHECKER_LOCK: /* had and given back while somebody else has it */
		for (k = 0; k < N; k++) {
			const struct check_op *a = &s->ops[k];
			size_t r = 0;

			if (a->kind != CHECK_ACQUIRE || a->outcome != CHECK_OK)
				continue;
			while (r < N &&
			       (s->ops[r].kind != CHECK_RELEASE || s->ops[r].outcome != CHECK_OK ||
				s->ops[r].value != a->value || s->ops[r].key != a->key))
				r++;
			if (r == N || s->ops[r].invoke_ns < a->complete_ns + 4)
				continue;
			o.key = a->key;
			o.kind = CHECK_ACQUIRE;
			o.value = N;
			o.invoke_ns = o.complete_ns = a->complete_ns + 1;
			i = add(s, o);
			o.kind = CHECK_RELEASE;
			o.invoke_ns = o.complete_ns = a->complete_ns + 3;
			add(s, o);
			break;
		}
		assert_true(k < N);
		break;
	case CHECKER_TOKEN:
	case CHECKER_FENCE:
		i = last(s, s->c == CHECKER_TOKEN ? CHECK_ACQUIRE : CHECK_WRITE, key);
		s->ops[i].value -= 3 * PROCESSES;
		break;
	case CHECKER_AGREE:
		i = last(s, CHECK_READ, key);
		s->ops[i].value = 77;
		break;
	case CHECKER_COUNT:
		break;
	}
	return i;
}

/* ---- what is expected ---- */

static bool violates(enum checker c, const struct check_op *ops, size_t n)
{
	struct check_result res = {0};
	bool r;

	assert_int_equal(0, check__history(c, ops, n, NULL, NULL, &res, NULL));
	r = res.verdict == CHECK_VIOLATION;
	check_result__free(&res);
	return r;
}

static void assert_least(const struct sim *s, const struct check_result *res)
{
	static struct check_op own[ROOM], relaxed[ROOM];
	static bool keep[ROOM];
	uint32_t key = s->ops[res->witness[0]].key;
	size_t at[ROOM], n = 0, m;

	for (size_t i = 0; i < s->n; i++) {
		at[i] = n;
		if (s->ops[i].key == key)
			own[n++] = s->ops[i];
	}
	memset(keep, 0, sizeof(keep));
	for (size_t i = 0; i < res->n_witness; i++)
		keep[at[res->witness[i]]] = true;
	m = check__relax(s->c, own, n, keep, relaxed);
	assert_true(violates(s->c, relaxed, m));
	if (m <= 14)
		assert_false(exhaustive__holds(s->c, relaxed, m));
	for (size_t i = 0; i < res->n_witness; i++) {
		keep[at[res->witness[i]]] = false;
		m = check__relax(s->c, own, n, keep, relaxed);
		assert_false(violates(s->c, relaxed, m));
		keep[at[res->witness[i]]] = true;
	}
}

static void planted(void **state)
{
	enum checker c = *(enum checker *)*state;
	struct sim *s = calloc(1, sizeof(*s));
	size_t most = 0;

	assert_non_null(s);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct check_result res = {0};
		bool in = false;
		size_t wrong;

		simulate(s, c, seed);
		assert_int_equal(0, check__history(c, s->ops, s->n, NULL, NULL, &res, NULL));
		if (res.verdict != CHECK_PASS)
			print_message("seed %" PRIu64 ": %s\n", seed, res.words);
		assert_int_equal(CHECK_PASS, res.verdict);
		assert_int_equal(KEYS, res.keys);
		assert_int_equal(0, res.n_witness);
		wrong = plant(s);
		assert_int_equal(0, check__history(c, s->ops, s->n, NULL, NULL, &res, NULL));
		assert_int_equal(CHECK_VIOLATION, res.verdict);
		assert_int_equal(1, res.keys_bad);
		assert_true(res.whole);
		for (size_t i = 0; i < res.n_witness; i++)
			in |= res.witness[i] == wrong;
		if (!in)
			print_message("seed %" PRIu64 ": %s\n", seed, res.words);
		assert_true(in);
		assert_least(s, &res);
		most = res.n_witness > most ? res.n_witness : most;
		if (seed == SEEDS)
			print_message("%s\n", res.words);
		check_result__free(&res);
	}
	print_message("at most %zu operations show it\n", most);
	free(s);
}

#define CHECKER(c)                                                   \
	{                                                            \
		"planted: " #c, planted, NULL, NULL, &(enum checker) \
		{                                                    \
			CHECKER_##c                                  \
		}                                                    \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CHECKER(REGISTER), CHECKER(CAS), CHECKER(LOCK),	 CHECKER(COUNTER), CHECKER(QUEUE),
		CHECKER(FIFO),	   CHECKER(SET), CHECKER(TOKEN), CHECKER(FENCE),   CHECKER(AGREE),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
