// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delay: to the nanosecond what user/lib/dist.h says of the same draw, and the distribution itself by a
 * Kolmogorov-Smirnov test (a right one fails with probability 6e-5; the seeds are fixed). Reordering as netem counts.
 */
#include "model.h"

#include <math.h>

enum { PACKETS = 10000 };

static const int64_t MS = 1000000;
static struct model_tables tables;
static int64_t delays[PACKETS];

static struct frame packet(void)
{
	return udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
}

static void open_rule(struct bench *b, const struct chaos_rule *rule)
{
	bench__open_usual(b);
	model__load(b, &tables);
	bench__fault(b, rule);
}

static struct chaos_rule delay_rule(int64_t latency_ns, int64_t jitter_ns, uint64_t seed)
{
	return (struct chaos_rule){.actions = CHAOS_ACT_DELAY,
				   .seed = seed,
				   .delay = {.latency_ns = still((double)latency_ns),
					     .jitter_ns = still((double)jitter_ns)}};
}

static void draw_delays(const struct chaos_rule *rule)
{
	struct frame f = packet();
	_bench_ struct bench b;

	open_rule(&b, rule);
	for (size_t i = 0; i < PACKETS; i++)
		delays[i] = model__delay(&b, &f);
}

/* --- one packet ------------------------------------------------------------------------------- */

static void test_constant(void **state)
{
	static const int64_t latencies[] = {1, 1000, 20 * MS, 3600000 * MS};
	struct frame f = packet();

	(void)state;
	for (size_t i = 0; i < sizeof(latencies) / sizeof(latencies[0]); i++) {
		struct chaos_rule rule = delay_rule(latencies[i], 0, 1);
		_bench_ struct bench b;
		struct decided d;
		uint64_t before;

		open_rule(&b, &rule);
		assert_int_equal(model__delay(&b, &f), latencies[i]);
		before = now_ns();
		d = bench__decide(&b, &f);
		/* A nanosecond has passed when the packet is sent: at once. */
		if (latencies[i] < MS)
			continue;
		assert_in_range(d.due_ns, before + (uint64_t)latencies[i],
				now_ns() + (uint64_t)latencies[i]);
		assert_int_equal(d.out.len, f.len);
		assert_memory_equal(d.out.data, f.data, f.len);
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).delayed, 2);
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, 0);
		assert_in_range(bench__edge(&b, 0, NODE_A, NODE_B).last_hit_ns, before, now_ns());
	}
}

static void test_none(void **state)
{
	struct chaos_rule rule = delay_rule(0, 0, 1);
	struct frame f = packet();
	_bench_ struct bench b;

	(void)state;
	open_rule(&b, &rule);
	assert_int_equal(bench__decide(&b, &f).due_ns, 0);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched, 1);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).delayed, 0);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).first_hit_ns, 0);
}

/* A packet's own delivery time is kept by rules that delay nothing, and added to; one that has gone
 * by or is another clock's is not. */
static void test_pacing(void **state)
{
	struct chaos_rule rule = delay_rule(20 * MS, 0, 1);
	struct frame f = packet(), other = udp_frame("10.0.0.3", 1, "10.0.0.2", 2);
	uint64_t soon, before, due;
	_bench_ struct bench b;

	(void)state;
	open_rule(&b, &rule);
	/* Loading may take seconds in an emulated machine. */
	soon = now_ns() + 500 * (uint64_t)MS;
	assert_int_equal(bench__decide_at(&b, &other, soon).due_ns, soon);
	assert_int_equal(bench__decide_at(&b, &f, soon).due_ns, soon + 20 * (uint64_t)MS);
	for (int i = 0; i < 2; i++) {
		uint64_t nonsense = i ? 1 : 1700000000ULL * 1000 * (uint64_t)MS;

		before = now_ns();
		due = bench__decide_at(&b, &f, nonsense).due_ns;
		assert_in_range(due, before + 20 * (uint64_t)MS, now_ns() + 20 * (uint64_t)MS);
		assert_int_equal(bench__decide_at(&b, &other, nonsense).due_ns, 0);
	}
	/* What is off the line's hands carries no time of its own either. */
	bench__arm(&b, 0);
	assert_int_equal(bench__decide_at(&b, &f, soon).due_ns, 0);
}

