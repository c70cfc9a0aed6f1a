// SPDX-License-Identifier: GPL-2.0-only
/* test_merge_nodes.c: the nodes of a merged record: their clocks, their segments, and those that are missing. */
#include "unit/report/scene.h"

static bool says(const json_t *summary, const char *words)
{
	const json_t *x;
	size_t i;

	json_array_foreach(at(summary, "findings"), i, x)
		if (strstr(json_string_value(x), words))
			return true;
	return false;
}

/* --- clocks ----------------------------------------------------------------------------------- */

/* Both claim from 12 s to 14 s, on machines whose clocks differ by at most 100 + 300 ms. */
static void claims_of_two_clocks(void **state)
{
	static const char *const clock[] = {
		",\"clock_offset_ns\":0,\"clock_epsilon_ns\":100" MS_JSON,
		",\"clock_offset_ns\":0,\"clock_epsilon_ns\":300" MS_JSON};

	(void)state;
	for (int known = 0; known < 2; known++)
		for (int same = 0; same < 2; same++) {
			_cleanup_(cleanup_history) struct history *h = NULL;
			_cleanup_json_ json_t *sum = NULL;
			struct events e[2];
			struct scene s;
			double must, may, widened = !known ? 0 : same ? 0.2 : 0.4;

			scene__open(&s);
			for (int i = 0; i < 2; i++) {
				run_of(&e[i], i ? "b" : "a", known ? clock[i] : "");
			}
			ev__roles(&e[0], "n1", 0, 12000, 1, 1);
			ev__roles(&e[same ? 0 : 1], "n2", 0, 12000, 0, 1);
			/* the same: both are watched from one machine */
			ev__roles(&e[0], "n1", 12000, 14000, 1, 1);
			ev__roles(&e[same ? 0 : 1], "n2", 12000, 14000, 1, 2);
			ev__roles(&e[0], "n1", 14000, 20000, 0, 1);
			ev__roles(&e[same ? 0 : 1], "n2", 14000, 20000, 1, 2);
			for (int i = 0; i < 2; i++) {
				ev__end(&e[i], 20000, "complete", 0);
				scene__take(&s, &e[i]);
			}
			h = scene__merge(&s);
			sum = analysis__summary(h);
			must = json_number_value(at(sum, "split_brain.resources.0.must_overlap_s"));
			may = json_number_value(at(sum, "split_brain.resources.0.may_overlap_s"));
			if (known)
				assert_number(sum, "cluster.clock_epsilon_ms", 300);
			/* from the first sample's answer, 12001, to the last one's sending, 13980 */
			assert_true(must > (known && !same ? 1.578 : 1.978));
			assert_true(must < (known && !same ? 1.580 : 1.980));
			/* from 11980 to 14001 */
			assert_true(may - widened > 2.02 && may - widened < 2.022);
			scene__close(&s);
		}
}

/* A clock that is off by more than is read makes nothing certain, and the record is read. */
static void a_clock_of_another_century(void **state)
{
	static const char *const clock[] = {"\"clock_offset_ns\":9000000000000000000",
					    "\"clock_epsilon_ns\":2000000000000000",
					    "\"clock_epsilon_ns\":-1"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(clock); k++) {
		_cleanup_(cleanup_history) struct history *h = NULL;
		_cleanup_json_ json_t *sum = NULL;
		bool unknown = k == 2;
		struct scene s;

		scene__open(&s);
		for (int i = 0; i < 2; i++) {
			char more[128];
			struct events e;

			snprintf(more, sizeof(more), ",%s",
				 i ? clock[k] : "\"clock_epsilon_ns\":1000");
			run_of(&e, i ? "b" : "a", more);
			ev__roles(&e, i ? "n2" : "n1", 1000, 5000, 1, 1 + i);
			ev__end(&e, 20000, "complete", 0);
			scene__take(&s, &e);
		}
		h = scene__merge(&s);
		sum = analysis__summary(h);
		assert_int_equal(h->hosts[1].epsilon_ns == HISTORY_NONE, unknown);
		assert_int_equal(
			json_number_value(at(sum, "split_brain.resources.0.must_overlap_s")) > 0,
			unknown);
		assert_int_equal(says(sum, "How far the clock of b may be off is not known"),
				 unknown);
		scene__close(&s);
	}
}

/* --- segments --------------------------------------------------------------------------------- */

