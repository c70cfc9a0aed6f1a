/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fault.h: what every fault gets. A fault is a function in a file of its own,
 *
 *	static __always_inline bool fault__NAME(struct fault *f);
 *
 * that says whether it drops the packet, and a line in rule__apply(). It changes nothing but
 * f->out and f->state: what is to be done to the packet is done when all rules have had their say.
 */
#ifndef FAULT_H
#define FAULT_H

#include "maps.h"
#include "packet.h"
#include "rng.h"

struct fault {
	const struct packet *pkt;
	const struct flow *flow;
	const struct chaos_rule *rule;
	struct outcome *out;
	struct link_state *state;	  /* of this rule on this edge */
	struct chaos_edge_counts *counts; /* of this fault on this edge */
	__u64 draws;			  /* generator at this packet's ordinal */
	__u64 ordinal; /* of this packet among those that the rule took, from 0 */
	__u64 now_ns;
	__u32 ramp; /* how far the ramp has gone, param.h */
	bool copy;  /* it is a duplicate */
};

/* A draw of this packet for one purpose; the same for the same seed, edge, ordinal and purpose. */
static __always_inline __u64 fault__draw(const struct fault *f, __u32 purpose)
{
	return rng__mix(f->draws + purpose * RNG_STEP);
}

#endif
