// SPDX-License-Identifier: GPL-2.0-only
/* test_expect.c: the language of expectations, and every reason for a pass to be unknown. */
#include "unit/analysis/events.h"

#include "analysis/expect.h"

#include <errno.h>

/* ---- syntax ---- */

static void takes(const char *text)
{
	_cleanup_(cleanup_expect) struct expect *e = NULL;
	struct error err = {0};

	if (expect__parse(text, &e, &err) != 0)
		fail_msg("%s: %s", text, err.msg);
}

static void refuses(const char *text, const char *what)
{
	_cleanup_(cleanup_expect) struct expect *e = NULL;
	struct error err = {0};

	if (expect__parse(text, &e, &err) != -EINVAL || !strstr(err.msg, what))
		fail_msg("%s: %d %s\nexpected %s", text, err.code, err.msg, what);
}

static void syntax(void **state)
{
	(void)state;
	takes("writes.lost == 0");
	takes("  writes.lost\t==0  ");
	takes("writes.lost<=1e3");
	takes("split_brain.level <= L1");
	takes("split_brain.level != l5");
	takes("split_brain.resources[my db].must_overlap < 1s");
	takes("split_brain.resources[0].same_epoch == false");
	takes("split_brain.must_overlap <= 200ms");
	takes("recovery.time <= 5s");
	takes("recovery.time_s <= 5");
	takes("recovery.time_s <= 5s");
	takes("recovery.time <= 0");
	takes("recovery.goodput_after >= 90/s");
	takes("recovery.goodput_after >= 90");
	takes("recovery.goodput_after > 0");
	takes("latency.intended.p99 < 20ms");
	takes("latency.intended_ms.p99 < 20");
	takes("writes.lost_by_side[n2,n3] == 0");
	takes("writes.lost_window[1] <= 40s");
	takes("writes.diverged == false");
	takes("availability.sides[n1].longest_gap < 2s");
	takes("herd.metrics[syn].pbr < 3");
	takes("herd.pbr < 150%");
	takes("herd.kind != retry storm");
	takes("faults[cut].hits.dropped > 0");
	takes("availability.old_claim_end_after_heal >= -1s");
	takes("duration >= 10s");
	takes("status == complete");
	takes("recorder.lost_events == 0");
}

static void errors_say_where_and_what(void **state)
{
	char longest[1300];

	(void)state;
	refuses("", "column 1: expected `PATH OP VALUE`");
	refuses("   == 3", "column 4: expected `PATH OP VALUE`");
	refuses("writes.lost", "column 12: expected one of <= < >= > == !=");
	refuses("writes.lost = 0", "did you mean `==`?");
	refuses("writes.lost =< 0", "column 13");
	refuses("writes.lost ==", "column 15: expected a value after `==`");
	refuses("writes.lsot == 0",
		"column 1: unknown path `writes.lsot`; did you mean `writes.lost`?");
	refuses("  recovery.tiem < 1s",
		"column 3: unknown path `recovery.tiem`; did you mean `recovery.time_s`?");
	refuses("availability.sides[n1].gap < 1s", "unknown path");
	refuses("recovery < 1s", "`recovery` is not one number; expected one of `recovery.time`");
	refuses("frobnicate > 1", "expected one of split_brain, writes, reads");
	refuses("verdict == pass", "unknown path");
	refuses("writes[0].lost == 0", "unknown path");
	refuses("writes..lost == 0", "column 8: expected a name");
	refuses(".writes == 0", "column 1: expected a name");
	refuses("faults[ == 0", "expected a name and `]`");
	refuses("faults[].armed_at == 0", "expected a name and `]`");
	refuses("faults[a]b == 0", "column 10: expected `.` after `]`");
	refuses("a.b.c.d.e.f.g == 0", "more than 6 steps");
	refuses("writes.lost == some",
		"column 16: `some` does not fit `writes.lost`; expected a number");
	refuses("writes.lost == 0x10", "expected a number");
	refuses("writes.lost == inf", "expected a number");
	refuses("writes.lost == 1e999", "expected a number");
	refuses("writes.lost == 3s", "expected a number");
	refuses("writes.lost == 5%", "expected a number");
	refuses("recovery.time <= 5", "expected a duration, such as 1.5s");
	refuses("recovery.time <= 5 parsecs", "expected a duration");
	refuses("recovery.time_s <= 5/s", "expected a duration");
	refuses("latency.intended.p99 < 20", "expected a duration");
	refuses("recovery.goodput_after >= 90s", "expected a rate");
	refuses("split_brain.level <= 1", "expected a level, L0 to L5");
	refuses("split_brain.level <= L6", "expected a level");
	refuses("split_brain.level <= L12", "expected a level");
	refuses("writes.diverged == no", "expected true or false");
	refuses("writes.diverged < true",
		"column 17: `writes.diverged` has no order; expected == or !=");
	refuses("status > complete", "has no order");
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	refuses(longest, "longer than 1000 bytes");
	longest[999] = '\0';
	refuses(longest, "column 1000: expected one of");
	refuses("writes.\x80\xff\x01 == 1", "unknown path");
}

