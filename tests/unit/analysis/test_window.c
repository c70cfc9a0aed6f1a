// SPDX-License-Identifier: GPL-2.0-only
/* test_window.c: expectations about a part of the run, and that every number can be spoken of. */
#include "unit/analysis/events.h"

#include "analysis/expect.h"

#include <errno.h>

/* Connection attempts at n1:@port: 20/s, 100/s for a tenth of a second in the cut, 400/s after it. */
static void traffic(struct events *e, int port)
{
	fprintf(e->f,
		"{\"t_ns\":30000000000,\"type\":\"bins\",\"client\":\"n2\",\"server\":\"n1\","
		"\"proto\":"
		"\"tcp\",\"port\":%d,\"start_ns\":0,\"bin_ns\":100000000,\"n\":300,\"syn\":[2",
		port);
	for (int i = 1; i < 300; i++)
		fprintf(e->f, ",%d", i == 150 ? 10 : i == 210 ? 40 : 2);
	fprintf(e->f, "]}\n");
}

/* The cut is from 10 s to 20 s; value 3, acknowledged in it, is lost; both lead from 12 s to 22 s. */
static struct history *a_run(const char *expect)
{
	struct events e;

	ev__open(&e);
	ev__run(&e, (struct run){.expect = expect});
	traffic(&e, 80);
	ev__roles(&e, "n1", 0, 22000, 1, 1);
	ev__roles(&e, "n1", 22000, 30000, 0, 2);
	ev__roles(&e, "n2", 0, 12000, 0, 1);
	ev__roles(&e, "n2", 12000, 30000, 1, 2);
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 5);
	ev__add(&e, "n1", 1, 5000, 5010, "ok");
	ev__add(&e, "n1", 2, 9000, 9010, "ok");
	ev__add(&e, "n1", 3, 12000, 12050, "ok");
	ev__add(&e, "n2", 4, 13000, 14000, "ok");
	ev__add(&e, "n2", 5, 15000, 16000, "fail");
	/* due in the fault, acknowledged after it */
	ev__add(&e, "n2", 6, 19000, 21000, "ok");
	ev__read(&e, "n2", 2, 22000, 22010, "ok", false);
	ev__add(&e, "n1", 7, 24000, 24020, "ok");
	ev__phase(&e, 30000, "final");
	ev__final(&e, "n1", 1, 30100, true, "[1,2],[4,4],[6,7]");
	ev__final(&e, "n2", 1, 30100, true, "[1,2],[4,4],[6,7]");
	ev__line(&e, "{\"t_ns\":30200000000,\"type\":\"vrrp_sender\",\"resource\":\"db\",\"node\":"
		     "\"n1\","
		     "\"event\":\"stopped\",\"vrid\":51,\"family\":4,\"source\":\"10.0.0.1\","
		     "\"mac\":\"m\","
		     "\"priority\":100,\"interval_ns\":1000000000,\"from_ns\":0,"
		     "\"to_ns\":30200000000,\"adverts\":30}");
	ev__line(&e, "{\"t_ns\":30200000000,\"type\":\"garp\",\"resource\":\"db\",\"node\":\"n1\","
		     "\"address\":\"192.0.2.1\",\"mac\":\"m\",\"was\":null}");
	ev__end(&e, 31000, "complete", 0);
	return ev__history(&e);
}

static void each_window_has_its_own(void **state)
{
	static const char *const holds[] = {
		"writes.acked == 6",
		"writes.acked in baseline == 2",
		"writes.acked in fault == 2",
		"writes.acked in recovery == 2",
		"writes.acked in fault cut == 2",
		"writes.attempted in fault == 3",
		"writes.failed in fault == 1",
		"writes.lost in fault == 1",
		"writes.lost in recovery == 0",
		"writes.lost_by_side[n1] in fault == 1",
		"writes.lost_window[0] in fault == 12050ms",
		"reads.ok in recovery == 1",
		/* what it missed was written in the baseline, 12.99 s before */
		"reads.stale in recovery == 1",
		"reads.max_staleness in recovery == 12990ms",
		/* by when it was due: the heal does not hide it */
		"latency.intended.max in fault == 2s",
		"latency.intended.max in recovery <= 20ms",
		"latency.service.p50 in baseline == 10ms",
		/* within the window: from its beginning to its end */
		"availability.sides[n1].longest_gap in fault == 7950ms",
		"availability.gap in fault == 7950ms",
		"availability.sides[n2,n3].longest_gap in recovery == 9s",
		"availability.gap in baseline == 10s",
		/* a third of a second on either side is a sample */
		"split_brain.must_overlap in fault >= 7900ms",
		"split_brain.must_overlap in fault <= 8s",
		"split_brain.must_overlap in recovery >= 1900ms",
		"split_brain.must_overlap in recovery <= 2s",
		"split_brain.must_overlap in baseline == 0s",
		"split_brain.level in baseline == L0",
		"split_brain.level in fault == L4",
		"herd.metrics[syn].peak in fault == 100/s",
		"herd.metrics[syn].peak in recovery == 400/s",
		"herd.metrics[syn].pbr in fault == 5",
		"herd.metrics[syn].pbr in recovery == 20",
		"herd.metrics[syn].baseline == 20/s",
		"herd.metrics[syn@n1:80].recovery_pbr == 20",
		"traffic.services[n1:80].syn == 646",
	};
	_cleanup_(cleanup_history) struct history *h = a_run("");
	_cleanup_json_ json_t *s = analysis__summary(h);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(holds); i++) {
		struct error err = {0};
		int r = analysis__holds(h, s, holds[i], &err);

		if (r != 1)
			fail_msg("%s: %d %s", holds[i], r, err.msg);
	}
}

