// SPDX-License-Identifier: GPL-2.0-only
/* test_run_child.c: when a run has a child on this node, and when no longer. */
#include "world.h"

#include <signal.h>
#include <sys/wait.h>

static void members_are_written_with_what_is_exempt_and_follow_the_pods(void **state)
{
	struct world *w = *state;
	char folder[200];
	json_t *m;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, started(w, ""));
	settle(w);
	json_decref(wait_child(1, w));
	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	m = run_folder__read_json(folder, "members.json");
	assert_string_equal(json_string_value(json_array_get(json_object_get(m, "exempt"), 0)),
			    "10.0.0.1");
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(m, "endpoints"), 0), "pods")),
			 1);
	json_decref(m);
	put_pod(w, "web-2", "n2", "10.1.1.5");
	settle(w);
	m = run_folder__read_json(folder, "members.json");
	assert_int_equal(json_array_size(json_object_get(
				 json_array_get(json_object_get(m, "endpoints"), 0), "pods")),
			 2);
	json_decref(m);
}

static void a_pod_that_comes_late_brings_the_child_with_it(void **state)
{
	struct world *w = *state;

	put_pod(w, "web-2", "n2", "10.1.1.5");
	put(w, started(w, ""));
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	assert_null(find(w, "PATCH", PATH, "nodes"));
	pass(w, 10 * NS_PER_S);
	put_pod(w, "web-3", "n1", "10.1.0.6");
	settle(w);
	json_decref(wait_child(1, w));
	assert_int_equal(runs__count(w->runs).children, 1);
}

static void pause_ends_the_child_and_resume_starts_it_with_the_same_start(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *paused, *said;
	char arg[60];

	snprintf(arg, sizeof(arg), "--start-at %lld ", (long long)(w->real + 2 * NS_PER_S));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	paused = json_deep_copy(obj);
	annotate(paused, "experiment.chaos-mesh.org/pause");
	json_object_set_new(json_object_get(paused, "metadata"), "resourceVersion",
			    json_string("50"));
	put(w, paused);
	settle(w);
	wait_no_child(w);
	pass(w, 5 * NS_PER_S);
	assert_int_equal(runs__count(w->runs).children, 0);
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("51"));
	put(w, obj);
	settle(w);
	said = wait_child(2, w);
	assert_non_null(strstr(json_string_value(json_object_get(said, "args")), arg));
	json_decref(said);
}

static void an_agent_that_is_started_again_goes_on(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *said;
	char arg[60];

	snprintf(arg, sizeof(arg), "--start-at %lld ", (long long)(w->real + 2 * NS_PER_S));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	w->now += NS_PER_S;
	put(w, obj);
	settle(w);
	said = wait_child(2, w);
	assert_non_null(strstr(json_string_value(json_object_get(said, "args")), arg));
	json_decref(said);
}

/* Somebody's finalizer keeps the object: its faults end all the same. */
static void an_object_that_is_being_deleted_ends_its_child(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	json_object_set_new(json_object_get(obj, "metadata"), "deletionTimestamp",
			    json_string("2027-01-15T08:00:00Z"));
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("50"));
	put(w, obj);
	settle(w);
	wait_no_child(w);
}

static void deleting_the_object_ends_it_at_once(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");
	char folder[200];

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	runs__gone(w->runs, obj);
	json_decref(obj);
	runs__step(w->runs);
	wait_no_child(w);
	runs__step(w->runs);
	assert_int_equal(runs__count(w->runs).objects, 0);
	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	assert_int_not_equal(access(folder, F_OK), 0);
	assert_int_equal(w->n_asked, 0);
}

/* Ends by itself at once: a guard's limit. */
static const char aborts[] =
	"#!/bin/sh\n"
	"mkdir -p \"$3\" && echo '{\"type\":\"run\"}' > \"$3/events.jsonl\"\n"
	"echo '{\"status\":\"aborted\",\"reason\":\"guard: writes.lost > 0\"}' > \"$9.new\"\n"
	"mv \"$9.new\" \"$9\"\n"
	"exit 3\n";

/* Its guard's limit is passed while it is told to end. */
static const char aborts_at_end[] =
	"#!/bin/sh\n"
	"trap 'echo \"{\\\"status\\\":\\\"aborted\\\",\\\"reason\\\":\\\"guard\\\"}\" > \"$9.new\";"
	"mv \"$9.new\" \"$9\"; kill $s; exit 3' TERM\n"
	"sleep 1000 & s=$!\n"
	"echo '{}' > \"$9.new\" && mv \"$9.new\" \"$9\"\n"
	"wait $s\n";

/* The agent died before it could say so: the next one must not begin again what a guard has ended. */
static void what_a_guard_ended_stays_ended_when_the_agent_is_started_again(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *stop;

	begin_child(w, aborts, json_incref(obj));
	restart(w);
	w->now += NS_PER_S;
	put(w, obj);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	stop = json_object_get(expect(w, "PATCH", PATH "/status", "stopped")->body, "status");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(stop, "stopped"), "why")),
		"guard: writes.lost > 0");
}

static void what_a_guard_ended_while_it_was_paused_stays_ended(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *paused;

	begin_child(w, aborts_at_end, json_incref(obj));
	paused = with_status(w, obj, "{}");
	annotate(paused, "netchaos.dev/pause");
	put(w, paused);
	settle(w);
	wait_no_child(w);
	put(w, with_status(w, obj, "{}"));
	json_decref(obj);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	expect(w, "PATCH", PATH "/status", "stopped");
}

