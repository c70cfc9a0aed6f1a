// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/load_plan.h"
#include "lib/clock.h"
#include "recorder/load_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Purpose of a client's random numbers, beside those in load_objects.c and of single operations. */
#define PURPOSE_PACE (1ULL << 42)

/* Nothing waits longer than this: some 31 years, far from overflow. */
#define WAIT_MAX_NS 1e18

double draw__unit(struct rng *r)
{
	return (double)(rng__next(r) >> 11) * 0x1p-53;
}

int64_t draw__exponential(struct rng *r, double mean_ns)
{
	return (int64_t)fmin(-mean_ns * log1p(-draw__unit(r)), WAIT_MAX_NS);
}

int64_t load__due_ns(uint64_t i, double rate_per_s)
{
	return (int64_t)fmin((double)i / rate_per_s * (double)NS_PER_S, WAIT_MAX_NS);
}

void pace__init(struct pace *p, uint64_t seed, unsigned int client)
{
	*p = (struct pace){.rng = rng__fork(seed, PURPOSE_PACE + client)};
}

uint64_t pacing__number(const struct pacing *how, uint64_t n, unsigned int client)
{
	return (how->first + n) * how->clients + client;
}

void pace__skip(struct pace *p, const struct pacing *how, unsigned int client, int64_t now_ns)
{
	double ahead = (double)(now_ns - how->start_ns) / NS_PER_S * how->rate_per_s;

	if (how->mode == LOAD_CLOSED || ahead <= client)
		return;
	if (how->poisson) {
		/* memoryless: from now on it is as from the start on */
		p->at = (double)(now_ns - how->start_ns);
		return;
	}
	p->n = (uint64_t)((ahead - client) / how->clients) + 1;
}

int64_t pace__next(struct pace *p, const struct pacing *how, unsigned int client, int64_t now_ns,
		   uint64_t *ret_intent)
{
	uint64_t i = p->n++ * how->clients + client;

	*ret_intent = pacing__number(how, p->n - 1, client);
	if (how->mode == LOAD_CLOSED)
		return now_ns + draw__exponential(&p->rng, (double)how->think_ns);
	if (!how->poisson)
		return how->start_ns + load__due_ns(i, how->rate_per_s);
	p->at += (double)draw__exponential(&p->rng,
					   (double)NS_PER_S * how->clients / how->rate_per_s);
	return how->start_ns + (int64_t)fmin(p->at, WAIT_MAX_NS);
}

int64_t retry__delay_ns(const struct retry *r, unsigned int attempt, struct rng *rng)
{
	double backoff = fmin((double)r->cap_ns, ldexp((double)r->base_ns, (int)(attempt & 0xff)));

	if (attempt > 0xff)
		backoff = (double)r->cap_ns;
	switch (r->policy) {
	case RETRY_FIXED:
		return r->delay_ns;
	case RETRY_EXPONENTIAL:
		return (int64_t)backoff;
	case RETRY_FULL_JITTER:
		return (int64_t)(draw__unit(rng) * backoff);
	case RETRY_NONE:
	case RETRY_IMMEDIATE:
		break;
	}
	return 0;
}

#define TOKEN 1000000

void budget__deposit(struct retry_budget *b, double share)
{
	int64_t part = (int64_t)(share * TOKEN), was = b->millionths, now;

	do {
		now = was + part < (int64_t)BUDGET_TOKENS * TOKEN ? was + part
								  : (int64_t)BUDGET_TOKENS * TOKEN;
	} while (!atomic_compare_exchange_weak(&b->millionths, &was, now));
}

bool budget__take(struct retry_budget *b, double share)
{
	int64_t was = b->millionths;

	if (share <= 0)
		return true;
	do {
		if (was < TOKEN)
			return false;
	} while (!atomic_compare_exchange_weak(&b->millionths, &was, was - TOKEN));
	return true;
}

int keyspace__init(struct keyspace *k, unsigned int n, double zipf)
{
	double sum = 0;

	*k = (struct keyspace){.n = n};
	if (zipf <= 0)
		return 0;
	k->up_to = calloc(n, sizeof(*k->up_to));
	if (!k->up_to)
		return -ENOMEM;
	for (unsigned int i = 0; i < n; i++)
		k->up_to[i] = sum += pow(i + 1.0, -zipf);
	return 0;
}

void keyspace__reset(struct keyspace *k)
{
	free(k->up_to);
	*k = (struct keyspace){0};
}

unsigned int keyspace__draw(const struct keyspace *k, struct rng *r)
{
	unsigned int lo = 0, hi = k->n - 1;
	double x;

	if (!k->up_to)
		return (unsigned int)rng__below(r, k->n);
	x = draw__unit(r) * k->up_to[hi];
	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (k->up_to[mid] > x)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}
