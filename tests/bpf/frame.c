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
	frame__bytes(f, &ip, sizeof(ip));
	for (size_t i = 0; i < options; i++)
		frame__u8(f, 1); /* no operation */
}

void frame__ipv6(struct frame *f, const char *src, const char *dst, uint8_t next)
{
	struct ip6_hdr ip = {.ip6_flow = htonl(6u << 28), .ip6_plen = htons(20), .ip6_nxt = next};

	assert(inet_pton(AF_INET6, src, &ip.ip6_src) == 1);
	assert(inet_pton(AF_INET6, dst, &ip.ip6_dst) == 1);
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

void frame__tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags)
{
	frame__u16(f, sport);
	frame__u16(f, dport);
	frame__bytes(f, NULL, 8);
	frame__u8(f, 5 << 4);
	frame__u8(f, flags);
	frame__bytes(f, NULL, 6);
}

void frame__udp(struct frame *f, uint16_t sport, uint16_t dport)
{
	frame__u16(f, sport);
	frame__u16(f, dport);
	frame__u16(f, 8);
	frame__u16(f, 0);
}

void frame__sctp(struct frame *f, uint16_t sport, uint16_t dport)
{
	frame__u16(f, sport);
	frame__u16(f, dport);
	frame__bytes(f, NULL, 8);
}

void frame__icmp(struct frame *f, uint8_t type)
{
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
