/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * fault_loss.h: each packet is lost with a probability, independently.
 *
 * The limit: a GSO skb is lost or kept as a whole, with that probability. So the lost share of the wire
 * packets is exact in expectation, and they go in bursts of up to gso_segs. (1-(1-p)^segs would lose
 * far more than p.) Losing single segments means cutting the skb up: bpf_skb_change_tail() ends its GSO, so
 * each of the up to 45 segments would be a clone whose headers and checksum are mended here. Where
 * single losses matter, set gso_max_segs 1 at the sender.
 */
#ifndef FAULT_LOSS_H
#define FAULT_LOSS_H

#include "fault.h"
#include "rng.h"

static __always_inline bool fault__loss(struct fault *f)
{
	return rule__draw(f->rule_id, f->rule) >> 32 < f->rule->loss.threshold;
}

#endif
