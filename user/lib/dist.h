/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dist.h: what jitter is drawn from. A table holds n quantiles of a distribution, sorted, in 1/8192
 * of a standard deviation: netem's convention (net/sched/sch_netem.c) and that of iproute2's .dist
 * files. A uniform draw picks an entry t, and the delay is mu + sigma * t / 8192.
 *
 * Correlated draws go through a Gaussian copula: a normal AR(1) process, through its distribution
 * function to a uniform number, which picks the entry. So the distribution is the asked one whatever
 * the correlation.
 */
#ifndef CHAOS_DIST_H
#define CHAOS_DIST_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DIST_UNIT = 8192, /* table values: this is one standard deviation */
	DIST_LEN_MIN = 16,
	DIST_LEN_MAX = 16384,	 /* NETEM_DIST_MAX */
	DIST_COPULA_LEN = 4096,	 /* of the normal and the Phi table of struct dist_copula */
	DIST_FILE_MAX = 1 << 20, /* bytes; 16384 numbers and their comments need a tenth */
};

/*
 * NORMAL: mean 0, standard deviation 1.
 * PARETO: (V - 3/2) * 4/3, V with P(V > v) = v^-3 for v >= 1, cut off at 32767/8192, where 1.1 % of
 *   the mass is then. This is iproute2's table. It scales by 1 / variance where 1 / standard deviation
 *   is meant: its mean is -0.033 and its standard deviation 0.82, and so are ours.
 * PARETONORMAL: each quantile is 3/4 of PARETO's (cut off) and 1/4 of NORMAL's, as iproute2's: mean
 *   -0.025, standard deviation 0.83.
 */
enum dist_kind { DIST_NORMAL, DIST_PARETO, DIST_PARETONORMAL };

/*
 * The quantiles at (i + 0.5) / @n, i = 0 ... @n - 1, ascending, rounded to the nearest unit and
 * limited to int16_t. -EINVAL: @n is outside DIST_LEN_MIN ... DIST_LEN_MAX, or no such kind.
 */
int dist__make(enum dist_kind kind, int16_t *table, size_t n);

/*
 * The z with Phi(z) = @p, 0 < @p < 1. Absolute error below 1e-9 for 1e-6 <= @p <= 0.5, where it is
 * needed: the upper half is the lower one's mirror image.
 */
double dist__normal_quantile(double p);

/*
 * A table in the format of netem's .dist files: whole decimal numbers, -32768 ... 32767, separated by
 * white space, `#` begins a comment; 1 ... DIST_LEN_MAX of them. Sorted, since the copula needs it and
 * independent draws do not mind. Errors are -EINVAL or -ERANGE with "name:line:column: what is wrong";
 * columns count bytes. The caller frees @ret.
 */
int dist__parse(const char *name, const char *text, size_t len, int16_t **ret, size_t *ret_n,
		struct error *err);

/* The same from a regular file of at most DIST_FILE_MAX bytes (-EFBIG, -EISDIR, or what open says). */
int dist__load(const char *path, int16_t **ret, size_t *ret_n, struct error *err);

/*
 * Phi in the middle of each of @n steps over z = -4 ... 4, 2^32 = 1, ascending. With z in 1/8192 and
 * @n = 4096, entry (z + 32768) >> 4 is Phi(z) within 4e-4 (half a step where it is steepest).
 * -EINVAL: @n is outside DIST_LEN_MIN ... 65536.
 */
int dist__phi(uint32_t *table, size_t n);

/* --- the draw, as the packet path does it, in the same integers --------------------------------- */

/* What one edge remembers of its jitter. Both tables have DIST_COPULA_LEN entries. */
struct dist_copula {
	const int16_t *normal;
	const uint32_t *phi;
	uint32_t correlation, innovation; /* 2^16 = 1, from dist__weights() */
	int32_t z;			  /* of the packet before, in 1/8192 */
	bool known;			  /* there was one */
};

/*
 * rho and sqrt(1 - rho^2) in 1/65536. The second belongs to the rounded first, so the process stays of
 * variance 1; and the first stays below 1. -EINVAL: @rho is not in [0, 1).
 */
int dist__weights(double rho, uint32_t *ret_correlation, uint32_t *ret_innovation);

/*
 * A uniform number correlated with the one before, from an independent one, @u; both 2^32 = 1. Lag-1
 * autocorrelation of the normal process is rho; that of the uniform numbers is 6/pi asin(rho/2), and
 * this is the rank correlation of what any table makes of them.
 */
uint32_t dist__correlate(struct dist_copula *c, uint32_t u);

/*
 * The delay that @u picks: mu + sigma * t / 8192, not below 0; @table NULL: uniform over
 * mu - sigma ... mu + sigma. ns; @mu_ns below 2^62, @sigma_ns in 0 ... 2^38 (274 s).
 */
int64_t dist__delay(const int16_t *table, size_t n, int64_t mu_ns, int64_t sigma_ns, uint32_t u);

#endif
