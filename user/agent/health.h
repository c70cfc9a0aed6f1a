/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * health.h: what /healthz and /readyz answer. Pure but for health__probe_bpf().
 *
 *   /healthz   alive: the loop has turned within HEALTH_TURN_NS. It answers from the loop itself, so one that hangs does
 *		not answer at all, which the kubelet takes for the same. An API server that is away is no reason to kill
 *		an agent: it keeps to the deadlines that it holds.
 *   /readyz    of use: the objects and pods have been listed once, and BPF programs can be loaded.
 */
#ifndef CHAOS_AGENT_HEALTH_H
#define CHAOS_AGENT_HEALTH_H

#include "agent/http.h"
#include "agent/metrics.h"

#include <stdbool.h>

#define HEALTH_TURN_NS (30LL * 1000000000)

struct health {
	int64_t turned_ns;	 /* CLOCK_MONOTONIC: when the loop last turned */
	const char *waiting_for; /* what has not been listed yet: "pods"; NULL: nothing */
	char bpf[256];		 /* why BPF programs cannot be loaded; "": they can */
};

/* Load the data plane's programs with nothing to do, and let them go: some 100 ms, once at the start. */
void health__probe_bpf(struct health *h);

/* All pages of the agent; for an http_page_fn. @m may be NULL. */
void health__page(const struct health *h, const struct metrics *m, const char *path, int64_t now_ns,
		  struct http_page *ret);

#endif
