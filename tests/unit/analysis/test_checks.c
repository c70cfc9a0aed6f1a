// SPDX-License-Identifier: GPL-2.0-only
/* test_checks.c: recorded operations as the checkers see them, and what is said of them. */
#include "unit/analysis/events.h"

#define WORKLOAD(check) \
	"{\"name\":\"w\",\"system\":\"redis\",\"check\":\"" check "\",\"nodes\":[\"n1\",\"n2\"]}"

static void start(struct events *e, const char *workload, const char *expect)
{
	ev__open(e);
	ev__run(e, (struct run){.workloads = workload, .expect = expect});
	ev__armed(e, "cut", 10000);
	ev__cleared(e, "cut", 20000, 5);
}

/* @more: further members, as JSON with a leading comma. */
static void op(struct events *e, int client, int64_t from_ms, int64_t to_ms, const char *verb,
	       const char *value, const char *outcome, const char *more)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"op\",\"workload\":\"w\",\"client\":%d,\"node\":\"n%d\","
		 "\"op\":\"%s\",\"value\":%s,\"intended_ns\":%lld,\"invoke_ns\":%lld,\"return_ns\":"
		 "%lld,\"outcome\":\"%s\"%s}",
		 (long long)to_ms * 1000000, client, client, verb, value,
		 (long long)from_ms * 1000000, (long long)from_ms * 1000000,
		 (long long)to_ms * 1000000, outcome, more);
}

static void last(struct events *e, const char *node, const char *runs)
{
	ev__line(e,
		 "{\"t_ns\":25000000000,\"type\":\"final\",\"workload\":\"w\",\"node\":\"%s\","
		 "\"ok\":true,\"values\":[%s],\"attempt\":1}",
		 node, runs);
}

static json_t *finish(struct events *e)
{
	ev__end(e, 30000, "complete", 0);
	return ev__summary(e);
}

static void assert_check(const json_t *s, size_t i, const char *name, const char *verdict,
			 int violations, const char *words)
{
	const json_t *c = json_array_get(json_object_get(s, "checks"), i);

	assert_non_null(c);
	assert_word_at(c, "name", name);
	assert_word_at(c, "verdict", verdict);
	if (violations < 0)
		assert_null_at(c, "violations");
	else
		assert_number(c, "violations", violations);
	assert_word_at(c, "words", words);
}

static void stale_register(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("register"), "\"checks[w].violations == 0\"");
	op(&e, 1, 1000, 1001, "write", "4", "ok", ",\"key\":3");
	op(&e, 1, 11899, 11900, "write", "7", "ok", ",\"key\":3");
	op(&e, 1, 11901, 11902, "write", "8", "ok", ",\"key\":2");
	op(&e, 2, 12299, 12300, "read", "4", "ok", ",\"key\":3,\"found\":true");
	op(&e, 2, 12400, 12401, "read", "9", "fail", ",\"key\":3");
	last(&e, "n1", "[7,8]");
	last(&e, "n2", "[7,8]");
	s = finish(&e);
	assert_check(s, 0, "w", "fail", 1,
		     "read of w/3 by client 2 on n2 at 12.300 s returned 4, but 7 had been "
		     "acknowledged at 11.900 s and nothing wrote 4 after it");
	assert_int_equal(3, json_array_size(at(s, "checks.0.witness")));
	assert_word_at(s, "checks.0.witness.2.op", "read");
	assert_word_at(s, "checks.0.witness.2.node", "n2");
	assert_number(s, "checks.0.witness.2.client", 2);
	assert_number(s, "checks.0.witness.2.value", 4);
	assert_number(s, "checks.0.witness.2.return_s", 12.3);
	assert_check(s, 1, "w-final", "pass", 0, "all final reads agree on 4 operations on 2 keys");
	assert_word_at(s, "verdict", "fail");
	assert_number(s, "expectations.0.value", 1);
	/* a workload that is no set has no set's numbers */
	assert_number(s, "writes.acked", 3);
	assert_null_at(s, "writes.lost");
	assert_null_at(s, "reads.stale");
	assert_null_at(s, "reads.max_staleness_s");
}

