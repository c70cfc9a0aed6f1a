// SPDX-License-Identifier: GPL-2.0-only
/* test_herd.c: the kind of herd with its evidence, from events.jsonl to summary.json. */
#include "unit/analysis/herd.h"

/* Bins of 100 ms: 1 each; in the cut 2; 60 in the third after the heal */
static int flood_syn(int i)
{
	return i < 100 ? 1 : i < 200 ? 2 : i == 202 ? 60 : 1;
}

static void numbers_of_a_service(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;
	const json_t *m;

	(void)state;
	a_cut(&e, NULL);
	/* of two clients, one of which is nobody that is known */
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, flood_syn});
	bins(&e, (struct series){"other", "n2", 80, 100, 300, flood_syn});
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	m = metric(s, "syn", "service", "n2:80");
	assert_number(m, "baseline_per_s", 20);
	assert_number(m, "baseline_fano", 0);
	assert_number(m, "peak_per_s", 1200);
	assert_number(m, "pbr", 60);
	assert_number(m, "fault_per_s", 40);
	assert_number(m, "amplification", 2);
	assert_number(m, "fault_peak_per_s", 40);
	assert_number(m, "recovery_peak_per_s", 1200);
	/* (99 * 2 + 120) / 10 s */
	assert_number(m, "recovery_per_s", 31.8);
	/* 50 bins: 49 of 2 and one of 120: mean 4.36 */
	assert_number(m, "fano", ((49 * 4 + 14400) / 50.0 - 4.36 * 4.36) / 4.36);
	assert_null_at(m, "synchrony_period_s");
	assert_number(s, "herd.windows.baseline_s.0", 2);
	assert_number(s, "herd.windows.fault_s.1", 20);
	assert_number(s, "herd.windows.heal_s.1", 25);
	assert_word_at(s, "herd.kind", "reconnect flood");
	assert_true(
		says(at(s, "herd.evidence"), "words", "n2:80 came at up to 1,200/s, 60.0 times"));
	assert_true(says(at(s, "findings"), NULL, "Reconnect flood"));
	assert_number(s, "traffic.services.0.syn", 2.0 * (100 + 200 + 99 + 60));
	assert_word_at(s, "traffic.services.0.service", "n2:80");
}

static int steady(int i)
{
	return i % 2;
}

static int close_all(int i)
{
	return i == 150 ? 100 : 0;
}

static int reopen(int i)
{
	return i == 152 ? 100 : i % 2;
}

/* Without a fault: what closes at once comes back at once. */
static void a_mass_close(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.faults = "", .workloads = HTTP});
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, reopen, reopen, close_all});
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "reconnect flood");
	assert_true(
		says(at(s, "herd.evidence"), "words", "100 connections ended at once at +15.0 s"));
}

static int asked_twice(int i)
{
	return i == 150 || i == 180 ? 100 : i % 2;
}

static int answered_twice(int i)
{
	return i == 152 || i == 182 ? 100 : 0;
}

/* Those that end at once had come at once, for one answer each. */
static void short_ones_are_no_mass_close(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.faults = "", .workloads = HTTP});
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, asked_twice, asked_twice, answered_twice,
				 NULL});
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "none");
}

static void nothing_is_nothing(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	a_cut(&e, NULL);
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, steady, steady, steady});
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "none");
	assert_int_equal(json_array_size(at(s, "herd.evidence")), 0);
	assert_null_at(s, "herd.metastable");
}

/* ---- the other kinds ---- */

static void listen(struct events *e, int64_t ms, int queue, int overflows)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"listen\",\"node\":\"n2\",\"port\":80,\"queue\":%d,"
		 "\"backlog\":128,\"overflows\":%d,\"drops\":%d}",
		 (long long)ms * 1000000, queue, overflows, overflows);
}

