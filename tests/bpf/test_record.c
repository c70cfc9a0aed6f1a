// SPDX-License-Identifier: GPL-2.0-only
/* Traffic in bins: who is client and who server, what is counted of each packet, and each packet once. */
#include "harness.h"

#include <arpa/inet.h>

enum { HERE = 1, THERE = 2, LOCAL = 3, HOUR_S = 3600, PORT = 80, CLIENT_PORT = 40000 };

static const char *const here = "10.0.0.1", *const there = "10.0.0.2", *const local = "10.0.0.3";

/* Node 1 is all of the hook's namespace; node 2 is elsewhere; node 3 is behind another hook of the run. */
static void open_bench(struct bench *b)
{
	const struct chaos_hook hook = {.ident = {CLASS_A, HERE}, .flags = CHAOS_HOOK_FIXED};
	struct chaos_recording rec = {.n_subjects = 1, .max = 8, .reserve = 2};
	uint32_t key = 0;

	harness__bin_ns = HOUR_S * 1000000000ULL;
	bench__open(b, &hook);
	bench__ident(b, here, CLASS_A, HERE | CHAOS_NODE_HERE);
	bench__ident(b, there, CLASS_B, THERE);
	bench__ident(b, local, CLASS_C, LOCAL | CHAOS_NODE_HERE);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.recording), &key, &rec, 0),
			 0);
	bench__window(b, 0, 0, 0, FOREVER);
	bench__arm(b, 1);
}

/* Sum over all bins; zeroes for a subject that is not there. */
static struct chaos_bin bin_of(struct bench *b, uint32_t client, uint32_t server, uint8_t proto,
			       uint16_t port)
{
	const struct chaos_subject s = {
		.client = client, .server = server, .port = port, .proto = proto};
	struct chaos_bins v;
	struct chaos_bin sum = {0};
	uint32_t id;

	if (bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.subjects), &s, &id))
		return sum;
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.bins), &id, &v), 0);
	/* One bin is the hour that it is; the test may run over its end. */
	for (int i = 0; i < CHAOS_BINS; i++) {
		__u64 *to = &sum.bytes;
		const __u64 *from = &v.bin[i].bytes;

		for (int k = 0; k < 5; k++)
			to[k] += from[k];
		for (int k = 0; k < 17; k++)
			(&sum.packets)[k] += (&v.bin[i].packets)[k];
	}
	return sum;
}

static struct frame segment(bool to_server, uint8_t flags, uint32_t seq, size_t payload)
{
	struct frame f = to_server ? tcp_frame(here, CLIENT_PORT, there, PORT, flags)
				   : tcp_frame(there, PORT, here, CLIENT_PORT, flags);

	frame__seq(&f, seq, 0);
	frame__payload(&f, payload);
	frame__finish(&f);
	return f;
}

static void pass(struct bench *b, bool to_server, uint8_t flags, uint32_t seq, size_t payload)
{
	struct frame f = segment(to_server, flags, seq, payload);

	bench__run(b, to_server ? CHAOS_EGRESS : CHAOS_INGRESS, &f);
}

static void test_connection(void **state)
{
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	pass(&b, true, TCP_SYN, 1000, 0);
	pass(&b, true, TCP_SYN, 1000, 0);
	pass(&b, false, TCP_SYN | TCP_ACK, 5000, 0);
	pass(&b, false, TCP_SYN | TCP_ACK, 5000, 0);
	pass(&b, true, TCP_ACK, 1001, 0);
	pass(&b, true, TCP_ACK, 1001, 100);
	pass(&b, false, TCP_ACK, 5001, 0); /* no payload: not the first byte */
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.first_byte_n, 0);
	pass(&b, false, TCP_ACK, 5001, 200);
	pass(&b, false, TCP_ACK, 5201, 200);
	pass(&b, true, TCP_FIN | TCP_ACK, 1101, 0);
	pass(&b, false, TCP_FIN | TCP_ACK, 5401, 0);
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.syn, 1);
	assert_int_equal(bin.syn_again, 1);
	assert_int_equal(bin.synack, 2);
	assert_int_equal(bin.connect_n, 1);
	assert_int_equal(bin.first_byte_n, 1);
	assert_int_equal(bin.fin, 1);
	assert_int_equal(bin.back_fin, 1);
	assert_int_equal(bin.packets, 5);
	assert_int_equal(bin.back_packets, 6);
	assert_int_equal(bin.bytes, 5 * segment(true, 0, 0, 0).len + 100);
	assert_int_equal(bin.back_bytes, 6 * segment(false, 0, 0, 0).len + 400);
	assert_int_equal(bin.rst + bin.back_rst + bin.dropped + bin.opened + bin.retransmits, 0);
}

