/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * follow.h: a run's members kept true while processes, cgroups, containers, namespaces and addresses
 * of names come and go. The kernel's own events are a reason to look at once; a look at everything each second
 * finds what it has no event for, such as a process that changes its namespace and runs nothing there.
 */
#ifndef CHAOS_FOLLOW_H
#define CHAOS_FOLLOW_H

#include "lib/error.h"

#include <stdint.h>

struct run;
struct follow;

enum {
	FOLLOW_APART_MS = 20, /* bursts are one look */
	/*
	 * The time between two looks is this many times the processor time that the first took, so that a fifth of a
	 * processor at most goes into them; but no change waits for longer than FOLLOW_APART_MAX_MS.
	 */
	FOLLOW_APART_COSTS = 4,
	FOLLOW_APART_MAX_MS = 300,
	/* A look at everything, each so often, or so many times what the last one cost: on a machine with
	 * thousands of processes what has no event is found later, and not at the price of a processor. */
	FOLLOW_EVERY_MS = 900,
	FOLLOW_EVERY_COSTS = 20,
};

/* NULL in *ret if nothing that was selected can change. */
int follow__open(struct run *run, struct follow **ret, struct error *err);
void follow__close(struct follow *f);

/* What to poll for reading, -1 for nothing now. */
int follow__watch_fd(const struct follow *f);
int follow__hosts_fd(const struct follow *f);
int follow__members_fd(const struct follow *f);

/* CLOCK_MONOTONIC of when follow__tick() has something to do, whatever those say. INT64_MAX for NULL. */
int64_t follow__next(const struct follow *f);

/*
 * Take in what happened, match again if that is due, and tell the data plane and the record. -EINVAL with words: more
 * than maxEndpoints matches now, and the run must end. Other troubles are noted and the run goes on.
 */
int follow__tick(struct follow *f, struct error *err);

#endif
