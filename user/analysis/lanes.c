// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanes.c: what report.html draws, as one JSON object. Times are integers of microseconds of run
 * time, or null; an array of bins has one integer for each of ceil((to - from) / bin) bins.
 *
 *   version 1, from_us, to_us
 *   run {name, description, run_id, seed (as text: JavaScript's integers end at 2^53), kernel,
 *        tool, mechanism, start (UTC), duration_us, status, reason, restored}
 *   phases [{phase, at_us}]
 *   faults [{name, parts [], mechanism, sides [[node]], dropped,
 *            windows [{from_us, to_us, applied, first_hit_us}]}]; not applied: as planned
 *   roles [...]: lanes_roles.c
 *   ops {...}, latency {...}, traffic {...}: lanes_bins.c
 *   groups [...]: lanes_groups.c; phase [...]: lanes_phase.c
 *   edges [{fault, from, to, matched, matched_bytes, dropped, first_hit_us, last_hit_us}]
 *   hosts {node: [the machines of a cluster that it was on, at most two]}
 *   notes [{at_us, level, text}]: notes, and nodes that ended; at most LANES_NOTES_MAX
 */
#include "analysis/lanes_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <inttypes.h>
#include <string.h>

static void points__flush(struct lanes_points *p)
{
	if (p->n)
		json_array_append_new(p->out,
				      json_pack("[o, I]", lanes__us(p->t_ns), (json_int_t)p->n));
	p->n = 0;
}

void lanes_points__add(struct lanes_points *p, int64_t t_ns, int64_t n)
{
	if (p->n && t_ns / p->quantum_ns == p->t_ns / p->quantum_ns) {
		p->n += n;
		return;
	}
	points__flush(p);
	p->t_ns = t_ns;
	p->n = n;
}

json_t *lanes_points__take(struct lanes_points *p)
{
	points__flush(p);
	return p->out;
}

json_t *lanes__us(int64_t ns)
{
	return ns == HISTORY_NONE ? json_null() : json_integer(ns / NS_PER_US);
}

static json_t *text(const char *s)
{
	return s ? json_string(s) : json_null();
}

/*
 * The run as planned, or as long as it was recorded: later if final reads took longer, earlier if
 * it was stopped.
 */
static void axis__init(struct lanes_axis *a, const struct history *h)
{
	int64_t bin = h->duration_ns / LANES_BINS;

	a->from_ns = 0;
	a->to_ns = h->last_ns > 0 ? h->last_ns : h->duration_ns;
	if (a->to_ns < NS_PER_MS)
		a->to_ns = NS_PER_MS;
	if (a->to_ns < h->duration_ns)
		bin = a->to_ns / LANES_BINS;
	if (bin < a->to_ns / LANES_BINS_MAX + 1)
		bin = a->to_ns / LANES_BINS_MAX + 1;
	if (bin < LANES_BIN_MIN_NS)
		bin = LANES_BIN_MIN_NS;
	bin += (NS_PER_MS - bin % NS_PER_MS) % NS_PER_MS;
	a->bin_ns = bin;
	a->n_bins = (size_t)((a->to_ns + bin - 1) / bin);
}

void axis__align(struct lanes_axis *a, int64_t unit_ns)
{
	int64_t n = (a->bin_ns + unit_ns - 1) / unit_ns;

	a->bin_ns = n * unit_ns;
	a->n_bins = (size_t)((a->to_ns - a->from_ns + a->bin_ns - 1) / a->bin_ns);
}

static json_t *run__lane(const struct history *h)
{
	_cleanup_free_ char *seed = h->seed ? json_dumps(h->seed, JSON_ENCODE_ANY) : NULL;
	char start[64] = "";
	time_t s = (time_t)(h->start_realtime_ns / NS_PER_S);
	struct tm tm;

	if (h->start_realtime_ns != HISTORY_NONE && gmtime_r(&s, &tm))
		strftime(start, sizeof(start), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "name",
		text(h->name), "description", text(h->description), "run_id", text(h->run_id),
		"seed", seed && !json_is_null(h->seed) ? json_string(seed) : json_null(), "kernel",
		text(h->kernel), "tool", text(h->tool), "mechanism", text(h->mechanism), "start",
		*start ? json_string(start) : json_null(), "duration_us", lanes__us(h->duration_ns),
		"status", h->end.status, "reason", text(h->end.reason), "restored",
		h->end.present ? json_boolean(h->end.restored) : json_null());
}

static json_t *names(const struct history *h, const struct history_nodes *nodes)
{
	json_t *a = json_array();

	for (size_t i = 0; i < nodes->n; i++)
		json_array_append_new(a, text(history__node(h, nodes->v[i])));
	return a;
}

struct drawn_window {
	struct history_window w;
	int64_t first_hit_ns;
	bool applied;
};

static json_t *drawn__json(const struct drawn_window *d)
{
	return json_pack("{s:o, s:o, s:b, s:o}", "from_us", lanes__us(d->w.start_ns), "to_us",
			 lanes__us(d->w.end_ns), "applied", d->applied, "first_hit_us",
			 lanes__us(d->first_hit_ns));
}

/* The first packet that fault @f hit in @w; @from, the event to begin at, moves on. */
static int64_t first_hit(const struct history *h, size_t f, const struct history_window *w,
			 size_t *from)
{
	for (; *from < h->n_fault_events; (*from)++) {
		const struct history_fault_event *e = &h->fault_events[*from];

		if (e->fault != (int)f || e->event != FAULT_FIRST_HIT || e->t_ns < w->start_ns)
			continue;
		return e->t_ns < w->end_ns ? e->t_ns : HISTORY_NONE;
	}
	return HISTORY_NONE;
}

/*
 * What happened, then what was planned and never armed. A fault may flap a hundred thousand times:
 * where there are more windows than can be seen, neighbours nearer than a point are drawn as one.
 */
static json_t *windows(const struct history *h, const struct lanes_axis *a, size_t f)
{
	const struct history_fault *fault = &h->faults[f];
	size_t n = fault->n_happened > fault->n_windows ? fault->n_happened : fault->n_windows;
	int64_t near = n > LANES_POINTS_MAX ? axis__quantum(a) : -1;
	struct drawn_window last = {.applied = false};
	json_t *out = json_array();
	size_t event = 0;

	for (size_t i = 0; i < n; i++) {
		struct drawn_window d = {.first_hit_ns = HISTORY_NONE};

		d.applied = history__window(h, f, i, &d.w);
		if (d.applied)
			d.first_hit_ns = first_hit(h, f, &d.w, &event);
		else
			d.w = fault->windows[i];
		if (i && d.applied == last.applied && d.w.start_ns - last.w.end_ns <= near) {
			last.w.end_ns = d.w.end_ns;
			continue;
		}
		if (i)
			json_array_append_new(out, drawn__json(&last));
		last = d;
	}
	if (n)
		json_array_append_new(out, drawn__json(&last));
	return out;
}

/* The last "cleared" of fault @f holds its totals. */
static const struct history_fault_event *totals(const struct history *h, size_t f)
{
	for (size_t i = h->n_fault_events; i-- > 0;)
		if (h->fault_events[i].fault == (int)f && h->fault_events[i].event == FAULT_CLEARED)
			return &h->fault_events[i];
	return NULL;
}

static json_t *faults(const struct history *h, const struct lanes_axis *a)
{
	json_t *out = json_array();

	for (size_t f = 0; f < h->n_faults; f++) {
		const struct history_fault *fault = &h->faults[f];
		const struct history_fault_event *t = totals(h, f);
		json_t *parts = json_array(), *sides = json_array();
		bool counted = t && t->hits[HIT_DROPPED] != HISTORY_NONE;

		for (size_t i = 0; i < fault->parts.n; i++)
			json_array_append_new(parts, text(fault->parts.v[i]));
		for (size_t i = 0; i < fault->n_sides; i++)
			json_array_append_new(sides, names(h, &fault->sides[i]));
		json_array_append_new(
			out, json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "name", fault->name,
				       "parts", parts, "mechanism", text(fault->mechanism), "sides",
				       sides, "dropped",
				       counted ? json_integer(t->hits[HIT_DROPPED]) : json_null(),
				       "windows", windows(h, a, f)));
	}
	return out;
}

