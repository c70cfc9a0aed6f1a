// SPDX-License-Identifier: GPL-2.0-only
/* When clients act: schedules, thinking, retries, budgets, keys. */
#include "lib/clock.h"
#include "recorder/load_plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENTS 7
#define N 20000

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* @n first arrivals of all clients together, in order; asserts that no intent is there twice. */
static int64_t *arrivals(const struct pacing *how, uint64_t seed, size_t per_client)
{
	int64_t *v = calloc(per_client * CLIENTS, sizeof(*v));
	bool *seen = calloc(per_client * CLIENTS, sizeof(*seen));
	size_t n = 0;

	assert_non_null(v);
	assert_non_null(seen);
	for (unsigned int c = 0; c < CLIENTS; c++) {
		struct pace p;
		int64_t last = INT64_MIN;

		pace__init(&p, seed, c);
		for (size_t i = 0; i < per_client; i++) {
			uint64_t intent;

			v[n] = pace__next(&p, how, c, how->start_ns, &intent);
			assert_true(v[n] >= last);
			last = v[n++];
			assert_true(intent < per_client * CLIENTS && !seen[intent]);
			seen[intent] = true;
		}
	}
	free(seen);
	qsort(v, n, sizeof(*v), by_value);
	return v;
}

static void test_even(void **state)
{
	struct pacing how = {.rate_per_s = 500, .clients = CLIENTS, .start_ns = 12345};
	int64_t *v = arrivals(&how, 1, 1000);

	(void)state;
	for (int64_t i = 0; i < (int64_t)1000 * CLIENTS; i++)
		assert_in_range(v[i] - i * 2 * NS_PER_MS, 12345 - 1, 12345); /* cut to whole ns */
	free(v);
}

/* Counts in equal bins have the rate as their mean, and as their variance. */
static void test_poisson(void **state)
{
	struct pacing how = {
		.rate_per_s = 1000, .poisson = true, .clients = CLIENTS, .start_ns = 5 * NS_PER_S};
	size_t per_client = N / CLIENTS, bins = 300, counts[300] = {0}, i = 0;
	int64_t *v = arrivals(&how, 1, per_client), bin = 50 * NS_PER_MS;
	double sum = 0, squares = 0, mean, fano;

	(void)state;
	for (size_t b = 0; b < bins; b++)
		for (; v[i] < how.start_ns + (int64_t)(b + 1) * bin; i++)
			counts[b]++;
	for (size_t b = 0; b < bins; b++) {
		sum += (double)counts[b];
		squares += (double)counts[b] * (double)counts[b];
	}
	mean = sum / (double)bins;
	fano = (squares / (double)bins - mean * mean) / mean;
	/* 300 bins of 50: the mean has a standard error of 0.4, the Fano factor one of sqrt(2/300) = 0.08 */
	assert_true(fabs(mean - 50) < 2);
	assert_true(fabs(fano - 1) < 0.33);
	free(v);
}

static void test_think(void **state)
{
	struct pacing how = {.mode = LOAD_CLOSED, .think_ns = 5400 * NS_PER_MS, .clients = 1};
	double sum = 0, squares = 0, mean;
	uint64_t intent;
	struct pace p;

	(void)state;
	pace__init(&p, 3, 0);
	for (int i = 0; i < N; i++) {
		int64_t t = pace__next(&p, &how, 0, NS_PER_S, &intent) - NS_PER_S;

		assert_true(t >= 0);
		assert_int_equal(intent, i);
		sum += (double)t / NS_PER_S;
		squares += (double)t / NS_PER_S * (double)t / NS_PER_S;
	}
	mean = sum / N;
	/* standard error of the mean: 5.4 / sqrt(20000) = 0.038; the standard deviation is the mean's */
	assert_true(fabs(mean - 5.4) < 4 * 0.038);
	assert_true(fabs(sqrt(squares / N - mean * mean) - 5.4) < 0.3);
	how.think_ns = 0;
	assert_int_equal(pace__next(&p, &how, 0, 77, &intent), 77);
}

/* Equal seeds, equal times; other seeds and other clients, others. */
static void test_seeds(void **state)
{
	struct pacing how = {.mode = LOAD_CLOSED, .think_ns = NS_PER_S, .clients = 2};
	struct pace a, b, c, d;
	uint64_t intent;
	int64_t first;

	(void)state;
	pace__init(&a, 1, 0);
	pace__init(&b, 1, 0);
	pace__init(&c, 1, 1);
	pace__init(&d, 2, 0);
	first = pace__next(&a, &how, 0, 0, &intent);
	assert_int_equal(first, pace__next(&b, &how, 0, 0, &intent));
	assert_int_not_equal(first, pace__next(&c, &how, 1, 0, &intent));
	assert_int_not_equal(first, pace__next(&d, &how, 0, 0, &intent));
}

static void test_no_overflow(void **state)
{
	struct pacing how = {.rate_per_s = 1e-9, .clients = CLIENTS, .start_ns = NS_PER_S};
	struct pace p;
	uint64_t intent;

	(void)state;
	for (int poisson = 0; poisson < 2; poisson++) {
		how.poisson = poisson;
		pace__init(&p, 1, 6);
		for (int i = 0; i < 100; i++)
			assert_true(pace__next(&p, &how, 6, 0, &intent) >= NS_PER_S);
	}
}