static void a_connection_storm(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	a_cut(&e, NULL);
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, steady, steady, steady});
	listen(&e, 100, 3, 0);
	listen(&e, 20500, 129, 40);
	listen(&e, 21000, 0, 40);
	ev__line(&e, "{\"t_ns\":21000000000,\"type\":\"drops\",\"node\":\"n2\",\"from_ns\":0,"
		     "\"reasons\":{\"TCP_OVERWINDOW\":2}}");
	ev__line(&e, "{\"t_ns\":22000000000,\"type\":\"drops\",\"node\":\"n2\",\"from_ns\":0,"
		     "\"reasons\":{\"NOT_SPECIFIED\":1,\"TCP_OVERWINDOW\":3}}");
	ev__line(&e, "{\"t_ns\":22000000000,\"type\":\"resets\",\"node\":\"n2\",\"from_ns\":0,"
		     "\"reasons\":{\"NO_SOCKET\":4}}");
	ev__line(&e, "{\"t_ns\":23000000000,\"type\":\"resets\",\"node\":\"n1\",\"from_ns\":0,"
		     "\"reasons\":{\"NO_SOCKET\":1}}");
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "connection storm");
	assert_true(says(at(s, "herd.evidence"), "words",
			 "n2:80 was full: 129 connections waited at +20.5 s where its backlog is "
			 "128, and 40 overflowed"));
	assert_number(s, "traffic.services.0.accept_queue_max", 129);
	assert_number(s, "traffic.services.0.overflows", 40);
	assert_int_equal(json_array_size(at(s, "traffic.drops")), 2);
	assert_word_at(s, "traffic.drops.1.reason", "TCP_OVERWINDOW");
	assert_number(s, "traffic.drops.1.packets", 5);
	assert_int_equal(json_array_size(at(s, "traffic.resets")), 2);
	assert_word_at(s, "traffic.resets.1.node", "n2");
	assert_word_at(s, "traffic.resets.1.reason", "NO_SOCKET");
	assert_number(s, "traffic.resets.1.packets", 4);
}

/*
 * An operation every 100 ms. In the cut each takes its three attempts, the third after it. With
 * @forever answers never come back, and every operation is tried three times until the end.
 */
static void retried(struct events *e, bool forever)
{
	for (int i = 0; i < 300; i++) {
		int64_t t = 100 * (int64_t)i;

		if (t < 10000 || (t >= 20000 && !forever)) {
			request(e, i, 0, t, t, t + 5, "ok", "");
			continue;
		}
		for (int n = 0; n < 3; n++)
			request(e, i, n, t, t + 30 * n, t + 30 * n + 20, "unknown", "");
	}
	/* the last answers are waited for: no load is due then */
	ev__phase(e, 31500, "end");
}

static int anew(int i)
{
	return i >= 100 && i < 200 ? 3 : i % 2;
}

static void a_retry_storm(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;
	const json_t *m;

	(void)state;
	a_cut(&e, NULL);
	retried(&e, false);
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "retry storm");
	m = metric(s, "attempts", "workload", "web");
	assert_number(m, "attempts_per_intent", 3);
	assert_number(m, "amplification", 3);
	assert_number(m, "offered_fault_per_s", 10);
	assert_number(m, "goodput_baseline_per_s", 10);
	assert_number(m, "goodput_fault_per_s", 0);
	assert_true(json_is_false(at(m, "metastable")));
	assert_true(json_is_false(at(s, "herd.metastable")));
	assert_number(m, "recovery_s", 0);
	assert_true(says(at(s, "findings"), NULL, "sent 3.0 attempts for each operation"));
}

/* A budget of 10 % is no storm, and who gives up and connects anew does not retry thereby. */
static void a_few_retries_are_no_storm(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	a_cut(&e, NULL);
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, anew});
	for (int i = 0; i < 290; i++) {
		int64_t t = 100 * (int64_t)i;
		bool cut = t >= 10000 && t < 20000;

		request(&e, i, 0, t, t, t + 20, cut ? "unknown" : "ok", "");
		if (cut && i % 8 == 0)
			request(&e, i, 1, t, t + 30, t + 50, "unknown", "");
	}
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_number(metric(s, "attempts", "workload", "web"), "attempts_per_intent", 1.12);
	assert_number(metric(s, "syn", "service", "n2:80"), "amplification", 6);
	assert_word_at(s, "herd.kind", "none");
}

