// SPDX-License-Identifier: GPL-2.0-only
/* Faults that change a packet on its way: duplicate, corrupt, ecn. test_answers.c has those that answer. */
#include "harness.h"

#include <math.h>

static const struct {
	const char *src, *dst;
} HOSTS[] = {{"10.0.0.1", "10.0.0.2"}, {"2001:db8::1", "2001:db8::2"}};

static struct frame whole(int v6, uint8_t proto, size_t payload)
{
	struct frame f = proto == IPPROTO_TCP
				 ? tcp_frame(HOSTS[v6].src, 1000, HOSTS[v6].dst, 80, TCP_ACK)
				 : udp_frame(HOSTS[v6].src, 1000, HOSTS[v6].dst, 80);

	frame__payload(&f, payload);
	frame__finish(&f);
	return f;
}

static struct frame echo(int v6, size_t payload)
{
	struct frame f;

	frame__eth(&f, v6 ? ETH_P_IPV6 : ETH_P_IP);
	if (v6)
		frame__ipv6(&f, HOSTS[1].src, HOSTS[1].dst, IPPROTO_ICMPV6);
	else
		frame__ipv4(&f, HOSTS[0].src, HOSTS[0].dst, IPPROTO_ICMP, 0, 0);
	frame__icmp(&f, v6 ? 128 : 8);
	frame__payload(&f, payload);
	frame__finish(&f);
	return f;
}

static struct chaos_edge_counts edge(struct bench *b)
{
	return bench__edge(b, 0, NODE_A, NODE_B);
}

static bool same(const struct frame *a, const struct frame *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

static bool untouched(struct bench *b, const struct frame *f)
{
	struct decided d = bench__decide(b, f);

	return !d.lost && same(&d.out, f);
}

/* --- duplicate -------------------------------------------------------------------------------- */

static void test_duplicate(void **state)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_DUPLICATE, .duplicate = chance_of(1)};
	struct frame f = whole(0, IPPROTO_UDP, 100), copy;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__fault(&b, &rule);
	harness__attach_line(&b);
	for (int i = 0; i < 10; i++) {
		harness__send(&f, 0);
		for (int k = 0; k < 2; k++) {
			assert_true(harness__receive(&copy));
			assert_true(same(&f, &copy));
		}
		assert_false(harness__receive(&copy));
	}
	assert_int_equal(edge(&b).matched, 10);
	assert_int_equal(edge(&b).duplicated, 10);
	assert_true(edge(&b).first_hit_ns);
}

/* Duplicate before loss: of two copies each is lost on its own. */
static void test_duplicate_and_lose(void **state)
{
	enum { PACKETS = 4000 };
	struct chaos_rule rule = {.actions = CHAOS_ACT_DUPLICATE | CHAOS_ACT_LOSS,
				  .seed = 3,
				  .duplicate = chance_of(0.4),
				  .loss = {.chance = chance_of(0.3)}};
	struct frame f = whole(1, IPPROTO_TCP, 100), got;
	double arrived[4] = {0}, copies;
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__fault(&b, &rule);
	harness__attach_line(&b);
	for (int i = 0; i < PACKETS; i++) {
		size_t n = 0;

		harness__send(&f, 0);
		while (harness__receive(&got))
			n++;
		assert_true(n < 3);
		arrived[n]++;
	}
	copies = (double)edge(&b).duplicated;
	assert_share("duplicated", copies, 0.4, PACKETS);
	assert_share("both arrive", arrived[2], 0.4 * 0.7 * 0.7, PACKETS);
	assert_share("none arrives", arrived[0], 0.6 * 0.3 + 0.4 * 0.3 * 0.3, PACKETS);
	assert_share("lost", (double)edge(&b).dropped, 0.3, PACKETS + copies);
	assert_int_equal(edge(&b).matched, PACKETS);
	assert_int_equal(edge(&b).dropped, PACKETS + copies - arrived[1] - 2 * arrived[2]);
}

/* --- corrupt ---------------------------------------------------------------------------------- */

