// SPDX-License-Identifier: GPL-2.0-only
/*
 * findings.c: the summary in sentences, most important first. What the numbers do not say is not
 * said.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

void findings__say(json_t *out, struct text *t)
{
	_cleanup_free_ char *s = NULL;

	if (!t->n) {
		free(t->v);
		return;
	}
	text__add(t, ".");
	s = text__take(t);
	if (s)
		json_array_append_new(out, json_words(s));
}

/* ---- how the run went ---- */

static void incomplete(const struct analysis *a, json_t *out)
{
	const struct history_end *e = &a->h->end;
	bool own = !strcmp(e->status, "failed") || !strcmp(e->status, "crashed");
	struct text t = {0};

	if (!strcmp(e->status, "complete"))
		return;
	text__add(&t, "The run %s%s", own ? "" : "was ", e->status);
	if (e->reason)
		text__add(&t, " (%s)", e->reason);
	text__add(&t, e->present ? " at " : ": the record ends at ");
	text__at(&t, e->present ? e->t_ns : a->h->last_ns);
	findings__say(out, &t);
}

/* Whose clock is not known is taken at its word. */
static void clocks(const struct history *h, json_t *out)
{
	size_t n = 0, told = 0;
	struct text t = {0};

	for (size_t i = 0; i < h->n_hosts; i++)
		n += h->hosts[i].epsilon_ns == HISTORY_NONE;
	if (h->n_hosts < 2 || !n)
		return;
	text__add(&t, "How far the %s of ", n == 1 ? "clock" : "clocks");
	for (size_t i = 0; i < h->n_hosts; i++)
		if (h->hosts[i].epsilon_ns == HISTORY_NONE && told++ < 3)
			text__add(&t, "%s%s", told > 1 ? ", " : "", h->hosts[i].name);
	if (n > 3)
		text__add(&t, " and %zu more", n - 3);
	text__add(&t, " may be off is not known: what is told of two nodes at once holds only if "
		      "they agreed");
	findings__say(out, &t);
}

static void hole(const struct history_host *x, size_t segment, json_t *out)
{
	struct text t = {0};

	text__add(&t, "%s recorded nothing between ", x->name);
	text__at(&t, x->segments[segment - 1].to_ns);
	text__add(&t, " and ");
	text__at(&t, x->segments[segment].from_ns);
	text__add(&t, ", and held no fault meanwhile");
	findings__say(out, &t);
}

#define HOLES_TOLD 3

/* Where an agent was killed and started again. */
static void holes(const struct history *h, json_t *out)
{
	struct text t = {0};
	size_t n = 0;

	for (size_t i = 0; i < h->n_hosts; i++)
		for (size_t k = 1; k < h->hosts[i].n_segments; k++)
			if (n++ < HOLES_TOLD)
				hole(&h->hosts[i], k, out);
	if (n > HOLES_TOLD)
		text__add(&t, "There are %zu more such holes, in the notes", n - HOLES_TOLD);
	findings__say(out, &t);
}

/* ---- writes ---- */

static int64_t sum_lost(const struct analysis *a)
{
	int64_t n = 0;

	for (size_t i = 0; i < a->h->n_workloads; i++)
		n += a->writes.workloads[i].lost;
	return n;
}

static void by_sides(const struct analysis *a, int64_t lost, struct text *t)
{
	bool first = true;

	for (size_t s = 0; s < a->timing.n_sides; s++) {
		int64_t n = a->writes.lost_by_side[s];

		if (!n)
			continue;
		if (n == lost) {
			text__add(t, ", all acknowledged by %s", a->timing.side_names[s]);
			return;
		}
		text__add(t, first ? ", acknowledged by " : ", ");
		text__add(t, "%s (", a->timing.side_names[s]);
		text__count(t, n);
		text__add(t, ")");
		first = false;
	}
}

static void lost_writes(const struct analysis *a, json_t *out)
{
	const struct writes *w = &a->writes;
	int64_t lost = sum_lost(a);
	struct text t = {0};

	if (!w->has_final || !lost)
		return;
	text__count(&t, lost);
	text__add(&t, " of ");
	text__several(&t, w->set_acked, "acknowledged write", "acknowledged writes");
	text__add(&t, " (%.1f %%) %s lost", 100.0 * (double)lost / (double)w->set_acked,
		  lost == 1 ? "was" : "were");
	by_sides(a, lost, &t);
	text__add(&t, lost == 1 ? " at " : " between ");
	text__at(&t, w->lost_first_ns);
	if (lost > 1) {
		text__add(&t, " and ");
		text__at(&t, w->lost_last_ns);
	}
	findings__say(out, &t);
}

static void kept_writes(const struct analysis *a, json_t *out)
{
	const struct writes *w = &a->writes;
	struct text t = {0};

	if (!a->h->n_workloads || !w->attempted)
		return;
	if (!w->acked) {
		text__add(&t, "Not one of ");
		text__several(&t, w->attempted, "write", "writes");
		text__add(&t, " was acknowledged");
	} else if (w->n_sets && !w->has_final) {
		text__add(&t, "Whether any of ");
		text__several(&t, w->set_acked, "acknowledged write", "acknowledged writes");
		text__add(&t, " was lost is unknown: there was no final read");
	} else if (w->set_acked && !sum_lost(a)) {
		text__add(&t, "No acknowledged write was lost: all ");
		text__count(&t, w->set_acked);
		text__add(&t, " are in the final reads");
	}
	findings__say(out, &t);
}

