// SPDX-License-Identifier: GPL-2.0-only
/* test_writes.c: set accounting against brute force, the choice of the final set, stale reads. */
#include "unit/analysis/events.h"

#include "lib/rng.h"

static void start(struct events *e)
{
	ev__open(e);
	ev__run(e, (struct run){0});
	ev__armed(e, "cut", 10000);
	ev__cleared(e, "cut", 20000, 5);
}

static void planted_losses(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__add(&e, "n1", 2, 11000, 11010, "ok");      /* lost */
	ev__add(&e, "n2", 3, 12000, 12010, "ok");      /* lost */
	ev__add(&e, "n1", 4, 13000, 13010, "ok");      /* lost */
	ev__add(&e, "n1", 5, 14000, 15000, "unknown"); /* not there: nobody was promised anything */
	ev__add(&e, "n1", 6, 14000, 15000, "unknown"); /* recovered */
	ev__add(&e, "n1", 7, 14000, 15000, "fail");
	ev__line(&e, "{\"t_ns\":16000000000,\"type\":\"op\",\"workload\":\"set\",\"client\":0,"
		     "\"node\":\"n1\","
		     "\"op\":\"add\",\"value\":8,\"intended_ns\":15000000000,\"invoke_ns\":null,"
		     "\"return_ns\":16000000000,\"outcome\":\"fail\",\"error\":\"late\"}");
	ev__final(&e, "n1", 1, 30000, true,
		  "[1,1],[6,6],[8,9]"); /* 8 was never sent, 9 never thought of */
	ev__final(&e, "n2", 1, 30000, true, "[1,1],[6,6],[8,9]");
	ev__end(&e, 31000, "complete", 0);
	s = ev__summary(&e);
	assert_number(s, "writes.attempted", 8);
	assert_number(s, "writes.acked", 4);
	assert_number(s, "writes.failed", 2);
	assert_number(s, "writes.unknown", 2);
	assert_number(s, "writes.final", 4);
	assert_number(s, "writes.lost", 3);
	assert_number(s, "writes.recovered", 1);
	assert_number(s, "writes.unexpected", 2);
	assert_number(s, "writes.lost_window_s.0", 11.010);
	assert_number(s, "writes.lost_window_s.1", 13.010);
	assert_number(s, "writes.lost_by_side.n1", 2);
	assert_number(s, "writes.lost_by_side.n2,n3", 1);
	assert_true(json_is_false(at(s, "writes.diverged")));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(s, "findings"), 0)),
		"3 of 4 acknowledged writes (75.0 %) were lost, acknowledged by n1 (2), n2,n3 (1) "
		"between +11.0 s and +13.0 s.");
}

static void what_was_not_measured_is_null(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL, *t = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = ""});
	s = ev__summary(&e);
	assert_null_at(s, "writes.attempted");
	assert_null_at(s, "writes.lost");
	assert_null_at(s, "reads.ok");
	assert_null_at(s, "writes.lost_by_side");

	start(&e);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__final(&e, "n1", 1, 30000, false, "");
	t = ev__summary(&e);
	assert_number(t, "writes.acked", 1);
	assert_null_at(t, "writes.final");
	assert_null_at(t, "writes.lost");
	assert_null_at(t, "writes.diverged");
	assert_null_at(t, "reads.ok");
	assert_null_at(t, "reads.stale");
}

static void the_last_attempt_counts(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__final(&e, "n1", 1, 30000, true, "");
	ev__final(&e, "n2", 1, 30000, true, "[1,1]");
	ev__final(&e, "n1", 2, 30500, true, "[1,1]");
	ev__final(&e, "n2", 2, 30600, true, "[1,1]");
	s = ev__summary(&e);
	assert_number(s, "writes.lost", 0);
	assert_true(json_is_false(at(s, "writes.diverged")));
	/* they differed at first, so this was seen: 30.6 s, healed at 20 s */
	assert_number(s, "availability.replicas_equal_s", 10.6);
}

