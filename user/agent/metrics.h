/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics.h: what an agent counts, in Prometheus' text format 0.0.4. Counters never fall while the agent lives, whatever
 * becomes of the runs that they count. No I/O but for what the process itself uses (/proc/self), read when it is asked for.
 *
 * Bound: METRICS_SERIES_MAX series a metric; where there is no room those of runs that are gone make it, then further
 * ones are counted in chaos_metrics_series_refused_total. The values
 * of labels come from objects' names and words of ours: nothing in a packet can make a series.
 */
#ifndef CHAOS_AGENT_METRICS_H
#define CHAOS_AGENT_METRICS_H

#include <jansson.h>
#include <stddef.h>

enum { METRICS_SERIES_MAX = 4096, METRICS_LABELS_MAX = 6 };

/* The names and labels are in metrics.c, and in the man page. */
enum metric {
	METRIC_BUILD_INFO, /* version, kernel */
	METRIC_RUNS,	   /* phase */
	METRIC_CHILDREN,
	METRIC_FAULT_ACTIVE,	/* kind, namespace, run, fault */
	METRIC_FAULT_HITS,	/* kind, namespace, run, fault, effect, place */
	METRIC_FAULT_FIRST_HIT, /* kind, namespace, run, fault */
	METRIC_API_REQUESTS,	/* code */
	METRIC_API_LAST_CONTACT,
	METRIC_WATCH_RESTARTS,
	METRIC_CLOCK_OFFSET,
	METRIC_CLOCK_EPSILON,
	METRIC_RECORDER_LOST_EVENTS, /* kind, namespace, run */
	METRIC_EVENTS_DROPPED,
	METRIC_SERIES_REFUSED,
	METRIC_COUNT,
};

/* Values of the labels in the metric's order; what is not given is "". */
#define LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_LABELS ((const char *const[]){NULL})

struct metrics;
struct metrics *metrics__new(void); /* NULL: no memory */
void metrics__free(struct metrics *m);

/* A gauge. */
void metrics__set(struct metrics *m, enum metric what, const char *const *labels, double value);
/* A counter by @by (>= 0), or a gauge by any. */
void metrics__add(struct metrics *m, enum metric what, const char *const *labels, double by);
/*
 * A counter that goes up as its source does. A source that is lower than before has begun anew, from 0. @value is the
 * source's.
 */
void metrics__follow(struct metrics *m, enum metric what, const char *const *labels, double value);
/* Forget all series of a gauge. */
void metrics__clear(struct metrics *m, enum metric what);

/*
 * Before each round of metrics__run() over all runs that this node knows: METRIC_RUNS and the gauges
 * of faults are of the last round. @obj is the run's object; @live what its child says (live.json), or NULL. A child counts from 0,
 * so what it counted last is to be seen here before the next one is started. @node_phase is not used.
 */
void metrics__begin_runs(struct metrics *m);
void metrics__run(void *metrics, const json_t *obj, const char *node_phase, const json_t *live);

/* All of it, to be freed; NULL: no memory. */
char *metrics__text(const struct metrics *m, size_t *ret_len);

#endif
