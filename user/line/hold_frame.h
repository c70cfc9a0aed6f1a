/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold_frame.h: from a frame as it comes from the TAP to the frame as it goes back (hold.h), in place.
 *
 *	came	virtio header 10 | chaos_held 16 | MACs 12 | EtherType ...
 *	goes	   unused 12 or 8 | virtio header 10 | MACs 12 | tags 4 or 8 | EtherType ...
 *
 * The room of chaos_held takes the tags, so that nothing from the EtherType on ever moves.
 */
#ifndef CHAOS_LINE_HOLD_FRAME_H
#define CHAOS_LINE_HOLD_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum {
	HOLD_VNET = 10, /* struct virtio_net_hdr */
	/* The largest that comes: an IP packet of 65,535 bytes in an Ethernet header with a tag. */
	HOLD_FRAME_MAX = HOLD_VNET + 16 + 14 + 4 + 65535,
	/* What must be there, and in one piece: up to the EtherType. */
	HOLD_FRAME_MIN = HOLD_VNET + 16 + 14,
};

/*
 * @head: the beginning of a frame of @len bytes, aligned to 2 bytes; at least HOLD_FRAME_MIN of them are in
 * one piece if the frame has as many. Returns where the frame begins now, or -EBADMSG if this is no
 * frame of ours; it is unchanged then. Headers of the payload are not looked at.
 */
int hold_frame__turn(uint8_t *head, size_t len, uint64_t *ret_due_ns);

#endif
