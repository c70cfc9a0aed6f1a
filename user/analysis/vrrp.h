/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vrrp.h: internal to this room: the events "vrrp_sender" and "garp" put together, once for findings,
 * summary.json and the lanes.
 */
#ifndef CHAOS_ANALYSIS_VRRP_H
#define CHAOS_ANALYSIS_VRRP_H

#include "analysis/internal.h"

enum {
	VRRP_ROUTERS_MAX = 32,	/* and addresses */
	VRRP_EVENTS_MAX = 2000, /* all here is quadratic in events: a broken network has many */
};

/* A virtual router: who sent as it (span.node: index of names), seen by any node. */
struct vrrp_router {
	int resource;
	int64_t vrid, family, interval_ns; /* the longest announced */
	const char **names;
	size_t n_names;
	struct span *spans;
	size_t n_spans;
	/*
	 * Two at once. A router that is relieved hears the new one within an interval and is silent
	 * from then on: what is no longer than that is a handover, and is not here.
	 */
	struct history_window *both;
	size_t n_both;
	int64_t both_ns;
};

/* Moves of an address, as the node that saw it first saw them. */
struct vrrp_address {
	const char *address;
	int node;
	int64_t *at;
	size_t moves;
	bool back; /* to a MAC that had lost it */
};

struct vrrp {
	struct vrrp_router routers[VRRP_ROUTERS_MAX];
	size_t n_routers;
	struct vrrp_address addresses[VRRP_ROUTERS_MAX];
	size_t n_addresses;
};

/* @v is zeroed before, and to be reset after a failure too. */
int vrrp__find(const struct history *h, struct vrrp *v);
void vrrp__reset(struct vrrp *v);
/* "RESOURCE/VRID": writes @buf, returns it. */
const char *vrrp__name(const struct history *h, const struct vrrp_router *r, char *buf,
		       size_t size);
json_t *vrrp__json(const struct history *h);

#endif
