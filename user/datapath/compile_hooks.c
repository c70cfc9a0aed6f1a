// SPDX-License-Identifier: GPL-2.0-only
/* compile_hooks.c: at which devices programs stand, and what they know there. */
#include "datapath/compile_internal.h"

#include "datapath/line.h"
#include "lib/cleanup.h"

#include <string.h>

static bool kind_is(const struct link_info *l, const char *const *kinds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(l->kind, kinds[i]))
			return true;
	return false;
}

static const struct link_info *find_link(const struct netns_scan *s, int ifindex)
{
	for (size_t i = 0; ifindex && i < s->n_links; i++)
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	return NULL;
}

/*
 * Does the namespace's traffic at this device pass another one of its devices too, where it is
 * seen? A port's own traffic is its bridge's or bond's. The other way round for what shares its
 * lower device's frames unchanged (macvlan), and for a VRF, which lends its name to packets of its
 * ports.
 */
static bool seen_elsewhere(const struct netns_scan *s, const struct link_info *l)
{
	static const char *const masters[] = {"bridge", "bond", "team", "openvswitch"};
	static const char *const shares[] = {"macvlan", "macvtap", "ipvlan", "ipvtap"};
	const struct link_info *master = find_link(s, l->master);

	if (master && kind_is(master, masters, ARRAY_SIZE(masters)))
		return true;
	if (kind_is(l, shares, ARRAY_SIZE(shares)))
		return find_link(s, l->lower) != NULL;
	return !strcmp(l->kind, "vrf");
}

static bool has_vlans(const struct netns_scan *s, const struct link_info *l)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (s->links[i].lower == l->ifindex && !strcmp(s->links[i].kind, "vlan"))
			return true;
	return false;
}

int compiler__device_sig(struct compiler *c, size_t netns, const struct link_info *link,
			 uint32_t *ret_sig, size_t *ret_member, uint32_t *ret_node)
{
	uint32_t sig = 0, node = CHAOS_NODE_OTHER;
	size_t member = c->plan->n_members;

	for (size_t k = c->netns_places.off[netns]; k < c->netns_places.off[netns + 1]; k++) {
		uint32_t place = c->netns_places.v[k], m = c->in->places[place].member;
		const char *ifname = c->plan->members[m].ifname;

		if (ifname && strcmp(ifname, link->name) != 0)
			continue;
		if (compiler__sig_union(c, sig, c->member_sig[m], &sig))
			return -ENOMEM;
		/* The namespace is named before a device of it. */
		if (member == c->plan->n_members || (c->plan->members[member].ifname && !ifname)) {
			member = m;
			node = c->place_node[place];
		}
	}
	if (member == c->plan->n_members && !c->by_socket[netns])
		return -ENOENT;
	if (member == c->plan->n_members)
		member = MEMBER_NONE;
	*ret_sig = sig;
	*ret_member = member;
	*ret_node = node;
	return 0;
}

static bool has_whole_member(const struct compiler *c, size_t netns)
{
	for (size_t k = c->netns_places.off[netns]; k < c->netns_places.off[netns + 1]; k++)
		if (!c->plan->members[c->in->places[c->netns_places.v[k]].member].ifname)
			return true;
	return false;
}

/* What is known of one namespace. */
struct place {
	size_t netns;
	const struct netns_scan *scan;
	const struct own_addr *own; /* its addresses */
	size_t n_own;
	bool whole; /* every device of it counts: a member is all of it, or in it by its sockets */
};

/* Is everything that passes the device the member's, by whatever address? */
static bool is_fixed(const struct place *p, const struct link_info *l, uint32_t class_id)
{
	if (p->whole && p->scan->forwards)
		return false;
	for (size_t i = 0; i < p->n_own; i++)
		if ((p->whole || p->own[i].ifindex == l->ifindex) && p->own[i].class_id != class_id)
			return false;
	return true;
}

static int add_hook(struct compiler *c, const struct place *p, const struct link_info *l,
		    size_t *cap)
{
	struct compiled_hook h = {.netns = p->netns, .ifindex = l->ifindex};
	uint32_t sig;
	int r;

	if (line__is_device(l->name))
		return 0;
	if (l->loopback && !(p->whole && c->lo_needed[p->netns]))
		return 0;
	if (p->whole && seen_elsewhere(p->scan, l))
		return 0;
	r = compiler__device_sig(c, p->netns, l, &sig, &h.member, &h.hook.ident.node);
	if (r == -ENOENT)
		return 0;
	if (!r) {
		r = compiler__class(c, sig, compiler__home(c, p->netns), h.hook.ident.node,
				    &h.hook.ident.class_id);
		h.hook.netns = (uint32_t)p->netns;
		h.loopback = l->loopback;
		h.scope = home__scope(compiler__home(c, p->netns));
	}
	if (r)
		return err__set(c->err, -ENOMEM, "out of memory");
	h.hook.flags = is_fixed(p, l, h.hook.ident.class_id) ? CHAOS_HOOK_FIXED : CHAOS_HOOK_GROUP;
	if (p->whole && has_vlans(p->scan, l))
		h.hook.flags |= CHAOS_HOOK_SKIP_TAGGED;
	if (c->plan->count_traffic && !l->loopback && h.hook.ident.node != CHAOS_NODE_OTHER)
		h.hook.flags |= CHAOS_HOOK_TRAFFIC;
	if (c->by_socket[p->netns])
		h.hook.flags |= CHAOS_HOOK_OWNERS;
	memcpy(h.ifname, l->name, sizeof(h.ifname));
	if (grow_vec(c->out->hooks, c->out->n_hooks, *cap))
		return err__set(c->err, -ENOMEM, "out of memory");
	c->out->hooks[c->out->n_hooks++] = h;
	return 0;
}

static int by_netns(const void *a, const void *b)
{
	const struct own_addr *x = a, *y = b;

	return (x->netns > y->netns) - (x->netns < y->netns);
}

int compiler__hooks(struct compiler *c)
{
	size_t cap = 0, at = 0;
	int r = 0;

	if (c->n_own > 1)
		qsort(c->own, c->n_own, sizeof(*c->own), by_netns);
	for (size_t i = 0; i < c->in->n_netns && !r; i++) {
		struct place p = {
			.netns = i,
			.scan = c->in->netns[i].scan,
			.own = c->own + at,
			.whole = has_whole_member(c, i) || c->by_socket[i],
		};

		for (; at < c->n_own && c->own[at].netns == i; at++)
			p.n_own++;
		for (size_t j = 0; j < p.scan->n_links && !r; j++)
			r = add_hook(c, &p, &p.scan->links[j], &cap);
	}
	return r;
}
