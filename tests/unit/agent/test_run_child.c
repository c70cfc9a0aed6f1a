// SPDX-License-Identifier: GPL-2.0-only
/* test_run_child.c: when a run has a child on this node, and when no longer. */
#include "world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_are_written_with_what_is_exempt_and_follow_the_pods),
		TEST(a_pod_that_comes_late_brings_the_child_with_it),
		TEST(pause_ends_the_child_and_resume_starts_it_with_the_same_start),
		TEST(an_agent_that_is_started_again_goes_on),
		TEST(an_object_that_is_being_deleted_ends_its_child),
		TEST(deleting_the_object_ends_it_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