static void killed_and_started_again(void **state)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *sum = NULL;
	struct scene s;
	struct events e;

	(void)state;
	scene__open(&s);
	/* the later one first: time puts them in order */
	run_of(&e, "a", "");
	ev__phase(&e, 14000, "fault");
	ev__armed(&e, "cut", 14000);
	ev__phase(&e, 20000, "recovery");
	ev__cleared(&e, "cut", 20000, 4);
	ev__end(&e, 30000, "complete", 0);
	scene__take(&s, &e);
	run_of(&e, "a", "");
	ev__phase(&e, 0, "baseline");
	ev__phase(&e, 10000, "fault");
	ev__armed(&e, "cut", 10000);
	ev__role(&e, "n1", 11999, 1, 1);
	scene__take(&s, &e);
	/* killed again before it had anything to tell */
	run_of(&e, "a", ",\"joined_ns\":13000" MS_JSON);
	scene__take(&s, &e);
	scene__bytes(&s, "{\"t_ns\":0,\"type\":\"ru", 20); /* killed before it wrote a line */
	h = scene__merge(&s);
	sum = analysis__summary(h);
	assert_word_at(sum, "status", "complete");
	assert_number(sum, "faults.0.hits.dropped", 4);
	assert_number(sum, "faults.0.occurrences", 1);
	assert_number(sum, "faults.0.cleared_at_s", 20);
	assert_number(sum, "cluster.nodes.0.segments", 3);
	assert_int_equal(h->n_phases, 4); /* baseline, fault, recovery, end */
	assert_non_null(note_with(h, "a: its record ends at 12.000 s, and goes on at 13.000 s"));
	assert_non_null(note_with(h, "a: its record ends at 13.000 s, and goes on at 14.000 s"));
	assert_non_null(note_with(h, "1 of the records hold no whole event"));
	assert_null(h->hosts[0].segments[0].status);
	assert_true(says(sum, "a recorded nothing between +12.0 s and +13.0 s, and held no fault"));
	scene__close(&s);
}

/* Armed and killed, and nobody else has it: it ended with its process. */
static void what_was_armed_ends_with_its_process(void **state)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *sum = NULL;
	struct scene s;
	struct events e;

	(void)state;
	scene__open(&s);
	for (int i = 0; i < 2; i++) {
		run_of(&e, i ? "b" : "a", "");
		if (!i) {
			ev__armed(&e, "cut", 10000);
			ev__role(&e, "n1", 11999, 1, 1);
		} else {
			ev__end(&e, 30000, "interrupted", 0);
		}
		scene__take(&s, &e);
	}
	h = scene__merge(&s);
	sum = analysis__summary(h);
	assert_number(sum, "faults.0.cleared_at_s", 12);
	assert_null_at(sum, "faults.0.hits.dropped");
	assert_word_at(sum, "status", "failed");
	assert_string_equal(h->end.reason, "a: its record has no end; b: interrupted");
	scene__close(&s);
}

/* A node of which nothing came is said first, and has ended nothing; nor have the others, here. */
static void a_node_is_missing(void **state)
{
	_cleanup_json_ json_t *missing =
		json_pack("[{s:s,s:s}]", "node", "b", "why", "it has not told its end");

	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		_cleanup_(cleanup_history) struct history *h = NULL;
		_cleanup_json_ json_t *sum = NULL;
		struct record_part part = {.clock_offset_ns = RECORD_CLOCK_UNKNOWN,
					   .clock_epsilon_ns = RECORD_CLOCK_UNKNOWN};
		struct scene s;
		struct events e;

		scene__open(&s);
		run_of(&e, "a", "");
		ev__role(&e, "n1", 11999, 1, 1);
		if (ended)
			ev__end(&e, 30000, "complete", 0);
		scene__take(&s, &e);
		part.file = s.paths[0];
		assert_int_equal(record__merge_parts(&part, 1, missing, s.out, &s.err), 0);
		assert_int_equal(history__load(s.dir, &h, &s.err), 0);
		sum = analysis__summary(h);
		assert_word_at(sum, "status", "failed");
		assert_string_equal(h->end.reason,
				    ended ? "no record came from node b (it has not told its end)"
					  : "no record came from node b (it has not told its end); "
					    "a: its record has no end");
		assert_word_at(sum, "cluster.missing.0.node", "b");
		scene__close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_of_two_clocks),
		cmocka_unit_test(a_clock_of_another_century),
		cmocka_unit_test(killed_and_started_again),
		cmocka_unit_test(what_was_armed_ends_with_its_process),
		cmocka_unit_test(a_node_is_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
