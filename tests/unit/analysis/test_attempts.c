// SPDX-License-Identifier: GPL-2.0-only
/* test_attempts.c: attempts merged into operations; bins, listen and drops read, or refused. */
#include "unit/analysis/herd.h"

static void attempts_are_one_operation(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = HTTP "," CLIENTS});
	/* ok at the third attempt; another intent's attempts lie between */
	attempt(&e, "set", "add", 7, 0, "70", 100, 110, 200, "unknown", "");
	attempt(&e, "set", "add", 8, 0, "80", 100, 120, 210, "fail", "");
	attempt(&e, "set", "add", 7, 1, "70", 100, 220, 300, "fail", "");
	attempt(&e, "set", "add", 7, 2, "70", 100, 310, 400, "ok", "");
	/* unknown wins over fail, also if fail came last */
	attempt(&e, "set", "add", 8, 1, "80", 100, 230, 320, "unknown", "");
	attempt(&e, "set", "add", 8, 2, "80", 100, 330, 420, "fail", "");
	/* the same number in another workload is another intent; one that was never sent */
	request(&e, 7, 0, 100, -1, 500, "fail", "");
	/* an operation of an earlier version has none */
	ev__add(&e, "n2", 90, 500, 600, "ok");
	ev__add(&e, "n2", 91, 500, 601, "ok");
	h = ev__history(&e);
	assert_int_equal(h->n_ops, 5);
	assert_int_equal(h->n_attempts, 8);
	assert_int_equal(h->ops[0].value, 70);
	assert_int_equal(h->ops[0].intended_ns, 100 * NS_PER_MS);
	assert_int_equal(h->ops[0].invoke_ns, 110 * NS_PER_MS);
	assert_int_equal(h->ops[0].return_ns, 400 * NS_PER_MS);
	assert_int_equal(h->ops[0].outcome, OP_OK);
	assert_int_equal(h->ops[0].attempts, 3);
	assert_null(h->ops[0].error);
	assert_int_equal(h->ops[1].value, 80);
	assert_int_equal(h->ops[1].outcome, OP_UNKNOWN);
	assert_int_equal(h->ops[1].return_ns, 420 * NS_PER_MS);
	assert_int_equal(h->ops[2].kind, OP_REQUEST);
	assert_int_equal(h->ops[2].attempts, 0);
	assert_true(h->ops[2].invoke_ns == HISTORY_NONE);
	assert_int_equal(h->ops[3].attempts, 1);
	assert_int_equal(h->ops[4].value, 91);
	/* in the order of being sent */
	for (size_t i = 1; i < h->n_attempts; i++)
		assert_true(h->attempts[i - 1].invoke_ns <= h->attempts[i].invoke_ns);
}

static void writes_are_counted_once(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = HTTP "," CLIENTS});
	attempt(&e, "set", "add", 1, 0, "10", 100, 110, 200, "unknown", "");
	attempt(&e, "set", "add", 1, 1, "10", 100, 210, 300, "ok", "");
	attempt(&e, "set", "add", 2, 0, "20", 100, 110, 200, "fail", "");
	attempt(&e, "set", "add", 2, 1, "20", 100, 210, 300, "fail", "");
	request(&e, 1, 0, 100, 110, 200, "ok", "");
	ev__final(&e, "n1", 1, 30000, true, "[10,10]");
	s = ev__summary(&e);
	assert_number(s, "writes.attempted", 2);
	assert_number(s, "writes.acked", 1);
	assert_number(s, "writes.failed", 1);
	assert_number(s, "writes.unknown", 0);
	assert_number(s, "writes.lost", 0);
	/* from when it was due; of the attempt that was answered */
	assert_number(s, "latency.intended_ms.max", 200);
	assert_number(s, "latency.service_ms.max", 90);
}

