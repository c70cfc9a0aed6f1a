/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * change.h: what is done to a packet that goes on. Only on the line, where a packet is a single one and,
 * when the plan has such faults, its checksum is in it (user/datapath/line.c turns the line's
 * checksum offload off): on a veth a packet's checksum is otherwise not there yet, nobody would
 * verify it, and a flipped bit would reach the application.
 */
#ifndef CHANGE_H
#define CHANGE_H

#include "packet.h"
#include "uapi.h"

enum {
	TCP_CHECK_OFFSET = 16,
	UDP_CHECK_OFFSET = 6,
	ICMP_CHECK_OFFSET = 2,
	IPV4_CHECK_OFFSET = 10,
	ECN_CE = 3,
};

/* From the packet's offsets to those of the frame. */
static __always_inline __u32 packet__link_len(const struct packet *pkt)
{
	return pkt->base == BPF_HDR_START_NET ? sizeof(struct ethhdr) : 0;
}

/* The checksum that covers a byte at @at changes with it. @l4: offset of the transport header. */
static __always_inline void change__mend(struct __sk_buff *skb, const struct packet *pkt, __u32 l4,
					 __u32 at, __u8 was, __u8 is)
{
	/* Sums are of 16-bit words, in the order of the wire. */
	__u32 shift = (at - l4) & 1 ? 8 : 0;
	__be16 check;

	if (pkt->proto == IPPROTO_TCP) {
		bpf_l4_csum_replace(skb, l4 + TCP_CHECK_OFFSET, (__u32)was << shift,
				    (__u32)is << shift, 2);
	} else if (pkt->proto == IPPROTO_ICMP || pkt->proto == PROTO_ICMPV6) {
		bpf_l4_csum_replace(skb, l4 + ICMP_CHECK_OFFSET, (__u32)was << shift,
				    (__u32)is << shift, 2);
	} else if (pkt->proto == IPPROTO_UDP || pkt->proto == IPPROTO_UDPLITE) {
		/* 0: the sender did without. */
		if (bpf_skb_load_bytes(skb, l4 + UDP_CHECK_OFFSET, &check, sizeof(check)) || !check)
			return;
		bpf_l4_csum_replace(skb, l4 + UDP_CHECK_OFFSET, (__u32)was << shift,
				    (__u32)is << shift, BPF_F_MARK_MANGLED_0 | 2);
	}
}

/* One bit of the transport header or the payload; of the payload alone if it is to be silent. */
static __always_inline void change__corrupt(struct __sk_buff *skb, const struct packet *pkt,
					    __u64 draw, bool silent)
{
	__u32 link = packet__link_len(pkt);
	__u32 l4 = link + pkt->l4, from = link + (silent ? pkt->payload : pkt->l4);
	__u32 end = link + pkt->l3 + pkt->l3_len, at;
	__u8 was, is;

	if (end <= from)
		return;
	at = from + (__u32)(draw >> 32) % (end - from);
	if (bpf_skb_load_bytes(skb, at, &was, 1))
		return;
	is = was ^ (1 << (draw & 7));
	/* What a device has verified already is to be verified again. */
	if (!silent)
		bpf_csum_level(skb, BPF_CSUM_LEVEL_RESET);
	if (bpf_skb_store_bytes(skb, at, &is, 1, BPF_F_RECOMPUTE_CSUM))
		return;
	if (silent)
		change__mend(skb, pkt, l4, at, was, is);
}

/*
 * Congestion experienced, RFC 3168. (bpf_skb_ecn_set_ce() goes by the skb's network header, which is at
 * the tags where they are in the frame, and leaves headers alone that it would have to copy.)
 */
static __always_inline void change__mark(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 l3 = packet__link_len(pkt) + pkt->l3;
	__u8 was, is;

	/* IPv4: the low bits of the second byte. IPv6: of its high half. */
	if (bpf_skb_load_bytes(skb, l3 + 1, &was, 1))
		return;
	is = was | (pkt->version == 4 ? ECN_CE : ECN_CE << 4);
	if (pkt->version == 4)
		bpf_l3_csum_replace(skb, l3 + IPV4_CHECK_OFFSET, (__u32)was << 8, (__u32)is << 8,
				    2);
	bpf_skb_store_bytes(skb, l3 + 1, &is, 1, pkt->version == 4 ? 0 : BPF_F_RECOMPUTE_CSUM);
}

#endif
