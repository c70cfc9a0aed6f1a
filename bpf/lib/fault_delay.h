/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fault_delay.h: the packet arrives later: latency + jitter, the jitter from a distribution.
 *
 * A table has n quantiles of the distribution, so a uniform draw picks one (netem's way, and its
 * .dist files). Correlated jitter is a Gaussian copula: a normal AR(1) process, through its distribution
 * function to a uniform number, through the table. So the distribution is the asked one whatever the
 * correlation; netem's mixture of uniform draws is neither uniform nor what the table assumes.
 */
#ifndef FAULT_DELAY_H
#define FAULT_DELAY_H

#include "param.h"

enum {
	DRAW_DELAY = 1 << 8,
	Z_MAX = 32767, /* 4 standard deviations in 1/8192 */
	PHI_SHIFT = 4, /* 65536 values of z to CHAOS_TABLE_LEN */
};

static __always_inline __s32 table__at(__u32 i)
{
	__s32 *v = bpf_map_lookup_elem(&tables, &i);

	return v ? *v : 0;
}

/* A uniform number, 2^32 = 1, correlated with that of the packet before. */
static __always_inline __u32 delay__uniform(struct fault *f, const struct chaos_delay *d)
{
	__u32 u = fault__draw(f, DRAW_DELAY) >> 32;
	struct link_state *s = f->state;
	__s64 z, innovation;

	if (!d->correlation)
		return u;
	innovation = table__at(CHAOS_TABLE_NORMAL + (u >> 20));
	bpf_spin_lock(&s->lock);
	/* The first packet's is not correlated with anything. */
	z = innovation;
	if (s->known & DRAW_DELAY)
		z = ((__s64)s->z * d->correlation + innovation * d->innovation + (1 << 15)) >> 16;
	s->known |= DRAW_DELAY;
	if (z > Z_MAX)
		z = Z_MAX;
	if (z < -Z_MAX)
		z = -Z_MAX;
	s->z = z;
	bpf_spin_unlock(&s->lock);
	return table__at(CHAOS_TABLE_PHI + ((__u32)(z + Z_MAX + 1) >> PHI_SHIFT));
}
_Static_assert(CHAOS_TABLE_LEN == 1 << 12, "the shifts of delay__uniform()");

static __always_inline __u64 delay__draw(struct fault *f, const struct chaos_delay *d)
{
	__s64 mean = param__at(&d->latency_ns, f->ramp), ns;
	__s64 jitter = param__at(&d->jitter_ns, f->ramp);
	__u32 u;

	if (!jitter)
		return mean;
	u = delay__uniform(f, d);
	if (d->table_len) {
		__s64 t = table__at(d->table + (__u32)(((__u64)u * d->table_len) >> 32));

		ns = mean + ((jitter * t) >> 13);
	} else {
		/* 2^24 steps, so that the product fits. */
		ns = mean - jitter + ((2 * jitter * (__s64)(u >> 8)) >> 24);
	}
	return ns > 0 ? ns : 0;
}
_Static_assert(CHAOS_TABLE_UNIT == 1 << 13, "the shift of delay__draw()");

/* As netem counts: after gap - 1 delayed ones, each may overtake until one does. */
static __always_inline bool delay__overtakes(struct fault *f, const struct chaos_delay *d)
{
	struct link_state *s = f->state;
	bool hit, ripe;

	if (!(d->flags & CHAOS_DELAY_REORDER))
		return false;
	hit = chance__hits(f, &d->overtake, CHANCE_OVERTAKE);
	bpf_spin_lock(&s->lock);
	ripe = s->delayed + 1 >= d->gap;
	s->delayed = hit && ripe ? 0 : s->delayed + 1;
	bpf_spin_unlock(&s->lock);
	return hit && ripe;
}

static __always_inline bool fault__delay(struct fault *f)
{
	const struct chaos_delay *d = &f->rule->delay;
	struct link_state *s = f->state;
	__u64 due_ns;

	if (delay__overtakes(f, d)) {
		f->counts->reordered++;
		return false;
	}
	due_ns = f->out->due_ns + delay__draw(f, d);
	if (d->flags & CHAOS_DELAY_IN_ORDER) {
		bpf_spin_lock(&s->lock);
		if (due_ns < s->due_ns)
			due_ns = s->due_ns;
		s->due_ns = due_ns;
		bpf_spin_unlock(&s->lock);
	}
	if (due_ns != f->out->due_ns)
		f->counts->delayed += f->flow->segs;
	f->out->due_ns = due_ns;
	return false;
}

#endif
