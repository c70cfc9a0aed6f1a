/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schedule.h: when each fault is on, and between whom. Pure functions of the experiment and its seed;
 * the same experiment gives the same schedule on every machine.
 */
#ifndef CHAOS_SCHEDULE_H
#define CHAOS_SCHEDULE_H

#include "experiment/experiment.h"

/* Half-open [start, end) in run time. */
struct window {
	int64_t start_ns, end_ns;
};

struct windows {
	struct window *v; /* in order, disjoint */
	size_t n;
};

/*
 * All occurrences of fault @fault, cut off at the run's end. With flap, `for` bounds the flapping as a whole and
 * `times` counts the downs. At most 100,000 or -E2BIG. Caller frees v.
 */
int schedule__windows(const struct experiment *e, size_t fault, struct windows *ret);

/*
 * An ordered pair of endpoints whose packets a fault takes. Indices into e->endpoints; EDGE_ANY is
 * everybody who is not the other side (see also `together`).
 */
#define EDGE_ANY ((size_t)-1)
struct edge {
	size_t from, to;
};

struct edges {
	struct edge *v; /* no duplicates; in order of the experiment's endpoints, EDGE_ANY last */
	size_t n;
	/*
	 * isolate: the named endpoints are one side. EDGE_ANY is everybody outside all of them, not outside
	 * one: n1 and n2 isolated together still reach each other.
	 */
	bool together;
};

/*
 * The edges of fault @fault: a partition's topology, or from/to/direction. At most 1,000,000 or -E2BIG.
 * Caller frees v.
 */
int schedule__edges(const struct experiment *e, size_t fault, struct edges *ret);

/*
 * The sides of a partition for reports: for each endpoint of @e its side number, -1 = on none (a bridge node, or
 * not part of it). Returns the number of sides, 0 for a fault that is no partition. @ret_side has e->n_endpoints
 * elements. isolate: side 0 is the isolated set, side 1 all other endpoints.
 */
int schedule__sides(const struct experiment *e, size_t fault, int *ret_side);

#endif
