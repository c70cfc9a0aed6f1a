// SPDX-License-Identifier: GPL-2.0-only
/* Workloads with their threads and their record, in the caller's own namespace. */
#include "live.h"
#include "recorder/load.h"

struct tally {
	uint64_t add_ok, add_fail, add_unknown, reads, unsent;
};

static struct tally tally(void)
{
	json_t *all = events("op"), *o;
	struct tally t = {0};
	bool seen[10000] = {false};
	size_t i;

	json_array_foreach(all, i, o) {
		const char *outcome = str(o, "outcome");

		assert_int_equal(num(o, "t_ns"), num(o, "return_ns"));
		assert_true(num(o, "intended_ns") <= num(o, "return_ns"));
		if (json_is_null(json_object_get(o, "invoke_ns"))) {
			assert_string_equal(outcome, "fail");
			t.unsent++;
		} else {
			assert_true(num(o, "invoke_ns") >= num(o, "intended_ns"));
			assert_true(num(o, "invoke_ns") <= num(o, "return_ns"));
		}
		if (!strcmp(str(o, "op"), "read")) {
			t.reads++;
			continue;
		}
		assert_in_range(num(o, "value"), 0, ARRAY_SIZE(seen) - 1);
		assert_false(seen[num(o, "value")]);
		seen[num(o, "value")] = true;
		t.add_ok += !strcmp(outcome, "ok");
		t.add_fail += !strcmp(outcome, "fail");
		t.add_unknown += !strcmp(outcome, "unknown");
	}
	json_decref(all);
	return t;
}

static void run_load(struct load_config *cfg, int64_t for_ns, struct load_counts *ret)
{
	struct load *l = NULL;

	cfg->name = "set";
	cfg->system = "redis";
	if (!cfg->check)
		cfg->check = "set";
	assert_int_equal(0, load__start(cfg, env.r, &l, &env.err));
	clock__sleep_until(clock__now() + for_ns);
	load__stop(l);
	load__counts(l, 0, ret);
	load__free(l);
}

static void test_load_bad_config(void **state)
{
	struct load_place place = {"n1", env.netns, "127.0.0.1"};
	struct load_config load = {.name = "w",
				   .system = "redis",
				   .check = "set",
				   .places = &place,
				   .n_places = 1,
				   .clients = 1,
				   .rate_per_s = 10,
				   .timeout_ns = NS_PER_S};
	struct load *l = NULL;

	(void)state;
	load.system = "nosuch";
	assert_int_equal(-EINVAL, load__start(&load, env.r, &l, &env.err));
	load.system = "redis";
	load.rate_per_s = 0;
	assert_int_equal(-EINVAL, load__start(&load, env.r, &l, &env.err));
	load.rate_per_s = 10;
	place.netns_fd = 1 << 20; /* nobody's */
	assert_int_equal(-EBADF, load__start(&load, env.r, &l, &env.err));
	assert_null(l);
	place.netns_fd = -1; /* its pod may come yet */
	assert_int_equal(0, load__start(&load, env.r, &l, &env.err));
	load__free(l);
}

/* Nobody listens: every operation fails at once, at the rate that was asked for. */
static void test_load_refused(void **state)
{
	struct load_place place = {"n1", env.netns, "127.0.0.1"};
	struct fake f = {.serve = fake__close};
	struct load_counts c;
	struct tally t;
	int64_t began, most;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	fake__end(&f);
	struct load_config cfg = {.places = &place,
				  .n_places = 1,
				  .port = f.port,
				  .clients = 3,
				  .rate_per_s = 500,
				  .reads = 0.5,
				  .timeout_ns = NS_PER_S};
	began = clock__now();
	run_load(&cfg, 200 * NS_PER_MS, &c);
	/* Until it is told to stop, which a busy machine does late. */
	most = 3 + (clock__now() - began) * 500 / NS_PER_S;
	t = tally();
	assert_in_range(c.attempted, 80, most);
	assert_int_equal(c.attempted, c.failed);
	assert_int_equal(c.reads, 0); /* nothing acknowledged, nothing to read */
	assert_int_equal(t.add_fail, c.failed);
	assert_int_equal(t.unsent, 0);
}