/* ---- what they find ---- */

static bool holds(const json_t *summary, const char *text)
{
	_cleanup_(cleanup_expect) struct expect *x = NULL;
	struct error err = {0};
	const json_t *v;

	if (expect__parse(text, &x, &err) != 0)
		fail_msg("%s: %s", text, err.msg);
	v = expect__value(x, summary, &err);
	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return expect__holds(x, v);
}

static void finds_nothing(const json_t *summary, const char *text, const char *why)
{
	_cleanup_(cleanup_expect) struct expect *x = NULL;
	struct error err = {0};

	assert_int_equal(expect__parse(text, &x, &err), 0);
	assert_null(expect__value(x, summary, &err));
	if (!strstr(err.msg, why))
		fail_msg("%s: %s", text, err.msg);
}

static void values(void **state)
{
	_cleanup_json_ json_t *s = json_loads(
		"{\"split_brain\":{\"level\":\"L3\",\"resources\":["
		"{\"resource\":\"redis\",\"system\":\"redis\",\"must_overlap_s\":22.4,\"same_"
		"epoch\":null},"
		"{\"resource\":\"sentinel\",\"system\":\"sentinel\",\"must_overlap_s\":null}]},"
		"\"writes\":{\"lost\":7,\"diverged\":false,\"lost_window_s\":[10.1,35.2],"
		"\"lost_by_side\":{\"n1\":7,\"n2,n3\":0}},"
		"\"recovery\":{\"time_s\":1.5,\"goodput_after_per_s\":30.0},"
		"\"latency\":{\"intended_ms\":{\"p99\":12.5}},"
		"\"availability\":{\"sides\":[{\"side\":\"n1\",\"longest_gap_s\":1.0},"
		"{\"side\":\"n2,n3\",\"longest_gap_s\":2.5}]},"
		"\"faults\":[],\"status\":\"complete\","
		"\"herd\":{\"metastable\":false,"
		"\"metrics\":[{\"metric\":\"syn\",\"pbr\":2.5,\"metastable\":true}]}}",
		0, NULL);

	(void)state;
	assert_non_null(s);
	assert_true(holds(s, "split_brain.level == L3"));
	assert_true(holds(s, "split_brain.level <= L3"));
	assert_false(holds(s, "split_brain.level < L3"));
	assert_true(holds(s, "split_brain.level > L2"));
	assert_true(holds(s, "split_brain.level != L2"));
	/* the sentinel is no rival */
	assert_true(holds(s, "split_brain.resources.must_overlap > 22s"));
	assert_true(holds(s, "split_brain.must_overlap < 22.5s"));
	assert_true(holds(s, "split_brain.resources[redis].must_overlap_s == 22.4"));
	assert_true(holds(s, "split_brain.resources[0].must_overlap_s >= 22400ms"));
	assert_true(holds(s, "writes.lost == 7"));
	assert_false(holds(s, "writes.lost != 7"));
	assert_true(holds(s, "writes.diverged == false"));
	assert_true(holds(s, "writes.diverged != true"));
	assert_true(holds(s, "writes.lost_window[0] < 11s"));
	assert_true(holds(s, "writes.lost_window[1] > 0.5m"));
	assert_true(holds(s, "writes.lost_by_side[n2,n3] == 0"));
	assert_true(holds(s, "recovery.time == 1.5s"));
	assert_true(holds(s, "recovery.time <= 1500ms"));
	assert_false(holds(s, "recovery.time < 1500ms"));
	assert_true(holds(s, "recovery.goodput_after >= 1800/m"));
	assert_true(holds(s, "latency.intended.p99 < 0.0126s"));
	assert_true(holds(s, "latency.intended.p99 > 12ms"));
	assert_true(holds(s, "availability.sides[n2,n3].longest_gap == 2.5s"));
	assert_true(holds(s, "availability.sides[1].longest_gap == 2.5s"));
	assert_true(holds(s, "herd.pbr <= 250%"));
	assert_true(holds(s, "herd.metastable == false"));
	assert_true(holds(s, "herd.metrics[syn].metastable == true"));
	assert_true(holds(s, "status == complete"));
	assert_true(holds(s, "status != failed"));

	finds_nothing(s, "split_brain.resources.same_epoch == false", "not measured");
	finds_nothing(s, "split_brain.resources[x].must_overlap < 1s", "no resource `x`");
	finds_nothing(s, "split_brain.resources[7].must_overlap < 1s", "no resource `7`");
	finds_nothing(s, "availability.sides.longest_gap < 1s",
		      "there are 2 of sides: say which, as in sides[side]");
	finds_nothing(s, "writes.lost_by_side[x] == 0", "no side `x`");
	finds_nothing(s, "writes.lost_by_side == 0", "there are 2 of lost_by_side");
	finds_nothing(s, "writes.lost_window[2] < 1s", "[0] to [1]");
	finds_nothing(s, "writes.lost_window < 1s", "[0] to [1]");
	finds_nothing(s, "faults.armed_at < 1s", "there are no faults");
	finds_nothing(s, "reads.stale == 0", "not measured");
}

