/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold_queue.h: which frame is due next. An item is a small number that the caller knows a frame by;
 * it is in the queue at most once. Memory is fixed at the start.
 *
 * Under one constant delay frames come in the order of their due times: those are a list, O(1) in and
 * out. Only a frame that is due before the last of the list goes to a heap, O(log n).
 */
#ifndef CHAOS_LINE_HOLD_QUEUE_H
#define CHAOS_LINE_HOLD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No item. */
#define HOLD_NONE UINT32_MAX

struct hold_entry {
	uint64_t due_ns;
	uint64_t seq; /* order of coming, decides between equal due times */
	uint32_t item;
	uint32_t next; /* in the list */
};

struct hold_queue {
	struct hold_entry *list; /* by item */
	uint32_t head, tail;
	struct hold_entry *heap; /* the children of i are 2i + 1 and 2i + 2 */
	uint32_t n_heap;
	uint32_t n;
	uint64_t seq;
};

/* Bytes that hold_queue__init() needs for items 0 ... @n_items - 1. */
size_t hold_queue__size(uint32_t n_items);
/* @mem: aligned to 8 bytes; its content does not matter. */
void hold_queue__init(struct hold_queue *q, void *mem, uint32_t n_items);

void hold_queue__push(struct hold_queue *q, uint32_t item, uint64_t due_ns);
/* The due time of the next item; UINT64_MAX: the queue is empty. */
uint64_t hold_queue__due(const struct hold_queue *q);
/* The item of least due time, of equal ones the one that came first; HOLD_NONE: empty. */
uint32_t hold_queue__pop(struct hold_queue *q);

#endif