/* The same tuple with another ISN is another attempt, and has a first byte of its own. */
static void test_tuple_again(void **state)
{
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	for (uint32_t isn = 1; isn <= 3; isn++) {
		pass(&b, true, TCP_SYN, isn, 0);
		pass(&b, false, TCP_SYN | TCP_ACK, 0, 0);
		pass(&b, false, TCP_ACK, 1, 10);
	}
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.syn, 3);
	assert_int_equal(bin.syn_again, 0);
	assert_int_equal(bin.connect_n, 3);
	assert_int_equal(bin.first_byte_n, 3);
}

static void test_resets(void **state)
{
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	pass(&b, true, TCP_SYN, 1, 0);
	for (int i = 0; i < 3; i++)
		pass(&b, true, TCP_RST, 2, 0);
	for (int i = 0; i < 4; i++)
		pass(&b, false, TCP_RST | TCP_ACK, 2, 0);
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.rst, 3);
	assert_int_equal(bin.back_rst, 4);
}

/* A service above its clients' ports is known by the SYNs that go to it. */
static void test_high_service(void **state)
{
	struct frame syn = tcp_frame(there, 1024, here, 50051, TCP_SYN);
	struct frame data = tcp_frame(here, 50051, there, 1024, TCP_ACK);
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	bench__run(&b, CHAOS_INGRESS, &syn);
	bench__run(&b, CHAOS_EGRESS, &data);
	bin = bin_of(&b, THERE, HERE, IPPROTO_TCP, 50051);
	assert_int_equal(bin.packets, 1);
	assert_int_equal(bin.back_packets, 1);
}

/* What is sent behind another hook of ours was counted there. */
static void test_once(void **state)
{
	struct frame in = tcp_frame(local, CLIENT_PORT, here, PORT, TCP_SYN);
	struct frame out = tcp_frame(here, PORT, local, CLIENT_PORT, TCP_SYN | TCP_ACK);
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	bench__run(&b, CHAOS_INGRESS, &in);
	bench__run(&b, CHAOS_EGRESS, &out);
	bin = bin_of(&b, LOCAL, HERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.packets + bin.syn, 0);
	assert_int_equal(bin.back_packets, 1);
	assert_int_equal(bin.synack, 1);
	/* The client's own hook will say. */
	assert_int_equal(bin.connect_n, 0);
}

static void test_other_protocols(void **state)
{
	struct frame udp = udp_frame(here, CLIENT_PORT, there, 53);
	struct frame answer = udp_frame(there, 53, here, CLIENT_PORT);
	struct frame icmp = {.len = 0};
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	frame__eth(&icmp, ETH_P_IP);
	frame__ipv4(&icmp, there, here, IPPROTO_ICMP, 0, 0);
	frame__icmp(&icmp, 8);
	frame__finish(&icmp);
	bench__run_times(&b, CHAOS_EGRESS, &udp, 3);
	bench__run_times(&b, CHAOS_INGRESS, &answer, 2);
	bench__run(&b, CHAOS_INGRESS, &icmp);
	bin = bin_of(&b, HERE, THERE, IPPROTO_UDP, 53);
	assert_int_equal(bin.packets, 3);
	assert_int_equal(bin.back_packets, 2);
	bin = bin_of(&b, THERE, HERE, IPPROTO_ICMP, 0);
	assert_int_equal(bin.packets, 1);
	assert_int_equal(bin.bytes, icmp.len);
}

