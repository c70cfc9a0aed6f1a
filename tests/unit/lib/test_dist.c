// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables and the draw against their definitions. The reference here goes the other way round: a
 * distribution function from erfc() and bisection, where dist.c has quantiles. Seeds are fixed, so a
 * statistical bound is met always or never; it is chosen as if they were not.
 */
#include "lib/cleanup.h"
#include "lib/dist.h"
#include "lib/rng.h"

#include <errno.h>
#include <glob.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = DIST_COPULA_LEN };

static struct copula_tables {
	int16_t normal[N];
	uint32_t phi[N];
} tables;

/* Kolmogorov-Smirnov: with so many independent draws, one set in a hundred is farther off. */
#define KS_BOUND(draws) (1.63 / sqrt(draws))

static const char *const kind_names[] = {"normal", "pareto", "paretonormal"};

/* --- the definitions --------------------------------------------------------------------------- */

static double phi(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

/* What fits into a table. */
static double limited(double x)
{
	return fmin(fmax(x, -4), 32767.0 / 8192);
}

/* The quantile of @kind where the normal distribution's is @z. */
static double at_z(enum dist_kind kind, double z)
{
	double pareto = limited(4.0 / 3 * (pow(phi(-z), -1.0 / 3) - 1.5));

	if (kind == DIST_NORMAL)
		return limited(z);
	return kind == DIST_PARETO ? pareto : limited(0.75 * pareto + 0.25 * z);
}

/* P(X <= x); where X does not move with z, the largest z counts. */
static double cdf(enum dist_kind kind, double x)
{
	double lo = -9, hi = 9;

	if (x >= at_z(kind, hi))
		return 1;
	for (int i = 0; i < 60; i++) {
		double mid = (lo + hi) / 2;

		if (at_z(kind, mid) <= x)
			lo = mid;
		else
			hi = mid;
	}
	return phi(lo);
}

/* P(X < x) */
static double cdf_below(enum dist_kind kind, double x)
{
	return cdf(kind, nextafter(x, -INFINITY));
}

static void moments(enum dist_kind kind, double *mean, double *sd)
{
	double step = 1e-3, m1 = 0, m2 = 0;

	for (double z = -8.5; z < 8.5; z += step) {
		double x = at_z(kind, z), w = step * exp(-z * z / 2) / sqrt(2 * M_PI);

		m1 += w * x;
		m2 += w * x * x;
	}
	*mean = m1;
	*sd = sqrt(m2 - m1 * m1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @x, in standard deviations. Equal draws are one step. */
static double ks_distance(double *x, size_t n, enum dist_kind kind)
{
	double worst = 0;

	qsort(x, n, sizeof(*x), by_value);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i; j < n && x[j] == x[i];)
			j++;
		worst = fmax(worst, fabs((double)j / (double)n - cdf(kind, x[i])));
		worst = fmax(worst, fabs((double)i / (double)n - cdf_below(kind, x[i])));
	}
	return worst;
}

/* --- tables ------------------------------------------------------------------------------------ */

static void test_normal_quantile(void **state)
{
	(void)state;
	assert_true(fabs(dist__normal_quantile(0.5)) < 1e-9);
	/* Published values to 9 places. */
	assert_float_equal(dist__normal_quantile(0.975), 1.959963985, 1e-9);
	assert_float_equal(dist__normal_quantile(0.01), -2.326347874, 1e-9);
	for (double p = 1e-6; p <= 0.5; p *= 1.01) {
		double z = dist__normal_quantile(p), density = exp(-z * z / 2) / sqrt(2 * M_PI);

		assert_true(fabs(phi(z) - p) / density < 1e-9);
		assert_float_equal(dist__normal_quantile(1 - p), -z, 1e-9);
	}
}

/* Each entry is the quantile at its middle, to the unit: the definition passes p between t -+ 1/2. */
static void test_quantiles(void **state)
{
	static const size_t sizes[] = {16, 17, 1000, N, DIST_LEN_MAX};
	static int16_t t[DIST_LEN_MAX];
	const double half = 0.5001 / DIST_UNIT;

	(void)state;
	for (int kind = DIST_NORMAL; kind <= DIST_PARETONORMAL; kind++)
		for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
			size_t n = sizes[s];

			assert_int_equal(dist__make(kind, t, n), 0);
			for (size_t i = 0; i < n; i++) {
				double p = ((double)i + 0.5) / (double)n,
				       x = (double)t[i] / DIST_UNIT;

				assert_true(!i || t[i] >= t[i - 1]);
				assert_true(cdf(kind, x + half) >= p);
				assert_true(cdf_below(kind, x - half) <= p);
			}
		}
}