/* A read 300 ms after a write was acknowledged elsewhere does not see it, with clocks of two machines. */
static json_t *read_elsewhere(const char *clocks)
{
	char nodes[256];
	struct events e;

	snprintf(nodes, sizeof(nodes),
		 ",\"cluster\":{\"nodes\":[{\"node\":\"a\",%s},{\"node\":\"b\",%s}]}", clocks,
		 clocks);
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = WORKLOAD("register"), .more = nodes});
	op(&e, 1, 1000, 1001, "write", "4", "ok", ",\"key\":3,\"host\":\"a\"");
	op(&e, 1, 11899, 11900, "write", "7", "ok", ",\"key\":3,\"host\":\"a\"");
	op(&e, 2, 12200, 12201, "read", "4", "ok", ",\"key\":3,\"found\":true,\"host\":\"b\"");
	return finish(&e);
}

static void clocks_of_two_machines(void **state)
{
	_cleanup_json_ json_t *sure = read_elsewhere("\"clock_epsilon_ns\":149000000");
	_cleanup_json_ json_t *open = read_elsewhere("\"clock_epsilon_ns\":151000000");

	(void)state;
	assert_check(sure, 0, "w", "fail", 1,
		     "read of w/3 by client 2 on n2 at 12.350 s returned 4, but 7 had been "
		     "acknowledged at 12.049 s and nothing wrote 4 after it");
	assert_check(open, 0, "w", "pass", 0,
		     "there is an order that explains all answers, of 3 operations");
}

/* Acknowledged, and overwritten by what was read before: only the final read tells. */
static void lost_update(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("cas"), NULL);
	op(&e, 1, 1000, 1001, "cas", "1", "ok", ",\"key\":0,\"expect\":null");
	op(&e, 1, 12000, 12001, "cas", "2", "ok", ",\"key\":0,\"expect\":1");
	op(&e, 2, 12000, 12002, "cas", "3", "ok", ",\"key\":0,\"expect\":1");
	op(&e, 2, 13000, 13002, "cas", "4", "fail", ",\"key\":0,\"expect\":1");
	last(&e, "n1", "[2,2]");
	last(&e, "n2", "[3,3]");
	s = finish(&e);
	assert_check(s, 0, "w", "fail", 1,
		     "two compare-and-sets of w/0 from 1 succeeded, though it was that only once: "
		     "client 1 on n1 changed 1 to 2 at 12.001 s, client 2 on n2 changed 1 to 3 at "
		     "12.002 s");
	assert_check(
		s, 1, "w-final", "fail", 1,
		"w/0 differs after all was quiet: the final read on n1 read 2 at 13.002 s, the "
		"final read on n2 read 3 at 13.002 s");
	assert_word_at(s, "checks.1.witness.0.op", "final read");
	assert_null_at(s, "checks.1.witness.0.client");
}

static void lock_held_twice(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("lock"), NULL);
	op(&e, 1, 11000, 11001, "acquire", "1", "ok", ",\"token\":5,\"lease_ns\":3000000000");
	op(&e, 2, 12000, 12001, "acquire", "2", "ok", ",\"token\":5,\"lease_ns\":3000000000");
	op(&e, 1, 12500, 12501, "release", "1", "ok", "");
	s = finish(&e);
	assert_int_equal(2, json_array_size(json_object_get(s, "checks")));
	assert_string_equal("lock", json_string_value(at(s, "checks.0.check")));
	assert_word_at(s, "checks.0.verdict", "fail");
	assert_check(s, 1, "w-tokens", "fail", 1,
		     "token 5 was given to client 2 on n2 at 12.001 s after 5 had been given to "
		     "client 1 on n1 at 11.001 s");
}

/* Late, and accepted after its successor's: only the server's count tells. */
static void used_late(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("lock"), "\"checks[w-fence].violations == 0\"");
	op(&e, 1, 11000, 11001, "acquire", "1", "ok", ",\"token\":5,\"lease_ns\":3000000000");
	op(&e, 2, 14100, 14101, "acquire", "2", "ok", ",\"token\":6,\"lease_ns\":3000000000");
	op(&e, 2, 14102, 14103, "use", "6", "ok", ",\"place\":1");
	op(&e, 1, 11002, 15002, "use", "5", "ok", ",\"place\":2");
	op(&e, 1, 16002, 16003, "use", "4", "fail", "");
	s = finish(&e);
	assert_word_at(s, "checks.0.verdict", "pass");
	assert_word_at(s, "checks.1.verdict", "pass");
	assert_check(
		s, 2, "w-fence", "fail", 1,
		"token 5 was accepted from client 1 on n1 at 15.002 s after 6 had been accepted "
		"from client 2 on n2 at 14.103 s");
	assert_word_at(s, "checks.2.witness.0.op", "use");
	assert_number(s, "expectations.0.value", 1);
}

