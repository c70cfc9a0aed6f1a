// SPDX-License-Identifier: GPL-2.0-only
/*
 * verdict.c: do the expectations hold, and was enough seen to say so (EFFECTS.md, section 3)?
 *
 * A pass becomes unknown when the run did not complete; when events were lost; when a fault hit
 * no packet or was never armed, or an operation type never succeeded (for everything that the
 * faults or the operations bring about); when the value was not measured, for want of a final
 * read for instance; and, for split_brain, when it would not hold if the nodes had claimed
 * whenever they were not sampled for longer than a probe gap. What fails, fails.
 */
#include "analysis/expect_schema.h"
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <errno.h>
#include <string.h>

const char *verdict__name(enum verdict v)
{
	static const char *const names[] = {
		[VERDICT_PASS] = "pass", [VERDICT_FAIL] = "fail", [VERDICT_UNKNOWN] = "unknown"};

	return names[v];
}

enum verdict summary__verdict(const json_t *summary)
{
	const char *s = json_string_value(json_object_get(summary, "verdict"));

	for (enum verdict v = VERDICT_PASS; s && v < VERDICT_UNKNOWN; v++)
		if (!strcmp(s, verdict__name(v)))
			return v;
	return VERDICT_UNKNOWN;
}

/* ---- why nothing may pass ---- */

struct doubts {
	json_t *always;	 /* sentences that touch whatever was measured */
	json_t *effects; /* those that touch what faults and operations bring about */
};

static void cleanup_doubts(struct doubts *d)
{
	json_decref(d->always);
	json_decref(d->effects);
}

static void doubt(json_t *to, struct text *t)
{
	_cleanup_free_ char *s = text__take(t);

	json_array_append_new(to, json_words(s ? s : "out of memory"));
}

static bool hit_nothing(const struct history *h, size_t fault)
{
	for (size_t i = 0; i < h->n_fault_events; i++) {
		const struct history_fault_event *e = &h->fault_events[i];

		if (e->fault != (int)fault)
			continue;
		if (e->event == FAULT_FIRST_HIT)
			return false;
		for (size_t k = 0; k < HIT_COUNT; k++)
			if (e->hits[k] > 0)
				return false;
		for (size_t k = 0; k < e->n_edges; k++)
			if (e->edges[k].matched > 0)
				return false;
	}
	return true;
}

static void doubt_faults(const struct history *h, struct doubts *d)
{
	for (size_t i = 0; i < h->n_faults; i++) {
		struct text t = {0};

		if (!h->faults[i].n_happened)
			text__add(&t, "fault `%s` was never armed", h->faults[i].name);
		else if (hit_nothing(h, i))
			text__add(&t, "fault `%s` hit no packet", h->faults[i].name);
		else
			continue;
		doubt(d->effects, &t);
	}
}

/* What the first operation of @kind that had an error was told; "" if none was told anything. */
static const char *first_error(const struct history *h, enum op_kind kind)
{
	for (size_t i = 0; i < h->n_ops; i++)
		if (h->ops[i].kind == kind && h->ops[i].error)
			return h->ops[i].error;
	return "";
}

/* The same of who was asked whether it leads. */
static const char *first_role_error(const struct history *h, size_t resource)
{
	for (size_t i = 0; i < h->n_roles; i++)
		if ((size_t)h->roles[i].resource == resource && h->roles[i].error)
			return h->roles[i].error;
	return "";
}

/* "WHAT: WHY", or "WHAT" alone. */
static void because(struct text *t, const char *why)
{
	if (*why)
		text__add(t, ": %.200s", why);
}

static void doubt_ops(const struct analysis *a, struct doubts *d)
{
	const struct writes *w = &a->writes;
	struct text t = {0}, u = {0};

	if (a->h->n_workloads && !w->attempted && !w->requests)
		text__add(&t, "no write was attempted");
	else if (w->requests && !w->requests_ok) {
		text__add(&t, "no request was answered (of %lld)", (long long)w->requests);
		because(&t, first_error(a->h, OP_REQUEST));
	} else if (w->attempted && !w->acked) {
		text__add(&t, "no write succeeded (of %lld)", (long long)w->attempted);
		because(&t, first_error(a->h, OP_ADD));
	}
	if (t.n)
		doubt(d->effects, &t);
	if (w->reads && !w->reads_ok) {
		text__add(&u, "no read succeeded (of %lld)", (long long)w->reads);
		because(&u, first_error(a->h, OP_READ));
		doubt(d->effects, &u);
	}
}

