/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runs.h: the runs of a cluster as one node sees them. Each object that asks for faults is a run; for each that has, or
 * comes to have, a selected pod on this node there is a child (child.h). What is known of a run lies in the API and in
 * its folder alone, so an agent that is started again goes on where the one before it was.
 *
 * A run is stepped when something about it changed or is due: what should be is compared with what is, and what
 * differs is done or sent. Nothing is assumed of what was sent before: a patch that was lost is computed again.
 */
#ifndef CHAOS_AGENT_RUNS_H
#define CHAOS_AGENT_RUNS_H

#include "agent/pods.h"
#include "kube/kube.h"

#include <poll.h>

enum {
	RUNS_CHILDREN_MAX = 64,		      /* on one node, at a time */
	RUNS_FDS_MAX = 2 * RUNS_CHILDREN_MAX, /* of children, and of records that are collected */
};

struct collect_ops;

/* The world, as runs see it. */
struct runs_ops {
	int (*request)(void *arg, const struct kube_request *r); /* as kube__request() */
	void (*cancel)(void *arg, const void *who);		 /* as kube__cancel() */
	int64_t (*now)(void *arg);				 /* CLOCK_MONOTONIC */
	int64_t (*realtime)(void *arg);
	bool (*clock)(void *arg, int64_t *ret_lo_ns, int64_t *ret_hi_ns); /* as kube__clock() */
	const struct collect_ops *collect; /* the same for collectors, with the same arg */
	json_t *(*exempt)(void *arg); /* addresses of this node, an array of strings; NULL: none */
	/* Tell people about @obj (the run's object, or a pod by its metadata). */
	void (*event)(void *arg, const json_t *obj, bool warning, const char *reason,
		      const char *words);
};

struct runs_config {
	const char *node, *agent; /* agent: the name of its pod, may be NULL */
	const char *dir;
	const char *exe; /* of the children */
	int64_t lead_ns; /* from deciding the start to the start */
	const struct runs_ops *ops;
	void *arg;
};

struct runs;

/* Strings are borrowed. */
int runs__new(const struct runs_config *c, struct runs **ret);
/* Children that are still there are killed. */
void runs__free(struct runs *r);

enum run_kind { RUN_EXPERIMENT, RUN_NETWORKCHAOS, RUN_WORKFLOW };
#define RUN_KINDS (RUN_WORKFLOW + 1)
struct run_kind_info {
	const char *kind, *group_version, *plural;
};
extern const struct run_kind_info run_kinds[];

/* From the watches. @obj of a PUT is whole. */
void runs__put(struct runs *r, enum run_kind kind, const json_t *obj);
void runs__gone(struct runs *r, const json_t *obj);
/* All objects of @kind have been told: folders of those that are no more are removed. */
void runs__synced(struct runs *r, enum run_kind kind);

/* What pods they ask for. */
struct runs_want {
	bool pods, nodes;
	char ns[256]; /* only of this namespace; "": of all */
};
struct runs_want runs__want(const struct runs *r);
/* @p is borrowed until the next call; NULL: not known (yet). Call it again after each change. */
void runs__set_pods(struct runs *r, const struct pods *p);
/* Why they are not known, for those who wait; NULL: no reason. */
void runs__set_trouble(struct runs *r, const char *words);

/* Do what is due. Returns when to come again at the latest (CLOCK_MONOTONIC, ns). */
int64_t runs__step(struct runs *r);
/* What to poll for POLLIN before the next step: at most RUNS_FDS_MAX. */
size_t runs__fds(const struct runs *r, struct pollfd *fds);

/* Ask all children to end, for the end of the agent; true as soon as none is left. */
bool runs__end(struct runs *r, bool now);

/* For metrics. */
struct runs_count {
	size_t objects, active, children, refused, failed, owed; /* owed: what is not sent yet */
};
struct runs_count runs__count(const struct runs *r);

/* Each run that this node knows, as its object is now. @live: live.json of its child, or NULL. */
typedef void runs_each_fn(void *arg, const json_t *obj, const char *node_phase, const json_t *live);
void runs__each(const struct runs *r, runs_each_fn *fn, void *arg);

#endif
