// SPDX-License-Identifier: GPL-2.0-only
/* What is no ordinary history: none, only open ends, equal instants, clocks that go back, values
 * and times at their limits, and more than the search is let hold. */
#include "check/check.h"
#include "lib/cleanup.h"
#include "lib/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OP(k, from, to, v, ...)                                                            \
	{                                                                                  \
		.kind = CHECK_##k, .invoke_ns = (from), .complete_ns = (to), .value = (v), \
		__VA_ARGS__                                                                \
	}
#define OPEN .outcome = CHECK_UNKNOWN

static struct check_result res;
static struct error err;

static enum check_verdict verdict(enum checker c, const struct check_op *ops, size_t n)
{
	check_result__free(&res);
	res = (struct check_result){0};
	assert_int_equal(0, check__history(c, ops, n, NULL, NULL, &res, &err));
	return res.verdict;
}

#define VERDICT(c, ops) verdict(CHECKER_##c, ops, ARRAY_SIZE(ops))

static int forget(void **state)
{
	(void)state;
	check_result__free(&res);
	res = (struct check_result){0};
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	for (enum checker c = 0; c < CHECKER_COUNT; c++) {
		assert_int_equal(CHECK_PASS, verdict(c, NULL, 0));
		assert_int_equal(0, res.keys);
		assert_int_equal(0, res.violations);
		assert_null(res.words);
	}
}

static void test_only_unanswered(void **state)
{
	const struct check_op reg[] = {OP(WRITE, 0, 1, 1, OPEN), OP(READ, 2, 3, 9, OPEN)};
	const struct check_op cas[] = {OP(CAS, 0, 1, 1, .arg = 7, OPEN), OP(WRITE, 0, 1, 1, OPEN)};
	const struct check_op queue[] = {OP(PUSH, 0, 1, 1, OPEN), OP(POP, 0, 0, CHECK_NIL, OPEN)};
	const struct check_op lock[] = {OP(ACQUIRE, 0, 1, 1, OPEN), OP(ACQUIRE, 0, 1, 2, OPEN),
					OP(RELEASE, 5, 5, 8, OPEN)};
	const struct check_op count[] = {OP(ADD, 0, 1, CHECK_NIL, .arg = 1, OPEN)};
	const struct check_op set[] = {OP(ADD, 0, 1, 1, OPEN), OP(CONTAINS, 2, 3, 1, OPEN)};

	(void)state;
	assert_int_equal(CHECK_PASS, VERDICT(REGISTER, reg));
	assert_int_equal(CHECK_PASS, VERDICT(CAS, cas));
	assert_int_equal(CHECK_PASS, VERDICT(FIFO, queue));
	assert_int_equal(CHECK_PASS, VERDICT(LOCK, lock));
	assert_int_equal(CHECK_PASS, VERDICT(COUNTER, count));
	assert_int_equal(CHECK_PASS, VERDICT(SET, set));
}

/* What happens at one instant may be in either order; one nanosecond settles it. */
static void test_equal_instants(void **state)
{
	struct check_op ops[] = {OP(WRITE, 5, 5, 1), OP(READ, 5, 5, CHECK_NIL), OP(READ, 5, 5, 1)};
	struct check_op none[] = {OP(PUSH, 5, 5, 1), OP(POP, 5, 5, CHECK_NIL)};

	(void)state;
	assert_int_equal(CHECK_PASS, VERDICT(REGISTER, ops));
	assert_int_equal(CHECK_PASS, VERDICT(CAS, ops));
	ops[1].invoke_ns = ops[1].complete_ns = 6;
	assert_int_equal(CHECK_VIOLATION, VERDICT(REGISTER, ops));
	assert_int_equal(CHECK_VIOLATION, VERDICT(CAS, ops));
	assert_int_equal(CHECK_PASS, VERDICT(FIFO, none));
	none[1].invoke_ns = none[1].complete_ns = 6;
	assert_int_equal(CHECK_VIOLATION, VERDICT(FIFO, none));
}

