/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* identity.h: who sent it and who receives it. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include "maps.h"
#include "packet.h"

/* Exact address, then longest prefix, then nobody: {0, 0}. */
static __always_inline struct chaos_ident ident__lookup(const struct chaos_addr *addr)
{
	struct chaos_ident nobody = {};
	struct chaos_ident *found;
	struct chaos_prefix key;

	found = bpf_map_lookup_elem(&idents, addr);
	if (!found && have_prefixes) {
		key.prefixlen = 8 * sizeof(key.addr);
		key.addr = *addr;
		found = bpf_map_lookup_elem(&prefixes, &key);
	}
	return found ? *found : nobody;
}

static __always_inline struct chaos_ident ident__hook(const volatile struct chaos_hook *hook)
{
	struct chaos_ident ident = {.class_id = hook->ident.class_id, .node = hook->ident.node};

	return ident;
}

/* Both ends of what passes the loopback device are here, whatever address they use. */
static __always_inline struct chaos_ident ident__loopback(const volatile struct chaos_hook *hook,
							  const struct chaos_addr *addr)
{
	struct chaos_ident ident;

	if (hook->flags & CHAOS_HOOK_FIXED)
		return ident__hook(hook);
	ident = ident__lookup(addr);
	return ident.class_id == CHAOS_CLASS_OTHER ? ident__hook(hook) : ident;
}

static __always_inline void flow__identify(const volatile struct chaos_hook *hook, bool loopback,
					   const struct packet *pkt, struct flow *flow)
{
	bool fixed = hook->flags & CHAOS_HOOK_FIXED;

	if (loopback) {
		flow->src = ident__loopback(hook, &pkt->src);
		flow->dst = ident__loopback(hook, &pkt->dst);
	} else if (flow->direction == CHAOS_INGRESS) {
		bool group = (hook->flags & CHAOS_HOOK_GROUP) && (pkt->flags & PACKET_GROUP);

		flow->src = ident__lookup(&pkt->src);
		flow->dst = fixed || group ? ident__hook(hook) : ident__lookup(&pkt->dst);
	} else {
		flow->src = fixed ? ident__hook(hook) : ident__lookup(&pkt->src);
		flow->dst = ident__lookup(&pkt->dst);
	}
	flow->src_here = flow->src.node & CHAOS_NODE_HERE;
	flow->dst_here = flow->dst.node & CHAOS_NODE_HERE;
	flow->src.node &= ~CHAOS_NODE_HERE;
	flow->dst.node &= ~CHAOS_NODE_HERE;
}

#endif
