// SPDX-License-Identifier: GPL-2.0-only
/* Events: what is said again is counted, what is too much is not sent, and an API that is away loses nothing that fits. */
#include "agent/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000000LL

static struct world {
	int64_t now;
	int status; /* of the next answers */
	bool busy;
	kube_done_fn *done;
	void *arg;
	char method[8], path[512];
	json_t *body; /* of the last request */
	unsigned int requests;
	struct events *e;
	json_t *obj;
} w;

static int request(void *arg, const struct kube_request *r)
{
	(void)arg;
	assert_false(w.busy);
	w.busy = true;
	w.done = r->done;
	w.arg = r->arg;
	snprintf(w.method, sizeof(w.method), "%s", r->method);
	snprintf(w.path, sizeof(w.path), "%s", r->path);
	json_decref(w.body);
	w.body = json_deep_copy(r->body);
	w.requests++;
	return 0;
}

static void cancel(void *arg, const void *who)
{
	(void)arg;
	assert_ptr_equal(who, w.arg);
	w.busy = false;
}

static int64_t now(void *arg)
{
	(void)arg;
	return w.now;
}

static int64_t realtime(void *arg)
{
	(void)arg;
	return 1800000000 * S + w.now;
}

static const struct collect_ops ops = {request, cancel, now, realtime};

static int setup(void **state)
{
	(void)state;
	w = (struct world){.now = S, .status = 201};
	w.obj = json_pack("{s:s,s:s,s:{s:s,s:s,s:s}}", "kind", "Experiment", "apiVersion",
			  "netchaos.dev/v1alpha1", "metadata", "name", "cut", "namespace", "shop",
			  "uid", "u-1");
	return events__new("n1", "chaos-x", &ops, NULL, &w.e);
}

static int teardown(void **state)
{
	(void)state;
	events__free(w.e);
	assert_false(w.busy);
	json_decref(w.obj);
	json_decref(w.body);
	return 0;
}

static void answer(void)
{
	struct kube_answer a = {.status = w.status};

	assert_true(w.busy);
	w.busy = false;
	w.done(w.arg, &a);
}

/* All that is due; time goes on where it must. */
static void flush(void)
{
	for (;;) {
		int64_t due = events__step(w.e);

		if (w.busy)
			answer();
		else if (due == INT64_MAX)
			return;
		else
			w.now = due;
	}
}

static const char *text(const char *key)
{
	return json_string_value(json_object_get(w.body, key));
}

static void test_one(void **state)
{
	const json_t *involved;

	(void)state;
	events__tell(w.e, w.obj, true, "Refused", "spec.x: no");
	assert_int_equal(events__waiting(w.e), 1);
	flush();
	assert_int_equal(w.requests, 1);
	assert_string_equal(w.method, "POST");
	assert_string_equal(w.path, "/api/v1/namespaces/shop/events");
	assert_string_equal(text("type"), "Warning");
	assert_string_equal(text("reason"), "Refused");
	assert_string_equal(text("message"), "spec.x: no");
	assert_string_equal(text("firstTimestamp"), "2027-01-15T08:00:01Z");
	involved = json_object_get(w.body, "involvedObject");
	assert_string_equal(json_string_value(json_object_get(involved, "uid")), "u-1");
	assert_string_equal(json_string_value(json_object_get(involved, "kind")), "Experiment");
	assert_int_equal(events__waiting(w.e), 0);
	assert_int_equal(events__dropped(w.e), 0);
}

static void test_again(void **state)
{
	(void)state;
	events__tell(w.e, w.obj, false, "Injected", "a");
	flush();
	w.now += 2 * S;
	events__tell(w.e, w.obj, false, "Injected", "a");
	events__tell(w.e, w.obj, false, "Injected", "a");
	flush();
	assert_int_equal(w.requests, 2);
	assert_string_equal(w.method, "PATCH");
	assert_int_equal(strncmp(w.path, "/api/v1/namespaces/shop/events/cut.", 35), 0);
	assert_int_equal(json_integer_value(json_object_get(w.body, "count")), 3);
	assert_string_equal(text("lastTimestamp"), "2027-01-15T08:00:03Z");
	/* the server has forgotten it (they live for an hour): a new one, counts and all */
	w.status = 404;
	events__tell(w.e, w.obj, false, "Injected", "a");
	events__step(w.e);
	answer();
	w.status = 201;
	flush();
	assert_string_equal(w.method, "POST");
	assert_int_equal(json_integer_value(json_object_get(w.body, "count")), 4);
	/* other words are another Event */
	events__tell(w.e, w.obj, false, "Injected", "b");
	flush();
	assert_int_equal(json_integer_value(json_object_get(w.body, "count")), 1);
}