static void they_differ_then_the_only_leader_is_right(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL, *t = NULL;

	(void)state;
	start(&e);
	ev__roles(&e, "n1", 29000, 30000, 0, 2);
	ev__roles(&e, "n2", 29000, 30000, 1, 2);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__add(&e, "n1", 2, 1000, 1010, "ok");
	ev__final(&e, "n1", 1, 30000, true, "[1,2]");
	ev__final(&e, "n2", 1, 30000, true, "[2,3]");
	s = ev__summary(&e);
	assert_true(json_is_true(at(s, "writes.diverged")));
	assert_number(s, "writes.final", 2);
	assert_number(s, "writes.lost", 1);
	assert_number(s, "writes.unexpected", 1);
	assert_null_at(s, "availability.replicas_equal_s");

	/* two leaders, or none: only what all have is safe */
	start(&e);
	ev__roles(&e, "n1", 29000, 30000, 1, 2);
	ev__roles(&e, "n2", 29000, 30000, 1, 2);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__add(&e, "n1", 2, 1000, 1010, "ok");
	ev__add(&e, "n1", 3, 1000, 1010, "ok");
	ev__final(&e, "n1", 1, 30000, true, "[1,2]");
	ev__final(&e, "n2", 1, 30000, true, "[2,3]");
	t = ev__summary(&e);
	assert_number(t, "writes.final", 1);
	assert_number(t, "writes.lost", 2);
}

static void one_node_did_not_answer(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__final(&e, "n1", 1, 30000, true, "[1,1]");
	ev__final(&e, "n2", 1, 30000, false, "");
	s = ev__summary(&e);
	assert_number(s, "writes.lost", 0);
	assert_null_at(s, "writes.diverged");
}

static void stale_reads(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e);
	ev__add(&e, "n1", 1, 1000, 1010, "ok");
	ev__read(&e, "n2", 1, 1005, 1020, "ok", false); /* it began before the acknowledgement */
	ev__read(&e, "n2", 1, 1310, 1320, "ok", false); /* stale by 300 ms */
	ev__read(&e, "n2", 1, 1110, 1120, "ok", false); /* stale by 100 ms */
	ev__read(&e, "n2", 1, 1400, 1410, "ok", true);
	ev__read(&e, "n2", 1, 1400, 1410, "fail", false);
	ev__read(&e, "n2", 9, 1400, 1410, "ok", false); /* never acknowledged */
	s = ev__summary(&e);
	assert_number(s, "reads.ok", 5);
	assert_number(s, "reads.stale", 2);
	assert_number(s, "reads.max_staleness_s", 0.3);
}

/* Random histories: every set by its definition, on arrays of flags. */
static void as_brute_force(void **state)
{
	enum { VALUES = 24 };
	static const char *const outcomes[] = {"ok", "fail", "unknown"};
	struct rng r = {.state = 7};

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct events e;
		_cleanup_json_ json_t *s = NULL;
		bool acked[VALUES] = {0}, sent[VALUES] = {0}, final[VALUES] = {0};
		int n = (int)rng__below(&r, 60), counts[3] = {0};
		int in_final = 0, lost = 0, recovered = 0, unexpected = 0;
		char runs[VALUES * 16] = "";

		start(&e);
		for (int i = 0; i < n; i++) {
			int v = (int)rng__below(&r, VALUES), o = (int)rng__below(&r, 3);
			int64_t t = (int64_t)rng__below(&r, 30000);

			ev__add(&e, "n1", v, t, t + 5, outcomes[o]);
			sent[v] = true;
			acked[v] |= !o;
			counts[o]++;
		}
		for (int v = 0; v < VALUES; v++) {
			final[v] = rng__below(&r, 2);
			if (final[v])
				snprintf(runs + strlen(runs), sizeof(runs) - strlen(runs),
					 "%s[%d,%d]", *runs ? "," : "", v, v);
			in_final += final[v];
			lost += acked[v] && !final[v];
			recovered += final[v] && sent[v] && !acked[v];
			unexpected += final[v] && !sent[v];
		}
		ev__final(&e, "n1", 1, 30000, true, runs);
		ev__final(&e, "n2", 1, 30000, true, runs);
		s = ev__summary(&e);
		assert_number(s, "writes.attempted", n);
		assert_number(s, "writes.acked", counts[0]);
		assert_number(s, "writes.failed", counts[1]);
		assert_number(s, "writes.unknown", counts[2]);
		assert_number(s, "writes.final", in_final);
		assert_number(s, "writes.lost", lost);
		assert_number(s, "writes.recovered", recovered);
		assert_number(s, "writes.unexpected", unexpected);
		assert_number(s, "writes.lost_by_side.n1", lost);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(planted_losses),
		cmocka_unit_test(what_was_not_measured_is_null),
		cmocka_unit_test(the_last_attempt_counts),
		cmocka_unit_test(they_differ_then_the_only_leader_is_right),
		cmocka_unit_test(one_node_did_not_answer),
		cmocka_unit_test(stale_reads),
		cmocka_unit_test(as_brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
