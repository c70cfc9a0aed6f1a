// SPDX-License-Identifier: GPL-2.0-only
/* herd_stats.c: counts of a window. */
#include "analysis/herd_internal.h"
#include "lib/clock.h"

#include <math.h>

size_t herd__from(const struct arrivals *a, int64_t t)
{
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a->v[mid].t_ns >= t)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

int64_t herd__count(const struct arrivals *a, struct history_window w)
{
	int64_t n = 0;

	for (size_t i = herd__from(a, w.start_ns); i < a->n && a->v[i].t_ns < w.end_ns; i++)
		n += a->v[i].n;
	return n;
}

struct herd_rate herd__rate(const struct arrivals *a, struct history_window w, int64_t width_ns)
{
	int64_t bins = (w.end_ns - w.start_ns) / width_ns, known = 0;
	int64_t end = w.start_ns + bins * width_ns;
	double sum = 0, squares = 0, peak = 0, width_s = (double)width_ns / NS_PER_S;
	struct herd_rate r = {-1, -1, -1};

	for (size_t i = herd__from(a, w.start_ns); i < a->n && a->v[i].t_ns < end;) {
		int64_t bin = (a->v[i].t_ns - w.start_ns) / width_ns;
		int64_t bin_end = w.start_ns + (bin + 1) * width_ns;
		double x = 0;

		for (; i < a->n && a->v[i].t_ns < bin_end; i++)
			x += (double)a->v[i].n;
		sum += x;
		squares += x * x;
		peak = fmax(peak, x);
		known++;
	}
	if (a->partial)
		bins = known;
	if (bins <= 0)
		return r;
	r.per_s = sum / ((double)bins * width_s);
	r.peak_per_s = peak / width_s;
	if (sum > 0)
		r.fano = fmax(0, squares - sum * sum / (double)bins) / sum;
	return r;
}
