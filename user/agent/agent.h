/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.h: `chaos agent`: one of these a node. A single thread and one event loop between the API server (kube/kube.h)
 * and the children (child.h); what is decided is in runs.h, schedule.h and collect.h.
 */
#ifndef CHAOS_AGENT_AGENT_H
#define CHAOS_AGENT_AGENT_H

#include "kube/kube.h"
#include "lib/error.h"

#include <stdbool.h>
#include <stdint.h>

struct agent_options {
	struct kube_config kube;
	const char *node;
	const char *pod;    /* the agent's own, for the status; may be NULL */
	const char *dir;    /* for the runs' folders; is made */
	const char *listen; /* "ADDR:PORT" or ":PORT"; NULL: no metrics and health */
	const char *ns;	    /* only this namespace's objects and pods; NULL: all */
	bool no_chaosmesh;
	int64_t lead_ns;
	const volatile int *stop; /* set by signal handlers */
	int wake_fd;		  /* readable when *stop was set */
};

/* Until it is told to stop. Children are then ended in order. 0, or a negative errno with words. */
int agent__run(const struct agent_options *o, struct error *err);

#endif
