// SPDX-License-Identifier: GPL-2.0-only
/* agent_pages.c: what is served by HTTP: metrics, and how the agent is. */
#include "agent/agent_internal.h"

#include "datapath/dataplane.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <string.h>
#include <sys/utsname.h>

/* The programs are loaded with nothing to do, and let go. What hinders it here hinders the children. */
static void try_bpf(struct agent *a)
{
	const struct dp_plan empty = {.mode = DP_ATTACH_CLSACT};
	_cleanup_(cleanup_dataplane) struct dataplane *dp = NULL;
	struct error err = {0};

	if (dataplane__open(&empty, &dp, &err) < 0) {
		snprintf(a->bpf, sizeof(a->bpf), "%.255s",
			 err.msg[0] ? err.msg : strerror(-err.code));
		log_warn("BPF programs cannot be loaded: %s", a->bpf);
	}
}

void agent__begin_pages(struct agent *a)
{
	struct utsname u = {0};

	uname(&u);
	metrics__set(a->metrics, METRIC_BUILD_INFO, LABELS(CHAOS_VERSION, u.release), 1);
	try_bpf(a);
	log_info("metrics and health: port %u", http_server__port(a->http));
}

static void count_clock(struct agent *a)
{
	int64_t lo, hi;

	if (!kube__clock(a->kube, &lo, &hi))
		return;
	metrics__set(a->metrics, METRIC_CLOCK_OFFSET, NO_LABELS, (double)(lo + hi) / 2 / NS_PER_S);
	metrics__set(a->metrics, METRIC_CLOCK_EPSILON, NO_LABELS, (double)(hi - lo) / 2 / NS_PER_S);
}

void agent__count(struct agent *a)
{
	struct runs_count c = runs__count(a->runs);

	metrics__begin_runs(a->metrics);
	runs__each(a->runs, metrics__run, a->metrics);
	metrics__set(a->metrics, METRIC_CHILDREN, NO_LABELS, (double)c.children);
	metrics__follow(a->metrics, METRIC_EVENTS_DROPPED, NO_LABELS,
			(double)events__dropped(a->events));
	if (a->contact_ns)
		metrics__set(a->metrics, METRIC_API_LAST_CONTACT, NO_LABELS,
			     (double)(clock__now() - a->contact_ns) / NS_PER_S);
	count_clock(a);
}

/*
 * Ready: what the API server says of Experiments is known, so one that is applied now is acted on, if the kernel lets it. An
 * agent that lost contact keeps to what it has, and says so here.
 */
static void ready(struct agent *a, struct http_page *p)
{
	const struct source *s = &a->kinds[RUN_EXPERIMENT];

	if (a->bpf[0])
		http_page__words(p, 503, "BPF programs cannot be loaded: %s", a->bpf);
	else if (kube_watch__synced(s->watch))
		http_page__words(p, 200, "ready");
	else
		http_page__words(p, 503, "%s: %s", s->what, s->why[0] ? s->why : "not listed yet");
}

void agent__page(void *arg, const char *path, struct http_page *ret)
{
	struct agent *a = arg;

	if (!strcmp(path, "/metrics")) {
		agent__count(a);
		ret->body = metrics__text(a->metrics, &ret->len);
		ret->status = ret->body ? 200 : 500;
		ret->type = "text/plain; version=0.0.4";
	} else if (!strcmp(path, "/healthz") || !strcmp(path, "/livez")) {
		/* Who gets this knows that the loop turns. */
		http_page__words(ret, 200, "ok");
	} else if (!strcmp(path, "/readyz")) {
		ready(a, ret);
	}
}
