// SPDX-License-Identifier: GPL-2.0-only
/* Probes and workloads with their threads and their record, in the caller's own namespace. */
#include "experiment/experiment.h"
#include "fake.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load.h"
#include "recorder/probe.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define EVERY_NS (5 * NS_PER_MS)
#define TEXT(s) s, sizeof(s) - 1

static struct {
	char dir[64], path[96];
	struct recorder *r;
	int netns;
	struct error err;
} env;

static int setup(void **state)
{
	(void)state;
	snprintf(env.dir, sizeof(env.dir), "/tmp/recorder-unit-XXXXXX");
	if (!mkdtemp(env.dir))
		return -1;
	snprintf(env.path, sizeof(env.path), "%s/events.jsonl", env.dir);
	env.netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return recorder__open(env.dir, clock__now(), &env.r, &env.err);
}

static int teardown(void **state)
{
	(void)state;
	recorder__close(env.r);
	close(env.netns);
	unlink(env.path);
	rmdir(env.dir);
	return 0;
}

static json_t *events(const char *type)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = fopen(env.path, "r");
	json_t *all = json_array();
	size_t size = 0;
	ssize_t n;

	assert_non_null(f);
	while ((n = getline(&line, &size, f)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(o);
		if (!strcmp(type, json_string_value(json_object_get(o, "type"))))
			json_array_append(all, o);
		json_decref(o);
	}
	return all;
}

static json_int_t num(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

/* Run a probe until it has taken @samples, then end it. */
static void probe(struct probe_config *cfg, uint64_t samples, struct probe_state *ret)
{
	int64_t end = clock__now() + 5 * NS_PER_S;
	struct probe *p = NULL;

	cfg->resource = "res";
	cfg->node = "n1";
	cfg->netns_fd = env.netns;
	cfg->ip = "127.0.0.1";
	if (!cfg->every_ns)
		cfg->every_ns = EVERY_NS;
	if (probe__start(cfg, env.r, &p, &env.err))
		fail_msg("%s", env.err.msg);
	do {
		usleep(1000);
		probe__state(p, ret);
	} while (ret->samples < samples && clock__now() < end);
	probe__signal_stop(p);
	probe__join(p);
	assert_true(ret->samples >= samples);
}

static void custom(struct custom_system c, uint64_t samples, struct probe_state *ret)
{
	struct probe_config cfg = {.system = "mine", .custom = &c};

	c.name = (char *)"mine";
	probe(&cfg, samples, ret);
}

static void test_command(void **state)
{
	struct probe_state st;
	json_t *all, *last;

	(void)state;
	custom((struct custom_system){.kind = EXCHANGE_COMMAND,
				      .command = (char *)"printf 'Mode: leader\\r\\nterm=42\\n'",
				      .leader_re = (char *)"^Mode: leader$",
				      .epoch_re = (char *)"term=([0-9]+)"},
	       3, &st);
	assert_string_equal(st.role, "leader");
	assert_true(st.claim);
	assert_int_equal(st.epoch, 42);
	all = events("role");
	last = json_array_get(all, json_array_size(all) - 1);
	assert_string_equal("leader", str(last, "role"));
	assert_string_equal("n1", str(last, "node"));
	assert_string_equal("res", str(last, "resource"));
	assert_true(json_is_true(json_object_get(last, "claim")));
	assert_true(json_is_null(json_object_get(last, "leader")));
	assert_int_equal(42, num(last, "epoch"));
	assert_int_equal(num(last, "recv_ns"), num(last, "t_ns"));
	assert_true(num(last, "send_ns") <= num(last, "recv_ns"));
	assert_null(json_object_get(last, "error"));
	json_decref(all);
	all = events("role_change");
	assert_int_equal(0, json_array_size(all));
	json_decref(all);
}

static void test_command_epochs(void **state)
{
	/* what is no number of ours is none */
	static const char *const bad[] = {"term=99999999999999999999", "term=", "term=x", "term=-3",
					  "nothing"};
	struct probe_state st;
	char command[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(command, sizeof(command), "echo %s", bad[i]);
		custom((struct custom_system){.kind = EXCHANGE_COMMAND,
					      .command = command,
					      .leader_re = (char *)"leader",
					      .epoch_re = (char *)"term=(.*)"},
		       1, &st);
		assert_string_equal(st.role, "none");
		assert_int_equal(st.epoch, -1);
	}
}

static void test_command_fails(void **state)
{
	struct probe_state st;
	struct error err = {0};
	struct custom_system c = {
		.kind = EXCHANGE_COMMAND, .command = (char *)"true", .leader_re = (char *)"("};
	struct probe_config cfg = {.resource = "r",
				   .node = "n",
				   .netns_fd = env.netns,
				   .custom = &c,
				   .every_ns = EVERY_NS};
	struct probe *p = NULL;

	(void)state;
	custom((struct custom_system){.kind = EXCHANGE_COMMAND,
				      .command = (char *)"echo leader; exit 3",
				      .leader_re = (char *)"leader"},
	       1, &st);
	assert_string_equal(st.role, "error");
	assert_false(st.claim);
	assert_int_equal(-EINVAL, probe__start(&cfg, env.r, &p, &err));
	assert_null(p);
	assert_non_null(strstr(err.msg, "leader pattern"));
}

/* More than is kept, a process in the background that holds the pipe, NUL bytes: the beginning
 * counts. */
static void test_command_long(void **state)
{
	struct probe_state st;

	(void)state;
	custom((struct custom_system){.kind = EXCHANGE_COMMAND,
				      .command = (char *)"printf 'leader\\000 term=5\\n'; sleep "
							 "100 & head -c 300000 /dev/zero",
				      .leader_re = (char *)"^leader",
				      .epoch_re = (char *)"term=([0-9]+)"},
	       1, &st);
	assert_string_equal(st.role, "leader");
	assert_int_equal(st.epoch, 5);
}

/* A command that hangs is killed at the time limit, with its children. */
static void test_command_hangs(void **state)
{
	_cleanup_free_ char *command = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct probe_state st;
	int64_t start = clock__now();
	char path[96], pid[16] = "";
	json_t *all, *first;

	(void)state;
	snprintf(path, sizeof(path), "%s/pid", env.dir);
	assert_true(asprintf(&command, "sleep 1000 & echo $! > %s; echo leader; wait", path) > 0);
	custom((struct custom_system){.kind = EXCHANGE_COMMAND,
				      .command = command,
				      .leader_re = (char *)"leader"},
	       1, &st);
	assert_true(clock__now() - start < 2 * NS_PER_S);
	assert_string_equal(st.role, "error");
	all = events("role");
	first = json_array_get(all, 0);
	assert_in_range(num(first, "recv_ns") - num(first, "send_ns"), 100 * NS_PER_MS,
			600 * NS_PER_MS);
	assert_non_null(strstr(str(first, "error"), "time limit"));
	json_decref(all);
	/* the record says what happened; it is not a gap */
	all = events("probe_gap");
	assert_int_equal(0, json_array_size(all));
	json_decref(all);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(pid, sizeof(pid), f));
	snprintf(path, sizeof(path), "/proc/%d/cmdline", atoi(pid));
	for (int i = 0; i < 200 && !access(path, F_OK); i++) {
		/* a zombie until init has reaped it has no command line */
		_cleanup_fclose_ FILE *c = fopen(path, "r");

		if (!c || fgetc(c) == EOF)
			break;
		usleep(1000);
		assert_true(i < 199);
	}
	snprintf(path, sizeof(path), "%s/pid", env.dir);
	unlink(path);
}

