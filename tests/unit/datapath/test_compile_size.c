// SPDX-License-Identifier: GPL-2.0-only
/* test_compile_size.c: how many classes, pairs and rules large plans come to; what they take is told. */
#include "world.h"

#include "lib/clock.h"

/* Members n0, n1... in namespaces of their own, 10.0.0.1 and so on. */
static void make_nodes(struct world *w, uint32_t n)
{
	char name[24];

	for (uint32_t i = 0; i < n; i++) {
		struct chaos_addr ip = {.w = {0, 0, htonl(0xffff), htonl(0x0a000001 + i)}};
		size_t ns = world__netns(w);

		snprintf(name, sizeof(name), "n%u", i);
		world__addr(w, ns, world__link(w, ns, "eth0", "veth"), &ip);
		world__member(w, name, (ssize_t)ns, NULL);
	}
}

static void compile_timed(struct world *w, const char *what)
{
	int64_t start = clock__now();

	assert_int_equal(world__compile(w), 0);
	print_message("# %s: %.0f ms\n", what, (double)(clock__now() - start) / 1e6);
}

static void a_hundred_thousand_members(void **state)
{
	const size_t n = 100000;
	struct world *w = *state;
	struct dp_fault *f = world__fault(w, "halves", CHAOS_ACT_PARTITION);
	size_t a = world__here(w, "a", "10.255.0.1");
	struct dp_edge *e;

	e = world__edge(f, world__side(a), (struct dp_side){0});
	for (size_t i = 0; i < n; i++) {
		struct chaos_addr ip = {
			.w = {0, 0, htonl(0xffff), htonl(0x0a000001 + (uint32_t)i)}};
		size_t m = world__member(w, "far", -1, NULL);
		struct dp_prefix *p = world__more(NULL, 0, sizeof(*p));

		*p = (struct dp_prefix){ip, 128};
		w->plan.members[m].prefixes = p;
		w->plan.members[m].n_prefixes = 1;
		if (i % 2)
			world__on_side(&e->to, m);
		else
			world__on_side(&e->from, m);
	}
	compile_timed(w, "100,000 members in one cut");
	assert_int_equal(w->out.n_idents, n + 1);
	assert_int_equal(w->out.n_classes, 4); /* nobody, a (here), and the two halves (not here) */
	assert_int_equal(w->out.n_pairs, 1);
}

static void a_hundred_thousand_names_in_pairs(void **state)
{
	/* 300 x 300 edges of one fault, pair by pair, and as many members again that only add
	 * names. */
	struct world *w = *state;
	struct dp_fault *f = world__fault(w, "mesh", CHAOS_ACT_PARTITION);
	char name[24];

	make_nodes(w, 600);
	for (size_t i = 0; i < 300; i++)
		for (size_t j = 300; j < 600; j++)
			world__edge(f, world__side(i), world__side(j));
	for (uint32_t i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		world__member(w, name, -1, NULL);
	}
	compile_timed(w, "90,000 edges, 100,600 names");
	assert_int_equal(w->out.n_classes, 3);
	assert_int_equal(w->out.n_pairs, 1);
	assert_int_equal(w->out.n_nodes, 100601);
}

/* 400 nodes, each cut from its own 200: everyone is a class, every pair that is cut a pair. */
static void a_ring_of_majorities(void **state)
{
	struct world *w = *state;
	struct dp_fault *f = world__fault(w, "ring", CHAOS_ACT_PARTITION);
	const size_t n = 400;

	make_nodes(w, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = n / 4; k < 3 * n / 4; k++)
			world__edge(f, world__side(i), world__side((i + k) % n));
	compile_timed(w, "400 nodes in a ring of majorities");
	assert_int_equal(w->out.n_classes, n + 1);
	assert_int_equal(w->out.n_pairs, n * n / 2);
	assert_int_equal(w->out.n_rules, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_hundred_thousand_members),
		WORLD_TEST(a_hundred_thousand_names_in_pairs),
		WORLD_TEST(a_ring_of_majorities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
