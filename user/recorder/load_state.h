/* SPDX-License-Identifier: GPL-2.0-only */
/* load_state.h: internal to load.c and load_final.c: a workload that runs. */
#ifndef CHAOS_RECORDER_LOAD_STATE_H
#define CHAOS_RECORDER_LOAD_STATE_H

#include "recorder/inside.h"
#include "recorder/load_internal.h"

#include <stdatomic.h>

struct place {
	char *node, *ip;
	int netns_fd; /* borrowed */
	_Atomic uint64_t attempted, acked, failed, unknown, reads;
};

struct client {
	struct load *load;
	struct place *place;
	int index;
	struct inside thread;
	void *store;
};

struct load {
	struct recorder *recorder;
	const struct store_ops *ops;
	char *name;
	struct place *places;
	size_t n_places;
	uint16_t port;
	uint64_t seed;
	double rate_per_s, reads;
	int64_t timeout_ns;

	struct client *clients;
	unsigned int n_clients;
	int64_t start_ns; /* when operation 0 is due */
	struct halt halt;

	_Atomic int64_t next_value;
	_Atomic int64_t last_acked; /* in the order of acknowledgements; -1 = none yet */
	int64_t base;		    /* values below it were there before the run */
};

/* Look at every place, for at most a second, for values that an earlier run left, and begin above
 * them. */
void load__find_base(struct load *l);

#endif