static void refused(enum checker c, struct check_op op, const char *words)
{
	struct check_result none = {0};
	struct check_op ops[] = {op, op};

	ops[0].complete_ns = ops[0].invoke_ns = 0;
	ops[0].value = 1;
	ops[0].kind = c == CHECKER_QUEUE ? CHECK_PUSH : CHECK_WRITE;
	ops[0].outcome = CHECK_OK;
	assert_int_equal(-EINVAL, check__history(c, ops, 2, NULL, NULL, &none, &err));
	assert_string_equal(words, err.msg);
	assert_null(none.witness);
}

static void test_refused(void **state)
{
	(void)state;
	refused(CHECKER_REGISTER, (struct check_op)OP(READ, 9, 8, 1),
		"operation 1: it completed before it was invoked; did a clock go backwards?");
	refused(CHECKER_REGISTER, (struct check_op)OP(READ, 9, 8, 1, OPEN),
		"operation 1: it completed before it was invoked; did a clock go backwards?");
	refused(CHECKER_REGISTER, (struct check_op)OP(WRITE, 8, 9, CHECK_NIL),
		"operation 1: it has no value");
	refused(CHECKER_REGISTER, (struct check_op)OP(PUSH, 8, 9, 1),
		"operation 1: a register has no such operation");
	refused(CHECKER_QUEUE, (struct check_op)OP(READ, 8, 9, 1),
		"operation 1: a queue has no such operation");
	refused(CHECKER_CAS, (struct check_op)OP(READ, INT64_MIN, 9, 1),
		"operation 1: its time is out of range");
	refused(CHECKER_CAS, (struct check_op)OP(READ, 0, INT64_MAX, 1),
		"operation 1: its time is out of range");
	refused(CHECKER_CAS, (struct check_op)OP(READ, 0, 1, 1, .outcome = 7),
		"operation 1: a cas has no such operation");
	refused(CHECKER_CAS, (struct check_op){.kind = 15},
		"operation 1: a cas has no such operation");
}

static void test_limits(void **state)
{
	const int64_t end = CHECK_T_MAX, max = INT64_MAX;
	const struct check_op reg[] = {OP(WRITE, -end, end, max, .key = CHECK_KEYS - 1),
				       OP(WRITE, -end, -end, -max, .key = CHECK_KEYS - 1),
				       OP(READ, end, end, max, .key = CHECK_KEYS - 1)};
	const struct check_op count[] = {OP(ADD, 0, 1, CHECK_NIL, .arg = INT64_MAX),
					 OP(ADD, 2, 3, CHECK_NIL, .arg = INT64_MAX),
					 OP(READ, 4, 5, -2)};
	const struct check_op low[] = {OP(ADD, 0, 1, INT64_MAX, .arg = 1), OP(READ, 4, 5, -7)};
	const struct check_op queue[] = {OP(PUSH, -end, -end, -max), OP(POP, end, end, CHECK_NIL),
					 OP(POP, end, end, max)};

	(void)state;
	assert_int_equal(CHECK_PASS, VERDICT(REGISTER, reg));
	assert_int_equal(CHECK_PASS, VERDICT(CAS, reg));
	assert_int_equal(CHECK_PASS, VERDICT(COUNTER, count)); /* it wraps, as they do */
	assert_int_equal(CHECK_VIOLATION, VERDICT(COUNTER, low));
	assert_int_equal(CHECK_VIOLATION, VERDICT(FIFO, queue));
	assert_int_equal(2, res.violations);
}

/* Keys are apart: what would be a violation on one is none on two. */
static void test_keys(void **state)
{
	struct check_op ops[] = {OP(WRITE, 0, 1, 1, .key = 4), OP(WRITE, 2, 3, 2, .key = 9),
				 OP(READ, 4, 5, 1, .key = 4), OP(READ, 6, 7, 1, .key = 9)};

	(void)state;
	assert_int_equal(CHECK_VIOLATION, VERDICT(REGISTER, ops));
	assert_int_equal(2, res.keys);
	assert_int_equal(1, res.keys_bad);
	assert_int_equal(1, res.n_witness);
	assert_int_equal(3, res.witness[0]);
	ops[3].value = 2;
	assert_int_equal(CHECK_PASS, VERDICT(REGISTER, ops));
}

