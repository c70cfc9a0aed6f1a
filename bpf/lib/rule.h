/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* rule.h: the rules of a pair, one after the other, until one drops the packet. */
#ifndef RULE_H
#define RULE_H

#include "count.h"
#include "exempt.h"
#include "fault_loss.h"
#include "fault_partition.h"
#include "match.h"
#include "window.h"

enum rule_result {
	RULE_NONE,  /* it did not take the packet */
	RULE_TAKEN, /* it did, and the packet goes on */
	RULE_DROP,
	RULE_EXEMPT, /* no rule may touch this packet */
};

/* The faults of a rule in the order of their bits; a drop ends. */
static __always_inline bool rule__apply(struct fault *f)
{
	__u32 actions = f->rule->actions;

	if ((actions & CHAOS_ACT_PARTITION) && fault__partition(f))
		return true;
	if ((actions & CHAOS_ACT_LOSS) && fault__loss(f))
		return true;
	return false;
}

static __always_inline void rule__count(const struct fault *f, bool drop, __u64 now_ns)
{
	struct chaos_edge_counts *counts = edge__get(f->rule->fault, f->flow);
	struct chaos_stats *totals;

	if (counts) {
		counts->matched += f->flow->segs;
		counts->matched_bytes += f->flow->bytes;
		if (drop) {
			counts->dropped += f->flow->segs;
			edge__hit(counts, now_ns);
		}
		return;
	}
	totals = stats__get();
	if (totals)
		totals->edge_overflow++;
}

/*
 * One rule; an enum rule_result. Not static: the verifier proves a global function once, for any
 * arguments, and not again for each of the rules of a pair and each way to them. (Linux 5.10 has no
 * pointers as its arguments, but the context.)
 */
__noinline int rule__run(struct __sk_buff *skb, __u32 rule_id, __u64 now_ns, __u64 run_ns,
			 __u32 may_be_exempt)
{
	struct passage *p = passage__get();
	struct fault f = {.skb = skb, .rule_id = rule_id};
	bool drop;

	f.rule = bpf_map_lookup_elem(&rules, &rule_id);
	if (!p || !f.rule)
		return RULE_NONE;
	f.pkt = &p->pkt;
	f.flow = &p->flow;
	if (!fault__active(f.rule->fault, run_ns) || !match__takes(&f.rule->match, f.pkt))
		return RULE_NONE;
	if (may_be_exempt && packet__exempt(f.pkt))
		return RULE_EXEMPT;
	drop = rule__apply(&f);
	rule__count(&f, drop, now_ns);
	return drop ? RULE_DROP : RULE_TAKEN;
}

/* True if the packet is to be dropped. */
static __always_inline bool rules__run(struct __sk_buff *skb, const struct flow *flow,
				       const struct chaos_control *ctl, __u64 t0_ns)
{
	struct chaos_pair_key key = {
		.src_class = flow->src.class_id,
		.dst_class = flow->dst.class_id,
		.direction = flow->direction,
	};
	struct chaos_pair *pair = bpf_map_lookup_elem(&pairs, &key);
	__u32 may_be_exempt = ctl->n_exempt;
	struct chaos_stats *totals;
	__u64 now_ns;
	__u32 i;

	if (!pair)
		return false;
	now_ns = bpf_ktime_get_ns();
	if (now_ns < t0_ns)
		return false;
	for (i = 0; i < CHAOS_RULES_PER_PAIR; i++) {
		if (i >= pair->n_rules)
			break;
		switch (rule__run(skb, pair->rule[i], now_ns, now_ns - t0_ns, may_be_exempt)) {
		case RULE_DROP:
			return true;
		case RULE_EXEMPT:
			totals = stats__get();
			if (totals)
				totals->exempted++;
			return false;
		case RULE_TAKEN:
			may_be_exempt = 0; /* asked once, and it is not */
			break;
		}
	}
	return false;
}

#endif
