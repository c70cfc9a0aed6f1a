// SPDX-License-Identifier: GPL-2.0-only
/*
 * herd_synchrony.c: do the arrivals come in step, and with which period?
 *
 * Method: the Rayleigh test of directional statistics (Mardia and Jupp, Directional Statistics,
 * 2000, 6.3), scanned over periods as astronomers scan event times for pulsars (Leahy et al.,
 * Astrophysical Journal 272, 1983). With z = sum exp(2 pi i t / T) over n arrivals, R = |z| / n is
 * 1 if all come at the same phase of T; for n independent uniform arrivals n R^2 is exponential
 * with mean 1 (from about n = 10 on), so p = exp(-n R^2). M periods are tried, so the p of the
 * best is at most M times that (Bonferroni; it holds although neighbours are dependent, and errs
 * towards finding nothing).
 *
 * What is scanned: frequencies k / (4 L) with L the window's length, four times as fine as they
 * are independent, so that a period between two of them loses at most 3 % of R; from T = L / 3
 * (three cycles: less is no period) down to four bins (10 ms, or what is recorded: a bin of w
 * weakens R by the factor sinc(w / T), at most 10 %, which is put right). The window's mean is
 * subtracted, else its edges would look like a long period. All frequencies at once by a fast
 * Fourier transform: O(n log n).
 *
 * A single burst has a broad spectrum and a great R over a long period, and a burst every T has
 * its harmonics T/2, T/3 ... So a period counts only if at least 3 of its cycles, and two thirds of
 * those between the first and the last of them, each have their arrivals in the half cycle around
 * the mean phase (3 standard deviations more than in the other half). Of several that do, and are
 * within 0.8 of the strongest, the longest is the fundamental.
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <complex.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define FINEST_NS (10 * NS_PER_MS)
#define BINS_MAX 32768
#define OVERSAMPLING 4
#define CANDIDATES 16
#define CYCLES_MIN 3

struct spectrum {
	const struct arrivals *a;
	struct history_window w;
	int64_t bin_ns;
	size_t n_bins;
	size_t size; /* of the transform: a power of two >= OVERSAMPLING * n_bins */
	double total;
	double *bins;
	double complex *z;
};

static void spectrum__free(struct spectrum *s)
{
	free(s->bins);
	free(s->z);
}

/* In place; @n is a power of two. */
static void transform(double complex *v, size_t n)
{
	for (size_t i = 1, j = 0; i < n; i++) {
		size_t bit = n >> 1;

		for (; j & bit; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			double complex x = v[i];

			v[i] = v[j];
			v[j] = x;
		}
	}
	for (size_t len = 2; len <= n; len <<= 1)
		for (size_t k = 0; k < len / 2; k++) {
			double complex turn = cexp(2 * M_PI * I * (double)k / (double)len);

			for (size_t i = k; i < n; i += len) {
				double complex x = v[i], y = v[i + len / 2] * turn;

				v[i] = x + y;
				v[i + len / 2] = x - y;
			}
		}
}

static int spectrum__make(struct spectrum *s)
{
	int64_t length = s->w.end_ns - s->w.start_ns;
	int64_t end;

	s->bin_ns = s->a->bin_ns > FINEST_NS ? s->a->bin_ns : FINEST_NS;
	if (length / s->bin_ns > BINS_MAX)
		s->bin_ns = length / BINS_MAX;
	s->n_bins = (size_t)(length / s->bin_ns);
	for (s->size = 1; s->size < OVERSAMPLING * s->n_bins;)
		s->size *= 2;
	s->bins = calloc(s->n_bins + 1, sizeof(*s->bins));
	s->z = calloc(s->size, sizeof(*s->z));
	if (!s->bins || !s->z)
		return -ENOMEM;
	end = s->w.start_ns + (int64_t)s->n_bins * s->bin_ns;
	for (size_t i = herd__from(s->a, s->w.start_ns); i < s->a->n && s->a->v[i].t_ns < end;
	     i++) {
		s->bins[(s->a->v[i].t_ns - s->w.start_ns) / s->bin_ns] += (double)s->a->v[i].n;
		s->total += (double)s->a->v[i].n;
	}
	for (size_t i = 0; i < s->n_bins; i++)
		s->z[i] = s->bins[i] - s->total / (double)s->n_bins;
	transform(s->z, s->size);
	return 0;
}

static double r_at(const struct spectrum *s, size_t k)
{
	return cabs(s->z[k]) / s->total;
}

/* Of a period of @cycles bins: the sum over all bins, without their mean. */
static double complex sum_at(const struct spectrum *s, double bins)
{
	double complex sum = 0, turn = cexp(2 * M_PI * I / bins), at = 1;
	double mean = s->total / (double)s->n_bins;

	for (size_t i = 0; i < s->n_bins; i++) {
		/* no error piles up: the angle is taken anew now and then */
		if (i % 256 == 0)
			at = cexp(2 * M_PI * I * (double)i / bins);
		sum += (s->bins[i] - mean) * at;
		at *= turn;
	}
	return sum;
}

/* The best period around frequency @k of the transform, in bins. */
static double refine(const struct spectrum *s, size_t k)
{
	double best = (double)s->size / (double)k, most = 0;

	for (int i = -8; i <= 8; i++) {
		double bins = (double)s->size / ((double)k + i / 8.0);
		double r = cabs(sum_at(s, bins));

		if (r > most) {
			most = r;
			best = bins;
		}
	}
	return best;
}

