// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_herd_calibration.c: 600 clients and a cut of 10 s, with three retry policies: the herd's
 * numbers must tell them apart, and must be those that were measured of such clients:
 *
 *                amplification  PBR at the heal  Fano   R(3 s)  settled
 *   immediate         5.4            10.2        49      0.01    1.5 s
 *   fixed 2 s         1.8             7.2        31      0.76    2.0 s
 *   full jitter       2.7             1.8         0.84   0.10    5.5 s
 *
 * That was one run each on a real machine. The model (population.h) has what made those numbers:
 * 600 / 5.6 = 107 attempts a second undisturbed; in the cut 600 every second at once, 600 every
 * 3 s, or 600 every 2 s or so. What cannot be known of that machine was chosen so that the table
 * comes out: when clients learn of the cut, 0.78 to 1.42 s after it (their spread is the width of
 * each burst, so it sets PBR and Fano factor), timers that are off by up to 0.2 s, a server for
 * 450 attempts a second, a jitter from 0.6 s up to 6.5 s. Means of 20 seeds are then within 10 % of
 * the table in amplification, 50 % in PBR, 55 % in the Fano factor (both rest on the highest bins
 * of one run there), 0.1 in R, 1.6 s (three windows of 0.5 s) in the time to settle.
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "unit/analysis/events.h"
#include "unit/analysis/population.h"

#define SEEDS 20

enum number { AMPLIFICATION, PBR, FANO, R_3S, SETTLED, NUMBERS };

static const double table[POLICIES][NUMBERS] = {
	[IMMEDIATE] = {5.4, 10.2, 49, 0.01, 1.5},
	[FIXED] = {1.8, 7.2, 31, 0.76, 2.0},
	[FULL_JITTER] = {2.7, 1.8, 0.84, 0.10, 5.5},
};

struct outcome {
	double v[NUMBERS];
	enum herd_kind kind;
	double period_s; /* -1: none */
	double attempts_per_intent;
};

static struct outcome outcomes[POLICIES][SEEDS];

static double seconds(int64_t ns)
{
	return ns == HISTORY_NONE ? -1 : (double)ns / NS_PER_S;
}

static struct outcome run(enum policy policy, uint64_t seed)
{
	static const struct population clients = {
		.think_s = 5.6,
		.learn_min_s = 0.78,
		.learn_max_s = 1.42,
		.per_s = 450,
		.base_s = 0.6,
		.cap_s = 6.5,
		.off_s = 0.2,
	};
	struct history_window cut = {(int64_t)(CUT_S * NS_PER_S), (int64_t)(HEAL_S * NS_PER_S)};
	struct history_fault fault = {.name = "cut", .happened = &cut, .n_happened = 1};
	struct history_workload workload = {.name = "clients"};
	struct history h = {
		.faults = &fault, .n_faults = 1, .workloads = &workload, .n_workloads = 1};
	struct timing t = {.end_ns = (int64_t)(END_S * NS_PER_S),
			   .first_fault_ns = cut.start_ns,
			   .last_clear_ns = cut.end_ns};
	struct herd x = {0};
	struct arrivals a = {0};
	struct outcome o;

	population__run(&clients, policy, seed, &h);
	assert_int_equal(herd__make(&h, &t, &x), 0);
	assert_int_equal(x.n, 1);
	a.v = calloc(h.n_attempts, sizeof(*a.v));
	for (; a.n < h.n_attempts; a.n++)
		a.v[a.n] = (struct arrival){h.attempts[a.n].invoke_ns, 1};
	o = (struct outcome){
		.v = {x.v[0].amplification, x.v[0].heal.peak_per_s / x.v[0].baseline.per_s,
		      x.v[0].heal.fano,
		      synchrony__r(&a, (struct history_window){cut.start_ns, x.heal.end_ns},
				   3 * NS_PER_S),
		      seconds(x.v[0].settled_ns)},
		.kind = x.kind,
		.period_s = seconds(x.v[0].synchrony.period_ns),
		.attempts_per_intent = x.v[0].attempts_per_intent,
	};
	herd__free(&x);
	free(h.attempts);
	free(h.ops);
	free(a.v);
	return o;
}

