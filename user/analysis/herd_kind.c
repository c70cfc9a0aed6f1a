// SPDX-License-Identifier: GPL-2.0-only
/*
 * herd_kind.c: which kind of herd it was, with the evidence.
 *
 *   cache stampede    a cache lets more than one fetch of a key through (herd_stampede.c)
 *   reconnect flood   new connections after the heal, or within 5 s after a mass close, come at 3
 *                     times the baseline in their highest bin, and at 1.5 times the mean of the
 *                     fault: they wait for it
 *   connection storm  an accept queue was full: connections overflowed, or as many waited as its
 *                     backlog allows
 *   retry storm       1.2 attempts for each operation, and 1.2 times the attempts of the baseline,
 *                     while the fault lasts: the usual retry budget of 10 % keeps below that. Of a
 *                     service that no workload names as its target: 1.5 times the new connections
 *
 * A peak must also be of 20 connections and of 5 standard deviations above Poisson arrivals at the
 * baseline's rate, so that a few clients are no herd. All evidence is listed; the kind is the
 * first in the order above that there is evidence for, but a retry storm that is metastable is the
 * most important of all.
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EVIDENCE_MAX 8 /* of a kind */
#define AFTER_CLOSE_NS (5 * NS_PER_S)
#define SHORT_NS (2 * NS_PER_S)
#define CROWD 20
#define STORM 1.2

const char *herd_kind__name(enum herd_kind k)
{
	static const char *const names[] = {
		[HERD_STAMPEDE] = "cache stampede",
		[HERD_FLOOD] = "reconnect flood",
		[HERD_CONNECTIONS] = "connection storm",
		[HERD_RETRIES] = "retry storm",
	};

	return k == HERD_NONE ? NULL : names[k];
}

/* Takes the words, if there are any. */
static int evidence(struct herd *x, enum herd_kind kind, struct text *t)
{
	struct herd_evidence *v;
	size_t n = 0;

	if (!t->n && !t->failed) {
		free(t->v);
		return 0;
	}
	for (size_t i = 0; i < x->n_evidence; i++)
		n += x->evidence[i].kind == kind;
	v = n < EVIDENCE_MAX ? reallocarray(x->evidence, x->n_evidence + 1, sizeof(*v)) : NULL;
	if (!v) {
		free(t->v);
		return n < EVIDENCE_MAX ? -ENOMEM : 0;
	}
	x->evidence = v;
	v[x->n_evidence] = (struct herd_evidence){kind, text__take(t)};
	if (!v[x->n_evidence].words)
		return -ENOMEM;
	x->n_evidence++;
	return 0;
}

static const char *subject(const struct history *h, const struct herd_metric *m)
{
	return m->service ? m->service : m->workload >= 0 ? h->workloads[m->workload].name : NULL;
}

/* ---- reconnect flood ---- */

/* Is @peak, per s and over one bin, a crowd where @base per s is usual? */
static bool crowd(double peak, double base)
{
	double n = peak * HERD_BIN_NS / NS_PER_S, usual = fmax(0, base) * HERD_BIN_NS / NS_PER_S;

	return n >= CROWD && n >= 3 * usual && n >= usual + 5 * sqrt(usual);
}

static void say_peak(const struct history *h, const struct herd_metric *m, double peak,
		     struct text *t)
{
	text__add(t, "%s %s came at up to %s/s", m->service ? "connections to" : "connections of",
		  subject(h, m), text__rate(peak).v);
	if (m->baseline.per_s > 0)
		text__add(t, ", %.1f times the %s/s before the fault", peak / m->baseline.per_s,
			  text__rate(m->baseline.per_s).v);
	else if (m->baseline.per_s == 0)
		text__add(t, ", none before the fault");
}

static bool have(const struct herd *x, enum herd_kind kind)
{
	for (size_t i = 0; i < x->n_evidence; i++)
		if (x->evidence[i].kind == kind)
			return true;
	return false;
}