static int find_doubts(const struct analysis *a, struct doubts *d)
{
	const struct history_end *e = &a->h->end;
	struct text t = {0}, u = {0};

	d->always = json_array();
	d->effects = json_array();
	if (!d->always || !d->effects)
		return -ENOMEM;
	if (strcmp(e->status, "complete") != 0) {
		text__add(&t, "the run did not complete: it %s%s%s%s",
			  strcmp(e->status, "interrupted") == 0 || strcmp(e->status, "aborted") == 0
				  ? "was "
				  : "",
			  e->status, e->reason ? ", " : "", e->reason ? e->reason : "");
		doubt(d->always, &t);
	}
	if (e->lost_events > 0) {
		text__add(&u, "events lost by the recorder: %lld", (long long)e->lost_events);
		doubt(d->always, &u);
	}
	doubt_faults(a->h, d);
	doubt_ops(a, d);
	return 0;
}

/* The longest time in which a node that may lead was not sampled, as words. */
static void say_unseen(const struct analysis *a, struct text *t)
{
	const struct unseen *longest = NULL;
	size_t resource = 0;

	for (size_t r = 0; r < a->h->n_resources; r++)
		for (size_t i = 0; i < a->claims[r].n_unseen; i++) {
			const struct unseen *u = &a->claims[r].unseen[i];

			if (longest && u->to_ns - u->from_ns <= longest->to_ns - longest->from_ns)
				continue;
			longest = u;
			resource = r;
		}
	if (longest)
		text__add(t, "%s on %s was not sampled for %.1f s from %+.1f s",
			  a->h->resources[resource].name, history__node(a->h, longest->node),
			  (double)(longest->to_ns - longest->from_ns) / NS_PER_S,
			  (double)longest->from_ns / NS_PER_S);
}

/* ---- one expectation ---- */

struct judged {
	enum verdict verdict;
	json_t *value;	  /* a reference; NULL if there is none */
	const char *unit; /* of the value, as text; NULL: it has none */
	struct text reason;
	json_t *doubts; /* of all expectations: each reason once, in order */
};

static bool is_effect(const struct expect *e)
{
	static const char *const tops[] = {"split_brain", "writes",  "reads", "availability",
					   "recovery",	  "latency", "herd",  "checks"};

	for (size_t i = 0; i < ARRAY_SIZE(tops); i++)
		if (expect__is_about(e, tops[i]))
			return true;
	return false;
}

static void unknown(struct judged *j, const char *why)
{
	const json_t *x;
	size_t i;

	j->verdict = VERDICT_UNKNOWN;
	text__add(&j->reason, "%s%s", j->reason.n ? "; " : "", why);
	json_array_foreach(j->doubts, i, x)
		if (!strcmp(json_string_value(x), why))
			return;
	json_array_append_new(j->doubts, json_words(why));
}

static void because_of(struct judged *j, const json_t *doubts)
{
	const json_t *s;
	size_t i;

	json_array_foreach(doubts, i, s)
		unknown(j, json_string_value(s));
}

static const char *why_null(const struct analysis *a, const struct expect *e,
			    const struct error *why)
{
	if (why->code != -ENODATA)
		return why->msg;
	if (expect__is_about(e, "writes"))
		return !a->h->n_workloads     ? "there was no workload"
		       : !a->writes.n_sets    ? "no workload has the check `set`"
		       : !a->writes.has_final ? "there was no final read"
					      : why->msg;
	if (expect__is_about(e, "split_brain") && a->split.level < 0)
		return a->h->n_resources ? "nobody gave a valid answer about who leads"
					 : "no role was watched";
	return why->msg;
}