static void test_tcp(void **state)
{
	struct fake f = {.serve = fake__answer_once, .answer = TEXT("Mode: leader\nZxid: 77\n")};
	struct fake open_end = {.serve = fake__answer, .answer = TEXT("STATE follower 9\r\n")};
	struct probe_state st;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	custom((struct custom_system){.kind = EXCHANGE_TCP,
				      .port = f.port,
				      .send = (char *)"srvr",
				      .leader_re = (char *)"^Mode: (leader|standalone)$",
				      .epoch_re = (char *)"^Zxid: ([0-9]+)"},
	       3, &st);
	fake__end(&f);
	assert_string_equal(st.role, "leader");
	assert_int_equal(st.epoch, 77);
	assert_int_equal(st.errors, 0);
	/* one that does not close: a pause after a line is the end */
	assert_int_equal(0, fake__start(&open_end));
	custom((struct custom_system){.kind = EXCHANGE_TCP,
				      .port = open_end.port,
				      .send = (char *)"state\n",
				      .leader_re = (char *)"leader",
				      .epoch_re = (char *)"[0-9]+$"},
	       3, &st);
	fake__end(&open_end);
	assert_string_equal(st.role, "none");
	assert_int_equal(st.epoch, 9);
	assert_int_equal(st.errors, 0);
}

