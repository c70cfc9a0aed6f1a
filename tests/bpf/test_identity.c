// SPDX-License-Identifier: GPL-2.0-only
/* Who a packet is from and to: seen by which pair's rule it meets. */
#include "harness.h"

#include <net/if_arp.h>

enum { CLASS_WIDE = 201, CLASS_NARROW = 202, CLASS_EXACT = 203, CLASS_HOOK = 301, NODE_HOOK = 31 };

/* A bench without names, armed, that drops what goes from @src to @dst in @dir. */
static void open_dropping(struct bench *b, const struct chaos_hook *hook, uint32_t src,
			  uint32_t dst, enum chaos_direction dir)
{
	struct chaos_rule all = {.actions = CHAOS_ACT_PARTITION,
				 .match = {.flags = CHAOS_MATCH_NEIGHBOUR}};

	bench__open(b, hook);
	bench__rule_on(b, src, dst, dir, &all);
	bench__window(b, 0, 0, 0, FOREVER);
	bench__arm(b, 1);
}

static bool drops(struct bench *b, enum chaos_direction dir, const char *src, const char *dst)
{
	struct frame f = udp_frame(src, 1, dst, 2);

	return bench__drops(b, dir, &f);
}

static void test_nobody_is_other(void **state)
{
	_bench_ struct bench b;

	(void)state;
	open_dropping(&b, NULL, CHAOS_CLASS_OTHER, CHAOS_CLASS_OTHER, CHAOS_EGRESS);
	assert_true(drops(&b, CHAOS_EGRESS, "192.0.2.1", "198.51.100.1"));
	assert_false(drops(&b, CHAOS_INGRESS, "192.0.2.1", "198.51.100.1"));
	bench__ident(&b, "192.0.2.1", CLASS_A, NODE_A);
	assert_false(drops(&b, CHAOS_EGRESS, "192.0.2.1", "198.51.100.1"));
}

/* Exact before prefix; of prefixes the longest; IPv4 is not mixed up with IPv6. */
static void test_exact_then_longest(void **state)
{
	static const struct {
		const char *addr;
		uint32_t class_id;
	} who[] = {
		{"10.1.2.3", CLASS_EXACT},	   {"10.1.2.4", CLASS_NARROW},
		{"10.1.0.1", CLASS_WIDE},	   {"10.2.0.1", CHAOS_CLASS_OTHER},
		{"2001:db8:1::1", CLASS_NARROW},   {"2001:db8:2::1", CLASS_WIDE},
		{"::10.1.2.3", CHAOS_CLASS_OTHER}, {"2001:db9::1", CHAOS_CLASS_OTHER},
	};
	static const uint32_t classes[] = {CHAOS_CLASS_OTHER, CLASS_WIDE, CLASS_NARROW,
					   CLASS_EXACT};

	(void)state;
	for (size_t c = 0; c < 4; c++) {
		_bench_ struct bench b;

		open_dropping(&b, NULL, classes[c], CLASS_B, CHAOS_INGRESS);
		bench__prefix(&b, "10.1.0.0", 16, CLASS_WIDE, 1);
		bench__prefix(&b, "10.1.2.0", 24, CLASS_NARROW, 2);
		bench__prefix(&b, "2001:db8::", 32, CLASS_WIDE, 1);
		bench__prefix(&b, "2001:db8:1::", 48, CLASS_NARROW, 2);
		bench__ident(&b, "10.1.2.3", CLASS_EXACT, 3);
		bench__ident(&b, "10.9.9.9", CLASS_B, NODE_B);
		bench__ident(&b, "fd00::9", CLASS_B, NODE_B);
		for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++)
			assert_int_equal(drops(&b, CHAOS_INGRESS, who[i].addr,
					       strchr(who[i].addr, ':') ? "fd00::9" : "10.9.9.9"),
					 who[i].class_id == classes[c]);
	}
}

static void test_fixed(void **state)
{
	struct chaos_hook hook = {.ident = {CLASS_HOOK, NODE_HOOK}, .flags = CHAOS_HOOK_FIXED};
	_bench_ struct bench in, out;

	(void)state;
	open_dropping(&in, &hook, CLASS_A, CLASS_HOOK, CHAOS_INGRESS);
	open_dropping(&out, &hook, CLASS_HOOK, CLASS_A, CHAOS_EGRESS);
	bench__ident(&in, "10.0.0.1", CLASS_A, NODE_A);
	bench__ident(&out, "10.0.0.1", CLASS_A, NODE_A);
	/* The local side is the hook's whatever its address, even when that has another name. */
	bench__ident(&in, "10.0.0.2", CLASS_B, NODE_B);
	assert_true(drops(&in, CHAOS_INGRESS, "10.0.0.1", "10.0.0.2"));
	assert_true(drops(&in, CHAOS_INGRESS, "10.0.0.1", "203.0.113.7"));
	assert_true(drops(&in, CHAOS_INGRESS, "10.0.0.1", "224.0.0.18"));
	assert_false(drops(&in, CHAOS_INGRESS, "10.0.0.2", "10.0.0.1"));
	assert_true(drops(&out, CHAOS_EGRESS, "203.0.113.7", "10.0.0.1"));
	assert_false(drops(&out, CHAOS_EGRESS, "10.0.0.1", "203.0.113.7"));
	assert_int_equal(bench__edge(&in, 0, NODE_A, NODE_HOOK).dropped, 3);
	assert_int_equal(bench__edge(&out, 0, NODE_HOOK, NODE_A).dropped, 1);
}

