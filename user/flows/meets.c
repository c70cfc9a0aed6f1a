// SPDX-License-Identifier: GPL-2.0-only
/* meets.c: which flows a fault is about. */
#include "flows/internal.h"

#include <string.h>

enum { CACHE_MAX = 64 * 1024 }; /* ends whose members are remembered */

struct scope_cache {
	struct table ends; /* to a row of @bits */
	uint64_t *bits;
	size_t n;
};

void scope_cache__free(struct scope_cache *c)
{
	if (!c)
		return;
	table__reset(&c->ends);
	free(c->bits);
	free(c);
}

static bool on_device(const struct discover_netns *n, const struct chaos_addr *addr,
		      const char *device)
{
	for (size_t i = 0; i < n->scan.n_addrs; i++) {
		const struct addr_info *a = &n->scan.addrs[i];
		struct chaos_addr own = flow_addr__from(a->family, a->addr);

		if (!flow_addr__same(&own, addr))
			continue;
		for (size_t k = 0; k < n->scan.n_links; k++)
			if (n->scan.links[k].ifindex == a->ifindex)
				return !strcmp(n->scan.links[k].name, device);
	}
	return false;
}

bool numbers__have(const uint64_t *v, size_t n, uint64_t number)
{
	size_t lo = 0;

	while (lo < n) {
		size_t mid = (lo + n) / 2;

		if (v[mid] == number)
			return true;
		if (v[mid] < number)
			lo = mid + 1;
		else
			n = mid;
	}
	return false;
}

static bool is_member(const struct scope_member *m, const struct flow_end *e)
{
	if (e->pid && numbers__have(m->processes, m->n_processes, (uint64_t)e->pid))
		return true;
	if (e->netns && numbers__have(m->netns, m->n_netns, (uint64_t)e->netns->id.ino) &&
	    (!m->device || on_device(e->netns, &e->addr, m->device)))
		return true;
	for (size_t i = 0; i < m->n_prefixes; i++)
		if (flow_addr__in(&e->addr, &m->prefixes[i].addr,
				  (uint8_t)m->prefixes[i].prefixlen))
			return true;
	return false;
}

static bool has_port(const struct chaos_port_range *v, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (port >= v[i].lo && port <= v[i].hi)
			return true;
	return !n;
}

static void find_members(const struct scope_run *r, const struct flow_end *e, uint64_t *bits)
{
	memset(bits, 0, scope_run__words(r) * sizeof(*bits));
	for (size_t i = 0; i < r->n_members; i++)
		if (is_member(&r->members[i], e))
			bits[i / 64] |= 1ULL << i % 64;
}

/* Which members @e is, from the cache or into it; NULL: no memory. */
static const uint64_t *members_of(struct scope_run *r, const struct flow_end *e)
{
	size_t words = scope_run__words(r);
	struct scope_cache *c = r->cache;
	uint64_t key = e->netns ? (uint64_t)e->netns->id.ino : 0;
	uint32_t i;
	void *v;

	if (!c)
		c = r->cache = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	key = key << 22 ^ (uint64_t)e->pid;
	for (size_t w = 0; w < 4; w++)
		key = (key ^ e->addr.w[w]) * 0x9e3779b97f4a7c15ULL, key ^= key >> 29;
	i = table__get(&c->ends, key);
	if (i != TABLE_NONE)
		return c->bits + i * words;
	if (c->n == CACHE_MAX) {
		table__reset(&c->ends);
		c->n = 0;
	}
	v = array__grow(c->bits, c->n, words * sizeof(*c->bits));
	if (!v)
		return NULL;
	c->bits = v;
	if (table__put(&c->ends, key, (uint32_t)c->n) < 0)
		return NULL;
	find_members(r, e, c->bits + c->n * words);
	return c->bits + c->n++ * words;
}

static bool in_members(const struct scope_run *r, const struct scope_side *s, const uint64_t *bits)
{
	for (size_t i = 0; i < scope_run__words(r); i++)
		if (s->members[i] & bits[i])
			return true;
	return false;
}

static bool on_side(const struct scope_run *r, const struct scope_side *s,
		    const struct scope_side *other, const struct flow_end *e, const uint64_t *bits)
{
	if (s->any)
		return other->any || !in_members(r, other, bits);
	return in_members(r, s, bits) && has_port(s->ports, s->n_ports, e->port);
}

static bool is_exempt(const struct scope_run *r, uint8_t proto, const struct flow_end *e)
{
	for (size_t i = 0; i < r->n_exempts; i++) {
		const struct scope_exempt *x = &r->exempts[i];

		if (flow_addr__same(&x->addr, &e->addr) &&
		    (!x->port || (x->port == e->port && x->proto == proto)))
			return true;
	}
	return false;
}

bool scope_fault__meets(struct scope_run *r, const struct scope_fault *f, uint8_t proto,
			const struct flow_end *from, const struct flow_end *to)
{
	const uint64_t *from_bits, *to_bits;

	if (f->proto && f->proto != proto)
		return false;
	if (!has_port(f->sports, f->n_sports, from->port) ||
	    !has_port(f->dports, f->n_dports, to->port))
		return false;
	if (f->n_ports && !has_port(f->ports, f->n_ports, from->port) &&
	    !has_port(f->ports, f->n_ports, to->port))
		return false;
	/* The second look may move what the first one found. */
	to_bits = members_of(r, to);
	from_bits = members_of(r, from);
	to_bits = members_of(r, to);
	for (size_t i = 0; from_bits && to_bits && i < f->n_edges; i++) {
		const struct scope_edge *e = &f->edges[i];

		if (on_side(r, &e->from, &e->to, from, from_bits) &&
		    on_side(r, &e->to, &e->from, to, to_bits))
			return !is_exempt(r, proto, from) && !is_exempt(r, proto, to);
	}
	return false;
}
