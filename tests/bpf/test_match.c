// SPDX-License-Identifier: GPL-2.0-only
/* Which packets a rule takes by length, dscp, number, TCP flags; on the line, and at the hook before it. */
#include "harness.h"

static struct frame sized(int v6, size_t length)
{
	struct frame f = v6 ? udp_frame("2001:db8::1", 1, "2001:db8::2", 2)
			    : udp_frame("10.0.0.1", 1, "10.0.0.2", 2);

	frame__payload(&f, length - (f.len - f.l3));
	frame__finish(&f);
	return f;
}

static void set_dscp(struct frame *f, unsigned int dscp)
{
	unsigned int class = dscp << 2 | 1; /* beside an ECN that does not matter */

	if (f->data[f->l3] >> 4 == 4) {
		f->data[f->l3 + 1] = (uint8_t) class;
	} else {
		f->data[f->l3] = (uint8_t)(0x60 | class >> 4);
		f->data[f->l3 + 1] = (uint8_t)(class << 4 | 7);
	}
}

static void open_loss(struct bench *b, const struct chaos_match *m)
{
	struct chaos_rule rule = {
		.actions = CHAOS_ACT_LOSS, .match = *m, .loss = {.chance = chance_of(1)}};

	bench__open_usual(b);
	bench__fault(b, &rule);
}

static void test_length(void **state)
{
	struct chaos_match m = {.flags = CHAOS_MATCH_LENGTH, .length_lo = 100, .length_hi = 200};
	struct frame arp;
	_bench_ struct bench b;

	(void)state;
	open_loss(&b, &m);
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < 4; i++) {
			static const size_t lengths[] = {99, 100, 200, 201};
			struct frame f = sized(v6, lengths[i]);

			assert_int_equal(bench__lost(&b, &f), i == 1 || i == 2);
			/* Padding is not the packet's. */
			frame__bytes(&f, NULL, 50);
			assert_int_equal(bench__lost(&b, &f), i == 1 || i == 2);
		}
	/* Without an IP header there is no length. */
	m.flags |= CHAOS_MATCH_NEIGHBOUR;
	m.length_lo = 0;
	frame__eth(&arp, ETH_P_ARP);
	frame__arp(&arp, 1, "10.0.0.1", "10.0.0.2");
	bench__close(&b);
	open_loss(&b, &m);
	assert_false(bench__lost(&b, &arp));
}

/* A GSO packet's length says nothing of its wire packets: at the hook it goes to the line. */
static void test_length_at_the_hook(void **state)
{
	struct chaos_match m = {.flags = CHAOS_MATCH_LENGTH, .length_lo = 100, .length_hi = 200};
	struct frame f = sized(0, 1000);
	_bench_ struct bench b;

	(void)state;
	open_loss(&b, &m);
	assert_int_equal(bench__run(&b, CHAOS_EGRESS, &f), PASSED);
	/* There is none in this test. */
	assert_int_equal(bench__stats(&b).no_line, 1);
}

static void test_dscp(void **state)
{
	(void)state;
	for (uint8_t want = 0; want < 64; want = (uint8_t)(want * 3 + 1)) {
		struct chaos_match m = {.flags = CHAOS_MATCH_DSCP, .dscp = want};
		struct chaos_rule cut = {.actions = CHAOS_ACT_PARTITION, .match = m};
		_bench_ struct bench b;

		open_loss(&b, &m);
		bench__rule_on(&b, CLASS_A, CLASS_B, CHAOS_INGRESS, &cut);
		for (int v6 = 0; v6 < 2; v6++)
			for (unsigned int dscp = 0; dscp < 64; dscp++) {
				struct frame f = sized(v6, 100);

				set_dscp(&f, dscp);
				assert_int_equal(bench__lost(&b, &f), dscp == want);
				assert_int_equal(bench__drops(&b, CHAOS_INGRESS, &f), dscp == want);
			}
	}
}

/* Of those that match otherwise, on one edge; anew in each window. */
static void test_nth_and_first(void **state)
{
	static const struct {
		uint32_t nth, first;
	} cases[] = {{0, 0}, {1, 0}, {3, 0}, {0, 2}, {3, 2}, {10, 100}};
	struct frame f = sized(0, 100), tcp = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct chaos_match m = {
			.proto = IPPROTO_UDP, .nth = cases[i].nth, .first = cases[i].first};
		uint32_t nth = m.nth ? m.nth : 1;
		uint64_t taken = 0;
		_bench_ struct bench b;

		open_loss(&b, &m);
		for (uint64_t window = 0; window < 2; window++) {
			bench__window(&b, 0, 0, window, FOREVER);
			for (uint32_t n = 1; n <= 40; n++) {
				bool takes = n % nth == 0 && (!m.first || n / nth <= m.first);

				assert_int_equal(bench__lost(&b, &f), takes);
				assert_false(bench__lost(&b, &tcp));
				taken += takes;
			}
		}
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched, taken);
	}
}

static void test_nth_of_each_edge(void **state)
{
	struct chaos_rule rule = {
		.actions = CHAOS_ACT_LOSS, .match = {.nth = 2}, .loss = {.chance = chance_of(1)}};
	struct frame ab = udp_frame("10.0.0.1", 1, "10.0.0.2", 2),
		     cb = udp_frame("10.0.0.3", 1, "10.0.0.2", 2);
	struct chaos_pair pair = {.n_rules = 1};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	pair.rule[0] = bench__fault(&b, &rule);
	bench__pair(&b, CLASS_C, CLASS_B, b.port, &pair);
	for (int i = 1; i <= 10; i++) {
		assert_int_equal(bench__lost(&b, &ab), i % 2 == 0);
		if (i % 3 == 0)
			assert_int_equal(bench__lost(&b, &cb), i / 3 % 2 == 0);
	}
}

