/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inside.h: a thread that lives in a network namespace, and the way to pace and end it.
 */
#ifndef CHAOS_RECORDER_INSIDE_H
#define CHAOS_RECORDER_INSIDE_H

#include "lib/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct inside {
	pthread_t thread;
	bool running;	    /* to be joined */
	bool runs_commands; /* set before it starts: others' programs, which are root's where we are */
};

/*
 * Start a thread in the namespace @netns_fd (borrowed until this returns) that calls @open (may be
 * NULL) and, when that has returned 0, @run. Returns after @open: its error, or that of entering
 * the namespace, is this function's, and then the thread has ended. The thread takes no signals, and has no
 * capabilities in @run.
 */
int inside__start(struct inside *t, int netns_fd, int (*open)(void *arg, struct error *err),
		  void (*run)(void *arg), void *arg, struct error *err);
void inside__join(struct inside *t);

/* Tells threads to end, and lets them sleep until then. */
struct halt {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool set;
};

void halt__init(struct halt *h);
void halt__destroy(struct halt *h);
void halt__set(struct halt *h);
bool halt__is_set(struct halt *h);
/* Sleep until the CLOCK_MONOTONIC instant @ns or until it is set; true if it is. */
bool halt__until(struct halt *h, int64_t ns);

/*
 * The next instant of a cadence of @every_ns after @due that is not over at @now: what is late is
 * left out, not made up for, and the cadence does not drift.
 */
static inline int64_t cadence__next(int64_t due, int64_t every_ns, int64_t now)
{
	int64_t late = now - due - every_ns;

	if (late > 0)
		due += (late + every_ns - 1) / every_ns * every_ns;
	return due + every_ns;
}

#endif
