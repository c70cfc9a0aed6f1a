/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_frame.h: what a frame says about who holds an address: VRRP advertisements (IP protocol 112,
 * versions 2 and 3, over IPv4 and IPv6, to the group or to one address), gratuitous ARP and
 * unsolicited neighbour advertisements. Pure.
 */
#ifndef CHAOS_RECORDER_WIRE_FRAME_H
#define CHAOS_RECORDER_WIRE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind { WIRE_OTHER, WIRE_VRRP, WIRE_ANNOUNCE };

struct wire_frame {
	enum wire_kind kind;
	uint8_t mac[6];	  /* of the sender; of an announcement: the one that it announces */
	int family;	  /* AF_INET, AF_INET6 */
	uint8_t addr[16]; /* VRRP: the source; announcement: the address */
	uint8_t vrid, priority, version;
	int64_t interval_ns; /* VRRP: between advertisements, as the sender says */
};

/* An Ethernet frame of @len bytes, of which @frame has all that was captured. False: nothing of the above. */
bool wire__parse(const uint8_t *frame, size_t len, struct wire_frame *ret);

#endif
