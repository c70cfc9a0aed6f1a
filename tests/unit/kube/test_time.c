// SPDX-License-Identifier: GPL-2.0-only
/* Another's clock by its whole seconds, and the times between tries. */
#include "kube/backoff.h"
#include "kube/skew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define T0 (1000 * NS_PER_S) /* our monotonic clock */

/*
 * An answer of a server whose clock is ahead of our monotonic one by @ahead_ns; read in the middle of the round trip.
 */
static void ask(struct skew *s, int64_t at_ns, int64_t trip_ns, int64_t ahead_ns)
{
	skew__add(s, at_ns, at_ns + trip_ns, (at_ns + trip_ns / 2 + ahead_ns) / NS_PER_S);
}

static void test_one_answer(void **state)
{
	int64_t lo = 7, hi = 8, ahead = 5000 * NS_PER_S + 300 * NS_PER_MS;
	struct skew s = {0};

	(void)state;
	assert_false(skew__get(&s, T0, &lo, &hi));
	assert_int_equal(lo, 7);
	ask(&s, T0, 10 * NS_PER_MS, ahead);
	assert_true(skew__get(&s, T0 + 10 * NS_PER_MS, &lo, &hi));
	assert_int_equal(hi - lo, NS_PER_S + 10 * NS_PER_MS);
	assert_true(lo <= -ahead && -ahead <= hi);
}

static void test_many_answers(void **state)
{
	int64_t lo, hi, ahead = -3 * NS_PER_S + 123456789;
	struct skew s = {0};

	(void)state;
	/* Every 1.037 s: the phases of the second are gone through, so the round trip is what is left. */
	for (int i = 0; i < 200; i++) {
		int64_t at = T0 + i * 1037 * NS_PER_MS;

		ask(&s, at, 4 * NS_PER_MS, ahead);
		assert_true(skew__get(&s, at + 4 * NS_PER_MS, &lo, &hi));
		assert_true(lo <= -ahead && -ahead <= hi);
	}
	/* 4 ms, a step of the phase (37 ms at most), and the drift of 28 s, in which all phases were had. */
	assert_true(hi - lo < 50 * NS_PER_MS);
	assert_true(skew__get(&s, s.at_ns + 1000 * NS_PER_S, &lo, &hi));
	assert_int_equal(hi - lo, s.hi_ns - s.lo_ns + 2 * 100 * NS_PER_MS);
}

static void test_steps(void **state)
{
	struct skew s = {0}, before;
	int64_t lo, hi;

	(void)state;
	ask(&s, T0, NS_PER_MS, 0);
	/* The server's clock is set forward by an hour. */
	ask(&s, T0 + NS_PER_S, NS_PER_MS, 3600 * NS_PER_S);
	assert_true(skew__get(&s, T0 + NS_PER_S, &lo, &hi));
	assert_true(lo <= -3600 * NS_PER_S && -3600 * NS_PER_S <= hi);
	assert_true(hi - lo <= NS_PER_S + NS_PER_MS);
	/* What cannot be changes nothing. */
	before = s;
	skew__add(&s, T0 + 10, T0, 5);
	skew__add(&s, T0, T0 + 10, -5);
	skew__add(&s, T0, T0 + 10, INT64_MAX);
	assert_memory_equal(&before, &s, sizeof(s));
}

static void test_backoff(void **state)
{
	int64_t bound = BACKOFF_FIRST_NS, sum = 0, most = 0;
	struct backoff b = {.rng = {.state = 1}};

	(void)state;
	for (int i = 0; i < 40; i++) {
		int64_t ns = backoff__next(&b);

		assert_true(ns >= BACKOFF_LEAST_NS && ns <= bound);
		bound = bound * 2 < BACKOFF_MAX_NS ? bound * 2 : BACKOFF_MAX_NS;
	}
	/* At the top: all of it is used, evenly. */
	for (int i = 0; i < 1000; i++) {
		int64_t ns = backoff__next(&b);

		sum += ns;
		most = ns > most ? ns : most;
	}
	assert_true(most > BACKOFF_MAX_NS / 10 * 9);
	assert_true(sum / 1000 > BACKOFF_MAX_NS / 10 * 4 && sum / 1000 < BACKOFF_MAX_NS / 10 * 6);
	backoff__ease(&b);
	assert_true(backoff__next(&b) <= BACKOFF_FIRST_NS << 4);
	backoff__reset(&b);
	backoff__ease(&b);
	assert_true(backoff__next(&b) <= BACKOFF_FIRST_NS);
	for (int i = 0; i < 100; i++) {
		int64_t ns = backoff__between(&b, 5, 7);

		assert_true(ns >= 5 && ns <= 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_answer),
		cmocka_unit_test(test_many_answers),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