/* The same connections at a service that nobody names as his target: somebody between retries. */
static void somebody_between_retries(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	a_cut(&e, NULL);
	bins(&e, (struct series){"n2", "n3", 80, 100, 300, anew});
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "retry storm");
	assert_true(says(at(s, "herd.evidence"), "words", "n3:80 saw 30 new connections/s"));
}

static void a_metastable_failure(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	a_cut(&e, NULL);
	retried(&e, true);
	s = ev__summary(&e);
	assert_true(json_is_true(at(s, "herd.metastable")));
	assert_word_at(s, "herd.kind", "retry storm");
	assert_true(says(at(s, "findings"), NULL, "Metastable: the fault was gone, and web had"));
	assert_true(says(at(s, "findings"), NULL, "3.0 times what they send undisturbed"));
}

/* Load that goes away is no metastable failure: the clients gave up. */
static void who_stops_asking_is_not_metastable(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	a_cut(&e, NULL);
	for (int i = 0; i < 100; i++)
		request(&e, i, 0, 100 * (int64_t)i, 100 * (int64_t)i, 100 * (int64_t)i + 5, "ok",
			"");
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_true(json_is_false(at(s, "herd.metastable")));
}

/* A fault that comes every 2 s makes bursts every 2 s: no period of the clients'. */
static int after_each(int i)
{
	return i >= 100 && i % 20 < 3 ? 30 : 1;
}

static void a_fault_that_repeats_is_no_retry_period(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = HTTP});
	for (int i = 0; i < 10; i++)
		for (int end = 0; end < 2; end++)
			ev__line(&e,
				 "{\"t_ns\":%lld,\"type\":\"fault\",\"fault\":\"cut\","
				 "\"occurrence\":%d,"
				 "\"event\":\"%s\"}",
				 (10000 + 2000LL * i + 300 * end) * 1000000, i,
				 end ? "cleared" : "armed");
	bins(&e, (struct series){"n1", "n2", 80, 100, 300, after_each});
	ev__phase(&e, 30000, "end");
	s = ev__summary(&e);
	assert_null_at(metric(s, "syn", "service", "n2:80"), "synchrony_period_s");
}

static int each_400_ms(int i)
{
	return i % 8 ? 0 : i >= 200 ? 12 : 1;
}

static int answered_in_380_ms(int i)
{
	return each_400_ms(i) * 380000;
}

static int answered_in_3_ms(int i)
{
	return each_400_ms(i) * 3000;
}

/* Twelve may be open at once, and each ends with its answer: no one waits before he tries again. */
static void batches_are_no_retry_period(void **state)
{
	(void)state;
	for (int fast = 0; fast < 2; fast++) {
		struct events e;
		_cleanup_json_ json_t *s = NULL;

		a_cut(&e, NULL);
		bins(&e, (struct series){"n1", "n2", 80, 50, 600, each_400_ms, NULL, NULL,
					 fast ? answered_in_3_ms : answered_in_380_ms});
		ev__phase(&e, 30000, "end");
		s = ev__summary(&e);
		assert_float_equal(json_number_value(at(metric(s, "syn", "service", "n2:80"),
							"synchrony_period_s")),
				   0.4, 0.01);
		assert_true(says(at(s, "findings"), NULL, "random waits") == fast);
		assert_true(says(at(s, "findings"), NULL, "about the time that an answer takes") ==
			    !fast);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_a_service),
		cmocka_unit_test(a_mass_close),
		cmocka_unit_test(short_ones_are_no_mass_close),
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(a_connection_storm),
		cmocka_unit_test(a_retry_storm),
		cmocka_unit_test(a_few_retries_are_no_storm),
		cmocka_unit_test(somebody_between_retries),
		cmocka_unit_test(a_metastable_failure),
		cmocka_unit_test(who_stops_asking_is_not_metastable),
		cmocka_unit_test(a_fault_that_repeats_is_no_retry_period),
		cmocka_unit_test(batches_are_no_retry_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
