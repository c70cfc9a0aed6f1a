/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * places.h: the namespaces that a plan's members are in, each once: what is in them, and word of
 * their changes. A namespace keeps its number while a member is in it; the number of one that no
 * member is in any more is given to the next that comes.
 */
#ifndef CHAOS_PLACES_H
#define CHAOS_PLACES_H

#include "datapath/compile.h"
#include "datapath/dataplane.h"

struct place_netns {
	int fd; /* -1: the number is free */
	struct netns_id id;
	int monitor;
	struct netns_scan scan;
	uint64_t *since; /* for each of scan.addrs */
	bool left;	 /* no member is in it any more */
};

struct places {
	struct place_netns *v;
	size_t n, cap;
	struct compile_place *standing; /* which member is where */
	size_t n_standing;
	int epoll_fd; /* readable when a monitor is */
	uint64_t addr_seq;
};

/* Find, watch and scan them. */
int places__open(const struct dp_plan *plan, struct places *ret, struct error *err);
void places__close(struct places *p);

/*
 * The plan's members are elsewhere now: watch and scan what is new, mark what they have left. A namespace
 * that cannot be looked at is named in @err and left out. Negative only when nothing could be changed.
 */
int places__move(struct places *p, const struct dp_plan *plan, struct error *err);
/* Give up what was left, after nothing of ours is in it. */
void places__leave(struct places *p);

/* Look again where something has changed; true in @ret_changed if anything had. Namespaces that
 * could not be looked at keep what was known of them and are named in @err. */
int places__rescan(struct places *p, const struct dp_plan *plan, bool *ret_changed,
		   struct error *err);

#endif