static void test_http(void **state)
{
	struct fake f = {.serve = fake__answer,
			 .answer =
				 TEXT("HTTP/1.1 503 No\r\nContent-Length: 11\r\n\r\ntimeline 12")};
	char url[64];
	struct custom_system c = {.kind = EXCHANGE_HTTP,
				  .url = url,
				  .leader_re = (char *)"^HTTP 200$",
				  .epoch_re = (char *)"timeline ([0-9]+)"};
	struct probe_state st;

	(void)state;
	assert_int_equal(0, fake__start(&f));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/primary", f.port);
	custom(c, 3, &st);
	assert_int_equal(1, f.accepted); /* kept */
	fake__end(&f);
	assert_string_equal(st.role, "none");
	assert_int_equal(st.epoch, 12);
	f = (struct fake){.serve = fake__flood, .answer = TEXT("HTTP/1.1 200 OK\r\n\r\nx leader")};
	assert_int_equal(0, fake__start(&f));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/primary", f.port);
	custom(c, 1, &st); /* an endless body: its beginning counts */
	fake__end(&f);
	assert_string_equal(st.role, "leader");
}

static void test_role_change(void **state)
{
	/* leads while the file is there; looks are 5 ms apart */
	_cleanup_free_ char *command = NULL;
	struct probe_state st = {0};
	struct custom_system c = {.kind = EXCHANGE_COMMAND, .leader_re = (char *)"yes"};
	struct probe_config cfg = {.resource = "res",
				   .node = "n1",
				   .netns_fd = env.netns,
				   .custom = &c,
				   .every_ns = EVERY_NS};
	struct probe *p = NULL;
	json_t *all, *change;

	(void)state;
	assert_true(asprintf(&command, "test -e %s/no && echo no || echo yes", env.dir) > 0);
	c.command = command;
	assert_int_equal(0, probe__start(&cfg, env.r, &p, &env.err));
	for (int i = 0; i < 2000 && !st.samples; i++, usleep(1000))
		probe__state(p, &st);
	assert_string_equal(st.role, "leader");
	free(TAKE_PTR(command));
	assert_true(asprintf(&command, "%s/no", env.dir) > 0);
	close(open(command, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	for (int i = 0; i < 2000 && st.claim; i++, usleep(1000))
		probe__state(p, &st);
	probe__join(p);
	unlink(command);
	all = events("role_change");
	assert_int_equal(1, json_array_size(all));
	change = json_array_get(all, 0);
	assert_string_equal("leader", str(change, "from"));
	assert_string_equal("none", str(change, "to"));
	assert_true(json_is_null(json_object_get(change, "epoch")));
	json_decref(all);
}

static void test_bad_config(void **state)
{
	struct probe_config cfg = {.resource = "r",
				   .system = "nosuch",
				   .node = "n",
				   .netns_fd = env.netns,
				   .every_ns = EVERY_NS};
	struct load_place place = {"n1", env.netns, "127.0.0.1"};
	struct load_config load = {.name = "w",
				   .system = "redis",
				   .check = "set",
				   .places = &place,
				   .n_places = 1,
				   .clients = 1,
				   .rate_per_s = 10,
				   .timeout_ns = NS_PER_S};
	struct probe *p = NULL;
	struct load *l = NULL;

	(void)state;
	assert_int_equal(-EINVAL, probe__start(&cfg, env.r, &p, &env.err));
	assert_non_null(strstr(env.err.msg, "nosuch"));
	cfg.system = "redis";
	cfg.every_ns = 0;
	assert_int_equal(-EINVAL, probe__start(&cfg, env.r, &p, &env.err));
	cfg.every_ns = EVERY_NS;
	cfg.netns_fd = -1;
	assert_int_equal(-EBADF, probe__start(&cfg, env.r, &p, &env.err));
	cfg.system = "vrrp";
	cfg.netns_fd = env.netns;
	cfg.vip = "not an address";
	assert_int_equal(-EINVAL, probe__start(&cfg, env.r, &p, &env.err));
	assert_null(p);
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

static void test_vrrp(void **state)
{
	struct probe_config cfg = {.system = "vrrp", .vip = "127.0.0.1/8"};
	struct probe_state st;

	(void)state;
	probe(&cfg, 3, &st);
	assert_string_equal(st.role, "leader");
	assert_int_equal(st.epoch, -1);
	cfg.vip = "192.0.2.100";
	probe(&cfg, 3, &st);
	assert_string_equal(st.role, "none");
	assert_false(st.claim);
}

/* --- workloads -------------------------------------------------------------------------------- */

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

#define with_env(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_env(test_command),	      with_env(test_command_epochs),
		with_env(test_command_fails), with_env(test_command_long),
		with_env(test_command_hangs), with_env(test_tcp),
		with_env(test_http),	      with_env(test_role_change),
		with_env(test_bad_config),    with_env(test_vrrp),
		with_env(test_load_refused),  with_env(test_load_hangs),
		with_env(test_load_retries),  with_env(test_load_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
