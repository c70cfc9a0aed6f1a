/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pods.h: the pods and nodes of a cluster as the API server tells them, in little memory: of each pod what selectors ask
 * for and what tells it apart, not its JSON. Labels, namespaces and nodes that pods share are kept once. Pure.
 */
#ifndef CHAOS_AGENT_PODS_H
#define CHAOS_AGENT_PODS_H

#include "discover/target.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pods;

struct pods *pods__new(void); /* NULL: no memory */
void pods__free(struct pods *p);
static inline void cleanup_pods(struct pods **p)
{
	pods__free(*p);
}

/*
 * What the API server says of a pod, as an object of kind Pod. 1: something that matters here has changed, 0: nothing
 * has; -EINVAL: it is no pod, -ENOMEM: then all is as it was. A pod of the same name is replaced.
 */
int pods__put(struct pods *p, const json_t *json);
/* It is gone. One that has been replaced by another of its name stays away from that. 1, 0 and -EINVAL as above. */
int pods__remove(struct pods *p, const json_t *json);
/* The same for objects of kind Node, whose labels are kept. */
int pods__put_node(struct pods *p, const json_t *json);
int pods__remove_node(struct pods *p, const json_t *json);

size_t pods__count(const struct pods *p);
/* Bytes of memory that all of it takes, without what the allocator adds. */
size_t pods__bytes(const struct pods *p);

/* --- one of them; pointers into the store live until it is next changed ------------------------------- */

struct pod;

/* In no order; NULL past the last. */
const struct pod *pods__at(const struct pods *p, size_t i);
/* NULL: there is none. */
const struct pod *pods__by_uid(const struct pods *p, const char *uid);
const struct pod *pods__by_name(const struct pods *p, const char *ns, const char *name);

/* In the order of target_phases. */
enum pod_phase {
	POD_PENDING,
	POD_RUNNING,
	POD_SUCCEEDED,
	POD_FAILED,
	POD_UNKNOWN,
};

struct pod_facts {
	const char *ns, *name, *uid;
	const char *node; /* "": none yet */
	enum pod_phase phase;
	bool host_network;
	bool deleting; /* it has been told to end, and may talk until it has */
	size_t n_ips;
};
struct pod_facts pod__facts(const struct pods *p, const struct pod *pod);
/* Its address @i; writes @buf and returns it. */
const char *pod__ip(const struct pod *pod, size_t i, char buf[46]);
/* It has an address and has not ended. */
bool pod__lives(const struct pod *pod);

/* Whether @t, which is TARGET_PODS, chooses it; excludes and `pick` are not asked. */
bool pod__matches(const struct pods *p, const struct pod *pod, const struct target_selector *t);
/* Label @i of a pod as "key=value"; NULL past the last. */
const char *pod__label(const struct pods *p, const struct pod *pod, size_t i);
/* Whether there is such a node. */
bool pods__has_node(const struct pods *p, const char *name);
/* Namespaces of pods, and names of nodes: @i of them, NULL past the last. */
const char *pods__namespace(const struct pods *p, size_t i);
const char *pods__node(const struct pods *p, size_t i);

#endif