static void says_why(const struct history *h, const char *text, const char *why)
{
	_cleanup_json_ json_t *s = analysis__summary(h);
	struct error err = {0};

	if (analysis__holds(h, s, text, &err) != -ENODATA || !strstr(err.msg, why))
		fail_msg("%s: %s", text, err.msg);
}

static void a_window_that_was_not_is_unknown(void **state)
{
	_cleanup_(cleanup_history) struct history *h = NULL, *whole = a_run("");
	struct events e;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.expect = ""});
	ev__add(&e, "n1", 1, 5000, 5010, "ok");
	ev__armed(&e, "cut", 10000);
	ev__end(&e, 31000, "complete", 0);
	h = ev__history(&e);
	says_why(h, "writes.acked in recovery > 0", "a fault was never cleared");
	/* of the run, not of one of the metrics */
	says_why(whole, "herd.metastable == false", "it was not measured");
	says_why(h, "latency.intended.p99 in fault < 1s", "not measured");
	says_why(h, "writes.acked in fault x > 0", "there is no fault `x`");
}

static void verdicts_of_windows(void **state)
{
	_cleanup_(cleanup_history) struct history *h =
		a_run("\"writes.lost in fault == 0\",\"writes.acked in recovery >= 2\","
		      "\"writes.lost in baseline == 0\",\"availability.gap in recovery <= 1s\"");
	_cleanup_json_ json_t *s = analysis__summary(h);

	(void)state;
	assert_word_at(s, "expectations.0.verdict", "fail");
	assert_number(s, "expectations.0.value", 1);
	assert_word_at(s, "expectations.1.verdict", "pass");
	assert_word_at(s, "expectations.2.verdict", "pass");
	assert_word_at(s, "expectations.3.verdict", "fail");
	assert_number(s, "expectations.3.value", 9);
}

/* ---- before the run ---- */

static void refuses(const char *text, int col, const char *what)
{
	static const char *const faults[] = {"cut", "slow"}, *const resources[] = {"db"},
				 *const workloads[] = {"set", "lock"};
	const struct expect_names names = {faults, resources, workloads, 2, 1, 2};
	struct error err = {0};
	int at = -1, r = expect__check(text, &names, &at, &err);

	if (!what && r)
		fail_msg("%s: %s", text, err.msg);
	if (what && (r != -EINVAL || at != col || !strstr(err.msg, what)))
		fail_msg("%s: %d: %s", text, at, err.msg);
}

static void bad_windows_and_names(void **state)
{
	(void)state;
	refuses("writes.acked in fault cut >= 1", 0, NULL);
	refuses("writes.acked in  fault  cut>= 1", 0, NULL);
	refuses("checks[lock-tokens].violations == 0", 0, NULL);
	refuses("faults[0].hits.dropped > 0", 0, NULL);
	refuses("faults[cut].edges[n1>n2].dropped > 0", 0, NULL);
	refuses("faults[cut].edges[n1>n2].matched_bytes > 64kb", 0, NULL);
	refuses("writes.acked in fautl >= 1", 17, "did you mean `fault`?");
	refuses("writes.acked in the end >= 1", 17, "expected baseline, fault, fault NAME or");
	refuses("writes.acked in >= 1", 17, "unknown window");
	refuses("writes.acked in recovery cut >= 1", 26, "expected an operator");
	refuses("writes.acked in fault ctu >= 1", 23, "no fault `ctu`; did you mean `cut`?");
	refuses("writes.acked within fault >= 1", 14, "or `in` and a window");
	refuses("checks[set].violations in fault == 0", 27, "a check needs the whole history");
	refuses("faults[cut].hits.dropped in fault > 0", 29, "counted over the whole run");
	refuses("recovery.time in recovery < 1s", 18, "it compares");
	refuses("herd.metrics[syn].pbr in baseline < 2", 26, "against the baseline");
	refuses("recorder.events in fault > 1", 20, "of the whole run");
	refuses("faults[slo].hits.dropped > 0", 8, "did you mean `slow`?");
	refuses("checks[sett].violations == 0", 8, "did you mean `set`?");
	refuses("split_brain.resources[bd].must_overlap < 1s", 23, "no resource `bd`");
	refuses("faults[cut].edges[n1>n2].matched_bytes > 64", 0, NULL);
	refuses("faults[cut].edges[n1>n2].matched_bytes > 64 parsecs", 42, "expected a size");
}

