/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* rule.h: the rules of a pair, one after the other: what a hook and the line have in common. */
#ifndef RULE_H
#define RULE_H

#include "count.h"
#include "exempt.h"
#include "match.h"
#include "window.h"

enum rule_result {
	RULE_NONE,  /* it did not take the packet */
	RULE_TAKEN, /* it did, and the packet goes on */
	RULE_DROP,
	RULE_EXEMPT, /* no rule may touch this packet */
	RULE_LINE,   /* only the line can say */
};

static __always_inline struct chaos_pair *pair__of(const struct flow *flow)
{
	struct chaos_pair_key key = {
		.src_class = flow->src.class_id,
		.dst_class = flow->dst.class_id,
		.direction = flow->direction,
	};

	return bpf_map_lookup_elem(&pairs, &key);
}

static __always_inline void stats__exempted(void)
{
	struct chaos_stats *totals = stats__get();

	if (totals)
		totals->exempted++;
}

#endif
