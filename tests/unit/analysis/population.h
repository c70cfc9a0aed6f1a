/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * population.h: simulated clients of one server, for the calibration of the herd's numbers: the
 * attempts that they make, as a history.
 *
 * The model. 600 clients, each with a session on the server. A session lasts an exponential time
 * of mean 5.4 s; then the client connects anew. The server serves attempts first come, first
 * served, `per_s` of them a second; one that it cannot serve within the 1 s that the client waits
 * fails then, and costs it nothing (the client has gone). From 20 s to 30 s the network is cut: the
 * sessions are gone, each client learns it after a time uniform in [learn_min, learn_max] (it asks
 * the server now and then, and waits 1 s for the answer), and connects; attempts in the cut fail
 * after 1 s. A client whose attempt failed waits and tries again, until it succeeds:
 *
 *   immediate    not at all
 *   fixed        2 s
 *   full jitter  uniform in [0, min(cap, base * 2^attempt)]
 *
 * and a timer wakes it up to late_s too late.
 */
#ifndef CHAOS_TESTS_POPULATION_H
#define CHAOS_TESTS_POPULATION_H

#include "analysis/internal.h"
#include "lib/clock.h"
#include "lib/heap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum policy { IMMEDIATE, FIXED, FULL_JITTER, POLICIES };

struct population {
	double think_s, learn_min_s, learn_max_s, per_s, base_s, cap_s, late_s;
};

#define POPULATION 600
#define CUT_S 20.0
#define HEAL_S 30.0
#define END_S 60.0
#define TIMEOUT_S 1.0

/* splitmix64 (Steele, Lea, Flood 2014): the same numbers everywhere */
static inline double draw(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return ((double)((x ^ x >> 31) >> 11) + 0.5) / (double)(1ULL << 53);
}

static inline double exponential(uint64_t *seed, double mean)
{
	return -mean * log(draw(seed));
}

struct client {
	double at, intended; /* the next attempt */
	double learns;	     /* that its session is gone, at the cut */
	int attempt;
	int64_t intent;
};

static inline void population__attempt(struct history *h, const struct client *c, int client,
				       double end, bool ok)
{
	h->attempts = reallocarray(h->attempts, h->n_attempts + 1, sizeof(*h->attempts));
	h->attempts[h->n_attempts++] = (struct history_attempt){
		.intended_ns = (int64_t)(c->intended * NS_PER_S),
		.invoke_ns = (int64_t)(c->at * NS_PER_S),
		.return_ns = (int64_t)(end * NS_PER_S),
		.intent = c->intent,
		.client = client,
		.attempt = c->attempt,
		.key = HISTORY_KEY_NONE,
		.outcome = ok ? OP_OK : OP_FAIL,
		.conn = true,
	};
}

static inline void population__op(struct history *h, const struct client *c, int client, double end)
{
	h->ops = reallocarray(h->ops, h->n_ops + 1, sizeof(*h->ops));
	h->ops[h->n_ops++] = (struct history_op){
		.intended_ns = (int64_t)(c->intended * NS_PER_S),
		.invoke_ns = (int64_t)(c->intended * NS_PER_S),
		.return_ns = (int64_t)(end * NS_PER_S),
		.intent = c->intent,
		.client = client,
		.attempts = c->attempt + 1,
		.kind = OP_REQUEST,
		.verb = VERB_REQUEST,
		.outcome = OP_OK,
	};
}

static inline double wait_of(enum policy policy, const struct population *p, int attempt,
			     uint64_t *seed)
{
	if (policy == IMMEDIATE)
		return 0;
	if (policy == FIXED)
		return 2 + draw(seed) * p->late_s;
	return draw(seed) * fmin(p->cap_s, p->base_s * pow(2, attempt)) + draw(seed) * p->late_s;
}

/* A session that the cut finds ends with it. */
static inline void client__connected(struct client *c, double now, const struct population *p,
				     uint64_t *seed)
{
	c->at = now + exponential(seed, p->think_s);
	if (now < CUT_S && c->at >= CUT_S)
		c->at = c->learns;
	c->intended = c->at;
	c->attempt = 0;
}

/* @h: its attempts and operations are filled in; @h->ops are in the order of their return. */
static inline void population__run(const struct population *p, enum policy policy, uint64_t seed,
				   struct history *h)
{
	struct client c[POPULATION] = {0};
	struct heap heap = {0};
	double free_at = 0;
	int64_t intents = 0;

	assert_int_equal(heap__init(&heap, POPULATION), 0);
	for (size_t i = 0; i < POPULATION; i++) {
		c[i].learns = CUT_S + p->learn_min_s +
			      draw(&seed) * (p->learn_max_s - p->learn_min_s);
		client__connected(&c[i], 0, p, &seed);
		c[i].intent = intents++;
		heap__set(&heap, i, (int64_t)(c[i].at * NS_PER_S));
	}
	for (;;) {
		size_t i = heap__pop(&heap, (int64_t)(END_S * NS_PER_S));
		struct client *x = &c[i];
		double end;
		bool ok = false;

		if (i == SIZE_MAX)
			break;
		end = x->at + TIMEOUT_S;
		if (x->at < CUT_S || x->at >= HEAL_S) {
			double done = fmax(free_at, x->at) + 1 / p->per_s;

			ok = done <= end;
			free_at = ok ? done : free_at;
			end = ok ? done : end;
		}
		population__attempt(h, x, (int)i, end, ok);
		if (ok) {
			population__op(h, x, (int)i, end);
			client__connected(x, end, p, &seed);
			x->intent = intents++;
		} else {
			x->at = end + wait_of(policy, p, x->attempt, &seed);
			x->attempt++;
		}
		heap__set(&heap, i, (int64_t)(x->at * NS_PER_S));
	}
	heap__reset(&heap);
}

#endif