static int run_all(void **state)
{
	(void)state;
	for (enum policy p = 0; p < POLICIES; p++)
		for (int s = 0; s < SEEDS; s++)
			outcomes[p][s] = run(p, (uint64_t)s + 1);
	return 0;
}

static double mean(enum policy p, enum number n)
{
	double sum = 0;

	for (int s = 0; s < SEEDS; s++)
		sum += outcomes[p][s].v[n];
	return sum / SEEDS;
}

static double extreme(enum policy p, enum number n, int sign)
{
	double x = outcomes[p][0].v[n];

	for (int s = 1; s < SEEDS; s++)
		x = sign * outcomes[p][s].v[n] > sign * x ? outcomes[p][s].v[n] : x;
	return x;
}

static void the_table_comes_out(void **state)
{
	static const double relative[NUMBERS] = {0.10, 0.50, 0.55, 0, 0};
	static const double absolute[NUMBERS] = {0, 0, 0, 0.1, 1.6};

	(void)state;
	for (enum policy p = 0; p < POLICIES; p++)
		for (enum number n = 0; n < NUMBERS; n++) {
			double x = mean(p, n), off = relative[n] * table[p][n] + absolute[n];

			if (!(fabs(x - table[p][n]) <= off))
				fail_msg("policy %u, number %u: %f is not within %f of %f", p, n, x,
					 off, table[p][n]);
		}
}

/* Every seed of one policy is above every seed of the other: no run can be taken for another. */
static void above(enum policy a, enum policy b, enum number n)
{
	if (!(extreme(a, n, -1) > extreme(b, n, 1)))
		fail_msg("number %u: policy %u has %f, policy %u has %f", n, a, extreme(a, n, -1),
			 b, extreme(b, n, 1));
}

static void no_policy_is_taken_for_another(void **state)
{
	(void)state;
	above(IMMEDIATE, FULL_JITTER, AMPLIFICATION);
	above(FULL_JITTER, FIXED, AMPLIFICATION);
	above(IMMEDIATE, FIXED, PBR);
	above(FIXED, FULL_JITTER, PBR);
	above(IMMEDIATE, FIXED, FANO);
	above(FIXED, FULL_JITTER, FANO);
	above(FIXED, IMMEDIATE, R_3S);
	above(FIXED, FULL_JITTER, R_3S);
	/* in windows of 0.5 s only the means differ in order */
	assert_true(mean(FULL_JITTER, SETTLED) > mean(FIXED, SETTLED) + 0.5);
	assert_true(mean(FIXED, SETTLED) > mean(IMMEDIATE, SETTLED) + 0.5);
}

/* What a reader is told: a flood unless the clients spread, in step every 3 s if they wait 2 s. */
static void each_is_named(void **state)
{
	(void)state;
	for (int s = 0; s < SEEDS; s++) {
		const struct outcome *fixed = &outcomes[FIXED][s];

		assert_int_equal(outcomes[IMMEDIATE][s].kind, HERD_FLOOD);
		assert_int_equal(fixed->kind, HERD_FLOOD);
		assert_int_equal(outcomes[FULL_JITTER][s].kind, HERD_RETRIES);
		assert_true(fixed->period_s > 2.8 && fixed->period_s < 3.2);
		assert_true(outcomes[FULL_JITTER][s].period_s < 0);
		/* they try once a second for 9 s, every 3 s, more and more seldom */
		assert_true(outcomes[IMMEDIATE][s].attempts_per_intent > 9);
		assert_true(fixed->attempts_per_intent > 3.5 && fixed->attempts_per_intent < 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_comes_out),
		cmocka_unit_test(no_policy_is_taken_for_another),
		cmocka_unit_test(each_is_named),
	};

	return cmocka_run_group_tests(tests, run_all, NULL);
}
