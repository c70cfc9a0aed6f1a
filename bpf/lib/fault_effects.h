/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* fault_effects.h: faults that change a packet or answer it. Here is decided to which; change.h and
 * answer.h do it. */
#ifndef FAULT_EFFECTS_H
#define FAULT_EFFECTS_H

#include "param.h"

enum {
	DRAW_BIT = 1 << 9,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
};

static __always_inline bool fault__duplicate(struct fault *f)
{
	if (f->copy || !chance__hits(f, &f->rule->duplicate, CHANCE_DUPLICATE))
		return false;
	f->out->flags |= OUTCOME_COPY;
	f->counts->duplicated += f->flow->segs;
	return false;
}

static __always_inline bool fault__corrupt(struct fault *f)
{
	bool silent = f->rule->effects & CHAOS_CORRUPT_SILENT;
	const struct packet *pkt = f->pkt;
	/* What is behind the IP packet is padding, which nobody misses. */
	__u32 end = pkt->l3 + pkt->l3_len;

	if (!chance__hits(f, &f->rule->corrupt, CHANCE_CORRUPT))
		return false;
	if (!pkt->version || end <= (silent ? pkt->payload : pkt->l4))
		return false;
	/* The checksum to mend is in the first fragment. */
	if (silent && (pkt->flags & PACKET_LATER))
		return false;
	f->out->flags |= OUTCOME_CORRUPT | (silent ? OUTCOME_SILENT : 0);
	f->out->draw = fault__draw(f, DRAW_BIT);
	f->counts->corrupted += f->flow->segs;
	return false;
}

static __always_inline bool fault__ecn(struct fault *f)
{
	bool capable = f->pkt->ecn == ECN_ECT0 || f->pkt->ecn == ECN_ECT1;

	/* A draw for each packet, so that which are marked does not depend on others' capability. */
	if (!chance__hits(f, &f->rule->ecn, CHANCE_ECN) || !capable)
		return false;
	f->out->flags |= OUTCOME_ECN;
	f->counts->marked += f->flow->segs;
	return false;
}

/* The packet itself is not delivered; whoever is to have one gets an RST. */
static __always_inline bool fault__reset(struct fault *f)
{
	if (!(f->pkt->flags & PACKET_TCP_FLAGS) || (f->pkt->tcp_flags & TCP_FLAG_RST) ||
	    !chance__hits(f, &f->rule->reset, CHANCE_RESET))
		return false;
	if (f->rule->effects & CHAOS_RESET_SENDER)
		f->out->flags |= OUTCOME_RESET_SENDER;
	if (f->rule->effects & CHAOS_RESET_RECEIVER)
		f->out->flags |= OUTCOME_RESET_RECEIVER;
	f->counts->reset += f->flow->segs;
	return true;
}

/* RFC 1122 3.2.2, RFC 4443 2.4: no error about an error, a fragment that is not the first, or what is
 * for many. Without its transport header it is no first one. And none about a frame that has its tags in
 * it, where answer__icmp() has no room to make. */
static __always_inline bool may_be_answered(const struct packet *pkt)
{
	if (!pkt->version || pkt->base != BPF_HDR_START_NET ||
	    (pkt->flags & (PACKET_GROUP | PACKET_NEIGHBOUR)))
		return false;
	return pkt->flags & (PACKET_PORTS | PACKET_QUERY);
}

static __always_inline bool fault__reject(struct fault *f)
{
	if (!chance__hits(f, &f->rule->reject, CHANCE_REJECT))
		return false;
	if (may_be_answered(f->pkt)) {
		f->out->flags |= OUTCOME_UNREACHABLE;
		f->out->icmp_code =
			f->pkt->version == 4 ? f->rule->icmp4_code : f->rule->icmp6_code;
		f->counts->rejected += f->flow->segs;
	}
	return true;
}

static __always_inline bool fault__mtu(struct fault *f)
{
	__u64 mtu = param__at(&f->rule->mtu, f->ramp);

	if (!f->pkt->version || f->pkt->l3_len <= mtu)
		return false;
	if ((f->rule->effects & CHAOS_MTU_ICMP) && may_be_answered(f->pkt)) {
		f->out->flags |= OUTCOME_TOO_BIG;
		f->out->mtu = mtu;
		f->counts->rejected += f->flow->segs;
	}
	return true;
}

#endif
