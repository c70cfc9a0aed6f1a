// SPDX-License-Identifier: GPL-2.0-only
/* HTTP clients of a workload against a server that answers well, badly, slowly or not at all. */
#include "live.h"
#include "recorder/load.h"
#include "web.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define MS NS_PER_MS

/* --- a workload and its record --------------------------------------------------------------- */

static struct {
	char url[128];
	struct load_place place;
	struct http_load http;
	struct load_config cfg;
} client;

static int setup_client(void **state)
{
	memset(&client, 0, sizeof(client));
	if (setup(state))
		return -1;
	client.place = (struct load_place){.node = "n1", .url = client.url, .netns_fd = env.netns};
	client.http = (struct http_load){.status_lo = 200, .status_hi = 299, .keys = 1};
	client.cfg = (struct load_config){
		.name = "web",
		.system = "http",
		.places = &client.place,
		.n_places = 1,
		.clients = 1,
		.mode = LOAD_CLOSED,
		.timeout_ns = 5 * NS_PER_S,
		.retry = {.delay_ns = 10 * MS, .base_ns = 5 * MS, .cap_ns = 20 * MS, .attempts = 4},
		.http = &client.http,
		.seed = 42,
	};
	return 0;
}

static void to(const struct web *w, const char *path)
{
	snprintf(client.url, sizeof(client.url), "http://127.0.0.1:%u%s", w->port, path);
}

/* Until so many attempts are over; the events are in order of their ends. */
static json_t *run(uint64_t attempts)
{
	int64_t end = clock__now() + 20 * NS_PER_S;
	struct load_counts c = {0};
	struct load *l = NULL;

	if (load__start(&client.cfg, env.r, &l, &env.err))
		fail_msg("%s", env.err.msg);
	while (c.attempted < attempts && clock__now() < end) {
		usleep(1000);
		load__counts(l, 0, &c);
	}
	load__stop(l);
	load__free(l);
	assert_true(c.attempted >= attempts);
	return events(NULL);
}

/* The first of an intent has no number. */
static json_int_t attempt_of(const json_t *o)
{
	return json_object_get(o, "attempt") ? num(o, "attempt") : 0;
}

static bool is_op(const json_t *o)
{
	return !strcmp(str(o, "type"), "op");
}

/* The "load" event, which comes last. */
static const json_t *sums(const json_t *all)
{
	const json_t *o = json_array_get(all, json_array_size(all) - 1);

	assert_string_equal(str(o, "type"), "load");
	return o;
}

/* All attempts but those that ended by the stop: outcome and error. */
static void all_are(const json_t *all, const char *outcome, const char *error)
{
	const json_t *o;
	size_t i;

	json_array_foreach(all, i, o) {
		if (!is_op(o))
			continue;
		assert_string_equal(str(o, "outcome"), outcome);
		assert_string_equal(str(o, "error"), error);
	}
}

static void test_answers(void **state)
{
	struct web w = {.answer = OK_ANSWER};
	struct http_header headers[] = {{(char *)"X-Test", (char *)"yes"}};
	json_t *all, *o;
	size_t i;

	(void)state;
	web__start(&w);
	to(&w, "/item/${key}?a=${key}");
	client.http.keys = 5;
	client.http.method = (char *)"PUT";
	client.http.headers = headers;
	client.http.n_headers = 1;
	client.place.headers = headers;
	client.place.body = "v=${key}";
	all = run(20);
	web__end(&w);
	json_array_foreach(all, i, o) {
		if (!is_op(o))
			continue;
		assert_string_equal(str(o, "op"), "request");
		assert_string_equal(str(o, "outcome"), "ok");
		assert_int_equal(num(o, "status"), 200);
		assert_in_range(num(o, "key"), 0, 4);
		assert_int_equal(num(o, "intent"), i);
		assert_int_equal(json_is_true(json_object_get(o, "conn")), i == 0);
		assert_true(num(o, "intended_ns") <= num(o, "invoke_ns"));
		assert_true(num(o, "invoke_ns") < num(o, "return_ns"));
	}
	assert_int_equal(w.accepted, 1); /* kept */
	o = json_array_get(all, 0);
	{
		char want[64];

		snprintf(want, sizeof(want), "PUT /item/%d?a=%d HTTP/1.1\r\n", (int)num(o, "key"),
			 (int)num(o, "key"));
		assert_ptr_equal(strstr(w.first, want), w.first);
		snprintf(want, sizeof(want), "\r\n\r\nv=%d", (int)num(o, "key"));
		assert_non_null(strstr(w.first, want));
		assert_non_null(strstr(w.first, "\r\nX-Test: yes\r\n"));
	}
	assert_int_equal(num(sums(all), "intents"), json_array_size(all) - 1);
	json_decref(all);
}