/* ---- verdicts ---- */

/*
 * What is wrong with a run that is otherwise in order: two nodes, a cut that hits, writes and
 * reads that succeed.
 */
struct flaw {
	const char *expect; /* one expectation, or NULL */
	const char *status;
	int lost_events, dropped;
	bool not_armed, no_final, no_acks, no_reads, no_roles, deaf, gap, no_clients;
};

static json_t *run_with(const struct flaw *f)
{
	char expect[200] = "";
	struct events e;

	if (f->expect)
		snprintf(expect, sizeof(expect), "\"%s\"", f->expect);
	ev__open(&e);
	ev__run(&e, (struct run){.expect = expect, .workloads = f->no_clients ? "" : NULL});
	if (!f->not_armed) {
		ev__armed(&e, "cut", 10000);
		ev__cleared(&e, "cut", 20000, f->dropped);
	}
	if (!f->no_roles) {
		/* often enough for a probe gap of 150 ms */
		for (int64_t t = 0; t < 30000; t += 120) {
			ev__role(&e, "n1", t, f->deaf ? -1 : 1, 1);
			if (!f->gap || t <= 12000 || t >= 15960)
				ev__role(&e, "n2", t, f->deaf ? -1 : 0, 1);
		}
	}
	if (!f->no_clients) {
		ev__add(&e, "n1", 1, 5000, 5010, f->no_acks ? "fail" : "ok");
		ev__read(&e, "n2", 1, 5100, 5110, f->no_reads ? "fail" : "ok", true);
	}
	ev__phase(&e, 30000, "final");
	if (!f->no_final && !f->no_clients) {
		ev__final(&e, "n1", 1, 30100, true, "[1,1]");
		ev__final(&e, "n2", 1, 30100, true, "[1,1]");
	}
	if (f->status)
		ev__end(&e, 31000, f->status, f->lost_events);
	return ev__summary(&e);
}

static void verdict(struct flaw f, const char *expected, const char *reason)
{
	_cleanup_json_ json_t *s = run_with(&f);
	const json_t *x = json_array_get(json_object_get(s, "expectations"), 0);
	const char *why = json_string_value(json_object_get(x, "reason"));
	_cleanup_free_ char *reasons = json_dumps(json_object_get(s, "verdict_reasons"), 0);

	if (strcmp(json_string_value(at(s, "verdict")), expected) != 0)
		fail_msg("%s: %s %s, expected %s", f.expect ? f.expect : "no expectation",
			 json_string_value(at(s, "verdict")), reasons, expected);
	if (f.expect)
		assert_word_at(x, "verdict", expected);
	if (f.expect && reason && (!why || !strstr(why, reason)))
		fail_msg("%s: %s", f.expect, why ? why : "no reason");
	if (reason && !strstr(reasons, reason))
		fail_msg("%s", reasons);
	if (!reason)
		assert_null(why);
	/* what keeps it from being settled is said among the findings */
	if (!strcmp(expected, "unknown")) {
		_cleanup_free_ char *findings = json_dumps(json_object_get(s, "findings"), 0);

		assert_non_null(strstr(findings, reason));
	}
}

