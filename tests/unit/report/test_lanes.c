// SPDX-License-Identifier: GPL-2.0-only
/* test_lanes.c: what the report draws is what was recorded: nothing is lost in binning, whatever the run looks like. */
#include "unit/analysis/events.h"

static json_t *lanes_of(struct events *e)
{
	_cleanup_(cleanup_history) struct history *h = ev__history(e);
	_cleanup_json_ json_t *s = analysis__summary(h);
	json_t *l = analysis__lanes(h, s);

	assert_non_null(l);
	return l;
}

static int64_t sum(const json_t *a)
{
	int64_t n = 0;

	for (size_t i = 0; i < json_array_size(a); i++)
		n += json_integer_value(json_array_get(a, i));
	return n;
}

static size_t bins(const json_t *l, const char *lane)
{
	int64_t bin = json_integer_value(at(at(l, lane), "bin_us"));
	int64_t len = json_integer_value(at(l, "to_us")) - json_integer_value(at(l, "from_us"));

	assert_true(bin >= 10000);
	return (size_t)((len + bin - 1) / bin);
}

/* Every operation is in exactly one bin, also those at the very ends of the record and beyond the planned duration. */
static void bins_add_up(void **state)
{
	static const char *const outcomes[] = {"ok", "fail", "unknown"};
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int i = 0; i < 900; i++)
		ev__add(&e, i % 2 ? "n2" : "n1", i, i * 33, i * 33 + (i % 7), outcomes[i % 3]);
	ev__read(&e, "n1", 0, 40, 41, "ok", true);
	ev__read(&e, "n1", 0, 42, 43, "fail", false);
	ev__add(&e, "n1", 900, 31000, 31500, "ok");
	ev__end(&e, 31500, "complete", 0);
	l = lanes_of(&e);

	assert_number(l, "to_us", 31500000);
	assert_int_equal(json_array_size(at(l, "ops.nodes")), 2);
	for (size_t n = 0; n < 2; n++) {
		const json_t *node = json_array_get(at(l, "ops.nodes"), n);

		assert_int_equal(json_array_size(at(node, "acked")), bins(l, "ops"));
		assert_int_equal(sum(at(node, "acked")), n ? 150 : 151);
		assert_int_equal(sum(at(node, "failed")), 150);
		assert_int_equal(sum(at(node, "unknown")), 150);
		assert_number(node, "acked_total", n ? 150 : 151);
		assert_number(node, "reads_total", n ? 0 : 2);
	}
	/* the last bin holds the last operation */
	assert_int_equal(
		json_integer_value(json_array_get(at(l, "ops.nodes.0.acked"), bins(l, "ops") - 1)),
		1);
	assert_int_equal(json_array_size(at(l, "latency.p99_us")), bins(l, "latency"));
}

/* Reasons are counted, the most frequent first; reasons without end are counted together. */
static void reasons_are_counted(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *errors;
	struct events e;
	int64_t n = 0;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int i = 0; i < 50; i++)
		ev__line(&e,
			 "{\"t_ns\":%d000000,\"type\":\"op\",\"workload\":\"set\",\"client\":0,"
			 "\"node\":\"n1\","
			 "\"op\":\"add\",\"value\":%d,\"intended_ns\":0,\"invoke_ns\":0,\"return_"
			 "ns\":%d000000,"
			 "\"outcome\":\"%s\",\"error\":\"reason %d\"}",
			 i + 1, i, i + 1, i < 20 ? "unknown" : "fail", i < 30 ? 0 : i);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	errors = at(l, "ops.nodes.0.errors");
	assert_int_equal(json_array_size(errors), 9);
	assert_word_at(errors, "0.outcome", "unknown");
	assert_word_at(errors, "0.error", "reason 0");
	assert_number(errors, "0.count", 20);
	assert_word_at(errors, "1.error", "(other errors)");
	for (size_t i = 0; i < json_array_size(errors); i++)
		n += json_integer_value(at(json_array_get(errors, i), "count"));
	assert_int_equal(n, 50);
	assert_int_equal(json_array_size(at(l, "ops.nodes.1.errors")), 0);
}

