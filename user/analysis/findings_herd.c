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
		[HERD_RETRIES] = "Retry storm: clients that had no answer asked again and so added "
				 "to the load",
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
		  "Metastable: the fault was gone, and %s had answers at %.3g/s at the end "
		  "(%.3g/s before the fault) while its clients still sent %.3g attempts/s: the "
		  "load kept itself up",
		  h->workloads[m->workload].name, m->goodput.end, m->goodput.baseline, m->load.end);
	findings__say(out, &t);
}

static const char *whose(const struct history *h, const struct herd_metric *m)
{
	return m->service	  ? m->service
	       : m->workload >= 0 ? h->workloads[m->workload].name
				  : "all nodes";
}

/* Is it a crowd, too? A side that is cut off and asks once a time-out is in step and harms nobody. */
static bool is_crowd(const struct herd_metric *m)
{
	return m->pbr >= 2 || m->fault_pbr >= 2;
}

/* Of all that come in step, the one that does most: they are mostly the same clients. */
static void synchrony(const struct history *h, const struct herd *x, json_t *out)
{
	const struct herd_metric *m = NULL;
	struct text t = {0};

	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].synchrony.period_ns != HISTORY_NONE && is_crowd(&x->v[i]) &&
		    (!m || x->v[i].synchrony.r > m->synchrony.r))
			m = &x->v[i];
	if (m) {
		text__add(&t, "%s of %s came in step, every ",
			  m->connects			 ? "Connections"
			  : strcmp(m->metric, "packets") ? "Attempts"
							 : "Packets",
			  whose(h, m));
		text__seconds(&t, m->synchrony.period_ns);
		text__add(&t,
			  " (R = %.2f, where 1 is all at the same instant and 0 spread evenly): "
			  "clients wait a fixed time and meet again; random waits spread them",
			  m->synchrony.r);
	}
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
