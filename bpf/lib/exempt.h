/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* exempt.h: flows that no fault may touch: the way in, the tool's own probes. */
#ifndef EXEMPT_H
#define EXEMPT_H

#include "maps.h"
#include "packet.h"

static __always_inline bool exempt__has(const struct chaos_addr *addr, __u16 port, __u8 proto)
{
	struct chaos_exempt_key key = {.addr = *addr, .port = port, .proto = proto};

	return bpf_map_lookup_elem(&exempt, &key);
}

/* Either side of it, with its port or with all. Neighbour discovery goes by the address alone. */
static __always_inline bool packet__exempt(const struct packet *pkt)
{
	__u8 proto = pkt->flags & PACKET_NEIGHBOUR ? 0 : pkt->proto;

	if (exempt__has(&pkt->src, 0, proto) || exempt__has(&pkt->dst, 0, proto))
		return true;
	return (pkt->flags & PACKET_PORTS) && (exempt__has(&pkt->src, pkt->sport, proto) ||
					       exempt__has(&pkt->dst, pkt->dport, proto));
}

#endif
