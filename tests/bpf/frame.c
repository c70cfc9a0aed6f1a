// SPDX-License-Identifier: GPL-2.0-only
#include "frame.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>

void frame__bytes(struct frame *f, const void *bytes, size_t n)
{
	assert(f->len + n <= sizeof(f->data));
	if (bytes)
		memcpy(f->data + f->len, bytes, n);
	else
		memset(f->data + f->len, 0, n);
	f->len += n;
}

static void frame__u16(struct frame *f, uint16_t value)
{
	value = htons(value);
	frame__bytes(f, &value, sizeof(value));
}

static void frame__u8(struct frame *f, uint8_t value)
{
	frame__bytes(f, &value, 1);
}

void frame__eth(struct frame *f, uint16_t ethertype)
{
	static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

	f->len = 0;
	f->l3 = 0;
	f->l4 = 0;
	frame__bytes(f, macs, sizeof(macs));
	frame__u16(f, ethertype);
}

void frame__vlan(struct frame *f, uint16_t vid, uint16_t ethertype)
{
	frame__u16(f, vid);
	frame__u16(f, ethertype);
}

void frame__ipv4(struct frame *f, const char *src, const char *dst, uint8_t proto, uint16_t frag,
		 size_t options)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = (uint8_t)((sizeof(ip) + options) / 4) & 0xf,
		.frag_off = htons(frag),
		.ttl = 64,
		.protocol = proto,
		.tot_len = htons((uint16_t)(sizeof(ip) + options + 20)),
	};

	assert(inet_pton(AF_INET, src, &ip.saddr) == 1);
	assert(inet_pton(AF_INET, dst, &ip.daddr) == 1);
	f->l3 = f->len;
	frame__bytes(f, &ip, sizeof(ip));
	for (size_t i = 0; i < options; i++)
		frame__u8(f, 1); /* no operation */
}

void frame__ipv6(struct frame *f, const char *src, const char *dst, uint8_t next)
{
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28), .ip6_plen = htons(20), .ip6_nxt = next};

	assert(inet_pton(AF_INET6, src, &ip.ip6_src) == 1);
	assert(inet_pton(AF_INET6, dst, &ip.ip6_dst) == 1);
	f->l3 = f->len;
	frame__bytes(f, &ip, sizeof(ip));
}

void frame__ext(struct frame *f, uint8_t kind, uint8_t next, size_t bytes)
{
	frame__u8(f, next);
	frame__u8(f, (uint8_t)(kind == IPPROTO_AH ? bytes / 4 - 2 : bytes / 8 - 1));
	frame__bytes(f, NULL, bytes - 2);
}

void frame__ext_frag(struct frame *f, uint8_t next, uint16_t offset)
{
	frame__u8(f, next);
	frame__u8(f, 0);
	frame__u16(f, (uint16_t)(offset << 3));
	frame__bytes(f, NULL, 4);
}

static void frame__transport(struct frame *f, uint8_t proto)
{
	f->l4 = f->len;
	f->proto = proto;
}

void frame__tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags)
{
	frame__transport(f, IPPROTO_TCP);
	frame__u16(f, sport);
	frame__u16(f, dport);
	frame__bytes(f, NULL, 8);
	frame__u8(f, 5 << 4);
	frame__u8(f, flags);
	frame__bytes(f, NULL, 6);
}

void frame__udp(struct frame *f, uint16_t sport, uint16_t dport)
{
	frame__transport(f, IPPROTO_UDP);
	frame__u16(f, sport);
	frame__u16(f, dport);
	frame__u16(f, 8);
	frame__u16(f, 0);
}

void frame__sctp(struct frame *f, uint16_t sport, uint16_t dport)
{
	frame__transport(f, IPPROTO_SCTP);
	frame__u16(f, sport);
	frame__u16(f, dport);
	frame__bytes(f, NULL, 8);
}