static json_t *edges(const struct history *h)
{
	json_t *out = json_array();

	for (size_t f = 0; f < h->n_faults; f++) {
		const struct history_fault_event *t = totals(h, f);

		for (size_t i = 0; t && i < t->n_edges; i++) {
			const struct history_edge_hits *e = &t->edges[i];

			json_array_append_new(out,
					      json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:o}",
							"fault", h->faults[f].name, "from",
							history__node(h, e->edge.from), "to",
							history__node(h, e->edge.to), "matched",
							(json_int_t)e->matched, "matched_bytes",
							(json_int_t)e->matched_bytes, "dropped",
							(json_int_t)e->dropped, "first_hit_us",
							lanes__us(e->first_hit_ns), "last_hit_us",
							lanes__us(e->last_hit_ns)));
		}
	}
	return out;
}

static json_t *phases(const struct history *h)
{
	json_t *out = json_array();

	for (size_t i = 0; i < h->n_phases; i++)
		json_array_append_new(out, json_pack("{s:s, s:o}", "phase", h->phases[i].phase,
						     "at_us", lanes__us(h->phases[i].t_ns)));
	return out;
}

static json_t *note(int64_t t_ns, const char *level, const char *words)
{
	return json_pack("{s:o, s:s, s:s}", "at_us", lanes__us(t_ns), "level", level, "text",
			 words);
}