/* A server that never answers: what could not be sent in time is recorded, and the rate stays. */
static void test_load_hangs(void **state)
{
	struct load_place place = {"n1", env.netns, "127.0.0.1"};
	struct fake f = {.serve = fake__silent};
	struct load_counts c;
	struct tally t;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	struct load_config cfg = {.places = &place,
				  .n_places = 1,
				  .port = f.port,
				  .clients = 1,
				  .rate_per_s = 200,
				  .timeout_ns = 50 * NS_PER_MS};
	run_load(&cfg, 400 * NS_PER_MS, &c);
	fake__end(&f);
	t = tally();
	assert_int_equal(c.attempted, c.unknown + c.failed);
	assert_int_equal(c.acked, 0);
	assert_int_equal(t.unsent, c.failed);
	assert_in_range(c.unknown, 5, 9);
	/* 80 were due; those of the last 50 ms and of the one in flight may be missing */
	assert_in_range(c.attempted, 55, 82);
}

/*
 * The server closes the connection after each request: what became of it nobody knows, and the same
 * value is sent again, as often as the policy says. Closed loop: the client waits for the last attempt.
 */
static void test_load_retries(void **state)
{
	struct load_place place = {"n1", env.netns, "127.0.0.1"};
	struct fake f = {.serve = fake__hang_up};
	json_int_t attempt = 0, last = 0, value = -1;
	struct load_counts c;
	json_t *all, *o;
	size_t i;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	struct load_config cfg = {
		.places = &place,
		.n_places = 1,
		.port = f.port,
		.clients = 1,
		.mode = LOAD_CLOSED,
		.timeout_ns = 5 * NS_PER_S,
		.retry = {.policy = RETRY_FIXED, .delay_ns = 3 * NS_PER_MS, .attempts = 3}};
	run_load(&cfg, 200 * NS_PER_MS, &c);
	fake__end(&f);
	all = events("op");
	assert_int_equal(c.attempted, json_array_size(all));
	assert_true(c.attempted >= 7);
	json_array_foreach(all, i, o) {
		attempt = (json_int_t)i % 3;
		assert_string_equal(str(o, "outcome"), "unknown");
		assert_int_equal(num(o, "intent"), i / 3);
		if (attempt) {
			assert_int_equal(num(o, "attempt"), attempt);
			assert_int_equal(num(o, "value"), value);
			assert_true(num(o, "invoke_ns") - last >= 3 * NS_PER_MS);
		} else {
			assert_null(json_object_get(o, "attempt"));
			assert_true(num(o, "value") > value);
			assert_true(num(o, "intended_ns") >= last);
		}
		value = num(o, "value");
		last = num(o, "return_ns");
	}
	json_decref(all);
}

/* To count up again what may have been counted would count twice. */
static void test_load_harm(void **state)
{
	struct load_place place = {"n1", env.netns, "127.0.0.1"};
	struct fake f = {.serve = fake__hang_up};
	struct load_counts c;
	json_t *all, *o;
	size_t i;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	struct load_config cfg = {.check = "counter",
				  .places = &place,
				  .n_places = 1,
				  .port = f.port,
				  .clients = 1,
				  .mode = LOAD_CLOSED,
				  .think_ns = NS_PER_MS,
				  .timeout_ns = 5 * NS_PER_S,
				  .retry = {.policy = RETRY_IMMEDIATE, .attempts = 3}};
	run_load(&cfg, 100 * NS_PER_MS, &c);
	fake__end(&f);
	all = events("op");
	assert_true(json_array_size(all) > 1);
	json_array_foreach(all, i, o) {
		assert_string_equal(str(o, "outcome"), "unknown");
		assert_null(json_object_get(o, "attempt"));
		assert_int_equal(num(o, "intent"), i);
	}
	json_decref(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_env(test_load_bad_config), with_env(test_load_refused),
		with_env(test_load_hangs),	with_env(test_load_retries),
		with_env(test_load_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
