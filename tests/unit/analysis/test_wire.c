// SPDX-License-Identifier: GPL-2.0-only
/* test_wire.c: epochs that cannot be right, VRRP senders and addresses that move: found, and not found. */
#include "unit/analysis/events.h"

static json_t *find(struct events *e, void (*say)(const struct analysis *, json_t *), int *ret_same)
{
	struct history *h = ev__history(e);
	json_t *out = json_array();
	struct analysis a = {0};

	assert_int_equal(analysis__make(h, &a), 0);
	say(&a, out);
	if (ret_same)
		*ret_same = a.split.v[0].same_epoch;
	analysis__free(&a);
	history__free(h);
	return out;
}

static void say_epochs(const struct analysis *a, json_t *out)
{
	findings__epochs(a, 0, out);
}

static void start(struct events *e)
{
	ev__open(e);
	ev__run(e, (struct run){0});
}

static void expect(json_t *out, size_t n, const char *text)
{
	const char *s = json_string_value(json_array_get(out, 0));

	assert_int_equal(json_array_size(out), n);
	if (n && !strstr(s, text))
		fail_msg("%s", s);
	json_decref(out);
}

static void claims(struct events *e, const char *node, int64_t ms, int64_t epoch)
{
	for (int i = 0; i < 10; i++)
		ev__role(e, node, ms + 20 * i, 1, epoch);
	ev__role(e, node, ms + 200, 0, -1);
}

static void an_epoch_that_goes_back(void **state)
{
	struct events e;
	int same;

	(void)state;
	start(&e);
	claims(&e, "n1", 0, 7);
	claims(&e, "n1", 1000, 5);
	claims(&e, "n2", 1000, 5);
	expect(find(&e, say_epochs, &same), 1, "it claimed in epoch 7 and then in 5 at +1");
	/* it overlaps, and is not taken for two leaders of one epoch */
	assert_int_equal(same, 0);
}

static void an_absurd_epoch(void **state)
{
	struct events e;
	int same;

	(void)state;
	start(&e);
	claims(&e, "n1", 0, 7);
	claims(&e, "n1", 1000, INT64_MAX);
	claims(&e, "n2", 1000, INT64_MAX);
	expect(find(&e, say_epochs, &same), 1, "9223372036854775807");
	assert_int_equal(same, 0);
}

static void epochs_that_are_right(void **state)
{
	struct events e;
	int same;

	(void)state;
	start(&e);
	claims(&e, "n1", 0, 7);
	claims(&e, "n1", 1000, 9);
	claims(&e, "n2", 1000, 9);
	expect(find(&e, say_epochs, &same), 0, "");
	assert_int_equal(same, 1);
	/* a timestamp is an epoch, too */
	start(&e);
	claims(&e, "n1", 0, 1700000000000000000);
	claims(&e, "n1", 1000, 1700000001000000000);
	expect(find(&e, say_epochs, NULL), 0, "");
}

static void sender(struct events *e, const char *node, const char *who, int from_ms, int to_ms,
		   bool stopped)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"vrrp_sender\",\"resource\":\"db\",\"node\":\"%s\","
		 "\"event\":\"%s\",\"vrid\":51,\"family\":4,\"source\":\"%s\",\"mac\":\"m\","
		 "\"priority\":100,\"interval_ns\":1000000000,\"from_ns\":%lld,"
		 "\"to_ns\":%lld,\"adverts\":1}",
		 to_ms * 1000000LL, node, stopped ? "stopped" : "appeared", who,
		 from_ms * 1000000LL, to_ms * 1000000LL);
}

static void two_vrrp_senders(void **state)
{
	struct events e;

	(void)state;
	start(&e);
	sender(&e, "n1", "10.0.0.1", 0, 0, false);
	sender(&e, "n1", "10.0.0.1", 0, 20000, true);
	sender(&e, "n2", "10.0.0.1", 0, 20000, true); /* the same, seen twice */
	sender(&e, "n2", "10.0.0.2", 12000, 18000, true);
	expect(find(&e, findings__wire, NULL), 1,
	       "Two senders of VRRP router 51 (db) were on the wire at once for 6.0 s");
	/* a handover */
	start(&e);
	sender(&e, "n1", "10.0.0.1", 0, 12500, true);
	sender(&e, "n2", "10.0.0.2", 12000, 18000, true);
	expect(find(&e, findings__wire, NULL), 0, "");
	/* the record ends while both send */
	start(&e);
	sender(&e, "n1", "10.0.0.1", 0, 0, false);
	sender(&e, "n2", "10.0.0.2", 12000, 12000, false);
	ev__phase(&e, 20000, "recovery");
	expect(find(&e, findings__wire, NULL), 1, "for 8.0 s");
}

