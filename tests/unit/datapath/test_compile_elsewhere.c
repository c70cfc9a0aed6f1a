// SPDX-License-Identifier: GPL-2.0-only
/* test_compile_elsewhere.c: addresses that another machine's hooks guard, and places with names of their own. */
#include "world.h"

static void label_place(struct world *w, size_t place, const char *label)
{
	w->places[place].label = label;
}

/* An address of @member, under @label. */
static void far(struct world *w, size_t member, const char *ip, const char *label)
{
	struct dp_prefix *p;

	world__prefix(w, member, ip);
	p = &w->plan.members[member].prefixes[w->plan.members[member].n_prefixes - 1];
	p->elsewhere = true;
	p->label = label;
}

static const char *name_of(const struct world *w, const char *ip)
{
	struct chaos_addr a = world__ip(ip);

	return w->out.nodes[world__lookup(w, &a).node];
}

/* Both ways between web, of which one is here and one elsewhere, and db, likewise. */
static struct world *two_machines(void **state)
{
	struct world *w = *state;
	struct dp_fault *f = world__fault(w, "slow", CHAOS_ACT_DELAY);
	size_t web = world__here(w, "web", "10.0.1.1");
	size_t db = world__here(w, "db", "10.0.1.2");

	w->plan.growing = true;
	far(w, web, "10.0.2.1", "web/b");
	far(w, db, "10.0.2.2", "db/b");
	label_place(w, 0, "web/a");
	label_place(w, 1, "db/a");
	world__edge(f, world__side(web), world__side(db));
	world__edge(f, world__side(db), world__side(web));
	return w;
}

static void each_way_stands_at_the_receivers_machine(void **state)
{
	struct world *w = two_machines(state);

	assert_int_equal(world__compile(w), 0);
	/* what comes from there meets our ingress */
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.2.2", "10.0.1.1"), 1);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.2.1", "10.0.1.2"), 1);
	/* what goes there meets nothing of ours */
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.2.2"), 0);
	assert_int_equal(world__hits_at(w, 1, OUT, "10.0.1.2", "10.0.2.1"), 0);
	/* what stays here, its receiver's ingress */
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.1.1", "10.0.1.2"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.1.2"), 0);
	/* and between two that are elsewhere, nothing: no such packet is of ours */
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.2.1", "10.0.2.2"), 0);
}

static void anybody_is_still_ours(void **state)
{
	struct world *w = *state;
	size_t web = world__here(w, "web", "10.0.1.1");
	struct dp_fault *f = world__fault(w, "isolate", CHAOS_ACT_PARTITION);

	far(w, world__member(w, "db", -1, NULL), "10.0.2.2", NULL);
	world__edge(f, world__side(web), world__any());
	world__edge(f, world__any(), world__side(web));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "8.8.8.8"), 1);
	assert_int_equal(world__hits_at(w, 0, IN, "8.8.8.8", "10.0.1.1"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.2.2"), 0);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.2.2", "10.0.1.1"), 1);
}

/* A network around it is guarded by whoever sends to it, but for that address. */
static void elsewhere_in_a_network(void **state)
{
	struct world *w = *state;
	size_t web = world__here(w, "web", "10.0.1.1");
	size_t net = world__cidr(w, "net", "10.0.2.0/24");
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	far(w, world__member(w, "db", -1, NULL), "10.0.2.2", NULL);
	world__edge(f, world__side(web), world__side(net));
	world__edge(f, world__side(net), world__side(web));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.2.3"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.2.2"), 0);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.2.2", "10.0.1.1"), 1);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.2.3", "10.0.1.1"), 1);
}

/* The same address given as elsewhere by one member and as its own by another. */
static void elsewhere_wins_among_given_ones(void **state)
{
	struct world *w = *state;
	size_t web = world__here(w, "web", "10.0.1.1");
	size_t host = world__cidr(w, "host", "10.0.2.2");
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	far(w, world__member(w, "db", -1, NULL), "10.0.2.2", NULL);
	world__edge(f, world__side(web), world__side(host));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.2.2"), 0);
}

