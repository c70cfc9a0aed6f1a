/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compile.h: from a plan, and from what was found in its namespaces, to the tables of the packet
 * path. Pure: no libbpf, no I/O, no clock.
 *
 * An address has a class: the set of edge sides that it is on, and whether it is behind one of our
 * hooks. Two addresses that no edge tells apart share a class, so a group of 1,000 members is one
 * class, and the number of pairs follows the number of groups. A rule for packets from class S to
 * class D stands at the ingress of D where D is behind a hook, else at the egress of S: never at
 * both. An address that another machine's hooks guard (dp_prefix.elsewhere) has no rule towards it here at
 * all. A namespace that forwards sees packets between others, which meet their rules elsewhere; so
 * it has a table of pairs of its own, with the rules of its own addresses only.
 *
 * A member may be the sockets of processes instead. Its processes have an owner, one for each set of such
 * members; who a packet is then follows from its address's class and its socket's owner together (joins).
 *
 * Nothing here is quadratic in members or addresses; edges times the classes on their sides is the
 * number of pairs that come out.
 */
#ifndef CHAOS_COMPILE_H
#define CHAOS_COMPILE_H

#include "datapath/dataplane.h"
#include "datapath/intern.h"
#include "datapath/netns.h"

enum {
	/* Pairs of one plan: at 64 bytes and the map's own 64 each, 128 MiB of kernel memory. */
	COMPILE_PAIRS_MAX = 1 << 20,
};

/* Member @member is in namespace @netns: all of it, or the sockets of some of its processes. */
struct compile_place {
	uint32_t member;
	uint32_t netns;
	bool by_socket;
	const char *label; /* dp_place.label */
};

/* A namespace that some members are in. */
struct compile_netns {
	const struct netns_scan *scan; /* empty if it is gone, or the number is nobody's */
	/* For each of scan->addrs: an address that several namespaces have goes to the one where
	 * this is largest, of equals to the later namespace. NULL = all 0. */
	const uint64_t *since;
};

struct compile_input {
	const struct dp_plan *plan;
	const struct compile_netns *netns;
	size_t n_netns;
	const struct compile_place *places; /* in order of the members */
	size_t n_places;
	bool again; /* a plan that was compiled before: what it names may have gone since */
};

/*
 * Numbers that were given to classes and rules. Handed to the next compilation of the same plan, it
 * keeps them, so that tables in use can be changed entry by entry.
 */
struct compile_numbers {
	struct intern classes;
	struct intern rules;
	struct intern owners;	 /* + 1: the owner's number */
	struct intern nodes;	 /* names; + 1: the node's number */
	const char **node_names; /* by number, borrowed from the plan; [0] is "other" */
	size_t n_node_names, cap_node_names;
};

void compile_numbers__reset(struct compile_numbers *n);

struct compiled_ident {
	struct chaos_addr addr;
	struct chaos_ident ident;
};

struct compiled_prefix {
	struct chaos_prefix key;
	struct chaos_ident ident;
};

/* Who an owner's socket is at an address. */
struct compiled_join {
	struct chaos_join_key key;
	struct chaos_ident ident;
};

/* A process of an owner; a v2 cgroup. */
struct compiled_process {
	pid_t pid;
	uint32_t owner;
	uint32_t heirs; /* owner of what it forks; CHAOS_OWNER_NONE */
};

struct compiled_cgroup {
	uint64_t id;
	uint32_t owner;
};

struct compiled_pair {
	uint32_t scope; /* in which table: 0 the one that all share, else that of netns scope - 1 */
	struct chaos_pair_key key;
	struct chaos_pair pair;
};

/* Programs stand at this device. */
struct compiled_hook {
	size_t netns;  /* index into the input's */
	size_t member; /* that it serves; UINT32_MAX: processes */
	int ifindex;
	char ifname[IFNAMSIZ];
	bool loopback;
	struct chaos_hook hook;
	uint32_t scope; /* of the pairs that it looks up */
};

struct compiled {
	struct compiled_ident *idents; /* sorted by the bytes of addr, each once */
	size_t n_idents;
	struct compiled_prefix *prefixes; /* sorted by the bytes of key, each once */
	size_t n_prefixes;
	struct compiled_join *joins; /* sorted by the bytes of key, each once */
	size_t n_joins;
	struct compiled_process *processes; /* by pid */
	size_t n_processes;
	struct compiled_cgroup *cgroups; /* by id */
	size_t n_cgroups;
	struct compiled_pair *pairs; /* sorted by the bytes of scope and key, each once */
	size_t n_pairs;
	struct chaos_rule *rules;
	size_t n_rules;
	struct compiled_hook *hooks; /* in order of netns, then of the scan */
	size_t n_hooks;
	const char **nodes; /* names by node number, borrowed as compile_numbers' */
	size_t n_nodes;
	size_t n_classes;
};

void compiled__reset(struct compiled *c);
static inline void cleanup_compiled(struct compiled *c)
{
	compiled__reset(c);
}

/* -EINVAL with words for a plan that contradicts itself, -ENOMEM. @ret is set on success only. */
int compile(const struct compile_input *in, struct compile_numbers *numbers, struct compiled *ret,
	    struct error *err);

#endif
