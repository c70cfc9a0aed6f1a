/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * line.h: the detour that packets take for every fault but a partition (bpf/line.bpf.c): in each namespace
 * with hooks one end of a veth pair, the other ends together in a namespace of the line's own. That
 * namespace has no name and is held by us alone, so all of it is gone when we are.
 *
 * What holds delayed packets: fq on the far ends (EDT), or a process behind a TAP where the kernel has no
 * fq. No qdisc of anybody's device is touched.
 */
#ifndef CHAOS_LINE_H
#define CHAOS_LINE_H

#include "datapath/compile.h"
#include "datapath/dataplane.h"
#include "lib/clock.h"
#include "lib/error.h"

#include <string.h>

struct dataplane;
struct line;

/* No packet is held longer, whatever the sum of the plan's faults: fq's horizon, twice this, is a
 * 32-bit number of microseconds. */
#define LINE_LONGEST_NS (2000ULL * NS_PER_S)

/* What the plan's rules need of the line. */
struct line_needs {
	bool any;	     /* a line at all */
	bool wire;	     /* GSO packets are cut into wire packets */
	bool checksums;	     /* packets carry their checksums, none is left to a device */
	bool held;	     /* some packets wait: a queue is needed */
	uint64_t longest_ns; /* that a packet may wait */
};

struct line_needs line__needs(const struct dp_plan *plan);

/* @dp has its maps. */
int line__open(struct dataplane *dp, const struct line_needs *needs, struct line **ret,
	       struct error *err);
/* Have a way from the device of @h onto the line and back; before its hooks are attached. */
int line__connect(struct line *l, const struct compiled_hook *h, struct error *err);
/* Room for as many namespaces as @dp has numbers for. */
int line__need_pairs(struct line *l, struct error *err);
/* Give up what there is of ours in namespace number @netns; its hooks are gone. */
void line__leave(struct line *l, size_t netns);
/* Wait until no packet is on the line any more; nothing new may come. Gives up after what a packet
 * may be held at most, or @limit_ns. */
void line__drain(struct line *l, int64_t limit_ns);
void line__close(struct line *l);

/* Are GSO packets cut into wire packets? */
bool line__cuts(const struct line *l);
const char *line__mechanism(const struct line *l);
int line__stats(struct line *l, struct dp_line_stats *ret);
/* Readable when the line has failed for good; -1 if that cannot be. */
int line__failed_fd(const struct line *l);

/* Devices of lines in namespaces of others: this and eight hex digits. */
#define LINE_PREFIX "chaos-"

/* Is @name a device of a line of ours, or of another run's? */
static inline bool line__is_device(const char *name)
{
	return !strncmp(name, LINE_PREFIX, sizeof(LINE_PREFIX) - 1);
}

#endif
