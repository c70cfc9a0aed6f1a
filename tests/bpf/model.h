/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h: the generator of bpf/lib/rng.h said once more, so that a test can tell what each packet draws,
 * and the tables of distributions as user space loads them.
 */
#ifndef MODEL_H
#define MODEL_H

#include "harness.h"

#include "lib/dist.h"

/* What a draw is for: enum chance_bit and those of the faults in bpf/lib/. */
enum model_purpose {
	DRAW_DUPLICATE = 1 << 0,
	DRAW_RESET = 1 << 1,
	DRAW_REJECT = 1 << 2,
	DRAW_LOSS = 1 << 3,
	DRAW_CORRUPT = 1 << 4,
	DRAW_ECN = 1 << 5,
	DRAW_OVERTAKE = 1 << 6,
	DRAW_DELAY = 1 << 8,
};

static inline uint64_t model__mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Of packet @ordinal from a to b: 32 bits. */
static inline uint32_t model__draw(uint64_t seed, uint64_t ordinal, uint32_t purpose)
{
	static const uint64_t step = 0x9e3779b97f4a7c15ULL;
	uint64_t edge = model__mix(model__mix(seed) + ((uint64_t)NODE_A << 32 | NODE_B) * step);
	uint64_t packet = model__mix(edge + (ordinal + 1) * step);

	return (uint32_t)(model__mix(packet + purpose * step) >> 32);
}

struct model_tables {
	int16_t normal[CHAOS_TABLE_LEN], pareto[CHAOS_TABLE_LEN], paretonormal[CHAOS_TABLE_LEN];
	uint32_t phi[CHAOS_TABLE_LEN];
};

static inline void model__put(struct bench *b, uint32_t i, int32_t value)
{
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(b->line->maps.tables), &i, &value, BPF_ANY), 0);
}

/* Into the tables of @b, which keep them. */
static inline void model__load(struct bench *b, struct model_tables *t)
{
	assert_int_equal(dist__make(DIST_NORMAL, t->normal, CHAOS_TABLE_LEN), 0);
	assert_int_equal(dist__make(DIST_PARETO, t->pareto, CHAOS_TABLE_LEN), 0);
	assert_int_equal(dist__make(DIST_PARETONORMAL, t->paretonormal, CHAOS_TABLE_LEN), 0);
	assert_int_equal(dist__phi(t->phi, CHAOS_TABLE_LEN), 0);
	for (uint32_t i = 0; i < CHAOS_TABLE_LEN; i++) {
		model__put(b, CHAOS_TABLE_NORMAL + i, t->normal[i]);
		model__put(b, CHAOS_TABLE_PHI + i, (int32_t)t->phi[i]);
		model__put(b, CHAOS_TABLE_PARETO + i, t->pareto[i]);
		model__put(b, CHAOS_TABLE_PARETONORMAL + i, t->paretonormal[i]);
	}
}

/*
 * How much later than its sender asked for a packet leaves the line. Its sender asks for an instant ahead, which
 * the line honours: so the kernel's clock has no part in it.
 */
enum { MODEL_AHEAD_NS = 900000000 };

static inline struct decided model__decide(struct bench *b, const struct frame *f,
					   int64_t *ret_delay_ns)
{
	uint64_t pace_ns = now_ns() + MODEL_AHEAD_NS;
	struct decided d = bench__decide_at(b, f, pace_ns);

	if (now_ns() >= pace_ns)
		fail_msg("this machine stood still for nearly a second");
	*ret_delay_ns = d.lost ? -1 : (int64_t)(d.due_ns - pace_ns);
	return d;
}

static inline int64_t model__delay(struct bench *b, const struct frame *f)
{
	int64_t ns;

	assert_false(model__decide(b, f, &ns).lost);
	return ns;
}

#endif
