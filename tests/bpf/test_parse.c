// SPDX-License-Identifier: GPL-2.0-only
/* Packets of every shape: one that is parsed wholly is dropped by a rule that names all of it. */
#include "harness.h"

#include <net/if_arp.h>

static const struct chaos_match HTTP = {.proto = IPPROTO_TCP,
					.n_sport = 1,
					.n_dport = 1,
					.tcp_mask = TCP_SYN | TCP_ACK,
					.tcp_flags = TCP_SYN,
					.sport = {{40000, 40000}},
					.dport = {{80, 80}}};

static const char A4[] = "10.0.0.1", B4[] = "10.0.0.2", A6[] = "2001:db8::1", B6[] = "2001:db8::2";

static void with_match(struct bench *b, const struct chaos_match *m)
{
	bench__open_usual(b);
	bench__cut(b, m);
}

static void syn(struct frame *f)
{
	frame__tcp(f, 40000, 80, TCP_SYN);
}

static void assert_parsed(struct bench *b, const struct frame *f)
{
	uint64_t unparsed = bench__stats(b).unparsed;

	assert_true(bench__drops(b, CHAOS_INGRESS, f));
	assert_int_equal(bench__stats(b).unparsed, unparsed);
}

static void assert_unparsed(struct bench *b, const struct frame *f)
{
	uint64_t unparsed = bench__stats(b).unparsed;

	assert_false(bench__drops(b, CHAOS_INGRESS, f));
	assert_int_equal(bench__stats(b).unparsed, unparsed + 1);
}

/* Cut short anywhere it passes, up to the @needed bytes: nothing behind them is read. */
static void assert_truncated_passes(struct bench *b, const struct frame *whole, size_t needed)
{
	struct frame f = *whole;
	int verdict;

	for (f.len = ETH_HLEN + 1; f.len < needed; f.len++)
		if (bench__try(b, CHAOS_INGRESS, &f, &verdict))
			assert_unparsed(b, &f);
		else
			assert_true(f.len < ETH_HLEN + 40);
	for (; f.len <= whole->len; f.len++)
		assert_parsed(b, &f);
}

static void test_ipv4_tcp(void **state)
{
	struct frame f = tcp_frame(A4, 40000, B4, 80, TCP_SYN);
	_bench_ struct bench b;

	(void)state;
	with_match(&b, &HTTP);
	assert_parsed(&b, &f);
	assert_truncated_passes(&b, &f, ETH_HLEN + 20 + 14);
	f = tcp_frame(A4, 40000, B4, 81, TCP_SYN);
	assert_false(bench__drops(&b, CHAOS_INGRESS, &f));
	f = tcp_frame(A4, 40000, B4, 80, TCP_SYN | TCP_ACK);
	assert_false(bench__drops(&b, CHAOS_INGRESS, &f));
	f = tcp_frame(B4, 40000, A4, 80, TCP_SYN);
	assert_false(bench__drops(&b, CHAOS_INGRESS, &f));
}

static void test_ipv6_tcp(void **state)
{
	struct frame f = tcp_frame(A6, 40000, B6, 80, TCP_SYN);
	_bench_ struct bench b;

	(void)state;
	with_match(&b, &HTTP);
	assert_parsed(&b, &f);
	assert_truncated_passes(&b, &f, ETH_HLEN + 40 + 14);
}

static void test_ipv4_options(void **state)
{
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	with_match(&b, &HTTP);
	for (size_t options = 4; options <= 40; options += 4) {
		frame__eth(&f, ETH_P_IP);
		frame__ipv4(&f, A4, B4, IPPROTO_TCP, 0, options);
		syn(&f);
		assert_parsed(&b, &f);
		assert_truncated_passes(&b, &f, ETH_HLEN + 20 + options + 14);
	}
}

static void test_ipv4_nonsense(void **state)
{
	struct frame f = tcp_frame(A4, 40000, B4, 80, TCP_SYN);
	_bench_ struct bench b;

	(void)state;
	with_match(&b, NULL);
	assert_parsed(&b, &f);
	for (unsigned int first = 0; first < 256; first++) {
		f.data[ETH_HLEN] = (uint8_t)first;
		/* Longer headers than the packet has room for cut off its ports. */
		if (first >> 4 != 4 || (first & 15) < 5 || (first & 15) > 6)
			assert_unparsed(&b, &f);
	}
	f = tcp_frame(A6, 40000, B6, 80, TCP_SYN);
	for (unsigned int version = 0; version < 16; version++) {
		f.data[ETH_HLEN] = (uint8_t)(version << 4);
		if (version == 6)
			assert_parsed(&b, &f);
		else
			assert_unparsed(&b, &f);
	}
}

