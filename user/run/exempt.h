/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exempt.h: the flows that keep the way in open while the caller's own namespace is under a fault: the SSH session that
 * the caller came by, its name servers, the Kubernetes API server.
 */
#ifndef CHAOS_EXEMPT_H
#define CHAOS_EXEMPT_H

#include "datapath/dataplane.h"

/* Text "192.0.2.1" or "2001:db8::1" to an address of the ABI; 0 or -EINVAL. */
int addr__parse(const char *text, struct chaos_addr *ret);
/* The reverse; @buf of at least 46 bytes. Returns @buf. */
const char *addr__format(const struct chaos_addr *a, char *buf, size_t size);

/* Find them; @host adds name servers and the API server, which matter only to the caller's own namespace. Appends to
 * plan->exempts. 0 or -ENOMEM. */
int exempt__find(struct dp_plan *plan, bool host);

struct members;
struct dataplane;

/* Addresses of the node itself that are exempt now. */
struct node_exempts {
	struct chaos_addr *v;
	size_t n;
};

/*
 * Exempt what @m says, but for what an address or name of the experiment covers: that is meant. Called again when either
 * has changed, it takes back what is no longer so. Changes plan->exempts, and those of @dp if it is not NULL. 0 or
 * negative errno.
 */
int exempt__node(struct node_exempts *was, struct dp_plan *plan, struct dataplane *dp,
		 const struct members *m);

#endif
