/* SPDX-License-Identifier: GPL-2.0-only */
/* load_state.h: internal to load.c and load_final.c: a workload that runs. */
#ifndef CHAOS_RECORDER_LOAD_STATE_H
#define CHAOS_RECORDER_LOAD_STATE_H

#include "recorder/inside.h"
#include "lib/clock.h"
#include "recorder/load_internal.h"

#include <stdatomic.h>

struct place {
	char *node, *ip;
	int netns_fd; /* borrowed */
	const char *(*lookup)(const char *name, void *arg);
	void *lookup_arg;
	_Atomic uint64_t attempted, acked, failed, unknown, reads;
};

/* Of a register or cas. Few, so that clients meet. */
#define LOAD_KEYS 5
/* Of a lock. Long enough for several operations of a client, short enough to run out in a cut. */
#define LOAD_LEASE_NS (3 * NS_PER_S)

struct client {
	struct load *load;
	struct place *place;
	int index;
	struct inside thread;
	void *store;
	/* what it knows of the objects */
	int64_t seen[LOAD_KEYS]; /* last value read or set, NOTHING, or UNSEEN */
	int64_t hold;		 /* value of the lock that it has, or NOTHING */
	int64_t hold_until_ns;	 /* its lease cannot run out before */
};
#define UNSEEN (-2)

/* One operation, for the record. */
struct operation {
	const char *verb;
	bool is_read;
	int64_t value;				   /* NOTHING is recorded as null */
	int64_t intended_ns, invoke_ns, return_ns; /* invoke 0: never sent */
	struct answer answer;
	json_t *more; /* further fields, or NULL */
};

struct load {
	struct recorder *recorder;
	const struct store_ops *ops;
	const struct workload_login *login;
	const struct custom_workload *custom;
	enum object object;
	char *name;
	char *stem; /* of the names of its keys: the name, and of objects this run's own */
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

/* Of client @client (-1: none) at @p. */
struct store_spec load__spec(const struct load *l, const struct place *p, int client);
/* Operation @i of the workload, due at @due, on another object than a set. */
void object__perform(struct client *c, uint64_t i, int64_t due);
/* Too late to be sent? Then @op is what is recorded of it. */
bool operation__is_late(struct operation *op, int64_t now, int64_t timeout_ns);
void operation__done(struct client *c, struct operation *op); /* counted, recorded */
/* All values of the object: what list is for sets. */
int object__list(const struct load *l, void *store, int64_t deadline_ns, struct values *ret,
		 char *why, size_t why_size);

/* Look at every place, for at most a second, for values that an earlier run left, and begin above
 * them. */
void load__find_base(struct load *l);

#endif
