// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * driver.bpf.c: for cost.c: gives each run of BPF_PROG_TEST_RUN another source address, then goes on
 * with the program under test, which is target[0]. `nothing` as the target is the price of the driver.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum {
	IPV4_SOURCE = 14 + 12, /* of an Ethernet frame */
	/* Coprime to 2 and 5, so to every power of ten: visits all, not in the order of memory. */
	STRIDE = 40503,
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

SEC("tc")
int drive(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__be32 *source = data + IPV4_SOURCE;

	if ((void *)(source + 1) <= end)
		*source = bpf_htonl(first + (__u32)(turn++ * STRIDE % n));
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

char LICENSE[] SEC("license") = "Dual BSD/GPL";
