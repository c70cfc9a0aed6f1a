/* SPDX-License-Identifier: GPL-2.0-only */
/* frame.h: packets built header by header; what comes next is always said, so it can be wrong too. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 2048 };

struct frame {
	uint8_t data[FRAME_MAX];
	size_t len;
	size_t l3, l4; /* offsets of the last IP and transport headers; 0: there is none */
	uint8_t proto; /* IPPROTO_* of the transport header */
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

void frame__bytes(struct frame *f, const void *bytes, size_t n); /* NULL: zeroes */
void frame__eth(struct frame *f, uint16_t ethertype);
void frame__vlan(struct frame *f, uint16_t vid, uint16_t ethertype);
/* @frag: the fragment field, flags and offset in 8-byte units; @options: bytes, a multiple of 4. */
void frame__ipv4(struct frame *f, const char *src, const char *dst, uint8_t proto, uint16_t frag,
		 size_t options);
void frame__ipv6(struct frame *f, const char *src, const char *dst, uint8_t next);
/* Hop-by-hop, routing, destination options, or AH by @kind; @bytes in all. */
void frame__ext(struct frame *f, uint8_t kind, uint8_t next, size_t bytes);
void frame__ext_frag(struct frame *f, uint8_t next, uint16_t offset);
void frame__tcp(struct frame *f, uint16_t sport, uint16_t dport, uint8_t flags);
void frame__seq(struct frame *f, uint32_t seq, uint32_t ack); /* of the TCP header */
void frame__udp(struct frame *f, uint16_t sport, uint16_t dport);
void frame__sctp(struct frame *f, uint16_t sport, uint16_t dport);
void frame__icmp(struct frame *f, uint8_t type); /* and ICMPv6 */
void frame__arp(struct frame *f, uint16_t op, const char *sender, const char *target);

/* @n bytes that are not all alike. */
void frame__payload(struct frame *f, size_t n);
/* Lengths and checksums as the sender's stack has them. Of a fragment that is no whole packet: as if it
 * were one. */
void frame__finish(struct frame *f);

/* What a receiver makes of a frame, by a parser of its own: not the one that is tested. */
struct seen {
	int version; /* of IP; 0: not IP */
	size_t l3, l4, payload, end;
	uint8_t proto;
	bool ip_right; /* the lengths fit and the header's checksum is right */
	bool l4_right; /* the transport checksum is right; a UDP checksum of 0 is */
};
struct seen frame__look(const struct frame *f);
uint16_t frame__get16(const struct frame *f, size_t at);
uint32_t frame__get32(const struct frame *f, size_t at);

/* The usual: Ethernet, IPv4 or IPv6 by the look of @src, TCP. */
struct frame tcp_frame(const char *src, uint16_t sport, const char *dst, uint16_t dport,
		       uint8_t flags);
struct frame udp_frame(const char *src, uint16_t sport, const char *dst, uint16_t dport);

#endif
