/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * scratch.h: two network namespaces joined by a veth pair, for probes. Only open fds hold them:
 * they end with us, however we end.
 */
#ifndef CHAOS_SCRATCH_H
#define CHAOS_SCRATCH_H

#include "lib/error.h"

#include <netinet/in.h>

/* Of the probes' packets; above those that take a capability to bind. */
enum { SCRATCH_PORT = 40009 };

struct scratch {
	int netns[2];
	int ifindex[2];
	struct in_addr addr[2];
};

/* @err says which step failed; @ret_step is what is missing: "netns" or "veth". */
int scratch__open(struct scratch *ret, const char **ret_step, struct error *err);
void scratch__close(struct scratch *s);

/* Try a qdisc as the root of a device of the first namespace. */
int scratch__try_qdisc(const struct scratch *s, const char *kind);

/* A UDP socket in one of the two, bound to its address. */
int scratch__socket(const struct scratch *s, int which);

#endif
