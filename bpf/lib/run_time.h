/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* run_time.h: before and after run time 0, which may lie before the machine came up: its instant is below 0 then. */
#ifndef RUN_TIME_H
#define RUN_TIME_H

#include "packet.h"

/* From then on now_ns - t0_ns is the run time. */
static __always_inline bool run__has_begun(__u64 now_ns, __u64 t0_ns)
{
	return (__s64)(now_ns - t0_ns) >= 0;
}

#endif
