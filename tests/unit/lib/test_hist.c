// SPDX-License-Identifier: GPL-2.0-only
#include "lib/hist.h"
#include "lib/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N 20000

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t exact(const int64_t *v, size_t n, double q)
{
	size_t i = (size_t)ceil(q * (double)n);

	return v[i ? i - 1 : 0];
}

/* Every bucket begins where the one before it ends, and is narrow for its value. */
static void test_buckets(void **state)
{
	(void)state;
	assert_int_equal(hist__bucket_low(0), 0);
	for (size_t i = 0; i + 1 < HIST_BUCKETS; i++) {
		int64_t low = hist__bucket_low(i), width = hist__bucket_width(i);

		assert_int_equal(hist__bucket_low(i + 1), low + width);
		assert_true(width == 1 || (double)width <= (double)low / 128);
	}
	assert_int_equal(hist__bucket_low(HIST_BUCKETS - 1) + hist__bucket_width(HIST_BUCKETS - 1),
			 1LL << HIST_TOP_BITS);
}

/* What is added is found in the bucket that holds it: for each, its ends. */
static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		static struct hist h;
		int64_t low = hist__bucket_low(i), high = low + hist__bucket_width(i) - 1;

		h.counts[i] = 0;
		hist__add(&h, low);
		hist__add(&h, high);
		assert_int_equal(h.counts[i], 2);
	}
}

static void test_quantiles(void **state)
{
	static const double at[] = {0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
	struct rng r = rng__fork(7, 1);

	(void)state;
	/* from a few ns to minutes, by powers of two; and narrow ones */
	for (int spread = 0; spread <= 38; spread += 2) {
		struct hist *h = calloc(1, sizeof(*h));
		int64_t *v = calloc(N, sizeof(*v));

		assert_non_null(h);
		assert_non_null(v);
		for (size_t i = 0; i < N; i++) {
			v[i] = (int64_t)(rng__next(&r) >> 26 >>
					 rng__below(&r, (uint64_t)spread + 1));
			hist__add(h, v[i]);
		}
		qsort(v, N, sizeof(*v), by_value);
		assert_int_equal(h->min, v[0]);
		assert_int_equal(h->max, v[N - 1]);
		for (size_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
			int64_t want = exact(v, N, at[i]), got = hist__quantile(h, at[i]);

			assert_true(fabs((double)(got - want)) <= (double)want / 256);
		}
		free(v);
		free(h);
	}
}

static void test_merge(void **state)
{
	struct hist *all = calloc(1, sizeof(*all)), *one = calloc(1, sizeof(*one)),
		    *two = calloc(1, sizeof(*two));
	struct rng r = rng__fork(7, 2);

	(void)state;
	assert_non_null(all);
	assert_non_null(one);
	assert_non_null(two);
	for (size_t i = 0; i < N; i++) {
		int64_t v = (int64_t)rng__below(&r, 1000000000);

		hist__add(all, v);
		hist__add(i % 3 ? one : two, v);
	}
	hist__merge(one, two);
	assert_memory_equal(one, all, sizeof(*all));
	/* nothing in it changes nothing */
	memset(two, 0, sizeof(*two));
	hist__merge(one, two);
	assert_memory_equal(one, all, sizeof(*all));
	hist__merge(two, all);
	assert_memory_equal(two, all, sizeof(*all));
	free(all);
	free(one);
	free(two);
}

static void test_extremes(void **state)
{
	static struct hist h;

	(void)state;
	assert_int_equal(hist__quantile(&h, 0.5), -1);
	hist__add(&h, -5);
	assert_int_equal(hist__quantile(&h, 0.5), 0);
	hist__add(&h, INT64_MAX);
	assert_int_equal(h.max, INT64_MAX);
	assert_int_equal(hist__quantile(&h, 1), INT64_MAX);
	assert_int_equal(hist__quantile(&h, 0), 0);
	assert_int_equal(h.n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets),	  cmocka_unit_test(test_places),
		cmocka_unit_test(test_quantiles), cmocka_unit_test(test_merge),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
