// SPDX-License-Identifier: GPL-2.0-only
/* findings.c: the summary in sentences, most important first. What the numbers do not say is not said. */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* Less is the heal's own business: packets on their way, the sample at hand. */
#define OUTLIVED_NS (50 * NS_PER_MS)

/* A leaderless time shorter than this is within what sampling can tell. */
#define LEADERLESS_NS (500 * NS_PER_MS)

static void finish(json_t *out, struct text *t)
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

static void seconds(struct text *t, int64_t ns)
{
	double s = (double)ns / NS_PER_S;

	/* 22.4 s, 0.48 s, 7 ms */
	if (ns < 100 * NS_PER_MS && ns > -100 * NS_PER_MS && ns)
		text__add(t, "%.3g ms", s * 1000);
	else
		text__add(t, s < 1 && s > -1 && ns ? "%.2f s" : "%.1f s", s);
}

/* "+10.1 s" of run time. */
static void at(struct text *t, int64_t ns)
{
	text__add(t, "%+.1f s", (double)ns / NS_PER_S);
}

static void several(struct text *t, int64_t n, const char *one, const char *many)
{
	text__count(t, n);
	text__add(t, " %s", n == 1 ? one : many);
}

static void node_list(struct text *t, const struct history *h, const int *v, size_t n)
{
	size_t shown = n > 6 ? 5 : n;

	for (size_t i = 0; i < shown; i++)
		text__add(t, "%s%s", !i ? "" : i + 1 == n ? " and " : ", ", history__node(h, v[i]));
	if (shown < n)
		text__add(t, " and %zu more", n - shown);
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
	at(&t, e->present ? e->t_ns : a->h->last_ns);
	finish(out, &t);
}

/* ---- split brain ---- */

static bool has_workload(const struct history *h, size_t r)
{
	for (size_t w = 0; w < h->n_workloads; w++)
		if (writes__about(h, w, r))
			return true;
	return false;
}

/* Two leaders of whom one serves nothing are no split brain: L1 is told in other words. */
static void split_brain(const struct analysis *a, size_t r, json_t *out)
{
	const struct split_resource *s = &a->split.v[r];
	const char *name = a->h->resources[r].name;
	struct text t = {0};

	if (s->level < 0 || !s->must_ns)
		return;
	text__add(&t, s->level > 1 ? "Split brain (L%d): " : "Overlapping claims (L%d): ", s->level);
	node_list(&t, a->h, s->nodes, s->n_nodes);
	text__add(&t, " %sclaimed %s for ", s->n_nodes == 2 ? "both " : "", name);
	seconds(&t, s->must_ns);
	text__add(&t, " (certain), ");
	seconds(&t, s->may_ns);
	text__add(&t, " (possible)");
	if (s->same_epoch > 0)
		text__add(&t, "; in one epoch, which its protocol forbids");
	if (s->outlived_ns != HISTORY_NONE && s->outlived_ns >= OUTLIVED_NS) {
		text__add(&t, "; it outlived the heal by ");
		seconds(&t, s->outlived_ns);
	}
	if (s->level == 1 && has_workload(a->h, r))
		text__add(&t, "; they did not both serve writes");
	finish(out, &t);
}

static void no_split_brain(const struct analysis *a, size_t r, json_t *out)
{
	const struct split_resource *s = &a->split.v[r];
	struct text t = {0};

	if (s->level < 0 || s->must_ns || a->h->resources[r].nodes.n < 2)
		return;
	text__add(&t, "No split brain: at no time did two nodes certainly claim %s",
		  a->h->resources[r].name);
	if (s->may_ns) {
		text__add(&t, " (possible for ");
		seconds(&t, s->may_ns);
		text__add(&t, ", between samples)");
	}
	finish(out, &t);
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
	several(&t, w->acked, "acknowledged write", "acknowledged writes");
	text__add(&t, " (%.1f %%) %s lost", 100.0 * (double)lost / (double)w->acked,
		  lost == 1 ? "was" : "were");
	by_sides(a, lost, &t);
	text__add(&t, lost == 1 ? " at " : " between ");
	at(&t, w->lost_first_ns);
	if (lost > 1) {
		text__add(&t, " and ");
		at(&t, w->lost_last_ns);
	}
	finish(out, &t);
}

