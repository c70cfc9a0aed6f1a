// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_herd.c: attempts merged into operations, bins, listen and drops read, and the kind of herd
 * with its evidence, from events.jsonl to summary.json.
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "unit/analysis/events.h"

#define HTTP                                                                                  \
	"{\"name\":\"web\",\"system\":\"http\",\"check\":\"none\",\"nodes\":[\"n1\"],"        \
	"\"clients\":20,\"mode\":\"closed\",\"retry\":{\"policy\":\"fixed\"},\"timeout_ns\":" \
	"1000" MS_JSON ",\"target\":\"n2\"}"

/* One attempt; @more is JSON after a comma, or "". A time of -1: never sent. */
static void attempt(struct events *e, const char *workload, const char *op, int intent, int n,
		    const char *value, int64_t intended, int64_t invoke, int64_t back,
		    const char *outcome, const char *more)
{
	char sent[32] = "null";

	if (invoke >= 0)
		snprintf(sent, sizeof(sent), "%lld", (long long)invoke * 1000000);
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"op\",\"workload\":\"%s\",\"client\":%d,\"node\":\"n1\","
		 "\"op\":\"%s\",\"value\":%s,\"intent\":%d,\"attempt\":%d,\"intended_ns\":%lld,"
		 "\"invoke_ns\":%s,\"return_ns\":%lld,\"outcome\":\"%s\",\"error\":%s%s}",
		 (long long)back * 1000000, workload, intent % 20, op, value, intent, n,
		 (long long)intended * 1000000, sent, (long long)back * 1000000, outcome,
		 strcmp(outcome, "ok") ? "\"late\"" : "null", more);
}

static void request(struct events *e, int intent, int n, int64_t intended, int64_t invoke,
		    int64_t back, const char *outcome, const char *more)
{
	attempt(e, "web", "request", intent, n, "null", intended, invoke, back, outcome, more);
}

static const json_t *metric(const json_t *s, const char *name, const char *key, const char *of)
{
	const json_t *m;
	size_t i;

	json_array_foreach(at(s, "herd.metrics"), i, m) {
		const char *owner = json_string_value(json_object_get(m, key));

		if (owner && !strcmp(owner, of) &&
		    !strcmp(json_string_value(at(m, "metric")), name))
			return m;
	}
	fail_msg("there is no metric %s of %s %s", name, key, of);
	return NULL;
}

static bool says(const json_t *list, const char *member, const char *what)
{
	const json_t *x;
	size_t i;

	json_array_foreach(list, i, x) {
		const char *s = json_string_value(member ? json_object_get(x, member) : x);

		if (s && strstr(s, what))
			return true;
	}
	return false;
}

/* ---- attempts ---- */

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
	refuses(OP_OF "\"key\":1.5}", "`key`");
	refuses(OP_OF "\"intent\":\"x\"}", "`intent`");
	refuses(OP_OF "\"attempt\":-1}", "`attempt`");
	refuses(OP_OF "\"status\":1000}", "`status`");
}

/* ---- services ---- */

struct series {
	const char *client, *server;
	int port;
	int64_t bin_ms;
	int n;
	int (*syn)(int i), (*opened)(int i), (*closed)(int i), (*first_us)(int i), (*bytes)(int i),
		(*packets)(int i);
};

static void array(struct events *e, const char *name, int n, int (*of)(int i))
{
	if (!of)
		return;
	fprintf(e->f, ",\"%s\":[", name);
	for (int i = 0; i < n; i++)
		fprintf(e->f, "%s%d", i ? "," : "", of(i));
	fprintf(e->f, "]");
}

static void bins(struct events *e, struct series s)
{
	fprintf(e->f,
		"{\"t_ns\":30000000000,\"type\":\"bins\",\"client\":\"%s\",\"server\":\"%s\","
		"\"proto\":\"tcp\",\"port\":%d,\"start_ns\":0,\"bin_ns\":%lld,\"n\":%d",
		s.client, s.server, s.port, (long long)s.bin_ms * 1000000, s.n);
	array(e, "syn", s.n, s.syn);
	array(e, "opened", s.n, s.opened);
	array(e, "closed", s.n, s.closed);
	array(e, "bytes", s.n, s.bytes);
	array(e, "packets", s.n, s.packets);
	if (s.first_us) {
		array(e, "first_byte_us", s.n, s.first_us);
		array(e, "first_byte_n", s.n, s.syn);
	}
	fprintf(e->f, "}\n");
}

static void a_cut(struct events *e, const char *workloads)
{
	ev__open(e);
	ev__run(e, (struct run){.workloads = workloads ? workloads : HTTP});
	ev__armed(e, "cut", 10000);
	ev__cleared(e, "cut", 20000, 5);
}

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

static int upstream(int i)
{
	return i == 150 ? 12 : i % 50 == 0;
}

static int upstream_end(int i)
{
	return i == 152 ? 12 : i > 0 && i % 50 == 2 && i != 152;
}

static int downstream(int i)
{
	return i % 2 ? 3 : 2;
}