static void garp(struct events *e, int ms, const char *node, const char *mac, const char *was)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"garp\",\"resource\":\"db\",\"node\":\"%s\","
		 "\"address\":\"192.0.2.1\",\"mac\":\"%s\",\"was\":%s%s%s}",
		 ms * 1000000LL, node, mac, was ? "\"" : "", was ? was : "null", was ? "\"" : "");
}

static void an_address_that_moves(void **state)
{
	struct events e;

	(void)state;
	start(&e);
	garp(&e, 0, "n1", "a", NULL);
	expect(find(&e, findings__wire, NULL), 0, "");
	start(&e);
	garp(&e, 0, "n1", "a", NULL);
	garp(&e, 1000, "n1", "b", "a");
	garp(&e, 1000, "n2", "b", NULL);
	expect(find(&e, findings__wire, NULL), 1,
	       "MAC address 1 time (seen by n1, the last time at +1.0 s), and never back");
	start(&e);
	garp(&e, 1000, "n1", "b", "a");
	garp(&e, 2000, "n1", "a", "b");
	expect(find(&e, findings__wire, NULL), 1,
	       "2 times (seen by n1, the last time at +2.0 s), also from one that had lost it");
}

/* All of it, as numbers that expectations can speak of, and as lanes. */
static void numbers_and_lanes(void **state)
{
	static const char *const holds[] = {
		"wire.vrrp[db/51].overlap_s == 6", "wire.vrrp[db/51].overlap > 5s",
		"wire.garp[192.0.2.1].moves == 2", "wire.garp[0].moves < 3"};
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *s = NULL, *lanes = NULL;
	json_t *groups, *group = NULL, *v, *rows;
	struct events e;
	size_t i, top = 0;

	(void)state;
	start(&e);
	sender(&e, "n1", "10.0.0.1", 0, 20000, true);
	sender(&e, "n2", "10.0.0.2", 12000, 18000, true);
	garp(&e, 12000, "n1", "b", "a");
	garp(&e, 18000, "n1", "a", "b");
	ev__end(&e, 31000, "complete", 0);
	h = ev__history(&e);
	s = analysis__summary(h);
	for (i = 0; i < sizeof(holds) / sizeof(holds[0]); i++) {
		struct error err = {0};

		if (analysis__holds(h, s, holds[i], &err) != 1)
			fail_msg("%s: %s", holds[i], err.msg);
	}
	lanes = analysis__lanes(h, s);
	groups = json_object_get(lanes, "groups");
	json_array_foreach(groups, i, v)
		if (!strcmp(json_string_value(json_object_get(v, "id")), "wire"))
			group = v;
	rows = json_object_get(group, "rows");
	assert_int_equal(json_array_size(rows), 2);
	/* two at once for 6 s of 31 */
	v = json_object_get(json_array_get(json_object_get(json_array_get(rows, 0), "series"), 0),
			    "values");
	for (i = 0; i < json_array_size(v); i++)
		top += json_integer_value(json_array_get(v, i)) == 2;
	assert_in_range(top * 100 / json_array_size(v), 18, 21);
	assert_int_equal(json_integer_value(json_array_get(v, 0)), 1);
	assert_int_equal(json_integer_value(json_array_get(v, json_array_size(v) - 1)), 0);
	v = json_array_get(json_object_get(json_array_get(rows, 1), "series"), 0);
	assert_int_equal(json_integer_value(json_object_get(v, "total")), 2);
}

/* Without such events there is nothing to speak of. */
static void nothing_on_the_wire(void **state)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	_cleanup_json_ json_t *s = NULL;
	struct error err = {0};
	struct events e;

	(void)state;
	start(&e);
	ev__end(&e, 31000, "complete", 0);
	h = ev__history(&e);
	s = analysis__summary(h);
	assert_true(json_is_null(json_object_get(s, "wire")));
	assert_int_equal(analysis__holds(h, s, "wire.garp[192.0.2.1].moves == 0", &err), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_epoch_that_goes_back), cmocka_unit_test(an_absurd_epoch),
		cmocka_unit_test(epochs_that_are_right),   cmocka_unit_test(two_vrrp_senders),
		cmocka_unit_test(an_address_that_moves),   cmocka_unit_test(numbers_and_lanes),
		cmocka_unit_test(nothing_on_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