static void test_vlan_in_frame(void **state)
{
	static const uint16_t tpids[] = {ETH_P_8021Q, ETH_P_8021AD};
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	with_match(&b, &HTTP);
	for (size_t outer = 0; outer < 2; outer++) {
		frame__eth(&f, tpids[outer]);
		frame__vlan(&f, 5, ETH_P_IP);
		frame__ipv4(&f, A4, B4, IPPROTO_TCP, 0, 0);
		syn(&f);
		assert_parsed(&b, &f);
		assert_truncated_passes(&b, &f, ETH_HLEN + 4 + 20 + 14);

		for (size_t inner = 0; inner < 2; inner++) {
			frame__eth(&f, tpids[outer]);
			frame__vlan(&f, 5, tpids[inner]);
			frame__vlan(&f, 6, ETH_P_IPV6);
			frame__ipv6(&f, A6, B6, IPPROTO_TCP);
			syn(&f);
			assert_parsed(&b, &f);
			assert_truncated_passes(&b, &f, ETH_HLEN + 8 + 40 + 14);
		}
	}
	/* Three tags are one too many. */
	frame__eth(&f, ETH_P_8021AD);
	frame__vlan(&f, 5, ETH_P_8021Q);
	frame__vlan(&f, 6, ETH_P_8021Q);
	frame__vlan(&f, 7, ETH_P_IP);
	frame__ipv4(&f, A4, B4, IPPROTO_TCP, 0, 0);
	syn(&f);
	assert_unparsed(&b, &f);
}

static void test_vlan_skipped(void **state)
{
	struct chaos_hook hook = {.flags = CHAOS_HOOK_SKIP_TAGGED};
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	bench__open(&b, &hook);
	bench__ident(&b, A4, CLASS_A, NODE_A);
	bench__ident(&b, B4, CLASS_B, NODE_B);
	bench__cut(&b, NULL);
	bench__window(&b, 0, 0, 0, FOREVER);
	bench__arm(&b, 1);
	for (unsigned int vid = 0; vid < 4096; vid += 273) {
		uint64_t seen = bench__stats(&b).packets;

		frame__eth(&f, ETH_P_8021Q);
		frame__vlan(&f, (uint16_t)(0xe000 | vid), ETH_P_IP); /* priority 7 */
		frame__ipv4(&f, A4, B4, IPPROTO_TCP, 0, 0);
		syn(&f);
		/* VLAN 0 is the device's own. */
		assert_int_equal(bench__drops(&b, CHAOS_INGRESS, &f), vid == 0);
		assert_int_equal(bench__stats(&b).packets, seen + (vid == 0));
	}
}

static void test_fragments(void **state)
{
	struct chaos_match udp = {.proto = IPPROTO_UDP}, port = {.n_port = 1, .port = {{53, 53}}};
	_bench_ struct bench all, ported;
	struct frame first, later;

	(void)state;
	with_match(&all, &udp);
	with_match(&ported, &port);
	for (int v6 = 0; v6 < 2; v6++) {
		frame__eth(&first, v6 ? ETH_P_IPV6 : ETH_P_IP);
		later = first;
		if (v6) {
			frame__ipv6(&first, A6, B6, IPPROTO_FRAGMENT);
			frame__ext_frag(&first, IPPROTO_UDP, 0);
			frame__ipv6(&later, A6, B6, IPPROTO_FRAGMENT);
			frame__ext_frag(&later, IPPROTO_UDP, 100);
		} else {
			frame__ipv4(&first, A4, B4, IPPROTO_UDP, 0x2000, 0); /* more follow */
			frame__ipv4(&later, A4, B4, IPPROTO_UDP, 100, 0);
		}
		assert_parsed(&all, &later); /* without one byte behind the IP header */
		frame__udp(&first, 40000, 53);
		frame__udp(&later, 40000, 53); /* data that looks like ports */
		assert_parsed(&all, &first);
		assert_parsed(&all, &later);
		assert_parsed(&ported, &first);
		assert_false(bench__drops(&ported, CHAOS_INGRESS, &later));
	}
	assert_int_equal(bench__stats(&ported).unparsed, 0);
}

