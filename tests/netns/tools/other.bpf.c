// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* other.bpf.c: somebody else's programs. They count what they see and let it pass for good,
 * which hides what stands behind them. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32); /* 0 ingress, 1 egress */
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void count(__u32 key)
{
	__u64 *n = bpf_map_lookup_elem(&seen, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("tc")
int other_ingress(struct __sk_buff *skb)
{
	(void)skb;
	count(0);
	return 0; /* TC_ACT_OK, TCX_PASS */
}

SEC("tc")
int other_egress(struct __sk_buff *skb)
{
	(void)skb;
	count(1);
	return 0;
}

SEC("xdp")
int other_xdp(struct xdp_md *ctx)
{
	(void)ctx;
	count(0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
