// SPDX-License-Identifier: GPL-2.0-only
#include "lib/heap.h"

#include <errno.h>
#include <stdlib.h>

int heap__init(struct heap *h, size_t owners)
{
	*h = (struct heap){.owners = owners};
	h->v = calloc(owners ? owners : 1, sizeof(*h->v));
	h->where = calloc(owners ? owners : 1, sizeof(*h->where));
	if (!h->v || !h->where) {
		heap__reset(h);
		return -ENOMEM;
	}
	for (size_t i = 0; i < owners; i++)
		h->where[i] = SIZE_MAX;
	return 0;
}

void heap__reset(struct heap *h)
{
	free(h->v);
	free(h->where);
	*h = (struct heap){0};
}

static void put(struct heap *h, size_t i, struct heap_slot s)
{
	h->v[i] = s;
	h->where[s.owner] = i;
}

/* Let @s find its place, from hole @i. */
static void settle(struct heap *h, size_t i, struct heap_slot s)
{
	while (i && s.due_ns < h->v[(i - 1) / 2].due_ns) {
		put(h, i, h->v[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < h->n && h->v[child + 1].due_ns < h->v[child].due_ns)
			child++;
		if (child >= h->n || s.due_ns <= h->v[child].due_ns)
			break;
		put(h, i, h->v[child]);
		i = child;
	}
	put(h, i, s);
}

void heap__set(struct heap *h, size_t owner, int64_t due_ns)
{
	size_t i = h->where[owner];

	settle(h, i == SIZE_MAX ? h->n++ : i, (struct heap_slot){due_ns, owner});
}

void heap__clear(struct heap *h, size_t owner)
{
	size_t i = h->where[owner];

	if (i == SIZE_MAX)
		return;
	h->where[owner] = SIZE_MAX;
	h->n--;
	if (i < h->n)
		settle(h, i, h->v[h->n]);
}

int64_t heap__next(const struct heap *h)
{
	return h->n ? h->v[0].due_ns : INT64_MAX;
}

size_t heap__pop(struct heap *h, int64_t now_ns)
{
	size_t owner;

	if (!h->n || h->v[0].due_ns > now_ns)
		return SIZE_MAX;
	owner = h->v[0].owner;
	heap__clear(h, owner);
	return owner;
}
