// SPDX-License-Identifier: GPL-2.0-only
/* Which packets a rule takes, in which order rules run, what is exempt, what is counted. */
#include "harness.h"

static bool drops(struct bench *b, const struct frame *f)
{
	return bench__drops(b, CHAOS_INGRESS, f);
}

static bool cut_drops(const struct chaos_match *m, const struct frame *f)
{
	_bench_ struct bench b;

	bench__open_usual(&b);
	bench__cut(&b, m);
	return drops(&b, f);
}

static void test_proto(void **state)
{
	struct frame tcp = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, TCP_ACK),
		     udp = udp_frame("2001:db8::1", 1, "2001:db8::2", 2);
	struct chaos_match m = {.proto = IPPROTO_TCP};

	(void)state;
	assert_true(cut_drops(&m, &tcp));
	assert_false(cut_drops(&m, &udp));
	m.proto = IPPROTO_UDP;
	assert_false(cut_drops(&m, &tcp));
	assert_true(cut_drops(&m, &udp));
	m.proto = 0;
	assert_true(cut_drops(&m, &tcp));
	assert_true(cut_drops(&m, &udp));
}

static bool ports_drop(struct bench *b, uint16_t sport, uint16_t dport)
{
	struct frame f = udp_frame("10.0.0.1", sport, "10.0.0.2", dport);

	return drops(b, &f);
}

static void test_ports(void **state)
{
	struct chaos_match either = {.n_port = 2, .port = {{80, 80}, {1000, 2000}}},
			   source = {.n_sport = 1, .sport = {{53, 53}}},
			   both = {.n_sport = 1,
				   .n_dport = 1,
				   .sport = {{1024, 65535}},
				   .dport = {{0, 79}}};
	_bench_ struct bench e, s, d;

	(void)state;
	bench__open_usual(&e);
	bench__cut(&e, &either);
	assert_true(ports_drop(&e, 80, 9));
	assert_true(ports_drop(&e, 9, 80));
	assert_true(ports_drop(&e, 9, 1000));
	assert_true(ports_drop(&e, 2000, 9));
	assert_false(ports_drop(&e, 999, 2001));
	assert_false(ports_drop(&e, 79, 81));

	bench__open_usual(&s);
	bench__cut(&s, &source);
	assert_true(ports_drop(&s, 53, 9));
	assert_false(ports_drop(&s, 9, 53));

	bench__open_usual(&d);
	bench__cut(&d, &both);
	assert_true(ports_drop(&d, 65535, 0));
	assert_true(ports_drop(&d, 1024, 79));
	assert_false(ports_drop(&d, 1023, 79));
	assert_false(ports_drop(&d, 1024, 80));
}

/* Every range of a full list counts, and none behind its end. */
static void test_port_list_length(void **state)
{
	struct chaos_match m = {.n_port = 0};

	(void)state;
	for (uint16_t i = 0; i < CHAOS_PORTS_PER_MATCH; i++)
		m.dport[i] = (struct chaos_port_range){(uint16_t)(100 + i), (uint16_t)(100 + i)};
	for (uint8_t n = 1; n <= CHAOS_PORTS_PER_MATCH; n++) {
		_bench_ struct bench b;

		m.n_dport = n;
		bench__open_usual(&b);
		bench__cut(&b, &m);
		for (uint16_t i = 0; i < CHAOS_PORTS_PER_MATCH; i++)
			assert_int_equal(ports_drop(&b, 9, (uint16_t)(100 + i)), i < n);
	}
}

static void test_tcp_flags(void **state)
{
	struct chaos_match m = {.tcp_mask = TCP_SYN | TCP_ACK, .tcp_flags = TCP_SYN};
	struct frame udp = udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, &m);
	for (unsigned int flags = 0; flags < 256; flags++) {
		struct frame f = tcp_frame("10.0.0.1", 1, "10.0.0.2", 2, (uint8_t)flags);

		assert_int_equal(drops(&b, &f), (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN);
	}
	assert_false(drops(&b, &udp));
	m.tcp_flags = 0; /* neither of them: still only TCP */
	assert_false(cut_drops(&m, &udp));
}

/* A pair is ordered and has a direction. */
static void test_pair_is_exact(void **state)
{
	struct frame ab = udp_frame("10.0.0.1", 1, "10.0.0.2", 2),
		     ba = udp_frame("10.0.0.2", 1, "10.0.0.1", 2),
		     ac = udp_frame("10.0.0.1", 1, "10.0.0.3", 2);
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, NULL);
	assert_true(drops(&b, &ab));
	assert_false(drops(&b, &ba));
	assert_false(drops(&b, &ac));
	assert_false(bench__drops(&b, CHAOS_EGRESS, &ab));
}

