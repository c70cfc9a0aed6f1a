// SPDX-License-Identifier: GPL-2.0-only
/* load_objects.c: what the clients of a workload do to another object than a set. */
#include "lib/clock.h"
#include "lib/rng.h"
#include "recorder/fields.h"
#include "recorder/load_state.h"

#include <errno.h>
#include <string.h>

static const char *const verbs[] = {
	[ACTION_READ] = "read",	      [ACTION_WRITE] = "write",	    [ACTION_CAS] = "cas",
	[ACTION_INC] = "inc",	      [ACTION_PUSH] = "push",	    [ACTION_POP] = "pop",
	[ACTION_ACQUIRE] = "acquire", [ACTION_RELEASE] = "release", [ACTION_USE] = "use",
};

/* Purposes of random numbers, beside the one that says which operations read. */
#define PURPOSE_KEY (1ULL << 40)
#define PURPOSE_POP (1ULL << 41)

static unsigned int key_of(const struct load *l, uint64_t i)
{
	struct rng r = rng__fork(l->seed, PURPOSE_KEY + i);

	return l->object == OBJECT_REGISTER || l->object == OBJECT_CAS
		       ? (unsigned int)rng__below(&r, LOAD_KEYS)
		       : 0;
}

static void choose(struct client *c, uint64_t i, int64_t now, struct request *rq)
{
	struct load *l = c->load;
	bool read = load__is_read(l->seed, i, l->reads);

	*rq = (struct request){.object = l->object, .key = key_of(l, i), .value = NOTHING};
	switch (l->object) {
	case OBJECT_SET:
		break;
	case OBJECT_REGISTER:
		rq->action = read ? ACTION_READ : ACTION_WRITE;
		break;
	case OBJECT_CAS:
		rq->action = read || c->seen[rq->key] == UNSEEN ? ACTION_READ : ACTION_CAS;
		rq->expect = c->seen[rq->key];
		break;
	case OBJECT_COUNTER:
		rq->action = read ? ACTION_READ : ACTION_INC;
		break;
	case OBJECT_QUEUE:
		rq->action =
			load__is_read(l->seed, PURPOSE_POP + i, 0.5) ? ACTION_POP : ACTION_PUSH;
		break;
	case OBJECT_LOCK:
		/* What has run out is nobody's to release. */
		if (now >= c->hold_until_ns)
			c->hold = NOTHING;
		rq->action = c->hold == NOTHING ? ACTION_ACQUIRE : ACTION_RELEASE;
		rq->value = c->hold;
		rq->lease_ns = l->ops->lease_ns ? l->ops->lease_ns : LOAD_LEASE_NS;
		if (c->hold != NOTHING && c->resource && !c->used) {
			rq->action = ACTION_USE;
			rq->value = c->token;
			rq->fenced = l->fenced;
		}
		break;
	case OBJECT_COUNT:
		break;
	}
	if (rq->action == ACTION_WRITE || rq->action == ACTION_CAS || rq->action == ACTION_PUSH ||
	    rq->action == ACTION_ACQUIRE)
		rq->value = client__value(c);
}

/* What the client knows from now on. */
static void learn(struct client *c, const struct request *rq, const struct operation *op)
{
	const struct answer *a = &op->answer;
	bool ok = a->outcome == OUTCOME_OK;

	switch (rq->action) {
	case ACTION_READ:
		if (ok)
			c->seen[rq->key] = a->value;
		break;
	case ACTION_CAS:
		c->seen[rq->key] = ok ? rq->value : UNSEEN;
		break;
	case ACTION_ACQUIRE:
		c->hold = ok ? rq->value : NOTHING;
		c->hold_until_ns = op->invoke_ns + rq->lease_ns;
		c->token = a->token;
		c->used = false;
		break;
	case ACTION_RELEASE:
		c->hold = NOTHING;
		break;
	case ACTION_USE:
		c->used = true;
		break;
	case ACTION_WRITE:
	case ACTION_INC:
	case ACTION_PUSH:
	case ACTION_POP:
		break;
	}
}

static void describe(const struct request *rq, struct operation *op)
{
	bool ok = op->answer.outcome == OUTCOME_OK;

	op->verb = verbs[rq->action];
	op->is_read = rq->action == ACTION_READ;
	op->value = rq->value;
	if (rq->action == ACTION_READ || rq->action == ACTION_INC || rq->action == ACTION_POP)
		op->value = ok ? op->answer.value : NOTHING;
	op->answer.found = op->value != NOTHING;
	op->more = json_object();
	if (rq->object == OBJECT_REGISTER || rq->object == OBJECT_CAS)
		fields__int(op->more, "key", rq->key);
	if (rq->action == ACTION_CAS && rq->expect == NOTHING)
		fields__null(op->more, "expect");
	else if (rq->action == ACTION_CAS)
		fields__int(op->more, "expect", rq->expect);
	if (rq->action == ACTION_USE && ok)
		fields__int(op->more, "place", op->answer.token);
	if (rq->action != ACTION_ACQUIRE)
		return;
	fields__int(op->more, "lease_ns", rq->lease_ns);
	if (ok)
		fields__int(op->more, "token", op->answer.token);
}

static void act(struct client *c, struct operation *op, void *arg)
{
	struct load *l = c->load;
	struct request *rq = arg;
	int64_t now = clock__now();

	if (!operation__is_late(c, op, now)) {
		op->invoke_ns = now;
		l->ops->act(rq->action == ACTION_USE ? c->resource : c->store, rq,
			    now + l->timeout_ns, &op->answer);
		op->return_ns = clock__now();
		learn(c, rq, op);
	}
	describe(rq, op);
}

void object__perform(struct client *c, struct operation *op, int64_t free_ns)
{
	struct request rq;

	choose(c, op->intent, clock__now(), &rq);
	op->again = rq.action == ACTION_READ;
	client__attempts(c, op, free_ns, act, &rq);
}

int object__list(const struct load *l, void *store, int64_t deadline_ns, struct values *ret,
		 char *why, size_t why_size)
{
	unsigned int keys = l->object == OBJECT_COUNTER ? 1 : LOAD_KEYS;

	if (l->object == OBJECT_QUEUE)
		return l->ops->list_queue(store, deadline_ns, ret, why, why_size);
	for (unsigned int k = 0; k < keys; k++) {
		struct request rq = {.action = ACTION_READ, .object = l->object, .key = k};
		struct answer a = {.value = NOTHING};
		int r = 0;

		l->ops->act(store, &rq, deadline_ns, &a);
		if (a.outcome != OUTCOME_OK) {
			snprintf(why, why_size, "%s", a.error);
			return -EIO;
		}
		/* a counter that is not there has not been counted up yet */
		if (a.value == NOTHING && l->object == OBJECT_COUNTER)
			a.value = 0;
		if (a.value != NOTHING)
			r = values__add(ret, a.value);
		if (r)
			return r;
	}
	return 0;
}
