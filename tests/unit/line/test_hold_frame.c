// SPDX-License-Identifier: GPL-2.0-only
/* Frames between their two forms: tags, offsets, and what is no frame of ours. */
#include "datapath/chaos_abi_user.h"
#include "lib/cleanup.h"
#include "lib/rng.h"
#include "line/hold_frame.h"

#include <arpa/inet.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

enum {
	HELD = sizeof(struct chaos_held),
	MAC = HOLD_VNET + HELD,
	L4 = 14 + 20, /* of IPv4, from the destination MAC on */
	LEN = 200,    /* of the Ethernet frame */
};

struct frame {
	uint8_t bytes[HOLD_FRAME_MAX + 16];
	size_t len;
};

static void make(struct frame *f, const struct virtio_net_hdr *v, const struct chaos_held *held)
{
	memcpy(f->bytes, v, sizeof(*v));
	memcpy(f->bytes + HOLD_VNET, held, sizeof(*held));
	for (size_t i = 0; i < LEN; i++)
		f->bytes[MAC + i] = (uint8_t)(i + 1);
	f->len = MAC + LEN;
}

/* Turned as it must be: @n_tags of these, and nothing else of the frame changed. */
static void check(const struct frame *f, int start, const uint16_t (*tags)[2], size_t n_tags)
{
	const uint8_t *mac = f->bytes + start + HOLD_VNET;

	assert_int_equal(start, (int)(HELD - 4 * n_tags));
	for (size_t i = 0; i < 12; i++)
		assert_int_equal(mac[i], i + 1);
	for (size_t i = 0; i < n_tags; i++) {
		uint16_t tag[2];

		memcpy(tag, mac + 12 + 4 * i, sizeof(tag));
		assert_int_equal(ntohs(tag[0]), tags[i][0]);
		assert_int_equal(ntohs(tag[1]), tags[i][1]);
	}
	for (size_t i = 12; i < LEN; i++)
		assert_int_equal(mac[i + 4 * n_tags], i + 1);
	assert_ptr_equal(mac + LEN + 4 * n_tags, f->bytes + f->len);
}

static struct virtio_net_hdr header_of(const struct frame *f, int start)
{
	struct virtio_net_hdr v;

	memcpy(&v, f->bytes + start, sizeof(v));
	return v;
}

static void test_tag(void **state)
{
	const uint16_t tags[][2] = {{0x8100, 0xa123}};
	const struct chaos_held held = {.due_ns = 1234567890123ULL, .port = 0xa123};
	const struct virtio_net_hdr none = {0};
	struct virtio_net_hdr v;
	struct frame f;
	uint64_t due = 0;
	int start;

	(void)state;
	make(&f, &none, &held);
	start = hold_frame__turn(f.bytes, f.len, &due);
	check(&f, start, tags, 1);
	v = header_of(&f, start);
	assert_memory_equal(&v, &none, sizeof(v));
	assert_int_equal(due, 1234567890123ULL);
}

static void test_own_tag_behind_ours(void **state)
{
	static const uint16_t protos[] = {0x8100, 0x88a8};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protos); i++) {
		const uint16_t tags[][2] = {{0x8100, 7}, {protos[i], 0x6064}};
		const struct chaos_held held = {
			.due_ns = 1, .port = 7, .vlan_proto = protos[i], .vlan_tci = 0x6064};
		const struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						 .csum_start = HELD + L4,
						 .csum_offset = 16};
		struct frame f;
		uint64_t due;
		int start;

		make(&f, &v, &held);
		start = hold_frame__turn(f.bytes, f.len, &due);
		check(&f, start, tags, 2);
		assert_int_equal(header_of(&f, start).csum_start, L4 + 8);
		assert_int_equal(header_of(&f, start).csum_offset, 16);
		assert_int_equal(header_of(&f, start).hdr_len, 0);
	}
}

static void test_gso_offsets(void **state)
{
	const uint16_t tags[][2] = {{0x8100, 1}};
	const struct chaos_held held = {.due_ns = 1, .port = 1};
	const struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					 .gso_type =
						 VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
					 .hdr_len = HELD + L4 + 20,
					 .gso_size = 100,
					 .csum_start = HELD + L4,
					 .csum_offset = 16};
	struct virtio_net_hdr now;
	struct frame f;
	uint64_t due;
	int start;

	(void)state;
	make(&f, &v, &held);
	start = hold_frame__turn(f.bytes, f.len, &due);
	check(&f, start, tags, 1);
	now = header_of(&f, start);
	assert_int_equal(now.flags, v.flags);
	assert_int_equal(now.gso_type, v.gso_type);
	assert_int_equal(now.gso_size, v.gso_size);
	assert_int_equal(now.csum_start, 4 + L4);
	assert_int_equal(now.hdr_len, 4 + L4 + 20);
}

