// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_herd_stats.c: Fano factor, synchrony and rates against their definitions. Random arrivals
 * are drawn from fixed seeds: a test that holds, holds always; the bounds say how far from the
 * definition a right implementation may be.
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "unit/analysis/events.h"
#include "unit/analysis/population.h"

#define S (double)NS_PER_S

static void push(struct arrivals *a, double t_s, int64_t n)
{
	a->v = reallocarray(a->v, a->n + 1, sizeof(*a->v));
	assert_non_null(a->v);
	a->v[a->n++] = (struct arrival){(int64_t)(t_s * S), n};
}

static int by_t(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	return CMP(x->t_ns, y->t_ns);
}

static void sort(struct arrivals *a)
{
	qsort(a->v, a->n, sizeof(*a->v), by_t);
}

static void poisson(struct arrivals *a, uint64_t *seed, double from_s, double to_s, double per_s)
{
	for (double t = from_s;;) {
		t += exponential(seed, 1 / per_s);
		if (t >= to_s)
			return;
		push(a, t, 1);
	}
}

/* @n arrivals spread over @width_s from @at_s. */
static void burst(struct arrivals *a, uint64_t *seed, double at_s, double width_s, int n)
{
	for (int i = 0; i < n; i++)
		push(a, at_s + width_s * draw(seed), 1);
}

static struct history_window window(double from_s, double to_s)
{
	return (struct history_window){(int64_t)(from_s * S), (int64_t)(to_s * S)};
}

static void near(double x, double y, double off)
{
	if (!(fabs(x - y) <= off))
		fail_msg("%f is not within %f of %f", x, off, y);
}

/* ---- rates ---- */

static void counts_by_definition(void **state)
{
	_cleanup_(arrivals__free) struct arrivals a = {0};
	struct herd_rate r;

	(void)state;
	/* bins of 0.1 s from 1.05 s on: 3, 0, 1, 0; what is outside does not count */
	push(&a, 1.0, 9);
	push(&a, 1.06, 2);
	push(&a, 1.14, 1);
	push(&a, 1.26, 1);
	push(&a, 1.45, 9);
	r = herd__rate(&a, window(1.05, 1.5), HERD_BIN_NS);
	near(r.per_s, 10, 1e-9);
	near(r.peak_per_s, 30, 1e-9);
	/* mean 1, mean square 10/4 */
	near(r.fano, 1.5, 1e-9);
	assert_int_equal(herd__count(&a, window(1.05, 1.45)), 4);
	r = herd__rate(&a, window(2, 3), HERD_BIN_NS);
	near(r.per_s, 0, 0);
	near(r.fano, -1, 0);
	r = herd__rate(&a, window(2, 2.05), HERD_BIN_NS);
	near(r.per_s, -1, 0);
}

/* 100 runs of 400 bins: each within 4 standard errors, their mean within 4 of its own. */
static void fano_of_poisson_is_1(void **state)
{
	double error = sqrt(2.0 / 399), sum = 0;
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 100; i++) {
		_cleanup_(arrivals__free) struct arrivals a = {0};
		double fano;

		poisson(&a, &seed, 0, 40, 50);
		fano = herd__rate(&a, window(0, 40), HERD_BIN_NS).fano;
		near(fano, 1, 4 * error);
		sum += fano;
	}
	near(sum / 100, 1, 4 * error / sqrt(100));
}

/* ---- synchrony ---- */

static void r_by_definition(void **state)
{
	_cleanup_(arrivals__free) struct arrivals a = {0};
	struct history_window all = window(0, 100);

	(void)state;
	near(synchrony__r(&a, all, NS_PER_S), -1, 0);
	for (int i = 0; i < 10; i++)
		push(&a, 0.3 + 2.0 * i, 1);
	near(synchrony__r(&a, all, 2 * NS_PER_S), 1, 1e-6);
	near(synchrony__r(&a, all, NS_PER_S), 1, 1e-6);
	/* by turns at phase 0 and 1/2 */
	near(synchrony__r(&a, all, 4 * NS_PER_S), 0, 1e-6);
	/* twice as much at one phase as at the opposite: (2 - 1) / 3 */
	for (int i = 0; i < 5; i++)
		a.v[2 * i].n = 2;
	near(synchrony__r(&a, all, 4 * NS_PER_S), 1.0 / 3, 1e-6);
}

/*
 * Bursts of 50 with a width of a fifth of the period, on Poisson arrivals of the same number. R is
 * sinc(0.2) = 0.935 for those in step, and half of all are; the phases of the others add an error
 * of 1/sqrt(n) = 0.05. The period is right to a tenth of T^2/L, the width of a spectral line.
 */
static void a_planted_period_is_found(void **state)
{
	static const double periods[] = {0.5, 1.0, 2.0, 3.0, 4.7};
	uint64_t seed = 11;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
		_cleanup_(arrivals__free) struct arrivals a = {0};
		double T = periods[i], L = 20;
		struct synchrony s;

		for (double t = 0.1; t + T / 5 < L; t += T)
			burst(&a, &seed, t, T / 5, 50);
		poisson(&a, &seed, 0, L, (double)a.n / L);
		sort(&a);
		assert_int_equal(synchrony__find(&a, window(0, L), &s), 0);
		near((double)s.period_ns / S, T, 0.1 * T * T / L + 0.01);
		near(s.r, 0.935 / 2, 0.09);
		assert_true(s.p < SYNCHRONY_P);
	}
}

