/* SPDX-License-Identifier: GPL-2.0-only */
/* search.h: internal to search.c: sets of configurations. */
#ifndef CHAOS_CHECK_SEARCH_H
#define CHAOS_CHECK_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS 256 /* operations open at one time; those without an answer stay open */
#define SLOT_WORDS (SLOTS / 64)

/* The object as it may be, and which of the open operations have made it so. */
struct config {
	int64_t state;
	uint64_t done[SLOT_WORDS];
};

/* Each configuration once, in the order in which they came. Zeroed at first. */
struct config_set {
	struct config *v;
	uint32_t *table; /* index + 1 into v, by hash; 0: free */
	size_t n, size;	 /* the table has 2 * size */
};

int config_set__add(struct config_set *s, const struct config *c); /* or -ENOMEM */
void config_set__clear(struct config_set *s);
void config_set__reset(struct config_set *s);

#endif
