// SPDX-License-Identifier: GPL-2.0-only
/* What a plan's rules need of the line: line__needs(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/line.h"

#include <string.h>

#define MS 1000000ULL

static struct line_needs needs(const struct chaos_rule *rules, size_t n)
{
	struct dp_fault faults[4] = {0};
	const struct dp_plan plan = {.faults = faults, .n_faults = n};

	assert_true(n <= 4);
	for (size_t i = 0; i < n; i++)
		faults[i].rule = rules[i];
	return line__needs(&plan);
}

static void test_partitions_need_none(void **state)
{
	const struct chaos_rule cuts[2] = {{.actions = CHAOS_ACT_PARTITION},
					   {.actions = CHAOS_ACT_PARTITION}};
	struct line_needs n = needs(cuts, 2);

	(void)state;
	assert_false(n.any || n.wire || n.held || n.checksums || n.longest_ns);
}

/* Only a constant delay is the same for a GSO packet and for its wire packets. */
static void test_wire_packets(void **state)
{
	struct chaos_rule r = {.actions = CHAOS_ACT_DELAY, .delay.latency_ns = {20 * MS, 20 * MS}};
	struct line_needs n = needs(&r, 1);

	(void)state;
	assert_true(n.any && n.held && !n.wire && !n.checksums);
	assert_int_equal(n.longest_ns, 20 * MS);
	r.delay.jitter_ns = (struct chaos_param){0, MS};
	assert_true(needs(&r, 1).wire);
	r.delay.jitter_ns = (struct chaos_param){0, 0};
	r.match.nth = 3;
	assert_true(needs(&r, 1).wire);
	r.match.nth = 0;
	r.delay.flags = CHAOS_DELAY_REORDER;
	assert_true(needs(&r, 1).wire);
	r.delay.flags = 0;
	r.match.flags = CHAOS_MATCH_LENGTH;
	assert_true(needs(&r, 1).wire);
	r = (struct chaos_rule){.actions = CHAOS_ACT_LOSS};
	n = needs(&r, 1);
	assert_true(n.any && n.wire && !n.held && !n.checksums);
}

/* What rewrites a packet needs its checksum in it. */
static void test_checksums(void **state)
{
	static const uint32_t rewriting[] = {CHAOS_ACT_CORRUPT, CHAOS_ACT_RESET, CHAOS_ACT_REJECT,
					     CHAOS_ACT_MTU};

	(void)state;
	for (size_t i = 0; i < sizeof(rewriting) / sizeof(*rewriting); i++) {
		const struct chaos_rule r = {.actions = rewriting[i]};

		assert_true(needs(&r, 1).checksums);
	}
}

/* Rules add up; what a slow rate could hold has a bound, which twice over is fq's 32 bits of microseconds. */
static void test_longest(void **state)
{
	struct chaos_rule r[3] = {
		{.actions = CHAOS_ACT_DELAY,
		 .delay = {.latency_ns = {MS, 10 * MS}, .jitter_ns = {2 * MS, MS}}},
		{.actions = CHAOS_ACT_RATE,
		 .rate = {.bytes_per_s = {65536000, 131072000}, .queue_ns = 5 * MS}},
		{.actions = CHAOS_ACT_RATE, .rate = {.bytes_per_s = {1, 1}}},
	};

	(void)state;
	assert_int_equal(needs(r, 1).longest_ns, 18 * MS);
	/* 5 ms of queue, and 65,536 bytes behind it at the lower rate. */
	assert_int_equal(needs(r, 2).longest_ns, 18 * MS + 6 * MS);
	assert_int_equal(needs(r, 3).longest_ns, LINE_LONGEST_NS);
	assert_true(2 * LINE_LONGEST_NS / 1000 <= UINT32_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partitions_need_none),
		cmocka_unit_test(test_wire_packets),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