/*
 * Poisson arrivals, 1,000 seeds. The p is an upper bound, so at most 1 in 100 is below 0.01: with
 * 3 standard deviations 20 of 1,000. A period also needs strength and cycles: none is found.
 */
static void no_period_in_poisson_arrivals(void **state)
{
	int below = 0;

	(void)state;
	for (uint64_t k = 0; k < 1000; k++) {
		_cleanup_(arrivals__free) struct arrivals a = {0};
		uint64_t seed = 1000 + k;
		struct synchrony s;

		poisson(&a, &seed, 0, 2.5, 40);
		assert_int_equal(synchrony__find(&a, window(0, 2.5), &s), 0);
		below += s.p < 0.01;
		assert_true(s.period_ns == HISTORY_NONE);
	}
	assert_true(below <= 20);
}

/* A burst, two bursts, a step and a slow decay are no period, however unlikely chance is. */
static void what_comes_once_has_no_period(void **state)
{
	(void)state;
	for (uint64_t k = 0; k < 10; k++) {
		for (int shape = 0; shape < 4; shape++) {
			_cleanup_(arrivals__free) struct arrivals a = {0};
			uint64_t seed = 1 + k;
			struct synchrony s;

			poisson(&a, &seed, 0, 15, 40);
			if (shape == 0 || shape == 1)
				burst(&a, &seed, 10.1, 0.5, 900);
			if (shape == 1)
				burst(&a, &seed, 13.1, 0.5, 900);
			if (shape == 2)
				poisson(&a, &seed, 0, 10, 600);
			for (int i = 0; shape == 3 && i < 900; i++)
				push(&a, fmin(14.9, 5 + exponential(&seed, 1.5)), 1);
			sort(&a);
			assert_int_equal(synchrony__find(&a, window(0, 15), &s), 0);
			if (s.period_ns != HISTORY_NONE)
				fail_msg("shape %d: %f s, R %f", shape, (double)s.period_ns / S,
					 s.r);
		}
	}
}

/* Bursts so short that T/2, T/3 ... are as strong: the period is T. */
static void a_harmonic_is_not_the_period(void **state)
{
	_cleanup_(arrivals__free) struct arrivals a = {0};
	uint64_t seed = 5;
	struct synchrony s;

	(void)state;
	for (double t = 0.5; t < 15; t += 2.5)
		burst(&a, &seed, t, 0.01, 200);
	sort(&a);
	assert_int_equal(synchrony__find(&a, window(0, 15), &s), 0);
	near((double)s.period_ns / S, 2.5, 0.05);
	near(s.r, 1, 0.01);
}

/* Bins of 100 ms know as much of a period of 3 s as instants do; what bins weaken is put right. */
static void bins_are_as_good_as_instants(void **state)
{
	_cleanup_(arrivals__free) struct arrivals a = {0}, b = {.bin_ns = 100 * NS_PER_MS};
	uint64_t seed = 6;
	struct synchrony x, y;

	(void)state;
	for (double t = 0.5; t < 15; t += 3)
		burst(&a, &seed, t, 1, 400);
	sort(&a);
	for (size_t i = 0; i < a.n; i++)
		push(&b, floor((double)a.v[i].t_ns / S * 10) / 10 + 0.05, 1);
	assert_int_equal(synchrony__find(&a, window(0, 15), &x), 0);
	assert_int_equal(synchrony__find(&b, window(0, 15), &y), 0);
	near((double)y.period_ns / S, (double)x.period_ns / S, 0.02);
	near(y.r, x.r, 0.01);
	near(synchrony__r(&a, window(0, 15), 3 * NS_PER_S), x.r, 0.02);
}

static void few_or_no_arrivals(void **state)
{
	_cleanup_(arrivals__free) struct arrivals a = {0};
	struct synchrony s;

	(void)state;
	assert_int_equal(synchrony__find(&a, window(0, 10), &s), 0);
	assert_true(s.period_ns == HISTORY_NONE && s.r < 0);
	for (int i = 0; i < 9; i++)
		push(&a, i, 1);
	assert_int_equal(synchrony__find(&a, window(0, 10), &s), 0);
	assert_true(s.period_ns == HISTORY_NONE);
	assert_int_equal(synchrony__find(&a, window(3, 3), &s), 0);
	assert_int_equal(synchrony__find(&a, window(3, 3.05), &s), 0);
	/* 31 years: wider bins, not more */
	assert_int_equal(synchrony__find(&a, (struct history_window){0, HISTORY_T_MAX}, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_definition),
		cmocka_unit_test(fano_of_poisson_is_1),
		cmocka_unit_test(r_by_definition),
		cmocka_unit_test(a_planted_period_is_found),
		cmocka_unit_test(no_period_in_poisson_arrivals),
		cmocka_unit_test(what_comes_once_has_no_period),
		cmocka_unit_test(a_harmonic_is_not_the_period),
		cmocka_unit_test(bins_are_as_good_as_instants),
		cmocka_unit_test(few_or_no_arrivals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
