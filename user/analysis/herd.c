// SPDX-License-Identifier: GPL-2.0-only
/*
 * herd.c: what many clients do at once: for each service the connection attempts and bytes that
 * the kernel counted, for each workload the attempts of its clients.
 *
 * All is of the time in which the clients worked, to the end of the run's planned duration: then
 * they start nothing new, and that is no drop of the load.
 *
 * Windows: baseline, to the first fault (to the end of the run if there was none), without its
 * first fifth (2 s at most), in which clients that start connect all at once; fault, from there to
 * when the last one was cleared; recovery, from there to the end; heal, the first part of
 * the recovery: half as long as the fault was, at least 5 s.
 *
 *   peak to baseline (PBR)  highest bin of 0.1 s since the first fault / mean of the baseline
 *   amplification           rate of attempts in the fault / that of the baseline: what the same
 *                           clients do undisturbed
 *   attempts per intent     attempts of the operations that were due in the fault / operations
 *   Fano factor             of the heal window, the worst part of a herd; without a heal, since
 *                           the first fault
 *   synchrony               from a fault's start to the next or to the end of the heal window, in
 *                           which it is the strongest
 *   settled                 first of 5 windows of 500 ms, from the last clear on, in which the
 *                           attempts are within 30 % of the baseline (3 standard deviations of
 *                           Poisson arrivals where that is more): higher is not settled either
 *   recovery                of answers, as in goodput.c
 *   metastable              the faults are cleared, the answers of the last fifth of the recovery
 *                           (5 s at least) are below 0.9 of the baseline and never recovered,
 *                           while the attempts there are at least 0.9 of the baseline: a load that
 *                           the system carried before is on it and it does not carry it
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define START_NS (2 * NS_PER_S)
#define BINS_MAX 2000000 /* of a run: wider bins in longer ones */
#define SETTLED_NS (500 * NS_PER_MS)
#define SETTLED_IN_A_ROW 5
#define SETTLED_WINDOWS 1000000 /* that are looked at: six days */
#define SERVICES_MAX 32		/* those with most packets */
#define STRETCHES_MAX 8

/* ---- windows ---- */

static int64_t min_ns(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void windows(const struct history *h, const struct timing *t, struct herd *x)
{
	int64_t first = t->first_fault_ns, clear = t->last_clear_ns, end = t->end_ns, half;

	if (h->duration_ns > 0)
		end = min_ns(end, h->duration_ns);
	if (first == HISTORY_NONE || first > end)
		first = end;
	first = first > 0 ? first : 0;
	x->baseline = (struct history_window){min_ns(first / 5, START_NS), first};
	x->fault = x->recovery = x->heal = (struct history_window){end, end};
	x->fault.start_ns = first;
	if (clear == HISTORY_NONE || clear > end || clear < first)
		return;
	half = (clear - first) / 2;
	x->fault.end_ns = x->recovery.start_ns = x->heal.start_ns = clear;
	x->heal.end_ns = min_ns(end, clear + (half > HERD_HEAL_NS ? half : HERD_HEAL_NS));
}

static double ratio(double a, double b)
{
	return a >= 0 && b > 0 ? a / b : -1;
}

/* ---- synchrony, of what one fault set off ---- */

static int by_int(const void *a, const void *b)
{
	return CMP(*(const int64_t *)a, *(const int64_t *)b);
}

/*
 * From each start of a fault to the next: a fault that comes every 8 s makes bursts every 8 s, and
 * they are no retry period. The longest @max of them, in @ret.
 */
static int stretches(const struct history *h, const struct timing *t, const struct herd *x,
		     struct history_window *ret, size_t max, size_t *ret_n)
{
	_cleanup_free_ int64_t *starts = NULL;
	int64_t last = herd__has(x->heal) ? x->heal.end_ns : t->end_ns;
	size_t n = 0, m = 0;

	for (size_t i = 0; i < h->n_faults; i++)
		n += h->faults[i].n_happened;
	starts = calloc(n + 2, sizeof(*starts));
	if (!starts)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < h->n_faults; i++)
		for (size_t k = 0; k < h->faults[i].n_happened; k++)
			starts[n++] = h->faults[i].happened[k].start_ns;
	if (!n)
		starts[n++] = 0;
	qsort(starts, n, sizeof(*starts), by_int);
	starts[n] = last;
	for (size_t i = 0; i < n; i++) {
		struct history_window w = {starts[i] > 0 ? starts[i] : 0,
					   min_ns(starts[i + 1], last)};
		size_t k;

		if (!herd__has(w) ||
		    (m == max && w.end_ns - w.start_ns <= ret[m - 1].end_ns - ret[m - 1].start_ns))
			continue;
		m += m < max;
		for (k = m - 1;
		     k > 0 && ret[k - 1].end_ns - ret[k - 1].start_ns < w.end_ns - w.start_ns; k--)
			ret[k] = ret[k - 1];
		ret[k] = w;
	}
	*ret_n = m;
	return 0;
}

