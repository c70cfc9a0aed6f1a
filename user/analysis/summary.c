// SPDX-License-Identifier: GPL-2.0-only
/* summary.c: summary.json: every number under its name; what was not measured is null. */
#include "analysis/vrrp.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <string.h>

int analysis__make(const struct history *h, struct analysis *ret)
{
	struct analysis *a = ret;
	int r;

	a->h = h;
	r = timing__make(h, &a->timing);
	r = r ? r : claims__make(h, &a->timing, &a->claims);
	r = r ? r : writes__make(h, &a->timing, a->claims, &a->writes);
	r = r ? r : split__make(h, &a->timing, a->claims, &a->writes, false, &a->split);
	r = r ? r : split__make(h, &a->timing, a->claims, &a->writes, true, &a->worst);
	r = r ? r : availability__make(h, &a->timing, a->claims, &a->availability);
	r = r ? r : goodput__make(h, &a->timing, &a->writes, &a->goodput);
	return r ? r : herd__make(h, &a->timing, &a->herd);
}

void analysis__free(struct analysis *a)
{
	herd__free(&a->herd);
	availability__free(&a->availability);
	split__free(&a->worst, a->h->n_resources);
	split__free(&a->split, a->h->n_resources);
	writes__free(&a->writes);
	claims__free(a->claims, a->h->n_resources);
	timing__free(&a->timing);
}

/* ---- faults ---- */

static const struct history_fault_event *last_cleared(const struct history *h, int fault)
{
	for (size_t i = h->n_fault_events; i-- > 0;)
		if (h->fault_events[i].fault == fault && h->fault_events[i].event == FAULT_CLEARED)
			return &h->fault_events[i];
	return NULL;
}

static int64_t first_hit(const struct history *h, int fault)
{
	for (size_t i = 0; i < h->n_fault_events; i++)
		if (h->fault_events[i].fault == fault &&
		    h->fault_events[i].event == FAULT_FIRST_HIT)
			return h->fault_events[i].t_ns;
	return HISTORY_NONE;
}

static json_t *hits(const struct history_fault_event *e)
{
	json_t *o = json_object();

	for (size_t i = 0; i < HIT_COUNT; i++)
		json_object_set_new(o, history_hit_names[i],
				    e ? json_count(e->hits[i]) : json_null());
	return o;
}

static json_t *edge(const struct history *h, const struct history_edge_hits *e)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "from", history__node(h, e->edge.from),
			 "to", history__node(h, e->edge.to), "matched", json_count(e->matched),
			 "matched_bytes", json_count(e->matched_bytes), "dropped",
			 json_count(e->dropped), "first_hit_at_s", json_seconds(e->first_hit_ns),
			 "last_hit_at_s", json_seconds(e->last_hit_ns));
}

/* Of what was counted; before that, what was planned. */
static json_t *edges(const struct history *h, const struct history_fault *f,
		     const struct history_fault_event *e)
{
	json_t *a = json_array();

	for (size_t i = 0; e && i < e->n_edges; i++)
		json_array_append_new(a, edge(h, &e->edges[i]));
	for (size_t i = 0; !e && i < f->n_edges; i++)
		json_array_append_new(a, edge(h, &(struct history_edge_hits){
							 .edge = f->edges[i],
							 .matched = HISTORY_NONE,
							 .matched_bytes = HISTORY_NONE,
							 .dropped = HISTORY_NONE,
							 .first_hit_ns = HISTORY_NONE,
							 .last_hit_ns = HISTORY_NONE,
						 }));
	return a;
}

static json_t *strings(const struct history_names *names)
{
	json_t *a = json_array();

	for (size_t i = 0; i < names->n; i++)
		json_array_append_new(a, json_string(names->v[i]));
	return a;
}

