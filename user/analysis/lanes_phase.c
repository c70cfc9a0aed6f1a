// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanes_phase.c: arrivals laid around a period, where one was found.
 *
 *   phase [{metric, period_us, r, from_us, to_us, sectors [count]}]
 *   Of each metric of the summary's herd with a synchrony period whose R is at least
 *   PHASE_R_MIN: what arrived at an instant t in [from, to] stands in the sector
 *   floor(n * ((t - from) mod period) / period). There are no more sectors than bins of the record in a
 *   period: narrower ones would be empty for no reason.
 */
#include "analysis/lanes_internal.h"
#include "lib/clock.h"

#include <math.h>
#include <string.h>

#define PHASE_R_MIN 0.2
#define PHASE_SECTORS_MAX 48

struct phase {
	int64_t from_ns, to_ns, period_ns, unit_ns;
	int64_t v[PHASE_SECTORS_MAX];
	size_t n;
};

static void phase__add(struct phase *p, int64_t t_ns, int64_t n)
{
	int64_t in = (t_ns - p->from_ns) % p->period_ns;

	if (t_ns < p->from_ns || t_ns > p->to_ns)
		return;
	p->v[(size_t)((double)in / (double)p->period_ns * (double)p->n)] += n;
}

/* The finest of what arrives: attempts have instants, packets have bins. */
static bool is_syn(const char *metric)
{
	return !strcmp(metric, "syn");
}

static void phase__count(struct phase *p, const struct history *h, const char *metric)
{
	if (!is_syn(metric)) {
		for (size_t i = 0; i < h->n_attempts; i++)
			phase__add(p, h->attempts[i].invoke_ns, 1);
		return;
	}
	for (size_t i = 0; i < h->n_bins; i++) {
		const struct history_bins *b = &h->bins[i];

		for (size_t k = 0; b->counts[BINS_SYN] && k < b->n; k++)
			phase__add(p, b->start_ns + (int64_t)k * b->bin_ns + b->bin_ns / 2,
				   b->counts[BINS_SYN][k]);
	}
}

static json_t *phase__json(const struct phase *p, const char *metric, double r)
{
	json_t *sectors = json_array();
	int64_t total = 0;

	for (size_t i = 0; i < p->n; i++) {
		json_array_append_new(sectors, json_integer(p->v[i]));
		total += p->v[i];
	}
	if (!total) {
		json_decref(sectors);
		return NULL;
	}
	return json_pack("{s:s, s:o, s:f, s:o, s:o, s:o}", "metric", metric, "period_us",
			 lanes__us(p->period_ns), "r", r, "from_us", lanes__us(p->from_ns), "to_us",
			 lanes__us(p->to_ns), "sectors", sectors);
}

json_t *lanes__phase(const struct analysis *an, const json_t *summary)
{
	const json_t *metrics = json_object_get(json_object_get(summary, "herd"), "metrics"), *m;
	const struct history *h = an->h;
	json_t *out = json_array();
	size_t i;

	json_array_foreach(metrics, i, m) {
		const char *metric = json_string_value(json_object_get(m, "metric"));
		double s = json_number_value(json_object_get(m, "synchrony_period_s"));
		double r = json_number_value(json_object_get(m, "synchrony_r"));
		struct phase p = {.unit_ns = NS_PER_MS};
		json_t *one;

		if (!metric || !isfinite(s) || s < 0.001 || s > 86400 || !(r >= PHASE_R_MIN))
			continue;
		for (size_t k = 0; is_syn(metric) && k < h->n_bins; k++)
			if (h->bins[k].bin_ns > p.unit_ns)
				p.unit_ns = h->bins[k].bin_ns;
		p.period_ns = (int64_t)(s * NS_PER_S);
		p.n = (size_t)(p.period_ns / p.unit_ns);
		p.n = p.n > PHASE_SECTORS_MAX ? PHASE_SECTORS_MAX : p.n < 1 ? 1 : p.n;
		p.from_ns = an->timing.cut_ns == HISTORY_NONE ? 0 : an->timing.cut_ns;
		p.to_ns = an->timing.end_ns;
		phase__count(&p, h, metric);
		one = phase__json(&p, metric, r);
		if (one)
			json_array_append_new(out, one);
	}
	return out;
}