/* A value written twice is for the search; the answer is the same. */
static void test_written_twice(void **state)
{
	struct check_op ops[] = {OP(WRITE, 0, 1, 1), OP(WRITE, 2, 3, 2), OP(WRITE, 4, 5, 1),
				 OP(READ, 6, 7, 1)};

	(void)state;
	assert_int_equal(CHECK_PASS, VERDICT(REGISTER, ops));
	ops[3].value = 2;
	assert_int_equal(CHECK_VIOLATION, VERDICT(REGISTER, ops));
	assert_int_equal(3, res.n_witness);
	assert_true(res.whole);
}

#define MANY 300

/* Which sum of thirty different amounts it was: past any bound. It is never called a pass. */
static void test_bounds(void **state)
{
	static struct check_op ops[MANY];
	const struct check_limits few = {.configs = 100}, quick = {.steps = 100};
	size_t n = 30;

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		ops[i] = (struct check_op)OP(ADD, 0, 1, CHECK_NIL, .arg = 1LL << (i % 60), OPEN);
	ops[n++] = (struct check_op)OP(READ, 2, 3, 1LL << 40);
	forget(NULL);
	assert_int_equal(0, check__history(CHECKER_COUNTER, ops, n, &few, NULL, &res, &err));
	assert_int_equal(CHECK_OPEN, res.verdict);
	assert_string_equal("bound reached: too many configurations to hold", res.reason);
	forget(NULL);
	assert_int_equal(0, check__history(CHECKER_COUNTER, ops, n, &quick, NULL, &res, &err));
	assert_int_equal(CHECK_OPEN, res.verdict);
	assert_string_equal("bound reached: too many orders to try", res.reason);
	ops[n - 1] = ops[0];
	ops[MANY - 1] = (struct check_op)OP(READ, 2, 3, 1);
	assert_int_equal(CHECK_OPEN, verdict(CHECKER_COUNTER, ops, MANY));
	assert_string_equal("bound reached: too many operations open at one time", res.reason);
}

static void test_pushed_twice(void **state)
{
	const struct check_op ops[] = {OP(PUSH, 0, 1, 1), OP(PUSH, 2, 3, 1), OP(POP, 4, 5, 1)};

	(void)state;
	assert_int_equal(CHECK_OPEN, VERDICT(FIFO, ops));
	assert_non_null(res.reason);
}

/* Hundreds without an answer, as a cut leaves them, are no burden where nobody saw them. */
static void test_many_unanswered(void **state)
{
	static struct check_op ops[4 * MANY];
	size_t n = 0;

	(void)state;
	for (int64_t i = 0; i < MANY; i++) {
		ops[n++] =
			(struct check_op)OP(CAS, 10 * i, 10 * i + 1, 2 * i, .arg = CHECK_NIL, OPEN);
		ops[n++] = (struct check_op)OP(READ, 10 * i, 10 * i + 1, CHECK_NIL);
	}
	assert_int_equal(CHECK_PASS, verdict(CHECKER_CAS, ops, n));
	ops[n - 1].value = 2 * 3; /* one of them did happen */
	assert_int_equal(CHECK_PASS, verdict(CHECKER_CAS, ops, n));
	ops[n++] = (struct check_op)OP(READ, 1000000, 1000001, CHECK_NIL);
	assert_int_equal(CHECK_VIOLATION, verdict(CHECKER_CAS, ops, n));
}

#define S 1000000000LL

static void says(enum checker c, const struct check_op *ops, size_t n, const char *words)
{
	assert_int_equal(CHECK_VIOLATION, verdict(c, ops, n));
	assert_string_equal(words, res.words);
}

#define SAYS(c, ops, words) says(CHECKER_##c, ops, ARRAY_SIZE(ops), words)

