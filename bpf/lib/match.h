/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* match.h: does a rule of the pair take this packet? What depends on the packet alone. */
#ifndef MATCH_H
#define MATCH_H

#include "packet.h"

static __always_inline bool ports__contain(const struct chaos_port_range *ranges, __u8 n,
					   __u16 port)
{
	__u32 i;

	for (i = 0; i < CHAOS_PORTS_PER_MATCH; i++) {
		if (i >= n)
			break;
		if (port >= ranges[i].lo && port <= ranges[i].hi)
			return true;
	}
	return false;
}

static __always_inline bool match__ports(const struct chaos_match *m, const struct packet *pkt)
{
	if (!(m->n_sport | m->n_dport | m->n_port))
		return true;
	if (!(pkt->flags & PACKET_PORTS))
		return false;
	if (m->n_sport && !ports__contain(m->sport, m->n_sport, pkt->sport))
		return false;
	if (m->n_dport && !ports__contain(m->dport, m->n_dport, pkt->dport))
		return false;
	if (m->n_port && !ports__contain(m->port, m->n_port, pkt->sport) &&
	    !ports__contain(m->port, m->n_port, pkt->dport))
		return false;
	return true;
}

/* At a hook a GSO packet's length says nothing of its wire packets: the line decides. */
static __always_inline bool match__length(const struct chaos_match *m, const struct packet *pkt,
					  bool at_hook)
{
	if (!(m->flags & CHAOS_MATCH_LENGTH) || at_hook)
		return true;
	return pkt->l3_len && pkt->l3_len >= m->length_lo && pkt->l3_len <= m->length_hi;
}

static __always_inline bool match__takes(const struct chaos_match *m, const struct packet *pkt,
					 bool at_hook)
{
	if ((pkt->flags & PACKET_NEIGHBOUR) && !(m->flags & CHAOS_MATCH_NEIGHBOUR))
		return false;
	if (m->proto && m->proto != pkt->proto)
		return false;
	if (m->tcp_mask &&
	    (!(pkt->flags & PACKET_TCP_FLAGS) || (pkt->tcp_flags & m->tcp_mask) != m->tcp_flags))
		return false;
	if ((m->flags & CHAOS_MATCH_DSCP) && (!pkt->version || pkt->dscp != m->dscp))
		return false;
	if (!match__length(m, pkt, at_hook))
		return false;
	return match__ports(m, pkt);
}

#endif