#define GOOD .status = "complete", .dropped = 5

static void a_run_in_order_passes(void **state)
{
	static const char *const good[] = {
		"writes.lost == 0",
		"writes.acked >= 1",
		"split_brain.level == L0",
		"reads.stale == 0",
		"split_brain.must_overlap <= 0s",
		"faults[cut].hits.dropped > 0",
		"writes.diverged == false",
		"recorder.lost_events == 0",
		"status == complete",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		verdict((struct flaw){GOOD, .expect = good[i]}, "pass", NULL);
	verdict((struct flaw){GOOD}, "pass", NULL);
	verdict((struct flaw){GOOD, .no_clients = true}, "pass", NULL);
}

static void vacuous_passes_are_unknown(void **state)
{
	(void)state;
	/* an operation type that never succeeded */
	verdict((struct flaw){GOOD, .expect = "writes.lost == 0", .no_acks = true}, "unknown",
		"no write succeeded (of 1): full");
	verdict((struct flaw){GOOD, .expect = "reads.stale == 0", .no_reads = true}, "unknown",
		"no read succeeded (of 1)");
	verdict((struct flaw){GOOD, .expect = "split_brain.level == L0", .no_reads = true},
		"unknown", "no read succeeded (of 1)");
	/* a fault that hit no packet */
	verdict((struct flaw){.status = "complete", .expect = "writes.lost == 0"}, "unknown",
		"fault `cut` hit no packet");
	verdict((struct flaw){GOOD, .expect = "writes.lost == 0", .not_armed = true}, "unknown",
		"fault `cut` was never armed");
	/* a probe gap in which it may have been otherwise */
	verdict((struct flaw){GOOD, .expect = "split_brain.level == L0", .gap = true}, "unknown",
		"db on n2 was not sampled for 4.0 s from +12.0 s");
	verdict((struct flaw){GOOD, .expect = "split_brain.must_overlap <= 1s", .gap = true},
		"unknown", "not sampled");
	/* no final read */
	verdict((struct flaw){GOOD, .expect = "writes.lost == 0", .no_final = true}, "unknown",
		"there was no final read");
	verdict((struct flaw){GOOD, .expect = "writes.unexpected == 0", .no_final = true},
		"unknown", "there was no final read");
	/* lost events */
	verdict((struct flaw){GOOD, .expect = "writes.lost == 0", .lost_events = 3}, "unknown",
		"events lost by the recorder: 3");
	/* a run that did not complete, or of which the end is missing */
	verdict((struct flaw){.dropped = 5, .status = "interrupted", .expect = "writes.lost == 0"},
		"unknown", "the run did not complete: it was interrupted");
	verdict((struct flaw){.dropped = 5, .status = "failed", .expect = "writes.lost == 0"},
		"unknown", "it failed");
	verdict((struct flaw){.dropped = 5, .expect = "writes.lost == 0"}, "unknown", "it crashed");
	/* nothing measured */
	verdict((struct flaw){GOOD, .expect = "split_brain.level == L0", .no_roles = true},
		"unknown", "nobody gave a valid answer about who leads");
	verdict((struct flaw){GOOD, .expect = "herd.metastable == false"}, "unknown",
		"not measured");
	verdict((struct flaw){GOOD, .expect = "writes.lost == 0", .no_clients = true}, "unknown",
		"there was no workload");
	verdict((struct flaw){GOOD, .expect = "no such thing"}, "unknown", "column");
}

/* Any one of the three is proof enough. */
static void a_hit_is_a_hit(void **state)
{
	static const char *const proofs[] = {
		"\"event\":\"first_hit\"",
		"\"event\":\"cleared\",\"hits\":{\"dropped\":1}",
		"\"event\":\"cleared\",\"edges\":[{\"from\":\"n1\",\"to\":\"other\",\"matched\":1}"
		"]",
		"\"event\":\"cleared\",\"hits\":{\"dropped\":0},\"edges\":[]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(proofs); i++) {
		struct events e;
		_cleanup_json_ json_t *s = NULL;

		ev__open(&e);
		ev__run(&e, (struct run){.workloads = "", .resources = ""});
		ev__armed(&e, "cut", 10000);
		ev__line(&e,
			 "{\"t_ns\":20000000000,\"type\":\"fault\",\"fault\":\"cut\","
			 "\"occurrence\":0,%s}",
			 proofs[i]);
		ev__end(&e, 30000, "complete", 0);
		s = ev__summary(&e);
		assert_word_at(s, "verdict", i < 3 ? "pass" : "unknown");
	}
}

static void gaps_that_cannot_matter_do_not(void **state)
{
	(void)state;
	/* whatever n2 claimed meanwhile, no more than L1 came of it */
	verdict((struct flaw){GOOD, .expect = "split_brain.level <= L1", .gap = true}, "pass",
		NULL);
	verdict((struct flaw){GOOD, .expect = "split_brain.must_overlap <= 5s", .gap = true},
		"pass", NULL);
	verdict((struct flaw){GOOD, .expect = "writes.lost == 0", .gap = true}, "pass", NULL);
	verdict((struct flaw){GOOD, .expect = "split_brain.level == L0", .no_final = true}, "pass",
		NULL);
	/* what a fault did is known, even if it did nothing */
	verdict((struct flaw){.status = "complete", .expect = "faults.hits.dropped == 0"}, "pass",
		NULL);
}

static void a_fail_stays_a_fail(void **state)
{
	(void)state;
	verdict((struct flaw){.expect = "writes.acked == 0", .no_final = true, .lost_events = 4},
		"fail", NULL);
	verdict((struct flaw){.status = "failed", .expect = "split_brain.level != L0", .gap = true},
		"fail", NULL);
}

static void nothing_expected_but_not_enough_seen(void **state)
{
	(void)state;
	verdict((struct flaw){.status = "complete"}, "unknown", "hit no packet");
	verdict((struct flaw){GOOD, .no_final = true}, "unknown", "no final read");
	verdict((struct flaw){GOOD, .no_acks = true}, "unknown", "no write succeeded");
	verdict((struct flaw){GOOD, .lost_events = 1}, "unknown", "lost by the recorder: 1");
	verdict((struct flaw){GOOD, .gap = true}, "unknown", "not sampled");
	verdict((struct flaw){GOOD, .no_roles = true}, "unknown", "no valid sample");
	verdict((struct flaw){GOOD, .deaf = true}, "unknown",
		"no valid sample of who leads: deaf");
	verdict((struct flaw){.dropped = 5}, "unknown", "crashed");
}

static void the_worst_decides(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL, *t = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e,
		(struct run){
			.expect =
				"\"writes.lost == 0\",\"writes.acked == 0\",\"writes.acked == 1\"",
			.resources = ""});
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 5);
	ev__add(&e, "n1", 1, 5000, 5010, "ok");
	ev__end(&e, 31000, "complete", 0);
	s = ev__summary(&e);
	assert_word_at(s, "expectations.0.verdict", "unknown");
	assert_word_at(s, "expectations.1.verdict", "fail");
	assert_word_at(s, "expectations.2.verdict", "pass");
	assert_null_at(s, "expectations.0.value");
	assert_number(s, "expectations.1.value", 1);
	assert_word_at(s, "verdict", "fail");
	assert_int_equal(summary__verdict(s), VERDICT_FAIL);

	ev__open(&e);
	ev__run(&e, (struct run){.expect = "\"writes.lost == 0\",\"writes.acked == 1\"",
				 .resources = ""});
	ev__armed(&e, "cut", 10000);
	ev__cleared(&e, "cut", 20000, 5);
	ev__add(&e, "n1", 1, 5000, 5010, "ok");
	ev__end(&e, 31000, "complete", 0);
	t = ev__summary(&e);
	assert_int_equal(summary__verdict(t), VERDICT_UNKNOWN);
	assert_string_equal(verdict__name(VERDICT_UNKNOWN), "unknown");
	assert_int_equal(summary__verdict(NULL), VERDICT_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syntax),
		cmocka_unit_test(errors_say_where_and_what),
		cmocka_unit_test(values),
		cmocka_unit_test(a_run_in_order_passes),
		cmocka_unit_test(vacuous_passes_are_unknown),
		cmocka_unit_test(a_hit_is_a_hit),
		cmocka_unit_test(gaps_that_cannot_matter_do_not),
		cmocka_unit_test(a_fail_stays_a_fail),
		cmocka_unit_test(nothing_expected_but_not_enough_seen),
		cmocka_unit_test(the_worst_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
