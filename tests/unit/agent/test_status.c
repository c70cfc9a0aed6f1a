// SPDX-License-Identifier: GPL-2.0-only
/* test_status.c: what is written into an object's status, and who writes it: pure functions of the object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/coordinate.h"
#include "agent/status.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define T0 (1800000000LL * NS_PER_S)

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(j);
	return j;
}

static void assert_json(json_t *j, const char *expected)
{
	json_t *x = parse(expected);

	if (!json_equal(j, x)) {
		json_dumpf(j, stderr, JSON_INDENT(1));
		fail_msg("expected %s", expected);
	}
	json_decref(x);
	json_decref(j);
}

static void instants_survive_the_way_there_and_back(void **state)
{
	int64_t ns;
	char buf[40];

	(void)state;
	assert_string_equal(instant__format(1700000000123456789LL, buf, sizeof(buf)),
			    "2023-11-14T22:13:20.123456Z");
	assert_int_equal(instant__parse(buf, &ns), 0);
	assert_int_equal(ns, 1700000000123456000LL);
	assert_int_equal(instant__parse("2023-11-14T23:13:20+01:00", &ns), 0);
	assert_int_equal(ns, 1700000000LL * NS_PER_S);
	assert_int_equal(instant__parse("2023-11-14T22:13:20.5Z", &ns), 0);
	assert_int_equal(ns, 1700000000500000000LL);
}

static void what_is_no_instant_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "now",
					  "2023-11-14",
					  "2023-11-14T22:13:20",
					  "2023-13-14T22:13:20Z",
					  "2023-11-14T25:13:20Z",
					  "2023-11-14T22:13:20Zx",
					  "2023-11-14T22:13:20+1:00",
					  "99999-11-14T22:13:20Z"};
	int64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(instant__parse(bad[i], &ns), -EINVAL);
}

static void a_diff_makes_the_one_into_the_other(void **state)
{
	json_t *have = parse("{\"a\":1,\"b\":{\"x\":1,\"y\":2},\"gone\":[1]}"),
	       *want = parse("{\"a\":1,\"b\":{\"x\":1,\"y\":3},\"c\":{\"n\":[]}}");

	(void)state;
	assert_json(status__diff(have, want), "{\"b\":{\"y\":3},\"c\":{\"n\":[]},\"gone\":null}");
	assert_json(status__diff(want, want), "{}");
	assert_json(status__diff(NULL, want), "{\"a\":1,\"b\":{\"x\":1,\"y\":3},\"c\":{\"n\":[]}}");
	json_decref(have);
	json_decref(want);
}

static const char *const live =
	"{\"t_s\":12,\"phase\":\"fault\",\"mechanism\":\"tcx\",\"faults\":[{\"name\":\"cut\","
	"\"active\":true,"
	"\"mechanism\":\"drop\",\"hits\":{\"dropped\":5},\"first_hit_at_s\":9,\"cleared_at_s\":"
	"null,\"edges\":["
	"{\"from\":\"web/a\",\"to\":\"db\",\"dropped\":3,\"first_hit_at_s\":10.5},"
	"{\"from\":\"db\",\"to\":\"web/a\",\"dropped\":2,\"first_hit_at_s\":null},"
	"{\"from\":\"web/b\",\"to\":\"db\",\"dropped\":7}]}],"
	"\"places\":[{\"place\":\"web/a\",\"here\":true,\"attached\":true}]}";
static const char *const members =
	"{\"endpoints\":[{\"endpoint\":\"web\",\"selector\":0,\"pods\":["
	"{\"place\":\"web/a\",\"namespace\":\"shop\",\"name\":\"a\",\"here\":true},"
	"{\"place\":\"web/b\",\"namespace\":\"shop\",\"name\":\"b\",\"here\":false}]}]}";

static void a_node_says_what_its_pods_had(void **state)
{
	json_t *l = parse(live), *m = parse(members);
	struct node_facts f = {
		.phase = NODE_RUNNING,
		.agent = "chaos-x",
		.segments = 1,
		.start_at_ns = T0,
		.members = m,
		.live = l,
		.clock_known = true,
		.clock_lo_ns = -2 * NS_PER_MS,
		.clock_hi_ns = 4 * NS_PER_MS,
	};

	(void)state;
	assert_json(
		status__node(&f),
		"{\"phase\":\"Running\",\"segments\":1,\"agent\":\"chaos-x\",\"mechanism\":\"tcx\","
		"\"clock\":{\"offsetMs\":1.0,\"epsilonMs\":3.0},\"pods\":{\"shop/"
		"a\":{\"place\":\"web/a\","
		"\"phase\":\"Injected\",\"mechanism\":\"drop\",\"hits\":{\"dropped\":5},"
		"\"firstHitAt\":\"2027-01-15T08:00:10.500000Z\"}}}");
	f.phase = NODE_ARMED;
	json_t *armed = status__node(&f);

	assert_string_equal(
		json_string_value(json_object_get(
			json_object_get(json_object_get(armed, "pods"), "shop/a"), "phase")),
		"Armed");
	json_decref(armed);
	json_decref(l);
	json_decref(m);
}

static const char *message_of(struct node_facts *f)
{
	static char words[300];
	json_t *o = status__node(f);
	const char *m = json_string_value(json_object_get(o, "message"));

	snprintf(words, sizeof(words), "%s", m ? m : "");
	json_decref(o);
	return words;
}

static void what_went_wrong_is_in_the_message(void **state)
{
	json_t *l = parse(live), *m = parse(members);
	struct node_facts f = {.phase = NODE_RUNNING,
			       .segments = 1,
			       .start_at_ns = T0,
			       .now_ns = T0 + 6 * NS_PER_S,
			       .members = m,
			       .live = l};

	(void)state;
	assert_string_equal(message_of(&f), "");
	/* A fault is on, and nothing is attached to the pod. */
	json_object_set_new(json_array_get(json_object_get(l, "places"), 0), "attached",
			    json_false());
	assert_non_null(strstr(message_of(&f), "shop/a"));
	f.now_ns = T0 + NS_PER_S;
	assert_string_equal(message_of(&f), "");
	json_object_set_new(l, "warnings", parse("[\"first\",\"cannot open it\"]"));
	assert_string_equal(message_of(&f), "cannot open it");
	f.message = "mine";
	assert_string_equal(message_of(&f), "mine");
	f.message = "cut within a letter: \xc3";
	assert_string_equal(message_of(&f), "cut within a letter: ?");
	/* At the end nothing is attached any more, and that is well if it was. */
	f.message = NULL;
	json_object_del(l, "warnings");
	f.ended = true;
	f.phase = NODE_DONE;
	assert_string_equal(message_of(&f), "");
	json_object_del(l, "faults");
	f.now_ns = T0 + 30 * NS_PER_S;
	assert_non_null(strstr(message_of(&f), "shop/a"));
	json_decref(l);
	json_decref(m);
}

