// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a frame from the TAP of the delay line. */
#include "line/hold_frame.h"
#include "fuzz.h"

#include <errno.h>
#include <linux/virtio_net.h>

enum { HELD = 16, MACS = 12 };

/* Headers stand where they must, and point into the frame. */
static void check(const uint8_t *was, const uint8_t *is, size_t size, size_t start)
{
	struct virtio_net_hdr v;
	size_t len = size - start - HOLD_VNET;

	MUST(start == HELD - 4 || start == HELD - 8);
	memcpy(&v, is + start, sizeof(v));
	if (v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		MUST((size_t)v.csum_start + v.csum_offset + 2 <= len);
	MUST(v.hdr_len <= len);
	MUST(!memcmp(is + start + HOLD_VNET, was + HOLD_VNET + HELD, MACS));
	MUST(is[start + HOLD_VNET + MACS] == 0x81 && !is[start + HOLD_VNET + MACS + 1]);
	/* From the EtherType on nothing moves and nothing changes. */
	MUST(!memcmp(is + HOLD_VNET + HELD + MACS, was + HOLD_VNET + HELD + MACS,
		     size - HOLD_VNET - HELD - MACS));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame = fuzz__bytes(data, size);
	uint64_t due = 1;
	int start = hold_frame__turn(frame, size, &due);

	if (start < 0)
		MUST(start == -EBADMSG && due == 1 && (!size || !memcmp(frame, data, size)));
	else
		check(data, frame, size, (size_t)start);
	free(frame);
	return 0;
}
