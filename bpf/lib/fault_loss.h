/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fault_loss.h: each wire packet is lost with a probability, or as a Markov chain has it: correlated
 * losses, bursts, Gilbert-Elliott and four states are the same chain with other numbers (lib/chain.c).
 */
#ifndef FAULT_LOSS_H
#define FAULT_LOSS_H

#include "param.h"

_Static_assert(CHAOS_LOSS_STATES == 4, "the mask of the state");

static __always_inline __u64 loss__move(struct fault *f, const struct chaos_loss *l)
{
	__u64 draw = fault__draw(f, CHANCE_LOSS) >> 32;
	struct link_state *s = f->state;
	__u32 state, to;

	bpf_spin_lock(&s->lock);
	state = s->chain & (CHAOS_LOSS_STATES - 1);
	for (to = 0; to < CHAOS_LOSS_STATES - 1; to++)
		if (draw < param__at(&l->move[state][to], f->ramp))
			break;
	s->chain = to;
	bpf_spin_unlock(&s->lock);
	return param__at(&l->lost[to & (CHAOS_LOSS_STATES - 1)], f->ramp);
}

static __always_inline bool fault__loss(struct fault *f)
{
	const struct chaos_loss *l = &f->rule->loss;
	struct link_state *s = f->state;
	bool first = false;
	__u64 p;

	if (l->n_states) {
		p = loss__move(f, l);
		return (__u32)fault__draw(f, CHANCE_LOSS) < p;
	}
	if (l->first) {
		bpf_spin_lock(&s->lock);
		first = s->lost < l->first;
		s->lost += first;
		bpf_spin_unlock(&s->lock);
	}
	if (first || (l->every && (f->ordinal + 1) % l->every == 0))
		return true;
	return chance__hits(f, &l->chance, CHANCE_LOSS);
}

#endif