/* A length of linear data is a hint, and wraps at 64 KiB: it never spoils the frame. */
static void test_hdr_len_is_kept_inside(void **state)
{
	static const uint16_t lens[] = {1, HELD, HELD + 14, HELD + LEN, HELD + LEN + 1, UINT16_MAX};
	const struct chaos_held held = {.due_ns = 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const struct virtio_net_hdr v = {
			.gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 50, .hdr_len = lens[i]};
		struct frame f;
		uint64_t due;
		int start;

		make(&f, &v, &held);
		start = hold_frame__turn(f.bytes, f.len, &due);
		assert_true(start > 0);
		assert_in_range(header_of(&f, start).hdr_len, 14 + 4, LEN + 4);
	}
}

static void expect_refused(const struct virtio_net_hdr *v, const struct chaos_held *held,
			   size_t len)
{
	struct frame f, before;
	uint64_t due = 99;

	make(&f, v, held);
	before = f;
	assert_int_equal(hold_frame__turn(f.bytes, len, &due), -EBADMSG);
	assert_memory_equal(f.bytes, before.bytes, f.len);
	assert_int_equal(due, 99);
}

static void test_no_frame_of_ours(void **state)
{
	const struct chaos_held good = {.due_ns = 1}, pad = {.pad = 1},
				tag = {.vlan_proto = 0x9100};
	const struct virtio_net_hdr none = {0};
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_offset = 16};

	(void)state;
	expect_refused(&none, &pad, MAC + LEN);
	expect_refused(&none, &tag, MAC + LEN);
	expect_refused(&none, &good, 0);
	expect_refused(&none, &good, HOLD_FRAME_MIN - 1);
	expect_refused(&none, &good, HOLD_FRAME_MAX + 1);
	/* Checksums in front of the payload, at the end, behind it. */
	v.csum_start = HELD + 13;
	expect_refused(&v, &good, MAC + LEN);
	v.csum_start = HELD + LEN - 17;
	expect_refused(&v, &good, MAC + LEN);
	v.csum_start = UINT16_MAX;
	v.csum_offset = UINT16_MAX;
	expect_refused(&v, &good, MAC + LEN);
	v = (struct virtio_net_hdr){.gso_type = VIRTIO_NET_HDR_GSO_TCPV4};
	expect_refused(&v, &good, MAC + LEN);
}

static void test_smallest_and_largest(void **state)
{
	const struct chaos_held held = {.due_ns = 1, .vlan_proto = 0x8100};
	const struct virtio_net_hdr none = {0};
	static struct frame f;
	uint64_t due;

	(void)state;
	make(&f, &none, &held);
	assert_int_equal(hold_frame__turn(f.bytes, HOLD_FRAME_MIN, &due), HELD - 8);
	make(&f, &none, &held);
	assert_int_equal(hold_frame__turn(f.bytes, HOLD_FRAME_MAX, &due), HELD - 8);
}

/* Whatever the bytes, what comes out can be written: its offsets are inside of it. */
static void test_hostile(void **state)
{
	size_t taken = 0;
	struct rng rng;

	(void)state;
	rng.state = 11;
	for (int i = 0; i < 50000; i++) {
		size_t len = rng__next(&rng) % 120;
		uint8_t *bytes = malloc(len ? len : 1);
		struct virtio_net_hdr v;
		uint64_t due;
		int start;

		for (size_t j = 0; j < len; j++)
			bytes[j] = (uint8_t)(rng__next(&rng) % 4 ? 0 : rng__next(&rng));
		start = hold_frame__turn(bytes, len, &due);
		if (start >= 0) {
			size_t left = len - (size_t)start - HOLD_VNET;

			taken++;
			memcpy(&v, bytes + start, sizeof(v));
			assert_true(v.hdr_len <= left);
			if (v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
				assert_true((size_t)v.csum_start + v.csum_offset + 2 <= left);
		}
		free(bytes);
	}
	assert_true(taken > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tag),
		cmocka_unit_test(test_own_tag_behind_ours),
		cmocka_unit_test(test_gso_offsets),
		cmocka_unit_test(test_hdr_len_is_kept_inside),
		cmocka_unit_test(test_no_frame_of_ours),
		cmocka_unit_test(test_smallest_and_largest),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
