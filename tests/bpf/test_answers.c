// SPDX-License-Identifier: GPL-2.0-only
/* Faults that answer a packet: reset (RFC 9293 3.10.7.1), reject and mtu (RFC 792, RFC 4443). */
#include "harness.h"

enum { SEQ = 0x12345678, ACKED = 0x9abcdef0, QUOTE_MAX = 128 };
enum { TCP_PSH = 0x08 };

static const struct {
	const char *src, *dst;
} HOSTS[] = {{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}};

/* What may be between the IP header and TCP. */
enum shape { PLAIN, SOME_OPTIONS, ALL_OPTIONS, SHAPES };

static void ip(struct frame *f, int v6, uint8_t proto, enum shape shape)
{
	static const size_t ipv4[] = {0, 12, 40}, ipv6[] = {0, 16, 64};

	frame__eth(f, v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (!v6) {
		frame__ipv4(f, HOSTS[0].src, HOSTS[0].dst, proto, 0, ipv4[shape]);
		return;
	}
	frame__ipv6(f, HOSTS[1].src, HOSTS[1].dst, shape ? IPPROTO_HOPOPTS : proto);
	if (shape)
		frame__ext(f, IPPROTO_HOPOPTS, proto, ipv6[shape]);
}

static struct frame segment(int v6, uint8_t flags, size_t payload, enum shape shape)
{
	struct frame f;

	ip(&f, v6, IPPROTO_TCP, shape);
	frame__tcp(&f, 1000, 80, flags);
	frame__seq(&f, SEQ, ACKED);
	frame__payload(&f, payload);
	frame__finish(&f);
	return f;
}

static struct frame datagram(int v6, size_t payload, enum shape shape)
{
	struct frame f;

	ip(&f, v6, IPPROTO_UDP, shape);
	frame__udp(&f, 1000, 80);
	frame__payload(&f, payload);
	frame__finish(&f);
	return f;
}

static struct chaos_edge_counts edge(struct bench *b)
{
	return bench__edge(b, 0, NODE_A, NODE_B);
}

/* The addresses of @f, and of what came back for it. */
static void assert_between(const struct frame *f, const struct frame *answer, bool to_sender)
{
	struct seen s = frame__look(answer);
	size_t n = s.version == 4 ? 4 : 16, src = s.l3 + (s.version == 4 ? 12 : 8),
	       was = f->l3 + (s.version == 4 ? 12 : 8);

	assert_true(s.ip_right && s.l4_right);
	assert_int_equal(s.end, answer->len);
	assert_memory_equal(answer->data + src, f->data + was + (to_sender ? n : 0), n);
	assert_memory_equal(answer->data + src + n, f->data + was + (to_sender ? 0 : n), n);
	assert_memory_equal(answer->data, f->data + (to_sender ? 6 : 0), 6);
	assert_memory_equal(answer->data + 6, f->data + (to_sender ? 0 : 6), 6);
}

/* --- reset ------------------------------------------------------------------------------------ */

static void open_reset(struct bench *b, uint32_t ends, double p)
{
	struct chaos_rule rule = {
		.actions = CHAOS_ACT_RESET, .seed = 4, .effects = ends, .reset = chance_of(p)};

	bench__open_usual(b);
	bench__fault(b, &rule);
	harness__attach_line(b);
}

static void assert_rst(const struct frame *f, uint8_t flags, size_t payload, bool to_sender,
		       const struct frame *rst)
{
	struct seen s = frame__look(rst);
	size_t th = s.l4;
	uint32_t length = (uint32_t)payload + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);

	assert_between(f, rst, to_sender);
	assert_int_equal(s.proto, IPPROTO_TCP);
	assert_int_equal(rst->len - th, 20);
	assert_int_equal(rst->data[th + 12], 5 << 4);
	assert_int_equal(frame__get16(rst, th + (to_sender ? 2 : 0)), 1000);
	assert_int_equal(frame__get16(rst, th + (to_sender ? 0 : 2)), 80);
	if (!to_sender) {
		assert_int_equal(rst->data[th + 13], TCP_RST | (flags & TCP_ACK));
		assert_int_equal(frame__get32(rst, th + 4), SEQ);
		if (flags & TCP_ACK)
			assert_int_equal(frame__get32(rst, th + 8), ACKED);
	} else if (flags & TCP_ACK) {
		assert_int_equal(rst->data[th + 13], TCP_RST);
		assert_int_equal(frame__get32(rst, th + 4), ACKED);
	} else {
		assert_int_equal(rst->data[th + 13], TCP_RST | TCP_ACK);
		assert_int_equal(frame__get32(rst, th + 4), 0);
		assert_int_equal(frame__get32(rst, th + 8), SEQ + length);
	}
}

