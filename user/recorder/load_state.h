/* SPDX-License-Identifier: GPL-2.0-only */
/* load_state.h: internal to load*.c: a workload that runs. */
#ifndef CHAOS_RECORDER_LOAD_STATE_H
#define CHAOS_RECORDER_LOAD_STATE_H

#include "lib/clock.h"
#include "lib/hist.h"
#include "recorder/inside.h"
#include "recorder/load_internal.h"
#include "recorder/load_plan.h"

#include <stdatomic.h>

struct place {
	const char *(*lookup)(const char *name, void *arg);
	void *lookup_arg;
	char *node, *ip, *url, *body;
	const struct http_header *headers; /* borrowed */
	int netns_fd;			   /* borrowed; -1: it has none now */
	bool elsewhere;			   /* its clients are not ours */
	struct halt halt;		   /* its clients are to stop */
	int64_t back_ns;		   /* when it was here again; 0: it never went */
	_Atomic uint64_t attempted, acked, failed, unknown, reads;
};

/* Of a register or cas. Few, so that clients meet. */
#define LOAD_KEYS 5
/* Of a lock. Long enough for several operations of a client, short enough to run out in a cut. */
#define LOAD_LEASE_NS (3 * NS_PER_S)

struct wire_ops; /* load_loop.h */

struct client {
	struct load *load;
	struct place *place;
	int index;
	struct pace pace;
	uint64_t values;      /* that it made, of a shared workload */
	struct rng rng;	      /* of its retries */
	struct inside thread; /* stores */
	void *store;
	/* what it knows of the objects */
	int64_t seen[LOAD_KEYS]; /* last value read or set, NOTHING, or UNSEEN */
	int64_t hold;		 /* value of the lock that it has, or NOTHING */
	int64_t hold_until_ns;	 /* its lease cannot run out before */
	int64_t token;		 /* of that hold */
	bool used;		 /* the resource, in that hold */
	void *resource;		 /* the store there, or NULL */
};
#define UNSEEN (-2)

/* One operation, for the record. */
struct operation {
	const char *verb;
	bool is_read;
	int64_t value;				   /* NOTHING is recorded as null */
	int64_t intended_ns, invoke_ns, return_ns; /* invoke 0: never sent */
	uint64_t intent;
	unsigned int attempt;
	bool again; /* it may be tried again when nobody knows whether it happened */
	struct answer answer;
	json_t *more; /* further fields, or NULL */
};

struct load {
	struct recorder *recorder;
	const struct store_ops *ops;
	char *resource_ip; /* of what the holders of a lock use, or NULL */
	bool fenced;
	const struct workload_login *login;
	const struct custom_workload *custom;
	enum object object;
	char *name;
	char *stem; /* of the names of its keys: the name, and of objects this run's own */
	struct place *places;
	size_t n_places;
	uint16_t port;
	uint64_t seed;
	struct pacing pacing;
	struct retry retry;
	struct retry_budget budget;
	double reads;
	int64_t timeout_ns;
	bool connect_anew;
	const struct http_load *http; /* borrowed */
	struct keyspace keys;

	struct client *clients;
	unsigned int n_clients;
	const struct wire_ops *wire; /* if there are no stores */
	struct loop **loops;	     /* of each place, then */

	pthread_mutex_t stats_lock;
	struct load_stats *stats;
	bool started, recorded;
	bool shared; /* with other processes: see load.h */

	_Atomic int64_t next_value;
	_Atomic int64_t last_acked; /* in the order of acknowledgements; -1 = none yet */
	int64_t base;		    /* values below it were there before the run */
};

/* Of client @client (-1: none) at @p. */
struct store_spec load__spec(const struct load *l, const struct place *p, int client);
/* What the workload did, for its "load" event and the live display. */
struct load_stats {
	uint64_t intents, attempts, late, over_budget, exhausted;
	struct hist
		lateness; /* of attempts: from when it was due and its client free to when it was sent */
	struct hist intended, service; /* of attempts that succeeded */
	struct load_second {
		int64_t second; /* of CLOCK_MONOTONIC */
		struct hist intended, service;
	} recent[2]; /* this second and the last, by its number's parity */
};

/* --- load_op.c: one operation ----------------------------------------------------------------- */

/* Too late to be sent? Then @op is what is recorded of it. */
bool operation__is_late(const struct client *c, struct operation *op, int64_t now);
/* An attempt is over: counted, recorded. @due_ns: when it could have been sent at the earliest. */
void operation__done(struct client *c, struct operation *op, int64_t due_ns);
/*
 * Is there to be another attempt, after the one that is done? Then @op is set up for it, and
 * @ret_due_ns is when.
 */
bool operation__again(struct client *c, struct operation *op, int64_t *ret_due_ns);
/* An operation begins. */
void operation__begin(struct client *c, struct operation *op, uint64_t intent, int64_t intended_ns);

/* --- load_client.c: clients of stores --------------------------------------------------------- */

int clients__start(struct load *l, struct error *err);
/* Those at place @p; the stop after its halt was set. */
int clients__start_at(struct load *l, const struct place *p, struct error *err);
void clients__stop_at(struct load *l, const struct place *p);
/* A value that no one else writes. */
int64_t client__value(struct client *c);
/* Attempt after attempt of @op, by @act, until one is the last; false: we are to stop. */
bool client__attempts(struct client *c, struct operation *op, int64_t free_ns,
		      void (*act)(struct client *c, struct operation *op, void *arg), void *arg);

/* --- load_objects.c --------------------------------------------------------------------------- */

/* Operation @op on another object than a set, by a client that is free since @free_ns. */
void object__perform(struct client *c, struct operation *op, int64_t free_ns);
/* All values of the object: what list is for sets. */
int object__list(const struct load *l, void *store, int64_t deadline_ns, struct values *ret,
		 char *why, size_t why_size);

/* Look at every place, for at most a second, for values that an earlier run left, and begin above
 * them. */
void load__find_base(struct load *l);

#endif
