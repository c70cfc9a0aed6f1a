/* SPDX-License-Identifier: GPL-2.0-only */
/* hold_loop.h: what the process of the delay line does all day. System calls only: it is a fork of a
 * threaded program. */
#ifndef CHAOS_LINE_HOLD_LOOP_H
#define CHAOS_LINE_HOLD_LOOP_H

#include "line/hold.h"
#include "line/hold_pool.h"
#include "line/hold_queue.h"

struct hold_loop {
	int tap;   /* non-blocking */
	int ctl;   /* SOCK_SEQPACKET: a 64-bit number asks for a flush and is sent back after it */
	int timer; /* timerfd of CLOCK_MONOTONIC, non-blocking */
	uint64_t packets_max;
	struct hold_stats *stats;
	struct hold_pool pool;
	struct hold_queue queue;
	struct iovec landing[HOLD_CHAIN_MAX];
	uint64_t armed_ns; /* what the timer is set to, 0 = off */
	int64_t lead_ns;   /* how much before the due time that is */
	bool more;	   /* the TAP may have more to read */
};

enum {
	HOLD_EXIT_OK = 0,     /* the other end of ctl was closed */
	HOLD_EXIT_DEVICE = 3, /* the TAP is gone */
	HOLD_EXIT_SYSTEM = 4, /* a system call failed that cannot */
};

/* All fields from landing on are not set by the caller, the others are. Returns an exit status. */
int hold_loop__run(struct hold_loop *l);

#endif
