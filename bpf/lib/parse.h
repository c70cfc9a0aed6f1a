/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * parse.h: from the network header on, so that Ethernet and devices without link header (tun,
 * wireguard) are the same. What cannot be parsed passes.
 */
#ifndef PARSE_H
#define PARSE_H

#include "packet.h"
#include "parse_addr.h"

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_8021Q = 0x8100,
	ETHERTYPE_8021AD = 0x88a8,
};

enum {
	VLAN_TAGS_MAX = 2,
	VLAN_VID_MASK = 0x0fff,
	/* Extension headers before the transport header. RFC 8200 names six kinds, each once. */
	IPV6_EXT_MAX = 8,
	/* Ethernet with two tags, rounded up: what may precede a header in the skb's linear part. */
	LINK_HEADER_MAX = 32,
	IPV4_FRAG_OFFSET = 0x1fff,
	IPV6_FRAG_OFFSET = 0xfff8,
	TO_BROADCAST = 1, /* skb->pkt_type: PACKET_BROADCAST */
	/* IPv6 extension headers that have no name in the BTF; ICMPv6 133 to 137 are discovery. */
	NEXTHDR_HOP = 0,
	NEXTHDR_ROUTING = 43,
	NEXTHDR_FRAGMENT = 44,
	NEXTHDR_AUTH = 51,
	NEXTHDR_ICMPV6 = 58,
	NEXTHDR_DEST = 60,
	ICMP_HEADER_LEN = 8,
	ND_FIRST = 133, /* router solicitation */
	ND_LAST = 137,	/* redirect */
};

/* The common start of all transport headers with ports, and TCP's as far as its flags. */
struct ports {
	__be16 source;
	__be16 dest;
};

struct tcp_start {
	struct ports ports;
	__be16 seq[2]; /* by halves: 14 bytes have no room for the alignment of 4 */
	__be16 ack_seq[2];
	__u8 data_offset; /* high nibble, in 32-bit words */
	__u8 flags;
};
_Static_assert(sizeof(struct tcp_start) == 14, "wire format");

struct vlan_tag {
	__be16 tci;
	__be16 proto;
};

struct arp_ipv4 {
	struct arphdr head;
	__u8 sender_mac[6];
	__u8 sender[4];
	__u8 target_mac[6];
	__u8 target[4];
};
_Static_assert(sizeof(struct arp_ipv4) == 28, "wire format");

static __always_inline int headers__load(struct __sk_buff *skb, __u32 base, __u32 off, void *to,
					 __u32 len)
{
	__u32 linear = off + len + LINK_HEADER_MAX;

	if (!bpf_skb_load_bytes_relative(skb, off, to, len, base))
		return 0;
	/* That helper sees the linear part only; some drivers leave more than the link header in
	 * the fragments. */
	if (linear > skb->len)
		linear = skb->len;
	if (bpf_skb_pull_data(skb, linear))
		return -1;
	return bpf_skb_load_bytes_relative(skb, off, to, len, base) ? -1 : 0;
}

static __always_inline bool ethertype__is_vlan(__be16 proto)
{
	return proto == bpf_htons(ETHERTYPE_8021Q) || proto == bpf_htons(ETHERTYPE_8021AD);
}

/*
 * The tags that are in the frame, and what is behind them. Where the network header points then
 * depends on who made the skb (at or behind the tags), so everything counts from the link header.
 */
static __always_inline int packet__parse_tags(struct __sk_buff *skb, struct packet *pkt,
					      __be16 *proto)
{
	struct vlan_tag tag;
	struct ethhdr eth;
	__u32 i;

	pkt->base = BPF_HDR_START_MAC;
	pkt->l3 = sizeof(eth);
	if (headers__load(skb, BPF_HDR_START_MAC, 0, &eth, sizeof(eth)))
		return -1;
	*proto = eth.h_proto;
	for (i = 0; i < VLAN_TAGS_MAX && ethertype__is_vlan(*proto); i++) {
		if (headers__load(skb, BPF_HDR_START_MAC, pkt->l3, &tag, sizeof(tag)))
			return -1;
		if (tag.tci & bpf_htons(VLAN_VID_MASK))
			pkt->flags |= PACKET_TAGGED;
		*proto = tag.proto;
		pkt->l3 += sizeof(tag);
	}
	return 0;
}