static int flood(const struct history *h, struct herd *x, const struct herd_metric *m)
{
	struct text t = {0};

	/* services come first; what their clients say of themselves is the same again */
	if (m->workload >= 0 && have(x, HERD_FLOOD))
		return 0;
	if (!m->connects || !subject(h, m) || !herd__has(x->heal) ||
	    !crowd(m->heal.peak_per_s, m->baseline.per_s) ||
	    m->heal.peak_per_s < 1.5 * m->fault.per_s)
		return 0;
	text__add(&t, "after the heal ");
	say_peak(h, m, m->heal.peak_per_s, &t);
	return evidence(x, HERD_FLOOD, &t);
}

static void gather(const struct history *h, const struct herd_metric *m, enum bins_count c,
		   int64_t *sums, size_t n, int64_t width)
{
	for (int i = m->first_bins; i < m->last_bins; i++) {
		const struct history_bins *b = &h->bins[i];

		for (size_t k = 0; b->counts[c] && k < b->n; k++) {
			int64_t t = b->start_ns + (int64_t)k * b->bin_ns + b->bin_ns / 2;

			if (t >= 0 && (size_t)(t / width) < n)
				sums[t / width] += b->counts[c][k];
		}
	}
}

/*
 * The bin in which most connections of a service ended at once, and the flood that followed. As many
 * that had just been opened are no mass close: they came for one answer, had it, and went.
 */
static int mass_close(const struct history *h, const struct timing *t, struct herd *x,
		      const struct herd_metric *m)
{
	int64_t width = HERD_BIN_NS;
	size_t n, most = 0, after;
	struct text words = {0};
	double sum = 0, just_opened = 0, peak = 0;

	if (!m->service || !m->connects || t->end_ns / width > 1000000)
		return 0;
	n = (size_t)(t->end_ns / width) + 1;
	_cleanup_free_ int64_t *closed = calloc(n, sizeof(*closed));
	_cleanup_free_ int64_t *syn = calloc(n, sizeof(*syn));

	if (!closed || !syn)
		return -ENOMEM;
	gather(h, m, BINS_CLOSED, closed, n, width);
	gather(h, m, BINS_SYN, syn, n, width);
	for (size_t i = 0; i < n; i++) {
		sum += (double)closed[i];
		most = closed[i] > closed[most] ? i : most;
	}
	if (closed[most] < CROWD || (double)closed[most] < 10 * sum / (double)n)
		return 0;
	for (size_t i = most; i + (size_t)(SHORT_NS / width) > most; i--) {
		just_opened += (double)syn[i];
		if (!i)
			break;
	}
	if (just_opened >= (double)closed[most])
		return 0;
	after = most + (size_t)(AFTER_CLOSE_NS / width);
	for (size_t i = most; i < n && i < after; i++)
		peak = fmax(peak, (double)syn[i] * NS_PER_S / (double)width);
	if (!crowd(peak, m->baseline.per_s))
		return 0;
	text__add(&words, "%lld connections ended at once at ", (long long)closed[most]);
	text__at(&words, (int64_t)most * width);
	text__add(&words, ", and within 5 s ");
	say_peak(h, m, peak, &words);
	return evidence(x, HERD_FLOOD, &words);
}

/* ---- connection storm ---- */

static void say_queue(const struct history *h, const struct history_listen *v, size_t n,
		      struct text *t)
{
	const struct history_listen *longest = &v[0];
	int64_t over = 0, first = v[0].overflows;
	bool full = false;

	for (size_t i = 0; i < n; i++) {
		longest = v[i].queue > longest->queue ? &v[i] : longest;
		full |= v[i].backlog > 0 && v[i].queue >= v[i].backlog;
		if (v[i].overflows != HISTORY_NONE && first != HISTORY_NONE &&
		    v[i].overflows > over)
			over = v[i].overflows;
	}
	/* overflows are counted for a namespace: a short queue has no part in them */
	if (!full && (!over || longest->backlog <= 0 || 2 * longest->queue < longest->backlog))
		return;
	text__add(t, "the accept queue of %s:%d %s: %lld connections waited at ",
		  history__node(h, v->node), v->port, full ? "was full" : "overflowed",
		  (long long)longest->queue);
	text__at(t, longest->t_ns);
	if (longest->backlog > 0)
		text__add(t, " where its backlog is %lld", (long long)longest->backlog);
	if (over)
		text__add(t, ", and %lld overflowed", (long long)over);
}

