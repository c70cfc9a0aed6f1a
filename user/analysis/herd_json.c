// SPDX-License-Identifier: GPL-2.0-only
/*
 * herd_json.c: herd and traffic of summary.json.
 *
 * herd.kind: "none" if there was none, null if neither services nor workloads were recorded.
 *
 * herd.metrics[]: metric "syn" (new connection attempts), "packets", "bytes" (to a service),
 * "attempts" (of a workload), "connections" (those of them that made a new connection); service or
 * workload, or neither: all nodes together. baseline_, fault_, recovery_: of the windows in
 * herd.windows, instants of run time; fano: of the heal window (herd.c).
 */
#include "analysis/herd_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static json_t *window(struct history_window w)
{
	return w.end_ns > w.start_ns
		       ? json_pack("[o,o]", json_seconds(w.start_ns), json_seconds(w.end_ns))
		       : json_null();
}

static void rate(json_t *o, const char *prefix, const struct herd_rate *r)
{
	json_t *peak = json_rate(r->peak_per_s), *fano = json_rate(r->fano);
	char name[40];

	snprintf(name, sizeof(name), "%s_per_s", prefix);
	json_object_set_new(o, name, json_rate(r->per_s));
	snprintf(name, sizeof(name), "%s_peak_per_s", prefix);
	json_object_set_new(o, name, peak);
	snprintf(name, sizeof(name), "%s_fano", prefix);
	json_object_set_new(o, name, fano);
}

static json_t *tristate(int x)
{
	return x < 0 ? json_null() : json_boolean(x);
}

static void of_workload(json_t *o, const struct herd_metric *m)
{
	json_object_set_new(o, "attempts_per_intent", json_rate(m->attempts_per_intent));
	json_object_set_new(o, "offered_baseline_per_s", json_rate(m->offered.baseline));
	json_object_set_new(o, "offered_fault_per_s", json_rate(m->offered.fault));
	json_object_set_new(o, "offered_recovery_per_s", json_rate(m->offered.recovery));
	json_object_set_new(o, "goodput_baseline_per_s", json_rate(m->goodput.baseline));
	json_object_set_new(o, "goodput_fault_per_s", json_rate(m->goodput.fault));
	json_object_set_new(o, "goodput_recovery_per_s", json_rate(m->goodput.recovery));
	json_object_set_new(o, "goodput_end_per_s", json_rate(m->goodput.end));
	json_object_set_new(o, "attempts_end_per_s", json_rate(m->load.end));
	json_object_set_new(o, "recovery_s", json_seconds(m->recovery_ns));
	json_object_set_new(o, "metastable", tristate(m->metastable));
}

static json_t *metric(const struct history *h, const struct herd_metric *m)
{
	const struct herd_rate *main = m->heal.fano >= 0 ? &m->heal : &m->later;
	json_t *o = json_object();

	json_object_set_new(o, "metric", json_string(m->metric));
	if (m->service)
		json_object_set_new(o, "service", json_words(m->service));
	if (m->workload >= 0)
		json_object_set_new(o, "workload", json_words(h->workloads[m->workload].name));
	rate(o, "baseline", &m->baseline);
	json_object_set_new(o, "peak_per_s", json_rate(m->later.peak_per_s));
	json_object_set_new(o, "pbr", json_rate(m->pbr));
	json_object_set_new(o, "fano", json_rate(main->fano));
	json_object_set_new(o, "synchrony_period_s", json_seconds(m->synchrony.period_ns));
	json_object_set_new(o, "synchrony_r", json_rate(m->synchrony.r));
	json_object_set_new(o, "synchrony_p", json_rate(m->synchrony.p));
	json_object_set_new(o, "amplification", json_rate(m->amplification));
	rate(o, "fault", &m->fault);
	json_object_set_new(o, "fault_pbr", json_rate(m->fault_pbr));
	rate(o, "recovery", &m->recovery);
	json_object_set_new(o, "recovery_pbr", json_rate(m->recovery_pbr));
	json_object_set_new(o, "settled_s", json_seconds(m->settled_ns));
	if (!strcmp(m->metric, "attempts"))
		of_workload(o, m);
	return o;
}

json_t *herd__json(const struct history *h, const struct herd *x)
{
	json_t *metrics = json_array(), *evidence = json_array();
	const char *kind = herd_kind__name(x->kind);

	for (size_t i = 0; i < x->n; i++) {
		json_array_append_new(metrics, metric(h, &x->v[i]));
		/* somebody was watched, and was no herd */
		if (!kind && (x->v[i].service || x->v[i].workload >= 0))
			kind = "none";
	}
	for (size_t i = 0; i < x->n_evidence; i++)
		json_array_append_new(evidence,
				      json_pack("{s:s,s:o}", "kind",
						herd_kind__name(x->evidence[i].kind), "words",
						json_words(x->evidence[i].words)));
	return json_pack("{s:o,s:o,s:o,s:o,s:{s:o,s:o,s:o,s:o}}", "kind", json_words(kind),
			 "metrics", metrics, "metastable", tristate(x->metastable), "evidence",
			 evidence, "windows", "baseline_s", window(x->baseline), "fault_s",
			 window(x->fault), "recovery_s", window(x->recovery), "heal_s",
			 window(x->heal));
}