/* As a test run, and as skbs that the kernel has made, which know where their headers are. */
static void test_reset(void **state)
{
	static const uint8_t kinds[] = {TCP_SYN,	   TCP_SYN | TCP_ACK, TCP_ACK,
					TCP_ACK | TCP_PSH, TCP_FIN,	      TCP_FIN | TCP_ACK};
	static const uint32_t ends[] = {CHAOS_RESET_SENDER, CHAOS_RESET_RECEIVER,
					CHAOS_RESET_SENDER | CHAOS_RESET_RECEIVER};

	(void)state;
	for (size_t e = 0; e < 3; e++) {
		bool receiver = ends[e] & CHAOS_RESET_RECEIVER,
		     sender = ends[e] & CHAOS_RESET_SENDER;
		uint64_t n = 0;
		_bench_ struct bench b;

		open_reset(&b, ends[e], 1);
		for (size_t i = 0; i < sizeof(kinds) * 2 * SHAPES; i++) {
			int v6 = i & 1;
			enum shape shape = (enum shape)(i / 2 % SHAPES);
			uint8_t flags = kinds[i / 2 / SHAPES];
			size_t payload = flags == TCP_SYN ? 0 : i * 17 % 800;
			struct frame f = segment(v6, flags, payload, shape), got;

			harness__send(&f, 0);
			if (receiver) {
				assert_true(harness__receive(&got));
				assert_rst(&f, flags, payload, false, &got);
			}
			if (sender) {
				assert_true(harness__receive(&got));
				assert_rst(&f, flags, payload, true, &got);
			}
			assert_false(harness__receive(&got));
			n++;
			assert_int_equal(edge(&b).reset, n);
			assert_int_equal(edge(&b).dropped, n);
		}
	}
}

static void test_reset_in_a_test_run(void **state)
{
	struct frame f = segment(0, TCP_ACK, 100, PLAIN);
	struct decided d;
	_bench_ struct bench b;

	(void)state;
	open_reset(&b, CHAOS_RESET_SENDER, 1);
	d = bench__decide(&b, &f);
	assert_false(d.lost);
	assert_rst(&f, TCP_ACK, 100, true, &d.out);
	assert_int_equal(d.due_ns, 0);
}

/* Behind a VLAN tag that the device has taken out. */
static void test_reset_tagged(void **state)
{
	struct frame f = segment(1, TCP_ACK, 100, PLAIN), tagged = {.len = 0}, got, bare;
	_bench_ struct bench b;

	(void)state;
	open_reset(&b, CHAOS_RESET_SENDER, 1);
	frame__bytes(&tagged, f.data, 12);
	frame__bytes(&tagged, "\x81\x00\x00\x05", 4);
	frame__bytes(&tagged, f.data + 12, f.len - 12);
	harness__send(&tagged, 0);
	assert_true(harness__receive(&got));
	assert_memory_equal(got.data + 12, "\x81\x00\x00\x05", 4);
	bare = (struct frame){.len = 0};
	frame__bytes(&bare, got.data, 12);
	frame__bytes(&bare, got.data + 16, got.len - 16);
	assert_rst(&f, TCP_ACK, 100, true, &bare);
}

/* No RST for an RST, and none for what is no TCP; both pass. */
static void test_reset_spares(void **state)
{
	struct frame frames[] = {segment(0, TCP_RST, 0, PLAIN),
				 segment(1, TCP_RST | TCP_ACK, 0, PLAIN), datagram(0, 10, PLAIN)};
	_bench_ struct bench b;

	(void)state;
	open_reset(&b, CHAOS_RESET_SENDER | CHAOS_RESET_RECEIVER, 1);
	for (size_t i = 0; i < 3; i++) {
		struct decided d = bench__decide(&b, &frames[i]);

		assert_false(d.lost);
		assert_int_equal(d.out.len, frames[i].len);
		assert_memory_equal(d.out.data, frames[i].data, d.out.len);
	}
	assert_int_equal(edge(&b).reset, 0);
	assert_int_equal(edge(&b).dropped, 0);
}

static void test_reset_share(void **state)
{
	struct frame f = segment(0, TCP_ACK, 0, PLAIN);
	double n = 0;
	_bench_ struct bench b;

	(void)state;
	open_reset(&b, CHAOS_RESET_SENDER, 0.1);
	for (int i = 0; i < 4000; i++) {
		struct decided d = bench__decide(&b, &f);

		n += !!(d.out.data[f.l4 + 13] & TCP_RST);
	}
	assert_share("reset", n, 0.1, 4000);
	assert_int_equal(edge(&b).reset, n);
}

