/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * coordinate.h: how agents agree without talking to each other: what is written once carries the version of the
 * object that it was computed from, so the API server lets one of them through; what all compute alike is written by
 * one of them first, in an order that each of them knows. Pure.
 */
#ifndef CHAOS_AGENT_COORDINATE_H
#define CHAOS_AGENT_COORDINATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The merge patch that gives a run its start, if nobody else has changed the object: @now_ns + @lead_ns, and @picked (may
 * be NULL). NULL: no memory, or @obj has no version or has a start.
 */
json_t *coordinate__start(const json_t *obj, int64_t now_ns, int64_t lead_ns, const json_t *picked);

/* @patch (of the status) that holds only for this version of @obj; takes @patch over. NULL: no memory, no version. */
json_t *coordinate__guarded(const json_t *obj, json_t *status);

/* status.startAt; 0: none. */
int64_t coordinate__start_at(const json_t *obj);

/* What annotations ask for, and what a node says that had to stop the whole run: status.stopped. */
bool coordinate__stop(const json_t *obj);
bool coordinate__paused(const json_t *obj);

/*
 * How long this node leaves the whole's status to others: none for the first by name of those that take part, then
 * a second each; those that take no part come last, spread by their names. At most 10 s.
 */
int64_t coordinate__delay(const json_t *obj, const char *node);

/* Whether @obj is a version of its object that is older than @than. Versions that are no numbers: no. */
bool coordinate__older(const json_t *obj, const json_t *than);

#endif
