// SPDX-License-Identifier: GPL-2.0-only
/*
 * window.c: the summary of a part of the run, for `PATH in WINDOW`.
 *
 *   baseline    from 0 to the first fault (all of the run if there was none)
 *   fault       from when the first fault was armed to when the last one was cleared
 *   recovery    from there to the end of the timeline; unknown if a fault was never cleared
 *   fault NAME  whenever that fault was in force
 *
 * The summary is made by the same code from a history that holds only what belongs to the window:
 * operations that ended in it (latencies: that were due in it, for a fault's delay belongs to the
 * fault, whenever it ends), and claims cut to it. A herd is found in the whole run, with what it was in each
 * window beside it: there the number is that of the window. Final reads and the times of the faults stay as
 * they are: writes.lost in fault are those of the writes acknowledged in the fault that the final
 * reads miss. A read is stale by what was acknowledged before it, also before the window.
 * Availability: the longest time without an acknowledgement within the window; each stretch of it
 * counts by itself.
 */
#include "analysis/expect_schema.h"
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

/* ---- when ---- */

static int one(int64_t start, int64_t end, struct stretches *ret)
{
	ret->v = calloc(1, sizeof(*ret->v));
	if (!ret->v)
		return -ENOMEM;
	ret->v[0] = (struct history_window){start, end > start ? end : start};
	ret->n = 1;
	return 0;
}

static int named(const struct history *h, const char *name, struct stretches *ret,
		 struct error *why)
{
	for (size_t i = 0; i < h->n_faults; i++) {
		const struct history_fault *f = &h->faults[i];

		if (strcmp(f->name, name) != 0)
			continue;
		if (!f->n_happened)
			return err__set(why, -ENOENT, "fault `%.60s` was never armed", name);
		ret->v = calloc(f->n_happened, sizeof(*ret->v));
		if (!ret->v)
			return -ENOMEM;
		memcpy(ret->v, f->happened, f->n_happened * sizeof(*ret->v));
		ret->n = f->n_happened;
		return 0;
	}
	return err__set(why, -ENOENT, "there is no fault `%.60s`", name);
}

static int find(const struct analysis *a, const struct expect *e, struct stretches *ret,
		struct error *why)
{
	const struct timing *t = &a->timing;

	if (e->window == WINDOW_NAMED)
		return named(a->h, e->fault, ret, why);
	if (e->window == WINDOW_BASELINE)
		return one(0, t->first_fault_ns == HISTORY_NONE ? t->end_ns : t->first_fault_ns,
			   ret);
	if (t->first_fault_ns == HISTORY_NONE)
		return err__set(why, -ENOENT, "no fault was armed");
	if (e->window == WINDOW_FAULT)
		return one(t->first_fault_ns,
			   t->last_clear_ns == HISTORY_NONE ? t->end_ns : t->last_clear_ns, ret);
	if (t->last_clear_ns == HISTORY_NONE)
		return err__set(why, -ENOENT, "a fault was never cleared: there was no recovery");
	if (t->last_clear_ns >= t->end_ns)
		return err__set(why, -ENOENT, "the run ended with its last fault");
	return one(t->last_clear_ns, t->end_ns, ret);
}

/* In a stretch, its end with it only if @t is also the end of the timeline. */
static bool within(const struct stretches *s, int64_t t, int64_t end_ns)
{
	for (size_t i = 0; i < s->n; i++)
		if (t >= s->v[i].start_ns &&
		    (t < s->v[i].end_ns || (t == s->v[i].end_ns && t == end_ns)))
			return true;
	return false;
}

/* ---- what of the history ---- */

struct part {
	struct history h; /* borrows all but what is below */
	struct history_op *ops;
	int64_t *staleness_ns; /* by op; NONE: it is not stale */
	struct claims *claims;
};

static void cleanup_part(struct part *p)
{
	free(p->ops);
	free(p->staleness_ns);
	claims__free(p->claims, p->h.n_resources);
}

