/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * maps.h: the maps of the programs; each object defines those that it uses. User space makes them once a run and gives
 * the same ones to the instance of every namespace, so that one write takes effect in all at once. The
 * sizes here are defaults: user space sets those that depend on the experiment.
 */
#ifndef MAPS_H
#define MAPS_H

#include "packet.h"

/* What one rule remembers of one edge, over all CPUs and namespaces. Key: struct chaos_link_key. */
struct link_state {
	struct bpf_spin_lock lock; /* an atomic that returns a value needs Linux 5.12 */
	__u32 chain;		   /* state of the loss chain */
	__u64 ordinal;		   /* packets taken: draw i is the same in every run */
	__u64 window_ns;	   /* the start of the window that the next three count in */
	__u32 matched;
	__u32 lost;    /* by loss.first */
	__u32 delayed; /* since the last one that overtook */
	__u32 known;   /* chance_bits whose outcome before is in last */
	__u32 last;
	__s32 z;       /* of the correlated jitter, 1/8192 standard deviations */
	__u64 due_ns;  /* of the packet before */
	__u64 free_ns; /* when the link has sent all before it */
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

struct map_links {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct chaos_link_key);
	__type(value, struct link_state);
};

struct map_tables {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CHAOS_TABLES_OWN);
	__type(key, __u32);
	__type(value, __s32);
};

struct map_devices {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct chaos_device_key);
	__type(value, struct chaos_device);
};

struct map_ports {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct chaos_port);
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
	__uint(max_entries, 2);
	__type(key, __u32); /* 1: a duplicate, whose program runs within that of its original */
	__type(value, struct passage);
};

/* Value: struct chaos_socket. An accepted socket has its listener's. */
struct map_sockets {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct chaos_socket);
};

struct map_processes {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32); /* tgid */
	__type(value, struct chaos_process);
};

struct map_cgroups {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);   /* id of a v2 cgroup */
	__type(value, __u32); /* owner */
};

struct map_joins {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct chaos_join_key);
	__type(value, struct chaos_ident);
};

struct map_subjects {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct chaos_subject);
	__type(value, __u32); /* number */
};

struct map_subject_keys {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct chaos_subject);
};

struct map_bins {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct chaos_bins);
};

struct map_recording {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chaos_recording);
};

/* A lock cannot be where user space can write. */
struct subjects_lock {
	struct bpf_spin_lock lock;
};

struct map_subjects_lock {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct subjects_lock);
};

struct map_services {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct chaos_services);
};

struct map_conns {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CHAOS_CONNS_MAX);
	__type(key, struct chaos_conn_key);
	__type(value, struct chaos_conn);
};

struct map_spaces {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct chaos_space);
};

struct map_reasons {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct chaos_reason_key);
	__type(value, __u64);
};

extern struct map_control control;
extern struct map_windows windows;
extern struct map_rules rules;
extern struct map_links links;
extern struct map_tables tables;
extern struct map_devices devices;
extern struct map_ports ports;
extern struct map_pairs pairs;
extern struct map_idents idents;
extern struct map_prefixes prefixes;
extern struct map_exempt exempt;
extern struct map_edges edges;
extern struct map_traffic traffic;
extern struct map_stats stats;
extern struct map_passages passages;
extern struct map_sockets sockets;
extern struct map_processes processes;
extern struct map_cgroups cgroups;
extern struct map_joins joins;
extern struct map_subjects subjects;
extern struct map_subject_keys subject_keys;
extern struct map_bins bins;
extern struct map_recording recording;
extern struct map_subjects_lock subjects_lock;
extern struct map_services services;
extern struct map_conns conns;
extern struct map_spaces spaces;
extern struct map_reasons drops;
extern struct map_reasons resets;

static __always_inline struct passage *passage__get(__u32 key)
{
	return bpf_map_lookup_elem(&passages, &key);
}

extern const volatile __u32
	have_prefixes;			 /* 0: the trie is empty and stays so; saves its look-ups */
extern const volatile __u32 have_owners; /* 0: no member is chosen by its sockets */
extern const volatile __u64 traffic_bin_ns; /* 0: traffic is not recorded in bins */

#endif
