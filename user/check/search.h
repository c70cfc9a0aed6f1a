/* SPDX-License-Identifier: GPL-2.0-only */
/* search.h: internal to search*.c and config_set.c. */
#ifndef CHAOS_CHECK_SEARCH_H
#define CHAOS_CHECK_SEARCH_H

#include "check/internal.h"

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

static inline bool search__ends_hold(const struct check_op *o)
{
	return o->kind == CHECK_RELEASE || o->kind == CHECK_EXPIRE;
}

/*
 * The operations that count, by index: all but those without an answer that change the object to
 * what nobody saw.
 */
int search__leave_out(enum checker c, const struct check_op *ops, size_t n, size_t *ret,
		      size_t *ret_n);
/* Of each release, by index, the acquire of its hold: or that there is none, or several. */
#define SEARCH_NONE SIZE_MAX
#define SEARCH_NEVER (SIZE_MAX - 1)
int search__find_holds(const struct check_op *ops, size_t n_ops, size_t *ret);

#endif
