/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h: between the files of this room. */
#ifndef CHAOS_FLOWS_INTERNAL_H
#define CHAOS_FLOWS_INTERNAL_H

#include "flows/flows.h"

#include "discover/table.h"
#include "lib/cleanup.h"

struct chaos_addr flow_addr__from(uint8_t family, const uint8_t *bytes);
bool flow_addr__is_loopback(const struct chaos_addr *a);
bool flow_addr__in(const struct chaos_addr *a, const struct chaos_addr *prefix, uint8_t length);

static inline bool flow_addr__same(const struct chaos_addr *a, const struct chaos_addr *b)
{
	return a->w[0] == b->w[0] && a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3];
}

/* ---- meets.c ---- */

void scope_cache__free(struct scope_cache *c);
/* Is @number among the sorted @v? */
bool numbers__have(const uint64_t *v, size_t n, uint64_t number);

/* Of a set of members. */
static inline size_t scope_run__words(const struct scope_run *r)
{
	return r->n_members / 64 + 1;
}

/* ---- peers.c: whose the other end of a socket is ---- */

/* A socket of the snapshot. */
struct flow_socket {
	uint32_t netns, socket; /* DISCOVER_NONE: there is none */
};

struct peers;

struct peers *peers__of(const struct snapshot *s); /* NULL: no memory */
void peers__free(struct peers *p);
/* The first process that has it open, or DISCOVER_NONE. */
uint32_t peers__owner(const struct peers *p, struct flow_socket k);
/* The other end of the same connection. */
struct flow_socket peers__mirror(const struct peers *p, struct flow_socket k);
/* The namespace that has @addr as seen from namespace @from; DISCOVER_NONE: none, or several have it. */
uint32_t peers__netns(const struct peers *p, uint32_t from, const struct chaos_addr *addr);
/* Who listens on @addr and @port in the namespace @netns. */
struct flow_socket peers__listener(const struct peers *p, uint32_t netns, uint8_t proto,
				   const struct chaos_addr *addr, uint16_t port);

static inline void cleanup_peers(struct peers **p)
{
	peers__free(*p);
}

/* ---- names.c ---- */

/* Names of processes and namespaces, each made once; in the arena of the table. */
struct names {
	const struct snapshot *s;
	const struct scopes *scopes;
	struct arena *arena;
	const char **process, **netns;
};

int names__init(struct names *n, const struct snapshot *s, const struct scopes *scopes,
		struct arena *arena);
void names__reset(struct names *n);
/* NULL: no memory. "" is this machine's own namespace. */
const char *names__netns(struct names *n, uint32_t netns);
const char *names__process(struct names *n, uint32_t i);

/* ---- devices.c ---- */

int flow_table__devices(struct flow_table *t, const struct snapshot *s,
			const struct flow_past *past, double seconds, struct names *names,
			const bool *netns);

/* NULL: not there before. */
const struct link_stats *flow_past__link(const struct flow_past *p, const struct discover_netns *n,
					 const struct link_info *l);

#endif
