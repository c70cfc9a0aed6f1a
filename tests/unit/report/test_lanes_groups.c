// SPDX-License-Identifier: GPL-2.0-only
/* test_lanes_groups.c: what services, attempts, queues and the kernel did is in its lane, once. */
#include "unit/analysis/events.h"

static json_t *lanes_with(struct events *e, const json_t *summary)
{
	_cleanup_(cleanup_history) struct history *h = ev__history(e);
	json_t *l = analysis__lanes(h, summary);

	assert_non_null(l);
	return l;
}

static const json_t *group(const json_t *lanes, const char *id)
{
	const json_t *g;
	size_t i;

	json_array_foreach(json_object_get(lanes, "groups"), i, g) {
		if (!strcmp(json_string_value(json_object_get(g, "id")), id))
			return g;
	}
	return NULL;
}

static int64_t sum(const json_t *a)
{
	int64_t n = 0;

	for (size_t i = 0; i < json_array_size(a); i++)
		n += json_integer_value(json_array_get(a, i));
	return n;
}

#define BINS(client, port, start_ms, rest)                                                         \
	"{\"t_ns\":5000" MS_JSON ",\"type\":\"bins\",\"client\":\"" client "\",\"server\":\"n2\"," \
	"\"proto\":\"tcp\",\"port\":" #port ",\"start_ns\":" #start_ms MS_JSON                     \
	",\"bin_ns\":10" MS_JSON ",\"n\":4," rest "}"

/* Clients of one service add up; every SYN is in one bin, also where recorded bins cross drawn ones. */
static void services_add_up(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *rows;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__line(&e, BINS("n1", 80, 1000,
			  "\"packets\":[9,9,9,9],\"syn\":[3,0,1,2],\"syn_again\":[0,5,0,0],"
			  "\"dropped\":[0,5,0,0]"));
	ev__line(&e, BINS("n3", 80, 1005,
			  "\"packets\":[1,0,0,0],\"syn\":[0,0,0,7],\"rst\":[1,0,0,0],\"back_rst\":["
			  "0,2,0,0]"));
	ev__line(&e, BINS("other", 443, 29990,
			  "\"packets\":[1,0,0,0],\"syn\":[0,0,0,4],\"connect_us\":[900,0,0,100],"
			  "\"connect_n\":[3,0,0,1]"));
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, NULL);

	rows = json_object_get(group(l, "connections"), "rows");
	assert_int_equal(json_array_size(rows), 2);
	assert_word_at(rows, "0.label", "n2:80");
	assert_word_at(rows, "0.series.0.look", "syn");
	assert_number(rows, "0.series.0.total", 13);
	assert_int_equal(sum(at(rows, "0.series.0.values")), 13);
	assert_number(rows, "0.series.0.values.20", 13);
	assert_number(rows, "0.series.1.total", 5);
	assert_word_at(rows, "0.series.2.place", "down");
	assert_number(rows, "0.series.2.total", 3);
	/* what lies beyond the record is in its last bin, not nowhere */
	assert_word_at(rows, "1.label", "n2:443");
	assert_number(rows, "1.series.0.total", 4);
	rows = json_object_get(group(l, "resent"), "rows");
	assert_int_equal(json_array_size(rows), 1);
	assert_number(rows, "0.series.1.total", 5);
	/* (900 + 100) us in 4 connections, both in the last bin; where there were none, null */
	rows = json_object_get(group(l, "times"), "rows");
	assert_int_equal(json_array_size(rows), 1);
	assert_null_at(rows, "0.series.0.values.0");
	assert_int_equal(json_integer_value(json_array_get(
				 at(rows, "0.series.0.values"),
				 json_array_size(at(rows, "0.series.0.values")) - 1)),
			 250);
}

/* A run with hundreds of services is drawn in as many rows as can be read: the busiest. */
static void services_are_bounded(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *rows;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int port = 1; port <= 300; port++)
		ev__line(&e,
			 "{\"t_ns\":5000000000,\"type\":\"bins\",\"client\":\"n1\",\"server\":"
			 "\"n2\",\"proto\":\"tcp\",\"port\":%d,"
			 "\"start_ns\":0,\"bin_ns\":10000000,\"n\":1,\"packets\":[%d],\"syn\":[1]}",
			 port, port);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, NULL);
	rows = json_object_get(group(l, "connections"), "rows");
	assert_int_equal(json_array_size(rows), 12);
	assert_word_at(rows, "0.label", "n2:289");
	assert_word_at(rows, "11.label", "n2:300");
}

static void attempt(struct events *e, int intent, int number, int64_t ms, const char *outcome)
{
	ev__line(e,
		 "{\"t_ns\":%lld000000,\"type\":\"op\",\"workload\":\"set\",\"client\":0,\"node\":"
		 "\"n1\",\"op\":\"add\",\"value\":%d,"
		 "\"intent\":%d,\"attempt\":%d,\"intended_ns\":0,\"invoke_ns\":%lld000000,\"return_"
		 "ns\":%lld000000,\"outcome\":\"%s\"}",
		 (long long)ms + 1, intent, intent, number, (long long)ms, (long long)ms + 1,
		 outcome);
}

