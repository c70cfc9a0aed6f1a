// SPDX-License-Identifier: GPL-2.0-only
/* test_run_end.c: what a node owes when its part is over: its record, a report, and to say so. */
#include "world.h"

static void a_stop_is_final_and_the_record_goes_up_before_done(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, ""), *body;
	struct asked *a;

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	annotate(obj, "netchaos.dev/stop");
	json_object_set_new(json_object_get(obj, "metadata"), "resourceVersion", json_string("50"));
	put(w, obj);
	settle(w);
	wait_no_child(w);
	settle(w);
	a = expect(w, "POST", "/api/v1/namespaces/shop/configmaps", NULL);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(json_object_get(a->body, "metadata"),
						       "ownerReferences"),
				       0),
			"uid")),
		UID);
	/* From before a restart: it is replaced. */
	answer(w, a, 409, NULL);
	settle(w);
	a = expect(w, "PUT", "/api/v1/namespaces/shop/configmaps/chaos-", NULL);
	answer(w, a, 200, json_object());
	for (size_t i = 0; i < w->n_asked; i++)
		if (json_object_get(json_object_get(w->asked[i].body, "status"), "nodes"))
			answer(w, &w->asked[i], 0, NULL);
	settle(w);
	pass(w, 2 * NS_PER_S);
	a = expect(w, "PATCH", PATH "/status", "nodes");
	body = json_object_get(json_object_get(json_object_get(a->body, "status"), "nodes"), "n1");
	assert_string_equal(json_string_value(json_object_get(body, "phase")), "Done");
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(body, "record"), "chunks")), 1);
}

static void a_run_that_ended_meanwhile_is_only_told(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	pass(w, 60 * NS_PER_S);
	put(w, obj);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	expect(w, "POST", "/configmaps", NULL);
}

static void one_that_was_over_before_it_was_seen_is_left_alone(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	pass(w, 60 * NS_PER_S);
	put(w, obj);
	settle(w);
	assert_int_equal(runs__count(w->runs).children, 0);
	assert_null(find(w, "POST", "/configmaps", NULL));
	assert_null(find(w, "PATCH", PATH, "nodes"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stop_is_final_and_the_record_goes_up_before_done),
		TEST(a_run_that_ended_meanwhile_is_only_told),
		TEST(one_that_was_over_before_it_was_seen_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
