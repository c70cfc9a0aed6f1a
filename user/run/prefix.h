/* SPDX-License-Identifier: GPL-2.0-only */
/* prefix.h: sets of addresses as lists of prefixes, and what is left of one without another. Pure. */
#ifndef CHAOS_PREFIX_H
#define CHAOS_PREFIX_H

#include "datapath/dataplane.h"

#include <stdbool.h>

struct prefixes {
	struct dp_prefix *v;
	size_t n;
};

void prefixes__reset(struct prefixes *p);
int prefixes__add(struct prefixes *p, const struct dp_prefix *x); /* 0 or -ENOMEM */

/* Of @family with its own length: IPv4 becomes ::ffff:a.b.c.d. Bits past the length are cleared. */
struct dp_prefix prefix__make(int family, const uint8_t *addr, unsigned int len);
bool prefix__contains(const struct dp_prefix *outer, const struct dp_prefix *inner);

/*
 * Take @x out of the set: a prefix around it is replaced by those halves, halves of halves and so on that
 * are not @x, at most 128 of them. 0 or -ENOMEM.
 */
int prefixes__subtract(struct prefixes *p, const struct dp_prefix *x);

#endif
