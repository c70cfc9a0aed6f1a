/* SPDX-License-Identifier: GPL-2.0-only */
/* herd_internal.h: internal to herd*.c: arrivals, and what is computed from them. */
#ifndef CHAOS_ANALYSIS_HERD_INTERNAL_H
#define CHAOS_ANALYSIS_HERD_INTERNAL_H

#include "analysis/internal.h"

/* The width of the bins in which peaks and Fano factors are taken, unless the record is coarser. */
#define HERD_BIN_NS 100000000LL

/* A herd after the heal shows itself within that, and a system that recovered is so for that. */
#define HERD_HEAL_NS 5000000000LL

struct arrival {
	int64_t t_ns, n;
};

/* What came, in the order of time. */
struct arrivals {
	struct arrival *v;
	size_t n;
	int64_t bin_ns; /* the v are the middles of bins that wide; 0: they are instants */
	bool partial;	/* where there is no bin, not even one of 0, nothing is known */
};

static inline void arrivals__free(struct arrivals *a)
{
	free(a->v);
}

/* "n1:6379", "n1:53/udp": where @b goes; to be freed, NULL: no memory. */
char *herd__service(const struct history *h, const struct history_bins *b);

static inline int arrival__cmp(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	return CMP(x->t_ns, y->t_ns);
}

static inline bool herd__has(struct history_window w)
{
	return w.end_ns > w.start_ns;
}

/* ---- herd.c ---- */

/* One more, of nobody yet; NULL: no memory. It lies there until the next is added. */
struct herd_metric *herd__more(struct herd *x);
/* All that arrivals tell; @events: they are such as come in step. -ENOMEM. */
int herd__measure(const struct history *h, const struct timing *t, const struct herd *x,
		  const struct arrivals *a, bool events, struct herd_metric *m);

/* ---- herd_load.c ---- */

/* Adds the metrics of workload @w; -ENOMEM. */
int herd__workload(const struct history *h, const struct timing *t, int w, struct herd *x);

/* ---- herd_stats.c ---- */

/*
 * Mean rate, highest rate of a bin and Fano factor (variance by mean of the bins' counts, Poisson
 * 1) over the whole bins of @width_ns in @w. The Fano factor of n bins of Poisson arrivals is 1
 * with a standard deviation of sqrt(2 / (n - 1)). O(log n + arrivals in @w).
 */
struct herd_rate herd__rate(const struct arrivals *a, struct history_window w, int64_t width_ns);
int64_t herd__count(const struct arrivals *a, struct history_window w);
size_t herd__from(const struct arrivals *a, int64_t t); /* the first at or after @t */

/* ---- herd_synchrony.c ---- */

#define SYNCHRONY_P 0.001 /* a period is found below that ... */
#define SYNCHRONY_R 0.3	  /* ... and above that, which is strong enough to matter */

/* |sum n exp(2 pi i t / period)| / n over @w: 0 to 1; -1: nothing arrived. */
double synchrony__r(const struct arrivals *a, struct history_window w, int64_t period_ns);
/* The period of the arrivals in @w; -ENOMEM. O(n log n). */
int synchrony__find(const struct arrivals *a, struct history_window w, struct synchrony *ret);

/* ---- herd_kind.c ---- */

/* Sets kind, evidence, metastable. */
int herd__name(const struct history *h, const struct timing *t, struct herd *x);

/* ---- herd_stampede.c ---- */

/* Adds the evidence that a cache let more than one fetch of a key through, if there is any. */
int herd__stampede(const struct history *h, const struct timing *t, const struct herd *x,
		   struct text *ret);

#endif
