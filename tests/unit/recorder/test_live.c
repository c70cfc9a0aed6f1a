// SPDX-License-Identifier: GPL-2.0-only
/* Probes with their threads and their record, in the caller's own namespace. */
#include "live.h"
#include "recorder/probe.h"

#define EVERY_NS (5 * NS_PER_MS)
#define TEXT(s) s, sizeof(s) - 1

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
	struct probe *p = NULL;

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_env(test_command),	      with_env(test_command_epochs),
		with_env(test_command_fails), with_env(test_command_long),
		with_env(test_command_hangs), with_env(test_tcp),
		with_env(test_http),	      with_env(test_role_change),
		with_env(test_bad_config),    with_env(test_vrrp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
