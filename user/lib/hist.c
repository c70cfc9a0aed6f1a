// SPDX-License-Identifier: GPL-2.0-only
#include "lib/hist.h"

#include <math.h>

#define SUB (1 << HIST_SUB_BITS)
#define TOP (1LL << HIST_TOP_BITS)

/* Buckets 0 ... 2 SUB - 1 are one wide; of the next SUB each is twice as wide as of those before. */
static size_t bucket_of(int64_t v)
{
	int shift;

	if (v < SUB)
		return (size_t)v;
	shift = 63 - __builtin_clzll((unsigned long long)v) - HIST_SUB_BITS;
	return ((size_t)shift << HIST_SUB_BITS) + (size_t)(v >> shift);
}

int64_t hist__bucket_width(size_t i)
{
	return i < SUB ? 1 : 1LL << ((i >> HIST_SUB_BITS) - 1);
}

int64_t hist__bucket_low(size_t i)
{
	if (i < SUB)
		return (int64_t)i;
	return (int64_t)((i & (SUB - 1)) + SUB) << ((i >> HIST_SUB_BITS) - 1);
}

void hist__add(struct hist *h, int64_t value)
{
	hist__add_many(h, value, 1);
}

void hist__add_many(struct hist *h, int64_t value, uint64_t n)
{
	int64_t v = value < 0 ? 0 : value < TOP ? value : TOP - 1;

	if (!n)
		return;
	if (value < 0)
		value = 0;
	if (!h->n || value < h->min)
		h->min = value;
	if (!h->n || value > h->max)
		h->max = value;
	h->counts[bucket_of(v)] += n;
	h->n += n;
}

void hist__merge(struct hist *into, const struct hist *from)
{
	if (!from->n)
		return;
	if (!into->n || from->min < into->min)
		into->min = from->min;
	if (!into->n || from->max > into->max)
		into->max = from->max;
	into->n += from->n;
	for (size_t i = 0; i < HIST_BUCKETS; i++)
		into->counts[i] += from->counts[i];
}

int64_t hist__quantile(const struct hist *h, double q)
{
	double want = ceil(q * (double)h->n);
	uint64_t rank = want < 1 ? 1 : want < (double)h->n ? (uint64_t)want : h->n, seen = 0;
	int64_t v;

	if (!h->n)
		return -1;
	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen < rank)
			continue;
		v = hist__bucket_low(i) + hist__bucket_width(i) / 2;
		/* the extremes are known */
		if (rank == h->n)
			return h->max;
		return v < h->min ? h->min : v > h->max ? h->max : v;
	}
	return h->max;
}