static void an_agent_that_is_started_again_keeps_the_pause(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *paused;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	paused = with_status(w, obj, "{}");
	annotate(paused, "netchaos.dev/pause");
	put(w, json_incref(paused));
	settle(w);
	wait_no_child(w);
	restart(w);
	put(w, paused);
	settle(w);
	pass(w, 5 * NS_PER_S);
	assert_int_equal(runs__count(w->runs).children, 0);
	put(w, with_status(w, obj, "{}"));
	json_decref(obj);
	settle(w);
	json_decref(wait_child(2, w));
	assert_int_equal(runs__count(w->runs).children, 1);
}

/* By the object in it a later agent knows whose folder it is, and what spec the run goes by. */
static void a_folder_that_was_lost_is_made_whole_again(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ",'nodes':{'n1':{'phase':'Running','segments':1}}"), *j;
	char folder[200];

	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, obj);
	settle(w);
	json_decref(wait_child(2, w));
	j = run_folder__read_json(folder, "object.json");
	assert_non_null(j);
	json_decref(j);
}

/* As where this node's clock is late: nobody looks for its faults any more. */
static void what_is_over_for_all_is_over_here(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	put(w, with_status(w, obj, "{'phase':'Finished'}"));
	json_decref(obj);
	settle(w);
	wait_no_child(w);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	/* Its record goes up as ever. */
	expect(w, "POST", "/configmaps", NULL);
}

static const char does_not_end[] = "#!/bin/sh\n"
				   "trap '' TERM\n"
				   "echo '{}' > \"$9.new\" && mv \"$9.new\" \"$9\"\n"
				   "exec sleep 60\n";

/* A pause that is taken back does not leave behind a child that was to end and hangs. */
static void who_was_asked_to_end_and_does_not_is_killed_whatever_is_asked_then(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *paused;

	begin_child(w, does_not_end, json_incref(obj));
	paused = with_status(w, obj, "{}");
	annotate(paused, "netchaos.dev/pause");
	put(w, paused);
	settle(w);
	put(w, with_status(w, obj, "{}"));
	json_decref(obj);
	settle(w);
	write_script(w, script);
	pass(w, 21 * NS_PER_S);
	for (int i = 0; i < 200 && runs__count(w->runs).children; i++) {
		struct pollfd fds[RUNS_FDS_MAX];

		if (!poll(fds, runs__fds(w->runs, fds), 10))
			continue;
		runs__step(w->runs);
		break;
	}
	json_decref(wait_child(2, w));
}

/*
 * A patch of an object that was deleted may come to the one that was made anew with its name: what is in it is not of
 * this run.
 */
static void what_was_said_of_an_object_of_the_same_name_before_is_not_believed(void **state)
{
	struct world *w = *state;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, started(w, ",'nodes':{'n1':{'phase':'Done','segments':3,'uid':'of-another'}}"));
	settle(w);
	json_decref(wait_child(1, w));
	assert_int_equal(runs__count(w->runs).children, 1);
}

/* A process that another agent left, and its "PID START". */
static pid_t leave_process(struct world *w)
{
	char path[200], line[1024] = "", text[64], *s;
	unsigned long long start = 0;
	pid_t pid = fork();
	FILE *f;

	assert_true(pid >= 0);
	if (!pid) {
		signal(SIGTERM, SIG_IGN);
		alarm(60); /* whatever becomes of the test */
		pause();
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	s = strrchr(line, ')') + 2;
	for (int field = 3; field < 22; field++)
		s = strchr(s, ' ') + 1;
	start = strtoull(s, NULL, 10);
	snprintf(path, sizeof(path), "%s/" UID, w->runs_dir);
	snprintf(text, sizeof(text), "%d %llu\n", pid, start);
	assert_int_equal(run_folder__write(path, "pid", text, strlen(text), NULL), 0);
	return pid;
}

/* Its folder is the only one to know that process. */
static void a_folder_stays_until_what_another_agent_left_in_it_has_ended(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");
	char folder[200];
	int status;
	pid_t pid;

	snprintf(folder, sizeof(folder), "%s/" UID, w->runs_dir);
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	pid = leave_process(w);
	put(w, json_incref(obj));
	runs__gone(w->runs, obj);
	json_decref(obj);
	pass(w, 0);
	assert_int_equal(access(folder, F_OK), 0);
	pass(w, 6 * NS_PER_S);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	pass(w, NS_PER_S);
	assert_int_not_equal(access(folder, F_OK), 0);
	assert_int_equal(runs__count(w->runs).objects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_written_with_what_is_exempt_and_follow_the_pods),
		TEST(a_pod_that_comes_late_brings_the_child_with_it),
		TEST(pause_ends_the_child_and_resume_starts_it_with_the_same_start),
		TEST(an_agent_that_is_started_again_goes_on),
		TEST(an_object_that_is_being_deleted_ends_its_child),
		TEST(deleting_the_object_ends_it_at_once),
		TEST(what_a_guard_ended_stays_ended_when_the_agent_is_started_again),
		TEST(what_a_guard_ended_while_it_was_paused_stays_ended),
		TEST(what_was_said_of_an_object_of_the_same_name_before_is_not_believed),
		TEST(a_folder_stays_until_what_another_agent_left_in_it_has_ended),
		TEST(an_agent_that_is_started_again_keeps_the_pause),
		TEST(what_is_over_for_all_is_over_here),
		TEST(a_folder_that_was_lost_is_made_whole_again),
		TEST(who_was_asked_to_end_and_does_not_is_killed_whatever_is_asked_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
