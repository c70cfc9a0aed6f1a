// SPDX-License-Identifier: GPL-2.0-only
/* When a fault is on: half-open windows after t0, to the nanosecond of the kernel's clock. */
#include "harness.h"

static const uint64_t MS = 1000000, HOUR = 3600ULL * 1000000000;

static struct frame packet(void)
{
	return udp_frame("10.0.0.1", 1, "10.0.0.2", 2);
}

static bool drops_now(struct bench *b)
{
	struct frame f = packet();

	return bench__drops(b, CHAOS_INGRESS, &f);
}

static void open_cut(struct bench *b)
{
	bench__open_usual(b);
	bench__cut(b, NULL);
	bench__window(b, 0, 0, 0, 0);
}

static void test_not_armed(void **state)
{
	_bench_ struct bench b;

	(void)state;
	open_cut(&b);
	bench__window(&b, 0, 0, 0, FOREVER);
	assert_true(drops_now(&b));
	bench__arm(&b, 0);
	assert_false(drops_now(&b));
	assert_int_equal(bench__stats(&b).packets, 1);
	bench__arm(&b, 1);
	assert_true(drops_now(&b));
}

static void test_before_t0(void **state)
{
	_bench_ struct bench b;

	(void)state;
	open_cut(&b);
	bench__window(&b, 0, 0, 0, FOREVER);
	bench__arm(&b, now_ns() + HOUR);
	assert_false(drops_now(&b));
	bench__arm(&b, now_ns());
	assert_true(drops_now(&b));
}

/* A run that began before the machine came up: t0 is below 0. */
static void test_before_the_clock(void **state)
{
	_bench_ struct bench b;
	uint64_t run;

	(void)state;
	open_cut(&b);
	bench__arm(&b, -HOUR);
	run = now_ns() + HOUR;
	bench__window(&b, 0, 0, 0, FOREVER);
	assert_true(drops_now(&b));
	bench__window(&b, 0, 0, run - HOUR / 2, run + HOUR);
	assert_true(drops_now(&b));
	bench__window(&b, 0, 0, run / 2, run - 1);
	assert_false(drops_now(&b));
	bench__window(&b, 0, 0, run + HOUR / 2, run + HOUR);
	assert_false(drops_now(&b));
}

/* Either slot, and neither the slot of another fault. */
static void test_slots(void **state)
{
	_bench_ struct bench b;
	uint64_t run;

	(void)state;
	open_cut(&b);
	run = now_ns(); /* t0 is 1: run time is the clock */
	assert_false(drops_now(&b));
	for (unsigned int slot = 0; slot < CHAOS_WINDOWS; slot++) {
		bench__window(&b, 0, slot, run / 2, run + HOUR);
		assert_true(drops_now(&b));
		bench__window(&b, 0, slot, run + HOUR, run + 2 * HOUR);
		assert_false(drops_now(&b));
		bench__window(&b, 0, slot, run / 4, run / 2);
		assert_false(drops_now(&b));
		bench__window(&b, 0, slot, run / 2, 0);
		assert_false(drops_now(&b));
		bench__window(&b, 0, slot, run + HOUR, run / 2);
		assert_false(drops_now(&b));
		bench__window(&b, 0, slot, 0, 0);
	}
	bench__window(&b, 1, 0, 0, FOREVER);
	assert_false(drops_now(&b));
}

/*
 * Packets one after the other over the start and the end of a window: what was surely before, inside or
 * behind is as it must be, and the counters' first and last hit are inside. False if this machine
 * was too busy to send any inside.
 */
static bool flips_at_the_instant(uint64_t start, uint64_t end)
{
	unsigned int before = 0, inside = 0, behind = 0;
	struct chaos_edge_counts counts;
	_bench_ struct bench b;
	uint64_t t0;

	open_cut(&b);
	bench__window(&b, 0, 1, start, end);
	t0 = now_ns();
	bench__arm(&b, t0);
	while (behind < 10) {
		uint64_t a = now_ns() - t0;
		bool dropped = drops_now(&b);
		uint64_t z = now_ns() - t0;

		if (z < start || a >= end) {
			assert_false(dropped);
			before += z < start;
			behind += a >= end;
		} else if (a >= start && z < end) {
			assert_true(dropped);
			inside++;
		}
	}
	if (!before || !inside)
		return false;
	counts = bench__edge(&b, 0, NODE_A, NODE_B);
	assert_in_range(counts.first_hit_ns, t0 + start, t0 + end - 1);
	assert_in_range(counts.last_hit_ns, counts.first_hit_ns, t0 + end - 1);
	assert_in_range(counts.dropped, inside, inside + 2);
	assert_int_equal(counts.matched, counts.dropped);
	return true;
}

static void test_flips_at_the_instant(void **state)
{
	(void)state;
	for (uint64_t width = 5 * MS; width <= 1280 * MS; width *= 2)
		if (flips_at_the_instant(width, 2 * width))
			return;
	fail_msg("no packet in time on this machine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_not_armed),
		bpf_test(test_before_t0),
		bpf_test(test_before_the_clock),
		bpf_test(test_slots),
		bpf_test(test_flips_at_the_instant),
	};

	return harness__main("window", tests, sizeof(tests) / sizeof(tests[0]));
}