static void kept_writes(const struct analysis *a, json_t *out)
{
	const struct writes *w = &a->writes;
	struct text t = {0};

	if (!a->h->n_workloads || !w->attempted)
		return;
	if (!w->acked) {
		text__add(&t, "Not one of ");
		several(&t, w->attempted, "write", "writes");
		text__add(&t, " was acknowledged");
	} else if (!w->has_final) {
		text__add(&t, "Whether any of ");
		several(&t, w->acked, "acknowledged write", "acknowledged writes");
		text__add(&t, " was lost is unknown: there was no final read");
	} else if (!sum_lost(a)) {
		text__add(&t, "No acknowledged write was lost: all ");
		text__count(&t, w->acked);
		text__add(&t, " are in the final reads");
	}
	finish(out, &t);
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
	finish(out, &t);
	if (unexpected) {
		several(&u, unexpected, "value", "values");
		text__add(&u, " that nobody wrote appeared in the final reads");
	}
	finish(out, &u);
}

/* Not a fault of the system: its clients could not know. */
static void recovered_writes(const struct analysis *a, json_t *out)
{
	struct text t = {0};
	int64_t n = 0;

	for (size_t i = 0; i < a->h->n_workloads; i++)
		n += a->writes.workloads[i].recovered;
	if (n) {
		several(&t, n, "write", "writes");
		text__add(&t, " took effect though %s client never heard so", n == 1 ? "its" : "their");
	}
	finish(out, &t);
}

static void stale_reads(const struct analysis *a, json_t *out)
{
	const struct writes *w = &a->writes;
	struct text t = {0};

	if (w->reads_stale) {
		text__count(&t, w->reads_stale);
		text__add(&t, " of ");
		several(&t, w->reads_ok, "read", "reads");
		text__add(&t, " missed a write acknowledged before, by up to ");
		seconds(&t, w->max_staleness_ns);
	}
	finish(out, &t);
}

/* Acknowledgements by the clients of each minority, of writes begun and acknowledged within the cut. */
static void minority(const struct analysis *a, json_t *out)
{
	const struct history *h = a->h;
	const struct timing *p = &a->timing;
	_cleanup_free_ int64_t *acks = calloc(p->n_sides + 1, sizeof(*acks));
	bool any = false, clients = false;
	size_t nodes = h->nodes.n;

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
		several(&t, acks[s], "write", "writes");
		text__add(&t, " during the cut");
		finish(out, &t);
	}
	if (clients && !any) {
		struct text t = {0};

		text__add(&t, "No minority acknowledged a write during the cut");
		finish(out, &t);
	}
}

/* ---- who led when ---- */

static void succession(const struct analysis *a, size_t r, json_t *out)
{
	const struct availability *v = &a->availability;
	const char *name = a->h->resources[r].name;
	bool elected = v->elected[r] >= 0;
	struct text t = {0};

	if (elected) {
		text__add(&t, "%s took over %s ", history__node(a->h, v->elected[r]), name);
		seconds(&t, v->elect[r]);
		text__add(&t, " after the cut");
	}
	if (v->stepdown[r] != HISTORY_NONE) {
		bool late = v->old_end[r] != HISTORY_NONE && v->old_end[r] > 0;

		text__add(&t, "%s%s stopped claiming %s ", elected ? "; " : "",
			  history__node(a->h, v->old[r]), elected ? "it" : name);
		seconds(&t, late ? v->old_end[r] : v->stepdown[r]);
		text__add(&t, late ? " after the heal" : " after the cut");
	} else if (elected && v->old[r] >= 0 && v->old[r] != v->elected[r] &&
		   v->elected_end[r] != HISTORY_NONE) {
		text__add(&t, " and gave it up ");
		seconds(&t, v->elected_end[r]);
		text__add(&t, " after the heal; %s claimed it throughout",
			  history__node(a->h, v->old[r]));
	}
	finish(out, &t);
}

static int by_start(const void *a, const void *b)
{
	const struct history_window *x = a, *y = b;

	return CMP(x->start_ns, y->start_ns);
}

/* The longest time in [@start, @end) in which nobody can have led @r; false if none is worth telling. */
static bool leaderless(const struct claims *c, int64_t start, int64_t end,
		       struct history_window *ret)
{
	_cleanup_free_ struct history_window *w = calloc(c->n + c->n_unseen + 1, sizeof(*w));
	struct history_window longest = {0, 0};
	int64_t covered = start;
	size_t n = 0;

