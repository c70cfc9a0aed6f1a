/* SPDX-License-Identifier: GPL-2.0-only */
/* backoff.h: how long to wait before the next try: exponential, with full jitter, so that many clients spread. Pure. */
#ifndef CHAOS_KUBE_BACKOFF_H
#define CHAOS_KUBE_BACKOFF_H

#include "lib/clock.h"
#include "lib/rng.h"

#define BACKOFF_FIRST_NS (200 * NS_PER_MS)
#define BACKOFF_MAX_NS (30 * NS_PER_S)
#define BACKOFF_LEAST_NS (10 * NS_PER_MS) /* chance may say 0, a loop must not */
#define RETRY_AFTER_MAX_NS (60 * NS_PER_S)

struct backoff {
	unsigned int failures;
	struct rng rng;
};

/* By chance from 0 to the bound, which is 0.2 s for the first failure and doubles up to 30 s. */
static inline int64_t backoff__next(struct backoff *b)
{
	int64_t bound = BACKOFF_MAX_NS, ns;

	if (b->failures < 16 && BACKOFF_FIRST_NS << b->failures < BACKOFF_MAX_NS)
		bound = BACKOFF_FIRST_NS << b->failures;
	b->failures += b->failures < 16;
	ns = (int64_t)rng__below(&b->rng, (uint64_t)bound + 1);
	return ns < BACKOFF_LEAST_NS ? BACKOFF_LEAST_NS : ns;
}

static inline void backoff__reset(struct backoff *b)
{
	b->failures = 0;
}

/* Half a success: what is still wrong is not waited for longer than 3.2 s. */
static inline void backoff__ease(struct backoff *b)
{
	b->failures = b->failures < 4 ? b->failures : 4;
}

/* By chance from @lo to @hi. */
static inline int64_t backoff__between(struct backoff *b, int64_t lo, int64_t hi)
{
	return lo + (int64_t)rng__below(&b->rng, (uint64_t)(hi - lo) + 1);
}

#endif
