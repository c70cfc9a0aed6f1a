/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * rng.h: random draws that a run can repeat. A draw is a hash of (seed, ordinal), no state but the
 * ordinal: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014; variant 13 of Stafford's
 * mixers), once over the seed, so that near seeds share nothing, and once over the sum.
 */
#ifndef RNG_H
#define RNG_H

#include "maps.h"

static __always_inline __u64 rng__mix(__u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static __always_inline __u64 rng__draw(__u64 seed, __u64 ordinal)
{
	return rng__mix(rng__mix(seed) + (ordinal + 1) * 0x9e3779b97f4a7c15ULL);
}

/* The next draw of a rule; packets on several CPUs take theirs in turn. */
static __always_inline __u64 rule__draw(__u32 rule_id, const struct chaos_rule *rule)
{
	struct rule_state *state = bpf_map_lookup_elem(&rule_state, &rule_id);
	__u64 ordinal;

	if (!state)
		return ~0ULL; /* above every threshold but 2^32; the maps have the same size */
	bpf_spin_lock(&state->lock);
	ordinal = state->ordinal++;
	bpf_spin_unlock(&state->lock);
	return rng__draw(rule->seed, ordinal);
}

#endif