static const char *unit_of(const json_t *summary, size_t i)
{
	const json_t *x = json_array_get(json_object_get(summary, "expectations"), i);

	assert_non_null(x);
	return json_string_value(json_object_get(x, "unit"));
}

static void a_value_has_the_unit_of_its_path(void **state)
{
	_cleanup_(cleanup_history) struct history *h =
		a_run("\"latency.intended.max in fault <= 3s\",\"availability.gap <= 1m\","
		      "\"herd.metrics[syn].peak < 1000/s\",\"writes.acked >= 1\"");
	_cleanup_json_ json_t *s = analysis__summary(h);

	(void)state;
	assert_string_equal(unit_of(s, 0), "ms");
	assert_string_equal(unit_of(s, 1), "s");
	assert_string_equal(unit_of(s, 2), "per_s");
	assert_null(unit_of(s, 3));
}

/* ---- all of it ---- */

static bool is_one_of(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, words[i]))
			return true;
	return false;
}

static void can_be_said(const char *path)
{
	/* whatever kind it is of, one of these fits */
	static const char *const values[] = {"0", "true", "L0", "x"};
	struct error err = {0};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_(cleanup_expect) struct expect *e = NULL;
		_cleanup_free_ char *text = NULL;

		assert_true(asprintf(&text, "%s == %s", path, values[i]) > 0);
		if (expect__parse(text, &e, &err) == 0)
			return;
	}
	fail_msg("%s is in summary.json, but no expectation can speak of it: %s\n"
		 "Give it a row in expect_schema.c, or a place among `no_number` here",
		 path, err.msg);
}

static void walk(const char *path, const json_t *v)
{
	/* texts, names, and what lists them */
	static const char *const no_number[] = {
		"verdict",  "name",    "run_id",       "kernel",
		"findings", "witness", "expectations", "verdict_reasons",
		"words",    "parts",   "resource",     "metric",
		"side",	    "from",    "to",	       "overlaps_s", /* in sum: must_overlap_s */
		"router",   "address", "senders",      "proto",
		"node",	    "reason",  "evidence",     "service",
	};
	const char *key;
	json_t *x;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, x) {
			_cleanup_free_ char *sub = NULL;

			assert_true(asprintf(&sub, "%s[%zu]", path, i) > 0);
			walk(sub, x);
		}
		return;
	}
	if (!json_is_object(v)) {
		can_be_said(path);
		return;
	}
	json_object_foreach((json_t *)v, key, x) {
		_cleanup_free_ char *sub = NULL;
		bool by_run = strlen(path) > 7 && !strcmp(path + strlen(path) - 7, "by_side");

		if (is_one_of(key, no_number, ARRAY_SIZE(no_number)) &&
		    !(!strcmp(key, "verdict") && *path))
			continue;
		if (!strcmp(key, "cluster") && json_is_null(x))
			continue; /* a run of one machine: the other test has one of several */
		assert_true(asprintf(&sub,
				     by_run  ? "%s[%s]"
				     : *path ? "%s.%s"
					     : "%s%s",
				     path, key) > 0);
		walk(sub, x);
	}
}

static void every_number_can_be_spoken_of(void **state)
{
	_cleanup_(cleanup_history) struct history *h = a_run("");
	_cleanup_json_ json_t *s = analysis__summary(h);

	(void)state;
	walk("", s);
}

static void every_number_of_a_cluster_too(void **state)
{
	_cleanup_json_ json_t *s = NULL;
	struct events e;

	(void)state;
	ev__open(&e);
	ev__line(&e, "{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"x\",\"duration_ns\":1,"
		     "\"traffic_bin_ns\":100,\"nodes\":[],\"cluster\":{\"nodes\":[{\"node\":\"a\","
		     "\"clock_offset_ns\":3,\"clock_epsilon_ns\":2000000,\"segments\":[]},"
		     "{\"node\":\"b\",\"clock_epsilon_ns\":4000000}]}}");
	s = ev__summary(&e);
	assert_number(s, "cluster.clock_epsilon_ms", 4.000001);
	walk("cluster", at(s, "cluster"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_window_has_its_own),
		cmocka_unit_test(a_window_that_was_not_is_unknown),
		cmocka_unit_test(verdicts_of_windows),
		cmocka_unit_test(bad_windows_and_names),
		cmocka_unit_test(a_value_has_the_unit_of_its_path),
		cmocka_unit_test(every_number_can_be_spoken_of),
		cmocka_unit_test(every_number_of_a_cluster_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
