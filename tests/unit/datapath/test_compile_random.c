// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_compile_random.c: small random plans against their plain meaning. For random packets, the
 * compiled tables, at the two hooks that a packet passes, must give exactly the faults that the
 * plan's own words give, each once and at the right one of the two.
 */
#include "world.h"

#include "lib/rng.h"

#define PLANS 1000
#define PACKETS 60

static uint32_t below(struct rng *r, uint32_t n)
{
	return (uint32_t)rng__below(r, n);
}

/* --- the plan's own words --------------------------------------------------------------------- */

static bool in_prefix(const struct chaos_addr *a, const struct dp_prefix *p)
{
	for (unsigned int b = 0; b < p->len; b++)
		if ((((const uint8_t *)a)[b / 8] ^ ((const uint8_t *)&p->addr)[b / 8]) &
		    (0x80 >> b % 8))
			return false;
	return true;
}

/* The namespace and device that have the address; -1 if none. */
static ssize_t whose(const struct world *w, const struct chaos_addr *a, const char **ret_ifname)
{
	for (size_t i = 0; i < w->n_netns; i++) {
		for (size_t j = 0; j < w->scans[i].n_addrs; j++) {
			const struct addr_info *info = &w->scans[i].addrs[j];
			struct chaos_addr have = dp_addr__from(info->family, info->addr);

			if (memcmp(&have, a, sizeof(have)) != 0)
				continue;
			*ret_ifname = w->scans[i].links[info->ifindex - 1].name;
			return (ssize_t)i;
		}
	}
	return -1;
}

static bool is_in(const struct world *w, size_t m, size_t ns)
{
	for (size_t i = 0; i < w->n_places; i++)
		if (w->places[i].member == m && w->places[i].netns == ns && !w->places[i].by_socket)
			return true;
	return false;
}

static bool is_member(const struct world *w, size_t m, const struct chaos_addr *a)
{
	const struct dp_member *mem = &w->plan.members[m];
	const char *ifname;
	ssize_t ns = whose(w, a, &ifname);

	if (ns >= 0 && is_in(w, m, (size_t)ns) && (!mem->ifname || !strcmp(mem->ifname, ifname)))
		return true;
	for (size_t i = 0; i < mem->n_prefixes; i++)
		if (in_prefix(a, &mem->prefixes[i]))
			return true;
	return false;
}

static bool on_members(const struct world *w, const struct dp_side *s, const struct chaos_addr *a)
{
	for (size_t i = 0; i < s->n_members; i++)
		if (is_member(w, s->members[i], a))
			return true;
	return false;
}

static bool on_side(const struct world *w, const struct dp_side *s, const struct dp_side *other,
		    const struct chaos_addr *a)
{
	return s->any ? !on_members(w, other, a) : on_members(w, s, a);
}

static bool port_ok(const struct dp_side *s, const struct pkt *p, uint16_t port)
{
	return !s->n_ports || (p->ports && world__in_ranges(s->ports, s->n_ports, port));
}

static bool takes(const struct world *w, const struct dp_fault *f, const struct pkt *p)
{
	if (!world__match(&f->rule.match, p))
		return false;
	for (size_t i = 0; i < f->n_edges; i++) {
		const struct dp_edge *e = &f->edges[i];

		if (on_side(w, &e->from, &e->to, &p->src) &&
		    on_side(w, &e->to, &e->from, &p->dst) && port_ok(&e->from, p, p->sport) &&
		    port_ok(&e->to, p, p->dport))
			return true;
	}
	return false;
}

/* --- worlds ----------------------------------------------------------------------------------- */

/* Addresses are close together, so that prefixes catch them; 10.0.0-3.0-15 and fd00::0-15. */
static struct chaos_addr some_addr(struct rng *r)
{
	char text[64];

	if (below(r, 4))
		snprintf(text, sizeof(text), "10.0.%u.%u", below(r, 4), below(r, 16));
	else
		snprintf(text, sizeof(text), "fd00::%x", below(r, 16));
	return world__ip(text);
}