void frame__icmp(struct frame *f, uint8_t type)
{
	frame__transport(f, f->data[f->l3] >> 4 == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	frame__u8(f, type);
	frame__bytes(f, NULL, 23);
}

void frame__arp(struct frame *f, uint16_t op, const char *sender, const char *target)
{
	struct in_addr a, b;

	assert(inet_pton(AF_INET, sender, &a) == 1 && inet_pton(AF_INET, target, &b) == 1);
	frame__u16(f, ARPHRD_ETHER);
	frame__u16(f, ETH_P_IP);
	frame__u8(f, 6);
	frame__u8(f, 4);
	frame__u16(f, op);
	frame__bytes(f, f->data + 6, 6);
	frame__bytes(f, &a, sizeof(a));
	frame__bytes(f, f->data, 6);
	frame__bytes(f, &b, sizeof(b));
}

static struct frame ip_frame(const char *src, const char *dst, uint8_t proto)
{
	struct frame f = {.len = 0};

	if (strchr(src, ':')) {
		frame__eth(&f, ETH_P_IPV6);
		frame__ipv6(&f, src, dst, proto);
	} else {
		frame__eth(&f, ETH_P_IP);
		frame__ipv4(&f, src, dst, proto, 0, 0);
	}
	return f;
}

struct frame tcp_frame(const char *src, uint16_t sport, const char *dst, uint16_t dport,
		       uint8_t flags)
{
	struct frame f = ip_frame(src, dst, IPPROTO_TCP);

	frame__tcp(&f, sport, dport, flags);
	return f;
}

struct frame udp_frame(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct frame f = ip_frame(src, dst, IPPROTO_UDP);

	frame__udp(&f, sport, dport);
	return f;
}

void frame__payload(struct frame *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		frame__u8(f, (uint8_t)(i * 37 + 11));
}

/* --- checksums -------------------------------------------------------------------------------- */

static void put16(struct frame *f, size_t at, uint16_t value)
{
	value = htons(value);
	memcpy(f->data + at, &value, sizeof(value));
}

static void put32(struct frame *f, size_t at, uint32_t value)
{
	put16(f, at, (uint16_t)(value >> 16));
	put16(f, at + 2, (uint16_t)value);
}

void frame__seq(struct frame *f, uint32_t seq, uint32_t ack)
{
	put32(f, f->l4 + 4, seq);
	put32(f, f->l4 + 8, ack);
}

uint16_t frame__get16(const struct frame *f, size_t at)
{
	assert(at + 2 <= f->len);
	return (uint16_t)(f->data[at] << 8 | f->data[at + 1]);
}

uint32_t frame__get32(const struct frame *f, size_t at)
{
	return (uint32_t)frame__get16(f, at) << 16 | frame__get16(f, at + 2);
}

/* RFC 1071 over @n bytes, on top of @sum; not folded. */
static uint64_t sum16(const uint8_t *data, size_t n, uint64_t sum)
{
	for (size_t i = 0; i < n; i++)
		sum += i & 1 ? data[i] : (uint64_t)data[i] << 8;
	return sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Of the pseudo header and all behind it. */
static uint16_t transport_sum(const struct frame *f, size_t l3, size_t l4, size_t end,
			      uint8_t proto)
{
	bool v4 = f->data[l3] >> 4 == 4;
	uint64_t sum = 0;

	if (proto != IPPROTO_ICMP) {
		sum = sum16(f->data + l3 + (v4 ? 12 : 8), v4 ? 8 : 32, 0);
		sum += proto + (end - l4);
	}
	return fold(sum16(f->data + l4, end - l4, sum));
}

/* Where the checksum is, from the start of the transport header; 0: it has none of this kind. */
static size_t sum_offset(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

void frame__finish(struct frame *f)
{
	size_t ihl = (size_t)(f->data[f->l3] & 0xf) * 4, at;
	uint16_t sum;

	if (f->data[f->l3] >> 4 == 4) {
		put16(f, f->l3 + 2, (uint16_t)(f->len - f->l3));
		put16(f, f->l3 + 10, 0);
		put16(f, f->l3 + 10, fold(sum16(f->data + f->l3, ihl, 0)));
	} else {
		put16(f, f->l3 + 4, (uint16_t)(f->len - f->l3 - 40));
	}
	at = f->l4 ? sum_offset(f->proto) : 0;
	if (f->l4 && f->proto == IPPROTO_UDP)
		put16(f, f->l4 + 4, (uint16_t)(f->len - f->l4));
	if (!at)
		return;
	put16(f, f->l4 + at, 0);
	sum = transport_sum(f, f->l3, f->l4, f->len, f->proto);
	put16(f, f->l4 + at, sum || f->proto != IPPROTO_UDP ? sum : 0xffff);
}

/* --- the receiver ----------------------------------------------------------------------------- */

static void look_ipv4(const struct frame *f, struct seen *s)
{
	size_t ihl = (size_t)(f->data[s->l3] & 0xf) * 4, total = frame__get16(f, s->l3 + 2);

	s->l4 = s->l3 + ihl;
	s->end = s->l3 + total;
	s->proto = f->data[s->l3 + 9];
	s->ip_right = ihl >= 20 && total >= ihl && s->end <= f->len &&
		      !fold(sum16(f->data + s->l3, ihl, 0));
}

static void look_ipv6(const struct frame *f, struct seen *s)
{
	s->l4 = s->l3 + 40;
	s->end = s->l4 + frame__get16(f, s->l3 + 4);
	s->proto = f->data[s->l3 + 6];
	s->ip_right = s->end <= f->len;
	while (s->ip_right && (s->proto == IPPROTO_HOPOPTS || s->proto == IPPROTO_DSTOPTS)) {
		s->proto = f->data[s->l4];
		s->l4 += (f->data[s->l4 + 1] + 1u) * 8;
		s->ip_right = s->l4 < s->end;
	}
}

struct seen frame__look(const struct frame *f)
{
	struct seen s = {.l3 = 14};
	size_t at;

	while (frame__get16(f, s.l3 - 2) == ETH_P_8021Q)
		s.l3 += 4;
	if (frame__get16(f, s.l3 - 2) == ETH_P_IP)
		s.version = 4;
	else if (frame__get16(f, s.l3 - 2) == ETH_P_IPV6)
		s.version = 6;
	else
		return s;
	if (s.version == 4)
		look_ipv4(f, &s);
	else
		look_ipv6(f, &s);
	if (!s.ip_right)
		return s;
	at = sum_offset(s.proto);
	s.payload = s.l4 + (s.proto == IPPROTO_TCP ? (size_t)(f->data[s.l4 + 12] >> 4) * 4 : 8);
	s.l4_right = at && ((s.proto == IPPROTO_UDP && !frame__get16(f, s.l4 + at)) ||
			    !transport_sum(f, s.l3, s.l4, s.end, s.proto));
	return s;
}
