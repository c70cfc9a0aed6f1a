// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/wire_frame.h"
#include "lib/clock.h"

#include <string.h>
#include <sys/socket.h>

enum { ETH_LEN = 14, VLAN_LEN = 4, IP6_LEN = 40, ARP_LEN = 28, NA_LEN = 24, VRRP_LEN = 8 };
enum {
	TYPE_IP = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_IP6 = 0x86dd
};
enum { PROTO_ICMP6 = 58, PROTO_VRRP = 112 };
enum { NA_TYPE = 136, NA_SOLICITED = 0x40, NA_OPT_MAC = 2 };

static unsigned int get16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* RFC 3768 and 5798: version 2 counts seconds, version 3 hundredths. */
static bool vrrp(const uint8_t *p, size_t len, struct wire_frame *f)
{
	if (len < VRRP_LEN || (p[0] & 0x0f) != 1)
		return false;
	f->version = p[0] >> 4;
	if (f->version == 2)
		f->interval_ns = p[5] * NS_PER_S;
	else if (f->version == 3)
		f->interval_ns = (int64_t)(get16(p + 4) & 0x0fff) * 10 * NS_PER_MS;
	else
		return false;
	f->kind = WIRE_VRRP;
	f->vrid = p[1];
	f->priority = p[2];
	return true;
}

static bool ip(const uint8_t *p, size_t len, struct wire_frame *f)
{
	size_t head = len ? (size_t)(p[0] & 0x0f) * 4 : 0;

	/* a fragment that is not the first has no header of VRRP's */
	if (len < 20 || p[0] >> 4 != 4 || head < 20 || head > len || p[9] != PROTO_VRRP ||
	    get16(p + 6) & 0x1fff)
		return false;
	f->family = AF_INET;
	memcpy(f->addr, p + 12, 4);
	return vrrp(p + head, len - head, f);
}

/* Unsolicited: told without having been asked. The address may be announced without a MAC of its
 * own, then it is the frame's. */
static bool neighbour(const uint8_t *p, size_t len, struct wire_frame *f)
{
	if (len < NA_LEN || p[0] != NA_TYPE || p[1] || p[4] & NA_SOLICITED)
		return false;
	f->kind = WIRE_ANNOUNCE;
	memcpy(f->addr, p + 8, 16);
	if (len >= NA_LEN + 8 && p[NA_LEN] == NA_OPT_MAC && p[NA_LEN + 1] == 1)
		memcpy(f->mac, p + NA_LEN + 2, 6);
	return true;
}

static bool ip6(const uint8_t *p, size_t len, struct wire_frame *f)
{
	if (len < IP6_LEN || p[0] >> 4 != 6)
		return false;
	f->family = AF_INET6;
	memcpy(f->addr, p + 8, 16);
	if (p[6] == PROTO_VRRP)
		return vrrp(p + IP6_LEN, len - IP6_LEN, f);
	return p[6] == PROTO_ICMP6 && neighbour(p + IP6_LEN, len - IP6_LEN, f);
}

/* Gratuitous: a request or an answer about the sender's own address (RFC 5227). */
static bool arp(const uint8_t *p, size_t len, struct wire_frame *f)
{
	unsigned int op = len < ARP_LEN ? 0 : get16(p + 6);

	if (op < 1 || op > 2 || get16(p) != 1 || get16(p + 2) != TYPE_IP || p[4] != 6 ||
	    p[5] != 4 || memcmp(p + 14, p + 24, 4) != 0 || !memcmp(p + 14, "\0\0\0\0", 4))
		return false;
	f->kind = WIRE_ANNOUNCE;
	f->family = AF_INET;
	memcpy(f->mac, p + 8, 6);
	memcpy(f->addr, p + 14, 4);
	return true;
}

bool wire__parse(const uint8_t *frame, size_t len, struct wire_frame *ret)
{
	struct wire_frame f = {0};
	size_t at = 12;
	bool ok = false;

	if (len < ETH_LEN)
		return false;
	memcpy(f.mac, frame + 6, 6);
	for (int i = 0; i < 2 && len >= at + 2 + VLAN_LEN; i++)
		if (get16(frame + at) == TYPE_VLAN || get16(frame + at) == TYPE_QINQ)
			at += VLAN_LEN;
	switch (get16(frame + at)) {
	case TYPE_IP:
		ok = ip(frame + at + 2, len - at - 2, &f);
		break;
	case TYPE_IP6:
		ok = ip6(frame + at + 2, len - at - 2, &f);
		break;
	case TYPE_ARP:
		ok = arp(frame + at + 2, len - at - 2, &f);
		break;
	}
	if (ok)
		*ret = f;
	return ok;
}
