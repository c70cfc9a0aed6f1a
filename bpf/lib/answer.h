/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * answer.h: a packet becomes the answer to itself: an RST to either end, or an ICMP error. On the line,
 * where it is a single packet with its checksum in it. An answer to the sender returns by the other
 * direction of the hook that the packet has left.
 */
#ifndef ANSWER_H
#define ANSWER_H

#include "change.h"

enum {
	ANSWER_TTL = 64,
	TCP_HEADER_LEN = 20,
	IPV4_HEADER_LEN = 20,
	IPV6_HEADER_LEN = 40,
	ICMP4_UNREACHABLE = 3,
	ICMP4_FRAG_NEEDED = 4, /* code */
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	IPV4_DF = 0x4000,
};

/* The pseudo header of RFC 9293 3.1 and RFC 8200 8.1; @src and @dst in the order of the answer. */
struct pseudo {
	struct chaos_addr src;
	struct chaos_addr dst;
	__be32 len;
	__be32 proto;
};

static __always_inline __u16 csum__fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __s64 pseudo__sum(const struct packet *pkt, bool to_sender, __u32 len,
					 __u8 proto)
{
	struct pseudo p = {.len = bpf_htonl(len), .proto = bpf_htonl(proto)};

	p.src = to_sender ? pkt->dst : pkt->src;
	p.dst = to_sender ? pkt->src : pkt->dst;
	/* IPv4 addresses sum without what maps them into IPv6. */
	if (pkt->version == 4) {
		p.src.w[2] = 0;
		p.dst.w[2] = 0;
	}
	return bpf_csum_diff(NULL, 0, (__be32 *)&p, sizeof(p), 0);
}

static __always_inline int answer__swap_macs(struct __sk_buff *skb)
{
	__u8 macs[2 * 6], swapped[2 * 6];

	if (bpf_skb_load_bytes(skb, 0, macs, sizeof(macs)))
		return -1;
	__builtin_memcpy(swapped, macs + 6, 6);
	__builtin_memcpy(swapped + 6, macs, 6);
	return bpf_skb_store_bytes(skb, 0, swapped, sizeof(swapped), 0) ? -1 : 0;
}