static __always_inline int packet__parse_arp(struct __sk_buff *skb, struct packet *pkt)
{
	struct arp_ipv4 arp;
	__be32 sender, target;

	if (headers__load(skb, pkt->base, pkt->l3, &arp, sizeof(arp)))
		return -1;
	if (arp.head.ar_pro != bpf_htons(ETHERTYPE_IPV4) || arp.head.ar_hln != 6 ||
	    arp.head.ar_pln != 4)
		return -1;
	__builtin_memcpy(&sender, arp.sender, sizeof(sender));
	__builtin_memcpy(&target, arp.target, sizeof(target));
	addr__from_ipv4(&pkt->src, sender);
	addr__from_ipv4(&pkt->dst, target);
	pkt->flags |= PACKET_NEIGHBOUR;
	/* An announcement (of a VRRP master, say) names nobody but its sender: it is for all. */
	if (sender == target)
		pkt->flags |= PACKET_GROUP;
	return 0;
}

static __always_inline int packet__parse_icmp(struct __sk_buff *skb, struct packet *pkt, __u32 off)
{
	__u8 type;

	if (headers__load(skb, pkt->base, off, &type, sizeof(type)))
		return -1;
	/* Unreachable, source quench, redirect; time exceeded, parameter problem: the errors of
	 * RFC 1122 3.2.2. */
	if (type < 3 || (type > 5 && type != 11 && type != 12))
		pkt->flags |= PACKET_QUERY;
	pkt->payload = off + ICMP_HEADER_LEN;
	return 0;
}

static __always_inline int packet__parse_transport(struct __sk_buff *skb, struct packet *pkt,
						   __u32 off)
{
	struct tcp_start tcp = {};

	switch (pkt->proto) {
	case IPPROTO_TCP:
		if (headers__load(skb, pkt->base, off, &tcp, sizeof(tcp)))
			return -1;
		pkt->tcp_flags = tcp.flags;
		pkt->flags |= PACKET_PORTS | PACKET_TCP_FLAGS;
		pkt->payload = off + (tcp.data_offset >> 4) * 4;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (headers__load(skb, pkt->base, off, &tcp.ports, sizeof(tcp.ports)))
			return -1;
		pkt->flags |= PACKET_PORTS;
		pkt->payload = off + sizeof(struct udphdr);
		break;
	case IPPROTO_ICMP:
		if (pkt->version == 4)
			return packet__parse_icmp(skb, pkt, off);
		/* fall through */
	default:
		pkt->payload = off;
		return 0;
	}
	pkt->sport = bpf_ntohs(tcp.ports.source);
	pkt->dport = bpf_ntohs(tcp.ports.dest);
	return 0;
}

