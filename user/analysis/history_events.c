// SPDX-License-Identifier: GPL-2.0-only
/* history_events.c: every type of event but "run", into its array. */
#include "analysis/history_reader.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *const history_hit_names[HIT_COUNT] = {
	"dropped", "delayed", "reordered", "duplicated", "corrupted",
	"shaped",  "reset",   "rejected",  "marked",	 "overflowed",
};

static const char *const role_names[] = {
	[ROLE_NONE] = "none",	  [ROLE_FOLLOWER] = "follower", [ROLE_CANDIDATE] = "candidate",
	[ROLE_LEADER] = "leader", [ROLE_ERROR] = "error",
};

const char *role__name(enum role r)
{
	return role_names[r];
}

static int phase(struct reader *rd, const json_t *o)
{
	struct history_phase *p = ADD(rd, phases);
	int r;

	if (!p)
		return -ENOMEM;
	p->t_ns = rd->t_ns;
	r = line__string(rd, o, "phase", REQUIRED, &p->phase);
	rd->h->n_phases += !r;
	return r;
}

static int node(struct reader *rd, const json_t *o)
{
	struct history_node_event *e = ADD(rd, node_events);
	int r;

	if (!e)
		return -ENOMEM;
	e->t_ns = rd->t_ns;
	r = line__name(rd, &rd->nodes, o, "node", &e->node);
	r = r ? r : line__string(rd, o, "event", REQUIRED, &e->event);
	r = r ? r : line__string(rd, o, "command", OPTIONAL, &e->command);
	r = r ? r : line__string(rd, o, "status", OPTIONAL, &e->status);
	rd->h->n_node_events += !r;
	return r;
}

static int edge_hits(struct reader *rd, const json_t *o, struct history_edge_hits *ret)
{
	int r;

	if (!json_is_object(o))
		return line__bad(rd, "`edges`: expected objects");
	r = line__end(rd, json_object_get(o, "from"), &ret->edge.from);
	r = r ? r : line__end(rd, json_object_get(o, "to"), &ret->edge.to);
	r = r ? r : line__count(rd, o, "matched", OPTIONAL, &ret->matched);
	r = r ? r : line__count(rd, o, "matched_bytes", OPTIONAL, &ret->matched_bytes);
	r = r ? r : line__count(rd, o, "dropped", OPTIONAL, &ret->dropped);
	r = r ? r : line__time(rd, o, "first_hit_ns", OPTIONAL, &ret->first_hit_ns);
	r = r ? r : line__time(rd, o, "last_hit_ns", OPTIONAL, &ret->last_hit_ns);
	return r;
}

static int cleared(struct reader *rd, const json_t *o, struct history_fault_event *e)
{
	const json_t *hits = json_object_get(o, "hits"), *edges = NULL, *x;
	size_t i;
	int r;

	if (hits && !json_is_object(hits) && !json_is_null(hits))
		return line__bad(rd, "`hits`: expected an object");
	for (i = 0; i < HIT_COUNT; i++) {
		r = line__count(rd, hits, history_hit_names[i], OPTIONAL, &e->hits[i]);
		if (r)
			return r;
	}
	r = line__array(rd, o, "edges", OPTIONAL, &edges);
	if (r || !edges)
		return r;
	e->edges = calloc(json_array_size(edges) + 1, sizeof(*e->edges));
	if (!e->edges)
		return -ENOMEM;
	json_array_foreach(edges, i, x) {
		r = edge_hits(rd, x, &e->edges[i]);
		if (r)
			return r;
		e->n_edges++;
	}
	return 0;
}

