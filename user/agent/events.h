/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h: core/v1 Events on objects and pods, for those who look at `kubectl describe`. Telling never waits and
 * never fails; what is told is sent from events__step().
 *
 * What is said again (same object, type, reason and words) is the same Event with its count and lastTimestamp raised,
 * as client-go does it. Bounds, so that neither the API server nor the agent suffers from a run that flaps:
 *   one object            EVENTS_BURST Events at once, then one every EVENTS_REFILL_S seconds
 *   all together          one request at a time; EVENTS_MAX different Events are remembered or wait
 * What is beyond is not sent, or counts up an Event that is sent later; events__dropped() counts what was lost.
 */
#ifndef CHAOS_AGENT_EVENTS_H
#define CHAOS_AGENT_EVENTS_H

#include "agent/collect.h"

enum {
	EVENTS_MAX = 512,
	EVENTS_OBJECTS =
		256, /* whose rate is known; the one that was told of least recently is forgotten */
	EVENTS_BURST = 25,
	EVENTS_REFILL_S = 30,
};

struct events;

/* @node and @agent (the agent's pod, may be NULL) are copied; @ops as for collect.h. 0 or -ENOMEM. */
int events__new(const char *node, const char *agent, const struct collect_ops *ops, void *arg,
		struct events **ret);
void events__free(struct events *e);

/*
 * Tell of @obj, by its metadata (name is needed; namespace, uid, resourceVersion as far as there), kind and apiVersion; if
 * they are absent, as in lists, it is a Pod. @reason is one word in CamelCase; @words are cut at 1024 bytes.
 */
void events__tell(struct events *e, const json_t *obj, bool warning, const char *reason,
		  const char *words);

/* Send what is due, after each kube__wait(). Returns when to come again (CLOCK_MONOTONIC, ns; INT64_MAX: not by time). */
int64_t events__step(struct events *e);

uint64_t events__dropped(const struct events *e);
/* How many wait to be sent. */
size_t events__waiting(const struct events *e);

#endif
