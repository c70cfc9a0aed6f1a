// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * chaos.bpf.c: the programs at a device, one for each direction, and their maps. A packet goes through
 * lib/ in a straight line: parse, identity, traffic count, rules, verdict.
 */
#include "vmlinux.h"

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "chaos_abi.h"
#include "lib/maps.h"
#include "lib/count.h"
#include "lib/identity.h"
#include "lib/parse.h"
#include "lib/rule.h"
#include "lib/verdict.h"

struct map_control control SEC(".maps");
struct map_windows windows SEC(".maps");
struct map_rules rules SEC(".maps");
struct map_rule_state rule_state SEC(".maps");
struct map_pairs pairs SEC(".maps");
struct map_idents idents SEC(".maps");
struct map_prefixes prefixes SEC(".maps");
struct map_exempt exempt SEC(".maps");
struct map_edges edges SEC(".maps");
struct map_traffic traffic SEC(".maps");
struct map_stats stats SEC(".maps");
struct map_passages passages SEC(".maps");

const volatile struct chaos_hook hook = {};
const volatile __u32 have_prefixes = 1;

/* True if the packet is to be dropped. */
static __always_inline bool packet__handle(struct __sk_buff *skb, struct packet *pkt,
					   struct flow *flow, const struct chaos_control *ctl,
					   __u64 t0_ns)
{
	struct chaos_traffic *node = traffic__get(skb);
	bool parsed = !packet__parse(skb, pkt);
	struct chaos_stats *totals;

	if ((pkt->flags & PACKET_TAGGED) && (hook.flags & CHAOS_HOOK_SKIP_TAGGED))
		return false;
	flow->segs = skb->gso_segs ? skb->gso_segs : 1;
	flow->bytes = packet__wire_bytes(skb, pkt, flow->segs);
	if (node)
		traffic__count(node, pkt, flow);
	if (!t0_ns)
		return false;

	totals = stats__get();
	if (totals) {
		totals->packets++;
		totals->unparsed += !parsed;
	}
	if (!parsed)
		return false;
	flow__identify(skb, pkt, flow);
	if (!rules__run(skb, flow, ctl, t0_ns))
		return false;
	if (node)
		node->dropped += flow->segs;
	return true;
}

static __always_inline int hook__run(struct __sk_buff *skb, __u32 direction)
{
	__u32 key = 0;
	struct chaos_control *ctl = bpf_map_lookup_elem(&control, &key);
	struct passage *p;
	__u64 t0_ns;

	if (!ctl)
		return VERDICT_PASS;
	/* Read once: user space may clear it at any time. */
	t0_ns = *(volatile __u64 *)&ctl->t0_ns;
	if (!t0_ns && !(hook.flags & CHAOS_HOOK_TRAFFIC))
		return VERDICT_PASS;
	p = passage__get();
	if (!p)
		return VERDICT_PASS;
	__builtin_memset(p, 0, sizeof(*p));
	p->flow.direction = direction;
	if (!packet__handle(skb, &p->pkt, &p->flow, ctl, t0_ns))
		return VERDICT_PASS;
	return verdict__drop(direction);
}

SEC("tc")
int chaos_ingress(struct __sk_buff *skb)
{
	return hook__run(skb, CHAOS_INGRESS);
}

SEC("tc")
int chaos_egress(struct __sk_buff *skb)
{
	return hook__run(skb, CHAOS_EGRESS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
