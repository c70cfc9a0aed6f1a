/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * population.h: simulated clients of one server, for the calibration of the herd's numbers: the
 * attempts that they make, as a history.
 *
 * The model. Each client has a session on the server, which lasts an exponential time (mean think_s);
 * then it connects anew, which is an attempt. The server serves attempts first come, first served,
 * per_s of them a second; one that it cannot serve within the 1 s that a client waits fails then,
 * and costs it nothing, for the client has hung up. From 20 s to 30 s the network is cut. No
 * session outlives that: each client learns it after a time uniform in [learn_min_s, learn_max_s]
 * (it is told by the next thing that it does, which fails after 1 s), and tries to connect; in the
 * cut that fails after 1 s. Then it tries again, until it succeeds:
 *
 *   immediate    at once
 *   fixed        after 2 s, give or take off_s: its own timer, and a machine with much to do
 *   full jitter  after a time uniform in [0, min(cap_s, base_s * 2^attempt)]
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
	double think_s, learn_min_s, learn_max_s, per_s, base_s, cap_s, off_s;
};

#define POPULATION 600
#define CUT_S 20.0
#define HEAL_S 30.0
#define END_S 60.0
#define TIMEOUT_S 1.0
#define ATTEMPTS_MAX 65536

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
	assert_true(h->n_attempts < ATTEMPTS_MAX);
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
	assert_true(h->n_ops < ATTEMPTS_MAX);
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
		return 2 + (2 * draw(seed) - 1) * p->off_s;
	return draw(seed) * fmin(p->cap_s, p->base_s * pow(2, attempt));
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

	h->attempts = calloc(ATTEMPTS_MAX, sizeof(*h->attempts));
	h->ops = calloc(ATTEMPTS_MAX, sizeof(*h->ops));
	assert_true(h->attempts && h->ops);
	assert_int_equal(heap__init(&heap, POPULATION), 0);
	for (size_t i = 0; i < POPULATION; i++) {
		c[i].learns =
			CUT_S + p->learn_min_s + draw(&seed) * (p->learn_max_s - p->learn_min_s);
		client__connected(&c[i], 0, p, &seed);
		c[i].intent = intents++;
		heap__set(&heap, i, (int64_t)(c[i].at * NS_PER_S));
	}
	for (;;) {
		size_t i = heap__pop(&heap, (int64_t)(END_S * NS_PER_S));
		struct client *x;
		double end;
		bool ok = false;

		if (i == SIZE_MAX)
			break;
		x = &c[i];
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
