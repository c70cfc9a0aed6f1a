/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load_plan.h: internal to load*.c: when a client does the next thing, and to which key. Pure: all
 * is drawn under the seed.
 */
#ifndef CHAOS_RECORDER_LOAD_PLAN_H
#define CHAOS_RECORDER_LOAD_PLAN_H

#include "experiment/experiment.h"
#include "lib/rng.h"

#include <stdatomic.h>

/* --- pace --------------------------------------------------------------------------------------- */

struct pacing {
	enum load_mode mode;
	double rate_per_s; /* LOAD_OPEN: of all clients together */
	bool poisson;
	int64_t think_ns; /* LOAD_CLOSED: mean */
	unsigned int clients;
	int64_t start_ns;
	uint64_t first; /* numbers of operations begin at this many for each client */
};

/* Of one client. */
struct pace {
	struct rng rng;
	uint64_t n; /* operations so far */
	double at;  /* poisson: ns after the start */
};

void pace__init(struct pace *p, uint64_t seed, unsigned int client);
/*
 * When the client's next operation is due, given that its last one was over at @now_ns (not before the
 * start). Its number, different from those of all others in the workload, goes into @ret_intent.
 *
 * Even: operation i of the workload is due at i / rate, and client i mod n does it. Poisson: each
 * client has a process of its own, of rate / n; together they are one of the rate.
 */
int64_t pace__next(struct pace *p, const struct pacing *how, unsigned int client, int64_t now_ns,
		   uint64_t *ret_intent);

/* Number @n of client @client: no two clients have the same. */
uint64_t pacing__number(const struct pacing *how, uint64_t n, unsigned int client);
/* The client begins at @now_ns: what was due before was never its own. */
void pace__skip(struct pace *p, const struct pacing *how, unsigned int client, int64_t now_ns);

/* Exponential with @mean_ns: what a Poisson process and memoryless thinking have between events. */
int64_t draw__exponential(struct rng *r, double mean_ns);
/* Uniform in [0, 1). */
double draw__unit(struct rng *r);

/* --- retries ------------------------------------------------------------------------------------ */

/*
 * How long to wait after failed attempt @attempt (0, 1, ...). Full jitter is uniform over 0 to min(cap,
 * base * 2^attempt), from "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), exponential
 * the upper end of that.
 */
int64_t retry__delay_ns(const struct retry *r, unsigned int attempt, struct rng *rng);

/*
 * A retry budget, after those of Finagle and gRPC: a token bucket that every operation puts the budget's
 * share of a token into and every retry takes a whole one from; it begins empty. So there are never
 * more retries than that share of operations. It holds BUDGET_TOKENS at most: a long calm does not
 * buy a storm.
 */
#define BUDGET_TOKENS 10
struct retry_budget {
	_Atomic int64_t millionths;
};
void budget__deposit(struct retry_budget *b, double share);
bool budget__take(struct retry_budget *b, double share); /* @share 0: no bound */

/* --- keys --------------------------------------------------------------------------------------- */

/* 0 ... n - 1, where key k is drawn in proportion to (k + 1)^-zipf. */
struct keyspace {
	unsigned int n;
	double *up_to; /* cumulative; NULL: all alike */
};
int keyspace__init(struct keyspace *k, unsigned int n, double zipf); /* 0 or -ENOMEM */
void keyspace__reset(struct keyspace *k);
unsigned int keyspace__draw(const struct keyspace *k, struct rng *r);

#endif