/* Word of its having moved here comes after it is here, or it goes: what is on a device of ours counts. */
static void found_wins_over_elsewhere(void **state)
{
	struct world *w = two_machines(state);

	far(w, 1, "10.0.1.2", "db/a");
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.1.1", "10.0.1.2"), 1);
	assert_int_equal(world__hits_at(w, 0, OUT, "10.0.1.1", "10.0.1.2"), 0);
	assert_string_equal(name_of(w, "10.0.1.2"), "db/a");
}

static void nobody_need_be_here_at_first(void **state)
{
	struct world *w = *state;
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	far(w, world__member(w, "web", -1, NULL), "10.0.2.1", NULL);
	far(w, world__member(w, "db", -1, NULL), "10.0.2.2", NULL);
	world__edge(f, world__side(0), world__side(1));
	assert_int_equal(world__compile(w), -EINVAL);
	assert_non_null(strstr(w->err.msg, "is on this machine"));
	w->plan.growing = true;
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_pairs, 0);
}

static void each_place_has_its_name(void **state)
{
	struct world *w = two_machines(state);

	world__place(w, 0, world__node(w, "10.0.1.3"), false);
	assert_int_equal(world__compile(w), 0);
	assert_string_equal(name_of(w, "10.0.1.1"), "web/a");
	assert_string_equal(name_of(w, "10.0.2.1"), "web/b");
	assert_string_equal(name_of(w, "10.0.1.2"), "db/a");
	assert_string_equal(name_of(w, "10.0.2.2"), "db/b");
	assert_string_equal(name_of(w, "10.0.1.3"), "web");
	assert_string_equal(w->out.nodes[world__hook(w, 0, "eth0")->hook.ident.node], "web/a");
	/* names do not make classes: nobody, web here, web elsewhere, db here, db elsewhere */
	assert_int_equal(w->out.n_classes, 5);
}

/* From here to elsewhere and back; names keep their numbers, and none is given to another. */
static void there_and_back(void **state)
{
	struct world *w = two_machines(state);
	struct chaos_addr home = world__ip("10.0.1.1"), away = world__ip("10.0.2.9");
	uint32_t first, new_node;

	assert_int_equal(world__compile(w), 0);
	first = world__lookup(w, &home).node;
	w->again = true;
	/* web/a leaves for another machine, web/c comes into the place that it left */
	label_place(w, 0, "web/c");
	far(w, 0, "10.0.2.9", "web/a");
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__lookup(w, &away).node, first);
	new_node = world__lookup(w, &home).node;
	assert_int_not_equal(new_node, first);
	assert_string_equal(w->out.nodes[new_node], "web/c");
	assert_int_equal(world__hits_at(w, 1, OUT, "10.0.1.2", "10.0.2.9"), 0);
	assert_int_equal(world__hits_at(w, 1, IN, "10.0.2.9", "10.0.1.2"), 1);
	/* and back */
	label_place(w, 0, "web/a");
	w->plan.members[0].n_prefixes--;
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__lookup(w, &home).node, first);
	assert_int_equal(world__hits_at(w, 1, OUT, "10.0.1.2", "10.0.1.1"), 0);
	assert_int_equal(world__hits_at(w, 0, IN, "10.0.1.2", "10.0.1.1"), 1);
	assert_string_equal(w->out.nodes[new_node], "web/c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(each_way_stands_at_the_receivers_machine),
		WORLD_TEST(anybody_is_still_ours),
		WORLD_TEST(elsewhere_in_a_network),
		WORLD_TEST(elsewhere_wins_among_given_ones),
		WORLD_TEST(found_wins_over_elsewhere),
		WORLD_TEST(nobody_need_be_here_at_first),
		WORLD_TEST(each_place_has_its_name),
		WORLD_TEST(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
