// SPDX-License-Identifier: GPL-2.0-only
/* Traffic of the hook's node: counted armed or not, before faults at egress and ingress alike. */
#include "harness.h"

enum { NODE = 9, CLASS = 109 };

static const struct chaos_hook COUNTING = {.ident = {CLASS, NODE},
					   .flags = CHAOS_HOOK_FIXED | CHAOS_HOOK_TRAFFIC};

static void test_directions(void **state)
{
	struct frame f = udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
	struct chaos_traffic t;
	_bench_ struct bench b;

	(void)state;
	bench__open(&b, &COUNTING);
	bench__run_times(&b, CHAOS_INGRESS, &f, 3);
	bench__run_times(&b, CHAOS_EGRESS, &f, 5);
	t = bench__traffic(&b, NODE);
	assert_int_equal(t.rx_packets, 3);
	assert_int_equal(t.rx_bytes, 3 * f.len);
	assert_int_equal(t.tx_packets, 5);
	assert_int_equal(t.tx_bytes, 5 * f.len);
	assert_int_equal(t.rx_syn + t.tx_syn + t.rx_rst + t.tx_rst + t.dropped, 0);
	assert_int_equal(bench__stats(&b).packets, 0); /* not armed */
}

static void test_tcp_flags(void **state)
{
	_bench_ struct bench b;
	struct chaos_traffic t;

	(void)state;
	bench__open(&b, &COUNTING);
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct frame f = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, (uint8_t)flags);

		bench__run(&b, CHAOS_INGRESS, &f);
		bench__run(&b, CHAOS_EGRESS, &f);
	}
	t = bench__traffic(&b, NODE);
	assert_int_equal(t.rx_syn, 64);
	assert_int_equal(t.tx_syn, 64);
	assert_int_equal(t.rx_rst, 128);
	assert_int_equal(t.tx_rst, 128);
}

/* What cannot be parsed is traffic too. */
static void test_unparsed(void **state)
{
	struct frame f = {.len = 0};
	_bench_ struct bench b;

	(void)state;
	bench__open(&b, &COUNTING);
	frame__eth(&f, 0x88cc);
	frame__bytes(&f, NULL, 46);
	bench__run(&b, CHAOS_INGRESS, &f);
	assert_int_equal(bench__traffic(&b, NODE).rx_packets, 1);
}

static void test_not_loopback(void **state)
{
	struct frame f = udp_frame("127.0.0.1", 1, "127.0.0.1", 2);
	struct chaos_traffic t;
	_bench_ struct bench b;

	(void)state;
	bench__open(&b, &COUNTING);
	b.ifindex = LOOPBACK;
	bench__run(&b, CHAOS_EGRESS, &f);
	bench__run(&b, CHAOS_INGRESS, &f);
	t = bench__traffic(&b, NODE);
	assert_int_equal(t.rx_packets + t.tx_packets, 0);
}

static void test_only_if_asked(void **state)
{
	struct chaos_hook hook = COUNTING;
	struct frame f = udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
	_bench_ struct bench b;

	(void)state;
	hook.flags = CHAOS_HOOK_FIXED;
	bench__open(&b, &hook);
	bench__arm(&b, 1);
	bench__run(&b, CHAOS_INGRESS, &f);
	assert_int_equal(bench__traffic(&b, NODE).rx_packets, 0);
}

static void test_dropped(void **state)
{
	struct chaos_rule all = {.actions = CHAOS_ACT_PARTITION};
	struct frame f = udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
	struct chaos_traffic t;
	_bench_ struct bench b;

	(void)state;
	bench__open(&b, &COUNTING);
	bench__rule_on(&b, CHAOS_CLASS_OTHER, CLASS, CHAOS_INGRESS, &all);
	bench__rule_on(&b, CLASS, CHAOS_CLASS_OTHER, CHAOS_EGRESS, &all);
	bench__window(&b, 0, 0, 0, FOREVER);
	bench__arm(&b, 1);
	b.gso_segs = 4;
	b.gso_size = 8;
	bench__run(&b, CHAOS_INGRESS, &f);
	bench__run(&b, CHAOS_EGRESS, &f);
	t = bench__traffic(&b, NODE);
	assert_int_equal(t.rx_packets, 4);
	assert_int_equal(t.tx_packets, 4);
	assert_int_equal(t.dropped, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_directions),   bpf_test(test_tcp_flags),	   bpf_test(test_unparsed),
		bpf_test(test_not_loopback), bpf_test(test_only_if_asked), bpf_test(test_dropped),
	};

	return harness__main("traffic", tests, sizeof(tests) / sizeof(tests[0]));
}