	if (!w)
		return false;
	for (size_t i = 0; i < c->n; i++)
		w[n++] = c->v[i].outer;
	for (size_t i = 0; i < c->n_unseen; i++)
		w[n++] = (struct history_window){c->unseen[i].from_ns, c->unseen[i].to_ns};
	qsort(w, n, sizeof(*w), by_start);
	for (size_t i = 0; i <= n && covered < end; i++) {
		int64_t next = i < n && w[i].start_ns < end ? w[i].start_ns : end;

		if (next - covered > longest.end_ns - longest.start_ns)
			longest = (struct history_window){covered, next};
		if (i < n && w[i].end_ns > covered)
			covered = w[i].end_ns;
	}
	*ret = longest;
	return longest.end_ns - longest.start_ns >= LEADERLESS_NS;
}

static void nobody_led(const struct analysis *a, size_t r, json_t *out)
{
	const struct timing *p = &a->timing;
	struct history_window w;
	struct text t = {0}, u = {0};
	int64_t until = p->heal_ns == HISTORY_NONE ? p->end_ns : p->heal_ns;

	if (!a->claims[r].leads || !a->claims[r].n || p->cut_ns == HISTORY_NONE)
		return;
	if (leaderless(&a->claims[r], p->cut_ns, until, &w)) {
		text__add(&t, "Nobody led %s for ", a->h->resources[r].name);
		seconds(&t, w.end_ns - w.start_ns);
		text__add(&t, " during the cut, from ");
		at(&t, w.start_ns);
		finish(out, &t);
	}
	if (p->heal_ns != HISTORY_NONE && leaderless(&a->claims[r], p->heal_ns, p->end_ns, &w)) {
		text__add(&u, "Nobody led %s from ", a->h->resources[r].name);
		seconds(&u, w.start_ns - p->heal_ns);
		text__add(&u, " to ");
		seconds(&u, w.end_ns - p->heal_ns);
		text__add(&u, " after the heal");
		finish(out, &u);
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

	if (!served || !a->writes.acked)
		return;
	for (size_t i = 0; i < a->h->n_ops; i++)
		if (a->h->ops[i].kind == OP_ADD && a->h->ops[i].outcome == OP_OK)
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
		seconds(&t, a->availability.side_gap[s]);
		said = true;
	}
	finish(out, &t);
}

static void recovery(const struct analysis *a, json_t *out)
{
	const struct goodput *g = &a->goodput;
	const struct timing *p = &a->timing;
	struct text t = {0};

	if (g->baseline_per_s <= 0 || p->last_clear_ns == HISTORY_NONE || g->after_per_s < 0)
		return;
	if (g->recovery_ns == 0) {
		text__add(&t, "Goodput was at its baseline of %.3g/s from the heal on", g->baseline_per_s);
	} else if (g->recovery_ns != HISTORY_NONE) {
		text__add(&t, "Goodput was back at its baseline of %.3g/s ", g->baseline_per_s);
		seconds(&t, g->recovery_ns);
		text__add(&t, " after the heal");
	} else if (g->after_per_s < 0.9 * g->baseline_per_s) {
		text__add(&t, "Goodput did not come back: %.3g/s at the end, %.3g/s before the fault",
			  g->after_per_s, g->baseline_per_s);
	}
	finish(out, &t);
}

/* ---- what it rests on ---- */

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
		if (e->hits[HIT_DROPPED] > 0) {
			text__add(&t, "Fault %s dropped ", h->faults[e->fault].name);
			several(&t, e->hits[HIT_DROPPED], "packet", "packets");
		}
		finish(out, &t);
	}
}

static void why_unknown(const json_t *doubts, json_t *out)
{
	const json_t *s;
	size_t i;

	json_array_foreach(doubts, i, s) {
		struct text t = {0};

		text__add(&t, "Unknown, because %s", json_string_value(s));
		finish(out, &t);
	}
}

json_t *findings__make(const struct analysis *a, const json_t *doubts)
{
	const struct history *h = a->h;
	json_t *out = json_array();

	if (!out)
		return NULL;
	incomplete(a, out);
	for (size_t r = 0; r < h->n_resources; r++)
		split_brain(a, r, out);
	lost_writes(a, out);
	odd_writes(a, out);
	stale_reads(a, out);
	why_unknown(doubts, out);
	for (size_t r = 0; r < h->n_resources; r++)
		no_split_brain(a, r, out);
	kept_writes(a, out);
	minority(a, out);
	for (size_t r = 0; r < h->n_resources; r++) {
		succession(a, r, out);
		nobody_led(a, r, out);
	}
	unavailability(a, out);
	recovered_writes(a, out);
	recovery(a, out);
	faults(a, out);
	return out;
}