/* After its lease a hold is over, released or not. */
static void lock_ran_out(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("lock"), NULL);
	op(&e, 1, 11000, 11001, "acquire", "1", "ok", ",\"token\":5,\"lease_ns\":3000000000");
	op(&e, 1, 12500, 12501, "release", "1", "fail", "");
	op(&e, 2, 12000, 14000, "acquire", "2", "ok", ",\"token\":6,\"lease_ns\":3000000000");
	s = finish(&e);
	assert_word_at(s, "checks.0.verdict", "pass");
	assert_word_at(s, "checks.1.verdict", "pass");
}

static void queue(const char *final, const char *verdict, int violations, const char *words)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	start(&e, WORKLOAD("queue"), NULL);
	op(&e, 1, 1000, 1001, "push", "1", "ok", "");
	op(&e, 1, 2000, 2001, "push", "2", "ok", "");
	op(&e, 1, 3000, 3001, "push", "3", "ok", "");
	op(&e, 2, 4000, 4001, "pop", "1", "ok", "");
	if (final) {
		last(&e, "n1", final);
		last(&e, "n2", final);
	}
	s = finish(&e);
	assert_check(s, 0, "w", verdict, violations, words);
}

static void queues(void **state)
{
	(void)state;
	queue("[2,3]", "pass", 0, "there is an order that explains all answers, of 7 operations");
	queue("[2,2]", "fail", 1,
	      "3 was lost: client 1 on n1 pushed 3 at 3.001 s, nobody popped it, and the final "
	      "read "
	      "popped nothing at 4.001 s");
	queue("[1,3]", "fail", 1,
	      "1 came out twice: client 2 on n2 popped 1 at 4.001 s, the final read popped 1 at "
	      "4.001 s");
	queue(NULL, "unknown", -1, "there was no final read");
}

static void counter(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("counter"), NULL);
	op(&e, 1, 1000, 1001, "inc", "1", "ok", "");
	op(&e, 1, 2000, 2001, "inc", "2", "ok", "");
	op(&e, 2, 2000, 3001, "inc", "null", "unknown", "");
	op(&e, 2, 4000, 4001, "read", "3", "ok", ",\"found\":true");
	last(&e, "n1", "[1,1]");
	last(&e, "n2", "[3,3]");
	s = finish(&e);
	assert_word_at(s, "checks.0.verdict", "fail");
	assert_word_at(s, "checks.0.witness.1.op", "final read");
	assert_word_at(s, "checks.0.witness.1.node", "n1");
}

static void set_beside_writes(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	start(&e, WORKLOAD("set"), NULL);
	op(&e, 1, 1000, 1001, "add", "1", "ok", "");
	op(&e, 1, 2000, 2001, "add", "2", "ok", "");
	op(&e, 2, 3000, 3001, "read", "2", "ok", ",\"found\":false"); /* stale: said elsewhere */
	last(&e, "n1", "[1,1],[5,5]");
	last(&e, "n2", "[1,1],[5,5]");
	s = finish(&e);
	assert_number(s, "writes.lost", 1);
	assert_number(s, "writes.unexpected", 1);
	assert_number(s, "reads.stale", 1);
	assert_number(s, "checks.0.violations", 2);
	assert_word_at(s, "checks.0.words",
		       "the final read found 5 at 3.001 s in w, which nobody had added");
}

static void refused(const char *check, const char *op_line, const char *words)
{
	struct events e;
	struct history *h = NULL;
	struct error err = {0};
	_cleanup_fclose_ FILE *f = NULL;

	start(&e, check, NULL);
	ev__line(&e,
		 "{\"t_ns\":9,\"type\":\"op\",\"workload\":\"w\",\"client\":0,\"node\":\"n1\","
		 "\"intended_ns\":1,\"invoke_ns\":1,\"return_ns\":2,\"outcome\":\"ok\",%s}",
		 op_line);
	fclose(e.f);
	f = fmemopen(e.text, e.len, "r");
	assert_int_equal(-EINVAL, history__read(f, "e", &h, &err));
	assert_string_equal(words, err.msg);
	free(e.text);
}

