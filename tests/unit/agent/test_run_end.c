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

static void note_phase(void *arg, const json_t *obj, const char *node_phase, const json_t *live)
{
	const char **ret = arg;

	(void)obj;
	(void)live;
	*ret = node_phase ? node_phase : "";
}

static const char *phase_here(struct world *w)
{
	const char *phase = "";

	runs__each(w->runs, note_phase, &phase);
	return phase;
}

/* More events than are packed at once. */
static const char fails_with_much[] =
	"#!/bin/sh\n"
	"mkdir -p \"$3\" && yes '{\"type\":\"run\"}' | head -c 6000000 > \"$3/events.jsonl\"\n"
	"echo '{}' > \"$9.new\" && mv \"$9.new\" \"$9\"\n"
	"exit 3\n";

/* Who has said Failed is waited for no more. */
static void a_node_that_failed_says_so_when_its_record_is_up(void **state)
{
	struct world *w = *state;
	struct pollfd fds[RUNS_FDS_MAX];

	begin_child(w, fails_with_much, started(w, ""));
	wait_no_child(w);
	assert_int_equal(runs__count(w->runs).failed, 1);
	assert_string_equal(phase_here(w), "Running");
	for (int i = 0; i < 100 && !find(w, "POST", "/configmaps", NULL); i++) {
		assert_string_equal(phase_here(w), "Running");
		poll(fds, runs__fds(w->runs, fds), 1000);
		runs__step(w->runs);
	}
	answer(w, expect(w, "POST", "/configmaps", NULL), 201, json_object());
	settle(w);
	assert_string_equal(phase_here(w), "Failed");
}

/* What is waited for at the agent's end are children alone: a record is packed again by the next one. */
static void a_record_is_not_packed_on_at_the_end_of_the_agent(void **state)
{
	struct world *w = *state;
	struct pollfd fds[RUNS_FDS_MAX];

	begin_child(w, fails_with_much, started(w, ""));
	wait_no_child(w);
	assert_int_equal(runs__fds(w->runs, fds), 1);
	assert_true(runs__end(w->runs, false));
	assert_int_equal(runs__fds(w->runs, fds), 0);
}

/* As where exec fails. */
static void an_end_that_chaos_run_does_not_have_is_a_crash(void **state)
{
	struct world *w = *state;

	write_script(w, "#!/bin/sh\nexit 127\n");
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, started(w, ""));
	settle(w);
	wait_no_child(w);
	assert_int_equal(runs__count(w->runs).failed, 1);
	assert_string_equal(phase_here(w), "Failed");
}

/* A quota says 403, a policy 400: neither will change by asking for ever. */
static void a_record_that_the_server_refuses_stays_on_the_node(void **state)
{
	static const int refusals[] = {403, 400};
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	for (size_t i = 0; i < 2; i++) {
		int n = 0;

		restart(w);
		pass(w, 60 * NS_PER_S);
		put(w, json_incref(obj));
		settle(w);
		for (int k = 0; k < 20 && !strcmp(phase_here(w), "Running"); k++) {
			struct asked *a = find(w, "POST", "/configmaps", NULL);

			if (a) {
				answer(w, a, refusals[i], NULL);
				n++;
			}
			pass(w, 40 * NS_PER_S);
		}
		assert_in_range(n, 3, 8);
		assert_string_equal(phase_here(w), "Done");
	}
	json_decref(obj);
}

