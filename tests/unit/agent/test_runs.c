// SPDX-License-Identifier: GPL-2.0-only
/* test_runs.c: which objects are runs, who starts them, and what a node says of them. */
#include "world.h"

static void a_start_is_asked_for_once_and_kept(void **state)
{
	struct world *w = *state;
	json_t *patch, *said;
	char at[40], arg[60];
	struct asked *a;

	put(w, object(w, "{}"));
	settle(w);
	assert_null(find(w, "PATCH", PATH, "startAt")); /* pods are not known yet */
	put_pod(w, "web-1", "n1", "10.1.0.5");
	settle(w);
	a = expect(w, "PATCH", PATH "/status", "startAt");
	patch = json_object_get(a->body, "status");
	assert_string_equal(json_string_value(json_object_get(patch, "startAt")),
			    started_at(w, at));
	assert_string_equal(json_string_value(json_object_get(json_object_get(a->body, "metadata"),
							      "resourceVersion")),
			    "11");
	/* Another agent was first: its start is the one. */
	answer(w, a, 409, NULL);
	w->real += 100 * NS_PER_MS;
	put(w, started(w, ""));
	started_at(w, at);
	settle(w);
	assert_null(find(w, "PATCH", PATH, "startAt"));
	said = wait_child(1, w);
	snprintf(arg, sizeof(arg), "--start-at %lld ", (long long)(w->real + 2 * NS_PER_S));
	assert_non_null(strstr(json_string_value(json_object_get(said, "args")), arg));
	assert_int_equal(runs__count(w->runs).children, 1);
	assert_int_equal(runs__count(w->runs).owed, 0);
	json_decref(said);
}

/* The others were faster, which is no failure: the next change is not told the later for it. */
static void who_was_not_the_first_to_tell_owes_nothing(void **state)
{
	struct world *w = *state;
	json_t *obj = object(w, "{}"), *status = NULL;

	runs__set_pods(w->runs, w->pods);
	put(w, json_incref(obj));
	for (int i = 0; i < 6; i++) {
		struct asked *a;

		settle(w);
		pass(w, 20 * NS_PER_S);
		a = expect(w, "PATCH", PATH "/status", "phase");
		json_decref(status);
		status = json_incref(json_object_get(a->body, "status"));
		answer(w, a, 409, NULL);
	}
	assert_int_equal(runs__count(w->runs).owed, 1);
	json_object_set_new(obj, "status", status);
	put(w, with_status(w, obj, "{}"));
	json_decref(obj);
	settle(w);
	assert_null(find(w, "PATCH", PATH "/status", "phase"));
	assert_int_equal(runs__count(w->runs).owed, 0);
}

static void nothing_that_matches_waits(void **state)
{
	struct world *w = *state;
	json_t *status;

	runs__set_pods(w->runs, w->pods);
	put(w, object(w, "{}"));
	settle(w);
	pass(w, NS_PER_S); /* agents take turns */
	status = json_object_get(expect(w, "PATCH", PATH "/status", "phase")->body, "status");
	assert_string_equal(json_string_value(json_object_get(status, "phase")), "Pending");
	assert_non_null(json_object_get(status, "message"));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	settle(w);
	expect(w, "PATCH", PATH "/status", "startAt");
}

static void who_waits_for_pods_that_nobody_may_list_says_so(void **state)
{
	struct world *w = *state;
	json_t *status;

	put(w, object(w, "{}"));
	runs__set_trouble(w->runs, "pods are not known: forbidden");
	settle(w);
	pass(w, NS_PER_S);
	status = json_object_get(expect(w, "PATCH", PATH "/status", "phase")->body, "status");
	assert_string_equal(json_string_value(json_object_get(status, "message")),
			    "pods are not known: forbidden");
}

static void a_refusal_is_told_with_its_path(void **state)
{
	struct world *w = *state;
	json_t *obj = object(w, "{}"), *status;
	struct asked *a;

	json_object_set_new(json_object_get(obj, "spec"), "action", json_string("explode"));
	put(w, json_incref(obj));
	settle(w);
	pass(w, NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "phase");
	status = json_object_get(a->body, "status");
	assert_string_equal(json_string_value(json_object_get(status, "phase")), "Refused");
	assert_non_null(
		strstr(json_string_value(json_object_get(status, "message")), "spec.action"));
	json_object_set(obj, "status", status);
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("99"));
	answer(w, a, 200, obj);
	assert_non_null(strstr(w->events, "Refused: "));
	/* Told once. */
	w->events[0] = '\0';
	settle(w);
	pass(w, 20 * NS_PER_S);
	assert_null(find(w, "PATCH", PATH, NULL));
	assert_string_equal(w->events, "");
}