static void odd_writes(const struct analysis *a, json_t *out)
{
	const struct history *h = a->h;
	struct text t = {0}, u = {0};
	int64_t unexpected = 0;
	bool diverged = false;

	for (size_t i = 0; i < h->n_workloads; i++) {
		unexpected += a->writes.workloads[i].unexpected;
		diverged |= a->writes.workloads[i].diverged > 0;
	}
	if (diverged)
		text__add(&t, "The replicas still differed in their final reads");
	findings__say(out, &t);
	/* of a record with holes they are what is not in it */
	if (unexpected && !history__has_holes(h)) {
		text__several(&u, unexpected, "value", "values");
		text__add(&u, " that nobody wrote appeared in the final reads");
	}
	findings__say(out, &u);
}

/* Not a fault of the system: its clients could not know. */
static void recovered_writes(const struct analysis *a, json_t *out)
{
	struct text t = {0};
	int64_t n = 0;

	for (size_t i = 0; i < a->h->n_workloads; i++)
		n += a->writes.workloads[i].recovered;
	if (n) {
		text__several(&t, n, "write", "writes");
		text__add(&t, " took effect though %s client never heard so",
			  n == 1 ? "its" : "their");
	}
	findings__say(out, &t);
}

static void stale_reads(const struct analysis *a, json_t *out)
{
	const struct writes *w = &a->writes;
	struct text t = {0};

	if (w->reads_stale) {
		text__count(&t, w->reads_stale);
		text__add(&t, " of ");
		text__several(&t, w->reads_set, "read", "reads");
		text__add(&t, " missed a write acknowledged before, by up to ");
		text__seconds(&t, w->max_staleness_ns);
	}
	findings__say(out, &t);
}

/*
 * Acknowledgements by the clients of each minority, of writes begun and acknowledged within the
 * cut.
 */
static void minority(const struct analysis *a, json_t *out)
{
	const struct history *h = a->h;
	const struct timing *p = &a->timing;
	_cleanup_free_ int64_t *acks = calloc(p->n_sides + 1, sizeof(*acks));
	bool any = false, clients = false;
	size_t nodes = 0;

	for (size_t s = 0; s < p->n_sides; s++)
		nodes += p->side_size[s];
	if (!acks || !p->partitioned || p->n_cut != 1 || !a->writes.acked)
		return;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (2 * p->side_size[p->side_of[o->node]] >= nodes)
			continue;
		clients = true;
		acks[p->side_of[o->node]] += o->kind == OP_ADD && o->outcome == OP_OK &&
					     o->invoke_ns >= p->cut_ns &&
					     o->return_ns <= p->cut[0].end_ns;
	}
	for (size_t s = 0; s < p->n_sides; s++) {
		struct text t = {0};

		if (!acks[s])
			continue;
		any = true;
		text__add(&t, "%s, a minority, acknowledged ", p->side_names[s]);
		text__several(&t, acks[s], "write", "writes");
		text__add(&t, " during the cut");
		findings__say(out, &t);
	}
	if (clients && !any) {
		struct text t = {0};

		text__add(&t, "No minority acknowledged a write during the cut");
		findings__say(out, &t);
	}
}

/* ---- checks ---- */

/* Sets have sentences of their own above. */
static void checked(const json_t *checks, const char *verdict, json_t *out)
{
	const json_t *c;
	size_t i;

	json_array_foreach(checks, i, c) {
		const char *name = json_string_value(json_object_get(c, "name"));
		const char *check = json_string_value(json_object_get(c, "check"));
		const char *words = json_string_value(json_object_get(c, "words"));
		json_int_t n = json_integer_value(json_object_get(c, "violations"));
		const char *is = json_string_value(json_object_get(c, "verdict"));
		struct text t = {0};

		if (!name || !check || !is || strcmp(is, verdict) || !strcmp(check, "set"))
			continue;
		if (!strcmp(is, "pass"))
			text__add(&t, "Check %s holds: %s", name, words ? words : "");
		else if (n > 0)
			text__add(&t, "Check %s fails (%lld %s): %s", name, (long long)n,
				  n == 1 ? "violation" : "violations", words ? words : "");
		else
			text__add(&t, "Whether check %s holds is unknown: %s", name,
				  words ? words : "");
		findings__say(out, &t);
	}
}

/* ---- clients ---- */