static void retries_stand_on_first_attempts(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *rows;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	attempt(&e, 1, 0, 1000, "unknown");
	attempt(&e, 1, 1, 1020, "unknown");
	attempt(&e, 1, 2, 1500, "ok");
	attempt(&e, 2, 0, 1010, "ok");
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, NULL);
	rows = json_object_get(group(l, "attempts"), "rows");
	assert_int_equal(json_array_size(rows), 1);
	assert_number(rows, "0.series.0.total", 2);
	assert_number(rows, "0.series.0.values.20", 2);
	assert_number(rows, "0.series.1.total", 2);
	assert_number(rows, "0.series.1.values.20", 1);
	assert_number(rows, "0.series.1.values.30", 1);
}

static void queue_at(struct events *e, int64_t ms, int queue, int overflows)
{
	ev__line(e,
		 "{\"t_ns\":%lld000000,\"type\":\"listen\",\"node\":\"n1\",\"port\":80,\"queue\":%"
		 "d,\"backlog\":8,\"overflows\":%d,\"drops\":0}",
		 (long long)ms, queue, overflows);
}

/* A level lasts until the next sample; overflows before the run are not its own. */
static void queues_are_levels(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *rows;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	queue_at(&e, 100, 0, 4);
	queue_at(&e, 1000, 9, 4);
	queue_at(&e, 1010, 5, 7);
	queue_at(&e, 2000, 0, 7);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, NULL);
	rows = json_object_get(group(l, "queues"), "rows");
	assert_number(rows, "0.limit", 8);
	assert_number(rows, "0.series.0.values.19", 0);
	assert_number(rows, "0.series.0.values.20", 9);
	assert_number(rows, "0.series.0.values.30", 5);
	assert_number(rows, "0.series.0.values.41", 0);
	assert_null_at(rows, "0.series.0.total");
	assert_int_equal(json_array_size(at(rows, "0.points.0.at")), 1);
	assert_number(rows, "0.points.0.at.0.0", 1010000);
	assert_number(rows, "0.points.0.at.0.1", 3);
}

static void drops_by_reason(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *rows;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__line(&e, "{\"t_ns\":1100000000,\"type\":\"drops\",\"node\":\"n1\",\"from_ns\":"
		     "1000000000,\"reasons\":{\"NO_SOCKET\":1,\"TCP_OVERFLOW\":7}}");
	ev__line(&e, "{\"t_ns\":1200000000,\"type\":\"drops\",\"node\":null,\"from_ns\":1100000000,"
		     "\"reasons\":{\"NO_SOCKET\":2}}");
	ev__line(&e,
		 "{\"t_ns\":1200000000,\"type\":\"resets\",\"node\":\"n1\",\"from_ns\":1100000000,"
		 "\"reasons\":{\"TCP_STATE\":3}}");
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, NULL);
	rows = json_object_get(group(l, "drops"), "rows");
	assert_int_equal(json_array_size(rows), 2);
	assert_word_at(rows, "0.label", "TCP_OVERFLOW");
	assert_number(rows, "0.series.0.total", 7);
	assert_number(rows, "0.series.0.values.20", 3);
	assert_number(rows, "0.series.0.values.22", 2);
	assert_number(rows, "1.series.0.total", 3);
	rows = json_object_get(group(l, "resets"), "rows");
	assert_int_equal(json_array_size(rows), 1);
	assert_word_at(rows, "0.label", "TCP_STATE");
	assert_number(rows, "0.series.0.total", 3);
	assert_number(rows, "0.series.0.values.22", 1);
}

/* Arrivals every 2 s from the first fault on stand in one sector; what is not in the window in none. */
static void arrivals_around_their_period(void **state)
{
	_cleanup_json_ json_t *summary =
		json_pack("{s:{s:[{s:s, s:f, s:f}, {s:s, s:n, s:f}, {s:s, s:f, s:f}]}}", "herd",
			  "metrics", "metric", "attempts", "synchrony_period_s", 2.0, "synchrony_r",
			  0.9, "metric", "syn", "synchrony_period_s", "synchrony_r", 0.1, "metric",
			  "syn", "synchrony_period_s", 1e300, "synchrony_r", 0.9);
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.faults = CUT});
	ev__armed(&e, "cut", 10000);
	for (int i = 0; i < 10; i++)
		attempt(&e, i, 0, 8500 + 2000 * i, "ok");
	ev__cleared(&e, "cut", 20000, 0);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, summary);
	assert_int_equal(json_array_size(at(l, "phase")), 1);
	assert_word_at(l, "phase.0.metric", "attempts");
	assert_number(l, "phase.0.period_us", 2000000);
	assert_int_equal(json_array_size(at(l, "phase.0.sectors")), 48);
	assert_number(l, "phase.0.sectors.12", 9);
	assert_int_equal(sum(at(l, "phase.0.sectors")), 9);
}

/* Nothing of all this was recorded: no lane, and no word about it. */
static void absent_is_absent(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__add(&e, "n1", 1, 10, 11, "ok");
	ev__end(&e, 30000, "complete", 0);
	l = lanes_with(&e, NULL);
	assert_int_equal(json_array_size(at(l, "groups")), 0);
	assert_int_equal(json_array_size(at(l, "phase")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_add_up),
		cmocka_unit_test(services_are_bounded),
		cmocka_unit_test(retries_stand_on_first_attempts),
		cmocka_unit_test(queues_are_levels),
		cmocka_unit_test(drops_by_reason),
		cmocka_unit_test(arrivals_around_their_period),
		cmocka_unit_test(absent_is_absent),
	};

	return cmocka_run_group_tests_name("lanes of groups", tests, NULL, NULL);
}
