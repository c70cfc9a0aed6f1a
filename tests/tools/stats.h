/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.h: what `meter` computes from packets. No I/O, no clock; arrays are the caller's.
 *
 * Kolmogorov-Smirnov: D is the largest distance between two distribution functions, of two samples or of
 * a sample and a formula. Its p-value is the asymptotic one with Stephens' correction for finite samples,
 *
 *   p = Q((sqrt(n) + 0.12 + 0.11 / sqrt(n)) D),  n = n1 n2 / (n1 + n2) for two samples,
 *   Q(x) = 2 sum_{j>=1} (-1)^(j-1) exp(-2 j^2 x^2)
 *        = 1 - sqrt(2 pi) / x sum_{j>=1} exp(-(2j - 1)^2 pi^2 / (8 x^2)),
 *
 * of which the second form converges where x is small. M. A. Stephens, "Use of the Kolmogorov-Smirnov,
 * Cramer-von Mises and Related Statistics Without Extensive Tables", J. R. Stat. Soc. B 32 (1970), 115-122;
 * W. Feller, Ann. Math. Stat. 19 (1948), 177-189, for Q. Good to about a per cent of p from n = 20 on. Equal values
 * within a sample (a coarse clock) make p too large: the test then errs towards "the same".
 */
#ifndef CHAOS_TESTS_STATS_H
#define CHAOS_TESTS_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Orders @v, NaN-free. */
void stats__sort(double *v, size_t n);

/* The smallest value with at least @p (0..1) of all at or below it (nearest rank); @sorted has @n >= 1. */
double stats__quantile(const double *sorted, size_t n, double p);

double stats__mean(const double *v, size_t n);

/* Standard deviation of a sample (n - 1); 0 for fewer than two. */
double stats__sd(const double *v, size_t n);

/* Correlation of each value with the next, about the common mean: r_1 of Box and Jenkins. 0 where there is no
 * variance. */
double stats__autocorrelation(const double *v, size_t n);

/*
 * Runs of true in @v: ret_histogram[k] counts those of length k + 1, the last entry those of @bins and
 * longer. Returns their number; *ret_mean is their mean length, 0 if there are none.
 */
size_t stats__bursts(const bool *v, size_t n, size_t *ret_histogram, size_t bins, double *ret_mean);

/*
 * RFC 4737 type-P-reordered: how many of the packets that arrived in this order have a smaller sequence number than
 * one before them. No duplicates in @seq. *ret_extent (may be NULL): the largest reordering extent of section
 * 4.2.1, how many places before it the first with a larger number arrived.
 */
size_t stats__reordered(const uint64_t *seq, size_t n, size_t *ret_extent);

/* Q above: the probability of a D as large if both are the same. */
double stats__kolmogorov_q(double x);

/* Of sorted samples. Returns D, *ret_p its p-value. */
double stats__ks_two(const double *a, size_t n, const double *b, size_t m, double *ret_p);

typedef double (*stats_cdf)(double x, double p1, double p2);

/* Of a sorted sample against @cdf with its parameters; they must not come from the sample itself. */
double stats__ks_one(const double *a, size_t n, stats_cdf cdf, double p1, double p2, double *ret_p);

double stats__cdf_normal(double x, double mu, double sigma);
double stats__cdf_uniform(double x, double lo, double hi);

#endif
