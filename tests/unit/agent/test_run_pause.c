// SPDX-License-Identifier: GPL-2.0-only
/* test_run_pause.c: what comes while a child is on its way out: a resume, and its end. */
#include "world.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

/* Told to end, it does so when EXE.go is there. */
#define ENDS_WHEN_LET                                                                    \
	"#!/bin/sh\n"                                                                    \
	"trap 'while [ ! -e \"$0.go\" ]; do sleep 0.01; done; kill $s; exit 130' TERM\n" \
	"sleep 1000 & s=$!\n"                                                            \
	"echo '{}' > \"$9.new\" && mv \"$9.new\" \"$9\"\n"                               \
	"wait $s\n"
#define NEVER_ENDS                                         \
	"#!/bin/sh\n"                                      \
	"trap '' TERM\n"                                   \
	"echo '{}' > \"$9.new\" && mv \"$9.new\" \"$9\"\n" \
	"exec sleep 1000\n"
/* Ends for a reason of its own when it is sent SIGUSR1. */
#define FAILS                                                    \
	"#!/bin/sh\n"                                            \
	"trap 'kill $s; echo \"chaos: no more\"; exit 3' USR1\n" \
	"sleep 1000 & s=$!\n"                                    \
	"echo '{}' > \"$9.new\" && mv \"$9.new\" \"$9\"\n"       \
	"wait $s\n"

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fchmod(fileno(f), mode), 0);
	assert_int_equal(fclose(f), 0);
}

/* A run whose child is up; returns its object. */
static json_t *begin(struct world *w, const char *exe)
{
	json_t *obj = started(w, "");

	write_file(w->exe, exe, 0700);
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	return obj;
}

static void put_version(struct world *w, const json_t *obj, bool paused)
{
	json_t *j = json_deep_copy(obj);
	char version[16];

	snprintf(version, sizeof(version), "%u", ++w->version);
	json_object_set_new(json_object_get(j, "metadata"), "resourceVersion",
			    json_string(version));
	if (paused)
		annotate(j, "netchaos.dev/pause");
	put(w, j);
}

/* Until segment @n is there; its child wakes us. */
static void wait_segment(struct world *w, unsigned int n)
{
	struct pollfd fds[RUNS_FDS_MAX];
	char path[200];

	snprintf(path, sizeof(path), "%s/" UID "/segment-%u.json", w->runs_dir, n);
	for (int i = 0; i < 200 && access(path, F_OK) < 0; i++) {
		poll(fds, runs__fds(w->runs, fds), 100);
		runs__step(w->runs);
	}
	assert_int_equal(access(path, F_OK), 0);
}

static void a_pause_that_is_taken_back_while_the_child_ends(void **state)
{
	struct world *w = *state;
	json_t *obj = begin(w, ENDS_WHEN_LET);
	char go[100];

	put_version(w, obj, true);
	settle(w);
	put_version(w, obj, false);
	settle(w);
	/* told to end, it is on its way out: there is no second one beside it */
	assert_int_equal(runs__count(w->runs).children, 1);
	snprintf(go, sizeof(go), "%s.go", w->exe);
	write_file(go, "", 0600);
	wait_segment(w, 2);
	assert_int_equal(runs__count(w->runs).children, 1);
	json_decref(obj);
}

static void one_that_does_not_end_is_killed_also_after_a_resume(void **state)
{
	struct world *w = *state;
	json_t *obj = begin(w, NEVER_ENDS);

	put_version(w, obj, true);
	settle(w);
	put_version(w, obj, false);
	settle(w);
	pass(w, 19 * NS_PER_S);
	assert_int_equal(runs__count(w->runs).children, 1);
	write_file(w->exe, script, 0700); /* of the next one */
	pass(w, 2 * NS_PER_S);
	wait_segment(w, 2);
	json_decref(obj);
}

/* The child ends on its own after it was looked at, and before it is told to. */
static json_t *end_child_first(void *arg)
{
	struct world *w = arg;
	char path[200], line[64] = "";
	siginfo_t info;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" UID "/pid", w->runs_dir);
	f = fopen(path, "re");
	if (!f) /* it is yet to be started */
		return NULL;
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_int_equal(kill(atoi(line), SIGUSR1), 0);
	assert_int_equal(waitid(P_PID, (id_t)atoi(line), &info, WEXITED | WNOWAIT), 0);
	return NULL;
}

static void why_a_child_ended_is_not_lost_to_a_pause(void **state)
{
	struct world *w = *state;
	static struct runs_ops mine; /* also for what is left of it if this fails */
	struct runs_config c = {.node = "n1",
				.agent = "chaos-abc",
				.dir = w->runs_dir,
				.exe = w->exe,
				.lead_ns = 2 * NS_PER_S,
				.ops = &mine,
				.arg = w};
	json_t *obj;

	mine = ops;
	mine.exempt = end_child_first;
	runs__free(w->runs);
	assert_int_equal(runs__new(&c, &w->runs), 0);
	obj = begin(w, FAILS);
	put_pod(w, "web-2", "n1", "10.1.0.6");
	put_version(w, obj, true);
	pass(w, 0);
	wait_no_child(w);
	mine.exempt = get_exempt;
	settle(w);
	assert_non_null(strstr(w->events, "NodeFailed: chaos: no more"));
	put_version(w, obj, false);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	json_decref(obj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pause_that_is_taken_back_while_the_child_ends),
		TEST(one_that_does_not_end_is_killed_also_after_a_resume),
		TEST(why_a_child_ended_is_not_lost_to_a_pause),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