static void test_make_refuses(void **state)
{
	int16_t t[16] = {0};

	(void)state;
	assert_int_equal(dist__make(DIST_NORMAL, t, 15), -EINVAL);
	assert_int_equal(dist__make(DIST_NORMAL, t, DIST_LEN_MAX + 1), -EINVAL);
	assert_int_equal(dist__make(DIST_PARETONORMAL + 1, t, 16), -EINVAL);
	assert_int_equal(dist__make(-1, t, 16), -EINVAL);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(t[i], 0);
}

static void table_moments(const int16_t *t, size_t n, double *mean, double *sd)
{
	double m1 = 0, m2 = 0;

	for (size_t i = 0; i < n; i++) {
		double x = (double)t[i] / DIST_UNIT;

		m1 += x;
		m2 += x * x;
	}
	*mean = m1 / (double)n;
	*sd = sqrt(m2 / (double)n - *mean * *mean);
}

/* Within 1e-4 of a standard deviation, and the figures of dist.h. */
static void test_moments(void **state)
{
	static const double documented[][2] = {{0, 1}, {-0.033, 0.82}, {-0.025, 0.83}};
	int16_t t[N];

	(void)state;
	for (int kind = DIST_NORMAL; kind <= DIST_PARETONORMAL; kind++) {
		double mean, sd, table_mean, table_sd;

		moments(kind, &mean, &sd);
		assert_int_equal(dist__make(kind, t, N), 0);
		table_moments(t, N, &table_mean, &table_sd);
		print_message("%s: mean %.6f, definition %.6f; sd %.6f, definition %.6f\n",
			      kind_names[kind], table_mean, mean, table_sd, sd);
		assert_float_equal(table_mean, mean, 1e-4);
		assert_float_equal(table_sd, sd, 3e-4);
		assert_float_equal(mean, documented[kind][0], 1e-3);
		assert_float_equal(sd, documented[kind][1], 5e-3);
	}
}

/* iproute2's file of that name, wherever the distribution has it; NULL if it is not installed. */
static int16_t *installed(const char *name, size_t *ret_n)
{
	static const char *const places[] = {"/usr/lib/tc/", "/usr/lib/*/tc/", "/usr/lib64/tc/",
					     "/usr/share/tc/"};
	int16_t *table = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !table; i++) {
		struct error err = {0};
		char pattern[64];
		glob_t g;

		snprintf(pattern, sizeof(pattern), "%s%s.dist", places[i], name);
		if (!glob(pattern, 0, NULL, &g)) {
			if (dist__load(g.gl_pathv[0], &table, ret_n, &err))
				fail_msg("%s", err.msg);
			globfree(&g);
		}
	}
	return table;
}

/* The share of the entries of @t that are at most @x. */
static double share(const int16_t *t, size_t n, int x)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t[mid] <= x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (double)lo / (double)n;
}

/*
 * iproute2 takes its quantiles at i/n, we ours at (i + 1/2)/n, so the two distribution functions are up
 * to one entry of 4096 apart. From the 1 % to the 98 % quantile, where pareto is steepest, that is 82
 * units, 0.01 of a standard deviation.
 */
static void test_iproute2(void **state)
{
	int16_t t[N];

	(void)state;
	for (int kind = DIST_NORMAL; kind <= DIST_PARETONORMAL; kind++) {
		_cleanup_free_ int16_t *theirs = NULL;
		double worst = 0;
		int units = 0;
		size_t n;

		theirs = installed(kind_names[kind], &n);
		if (!theirs) {
			print_message("%s.dist is not installed (package iproute2)\n",
				      kind_names[kind]);
			skip();
		}
		assert_int_equal(n, N);
		assert_int_equal(dist__make(kind, t, N), 0);
		for (int x = INT16_MIN; x <= INT16_MAX; x++)
			worst = fmax(worst, fabs(share(t, N, x) - share(theirs, n, x)));
		for (size_t i = N / 100; i < N - N / 50; i++)
			if (abs(t[i] - theirs[i]) > units)
				units = abs(t[i] - theirs[i]);
		print_message("%s: %.2f entries, %d units\n", kind_names[kind], worst * N, units);
		assert_true(worst <= 1.0 / N);
		assert_true(units <= 83);
	}
}

