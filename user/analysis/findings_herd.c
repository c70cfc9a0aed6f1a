// SPDX-License-Identifier: GPL-2.0-only
/* findings_herd.c: what many clients did at once, in sentences. */
#include "analysis/internal.h"
#include "lib/clock.h"

#include <string.h>

static void kind(const struct herd *x, json_t *out)
{
	static const char *const what[] = {
		[HERD_STAMPEDE] = "Cache stampede: one missing key was fetched by many at once",
		[HERD_FLOOD] = "Reconnect flood: clients came back all at once",
		[HERD_CONNECTIONS] =
			"Connection storm: new connections came faster than they were accepted",
		[HERD_RETRIES] =
			"Retry storm: clients without an answer asked again and added to the load",
	};
	struct text t = {0};

	if (x->kind == HERD_NONE)
		return;
	text__add(&t, "%s. In numbers: %s", what[x->kind], x->evidence[0].words);
	for (size_t i = 1; i < x->n_evidence && x->evidence[i].kind == x->kind && i < 3; i++)
		text__add(&t, "; %s", x->evidence[i].words);
	findings__say(out, &t);
}

/* One sentence for each other kind. */
static void others(const struct herd *x, json_t *out)
{
	for (size_t i = 1; i < x->n_evidence; i++) {
		const char *name = herd_kind__name(x->evidence[i].kind);
		struct text t = {0};

		if (x->evidence[i].kind == x->evidence[i - 1].kind)
			continue;
		text__add(&t, "There are signs of a %s too: %s", name, x->evidence[i].words);
		findings__say(out, &t);
	}
}

static void metastable(const struct history *h, const struct herd_metric *m, json_t *out)
{
	struct text t = {0};

	if (m->metastable != 1)
		return;
	text__add(&t,
		  "Metastable: the fault was gone, and %s had answers at %s/s at the end "
		  "(%s/s before the fault) while its clients still sent %s attempts/s",
		  h->workloads[m->workload].name, text__rate(m->goodput.end).v,
		  text__rate(m->goodput.baseline).v, text__rate(m->load.end).v);
	if (m->load.baseline > 0)
		text__add(&t, ", %.1f times what they send undisturbed",
			  m->load.end / m->load.baseline);
	text__add(&t, ": the load kept itself up");
	findings__say(out, &t);
}

static const char *whose(const struct history *h, const struct herd_metric *m)
{
	return m->service	  ? m->service
	       : m->workload >= 0 ? h->workloads[m->workload].name
				  : "all nodes";
}

/*
 * In the time that an answer takes: whoever may have only so many open at once, as a proxy, opens
 * the next when an answer is there. Nobody waited to try again.
 */
static bool in_batches(const struct herd_metric *m)
{
	int64_t period = m->synchrony.period_ns;

	return m->answer_ns != HISTORY_NONE && m->answer_ns > period - period / 4 &&
	       m->answer_ns < period + period / 4;
}

/* How little it says: retries first, then what passes in batches, then all nodes together. */
static int vagueness(const struct herd_metric *m)
{
	return !m->service && m->workload < 0 ? 2 : in_batches(m);
}

/* Is it a crowd, too? A side that is cut off and asks once a time-out is in step and harms nobody. */
static bool is_crowd(const struct herd_metric *m)
{
	return m->pbr >= 2 || m->fault_pbr >= 2;
}

/* Of all that come in step, the one that does most: they are mostly the same clients. */
static const struct herd_metric *in_step(const struct herd *x)
{
	const struct herd_metric *best = NULL;

	for (size_t i = 0; i < x->n; i++) {
		const struct herd_metric *m = &x->v[i];

		if (m->synchrony.period_ns == HISTORY_NONE || !is_crowd(m))
			continue;
		if (!best || vagueness(m) < vagueness(best) ||
		    (vagueness(m) == vagueness(best) && m->synchrony.r > best->synchrony.r))
			best = m;
	}
	return best;
}

static const char *why_in_step(const struct herd *x, const struct herd_metric *m)
{
	if (in_batches(m))
		return "about the time that an answer takes, so in batches of as many as may be "
		       "open at once, not by retries";
	if (x->kind == HERD_STAMPEDE && m->workload < 0)
		return "what is cached goes missing all at once; lives of random length spread it";
	return "clients wait a fixed time and meet again; random waits spread them";
}

static void synchrony(const struct history *h, const struct herd *x, json_t *out)
{
	const struct herd_metric *m = in_step(x);
	struct text t = {0};

	if (!m)
		return;
	text__add(&t, "%s of %s came in step, every ",
		  m->connects			 ? "Connections"
		  : strcmp(m->metric, "packets") ? "Attempts"
						 : "Packets",
		  whose(h, m));
	text__seconds(&t, m->synchrony.period_ns);
	text__add(&t, " (R = %.2f, where 1 is all at the same instant and 0 spread evenly): %s",
		  m->synchrony.r, why_in_step(x, m));
	findings__say(out, &t);
}

void findings__herd(const struct history *h, const struct herd *x, json_t *out)
{
	kind(x, out);
	for (size_t i = 0; i < x->n; i++)
		metastable(h, &x->v[i], out);
	others(x, out);
	synchrony(h, x, out);
}
