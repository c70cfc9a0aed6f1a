/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* record_subject.h: whose client and service traffic is, and the bin that it is counted in. */
#ifndef RECORD_SUBJECT_H
#define RECORD_SUBJECT_H

#include "maps.h"
#include "packet.h"

/* add() on memory that all CPUs share; the result is not used, so that Linux 5.10 has the instruction. */
#define record__add(field, n) ((void)__sync_fetch_and_add(&(field), (n)))

static __always_inline struct chaos_services *services__get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&services, &key);
}

/* Is the destination's port the service's? Decided alike for both ways of a connection. */
static __always_inline bool ports__to_server(__u8 proto, __u16 sport, __u16 dport)
{
	struct chaos_services *s = proto == IPPROTO_TCP ? services__get() : NULL;
	__u32 from = sport, to = dport;
	__u8 is_from = 0, is_to = 0;

	/* Of a byte swap the verifier of 5.10 does not know how much can come out. */
	barrier_var(from);
	barrier_var(to);
	if (s) {
		is_from = s->tcp[from & (CHAOS_PORTS_ALL - 1)];
		is_to = s->tcp[to & (CHAOS_PORTS_ALL - 1)];
	}
	return is_from != is_to ? is_to : to <= from;
}

/* The subject of a packet, and whether it goes to the server. What has no ports has its sender as client. */
static __always_inline bool subject__of(const struct packet *pkt, const struct flow *flow,
					struct chaos_subject *ret)
{
	const struct chaos_subject none = {};
	bool ports = pkt->flags & PACKET_PORTS;
	bool to_server = !ports || ports__to_server(pkt->proto, pkt->sport, pkt->dport);

	*ret = none;
	ret->client = to_server ? flow->src.node : flow->dst.node;
	ret->server = to_server ? flow->dst.node : flow->src.node;
	ret->port = ports ? (to_server ? pkt->dport : pkt->sport) : 0;
	ret->proto = pkt->proto;
	return to_server;
}

/* Its number, or of the sum that stands in for it, CHAOS_SUBJECT_REST if there is none. */
static __always_inline __u32 subject__find(struct chaos_subject *s)
{
	__u32 *id = bpf_map_lookup_elem(&subjects, s);

	if (!id) {
		s->proto = 0;
		s->port = 0;
		id = bpf_map_lookup_elem(&subjects, s);
	}
	return id ? *id : CHAOS_SUBJECT_REST;
}

static __always_inline struct chaos_bin *bin__get(__u32 subject, __u64 run_ns)
{
	struct chaos_bins *b = bpf_map_lookup_elem(&bins, &subject);

	return b ? &b->bin[run_ns / traffic_bin_ns % CHAOS_BINS] : NULL;
}

#endif
