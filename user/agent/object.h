/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * object.h: an object of the API that asks for faults: an Experiment of netchaos.dev, a NetworkChaos or a Workflow of
 * chaos-mesh.org. What cannot be honoured is refused with the path of its field. Pure.
 */
#ifndef CHAOS_AGENT_OBJECT_H
#define CHAOS_AGENT_OBJECT_H

#include "experiment/experiment.h"

#include <jansson.h>

enum object_kind { OBJECT_EXPERIMENT, OBJECT_NETWORK_CHAOS, OBJECT_WORKFLOW };

struct cluster_object {
	struct experiment *e; /* NULL from object__head() */
	enum object_kind type;
	char *kind, *ns, *name, *uid;
	int64_t generation, observed_generation; /* 0: not said */

	/* annotations */
	bool paused;	   /* netchaos.dev/pause or experiment.chaos-mesh.org/pause: "true" */
	bool stop;	   /* netchaos.dev/stop: "true" */
	bool node_traffic; /* netchaos.dev/node-traffic: "fault": what the node itself sends is faulted, too */
	bool deleting;	   /* metadata.deletionTimestamp */

	int64_t start_at_ns; /* status.startAt, CLOCK_REALTIME; 0: none */
	json_t *picked;	     /* status.picked; once there is a start never NULL, before it NULL */
};

struct object_options {
	bool allow_host; /* may spec.allowHost be set? */
};

/*
 * What says which object it is and what has become of it, without its spec, which may be bad. -EINVAL: it is no such
 * object, -ENOMEM.
 */
int object__head(const json_t *obj, struct cluster_object *ret, struct error *err);

/*
 * All of it. -EINVAL: refused, each finding a line "spec.selector.mode: why", all of it UTF-8. A seed that it does not
 * have comes from its UID, so that it is the same for all who read it. @opts may be NULL.
 */
int object__load_as(const json_t *obj, const struct object_options *opts,
		    struct cluster_object *ret, struct error *err);
int object__load(const json_t *obj, struct cluster_object *ret, struct error *err);

void cluster_object__reset(struct cluster_object *o);

#endif