/* Whatever a child may have written: words, or nothing, never a crash. */
static void a_hostile_live_file_is_survived(void **state)
{
	static const char *const texts[] = {
		"[]", "7", "{\"faults\":7}",
		"{\"faults\":[7,{\"edges\":{}},{\"edges\":[7]}],\"places\":[[]]}",
		"{\"faults\":[{\"active\":\"x\",\"first_hit_at_s\":1e300,\"edges\":[{\"from\":"
		"\"web/a\"}]}]}"};
	json_t *m = parse(members);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *l = parse(texts[i]), *o;
		struct node_facts f = {
			.phase = NODE_RUNNING, .start_at_ns = T0, .members = m, .live = l};

		o = status__node(&f);
		assert_non_null(json_object_get(json_object_get(o, "pods"), "shop/a"));
		json_decref(o);
		json_decref(l);
	}
	json_decref(m);
}

static const char *phase(const char *status, const struct object_facts *f)
{
	json_t *s = parse(status),
	       *obj = json_pack("{s:{s:i},s:o}", "metadata", "generation", 1, "status", s);
	const char *is = status__phase(obj, f);

	/* Of the constants, or of the object, which is about to go. */
	for (const char *const *p =
		     (const char *const[]){"Pending", "Running", "Paused", "Finished", "Failed",
					   "Refused", "Stopped", NULL};
	     *p; p++)
		if (!strcmp(is, *p))
			is = *p;
	json_decref(obj);
	return is;
}