static void test_verdicts(void **state)
{
	struct chaos_rule all = {.actions = CHAOS_ACT_PARTITION};
	struct frame ab = udp_frame("10.0.0.1", 1, "10.0.0.2", 2),
		     ac = udp_frame("10.0.0.1", 1, "10.0.0.3", 2);
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, NULL);
	bench__rule_on(&b, CLASS_A, CLASS_B, CHAOS_EGRESS, &all);
	assert_int_equal(bench__run(&b, CHAOS_INGRESS, &ab), SHOT);
	assert_int_equal(bench__run(&b, CHAOS_EGRESS, &ab), REDIRECTED);
	assert_int_equal(bench__run(&b, CHAOS_INGRESS, &ac), PASSED);
	assert_int_equal(bench__run(&b, CHAOS_EGRESS, &ac), PASSED);
}

/*
 * A full pair: rule i is of fault i and takes port i or more. The first that takes a packet drops it, the
 * ones before it are not counted, nor those behind it.
 */
static void test_order(void **state)
{
	struct chaos_pair pair = {.n_rules = CHAOS_RULES_PER_PAIR};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	for (uint32_t i = 0; i < CHAOS_RULES_PER_PAIR; i++) {
		/* The highest port first. */
		uint16_t port = (uint16_t)(CHAOS_RULES_PER_PAIR - i);
		struct chaos_rule rule = {.fault = i,
					  .actions = CHAOS_ACT_PARTITION,
					  .match = {.n_dport = 1, .dport = {{port, UINT16_MAX}}}};

		bench__window(&b, i, 0, 0, FOREVER);
		pair.rule[i] = bench__rule(&b, &rule);
	}
	bench__pair(&b, CLASS_A, CLASS_B, CHAOS_INGRESS, &pair);
	for (uint16_t port = 1; port <= CHAOS_RULES_PER_PAIR; port++)
		for (uint16_t times = 0; times < port; times++)
			assert_true(ports_drop(&b, 9, port));
	assert_false(ports_drop(&b, 9, 0));
	for (uint32_t i = 0; i < CHAOS_RULES_PER_PAIR; i++)
		assert_int_equal(bench__edge(&b, i, NODE_A, NODE_B).dropped,
				 CHAOS_RULES_PER_PAIR - i);
}

/* A rule that is off does not hide the next, nor does one that takes other packets or does nothing. */
static void test_goes_on(void **state)
{
	struct chaos_rule off = {.fault = 1, .actions = CHAOS_ACT_PARTITION},
			  other = {.fault = 2,
				   .actions = CHAOS_ACT_LOSS,
				   .match = {.proto = IPPROTO_TCP}},
			  idle = {.fault = 2}, cut = {.fault = 0, .actions = CHAOS_ACT_PARTITION};
	struct chaos_pair pair = {.n_rules = 4};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__window(&b, 2, 0, 0, FOREVER);
	pair.rule[0] = bench__rule(&b, &off);
	pair.rule[1] = bench__rule(&b, &other);
	pair.rule[2] = bench__rule(&b, &idle);
	pair.rule[3] = bench__rule(&b, &cut);
	bench__pair(&b, CLASS_A, CLASS_B, CHAOS_INGRESS, &pair);
	assert_true(ports_drop(&b, 1, 2));
	assert_int_equal(bench__edge(&b, 1, NODE_A, NODE_B).matched, 0);
	assert_int_equal(bench__edge(&b, 2, NODE_A, NODE_B).matched, 0);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, 1);
}

/* On the line the same: a fault that does nothing counts, and lets the packet go on to the next. */
static void test_goes_on_on_the_line(void **state)
{
	struct chaos_rule rules[] = {{.fault = 1, .actions = CHAOS_ACT_PARTITION},
				     {.fault = 2, .actions = CHAOS_ACT_LOSS},
				     {.fault = 0, .actions = CHAOS_ACT_PARTITION}};
	struct frame f = udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__faults(&b, rules, 3);
	bench__window(&b, 1, 0, 0, 0);
	assert_true(bench__lost(&b, &f));
	assert_int_equal(bench__edge(&b, 1, NODE_A, NODE_B).matched, 0);
	assert_int_equal(bench__edge(&b, 2, NODE_A, NODE_B).matched, 1);
	assert_int_equal(bench__edge(&b, 2, NODE_A, NODE_B).dropped, 0);
	assert_int_equal(bench__edge(&b, 2, NODE_A, NODE_B).first_hit_ns, 0);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).dropped, 1);
}

/* What points outside the tables passes. */
static void test_bad_tables(void **state)
{
	struct chaos_pair pair = {.n_rules = UINT32_MAX};
	struct chaos_rule rule = {.fault = UINT32_MAX, .actions = CHAOS_ACT_PARTITION};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	pair.rule[0] = bench__rule(&b, &rule);
	for (size_t i = 1; i < CHAOS_RULES_PER_PAIR; i++)
		pair.rule[i] = UINT32_MAX - (uint32_t)i;
	bench__pair(&b, CLASS_A, CLASS_B, CHAOS_INGRESS, &pair);
	assert_false(ports_drop(&b, 1, 2));
}