/* p50 and p99 by nearest rank, in the bin of the return, of what was answered; nothing answered is null. */
static void latency_of_each_bin(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int i = 1; i <= 10; i++)
		ev__add(&e, "n1", i, 1010 - i, 1010, "ok");
	ev__add(&e, "n1", 11, 10, 1011, "unknown");
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	assert_number(l, "latency.bin_us", 50000);
	assert_number(l, "latency.p50_us.20", 5000);
	assert_number(l, "latency.p99_us.20", 10000);
	assert_null_at(l, "latency.p50_us.19");
}

static void lost_writes_are_points(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__add(&e, "n1", 0, 100, 101, "ok");
	ev__add(&e, "n1", 1, 12000, 12001, "ok");
	ev__add(&e, "n1", 2, 13000, 13001, "ok");
	ev__add(&e, "n2", 3, 14000, 14001, "ok");
	ev__add(&e, "n2", 4, 15000, 15001, "fail");
	ev__final(&e, "n1", 1, 30100, true, "[0,0],[3,3]");
	ev__final(&e, "n2", 1, 30100, true, "[0,0],[3,3]");
	ev__end(&e, 30200, "complete", 0);
	l = lanes_of(&e);

	assert_int_equal(json_array_size(at(l, "ops.nodes.0.lost_points")), 2);
	assert_number(l, "ops.nodes.0.lost_points.0.0", 12001000);
	assert_number(l, "ops.nodes.0.lost_points.0.1", 1);
	assert_number(l, "ops.nodes.0.lost_points.1.0", 13001000);
	assert_number(l, "ops.nodes.0.lost_total", 2);
	assert_int_equal(sum(at(l, "ops.nodes.0.lost")), 2);
	assert_number(l, "ops.nodes.1.lost_total", 0);
	assert_int_equal(json_array_size(at(l, "ops.nodes.1.lost_points")), 0);
}

/* Many lost writes: a bounded number of points that still counts each. */
static void points_are_bounded(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	const json_t *points;
	struct events e;
	int64_t n = 0;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int i = 0; i < 10000; i++)
		ev__add(&e, "n1", i, i * 3, i * 3 + 1, "ok");
	ev__final(&e, "n1", 1, 30000, true, "");
	ev__final(&e, "n2", 1, 30000, true, "");
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	points = at(l, "ops.nodes.0.lost_points");
	assert_in_range(json_array_size(points), 1000, 2001);
	for (size_t i = 0; i < json_array_size(points); i++)
		n += json_integer_value(json_array_get(json_array_get(points, i), 1));
	assert_int_equal(n, 10000);
}

/* n1 leads to 12.0 s, n2 from 11.4 s: both certainly from 11.401 to 11.980 s. */
static void claims_are_intervals(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__roles(&e, "n1", 0, 12000, 1, 2);
	ev__roles(&e, "n1", 12000, 30000, 0, 3);
	ev__roles(&e, "n2", 0, 11400, 0, 2);
	ev__roles(&e, "n2", 11400, 30000, 1, 3);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	assert_number(l, "roles.0.nodes.0.samples", 1500);
	assert_int_equal(json_array_size(at(l, "roles.0.nodes.0.claims")), 1);
	assert_number(l, "roles.0.nodes.0.claims.0.from_us", 1000);
	assert_number(l, "roles.0.nodes.0.claims.0.to_us", 11980000);
	assert_number(l, "roles.0.nodes.0.claims.0.out_to_us", 12001000);
	assert_number(l, "roles.0.nodes.0.claims.0.epoch", 2);
	assert_number(l, "roles.0.nodes.1.claims.0.out_from_us", 11380000);
	assert_number(l, "roles.0.nodes.1.claims.0.from_us", 11401000);

	/* what it said: two spans, one after the other */
	assert_int_equal(json_array_size(at(l, "roles.0.nodes.0.spans")), 2);
	assert_word_at(l, "roles.0.nodes.0.spans.0.2", "leader");
	assert_number(l, "roles.0.nodes.0.spans.0.1", 12001000);
	assert_number(l, "roles.0.nodes.0.spans.1.0", 12001000);
	assert_word_at(l, "roles.0.nodes.0.spans.1.2", "follower");

	assert_int_equal(json_array_size(at(l, "roles.0.overlaps")), 1);
	assert_number(l, "roles.0.overlaps.0.from_us", 11401000);
	assert_number(l, "roles.0.overlaps.0.to_us", 11980000);
	assert_true(json_is_true(at(l, "roles.0.overlaps.0.certain")));
	assert_false(json_is_true(at(l, "roles.0.overlaps.0.same_epoch")));
	assert_int_equal(json_array_size(at(l, "roles.0.overlaps.0.nodes")), 2);
}

