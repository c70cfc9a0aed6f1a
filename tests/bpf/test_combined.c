// SPDX-License-Identifier: GPL-2.0-only
/* Several faults in one rule, several rules on one pair: each in its order, each with its own share. */
#include "model.h"

#include <math.h>

enum { MS = 1000000, PACKETS = 4000 };

static struct frame packet(size_t payload)
{
	struct frame f = tcp_frame("10.0.0.1", 1000, "10.0.0.2", 80, TCP_ACK);

	f.data[f.l3 + 1] = 2; /* ECT(0) */
	frame__payload(&f, payload);
	frame__finish(&f);
	return f;
}

static struct chaos_edge_counts edge(struct bench *b, uint32_t fault)
{
	return bench__edge(b, fault, NODE_A, NODE_B);
}

/* All that a packet can survive, at once. */
static void test_all_in_one(void **state)
{
	struct chaos_rule r = {
		.actions = CHAOS_ACT_DUPLICATE | CHAOS_ACT_RESET | CHAOS_ACT_REJECT |
			   CHAOS_ACT_MTU | CHAOS_ACT_LOSS | CHAOS_ACT_CORRUPT | CHAOS_ACT_ECN |
			   CHAOS_ACT_RATE | CHAOS_ACT_DELAY,
		.seed = 1,
		.effects = CHAOS_CORRUPT_SILENT,
		.corrupt = chance_of(1),
		.ecn = chance_of(1),
		.mtu = still(1500),
		.rate = {.bytes_per_s = still(1000000)},
		.delay = {.latency_ns = still(20 * MS)},
	};
	struct frame f = packet(946); /* 1000 bytes */
	struct decided d;
	struct seen s;
	_bench_ struct bench b;
	int64_t ns;

	(void)state;
	assert_int_equal(f.len, 1000);
	bench__open_usual(&b);
	bench__fault(&b, &r);
	d = model__decide(&b, &f, &ns);
	s = frame__look(&d.out);
	/* The time to send it, then the time to travel. */
	assert_int_equal(ns, 21 * MS);
	assert_true(s.ip_right && s.l4_right);
	assert_int_equal(d.out.data[f.l3 + 1] & 3, 3);
	assert_memory_not_equal(d.out.data + s.payload, f.data + s.payload, f.len - s.payload);
	assert_int_equal(edge(&b, 0).matched, 1);
	assert_int_equal(edge(&b, 0).delayed, 1);
	assert_int_equal(edge(&b, 0).shaped, 1);
	assert_int_equal(edge(&b, 0).marked, 1);
	assert_int_equal(edge(&b, 0).corrupted, 1);
	assert_int_equal(edge(&b, 0).dropped, 0);
}

/* The first that drops a packet ends it: in the order of the bits, whatever else the rule has. */
static void test_a_drop_ends(void **state)
{
	static const struct {
		uint32_t actions;
		size_t counter; /* that alone counts the packet, beside dropped */
	} cases[] = {
#define CASE(more, counter) {more, offsetof(struct chaos_edge_counts, counter)}
		CASE(CHAOS_ACT_LOSS, dropped),
		CASE(CHAOS_ACT_LOSS | CHAOS_ACT_MTU, dropped),
		CASE(CHAOS_ACT_LOSS | CHAOS_ACT_MTU | CHAOS_ACT_REJECT, rejected),
		CASE(CHAOS_ACT_LOSS | CHAOS_ACT_MTU | CHAOS_ACT_REJECT | CHAOS_ACT_RESET, reset),
		CASE(CHAOS_ACT_LOSS | CHAOS_ACT_RESET | CHAOS_ACT_PARTITION, dropped),
#undef CASE
	};
	struct frame f = packet(946);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chaos_rule r = {
			.actions = cases[i].actions | CHAOS_ACT_CORRUPT | CHAOS_ACT_ECN |
				   CHAOS_ACT_RATE | CHAOS_ACT_DELAY,
			.effects = CHAOS_RESET_SENDER,
			.reset = chance_of(1),
			.reject = chance_of(1),
			.mtu = still(500),
			.loss = {.chance = chance_of(1)},
			.corrupt = chance_of(1),
			.ecn = chance_of(1),
			.rate = {.bytes_per_s = still(1)},
			.delay = {.latency_ns = still(MS)},
		};
		struct chaos_edge_counts c;
		_bench_ struct bench b;
		uint64_t n;

		bench__open_usual(&b);
		bench__fault(&b, &r);
		bench__decide(&b, &f);
		c = edge(&b, 0);
		memcpy(&n, (char *)&c + cases[i].counter, sizeof(n));
		assert_int_equal(n, 1);
		assert_int_equal(c.dropped, 1);
		assert_int_equal(c.rejected + c.reset + c.corrupted + c.marked + c.shaped +
					 c.delayed,
				 cases[i].counter != offsetof(struct chaos_edge_counts, dropped));
	}
}

/* What the first rule takes away the second does not see; it has draws of its own. */
static void test_two_losses(void **state)
{
	struct chaos_rule rules[] = {
		{.actions = CHAOS_ACT_LOSS, .seed = 1, .loss = {.chance = chance_of(0.2)}},
		{.fault = 1,
		 .actions = CHAOS_ACT_LOSS,
		 .seed = 2,
		 .loss = {.chance = chance_of(0.5)}}};
	struct frame f = packet(10);
	double arrived = 0;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__faults(&b, rules, 2);
	for (int i = 0; i < PACKETS; i++)
		arrived += !bench__lost(&b, &f);
	assert_share("arrived", arrived, 0.8 * 0.5, PACKETS);
	assert_share("first", (double)edge(&b, 0).dropped, 0.2, PACKETS);
	assert_int_equal(edge(&b, 1).matched, PACKETS - edge(&b, 0).dropped);
	assert_share("second", (double)edge(&b, 1).dropped, 0.5, (double)edge(&b, 1).matched);
}