/* --- reject ----------------------------------------------------------------------------------- */

enum { HOST4 = 1, HOST6 = 3 };

static void open_reject(struct bench *b, uint8_t match_flags)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_REJECT,
				  .match = {.flags = match_flags},
				  .icmp4_code = HOST4,
				  .icmp6_code = HOST6,
				  .reject = chance_of(1)};

	bench__open_usual(b);
	bench__fault(b, &rule);
	harness__attach_line(b);
}

/* An ICMP error about @f. @info: its second word. */
static void assert_icmp(const struct frame *f, uint8_t type, uint8_t code, uint32_t info,
			const struct frame *answer)
{
	struct seen s = frame__look(answer);
	size_t length = f->len - f->l3, quoted = length < QUOTE_MAX ? length : QUOTE_MAX;

	assert_between(f, answer, true);
	assert_int_equal(s.proto, s.version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	assert_int_equal(answer->data[s.l4], type);
	assert_int_equal(answer->data[s.l4 + 1], code);
	assert_int_equal(frame__get32(answer, s.l4 + 4), info);
	/* RFC 792: the IP header and 8 bytes at least. */
	assert_int_equal(s.end - s.payload, quoted);
	assert_true(quoted >= f->l4 - f->l3 + 8);
	assert_memory_equal(answer->data + s.payload, f->data + f->l3, quoted);
	/* Each is as far from its receiver as any host's own packet. */
	assert_int_equal(answer->data[s.l3 + (s.version == 4 ? 8 : 7)], 64);
}

static void test_reject(void **state)
{
	uint64_t n = 0;
	_bench_ struct bench b;

	(void)state;
	open_reject(&b, 0);
	for (size_t payload = 0; payload <= 1200; payload += payload < 10 ? 1 : 397)
		for (int i = 0; i < 2 * SHAPES; i++) {
			struct frame f = datagram(i & 1, payload, (enum shape)(i / 2)), got;
			uint8_t type = i & 1 ? 1 : 3, code = i & 1 ? HOST6 : HOST4;

			harness__send(&f, 0);
			assert_true(harness__receive(&got));
			assert_icmp(&f, type, code, 0, &got);
			assert_false(harness__receive(&got));
			n++;
			assert_int_equal(edge(&b).rejected, n);
			assert_int_equal(edge(&b).dropped, n);
		}
}

/* What is behind the IP packet is padding, which is not quoted. */
static void test_reject_padded(void **state)
{
	struct frame f = datagram(0, 0, PLAIN), padded = f;
	struct decided d;
	_bench_ struct bench b;

	(void)state;
	open_reject(&b, 0);
	frame__bytes(&padded, NULL, 60 - padded.len);
	d = bench__decide(&b, &padded);
	assert_icmp(&f, 3, HOST4, 0, &d.out);
}

static struct frame icmp(int v6, uint8_t type, const char *dst)
{
	struct frame f;

	frame__eth(&f, v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (v6)
		frame__ipv6(&f, HOSTS[1].src, dst, IPPROTO_ICMPV6);
	else
		frame__ipv4(&f, HOSTS[0].src, dst, IPPROTO_ICMP, 0, 0);
	frame__icmp(&f, type);
	frame__finish(&f);
	return f;
}

/* Errors get no error (RFC 1122 3.2.2, RFC 4443 2.4 e); they are dropped all the same. */
static void test_no_error_about_an_error(void **state)
{
	uint64_t n = 0, answered = 0;
	_bench_ struct bench b;

	(void)state;
	open_reject(&b, CHAOS_MATCH_NEIGHBOUR);
	for (unsigned int type = 0; type < 256; type++)
		for (int v6 = 0; v6 < 2; v6++) {
			struct frame f = icmp(v6, (uint8_t)type, HOSTS[v6].dst);
			struct decided d = bench__decide(&b, &f);
			bool error4 = (type >= 3 && type <= 5) || type == 11 || type == 12,
			     error6 = type < 128, discovery = v6 && type >= 133 && type <= 137;

			assert_int_equal(d.lost, (v6 ? error6 : error4) || discovery);
			if (!d.lost)
				assert_icmp(&f, v6 ? 1 : 3, v6 ? HOST6 : HOST4, 0, &d.out);
			answered += !d.lost;
			assert_int_equal(edge(&b).dropped, ++n);
			assert_int_equal(edge(&b).rejected, answered);
		}
}

/* To many, a fragment that is not the first, ARP: dropped, not answered. */
static void test_no_error_about(void **state)
{
	struct frame frames[5];
	_bench_ struct bench b;

	(void)state;
	open_reject(&b, CHAOS_MATCH_NEIGHBOUR);
	bench__ident(&b, "224.0.0.251", CLASS_B, NODE_B);
	bench__ident(&b, "ff02::fb", CLASS_B, NODE_B);
	frames[0] = udp_frame(HOSTS[0].src, 5353, "224.0.0.251", 5353);
	frames[1] = udp_frame(HOSTS[1].src, 5353, "ff02::fb", 5353);
	frame__eth(&frames[2], ETH_P_IP);
	frame__ipv4(&frames[2], HOSTS[0].src, HOSTS[0].dst, IPPROTO_UDP, 100, 0);
	frame__payload(&frames[2], 64);
	frame__eth(&frames[3], ETH_P_IPV6);
	frame__ipv6(&frames[3], HOSTS[1].src, HOSTS[1].dst, IPPROTO_FRAGMENT);
	frame__ext_frag(&frames[3], IPPROTO_UDP, 100);
	frame__payload(&frames[3], 64);
	frame__eth(&frames[4], ETH_P_ARP);
	frame__arp(&frames[4], 1, HOSTS[0].src, HOSTS[0].dst);
	for (uint64_t i = 0; i < 5; i++) {
		if (i < 4)
			frame__finish(&frames[i]);
		assert_true(bench__lost(&b, &frames[i]));
		assert_int_equal(edge(&b).dropped, i + 1);
	}
	assert_int_equal(edge(&b).rejected, 0);
}

/* Nor is one with its VLAN tag in the frame. (A test run makes no skb that the device would have taken the tag out of.) */
static void test_no_error_about_tagged(void **state)
{
	struct frame f;
	_bench_ struct bench b;

	(void)state;
	open_reject(&b, 0);
	frame__eth(&f, ETH_P_8021Q);
	frame__vlan(&f, 5, ETH_P_IP);
	frame__ipv4(&f, HOSTS[0].src, HOSTS[0].dst, IPPROTO_UDP, 0, 0);
	frame__udp(&f, 1, 2);
	frame__finish(&f);
	assert_true(bench__lost(&b, &f));
	assert_int_equal(edge(&b).dropped, 1);
	assert_int_equal(edge(&b).rejected, 0);
}

/* The first fragment can be. */
static void test_reject_first_fragment(void **state)
{
	struct frame f;
	struct decided d;
	_bench_ struct bench b;

	(void)state;
	open_reject(&b, 0);
	frame__eth(&f, ETH_P_IP);
	frame__ipv4(&f, HOSTS[0].src, HOSTS[0].dst, IPPROTO_UDP, 0x2000, 0);
	frame__udp(&f, 1, 2);
	frame__payload(&f, 64);
	frame__finish(&f);
	d = bench__decide(&b, &f);
	assert_false(d.lost);
	assert_icmp(&f, 3, HOST4, 0, &d.out);
}

/* --- mtu -------------------------------------------------------------------------------------- */

static void test_mtu(void **state)
{
	(void)state;
	for (int told = 0; told < 2; told++) {
		struct chaos_rule rule = {.actions = CHAOS_ACT_MTU,
					  .effects = told ? CHAOS_MTU_ICMP : 0,
					  .mtu = still(1000)};
		uint64_t dropped = 0;
		_bench_ struct bench b;

		bench__open_usual(&b);
		bench__fault(&b, &rule);
		for (int i = 0; i < 2 * 3; i++) {
			int v6 = i & 1;
			size_t headers = v6 ? 48 : 28, length = 999 + (size_t)i / 2;
			struct frame f = datagram(v6, length - headers, PLAIN);
			struct decided d = bench__decide(&b, &f);

			if (length <= 1000) {
				assert_false(d.lost);
				assert_int_equal(d.out.len, f.len);
				continue;
			}
			dropped++;
			assert_int_equal(d.lost, !told);
			if (told)
				assert_icmp(&f, v6 ? 2 : 3, v6 ? 0 : 4, 1000, &d.out);
		}
		assert_int_equal(dropped, 2);
		assert_int_equal(edge(&b).dropped, dropped);
		assert_int_equal(edge(&b).rejected, told ? dropped : 0);
		assert_int_equal(edge(&b).matched, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_reset),
		bpf_test(test_reset_in_a_test_run),
		bpf_test(test_reset_tagged),
		bpf_test(test_reset_spares),
		bpf_test(test_reset_share),
		bpf_test(test_reject),
		bpf_test(test_reject_padded),
		bpf_test(test_no_error_about_an_error),
		bpf_test(test_no_error_about),
		bpf_test(test_no_error_about_tagged),
		bpf_test(test_reject_first_fragment),
		bpf_test(test_mtu),
	};

	return harness__main("answers", tests, sizeof(tests) / sizeof(tests[0]));
}
