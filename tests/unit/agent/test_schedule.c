// SPDX-License-Identifier: GPL-2.0-only
/* test_schedule.c: what a Schedule makes, when, and what it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/cron.h"
#include "agent/schedule.h"
#include "agent/status.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 1800057600LL /* 2027-01-16T00:00:00Z */

struct world {
	int64_t now, real;
	char asked[4000]; /* "METHOD PATH NAME\n" */
	struct kube_request last;
	unsigned int n;
	struct runs *runs;
	struct schedules *schedules;
};

static int do_request(void *arg, const struct kube_request *r)
{
	const char *name =
		json_string_value(json_object_get(json_object_get(r->body, "metadata"), "name"));
	struct world *w = arg;

	if (!strcmp(r->method, "POST"))
		w->last = *r;
	snprintf(w->asked + strlen(w->asked), sizeof(w->asked) - strlen(w->asked), "%s %s %s\n",
		 r->method, strrchr(r->path, '/') + 1, name ? name : "");
	w->n++;
	return 0;
}

static void do_cancel(void *arg, const void *who)
{
	(void)arg;
	(void)who;
}

static int64_t get_now(void *arg)
{
	return ((struct world *)arg)->now;
}

static int64_t get_real(void *arg)
{
	return ((struct world *)arg)->real;
}

static void on_event(void *arg, const json_t *obj, bool warning, const char *reason,
		     const char *words)
{
	(void)arg;
	(void)obj;
	(void)warning;
	(void)reason;
	(void)words;
}

static const struct runs_ops ops = {.request = do_request,
				    .cancel = do_cancel,
				    .now = get_now,
				    .realtime = get_real,
				    .event = on_event};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct runs_config c = {.node = "n1", .dir = "/nowhere", .ops = &ops, .arg = w};

	w->now = 1000 * NS_PER_S;
	w->real = (DAY + 30) * NS_PER_S;
	*state = w;
	return runs__new(&c, &w->runs) ?: schedules__new(&c, &w->schedules);
}

static int teardown(void **state)
{
	struct world *w = *state;

	schedules__free(w->schedules);
	runs__free(w->runs);
	free(w);
	return 0;
}

static void pass(struct world *w, int64_t s)
{
	w->now += s * NS_PER_S;
	w->real += s * NS_PER_S;
	schedules__step(w->schedules, w->runs);
}

/* Each minute; @more: of the spec. */
static json_t *schedule(const char *more)
{
	char text[1000], *s = text;
	json_t *j;

	snprintf(text, sizeof(text),
		 "{'metadata':{'name':'nightly','namespace':'shop','uid':'s-1','generation':1,"
		 "'creationTimestamp':'2027-01-16T00:00:10Z'},'spec':{'schedule':'* * * * *',"
		 "'type':'NetworkChaos',%s'networkChaos':{'action':'partition','mode':'all','"
		 "duration':'10s',"
		 "'selector':{'namespaces':['shop']}}}}",
		 more);
	for (; *s; s++)
		if (*s == '\'')
			*s = '"';
	j = json_loads(text, 0, NULL);
	assert_non_null(j);
	return j;
}

static void put(struct world *w, json_t *obj)
{
	schedules__put(w->schedules, obj);
	json_decref(obj);
	schedules__step(w->schedules, w->runs);
}

static void answer(struct world *w, int status)
{
	struct kube_answer a = {.status = status};

	w->last.done(w->last.arg, &a);
}

/* An object that the schedule made. */
static void put_made(struct world *w, int64_t at_s, const char *phase)
{
	json_t *o = json_pack("{s:{s:o,s:s,s:o,s:[{s:s}]},s:{s:s}}", "metadata", "name",
			      json_sprintf("nightly-%lld", (long long)at_s), "namespace", "shop",
			      "uid", json_sprintf("u-%lld", (long long)at_s), "ownerReferences",
			      "uid", "s-1", "status", "phase", phase);

	runs__put(w->runs, RUN_NETWORKCHAOS, o);
	json_decref(o);
}

static void the_last_time_is_found_however_long_ago(void **state)
{
	struct error err = {0};
	struct cron c;

	(void)state;
	assert_int_equal(cron__parse("0 3 * * *", &c, &err), 0);
	assert_int_equal(schedule__latest(&c, DAY, DAY + 3600), -1);
	assert_int_equal(schedule__latest(&c, DAY, DAY + 3 * 3600), DAY + 3 * 3600);
	/* Years: the last of them, and soon. */
	assert_int_equal(schedule__latest(&c, 0, DAY + 86400 + 7), DAY + 3 * 3600);
	assert_int_equal(cron__parse("@every 10s", &c, &err), 0);
	assert_int_equal(schedule__latest(&c, DAY, DAY + 9), -1);
	assert_int_equal(schedule__latest(&c, DAY, DAY + 35), DAY + 30);
	assert_int_equal(cron__parse("0 0 30 2 *", &c, &err), 0);
	assert_int_equal(schedule__latest(&c, 0, DAY), -1);
}

