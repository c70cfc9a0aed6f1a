/* SPDX-License-Identifier: GPL-2.0-only */
/* pods_internal.h: how pods and nodes lie in memory; for pods.c, pods_read.c and pods_match.c. */
#ifndef CHAOS_AGENT_PODS_INTERNAL_H
#define CHAOS_AGENT_PODS_INTERNAL_H

#include "agent/pods.h"
#include "agent/texts.h"

#include <string.h>

struct pod_ip {
	uint8_t family, addr[16]; /* zeroes behind IPv4 */
};

/*
 * Behind it, in this order: hashes of its annotations as "key=value", 64 bits each (all that is asked is whether it has one);
 * numbers of its labels, sorted; its addresses; its name and its UID, each with a NUL. No byte is
 * undefined: pods that are alike are alike as bytes.
 */
struct pod {
	uint32_t size; /* with all behind it */
	uint32_t ns, node;
	uint16_t n_labels, n_annotations, name_len;
	uint8_t n_ips, phase;
	bool host_network, deleting;
	uint8_t zero[2];
	uint64_t annotations[];
};
_Static_assert(sizeof(struct pod) == 24, "what is behind it begins at 8 bytes");

struct node {
	uint32_t name;
	uint32_t n_labels;
	uint32_t labels[]; /* sorted */
};

struct pods {
	struct pod **v;
	size_t n, room;
	uint32_t *by_uid, *by_name; /* open addressing: index in v + 1, 0 free */
	size_t n_slots;		    /* of each; a power of two */
	struct node **nodes;	    /* by name */
	size_t n_nodes, nodes_room;
	struct texts namespaces, nodes_named, labels;
	size_t bytes; /* of pods and nodes */
};

static inline const uint32_t *pod__labels(const struct pod *pod)
{
	return (const uint32_t *)(pod->annotations + pod->n_annotations);
}

static inline const struct pod_ip *pod__ips(const struct pod *pod)
{
	return (const struct pod_ip *)(pod__labels(pod) + pod->n_labels);
}

static inline const char *pod__name(const struct pod *pod)
{
	return (const char *)(pod__ips(pod) + pod->n_ips);
}

static inline const char *pod__uid(const struct pod *pod)
{
	return pod__name(pod) + pod->name_len + 1;
}

static inline size_t node__size(size_t n_labels)
{
	return sizeof(struct node) + n_labels * sizeof(uint32_t);
}

/* New ones of what the API server says; 0, -EINVAL, -ENOMEM. Their bytes are not yet counted. */
int pod__read(struct pods *p, const json_t *json, struct pod **ret);
int node__read(struct pods *p, const json_t *json, struct node **ret);

/* NULL: there is none. */
const struct node *pods__find_node(const struct pods *p, uint32_t name);

#endif
