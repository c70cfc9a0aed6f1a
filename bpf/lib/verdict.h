/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* verdict.h: what the programs return. */
#ifndef VERDICT_H
#define VERDICT_H

enum verdict {
	/* TC_ACT_UNSPEC, TCX_NEXT: other programs on the device have their say. */
	VERDICT_PASS = -1,
	/* TC_ACT_SHOT, TCX_DROP */
	VERDICT_SHOT = 2,
};

/*
 * A drop at egress must not be a local error, which the sender's TCP sees as congestion of its own
 * device and repeats without backoff. A redirect to no device frees the packet and says that it was
 * sent. (TC_ACT_STOLEN would do for clsact, but tcx passes it on.)
 */
static __always_inline int verdict__drop(__u32 direction)
{
	return direction == CHAOS_INGRESS ? VERDICT_SHOT : bpf_redirect(0, 0);
}

#endif
