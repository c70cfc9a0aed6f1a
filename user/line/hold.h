/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold.h: the delay line for kernels without the fq qdisc: a process that takes frames from a TAP
 * device, holds each until its due time, and writes it back. The packet path decides; this process knows
 * only due times. It lives in a child process so that a stopped or busy controller delays nobody's
 * packets; it dies with the controller.
 *
 * From the TAP come: struct virtio_net_hdr (10 bytes), struct chaos_held, the frame from its destination
 * MAC on. The offsets in the virtio header count from struct chaos_held. GSO frames stay whole.
 * To the TAP goes: struct virtio_net_hdr, with its offsets set right, and the frame with one 802.1Q tag more
 * in front of its EtherType (and of any tag of its own): TPID 0x8100, TCI = chaos_held.port. If
 * chaos_held.vlan_proto is not 0, that tag (vlan_proto, vlan_tci; both in host byte order) stood on the
 * frame and goes in behind ours.
 *
 * Frames leave in order of their due times, those of equal due time in the order in which they came.
 * Times are of CLOCK_MONOTONIC.
 */
#ifndef CHAOS_LINE_HOLD_H
#define CHAOS_LINE_HOLD_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hold_limits {
	uint64_t packets; /* held at most; what comes beyond is dropped and counted */
	uint64_t bytes;	  /* of memory for frames */
};

/* Shared with the process; every field is written by it alone, read at any time. */
struct hold_stats {
	uint64_t alive_ns; /* its last turn; it takes one at least every 50 ms */
	uint64_t held, held_bytes;
	uint64_t taken, released; /* frames */
	uint64_t overflowed;	  /* dropped: a limit was reached */
	uint64_t malformed;	  /* dropped: no frame of ours */
	uint64_t failed;	  /* dropped: the device did not take it back */
	/* Lateness of release, from due to written back, which includes much of the frame's way to its
	 * receiver, so it is more than what is added: bucket i counts [2^i, 2^(i+1)) microseconds,
	 * bucket 0 also what is below 1 us. */
	uint64_t late_us_log2[32];
	uint64_t late_max_ns;
};

struct hold;

/*
 * A TAP device called @name in the caller's network namespace: with virtio headers, all checksum and
 * segmentation offloads on, a queue of @queue_len frames; up, without IPv6 addresses. It goes away when
 * the descriptor is closed everywhere. Returns the descriptor (CLOEXEC, non-blocking) or a negative
 * errno with what to do (-ENOENT: no /dev/net/tun).
 */
int hold__open_tap(const char *name, unsigned int queue_len, int *ret_ifindex, struct error *err);

/*
 * Start the process. @tap_fd is borrowed for the time of the call; the caller may close its own after. The
 * process ends with the thread that calls this (PR_SET_PDEATHSIG).
 */
int hold__start(int tap_fd, const struct hold_limits *limits, struct hold **ret, struct error *err);

const struct hold_stats *hold__stats(const struct hold *h);
/* The process; for messages and tests. */
int hold__pid(const struct hold *h);
/* Readable when the process is gone, which is an error unless hold__stop() was called. */
int hold__exit_fd(const struct hold *h);

/* Write everything back now, due or not, and go on. Returns when it is done, -ETIMEDOUT after @timeout_ns. */
int hold__flush(struct hold *h, int64_t timeout_ns);

/* Flush, end the process, free. NULL is fine. */
void hold__stop(struct hold *h);

#endif
