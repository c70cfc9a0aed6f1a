// SPDX-License-Identifier: GPL-2.0-only
#include "line/hold_frame.h"

#include "datapath/chaos_abi_user.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <stdbool.h>
#include <string.h>

enum {
	HELD = sizeof(struct chaos_held),
	MACS = 2 * ETH_ALEN,
	TAG = 4,
};
_Static_assert(sizeof(struct virtio_net_hdr) == HOLD_VNET, "a legacy header");
_Static_assert(HOLD_FRAME_MIN == HOLD_VNET + HELD + ETH_HLEN, "three headers");

/* Whether the checksum field that is to be filled in stands in the frame; @len without virtio header. */
static bool checksum_inside(const struct virtio_net_hdr *v, size_t len)
{
	return v->csum_start >= HELD + ETH_HLEN &&
	       (size_t)v->csum_start + v->csum_offset + sizeof(uint16_t) <= len;
}

static bool is_ours(const struct virtio_net_hdr *v, const struct chaos_held *held, size_t len)
{
	if (held->pad || (held->vlan_proto && held->vlan_proto != ETH_P_8021Q &&
			  held->vlan_proto != ETH_P_8021AD))
		return false;
	if ((v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && !checksum_inside(v, len))
		return false;
	return v->gso_type == VIRTIO_NET_HDR_GSO_NONE || v->gso_size;
}

static void move_offsets(struct virtio_net_hdr *v, size_t tags, size_t len)
{
	size_t hdr_len = v->hdr_len + tags;

	if (v->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		v->csum_start = (uint16_t)(v->csum_start - HELD + tags);
	if (!v->hdr_len)
		return;
	/* No more than a hint, but the device refuses one beyond the frame. It counted 16 bits of a
	 * length that may have more. */
	hdr_len = hdr_len > HELD ? hdr_len - HELD : 0;
	if (hdr_len < MACS + tags + sizeof(uint16_t))
		hdr_len = MACS + tags + sizeof(uint16_t);
	if (hdr_len > len)
		hdr_len = len;
	v->hdr_len = hdr_len > UINT16_MAX ? UINT16_MAX : (uint16_t)hdr_len;
}

static void put_tag(uint8_t *at, uint16_t proto, uint16_t tci)
{
	uint16_t tag[] = {htons(proto), htons(tci)};

	memcpy(at, tag, sizeof(tag));
}

int hold_frame__turn(uint8_t *head, size_t len, uint64_t *ret_due_ns)
{
	struct virtio_net_hdr v;
	struct chaos_held held;
	size_t tags, start;

	if (len < HOLD_FRAME_MIN || len > HOLD_FRAME_MAX)
		return -EBADMSG;
	memcpy(&v, head, sizeof(v));
	memcpy(&held, head + HOLD_VNET, sizeof(held));
	if (!is_ours(&v, &held, len - HOLD_VNET))
		return -EBADMSG;
	tags = held.vlan_proto ? 2 * TAG : TAG;
	start = HELD - tags;
	move_offsets(&v, tags, len - start - HOLD_VNET);
	memmove(head + start + HOLD_VNET, head + HOLD_VNET + HELD, MACS);
	memcpy(head + start, &v, sizeof(v));
	put_tag(head + start + HOLD_VNET + MACS, ETH_P_8021Q, held.port);
	if (held.vlan_proto)
		put_tag(head + start + HOLD_VNET + MACS + TAG, held.vlan_proto, held.vlan_tci);
	*ret_due_ns = held.due_ns;
	return (int)start;
}
