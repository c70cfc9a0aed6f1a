/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * maps.h: the maps of the programs; defined in chaos.bpf.c. User space makes them once a run and gives
 * the same ones to the instance of every namespace, so that one write takes effect in all at once. The
 * sizes here are defaults: user space sets those that depend on the experiment.
 */
#ifndef MAPS_H
#define MAPS_H

#include "packet.h"

/* Draws made so far for a rule, over all CPUs and namespaces: draw i is the same in every run. */
struct rule_state {
	struct bpf_spin_lock lock; /* an atomic that returns a value needs Linux 5.12 */
	__u32 pad;
	__u64 ordinal;
};

struct map_control {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chaos_control);
};

struct map_windows {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64);
	__type(key, __u32); /* fault */
	__type(value, struct chaos_windows);
};

struct map_rules {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct chaos_rule);
};

struct map_rule_state {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32); /* as in rules */
	__type(value, struct rule_state);
};

struct map_pairs {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct chaos_pair_key);
	__type(value, struct chaos_pair);
};

struct map_idents {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct chaos_addr);
	__type(value, struct chaos_ident);
};

struct map_prefixes {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* the kernel insists */
	__uint(max_entries, 4096);
	__type(key, struct chaos_prefix);
	__type(value, struct chaos_ident);
};

struct map_exempt {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct chaos_exempt_key);
	__type(value, __u8);
};

struct map_edges {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct chaos_edge_key);
	__type(value, struct chaos_edge_counts);
};

struct map_traffic {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32); /* node */
	__type(value, struct chaos_traffic);
};

struct map_stats {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chaos_stats);
};

struct map_passages {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct passage);
};

extern struct map_control control;
extern struct map_windows windows;
extern struct map_rules rules;
extern struct map_rule_state rule_state;
extern struct map_pairs pairs;
extern struct map_idents idents;
extern struct map_prefixes prefixes;
extern struct map_exempt exempt;
extern struct map_edges edges;
extern struct map_traffic traffic;
extern struct map_stats stats;
extern struct map_passages passages;

static __always_inline struct passage *passage__get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&passages, &key);
}

extern const volatile struct chaos_hook hook;
extern const volatile __u32
	have_prefixes; /* 0: the trie is empty and stays so; saves its look-ups */

#endif