static int take_ops(const struct analysis *a, const struct stretches *s, bool due, struct part *p)
{
	const struct history *h = a->h;
	size_t n = 0;

	p->ops = calloc(h->n_ops + 1, sizeof(*p->ops));
	p->staleness_ns = calloc(h->n_ops + 1, sizeof(*p->staleness_ns));
	if (!p->ops || !p->staleness_ns)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];

		if (!within(s, due ? o->intended_ns : o->return_ns, a->timing.end_ns))
			continue;
		p->staleness_ns[n] =
			a->writes.op_stale[i] ? a->writes.staleness_ns[i] : HISTORY_NONE;
		p->ops[n++] = *o;
	}
	p->h.ops = p->ops;
	p->h.n_ops = n;
	return 0;
}

static struct history_window cut_to(const struct history_window *x, const struct history_window *w)
{
	return (struct history_window){x->start_ns > w->start_ns ? x->start_ns : w->start_ns,
				       x->end_ns < w->end_ns ? x->end_ns : w->end_ns};
}

static int take_claims_of(const struct claims *c, const struct stretches *s, struct claims *ret)
{
	*ret = *c;
	ret->n = ret->n_unseen = 0;
	ret->v = calloc(c->n * s->n + 1, sizeof(*ret->v));
	ret->unseen = calloc(c->n_unseen * s->n + 1, sizeof(*ret->unseen));
	if (!ret->v || !ret->unseen)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++)
		for (size_t k = 0; k < s->n; k++) {
			struct claim x = c->v[i];

			x.inner = cut_to(&x.inner, &s->v[k]);
			x.outer = cut_to(&x.outer, &s->v[k]);
			if (x.outer.start_ns < x.outer.end_ns)
				ret->v[ret->n++] = x;
		}
	for (size_t i = 0; i < c->n_unseen; i++)
		for (size_t k = 0; k < s->n; k++) {
			struct history_window x = {c->unseen[i].from_ns, c->unseen[i].to_ns};

			x = cut_to(&x, &s->v[k]);
			if (x.start_ns < x.end_ns)
				ret->unseen[ret->n_unseen++] =
					(struct unseen){c->unseen[i].node, x.start_ns, x.end_ns};
		}
	return 0;
}

static int take_claims(const struct analysis *a, const struct stretches *s, struct part *p)
{
	int r = 0;

	p->claims = calloc(a->h->n_resources + 1, sizeof(*p->claims));
	for (size_t i = 0; p->claims && i < a->h->n_resources && !r; i++)
		r = take_claims_of(&a->claims[i], s, &p->claims[i]);
	return p->claims ? r : -ENOMEM;
}

/* ---- the analysis of it ---- */

/* Stale as they are in the whole run: what they missed may have been written before. */
static void set_stale(const struct part *p, struct writes *w)
{
	w->reads_stale = 0;
	w->max_staleness_ns = w->reads_set ? 0 : HISTORY_NONE;
	for (size_t i = 0; i < p->h.n_ops; i++) {
		int64_t by = p->staleness_ns[i];

		w->op_stale[i] = by != HISTORY_NONE;
		w->reads_stale += by != HISTORY_NONE;
		if (by > w->max_staleness_ns)
			w->max_staleness_ns = by;
	}
}