/* The status that the API would have after @patch. */
static json_t *apply(struct world *w, json_t *patch)
{
	json_t *obj = started(w, "");

	json_object_update(json_object_get(obj, "status"), json_object_get(patch, "status"));
	return obj;
}

static void a_node_tells_once_a_second_until_it_is_through(void **state)
{
	struct world *w = *state;
	struct asked *a;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, started(w, ""));
	settle(w);
	json_decref(wait_child(1, w));
	a = expect(w, "PATCH", PATH "/status", "nodes");
	answer(w, a, 0, NULL);
	settle(w);
	assert_null(find(w, "PATCH", PATH, "nodes"));
	pass(w, 2 * NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "nodes");
	answer(w, a, 500, NULL);
	pass(w, 10 * NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "nodes");
	assert_int_equal(runs__count(w->runs).owed, 1);
	answer(w, a, 200, apply(w, a->body));
	settle(w);
	assert_int_equal(runs__count(w->runs).owed, 0);
}

/* Once it has a start the spec stands; an agent that does not know that spec has no part in it. */
static void a_spec_that_changes_after_the_start_is_not_read(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *changed = json_deep_copy(obj);
	json_t *meta = json_object_get(changed, "metadata");

	json_object_set_new(meta, "generation", json_integer(2));
	json_object_set_new(meta, "resourceVersion", json_string("50"));
	json_object_set_new(json_object_get(changed, "spec"), "action", json_string("explode"));
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, obj);
	settle(w);
	json_decref(wait_child(1, w));
	put(w, json_incref(changed));
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 1);
	assert_non_null(strstr(w->events, "SpecNotRead: "));
	/* The next agent has it from the folder. */
	restart(w);
	put(w, json_incref(changed));
	settle(w);
	json_decref(wait_child(2, w));
	/* And one without the folder leaves it alone. */
	restart(w);
	run_folder__remove(w->runs_dir);
	restart(w);
	put(w, changed);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	assert_int_equal(runs__count(w->runs).refused, 0);
}

static void pods_are_asked_for_only_where_they_are_wanted(void **state)
{
	struct world *w = *state;
	struct runs_want want = runs__want(w->runs);

	assert_false(want.pods);
	put(w, object(w, "{}"));
	settle(w);
	want = runs__want(w->runs);
	assert_true(want.pods);
	assert_false(want.nodes);
	assert_string_equal(want.ns, "shop");
}

/* Objects that no API server would give: nothing is done, nothing breaks. */
static void objects_that_make_no_sense_are_passed_over(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"metadata\":7}",
		"{\"metadata\":{\"uid\":\"../x\",\"name\":\"a\",\"namespace\":\"b\"}}",
		"{\"metadata\":{\"uid\":\"u\",\"name\":\"a\",\"namespace\":\"b\"}}",
		"{\"metadata\":{\"uid\":\"v\",\"name\":\"a\",\"namespace\":\"b\",\"annotations\":[]"
		"},\"spec\":7,"
		"\"status\":{\"startAt\":\"soon\",\"nodes\":[7],\"picked\":7}}",
		"{\"metadata\":{\"uid\":\"w\",\"name\":\"a\",\"namespace\":\"b\"},\"status\":"
		"{\"startAt\":\"2027-01-15T08:00:00Z\",\"nodes\":{\"n1\":{\"phase\":\"Done\","
		"\"record\":[]}}}}"};
	struct world *w = *state;

	runs__set_pods(w->runs, w->pods);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put(w, json_loads(texts[i], 0, NULL));
	settle(w);
	pass(w, 20 * NS_PER_S);
	assert_int_equal(runs__count(w->runs).children, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_start_is_asked_for_once_and_kept),
		TEST(who_was_not_the_first_to_tell_owes_nothing),
		TEST(nothing_that_matches_waits),
		TEST(who_waits_for_pods_that_nobody_may_list_says_so),
		TEST(a_refusal_is_told_with_its_path),
		TEST(a_node_tells_once_a_second_until_it_is_through),
		TEST(a_spec_that_changes_after_the_start_is_not_read),
		TEST(pods_are_asked_for_only_where_they_are_wanted),
		TEST(objects_that_make_no_sense_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