static void test_rules_add_up(void **state)
{
	struct chaos_rule rules[] = {delay_rule(20 * MS, 0, 1), delay_rule(3 * MS, 0, 1)};
	struct frame f = packet();
	_bench_ struct bench b;

	(void)state;
	rules[1].fault = 1;
	bench__open_usual(&b);
	bench__faults(&b, rules, 2);
	assert_int_equal(model__delay(&b, &f), 23 * MS);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).delayed, 1);
	assert_int_equal(bench__edge(&b, 1, NODE_A, NODE_B).delayed, 1);
}

/* --- distributions ---------------------------------------------------------------------------- */

static double uniform_cdf(double x)
{
	return fmin(fmax((x + 1) / 2, 0), 1);
}

static double normal_cdf(double x)
{
	return erfc(-x / sqrt(2)) / 2;
}

/* iproute2's: (V - 3/2) 4/3 with P(V > v) = v^-3, cut off where the table ends. */
static double pareto_cdf(double x)
{
	double v = x * 3 / 4 + 1.5;

	return v < 1 ? 0 : x >= 32767.0 / 8192 ? 1 : 1 - pow(v, -3);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of (delay - latency) / jitter. */
static void assert_distribution(const struct chaos_rule *r, double (*cdf)(double x))
{
	double latency = (double)r->delay.latency_ns.from, worst = 0;

	qsort(delays, PACKETS, sizeof(delays[0]), by_value);
	for (size_t i = 0; i < PACKETS; i++) {
		double x = ((double)delays[i] - latency) / (double)r->delay.jitter_ns.from;
		/* A table has 4096 steps. */
		double step = 1e-3, lo = cdf(x - step), hi = cdf(x + step);

		worst = fmax(worst, fmax((double)i / PACKETS - hi, lo - (i + 1.0) / PACKETS));
	}
	if (worst > 2.28 / sqrt(PACKETS))
		fail_msg("distance %g of the distributions", worst);
}

static void assert_model(const struct chaos_rule *r, const int16_t *table)
{
	for (size_t i = 0; i < PACKETS; i++)
		assert_int_equal(delays[i], dist__delay(table, r->delay.table_len,
							(int64_t)r->delay.latency_ns.from,
							(int64_t)r->delay.jitter_ns.from,
							model__draw(r->seed, i, DRAW_DELAY)));
}

static void test_uniform(void **state)
{
	struct chaos_rule r = delay_rule(100 * MS, 30 * MS, 3);

	(void)state;
	draw_delays(&r);
	for (size_t i = 0; i < PACKETS; i++) {
		/* 2^24 steps of 2 jitters: 4 ns. */
		int64_t want =
			dist__delay(NULL, 0, 100 * MS, 30 * MS, model__draw(r.seed, i, DRAW_DELAY));

		assert_in_range(delays[i] - want + 4, 0, 8);
		assert_in_range(delays[i], 70 * MS, 130 * MS);
	}
	assert_distribution(&r, uniform_cdf);
}

static void test_tables(void **state)
{
	static const struct {
		uint32_t at;
		const int16_t *table;
		double (*cdf)(double x);
	} cases[] = {{CHAOS_TABLE_NORMAL, tables.normal, normal_cdf},
		     {CHAOS_TABLE_PARETO, tables.pareto, pareto_cdf},
		     {CHAOS_TABLE_PARETONORMAL, tables.paretonormal, NULL}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct chaos_rule r = delay_rule(100 * MS, 10 * MS, 10 + i);

		r.delay.table = cases[i].at;
		r.delay.table_len = CHAOS_TABLE_LEN;
		draw_delays(&r);
		assert_model(&r, cases[i].table);
		if (cases[i].cdf)
			assert_distribution(&r, cases[i].cdf);
	}
}

/* A table of a length of its own, anywhere. */
static void test_own_table(void **state)
{
	struct chaos_rule r = delay_rule(10 * MS, MS, 20);
	int16_t own[100];
	struct frame f = packet();
	_bench_ struct bench b;

	(void)state;
	r.delay.table = CHAOS_TABLE_PARETO + 17;
	r.delay.table_len = 100;
	open_rule(&b, &r);
	for (uint32_t i = 0; i < 100; i++) {
		own[i] = (int16_t)(-32768 + 655 * (int)i);
		model__put(&b, r.delay.table + i, own[i]);
	}
	for (size_t i = 0; i < PACKETS; i++)
		delays[i] = model__delay(&b, &f);
	assert_model(&r, own);
	model__load(&b, &tables);
}

/* More jitter than latency: what would leave before it came leaves at once. */
static void test_not_before_it_came(void **state)
{
	struct chaos_rule r = delay_rule(MS, 10 * MS, 30);
	double at_once = 0;

	(void)state;
	r.delay.table_len = CHAOS_TABLE_LEN;
	draw_delays(&r);
	assert_model(&r, tables.normal);
	for (size_t i = 0; i < PACKETS; i++) {
		assert_true(delays[i] >= 0);
		at_once += !delays[i];
	}
	assert_share("at once", at_once, normal_cdf(-0.1), PACKETS);
}

/* --- order ------------------------------------------------------------------------------------ */

static double lag1(const int64_t *x, size_t n)
{
	double mean = 0, var = 0, cov = 0;

	for (size_t i = 0; i < n; i++)
		mean += (double)x[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		var += pow((double)x[i] - mean, 2);
	for (size_t i = 1; i < n; i++)
		cov += ((double)x[i] - mean) * ((double)x[i - 1] - mean);
	return cov / var;
}

/* The copula: lag-1 correlation of normal jitter is rho, of uniform one 6/pi asin(rho/2), and either
 * keeps its distribution. (The KS bound is for independent draws: correlated ones count for fewer.) */
static void test_correlation(void **state)
{
	static const double rhos[] = {0.25, 0.9};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (int normal = 0; normal < 2; normal++) {
			double rho = rhos[i], want = normal ? rho : 6 / M_PI * asin(rho / 2);
			struct chaos_rule r = delay_rule(100 * MS, 10 * MS, 40 + i);
			struct dist_copula c = {.normal = tables.normal, .phi = tables.phi};

			assert_int_equal(
				dist__weights(rho, &r.delay.correlation, &r.delay.innovation), 0);
			r.delay.table_len = normal ? CHAOS_TABLE_LEN : 0;
			draw_delays(&r);
			c.correlation = r.delay.correlation;
			c.innovation = r.delay.innovation;
			for (size_t k = 0; k < PACKETS; k++) {
				uint32_t u =
					dist__correlate(&c, model__draw(r.seed, k, DRAW_DELAY));
				int64_t ns = dist__delay(normal ? tables.normal : NULL,
							 r.delay.table_len, 100 * MS, 10 * MS, u);

				assert_in_range(delays[k] - ns + 4, 0, 8);
			}
			/* Bartlett: the variance of an AR(1) process's estimate. */
			assert_near("lag-1 correlation", lag1(delays, PACKETS), want,
				    sqrt((1 - want * want) / PACKETS) + 1e-3);
		}
}

/*
 * Each waits for those before it: the running maximum of what jitter alone gives. A packet paced to an instant that
 * was over before it came counts from when it came, so on a machine that stands still the stretch begins anew ahead.
 */
static void test_in_order(void **state)
{
	struct chaos_rule r = delay_rule(100 * MS, 50 * MS, 50);
	uint64_t at = 0, due = 0, waited = 0, told = 0, n = 1000;
	struct frame f = packet();
	_bench_ struct bench b;

	(void)state;
	r.delay.flags = CHAOS_DELAY_IN_ORDER;
	open_rule(&b, &r);
	/* A microsecond after one another: few are later than all before them. */
	for (size_t i = 0; i < n; i++) {
		uint64_t alone, was = due;

		at += 1000;
		if (at < now_ns() + MODEL_AHEAD_NS / 2)
			at = now_ns() + MODEL_AHEAD_NS;
		alone = at + (uint64_t)dist__delay(NULL, 0, 100 * MS, 50 * MS,
						   model__draw(r.seed, i, DRAW_DELAY));
		due = bench__decide_at(&b, &f, at).due_ns;
		assert_true(due >= was);
		waited += due == was;
		if (now_ns() >= at)
			continue;
		told++;
		if (alone > was + 4)
			assert_in_range(due, alone - 4, alone + 4);
		else if (alone + 4 < was)
			assert_int_equal(due, was);
	}
	assert_true(told > n / 2);
	/* Of n the expected number of maxima is ln n in each stretch. */
	assert_true(waited > n / 2);
}

static void test_jitter_reorders(void **state)
{
	struct chaos_rule r = delay_rule(100 * MS, 50 * MS, 51);
	double before = 0;

	(void)state;
	draw_delays(&r);
	for (size_t i = 1; i < PACKETS; i++)
		before += delays[i] < delays[i - 1];
	/* Of independent draws half are smaller than the one before; SE of the number of descents. */
	assert_near("descents", before / PACKETS, 0.5, sqrt(1.0 / 12 / PACKETS));
}

/* netem's counter: after gap - 1 delayed ones each may overtake, until one does. */
static void test_reorder(void **state)
{
	static const struct {
		double p;
		uint32_t gap;
	} cases[] = {{0.25, 0}, {0.25, 1}, {0.5, 5}, {1, 3}, {0, 3}, {0.9, 2}};
	struct frame f = packet();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chaos_rule r = delay_rule(20 * MS, 0, 60 + i);
		uint32_t gap = cases[i].gap ? cases[i].gap : 1, counter = 0;
		double p = cases[i].p, ahead = 0, share = p ? 1 / (gap - 1 + 1 / p) : 0;
		_bench_ struct bench b;

		r.delay.flags = CHAOS_DELAY_REORDER;
		r.delay.gap = cases[i].gap;
		r.delay.overtake = chance_of(p);
		open_rule(&b, &r);
		for (size_t k = 0; k < PACKETS; k++) {
			bool hit = model__draw(r.seed, k, DRAW_OVERTAKE) < p * 0x1p32;
			bool overtakes = hit && counter + 1 >= gap;

			counter = overtakes ? 0 : counter + 1;
			assert_int_equal(model__delay(&b, &f), overtakes ? 0 : 20 * MS);
			ahead += overtakes;
		}
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).reordered, ahead);
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).delayed, PACKETS - ahead);
		/* A renewal process: its distances vary by sqrt(1 - p) / p. */
		assert_near("overtaking", ahead / PACKETS, share,
			    p ? sqrt((1 - p) / (p * p) * pow(share, 3) / PACKETS) + 1.0 / PACKETS
			      : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_constant),	bpf_test(test_none),
		bpf_test(test_pacing),		bpf_test(test_rules_add_up),
		bpf_test(test_uniform),		bpf_test(test_tables),
		bpf_test(test_own_table),	bpf_test(test_not_before_it_came),
		bpf_test(test_correlation),	bpf_test(test_in_order),
		bpf_test(test_jitter_reorders), bpf_test(test_reorder),
	};

	return harness__main("delay", tests, sizeof(tests) / sizeof(tests[0]));
}