static int find_synchrony(const struct history *h, const struct timing *t, const struct herd *x,
			  const struct arrivals *a, struct synchrony *ret)
{
	struct history_window w[STRETCHES_MAX];
	struct synchrony best = {HISTORY_NONE, -1, -1};
	size_t n = 0;
	int r = stretches(h, t, x, w, STRETCHES_MAX, &n);

	for (size_t i = 0; !r && i < n; i++) {
		struct synchrony s;

		r = synchrony__find(a, w[i], &s);
		if (r)
			break;
		s.p = s.p < 0 ? s.p : fmin(1, s.p * (double)n);
		if (s.p >= SYNCHRONY_P)
			s.period_ns = HISTORY_NONE;
		if ((s.period_ns == HISTORY_NONE) == (best.period_ns == HISTORY_NONE)
			    ? s.r > best.r
			    : s.period_ns != HISTORY_NONE)
			best = s;
	}
	if (!r)
		*ret = best;
	return r;
}

/* ---- one metric ---- */

static int64_t settled(const struct arrivals *a, struct history_window w, double per_s)
{
	double mean = per_s * SETTLED_NS / NS_PER_S, off;
	int64_t row = 0;

	/* 3 standard deviations must leave room below the mean */
	if (mean < 10)
		return HISTORY_NONE;
	off = fmax(0.3 * mean, 3 * sqrt(mean));
	if (w.end_ns > w.start_ns + SETTLED_WINDOWS * SETTLED_NS)
		w.end_ns = w.start_ns + SETTLED_WINDOWS * SETTLED_NS;
	for (int64_t t = w.start_ns; t + SETTLED_NS <= w.end_ns; t += SETTLED_NS) {
		struct history_window one = {t, t + SETTLED_NS};

		row = fabs((double)herd__count(a, one) - mean) <= off ? row + 1 : 0;
		if (row == SETTLED_IN_A_ROW)
			return t + SETTLED_NS - row * SETTLED_NS - w.start_ns;
	}
	return HISTORY_NONE;
}

int herd__measure(const struct history *h, const struct timing *t, const struct herd *x,
		  const struct arrivals *a, bool events, struct herd_metric *m)
{
	int64_t width = a->bin_ns > HERD_BIN_NS ? a->bin_ns : HERD_BIN_NS;
	struct history_window later = {x->fault.start_ns, t->end_ns};

	if (t->end_ns / width > BINS_MAX)
		width = t->end_ns / BINS_MAX;
	m->baseline = herd__rate(a, x->baseline, width);
	m->fault = herd__rate(a, x->fault, width);
	m->recovery = herd__rate(a, x->recovery, width);
	m->heal = herd__rate(a, x->heal, width);
	m->later = herd__rate(a, herd__has(later) ? later : x->baseline, width);
	m->pbr = herd__has(later) ? ratio(m->later.peak_per_s, m->baseline.per_s) : -1;
	m->fault_pbr = ratio(m->fault.peak_per_s, m->baseline.per_s);
	m->recovery_pbr = ratio(m->recovery.peak_per_s, m->baseline.per_s);
	m->amplification = ratio(m->fault.per_s, m->baseline.per_s);
	m->settled_ns = herd__has(x->recovery) && !a->partial
				? settled(a, x->recovery, m->baseline.per_s)
				: HISTORY_NONE;
	m->synchrony = (struct synchrony){HISTORY_NONE, -1, -1};
	return events ? find_synchrony(h, t, x, a, &m->synchrony) : 0;
}