/* Do the cycles agree, each by itself? See above. */
static bool repeats(const struct spectrum *s, double bins)
{
	double middle = carg(sum_at(s, bins)) / (2 * M_PI) * bins;
	int64_t cycle = INT64_MIN, first = 0, last = 0, n = 0;
	double in = 0, out = 0;

	for (size_t i = 0; i <= s->n_bins; i++) {
		double at = ((double)i - middle) / bins;
		int64_t c = (int64_t)floor(at + 0.5);

		if (c != cycle || i == s->n_bins) {
			if (in + out > 0 && in - out >= 3 * sqrt(in + out)) {
				first = n++ ? first : cycle;
				last = cycle;
			}
			in = out = 0;
			cycle = c;
		}
		if (i < s->n_bins && fabs(at - (double)c) < 0.25)
			in += s->bins[i];
		else if (i < s->n_bins)
			out += s->bins[i];
	}
	return n >= CYCLES_MIN && 3 * n >= 2 * (last - first + 1);
}

static bool is_peak(const struct spectrum *s, size_t lo, size_t hi, size_t k)
{
	double r = r_at(s, k);

	return (k == lo || r_at(s, k - 1) <= r) && (k == hi || r_at(s, k + 1) <= r);
}

/*
 * Local maxima from frequency @lo to @hi: first the strongest, then those of the longest periods
 * that are strong enough, among which the fundamental is where all harmonics are as strong.
 */
static size_t peaks(const struct spectrum *s, size_t lo, size_t hi, size_t *ret)
{
	size_t n = 0, longest = 0;

	for (size_t k = lo; k <= hi; k++) {
		double r = r_at(s, k);
		size_t i;

		if (!is_peak(s, lo, hi, k))
			continue;
		if (n == CANDIDATES && r <= r_at(s, ret[n - 1]))
			continue;
		n += n < CANDIDATES;
		for (i = n - 1; i > 0 && r_at(s, ret[i - 1]) < r; i--)
			ret[i] = ret[i - 1];
		ret[i] = k;
	}
	for (size_t k = lo; k <= hi && longest < CANDIDATES; k++)
		if (r_at(s, k) >= 0.9 * SYNCHRONY_R && is_peak(s, lo, hi, k))
			ret[n + longest++] = k;
	return n + longest;
}

static double corrected(const struct spectrum *s, double r, size_t tried)
{
	return fmin(1, (double)tried * exp(-s->total * r * r));
}

static void choose(const struct spectrum *s, const size_t *candidates, size_t n, size_t tried,
		   struct synchrony *ret)
{
	struct synchrony good[2 * CANDIDATES];
	size_t n_good = 0;
	double best = 0;

	for (size_t i = 0; i < n; i++) {
		double r = r_at(s, candidates[i]), bins, width;

		if (r < 0.9 * SYNCHRONY_R || corrected(s, r, tried) >= SYNCHRONY_P)
			continue;
		bins = refine(s, candidates[i]);
		r = cabs(sum_at(s, bins)) / s->total;
		width = M_PI / bins;
		good[n_good] = (struct synchrony){
			.period_ns = (int64_t)llround(bins * (double)s->bin_ns),
			.r = fmin(1, r * width / sin(width)),
			.p = corrected(s, r, tried),
		};
		if (good[n_good].r < SYNCHRONY_R || !repeats(s, bins))
			continue;
		best = fmax(best, good[n_good++].r);
	}
	for (size_t i = 0; i < n_good; i++)
		if (good[i].r >= 0.8 * best && good[i].period_ns > ret->period_ns)
			*ret = good[i];
}

int synchrony__find(const struct arrivals *a, struct history_window w, struct synchrony *ret)
{
	_cleanup_(spectrum__free) struct spectrum s = {.a = a, .w = w};
	struct synchrony found = {HISTORY_NONE, -1, -1};
	size_t candidates[2 * CANDIDATES], n, lo, hi;
	int r;

	*ret = found;
	if (w.end_ns - w.start_ns < FINEST_NS * 12)
		return 0;
	r = spectrum__make(&s);
	if (r)
		return r;
	/* size/k bins are a period: from a third of the window down to four bins */
	hi = s.size / 4;
	lo = s.n_bins ? (3 * s.size + s.n_bins - 1) / s.n_bins : hi + 1;
	if (s.total < 10 || lo > hi)
		return 0;
	n = peaks(&s, lo, hi, candidates);
	if (!n)
		return 0;
	found.r = fmin(1, r_at(&s, candidates[0]));
	found.p = corrected(&s, found.r, hi - lo + 1);
	choose(&s, candidates, n, hi - lo + 1, &found);
	*ret = found;
	return 0;
}

double synchrony__r(const struct arrivals *a, struct history_window w, int64_t period_ns)
{
	double complex sum = 0;
	double n = 0;

	for (size_t i = herd__from(a, w.start_ns); i < a->n && a->v[i].t_ns < w.end_ns; i++) {
		double turn = (double)(a->v[i].t_ns % period_ns) / (double)period_ns;

		sum += (double)a->v[i].n * cexp(2 * M_PI * I * turn);
		n += (double)a->v[i].n;
	}
	return n > 0 ? cabs(sum) / n : -1;
}
