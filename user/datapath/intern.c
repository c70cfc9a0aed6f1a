// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/intern.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a with a final mix, since the slot is its low bits. No adversary chooses what is interned
 * here: member numbers and names of the caller's own experiment. */
static uint64_t hash(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 29);
}

void intern__reset(struct intern *t)
{
	free(t->slots);
	free(t->items);
	free(t->arena);
	*t = (struct intern){0};
}

const void *intern__get(const struct intern *t, uint32_t id, size_t *ret_len)
{
	if (ret_len)
		*ret_len = t->items[id].len;
	return t->arena + t->items[id].off;
}

/* The slot of @data, or the free one where it belongs. n_slots > 0. */
static size_t slot_of(const struct intern *t, const void *data, size_t len)
{
	size_t i = hash(data, len) & (t->n_slots - 1);

	for (; t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
		const struct intern_item *it = &t->items[t->slots[i] - 1];

		if (it->len == len && (!len || !memcmp(t->arena + it->off, data, len)))
			break;
	}
	return i;
}

static int grow_slots(struct intern *t)
{
	struct intern bigger = *t;

	bigger.n_slots = t->n_slots ? t->n_slots * 2 : 64;
	bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		const struct intern_item *it = &t->items[i];

		bigger.slots[slot_of(&bigger, t->arena + it->off, it->len)] = (uint32_t)i + 1;
	}
	free(t->slots);
	*t = bigger;
	return 0;
}

static int grow_items(struct intern *t)
{
	size_t cap = t->cap ? t->cap * 2 : 64;
	struct intern_item *v = realloc(t->items, cap * sizeof(*v));

	if (!v)
		return -ENOMEM;
	t->items = v;
	t->cap = cap;
	return 0;
}

static int grow_arena(struct intern *t, size_t need)
{
	size_t size = t->size ? t->size : 1024;
	char *v;

	while (size < need)
		size *= 2;
	v = realloc(t->arena, size);
	if (!v)
		return -ENOMEM;
	t->arena = v;
	t->size = size;
	return 0;
}

int intern__find(const struct intern *t, const void *data, size_t len, uint32_t *ret)
{
	size_t i;

	if (!t->n_slots)
		return -ENOENT;
	i = slot_of(t, data, len);
	if (!t->slots[i])
		return -ENOENT;
	*ret = t->slots[i] - 1;
	return 0;
}

int intern__put(struct intern *t, const void *data, size_t len, uint32_t *ret)
{
	size_t off = (t->used + 7) & ~(size_t)7;
	size_t i;

	if (t->n * 2 >= t->n_slots && grow_slots(t))
		return -ENOMEM;
	i = slot_of(t, data, len);
	if (!t->slots[i]) {
		/* An empty string has a place too, so that intern__get() is never NULL. */
		if ((t->n == t->cap && grow_items(t)) ||
		    ((!t->arena || off + len > t->size) && grow_arena(t, off + len)))
			return -ENOMEM;
		if (len)
			memcpy(t->arena + off, data, len);
		t->items[t->n++] = (struct intern_item){.off = off, .len = len};
		t->used = off + len;
		t->slots[i] = (uint32_t)t->n;
	}
	*ret = t->slots[i] - 1;
	return 0;
}