static int fault(struct reader *rd, const json_t *o)
{
	static const char *const events[] = {
		[FAULT_ARMED] = "armed",
		[FAULT_FIRST_HIT] = "first_hit",
		[FAULT_CLEARED] = "cleared",
	};
	struct history_fault_event *e = ADD(rd, fault_events);
	int r, kind = 0;

	if (!e)
		return -ENOMEM;
	e->t_ns = rd->t_ns;
	for (size_t i = 0; i < HIT_COUNT; i++)
		e->hits[i] = HISTORY_NONE;
	r = line__name(rd, &rd->faults, o, "fault", &e->fault);
	r = r ? r : line__count(rd, o, "occurrence", REQUIRED, &e->occurrence);
	r = r ? r : line__word(rd, o, "event", events, ARRAY_SIZE(events), &kind);
	e->event = (enum fault_event)kind;
	if (!r && e->event == FAULT_CLEARED)
		r = cleared(rd, o, e);
	if (r)
		free(e->edges);
	rd->h->n_fault_events += !r;
	return r;
}

static int role(struct reader *rd, const json_t *o)
{
	struct history_role *x = ADD(rd, roles);
	int r, kind = 0;

	if (!x)
		return -ENOMEM;
	r = line__name(rd, &rd->resources, o, "resource", &x->resource);
	r = r ? r : line__name(rd, &rd->nodes, o, "node", &x->node);
	r = r ? r : line__host(rd, o, &x->host);
	r = r ? r : line__word(rd, o, "role", role_names, ARRAY_SIZE(role_names), &kind);
	x->role = (enum role)kind;
	r = r ? r : line__time(rd, o, "send_ns", REQUIRED, &x->send_ns);
	r = r ? r : line__time(rd, o, "recv_ns", REQUIRED, &x->recv_ns);
	r = r ? r : line__bool(rd, o, "claim", OPTIONAL, &x->claim);
	r = r ? r : line__int(rd, o, "epoch", OPTIONAL, INT64_MIN + 1, INT64_MAX, &x->epoch);
	r = r ? r : line__string(rd, o, "leader", OPTIONAL, &x->leader);
	r = r ? r : line__string(rd, o, "error", OPTIONAL, &x->error);
	if (!r && x->recv_ns < x->send_ns)
		r = line__bad(rd, "`recv_ns` is before `send_ns`");
	if (x->role == ROLE_ERROR)
		x->claim = false;
	rd->h->n_roles += !r;
	return r;
}

/* What has a value whatever comes of it. */
static bool has_value(enum op_verb v)
{
	return v == VERB_ADD || v == VERB_WRITE || v == VERB_CAS || v == VERB_PUSH ||
	       v == VERB_ACQUIRE || v == VERB_RELEASE || v == VERB_USE;
}