static void test_ipv6(void **state)
{
	struct frame f = tcp_frame("2001:db8::1", CLIENT_PORT, "2001:db8::2", PORT, TCP_SYN);
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	bench__ident(&b, "2001:db8::2", CLASS_B, THERE);
	bench__run_times(&b, CHAOS_EGRESS, &f, 2);
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.syn, 1);
	assert_int_equal(bin.syn_again, 1);
	assert_int_equal(bin.bytes, 2 * f.len);
}

static void test_gso(void **state)
{
	struct frame f = segment(true, TCP_ACK, 1, 1000);
	size_t headers = segment(true, TCP_ACK, 1, 0).len;
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	b.gso_segs = 10;
	b.gso_size = 100;
	bench__run(&b, CHAOS_EGRESS, &f);
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.packets, 10);
	assert_int_equal(bin.bytes, 10 * headers + 1000);
}

static void test_dropped(void **state)
{
	const struct chaos_rule cut = {.actions = CHAOS_ACT_PARTITION};
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	bench__rule_on(&b, CLASS_A, CLASS_B, CHAOS_EGRESS, &cut);
	bench__rule_on(&b, CLASS_B, CLASS_A, CHAOS_INGRESS, &cut);
	pass(&b, true, TCP_SYN, 1, 0);
	pass(&b, false, TCP_SYN | TCP_ACK, 1, 0);
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.packets, 1);
	assert_int_equal(bin.syn, 1);
	assert_int_equal(bin.back_packets, 1);
	assert_int_equal(bin.dropped, 2);
}

/* What the line drops is of the subject that the hook counted. */
static void test_dropped_on_line(void **state)
{
	const struct chaos_rule lose = {.actions = CHAOS_ACT_LOSS,
					.loss = {.chance = {.p = {1ULL << 32, 1ULL << 32}}}};
	struct frame f = segment(true, TCP_ACK, 1, 10);
	_bench_ struct bench b;
	struct chaos_bin bin;

	(void)state;
	open_bench(&b);
	bench__line_rule(&b, CLASS_A, CLASS_B, &lose);
	bench__run(&b, CHAOS_EGRESS, &f);
	assert_true(bench__lost(&b, &f));
	bin = bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT);
	assert_int_equal(bin.packets, 1);
	assert_int_equal(bin.dropped, 1);
}

/* Eight numbers: one is for the rest of all, five are free, two are for the sums of a client and a server. */
static void test_too_many(void **state)
{
	struct chaos_recording rec;
	_bench_ struct bench b;
	uint32_t key = 0;

	(void)state;
	open_bench(&b);
	for (uint16_t port = 1; port <= 7; port++) {
		struct frame f = udp_frame(here, CLIENT_PORT, there, port);

		bench__run(&b, CHAOS_EGRESS, &f);
	}
	for (uint16_t port = 1; port <= 5; port++)
		assert_int_equal(bin_of(&b, HERE, THERE, IPPROTO_UDP, port).packets, 1);
	assert_int_equal(bin_of(&b, HERE, THERE, IPPROTO_UDP, 6).packets, 0);
	assert_int_equal(bin_of(&b, HERE, THERE, 0, 0).packets, 2);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b.skel->maps.recording), &key, &rec), 0);
	assert_int_equal(rec.refused, 2);
	assert_int_equal(rec.n_subjects, 7);
}

/* Not before run time 0, nor when all is lifted. */
static void test_not_armed(void **state)
{
	_bench_ struct bench b;

	(void)state;
	open_bench(&b);
	bench__arm(&b, 0);
	pass(&b, true, TCP_SYN, 1, 0);
	assert_int_equal(bin_of(&b, HERE, THERE, IPPROTO_TCP, PORT).packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_connection), bpf_test(test_tuple_again),
		bpf_test(test_resets),	   bpf_test(test_high_service),
		bpf_test(test_once),	   bpf_test(test_other_protocols),
		bpf_test(test_ipv6),	   bpf_test(test_gso),
		bpf_test(test_dropped),	   bpf_test(test_dropped_on_line),
		bpf_test(test_too_many),   bpf_test(test_not_armed),
	};

	return harness__main("record", tests, sizeof(tests) / sizeof(tests[0]));
}
