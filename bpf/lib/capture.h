/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * capture.h: the packet and what was decided of it into the ring of capture.pcapng. With the constant
 * capture_snaplen 0 all of it is no code to the verifier, which takes it out: it costs nothing.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "../capture_abi.h"
#include "change.h"

struct map_captured {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* of no use; user space sets what a capture needs */
};

struct map_captures {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chaos_capture);
};

enum {
	RINGBUF_NO_WAKEUP = 1, /* BPF_RB_NO_WAKEUP: user space looks by itself */
};

extern struct map_captured captured;
extern struct map_captures captures;

extern const volatile __u32 capture_snaplen; /* 0: nothing is captured; at most CHAOS_SNAPLEN_MAX */

/* enum outcome_flags as enum chaos_captured_flags. */
static __always_inline __u16 capture__flags(const struct outcome *out, bool dropped, bool delayed,
					    bool copy)
{
	__u32 was = out->flags;
	__u16 flags = 0;

	if (dropped)
		flags |= CHAOS_CAPTURED_DROPPED;
	if (delayed && !dropped)
		flags |= CHAOS_CAPTURED_DELAYED;
	if (copy)
		flags |= CHAOS_CAPTURED_COPY;
	if (was & OUTCOME_COPY)
		flags |= CHAOS_CAPTURED_DUPLICATED;
	if ((was & OUTCOME_CORRUPT) && !dropped)
		flags |= CHAOS_CAPTURED_CORRUPTED;
	if ((was & OUTCOME_ECN) && !dropped)
		flags |= CHAOS_CAPTURED_MARKED;
	if (was & (OUTCOME_RESET_SENDER | OUTCOME_RESET_RECEIVER))
		flags |= CHAOS_CAPTURED_RESET;
	if (was & (OUTCOME_UNREACHABLE | OUTCOME_TOO_BIG))
		flags |= CHAOS_CAPTURED_REJECTED;
	return flags;
}

static __always_inline void capture__packet(struct __sk_buff *skb, const struct passage *p,
					    __u32 netns, __u32 ifindex, __u16 flags, __u64 delay_ns)
{
	__u32 key = 0, len = skb->len;
	struct chaos_capture *c;
	__u64 last, n;

	if (!capture_snaplen)
		return;
	c = bpf_map_lookup_elem(&captures, &key);
	if (!c)
		return;
	c->packet.ts_ns = bpf_ktime_get_ns();
	c->packet.delay_ns = delay_ns;
	c->packet.faults = p->flow.faults;
	c->packet.wire_len = len;
	c->packet.netns = netns;
	c->packet.ifindex = ifindex;
	c->packet.flags = flags;
	c->packet.segs = (__u16)p->flow.segs;
	c->packet.direction = (__u8)p->flow.direction;
	/* what begins with its IP header has no other */
	c->packet.raw = p->pkt.base == BPF_HDR_START_MAC && p->pkt.version && !p->pkt.l3;
	if (len > capture_snaplen)
		len = capture_snaplen;
	/* 1 to CHAOS_SNAPLEN_MAX in a way that all verifiers follow: before 6.8 they learn nothing from `!= 0`, and
	 * the one of 5.10 nothing from two comparisons that the compiler has folded. */
	last = (__u64)len - 1;
	barrier_var(last);
	if (last >= CHAOS_SNAPLEN_MAX)
		return;
	n = last + 1;
	c->packet.len = (__u32)n;
	if (bpf_skb_load_bytes(skb, 0, c->packet.data, (__u32)n))
		return;
	if (bpf_ringbuf_output(&captured, &c->packet, offsetof(struct chaos_captured, data) + n,
			       RINGBUF_NO_WAKEUP))
		c->lost++;
}

/* Bit of @fault in chaos_captured.faults. */
static __always_inline __u64 capture__fault(__u32 fault)
{
	return 1ULL << (fault < 63 ? fault : 63);
}

#endif
