// SPDX-License-Identifier: GPL-2.0-only
/*
 * A link's bandwidth, burst and queue, to the nanosecond: packets come at instants that the test names (their
 * sender's delivery times), so what the clock does in between has no part.
 */
#include "model.h"

enum { SIZE = 1014, SPEED = 1000000, SEND_NS = SIZE * 1000, MS = 1000000 };

static uint64_t base_ns;

static struct frame packet(const char *src)
{
	struct frame f = udp_frame(src, 1, "10.0.0.2", 2);

	frame__payload(&f, SIZE - f.len);
	frame__finish(&f);
	return f;
}

static struct chaos_rule rate_rule(double bytes_per_s)
{
	return (struct chaos_rule){.actions = CHAOS_ACT_RATE,
				   .rate = {.bytes_per_s = still(bytes_per_s)}};
}

static void open_rule(struct bench *b, const struct chaos_rule *rule)
{
	bench__open_usual(b);
	bench__fault(b, rule);
	base_ns = now_ns() + 300 * MS;
}

/* A packet that comes @at ns after the base; when it leaves, since the base; -1: dropped. */
static int64_t passes(struct bench *b, const struct frame *f, uint64_t at)
{
	struct decided d = bench__decide_at(b, f, base_ns + at);

	if (now_ns() >= base_ns + at)
		fail_msg("this machine stood still");
	return d.lost ? -1 : (int64_t)(d.due_ns - base_ns);
}

static struct chaos_edge_counts edge(struct bench *b)
{
	return bench__edge(b, 0, NODE_A, NODE_B);
}

/* A packet is there when its last bit is; the next one's first bit follows. */
static void test_spacing(void **state)
{
	struct chaos_rule rule = rate_rule(SPEED);
	struct frame f = packet("10.0.0.1");
	_bench_ struct bench b;

	(void)state;
	open_rule(&b, &rule);
	for (int64_t i = 1; i <= 300; i++)
		assert_int_equal(passes(&b, &f, 0), i * SEND_NS);
	/* While it sends, later ones wait their turn; after a pause one waits for itself alone. */
	assert_int_equal(passes(&b, &f, 50 * MS), 301 * SEND_NS);
	assert_int_equal(passes(&b, &f, 500 * MS), 500 * MS + SEND_NS);
	assert_int_equal(edge(&b).shaped, 302);
	assert_int_equal(edge(&b).dropped, 0);
	assert_int_equal(edge(&b).overflowed, 0);
}

/* Each is rounded down to a nanosecond, so the share of time is right within 1 ns a packet. */
static void test_bandwidths(void **state)
{
	static const double speeds[] = {125e6, 1.25e9, 12.5e9, 7777777, 12500};
	struct frame f = packet("10.0.0.1");

	(void)state;
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
		struct chaos_rule rule = rate_rule(speeds[i]);
		double want = 200 * (SIZE * 1e9 / speeds[i]);
		int64_t last = 0;
		_bench_ struct bench b;

		open_rule(&b, &rule);
		for (int k = 0; k < 200; k++)
			last = passes(&b, &f, 0);
		assert_true((double)last <= want + 1 && (double)last >= want - 200);
	}
}

/* What was not used, up to the burst, passes at once. */
static void test_burst(void **state)
{
	struct chaos_rule rule = rate_rule(SPEED);
	struct frame f = packet("10.0.0.1");
	_bench_ struct bench b;

	(void)state;
	rule.rate.burst_bytes = 10 * SIZE;
	open_rule(&b, &rule);
	for (int64_t i = 1; i <= 20; i++)
		assert_int_equal(passes(&b, &f, 0), i <= 10 ? 0 : (i - 10) * SEND_NS);
	assert_int_equal(edge(&b).shaped, 10);
	/* The queue is empty at 10 packets' time; at 14, four may pass at once. */
	for (int64_t i = 1; i <= 6; i++)
		assert_int_equal(passes(&b, &f, 14 * SEND_NS),
				 14 * SEND_NS + (i <= 4 ? 0 : (i - 4) * SEND_NS));
	/* And however long the pause, no more than ten. */
	for (int64_t i = 1; i <= 12; i++)
		assert_int_equal(passes(&b, &f, 400 * MS),
				 400 * MS + (i <= 10 ? 0 : (i - 10) * SEND_NS));
}

/* A packet that finds more than the limit before it is dropped. */
static void test_queue(void **state)
{
	struct frame f = packet("10.0.0.1");

	(void)state;
	for (int in_ns = 0; in_ns < 2; in_ns++) {
		struct chaos_rule rule = rate_rule(SPEED);
		_bench_ struct bench b;

		if (in_ns)
			rule.rate.queue_ns = 5 * SEND_NS;
		else
			rule.rate.queue_bytes = 5 * SIZE;
		open_rule(&b, &rule);
		for (int64_t i = 1; i <= 10; i++)
			assert_int_equal(passes(&b, &f, 0), i <= 6 ? i * SEND_NS : -1);
		assert_int_equal(edge(&b).overflowed, 4);
		assert_int_equal(edge(&b).dropped, 4);
		/* One has gone, so there is room for one. */
		assert_int_equal(passes(&b, &f, SEND_NS), 7 * SEND_NS);
		assert_int_equal(passes(&b, &f, SEND_NS), -1);
		assert_int_equal(edge(&b).shaped, 7);
		assert_int_equal(edge(&b).matched, 12);
	}
}

/* Each edge is a link of its own, and each window begins with an empty queue. */
static void test_links(void **state)
{
	struct chaos_rule rule = rate_rule(SPEED);
	struct frame f = packet("10.0.0.1"), other = packet("10.0.0.3");
	struct chaos_pair pair = {.n_rules = 1};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	pair.rule[0] = bench__fault(&b, &rule);
	bench__pair(&b, CLASS_C, CLASS_B, b.port, &pair);
	base_ns = now_ns() + 300 * MS;
	for (int64_t i = 1; i <= 10; i++) {
		assert_int_equal(passes(&b, &f, 0), i * SEND_NS);
		assert_int_equal(passes(&b, &other, 0), i * SEND_NS);
	}
	bench__window(&b, 0, 0, 1, FOREVER);
	assert_int_equal(passes(&b, &f, 0), SEND_NS);
}

/* A GSO packet is on the link as long as its wire packets are. */
static void test_gso(void **state)
{
	struct chaos_rule rule = rate_rule(SPEED);
	struct frame f = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK);
	_bench_ struct bench b;

	(void)state;
	frame__payload(&f, 900);
	frame__finish(&f);
	open_rule(&b, &rule);
	b.gso_segs = 3;
	b.gso_size = 300;
	assert_int_equal(passes(&b, &f, 0), 1000 * (3 * (ETH_HLEN + 40 + 300)));
	assert_int_equal(edge(&b).shaped, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_spacing), bpf_test(test_bandwidths), bpf_test(test_burst),
		bpf_test(test_queue),	bpf_test(test_links),	   bpf_test(test_gso),
	};

	return harness__main("rate", tests, sizeof(tests) / sizeof(tests[0]));
}
