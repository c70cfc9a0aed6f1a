/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* count.h: what was seen and done, per CPU; user space adds up. */
#ifndef COUNT_H
#define COUNT_H

#include "maps.h"
#include "packet.h"

static __always_inline struct chaos_stats *stats__get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&stats, &key);
}

/* Counters of a fault on an edge, made at its first packet; NULL when there is no more room. */
static __always_inline struct chaos_edge_counts *edge__get(__u32 fault, const struct flow *flow)
{
	struct chaos_edge_key key = {
		.fault = fault,
		.src_node = flow->src.node,
		.dst_node = flow->dst.node,
	};
	struct chaos_edge_counts *counts, zero = {};

	counts = bpf_map_lookup_elem(&edges, &key);
	if (counts)
		return counts;
	/* Fails if another CPU was first, which is as good. */
	bpf_map_update_elem(&edges, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&edges, &key);
}

/* When there is no more room: counted nowhere, but for the stats. */
static __always_inline struct chaos_edge_counts *edge__or_overflow(__u32 fault,
								   const struct flow *flow)
{
	struct chaos_edge_counts *counts = edge__get(fault, flow);
	struct chaos_stats *totals;

	if (!counts) {
		totals = stats__get();
		if (totals)
			totals->edge_overflow++;
	}
	return counts;
}

static __always_inline void edge__hit(struct chaos_edge_counts *counts, __u64 now_ns)
{
	if (!counts->first_hit_ns)
		counts->first_hit_ns = now_ns;
	counts->last_hit_ns = now_ns;
}

/* The node of a hook that counts its traffic, else NULL. */
static __always_inline struct chaos_traffic *traffic__get(const volatile struct chaos_hook *hook,
							  bool loopback)
{
	__u32 node = hook->ident.node;

	if (!(hook->flags & CHAOS_HOOK_TRAFFIC) || loopback)
		return NULL;
	return bpf_map_lookup_elem(&traffic, &node);
}

static __always_inline void traffic__count(struct chaos_traffic *t, const struct packet *pkt,
					   const struct flow *flow)
{
	bool syn = (pkt->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
	bool rst = pkt->tcp_flags & TCP_FLAG_RST;

	if (flow->direction == CHAOS_INGRESS) {
		t->rx_packets += flow->segs;
		t->rx_bytes += flow->bytes;
		t->rx_syn += syn;
		t->rx_rst += rst;
	} else {
		t->tx_packets += flow->segs;
		t->tx_bytes += flow->bytes;
		t->tx_syn += syn;
		t->tx_rst += rst;
	}
}

#endif
