/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schedule.h: a Schedule of Chaos Mesh: at each of its times one object is made from its template, by whichever agent
 * is first; the object's name has the time in it, so the API server takes it once. What happened before this agent
 * began is known from the objects and from status.time.
 */
#ifndef CHAOS_AGENT_SCHEDULE_H
#define CHAOS_AGENT_SCHEDULE_H

#include "agent/runs.h"

struct schedules;

/* Of the configuration only node, ops and arg are used. */
int schedules__new(const struct runs_config *c, struct schedules **ret);
void schedules__free(struct schedules *s);

void schedules__put(struct schedules *s, const json_t *obj);
void schedules__gone(struct schedules *s, const json_t *obj);

/* Do what is due; @runs says what came of objects that were made. Returns when to come again (CLOCK_MONOTONIC, ns). */
int64_t schedules__step(struct schedules *s, const struct runs *runs);

struct cron;

/*
 * The last time of @c after @last_s and not after @now_s, both seconds since 1970; -1: there is none. Pure.
 */
int64_t schedule__latest(const struct cron *c, int64_t last_s, int64_t now_s);

/* The object that @schedule makes at @at_s; NULL: its type has no template here, with words. Pure. */
json_t *schedule__object(const json_t *schedule, int64_t at_s, enum run_kind *ret_kind,
			 struct error *err);

#endif
