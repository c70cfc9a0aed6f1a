// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* other.bpf.c: somebody else's programs. They count what they see and let it pass, for good unless they are
 * asked not to, which hides what stands behind them. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "other.h"

/* TC_ACT_OK, TCX_PASS */
const volatile struct other_options options = {.verdict = 0};

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

/* The port that it goes to; 0: other than UDP over IPv4 without options. */
static __always_inline __u32 udp_port(const struct ethhdr *eth, const void *end)
{
	const struct iphdr *ip = (const void *)(eth + 1);
	const struct udphdr *udp = (const void *)(ip + 1);

	if ((const void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_UDP)
		return 0;
	return bpf_ntohs(udp->dest);
}

static __always_inline int handle(struct __sk_buff *skb, __u32 key)
{
	if (bpf_skb_pull_data(skb, 0))
		return options.verdict;
	if (!options.only ||
	    udp_port((void *)(long)skb->data, (void *)(long)skb->data_end) == options.only)
		count(key);
	return options.verdict;
}

SEC("tc")
int other_ingress(struct __sk_buff *skb)
{
	return handle(skb, 0);
}

SEC("tc")
int other_egress(struct __sk_buff *skb)
{
	return handle(skb, 1);
}

SEC("xdp")
int other_xdp(struct xdp_md *ctx)
{
	__u32 port = udp_port((void *)(long)ctx->data, (void *)(long)ctx->data_end);

	if (!options.only || port == options.only)
		count(0);
	return port && port == options.drop ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