struct herd_metric *herd__more(struct herd *x)
{
	struct herd_metric *v = reallocarray(x->v, x->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	x->v = v;
	v[x->n] = (struct herd_metric){
		.workload = -1,
		.attempts_per_intent = -1,
		.offered = {-1, -1, -1, -1},
		.goodput = {-1, -1, -1, -1},
		.load = {-1, -1, -1, -1},
		.answer_ns = HISTORY_NONE,
		.recovery_ns = HISTORY_NONE,
		.metastable = -1,
	};
	return &v[x->n++];
}

/* ---- all nodes together ---- */

static int nodes_syn(const struct history *h, const struct timing *t, struct herd *x)
{
	_cleanup_(arrivals__free) struct arrivals a = {.partial = true};
	struct herd_metric *m;

	if (!h->n_traffic)
		return 0;
	a.v = calloc(h->n_traffic, sizeof(*a.v));
	m = herd__more(x);
	if (!a.v || !m)
		return -ENOMEM;
	m->metric = "syn";
	for (size_t i = 0; i < h->n_traffic; i++) {
		const struct history_traffic *v = &h->traffic[i];

		if (v->bin_ns <= 0 || v->t_ns - v->bin_ns < 0)
			continue;
		a.v[a.n++] = (struct arrival){v->t_ns - v->bin_ns / 2, v->tx_syn};
		a.bin_ns = v->bin_ns > a.bin_ns ? v->bin_ns : a.bin_ns;
	}
	qsort(a.v, a.n, sizeof(*a.v), arrival__cmp);
	return herd__measure(h, t, x, &a, true, m);
}

/* ---- services ---- */

struct service {
	size_t first, last; /* of h->bins, before last */
	double packets;
};

static bool same_service(const struct history_bins *a, const struct history_bins *b)
{
	return a->server == b->server && a->port == b->port && a->proto == b->proto;
}

static int by_packets(const void *a, const void *b)
{
	const struct service *x = a, *y = b;
	int r = CMP(y->packets, x->packets);

	return r ? r : CMP(x->first, y->first);
}

static int by_first(const void *a, const void *b)
{
	const struct service *x = a, *y = b;

	return CMP(x->first, y->first);
}

static double sum_of(const struct history_bins *b, enum bins_count c)
{
	double sum = 0;

	for (size_t i = 0; b->counts[c] && i < b->n; i++)
		sum += (double)b->counts[c][i];
	return sum;
}

static int services(const struct history *h, struct service **ret, size_t *ret_n)
{
	struct service *v = calloc(h->n_bins + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_bins; i++) {
		if (!n || !same_service(&h->bins[i], &h->bins[i - 1]))
			v[n++].first = i;
		v[n - 1].last = i + 1;
		v[n - 1].packets +=
			sum_of(&h->bins[i], BINS_PACKETS) + sum_of(&h->bins[i], BINS_SYN);
	}
	qsort(v, n, sizeof(*v), by_packets);
	n = n < SERVICES_MAX ? n : SERVICES_MAX;
	qsort(v, n, sizeof(*v), by_first);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int collect(const struct history *h, const struct service *s, enum bins_count c,
		   struct arrivals *ret)
{
	size_t n = 0;

	for (size_t i = s->first; i < s->last; i++)
		n += h->bins[i].counts[c] ? h->bins[i].n : 0;
	ret->v = calloc(n + 1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = s->first; i < s->last; i++) {
		const struct history_bins *b = &h->bins[i];

		ret->bin_ns = b->bin_ns > ret->bin_ns ? b->bin_ns : ret->bin_ns;
		for (size_t k = 0; b->counts[c] && k < b->n; k++)
			if (b->counts[c][k])
				ret->v[ret->n++] = (struct arrival){
					b->start_ns + (int64_t)k * b->bin_ns + b->bin_ns / 2,
					b->counts[c][k]};
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), arrival__cmp);
	return 0;
}

char *herd__service(const struct history *h, const struct history_bins *b)
{
	struct text t = {0};

	text__add(&t, "%s", history__node(h, b->server));
	if (b->port)
		text__add(&t, ":%d", b->port);
	if (b->proto == 17)
		text__add(&t, "/udp");
	else if (b->proto != 6)
		text__add(&t, "/%d", b->proto);
	return text__take(&t);
}

/* From the first fault on. */
static int64_t mean_answer(const struct history *h, const struct service *s, const struct herd *x)
{
	double us = 0, n = 0;

	for (size_t i = s->first; i < s->last; i++) {
		const struct history_bins *b = &h->bins[i];

		if (!b->counts[BINS_FIRST_BYTE_US] || !b->counts[BINS_FIRST_BYTE_N])
			continue;
		for (size_t k = 0; k < b->n; k++) {
			if (b->start_ns + (int64_t)k * b->bin_ns < x->fault.start_ns)
				continue;
			us += (double)b->counts[BINS_FIRST_BYTE_US][k];
			n += (double)b->counts[BINS_FIRST_BYTE_N][k];
		}
	}
	return n > 0 ? (int64_t)fmin(us / n * NS_PER_US, 9e18) : HISTORY_NONE;
}

static int service_metric(const struct history *h, const struct timing *t, const struct service *s,
			  enum bins_count c, const char *name, struct herd *x)
{
	_cleanup_(arrivals__free) struct arrivals a = {0};
	struct herd_metric *m;
	int r = collect(h, s, c, &a);