static int queues(const struct history *h, struct herd *x)
{
	int r = 0;

	for (size_t i = 0, next; i < h->n_listens && !r; i = next) {
		struct text t = {0};

		for (next = i + 1; next < h->n_listens &&
				   h->listens[next].node == h->listens[i].node &&
				   h->listens[next].port == h->listens[i].port;)
			next++;
		say_queue(h, &h->listens[i], next - i, &t);
		r = evidence(x, HERD_CONNECTIONS, &t);
	}
	return r;
}

/* ---- retry storm ---- */

/*
 * Do new connections to a service tell of retries? Not if its clients say what they tried: one that gives
 * up closes its connection, and the next is new whether it retries or goes on. Nor if what a cache
 * missed explains them.
 */
static bool tells_retries(const struct history *h, const struct herd *x,
			  const struct herd_metric *m)
{
	if (!m->service || !m->connects || m->amplification < 1.5 || have(x, HERD_STAMPEDE) ||
	    m->fault.per_s * (double)(x->fault.end_ns - x->fault.start_ns) / NS_PER_S < CROWD)
		return false;
	for (size_t i = 0; i < h->n_workloads; i++)
		if (h->workloads[i].target &&
		    !strcmp(h->workloads[i].target,
			    history__node(h, h->bins[m->first_bins].server)))
			return false;
	return true;
}

static int retries(const struct history *h, struct herd *x, const struct herd_metric *m)
{
	struct text t = {0};

	if (!herd__has(x->fault))
		return 0;
	if (m->attempts_per_intent >= STORM &&
	    (m->amplification < 0 || m->amplification >= STORM)) {
		text__add(&t,
			  "clients of %s sent %.1f attempts for each operation that was due while "
			  "the fault lasted",
			  subject(h, m), m->attempts_per_intent);
		if (m->amplification >= 0)
			text__add(&t, ": %s/s, %.1f times the %s/s that they send undisturbed",
				  text__rate(m->fault.per_s).v, m->amplification,
				  text__rate(m->baseline.per_s).v);
	} else if (tells_retries(h, x, m)) {
		text__add(&t,
			  "%s saw %s new connections/s while the fault lasted, %.1f times the "
			  "%s/s before",
			  m->service, text__rate(m->fault.per_s).v, m->amplification,
			  text__rate(m->baseline.per_s).v);
	}
	if (t.n && m->synchrony.period_ns != HISTORY_NONE) {
		text__add(&t, ", in step every ");
		text__seconds(&t, m->synchrony.period_ns);
		text__add(&t, " (R = %.2f)", m->synchrony.r);
	}
	return evidence(x, HERD_RETRIES, &t);
}

/* ---- all ---- */

static void metastable(struct herd *x)
{
	x->metastable = -1;
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].metastable > x->metastable)
			x->metastable = x->v[i].metastable;
}

static int rank(const struct herd *x, enum herd_kind k)
{
	return k == HERD_RETRIES && x->metastable == 1 ? -1 : (int)k;
}

/* Few: a stable order by insertion. */
static void sort_evidence(struct herd *x)
{
	for (size_t i = 1; i < x->n_evidence; i++) {
		struct herd_evidence e = x->evidence[i];
		size_t k = i;

		for (; k > 0 && rank(x, x->evidence[k - 1].kind) > rank(x, e.kind); k--)
			x->evidence[k] = x->evidence[k - 1];
		x->evidence[k] = e;
	}
	if (x->n_evidence)
		x->kind = x->evidence[0].kind;
}

int herd__name(const struct history *h, const struct timing *t, struct herd *x)
{
	struct text stampede = {0};
	int r;

	metastable(x);
	r = herd__stampede(h, t, x, &stampede);
	if (r)
		free(stampede.v);
	r = r ? r : evidence(x, HERD_STAMPEDE, &stampede);
	for (size_t i = 0; i < x->n && !r; i++) {
		r = flood(h, x, &x->v[i]);
		r = r ? r : mass_close(h, t, x, &x->v[i]);
		r = r ? r : retries(h, x, &x->v[i]);
	}
	r = r ? r : queues(h, x);
	if (!r)
		sort_evidence(x);
	return r;
}
