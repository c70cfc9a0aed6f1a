// SPDX-License-Identifier: GPL-2.0-only
/* test_compile_owners.c: members that are the sockets of processes. */
#include "world.h"

enum { X = 100, Y = 200, Z = 300, NOBODY = 900 };

/* How often fault 0 takes a TCP packet between sockets of these processes at a device of @ns. */
static unsigned int met(const struct world *w, size_t ns, const char *ifname, int direction,
			const char *src, pid_t from, const char *dst, pid_t to)
{
	struct pkt p = {
		.src_owner = world__owner(w, from),
		.dst_owner = world__owner(w, to),
		.src = world__ip(src),
		.dst = world__ip(dst),
		.proto = 6,
	};
	const struct compiled_hook *h = world__hook(w, ns, ifname);
	unsigned int counts[64] = {0};

	assert_non_null(h);
	world__meet(w, h, direction, &p, counts);
	return counts[0];
}

/* At all hooks that a packet within @ns passes. */
static unsigned int on_lo(const struct world *w, size_t ns, pid_t from, pid_t to)
{
	return met(w, ns, "lo", OUT, "127.0.0.1", from, "127.0.0.1", to) +
	       met(w, ns, "lo", IN, "127.0.0.1", from, "127.0.0.1", to);
}

static unsigned int between(const struct world *w, size_t a, const char *src, pid_t from, size_t b,
			    const char *dst, pid_t to)
{
	return met(w, a, "eth0", OUT, src, from, dst, to) +
	       met(w, b, "eth0", IN, src, from, dst, to);
}

static void cut(struct world *w, size_t a, size_t b)
{
	struct dp_fault *f = world__fault(w, "cut", CHAOS_ACT_PARTITION);

	world__edge(f, world__side(a), world__side(b));
	world__edge(f, world__side(b), world__side(a));
}

static void processes_of_one_namespace_are_told_apart_on_lo(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), x = world__job(w, "x", ns, X);
	size_t y = world__job(w, "y", ns, Y);

	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	assert_true(world__hook(w, ns, "lo")->hook.flags & CHAOS_HOOK_OWNERS);
	assert_int_equal(on_lo(w, ns, X, Y), 1);
	assert_int_equal(on_lo(w, ns, Y, X), 1);
	assert_int_equal(on_lo(w, ns, X, NOBODY), 0);
	assert_int_equal(on_lo(w, ns, NOBODY, Y), 0);
	assert_int_equal(on_lo(w, ns, X, X), 0);
	assert_int_equal(on_lo(w, ns, NOBODY, NOBODY), 0);
}

static void a_rule_between_namespaces_stands_once(void **state)
{
	struct world *w = *state;
	size_t a = world__node(w, "10.0.0.1"), b = world__node(w, "10.0.0.2");
	size_t x = world__job(w, "x", a, X), y = world__job(w, "y", b, Y);

	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(between(w, a, "10.0.0.1", X, b, "10.0.0.2", Y), 1);
	assert_int_equal(met(w, b, "eth0", IN, "10.0.0.1", X, "10.0.0.2", Y), 1);
	assert_int_equal(between(w, b, "10.0.0.2", Y, a, "10.0.0.1", X), 1);
	assert_int_equal(between(w, a, "10.0.0.1", NOBODY, b, "10.0.0.2", Y), 0);
	assert_int_equal(between(w, a, "10.0.0.1", X, b, "10.0.0.2", NOBODY), 0);
}

static void anybody_else_may_be_next_door(void **state)
{
	struct world *w = *state;
	size_t a = world__node(w, "10.0.0.1"), b = world__node(w, "10.0.0.2");
	size_t x = world__job(w, "x", a, X);
	struct dp_fault *f = world__fault(w, "isolate", CHAOS_ACT_LOSS);

	world__member(w, "b", (ssize_t)b, NULL);
	world__edge(f, world__side(x), world__any());
	world__edge(f, world__any(), world__side(x));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(on_lo(w, a, X, NOBODY), 1);
	assert_int_equal(on_lo(w, a, NOBODY, X), 1);
	assert_int_equal(on_lo(w, a, X, X), 0);
	assert_int_equal(between(w, a, "10.0.0.1", X, b, "10.0.0.2", NOBODY), 1);
	assert_int_equal(between(w, b, "10.0.0.2", NOBODY, a, "10.0.0.1", X), 1);
	assert_int_equal(between(w, a, "10.0.0.1", NOBODY, b, "10.0.0.2", NOBODY), 0);
	/* And on the way out of this machine. */
	assert_int_equal(met(w, a, "eth0", OUT, "10.0.0.1", X, "192.0.2.1", NOBODY), 1);
	assert_int_equal(met(w, a, "eth0", OUT, "10.0.0.1", NOBODY, "192.0.2.1", NOBODY), 0);
}

