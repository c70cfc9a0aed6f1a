// SPDX-License-Identifier: GPL-2.0-only
/*
 * guard.c: ends a run on a condition over what has been recorded so far, and over what the faults in force have hit.
 * It is evaluated by the same code, on the same events, as the expectations at the end, so a guard and an expectation
 * never disagree. A value that is not known yet (lost writes before the final reads) fires nothing.
 */
#include "run/internal.h"

#include "lib/log.h"

enum {
	EVERY_MS = 1000,
	/* Reading the record again costs more as it grows: never more than a twentieth of the time. */
	COST_FACTOR = 20,
};

static bool fires(const struct guard *g, const struct history *h, const json_t *summary)
{
	struct error err = {0};

	return analysis__holds(h, summary, g->when, &err) == 1;
}

/* The record has what a fault did when it is cleared; what one that is in force does is asked of the kernel. */
static void add_hits(const struct run *run, json_t *summary)
{
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(summary, "faults"), i, f) {
		if (i >= run->e->n_faults || !run->faults[i].active)
			continue;
		json_object_set_new(f, "hits", timeline__hits(run, i));
		json_object_set_new(f, "edges", timeline__edges(run, i));
	}
}

bool guard__tick(struct run *run, int64_t now)
{
	_cleanup_(cleanup_history) struct history *h = NULL;
	int64_t began = clock__now(), cost;
	struct error err = {0};
	json_t *summary;
	bool fired = false;

	if (!run->e->n_guards || !run->rec || now < run->next_guard_ns)
		return false;
	if (history__load(run->dir, &h, &err) < 0) {
		log_warn("guards not evaluated: %s", err.msg);
		run->next_guard_ns = now + EVERY_MS * NS_PER_MS;
		return false;
	}
	summary = analysis__summary(h);
	add_hits(run, summary);
	for (size_t i = 0; i < run->e->n_guards && !fired; i++) {
		const struct guard *g = &run->e->guards[i];

		if (!fires(g, h, summary))
			continue;
		fired = true;
		snprintf(run->end_reason, sizeof(run->end_reason), "guard: %.400s", g->when);
		run__record(run, "guard", now,
			    json_pack("{s:s,s:s}", "expr", g->when, "text", run->end_reason));
		run__say(run, now, "%s: the run ends here", run->end_reason);
	}
	json_decref(summary);
	cost = COST_FACTOR * (clock__now() - began);
	run->next_guard_ns = now + (cost > EVERY_MS * NS_PER_MS ? cost : EVERY_MS * NS_PER_MS);
	return fired;
}