static json_t *faults(const struct history *h)
{
	json_t *a = json_array();

	for (size_t i = 0; i < h->n_faults; i++) {
		const struct history_fault *f = &h->faults[i];
		const struct history_fault_event *e = last_cleared(h, (int)i);
		int64_t armed = f->n_happened ? f->happened[0].start_ns : HISTORY_NONE;

		json_array_append_new(
			a, json_pack("{s:s,s:o,s:o,s:o,s:o,s:s?,s:I,s:o,s:o}", "name", f->name,
				     "parts", strings(&f->parts), "armed_at_s", json_seconds(armed),
				     "first_hit_at_s", json_seconds(first_hit(h, (int)i)),
				     "cleared_at_s",
				     json_seconds(e && !f->standing ? e->t_ns : HISTORY_NONE),
				     "mechanism", f->mechanism, "occurrences",
				     (json_int_t)f->n_happened, "hits", hits(e), "edges",
				     edges(h, f, e)));
	}
	return a;
}

/* ---- split brain ---- */

/* A claim that a single sample shows is certain for no time: it stands at that sample. */
static json_t *claim(const struct history *h, const struct claim *c)
{
	int64_t start = c->inner.start_ns, end = c->inner.end_ns;

	if (end < start)
		start = end;
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:b}", "node", history__node(h, c->node),
			 "epoch", json_count(c->epoch), "from_s", json_seconds(start), "to_s",
			 json_seconds(end), "may_from_s", json_seconds(c->outer.start_ns),
			 "may_to_s", json_seconds(c->outer.end_ns), "ended",
			 c->end == CLAIM_DENIED || c->end == CLAIM_EPOCH);
}

static json_t *level_json(int level)
{
	char text[] = "L0";

	if (level < 0)
		return json_null();
	text[1] = (char)('0' + level);
	return json_string(text);
}

static json_t *windows(const struct history_window *w, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_pack("[o,o]", json_seconds(w[i].start_ns),
						   json_seconds(w[i].end_ns)));
	return a;
}

json_t *summary__split(const struct analysis *a, const struct split *s)
{
	const struct history *h = a->h;
	json_t *resources = json_array();

	for (size_t i = 0; i < h->n_resources; i++) {
		const struct split_resource *r = &s->v[i];
		json_t *claims = json_array();

		for (size_t k = 0; k < a->claims[i].n; k++)
			json_array_append_new(claims, claim(h, &a->claims[i].v[k]));
		json_array_append_new(
			resources,
			json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "resource",
				  h->resources[i].name, "system", h->resources[i].system, "level",
				  level_json(r->level), "claims", claims, "must_overlap_s",
				  json_seconds(r->must_ns), "may_overlap_s",
				  json_seconds(r->may_ns), "overlaps_s",
				  windows(r->must, r->n_must), "same_epoch",
				  r->same_epoch < 0 ? json_null() : json_boolean(r->same_epoch),
				  "outlived_heal_s", json_seconds(r->outlived_ns), "t_stepdown_s",
				  json_seconds(a->availability.stepdown[i]), "t_elect_s",
				  json_seconds(a->availability.elect[i])));
	}
	return json_pack("{s:o,s:o}", "level", level_json(s->level), "resources", resources);
}

/* ---- writes, reads ---- */

/* Of every side that has clients. */
static json_t *lost_by_side(const struct analysis *a)
{
	json_t *o = json_object();

	for (size_t w = 0; w < a->h->n_workloads; w++)
		for (size_t i = 0; i < a->h->workloads[w].nodes.n; i++) {
			int s = a->timing.side_of[a->h->workloads[w].nodes.v[i]];

			json_object_set_new(o, a->timing.side_names[s],
					    json_integer(a->writes.lost_by_side[s]));
		}
	return o;
}