static void test_retry(void **state)
{
	struct rng r = rng__fork(1, 1);
	struct retry t = {.policy = RETRY_IMMEDIATE,
			  .delay_ns = 2 * NS_PER_S,
			  .base_ns = 100 * NS_PER_MS,
			  .cap_ns = 10 * NS_PER_S};

	(void)state;
	for (unsigned int k = 0; k < 1000; k += 100)
		assert_int_equal(retry__delay_ns(&t, k, &r), 0);
	t.policy = RETRY_FIXED;
	for (unsigned int k = 0; k < 1000; k += 100)
		assert_int_equal(retry__delay_ns(&t, k, &r), 2 * NS_PER_S);
	t.policy = RETRY_EXPONENTIAL;
	for (unsigned int k = 0; k < 2000; k++)
		assert_int_equal(retry__delay_ns(&t, k, &r),
				 k < 7 ? 100 * NS_PER_MS << k : 10 * NS_PER_S);
	/* uniform over 0 to what exponential is: bounds, mean, and a tenth in each tenth */
	t.policy = RETRY_FULL_JITTER;
	for (unsigned int k = 0; k < 10; k += 3) {
		double top = k < 7 ? 0.1 * (1 << k) : 10, sum = 0;
		int tenths[10] = {0};

		for (int i = 0; i < N; i++) {
			double x = (double)retry__delay_ns(&t, k, &r) / NS_PER_S;

			assert_true(x >= 0 && x < top);
			sum += x;
			tenths[(int)(x / top * 10)]++;
		}
		assert_true(fabs(sum / N / top - 0.5) < 0.01); /* 5 standard errors */
		for (int i = 0; i < 10; i++)
			assert_in_range(tenths[i], N / 10 - 220, N / 10 + 220);
	}
}

/* Never more retries than the share of operations, nor a burst above the bucket. */
static void test_budget(void **state)
{
	struct retry_budget b = {0};
	struct rng r = rng__fork(1, 2);
	int operations = 0, retries = 0, burst = 0;

	(void)state;
	assert_false(budget__take(&b, 0.1));
	for (int i = 0; i < N; i++) {
		operations++;
		budget__deposit(&b, 0.1);
		for (uint64_t k = rng__below(&r, 3); k; k--)
			retries += budget__take(&b, 0.1);
		assert_true(retries <= operations / 10);
	}
	/* all of it was used */
	assert_true(retries >= N / 10 - BUDGET_TOKENS);
	for (int i = 0; i < 1000; i++)
		budget__deposit(&b, 0.1);
	while (budget__take(&b, 0.1))
		burst++;
	assert_int_equal(burst, BUDGET_TOKENS);
	/* no bound */
	for (int i = 0; i < 100; i++)
		assert_true(budget__take(&b, 0));
}

static void test_keys(void **state)
{
	struct rng r = rng__fork(1, 3);
	struct keyspace k;
	int counts[4] = {0};
	double sum = 1 + 1 / 2. + 1 / 3. + 1 / 4.;

	(void)state;
	assert_int_equal(0, keyspace__init(&k, 4, 0));
	for (int i = 0; i < N; i++)
		counts[keyspace__draw(&k, &r)]++;
	for (int i = 0; i < 4; i++)
		assert_in_range(counts[i], N / 4 - 300, N / 4 + 300);
	keyspace__reset(&k);
	assert_int_equal(0, keyspace__init(&k, 4, 1));
	memset(counts, 0, sizeof(counts));
	for (int i = 0; i < N; i++)
		counts[keyspace__draw(&k, &r)]++;
	for (int i = 0; i < 4; i++)
		assert_true(fabs(counts[i] - N / sum / (i + 1)) < 300);
	keyspace__reset(&k);
	assert_int_equal(0, keyspace__init(&k, 1, 5));
	assert_int_equal(keyspace__draw(&k, &r), 0);
	keyspace__reset(&k);
}

/* Processes that share a workload number alike by client; who begins late begins with what is due then. */
static void numbers_of_a_shared_workload(void **state)
{
	struct pacing how = {.mode = LOAD_OPEN,
			     .rate_per_s = 100,
			     .clients = 4,
			     .start_ns = 1000,
			     .first = 1 << 20};
	struct pace p;
	uint64_t intent;
	int64_t due;

	(void)state;
	assert_int_equal(pacing__number(&how, 0, 3), (4ULL << 20) + 3);
	for (unsigned int client = 0; client < 4; client++) {
		pace__init(&p, 1, client);
		pace__skip(&p, &how, client, how.start_ns + NS_PER_S);
		due = pace__next(&p, &how, client, how.start_ns + NS_PER_S, &intent);
		assert_true(due > how.start_ns + NS_PER_S);
		assert_true(due <= how.start_ns + NS_PER_S + 4 * NS_PER_S / 100);
		assert_int_equal(intent % 4, client);
		assert_true(intent >= 4ULL << 20);
	}
	/* before its first is due nothing is skipped */
	pace__init(&p, 1, 2);
	pace__skip(&p, &how, 2, how.start_ns);
	assert_int_equal(pace__next(&p, &how, 2, how.start_ns, &intent),
			 how.start_ns + 2 * NS_PER_S / 100);
	how.poisson = true;
	pace__init(&p, 1, 2);
	pace__skip(&p, &how, 2, how.start_ns + NS_PER_S);
	assert_true(pace__next(&p, &how, 2, how.start_ns, &intent) >= how.start_ns + NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_a_shared_workload),
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_poisson),
		cmocka_unit_test(test_think),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_no_overflow),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
