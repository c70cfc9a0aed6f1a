// SPDX-License-Identifier: GPL-2.0-only
/* The statistics that measurements are judged by, on samples whose answers are known otherwise. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tools/stats.h"

#define assert_close(found, expected, within) close_to(found, expected, within, #found, __LINE__)

static void close_to(double found, double expected, double within, const char *what, int line)
{
	if (!(fabs(found - expected) <= within))
		fail_msg("line %d: %s is %.9g, expected %.9g", line, what, found, expected);
}

static void test_moments(void **state)
{
	const double v[] = {2, 4, 4, 4, 5, 5, 7, 9};

	(void)state;
	assert_close(stats__mean(v, 8), 5, 1e-12);
	/* Squares about the mean add up to 32. */
	assert_close(stats__sd(v, 8), sqrt(32.0 / 7), 1e-12);
	assert_close(stats__sd(v, 1), 0, 0);
	assert_close(stats__mean(v, 0), 0, 0);
}

static void test_quantiles(void **state)
{
	double v[] = {50, 15, 40, 20, 35};

	(void)state;
	stats__sort(v, 5);
	assert_close(v[0], 15, 0);
	/* Nearest rank: the example of every textbook. */
	assert_close(stats__quantile(v, 5, 0.05), 15, 0);
	assert_close(stats__quantile(v, 5, 0.30), 20, 0);
	assert_close(stats__quantile(v, 5, 0.40), 20, 0);
	assert_close(stats__quantile(v, 5, 0.50), 35, 0);
	assert_close(stats__quantile(v, 5, 1.00), 50, 0);
	assert_close(stats__quantile(v, 5, 0.00), 15, 0);
	assert_close(stats__quantile(v, 1, 0.99), 15, 0);
}

static void test_autocorrelation(void **state)
{
	const double up[] = {1, 2, 3, 4, 5}, same[] = {3, 3, 3};
	double turns[1000];

	(void)state;
	/* Deviations -2 -1 0 1 2: products 2 + 0 + 0 + 2, squares 10. */
	assert_close(stats__autocorrelation(up, 5), 0.4, 1e-12);
	assert_close(stats__autocorrelation(same, 3), 0, 0);
	for (size_t i = 0; i < 1000; i++)
		turns[i] = (double)(i % 2);
	assert_close(stats__autocorrelation(turns, 1000), -0.999, 1e-9);
}

static void test_bursts(void **state)
{
	const bool v[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1};
	size_t histogram[3], n;
	double mean;

	(void)state;
	n = stats__bursts(v, 12, histogram, 3, &mean);
	assert_int_equal(n, 4);
	assert_int_equal(histogram[0], 2);
	assert_int_equal(histogram[1], 1);
	/* The one of four is in the last. */
	assert_int_equal(histogram[2], 1);
	assert_close(mean, 2, 1e-12);
	assert_int_equal(stats__bursts(v + 1, 1, histogram, 3, &mean), 0);
	assert_close(mean, 0, 0);
}

static void test_reordered(void **state)
{
	/* 4 is three places late; 7 and 8 are early, which by RFC 4737 makes 4, 5 and 6 reordered. */
	const uint64_t late[] = {1, 2, 3, 5, 6, 7, 4, 8, 9, 10},
		       early[] = {1, 2, 3, 7, 8, 4, 5, 6, 9, 10}, right[] = {1, 2, 4, 9};
	size_t extent;

	(void)state;
	assert_int_equal(stats__reordered(late, 10, &extent), 1);
	assert_int_equal(extent, 3);
	assert_int_equal(stats__reordered(early, 10, &extent), 3);
	/* 6 at place 7, behind 7 at place 3. */
	assert_int_equal(extent, 4);
	assert_int_equal(stats__reordered(right, 4, &extent), 0);
	assert_int_equal(extent, 0);
	assert_int_equal(stats__reordered(right, 0, NULL), 0);
}

static void test_kolmogorov(void **state)
{
	(void)state;
	/* N. Smirnov's table (Ann. Math. Stat. 19, 1948), and critical values of everyday use. */
	assert_close(stats__kolmogorov_q(0.5), 0.963945, 1e-6);
	assert_close(stats__kolmogorov_q(1.0), 0.270000, 1e-6);
	assert_close(stats__kolmogorov_q(1.22385), 0.10, 1e-5);
	assert_close(stats__kolmogorov_q(1.35810), 0.05, 1e-5);
	assert_close(stats__kolmogorov_q(1.62762), 0.01, 1e-5);
	assert_close(stats__kolmogorov_q(1.94947), 0.001, 1e-6);
	assert_close(stats__kolmogorov_q(0.04), 1, 1e-15);
	assert_close(stats__kolmogorov_q(0), 1, 0);
	/* The two forms meet. */
	assert_close(stats__kolmogorov_q(1.18), stats__kolmogorov_q(1.18 - 1e-12), 1e-10);
}

static void test_ks_two(void **state)
{
	const double a[] = {1, 2, 3, 4}, b[] = {3, 4, 5, 6}, far[] = {10, 11},
		     ties[] = {1, 1, 1, 2};
	double p;

	(void)state;
	assert_close(stats__ks_two(a, 4, b, 4, &p), 0.5, 1e-12);
	/* n = 2: (1.41421 + 0.12 + 0.07778) / 2 = 0.80600. */
	assert_close(p, stats__kolmogorov_q(0.80600), 1e-4);
	assert_close(stats__ks_two(a, 4, a, 4, &p), 0, 0);
	assert_close(p, 1, 1e-12);
	assert_close(stats__ks_two(a, 4, far, 2, &p), 1, 1e-12);
	assert_close(stats__ks_two(far, 2, a, 4, &p), 1, 1e-12);
	/* Three of four against one of four at 1. */
	assert_close(stats__ks_two(ties, 4, a, 4, &p), 0.5, 1e-12);
}

static void test_ks_one(void **state)
{
	const double v[] = {0.1, 0.2, 0.3, 0.4};
	double p, normal[1000];

	(void)state;
	/* All in the lower half: at 0.4 the sample is at 1. */
	assert_close(stats__ks_one(v, 4, stats__cdf_uniform, 0, 1, &p), 0.6, 1e-12);
	assert_true(p < 0.1);
	assert_close(stats__cdf_normal(0, 0, 1), 0.5, 1e-12);
	assert_close(stats__cdf_normal(11.96, 10, 1), 0.975002, 1e-6);
	assert_close(stats__cdf_uniform(2.5, 2, 4), 0.25, 1e-12);
	assert_close(stats__cdf_uniform(5, 2, 4), 1, 0);

	/* An even grid fits its own formula as well as can be, and no other one. */
	for (int i = 0; i < 1000; i++)
		normal[i] = (i + 0.5) / 1000;
	assert_close(stats__ks_one(normal, 1000, stats__cdf_uniform, 0, 1, &p), 0.0005, 1e-9);
	assert_close(p, 1, 1e-9);
	stats__ks_one(normal, 1000, stats__cdf_normal, 0.5, 0.2887, &p);
	assert_true(p < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moments),		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_autocorrelation), cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_reordered),	cmocka_unit_test(test_kolmogorov),
		cmocka_unit_test(test_ks_two),		cmocka_unit_test(test_ks_one),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