static void some_netns(struct world *w, struct rng *r)
{
	size_t ns = world__netns(w);
	uint32_t n_devs = 1 + below(r, 2);
	const char *ifname;

	world__link(w, ns, "lo", "");
	for (uint32_t i = 0; i < n_devs; i++) {
		char name[16];
		int ifindex;

		snprintf(name, sizeof(name), "eth%u", i);
		ifindex = world__link(w, ns, name, "veth");
		for (uint32_t k = below(r, 3); k > 0; k--) {
			struct chaos_addr a = some_addr(r);

			/* Each address once: who of several wins has a test of its own. */
			if (whose(w, &a, &ifname) < 0)
				world__addr(w, ns, ifindex, &a);
		}
	}
	w->scans[ns].forwards = !below(r, 5);
}

static void some_members(struct world *w, struct rng *r)
{
	static const uint8_t lens[] = {64, 96, 104, 112, 120, 124, 126, 128};
	char name[32];

	for (size_t i = 0; i < w->n_netns; i++) {
		uint32_t kind = below(r, 6);

		snprintf(name, sizeof(name), "n%zu", i);
		if (kind > 1)
			world__member(w, name, (ssize_t)i, NULL);
		if (kind == 1 || kind == 5)
			world__member(w, kind == 1 ? name : "dev", (ssize_t)i, "eth0");
	}
	for (uint32_t i = below(r, 4); i > 0; i--) {
		struct dp_member *m;

		snprintf(name, sizeof(name), "p%u", i);
		world__member(w, name, -1, NULL);
		m = &w->plan.members[w->plan.n_members - 1];
		for (uint32_t k = 1 + below(r, 2); k > 0; k--) {
			m->prefixes = world__more(m->prefixes, m->n_prefixes, sizeof(*m->prefixes));
			m->prefixes[m->n_prefixes++] =
				(struct dp_prefix){some_addr(r), lens[below(r, sizeof(lens))]};
		}
	}
}

static void some_ports(struct rng *r, struct dp_side *s)
{
	/* Ten ports are enough to meet. */
	for (uint32_t i = below(r, 5) ? 0 : 1 + below(r, 2); i > 0; i--) {
		uint16_t lo = (uint16_t)below(r, 10);

		world__side_port(s, lo, (uint16_t)(lo + below(r, 4)));
	}
}

static struct dp_side some_side(const struct world *w, struct rng *r)
{
	struct dp_side s = {0};

	if (!below(r, 6)) {
		s = world__any();
	} else {
		for (uint32_t i = 1 + below(r, 3); i > 0; i--)
			world__on_side(&s, below(r, (uint32_t)w->plan.n_members));
	}
	some_ports(r, &s);
	return s;
}

static void some_faults(struct world *w, struct rng *r)
{
	for (uint32_t i = 1 + below(r, 4); i > 0; i--) {
		struct dp_fault *f =
			world__fault(w, "f", below(r, 4) ? CHAOS_ACT_LOSS : CHAOS_ACT_PARTITION);

		if (!below(r, 6)) {
			f->rule.match.n_port = 1;
			f->rule.match.port[0] = (struct chaos_port_range){3, 6};
		}
		if (!below(r, 8)) {
			f->rule.match.n_sport = 1;
			f->rule.match.sport[0] = (struct chaos_port_range){2, 8};
		}
		for (uint32_t k = 1 + below(r, 4); k > 0; k--)
			world__edge(f, some_side(w, r), some_side(w, r));
	}
}

static struct pkt some_packet(const struct world *w, struct rng *r)
{
	struct pkt p = {.src = some_addr(r), .dst = some_addr(r), .proto = 6};

	/* Half of them between addresses that somebody has. */
	for (int k = 0; k < 2; k++) {
		const struct netns_scan *s = &w->scans[below(r, (uint32_t)w->n_netns)];
		const struct addr_info *a;

		if (!s->n_addrs || !below(r, 4))
			continue;
		a = &s->addrs[below(r, (uint32_t)s->n_addrs)];
		*(k ? &p.src : &p.dst) = dp_addr__from(a->family, a->addr);
	}
	p.ports = below(r, 5) != 0;
	p.sport = (uint16_t)below(r, 14);
	p.dport = (uint16_t)below(r, 14);
	return p;
}

