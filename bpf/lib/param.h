/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* param.h: numbers that move while a fault is on, and things that happen with a probability. */
#ifndef PARAM_H
#define PARAM_H

#include "fault.h"
#include "rng.h"

enum {
	RAMP_BITS = 16,
	RAMP_END = 1 << RAMP_BITS,
};

/* How far the ramp has gone, 0 ... 2^16, since the window began. */
static __always_inline __u32 ramp__progress(__u64 step_ns, __u64 window_age_ns)
{
	__u64 done;

	if (!step_ns)
		return 0;
	done = window_age_ns / step_ns;
	return done < RAMP_END ? done : RAMP_END;
}

/* Values are below 2^47, so that the product fits. */
static __always_inline __u64 param__at(const struct chaos_param *p, __u32 progress)
{
	__u64 from = p->from, to = p->to;

	if (!progress || from == to)
		return from;
	if (to > from)
		return from + (((to - from) * progress) >> RAMP_BITS);
	return from - (((from - to) * progress) >> RAMP_BITS);
}

/* Of link_state.last and .known: whose outcome a bit is. */
enum chance_bit {
	CHANCE_DUPLICATE = 1 << 0,
	CHANCE_RESET = 1 << 1,
	CHANCE_REJECT = 1 << 2,
	CHANCE_LOSS = 1 << 3,
	CHANCE_CORRUPT = 1 << 4,
	CHANCE_ECN = 1 << 5,
	CHANCE_OVERTAKE = 1 << 6,
};

/*
 * Does it happen to this packet? With a correlation rho the outcomes of successive packets are a
 * two-state chain: p + rho (1 - p) after one to which it happened, p (1 - rho) after another. Its
 * stationary share is p and its autocorrelation at lag k is rho^k. (netem mixes the draws themselves,
 * which are then not uniform any more, and its share is not p.)
 */
static __always_inline bool chance__hits(struct fault *f, const struct chaos_chance *c, __u32 bit)
{
	__u64 p = param__at(&c->p, f->ramp), rho = c->correlation;
	__u64 draw = fault__draw(f, bit) >> 32;
	struct link_state *s = f->state;
	bool hit;

	if (!rho)
		return draw < p;
	bpf_spin_lock(&s->lock);
	if (s->known & bit)
		p = p - ((p * rho) >> 32) + (s->last & bit ? rho : 0);
	hit = draw < p;
	s->known |= bit;
	if (hit)
		s->last |= bit;
	else
		s->last &= ~bit;
	bpf_spin_unlock(&s->lock);
	return hit;
}

#endif
