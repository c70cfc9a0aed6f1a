// SPDX-License-Identifier: GPL-2.0-only
/* herd_load.c: what the clients of a workload tried, and what came of it; see herd.c. */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>

static double mean_rate(const struct arrivals *a, struct history_window w)
{
	return herd__has(w) ? (double)herd__count(a, w) * NS_PER_S / (double)(w.end_ns - w.start_ns)
			    : -1;
}

struct load {
	struct arrivals attempts, connects, offered, good;
};

static void load__free(struct load *l)
{
	arrivals__free(&l->attempts);
	arrivals__free(&l->connects);
	arrivals__free(&l->offered);
	arrivals__free(&l->good);
}

static int load__make(const struct history *h, int w, struct load *l)
{
	size_t n_attempts = 0, n_ops = 0;

	for (size_t i = 0; i < h->n_attempts; i++)
		n_attempts += h->attempts[i].workload == w;
	for (size_t i = 0; i < h->n_ops; i++)
		n_ops += h->ops[i].workload == w;
	l->attempts.v = calloc(n_attempts + 1, sizeof(*l->attempts.v));
	l->connects.v = calloc(n_attempts + 1, sizeof(*l->connects.v));
	l->offered.v = calloc(n_ops + 1, sizeof(*l->offered.v));
	l->good.v = calloc(n_ops + 1, sizeof(*l->good.v));
	if (!l->attempts.v || !l->connects.v || !l->offered.v || !l->good.v)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_attempts; i++) {
		const struct history_attempt *a = &h->attempts[i];

		if (a->workload != w)
			continue;
		l->attempts.v[l->attempts.n++] = (struct arrival){a->invoke_ns, 1};
		if (a->conn)
			l->connects.v[l->connects.n++] = (struct arrival){a->invoke_ns, 1};
	}
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (o->workload != w)
			continue;
		l->offered.v[l->offered.n++] = (struct arrival){o->intended_ns, 1};
		if (o->outcome == OP_OK)
			l->good.v[l->good.n++] = (struct arrival){o->return_ns, 1};
	}
	/* attempts are in order; the others nearly so */
	qsort(l->offered.v, l->offered.n, sizeof(*l->offered.v), arrival__cmp);
	qsort(l->good.v, l->good.n, sizeof(*l->good.v), arrival__cmp);
	return 0;
}

/* Of operations that were never sent nothing is known. */
static double per_intent(const struct history *h, int w, const struct herd *x)
{
	struct history_window in = herd__has(x->fault) ? x->fault : x->baseline;
	double attempts = 0, intents = 0;

	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (o->workload != w || o->intended_ns < in.start_ns ||
		    o->intended_ns >= in.end_ns || !o->attempts)
			continue;
		intents++;
		attempts += o->attempts;
	}
	return intents > 0 ? attempts / intents : -1;
}

static int recovery_of(const struct arrivals *good, const struct timing *t, struct herd_metric *m)
{
	_cleanup_free_ int64_t *v = calloc(good->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < good->n; i++)
		v[i] = good->v[i].t_ns;
	m->recovery_ns = goodput__recovery(v, good->n, t, &m->recovery_known);
	return 0;
}

/* See above; not known if the record ends within 5 s, or if the baseline is too thin. */
static int is_metastable(const struct herd *x, const struct herd_metric *m)
{
	if (!herd__has(x->recovery) || !m->recovery_known || m->goodput.baseline <= 0)
		return -1;
	if (m->recovery_ns != HISTORY_NONE && m->goodput.end >= 0.9 * m->goodput.baseline)
		return 0;
	if (x->recovery.end_ns - x->recovery.start_ns < HERD_HEAL_NS)
		return -1;
	return m->recovery_ns == HISTORY_NONE && m->goodput.end < 0.9 * m->goodput.baseline &&
	       m->load.end >= 0.9 * m->load.baseline;
}

static struct herd_load rates(const struct arrivals *a, const struct herd *x)
{
	struct history_window end = x->recovery;

	if (herd__has(end)) {
		int64_t fifth = (end.end_ns - end.start_ns) / 5;

		fifth = fifth > HERD_HEAL_NS ? fifth : HERD_HEAL_NS;
		if (end.end_ns - fifth > end.start_ns)
			end.start_ns = end.end_ns - fifth;
	}
	return (struct herd_load){
		.baseline = mean_rate(a, x->baseline),
		.fault = mean_rate(a, x->fault),
		.recovery = mean_rate(a, x->recovery),
		.end = mean_rate(a, end),
	};
}

int herd__workload(const struct history *h, const struct timing *t, int w, struct herd *x)
{
	_cleanup_(load__free) struct load l = {0};
	struct herd_metric *m;
	int r = load__make(h, w, &l);

	if (r || !l.offered.n)
		return r;
	m = herd__more(x);
	if (!m)
		return -ENOMEM;
	m->metric = "attempts";
	m->workload = w;
	m->attempts_per_intent = per_intent(h, w, x);
	m->offered = rates(&l.offered, x);
	m->goodput = rates(&l.good, x);
	m->load = rates(&l.attempts, x);
	r = recovery_of(&l.good, t, m);
	m->metastable = is_metastable(x, m);
	r = r ? r : herd__measure(h, t, x, &l.attempts, true, m);
	m->connects = l.connects.n && l.connects.n == l.attempts.n;
	if (r || !l.connects.n || m->connects)
		return r;
	m = herd__more(x);
	if (!m)
		return -ENOMEM;
	m->metric = "connections";
	m->connects = true;
	m->workload = w;
	return herd__measure(h, t, x, &l.connects, true, m);
}
