/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * places.h: the namespaces that a plan's members are in, each once: what is in them, and word of
 * their changes.
 */
#ifndef CHAOS_PLACES_H
#define CHAOS_PLACES_H

#include "datapath/compile.h"
#include "datapath/dataplane.h"

struct place_netns {
	int fd; /* borrowed from a member */
	int monitor;
	struct netns_scan scan;
	uint64_t *since; /* for each of scan.addrs */
};

struct places {
	struct place_netns *v;
	size_t n;
	ssize_t *of_member; /* index into v, or -1 */
	int epoll_fd;	    /* readable when a monitor is */
	uint64_t addr_seq;
};

/* Find, watch and scan them. */
int places__open(const struct dp_plan *plan, struct places *ret, struct error *err);
void places__close(struct places *p);

/* Look again where something has changed; true in @ret_changed if anything had. Namespaces that
 * could not be looked at keep what was known of them and are named in @err. */
int places__rescan(struct places *p, const struct dp_plan *plan, bool *ret_changed,
		   struct error *err);

#endif
