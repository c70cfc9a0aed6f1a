/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.h: plans and namespaces made up for tests of compile(), and the packet path's look-ups in
 * the compiled tables, as bpf/lib/identity.h and rule.h do them.
 */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "datapath/compile.h"
#include "datapath/compile_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
	struct dp_plan plan;
	struct netns_scan *scans;
	struct compile_netns *netns;
	uint64_t **since;
	struct compile_place *places;
	size_t n_places;
	size_t n_netns;
	struct compile_numbers numbers;
	struct compiled out;
	struct error err;
	bool again;
};

static inline void *world__more(void *v, size_t n, size_t size)
{
	/* Doubling, by the number alone. */
	if ((n & (n - 1)) == 0)
		v = realloc(v, (n ? n * 2 : 1) * size);
	assert_non_null(v);
	memset((char *)v + n * size, 0, size);
	return v;
}

static inline struct dp_prefix world__parse(const char *s)
{
	struct dp_prefix p = {.addr = {.w = {0, 0, htonl(0xffff), 0}}, .len = 128};
	char text[64], *slash;

	snprintf(text, sizeof(text), "%s", s);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = 0;
	if (inet_pton(AF_INET, text, &p.addr.w[3]) == 1)
		p.len = slash ? (uint8_t)(96 + atoi(slash)) : 128;
	else if (inet_pton(AF_INET6, text, &p.addr) == 1)
		p.len = slash ? (uint8_t)atoi(slash) : 128;
	else
		fail_msg("%s", s);
	return p;
}

static inline struct chaos_addr world__ip(const char *s)
{
	return world__parse(s).addr;
}

static inline size_t world__netns(struct world *w)
{
	w->scans = world__more(w->scans, w->n_netns, sizeof(*w->scans));
	w->since = world__more(w->since, w->n_netns, sizeof(*w->since));
	return w->n_netns++;
}

/* Devices count from 1 in each namespace. */
static inline int world__link(struct world *w, size_t ns, const char *name, const char *kind)
{
	struct netns_scan *s = &w->scans[ns];
	struct link_info *l;

	s->links = world__more(s->links, s->n_links, sizeof(*s->links));
	l = &s->links[s->n_links++];
	l->ifindex = (int)s->n_links;
	l->up = true;
	l->loopback = !strcmp(name, "lo");
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->kind, sizeof(l->kind), "%s", kind);
	return l->ifindex;
}

static inline void world__addr(struct world *w, size_t ns, int ifindex, const struct chaos_addr *a)
{
	struct netns_scan *s = &w->scans[ns];
	struct addr_info *info;
	bool v4 = !a->w[0] && !a->w[1] && a->w[2] == htonl(0xffff);

	s->addrs = world__more(s->addrs, s->n_addrs, sizeof(*s->addrs));
	w->since[ns] = world__more(w->since[ns], s->n_addrs, sizeof(**w->since));
	info = &s->addrs[s->n_addrs++];
	info->ifindex = ifindex;
	info->family = v4 ? AF_INET : AF_INET6;
	memcpy(info->addr, v4 ? (const void *)&a->w[3] : a, v4 ? 4 : 16);
}

static inline void world__ip_on(struct world *w, size_t ns, int ifindex, const char *ip)
{
	struct chaos_addr a = world__ip(ip);

	world__addr(w, ns, ifindex, &a);
}

/* A namespace with lo, eth0 and an address on it. */
static inline size_t world__node(struct world *w, const char *ip)
{
	size_t ns = world__netns(w);

	world__ip_on(w, ns, world__link(w, ns, "lo", ""), "127.0.0.1");
	world__ip_on(w, ns, 1, "::1");
	world__ip_on(w, ns, world__link(w, ns, "eth0", "veth"), ip);
	return ns;
}

/* Members are placed in their order. */
static inline void world__place(struct world *w, size_t member, size_t ns, bool by_socket)
{
	w->places = world__more(w->places, w->n_places, sizeof(*w->places));
	w->places[w->n_places++] =
		(struct compile_place){(uint32_t)member, (uint32_t)ns, by_socket};
}

static inline size_t world__member(struct world *w, const char *name, ssize_t ns,
				   const char *ifname)
{
	struct dp_member *m;

	w->plan.members = world__more(w->plan.members, w->plan.n_members, sizeof(*m));
	m = &w->plan.members[w->plan.n_members];
	m->name = strdup(name);
	m->ifname = ifname ? strdup(ifname) : NULL;
	if (ns >= 0)
		world__place(w, w->plan.n_members, (size_t)ns, false);
	return w->plan.n_members++;
}

/* A member that is all of a namespace with @ip. */
static inline size_t world__here(struct world *w, const char *name, const char *ip)
{
	return world__member(w, name, (ssize_t)world__node(w, ip), NULL);
}