/* A node that ended while the run went on is news; that all end with it is not. */
static json_t *node_note(const struct history *h, const struct history_node_event *e)
{
	_cleanup_free_ char *s = NULL;

	if (asprintf(&s, "node %s: %s%s%s%s%s", history__node(h, e->node), e->event,
		     e->command ? ", " : "", e->command ? e->command : "",
		     e->status ? ", status " : "", e->status ? e->status : "") < 0) {
		s = NULL;
		return NULL;
	}
	return note(e->t_ns, "warning", s);
}

/* Notes and the ends of nodes, in the order of time. */
static json_t *notes(const struct history *h)
{
	json_t *out = json_array();
	size_t i = 0, j = 0, left = 0;

	while (i < h->n_notes || j < h->n_node_events) {
		json_t *line = NULL;

		if (i == h->n_notes ||
		    (j < h->n_node_events && h->node_events[j].t_ns < h->notes[i].t_ns)) {
			const struct history_node_event *e = &h->node_events[j++];

			if (strcmp(e->event, "exited") && strcmp(e->event, "gone"))
				continue;
			line = node_note(h, e);
		} else {
			const struct history_note *n = &h->notes[i++];

			line = note(n->t_ns, n->level, n->text);
		}
		if (json_array_size(out) < LANES_NOTES_MAX) {
			json_array_append_new(out, line);
		} else {
			json_decref(line);
			left++;
		}
	}
	if (left) {
		char words[80];

		snprintf(words, sizeof(words), "%zu more notes are in events.jsonl", left);
		json_array_append_new(out, note(h->last_ns, "info", words));
	}
	return out;
}

/* Of each node that was seen: the machine of the cluster that it was on, and another if it moved. */
static json_t *hosts(const struct history *h)
{
	struct two {
		int v[2]; /* from 1; 0: none */
	};
	_cleanup_free_ struct two *on = calloc(h->nodes.n + 1, sizeof(*on));
	json_t *out = json_object();

	for (size_t i = 0; on && h->n_hosts && i < h->n_roles + h->n_ops; i++) {
		const struct history_op *o = i < h->n_roles ? NULL : &h->ops[i - h->n_roles];
		int host = 1 + (o ? o->host : h->roles[i].host);
		int *two = on[o ? o->node : h->roles[i].node].v;

		if (!two[0])
			two[0] = host;
		else if (!two[1] && host != two[0])
			two[1] = host;
	}
	for (size_t i = 0; on && i < h->nodes.n; i++) {
		json_t *names = on[i].v[0] ? json_array() : NULL;

		for (size_t k = 0; names && k < 2 && on[i].v[k]; k++)
			json_array_append_new(names, json_string(h->hosts[on[i].v[k] - 1].name));
		if (names)
			json_object_set_new(out, history__node(h, (int)i), names);
	}
	return out;
}

json_t *analysis__lanes(const struct history *h, const json_t *summary)
{
	_cleanup_(analysis__free) struct analysis an = {.h = h};
	struct lanes_axis a, t;

	if (analysis__make(h, &an) < 0)
		return NULL;
	axis__init(&a, h);
	t = a;
	axis__align(&t, h->traffic_bin_ns);
	return json_pack(
		"{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"version", 1, "from_us", lanes__us(a.from_ns), "to_us", lanes__us(a.to_ns), "run",
		run__lane(h), "hosts", hosts(h), "phases", phases(h), "faults", faults(h, &a),
		"roles", lanes__roles(&an, &a), "ops", lanes__ops(&an, &a), "latency",
		lanes__latency(h, &a), "traffic", lanes__traffic(h, &t), "edges", edges(h), "notes",
		notes(h), "groups", lanes__groups(h, &a), "phase", lanes__phase(&an, summary));
}