/* ---- traffic ---- */

static json_t *mean_ms(double us, double n)
{
	return n > 0 ? json_real(us / n / 1000) : json_null();
}

static void listening(const struct history *h, const struct history_bins *b, json_t *o)
{
	const struct history_listen *longest = NULL;
	int64_t over = HISTORY_NONE;

	for (size_t i = 0; i < h->n_listens; i++) {
		const struct history_listen *l = &h->listens[i];

		if (l->node != b->server || l->port != b->port)
			continue;
		longest = !longest || l->queue > longest->queue ? l : longest;
		over = l->overflows > over ? l->overflows : over;
	}
	json_object_set_new(o, "accept_queue_max",
			    json_count(longest ? longest->queue : HISTORY_NONE));
	json_object_set_new(o, "backlog", json_count(longest ? longest->backlog : HISTORY_NONE));
	json_object_set_new(o, "overflows", json_count(over));
}

static json_t *service(const struct history *h, size_t first, size_t last)
{
	const struct history_bins *b = &h->bins[first];
	_cleanup_free_ char *name = herd__service(h, b);
	double sum[BINS_COUNT] = {0};
	json_t *o = json_object();

	for (size_t i = first; i < last; i++)
		for (size_t c = 0; c < BINS_COUNT; c++)
			for (size_t k = 0; h->bins[i].counts[c] && k < h->bins[i].n; k++)
				sum[c] += (double)h->bins[i].counts[c][k];
	json_object_set_new(o, "service", json_words(name));
	json_object_set_new(o, "node", json_words(history__node(h, b->server)));
	json_object_set_new(o, "port", json_integer(b->port));
	json_object_set_new(o, "proto",
			    b->proto == 6    ? json_string("tcp")
			    : b->proto == 17 ? json_string("udp")
					     : json_integer(b->proto));
	/* behind them stand latencies, which are of use as means only */
	for (size_t c = 0; c <= BINS_DROPPED; c++)
		json_object_set_new(o, history_bins_names[c],
				    json_integer((json_int_t)fmin(sum[c], 9e18)));
	json_object_set_new(o, "connect_ms", mean_ms(sum[BINS_CONNECT_US], sum[BINS_CONNECT_N]));
	json_object_set_new(o, "first_byte_ms",
			    mean_ms(sum[BINS_FIRST_BYTE_US], sum[BINS_FIRST_BYTE_N]));
	json_object_set_new(o, "rtt_ms", mean_ms(sum[BINS_RTT_US], sum[BINS_RTT_N]));
	listening(h, b, o);
	return o;
}

/* By node and reason; HISTORY_OTHER: where is not known. */
static int by_reason(const void *a, const void *b)
{
	const struct history_reason *x = a, *y = b;
	int r = CMP(x->node, y->node);

	return r ? r : strcmp(x->reason, y->reason);
}

static json_t *reasons(const struct history *h, const struct history_reason *of, size_t n_of)
{
	_cleanup_free_ struct history_reason *v = calloc(n_of + 1, sizeof(*v));
	json_t *a = json_array();

	if (!v)
		return a;
	if (n_of)
		memcpy(v, of, n_of * sizeof(*v));
	qsort(v, n_of, sizeof(*v), by_reason);
	for (size_t i = 0, next; i < n_of; i = next) {
		double n = 0;

		for (next = i; next < n_of && !by_reason(&v[i], &v[next]); next++)
			n += (double)v[next].packets;
		json_array_append_new(
			a, json_pack("{s:o,s:o,s:I}", "node",
				     v[i].node < 0 ? json_null()
						   : json_words(history__node(h, v[i].node)),
				     "reason", json_words(v[i].reason), "packets",
				     (json_int_t)fmin(n, 9e18)));
	}
	return a;
}

json_t *traffic__json(const struct history *h)
{
	json_t *services = json_array();

	for (size_t i = 0, next; i < h->n_bins; i = next) {
		const struct history_bins *b = &h->bins[i];

		for (next = i + 1; next < h->n_bins && h->bins[next].server == b->server &&
				   h->bins[next].port == b->port &&
				   h->bins[next].proto == b->proto;)
			next++;
		json_array_append_new(services, service(h, i, next));
	}
	return json_pack("{s:o,s:o,s:o}", "services", services, "drops",
			 reasons(h, h->drops, h->n_drops), "resets",
			 reasons(h, h->resets, h->n_resets));
}
