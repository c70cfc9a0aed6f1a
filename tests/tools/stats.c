// SPDX-License-Identifier: GPL-2.0-only
#include "tools/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats__sort(double *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), compare_double);
}

double stats__quantile(const double *sorted, size_t n, double p)
{
	double rank = ceil(p * (double)n);

	if (rank < 1)
		return sorted[0];
	return sorted[rank > (double)n ? n - 1 : (size_t)rank - 1];
}

double stats__mean(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / (double)n : 0;
}

static double squares(const double *v, size_t n, double mean)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sum;
}

double stats__sd(const double *v, size_t n)
{
	return n < 2 ? 0 : sqrt(squares(v, n, stats__mean(v, n)) / (double)(n - 1));
}

double stats__autocorrelation(const double *v, size_t n)
{
	double mean = stats__mean(v, n), all = squares(v, n, mean), sum = 0;

	if (n < 2 || all <= 0)
		return 0;
	for (size_t i = 0; i + 1 < n; i++)
		sum += (v[i] - mean) * (v[i + 1] - mean);
	return sum / all;
}

size_t stats__bursts(const bool *v, size_t n, size_t *ret_histogram, size_t bins, double *ret_mean)
{
	size_t count = 0, total = 0, run = 0;

	memset(ret_histogram, 0, bins * sizeof(*ret_histogram));
	for (size_t i = 0; i <= n; i++) {
		if (i < n && v[i]) {
			run++;
			continue;
		}
		if (run) {
			ret_histogram[run < bins ? run - 1 : bins - 1]++;
			count++;
			total += run;
			run = 0;
		}
	}
	*ret_mean = count ? (double)total / (double)count : 0;
	return count;
}

/* The first of the running maxima that is larger than @seq. */
static size_t first_larger(const uint64_t *max, const size_t *at, size_t n, uint64_t seq)
{
	size_t lo = 0, hi = n - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (max[mid] > seq)
			hi = mid;
		else
			lo = mid + 1;
	}
	return at[lo];
}

size_t stats__reordered(const uint64_t *seq, size_t n, size_t *ret_extent)
{
	uint64_t *max = calloc(n ? n : 1, sizeof(*max));
	size_t *at = calloc(n ? n : 1, sizeof(*at));
	size_t maxima = 0, count = 0, extent = 0;

	if (!max || !at)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (!maxima || seq[i] > max[maxima - 1]) {
			max[maxima] = seq[i];
			at[maxima++] = i;
		} else {
			size_t e = i - first_larger(max, at, maxima, seq[i]);

			extent = e > extent ? e : extent;
			count++;
		}
	}
	free(max);
	free(at);
	if (ret_extent)
		*ret_extent = extent;
	return count;
}

double stats__kolmogorov_q(double x)
{
	double sum = 0;

	if (x <= 0)
		return 1;
	/* Where the forms meet, either needs four terms for 16 digits. */
	if (x < 1.18) {
		for (int j = 1; j <= 4; j++) {
			double k = 2.0 * j - 1;

			sum += exp(-k * k * M_PI * M_PI / (8 * x * x));
		}
		return 1 - sqrt(2 * M_PI) / x * sum;
	}
	for (int j = 4; j >= 1; j--)
		sum += (j % 2 ? 1 : -1) * exp(-2.0 * j * j * x * x);
	return 2 * sum;
}

static double p_of(double d, double n)
{
	double root = sqrt(n);

	return stats__kolmogorov_q((root + 0.12 + 0.11 / root) * d);
}

double stats__ks_two(const double *a, size_t n, const double *b, size_t m, double *ret_p)
{
	size_t i = 0, j = 0;
	double d = 0;

	/* Steps of equal values are taken whole in both. */
	while (i < n && j < m) {
		double at = a[i] < b[j] ? a[i] : b[j], gap;

		while (i < n && a[i] <= at)
			i++;
		while (j < m && b[j] <= at)
			j++;
		gap = fabs((double)i / (double)n - (double)j / (double)m);
		d = gap > d ? gap : d;
	}
	*ret_p = p_of(d, (double)n * (double)m / ((double)n + (double)m));
	return d;
}

double stats__ks_one(const double *a, size_t n, stats_cdf cdf, double p1, double p2, double *ret_p)
{
	double d = 0;

	for (size_t i = 0; i < n; i++) {
		double f = cdf(a[i], p1, p2), below = f - (double)i / (double)n,
		       above = (double)(i + 1) / (double)n - f;

		d = below > d ? below : d;
		d = above > d ? above : d;
	}
	*ret_p = p_of(d, (double)n);
	return d;
}

double stats__cdf_normal(double x, double mu, double sigma)
{
	return 0.5 * erfc((mu - x) / (sigma * M_SQRT2));
}

double stats__cdf_uniform(double x, double lo, double hi)
{
	if (x <= lo)
		return 0;
	return x >= hi ? 1 : (x - lo) / (hi - lo);
}