#define NODES(a, b) "{\"nodes\":{\"n1\":{\"phase\":\"" a "\"},\"n2\":{\"phase\":\"" b "\"}}}"

static void phases_follow_the_nodes(void **state)
{
	struct object_facts f = {.now_ns = T0 - 1};

	(void)state;
	assert_string_equal(phase("{}", &f), "Pending");
	f.refused = "no";
	assert_string_equal(phase("{}", &f), "Refused");
	f.refused = NULL;
	f.start_at_ns = T0;
	f.end_ns = T0 + 60 * NS_PER_S;
	assert_string_equal(phase("{}", &f), "Pending");
	f.now_ns = T0 + NS_PER_S;
	assert_string_equal(phase(NODES("Running", "Armed"), &f), "Running");
	assert_string_equal(phase(NODES("Failed", "Running"), &f), "Running");
	assert_string_equal(phase(NODES("Failed", "Failed"), &f), "Failed");
	/* One that came early to its end: its pods may come back; the run goes on. */
	assert_string_equal(phase(NODES("Done", "Done"), &f), "Running");
	f.paused = true;
	assert_string_equal(phase(NODES("Paused", "Paused"), &f), "Paused");
	f.paused = false;
	f.stop = true;
	assert_string_equal(phase(NODES("Done", "Running"), &f), "Running");
	assert_string_equal(phase(NODES("Done", "Done"), &f), "Stopped");
	f.stop = false;
	f.now_ns = f.end_ns;
	assert_string_equal(phase(NODES("Done", "Running"), &f), "Running");
	assert_string_equal(phase(NODES("Done", "Done"), &f), "Finished");
	assert_string_equal(phase(NODES("Done", "Failed"), &f), "Failed");
	assert_string_equal(phase("{\"nodes\":{}}", &f), "Finished");
	/* A dead agent says nothing any more. */
	f.now_ns = f.end_ns + STATUS_SILENT_NS;
	assert_string_equal(phase(NODES("Done", "Running"), &f), "Finished");
}

static void what_is_final_stays(void **state)
{
	struct object_facts f = {
		.start_at_ns = T0, .end_ns = T0 + NS_PER_S, .now_ns = T0 + NS_PER_S, .stop = true};

	(void)state;
	assert_string_equal(phase("{\"phase\":\"Finished\",\"nodes\":{}}", &f), "Finished");
	f.end_ns = 0;
	assert_string_equal(
		phase("{\"phase\":\"Stopped\",\"nodes\":{\"n\":{\"phase\":\"Running\"}}}", &f),
		"Stopped");
}

static const char *condition(const json_t *patch, const char *type, const char *key)
{
	const json_t *c;
	size_t i;

	json_array_foreach(json_object_get(patch, "conditions"), i, c)
		if (!strcmp(json_string_value(json_object_get(c, "type")), type))
			return json_string_value(json_object_get(c, key));
	return NULL;
}

