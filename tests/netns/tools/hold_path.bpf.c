// SPDX-License-Identifier: GPL-2.0-only
/* hold_path.bpf.c: the least packet path that there can be in front of the delay line: what leaves a device
 * is delayed by a constant. For holdctl. */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "chaos_abi.h"

enum {
	PORT = 5,
	MARK_DELAYED = 0x484f4c44,
	TAG_CFI = 0x1000,
};

const volatile __u64 delay_ns;
const volatile __u32 tap, device;

SEC("tc")
int hold_out(struct __sk_buff *skb)
{
	struct chaos_held held = {.due_ns = bpf_ktime_get_ns() + delay_ns, .port = PORT};

	if (skb->mark == MARK_DELAYED) {
		skb->mark = 0;
		return TC_ACT_OK;
	}
	if (skb->vlan_present) {
		held.vlan_proto = bpf_ntohs((__u16)skb->vlan_proto);
		held.vlan_tci = (__u16)skb->vlan_tci;
		if (bpf_skb_vlan_pop(skb))
			return TC_ACT_SHOT;
	}
	if (bpf_skb_change_head(skb, sizeof(held), 0) ||
	    bpf_skb_store_bytes(skb, 0, &held, sizeof(held), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(tap, 0);
}

SEC("tc")
int hold_back(struct __sk_buff *skb)
{
	if (!skb->vlan_present || (skb->vlan_tci & ~TAG_CFI) != PORT || bpf_skb_vlan_pop(skb))
		return TC_ACT_SHOT;
	skb->mark = MARK_DELAYED;
	return bpf_redirect(device, 0);
}

char _license[] SEC("license") = "GPL";