static void our_own_sockets_are_nobodys_business(void **state)
{
	enum { SELF = 700 };
	struct world *w = *state;
	size_t a = world__node(w, "10.0.0.1"), b = world__node(w, "10.0.0.2");
	size_t x = world__job(w, "x", a, X);
	struct dp_fault *f = world__fault(w, "isolate", CHAOS_ACT_LOSS);

	world__member(w, "b", (ssize_t)b, NULL);
	world__edge(f, world__side(x), world__any());
	world__edge(f, world__any(), world__side(x));
	w->plan.exempt_pid = SELF;
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(on_lo(w, a, NOBODY, X), 1);
	assert_int_equal(on_lo(w, a, SELF, X), 0);
	assert_int_equal(on_lo(w, a, X, SELF), 0);
	assert_int_equal(met(w, a, "eth0", OUT, "10.0.0.1", SELF, "10.0.0.2", NOBODY), 0);
	for (size_t i = 0; i < w->out.n_processes; i++)
		if (w->out.processes[i].pid == SELF)
			assert_int_equal(w->out.processes[i].heirs, CHAOS_OWNER_NONE);
}

/* A socket is on the sides of its process and of its address. */
static void addresses_count_beside(void **state)
{
	struct world *w = *state;
	size_t a = world__node(w, "10.0.0.1"), b = world__node(w, "10.0.0.2");
	size_t x = world__job(w, "x", a, X), all = world__cidr(w, "all", "10.0.0.0/8");
	size_t m = world__member(w, "b", (ssize_t)b, NULL);
	struct dp_fault *f = world__fault(w, "from all", CHAOS_ACT_LOSS);

	world__edge(f, world__side(all), world__side(m));
	f = world__fault(w, "from x", CHAOS_ACT_LOSS);
	world__edge(f, world__side(x), world__side(m));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(met(w, b, "eth0", IN, "10.0.0.1", X, "10.0.0.2", NOBODY), 1);
	assert_int_equal(met(w, b, "eth0", IN, "10.0.0.1", NOBODY, "10.0.0.2", NOBODY), 1);
	assert_int_equal(met(w, b, "eth0", IN, "192.0.2.1", X, "10.0.0.2", NOBODY), 0);
}

static void a_process_may_be_several_members(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), x = world__job(w, "x", ns, X);
	size_t both = world__job(w, "both", ns, X), y = world__job(w, "y", ns, Y);

	world__process(w, both, Z, true);
	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(on_lo(w, ns, X, Y), 1);
	assert_int_equal(on_lo(w, ns, Z, Y), 0);
	cut(w, both, y);
	assert_int_equal(world__compile(w), 0);
	assert_int_not_equal(world__owner(w, X), world__owner(w, Z));
}

static void only_heirs_have_what_their_parent_has(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), x = world__job(w, "x", ns, X);
	size_t y = world__member(w, "y", -1, NULL);

	world__place(w, y, ns, true);
	world__process(w, y, Y, false);
	/* By way of one member it has heirs, by the other none. */
	world__process(w, y, X, false);
	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_processes, 2);
	assert_int_equal(w->out.processes[0].pid, X);
	assert_int_not_equal(w->out.processes[0].heirs, CHAOS_OWNER_NONE);
	assert_int_not_equal(w->out.processes[0].heirs, w->out.processes[0].owner);
	assert_int_equal(w->out.processes[1].heirs, CHAOS_OWNER_NONE);
}

static void who_is_on_no_side_is_nobodys(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), x = world__job(w, "x", ns, X);
	size_t y = world__job(w, "y", ns, Y);

	world__job(w, "idle", ns, Z);
	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_processes, 2);
	assert_int_equal(world__owner(w, Z), CHAOS_OWNER_NONE);
}

