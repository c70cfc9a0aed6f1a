// SPDX-License-Identifier: GPL-2.0-only
/* The loss models: their closed forms, and a simulation by the thresholds that the packet path reads. */
#include "lib/chain.h"
#include "lib/cleanup.h"
#include "lib/rng.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EXACT 1e-12 /* relative: what rounding leaves of a closed form */

static void near(double got, double expected)
{
	if (!(fabs(got - expected) <= EXACT * fmax(1e-3, fabs(expected))))
		fail_msg("%.17g, expected %.17g", got, expected);
}

static void sane(const struct loss_chain *c)
{
	assert_in_range(c->n, 1, CHAIN_STATES);
	for (unsigned int i = 0; i < CHAIN_STATES; i++) {
		double sum = 0;

		for (unsigned int j = 0; j < CHAIN_STATES; j++) {
			assert_true(c->move[i][j] >= 0 && c->move[i][j] <= 1);
			sum += c->move[i][j];
		}
		near(sum, i < c->n);
		assert_true(c->loss[i] >= 0 && c->loss[i] <= 1);
	}
}

static struct loss_chain correlated(double p, double rho)
{
	struct error err = {0};
	struct loss_chain c;

	if (chain__correlated(p, rho, &c, &err))
		fail_msg("%s", err.msg);
	sane(&c);
	return c;
}

static struct loss_chain burst(double p, double mean_burst)
{
	struct error err = {0};
	struct loss_chain c;

	if (chain__burst(p, mean_burst, &c, &err))
		fail_msg("%s", err.msg);
	sane(&c);
	return c;
}

static struct loss_chain gemodel(double p, double r, double h, double k)
{
	struct error err = {0};
	struct loss_chain c;

	if (chain__gemodel(p, r, h, k, &c, &err))
		fail_msg("%s", err.msg);
	sane(&c);
	return c;
}

static struct loss_chain four_states(double p13, double p31, double p32, double p23, double p14)
{
	struct four_states p = {p13, p31, p32, p23, p14};
	struct error err = {0};
	struct loss_chain c;

	if (chain__four_states(&p, &c, &err))
		fail_msg("%s", err.msg);
	sane(&c);
	return c;
}

/* --- closed forms -------------------------------------------------------------------------------- */

static void test_correlated(void **state)
{
	static const double ps[] = {1e-9, 0.001, 0.1, 0.5, 0.99}, rhos[] = {0, 0.25, 0.9, 0.999999};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ps); i++)
		for (size_t j = 0; j < ARRAY_SIZE(rhos); j++) {
			double p = ps[i], rho = rhos[j];
			struct loss_chain c = correlated(p, rho);

			near(c.move[1][1], p + rho * (1 - p));
			near(c.move[0][1], p * (1 - rho));
			near(chain__ratio(&c) / p, 1);
			assert_float_equal(chain__autocorrelation(&c), rho, 1e-9);
			assert_float_equal(chain__mean_burst(&c) * (1 - p) * (1 - rho), 1, 1e-9);
		}
}

static void test_burst(void **state)
{
	static const double cases[][2] = {{1e-6, 1}, {0.01, 4}, {0.2, 10},
					  {0.5, 1},  {0.9, 9},	{0.3, 1e6}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct loss_chain c = burst(cases[i][0], cases[i][1]);

		near(chain__ratio(&c) / cases[i][0], 1);
		assert_float_equal(chain__mean_burst(&c) / cases[i][1], 1, 1e-9);
	}
}

/*
 * Shares of the states: good r / (p + r), bad p / (p + r). Successive outcomes are correlated by the
 * chain's second eigenvalue, 1 - p - r, times the variance between the states.
 */