static void test_phi(void **state)
{
	static uint32_t t[N];

	(void)state;
	assert_int_equal(dist__phi(t, 15), -EINVAL);
	assert_int_equal(dist__phi(t, 65537), -EINVAL);
	assert_int_equal(dist__phi(t, N), 0);
	for (size_t i = 0; i < N; i++) {
		double middle = -4 + ((double)i + 0.5) * 8 / N;

		assert_true(fabs((double)t[i] - ldexp(phi(middle), 32)) <= 2);
		assert_true(!i || t[i] > t[i - 1]);
	}
	for (int z = -32768; z <= 32767; z++)
		assert_true(fabs(ldexp(t[(z + 32768) >> 4], -32) - phi(z / 8192.0)) < 4e-4);
}

/* --- the draw ---------------------------------------------------------------------------------- */

static uint32_t uniform(struct rng *rng)
{
	return rng__next(rng) >> 32;
}

/* 1 s + t us, so that the table's value can be read back from the delay. */
static double drawn(const int16_t *t, size_t n, uint32_t u)
{
	return (double)(dist__delay(t, n, 1000000000, 8192000, u) - 1000000000) / 8192000;
}

static void test_delay(void **state)
{
	static const int16_t t[] = {-32768, -8192, 0, 8191};

	(void)state;
	assert_int_equal(dist__delay(t, 4, 100, 8192, 0), 0); /* 100 - 4 * 8192: not before now */
	assert_int_equal(dist__delay(t, 4, 10000, 8192, 0x40000000), 10000 - 8192);
	assert_int_equal(dist__delay(t, 4, 10000, 8192, 0x80000000), 10000);
	assert_int_equal(dist__delay(t, 4, 10000, 8192, 0xffffffff), 10000 + 8191);
	assert_int_equal(dist__delay(t, 4, 10000, 0, 0xffffffff), 10000);
	assert_int_equal(dist__delay(t, 4, 1LL << 40, 1LL << 38, 0), (1LL << 40) - (1LL << 40));
	assert_int_equal(dist__delay(NULL, 0, 10000, 5000, 0), 5000);
	assert_int_equal(dist__delay(NULL, 0, 10000, 5000, 0x80000000), 10000);
	assert_int_equal(dist__delay(NULL, 0, 10000, 5000, 0xffffffff), 14999);
	assert_int_equal(dist__delay(NULL, 0, 1LL << 38, 1LL << 38, 0xffffffff),
			 (1LL << 39) - (1LL << 15));
}

/* All of a table is drawn, each entry as often: 100,000 draws against the definition. */
static void test_draws(void **state)
{
	enum { DRAWS = 100000 };
	double *x = test_malloc(DRAWS * sizeof(*x));
	int16_t t[N];

	(void)state;
	for (int kind = DIST_NORMAL; kind <= DIST_PARETONORMAL; kind++) {
		struct rng rng = rng__fork(1, (uint64_t)kind);
		double d;

		assert_int_equal(dist__make(kind, t, N), 0);
		for (size_t i = 0; i < DRAWS; i++)
			x[i] = drawn(t, N, uniform(&rng));
		d = ks_distance(x, DRAWS, kind);
		print_message("%s: KS distance %.5f, bound %.5f\n", kind_names[kind], d,
			      KS_BOUND(DRAWS));
		assert_true(d < KS_BOUND(DRAWS));
		/* And the test sees a distribution that is wrong by 2 % of a standard deviation. */
		for (size_t i = 0; i < DRAWS; i++)
			x[i] += 0.02;
		assert_true(ks_distance(x, DRAWS, kind) > KS_BOUND(DRAWS));
	}
	test_free(x);
}

static void test_weights(void **state)
{
	uint32_t c = 7, i = 7;

	(void)state;
	assert_int_equal(dist__weights(-0.1, &c, &i), -EINVAL);
	assert_int_equal(dist__weights(1, &c, &i), -EINVAL);
	assert_int_equal(dist__weights(NAN, &c, &i), -EINVAL);
	assert_true(c == 7 && i == 7);
	assert_int_equal(dist__weights(0, &c, &i), 0);
	assert_true(c == 0 && i == 65536);
	assert_int_equal(dist__weights(0.6, &c, &i), 0);
	assert_true(c == 39322 && i == 52428);
	/* Not a random walk, however near to 1. */
	assert_int_equal(dist__weights(0.9999999, &c, &i), 0);
	assert_true(c == 65535 && i == 362);
}

static struct dist_copula copula(double rho)
{
	struct dist_copula c = {.normal = tables.normal, .phi = tables.phi};

	assert_int_equal(dist__make(DIST_NORMAL, tables.normal, N), 0);
	assert_int_equal(dist__phi(tables.phi, N), 0);
	assert_int_equal(dist__weights(rho, &c.correlation, &c.innovation), 0);
	return c;
}

