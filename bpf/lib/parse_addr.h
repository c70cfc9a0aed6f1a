/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* parse_addr.h: addresses as the maps have them. */
#ifndef PARSE_ADDR_H
#define PARSE_ADDR_H

#include "packet.h"

static __always_inline void addr__from_ipv4(struct chaos_addr *addr, __be32 ipv4)
{
	addr->w[0] = 0;
	addr->w[1] = 0;
	addr->w[2] = bpf_htonl(0xffff);
	addr->w[3] = ipv4;
}

#endif
