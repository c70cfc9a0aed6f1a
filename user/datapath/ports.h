/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ports.h: sets of ports, and boxes: the packets whose source port is in one set and whose
 * destination port is in another. Boxes of one fault on one pair are made disjoint, so that a
 * packet draws once.
 */
#ifndef CHAOS_DATAPATH_PORTS_H
#define CHAOS_DATAPATH_PORTS_H

#include "datapath/chaos_abi_user.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	PORT_SET_MAX = 32, /* ranges in a set while boxes are cut up */
	BOXES_MAX = 64,	   /* boxes of one fault on one pair */
};

/* Sorted, disjoint, not adjacent ranges. n == 0: no constraint. Bytes behind n are zero, so that
 * equal sets are equal bytes. */
struct port_set {
	__u32 n;
	struct chaos_port_range r[PORT_SET_MAX];
};

struct port_box {
	struct port_set sport, dport;
};

/* Put @n ranges in order and together. -EINVAL when one ends before it begins, -E2BIG. */
int port_set__from(const struct chaos_port_range *ranges, size_t n, struct port_set *ret);

/* What is in both. -ENOENT when nothing is, -E2BIG. */
int port_set__intersect(const struct port_set *a, const struct port_set *b, struct port_set *ret);

/* No constraint at all: takes packets without ports too. */
static inline bool port_box__all(const struct port_box *b)
{
	return !b->sport.n && !b->dport.n;
}

/* Does @a take all that @b takes? */
bool port_box__contains(const struct port_box *a, const struct port_box *b);

/*
 * Replace the @n boxes (at most BOXES_MAX, and @boxes has room for as many) by disjoint ones that
 * take the same packets. Returns their number; -E2BIG when there would be too many, or too many
 * ranges in one.
 */
int port_boxes__disjoint(struct port_box *boxes, size_t n);

#endif
