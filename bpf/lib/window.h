/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* window.h: is a fault on? Checked for every packet, so that it ends without user space. */
#ifndef WINDOW_H
#define WINDOW_H

#include "maps.h"

/*
 * The writer of a window stores end = 0, start, end; one that moves its end stores that alone. So a
 * start between two reads of an end that is still to come is of a window that was asked for. (On a
 * CPU that reorders loads a store in these nanoseconds can be seen half: 5.10 has no barrier for
 * BPF. It takes the very instant of a flip, and that packet could have come before it as well.)
 */
static __always_inline bool window__active(volatile struct chaos_window *window, __u64 run_ns)
{
	__u64 end = window->end_ns;
	__u64 start = window->start_ns;

	return run_ns >= start && run_ns < end && run_ns < window->end_ns;
}

/* The start of the window that the fault is in, + 1; 0: it is off. run_ns: time since t0. */
static __always_inline __u64 fault__window(__u32 fault, __u64 run_ns)
{
	struct chaos_windows *w = bpf_map_lookup_elem(&windows, &fault);

	if (!w)
		return 0;
	if (window__active(&w->slot[0], run_ns))
		return w->slot[0].start_ns + 1;
	if (window__active(&w->slot[1], run_ns))
		return w->slot[1].start_ns + 1;
	return 0;
}
_Static_assert(CHAOS_WINDOWS == 2, "fault__window() names each slot");

#endif
