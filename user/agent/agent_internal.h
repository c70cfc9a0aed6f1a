/* SPDX-License-Identifier: GPL-2.0-only */
/* agent_internal.h: what the files of agent.h share. */
#ifndef CHAOS_AGENT_AGENT_INTERNAL_H
#define CHAOS_AGENT_AGENT_INTERNAL_H

#include "agent/agent.h"
#include "agent/collect.h"
#include "agent/events.h"
#include "agent/http.h"
#include "agent/metrics.h"
#include "agent/pods.h"
#include "agent/runs.h"
#include "agent/schedule.h"

/* One watch, and what of it is told. */
struct source {
	struct agent *a;
	const char *what; /* "networkchaos" */
	struct kube_watch *watch;
	enum run_kind kind;
	bool lost;
	char why[200]; /* it is lost */
};

struct asked;

struct agent {
	const struct agent_options *o;
	struct kube *kube;
	struct runs *runs;
	struct schedules *schedules;
	struct events *events;
	struct metrics *metrics;
	struct http_server *http; /* NULL: not asked for */
	struct asked *asked;	  /* requests that are on their way */
	struct source kinds[RUN_KINDS], schedule, pod, node;
	/* @coming: what a watch of another scope tells, until it has told all */
	struct pods *pods, *coming;
	struct runs_want scope;	 /* of the watches of pods and nodes that are on */
	int64_t pods_changed_ns; /* 0: nothing new */
	json_t *exempt;
	int64_t exempt_at_ns;
	int64_t counted_ns, contact_ns; /* contact: 0: none yet */
	char bpf[256];			/* why BPF programs cannot be loaded; "": they can */
};

/* agent_api.c: the world, as runs, schedules, collectors and Events see it. */
extern const struct runs_ops agent_ops;
void agent__forget_asked(struct agent *a);

/* agent_pages.c */
/* What is known from the start: what this is, and whether it can be of use. */
void agent__begin_pages(struct agent *a);
void agent__count(struct agent *a);
http_page_fn agent__page;

#endif
