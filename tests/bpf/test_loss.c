// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loss: its share within 4 standard errors of p (each of these checks fails by chance once in 16,000; the
 * seeds are fixed, so they do not), the same decisions for the same seed, independence.
 */
#include "harness.h"

enum { DRAWS = 100000, DECISIONS = 4000 };

static struct chaos_rule loss_rule(double p, uint64_t seed)
{
	return (struct chaos_rule){
		.actions = CHAOS_ACT_LOSS, .seed = seed, .loss = {.chance = chance_of(p)}};
}

static struct frame packet(void)
{
	return udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
}

static void test_share(void **state)
{
	static const double ps[] = {0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 0.9, 0.999};
	struct frame f = packet();

	(void)state;
	for (size_t i = 0; i < sizeof(ps) / sizeof(ps[0]); i++)
		for (uint64_t seed = 0; seed < 3; seed++) {
			struct chaos_rule rule = loss_rule(ps[i], seed);
			struct chaos_edge_counts c;
			_bench_ struct bench b;

			bench__open_usual(&b);
			bench__fault(&b, &rule);
			bench__decide_times(&b, &f, DRAWS);
			c = bench__edge(&b, 0, NODE_A, NODE_B);
			assert_int_equal(c.matched, DRAWS);
			assert_share("lost", (double)c.dropped, ps[i], DRAWS);
		}
}

static void test_never_and_always(void **state)
{
	static const struct {
		uint64_t threshold, lost;
	} cases[] = {{0, 0}, {1ULL << 32, DRAWS}, {UINT64_MAX, DRAWS}};
	struct frame f = packet();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct chaos_rule rule = loss_rule(0, 1);
		_bench_ struct bench b;

		rule.loss.chance.p = (struct chaos_param){cases[i].threshold, cases[i].threshold};
		bench__open_usual(&b);
		bench__fault(&b, &rule);
		bench__decide_times(&b, &f, DRAWS);
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, cases[i].lost);
	}
}

/* The fate of each packet at p = 1/2. */
static void decide(uint64_t seed, enum chaos_direction dir, bool fate[DECISIONS])
{
	struct chaos_rule rule = loss_rule(0.5, seed);
	struct frame f = packet();
	_bench_ struct bench b;

	bench__open_usual(&b);
	bench__port(&b, dir);
	bench__fault(&b, &rule);
	for (size_t i = 0; i < DECISIONS; i++)
		fate[i] = bench__lost(&b, &f);
}

static double equal(const bool *a, const bool *b, size_t n)
{
	double same = 0;

	for (size_t i = 0; i < n; i++)
		same += a[i] == b[i];
	return same;
}

static void test_seed_decides(void **state)
{
	bool a[DECISIONS], again[DECISIONS], near[DECISIONS], shifted[DECISIONS];

	(void)state;
	decide(42, CHAOS_INGRESS, a);
	decide(42, CHAOS_EGRESS, again);
	assert_memory_equal(a, again, sizeof(a));
	/* Of other seeds half agree: of the next one, and of one that a plain SplitMix64 would make the
	 * same sequence, one step on. */
	decide(43, CHAOS_INGRESS, near);
	assert_share("equal", equal(a, near, DECISIONS), 0.5, DECISIONS);
	decide(42 + 0x9e3779b97f4a7c15ULL, CHAOS_INGRESS, shifted);
	assert_share("equal", equal(a, shifted, DECISIONS), 0.5, DECISIONS);
	assert_share("equal", equal(a + 1, shifted, DECISIONS - 1), 0.5, DECISIONS - 1);
}

/* What a packet meets says nothing of the later ones. */
static void test_independent(void **state)
{
	bool fate[DECISIONS];

	(void)state;
	decide(7, CHAOS_INGRESS, fate);
	for (size_t lag = 1; lag <= 16; lag++)
		assert_share("equal", equal(fate, fate + lag, DECISIONS - lag), 0.5,
			     (double)(DECISIONS - lag));
}

/* Two rules have draws of their own: both lose, the second of what the first left. */
static void test_two_rules(void **state)
{
	struct chaos_rule first = loss_rule(0.3, 1), second = loss_rule(0.3, 1);
	struct chaos_pair pair = {.n_rules = 2};
	struct chaos_edge_counts one, two;
	struct frame f = packet();
	_bench_ struct bench b;

	(void)state;
	second.fault = 1;
	second.seed = 2;
	bench__open_usual(&b);
	bench__window(&b, 1, 0, 0, FOREVER);
	pair.rule[0] = bench__rule(&b, &first);
	pair.rule[1] = bench__rule(&b, &second);
	bench__pair(&b, CLASS_A, CLASS_B, b.port, &pair);
	bench__decide_times(&b, &f, DRAWS);
	one = bench__edge(&b, 0, NODE_A, NODE_B);
	two = bench__edge(&b, 1, NODE_A, NODE_B);
	assert_share("first rule", (double)one.dropped, 0.3, DRAWS);
	assert_int_equal(two.matched, DRAWS - one.dropped);
	assert_share("second rule", (double)two.dropped, 0.3, (double)two.matched);
}

/* GSO: the lost share of wire packets is p, in whole skbs; counters and bytes are the wire's. */
static void test_gso(void **state)
{
	enum { SEGS = 45, SKBS = 50000, PAYLOAD = 500 };
	struct frame f = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK);
	struct chaos_rule rule = loss_rule(0.01, 5);
	struct chaos_edge_counts c;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__fault(&b, &rule);
	frame__bytes(&f, NULL, PAYLOAD);
	f.data[ETH_HLEN + 2] = (20 + 20 + PAYLOAD) >> 8; /* the IP length, for the link's */
	f.data[ETH_HLEN + 3] = (20 + 20 + PAYLOAD) & 255;
	b.gso_segs = SEGS;
	b.gso_size = 1448;
	bench__decide_times(&b, &f, SKBS);
	c = bench__edge(&b, 0, NODE_A, NODE_B);
	assert_int_equal(c.matched, (uint64_t)SEGS * SKBS);
	assert_int_equal(c.matched_bytes, (f.len + (SEGS - 1) * (ETH_HLEN + 20 + 20)) * SKBS);
	assert_int_equal(c.dropped % SEGS, 0);
	assert_share("lost", (double)c.dropped / SEGS, 0.01, SKBS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_share),	     bpf_test(test_never_and_always),
		bpf_test(test_seed_decides), bpf_test(test_independent),
		bpf_test(test_two_rules),    bpf_test(test_gso),
	};

	return harness__main("loss", tests, sizeof(tests) / sizeof(tests[0]));
}