static void test_ipv6_extensions(void **state)
{
	static const uint8_t kinds[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS,
					IPPROTO_AH};
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	with_match(&b, &HTTP);
	for (size_t k = 0; k < sizeof(kinds); k++)
		for (size_t bytes = 8; bytes <= 40; bytes += 8) {
			frame__eth(&f, ETH_P_IPV6);
			frame__ipv6(&f, A6, B6, kinds[k]);
			frame__ext(&f, kinds[k], IPPROTO_TCP, bytes);
			syn(&f);
			assert_parsed(&b, &f);
			assert_truncated_passes(&b, &f, ETH_HLEN + 40 + bytes + 14);
		}
	/* All of them, in the order of RFC 8200. */
	frame__eth(&f, ETH_P_IPV6);
	frame__ipv6(&f, A6, B6, IPPROTO_HOPOPTS);
	frame__ext(&f, IPPROTO_HOPOPTS, IPPROTO_DSTOPTS, 8);
	frame__ext(&f, IPPROTO_DSTOPTS, IPPROTO_ROUTING, 16);
	frame__ext(&f, IPPROTO_ROUTING, IPPROTO_FRAGMENT, 24);
	frame__ext_frag(&f, IPPROTO_AH, 0);
	frame__ext(&f, IPPROTO_AH, IPPROTO_DSTOPTS, 24);
	frame__ext(&f, IPPROTO_DSTOPTS, IPPROTO_TCP, 8);
	syn(&f);
	assert_parsed(&b, &f);
	assert_truncated_passes(&b, &f, f.len - 6);
}

static void test_ipv6_extensions_end(void **state)
{
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	with_match(&b, NULL);
	for (unsigned int n = 0; n < 12; n++) {
		frame__eth(&f, ETH_P_IPV6);
		frame__ipv6(&f, A6, B6, n ? IPPROTO_DSTOPTS : IPPROTO_TCP);
		for (unsigned int i = 1; i <= n; i++)
			frame__ext(&f, IPPROTO_DSTOPTS, i < n ? IPPROTO_DSTOPTS : IPPROTO_TCP, 8);
		syn(&f);
		if (n < 8)
			assert_parsed(&b, &f);
		else
			assert_unparsed(&b, &f);
	}
	/* A length that points far behind the end. */
	frame__eth(&f, ETH_P_IPV6);
	frame__ipv6(&f, A6, B6, IPPROTO_DSTOPTS);
	frame__ext(&f, IPPROTO_DSTOPTS, IPPROTO_TCP, 8);
	f.data[ETH_HLEN + 40 + 1] = 255;
	syn(&f);
	assert_unparsed(&b, &f);
	/* Nothing follows; an encrypted packet. Both have a sender and a receiver. */
	frame__eth(&f, ETH_P_IPV6);
	frame__ipv6(&f, A6, B6, IPPROTO_NONE);
	assert_parsed(&b, &f);
	frame__eth(&f, ETH_P_IPV6);
	frame__ipv6(&f, A6, B6, IPPROTO_ESP);
	assert_parsed(&b, &f);
}

static void test_ports_of(void **state)
{
	struct chaos_match m = {
		.n_sport = 1, .n_dport = 1, .sport = {{1000, 1000}}, .dport = {{2000, 2000}}};
	static const uint8_t with[] = {IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_UDPLITE};
	static const uint8_t without[] = {IPPROTO_ICMP, 112 /* VRRP */, IPPROTO_GRE, IPPROTO_IGMP,
					  89};
	_bench_ struct bench b, any;
	struct frame f;

	(void)state;
	with_match(&b, &m);
	with_match(&any, NULL);
	for (size_t i = 0; i < sizeof(with); i++) {
		frame__eth(&f, ETH_P_IP);
		frame__ipv4(&f, A4, B4, with[i], 0, 0);
		frame__sctp(&f, 1000, 2000);
		assert_parsed(&b, &f);
		assert_truncated_passes(&b, &f, ETH_HLEN + 20 + 4);
	}
	for (size_t i = 0; i < sizeof(without); i++) {
		frame__eth(&f, ETH_P_IP);
		frame__ipv4(&f, A4, B4, without[i], 0, 0);
		frame__sctp(&f, 1000, 2000);
		assert_false(bench__drops(&b, CHAOS_INGRESS, &f));
		assert_parsed(&any, &f);
		/* Nothing behind the IP header is read, but for the type of an ICMP message. */
		assert_truncated_passes(&any, &f, ETH_HLEN + 20 + (without[i] == IPPROTO_ICMP));
	}
}

static void test_vrrp_by_protocol(void **state)
{
	struct chaos_match vrrp = {.proto = 112};
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	with_match(&b, &vrrp);
	frame__eth(&f, ETH_P_IP);
	frame__ipv4(&f, A4, B4, 112, 0, 0);
	frame__bytes(&f, NULL, 20);
	assert_parsed(&b, &f);
	f = tcp_frame(A4, 1, B4, 2, 0);
	assert_false(bench__drops(&b, CHAOS_INGRESS, &f));
}