/*
 * The distribution is the asked one whatever the correlation. Every @thin-th draw, so far apart that
 * they are as good as independent, which the bound supposes.
 */
static void test_copula_marginal(void **state)
{
	static const struct {
		double rho;
		unsigned int thin, draws;
	} cases[] = {{0.25, 5, 50000}, {0.9, 60, 10000}, {0.99, 600, 1000}};
	static double x[50000];
	int16_t t[N];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++)
		for (int kind = DIST_NORMAL; kind <= DIST_PARETONORMAL; kind++) {
			struct dist_copula c = copula(cases[k].rho);
			struct rng rng = rng__fork(2, (uint64_t)kind);
			size_t n = cases[k].draws;
			double d;

			assert_true(pow(cases[k].rho, cases[k].thin) < 0.003);
			assert_int_equal(dist__make(kind, t, N), 0);
			for (size_t i = 0; i < n; i++) {
				uint32_t u = 0;

				for (unsigned int j = 0; j < cases[k].thin; j++)
					u = dist__correlate(&c, uniform(&rng));
				x[i] = drawn(t, N, u);
			}
			d = ks_distance(x, n, kind);
			print_message("%s, correlation %g: KS distance %.5f, bound %.5f\n",
				      kind_names[kind], cases[k].rho, d, KS_BOUND(n));
			assert_true(d < KS_BOUND(n));
		}
}

static double autocorrelation(const double *x, size_t n)
{
	double mean = 0, variance = 0, covariance = 0;

	for (size_t i = 0; i < n; i++)
		mean += x[i] / (double)n;
	for (size_t i = 0; i < n; i++) {
		variance += (x[i] - mean) * (x[i] - mean);
		if (i)
			covariance += (x[i] - mean) * (x[i - 1] - mean);
	}
	return covariance / variance;
}

/* That of normal delays is rho. Standard error of an AR(1)'s: sqrt((1 - rho^2) / n) (Bartlett). */
static void test_copula_autocorrelation(void **state)
{
	static const double rhos[] = {0, 0.25, 0.5, 0.9, 0.99};
	enum { DRAWS = 100000 };
	double *x = test_malloc(DRAWS * sizeof(*x));

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(rhos); k++) {
		struct dist_copula c = copula(rhos[k]);
		double se = sqrt((1 - rhos[k] * rhos[k]) / DRAWS), r;
		struct rng rng = rng__fork(3, k);

		for (size_t i = 0; i < DRAWS; i++)
			x[i] = drawn(tables.normal, N, dist__correlate(&c, uniform(&rng)));
		r = autocorrelation(x, DRAWS);
		print_message("correlation %g: measured %.5f, standard error %.5f\n", rhos[k], r,
			      se);
		assert_true(fabs(r - rhos[k]) < 3 * se);
	}
	test_free(x);
}

/*
 * No drift at a high correlation: mirrored draws must give mirrored walks. Rounding down would draw
 * both by 500 units, 0.06 standard deviations, towards less delay.
 */
static void test_copula_drift(void **state)
{
	struct dist_copula a = copula(0.999), b = a;
	struct rng rng = rng__fork(4, 0);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		uint32_t u = uniform(&rng);

		dist__correlate(&a, u);
		dist__correlate(&b, ~u);
		assert_in_range(a.z + b.z + 2, 0, 4);
	}
}

static void test_copula_first(void **state)
{
	struct dist_copula c = copula(0.9), none = copula(0);

	(void)state;
	dist__correlate(&c, 0xffffffff);
	assert_int_equal(c.z,
			 tables.normal[N - 1]); /* as wide as the rest, not sqrt(1 - rho^2) of it */
	assert_int_equal(dist__correlate(&none, 12345), 12345);
	/* The process stays in the table. */
	for (int i = 0; i < 1000; i++)
		dist__correlate(&c, 0xffffffff);
	assert_int_equal(c.z, INT16_MAX);
	for (int i = 0; i < 1000; i++)
		dist__correlate(&c, 0);
	assert_int_equal(c.z, -INT16_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_normal_quantile),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_make_refuses),
		cmocka_unit_test(test_moments),
		cmocka_unit_test(test_iproute2),
		cmocka_unit_test(test_phi),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_draws),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_copula_marginal),
		cmocka_unit_test(test_copula_autocorrelation),
		cmocka_unit_test(test_copula_drift),
		cmocka_unit_test(test_copula_first),
	};

	return cmocka_run_group_tests_name("dist", tests, NULL, NULL);
}