/* Of two frames of one length, in bytes @from ... @to. */
static unsigned int differing_bits(const struct frame *a, const struct frame *b, size_t from,
				   size_t to)
{
	unsigned int n = 0;

	assert_int_equal(a->len, b->len);
	for (size_t i = from; i < to; i++)
		n += (unsigned int)__builtin_popcount(a->data[i] ^ b->data[i]);
	return n;
}

static void open_corrupt(struct bench *b, double p, uint32_t effects)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_CORRUPT,
				  .seed = 5,
				  .effects = effects,
				  .corrupt = chance_of(p)};

	bench__open_usual(b);
	bench__fault(b, &rule);
}

/* One bit of what the checksum covers, any, equally often. */
static void test_corrupt_detected(void **state)
{
	enum { PACKETS = 4000, PAYLOAD = 20 };

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		struct frame f = whole(v6, IPPROTO_TCP, PAYLOAD);
		double hits[FRAME_MAX] = {0}, bits[8] = {0};
		size_t n = f.len - f.l4;
		double chi2 = 0;
		_bench_ struct bench b;

		open_corrupt(&b, 1, 0);
		for (int i = 0; i < PACKETS; i++) {
			struct decided d = bench__decide(&b, &f);

			assert_false(d.lost);
			assert_int_equal(differing_bits(&f, &d.out, 0, f.len), 1);
			assert_int_equal(differing_bits(&f, &d.out, f.l4, f.len), 1);
			assert_true(frame__look(&d.out).ip_right);
			/* The length of the TCP header may be the bit. */
			assert_false(frame__look(&d.out).l4_right);
			for (size_t k = f.l4; k < f.len; k++)
				if (f.data[k] != d.out.data[k]) {
					hits[k]++;
					bits[__builtin_ctz(f.data[k] ^ d.out.data[k])]++;
				}
		}
		for (size_t k = f.l4; k < f.len; k++)
			chi2 += (hits[k] - PACKETS / (double)n) * (hits[k] - PACKETS / (double)n) /
				(PACKETS / (double)n);
		/* Mean n - 1, variance 2 (n - 1). */
		assert_near("chi squared of bytes", chi2, (double)(n - 1),
			    sqrt(2.0 * (double)(n - 1)));
		for (int k = 0; k < 8; k++)
			assert_share("bit", bits[k], 1 / 8.0, PACKETS);
		assert_int_equal(edge(&b).corrupted, PACKETS);
		assert_int_equal(edge(&b).dropped, 0);
	}
}

static void test_corrupt_share(void **state)
{
	struct frame f = whole(0, IPPROTO_UDP, 100);
	double changed = 0;
	_bench_ struct bench b;

	(void)state;
	open_corrupt(&b, 0.2, 0);
	for (int i = 0; i < 4000; i++) {
		struct decided d = bench__decide(&b, &f);

		changed += !same(&f, &d.out);
	}
	assert_share("corrupted", changed, 0.2, 4000);
	assert_int_equal(edge(&b).corrupted, changed);
}

static size_t checksum_at(const struct frame *f)
{
	return f->l4 + (f->proto == IPPROTO_TCP ? 16 : f->proto == IPPROTO_UDP ? 6 : 2);
}

/* One bit of the payload, and the checksum that goes with it. */
static void test_corrupt_silent(void **state)
{
	(void)state;
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t payload = 1; payload <= 64; payload += 21) {
			struct frame frames[] = {whole(v6, IPPROTO_TCP, payload),
						 whole(v6, IPPROTO_UDP, payload),
						 echo(v6, payload)};
			_bench_ struct bench b;

			open_corrupt(&b, 1, CHAOS_CORRUPT_SILENT);
			for (int i = 0; i < 600; i++) {
				const struct frame *f = &frames[i % 3];
				struct decided d = bench__decide(&b, f);
				struct seen s = frame__look(&d.out), was = frame__look(f);
				size_t sum = checksum_at(f);

				assert_true(was.l4_right);
				assert_true(s.ip_right && s.l4_right);
				assert_int_equal(differing_bits(f, &d.out, was.payload, f->len), 1);
				assert_int_equal(differing_bits(f, &d.out, 0, sum), 0);
				assert_int_equal(differing_bits(f, &d.out, sum + 2, f->len), 1);
				assert_int_not_equal(frame__get16(&d.out, sum), 0);
			}
			assert_int_equal(edge(&b).corrupted, 600);
		}
}