static void unavailability(const struct analysis *a, json_t *out)
{
	const struct timing *p = &a->timing;
	_cleanup_free_ bool *served = calloc(p->n_sides + 1, sizeof(*served));
	struct text t = {0};
	bool said = false;
	size_t told = 0;

	if (!served || !(a->writes.acked + a->writes.requests_ok))
		return;
	for (size_t i = 0; i < a->h->n_ops; i++)
		if (a->h->ops[i].kind != OP_READ && a->h->ops[i].outcome == OP_OK)
			served[p->side_of[a->h->ops[i].node]] = true;
	for (size_t s = 0; s < p->n_sides && told < 6; s++) {
		if (a->availability.side_gap[s] == HISTORY_NONE)
			continue;
		text__add(&t, "%s%s ", told++ ? ", those at " : "Clients at ", p->side_names[s]);
		if (!served[s]) {
			text__add(&t, "never had an acknowledgement");
			continue;
		}
		text__add(&t, said ? "for " : "went without an acknowledgement for ");
		text__seconds(&t, a->availability.side_gap[s]);
		said = true;
	}
	findings__say(out, &t);
}

/* @after_per_s is the mean of the last fifth: of goodput that had come back, less than half of it is no scatter. */
static void recovery(const struct analysis *a, json_t *out)
{
	const struct goodput *g = &a->goodput;
	const struct timing *p = &a->timing;
	struct text t = {0};

	if (g->baseline_per_s <= 0 || p->last_clear_ns == HISTORY_NONE || g->after_per_s < 0)
		return;
	if (g->recovery_ns == 0) {
		text__add(&t, "Goodput was at its baseline of %s/s from the heal on",
			  text__rate(g->baseline_per_s).v);
	} else if (g->recovery_ns != HISTORY_NONE) {
		text__add(&t, "Goodput was back at its baseline of %s/s ",
			  text__rate(g->baseline_per_s).v);
		text__seconds(&t, g->recovery_ns);
		text__add(&t, " after the heal");
	} else if (g->after_per_s < 0.9 * g->baseline_per_s) {
		text__add(&t, "Goodput did not come back: %s/s at the end, %s/s before the fault",
			  text__rate(g->after_per_s).v, text__rate(g->baseline_per_s).v);
	}
	if (g->recovery_ns != HISTORY_NONE && g->after_per_s < 0.5 * g->baseline_per_s)
		text__add(&t, ", but it was %s/s at the end", text__rate(g->after_per_s).v);
	findings__say(out, &t);
}

/* ---- what it rests on ---- */

/* "Fault slow delayed 120 packets, dropped 3", the larger numbers first where they are told. */
static void effects(const struct history *h, const struct history_fault_event *e, struct text *t)
{
	static const enum history_hit order[] = {
		HIT_DROPPED,   HIT_DELAYED, HIT_SHAPED,	  HIT_REORDERED, HIT_DUPLICATED,
		HIT_CORRUPTED, HIT_RESET,   HIT_REJECTED, HIT_MARKED,
	};
	bool first = true;

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (e->hits[order[i]] <= 0)
			continue;
		if (first)
			text__add(t, "Fault %s %s ", h->faults[e->fault].name,
				  history_hit_names[order[i]]);
		else
			text__add(t, ", %s ", history_hit_names[order[i]]);
		text__several(t, e->hits[order[i]], "packet", "packets");
		first = false;
	}
	if (e->hits[HIT_OVERFLOWED] > 0)
		text__add(t, " (%lld of the dropped for a full queue)",
			  (long long)e->hits[HIT_OVERFLOWED]);
}

static void faults(const struct analysis *a, json_t *out)
{
	const struct history *h = a->h;
	_cleanup_free_ bool *told = calloc(h->n_faults + 1, sizeof(*told));

	/* what a fault did is said when it is cleared, of the whole run: so the last time counts */
	for (size_t i = h->n_fault_events; told && i-- > 0;) {
		const struct history_fault_event *e = &h->fault_events[i];
		struct text t = {0};

		if (e->event != FAULT_CLEARED || told[e->fault])
			continue;
		told[e->fault] = true;
		effects(h, e, &t);
		findings__say(out, &t);
	}
}

static void why_unknown(const json_t *doubts, json_t *out)
{
	const json_t *s;
	size_t i;

	json_array_foreach(doubts, i, s) {
		struct text t = {0};

		text__add(&t, "Unknown, because %s", json_string_value(s));
		findings__say(out, &t);
	}
}

json_t *findings__make(const struct analysis *a, const json_t *doubts, const json_t *checks)
{
	const struct history *h = a->h;
	json_t *out = json_array();

	if (!out)
		return NULL;
	incomplete(a, out);
	holes(h, out);
	clocks(h, out);
	for (size_t r = 0; r < h->n_resources; r++)
		findings__split(a, r, out);
	findings__wire(a, out);
	for (size_t r = 0; r < h->n_resources; r++)
		findings__epochs(a, r, out);
	lost_writes(a, out);
	odd_writes(a, out);
	checked(checks, "fail", out);
	checked(checks, "unknown", out);
	stale_reads(a, out);
	findings__herd(h, &a->herd, out);
	why_unknown(doubts, out);
	for (size_t r = 0; r < h->n_resources; r++)
		findings__no_split(a, r, out);
	kept_writes(a, out);
	checked(checks, "pass", out);
	minority(a, out);
	for (size_t r = 0; r < h->n_resources; r++) {
		findings__succession(a, r, out);
	}
	unavailability(a, out);
	recovered_writes(a, out);
	recovery(a, out);
	faults(a, out);
	return out;
}