/* A new connection's packets have SYN, an established one's have not: what user/run/rules.c makes of it. */
static void test_tcp_state(void **state)
{
	struct chaos_match m = {.proto = IPPROTO_TCP, .tcp_mask = TCP_SYN};
	struct frame udp = sized(0, 100);

	(void)state;
	for (int new = 0; new < 2; new ++) {
		_bench_ struct bench b;

		m.tcp_flags = new ? TCP_SYN : 0;
		open_loss(&b, &m);
		for (unsigned int flags = 0; flags < 64; flags++) {
			struct frame f = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, (uint8_t)flags);

			assert_int_equal(bench__lost(&b, &f), !!(flags & TCP_SYN) == new);
		}
		assert_false(bench__lost(&b, &udp));
	}
}

/* --- the detour ------------------------------------------------------------------------------- */

/* The test's device is its own line: what is sent on the detour can be read there. */
static void connect_line(struct bench *b)
{
	struct chaos_device_key key = {.ifindex = (uint32_t)harness__ifindex()};
	struct chaos_device device = {.line = (uint32_t)harness__ifindex()};
	struct frame left;

	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(b->skel->maps.devices), &key, &device, BPF_ANY), 0);
	while (harness__receive(&left))
		;
}

static void test_detour(void **state)
{
	struct chaos_match m = {.proto = IPPROTO_UDP};
	struct frame f = sized(0, 100), tcp = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK), got;
	struct chaos_rule rule = {.actions = CHAOS_ACT_DELAY, .match = m};
	_bench_ struct bench b;

	(void)state;
	open_loss(&b, &m);
	bench__rule_on(&b, CLASS_A, CLASS_B, CHAOS_INGRESS, &rule);
	connect_line(&b);
	/* A copy goes, the packet itself is dropped as that direction drops. */
	for (int dir = 0; dir < 2; dir++) {
		assert_int_equal(bench__run(&b, (enum chaos_direction)dir, &f),
				 dir == CHAOS_INGRESS ? SHOT : REDIRECTED);
		assert_true(harness__receive(&got));
		assert_int_equal(got.len, f.len);
		assert_memory_equal(got.data, f.data, f.len);
		assert_int_equal(bench__run(&b, (enum chaos_direction)dir, &tcp), PASSED);
		assert_false(harness__receive(&got));
	}
	/* It is counted where it is decided. */
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched, 0);
	assert_int_equal(bench__stats(&b).no_line, 0);
	/* Out of its window nothing leaves its way. */
	bench__window(&b, 0, 0, 0, 0);
	assert_int_equal(bench__run(&b, CHAOS_EGRESS, &f), PASSED);
	assert_false(harness__receive(&got));
}

/* What is exempt takes no detour, which would cost it time and its order. */
static void test_exempt_takes_no_detour(void **state)
{
	struct frame f = sized(0, 100), got;
	struct chaos_match all = {.proto = 0};
	_bench_ struct bench b;

	(void)state;
	open_loss(&b, &all);
	connect_line(&b);
	assert_int_equal(bench__run(&b, CHAOS_EGRESS, &f), REDIRECTED);
	assert_true(harness__receive(&got));
	bench__exempt(&b, "10.0.0.2", 2, IPPROTO_UDP);
	assert_int_equal(bench__run(&b, CHAOS_EGRESS, &f), PASSED);
	assert_false(harness__receive(&got));
	assert_int_equal(bench__stats(&b).exempted, 1);
}

/* A partition before other faults of the pair needs no line; behind one it is the line's. */
static void test_partition_and_others(void **state)
{
	struct chaos_rule cut = {.actions = CHAOS_ACT_PARTITION, .match = {.proto = IPPROTO_UDP}},
			  slow = {.fault = 1, .actions = CHAOS_ACT_DELAY};
	struct frame udp = sized(0, 100), tcp = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK),
		     got;

	(void)state;
	for (int cut_first = 0; cut_first < 2; cut_first++) {
		struct chaos_rule rules[] = {cut_first ? cut : slow, cut_first ? slow : cut};
		_bench_ struct bench b;

		bench__open_usual(&b);
		bench__faults(&b, rules, 2);
		connect_line(&b);
		assert_int_equal(bench__run(&b, CHAOS_EGRESS, &udp), REDIRECTED);
		assert_int_equal(harness__receive(&got), !cut_first);
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, cut_first);
		assert_int_equal(bench__run(&b, CHAOS_EGRESS, &tcp), REDIRECTED);
		assert_true(harness__receive(&got));
		assert_true(bench__lost(&b, &udp));
		assert_false(bench__lost(&b, &tcp));
		assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, cut_first + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_length),
		bpf_test(test_length_at_the_hook),
		bpf_test(test_dscp),
		bpf_test(test_nth_and_first),
		bpf_test(test_nth_of_each_edge),
		bpf_test(test_tcp_state),
		bpf_test(test_detour),
		bpf_test(test_exempt_takes_no_detour),
		bpf_test(test_partition_and_others),
	};

	return harness__main("match", tests, sizeof(tests) / sizeof(tests[0]));
}