static void test_words(void **state)
{
	const struct check_op stale[] = {OP(WRITE, S, 2 * S, 4, .process = 1),
					 OP(WRITE, 3 * S, 4 * S, 7, .process = 1),
					 OP(READ, 5 * S, 6 * S, 4, .process = 2)};
	const struct check_op swaps[] = {OP(WRITE, S, 2 * S, 4),
					 OP(CAS, 3 * S, 4 * S, 5, .arg = 4, .process = 1),
					 OP(CAS, 3 * S, 5 * S, 6, .arg = 4, .process = 2)};
	const struct check_op lost[] = {OP(PUSH, S, 2 * S, 4), OP(POP, 3 * S, 4 * S, CHECK_NIL)};
	const struct check_op order[] = {OP(PUSH, S, 2 * S, 4), OP(PUSH, 3 * S, 4 * S, 5),
					 OP(POP, 5 * S, 6 * S, 5), OP(POP, 7 * S, 8 * S, 4)};
	const struct check_op held[] = {OP(ACQUIRE, S, 2 * S, 1, .process = 1),
					OP(EXPIRE, 9 * S, 9 * S, 1, OPEN, .process = 1),
					OP(ACQUIRE, 3 * S, 4 * S, 2, .process = 2)};
	const struct check_op fence[] = {OP(WRITE, S, 2 * S, 34, .process = 2),
					 OP(WRITE, 3 * S, 4 * S, 33, .process = 1)};
	const struct check_op late[] = {OP(WRITE, S, 9 * S, 33, .arg = 2, .process = 1),
					OP(WRITE, 3 * S, 4 * S, 34, .arg = 1, .process = 2)};
	const struct check_op twice[] = {OP(ADD, S, 2 * S, CHECK_NIL, .arg = 1),
					 OP(READ, 3 * S, 4 * S, 2, .process = 1),
					 OP(ADD, 5 * S, 6 * S, CHECK_NIL, .arg = 1)};

	(void)state;
	SAYS(COUNTER, twice,
	     "read of key 0 by c1 at 4.000 s returned 2, but only 1 add had begun when it ended");
	SAYS(REGISTER, stale,
	     "read of key 0 by c2 at 6.000 s returned 4, but 7 had been acknowledged at 4.000 s "
	     "and "
	     "nothing wrote 4 after it");
	SAYS(CAS, swaps,
	     "two compare-and-sets of key 0 from 4 succeeded, though it was that only once: c1 "
	     "changed 4 to 5 at 4.000 s, c2 changed 4 to 6 at 5.000 s");
	SAYS(QUEUE, lost,
	     "4 was lost: c0 pushed 4 at 2.000 s, nobody popped it, and c0 popped nothing at "
	     "4.000 s");
	SAYS(FIFO, order,
	     "out of order: c0 pushed 4 at 2.000 s and c0 pushed 5 at 4.000 s, but c0 popped 5 at "
	     "6.000 s, and c0 popped 4 at 8.000 s");
	SAYS(LOCK, held,
	     "two held key 0 at one time: c1 acquired it (1) at 2.000 s and c2 acquired it (2) at "
	     "4.000 s, but the first ran out only from 9.000 s on");
	SAYS(FENCE, fence,
	     "token 33 was accepted from c1 at 4.000 s after 34 had been accepted from c2 at "
	     "2.000 s");
	SAYS(FENCE, late,
	     "token 33 was accepted from c1 at 9.000 s after 34 had been accepted from c2 at "
	     "4.000 s");
}

/* The order is what the resource says, not what the times allow: against all pairs. */
static void test_places(void **state)
{
	struct rng rng = rng__fork(7, 1);
	struct check_op ops[8];

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t n = 1 + (size_t)rng__below(&rng, 8);
		bool bad = false;

		for (size_t i = 0; i < n; i++) {
			int64_t at = (int64_t)rng__below(&rng, 20);
			int64_t token = (int64_t)rng__below(&rng, 3) + (int64_t)i;
			struct check_op o =
				OP(WRITE, at * S, (at + token) * S, token, .arg = (int64_t)i + 1);

			ops[i] = o;
			for (size_t j = 0; j < i; j++)
				bad |= token < ops[j].value;
		}
		/* Where they stand in the history means nothing. */
		for (size_t i = n; i > 1; i--) {
			size_t j = (size_t)rng__below(&rng, i);
			struct check_op o = ops[i - 1];

			ops[i - 1] = ops[j];
			ops[j] = o;
		}
		assert_int_equal(bad ? CHECK_VIOLATION : CHECK_PASS,
				 verdict(CHECKER_FENCE, ops, n));
		assert_int_equal(bad ? 2 : 0, res.n_witness);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),	       cmocka_unit_test(test_only_unanswered),
		cmocka_unit_test(test_equal_instants), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),	       cmocka_unit_test(test_keys),
		cmocka_unit_test(test_written_twice),  cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_pushed_twice),   cmocka_unit_test(test_many_unanswered),
		cmocka_unit_test(test_words),	       cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
