/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intern.h: gives equal byte strings the same small number, 0, 1, 2... in order of first
 * appearance. Names, member sets, signatures, port sets and rules are told apart by it, without a
 * quadratic loop.
 */
#ifndef CHAOS_DATAPATH_INTERN_H
#define CHAOS_DATAPATH_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern_item {
	size_t off; /* in arena */
	size_t len;
};

struct intern {
	uint32_t *slots; /* open addressing: item + 1, 0 = free; n_slots is a power of two */
	size_t n_slots;
	struct intern_item *items;
	size_t n, cap;
	char *arena;
	size_t used, size;
};

void intern__reset(struct intern *t);

/* The number of @data, a new one (t->n grows) if it was never seen. -ENOMEM. */
int intern__put(struct intern *t, const void *data, size_t len, uint32_t *ret);

/* The bytes of number @id, aligned to 8; valid until the next intern__put(). */
const void *intern__get(const struct intern *t, uint32_t id, size_t *ret_len);

/* The number of @data, or -ENOENT. */
int intern__find(const struct intern *t, const void *data, size_t len, uint32_t *ret);

#endif