/* Write an IP header without options; what it carries is @len bytes. */
static __always_inline int answer__ip(struct __sk_buff *skb, const struct packet *pkt, __u32 off,
				      bool to_sender, __u8 proto, __u32 len)
{
	const struct chaos_addr *src = to_sender ? &pkt->dst : &pkt->src;
	const struct chaos_addr *dst = to_sender ? &pkt->src : &pkt->dst;

	if (pkt->version == 4) {
		struct iphdr ip = {.version = 4,
				   .ihl = 5,
				   .ttl = ANSWER_TTL,
				   .protocol = proto,
				   .frag_off = bpf_htons(IPV4_DF),
				   .tot_len = bpf_htons(IPV4_HEADER_LEN + len)};

		ip.saddr = src->w[3];
		ip.daddr = dst->w[3];
		ip.check = csum__fold(bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
		return bpf_skb_store_bytes(skb, off, &ip, sizeof(ip), 0) ? -1 : 0;
	} else {
		struct ipv6hdr ip = {.version = 6,
				     .hop_limit = ANSWER_TTL,
				     .nexthdr = proto,
				     .payload_len = bpf_htons(len)};

		__builtin_memcpy(&ip.saddr, src, sizeof(*src));
		__builtin_memcpy(&ip.daddr, dst, sizeof(*dst));
		return bpf_skb_store_bytes(skb, off, &ip, sizeof(ip), 0) ? -1 : 0;
	}
}

static __always_inline __u32 answer__ip_len(const struct packet *pkt)
{
	return pkt->version == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
}

/*
 * The segment that the RST answers. RFC 9293 3.10.7.1: to who sent an ACK, in its place of the other's
 * sequence; to who sent none, acknowledging all it sent. To the receiver it stands where the segment
 * stood, which is what RFC 5961 wants of an RST that is believed.
 */
static __always_inline void answer__tcp(struct tcphdr *th, const struct packet *pkt,
					const struct tcphdr *seg, bool to_sender)
{
	__u32 len = pkt->l3 + pkt->l3_len - pkt->payload;

	th->source = to_sender ? seg->dest : seg->source;
	th->dest = to_sender ? seg->source : seg->dest;
	th->doff = TCP_HEADER_LEN / 4;
	th->rst = 1;
	if (!to_sender) {
		th->seq = seg->seq;
		th->ack_seq = seg->ack_seq;
		th->ack = seg->ack;
	} else if (pkt->tcp_flags & TCP_FLAG_ACK) {
		th->seq = seg->ack_seq;
	} else {
		len += !!(pkt->tcp_flags & TCP_FLAG_SYN) + !!(pkt->tcp_flags & TCP_FLAG_FIN);
		th->ack = 1;
		th->ack_seq = bpf_htonl(bpf_ntohl(seg->seq) + len);
	}
}

/*
 * Without IP options and extensions, once and before answer__reset(): bpf_skb_change_tail() does not cut
 * off what is before the place where the transport header was.
 */
static __always_inline int answer__shorten(struct __sk_buff *skb, const struct packet *pkt)
{
	__u32 extra = pkt->l4 - pkt->l3 - answer__ip_len(pkt);

	/* Behind tags in the frame the room would be taken from the wrong place. */
	if (!extra || pkt->base != BPF_HDR_START_NET)
		return 0;
	return bpf_skb_adjust_room(skb, -(__s32)extra, BPF_ADJ_ROOM_MAC, 0) ? -1 : 0;
}

/* Turn the packet into an RST. @seg is its TCP header, read before anything was changed. */
static __always_inline int answer__reset(struct __sk_buff *skb, const struct packet *pkt,
					 const struct tcphdr *seg, bool to_sender)
{
	__u32 l3 = packet__link_len(pkt) + pkt->l3, ip_len = answer__ip_len(pkt);
	struct tcphdr th = {};
	__s64 sum;

	answer__tcp(&th, pkt, seg, to_sender);
	sum = pseudo__sum(pkt, to_sender, sizeof(th), IPPROTO_TCP);
	th.check = csum__fold(bpf_csum_diff(NULL, 0, (__be32 *)&th, sizeof(th), sum));
	if (bpf_skb_change_tail(skb, l3 + ip_len + sizeof(th), 0))
		return -1;
	if (answer__ip(skb, pkt, l3, to_sender, IPPROTO_TCP, sizeof(th)))
		return -1;
	if (bpf_skb_store_bytes(skb, l3 + ip_len, &th, sizeof(th), 0))
		return -1;
	bpf_csum_level(skb, BPF_CSUM_LEVEL_RESET);
	return 0;
}

struct icmp_error {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 info; /* IPv4: next-hop MTU in its low half; IPv6: MTU */
};

static __always_inline void answer__icmp_head(struct icmp_error *e, const struct packet *pkt,
					      const struct outcome *out)
{
	bool too_big = out->flags & OUTCOME_TOO_BIG;

	if (too_big)
		e->info = bpf_htonl(out->mtu);
	if (pkt->version == 4) {
		e->type = ICMP4_UNREACHABLE;
		e->code = too_big ? ICMP4_FRAG_NEEDED : out->icmp_code;
	} else {
		e->type = too_big ? ICMP6_TOO_BIG : ICMP6_UNREACHABLE;
		e->code = too_big ? 0 : out->icmp_code;
	}
}

/* Turn the packet into an ICMP error about it. */
static __always_inline int answer__icmp(struct __sk_buff *skb, struct passage *p)
{
	const struct packet *pkt = &p->pkt;
	__u32 link = packet__link_len(pkt), ip_len = answer__ip_len(pkt), quoted = QUOTE_MAX;
	__u8 proto = pkt->version == 4 ? IPPROTO_ICMP : PROTO_ICMPV6;
	struct icmp_error e = {};
	__s64 sum = 0;

	if (pkt->l3_len < quoted)
		quoted = pkt->l3_len;
	if (bpf_skb_change_tail(skb, link + quoted, 0))
		return -1;
	/* Sums are of whole words; zeros behind the packet add nothing. */
	__builtin_memset(p->quote, 0, sizeof(p->quote));
	/* Both bounds, one by one, or the verifier of 5.10 does not see them. */
	if (quoted < IPV4_HEADER_LEN)
		return -1;
	barrier_var(quoted);
	if (quoted > QUOTE_MAX || bpf_skb_load_bytes(skb, link, p->quote, quoted))
		return -1;
	answer__icmp_head(&e, pkt, &p->out);
	if (pkt->version == 6)
		sum = pseudo__sum(pkt, true, sizeof(e) + quoted, proto);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&e, sizeof(e), sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)p->quote, QUOTE_MAX, sum);
	e.check = csum__fold(sum);
	if (bpf_skb_adjust_room(skb, ip_len + sizeof(e), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	if (answer__ip(skb, pkt, link, true, proto, sizeof(e) + quoted))
		return -1;
	if (bpf_skb_store_bytes(skb, link + ip_len, &e, sizeof(e), 0))
		return -1;
	bpf_csum_level(skb, BPF_CSUM_LEVEL_RESET);
	return answer__swap_macs(skb);
}

#endif
