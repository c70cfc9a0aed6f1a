// SPDX-License-Identifier: GPL-2.0-only
/* What runs publish, and which flows it is about. */
#include "unit/flows/world.h"

#define EMPTY_PORTS "\"sports\":[],\"dports\":[],\"ports\":[]"
#define SIDE(members) "{\"members\":" members ",\"ports\":[]}"

static json_t *json(const char *text)
{
	json_error_t err;
	json_t *j = json_loads(text, 0, &err);

	if (!j)
		fail_msg("%s: %s", text, err.text);
	return j;
}

static struct scope_run *add_run(struct world *w, const char *scope, const char *live)
{
	struct scope_run *r = scopes__run(&w->scopes, "run");
	json_t *s = json(scope), *l = json(live);

	assert_non_null(r);
	r->alive = true;
	assert_int_equal(scope_run__scope(r, s), 0);
	scope_run__live(r, l);
	json_decref(s);
	json_decref(l);
	return r;
}

/* One fault `f` with the edge @from -> @to, on until 2000 ns. */
static struct scope_run *add_fault(struct world *w, const char *more, const char *from,
				   const char *to)
{
	char scope[1024];

	snprintf(scope, sizeof(scope),
		 "{\"members\":[{\"name\":\"one\",\"netns\":[101],\"prefixes\":[]},"
		 "{\"name\":\"two\",\"netns\":[],\"prefixes\":[{\"address\":\"::ffff:10.0.0.2\","
		 "\"length\":128}]},"
		 "{\"name\":\"dev\",\"netns\":[101],\"device\":\"eth1\",\"prefixes\":[]}],"
		 "\"faults\":[{\"name\":\"f\",\"does\":\"delay\",%s,\"edges\":[{\"from\":%s,\"to\":"
		 "%s}]}],"
		 "\"exempts\":[{\"address\":\"::ffff:10.0.0.1\",\"port\":22,\"proto\":6}]}",
		 more, from, to);
	return add_run(w, scope,
		       "{\"at_ns\":500,\"phase\":\"fault\",\"t_s\":1,\"faults\":[{\"name\":\"f\","
		       "\"active\":true,\"until_ns\":2000,\"hits\":{\"dropped\":4}}]}");
}

/* a's client calls b's server. */
static void connect_a_b(struct world *w, const char *local)
{
	world__socket(w, B, P_SERVER, "0.0.0.0:80", NULL);
	world__socket(w, A, P_CLIENT, local, "10.0.0.2:80");
}

static void expect_faults(struct world *w, uint64_t to, uint64_t back)
{
	const struct flow_table *t = world__table(w, 0, NULL);

	assert_int_equal(t->n_active, 1);
	assert_int_equal(t->n_rows, 1);
	assert_int_equal(t->rows[0].faults[FLOW_TO], to);
	assert_int_equal(t->rows[0].faults[FLOW_BACK], back);
}

static void a_flow_meets_a_fault(void **state)
{
	struct world *w = *state;

	connect_a_b(w, "10.0.0.1:4000");
	add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0]"), SIDE("[1]"));
	expect_faults(w, 1, 0);
}

static void the_answers_meet_it(void **state)
{
	struct world *w = *state;

	connect_a_b(w, "10.0.0.1:4000");
	add_fault(w, "\"proto\":6," EMPTY_PORTS, SIDE("[1]"), "null");
	expect_faults(w, 0, 1);
}

static void any_is_whoever_is_not_on_the_other_side(void **state)
{
	struct world *w = *state;

	connect_a_b(w, "10.0.0.1:4000");
	add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0,1]"), "null");
	expect_faults(w, 0, 0);
}

static void other_protocols_and_ports_do_not(void **state)
{
	struct world *w = *state;

	connect_a_b(w, "10.0.0.1:4000");
	add_fault(w, "\"proto\":17," EMPTY_PORTS, SIDE("[0]"), SIDE("[1]"));
	expect_faults(w, 0, 0);
	add_fault(w, "\"proto\":0,\"sports\":[],\"dports\":[[81,90]],\"ports\":[]", SIDE("[0]"),
		  SIDE("[1]"));
	expect_faults(w, 0, 0);
	add_fault(w, "\"proto\":0,\"sports\":[],\"dports\":[],\"ports\":[[80,80]]", SIDE("[0]"),
		  SIDE("[1]"));
	expect_faults(w, 1, 0);
	add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0]"),
		  "{\"members\":[1],\"ports\":[[1,79]]}");
	expect_faults(w, 0, 0);
}

static void exempt_flows_do_not(void **state)
{
	struct world *w = *state;

	connect_a_b(w, "10.0.0.1:22");
	add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0]"), SIDE("[1]"));
	expect_faults(w, 0, 0);
}

