/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plan.h: resolves an experiment's endpoints on this machine and turns experiment plus schedule into
 * a plan for the data plane. Touches nothing: it opens namespaces and looks names up.
 */
#ifndef CHAOS_PLAN_H
#define CHAOS_PLAN_H

#include "datapath/dataplane.h"
#include "experiment/experiment.h"
#include "experiment/schedule.h"
#include "lab/lab.h"
#include "lib/error.h"
#include "run/exempt.h"
#include "run/select.h"

struct plan_options {
	bool allow_host; /* --allow-host: as spec.allowHost */
	enum dp_attach_mode mode;
	enum dp_hold_mode hold;
	const char *members; /* run_options.members */
};

struct plan {
	const struct experiment *e; /* borrowed */
	struct dp_plan dp;
	struct select *select;	 /* owns the namespaces that the members are in */
	struct windows *windows; /* per fault */
	struct edges *edges;	 /* per fault */
	struct node_exempts node_exempts;
};

/*
 * @lab may be NULL: then lab nodes stay unresolved (netns_fd -1), as for `chaos check`. -EINVAL with file:line:col for what
 * matches nothing, includes the caller or exceeds maxEndpoints.
 */
int plan__make(const struct experiment *e, const struct lab *lab, const struct plan_options *opts,
	       struct plan **ret, struct error *err);
void plan__free(struct plan *p);
static inline void cleanup_plan(struct plan **p)
{
	plan__free(*p);
}

/* Name of endpoint index @i of an edge, "other" for EDGE_ANY. */
const char *plan__edge_name(const struct experiment *e, size_t i);

#endif