/* Of its window, nothing that counts was acknowledged: that nothing was lost says nothing. */
static void because_idle(const struct expect *e, const json_t *summary, struct judged *j)
{
	static const char *const about[] = {"writes.lost", "writes.recovered",
					    "writes.lost_by_side"};
	const json_t *w = json_object_get(summary, "writes");

	for (size_t i = 0; i < ARRAY_SIZE(about); i++)
		if (!strncmp(e->schema->path, about[i], strlen(about[i])) &&
		    json_integer_value(json_object_get(w, "acked")) == 0) {
			unknown(j, "no write succeeded in that window");
			return;
		}
}

/* The summaries that an expectation is judged by: of the run, or of its window. */
struct judges {
	json_t *summary, *worst; /* @worst: with the split brain that may have gone unseen */
};

static void cleanup_judges(struct judges *x)
{
	json_decref(x->summary);
	json_decref(x->worst);
}

static int judges__find(const struct analysis *a, const struct expect *e, const struct judges *run,
			struct judges *ret, struct error *why)
{
	if (e->window != WINDOW_RUN)
		return window__summary(a, e, &ret->summary, &ret->worst, why);
	ret->summary = json_incref(run->summary);
	ret->worst = json_incref(run->worst);
	return 0;
}

static void judge(const struct analysis *a, const char *text, const struct judges *run,
		  const struct doubts *d, struct judged *j)
{
	_cleanup_(cleanup_judges) struct judges by = {0};
	_cleanup_(cleanup_expect) struct expect *e = NULL;
	struct error err = {0};
	const json_t *then;

	if (expect__parse(text, &e, &err) < 0) {
		unknown(j, err.msg);
		return;
	}
	j->unit = expect_schema__unit_text(e->schema);
	if (judges__find(a, e, run, &by, &err) == 0)
		j->value = json_incref((json_t *)expect__value(e, by.summary, &err));
	if (j->value && !expect__holds(e, j->value)) {
		j->verdict = VERDICT_FAIL;
		return;
	}
	if (!j->value)
		unknown(j, why_null(a, e, &err));
	because_of(j, d->always);
	if (is_effect(e))
		because_of(j, d->effects);
	if (j->value && e->window != WINDOW_RUN)
		because_idle(e, by.summary, j);
	if (!j->value || !expect__is_about(e, "split_brain"))
		return;
	then = expect__value(e, by.worst, &err);
	if (!then || !expect__holds(e, then)) {
		struct text t = {0};
		_cleanup_free_ char *s = NULL;

		say_unseen(a, &t);
		text__add(&t, "; it would not hold if that node led meanwhile");
		s = text__take(&t);
		unknown(j, s ? s : "not all roles were sampled");
	}
}

