// SPDX-License-Identifier: GPL-2.0-only
/* test_timeline.c: what of its windows a run that is joined in the middle goes through, and which it programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/dataplane_internal.h"
#include "run/internal.h"

#include <string.h>

#define S NS_PER_S

/* A run with one fault and a data plane that is nothing but its windows. */
struct one {
	struct experiment e;
	struct fault fault;
	struct plan plan;
	struct run_options opts;
	struct windows windows;
	struct chaos_windows kernel;
	struct dataplane dp;
	struct run run;
};

static struct one *one_with(int64_t period, int64_t on, size_t n)
{
	struct one *o = calloc(1, sizeof(*o));

	assert_non_null(o);
	o->fault.name = (char *)(uintptr_t) "cut";
	o->e = (struct experiment){.faults = &o->fault, .n_faults = 1, .duration_ns = 1000 * S};
	o->windows.v = calloc(n + 1, sizeof(*o->windows.v));
	for (; o->windows.n < n; o->windows.n++)
		o->windows.v[o->windows.n] =
			(struct window){(int64_t)o->windows.n * period + S,
					(int64_t)o->windows.n * period + S + on};
	o->plan.windows = &o->windows;
	o->dp.windows = &o->kernel;
	o->dp.tcx = true;
	for (int i = 0; i < DP_N_MAPS; i++)
		o->dp.map[i] = -1;
	o->run = (struct run){
		.e = &o->e, .opts = &o->opts, .plan = &o->plan, .dp = &o->dp, .phase = ""};
	assert_int_equal(timeline__init(&o->run), 0);
	return o;
}

static void one__free(struct one *o)
{
	free(o->run.faults);
	free(o->windows.v);
	free(o);
}

static void slot_is(const struct one *o, size_t k)
{
	const struct chaos_window *w = &o->kernel.slot[k % CHAOS_WINDOWS];

	assert_int_equal(w->start_ns, o->windows.v[k].start_ns);
	assert_int_equal(w->end_ns, o->windows.v[k].end_ns);
}

static void the_first_that_is_not_over(void **state)
{
	struct window v[] = {{1, 3}, {5, 7}, {9, 11}};
	struct windows w = {v, 3}, none = {v, 0};

	(void)state;
	assert_int_equal(timeline__first(&none, 5), 0);
	assert_int_equal(timeline__first(&w, -5), 0);
	assert_int_equal(timeline__first(&w, 0), 0);
	assert_int_equal(timeline__first(&w, 2), 0);
	/* half-open: at its end it is over */
	assert_int_equal(timeline__first(&w, 3), 1);
	assert_int_equal(timeline__first(&w, 4), 1);
	assert_int_equal(timeline__first(&w, 10), 2);
	assert_int_equal(timeline__first(&w, 11), 3);
	assert_int_equal(timeline__first(&w, 100), 3);
}

static void from_the_start_nothing_is_left_out(void **state)
{
	struct one *o = one_with(10 * S, 2 * S, 5);

	(void)state;
	timeline__prime(&o->run, o->run.joined_ns);
	slot_is(o, 0);
	slot_is(o, 1);
	assert_false(timeline__any_skipped(&o->run));
	/* A start that was slow is no reason either. */
	timeline__tick(&o->run, 4 * S);
	assert_int_equal(o->run.faults[0].next, 1);
	assert_int_equal(o->run.faults[0].cleared_ns, 3 * S);
	slot_is(o, 1);
	slot_is(o, 2);
	one__free(o);
}

static void a_window_that_contains_now_has_its_true_ends(void **state)
{
	struct one *o = one_with(10 * S, 2 * S, 5);

	(void)state;
	o->run.joined_ns = 22 * S; /* in the third, of 21 to 23 */
	timeline__prime(&o->run, o->run.joined_ns);
	slot_is(o, 2);
	slot_is(o, 3);
	assert_true(timeline__any_skipped(&o->run));
	timeline__tick(&o->run, 22 * S);
	assert_true(o->run.faults[0].active);
	assert_int_equal(o->run.faults[0].next, 2);
	assert_int_equal(timeline__next(&o->run, 23 * S - 1), 23 * S);
	timeline__tick(&o->run, 23 * S);
	assert_false(o->run.faults[0].active);
	assert_int_equal(o->run.faults[0].cleared_ns, 23 * S);
	assert_int_equal(timeline__next(&o->run, 23 * S), 31 * S);
	slot_is(o, 3);
	slot_is(o, 4);
	one__free(o);
}

static void between_two_the_next_comes(void **state)
{
	struct one *o = one_with(10 * S, 2 * S, 5);

	(void)state;
	o->run.joined_ns = 13 * S; /* the second's very end */
	timeline__prime(&o->run, o->run.joined_ns);
	slot_is(o, 2);
	slot_is(o, 3);
	timeline__tick(&o->run, 13 * S);
	assert_false(o->run.faults[0].active);
	assert_int_equal(timeline__next(&o->run, 13 * S), 21 * S);
	one__free(o);
}

static void of_the_last_the_other_slot_is_empty(void **state)
{
	struct one *o = one_with(10 * S, 2 * S, 5);

	(void)state;
	o->run.joined_ns = 42 * S;
	timeline__prime(&o->run, o->run.joined_ns);
	slot_is(o, 4);
	assert_int_equal(o->kernel.slot[1].end_ns, 0);
	timeline__tick(&o->run, 42 * S);
	timeline__tick(&o->run, 43 * S);
	assert_true(timeline__all_done(&o->run));
	one__free(o);
}

