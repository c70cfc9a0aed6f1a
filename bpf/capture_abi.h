/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * capture_abi.h: a packet on its way to capture.pcapng, from the programs to user space through a ring buffer
 * (Linux 5.8). As chaos_abi.h: types come before it, every size is asserted.
 */
#ifndef CHAOS_CAPTURE_ABI_H
#define CHAOS_CAPTURE_ABI_H

enum {
	/* Bytes of a packet that are kept at most; the programs' constant capture_snaplen may say less. */
	CHAOS_SNAPLEN_MAX = 2048,
};

/* What was decided of the packet. */
enum chaos_captured_flags {
	CHAOS_CAPTURED_DROPPED = 1 << 0,
	CHAOS_CAPTURED_DELAYED = 1 << 1, /* by delay_ns */
	CHAOS_CAPTURED_COPY = 1 << 2,	 /* this one is the duplicate */
	CHAOS_CAPTURED_DUPLICATED = 1 << 3,
	CHAOS_CAPTURED_CORRUPTED = 1 << 4, /* as it is shown here */
	CHAOS_CAPTURED_MARKED = 1 << 5,	   /* CE, as it is shown here */
	CHAOS_CAPTURED_RESET = 1 << 6,	   /* an RST went to one end or both */
	CHAOS_CAPTURED_REJECTED = 1 << 7,  /* an ICMP error went back */
};

struct chaos_captured {
	__u64 ts_ns;	/* CLOCK_MONOTONIC */
	__u64 delay_ns; /* until it leaves the line */
	__u64 faults;	/* bit i: fault i did something to it; bit 63: one from 63 on */
	__u32 wire_len; /* of the frame, or of what is to be cut into wire packets */
	__u32 len;	/* bytes of data[] */
	__u32 netns;	/* chaos_hook.netns */
	__u32 ifindex;	/* of the device whose hook it passed */
	__u16 flags;	/* enum chaos_captured_flags */
	__u16 segs;	/* wire packets */
	__u8 direction; /* enum chaos_direction */
	__u8 raw;	/* 1: it begins with its IP header, 0: with an Ethernet header */
	__u16 pad;
	__u8 data[CHAOS_SNAPLEN_MAX];
};
_Static_assert(sizeof(struct chaos_captured) == 48 + CHAOS_SNAPLEN_MAX, "ABI");

/* captures[0], per CPU. */
struct chaos_capture {
	__u64 lost; /* packets that found no room in the ring */
	struct chaos_captured packet;
};

#endif