static void test_gemodel(void **state)
{
	static const double cases[][4] = {
		{0.01, 0.3, 0.2, 0.999}, {0.05, 0.5, 0, 1}, {0.9, 0.8, 0.5, 0.7}, {1, 1, 0.1, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double p = cases[i][0], r = cases[i][1], good = 1 - cases[i][3],
		       bad = 1 - cases[i][2];
		struct loss_chain c = gemodel(p, r, cases[i][2], cases[i][3]);
		double ratio = (good * r + bad * p) / (p + r);
		double between = p * r / ((p + r) * (p + r)) * (bad - good) * (bad - good);

		near(chain__ratio(&c), ratio);
		near(chain__autocorrelation(&c), (1 - p - r) * between / (ratio * (1 - ratio)));
		/* P(lost, then delivered) = ratio - P(lost twice) */
		near(chain__mean_burst(&c),
		     ratio / (ratio - ratio * ratio - (1 - p - r) * between));
	}
	/* Gilbert's own: bad loses all, good nothing. */
	near((chain__mean_burst)(&(struct loss_chain){
		     .n = 2, .move = {{0.9, 0.1}, {0.25, 0.75}}, .loss = {0, 1}}),
	     4);
}

/* Shares by the balance of each state: pi1 p13 = pi3 p31, pi2 p23 = pi3 p32, pi4 = pi1 p14. */
static void test_four_states(void **state)
{
	static const double cases[][5] = {{0.02, 0.2, 0.3, 0.6, 0.01},
					  {0.1, 0.9, 0.1, 1, 0},
					  {0.5, 0.3, 0.7, 0.2, 0.5},
					  {0.7, 0.01, 0, 0.5, 0.3}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const double *v = cases[i];
		double p13 = v[0], p31 = v[1], p32 = v[2], p23 = v[3], p14 = v[4];
		struct loss_chain c = four_states(p13, p31, p32, p23, p14);
		double sum = p31 * p23 * (1 + p14) + p13 * p23 + p13 * p32;
		double pi3 = p13 * p23 / sum, pi4 = p14 * p31 * p23 / sum, ratio = pi3 + pi4;
		/* 1 follows 4, and 3 or 4 do not follow each other except 3 itself */
		double ends = pi3 * (p31 + p32) + pi4;

		near(chain__ratio(&c), ratio);
		near(chain__mean_burst(&c), ratio / ends);
		near(chain__autocorrelation(&c),
		     (ratio - ends - ratio * ratio) / (ratio * (1 - ratio)));
	}
}

static void test_edges(void **state)
{
	struct loss_chain c = correlated(0, 0.5);

	(void)state;
	assert_true(chain__ratio(&c) == 0 && chain__mean_burst(&c) == 0);
	assert_true(chain__autocorrelation(&c) == 0);
	c = correlated(1, 0.5);
	near(c.move[0][1], 1); /* the first packet too */
	assert_true(chain__ratio(&c) == 1 && isinf(chain__mean_burst(&c)));
	assert_true(chain__autocorrelation(&c) == 0);
	c = burst(0, 3);
	assert_true(chain__ratio(&c) == 0);

	/* Never leaves good; leaves it once; back and forth, which has a period. */
	c = gemodel(0, 0, 0, 1);
	assert_true(chain__ratio(&c) == 0);
	c = gemodel(1e-6, 0, 0, 1);
	near(chain__ratio(&c), 1);
	assert_true(isinf(chain__mean_burst(&c)) || chain__mean_burst(&c) > 1e12);
	c = gemodel(1, 1, 0, 1);
	near(chain__ratio(&c), 0.5);
	near(chain__mean_burst(&c), 1);
	near(chain__autocorrelation(&c), -1);
	/* As rare as a 32-bit draw can be. */
	c = gemodel(0x1p-32, 0x1p-31, 0, 1);
	near(chain__ratio(&c), 1.0 / 3);
	/* Stuck where packets of a burst are received. */
	c = four_states(0.1, 0, 0.5, 0, 0);
	near(chain__ratio(&c) + 1, 1);
	/* Tenths do not add up to 1 exactly. */
	four_states(0.7, 0.6, 0.4, 1, 0.3);
}

static void refused(int r, const struct error *err, const struct loss_chain *c, const char *words)
{
	assert_int_equal(r, -EINVAL);
	assert_string_equal(err->msg, words);
	assert_int_equal(c->n, 99);
}

static void test_refuses(void **state)
{
	struct loss_chain c = {.n = 99};
	struct error e = {0};

	(void)state;
#define REFUSED(call, words) refused((call), &e, &c, (words))
	REFUSED(chain__correlated(1.5, 0, &c, &e),
		"the loss probability is 1.5; expected a probability from 0 to 1");
	REFUSED(chain__correlated(NAN, 0, &c, &e),
		"the loss probability is nan; expected a probability from 0 to 1");
	REFUSED(chain__correlated(0.5, 1, &c, &e),
		"the correlation is 1; expected at least 0 and less than 1");
	REFUSED(chain__correlated(0.5, -0.1, &c, &e),
		"the correlation is -0.1; expected at least 0 and less than 1");
	REFUSED(chain__burst(-0.1, 2, &c, &e),
		"the loss probability is -0.1; expected a probability from 0 to 1");
	REFUSED(chain__burst(1, 2, &c, &e),
		"bursts with a loss probability of 1 have no end; expected less than 1");
	REFUSED(chain__burst(0.5, 0.5, &c, &e), "the mean burst is 0.5 packets; with a loss "
						"probability of 0.5 expected at least 1");
	REFUSED(chain__burst(0.8, 3.9, &c, &e), "the mean burst is 3.9 packets; with a loss "
						"probability of 0.8 expected at least 4");
	REFUSED(chain__burst(0.8, NAN, &c, &e), "the mean burst is nan packets; with a loss "
						"probability of 0.8 expected at least 4");
	REFUSED(chain__burst(0.8, INFINITY, &c, &e), "the mean burst is inf packets; with a loss "
						     "probability of 0.8 expected at least 4");
	REFUSED(chain__gemodel(2, 0, 0, 0, &c, &e), "p is 2; expected a probability from 0 to 1");
	REFUSED(chain__gemodel(0, -1, 0, 0, &c, &e), "r is -1; expected a probability from 0 to 1");
	REFUSED(chain__gemodel(0, 0, 2, 0, &c, &e), "h is 2; expected a probability from 0 to 1");
	REFUSED(chain__gemodel(0, 0, 0, 2, &c, &e), "k is 2; expected a probability from 0 to 1");
	REFUSED(chain__four_states(&(struct four_states){.p23 = 2}, &c, &e),
		"p23 is 2; expected a probability from 0 to 1");
	REFUSED(chain__four_states(&(struct four_states){.p13 = 0.6, .p14 = 0.5}, &c, &e),
		"p13 + p14 is 1.1; expected at most 1");
	REFUSED(chain__four_states(&(struct four_states){.p31 = 0.6, .p32 = 0.5}, &c, &e),
		"p31 + p32 is 1.1; expected at most 1");
#undef REFUSED
}

/* --- simulation ---------------------------------------------------------------------------------- */

static void test_thresholds(void **state)
{
	struct loss_chain c = burst(0.25, 2);
	uint64_t move[CHAIN_STATES][CHAIN_STATES - 1], lost[CHAIN_STATES];

	(void)state;
	chain__thresholds(&c, move, lost);
	assert_int_equal(move[0][0], (1ULL << 32) - llrint(0x1p32 / 6));
	assert_int_equal(move[0][1], 1ULL << 32); /* states 2 and 3 are not there */
	assert_int_equal(move[0][2], 1ULL << 32);
	assert_int_equal(move[1][0], 1ULL << 31);
	assert_int_equal(move[3][0], 1ULL << 32);
	assert_true(lost[0] == 0 && lost[1] == 1ULL << 32 && lost[2] == 0 && lost[3] == 0);

	c = four_states(0.5, 0.25, 0.5, 1, 0.25);
	chain__thresholds(&c, move, lost);
	assert_int_equal(move[0][0], 1ULL << 30);
	assert_int_equal(move[0][1], 1ULL << 30); /* 1 does not lead to 2 */
	assert_int_equal(move[0][2], 3ULL << 30); /* what is left leads to 4 */
	assert_int_equal(move[1][1], 0);
	assert_int_equal(move[1][2], 1ULL << 32);
	assert_int_equal(move[3][0], 1ULL << 32);
}

enum { RATIO, BURST, CORRELATION, FIGURES };

/* @packets through the chain as the packet path does it. */
static void run(const struct loss_chain *c, unsigned int *at, struct rng *rng, int packets,
		double ret[FIGURES])
{
	uint64_t move[CHAIN_STATES][CHAIN_STATES - 1], lost_below[CHAIN_STATES];
	double lost = 0, again = 0, ends = 0, p;
	bool before = false;

	chain__thresholds(c, move, lost_below);
	for (int i = 0; i < packets; i++) {
		uint64_t draw = rng__next(rng);
		unsigned int to = 0;
		bool is;

		while (to < CHAIN_STATES - 1 && draw >> 32 >= move[*at][to])
			to++;
		*at = to;
		is = (uint32_t)draw < lost_below[to];
		lost += is;
		again += is && before;
		ends += before && !is;
		before = is;
	}
	p = lost / packets;
	ret[RATIO] = p;
	ret[BURST] = lost / ends;
	ret[CORRELATION] = (again / packets - p * p) / (p * (1 - p));
}

/*
 * Each figure within 4 standard errors, these measured from batch to batch: a batch is thousands of times
 * longer than a burst, so batches are as good as independent. The standard error itself must be small,
 * or the test would see nothing.
 */
static void simulate(uint64_t seed, const char *name, struct loss_chain c)
{
	static const char *const names[] = {"ratio", "mean burst", "autocorrelation"};
	enum { BATCHES = 40, PACKETS = 10000 };
	double sum[FIGURES] = {0}, squares[FIGURES] = {0}, expected[FIGURES];
	struct rng rng = rng__fork(5, seed);
	unsigned int at = 0;

	expected[RATIO] = chain__ratio(&c);
	expected[BURST] = chain__mean_burst(&c);
	expected[CORRELATION] = chain__autocorrelation(&c);
	for (int b = 0; b < BATCHES; b++) {
		double got[FIGURES];

		run(&c, &at, &rng, PACKETS, got);
		for (int f = 0; f < FIGURES; f++) {
			sum[f] += got[f];
			squares[f] += got[f] * got[f];
		}
	}
	for (int f = 0; f < FIGURES; f++) {
		double mean = sum[f] / BATCHES;
		double se = sqrt((squares[f] / BATCHES - mean * mean) / (BATCHES - 1));

		print_message("%s: %s %.5f, computed %.5f, standard error %.5f\n", name, names[f],
			      mean, expected[f], se);
		assert_true(fabs(mean - expected[f]) < 4 * se);
		assert_true(se < 0.02 * fmax(fabs(expected[f]), 0.2));
	}
}

static void test_simulation(void **state)
{
	(void)state;
	simulate(0, "independent", correlated(0.1, 0));
	simulate(1, "correlated", correlated(0.1, 0.5));
	simulate(2, "much correlated", correlated(0.3, 0.9));
	simulate(3, "bursts", burst(0.05, 4));
	simulate(4, "Gilbert-Elliott", gemodel(0.05, 0.3, 0.2, 0.99));
	simulate(5, "four states", four_states(0.05, 0.2, 0.3, 0.6, 0.02));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_correlated), cmocka_unit_test(test_burst),
		cmocka_unit_test(test_gemodel),	   cmocka_unit_test(test_four_states),
		cmocka_unit_test(test_edges),	   cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_thresholds), cmocka_unit_test(test_simulation),
	};

	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