static void after_all_of_them_there_is_none(void **state)
{
	struct one *o = one_with(10 * S, 2 * S, 5);

	(void)state;
	o->run.joined_ns = 43 * S;
	timeline__prime(&o->run, o->run.joined_ns);
	assert_int_equal(o->kernel.slot[0].end_ns, 0);
	assert_int_equal(o->kernel.slot[1].end_ns, 0);
	assert_true(timeline__all_done(&o->run));
	assert_int_equal(timeline__next(&o->run, 43 * S), INT64_MAX);
	one__free(o);
}

/* Times before run time 0 have no place in the kernel: a lease that ends there is none. */
static void leases(void **state)
{
	struct one *o = one_with(1000 * S, 999 * S, 1);
	const struct chaos_window *w = &o->kernel.slot[0];

	(void)state;
	o->opts.lease = true;
	timeline__prime(&o->run, -20 * S);
	assert_int_equal(w->start_ns, S);
	assert_int_equal(w->end_ns, 0);
	timeline__renew(&o->run, -3 * S);
	assert_int_equal(w->end_ns, (LEASE_S - 3) * S);
	timeline__renew(&o->run, 2 * S);
	assert_int_equal(w->end_ns, (2 + LEASE_S) * S);
	timeline__renew(&o->run, 2 * S + S / 2); /* not due */
	assert_int_equal(w->end_ns, (2 + LEASE_S) * S);
	timeline__renew(&o->run, 998 * S); /* the month's end */
	assert_int_equal(w->end_ns, 1000 * S);
	o->run.joined_ns = 500 * S;
	timeline__prime(&o->run, 500 * S);
	assert_int_equal(w->start_ns, S);
	assert_int_equal(w->end_ns, (500 + LEASE_S) * S);
	one__free(o);
}

static void count_lapses(void *arg, int64_t t_ns, const char *text)
{
	(void)t_ns;
	*(size_t *)arg += strstr(text, "lease") != NULL;
}

/* What outlives its process is leased though it has an end, the window to come as well as the one that is on. */
static void filters_are_leased(void **state)
{
	struct one *o = one_with(10 * S, 8 * S, 3); /* 1 to 9, 11 to 19, 21 to 29 */
	const struct chaos_window *w = o->kernel.slot;
	size_t lapses = 0;

	(void)state;
	o->opts.ui.event = count_lapses;
	o->opts.ui.arg = &lapses;
	o->dp.tcx = false;
	timeline__prime(&o->run, 0);
	assert_int_equal(w[0].end_ns, LEASE_S * S);
	assert_true(w[1].end_ns < w[1].start_ns);
	timeline__tick(&o->run, 2 * S);
	assert_int_equal(w[0].end_ns, (2 + LEASE_S) * S);
	timeline__tick(&o->run, 6 * S);
	slot_is(o, 0);
	assert_int_equal(w[1].end_ns, 11 * S); /* nothing of it */
	timeline__tick(&o->run, 9 * S);
	assert_int_equal(w[1].start_ns, 11 * S);
	assert_int_equal(w[1].end_ns, (9 + LEASE_S) * S);
	assert_int_equal(w[0].start_ns, 21 * S);
	assert_true(w[0].end_ns < w[0].start_ns);
	timeline__tick(&o->run, 14 * S);
	slot_is(o, 1);
	/* What ended on time has not lapsed, what goes on has. */
	timeline__tick(&o->run, 22 * S);
	assert_int_equal(lapses, 0);
	timeline__tick(&o->run, 28 * S);
	assert_int_equal(lapses, 1);
	timeline__tick(&o->run, 40 * S);
	assert_int_equal(lapses, 1);
	one__free(o);
}

static void over(void **state)
{
	struct experiment e = {.duration_ns = 60 * S};
	struct run_options opts = {.start_realtime_ns = clock__realtime() - 61 * S};
	int64_t since = 0;

	(void)state;
	assert_true(run__is_over(&e, &opts, &since));
	assert_in_range(since, S, 60 * S);
	opts.start_realtime_ns = clock__realtime() - 30 * S;
	assert_false(run__is_over(&e, &opts, &since));
	opts.start_realtime_ns = clock__realtime() + 30 * S;
	assert_false(run__is_over(&e, &opts, &since));
	/* without a start, or without an end, never */
	opts.start_realtime_ns = 0;
	assert_false(run__is_over(&e, &opts, &since));
	opts.start_realtime_ns = 1;
	opts.lease = true;
	assert_false(run__is_over(&e, &opts, &since));
}

static void an_instant_is_the_same_on_both_clocks(void **state)
{
	int64_t before = clock__now(), real = clock__realtime(), after = clock__now();

	(void)state;
	/* Between the two looks, and the looks that it takes itself: less than a second. */
	assert_in_range(start__instant(real), before - S, after + S);
	assert_int_equal((start__instant(real + 7 * S) - start__instant(real) + S / 2) / S, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_is_not_over),
		cmocka_unit_test(from_the_start_nothing_is_left_out),
		cmocka_unit_test(a_window_that_contains_now_has_its_true_ends),
		cmocka_unit_test(between_two_the_next_comes),
		cmocka_unit_test(of_the_last_the_other_slot_is_empty),
		cmocka_unit_test(after_all_of_them_there_is_none),
		cmocka_unit_test(leases),
		cmocka_unit_test(filters_are_leased),
		cmocka_unit_test(over),
		cmocka_unit_test(an_instant_is_the_same_on_both_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