/* "writes.lost == 0: found 1208", for the reasons of the verdict. */
static void say(struct text *t, const char *text, const struct judged *j, const char *reason)
{
	_cleanup_free_ char *found = NULL;

	if (j->verdict == VERDICT_FAIL) {
		found = json_is_real(j->value)
				? NULL
				: json_dumps(j->value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (json_is_real(j->value))
			text__add(t, "%s: found %.4g", text, json_real_value(j->value));
		else if (json_is_string(j->value))
			text__add(t, "%s: found %s", text, json_string_value(j->value));
		else
			text__add(t, "%s: found %s", text, found ? found : "?");
	} else {
		text__add(t, "%s: %s", text, reason);
	}
}

static enum verdict worse(enum verdict a, enum verdict b)
{
	if (a == VERDICT_FAIL || b == VERDICT_FAIL)
		return VERDICT_FAIL;
	return a == VERDICT_UNKNOWN ? a : b;
}

static int expectations(const struct analysis *a, const struct judges *run, const struct doubts *d,
			json_t *reasons, json_t *all, enum verdict *ret)
{
	json_t *list = json_object_get(run->summary, "expectations");

	for (size_t i = 0; i < a->h->expect.n; i++) {
		const char *text = a->h->expect.v[i];
		struct judged j = {.verdict = VERDICT_PASS, .doubts = all};
		struct text sentence = {0};
		_cleanup_free_ char *reason = NULL;

		judge(a, text, run, d, &j);
		reason = text__take(&j.reason);
		if (!reason) {
			json_decref(j.value);
			return -ENOMEM;
		}
		json_array_append_new(list,
				      json_pack("{s:o,s:s,s:o,s:o,s:o}", "expr", json_words(text),
						"verdict", verdict__name(j.verdict), "value",
						j.value ? json_incref(j.value) : json_null(),
						"unit", json_words(j.unit), "reason",
						json_words(*reason ? reason : NULL)));
		*ret = worse(*ret, j.verdict);
		if (j.verdict != VERDICT_PASS) {
			say(&sentence, text, &j, reason);
			doubt(reasons, &sentence);
		}
		json_decref(j.value);
	}
	return 0;
}

/* Nothing was expected: was enough seen to say that nothing was found? */
static void nothing_expected(const struct analysis *a, const json_t *summary,
			     const struct doubts *d, json_t *reasons)
{
	const json_t *c;
	size_t i;

	struct text t = {0};

	json_array_extend(reasons, d->always);
	json_array_extend(reasons, d->effects);
	if (a->writes.n_sets && !a->writes.has_final)
		json_array_append_new(reasons, json_string("there was no final read"));
	for (size_t r = 0; r < a->h->n_resources; r++) {
		struct text u = {0};

		if (a->claims[r].sampled)
			continue;
		text__add(&u, "%s gave no valid sample of who leads", a->h->resources[r].name);
		because(&u, first_role_error(a->h, r));
		doubt(reasons, &u);
	}
	json_array_foreach(json_object_get(summary, "checks"), i, c) {
		const char *is = json_string_value(json_object_get(c, "verdict"));
		struct text u = {0};

		if (!is || strcmp(is, "unknown"))
			continue;
		text__add(&u, "the check of %s was not decided: %s",
			  json_string_value(json_object_get(c, "name")),
			  json_string_value(json_object_get(c, "words")));
		doubt(reasons, &u);
	}
	if (a->worst.level > a->split.level) {
		say_unseen(a, &t);
		doubt(reasons, &t);
	}
}

int verdict__decide(const struct analysis *a, json_t *summary, json_t **ret_doubts)
{
	_cleanup_(cleanup_doubts) struct doubts d = {0};
	json_t *worst = json_copy(summary), *reasons = json_array(), *all = json_array();
	enum verdict v = VERDICT_PASS;
	int r = find_doubts(a, &d);

	if (!worst || !reasons || !all)
		r = -ENOMEM;
	else
		json_object_set_new(worst, "split_brain", summary__split(a, &a->worst));
	if (!r)
		r = expectations(a, &(struct judges){summary, worst}, &d, reasons, all, &v);
	if (!r && !a->h->expect.n) {
		nothing_expected(a, summary, &d, reasons);
		json_array_extend(all, reasons);
		v = json_array_size(reasons) ? VERDICT_UNKNOWN : VERDICT_PASS;
	}
	json_object_set_new(summary, "verdict", json_string(verdict__name(v)));
	json_object_set_new(summary, "verdict_reasons", reasons);
	json_decref(worst);
	*ret_doubts = all;
	return r;
}

int analysis__holds(const struct history *h, const json_t *summary, const char *text,
		    struct error *why)
{
	_cleanup_(analysis__free) struct analysis a = {.h = h};
	_cleanup_(cleanup_expect) struct expect *e = NULL;
	_cleanup_(cleanup_judges) struct judges by = {0};
	struct judges run = {(json_t *)summary, (json_t *)summary};
	const json_t *value;
	int r = expect__parse(text, &e, why);

	if (!r && e->window != WINDOW_RUN)
		r = analysis__make(h, &a);
	r = r ? r : judges__find(&a, e, &run, &by, why);
	if (r)
		return r == -ENOENT ? -ENODATA : r;
	value = expect__value(e, by.summary, why);
	return value ? expect__holds(e, value) : -ENODATA;
}