static void a_device_is_the_one_with_the_address(void **state)
{
	struct world *w = *state;

	connect_a_b(w, "10.0.0.1:4000");
	add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[2]"), SIDE("[1]"));
	expect_faults(w, 0, 0);
	snprintf(w->links[A].name, sizeof(w->links[A].name), "eth1");
	/* In another round what was remembered is looked up again. */
	scopes__begin(&w->scopes);
	expect_faults(w, 1, 0);
}

static void a_fault_ends_by_its_deadline(void **state)
{
	struct world *w = *state;
	struct scope_run *r = add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0]"), SIDE("[1]"));

	assert_true(scope_fault__active(&r->faults[0], 1999));
	assert_false(scope_fault__active(&r->faults[0], 2000));
}

static void hits_have_rates(void **state)
{
	struct world *w = *state;
	struct scope_run *r = add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0]"), SIDE("[1]"));
	struct scope_fault *f = &r->faults[0];
	json_t *live;

	assert_int_equal(f->hits[0], 4);
	assert_true(f->per_s[0] < 0);
	live = json("{\"at_ns\":2000000500,\"faults\":[{\"name\":\"f\",\"active\":true,"
		    "\"until_ns\":9,\"hits\":{\"dropped\":10,\"delayed\":2}}]}");
	scope_run__live(r, live);
	assert_int_equal(f->hits[0], 10);
	assert_float_equal(f->per_s[0], 3, 0);
	assert_float_equal(f->per_s[1], 1, 0);
	/* The same again says nothing new. */
	scope_run__live(r, live);
	assert_float_equal(f->per_s[0], 3, 0);
	json_decref(live);
	/* Counters of another life. */
	live = json(
		"{\"at_ns\":3000000500,\"faults\":[{\"name\":\"f\",\"hits\":{\"dropped\":-1}}]}");
	scope_run__live(r, live);
	assert_float_equal(f->per_s[0], 0, 0);
	assert_int_equal(f->hits[0], 0);
	assert_false(f->active);
	json_decref(live);
}

static void runs_come_and_go(void **state)
{
	struct world *w = *state;

	add_fault(w, "\"proto\":0," EMPTY_PORTS, SIDE("[0]"), SIDE("[1]"));
	assert_string_equal(scopes__name(&w->scopes, 101), "one");
	assert_null(scopes__name(&w->scopes, 102));
	scopes__begin(&w->scopes);
	assert_non_null(scopes__run(&w->scopes, "other"));
	scopes__end(&w->scopes);
	assert_int_equal(w->scopes.n_runs, 1);
	assert_string_equal(w->scopes.runs[0].id, "other");
	assert_null(scopes__name(&w->scopes, 101));
}

static void nonsense_is_left_out(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"members\":{},\"faults\":[]}",
		"{\"members\":[{\"prefixes\":[{\"address\":\"x\",\"length\":1}]}],\"faults\":[]}",
		"{\"members\":[{\"prefixes\":[{\"address\":\"::\",\"length\":129}]}],\"faults\":[]"
		"}",
		"{\"members\":[],\"faults\":[{}]}",
		"{\"members\":[],\"faults\":[{\"name\":\"f\",\"ports\":[[2,1]]}]}",
		"{\"members\":[],\"faults\":[{\"name\":\"f\",\"dports\":[[0,65536]]}]}",
		"{\"members\":[],\"faults\":[{\"name\":\"f\",\"edges\":[{\"from\":{\"members\":[0]}"
		",\"to\":null}]}]}",
		"{\"members\":[],\"faults\":[{\"name\":\"f\",\"edges\":[{\"from\":null,\"to\":{"
		"\"members\":[-1]}}]}]}",
		"{\"members\":[],\"faults\":[],\"exempts\":[{\"address\":\"::1\",\"port\":-1}]}",
	};
	struct world *w = *state;
	struct scope_run *r = scopes__run(&w->scopes, "run");

	assert_non_null(r);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *j = json(bad[i]);

		assert_int_equal(scope_run__scope(r, j), -EINVAL);
		assert_false(r->known);
		assert_int_equal(r->n_faults, 0);
		scope_run__live(r, j);
		json_decref(j);
	}
	/* Counts of faults that are not there. */
	add_run(w, "{\"members\":[],\"faults\":[]}",
		"{\"at_ns\":1,\"faults\":[{\"name\":\"f\"},{},7]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_flow_meets_a_fault),
		WORLD_TEST(the_answers_meet_it),
		WORLD_TEST(any_is_whoever_is_not_on_the_other_side),
		WORLD_TEST(other_protocols_and_ports_do_not),
		WORLD_TEST(exempt_flows_do_not),
		WORLD_TEST(a_device_is_the_one_with_the_address),
		WORLD_TEST(a_fault_ends_by_its_deadline),
		WORLD_TEST(hits_have_rates),
		WORLD_TEST(runs_come_and_go),
		WORLD_TEST(nonsense_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