static json_t *writes(const struct analysis *a)
{
	const struct writes *w = &a->writes;
	struct workload_writes sum = {.diverged = a->h->n_workloads ? 0 : -1};
	bool any = a->h->n_workloads > 0, final = w->has_final;
	int64_t none = HISTORY_NONE;

	for (size_t i = 0; i < a->h->n_workloads; i++) {
		const struct workload_writes *x = &w->workloads[i];

		sum.final += x->final;
		sum.lost += x->lost;
		sum.recovered += x->recovered;
		sum.unexpected += x->unexpected;
		/* one that differs settles it; else one that is not known leaves it open */
		if (x->diverged == 1 || (x->diverged < 0 && sum.diverged == 0))
			sum.diverged = x->diverged;
	}
	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "attempted",
		json_count(any ? w->attempted : none), "acked", json_count(any ? w->acked : none),
		"failed", json_count(any ? w->failed : none), "unknown",
		json_count(any ? w->unknown : none), "final", json_count(final ? sum.final : none),
		"lost", json_count(final ? sum.lost : none), "recovered",
		json_count(final ? sum.recovered : none), "unexpected",
		json_count(final && !history__has_holes(a->h) ? sum.unexpected : none), "diverged",
		sum.diverged < 0 ? json_null() : json_boolean(sum.diverged), "lost_window_s",
		final && sum.lost ? json_pack("[o,o]", json_seconds(w->lost_first_ns),
					      json_seconds(w->lost_last_ns))
				  : json_null(),
		"lost_by_side", final ? lost_by_side(a) : json_null());
}

static json_t *reads(const struct writes *w)
{
	return json_pack("{s:o,s:o,s:o}", "ok", json_count(w->reads ? w->reads_ok : HISTORY_NONE),
			 "stale", json_count(w->reads_set ? w->reads_stale : HISTORY_NONE),
			 "max_staleness_s", json_seconds(w->max_staleness_ns));
}

/* ---- the rest ---- */

static json_t *availability(const struct analysis *a)
{
	const struct availability *v = &a->availability;
	json_t *sides = json_array();
	int64_t longest = HISTORY_NONE;

	for (size_t s = 0; s < a->timing.n_sides; s++)
		if (v->side_gap[s] != HISTORY_NONE) {
			json_array_append_new(
				sides, json_pack("{s:s,s:o}", "side", a->timing.side_names[s],
						 "longest_gap_s", json_seconds(v->side_gap[s])));
			longest = v->side_gap[s] > longest ? v->side_gap[s] : longest;
		}
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "gap_s", json_seconds(longest),
			 "sides", sides, "t_stepdown_s", json_seconds(v->stepdown_ns), "t_elect_s",
			 json_seconds(v->elect_ns), "heal_tail_s", json_seconds(v->heal_tail_ns),
			 "old_claim_end_after_heal_s", json_seconds(v->old_end_after_heal_ns),
			 "first_ack_everywhere_s", json_seconds(v->first_ack_everywhere_ns),
			 "replicas_equal_s", json_seconds(v->replicas_equal_ns));
}

static json_t *ms(const struct quantiles *q, int64_t ns)
{
	return q->known ? json_real((double)ns / NS_PER_MS) : json_null();
}

static json_t *quantiles(const struct quantiles *q)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "p50", ms(q, q->p50), "p90", ms(q, q->p90), "p99",
			 ms(q, q->p99), "p999", ms(q, q->p999), "max", ms(q, q->max));
}

static json_t *json_ms(int64_t ns)
{
	return ns == HISTORY_NONE ? json_null() : json_real((double)ns / NS_PER_MS);
}

static json_t *recorder(const struct history *h)
{
	const struct history_end *e = &h->end;

	return json_pack(
		"{s:o,s:o,s:o,s:o,s:o}", "events",
		json_count(e->events == HISTORY_NONE ? (int64_t)h->n_events : e->events),
		"lost_events", json_count(e->lost_events), "probe_gaps",
		json_count(e->probe_gaps == HISTORY_NONE ? (int64_t)h->n_gaps : e->probe_gaps),
		"late_bins", json_count(e->late_bins), "unnamed_flows",
		json_count(e->unnamed_flows));
}