static void test_arp(void **state)
{
	struct chaos_match neighbours = {.flags = CHAOS_MATCH_NEIGHBOUR},
			   tcp = {.flags = CHAOS_MATCH_NEIGHBOUR, .proto = IPPROTO_TCP};
	_bench_ struct bench all, ip, other;
	struct frame f, bad;

	(void)state;
	with_match(&all, &neighbours);
	with_match(&ip, NULL);
	with_match(&other, &tcp);
	for (uint16_t op = ARPOP_REQUEST; op <= ARPOP_REPLY; op++) {
		frame__eth(&f, ETH_P_ARP);
		frame__arp(&f, op, A4, B4);
		assert_parsed(&all, &f);
		assert_truncated_passes(&all, &f, ETH_HLEN + 28);
		assert_false(bench__drops(&ip, CHAOS_INGRESS, &f));
		assert_false(bench__drops(&other, CHAOS_INGRESS, &f));
	}
	assert_int_equal(bench__stats(&ip).unparsed, 0);
	for (size_t i = 2; i < 6; i++) { /* protocol and both lengths */
		bad = f;
		bad.data[ETH_HLEN + i] ^= 1;
		assert_unparsed(&all, &bad);
	}
}

static void test_neighbour_discovery(void **state)
{
	struct chaos_match neighbours = {.flags = CHAOS_MATCH_NEIGHBOUR, .proto = IPPROTO_ICMPV6};
	_bench_ struct bench all, ip;
	struct frame f;

	(void)state;
	with_match(&all, &neighbours);
	with_match(&ip, NULL);
	for (unsigned int type = 0; type < 256; type++) {
		frame__eth(&f, ETH_P_IPV6);
		frame__ipv6(&f, A6, B6, IPPROTO_ICMPV6);
		frame__icmp(&f, (uint8_t)type);
		assert_parsed(&all, &f);
		assert_int_equal(bench__drops(&ip, CHAOS_INGRESS, &f), type < 133 || type > 137);
	}
	assert_truncated_passes(&all, &f, ETH_HLEN + 40 + 1);
	/* The same number is an echo's or nothing's in IPv4. */
	frame__eth(&f, ETH_P_IP);
	frame__ipv4(&f, A4, B4, IPPROTO_ICMPV6, 0, 0);
	frame__icmp(&f, 135);
	assert_parsed(&ip, &f);
}

static void test_other_protocols_pass(void **state)
{
	static const uint16_t types[] = {0x88cc /* LLDP */, 0x8847 /* MPLS */, 0x8864 /* PPPoE */,
					 0x8035 /* RARP */, 0x0026 /* 802.3 length */};
	_bench_ struct bench b;
	struct frame f;

	(void)state;
	with_match(&b, NULL);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		frame__eth(&f, types[i]);
		frame__ipv4(&f, A4, B4, IPPROTO_TCP, 0, 0);
		syn(&f);
		assert_unparsed(&b, &f);
	}
}

/* Whatever the bytes, the programs give an answer, and it is one of the two. */
static void test_noise(void **state)
{
	static const uint16_t types[] = {ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_8021Q,
					 ETH_P_8021AD};
	_bench_ struct bench b;
	uint32_t x = 1, ran = 0;
	int verdict;

	(void)state;
	with_match(&b, &HTTP);
	for (unsigned int round = 0; round < 5000; round++) {
		struct frame f;

		frame__eth(&f, types[round % 5]);
		for (unsigned int i = 0; i < 15 + round % 120; i++) {
			x = x * 1664525 + 1013904223;
			f.data[f.len++] = (uint8_t)(x >> 24);
		}
		if (round % 3 == 0 && f.len > 21) /* often enough right to go deeper */
			f.data[14] = round % 5 == 1 ? 0x60 : 0x45;
		if (bench__try(&b, CHAOS_INGRESS, &f, &verdict)) {
			assert_true(verdict == PASSED || verdict == SHOT);
			ran++;
		}
	}
	assert_true(ran > 2500);
	assert_int_equal(bench__stats(&b).packets, ran);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_ipv4_tcp),
		bpf_test(test_ipv6_tcp),
		bpf_test(test_ipv4_options),
		bpf_test(test_ipv4_nonsense),
		bpf_test(test_vlan_in_frame),
		bpf_test(test_vlan_skipped),
		bpf_test(test_fragments),
		bpf_test(test_ipv6_extensions),
		bpf_test(test_ipv6_extensions_end),
		bpf_test(test_ports_of),
		bpf_test(test_vrrp_by_protocol),
		bpf_test(test_arp),
		bpf_test(test_neighbour_discovery),
		bpf_test(test_other_protocols_pass),
		bpf_test(test_noise),
	};

	return harness__main("parse", tests, sizeof(tests) / sizeof(tests[0]));
}
