// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanes_phase.c: arrivals laid around a period, where one was found.
 *
 *   phase [{metric, service, workload (as there, or null), period_us, r, from_us, to_us, sectors [count]}]
 *   Of each metric of the summary's herd with a synchrony period whose R is at least
 *   PHASE_R_MIN: what arrived at an instant t in [from, to] stands in the sector
 *   floor(n * ((t - from) mod period) / period). There are no more sectors than bins of the record in a
 *   period: narrower ones would be empty for no reason.
 */
#include "analysis/lanes_internal.h"
#include "lib/clock.h"

#include <stdio.h>
#include <string.h>

#define PHASE_R_MIN 0.2
#define PHASE_SECTORS_MAX 48

struct phase {
	int64_t from_ns, to_ns, period_ns;
	int64_t v[PHASE_SECTORS_MAX];
	size_t n;
};

static void phase__add(struct phase *p, int64_t t_ns, int64_t n)
{
	size_t i;

	if (t_ns < p->from_ns || t_ns > p->to_ns)
		return;
	i = (size_t)((double)((t_ns - p->from_ns) % p->period_ns) / (double)p->period_ns *
		     (double)p->n);
	p->v[i < p->n ? i : p->n - 1] += n;
}

static const char *word(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Is this what metric @m counted? One of no service counted them all. */
static bool is_of(const struct history *h, const struct history_bins *b, const json_t *m)
{
	const char *service = word(m, "service");
	char name[300];

	snprintf(name, sizeof(name), "%s:%d", history__node(h, b->server), b->port);
	return !service || !strcmp(service, name);
}

static bool is_syn(const json_t *m)
{
	return !strcmp(word(m, "metric"), "syn");
}

/* Attempts have instants, packets have bins: an arrival stands in the middle of its bin. */
static void phase__count(struct phase *p, const struct history *h, const json_t *m)
{
	const char *workload = word(m, "workload");

	for (size_t i = 0; !is_syn(m) && i < h->n_attempts; i++) {
		const struct history_attempt *a = &h->attempts[i];

		if (!workload || !strcmp(workload, h->workloads[a->workload].name))
			phase__add(p, a->invoke_ns, 1);
	}
	for (size_t i = 0; is_syn(m) && i < h->n_bins; i++) {
		const struct history_bins *b = &h->bins[i];

		for (size_t k = 0; is_of(h, b, m) && b->counts[BINS_SYN] && k < b->n; k++)
			phase__add(p, b->start_ns + (int64_t)k * b->bin_ns + b->bin_ns / 2,
				   b->counts[BINS_SYN][k]);
	}
}

static json_t *phase__json(const struct phase *p, const json_t *m, double r)
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
	return json_pack("{s:s, s:s?, s:s?, s:o, s:f, s:o, s:o, s:o}", "metric", word(m, "metric"),
			 "service", word(m, "service"), "workload", word(m, "workload"),
			 "period_us", lanes__us(p->period_ns), "r", r, "from_us",
			 lanes__us(p->from_ns), "to_us", lanes__us(p->to_ns), "sectors", sectors);
}

/* From the fault to the end of the herd's window after the heal: what the fault set off. */
static void phase__window(struct phase *p, const struct analysis *an, const json_t *herd)
{
	const json_t *w = json_object_get(herd, "windows");
	const json_t *fault = json_object_get(w, "fault_s"), *heal = json_object_get(w, "heal_s");

	p->from_ns = an->timing.first_fault_ns == HISTORY_NONE ? 0 : an->timing.first_fault_ns;
	p->to_ns = an->timing.end_ns;
	if (json_array_size(fault) == 2)
		p->from_ns = (int64_t)(json_number_value(json_array_get(fault, 0)) * NS_PER_S);
	if (json_array_size(heal) == 2)
		p->to_ns = (int64_t)(json_number_value(json_array_get(heal, 1)) * NS_PER_S);
}

/* No more sectors than there are bins in a period. */
static void phase__sectors(struct phase *p, const struct history *h, const json_t *m)
{
	int64_t unit = NS_PER_MS;

	for (size_t i = 0; is_syn(m) && i < h->n_bins; i++)
		if (is_of(h, &h->bins[i], m) && h->bins[i].bin_ns > unit)
			unit = h->bins[i].bin_ns;
	p->n = p->period_ns / unit > PHASE_SECTORS_MAX ? PHASE_SECTORS_MAX
						       : (size_t)(p->period_ns / unit);
	p->n = p->n < 1 ? 1 : p->n;
}

json_t *lanes__phase(const struct analysis *an, const json_t *summary)
{
	const json_t *herd = json_object_get(summary, "herd"), *m;
	json_t *out = json_array();
	size_t i;

	json_array_foreach(json_object_get(herd, "metrics"), i, m) {
		double s = json_number_value(json_object_get(m, "synchrony_period_s"));
		double r = json_number_value(json_object_get(m, "synchrony_r"));
		struct phase p = {0};
		json_t *one;

		if (!word(m, "metric") || !(s >= 0.001 && s <= 86400) || !(r >= PHASE_R_MIN))
			continue;
		p.period_ns = (int64_t)(s * NS_PER_S);
		phase__window(&p, an, herd);
		phase__sectors(&p, an->h, m);
		phase__count(&p, an->h, m);
		one = phase__json(&p, m, r);
		if (one)
			json_array_append_new(out, one);
	}
	return out;
}