/* A sender that does without a UDP checksum has none to mend. */
static void test_corrupt_silent_without_checksum(void **state)
{
	struct frame f = whole(0, IPPROTO_UDP, 50);
	struct decided d;
	_bench_ struct bench b;

	(void)state;
	open_corrupt(&b, 1, CHAOS_CORRUPT_SILENT);
	f.data[f.l4 + 6] = 0;
	f.data[f.l4 + 7] = 0;
	d = bench__decide(&b, &f);
	assert_int_equal(differing_bits(&f, &d.out, 0, f.l4 + 8), 0);
	assert_int_equal(differing_bits(&f, &d.out, f.l4 + 8, f.len), 1);
}

/* Nothing to corrupt, or nothing that could be mended: left alone, and not counted. */
static void test_corrupt_silent_spares(void **state)
{
	struct frame bare = whole(0, IPPROTO_TCP, 0), padded = whole(0, IPPROTO_UDP, 0), later[2];
	_bench_ struct bench b;

	(void)state;
	open_corrupt(&b, 1, CHAOS_CORRUPT_SILENT);
	frame__bytes(&padded, NULL, 60 - padded.len);
	frame__eth(&later[0], ETH_P_IP);
	frame__ipv4(&later[0], HOSTS[0].src, HOSTS[0].dst, IPPROTO_UDP, 100, 0);
	frame__eth(&later[1], ETH_P_IPV6);
	frame__ipv6(&later[1], HOSTS[1].src, HOSTS[1].dst, IPPROTO_FRAGMENT);
	frame__ext_frag(&later[1], IPPROTO_TCP, 100);
	for (int i = 0; i < 20; i++) {
		assert_true(untouched(&b, &bare));
		assert_true(untouched(&b, &padded));
	}
	/* The checksum is in the first fragment. */
	for (int k = 0; k < 2; k++) {
		frame__payload(&later[k], 64);
		frame__finish(&later[k]);
		for (int i = 0; i < 20; i++)
			assert_true(untouched(&b, &later[k]));
	}
	assert_int_equal(edge(&b).matched, 80);
	assert_int_equal(edge(&b).corrupted, 0);
}

/* A later fragment is corrupted as the wire would; nobody finds out before it is whole. */
static void test_corrupt_fragment(void **state)
{
	struct frame f;
	_bench_ struct bench b;

	(void)state;
	open_corrupt(&b, 1, 0);
	frame__eth(&f, ETH_P_IP);
	frame__ipv4(&f, HOSTS[0].src, HOSTS[0].dst, IPPROTO_UDP, 100, 0);
	frame__payload(&f, 64);
	frame__finish(&f);
	for (int i = 0; i < 50; i++) {
		struct decided d = bench__decide(&b, &f);

		assert_int_equal(differing_bits(&f, &d.out, ETH_HLEN + 20, f.len), 1);
		assert_int_equal(differing_bits(&f, &d.out, 0, ETH_HLEN + 20), 0);
	}
}

/* --- VLAN ------------------------------------------------------------------------------------- */

/* @tags: of the frame; the device takes the first out of it, the second stays in. */
static struct frame tagged(const struct frame *f, unsigned int tags)
{
	static const uint8_t tag[] = {0x81, 0x00, 0x01, 0x05}; /* VLAN 261 */
	struct frame t = {.len = 0};

