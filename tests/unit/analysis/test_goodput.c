// SPDX-License-Identifier: GPL-2.0-only
/* test_goodput.c: when goodput is back, whether it stays, and latencies. */
#include "unit/analysis/events.h"

/* @per_s acknowledged writes from @from_ms to @to_ms, evenly. */
static int64_t acks(struct events *e, const char *node, int64_t value, int64_t from_ms,
		    int64_t to_ms, int per_s)
{
	for (int64_t t = from_ms; t < to_ms; t += 1000 / per_s)
		ev__add(e, node, value++, t, t, "ok");
	return value;
}

static void recovery(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL, *t = NULL, *u = NULL, *w = NULL;
	int64_t v;

	(void)state;
	ev__cut(&e);
	v = acks(&e, "n2", 0, 0, 10000, 40);
	v = acks(&e, "n2", v, 21500, 22500, 40); /* too short */
	v = acks(&e, "n2", v, 23100, 30000,
		 40); /* the first whole window is the one from 23.5 s on */
	ev__phase(&e, 30000, "final");
	s = ev__summary(&e);
	assert_number(s, "recovery.goodput_baseline_per_s", 40);
	assert_number(s, "recovery.time_s", 3.5);
	assert_number(s, "recovery.goodput_after_per_s", 40);
	assert_true(ev__says(s, "Goodput was back at its baseline of 40/s 3.5 s after the heal."));

	/* it came back, and did not stay */
	ev__cut(&e);
	v = acks(&e, "n2", 0, 0, 10000, 40);
	acks(&e, "n2", v, 20000, 26000, 40);
	ev__phase(&e, 30000, "final");
	w = ev__summary(&e);
	assert_number(w, "recovery.time_s", 0);
	assert_number(w, "recovery.goodput_after_per_s", 0);
	assert_true(ev__says(w,
			     "Goodput was at its baseline of 40/s from the heal on, but it was 0/s "
			     "at the end."));

	/* acknowledged, but lost: no good */
	ev__cut(&e);
	v = acks(&e, "n2", 0, 0, 10000, 40);
	acks(&e, "n1", v, 20000, 30000, 40);
	ev__phase(&e, 30000, "final");
	ev__final(&e, "n1", 1, 30000, true, "[0,399]");
	ev__final(&e, "n2", 1, 30000, true, "[0,399]");
	t = ev__summary(&e);
	assert_number(t, "writes.lost", 400);
	assert_null_at(t, "recovery.time_s");
	assert_number(t, "recovery.goodput_after_per_s", 0);
	assert_true(
		ev__says(t, "Goodput did not come back: 0/s at the end, 40/s before the fault."));

	/* two writes a second say nothing about windows of half a second */
	ev__cut(&e);
	v = acks(&e, "n2", 0, 0, 10000, 1);
	acks(&e, "n2", v, 20000, 30000, 1);
	ev__phase(&e, 30000, "final");
	u = ev__summary(&e);
	assert_null_at(u, "recovery.time_s");
}

static void latencies_are_order_statistics(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__cut(&e);
	/* 1 .. 1000 ms, in an order that is none; due 5 ms before they were sent */
	for (int i = 0; i < 1000; i++) {
		int64_t ms = i * 7 % 1000 + 1, t = 2000 + i;

		ev__line(&e,
			 "{\"t_ns\":%lld,\"type\":\"op\",\"workload\":\"set\",\"client\":0,"
			 "\"node\":\"n1\","
			 "\"op\":\"add\",\"value\":%d,\"intended_ns\":%lld,\"invoke_ns\":%lld,"
			 "\"return_ns\":%lld,"
			 "\"outcome\":\"ok\"}",
			 (long long)(t + ms) * 1000000, i, (long long)(t - 5) * 1000000,
			 (long long)t * 1000000, (long long)(t + ms) * 1000000);
	}
	ev__add(&e, "n1", 5000, 0, 9000, "unknown"); /* no latency */
	s = ev__summary(&e);
	assert_number(s, "latency.service_ms.p50", 500);
	assert_number(s, "latency.service_ms.p90", 900);
	assert_number(s, "latency.service_ms.p99", 990);
	assert_number(s, "latency.service_ms.p999", 999);
	assert_number(s, "latency.service_ms.max", 1000);
	assert_number(s, "latency.intended_ms.p50", 505);
	assert_number(s, "latency.intended_ms.max", 1005);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recovery),
		cmocka_unit_test(latencies_are_order_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
