/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fault_rate.h: a link of a bandwidth, with a queue before it. The generic cell rate algorithm (ITU-T
 * I.371) in its virtual scheduling form: `free_ns` is when the link has sent all it was given. A packet is
 * there when its last bit is; what was not used may be made good by a burst.
 */
#ifndef FAULT_RATE_H
#define FAULT_RATE_H

#include "param.h"

#define SECOND_NS 1000000000ULL

/* Nanoseconds for @bytes; 2^34 bytes at most, that the product fits. */
static __always_inline __u64 rate__time(__u64 bytes, __u64 bytes_per_s)
{
	return bytes * SECOND_NS / bytes_per_s;
}

static __always_inline bool fault__rate(struct fault *f)
{
	const struct chaos_rate *r = &f->rule->rate;
	__u64 at = f->out->due_ns, speed = param__at(&r->bytes_per_s, f->ramp);
	struct link_state *s = f->state;
	__u64 send_ns, burst_ns, limit_ns, free_ns, earliest;
	bool full = false;

	if (!speed)
		speed = 1;
	send_ns = rate__time(f->flow->bytes, speed);
	burst_ns = r->burst_bytes ? rate__time(r->burst_bytes, speed) : 0;
	limit_ns = r->queue_bytes ? rate__time(r->queue_bytes, speed) : r->queue_ns;
	earliest = at > burst_ns ? at - burst_ns : 0;

	bpf_spin_lock(&s->lock);
	free_ns = s->free_ns > earliest ? s->free_ns : earliest;
	if (limit_ns && free_ns > at && free_ns - at > limit_ns)
		full = true;
	else
		s->free_ns = free_ns + send_ns;
	bpf_spin_unlock(&s->lock);

	if (full) {
		f->counts->overflowed += f->flow->segs;
		return true;
	}
	if (free_ns + send_ns > at) {
		f->out->due_ns = free_ns + send_ns;
		f->counts->shaped += f->flow->segs;
	}
	return false;
}

#endif
