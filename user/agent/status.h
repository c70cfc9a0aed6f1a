/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * status.h: what is written into an object's status: the part of this node, and phase and conditions of the whole,
 * which every agent computes alike from what the nodes say. Pure: JSON in, JSON out; no clock is read.
 */
#ifndef CHAOS_AGENT_STATUS_H
#define CHAOS_AGENT_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An instant (CLOCK_REALTIME, ns) as "2026-01-31T12:00:00.000000Z"; writes @buf, 32 bytes suffice, and returns it. */
const char *instant__format(int64_t ns, char *buf, size_t size);
/* RFC 3339, with any offset and up to nine digits of a second. 0 or -EINVAL. */
int instant__parse(const char *s, int64_t *ret_ns);

/*
 * The merge patch (RFC 7386) that makes @have into @want; what @want lacks is taken away. An empty object: they are
 * alike. NULL: no memory. @have may be NULL. @want has no nulls.
 */
json_t *status__diff(const json_t *have, const json_t *want);

enum node_phase {
	NODE_WAITING, /* no child: no pod here, or no room for one more */
	NODE_ARMED,
	NODE_RUNNING,
	NODE_PAUSED,
	NODE_DONE,
	NODE_FAILED,
	NODE_REFUSED,
};
extern const char *const node_phases[];

/* What one agent knows of its part of a run. */
struct node_facts {
	enum node_phase phase;
	const char *agent;	     /* its pod; may be NULL */
	const char *uid;	     /* of the object; may be NULL */
	const char *message;	     /* may be NULL */
	unsigned int segments;	     /* children so far */
	int64_t start_at_ns, now_ns; /* CLOCK_REALTIME */
	const json_t *members;	     /* members.json; may be NULL */
	const json_t *live;	     /* live.json of the last child; may be NULL */
	bool ended;		     /* no child is there, and none will be */
	bool clock_known;
	int64_t clock_lo_ns, clock_hi_ns; /* our clock minus the API server's is between them */
	size_t chunks;			  /* of the record, once it is in the API */
	uint64_t bytes;
};

/* status.nodes[NODE]; NULL: no memory. */
json_t *status__node(const struct node_facts *f);

/* What is to be known of an object beside itself. */
struct object_facts {
	const char *refused; /* why; NULL: it is not */
	const char *pending; /* what it waits for before it starts; NULL: nothing */
	bool chaosmesh;	     /* conditions of Chaos Mesh, too */
	bool stop, paused;
	int64_t stop_seen_ns; /* CLOCK_REALTIME; 0: no stop seen yet */
	int64_t start_at_ns;  /* 0: none yet */
	int64_t end_ns;	      /* 0: until it is stopped */
	int64_t now_ns;	      /* CLOCK_REALTIME */
};

/*
 * How long after the end a node that says nothing is waited for. The collector's limit and the time that it takes
 * are in it.
 */
#define STATUS_SILENT_NS (45LL * 1000000000)

/*
 * The merge patch for the object's status: phase, message, conditions, observedGeneration and, of Chaos Mesh's,
 * experiment.desiredPhase. Empty: all is as it should be. NULL: no memory.
 */
json_t *status__object(const json_t *obj, const struct object_facts *f);

/* The phase that status__object() would give. */
const char *status__phase(const json_t *obj, const struct object_facts *f);

/* Finished, Failed, Stopped: nothing happens any more. */
bool status__is_final(const char *phase);

#endif
