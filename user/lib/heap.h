/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * heap.h: timers of a fixed set of owners, 0 ... n - 1, each of which has at most one: the next one
 * in O(1), set and cleared in O(log n), without allocation.
 */
#ifndef CHAOS_HEAP_H
#define CHAOS_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap {
	struct heap_slot {
		int64_t due_ns;
		size_t owner;
	} * v;	       /* a binary heap */
	size_t *where; /* of each owner's slot; SIZE_MAX: none */
	size_t n, owners;
};

int heap__init(struct heap *h, size_t owners); /* 0 or -ENOMEM */
void heap__reset(struct heap *h);
/* Replaces the owner's timer, if it has one. */
void heap__set(struct heap *h, size_t owner, int64_t due_ns);
void heap__clear(struct heap *h, size_t owner);
/* When the next is due; INT64_MAX: there is none. */
int64_t heap__next(const struct heap *h);
/* Take the next away if it is due at @now_ns: its owner, or SIZE_MAX. Equal ones in any order. */
size_t heap__pop(struct heap *h, int64_t now_ns);

#endif
