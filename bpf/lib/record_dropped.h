/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* record_dropped.h: what our faults take, in the bins. */
#ifndef RECORD_DROPPED_H
#define RECORD_DROPPED_H

#include "record_subject.h"
#include "run_time.h"

/* Our faults have dropped the packet of passage @which. Not static: as rule__at_hook(). */
__noinline int record__dropped(__u32 which, __u64 t0_ns)
{
	struct passage *p = passage__get(which & 1);
	__u64 now_ns = bpf_ktime_get_ns();
	struct chaos_subject subject;
	struct chaos_bin *bin;

	if (!p || !traffic_bin_ns || !p->pkt.version || !run__has_begun(now_ns, t0_ns))
		return 0;
	subject__of(&p->pkt, &p->flow, &subject);
	bin = bin__get(subject__find(&subject), now_ns - t0_ns);
	if (bin)
		record__add(bin->dropped, p->flow.segs);
	return 0;
}

#endif