static void one_object_is_made_at_each_time(void **state)
{
	struct world *w = *state;
	char expected[100];

	put(w, schedule(""));
	assert_string_equal(w->asked, "");
	pass(w, 32);
	snprintf(expected, sizeof(expected), "POST networkchaos nightly-%lld\n", DAY + 60);
	assert_string_equal(w->asked, expected);
	/* Another agent was first; that time is done with. */
	answer(w, 409);
	w->asked[0] = '\0';
	pass(w, 10);
	assert_string_equal(w->asked, "");
	pass(w, 60);
	snprintf(expected, sizeof(expected), "POST networkchaos nightly-%lld\n", DAY + 120);
	assert_string_equal(w->asked, expected);
	/* The server did not answer: the same again. */
	answer(w, 0);
	w->asked[0] = '\0';
	pass(w, 2);
	assert_string_equal(w->asked, expected);
}

static void a_time_while_one_is_active_is_passed_over(void **state)
{
	struct world *w = *state;

	put(w, schedule("'concurrencyPolicy':'Forbid',"));
	put_made(w, DAY + 20, "Running");
	pass(w, 40);
	assert_string_equal(w->asked, "");
	put_made(w, DAY + 20, "Finished");
	pass(w, 5);
	assert_string_equal(w->asked, "");
	pass(w, 60);
	assert_non_null(strstr(w->asked, "POST"));
}

static void allow_allows(void **state)
{
	struct world *w = *state;

	put(w, schedule("'concurrencyPolicy':'Allow',"));
	put_made(w, DAY + 20, "Running");
	pass(w, 40);
	assert_non_null(strstr(w->asked, "POST"));
}

static void a_time_that_is_too_long_ago_is_missed(void **state)
{
	struct world *w = *state;

	w->real = (DAY + 75) * NS_PER_S;
	put(w, schedule("'startingDeadlineSeconds':10,"));
	assert_string_equal(w->asked, "");
	pass(w, 50);
	assert_non_null(strstr(w->asked, "POST"));
}

static void the_oldest_goes_when_there_are_too_many(void **state)
{
	struct world *w = *state;
	char expected[100];

	put_made(w, DAY - 60, "Finished");
	put_made(w, DAY - 120, "Stopped");
	put_made(w, DAY, "Finished");
	put(w, schedule("'historyLimit':2,"));
	snprintf(expected, sizeof(expected), "DELETE nightly-%lld \n", DAY - 120);
	assert_string_equal(w->asked, expected);
}

static void a_template_that_cannot_be_is_told_at_once(void **state)
{
	struct world *w = *state;
	json_t *s = schedule("");

	json_object_set_new(json_object_get(s, "spec"), "schedule", json_string("whenever"));
	put(w, s);
	pass(w, 1);
	assert_string_equal(w->asked, "PATCH status \n");
	w->asked[0] = '\0';
	s = schedule("");
	json_object_set_new(json_object_get(s, "spec"), "type", json_string("PodChaos"));
	json_object_set_new(json_object_get(s, "metadata"), "generation", json_integer(2));
	put(w, s);
	pass(w, 1);
	assert_string_equal(w->asked, "PATCH status \n");
}

static void what_it_makes_belongs_to_it(void **state)
{
	json_t *s = schedule(""), *o;
	struct error err = {0};
	enum run_kind kind;

	(void)state;
	o = schedule__object(s, 77, &kind, &err);
	assert_int_equal(kind, RUN_NETWORKCHAOS);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(o, "metadata"), "name")),
		"nightly-77");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(json_object_get(o, "metadata"),
								   "ownerReferences"),
						   0),
				    "uid")),
			    "s-1");
	assert_true(json_equal(json_object_get(o, "spec"),
			       json_object_get(json_object_get(s, "spec"), "networkChaos")));
	json_decref(o);
	json_decref(s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_last_time_is_found_however_long_ago),
		TEST(one_object_is_made_at_each_time),
		TEST(a_time_while_one_is_active_is_passed_over),
		TEST(allow_allows),
		TEST(a_time_that_is_too_long_ago_is_missed),
		TEST(the_oldest_goes_when_there_are_too_many),
		TEST(a_template_that_cannot_be_is_told_at_once),
		TEST(what_it_makes_belongs_to_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