/* --- the two compared ------------------------------------------------------------------------- */

static const struct compiled_hook *hook_of(const struct world *w, const struct chaos_addr *a,
					   ssize_t *ret_ns)
{
	const char *ifname;

	*ret_ns = whose(w, a, &ifname);
	return *ret_ns < 0 ? NULL : world__hook(w, (size_t)*ret_ns, ifname);
}

/* The whole world, for whoever has to find out. */
static void describe(const struct world *w)
{
	char text[64];

	for (size_t i = 0; i < w->n_netns; i++)
		for (size_t j = 0; j < w->scans[i].n_addrs; j++) {
			struct chaos_addr a = dp_addr__from(w->scans[i].addrs[j].family,
							    w->scans[i].addrs[j].addr);

			print_message("# netns %zu%s %s %s\n", i,
				      w->scans[i].forwards ? " forwards" : "",
				      w->scans[i].links[w->scans[i].addrs[j].ifindex - 1].name,
				      dp_addr__text(&a, 128, text, sizeof(text)));
		}
	for (size_t i = 0; i < w->plan.n_members; i++) {
		const struct dp_member *m = &w->plan.members[i];

		print_message("# member %zu %s %s", i, m->name, m->ifname ? m->ifname : "");
		for (size_t j = 0; j < w->n_places; j++)
			if (w->places[j].member == i)
				print_message(" netns %u%s", w->places[j].netns,
					      w->places[j].by_socket ? " by socket" : "");
		for (size_t j = 0; j < m->n_prefixes; j++)
			print_message(" %s", dp_addr__text(&m->prefixes[j].addr, m->prefixes[j].len,
							   text, sizeof(text)));
		print_message("\n");
	}
	for (size_t i = 0; i < w->plan.n_faults; i++) {
		for (size_t k = 0; k < w->plan.faults[i].n_edges; k++) {
			const struct dp_edge *e = &w->plan.faults[i].edges[k];

			print_message("# fault %zu:", i);
			for (int d = 0; d < 2; d++) {
				const struct dp_side *s = d ? &e->to : &e->from;

				print_message("%s%s", d ? " ->" : "", s->any ? " any" : "");
				for (size_t j = 0; j < s->n_members; j++)
					print_message(" %zu", s->members[j]);
				for (size_t j = 0; j < s->n_ports; j++)
					print_message(" :%u-%u", s->ports[j].lo, s->ports[j].hi);
			}
			print_message("\n");
		}
	}
}

struct tally {
	unsigned int plans, packets, taken, forwarded;
};

/* A router between the two is on neither side: their rules are met at their own hooks. */
static void not_on_the_way(const struct world *w, const struct pkt *p, ssize_t src_ns,
			   ssize_t dst_ns, struct tally *t, uint64_t seed)
{
	for (size_t i = 0; i < w->out.n_hooks; i++) {
		const struct compiled_hook *h = &w->out.hooks[i];
		unsigned int counts[8] = {0};

		if ((ssize_t)h->netns == src_ns || (ssize_t)h->netns == dst_ns ||
		    !w->scans[h->netns].forwards || (h->hook.flags & CHAOS_HOOK_FIXED) ||
		    !strcmp(h->ifname, "lo"))
			continue;
		world__meet(w, h, CHAOS_INGRESS, p, counts);
		world__meet(w, h, CHAOS_EGRESS, p, counts);
		t->forwarded++;
		for (size_t f = 0; f < w->plan.n_faults; f++)
			if (counts[f]) {
				char a[64], b[64];

				describe(w);
				fail_msg("seed %llu: fault %zu applied to %s -> %s in passing "
					 "netns %zu %s",
					 (unsigned long long)seed, f,
					 dp_addr__text(&p->src, 128, a, sizeof(a)),
					 dp_addr__text(&p->dst, 128, b, sizeof(b)), h->netns,
					 h->ifname);
			}
	}
}