/* A clean failover: the claims may overlap by a sampling interval, no more than that. */
static void a_possible_overlap_is_marked(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__roles(&e, "n1", 0, 12000, 1, 2);
	ev__roles(&e, "n1", 12000, 30000, 0, 3);
	ev__roles(&e, "n2", 0, 12000, 0, 2);
	ev__roles(&e, "n2", 12000, 30000, 1, 3);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	assert_int_equal(json_array_size(at(l, "roles.0.overlaps")), 1);
	assert_false(json_is_true(at(l, "roles.0.overlaps.0.certain")));
	assert_number(l, "roles.0.overlaps.0.from_us", 11980000);
	assert_number(l, "roles.0.overlaps.0.to_us", 12001000);
}

/* A probe that flaps between two answers for a whole run makes no more spans than can be seen; silence is a gap. */
static void spans_are_bounded(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int i = 0; i < 12000; i++)
		ev__role(&e, "n1", 2 * i, i % 2 ? -1 : 0, -1);
	ev__role(&e, "n1", 28000, 0, -1);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	assert_in_range(json_array_size(at(l, "roles.0.nodes.0.spans")), 500, 2002);
	assert_int_equal(json_array_size(at(l, "roles.0.nodes.0.gaps")), 2);
	/* n2 never answered */
	assert_int_equal(json_array_size(at(l, "roles.0.nodes.1.spans")), 0);
	assert_int_equal(json_array_size(at(l, "roles.0.nodes.1.gaps")), 1);
}

static void traffic_adds_up(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	for (int i = 1; i <= 300; i++)
		ev__line(&e,
			 "{\"t_ns\":%d00000000,\"type\":\"traffic\",\"node\":\"n2\",\"bin_ns\":"
			 "100000000,"
			 "\"rx_packets\":3,\"rx_bytes\":2,\"tx_packets\":4,\"tx_bytes\":4,\"rx_"
			 "syn\":5,"
			 "\"tx_syn\":1,\"rx_rst\":0,\"tx_rst\":0,\"dropped\":2}",
			 i);
	ev__end(&e, 30000, "complete", 0);
	l = lanes_of(&e);

	/* drawn bins are whole recorded ones: all alike */
	assert_number(l, "traffic.bin_us", 100000);
	assert_word_at(l, "traffic.nodes.0.node", "n2");
	assert_int_equal(sum(at(l, "traffic.nodes.0.packets")), 2100);
	assert_number(l, "traffic.nodes.0.packets.0", 7);
	assert_number(l, "traffic.nodes.0.packets.299", 7);
	assert_number(l, "traffic.nodes.0.dropped_total", 600);
	assert_number(l, "traffic.nodes.0.syn_total", 300);
}