static __always_inline void packet__take_ipv4(struct __sk_buff *skb, struct packet *pkt,
					      const struct iphdr *ip)
{
	addr__from_ipv4(&pkt->src, ip->saddr);
	addr__from_ipv4(&pkt->dst, ip->daddr);
	pkt->proto = ip->protocol;
	pkt->version = 4;
	pkt->dscp = ip->tos >> 2;
	pkt->ecn = ip->tos & 3;
	pkt->l3_len = bpf_ntohs(ip->tot_len);
	if ((ip->daddr & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
	    ip->daddr == bpf_htonl(0xffffffff) || skb->pkt_type == TO_BROADCAST)
		pkt->flags |= PACKET_GROUP;
}

static __always_inline int packet__parse_ipv4(struct __sk_buff *skb, struct packet *pkt)
{
	struct iphdr ip;
	__u32 off;

	if (headers__load(skb, pkt->base, pkt->l3, &ip, sizeof(ip)))
		return -1;
	if (ip.version != 4 || ip.ihl < 5)
		return -1;
	packet__take_ipv4(skb, pkt, &ip);
	off = pkt->l3 + ip.ihl * 4;
	pkt->l4 = off;
	pkt->payload = off;
	if (ip.frag_off & bpf_htons(IPV4_FRAG_OFFSET)) {
		pkt->flags |= PACKET_LATER;
		return 0;
	}
	return packet__parse_transport(skb, pkt, off);
}

static __always_inline int packet__parse_icmpv6(struct __sk_buff *skb, struct packet *pkt,
						__u32 off)
{
	__u8 type;

	if (headers__load(skb, pkt->base, off, &type, sizeof(type)))
		return -1;
	if (type >= ND_FIRST && type <= ND_LAST)
		pkt->flags |= PACKET_NEIGHBOUR;
	/* RFC 4443: errors have the high bit clear. */
	if (type & 0x80)
		pkt->flags |= PACKET_QUERY;
	pkt->payload = off + ICMP_HEADER_LEN;
	return 0;
}

static __always_inline void packet__take_ipv6(struct packet *pkt, const struct ipv6hdr *ip)
{
	__builtin_memcpy(&pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(&pkt->dst, &ip->daddr, sizeof(pkt->dst));
	pkt->version = 6;
	/* The traffic class: low half of the first byte, high half of the second. */
	pkt->dscp = (ip->priority << 2) | (ip->flow_lbl[0] >> 6);
	pkt->ecn = (ip->flow_lbl[0] >> 4) & 3;
	if (ip->payload_len)
		pkt->l3_len = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	if (ip->daddr.in6_u.u6_addr8[0] == 0xff)
		pkt->flags |= PACKET_GROUP;
}

static __always_inline int packet__parse_ipv6(struct __sk_buff *skb, struct packet *pkt)
{
	struct ipv6hdr ip;
	struct frag_hdr ext; /* the longest start that any extension header needs */
	__u32 off, i;
	__u8 next;

	if (headers__load(skb, pkt->base, pkt->l3, &ip, sizeof(ip)))
		return -1;
	if (ip.version != 6)
		return -1;
	packet__take_ipv6(pkt, &ip);
	off = pkt->l3 + sizeof(ip);
	next = ip.nexthdr;
	for (i = 0; i < IPV6_EXT_MAX; i++) {
		if (next != NEXTHDR_HOP && next != NEXTHDR_ROUTING && next != NEXTHDR_FRAGMENT &&
		    next != NEXTHDR_AUTH && next != NEXTHDR_DEST) {
			pkt->proto = next;
			pkt->l4 = off;
			if (next == NEXTHDR_ICMPV6)
				return packet__parse_icmpv6(skb, pkt, off);
			return packet__parse_transport(skb, pkt, off);
		}
		if (headers__load(skb, pkt->base, off, &ext, sizeof(ext)))
			return -1;
		if (next == NEXTHDR_FRAGMENT) {
			off += sizeof(ext);
			if (ext.frag_off & bpf_htons(IPV6_FRAG_OFFSET)) {
				pkt->proto = ext.nexthdr;
				pkt->flags |= PACKET_LATER;
				pkt->l4 = off;
				pkt->payload = off;
				return 0;
			}
		} else {
			/* The second byte is a length: of 4-byte words less 2, or of 8-byte
			 * ones less 1. Every one of these headers has 8 bytes at least. */
			off += next == NEXTHDR_AUTH ? (ext.reserved + 2) * 4
						    : (ext.reserved + 1) * 8;
		}
		next = ext.nexthdr;
	}
	return -1;
}

/* TCP or UDP at @off of skb->data, a constant; @ip_len before it. */
static __always_inline bool packet__fast_transport(struct __sk_buff *skb, struct packet *pkt,
						   __u8 proto, __u32 off, __u32 ip_len)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct tcp_start *tcp = data + off;

	if (data + off + sizeof(struct udphdr) > end)
		return false;
	if (proto == IPPROTO_TCP) {
		if (data + off + sizeof(*tcp) > end)
			return false;
		pkt->tcp_flags = tcp->flags;
		pkt->flags |= PACKET_PORTS | PACKET_TCP_FLAGS;
		pkt->payload = ip_len + (tcp->data_offset >> 4) * 4;
	} else if (proto == IPPROTO_UDP) {
		pkt->flags |= PACKET_PORTS;
		pkt->payload = ip_len + sizeof(struct udphdr);
	} else {
		return false;
	}
	pkt->l4 = ip_len;
	pkt->sport = bpf_ntohs(tcp->ports.source);
	pkt->dport = bpf_ntohs(tcp->ports.dest);
	return true;
}

/*
 * What most packets are, read in place, since calls of helpers cost more than all else here: plain
 * Ethernet, IPv4 without options and fragments or IPv6 without extensions, TCP or UDP. False: not that,
 * and nothing is known yet.
 *
 * skb->data is at the link header if the device has one; nothing says whether it has. A frame has its
 * protocol where a packet without link header has its source address, and such a packet is as long
 * as its header says.
 */
static __always_inline bool packet__parse_fast(struct __sk_buff *skb, struct packet *pkt,
					       __be16 proto)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *bare6 = data, *ip6 = data + sizeof(struct ethhdr);
	struct iphdr *bare = data, *ip = data + sizeof(struct ethhdr);
	struct ethhdr *eth = data;

	if (proto == bpf_htons(ETHERTYPE_IPV4)) {
		if ((void *)(ip + 1) > end || eth->h_proto != proto || ip->version != 4 ||
		    ip->ihl != 5 || (ip->frag_off & bpf_htons(IPV4_FRAG_OFFSET)) ||
		    (bare->version == 4 && bpf_ntohs(bare->tot_len) == skb->len))
			return false;
		if (!packet__fast_transport(skb, pkt, ip->protocol, sizeof(*eth) + sizeof(*ip),
					    sizeof(*ip)))
			return false;
		packet__take_ipv4(skb, pkt, ip);
		return true;
	}
	if (proto != bpf_htons(ETHERTYPE_IPV6) || (void *)(ip6 + 1) > end ||
	    eth->h_proto != proto || ip6->version != 6 ||
	    (bare6->version == 6 && sizeof(*bare6) + bpf_ntohs(bare6->payload_len) == skb->len))
		return false;
	if (!packet__fast_transport(skb, pkt, ip6->nexthdr, sizeof(*eth) + sizeof(*ip6),
				    sizeof(*ip6)))
		return false;
	packet__take_ipv6(pkt, ip6);
	pkt->proto = ip6->nexthdr;
	return true;
}