static int gaps(struct analysis *a, const struct stretches *s)
{
	_cleanup_free_ int64_t *v = calloc(a->timing.n_sides + 1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (size_t i = 0; i < a->timing.n_sides; i++)
		a->availability.side_gap[i] = HISTORY_NONE;
	for (size_t k = 0; k < s->n && !r; k++) {
		r = availability__gaps(a->h, &a->timing, &s->v[k], v);
		for (size_t i = 0; i < a->timing.n_sides && !r; i++)
			if (v[i] > a->availability.side_gap[i])
				a->availability.side_gap[i] = v[i];
	}
	return r;
}

static int analyse(const struct analysis *whole, const struct stretches *s, struct part *p,
		   struct analysis *a)
{
	int r;

	a->h = &p->h;
	a->claims = whole->claims;
	r = timing__make(&p->h, &a->timing);
	/* who led in the end decides which final reads count: claims of the whole run */
	r = r ? r : writes__make(&p->h, &a->timing, whole->claims, &a->writes);
	if (!r)
		set_stale(p, &a->writes);
	a->claims = p->claims;
	r = r ? r : split__make(&p->h, &a->timing, a->claims, &a->writes, false, &a->split);
	r = r ? r : split__make(&p->h, &a->timing, a->claims, &a->writes, true, &a->worst);
	r = r ? r : availability__make(&p->h, &a->timing, a->claims, &a->availability);
	r = r ? r : gaps(a, s);
	r = r ? r : goodput__make(&p->h, &a->timing, &a->writes, &a->goodput);
	return r ? r : herd__make(&p->h, &a->timing, &a->herd);
}

static int summarise(const struct analysis *whole, const struct stretches *s,
		     enum expect_scope scope, json_t **ret, json_t **ret_worst)
{
	_cleanup_(cleanup_part) struct part p = {.h = *whole->h};
	struct analysis a = {.h = &p.h};
	json_t *o, *worst;
	int r = take_ops(whole, s, scope == SCOPE_DUE, &p);

	r = r ? r : take_claims(whole, s, &p);
	r = r ? r : analyse(whole, s, &p, &a);
	o = r ? NULL : summary__numbers(&a);
	worst = o ? json_copy(o) : NULL;
	if (worst)
		json_object_set_new(worst, "split_brain", summary__split(&a, &a.worst));
	a.claims = NULL; /* of @p */
	analysis__free(&a);
	if (!worst) {
		json_decref(o);
		return -ENOMEM;
	}
	*ret = o;
	*ret_worst = worst;
	return 0;
}

/* herd.metrics[] with the numbers of a window in place of the run's: peak_per_s becomes what fault_peak_per_s is. */
static int herd_in(enum expect_window w, json_t *summary)
{
	static const char *const names[] = {"peak_per_s", "pbr", "fano"};
	static const char *const windows[] = {
		[WINDOW_BASELINE] = "baseline",
		[WINDOW_FAULT] = "fault",
		[WINDOW_RECOVERY] = "recovery",
	};
	json_t *metrics = json_object_get(json_object_get(summary, "herd"), "metrics"), *m;
	size_t i;

	json_array_foreach(metrics, i, m) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			char name[40];
			json_t *x;

			snprintf(name, sizeof(name), "%s_%s", windows[w], names[k]);
			x = json_object_get(m, name);
			if (json_object_set_new(m, names[k], x ? json_incref(x) : json_null()))
				return -ENOMEM;
		}
	}
	return 0;
}

static int herd_summary(const struct analysis *a, enum expect_window w, json_t **ret,
			json_t **ret_worst, struct error *why)
{
	json_t *o;

	if (w == WINDOW_NAMED)
		return err__set(why, -ENOENT, "herds are measured in baseline, fault and recovery");
	o = summary__numbers(a);
	if (!o || herd_in(w, o)) {
		json_decref(o);
		return -ENOMEM;
	}
	*ret = o;
	*ret_worst = json_incref(o);
	return 0;
}

int window__summary(const struct analysis *a, const struct expect *e, json_t **ret,
		    json_t **ret_worst, struct error *why)
{
	_cleanup_(cleanup_stretches) struct stretches s = {0};
	int r = find(a, e, &s, why);

	if (!r && e->schema->scope == SCOPE_HERD)
		r = herd_summary(a, e->window, ret, ret_worst, why);
	else if (!r)
		r = summarise(a, &s, e->schema->scope, ret, ret_worst);
	return r == -ENOMEM ? err__set(why, r, "out of memory") : r;
}
