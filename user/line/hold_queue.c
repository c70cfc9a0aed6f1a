// SPDX-License-Identifier: GPL-2.0-only
#include "line/hold_queue.h"

size_t hold_queue__size(uint32_t n_items)
{
	return 2 * (size_t)n_items * sizeof(struct hold_entry);
}

void hold_queue__init(struct hold_queue *q, void *mem, uint32_t n_items)
{
	struct hold_entry *entries = mem;

	*q = (struct hold_queue){
		.list = entries, .heap = entries + n_items, .head = HOLD_NONE, .tail = HOLD_NONE};
}

static bool before(const struct hold_entry *a, const struct hold_entry *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->seq < b->seq;
}

static void heap_push(struct hold_queue *q, struct hold_entry e)
{
	uint32_t i = q->n_heap++;

	while (i > 0 && before(&e, &q->heap[(i - 1) / 2])) {
		q->heap[i] = q->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q->heap[i] = e;
}

static uint32_t heap_pop(struct hold_queue *q)
{
	uint32_t item = q->heap[0].item, i = 0, child;
	struct hold_entry e = q->heap[--q->n_heap];

	while ((child = 2 * i + 1) < q->n_heap) {
		if (child + 1 < q->n_heap && before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (!before(&q->heap[child], &e))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = e;
	return item;
}

static uint32_t list_pop(struct hold_queue *q)
{
	uint32_t item = q->head;

	q->head = q->list[item].next;
	if (q->head == HOLD_NONE)
		q->tail = HOLD_NONE;
	return item;
}

void hold_queue__push(struct hold_queue *q, uint32_t item, uint64_t due_ns)
{
	struct hold_entry e = {.due_ns = due_ns, .seq = q->seq++, .item = item, .next = HOLD_NONE};

	q->n++;
	if (q->tail != HOLD_NONE && due_ns < q->list[q->tail].due_ns) {
		heap_push(q, e);
		return;
	}
	q->list[item] = e;
	if (q->tail == HOLD_NONE)
		q->head = item;
	else
		q->list[q->tail].next = item;
	q->tail = item;
}

/* The next item stands at the top of the heap, not at the head of the list. */
static bool heap_is_next(const struct hold_queue *q)
{
	return q->n_heap && (q->head == HOLD_NONE || before(&q->heap[0], &q->list[q->head]));
}

uint64_t hold_queue__due(const struct hold_queue *q)
{
	if (!q->n)
		return UINT64_MAX;
	return heap_is_next(q) ? q->heap[0].due_ns : q->list[q->head].due_ns;
}

uint32_t hold_queue__pop(struct hold_queue *q)
{
	if (!q->n)
		return HOLD_NONE;
	q->n--;
	return heap_is_next(q) ? heap_pop(q) : list_pop(q);
}