/* In the order of the pair: what a link has delayed comes to the next one later. */
static void test_rules_in_order(void **state)
{
	struct chaos_rule slow = {.actions = CHAOS_ACT_DELAY,
				  .delay = {.latency_ns = still(20 * MS)}},
			  thin = {.fault = 1,
				  .actions = CHAOS_ACT_RATE,
				  .rate = {.bytes_per_s = still(1000000), .burst_bytes = 5000}};
	struct frame f = packet(946);

	(void)state;
	for (int slow_first = 0; slow_first < 2; slow_first++) {
		struct chaos_rule rules[] = {slow_first ? slow : thin, slow_first ? thin : slow};
		uint64_t pace = now_ns() + MODEL_AHEAD_NS / 2;
		_bench_ struct bench b;

		bench__open_usual(&b);
		bench__faults(&b, rules, 2);
		for (uint64_t i = 1; i <= 10; i++)
			assert_int_equal(bench__decide_at(&b, &f, pace).due_ns - pace,
					 (20 + (i > 5 ? i - 5 : 0)) * MS);
	}
}

/* A full pair: every rule takes the packet, and their delays add up. */
static void test_full_pair(void **state)
{
	struct chaos_rule rules[CHAOS_RULES_PER_PAIR] = {{.fault = 0}};
	struct frame f = packet(10);
	_bench_ struct bench b;
	int64_t want = 0;

	(void)state;
	for (uint32_t i = 0; i < CHAOS_RULES_PER_PAIR; i++) {
		rules[i].fault = i;
		rules[i].actions = CHAOS_ACT_DELAY;
		rules[i].delay.latency_ns = still(1 << i);
		want += 1 << i;
	}
	bench__open_usual(&b);
	bench__faults(&b, rules, CHAOS_RULES_PER_PAIR);
	assert_int_equal(model__delay(&b, &f), want);
	for (uint32_t i = 0; i < CHAOS_RULES_PER_PAIR; i++)
		assert_int_equal(edge(&b, i).delayed, 1);
	/* The last one's window ends. */
	bench__window(&b, CHAOS_RULES_PER_PAIR - 1, 0, 0, 1);
	assert_int_equal(model__delay(&b, &f), want - (1 << (CHAOS_RULES_PER_PAIR - 1)));
}

/* Frames of every shape meet the same rule. */
static void test_shapes(void **state)
{
	struct chaos_rule r = {.actions = CHAOS_ACT_DELAY | CHAOS_ACT_LOSS,
			       .delay = {.latency_ns = still(7 * MS)}};
	struct frame frames[6];
	_bench_ struct bench b;

	(void)state;
	frames[0] = packet(10);
	frames[1] = udp_frame("2001:db8::1", 1, "2001:db8::2", 2);
	frame__eth(&frames[2], ETH_P_8021Q);
	frame__vlan(&frames[2], 5, ETH_P_IP);
	frame__ipv4(&frames[2], "10.0.0.1", "10.0.0.2", IPPROTO_UDP, 0, 40);
	frame__udp(&frames[2], 1, 2);
	frame__eth(&frames[3], ETH_P_IP);
	frame__ipv4(&frames[3], "10.0.0.1", "10.0.0.2", IPPROTO_TCP, 100, 0); /* a later fragment */
	frame__payload(&frames[3], 20);
	frame__eth(&frames[4], ETH_P_IPV6);
	frame__ipv6(&frames[4], "2001:db8::1", "2001:db8::2", IPPROTO_FRAGMENT);
	frame__ext_frag(&frames[4], IPPROTO_SCTP, 0);
	frame__sctp(&frames[4], 1, 2);
	frame__eth(&frames[5], ETH_P_IP);
	frame__ipv4(&frames[5], "10.0.0.1", "10.0.0.2", 112, 0, 0);
	frame__payload(&frames[5], 20);
	bench__open_usual(&b);
	bench__fault(&b, &r);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(model__delay(&b, &frames[i]), 7 * MS);
	assert_int_equal(edge(&b, 0).delayed, 6);
}

/* Nobody's packet, of no hook of ours: not let through, for it would not find its way back. */
static void test_stray(void **state)
{
	struct chaos_port none = {.line = 0};
	struct frame f = packet(10);
	uint32_t key = 0;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b.line->maps.ports), &key, &none, BPF_ANY),
			 0);
	assert_true(bench__lost(&b, &f));
	assert_int_equal(bench__stats(&b).stray, 1);
}

/* With t0 lifted what is on the line leaves it at once. */
static void test_disarmed(void **state)
{
	struct chaos_rule r = {.actions = CHAOS_ACT_LOSS, .loss = {.chance = chance_of(1)}};
	struct frame f = packet(10);
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__fault(&b, &r);
	assert_true(bench__lost(&b, &f));
	bench__arm(&b, 0);
	assert_false(bench__lost(&b, &f));
	bench__arm(&b, now_ns() + 3600 * 1000 * (uint64_t)MS);
	assert_false(bench__lost(&b, &f));
	assert_int_equal(edge(&b, 0).matched, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_all_in_one), bpf_test(test_a_drop_ends),
		bpf_test(test_two_losses), bpf_test(test_rules_in_order),
		bpf_test(test_full_pair),  bpf_test(test_shapes),
		bpf_test(test_stray),	   bpf_test(test_disarmed),
	};

	return harness__main("combined", tests, sizeof(tests) / sizeof(tests[0]));
}