static void test_group(void **state)
{
	static const char *const groups[] = {"224.0.0.18", "239.255.0.1", "255.255.255.255"};
	struct chaos_hook hook = {.ident = {CLASS_HOOK, NODE_HOOK}, .flags = CHAOS_HOOK_GROUP};
	_bench_ struct bench b, without;
	struct frame f;

	(void)state;
	open_dropping(&b, &hook, CLASS_A, CLASS_HOOK, CHAOS_INGRESS);
	hook.flags = 0;
	open_dropping(&without, &hook, CLASS_A, CLASS_HOOK, CHAOS_INGRESS);
	bench__ident(&b, "10.0.0.1", CLASS_A, NODE_A);
	bench__ident(&b, "fd00::1", CLASS_A, NODE_A);
	bench__ident(&without, "10.0.0.1", CLASS_A, NODE_A);
	for (size_t i = 0; i < 3; i++) {
		assert_true(drops(&b, CHAOS_INGRESS, "10.0.0.1", groups[i]));
		assert_false(drops(&without, CHAOS_INGRESS, "10.0.0.1", groups[i]));
	}
	assert_true(drops(&b, CHAOS_INGRESS, "fd00::1", "ff02::12"));
	assert_false(drops(&b, CHAOS_INGRESS, "fd00::1", "fe80::12"));
	assert_false(drops(&b, CHAOS_INGRESS, "10.0.0.1", "10.0.0.255"));
	assert_false(drops(&b, CHAOS_INGRESS, "10.0.0.1", "223.255.255.255"));
	assert_false(drops(&b, CHAOS_INGRESS, "10.0.0.1", "240.0.0.1"));

	/* The broadcast of a subnet shows by the link's. */
	f = udp_frame("10.0.0.1", 1, "10.0.0.255", 2);
	memset(f.data, 0xff, 6);
	assert_true(bench__drops(&b, CHAOS_INGRESS, &f));
	/* An ARP request names whom it asks; an announcement is for all. */
	frame__eth(&f, ETH_P_ARP);
	memset(f.data, 0xff, 6);
	frame__arp(&f, ARPOP_REQUEST, "10.0.0.1", "10.0.0.2");
	assert_false(bench__drops(&b, CHAOS_INGRESS, &f));
	frame__eth(&f, ETH_P_ARP);
	memset(f.data, 0xff, 6);
	frame__arp(&f, ARPOP_REQUEST, "10.0.0.1", "10.0.0.1");
	assert_true(bench__drops(&b, CHAOS_INGRESS, &f));
}

/* A remote group is a name like any other, if somebody named it. */
static void test_group_at_egress(void **state)
{
	struct chaos_hook hook = {.ident = {CLASS_HOOK, NODE_HOOK},
				  .flags = CHAOS_HOOK_FIXED | CHAOS_HOOK_GROUP};
	_bench_ struct bench b;

	(void)state;
	open_dropping(&b, &hook, CLASS_HOOK, CLASS_WIDE, CHAOS_EGRESS);
	assert_false(drops(&b, CHAOS_EGRESS, "10.0.0.1", "224.0.0.18"));
	bench__prefix(&b, "224.0.0.0", 4, CLASS_WIDE, 1);
	assert_true(drops(&b, CHAOS_EGRESS, "10.0.0.1", "224.0.0.18"));
}

static void test_loopback(void **state)
{
	struct chaos_hook hook = {.ident = {CLASS_HOOK, NODE_HOOK}, .flags = CHAOS_HOOK_FIXED};
	_bench_ struct bench fixed, by_addr;

	(void)state;
	open_dropping(&fixed, &hook, CLASS_HOOK, CLASS_HOOK, CHAOS_EGRESS);
	fixed.ifindex = LOOPBACK;
	assert_true(drops(&fixed, CHAOS_EGRESS, "127.0.0.1", "127.0.0.1"));
	assert_true(drops(&fixed, CHAOS_EGRESS, "::1", "::1"));
	assert_true(drops(&fixed, CHAOS_EGRESS, "10.0.0.1", "10.0.0.1"));
	assert_false(drops(&fixed, CHAOS_INGRESS, "127.0.0.1", "127.0.0.1"));
	assert_int_equal(bench__edge(&fixed, 0, NODE_HOOK, NODE_HOOK).dropped, 3);
	/* The same on another device is from a stranger. */
	fixed.ifindex = harness__ifindex();
	assert_false(drops(&fixed, CHAOS_EGRESS, "127.0.0.1", "127.0.0.1"));

	/* Two endpoints by their addresses in one namespace. */
	hook.flags = CHAOS_HOOK_GROUP;
	open_dropping(&by_addr, &hook, CLASS_A, CLASS_HOOK, CHAOS_EGRESS);
	by_addr.ifindex = LOOPBACK;
	bench__ident(&by_addr, "10.0.0.1", CLASS_A, NODE_A);
	assert_true(drops(&by_addr, CHAOS_EGRESS, "10.0.0.1", "127.0.0.1"));
	assert_true(drops(&by_addr, CHAOS_EGRESS, "10.0.0.1", "10.0.0.9"));
	assert_false(drops(&by_addr, CHAOS_EGRESS, "127.0.0.1", "10.0.0.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_nobody_is_other), bpf_test(test_exact_then_longest),
		bpf_test(test_fixed),		bpf_test(test_group),
		bpf_test(test_group_at_egress), bpf_test(test_loopback),
	};

	return harness__main("identity", tests, sizeof(tests) / sizeof(tests[0]));
}
