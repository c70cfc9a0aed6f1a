/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * resolve.h: the pods that the selectors of an experiment come to, as the child's members.json has them. All agents that
 * see the same pods come to the same. Pure.
 */
#ifndef CHAOS_AGENT_RESOLVE_H
#define CHAOS_AGENT_RESOLVE_H

#include "agent/object.h"
#include "agent/pods.h"

struct resolution {
	json_t *members; /* members.json without "exempt" */
	json_t *picked; /* {"ENDPOINT/SELECTOR": ["NS/NAME", ...]} of the selectors with a `pick` */
	size_t n_here;	/* pods on @node, each counted once */
	size_t n_all;
};
void resolution__reset(struct resolution *r);

/*
 * What the `pods:` selectors of @o come to now, seen from @node. @picked: what they came to at the start (o->picked), NULL:
 * this is the start, choose. Of a selector with a `pick` those that were picked stay, also when another pod of the
 * same name takes their place; of others, pods that come later are members too. A pod is a member from when it
 * has an address until it has ended.
 *
 * At the start: -ENOENT when a selector chooses no pod, with the nearest words; -EINVAL when it chooses pods in the
 * node's own network (hostNetwork), or all pods of the cluster without spec.maxEndpoints. Those may come later:
 * then they are no members, and that is no error. Always: -EINVAL for more pods than spec.maxEndpoints, where
 * who has members already keeps them; -ENOMEM.
 *
 * A pod's `place` is the endpoint's name where that can only ever be one pod, chosen by name; else ENDPOINT/POD, and
 * ENDPOINT/NS.POD where the endpoint's selectors name several namespaces: it does not depend on who else is there.
 */
int resolve__pods(const struct pods *p, const struct cluster_object *o, const char *node,
		  const json_t *picked, struct resolution *ret, struct error *err);

#endif
