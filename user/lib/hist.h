/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hist.h: counts of durations in bounded memory, after HdrHistogram (Gil Tene): buckets of equal
 * width in each power of two, 128 of them, so that every value is known within 1/256 = 0.4 % of
 * itself. Values are nanoseconds: below 256 exact, 2^42 (73 min) and above count as 2^42 - 1;
 * smallest and largest are kept exactly.
 */
#ifndef CHAOS_HIST_H
#define CHAOS_HIST_H

#include <stddef.h>
#include <stdint.h>

enum {
	HIST_SUB_BITS = 7, /* 2^7 buckets for each power of two */
	HIST_TOP_BITS = 42,
	HIST_BUCKETS = (HIST_TOP_BITS - HIST_SUB_BITS + 1) << HIST_SUB_BITS,
};

struct hist {
	uint64_t n;
	int64_t min, max; /* of those counted; 0 when there are none */
	uint64_t counts[HIST_BUCKETS];
};

/* A zeroed struct is an empty one. Negative values count as 0. */
void hist__add(struct hist *h, int64_t value);
void hist__add_many(struct hist *h, int64_t value, uint64_t n);
void hist__merge(struct hist *into, const struct hist *from);
/*
 * The smallest value that at least the share @q, [0,1], of all do not exceed (nearest rank), from the
 * middle of its bucket; -1 if there is none.
 */
int64_t hist__quantile(const struct hist *h, double q);
/* Bounds of bucket @i: lowest value, and its width. */
int64_t hist__bucket_low(size_t i);
int64_t hist__bucket_width(size_t i);

#endif