/* 0, or -1 if it cannot be parsed. pkt comes zeroed; its PACKET_TAGGED is right in either case. */
static __always_inline int packet__parse(struct __sk_buff *skb, struct packet *pkt)
{
	__be16 proto = skb->protocol;

	pkt->base = BPF_HDR_START_NET;
	/* VLAN 0 is no VLAN: a priority without one, which the device itself receives. */
	if (skb->vlan_present && (skb->vlan_tci & VLAN_VID_MASK))
		pkt->flags |= PACKET_TAGGED;
	if (packet__parse_fast(skb, pkt, proto))
		return 0;
	if (ethertype__is_vlan(proto) && packet__parse_tags(skb, pkt, &proto))
		return -1;
	if (proto == bpf_htons(ETHERTYPE_IPV4))
		return packet__parse_ipv4(skb, pkt);
	if (proto == bpf_htons(ETHERTYPE_IPV6))
		return packet__parse_ipv6(skb, pkt);
	if (proto == bpf_htons(ETHERTYPE_ARP))
		return packet__parse_arp(skb, pkt);
	return -1;
}

/*
 * Bytes of its packets on a wire: every GSO segment has the headers again. The link header is what
 * the IP packet does not fill. A segmented tunnel counts the outer headers only.
 */
static __always_inline __u64 packet__wire_bytes(struct __sk_buff *skb, const struct packet *pkt,
						__u32 segs)
{
	__u32 headers = pkt->payload;

	if (segs < 2)
		return skb->len;
	if (pkt->base == BPF_HDR_START_NET) {
		__u32 link = skb->len - pkt->l3_len;

		headers += pkt->l3_len && link <= LINK_HEADER_MAX ? link : sizeof(struct ethhdr);
	}
	return skb->len + (__u64)(segs - 1) * headers;
}

#endif
