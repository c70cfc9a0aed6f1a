/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * place.h: where probes and clients live: the network namespaces that an endpoint is here. Most endpoints are
 * one place, with the endpoint's name. Pods, and several containers or namespaces of one endpoint, are a place each,
 * ENDPOINT/POD: what comes again with that name, in whatever namespace, is the same place.
 *
 * With a members' file the names are those that it gives, and pods of other nodes are places too, which are not here.
 */
#ifndef CHAOS_PLACE_H
#define CHAOS_PLACE_H

#include "datapath/dataplane.h"
#include "datapath/netns.h"
#include "lib/error.h"

#include <jansson.h>

struct run;

enum { RATE_SLOTS = 11 }; /* counts of the last second, at 100 ms each */

struct rate {
	uint64_t acked[RATE_SLOTS], failed[RATE_SLOTS];
};

struct place {
	char *name;
	const char *node; /* of the lab; NULL: it is no lab's node */
	size_t endpoint;  /* index into the experiment's */
	bool elsewhere;	  /* a pod of another node */
	int netns_fd;	  /* -1: it has no namespace here now */
	struct netns_id netns;
	unsigned int generation; /* one more with each namespace that it has had */
	char ip[46];		 /* of the server in it; "" unless it has a namespace, or is elsewhere */
	bool addressless;	 /* it has no address yet but its own loopback's */
	bool exited;
	bool seen; /* in the look at hand */
	struct rate rate;
	struct chaos_traffic traffic; /* at the end of the last bin */
};

/* The places as the selectors have them now. */
int run_places__open(struct run *run, struct error *err);
/* After they were matched again: what came, moved or went is recorded. True: there was something. */
bool run_places__follow(struct run *run);
/* Some place has had no address yet: it is worth another look when addresses come. */
bool run_places__are_new(const struct run *run);
void run_places__free(struct run *run);

/* The first place of endpoint @name that is after @after (NULL: the first of all); NULL: no more. */
struct place *run_places__of(const struct run *run, const char *name, const struct place *after);
/* For the run event. */
json_t *run_places__json(const struct run *run);

#endif