static void cgroups_have_owners_too(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), x = world__job(w, "x", ns, X);
	size_t y = world__job(w, "y", ns, Y);

	w->plan.members[x].cgroups = calloc(1, sizeof(uint64_t));
	w->plan.members[x].cgroups[0] = 77;
	w->plan.members[x].n_cgroups = 1;
	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_cgroups, 1);
	assert_int_equal(w->out.cgroups[0].id, 77);
	assert_int_equal(w->out.cgroups[0].owner, world__owner(w, X));
}

/* Sockets remember the number of their owner. */
static void numbers_stay(void **state)
{
	struct world *w = *state;
	size_t ns = world__node(w, "10.0.0.1"), x = world__job(w, "x", ns, X);
	size_t y = world__job(w, "y", ns, Y);
	uint32_t of_x, of_y;

	cut(w, x, y);
	assert_int_equal(world__compile(w), 0);
	of_x = world__owner(w, X);
	of_y = world__owner(w, Y);
	/* x ends, z is x now; y is both. */
	w->again = true;
	w->plan.members[x].processes[0].pid = Z;
	world__process(w, x, Y, true);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(world__owner(w, Z), of_x);
	assert_int_equal(world__owner(w, X), CHAOS_OWNER_NONE);
	assert_int_not_equal(world__owner(w, Y), of_y);
	assert_int_equal(on_lo(w, ns, Z, NOBODY), 0);
}

/* A host: what it forwards is not its own. */
static void a_process_of_a_router(void **state)
{
	struct world *w = *state;
	size_t host = world__node(w, "192.0.2.1"), a = world__node(w, "10.0.0.1");
	size_t x = world__job(w, "x", host, X), m = world__member(w, "a", (ssize_t)a, NULL);

	w->scans[host].forwards = true;
	cut(w, x, m);
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(between(w, host, "192.0.2.1", X, a, "10.0.0.1", NOBODY), 1);
	assert_int_equal(between(w, a, "10.0.0.1", NOBODY, host, "192.0.2.1", X), 1);
	assert_int_equal(between(w, a, "10.0.0.1", NOBODY, host, "192.0.2.1", NOBODY), 0);
	assert_int_equal(met(w, host, "eth0", IN, "10.0.0.1", NOBODY, "203.0.113.9", NOBODY), 0);
}

static void a_namespace_that_comes_is_one_more_place(void **state)
{
	struct world *w = *state;
	size_t a = world__node(w, "10.0.0.1"), b, x, m;

	x = world__job(w, "x", a, X);
	m = world__member(w, "m", -1, NULL);
	cut(w, x, m);
	assert_int_equal(world__compile(w), 0);
	b = world__node(w, "10.0.0.2");
	world__place(w, m, b, false);
	w->again = true;
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(between(w, a, "10.0.0.1", X, b, "10.0.0.2", NOBODY), 1);
	w->n_places--;
	assert_int_equal(world__compile(w), 0);
	assert_null(world__hook(w, b, "eth0"));
	assert_int_equal(met(w, a, "eth0", OUT, "10.0.0.1", X, "10.0.0.2", NOBODY), 0);
}

static void without_such_members_nothing_is_different(void **state)
{
	struct world *w = *state;
	size_t a = world__node(w, "10.0.0.1"), b = world__node(w, "10.0.0.2");

	cut(w, world__member(w, "a", (ssize_t)a, NULL), world__member(w, "b", (ssize_t)b, NULL));
	assert_int_equal(world__compile(w), 0);
	assert_int_equal(w->out.n_joins, 0);
	assert_null(world__hook(w, a, "lo"));
	assert_int_equal(world__hook(w, a, "eth0")->hook.flags & CHAOS_HOOK_OWNERS, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(processes_of_one_namespace_are_told_apart_on_lo),
		WORLD_TEST(a_rule_between_namespaces_stands_once),
		WORLD_TEST(anybody_else_may_be_next_door),
		WORLD_TEST(our_own_sockets_are_nobodys_business),
		WORLD_TEST(addresses_count_beside),
		WORLD_TEST(a_process_may_be_several_members),
		WORLD_TEST(only_heirs_have_what_their_parent_has),
		WORLD_TEST(who_is_on_no_side_is_nobodys),
		WORLD_TEST(cgroups_have_owners_too),
		WORLD_TEST(numbers_stay),
		WORLD_TEST(a_process_of_a_router),
		WORLD_TEST(a_namespace_that_comes_is_one_more_place),
		WORLD_TEST(without_such_members_nothing_is_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