static void compare(const struct world *w, const struct pkt *p, struct tally *t, uint64_t seed)
{
	unsigned int out[8] = {0}, in[8] = {0};
	ssize_t src_ns, dst_ns;
	const struct compiled_hook *from = hook_of(w, &p->src, &src_ns);
	const struct compiled_hook *to = hook_of(w, &p->dst, &dst_ns);

	/* What a namespace sends to itself goes another way. */
	if (src_ns >= 0 && src_ns == dst_ns)
		return;
	if (from)
		world__meet(w, from, CHAOS_EGRESS, p, out);
	if (to)
		world__meet(w, to, CHAOS_INGRESS, p, in);
	t->packets++;
	not_on_the_way(w, p, src_ns, dst_ns, t, seed);
	for (size_t i = 0; i < w->plan.n_faults; i++) {
		bool meant = takes(w, &w->plan.faults[i], p);
		unsigned int want_in = meant && to, want_out = meant && !to && from;

		t->taken += meant && (to || from);
		if (in[i] != want_in || out[i] != want_out) {
			char a[64], b[64];

			describe(w);

			fail_msg("seed %llu fault %zu %s:%u -> %s:%u: at ingress %u (meant %u), at "
				 "egress %u (meant %u)",
				 (unsigned long long)seed, i,
				 dp_addr__text(&p->src, 128, a, sizeof(a)), p->sport,
				 dp_addr__text(&p->dst, 128, b, sizeof(b)), p->dport, in[i],
				 want_in, out[i], want_out);
		}
	}
}

static void tables_mean_what_the_plan_says(void **state)
{
	struct tally t = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= PLANS; seed++) {
		struct rng r = rng__fork(seed, 1);
		struct world w = {0};
		int ret;

		for (uint32_t i = 2 + below(&r, 3); i > 0; i--)
			some_netns(&w, &r);
		some_members(&w, &r);
		if (w.plan.n_members)
			some_faults(&w, &r);
		ret = world__compile(&w);
		if (ret) {
			/* A contradiction that was drawn: it must be explained. */
			assert_int_equal(ret, -EINVAL);
			assert_true(strlen(w.err.msg) > 20);
		} else {
			t.plans++;
			for (int i = 0; i < PACKETS; i++) {
				struct pkt p = some_packet(&w, &r);

				compare(&w, &p, &t, seed);
			}
		}
		world__reset(&w);
	}
	print_message("# %u plans, %u packets, %u times taken by a fault\n", t.plans, t.packets,
		      t.taken);
	/* The draw is worth something only while most plans make sense and faults are met. */
	assert_true(t.plans > PLANS / 3);
	assert_true(t.taken > t.packets / 10);
	assert_true(t.forwarded > t.packets / 10);
}

/* The tables for a world that changed are those that it would get if it were new, by other
 * numbers. */
static void again_means_the_same(void **state)
{
	struct tally t = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= PLANS / 5; seed++) {
		struct rng r = rng__fork(seed, 2);
		struct world w = {0};
		struct chaos_addr a;
		const char *ifname;

		for (uint32_t i = 2 + below(&r, 3); i > 0; i--)
			some_netns(&w, &r);
		some_members(&w, &r);
		if (w.plan.n_members)
			some_faults(&w, &r);
		for (int step = 0; step < 4 && !world__compile(&w); step++) {
			w.again = true;
			for (int i = 0; i < PACKETS / 2; i++) {
				struct pkt p = some_packet(&w, &r);

				compare(&w, &p, &t, seed);
			}
			t.plans++;
			a = some_addr(&r);
			if (whose(&w, &a, &ifname) < 0)
				world__addr(&w, below(&r, (uint32_t)w.n_netns), 2, &a);
			w.scans[0].n_addrs = below(&r, (uint32_t)w.scans[0].n_addrs + 1);
		}
		world__reset(&w);
	}
	assert_true(t.plans > PLANS / 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_mean_what_the_plan_says),
		cmocka_unit_test(again_means_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