static void fetches(struct events *e, bool keys, int different)
{
	char more[32] = "";

	ev__open(e);
	ev__run(e, (struct run){.faults = "", .workloads = HTTP});
	bins(e, (struct series){"n1", "n2", 80, 100, 300, downstream, downstream, downstream, NULL,
				NULL});
	bins(e, (struct series){"n2", "n3", 8080, 100, 300, upstream, upstream, upstream_end, NULL,
				NULL});
	for (int i = 0; i < 16; i++) {
		if (keys)
			snprintf(more, sizeof(more), ",\"key\":%d", i % different);
		request(e, i, 0, 14950, 14950, 15250, "ok", more);
	}
	ev__phase(e, 30000, "end");
}

static void a_cache_stampede(void **state)
{
	struct events e;

	(void)state;
	for (int keys = 0; keys < 2; keys++) {
		_cleanup_json_ json_t *s = NULL;

		fetches(&e, keys, 1);
		s = ev__summary(&e);
		assert_word_at(s, "herd.kind", "cache stampede");
		assert_true(says(at(s, "herd.evidence"), "words",
				 "n2 had 12 connections to n3:8080 open at once at +15.0 s"));
		assert_true(says(at(s, "herd.evidence"), "words",
				 keys ? "asked for 1 key" : "as a rule"));
	}
}

/* As many fetches as different keys: each key may have had one. */
static void many_keys_are_no_stampede(void **state)
{
	struct events e;
	_cleanup_json_ json_t *s = NULL;

	(void)state;
	fetches(&e, true, 16);
	s = ev__summary(&e);
	assert_word_at(s, "herd.kind", "none");
}

static int filled(int i)
{
	return i == 152 ? 30 : 0;
}

/* A pool that fills after a cut has more connections than the fetches, but they stay. */
static void a_pool_is_no_fetch(void **state)
{
	struct events e;

	(void)state;
	for (int pool_only = 0; pool_only < 2; pool_only++) {
		_cleanup_json_ json_t *x = NULL;

		ev__open(&e);
		ev__run(&e, (struct run){.faults = "", .workloads = HTTP});
		bins(&e,
		     (struct series){"n1", "n2", 80, 100, 300, downstream, downstream, downstream});
		bins(&e, (struct series){"n2", "n1", 11211, 100, 300, filled, filled, NULL, NULL,
					 NULL});
		if (!pool_only)
			bins(&e, (struct series){"n2", "n3", 8080, 100, 300, upstream, upstream,
						 upstream_end});
		ev__phase(&e, 30000, "end");
		x = ev__summary(&e);
		assert_false(says(at(x, "herd.evidence"), "words", "11211 open at once"));
		assert_true(says(at(x, "herd.evidence"), "words", "n3:8080 open at once") ==
			    !pool_only);
	}
}

static int ten(int i)
{
	(void)i;
	return 10;
}

static int one(int i)
{
	(void)i;
	return 1;
}

/* What is asked for each request, before the fault too, is no origin of a cache. */
static void who_passes_all_on_is_no_cache(void **state)
{
	(void)state;
	for (int all = 0; all < 2; all++) {
		struct events e;
		_cleanup_json_ json_t *s = NULL;

		a_cut(&e, NULL);
		bins(&e, (struct series){"n1", "n2", 80, 100, 300, downstream, downstream,
					 downstream, .packets = ten});
		bins(&e, (struct series){"n2", "n3", 8080, 100, 300, upstream, upstream,
					 upstream_end, .packets = all ? ten : one});
		ev__phase(&e, 30000, "end");
		s = ev__summary(&e);
		assert_true(says(at(s, "herd.evidence"), "words", "n3:8080 open at once") == !all);
	}
}

/* Connections are kept; those who wait make a few more. */
static int kept(int i)
{
	return i == 0 ? 20 : i == 150 ? 12 : 0;
}

static int evenly(int i)
{
	return 1000 + i % 2;
}

static int all_at_once(int i)
{
	return i == 150 ? 200000 : 1000;
}

/* What the clients ask is in their bytes then. If they asked for more, the cache is not to blame. */
static void a_stampede_behind_kept_connections(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		struct events e;
		_cleanup_json_ json_t *s = NULL;

		ev__open(&e);
		ev__run(&e, (struct run){.faults = "", .workloads = HTTP});
		bins(&e, (struct series){"n1", "n2", 80, 100, 300, kept, kept, NULL, NULL,
					 more ? all_at_once : evenly});
		bins(&e,
		     (struct series){"n2", "n3", 8080, 100, 300, upstream, upstream, upstream_end});
		ev__phase(&e, 30000, "end");
		s = ev__summary(&e);
		if (more) {
			assert_word_at(s, "herd.kind", "none");
			continue;
		}
		assert_word_at(s, "herd.kind", "cache stampede");
		/* 13 in 1.1 s, where 5 in 28.9 s are the rest; see passed_on() */
		assert_true(says(at(s, "herd.evidence"), "words", "it fetched 63 times as often"));
	}
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
		cmocka_unit_test(attempts_are_one_operation),
		cmocka_unit_test(writes_are_counted_once),
		cmocka_unit_test(keys_are_numbers_or_words),
		cmocka_unit_test(what_is_not_theirs_is_refused),
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
		cmocka_unit_test(a_cache_stampede),
		cmocka_unit_test(many_keys_are_no_stampede),
		cmocka_unit_test(a_pool_is_no_fetch),
		cmocka_unit_test(who_passes_all_on_is_no_cache),
		cmocka_unit_test(a_stampede_behind_kept_connections),
		cmocka_unit_test(a_fault_that_repeats_is_no_retry_period),
		cmocka_unit_test(batches_are_no_retry_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
