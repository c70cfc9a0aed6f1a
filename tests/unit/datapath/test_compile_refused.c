// SPDX-License-Identifier: GPL-2.0-only
/* test_compile_refused.c: plans that contradict themselves, and what they are told. */
#include "world.h"

static void refused(struct world *w, const char *words)
{
	assert_int_equal(world__compile(w), -EINVAL);
	if (!strstr(w->err.msg, words))
		fail_msg("expected `%s` in: %s", words, w->err.msg);
}

static void too_many_rules(void **state)
{
	struct world *w = world__three(state);

	for (int i = 0; i < CHAOS_RULES_PER_PAIR + 1; i++)
		world__edge(world__fault(w, "loss", CHAOS_ACT_LOSS), world__side(0),
			    world__side(1));
	refused(w, "more than 15 rules for packets from `a` to `b`");
}

static void an_address_on_both_sides_of_a_cut(void **state)
{
	struct world *w = world__three(state);
	size_t other = world__cidr(w, "others", "10.0.0.3");
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__edge(f, world__side(2), world__side(other));
	refused(w, "fault `cut`: 10.0.0.3 is in both `c` and `others`");
	/* Losing packets between them is odd but clear. */
	f->rule.actions = CHAOS_ACT_LOSS;
	assert_int_equal(world__compile(w), 0);
}

static void a_prefix_around_the_other_side_of_a_cut(void **state)
{
	struct world *w = world__three(state);
	size_t wide = world__cidr(w, "wide", "10.0.0.0/24"),
	       narrow = world__cidr(w, "narrow", "10.0.0.128/25");
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__edge(f, world__side(0), world__side(wide));
	refused(w, "10.0.0.1 is in both `a` and `wide`");
	f->edges[0].from.members[0] = narrow;
	world__edge(f, world__side(0), world__side(narrow));
	refused(w, "10.0.0.128/25 is in both `narrow` and `wide`");
}

static void nobody_here(void **state)
{
	struct world *w = world__three(state);
	size_t x = world__cidr(w, "x", "192.0.2.1"), y = world__cidr(w, "y", "192.0.2.2");
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__edge(f, world__side(x), world__side(y));
	refused(w, "neither `x` nor `y` is on this machine");
	/* An address of a namespace of ours is here, by whatever name. */
	w->plan.members[y].prefixes[0] = world__parse("10.0.0.2");
	assert_int_equal(world__compile(w), 0);
	w->plan.members[y].prefixes[0] = world__parse("10.0.0.0/30");
	assert_int_equal(world__compile(w), 0);
}

static void nonsense(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);
	struct dp_edge *e = world__edge(f, world__side(0), world__side(1));

	world__side_port(&e->to, 80, 79);
	refused(w, "ends before it begins");
	e->to.ports[0] = (struct chaos_port_range){80, 80};
	f->rule.match.n_dport = 1;
	f->rule.match.dport[0] = (struct chaos_port_range){443, 443};
	refused(w, "none in common");
	f->rule.match.n_dport = 0;
	for (uint16_t i = 0; i < CHAOS_PORTS_PER_MATCH; i++)
		world__side_port(&e->to, (uint16_t)(100 + 2 * i), (uint16_t)(100 + 2 * i));
	refused(w, "more than 8 port ranges");
	e->to.n_ports = 0;
	e->to.members[0] = 99;
	refused(w, "no member 99");
	e->to.n_members = 0;
	refused(w, "has nobody on it");
}

static void too_many_ports_on_one_pair(void **state)
{
	struct world *w = world__three(state);
	struct dp_fault *f = world__fault(w, "loss", CHAOS_ACT_LOSS);

	for (uint16_t i = 0; i < 70; i++) {
		struct dp_side from = world__side(0), to = world__side(1);

		world__side_port(&from, (uint16_t)(10 * i + 1), (uint16_t)(10 * i + 15));
		world__side_port(&to, (uint16_t)(20 * i + 1), (uint16_t)(20 * i + 25));
		world__edge(f, from, to);
	}
	refused(w, "too many different ports");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(too_many_rules),
		WORLD_TEST(an_address_on_both_sides_of_a_cut),
		WORLD_TEST(a_prefix_around_the_other_side_of_a_cut),
		WORLD_TEST(nobody_here),
		WORLD_TEST(nonsense),
		WORLD_TEST(too_many_ports_on_one_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