static void keys_are_numbers_or_words(void **state)
{
	struct events e;
	_cleanup_(cleanup_history) struct history *h = NULL;

	(void)state;
	ev__open(&e);
	ev__run(&e, (struct run){.workloads = HTTP});
	request(&e, 1, 0, 1, 1, 2, "ok", ",\"key\":\"a\",\"status\":200,\"conn\":true");
	request(&e, 2, 0, 2, 2, 3, "ok", ",\"key\":\"b\"");
	request(&e, 3, 0, 3, 3, 4, "fail", ",\"key\":\"a\",\"status\":503");
	request(&e, 4, 0, 4, 4, 5, "ok", ",\"key\":5");
	request(&e, 5, 0, 5, 5, 6, "ok", "");
	h = ev__history(&e);
	assert_int_equal(h->keys.n, 2);
	assert_int_equal(h->attempts[0].key, HISTORY_KEY_MAX + 1);
	assert_int_equal(h->attempts[1].key, HISTORY_KEY_MAX + 2);
	assert_int_equal(h->attempts[2].key, HISTORY_KEY_MAX + 1);
	assert_int_equal(h->attempts[3].key, 5);
	assert_int_equal(h->attempts[4].key, HISTORY_KEY_NONE);
	assert_int_equal(h->attempts[2].status, 503);
	assert_true(h->attempts[0].conn && !h->attempts[1].conn);
	assert_true(h->workloads[0].closed);
	assert_string_equal(h->workloads[0].retry, "fixed");
	assert_string_equal(h->workloads[0].target, "n2");
}

static void refuses(const char *line, const char *what)
{
	struct events e;
	struct history *h = NULL;
	struct error err = {0};

	ev__open(&e);
	ev__run(&e, (struct run){.workloads = HTTP});
	ev__line(&e, "%s", line);
	fclose(e.f);
	_cleanup_fclose_ FILE *f = fmemopen(e.text, e.len, "r");

	assert_int_equal(history__read(f, "events.jsonl", &h, &err), -EINVAL);
	if (!strstr(err.msg, what))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, what);
	free(e.text);
}

#define BINS_OF "{\"t_ns\":1,\"type\":\"bins\",\"client\":\"n1\",\"server\":\"n2\","
#define OP_OF                                                                                   \
	"{\"t_ns\":2,\"type\":\"op\",\"workload\":\"web\",\"client\":0,\"node\":\"n1\",\"op\":" \
	"\"request\",\"intended_ns\":1,\"invoke_ns\":1,\"outcome\":\"ok\","

static void what_is_not_theirs_is_refused(void **state)
{
	(void)state;
	refuses(BINS_OF "\"proto\":\"tcp\",\"start_ns\":0,\"bin_ns\":1,\"n\":2,\"syn\":[1]}",
		"`syn`: expected 2 integers, found 1");
	refuses(BINS_OF "\"proto\":\"tcp\",\"start_ns\":0,\"bin_ns\":1,\"n\":1,\"syn\":[-1]}",
		"`syn`[0]");
	refuses(BINS_OF "\"proto\":\"icmp\",\"start_ns\":0,\"bin_ns\":1,\"n\":1}", "`proto`");
	refuses(BINS_OF "\"proto\":6,\"start_ns\":0,\"bin_ns\":1,\"n\":99999999999}", "`n`");
	refuses(BINS_OF "\"proto\":6,\"start_ns\":0,\"bin_ns\":0,\"n\":1}", "`bin_ns`");
	refuses(BINS_OF "\"proto\":6,\"start_ns\":900000000000000000,\"bin_ns\":900000000000000000,"
			"\"n\":9}",
		"later than any run");
	refuses("{\"t_ns\":1,\"type\":\"listen\",\"node\":\"n9\",\"port\":1,\"queue\":1}", "n9");
	refuses("{\"t_ns\":1,\"type\":\"drops\",\"node\":null,\"reasons\":[]}", "`reasons`");
	refuses("{\"t_ns\":1,\"type\":\"drops\",\"node\":null,\"reasons\":{\"X\":\"y\"}}", "`X`");
	refuses("{\"t_ns\":1,\"type\":\"resets\",\"node\":1,\"reasons\":{}}", "name of a node");
	refuses(OP_OF "\"key\":1.5}", "`key`");
	refuses(OP_OF "\"intent\":\"x\"}", "`intent`");
	refuses(OP_OF "\"attempt\":-1}", "`attempt`");
	refuses(OP_OF "\"status\":1000}", "`status`");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attempts_are_one_operation),
		cmocka_unit_test(writes_are_counted_once),
		cmocka_unit_test(keys_are_numbers_or_words),
		cmocka_unit_test(what_is_not_theirs_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
