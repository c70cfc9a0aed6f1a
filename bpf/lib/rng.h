/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * rng.h: random draws that a run can repeat. A draw is a hash of (seed, edge, ordinal, purpose), no state
 * but the ordinal: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; variant 13 of
 * Stafford's mixers), once over each, so that near seeds and near ordinals share nothing.
 */
#ifndef RNG_H
#define RNG_H

#define RNG_STEP 0x9e3779b97f4a7c15ULL

static __always_inline __u64 rng__mix(__u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* The generator of one edge of a rule, at packet @ordinal. */
static __always_inline __u64 rng__at(__u64 seed, __u32 src_node, __u32 dst_node, __u64 ordinal)
{
	__u64 edge = rng__mix(rng__mix(seed) + (((__u64)src_node << 32) | dst_node) * RNG_STEP);

	return rng__mix(edge + (ordinal + 1) * RNG_STEP);
}

#endif
