// SPDX-License-Identifier: GPL-2.0-only
/* What the clients say of their own lateness: added up over the workloads, or refused. */
#include "analysis/analysis.h"
#include "events.h"

#include <math.h>

static struct history *read_events(struct events *e, int want)
{
	struct history *h = NULL;
	struct error err = {0};
	_cleanup_fclose_ FILE *f = NULL;

	fclose(e->f);
	f = fmemopen(e->text, e->len, "r");
	assert_non_null(f);
	assert_int_equal(want, history__read(f, "events.jsonl", &h, &err));
	if (want)
		assert_non_null(strstr(err.msg, "lateness_counts"));
	free(e->text);
	return h;
}

static void begin(struct events *e)
{
	ev__open(e);
	ev__run(e, (struct run){0});
}

static double ms_of(const json_t *lateness, const char *q)
{
	return json_number_value(json_object_get(lateness, q));
}

static void test_sum(void **state)
{
	struct events e;
	struct history *h;
	json_t *s;
	const json_t *l;

	(void)state;
	begin(&e);
	/* 90 below 256 ns, which are exact, and 10 of a bucket near 1 ms; in two events */
	ev__line(
		&e,
		"{\"t_ns\":1,\"type\":\"load\",\"workload\":\"set\",\"lateness_counts\":[100,60]}");
	ev__line(&e, "{\"t_ns\":2,\"type\":\"load\",\"workload\":\"set\",\"lateness_counts\":[100,"
		     "30,1780,"
		     "10]}");
	h = read_events(&e, 0);
	s = analysis__summary(h);
	l = json_object_get(json_object_get(s, "latency"), "lateness_ms");
	assert_true(fabs(ms_of(l, "p50") - 100e-6) < 1e-9);
	assert_true(fabs(ms_of(l, "p90") - 100e-6) < 1e-9);
	assert_true(ms_of(l, "p99") * 1e6 >= (double)hist__bucket_low(1780));
	assert_true(ms_of(l, "p99") * 1e6 <= (double)hist__bucket_low(1781));
	json_decref(s);
	history__free(h);
}

/* Not measured is null; what is no bucket is refused. */
static void test_none(void **state)
{
	static const char *const bad[] = {"[4608,1]", "[-1,1]", "[0,-1]", "[\"x\",1]", "[1,null]"};
	struct events e;
	struct history *h;
	json_t *s;

	(void)state;
	begin(&e);
	ev__line(&e, "{\"t_ns\":1,\"type\":\"load\",\"workload\":\"set\"}");
	h = read_events(&e, 0);
	s = analysis__summary(h);
	assert_true(json_is_null(json_object_get(
		json_object_get(json_object_get(s, "latency"), "lateness_ms"), "p50")));
	json_decref(s);
	history__free(h);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(&e);
		ev__line(&e,
			 "{\"t_ns\":1,\"type\":\"load\",\"workload\":\"set\",\"lateness_counts\":%"
			 "s}",
			 bad[i]);
		assert_null(read_events(&e, -EINVAL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