static void conditions_are_those_that_kubectl_waits_for(void **state)
{
	json_t *obj = parse("{\"metadata\":{\"generation\":3},\"status\":{\"observedGeneration\":3,"
			    "\"nodes\":{"
			    "\"n1\":{\"phase\":\"Running\",\"pods\":{\"a/"
			    "b\":{\"phase\":\"Injected\"}}}}}}"),
	       *d, *again;
	struct object_facts f = {.chaosmesh = true,
				 .start_at_ns = T0,
				 .end_ns = T0 + 9 * NS_PER_S,
				 .now_ns = T0 + NS_PER_S};

	(void)state;
	d = status__object(obj, &f);
	assert_string_equal(condition(d, "Started", "status"), "True");
	assert_string_equal(condition(d, "Finished", "status"), "False");
	assert_string_equal(condition(d, "Passed", "status"), "Unknown");
	assert_string_equal(condition(d, "AllInjected", "status"), "True");
	assert_string_equal(condition(d, "AllRecovered", "status"), "False");
	assert_string_equal(condition(d, "Started", "lastTransitionTime"), "2027-01-15T08:00:01Z");
	/* Once it is there, there is nothing more to write, and times stay. */
	json_object_update(json_object_get(obj, "status"), d);
	f.now_ns += NS_PER_S;
	again = status__object(obj, &f);
	assert_json(again, "{}");
	json_decref(d);
	json_decref(obj);
}

static void only_a_first_one_may_write_the_start(void **state)
{
	json_t *obj = parse("{\"metadata\":{\"resourceVersion\":\"7\",\"generation\":2}}"),
	       *picked = parse("{\"web/0\":[\"shop/a\"]}");

	(void)state;
	assert_json(coordinate__start(obj, T0, 2 * NS_PER_S, picked),
		    "{\"metadata\":{\"resourceVersion\":\"7\"},\"status\":{\"startAt\":"
		    "\"2027-01-15T08:00:02.000000Z\",\"phase\":\"Pending\",\"message\":null,"
		    "\"picked\":{\"web/0\":[\"shop/a\"]},\"observedGeneration\":2}}");
	json_object_set_new(obj, "status", parse("{\"startAt\":\"2027-01-15T08:00:02.000000Z\"}"));
	assert_null(coordinate__start(obj, T0, NS_PER_S, picked));
	assert_int_equal(coordinate__start_at(obj), T0 + 2 * NS_PER_S);
	json_decref(picked);
	json_decref(obj);
}

static void nodes_take_turns(void **state)
{
	json_t *obj = parse("{\"status\":{\"nodes\":{\"b\":{},\"a\":{},\"c\":{}}}}");

	(void)state;
	assert_int_equal(coordinate__delay(obj, "a"), 0);
	assert_int_equal(coordinate__delay(obj, "c"), 2 * NS_PER_S);
	assert_true(coordinate__delay(obj, "stranger") >= 5 * NS_PER_S);
	json_decref(obj);
}

static void versions_do_not_go_back(void **state)
{
	json_t *a = parse("{\"metadata\":{\"resourceVersion\":\"99\"}}"),
	       *b = parse("{\"metadata\":{\"resourceVersion\":\"100\"}}"),
	       *odd = parse("{\"metadata\":{\"resourceVersion\":\"x\"}}");

	(void)state;
	assert_true(coordinate__older(a, b));
	assert_false(coordinate__older(b, a));
	assert_false(coordinate__older(odd, b));
	json_decref(a);
	json_decref(b);
	json_decref(odd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instants_survive_the_way_there_and_back),
		cmocka_unit_test(what_is_no_instant_is_refused),
		cmocka_unit_test(a_diff_makes_the_one_into_the_other),
		cmocka_unit_test(a_node_says_what_its_pods_had),
		cmocka_unit_test(what_went_wrong_is_in_the_message),
		cmocka_unit_test(a_hostile_live_file_is_survived),
		cmocka_unit_test(phases_follow_the_nodes),
		cmocka_unit_test(what_is_final_stays),
		cmocka_unit_test(conditions_are_those_that_kubectl_waits_for),
		cmocka_unit_test(only_a_first_one_may_write_the_start),
		cmocka_unit_test(nodes_take_turns),
		cmocka_unit_test(versions_do_not_go_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