	if (r || !a.n)
		return r;
	m = herd__more(x);
	if (!m)
		return -ENOMEM;
	m->metric = name;
	m->connects = c == BINS_SYN;
	m->first_bins = (int)s->first;
	m->last_bins = (int)s->last;
	m->service = herd__service(h, &h->bins[s->first]);
	if (!m->service)
		return -ENOMEM;
	m->answer_ns = mean_answer(h, s, x);
	return herd__measure(h, t, x, &a, c != BINS_BYTES, m);
}

static int all_services(const struct history *h, const struct timing *t, struct herd *x)
{
	_cleanup_free_ struct service *v = NULL;
	size_t n = 0;
	int r = services(h, &v, &n);

	for (size_t i = 0; !r && i < n; i++) {
		bool tcp = h->bins[v[i].first].proto == 6;

		r = service_metric(h, t, &v[i], tcp ? BINS_SYN : BINS_PACKETS,
				   tcp ? "syn" : "packets", x);
		r = r ? r : service_metric(h, t, &v[i], BINS_BYTES, "bytes", x);
	}
	return r;
}

int herd__make(const struct history *h, const struct timing *t, struct herd *ret)
{
	int r;

	ret->metastable = -1;
	windows(h, t, ret);
	r = nodes_syn(h, t, ret);
	r = r ? r : all_services(h, t, ret);
	for (size_t w = 0; !r && w < h->n_workloads; w++)
		r = herd__workload(h, t, (int)w, ret);
	return r ? r : herd__name(h, t, ret);
}

void herd__free(struct herd *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->v[i].service);
	for (size_t i = 0; i < x->n_evidence; i++)
		free(x->evidence[i].words);
	free(x->v);
	free(x->evidence);
}