static void test_counts(void **state)
{
	struct frame f = udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
	struct chaos_edge_counts c;
	uint64_t before, between;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, NULL);
	before = now_ns();
	assert_true(drops(&b, &f));
	between = now_ns();
	assert_true(drops(&b, &f));
	c = bench__edge(&b, 0, NODE_A, NODE_B);
	assert_int_equal(c.matched, 2);
	assert_int_equal(c.matched_bytes, 2 * f.len);
	assert_int_equal(c.dropped, 2);
	assert_in_range(c.first_hit_ns, before, between);
	assert_in_range(c.last_hit_ns, between, now_ns());
	assert_int_equal(bench__stats(&b).packets, 2);
	assert_int_equal(bench__stats(&b).edge_overflow, 0);
}

static void test_edge_overflow(void **state)
{
	struct chaos_edge_counts *cpus = calloc((size_t)libbpf_num_possible_cpus(), sizeof(*cpus));
	uint32_t room, made = 0;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, NULL);
	room = bpf_map__max_entries(b.skel->maps.edges);
	assert_non_null(cpus);
	for (struct chaos_edge_key key = {.fault = 7}; made < room; made++) {
		key.src_node = made;
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(b.skel->maps.edges), &key, cpus,
						     BPF_NOEXIST),
				 0);
	}
	free(cpus);
	assert_true(ports_drop(&b, 1, 2)); /* uncounted, dropped all the same */
	assert_int_equal(bench__stats(&b).edge_overflow, 1);
}

static void test_exempt(void **state)
{
	struct frame arp;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, &(struct chaos_match){.flags = CHAOS_MATCH_NEIGHBOUR});
	assert_true(ports_drop(&b, 53, 9));
	bench__exempt(&b, "10.0.0.1", 53, IPPROTO_UDP);
	assert_false(ports_drop(&b, 53, 9));
	assert_true(ports_drop(&b, 9, 53)); /* the port is of the other side */
	bench__exempt(&b, "10.0.0.2", 53, IPPROTO_UDP);
	assert_false(ports_drop(&b, 9, 53));
	assert_true(ports_drop(&b, 9, 54));
	bench__exempt(&b, "10.0.0.2", 0, IPPROTO_TCP);
	assert_true(ports_drop(&b, 9, 54)); /* that is TCP's */
	bench__exempt(&b, "10.0.0.2", 0, IPPROTO_UDP);
	assert_false(ports_drop(&b, 9, 54));
	assert_int_equal(bench__stats(&b).exempted, 3);
	assert_int_equal(bench__edge(&b, 0, NODE_A, NODE_B).matched, 4);

	frame__eth(&arp, ETH_P_ARP);
	frame__arp(&arp, 1, "10.0.0.1", "10.0.0.2");
	assert_true(drops(&b, &arp));
	bench__exempt(&b, "10.0.0.1", 0, 0);
	assert_false(drops(&b, &arp));
}

/* Only what a rule would take is looked up, and counted as spared. */
static void test_exempt_is_last(void **state)
{
	struct chaos_match m = {.proto = IPPROTO_TCP};
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__cut(&b, &m);
	bench__exempt(&b, "10.0.0.1", 0, IPPROTO_UDP);
	assert_false(ports_drop(&b, 1, 2));
	assert_int_equal(bench__stats(&b).exempted, 0);
}

/* The tables full: the packet still finds its own. */
static void test_many_pairs(void **state)
{
	struct chaos_rule all = {.actions = CHAOS_ACT_PARTITION};
	_bench_ struct bench b;
	uint32_t n;

	(void)state;
	bench__open_usual(&b);
	n = bpf_map__max_entries(b.skel->maps.pairs);
	bench__rule_on(&b, CLASS_C, CLASS_A, CHAOS_INGRESS, &all);
	for (uint32_t i = 1; i < n; i++) {
		struct chaos_pair pair = {.n_rules = 1, .rule = {0}};

		bench__pair(&b, 1000 + i, 2000 + i % 7, CHAOS_EGRESS, &pair);
	}
	for (int i = 1; i <= 3; i++)
		for (int k = 1; k <= 3; k++) {
			char src[16], dst[16];
			struct frame f;

			snprintf(src, sizeof(src), "10.0.0.%d", i);
			snprintf(dst, sizeof(dst), "10.0.0.%d", k);
			f = udp_frame(src, 1, dst, 2);
			assert_int_equal(drops(&b, &f), i == 3 && k == 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_proto),
		bpf_test(test_ports),
		bpf_test(test_port_list_length),
		bpf_test(test_tcp_flags),
		bpf_test(test_pair_is_exact),
		bpf_test(test_verdicts),
		bpf_test(test_order),
		bpf_test(test_goes_on),
		bpf_test(test_goes_on_on_the_line),
		bpf_test(test_bad_tables),
		bpf_test(test_counts),
		bpf_test(test_edge_overflow),
		bpf_test(test_exempt),
		bpf_test(test_exempt_is_last),
		bpf_test(test_many_pairs),
	};

	return harness__main("rules", tests, sizeof(tests) / sizeof(tests[0]));
}
