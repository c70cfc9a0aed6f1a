// SPDX-License-Identifier: GPL-2.0-only
/*
 * Losses that are not independent, against what the chain of each model does in the long run
 * (lib/chain.h): ratio, mean length of a burst, lag-1 autocorrelation. Bound: 4 standard errors, estimated
 * from the means of 100 batches, since successive packets are not independent.
 */
#include "harness.h"

#include "lib/chain.h"

#include <math.h>

enum { PACKETS = 30000, BATCHES = 100, BATCH = PACKETS / BATCHES };

static bool lost[PACKETS];

static struct frame packet(void)
{
	return udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
}

static void draw_fates(const struct chaos_loss *loss, uint64_t seed)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_LOSS, .seed = seed, .loss = *loss};
	struct frame f = packet();
	uint64_t n = 0;
	_bench_ struct bench b;

	bench__open_usual(&b);
	bench__fault(&b, &rule);
	for (size_t i = 0; i < PACKETS; i++)
		n += lost[i] = bench__lost(&b, &f);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, n);
}

static double ratio(const bool *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return sum / (double)n;
}

/* Of a statistic of the batches. */
static double standard_error(double (*statistic)(const bool *x, size_t n))
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < BATCHES; i++) {
		double v = statistic(lost + i * BATCH, BATCH);

		sum += v;
		squares += v * v;
	}
	return sqrt((squares / BATCHES - pow(sum / BATCHES, 2)) / (BATCHES - 1));
}

static void assert_ratio(double want)
{
	assert_near("ratio", ratio(lost, PACKETS), want, standard_error(ratio));
}

/* Lost again less lost after one that was not: rho of a two-state chain, and the lag-1
 * autocorrelation of any. */
static void assert_autocorrelation(double want)
{
	double after[2] = {0}, again[2] = {0}, p[2];

	for (size_t i = 1; i < PACKETS; i++) {
		after[lost[i - 1]]++;
		again[lost[i - 1]] += lost[i];
	}
	p[0] = again[0] / after[0];
	p[1] = again[1] / after[1];
	/* Both transitions are binomial; a hidden state makes the error larger, by less than half. */
	assert_near("autocorrelation", p[1] - p[0], want,
		    1.5 * sqrt(p[0] * (1 - p[0]) / after[0] + p[1] * (1 - p[1]) / after[1]));
}

static void assert_mean_burst(double want)
{
	double n = 0, sum = 0, squares = 0, length = 0;

	for (size_t i = 0; i < PACKETS; i++) {
		if (lost[i]) {
			length++;
		} else if (length) {
			n++;
			sum += length;
			squares += length * length;
			length = 0;
		}
	}
	assert_near("mean burst", sum / n, want, sqrt((squares / n - pow(sum / n, 2)) / n));
}

static void test_correlation(void **state)
{
	static const struct {
		double p, rho;
	} cases[] = {{0.01, 0.25}, {0.1, 0.25}, {0.1, 0.9}, {0.5, 0.5}, {0.9, 0.75}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double p = cases[i].p, rho = cases[i].rho;
		struct chaos_loss loss = {.chance = chance_of(p)};

		loss.chance.correlation = (uint64_t)(rho * 0x1p32);
		draw_fates(&loss, i + 1);
		assert_ratio(p);
		assert_autocorrelation(rho);
		/* A burst ends with (1 - p)(1 - rho). */
		assert_mean_burst(1 / ((1 - p) * (1 - rho)));
	}
}

static struct chaos_loss loss_of(const struct loss_chain *c)
{
	uint64_t move[CHAIN_STATES][CHAIN_STATES - 1], p[CHAIN_STATES];
	struct chaos_loss loss = {.n_states = c->n};