/* Null for what one machine recorded. */
static json_t *cluster(const struct history *h)
{
	json_t *nodes = json_array(), *missing = json_array();
	int64_t worst = 0;
	bool known = true;

	if (!h->n_hosts) {
		json_decref(nodes);
		json_decref(missing);
		return json_null();
	}
	for (size_t i = 0; i < h->n_hosts; i++) {
		const struct history_host *x = &h->hosts[i];
		const char *status = x->n_segments ? x->segments[x->n_segments - 1].status : NULL;

		known &= h->n_hosts < 2 || x->epsilon_ns != HISTORY_NONE;
		worst = x->error_ns > worst ? x->error_ns : worst;
		json_array_append_new(
			nodes,
			json_pack("{s:s,s:s?,s:s?,s:o,s:o,s:I,s:s?}", "node", x->name, "kernel",
				  x->kernel, "mechanism", x->mechanism, "clock_offset_ms",
				  json_ms(x->offset_ns), "clock_epsilon_ms", json_ms(x->epsilon_ns),
				  "segments", (json_int_t)x->n_segments, "status", status));
	}
	for (size_t i = 0; i < h->n_missing; i++)
		json_array_append_new(missing, json_pack("{s:s,s:s}", "node", h->missing[i].node,
							 "why", h->missing[i].why));
	return json_pack("{s:o,s:o,s:o}", "nodes", nodes, "missing", missing, "clock_epsilon_ms",
			 known ? json_ms(worst) : json_null());
}

json_t *summary__numbers(const struct analysis *a)
{
	const struct history *h = a->h;
	const struct goodput *g = &a->goodput;
	json_t *o = json_object();

	json_object_set_new(o, "verdict", json_null()); /* stands first; decided last */
	json_object_set_new(o, "name", json_string(h->name));
	json_object_set_new(o, "run_id", h->run_id ? json_string(h->run_id) : json_null());
	json_object_set_new(o, "status", json_string(h->end.status));
	json_object_set(o, "seed", h->seed);
	json_object_set_new(o, "kernel", h->kernel ? json_string(h->kernel) : json_null());
	json_object_set_new(o, "cluster", cluster(h));
	json_object_set_new(o, "duration_s", json_seconds(a->timing.end_ns));
	json_object_set_new(o, "findings", json_array());
	json_object_set_new(o, "expectations", json_array());
	json_object_set_new(o, "faults", faults(h));
	json_object_set_new(o, "split_brain", summary__split(a, &a->split));
	json_object_set_new(o, "writes", writes(a));
	json_object_set_new(o, "reads", reads(&a->writes));
	json_object_set_new(o, "checks", json_null()); /* of the whole run alone */
	json_object_set_new(o, "wire", json_null());   /* so are these */
	json_object_set_new(o, "availability", availability(a));
	json_object_set_new(o, "herd", herd__json(h, &a->herd));
	json_object_set_new(o, "traffic", traffic__json(h));
	json_object_set_new(o, "recovery",
			    json_pack("{s:o,s:o,s:o}", "time_s", json_seconds(g->recovery_ns),
				      "goodput_baseline_per_s", json_rate(g->baseline_per_s),
				      "goodput_after_per_s", json_rate(g->after_per_s)));
	json_object_set_new(o, "latency",
			    json_pack("{s:o,s:o,s:o}", "intended_ms", quantiles(&g->intended),
				      "service_ms", quantiles(&g->service), "lateness_ms",
				      quantiles(&g->lateness)));
	json_object_set_new(o, "recorder", recorder(h));
	return o;
}

json_t *analysis__summary(const struct history *h)
{
	_cleanup_(analysis__free) struct analysis a = {.h = h};
	json_t *o, *doubts = NULL, *findings = NULL;

	if (analysis__make(h, &a) < 0)
		return NULL;
	o = summary__numbers(&a);
	json_object_set_new(o, "checks", checks__json(h, a.claims));
	json_object_set_new(o, "wire", vrrp__json(h));
	if (verdict__decide(&a, o, &doubts) == 0)
		findings = findings__make(&a, doubts, json_object_get(o, "checks"));
	json_decref(doubts);
	if (!findings || json_object_set_new(o, "findings", findings) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}