/* Each client has a connection of its own. */
static void test_connections(void **state)
{
	struct web w = {.answer = OK_ANSWER};

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.clients = 50;
	client.cfg.think_ns = 5 * MS;
	json_decref(run(400));
	web__end(&w);
	assert_int_equal(w.accepted, 50);
	assert_int_equal(w.most, 50);
}

static void test_connect_anew(void **state)
{
	struct web w = {.answer = OK_ANSWER};
	json_t *all, *o;
	size_t i;

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.connect_anew = true;
	all = run(20);
	web__end(&w);
	json_array_foreach(all, i, o)
		assert_true(!is_op(o) || json_is_true(json_object_get(o, "conn")));
	assert_int_equal(w.accepted, json_array_size(all) - 1);
	json_decref(all);
}

/* The server ends each connection after an answer: the next attempt makes another, and says so. */
static void test_reconnects(void **state)
{
	struct web w = {.manner = WEB_ONE_EACH, .answer = OK_ANSWER};
	json_t *all, *o;
	size_t i;

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.think_ns = 20 * MS;
	all = run(10);
	web__end(&w);
	json_array_foreach(all, i, o)
		assert_true(!is_op(o) || json_is_true(json_object_get(o, "conn")));
	json_decref(all);
}

/* What left on a connection that died of it is not sent again within the attempt. */
static void test_once(void **state)
{
	struct web w = {.manner = WEB_LOSE, .answer = OK_ANSWER};
	json_t *all, *o;
	size_t i;

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.think_ns = 5 * MS;
	all = run(22); /* the last ones may end by the stop */
	web__end(&w);
	json_array_foreach(all, i, o) {
		if (i == 20)
			break;
		assert_string_equal(str(o, "outcome"), i % 2 ? "unknown" : "ok");
		if (i % 2)
			assert_string_equal(str(o, "error"), "the server closed the connection");
	}
	json_decref(all);
}