/* Which of them each check has: a register has no pushes. */
static bool belongs(const struct history_workload *w, enum op_verb v)
{
	static const struct {
		const char *check;
		unsigned int verbs;
	} has[] = {
		{"set", 1u << VERB_ADD | 1u << VERB_READ},
		{"register", 1u << VERB_WRITE | 1u << VERB_READ},
		{"cas", 1u << VERB_CAS | 1u << VERB_WRITE | 1u << VERB_READ},
		{"counter", 1u << VERB_INC | 1u << VERB_READ},
		{"queue", 1u << VERB_PUSH | 1u << VERB_POP},
		{"lock", 1u << VERB_ACQUIRE | 1u << VERB_RELEASE | 1u << VERB_USE},
		{"none", 1u << VERB_REQUEST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(has); i++)
		if (!strcmp(w->check, has[i].check))
			return has[i].verbs >> v & 1;
	/* of another version: as it was */
	return v == VERB_ADD || v == VERB_READ;
}

static int op_what(struct reader *rd, const json_t *o, struct history_op *x)
{
	static const char *const verbs[VERB_COUNT] = {
		[VERB_ADD] = "add",	    [VERB_READ] = "read",	[VERB_WRITE] = "write",
		[VERB_CAS] = "cas",	    [VERB_INC] = "inc",		[VERB_PUSH] = "push",
		[VERB_POP] = "pop",	    [VERB_ACQUIRE] = "acquire", [VERB_RELEASE] = "release",
		[VERB_REQUEST] = "request",  [VERB_USE] = "use",
	};
	static const char *const more[VERB_COUNT] = {[VERB_CAS] = "expect", [VERB_USE] = "place"};
	int verb = 0, r = line__word(rd, o, "op", verbs, ARRAY_SIZE(verbs), &verb);

	x->verb = (enum op_verb)verb;
	x->kind = x->verb == VERB_READ ? OP_READ : x->verb == VERB_REQUEST ? OP_REQUEST : OP_ADD;
	if (!r && !belongs(&rd->h->workloads[x->workload], x->verb))
		r = line__bad(rd, "`op`: a %s has no %s", rd->h->workloads[x->workload].check,
			      verbs[verb]);
	r = r ? r
	      : line__int(rd, o, "value", has_value(x->verb) ? REQUIRED : OPTIONAL, -HISTORY_N_MAX,
			  HISTORY_N_MAX, &x->value);
	r = r ? r
	      : line__int(rd, o, more[x->verb] ? more[x->verb] : "token", OPTIONAL, -HISTORY_N_MAX,
			  HISTORY_N_MAX, &x->more);
	return r ? r : line__int(rd, o, "lease_ns", OPTIONAL, 0, HISTORY_T_MAX / 2, &x->lease_ns);
}

static int op(struct reader *rd, const json_t *o)
{
	static const char *const outcomes[] = {
		[OP_OK] = "ok", [OP_FAIL] = "fail", [OP_UNKNOWN] = "unknown"};
	struct history_op *x = ADD(rd, ops);
	int64_t client = 0;
	int r, outcome = 0;

	if (!x)
		return -ENOMEM;
	r = line__name(rd, &rd->workloads, o, "workload", &x->workload);
	r = r ? r : line__int(rd, o, "client", REQUIRED, 0, INT_MAX, &client);
	r = r ? r : line__name(rd, &rd->nodes, o, "node", &x->node);
	r = r ? r : line__host(rd, o, &x->host);
	r = r ? r : line__word(rd, o, "outcome", outcomes, ARRAY_SIZE(outcomes), &outcome);
	x->client = (int)client;
	x->outcome = (enum op_outcome)outcome;
	r = r ? r : op_what(rd, o, x);
	r = r ? r : line__time(rd, o, "intended_ns", REQUIRED, &x->intended_ns);
	r = r ? r : line__time(rd, o, "invoke_ns", OPTIONAL, &x->invoke_ns);
	r = r ? r : line__time(rd, o, "return_ns", OPTIONAL, &x->return_ns);
	r = r ? r : line__bool(rd, o, "found", OPTIONAL, &x->found);
	r = r ? r : line__string(rd, o, "error", OPTIONAL, &x->error);
	if (x->return_ns == HISTORY_NONE)
		x->return_ns = rd->t_ns;
	if (!r && x->invoke_ns != HISTORY_NONE && x->return_ns < x->invoke_ns)
		r = line__bad(rd, "it returned before it was invoked");
	if (!r && x->outcome == OP_OK && x->invoke_ns == HISTORY_NONE)
		r = line__bad(rd, "it succeeded without having been sent");
	r = r ? r : intents__attempt(rd, o, x);
	rd->h->n_ops += !r;
	return r;
}

static int by_first(const void *a, const void *b)
{
	const struct history_run *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* Sorted and disjoint, neighbours joined. */
static void merge_runs(struct history_final *f)
{
	size_t n = 0;

	qsort(f->runs, f->n_runs, sizeof(*f->runs), by_first);
	for (size_t i = 0; i < f->n_runs; i++) {
		struct history_run *last = n ? &f->runs[n - 1] : NULL, x = f->runs[i];

		if (!last || x.first > last->last + 1)
			f->runs[n++] = x;
		else if (x.last > last->last)
			last->last = x.last;
	}
	f->n_runs = n;
}

static int runs(struct reader *rd, const json_t *o, struct history_final *f)
{
	const json_t *a = NULL, *x;
	int r = line__array(rd, o, "values", f->ok ? REQUIRED : OPTIONAL, &a);
	size_t i;

	if (r)
		return r;
	f->runs = calloc(json_array_size(a) + 1, sizeof(*f->runs));
	if (!f->runs)
		return -ENOMEM;
	json_array_foreach(a, i, x) {
		const json_t *p = json_array_get(x, 0), *q = json_array_get(x, 1);
		json_int_t first = json_integer_value(p), last = json_integer_value(q);

		if (json_array_size(x) != 2 || !json_is_integer(p) || !json_is_integer(q) ||
		    first > last || first < -HISTORY_N_MAX || last > HISTORY_N_MAX)
			return line__bad(rd, "`values`[%zu]: expected [first, last]", i);
		f->runs[f->n_runs++] = (struct history_run){first, last};
	}
	merge_runs(f);
	return 0;
}

static int final(struct reader *rd, const json_t *o)
{
	struct history_final *f = ADD(rd, finals);
	int r;

	if (!f)
		return -ENOMEM;
	f->t_ns = rd->t_ns;
	r = line__name(rd, &rd->workloads, o, "workload", &f->workload);
	r = r ? r : line__name(rd, &rd->nodes, o, "node", &f->node);
	r = r ? r : line__bool(rd, o, "ok", REQUIRED, &f->ok);
	r = r ? r : line__count(rd, o, "attempt", OPTIONAL, &f->attempt);
	r = r ? r : line__string(rd, o, "error", OPTIONAL, &f->error);
	r = r ? r : runs(rd, o, f);
	if (f->attempt == HISTORY_NONE)
		f->attempt = 0;
	if (r)
		free(f->runs);
	rd->h->n_finals += !r;
	return r;
}

static int traffic(struct reader *rd, const json_t *o)
{
	struct history_traffic *x = ADD(rd, traffic);
	int r;

	if (!x)
		return -ENOMEM;
	struct {
		const char *key;
		int64_t *at;
	} counts[] = {
		{"rx_packets", &x->rx_packets}, {"rx_bytes", &x->rx_bytes},
		{"tx_packets", &x->tx_packets}, {"tx_bytes", &x->tx_bytes},
		{"rx_syn", &x->rx_syn},		{"tx_syn", &x->tx_syn},
		{"rx_rst", &x->rx_rst},		{"tx_rst", &x->tx_rst},
		{"dropped", &x->dropped},
	};

	x->t_ns = rd->t_ns;
	r = line__name(rd, &rd->nodes, o, "node", &x->node);
	r = r ? r : line__int(rd, o, "bin_ns", REQUIRED, 0, HISTORY_T_MAX, &x->bin_ns);
	for (size_t i = 0; !r && i < ARRAY_SIZE(counts); i++)
		r = line__count(rd, o, counts[i].key, REQUIRED, counts[i].at);
	rd->h->n_traffic += !r;
	return r;
}

static int probe_gap(struct reader *rd, const json_t *o)
{
	struct history_gap *g = ADD(rd, gaps);
	int r;

	if (!g)
		return -ENOMEM;
	r = line__name(rd, &rd->resources, o, "resource", &g->resource);
	r = r ? r : line__name(rd, &rd->nodes, o, "node", &g->node);
	r = r ? r : line__time(rd, o, "from_ns", REQUIRED, &g->from_ns);
	r = r ? r : line__time(rd, o, "to_ns", REQUIRED, &g->to_ns);
	if (!r && g->to_ns < g->from_ns)
		r = line__bad(rd, "`to_ns` is before `from_ns`");
	rd->h->n_gaps += !r;
	return r;
}

/* How late the clients of a workload were; those of all workloads are added up. */
static int load(struct reader *rd, const json_t *o)
{
	const json_t *counts = NULL;
	struct hist h = {0};
	int workload, r = line__name(rd, &rd->workloads, o, "workload", &workload);

	r = r ? r : line__array(rd, o, "lateness_counts", OPTIONAL, &counts);
	for (size_t i = 0; !r && i + 1 < json_array_size(counts); i += 2) {
		const json_t *bucket = json_array_get(counts, i),
			     *count = json_array_get(counts, i + 1);
		json_int_t b = json_integer_value(bucket), n = json_integer_value(count);

		if (!json_is_integer(bucket) || !json_is_integer(count) || b < 0 ||
		    b >= HIST_BUCKETS || n < 0 || n > HISTORY_N_MAX)
			return line__bad(rd, "`lateness_counts`[%zu]: no bucket and its count", i);
		hist__add_many(&h, hist__bucket_low((size_t)b) + hist__bucket_width((size_t)b) / 2,
			       (uint64_t)n);
	}
	if (r || !h.n)
		return r;
	if (!rd->h->lateness)
		rd->h->lateness = calloc(1, sizeof(*rd->h->lateness));
	if (!rd->h->lateness)
		return -ENOMEM;
	hist__merge(rd->h->lateness, &h);
	return 0;
}

static int note(struct reader *rd, const json_t *o)
{
	struct history_note *x = ADD(rd, notes);
	bool guard = !strcmp(rd->type, "guard");
	int r = 0;

	if (!x)
		return -ENOMEM;
	x->t_ns = rd->t_ns;
	x->level = "error";
	if (!guard)
		r = line__string(rd, o, "level", REQUIRED, &x->level);
	r = r ? r : line__string(rd, o, "text", REQUIRED, &x->text);
	rd->h->n_notes += !r;
	return r;
}

/* A change of role is a pair of samples, which are there too: only its form is looked at. */
static int role_change(struct reader *rd, const json_t *o)
{
	int node_i, resource_i;
	int r = line__name(rd, &rd->resources, o, "resource", &resource_i);

	return r ? r : line__name(rd, &rd->nodes, o, "node", &node_i);
}

static int end(struct reader *rd, const json_t *o)
{
	struct history_end *e = &rd->h->end;
	const json_t *rec = json_object_get(o, "recorder");
	int r = line__string(rd, o, "status", REQUIRED, &e->status);

	r = r ? r : line__string(rd, o, "reason", OPTIONAL, &e->reason);
	r = r ? r : line__bool(rd, o, "restored", OPTIONAL, &e->restored);
	if (!r && rec && !json_is_object(rec) && !json_is_null(rec))
		r = line__bad(rd, "`recorder`: expected an object");
	r = r ? r : line__count(rd, rec, "events", OPTIONAL, &e->events);
	r = r ? r : line__count(rd, rec, "lost_events", OPTIONAL, &e->lost_events);
	r = r ? r : line__count(rd, rec, "probe_gaps", OPTIONAL, &e->probe_gaps);
	r = r ? r : line__count(rd, rec, "late_bins", OPTIONAL, &e->late_bins);
	r = r ? r : line__count(rd, rec, "unnamed_flows", OPTIONAL, &e->unnamed_flows);
	e->present = !r;
	e->t_ns = rd->t_ns;
	return r;
}

/* Who came and went is for people who read the record; nothing is reckoned from it. */
static int member(struct reader *rd, const json_t *o)
{
	static const char *const events[] = {"joined", "left"};
	int r, node_i, event;

	r = line__name(rd, &rd->nodes, o, "endpoint", &node_i);
	return r ? r : line__word(rd, o, "event", events, ARRAY_SIZE(events), &event);
}

static const struct {
	const char *type;
	int (*read)(struct reader *rd, const json_t *o);
} types[] = {
	/* the most frequent first */
	{"op", op},
	{"role", role},
	{"bins", line__bins},
	{"traffic", traffic},
	{"listen", line__listen},
	{"role_change", role_change},
	{"fault", fault},
	{"phase", phase},
	{"node", node},
	{"final", final},
	{"probe_gap", probe_gap},
	{"vrrp_sender", line__vrrp_sender},
	{"garp", line__garp},
	{"drops", line__drops},
	{"resets", line__resets},
	{"note", note},
	{"member", member},
	{"place", line__place},
	{"load", load},
	{"guard", note},
	{"end", end},
};

int line__event(struct reader *rd, const json_t *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(rd->type, types[i].type))
			return types[i].read(rd, o);
	return line__bad(rd, "no such event");
}