static inline void world__process(struct world *w, size_t member, pid_t pid, bool heirs)
{
	struct dp_member *m = &w->plan.members[member];

	m->processes = world__more(m->processes, m->n_processes, sizeof(*m->processes));
	m->processes[m->n_processes++] = (struct dp_process){pid, heirs};
	w->plan.by_socket = true;
}

/* A member that is process @pid in @ns. */
static inline size_t world__job(struct world *w, const char *name, size_t ns, pid_t pid)
{
	size_t m = world__member(w, name, -1, NULL);

	world__place(w, m, ns, true);
	world__process(w, m, pid, true);
	return m;
}

static inline void world__prefix(struct world *w, size_t member, const char *s)
{
	struct dp_member *m = &w->plan.members[member];

	m->prefixes = world__more(m->prefixes, m->n_prefixes, sizeof(*m->prefixes));
	m->prefixes[m->n_prefixes++] = world__parse(s);
}

static inline size_t world__cidr(struct world *w, const char *name, const char *prefix)
{
	size_t m = world__member(w, name, -1, NULL);

	world__prefix(w, m, prefix);
	return m;
}

static inline struct dp_fault *world__fault(struct world *w, const char *name, uint32_t actions)
{
	struct dp_fault *f;

	w->plan.faults = world__more(w->plan.faults, w->plan.n_faults, sizeof(*f));
	f = &w->plan.faults[w->plan.n_faults++];
	f->name = strdup(name);
	f->rule.actions = actions;
	f->rule.seed = 1000 + w->plan.n_faults;
	return f;
}

static inline struct dp_side world__any(void)
{
	return (struct dp_side){.any = true};
}

static inline void world__on_side(struct dp_side *s, size_t member)
{
	s->members = world__more(s->members, s->n_members, sizeof(*s->members));
	s->members[s->n_members++] = member;
}

static inline void world__side_port(struct dp_side *s, uint16_t lo, uint16_t hi)
{
	s->ports = world__more(s->ports, s->n_ports, sizeof(*s->ports));
	s->ports[s->n_ports++] = (struct chaos_port_range){lo, hi};
}

static inline struct dp_side world__side(size_t member)
{
	struct dp_side s = {0};

	world__on_side(&s, member);
	return s;
}

static inline struct dp_edge *world__edge(struct dp_fault *f, struct dp_side from,
					  struct dp_side to)
{
	f->edges = world__more(f->edges, f->n_edges, sizeof(*f->edges));
	f->edges[f->n_edges] = (struct dp_edge){from, to};
	return &f->edges[f->n_edges++];
}

static inline int world__compile(struct world *w)
{
	struct compile_input in = {
		.plan = &w->plan,
		.n_netns = w->n_netns,
		.places = w->places,
		.n_places = w->n_places,
		.again = w->again,
	};
	int r;

	free(w->netns);
	w->netns = calloc(w->n_netns + 1, sizeof(*w->netns));
	for (size_t i = 0; i < w->n_netns; i++)
		w->netns[i] = (struct compile_netns){&w->scans[i], w->since[i]};
	in.netns = w->netns;
	w->err = (struct error){0};
	compiled__reset(&w->out);
	r = compile(&in, &w->numbers, &w->out, &w->err);
	if (r)
		assert_int_equal(w->err.code, r);
	return r;
}

static inline void world__reset(struct world *w)
{
	compiled__reset(&w->out);
	compile_numbers__reset(&w->numbers);
	dp_plan__reset(&w->plan);
	for (size_t i = 0; i < w->n_netns; i++) {
		netns_scan__reset(&w->scans[i]);
		free(w->since[i]);
	}
	free(w->scans);
	free(w->since);
	free(w->netns);
	free(w->places);
	*w = (struct world){0};
}

/* A test with a world of its own. */
static inline int world__setup(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static inline int world__teardown(void **state)
{
	world__reset(*state);
	free(*state);
	return 0;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world__setup, world__teardown)

/* a, b and c are namespaces 10.0.0.1-3. */
static inline struct world *world__three(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"a", "b", "c"};

	for (int i = 0; i < 3; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "10.0.0.%d", i + 1);
		world__here(w, names[i], ip);
	}
	return w;
}

/* --- the packet path -------------------------------------------------------------------------- */

/* An owner, by its process. */
static inline uint32_t world__owner(const struct world *w, pid_t pid)
{
	for (size_t i = 0; i < w->out.n_processes; i++)
		if (w->out.processes[i].pid == pid)
			return w->out.processes[i].owner;
	return CHAOS_OWNER_NONE;
}

/* As owner__join(). */
static inline struct chaos_ident world__join(const struct world *w, uint32_t owner,
					     struct chaos_ident ident)
{
	for (size_t i = 0; owner && i < w->out.n_joins; i++)
		if (w->out.joins[i].key.owner == owner &&
		    w->out.joins[i].key.class_id == ident.class_id)
			return w->out.joins[i].ident;
	return ident;
}

struct pkt {
	uint32_t src_owner, dst_owner;
	struct chaos_addr src, dst;
	uint16_t sport, dport;
	bool ports;
	uint8_t proto;
};

