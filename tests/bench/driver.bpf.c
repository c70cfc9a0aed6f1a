// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * driver.bpf.c: packets from many source addresses. For cost.c: each run of BPF_PROG_TEST_RUN gets another one,
 * then goes on with the program under test, which is target[0]; `nothing` as the target is the price of
 * the driver. For inject.c: each frame gets another one and goes to the stack.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	IPV4_CHECK = 14 + 10, /* in an Ethernet frame */
	IPV4_SOURCE = 14 + 12,
	STRIDE = 40503, /* LANE_STRIDE */
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

/* Addresses first, first + 1, ... first + n - 1, in host byte order. */
__u32 first, n = 1;
__u64 turn;
__u32 ip_sum; /* of the halves of the IP header, but for checksum and source */

static __always_inline __be32 next_source(void)
{
	return bpf_htonl(first + (__u32)(turn++ * STRIDE % n));
}

SEC("tc")
int drive(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__be32 *source = data + IPV4_SOURCE;

	if ((void *)(source + 1) <= end)
		*source = next_source();
	bpf_tail_call(skb, &target, 0);
	return 0;
}

SEC("tc")
int nothing(struct __sk_buff *skb)
{
	(void)skb;
	return -1;
}

/* Attached: the least that any drop at this hook can cost. */
SEC("tc")
int drop_all(struct __sk_buff *skb)
{
	(void)skb;
	return 2;
}

SEC("xdp")
int inject(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be32 *at = data + IPV4_SOURCE, source = next_source();
	__u32 sum = ip_sum + (source & 0xffff) + (source >> 16);

	if ((void *)(at + 1) > end)
		return XDP_DROP;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*at = source;
	*(__u16 *)(data + IPV4_CHECK) = ~sum;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
