// SPDX-License-Identifier: GPL-2.0-only
/* findings_roles.c: who led, who else did, and when nobody did, in sentences. */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* Less is the heal's own business: packets on their way, the sample at hand. */
#define OUTLIVED_NS (50 * NS_PER_MS)

/* A leaderless time shorter than this is within what sampling can tell. */
#define LEADERLESS_NS (500 * NS_PER_MS)

static void node_list(struct text *t, const struct history *h, const int *v, size_t n)
{
	size_t shown = n > 6 ? 5 : n;

	for (size_t i = 0; i < shown; i++)
		text__add(t, "%s%s", !i ? "" : i + 1 == n ? " and " : ", ", history__node(h, v[i]));
	if (shown < n)
		text__add(t, " and %zu more", n - shown);
}

static bool has_workload(const struct history *h, size_t r)
{
	for (size_t w = 0; w < h->n_workloads; w++)
		if (writes__about(h, w, r))
			return true;
	return false;
}

/* Two leaders of whom one serves nothing are no split brain: L1 is told in other words. */
void findings__split(const struct analysis *a, size_t r, json_t *out)
{
	const struct split_resource *s = &a->split.v[r];
	const char *name = a->h->resources[r].name;
	struct text t = {0};

	if (s->level < 0 || !s->must_ns)
		return;
	text__add(&t,
		  s->level > 1 ? "Split brain (L%d): " : "Overlapping claims (L%d): ", s->level);
	node_list(&t, a->h, s->nodes, s->n_nodes);
	text__add(&t, " %sclaimed %s for ", s->n_nodes == 2 ? "both " : "", name);
	text__seconds(&t, s->must_ns);
	text__add(&t, " (certain), ");
	text__seconds(&t, s->may_ns);
	text__add(&t, " (possible)");
	if (s->same_epoch > 0)
		text__add(&t, "; in one epoch, which its protocol forbids");
	if (s->outlived_ns != HISTORY_NONE && s->outlived_ns >= OUTLIVED_NS) {
		text__add(&t, "; it outlived the heal by ");
		text__seconds(&t, s->outlived_ns);
	}
	if (s->level == 1 && has_workload(a->h, r))
		text__add(&t, "; they did not both serve writes");
	findings__say(out, &t);
}

void findings__no_split(const struct analysis *a, size_t r, json_t *out)
{
	const struct split_resource *s = &a->split.v[r];
	struct text t = {0};

	if (s->level < 0 || s->must_ns || a->h->resources[r].nodes.n < 2)
		return;
	text__add(&t, "No split brain: at no time did two nodes certainly claim %s",
		  a->h->resources[r].name);
	if (s->may_ns) {
		text__add(&t, " (possible for ");
		text__seconds(&t, s->may_ns);
		text__add(&t, ", between samples)");
	}
	findings__say(out, &t);
}

static void succession(const struct analysis *a, size_t r, json_t *out)
{
	const struct availability *v = &a->availability;
	const char *name = a->h->resources[r].name;
	bool elected = v->elected[r] >= 0;
	struct text t = {0};

	if (elected) {
		text__add(&t, "%s took over %s ", history__node(a->h, v->elected[r]), name);
		text__seconds(&t, v->elect[r]);
		text__add(&t, " after the cut");
	}
	if (v->stepdown[r] != HISTORY_NONE) {
		bool late = v->old_end[r] != HISTORY_NONE && v->old_end[r] > 0;

		text__add(&t, "%s%s stopped claiming %s ", elected ? "; " : "",
			  history__node(a->h, v->old[r]), elected ? "it" : name);
		text__seconds(&t, late ? v->old_end[r] : v->stepdown[r]);
		text__add(&t, late ? " after the heal" : " after the cut");
	} else if (elected && v->old[r] >= 0 && v->old[r] != v->elected[r] &&
		   v->elected_end[r] != HISTORY_NONE) {
		text__add(&t, " and gave it up ");
		text__seconds(&t, v->elected_end[r]);
		text__add(&t, " after the heal; %s claimed it throughout",
			  history__node(a->h, v->old[r]));
	}
	findings__say(out, &t);
}

static int by_start(const void *a, const void *b)
{
	const struct history_window *x = a, *y = b;

	return CMP(x->start_ns, y->start_ns);
}

/*
 * The longest time in [@start, @end) in which nobody can have led @r; false if none is worth
 * telling.
 */
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
		text__seconds(&t, w.end_ns - w.start_ns);
		text__add(&t, " during the cut, from ");
		text__at(&t, w.start_ns);
		findings__say(out, &t);
	}
	if (p->heal_ns != HISTORY_NONE && leaderless(&a->claims[r], p->heal_ns, p->end_ns, &w)) {
		text__add(&u, "Nobody led %s from ", a->h->resources[r].name);
		text__seconds(&u, w.start_ns - p->heal_ns);
		text__add(&u, " to ");
		text__seconds(&u, w.end_ns - p->heal_ns);
		text__add(&u, " after the heal");
		findings__say(out, &u);
	}
}

void findings__succession(const struct analysis *a, size_t r, json_t *out)
{
	succession(a, r, out);
	nobody_led(a, r, out);
}