static inline struct chaos_ident ident__without_here(struct chaos_ident i)
{
	i.node &= ~CHAOS_NODE_HERE;
	return i;
}

static inline struct chaos_ident world__lookup(const struct world *w, const struct chaos_addr *a)
{
	struct chaos_ident found = {0};
	int best = -1;

	for (size_t i = 0; i < w->out.n_idents; i++)
		if (!memcmp(&w->out.idents[i].addr, a, sizeof(*a)))
			return ident__without_here(w->out.idents[i].ident);
	for (size_t i = 0; i < w->out.n_prefixes; i++) {
		const struct chaos_prefix *p = &w->out.prefixes[i].key;
		bool in = (int)p->prefixlen > best;

		for (__u32 b = 0; b < p->prefixlen && in; b++)
			in = !((((const uint8_t *)a)[b / 8] ^ ((const uint8_t *)&p->addr)[b / 8]) &
			       (0x80 >> b % 8));
		if (in) {
			best = (int)p->prefixlen;
			found = w->out.prefixes[i].ident;
		}
	}
	return found;
}

static inline const struct compiled_hook *world__hook(const struct world *w, size_t ns,
						      const char *ifname)
{
	for (size_t i = 0; i < w->out.n_hooks; i++)
		if (w->out.hooks[i].netns == ns && !strcmp(w->out.hooks[i].ifname, ifname))
			return &w->out.hooks[i];
	return NULL;
}

static inline bool world__in_ranges(const struct chaos_port_range *r, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (port >= r[i].lo && port <= r[i].hi)
			return true;
	return false;
}

static inline bool world__match(const struct chaos_match *m, const struct pkt *p)
{
	if (m->proto && m->proto != p->proto)
		return false;
	if (!(m->n_sport | m->n_dport | m->n_port))
		return true;
	return p->ports && (!m->n_sport || world__in_ranges(m->sport, m->n_sport, p->sport)) &&
	       (!m->n_dport || world__in_ranges(m->dport, m->n_dport, p->dport)) &&
	       (!m->n_port || world__in_ranges(m->port, m->n_port, p->sport) ||
		world__in_ranges(m->port, m->n_port, p->dport));
}

static inline const struct compiled_pair *world__pair(const struct world *w, uint32_t scope,
						      struct chaos_pair_key key)
{
	for (size_t i = 0; i < w->out.n_pairs; i++)
		if (w->out.pairs[i].scope == scope &&
		    !memcmp(&w->out.pairs[i].key, &key, sizeof(key)))
			return &w->out.pairs[i];
	return NULL;
}

/* How often each fault takes @p at @h: counts[fault] goes up by one for each rule that does. */
static inline void world__meet(const struct world *w, const struct compiled_hook *h, int direction,
			       const struct pkt *p, unsigned int *counts)
{
	struct chaos_ident src = world__lookup(w, &p->src), dst = world__lookup(w, &p->dst);
	bool fixed = h->hook.flags & CHAOS_HOOK_FIXED;
	const struct compiled_pair *pair;

	if (!strcmp(h->ifname, "lo")) {
		src = fixed || !src.class_id ? h->hook.ident : src;
		dst = fixed || !dst.class_id ? h->hook.ident : dst;
	} else if (fixed && direction == CHAOS_INGRESS) {
		dst = h->hook.ident;
	} else if (fixed) {
		src = h->hook.ident;
	}
	/* The receiving socket is looked up at its own hook only. */
	src = world__join(w, p->src_owner, src);
	if (direction == CHAOS_INGRESS && (h->hook.flags & CHAOS_HOOK_OWNERS))
		dst = world__join(w, p->dst_owner, dst);
	pair = world__pair(w, h->scope,
			   (struct chaos_pair_key){src.class_id, dst.class_id, (__u32)direction});
	for (__u32 i = 0; pair && i < pair->pair.n_rules; i++) {
		const struct chaos_rule *r = &w->out.rules[pair->pair.rule[i]];

		counts[r->fault] += world__match(&r->match, p);
	}
}

/* One fault at one hook: how many rules of it take a packet without ports from @src to @dst? */
static inline unsigned int world__hits(const struct world *w, const struct compiled_hook *h,
				       int direction, const char *src, const char *dst,
				       uint32_t fault)
{
	struct pkt p = {.src = world__ip(src), .dst = world__ip(dst), .proto = 1};
	unsigned int counts[64] = {0};

	assert_non_null(h);
	world__meet(w, h, direction, &p, counts);
	return counts[fault];
}

#define IN CHAOS_INGRESS
#define OUT CHAOS_EGRESS

/* The same at eth0 of namespace @ns, of the first fault. */
static inline unsigned int world__hits_at(const struct world *w, size_t ns, int direction,
					  const char *src, const char *dst)
{
	return world__hits(w, world__hook(w, ns, "eth0"), direction, src, dst, 0);
}

#endif