	chain__thresholds(c, move, p);
	for (size_t s = 0; s < CHAIN_STATES; s++) {
		for (size_t j = 0; j < CHAIN_STATES - 1; j++)
			loss.move[s][j] = (struct chaos_param){move[s][j], move[s][j]};
		loss.lost[s] = (struct chaos_param){p[s], p[s]};
	}
	return loss;
}

static void assert_chain(const struct loss_chain *c, uint64_t seed)
{
	struct chaos_loss loss = loss_of(c);

	draw_fates(&loss, seed);
	assert_ratio(chain__ratio(c));
	assert_mean_burst(chain__mean_burst(c));
	assert_autocorrelation(chain__autocorrelation(c));
}

static void test_burst(void **state)
{
	static const struct {
		double p, burst;
	} cases[] = {{0.01, 2}, {0.05, 5}, {0.2, 1.5}, {0.5, 10}, {0.1, 1}};
	struct loss_chain c;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(chain__burst(cases[i].p, cases[i].burst, &c, &err), 0);
		/* The definition, and not the chain's word for it. */
		assert_float_equal(chain__ratio(&c), cases[i].p, 1e-9);
		assert_float_equal(chain__mean_burst(&c), cases[i].burst, 1e-9);
		assert_chain(&c, i + 11);
	}
}

static void test_gilbert_elliott(void **state)
{
	static const struct {
		double p, r, h, k;
	} cases[] = {{0.01, 0.1, 0, 1}, {0.05, 0.25, 0.3, 0.99}, {0.3, 0.3, 0.5, 0.9}};
	struct loss_chain c;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double p = cases[i].p, r = cases[i].r, h = cases[i].h, k = cases[i].k;

		assert_int_equal(chain__gemodel(p, r, h, k, &c, &err), 0);
		/* Elliott 1963: the share of time in each state, its loss. */
		assert_float_equal(chain__ratio(&c), (p * (1 - h) + r * (1 - k)) / (p + r), 1e-9);
		assert_chain(&c, i + 21);
	}
}

static void test_four_states(void **state)
{
	static const struct four_states cases[] = {
		{.p13 = 0.05, .p31 = 0.4, .p32 = 0.2, .p23 = 0.3, .p14 = 0.02},
		{.p13 = 0.3, .p31 = 0.5, .p32 = 0.5, .p23 = 0.9, .p14 = 0.1},
		{.p13 = 0.02, .p31 = 0.2},
	};
	struct loss_chain c;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(chain__four_states(&cases[i], &c, &err), 0);
		assert_chain(&c, i + 31);
	}
}

static void test_every(void **state)
{
	(void)state;
	for (uint32_t every = 1; every <= 7; every += 3) {
		struct chaos_loss loss = {.every = every};

		draw_fates(&loss, 1);
		for (size_t i = 0; i < PACKETS; i++)
			assert_int_equal(lost[i], (i + 1) % every == 0);
	}
}

/* Of each edge, and anew in each window. */
static void test_first(void **state)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_LOSS, .loss = {.first = 3}};
	struct frame f = packet(), other = udp_frame("10.0.0.3", 1, "10.0.0.2", 2);
	struct chaos_pair pair = {.n_rules = 1};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	pair.rule[0] = bench__fault(&b, &rule);
	bench__pair(&b, CLASS_C, CLASS_B, b.port, &pair);
	for (uint64_t window = 0; window < 3; window++) {
		bench__window(&b, 0, window & 1, window, FOREVER);
		bench__window(&b, 0, ~window & 1, 0, 0);
		for (size_t i = 0; i < 10; i++) {
			assert_int_equal(bench__lost(&b, &f), i < 3);
			if (i & 1)
				assert_int_equal(bench__lost(&b, &other), i / 2 < 3);
		}
	}
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, 9);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_correlation), bpf_test(test_burst), bpf_test(test_gilbert_elliott),
		bpf_test(test_four_states), bpf_test(test_every), bpf_test(test_first),
	};

	return harness__main("loss_models", tests, sizeof(tests) / sizeof(tests[0]));
}