static void test_said_while_sending(void **state)
{
	(void)state;
	events__tell(w.e, w.obj, false, "Started", "a");
	events__step(w.e);
	events__tell(w.e, w.obj, false, "Started", "a");
	flush();
	assert_int_equal(w.requests, 2);
	assert_string_equal(w.method, "PATCH");
	assert_int_equal(json_integer_value(json_object_get(w.body, "count")), 2);
}

static void test_away(void **state)
{
	int64_t began = w.now;

	(void)state;
	w.status = 0;
	events__tell(w.e, w.obj, false, "Started", "a");
	events__tell(w.e, w.obj, false, "Finished", "b");
	for (int i = 0; i < 10; i++) {
		int64_t due = events__step(w.e);

		if (w.busy)
			answer();
		else
			w.now = due;
	}
	assert_true(w.now - began >= 15 * S); /* 0.5 + 1 + 2 + 4 + 8 */
	assert_int_equal(events__waiting(w.e), 2);
	w.status = 409; /* the first had been done all the same */
	events__step(w.e);
	if (!w.busy) {
		w.now += 30 * S;
		events__step(w.e);
	}
	answer();
	w.status = 201;
	flush();
	assert_int_equal(events__waiting(w.e), 0);
	assert_int_equal(events__dropped(w.e), 0);
	assert_string_equal(text("reason"), "Finished");
}

static void test_refused_by_server(void **state)
{
	(void)state;
	w.status = 403;
	events__tell(w.e, w.obj, false, "Started", "a");
	flush();
	assert_int_equal(w.requests, 1);
	assert_int_equal(events__dropped(w.e), 1);
}

static void test_rate(void **state)
{
	char words[32];

	(void)state;
	for (int i = 0; i < 100; i++) {
		snprintf(words, sizeof(words), "%d", i);
		events__tell(w.e, w.obj, false, "Injected", words);
	}
	flush();
	assert_int_equal(w.requests, EVENTS_BURST);
	assert_int_equal(events__dropped(w.e), 100 - EVENTS_BURST);
	w.now += EVENTS_REFILL_S * S;
	events__tell(w.e, w.obj, false, "Injected", "x");
	events__tell(w.e, w.obj, false, "Injected", "y");
	flush();
	assert_int_equal(w.requests, EVENTS_BURST + 1);
	/* another object has its own */
	json_object_set_new(json_object_get(w.obj, "metadata"), "name", json_string("other"));
	events__tell(w.e, w.obj, false, "Injected", "x");
	flush();
	assert_int_equal(w.requests, EVENTS_BURST + 2);
}

/* More objects than are remembered, while nothing can be sent: bounded, and the agent lives. */
static void test_full(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 2 * EVENTS_MAX; i++) {
		snprintf(name, sizeof(name), "pod-%d", i);
		json_object_set_new(json_object_get(w.obj, "metadata"), "name", json_string(name));
		events__tell(w.e, w.obj, false, "Injected", "x");
		w.now++;
	}
	assert_int_equal(events__waiting(w.e), EVENTS_MAX);
	assert_int_equal(events__dropped(w.e), EVENTS_MAX);
	flush();
	assert_int_equal(w.requests, EVENTS_MAX);
	/* what was sent makes room */
	events__tell(w.e, w.obj, false, "Recovered", "x");
	flush();
	assert_int_equal(w.requests, EVENTS_MAX + 1);
}

static void test_odd(void **state)
{
	char words[3000], name[254];
	json_t *none = json_pack("{s:[]}", "metadata");

	(void)state;
	events__tell(w.e, NULL, false, "Started", "a");
	events__tell(w.e, none, false, "Started", "a");
	json_decref(none);
	assert_int_equal(events__waiting(w.e), 0);
	memset(words, 'a', sizeof(words) - 1);
	words[sizeof(words) - 1] = 0;
	words[10] = '\xff';
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	json_object_set_new(json_object_get(w.obj, "metadata"), "name", json_string(name));
	events__tell(w.e, w.obj, false, "Started", words);
	events__tell(w.e, w.obj, false, "Stopped", NULL);
	events__step(w.e);
	assert_int_equal(strlen(text("message")), 1024);
	assert_true(strlen(json_string_value(
			    json_object_get(json_object_get(w.body, "metadata"), "name"))) <= 253);
	flush();
	assert_int_equal(w.requests, 2);
	/* ended with a request on its way: setup's free cancels it */
	events__tell(w.e, w.obj, false, "Paused", "x");
	events__step(w.e);
	assert_true(w.busy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_said_while_sending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_by_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