/* What was applied is drawn as it was; what was only planned says so. */
static void faults_as_they_happened(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.faults = "{\"name\":\"cut\",\"parts\":[\"partition\"],"
					   "\"windows\":[[10000000000,"
					   "12000000000],[20000000000,22000000000]],\"edges\":[["
					   "\"n1\",\"n2\"]],"
					   "\"sides\":[[\"n1\"],[\"n2\"]],\"mechanism\":\"tcx\"}"});
	ev__armed(&e, "cut", 10001);
	ev__line(&e, "{\"t_ns\":10005000000,\"type\":\"fault\",\"fault\":\"cut\",\"occurrence\":0,"
		     "\"event\":\"first_hit\"}");
	ev__cleared(&e, "cut", 12002, 7);
	ev__end(&e, 15000, "interrupted", 0);
	l = lanes_of(&e);

	assert_number(l, "to_us", 15000000);
	assert_int_equal(json_array_size(at(l, "faults.0.windows")), 2);
	assert_number(l, "faults.0.windows.0.from_us", 10001000);
	assert_number(l, "faults.0.windows.0.to_us", 12002000);
	assert_number(l, "faults.0.windows.0.first_hit_us", 10005000);
	assert_true(json_is_true(at(l, "faults.0.windows.0.applied")));
	assert_number(l, "faults.0.windows.1.from_us", 20000000);
	assert_false(json_is_true(at(l, "faults.0.windows.1.applied")));
	assert_null_at(l, "faults.0.windows.1.first_hit_us");
	assert_number(l, "faults.0.dropped", 7);
	assert_number(l, "edges.0.dropped", 7);
	assert_null_at(l, "edges.0.first_hit_us");
	assert_word_at(l, "run.status", "interrupted");
}

/* The bare minimum of a record: no role, no workload, no fault, no end. */
static void an_empty_run_has_empty_lanes(void **state)
{
	static const char *const empty[] = {"faults", "roles", "edges", "notes", "phases"};
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__line(
		&e,
		"{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"seed\":18446744073709,"
		"\"kernel\":null,\"duration_ns\":1000000000,\"traffic_bin_ns\":100000000,\"nodes\":"
		"[],"
		"\"faults\":[],\"resources\":[],\"workloads\":[],\"expect\":[]}");
	l = lanes_of(&e);

	for (size_t i = 0; i < ARRAY_SIZE(empty); i++)
		assert_int_equal(json_array_size(at(l, empty[i])), 0);
	assert_int_equal(json_array_size(at(l, "ops.nodes")), 0);
	assert_int_equal(json_array_size(at(l, "traffic.nodes")), 0);
	assert_word_at(l, "run.seed", "18446744073709");
	assert_word_at(l, "run.status", "crashed");
	assert_null_at(l, "run.restored");
	assert_true(json_integer_value(at(l, "to_us")) > json_integer_value(at(l, "from_us")));
}

/* Whatever instants a record claims, the number of bins is bounded. */
static void far_instants_make_no_more_bins(void **state)
{
	_cleanup_json_ json_t *l = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){0});
	ev__add(&e, "n1", 0, -900000, -899999, "ok");
	ev__add(&e, "n1", 1, 900000000000, 900000000001, "ok");
	l = lanes_of(&e);

	assert_in_range(json_array_size(at(l, "ops.nodes.0.acked")), 600, 1201);
	assert_int_equal(sum(at(l, "ops.nodes.0.acked")), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bins_add_up),
		cmocka_unit_test(reasons_are_counted),
		cmocka_unit_test(latency_of_each_bin),
		cmocka_unit_test(lost_writes_are_points),
		cmocka_unit_test(points_are_bounded),
		cmocka_unit_test(claims_are_intervals),
		cmocka_unit_test(a_possible_overlap_is_marked),
		cmocka_unit_test(spans_are_bounded),
		cmocka_unit_test(traffic_adds_up),
		cmocka_unit_test(faults_as_they_happened),
		cmocka_unit_test(an_empty_run_has_empty_lanes),
		cmocka_unit_test(far_instants_make_no_more_bins),
	};

	return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
