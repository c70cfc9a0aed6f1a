/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture.h: the packets that pass the hooks of a dataplane, and what was decided of them, out of the
 * kernel's ring. A plan with capture_snaplen has them.
 */
#ifndef CHAOS_DATAPATH_CAPTURE_H
#define CHAOS_DATAPATH_CAPTURE_H

#include "datapath/dataplane.h"

#include "../../bpf/capture_abi.h"

/* @node and @ifname: whose device it passed; NULL if that is gone. Not 0: no more. */
typedef int (*dp_packet_fn)(void *arg, const struct chaos_captured *packet, const char *node,
			    const char *ifname);

struct dp_capture;

/* -ENODATA for a plan without capture_snaplen. @dp is borrowed. */
int dp_capture__open(struct dataplane *dp, dp_packet_fn fn, void *arg, struct dp_capture **ret,
		     struct error *err);
/* All that have come by now. Negative: what @fn said, or what the ring did. */
int dp_capture__drain(struct dp_capture *c);
/* Packets that found no room in the ring so far. */
uint64_t dp_capture__lost(const struct dp_capture *c);
void dp_capture__close(struct dp_capture *c);

#endif
