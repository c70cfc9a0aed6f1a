/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* rule_line.h: the rules as the line sees them: wire packets, all faults. */
#ifndef RULE_LINE_H
#define RULE_LINE_H

#include "capture.h"
#include "fault_delay.h"
#include "fault_effects.h"
#include "fault_loss.h"
#include "fault_partition.h"
#include "fault_rate.h"
#include "rule.h"
#include "run_time.h"

/* The faults of a rule in the order of their bits; a drop ends. */
static __always_inline bool rule__apply(struct fault *f)
{
	__u32 actions = f->rule->actions;

	if ((actions & CHAOS_ACT_PARTITION) && fault__partition())
		return true;
	if ((actions & CHAOS_ACT_DUPLICATE) && fault__duplicate(f))
		return true;
	if ((actions & CHAOS_ACT_RESET) && fault__reset(f))
		return true;
	if ((actions & CHAOS_ACT_REJECT) && fault__reject(f))
		return true;
	if ((actions & CHAOS_ACT_MTU) && fault__mtu(f))
		return true;
	if ((actions & CHAOS_ACT_LOSS) && fault__loss(f))
		return true;
	if ((actions & CHAOS_ACT_CORRUPT) && fault__corrupt(f))
		return true;
	if ((actions & CHAOS_ACT_ECN) && fault__ecn(f))
		return true;
	if ((actions & CHAOS_ACT_RATE) && fault__rate(f))
		return true;
	if ((actions & CHAOS_ACT_DELAY) && fault__delay(f))
		return true;
	return false;
}

static __always_inline struct link_state *link__get(__u32 rule_id, const struct flow *flow)
{
	struct chaos_link_key key = {
		.rule = rule_id, .src_node = flow->src.node, .dst_node = flow->dst.node};
	struct link_state *state = bpf_map_lookup_elem(&links, &key), zero = {};

	if (state)
		return state;
	/* Fails if another CPU was first, which is as good. */
	bpf_map_update_elem(&links, &key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(&links, &key);
}

/*
 * What depends on the packets before: every nth, the first so many. True: the rule takes this one, and it
 * has an ordinal. A window that has just begun starts counting anew.
 */
static __always_inline bool link__takes(struct fault *f, __u64 window_ns)
{
	const struct chaos_match *m = &f->rule->match;
	__u32 nth = m->nth, first = m->first;
	struct link_state *s = f->state;
	bool takes;

	bpf_spin_lock(&s->lock);
	if (s->window_ns != window_ns) {
		s->window_ns = window_ns;
		s->matched = 0;
		s->lost = 0;
		s->delayed = 0;
		s->free_ns = 0;
	}
	s->matched++;
	takes = !(nth > 1 && s->matched % nth);
	if (first && (nth > 1 ? s->matched / nth : s->matched) > first)
		takes = false;
	f->ordinal = s->ordinal;
	s->ordinal += takes;
	bpf_spin_unlock(&s->lock);
	return takes;
}

/* Has anything happened to the packet? Its flags and due time before are @flags and @due_ns. */
static __always_inline bool outcome__changed(const struct outcome *out, __u32 flags, __u64 due_ns)
{
	return out->flags != flags || out->due_ns != due_ns;
}

/* One rule; an enum rule_result. Not static: as rule__at_hook(). @which: the passage. */
__noinline int rule__on_line(__u32 rule_id, __u64 now_ns, __u64 t0_ns, __u32 which)
{
	struct passage *p = passage__get(which & 1);
	struct fault f = {.now_ns = now_ns, .copy = which & 1};
	__u64 window, due_ns, reordered;
	__u32 flags;
	bool drop;

	f.rule = bpf_map_lookup_elem(&rules, &rule_id);
	if (!p || !f.rule)
		return RULE_NONE;
	f.pkt = &p->pkt;
	f.flow = &p->flow;
	f.out = &p->out;
	window = fault__window(f.rule->fault, now_ns - t0_ns);
	if (!window || !match__takes(&f.rule->match, f.pkt, false))
		return RULE_NONE;
	f.state = link__get(rule_id, f.flow);
	f.counts = edge__or_overflow(f.rule->fault, f.flow);
	if (!f.state || !f.counts || !link__takes(&f, window))
		return RULE_NONE;
	f.draws = rng__at(f.rule->seed, f.flow->src.node, f.flow->dst.node, f.ordinal);
	f.ramp = ramp__progress(f.rule->ramp_step_ns, now_ns - t0_ns - (window - 1));
	flags = f.out->flags;
	due_ns = f.out->due_ns;
	reordered = f.counts->reordered;
	drop = rule__apply(&f);
	if (!f.copy) {
		f.counts->matched += f.flow->segs;
		f.counts->matched_bytes += f.flow->bytes;
	}
	if (drop)
		f.counts->dropped += f.flow->segs;
	if (drop || outcome__changed(f.out, flags, due_ns) || f.counts->reordered != reordered) {
		edge__hit(f.counts, now_ns);
		p->flow.faults |= capture__fault(f.rule->fault);
	}
	return drop ? RULE_DROP : RULE_TAKEN;
}

/* True if the packet is to be dropped. */
static __always_inline bool rules__on_line(const struct flow *flow, __u64 now_ns, __u64 t0_ns,
					   __u32 which)
{
	struct chaos_pair *pair = pair__of(flow);
	__u32 i;

	if (!pair || !run__has_begun(now_ns, t0_ns))
		return false;
	for (i = 0; i < CHAOS_RULES_PER_PAIR; i++) {
		if (i >= pair->n_rules)
			break;
		if (rule__on_line(pair->rule[i], now_ns, t0_ns, which) == RULE_DROP)
			return true;
	}
	return false;
}

#endif