	frame__bytes(&t, f->data, 12);
	for (unsigned int i = 0; i < tags; i++)
		frame__bytes(&t, tag, sizeof(tag));
	frame__bytes(&t, f->data + 12, f->len - 12);
	t.l3 = f->l3 + tags * 4;
	t.l4 = f->l4 + tags * 4;
	t.proto = f->proto;
	return t;
}

static void test_vlan(void **state)
{
	(void)state;
	for (unsigned int tags = 1; tags <= 2; tags++)
		for (int v6 = 0; v6 < 2; v6++) {
			struct frame f = whole(v6, IPPROTO_UDP, 60), got;
			_bench_ struct bench b;

			f = tagged(&f, tags);
			open_corrupt(&b, 1, CHAOS_CORRUPT_SILENT);
			harness__attach_line(&b);
			for (int i = 0; i < 50; i++) {
				harness__send(&f, 0);
				assert_true(harness__receive(&got));
				assert_int_equal(differing_bits(&f, &got, 0, f.l4 + 6), 0);
				assert_int_equal(differing_bits(&f, &got, f.l4 + 8, f.len), 1);
				assert_true(frame__look(&got).l4_right);
			}
		}
}

/* --- ecn -------------------------------------------------------------------------------------- */

static void set_ecn(struct frame *f, unsigned int ecn)
{
	size_t l3 = f->l3;

	if (f->data[l3] >> 4 == 4)
		f->data[l3 + 1] = (uint8_t)(0xb8 | ecn);
	else
		f->data[l3 + 1] = (uint8_t)((f->data[l3 + 1] & 0xcf) | ecn << 4);
	frame__finish(f);
}

static void assert_marks(struct bench *b, const struct frame *plain, unsigned int tags)
{
	for (unsigned int ecn = 0; ecn < 4; ecn++) {
		struct frame f = *plain, marked = *plain, got;

		set_ecn(&f, ecn);
		set_ecn(&marked, ecn == 1 || ecn == 2 ? 3 : ecn);
		f = tagged(&f, tags);
		marked = tagged(&marked, tags);
		got = bench__decide(b, &f).out;
		assert_true(frame__look(&got).ip_right);
		assert_true(same(&got, &marked));
		/* And as the kernel makes skbs: the first tag beside the frame. */
		harness__send(&f, 0);
		assert_true(harness__receive(&got));
		assert_true(same(&got, &marked));
	}
}

static void test_ecn(void **state)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_ECN, .ecn = chance_of(1)};

	(void)state;
	for (int v6 = 0; v6 < 2; v6++)
		for (unsigned int tags = 0; tags <= 2; tags++) {
			struct frame f = whole(v6, IPPROTO_TCP, 30);
			_bench_ struct bench b;

			bench__open_usual(&b);
			bench__fault(&b, &rule);
			harness__attach_line(&b);
			assert_marks(&b, &f, tags);
			assert_int_equal(edge(&b).marked, 4);
			assert_int_equal(edge(&b).matched, 8);
		}
}

static void test_ecn_share(void **state)
{
	struct chaos_rule rule = {.actions = CHAOS_ACT_ECN, .seed = 8, .ecn = chance_of(0.3)};
	struct frame f = whole(0, IPPROTO_TCP, 30);
	_bench_ struct bench b;

	(void)state;
	bench__open_usual(&b);
	bench__fault(&b, &rule);
	set_ecn(&f, 2);
	for (int i = 0; i < 4000; i++)
		bench__decide(&b, &f);
	assert_share("marked", (double)edge(&b).marked, 0.3, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_duplicate),
		bpf_test(test_duplicate_and_lose),
		bpf_test(test_corrupt_detected),
		bpf_test(test_corrupt_share),
		bpf_test(test_corrupt_silent),
		bpf_test(test_corrupt_silent_without_checksum),
		bpf_test(test_corrupt_silent_spares),
		bpf_test(test_corrupt_fragment),
		bpf_test(test_vlan),
		bpf_test(test_ecn),
		bpf_test(test_ecn_share),
	};

	return harness__main("effects", tests, sizeof(tests) / sizeof(tests[0]));
}
