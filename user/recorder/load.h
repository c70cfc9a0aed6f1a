/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.h: workloads: clients that write and read during the run, each in the namespace of a node
 * (the side of the cut that it is on), and the final reads after the heal. Of what writes to a store (load_internal.h)
 * each client is a thread; clients of HTTP share one for each place (load_loop.h).
 *
 * Mode open: operations are due at a rate, whatever happened to the ones before. A client that is
 * late by more than the time limit of an attempt records the operations that it could not send as
 * failed with invoke_ns null, so offered load stays what was asked for; latencies from the intended
 * time have no coordinated omission. Mode closed: each client thinks, acts, thinks again.
 *
 * An operation (intent) that fails is tried again by the retry policy; each attempt is an event of its own.
 * What may have happened (outcome unknown) is tried again only where this does no harm: reads, requests,
 * and values of a set, which are the same value again.
 *
 * Check "set": every add writes a value never written before (0, 1, 2 ..., or from above what an
 * earlier run left at any of the places); a read asks for the value whose add was acknowledged last
 * before it, by any client. Which operations read is drawn under the seed.
 *
 * The other checks (load_objects.c) have keys of this run's own; all values written are different.
 *   register  write and read of 5 keys
 *   cas       compare-and-set of 5 keys, from what the client saw last to a new value; it reads
 *             where it knows nothing
 *   counter   one counter: add 1, read
 *   queue     one queue: push, pop, half of each
 *   lock      one lock with a lease of 3 s (Consul: 10 s, the shortest that it has): acquire, and if that
 *             worked release. With a resource, on another server, its holder uses that in between: it puts
 *             its token there, and is told how many were put there so far
 */
#ifndef CHAOS_LOAD_H
#define CHAOS_LOAD_H

#include "experiment/experiment.h"
#include "recorder/recorder.h"

#include <stdint.h>

struct load_place {
	const char *node;
	int netns_fd;	/* borrowed; -1: it has none now, and its clients wait for load__return() */
	bool elsewhere; /* with netns_fd -1: its clients are another process's, of the same run */
	const char *ip; /* of the server that clients here talk to */
	/* ${@name} of the lab, "node" and "ip" of this place; NULL: not known. Borrowed, as what it returns. */
	const char *(*lookup)(const char *name, void *arg);
	void *lookup_arg;
	/* system http: what clients here ask for; may hold ${key} */
	const char *url, *body;
	const struct http_header *headers; /* borrowed; cfg.http->n_headers of them */
};

struct workload_login;	/* experiment/experiment.h */
struct custom_workload; /* experiment/custom.h */

struct load_config {
	const char *name, *system, *check;
	const struct workload_login *login;   /* may be NULL; borrowed */
	const struct custom_workload *custom; /* NULL: a built-in system; borrowed */
	const struct load_place *places;
	size_t n_places;
	const char *resource_ip; /* check lock: server that its holders use; NULL: none */
	bool fenced;		 /* which refuses a token lower than one that it has seen */
	uint16_t port;		 /* 0 = the system's default */
	unsigned int clients;
	enum load_mode mode;
	double rate_per_s; /* LOAD_OPEN */
	bool poisson;
	int64_t think_ns; /* LOAD_CLOSED */
	double reads;
	int64_t timeout_ns;
	struct retry retry;
	bool connect_anew;
	const struct http_load *http; /* system http; borrowed until the load is freed */
	uint64_t seed;
	/*
	 * Several processes, each with some of the places, are one workload: not 0, the same in all of them and in no other run.
	 * Clients are numbered over all places, so they must be given the same ones in the same order. Operations
	 * and values are numbered by client and @member (the process, of that name; one that joined @joined_ns
	 * after the start is another), so that none is used twice, whatever they know of each other.
	 */
	uint64_t shared;
	const char *member;
	int64_t joined_ns;
};

struct load_counts {
	/* attempts to change something, requests among them, and of those, what became of them */
	uint64_t attempted, acked, failed, unknown;
	uint64_t reads; /* attempts to read */
};

/* Of attempts that succeeded in the last full second, for live display; -1: there was none. */
struct load_latency {
	int64_t intended_p50_ns, intended_p99_ns, service_p50_ns, service_p99_ns;
};

struct load;

/* Is the library of @system there? Else -ENOENT, with the package that has it. */
int load__check_system(const char *system, struct error *err);

/* @r may be NULL. Looks for such values first: takes as long as the slowest place, at most min(time
 * limit, 1 s). */
int load__start(const struct load_config *cfg, struct recorder *r, struct load **ret,
		struct error *err);
/* Totals so far of the clients at @place (index), for live display. */
void load__counts(struct load *l, size_t place, struct load_counts *ret);
void load__latency(struct load *l, struct load_latency *ret);
/*
 * The namespace of place @place (index) has gone, or is @elsewhere: its clients stop, and wait. load__settle() waits until they have,
 * at most a time limit; then load__return() starts them again where it is now. Of what was due meanwhile,
 * mode open records each as failed and never sent; clients of what was elsewhere begin with what is due from now on.
 * @resource_ip: of all clients from now on; NULL: as it was. On failure they go on waiting.
 */
void load__leave(struct load *l, size_t place, bool elsewhere);
void load__settle(struct load *l, size_t place);
int load__return(struct load *l, size_t place, const struct load_place *p, const char *resource_ip,
		 struct error *err);
/* No new operations; waits for the attempts in flight, and then writes the "load" event. */
void load__stop(struct load *l);
/*
 * Read the whole set at every place, every 500 ms, until all agree or @limit_ns has passed; one
 * "final" event per place and attempt. 0 if they agree, -ETIMEDOUT, or -EINTR when @stop (may be
 * NULL) is not 0.
 */
int load__final(struct load *l, int64_t limit_ns, const volatile int *stop);
/* Whether what it writes is kept somewhere, and can be read back. */
bool load__is_kept(const struct load *l);
void load__free(struct load *l); /* stops first; NULL is fine */

#endif
