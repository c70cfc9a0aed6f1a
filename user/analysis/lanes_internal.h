/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lanes_internal.h: between lanes.c and its parts. What the report draws is bounded here, by the
 * resolution of a screen and not by the length of the run or the number of operations.
 */
#ifndef CHAOS_ANALYSIS_LANES_INTERNAL_H
#define CHAOS_ANALYSIS_LANES_INTERNAL_H

#include "analysis/internal.h"

enum {
	LANES_BINS = 600,	 /* bins in the planned duration: 3 px of a wide plot each */
	LANES_BINS_MAX = 1200,	 /* in the whole record, if it went on for longer */
	LANES_POINTS_MAX = 2000, /* points, spans or windows in one lane */
	LANES_NOTES_MAX = 200,
	LANES_ERRORS_MAX = 8, /* different errors of a node's clients */
	LANES_ROWS_MAX = 12,  /* services, queues or reasons in a group */
};
#define LANES_BIN_MIN_NS 10000000LL

/* The time axis and its bins. */
struct lanes_axis {
	int64_t from_ns, to_ns; /* from < to */
	int64_t bin_ns;
	size_t n_bins; /* they cover [from, to] */
};

/*
 * The bin that instant @t_ns falls into; what lies outside the axis counts in the bin at its end,
 * so that bins always add up to the total.
 */
static inline size_t axis__bin(const struct lanes_axis *a, int64_t t_ns)
{
	int64_t i = t_ns < a->from_ns ? 0 : (t_ns - a->from_ns) / a->bin_ns;

	return i >= (int64_t)a->n_bins ? a->n_bins - 1 : (size_t)i;
}

/* The width below which neighbouring points of one lane are one. */
static inline int64_t axis__quantum(const struct lanes_axis *a)
{
	return (a->to_ns - a->from_ns) / LANES_POINTS_MAX + 1;
}

/* Recorded bins are whole in a drawn one, or drawn bins would beat against them. */
void axis__align(struct lanes_axis *a, int64_t unit_ns);

/* Instants in a lane, in order: those in one quantum are one point with a count. */
struct lanes_points {
	json_t *out;
	int64_t quantum_ns, t_ns, n;
};

static inline struct lanes_points lanes_points__init(const struct lanes_axis *a)
{
	return (struct lanes_points){.out = json_array(), .quantum_ns = axis__quantum(a)};
}
void lanes_points__add(struct lanes_points *p, int64_t t_ns, int64_t n);
json_t *lanes_points__take(struct lanes_points *p); /* [[us, count]], new reference */

/* Microseconds of a time; null for HISTORY_NONE. */
json_t *lanes__us(int64_t ns);

/* [{resource, system, nodes, overlaps}] */
json_t *lanes__roles(const struct analysis *an, const struct lanes_axis *a);
/* lanes_bins.c; @a has their bins */
json_t *lanes__ops(const struct analysis *an, const struct lanes_axis *a);
json_t *lanes__latency(const struct history *h, const struct lanes_axis *a);
json_t *lanes__traffic(const struct history *h, const struct lanes_axis *a);
/* lanes_groups.c, lanes_phase.c */
json_t *lanes__groups(const struct history *h, const struct lanes_axis *a);
json_t *lanes__phase(const struct analysis *an, const json_t *summary);

#endif
