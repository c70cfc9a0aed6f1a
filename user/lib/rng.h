/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rng.h: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): every seed is good, equal seeds give equal
 * sequences on every machine. For schedules and random sets; the BPF side has its own, keyed form.
 */
#ifndef CHAOS_RNG_H
#define CHAOS_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng__next(struct rng *r)
{
	uint64_t z = (r->state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Uniform in [0, n), n > 0, by rejection: no modulo bias. */
static inline uint64_t rng__below(struct rng *r, uint64_t n)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;

	do {
		x = rng__next(r);
	} while (x >= limit);
	return x % n;
}

/* A generator for one purpose, independent of the order in which others are used. */
static inline struct rng rng__fork(uint64_t seed, uint64_t purpose)
{
	struct rng r = {.state = seed ^ (purpose * 0xd1342543de82ef95ULL)};

	rng__next(&r);
	return r;
}

#endif
