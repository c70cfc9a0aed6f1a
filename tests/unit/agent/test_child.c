// SPDX-License-Identifier: GPL-2.0-only
/* test_child.c: a run's folder and its process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stands for `chaos run`: says how it stands, then waits for SIGTERM. */
static const char script[] =
	"#!/bin/sh\n"
	"trap 'echo ended in order; exit 130' TERM\n"
	"printf '%s' \"{\\\"args\\\":\\\"$*\\\"}\" > \"$9.new\" && mv \"$9.new\" \"$9\"\n"
	"test -e crash && { echo; echo 'it broke: x'; exit 2; }\n"
	"mkdir -p \"$3\"\n"
	"sleep 1000 & echo $! > \"$3/sleeper\"; wait $!\n";

static char dir[] = "/tmp/chaos-test-child-XXXXXX";
static char exe[100];

static int setup(void **state)
{
	FILE *f;

	(void)state;
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	snprintf(exe, sizeof(exe), "%s/exe", dir);
	f = fopen(exe, "we");
	if (!f || fputs(script, f) < 0 || fchmod(fileno(f), 0700) < 0)
		return -1;
	return fclose(f);
}

static int teardown(void **state)
{
	(void)state;
	run_folder__remove(dir);
	return access(dir, F_OK) == 0 ? -1 : 0;
}

static void wait_end(struct child *c)
{
	struct pollfd p = {.fd = child__fd(c), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 20000), 1);
}

/* The script's sleep is not the child's, and outlives it. */
static void kill_sleeper(const char *folder, unsigned int segment)
{
	char path[200];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "%s/segment-%u/sleeper", folder, segment);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (f)
		fclose(f);
}

static json_t *wait_live(struct child *c)
{
	for (int i = 0; i < 2000; i++) {
		json_t *j = child__live(c);

		if (j)
			return j;
		poll(&(struct pollfd){.fd = child__fd(c), .events = POLLIN}, 1, 10);
	}
	fail_msg("no live file within 20 s");
	return NULL;
}

static void it_gets_its_options_and_ends_in_order(void **state)
{
	struct error err = {0};
	struct child *c = NULL;
	char *folder = NULL, words[100], expected[600];
	struct child_spec s = {.exe = exe, .node = "n1", .segment = 1, .start_at_ns = 77};
	json_t *live;
	int status;

	(void)state;
	assert_int_equal(run_folder__make(dir, "u-1", &folder, &err), 0);
	s.folder = folder;
	assert_int_equal(child__start(&s, &c, &err), 0);
	live = wait_live(c);
	snprintf(expected, sizeof(expected),
		 "run --out %s/segment-1 --start-at 77 --members %s/members.json --live "
		 "%s/segment-1.json --node n1 --no-report --with-parent %d %s/experiment.yaml",
		 folder, folder, folder, getpid(), folder);
	assert_string_equal(json_string_value(json_object_get(live, "args")), expected);
	json_decref(live);
	assert_null(child__live(c)); /* not changed since */
	assert_false(child__ended(c, &status));
	while (run_folder__segments(folder) != 1)
		usleep(10000);
	child__end(c, false);
	wait_end(c);
	assert_true(child__ended(c, &status));
	assert_int_equal(WEXITSTATUS(status), 130);
	assert_string_equal(child__last_words(c, words, sizeof(words)), "ended in order");
	kill_sleeper(folder, 1);
	child__free(c);
	free(folder);
}

static void a_crash_has_last_words(void **state)
{
	struct error err = {0};
	struct child *c = NULL;
	char *folder = NULL, words[100];
	struct child_spec s = {.exe = exe, .node = "n1", .segment = 1};
	int status;

	(void)state;
	close(open("crash", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(run_folder__make(dir, "u-2", &folder, &err), 0);
	s.folder = folder;
	assert_int_equal(child__start(&s, &c, &err), 0);
	wait_end(c);
	assert_true(child__ended(c, &status));
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_string_equal(child__last_words(c, words, sizeof(words)), "\nit broke: x");
	child__free(c);
	free(folder);
	unlink("crash");
}

static void what_another_agent_left_is_ended(void **state)
{
	struct error err = {0};
	struct child *c = NULL;
	char *folder = NULL;
	struct child_spec s = {.exe = exe, .node = "n1", .segment = 3};
	int status;

	(void)state;
	assert_int_equal(run_folder__make(dir, "u-3", &folder, &err), 0);
	s.folder = folder;
	assert_false(child__end_left_over(folder, false));
	assert_int_equal(child__start(&s, &c, &err), 0);
	json_decref(wait_live(c));
	while (run_folder__segments(folder) != 3)
		usleep(10000);
	assert_true(child__end_left_over(folder, false));
	wait_end(c);
	assert_true(child__ended(c, &status));
	assert_int_equal(WEXITSTATUS(status), 130);
	assert_false(child__end_left_over(folder, false));
	/* A pid that is someone else's by now: this process lives, but it began at another time. */
	assert_int_equal(run_folder__write(folder, "pid", "1 7\n", 4, &err), 0);
	assert_false(child__end_left_over(folder, true));
	kill_sleeper(folder, 3);
	child__free(c);
	free(folder);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	struct error err = {0};
	char *folder = NULL;

	(void)state;
	assert_int_equal(run_folder__make(dir, "..", &folder, &err), -EINVAL);
	assert_int_equal(run_folder__make(dir, "a/b", &folder, &err), -EINVAL);
	assert_int_equal(run_folder__make(dir, "", &folder, &err), -EINVAL);
	assert_null(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gets_its_options_and_ends_in_order),
		cmocka_unit_test(a_crash_has_last_words),
		cmocka_unit_test(what_another_agent_left_is_ended),
		cmocka_unit_test(names_that_lead_elsewhere_are_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