/* n1 has done its part; of n2, where a selected pod is, nothing was ever heard: there is no agent. */
static void a_report_is_made_though_a_node_without_an_agent_says_nothing(void **state)
{
	static const char over[] = "{'phase':'Finished','nodes':{'n1':{'phase':'Done','segments':1,"
				   "'record':{'chunks':1,'bytes':9}}}}";
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put_pod(w, "web-2", "n2", "10.1.1.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	annotate(obj, "netchaos.dev/pause"); /* no matter how it ends */
	put(w, with_status(w, obj, "{}"));
	settle(w);
	wait_no_child(w);
	pass(w, 35 * NS_PER_S);
	settle(w);
	answer(w, expect(w, "POST", "/configmaps", NULL), 201, json_object());
	answer(w, expect(w, "PATCH", PATH "/status", "nodes"), 200, NULL);
	put(w, with_status(w, obj, over));
	json_decref(obj);
	settle(w);
	assert_null(find(w, "PATCH", PATH, "collector"));
	pass(w, 35 * NS_PER_S);
	pass(w, 5 * NS_PER_S);
	expect(w, "PATCH", PATH "/status", "collector");
}

/* By this node's clock the end is long past; n2 still acts, and has recorded it by then. */
static void who_is_ahead_does_not_give_the_others_up(void **state)
{
	static const char mine[] = "{'phase':'Running','nodes':{'n1':{'phase':'Done','segments':1,"
				   "'record':{'chunks':1,'bytes':9}},'n2':{'phase':'Running'}}}";
	struct world *w = *state;
	json_t *obj = started(w, "");
	struct asked *a;

	w->ahead_ns = 100 * NS_PER_S;
	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	pass(w, 100 * NS_PER_S);
	put(w, with_status(w, obj, mine));
	json_decref(obj);
	for (int i = 0; i < 3; i++) {
		settle(w);
		pass(w, 5 * NS_PER_S);
		assert_null(find(w, "PATCH", PATH, "collector"));
		a = find(w, "PATCH", PATH, "phase");
		assert_false(a && status__is_final(json_string_value(json_object_get(
					  json_object_get(a->body, "status"), "phase"))));
	}
	pass(w, 90 * NS_PER_S);
	pass(w, 5 * NS_PER_S);
	expect(w, "PATCH", PATH "/status", "collector");
}

/* Nor does it say that all is over before any node has said that it takes part. */
static void who_is_ahead_does_not_end_what_has_not_begun(void **state)
{
	struct world *w = *state;
	json_t *obj = started(w, "");
	struct asked *a;

	w->ahead_ns = 100 * NS_PER_S;
	w->real += 100 * NS_PER_S;
	runs__set_pods(w->runs, w->pods);
	put(w, obj);
	for (int i = 0; i < 20; i++)
		pass(w, NS_PER_S);
	a = find(w, "PATCH", PATH, "phase");
	assert_false(a && status__is_final(json_string_value(
				  json_object_get(json_object_get(a->body, "status"), "phase"))));
}

static void a_report_is_made_by_an_agent_that_was_started_after_it_all(void **state)
{
	static const char over[] = "{'phase':'Finished','nodes':{'n1':{'phase':'Done','segments':1,"
				   "'record':{'chunks':1,'bytes':9}},'n2':{'phase':'Running'}}}";
	struct world *w = *state;
	json_t *obj = started(w, "");

	put_pod(w, "web-1", "n1", "10.1.0.5");
	put(w, json_incref(obj));
	settle(w);
	json_decref(wait_child(1, w));
	restart(w);
	pass(w, 200 * NS_PER_S);
	put(w, with_status(w, obj, over));
	json_decref(obj);
	settle(w);
	pass(w, 5 * NS_PER_S);
	expect(w, "PATCH", PATH "/status", "collector");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stop_is_final_and_the_record_goes_up_before_done),
		TEST(a_run_that_ended_meanwhile_is_only_told),
		TEST(one_that_was_over_before_it_was_seen_is_left_alone),
		TEST(a_node_that_failed_says_so_when_its_record_is_up),
		TEST(a_record_is_not_packed_on_at_the_end_of_the_agent),
		TEST(an_end_that_chaos_run_does_not_have_is_a_crash),
		TEST(a_record_that_the_server_refuses_stays_on_the_node),
		TEST(a_report_is_made_though_a_node_without_an_agent_says_nothing),
		TEST(who_is_ahead_does_not_give_the_others_up),
		TEST(who_is_ahead_does_not_end_what_has_not_begun),
		TEST(a_report_is_made_by_an_agent_that_was_started_after_it_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