static void test_status(void **state)
{
	struct web w = {.answer = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"};
	json_t *all;

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.think_ns = MS;
	all = run(5);
	all_are(all, "fail", "status 503");
	assert_int_equal(num(json_array_get(all, 0), "status"), 503);
	json_decref(all);
	client.http.status_lo = 500;
	client.http.status_hi = 503;
	unlink(env.path);
	recorder__close(env.r);
	assert_int_equal(0, recorder__open(env.dir, clock__now(), &env.r, &env.err));
	all = run(5);
	all_are(all, "ok", "(none)");
	json_decref(all);
	web__end(&w);
}

/* One that is answered badly is not known to have done nothing. */
static void test_garbage(void **state)
{
	static const struct {
		enum manner manner;
		const char *answer, *outcome, *error;
	} cases[] = {
		{WEB_ANSWER, "\x01\x02 garbage \r\n\r\n\xff\xfe", "unknown",
		 "the answer is not in the system's protocol"},
		{WEB_ANSWER, "HTTP/1.1 banana\r\n\r\n", "unknown",
		 "the answer is not in the system's protocol"},
		{WEB_ANSWER, "HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n", "unknown",
		 "the answer is not in the system's protocol"},
		{WEB_HANG_UP, NULL, "unknown", "the server closed the connection"},
		{WEB_ONE_EACH, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab", "unknown",
		 "the server closed the connection"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct web w = {.manner = cases[i].manner, .answer = cases[i].answer};
		json_t *all;

		web__start(&w);
		to(&w, "/");
		client.cfg.think_ns = MS;
		client.cfg.connect_anew = true;
		all = run(3);
		all_are(all, cases[i].outcome, cases[i].error);
		json_decref(all);
		web__end(&w);
		unlink(env.path);
		recorder__close(env.r);
		assert_int_equal(0, recorder__open(env.dir, clock__now(), &env.r, &env.err));
	}
}

/* A server that never answers, or for ever: the limit holds, and an attempt that was sent is unknown. */
static void test_limits(void **state)
{
	static const char endless[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nabcdefgh";
	static const struct {
		enum manner manner;
		const char *answer;
	} cases[] = {
		{WEB_SILENT, NULL}, {WEB_DRIP, "HTTP/1.1 200 OK\r\n\r\n"}, {WEB_ANSWER, endless}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct web w = {.manner = cases[i].manner, .answer = cases[i].answer};
		json_t *all, *o;
		size_t k;

		web__start(&w);
		to(&w, "/");
		client.cfg.think_ns = MS;
		client.cfg.clients = 5;
		client.cfg.timeout_ns = 30 * MS;
		all = run(10);
		all_are(all, "unknown", "no answer within the time limit");
		json_array_foreach(all, k, o)
			assert_true(!is_op(o) ||
				    num(o, "return_ns") - num(o, "invoke_ns") >= 30 * MS);
		json_decref(all);
		web__end(&w);
		unlink(env.path);
		recorder__close(env.r);
		assert_int_equal(0, recorder__open(env.dir, clock__now(), &env.r, &env.err));
	}
}

/* Nobody there; an address that swallows all; a name that nobody has: certainly nothing has happened. */
static void test_nobody(void **state)
{
	struct web w = {.manner = WEB_CLOSE};
	json_t *all;

	(void)state;
	web__start(&w);
	web__end(&w);
	to(&w, "/");
	client.cfg.think_ns = MS;
	all = run(3);
	all_are(all, "fail", "Connection refused");
	assert_true(json_is_true(json_object_get(json_array_get(all, 0), "conn")));
	json_decref(all);
}

/* The stop does not wait for longer than a limit, whatever the clients are at. */
static void test_stop(void **state)
{
	struct web w = {.manner = WEB_SILENT};
	struct load *l = NULL;
	int64_t before;

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.clients = 20;
	client.cfg.timeout_ns = 100 * MS;
	client.cfg.retry.policy = RETRY_FIXED;
	client.cfg.retry.delay_ns = 3600 * NS_PER_S; /* they would wait an hour */
	assert_int_equal(0, load__start(&client.cfg, env.r, &l, &env.err));
	while (w.accepted < 20)
		usleep(1000);
	before = clock__now();
	load__stop(l);
	assert_true(clock__now() - before < 60 * NS_PER_S);
	load__stop(l); /* again */
	load__free(l);
	web__end(&w);
}

/* No attempt comes sooner after the one before than its policy says, and none too many. */
static void test_retries(void **state)
{
	static const int64_t waits[RETRY_POLICIES][3] = {
		[RETRY_FIXED] = {10 * MS, 10 * MS, 10 * MS},
		[RETRY_EXPONENTIAL] = {5 * MS, 10 * MS, 20 * MS},
	};

	(void)state;
	for (int policy = RETRY_NONE; policy <= RETRY_FULL_JITTER; policy++) {
		struct web w = {.answer = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"};
		int64_t last = 0, intent = -1;
		json_t *all, *o;
		int attempt = 0;
		size_t i;

		web__start(&w);
		to(&w, "/");
		client.cfg.think_ns = MS;
		client.cfg.retry.policy = (enum retry_policy)policy;
		all = run(10);
		json_array_foreach(all, i, o) {
			if (!is_op(o))
				continue;
			if (num(o, "intent") == intent) {
				attempt++;
				assert_true(num(o, "invoke_ns") - last >=
					    waits[policy][attempt - 1]);
			} else {
				assert_int_equal(attempt,
						 intent < 0 || policy == RETRY_NONE ? 0 : 3);
				attempt = 0;
				intent = num(o, "intent");
			}
			assert_int_equal(attempt_of(o), attempt);
			assert_true(attempt < 4);
			last = num(o, "return_ns");
		}
		assert_true(num(sums(all), "exhausted") >= (policy == RETRY_NONE ? 0 : 2));
		json_decref(all);
		web__end(&w);
		unlink(env.path);
		recorder__close(env.r);
		assert_int_equal(0, recorder__open(env.dir, clock__now(), &env.r, &env.err));
	}
}

static void test_budget(void **state)
{
	struct web w = {.answer = "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"};
	json_int_t intents = 0, retries = 0;
	json_t *all, *o;
	size_t i;

	(void)state;
	web__start(&w);
	to(&w, "/");
	client.cfg.clients = 10;
	client.cfg.think_ns = MS;
	client.cfg.retry.policy = RETRY_IMMEDIATE;
	client.cfg.retry.budget = 0.25;
	all = run(400);
	web__end(&w);
	json_array_foreach(all, i, o) {
		if (!is_op(o))
			continue;
		intents += attempt_of(o) == 0;
		retries += attempt_of(o) > 0;
		/* clients that have begun and not ended yet have paid, too */
		assert_true(retries * 4 <= intents + 10);
	}
	assert_true(retries * 4 >= intents - 40 - 10 * 4);
	assert_true(num(sums(all), "over_budget") > 0);
	json_decref(all);
}

/* Open loop: all that was due is there, sent or not, and at its time. */
static void test_open(void **state)
{
	struct web w = {.manner = WEB_SILENT};
	int64_t first = INT64_MAX, last = 0, late = 0, n = 0;
	bool *seen = calloc(100000, sizeof(*seen));
	json_t *all, *o;
	size_t i;

	(void)state;
	assert_non_null(seen);
	web__start(&w);
	to(&w, "/");
	client.cfg.mode = LOAD_OPEN;
	client.cfg.rate_per_s = 500;
	client.cfg.clients = 2;
	client.cfg.timeout_ns = 20 * MS;
	all = run(100);
	web__end(&w);
	json_array_foreach(all, i, o) {
		int64_t t;

		if (!is_op(o))
			continue;
		t = num(o, "intended_ns");
		assert_in_range(num(o, "intent"), 0, 99999);
		assert_false(seen[num(o, "intent")]);
		seen[num(o, "intent")] = true;
		first = t < first ? t : first;
		last = t > last ? t : last;
		n++;
		if (!json_is_null(json_object_get(o, "invoke_ns")))
			continue;
		assert_string_equal(str(o, "outcome"), "fail");
		late++;
	}
	/* 2 ms apart, but for the last ones of each client, which may be in another order */
	assert_in_range(n, (last - first) / (2 * MS) - 20, (last - first) / (2 * MS) + 1);
	assert_true(late > n / 2);
	assert_int_equal(num(sums(all), "late"), late);
	assert_int_equal(num(sums(all), "attempts"), n - late);
	json_decref(all);
	free(seen);
}

#define with_client(test) cmocka_unit_test_setup_teardown(test, setup_client, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_client(test_answers),	with_client(test_connections),
		with_client(test_connect_anew), with_client(test_reconnects),
		with_client(test_once),		with_client(test_status),
		with_client(test_garbage),	with_client(test_limits),
		with_client(test_nobody),	with_client(test_stop),
		with_client(test_retries),	with_client(test_budget),
		with_client(test_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
