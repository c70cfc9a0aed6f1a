// SPDX-License-Identifier: GPL-2.0-only
/*
 * goodput.c: goodput and latencies.
 *
 * Goodput counts requests that were answered, and acknowledged writes that were not lost later: an
 * acknowledgement that is taken back did no good. Baseline: its mean before the first fault. Recovery: the first of 5
 * consecutive windows of 500 ms, counted from when the last fault was cleared, that each reach
 * 0.9 of the baseline, or the baseline less two standard deviations of its own windows where they
 * scatter more than that (at 30 writes a second many windows of a healthy system miss 0.9). Not
 * known when the baseline is too thin for that: a window could then be empty by chance.
 *
 * Latency: of operations that succeeded; exact order statistics (nearest rank), of more than a
 * million operations within 0.4 % (lib/hist.h). Intended: from
 * the instant at which the operation was due, so that a client held up by the operation before
 * does not hide it. Service: of the attempt that was answered.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <math.h>

#define EXACT_MAX 1000000
#define WINDOW_NS (500 * NS_PER_MS)
#define WINDOWS_IN_A_ROW 5

static int by_int(const void *a, const void *b)
{
	return CMP(*(const int64_t *)a, *(const int64_t *)b);
}

/* When the writes and requests that count were answered, in order. */
static int64_t *good_acks(const struct history *h, const struct writes *w, size_t *ret_n)
{
	int64_t *v = calloc(h->n_ops + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < h->n_ops; i++)
		if (h->ops[i].kind != OP_READ && h->ops[i].outcome == OP_OK && !w->op_lost[i])
			v[n++] = h->ops[i].return_ns;
	*ret_n = n;
	return v;
}

/* The first of @v that is >= @t. */
static size_t from(const int64_t *v, size_t n, int64_t t)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid] >= t)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static double mean_per_s(const int64_t *v, size_t n, int64_t start, int64_t end)
{
	if (end <= start)
		return -1;
	return (double)(from(v, n, end) - from(v, n, start)) * NS_PER_S / (double)(end - start);
}

/* What a window must reach to count as recovered; not positive: not known. */
static double enough(const int64_t *v, size_t n, int64_t cut)
{
	int64_t windows = cut / WINDOW_NS;
	int64_t start = cut - windows * WINDOW_NS;
	double sum = 0, squares = 0, mean, sd;

	if (windows < 1)
		return 0;
	for (size_t i = from(v, n, start); i < n && v[i] < cut;) {
		int64_t k = (v[i] - start) / WINDOW_NS;
		size_t next = from(v, n, start + (k + 1) * WINDOW_NS);
		double x = (double)(next - i);

		sum += x;
		squares += x * x;
		i = next;
	}
	mean = sum / (double)windows;
	sd = sqrt(fmax(0, squares / (double)windows - mean * mean));
	return fmin(0.9 * mean, mean - 2 * sd);
}

static int64_t recovery(const int64_t *v, size_t n, int64_t heal, int64_t end, double need)
{
	int64_t row = 0, k = 0;

	while (heal + (k + 1) * WINDOW_NS <= end) {
		size_t i = from(v, n, heal + k * WINDOW_NS);
		size_t next = from(v, n, heal + (k + 1) * WINDOW_NS);

		if ((double)(next - i) >= need) {
			k++;
			if (++row == WINDOWS_IN_A_ROW)
				return (k - row) * WINDOW_NS;
			continue;
		}
		row = 0;
		if (next == n)
			break;
		/* on to the window of the next acknowledgement: empty ones are not enough */
		k = (v[next] - heal) / WINDOW_NS;
	}
	return HISTORY_NONE;
}

int64_t goodput__recovery(const int64_t *v, size_t n, const struct timing *t, bool *ret_known)
{
	int64_t heal = t->last_clear_ns;
	double need;

	*ret_known = false;
	if (heal == HISTORY_NONE || heal >= t->end_ns)
		return HISTORY_NONE;
	need = enough(v, n, t->first_fault_ns);
	*ret_known = need > 0;
	return need > 0 ? recovery(v, n, heal, t->end_ns, need) : HISTORY_NONE;
}

static int recover(const struct history *h, const struct timing *t, const struct writes *w,
		   struct goodput *g)
{
	size_t n = 0;
	_cleanup_free_ int64_t *v = good_acks(h, w, &n);
	int64_t cut = t->first_fault_ns == HISTORY_NONE ? t->end_ns : t->first_fault_ns;
	int64_t heal = t->last_clear_ns;
	bool known;

	if (!v)
		return -ENOMEM;
	g->baseline_per_s = g->after_per_s = -1;
	g->recovery_ns = HISTORY_NONE;
	if (!w->attempted && !w->requests)
		return 0;
	g->baseline_per_s = mean_per_s(v, n, 0, cut);
	if (heal == HISTORY_NONE || heal >= t->end_ns)
		return 0;
	g->after_per_s = mean_per_s(v, n, t->end_ns - (t->end_ns - heal) / 5, t->end_ns);
	g->recovery_ns = goodput__recovery(v, n, t, &known);
	return 0;
}

/* ---- latency ---- */

static int64_t rank(const int64_t *v, size_t n, double p)
{
	size_t i = (size_t)ceil(p * (double)n);

	return v[i ? i - 1 : 0];
}

static void quantiles(int64_t *v, size_t n, struct quantiles *ret)
{
	if (!n)
		return;
	qsort(v, n, sizeof(*v), by_int);
	*ret = (struct quantiles){
		.known = true,
		.p50 = rank(v, n, 0.5),
		.p90 = rank(v, n, 0.9),
		.p99 = rank(v, n, 0.99),
		.p999 = rank(v, n, 0.999),
		.max = v[n - 1],
	};
}

static void quantiles_of(const struct hist *h, struct quantiles *ret)
{
	if (!h || !h->n)
		return;
	*ret = (struct quantiles){
		.known = true,
		.p50 = hist__quantile(h, 0.5),
		.p90 = hist__quantile(h, 0.9),
		.p99 = hist__quantile(h, 0.99),
		.p999 = hist__quantile(h, 0.999),
		.max = h->max,
	};
}

/* More operations than are sorted in a moment. */
static int latency_of_many(const struct history *h, struct goodput *g)
{
	_cleanup_free_ struct hist *intended = calloc(1, sizeof(*intended));
	_cleanup_free_ struct hist *service = calloc(1, sizeof(*service));

	if (!intended || !service)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (o->outcome != OP_OK)
			continue;
		hist__add(intended, o->return_ns - o->intended_ns);
		hist__add(service, o->service_ns);
	}
	quantiles_of(intended, &g->intended);
	quantiles_of(service, &g->service);
	return 0;
}

static int latency(const struct history *h, struct goodput *g)
{
	_cleanup_free_ int64_t *intended = calloc(h->n_ops + 1, sizeof(*intended));
	_cleanup_free_ int64_t *service = calloc(h->n_ops + 1, sizeof(*service));
	size_t n = 0;

	quantiles_of(h->lateness, &g->lateness);
	if (h->n_ops > EXACT_MAX)
		return latency_of_many(h, g);
	if (!intended || !service)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (o->outcome != OP_OK)
			continue;
		intended[n] = o->return_ns - o->intended_ns;
		service[n++] = o->service_ns;
	}
	quantiles(intended, n, &g->intended);
	quantiles(service, n, &g->service);
	return 0;
}

int goodput__make(const struct history *h, const struct timing *t, const struct writes *w,
		  struct goodput *ret)
{
	int r = recover(h, t, w, ret);

	return r ? r : latency(h, ret);
}