static void what_does_not_belong(void **state)
{
	(void)state;
	refused(WORKLOAD("register"), "\"op\":\"push\",\"value\":1",
		"e:4: event `op`: `op`: a register has no push");
	refused(WORKLOAD("set"), "\"op\":\"write\",\"value\":1",
		"e:4: event `op`: `op`: a set has no write");
	refused(WORKLOAD("cas"), "\"op\":\"cas\",\"expect\":1",
		"e:4: event `op`: `value` is missing");
}

/* One that was never sent has no time that clocks could be off by. */
static void never_sent(struct events *e)
{
	ev__line(e, "{\"t_ns\":500000000,\"type\":\"op\",\"workload\":\"w\",\"client\":1,\"node\":"
		    "\"n1\",\"host\":\"a\",\"op\":\"read\",\"value\":null,\"intended_ns\":5,"
		    "\"invoke_ns\":null,\"return_ns\":500000000,\"outcome\":\"fail\",\"key\":3}");
}

/* The record of a machine whose agent was killed lacks what was on its way then. */
static void begin_with_hole(struct events *e, const char *workload)
{
	ev__open(e);
	ev__run(e,
		(struct run){
			.workloads = workload,
			.more = ",\"cluster\":{\"nodes\":[{\"node\":\"a\",\"clock_epsilon_ns\":1,"
				"\"segments\":[{\"from_ns\":0,\"to_ns\":9,\"status\":null},"
				"{\"from_ns\":10,\"to_ns\":20,\"status\":\"complete\"}]},{\"node\":"
				"\"b\",\"clock_epsilon_ns\":1}]}"});
}

static void what_no_one_recorded_explains_itself(void **state)
{
	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		_cleanup_json_ json_t *set = NULL, *reg = NULL;
		struct events e;

		begin_with_hole(&e, WORKLOAD("set"));
		never_sent(&e);
		op(&e, 1, 1000, 1001, "add", "1", "ok", "");
		op(&e, 1, 1100, 1101, "add", "2", "ok", "");
		last(&e, "n1", lost ? "[1,1],[9,9]" : "[1,2],[9,9]");
		last(&e, "n2", lost ? "[1,1],[9,9]" : "[1,2],[9,9]");
		set = finish(&e);
		assert_word_at(set, "checks.0.verdict", lost ? "fail" : "pass");
		assert_number(set, "writes.lost", lost);
		assert_null_at(set, "writes.unexpected");

		begin_with_hole(&e, WORKLOAD("register"));
		op(&e, 1, 1000, 1001, "write", "4", "ok", ",\"key\":3");
		op(&e, 2, 1100, 1101, "read", "5", "ok", ",\"key\":3,\"found\":true");
		op(&e, 1, 1200, 1201, "write", "6", "ok", ",\"key\":3");
		op(&e, 2, 1300, 1301, "read", lost ? "4" : "6", "ok", ",\"key\":3,\"found\":true");
		reg = finish(&e);
		assert_word_at(reg, "checks.0.verdict", lost ? "fail" : "pass");
	}
}

static void what_no_one_recorded_may_explain_a_lock(void **state)
{
	_cleanup_json_ json_t *s = NULL;
	struct events e;

	(void)state;
	begin_with_hole(&e, WORKLOAD("lock"));
	op(&e, 1, 11000, 11001, "acquire", "1", "ok", ",\"token\":5,\"lease_ns\":3000000000");
	op(&e, 2, 12000, 12001, "acquire", "2", "ok", ",\"token\":5,\"lease_ns\":3000000000");
	op(&e, 1, 12500, 12501, "release", "1", "ok", "");
	s = finish(&e);
	assert_word_at(s, "checks.0.verdict", "unknown");
	assert_null_at(s, "checks.0.violations");
	/* a token that was given twice is one too many, whatever else was */
	assert_word_at(s, "checks.1.verdict", "fail");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stale_register),
		cmocka_unit_test(clocks_of_two_machines),
		cmocka_unit_test(lost_update),
		cmocka_unit_test(what_no_one_recorded_explains_itself),
		cmocka_unit_test(what_no_one_recorded_may_explain_a_lock),
		cmocka_unit_test(lock_held_twice),
		cmocka_unit_test(used_late),
		cmocka_unit_test(lock_ran_out),
		cmocka_unit_test(queues),
		cmocka_unit_test(counter),
		cmocka_unit_test(set_beside_writes),
		cmocka_unit_test(what_does_not_belong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
