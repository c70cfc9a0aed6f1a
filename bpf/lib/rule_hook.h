/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* rule_hook.h: the rules as a hook sees them: a partition drops, anything else needs the line. */
#ifndef RULE_HOOK_H
#define RULE_HOOK_H

#include "capture.h"
#include "fault_partition.h"
#include "rule.h"
#include "run_time.h"

/*
 * One rule; an enum rule_result. Not static: the verifier proves a global function once, for any
 * arguments, and not again for each of the rules of a pair and each way to them. (Linux 5.10 has no
 * pointers as its arguments.)
 */
__noinline int rule__at_hook(__u32 rule_id, __u64 now_ns, __u64 run_ns, __u32 may_be_exempt)
{
	const struct chaos_rule *rule = bpf_map_lookup_elem(&rules, &rule_id);
	struct passage *p = passage__get(0);
	struct chaos_edge_counts *counts;

	if (!p || !rule)
		return RULE_NONE;
	if (!fault__window(rule->fault, run_ns) || !match__takes(&rule->match, &p->pkt, true))
		return RULE_NONE;
	if (may_be_exempt && packet__exempt(&p->pkt))
		return RULE_EXEMPT;
	if (rule->actions & ~CHAOS_ACT_PARTITION)
		return RULE_LINE;
	if (!(rule->actions & CHAOS_ACT_PARTITION) || !fault__partition())
		return RULE_TAKEN;
	p->flow.faults |= capture__fault(rule->fault);
	counts = edge__or_overflow(rule->fault, &p->flow);
	if (counts) {
		counts->matched += p->flow.segs;
		counts->matched_bytes += p->flow.bytes;
		counts->dropped += p->flow.segs;
		edge__hit(counts, now_ns);
	}
	return RULE_DROP;
}

/* RULE_NONE, RULE_DROP or RULE_LINE. */
static __always_inline int rules__at_hook(const struct flow *flow, const struct chaos_control *ctl,
					  __u64 t0_ns)
{
	struct chaos_pair *pair = pair__of(flow);
	__u32 may_be_exempt = ctl->n_exempt;
	__u64 now_ns;
	__u32 i;

	if (!pair)
		return RULE_NONE;
	now_ns = bpf_ktime_get_ns();
	if (!run__has_begun(now_ns, t0_ns))
		return RULE_NONE;
	for (i = 0; i < CHAOS_RULES_PER_PAIR; i++) {
		if (i >= pair->n_rules)
			break;
		switch (rule__at_hook(pair->rule[i], now_ns, now_ns - t0_ns, may_be_exempt)) {
		case RULE_DROP:
			return RULE_DROP;
		case RULE_LINE:
			return RULE_LINE;
		case RULE_EXEMPT:
			stats__exempted();
			return RULE_NONE;
		}
	}
	return RULE_NONE;
}

#endif
