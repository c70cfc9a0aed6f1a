// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_redis_objects.c: registers, counters, queues and locks in Redis. Register K of workload NAME
 * is chaos:NAME:K, any other object chaos:NAME. What compares and then changes is a script, which
 * Redis runs as one command. A lock is SET NX PX with a value that only its holder knows, as
 * Redis' own documentation has it; its fencing token is a counter beside it.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_redis.h"

#include <inttypes.h>
#include <string.h>

#define KEY_MAX 512
#define NUMBER_MAX 24

static const char cas_script[] = "local v = redis.call('GET', KEYS[1]) "
				 "if (v or '') ~= ARGV[1] then return 0 end "
				 "redis.call('SET', KEYS[1], ARGV[2]) return 1";
static const char acquire_script[] =
	"if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end "
	"return redis.call('INCR', KEYS[2])";
static const char release_script[] = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
				     "return redis.call('DEL', KEYS[1])";

/* What a resource does that knows of fencing, if ARGV[2] is 1, and one that does not. */
static const char use_script[] =
	"if ARGV[2] == '1' and tonumber(ARGV[1]) < tonumber(redis.call('GET', KEYS[1]) or '0') "
	"then return 0 end redis.call('SET', KEYS[1], ARGV[1]) return redis.call('INCR', KEYS[2])";

/* An answer that none of these commands has: what it did nobody knows. */
static void odd_answer(struct redis_store *s, struct answer *a)
{
	resp__reset(&s->conn);
	answer__errno(a, -EPROTO, true);
}

/* A value, or nothing. */
static void take_value(struct redis_store *s, const redisReply *r, struct answer *a)
{
	a->value = NOTHING;
	if (r->type == REDIS_REPLY_NIL ||
	    (reply__is_text(r) && value__parse(r->str, r->len, &a->value)))
		a->outcome = OUTCOME_OK;
	else
		odd_answer(s, a);
}

/* A count, 0 if it was refused for @why. */
static void take_count(struct redis_store *s, const redisReply *r, const char *why,
		       struct answer *a)
{
	if (r->type != REDIS_REPLY_INTEGER || r->integer < 0 || r->integer > VALUE_MAX) {
		odd_answer(s, a);
	} else if (!r->integer) {
		answer__error(a, OUTCOME_FAIL, why, strlen(why));
		a->refused = true;
	} else {
		a->outcome = OUTCOME_OK;
		a->value = a->token = r->integer;
	}
}

static void take(struct redis_store *s, const struct request *rq, const redisReply *r,
		 struct answer *a)
{
	switch (rq->action) {
	case ACTION_READ:
	case ACTION_POP:
		take_value(s, r, a);
		break;
	case ACTION_WRITE:
		if (reply__is_text(r))
			a->outcome = OUTCOME_OK;
		else
			odd_answer(s, a);
		break;
	case ACTION_CAS:
		take_count(s, r, "the value was another one", a);
		break;
	case ACTION_INC:
	case ACTION_PUSH:
		take_count(s, r, "it counts nothing", a);
		break;
	case ACTION_ACQUIRE:
		take_count(s, r, "somebody else has the lock", a);
		break;
	case ACTION_RELEASE:
		take_count(s, r, "the lock was not this client's any more", a);
		break;
	case ACTION_USE:
		take_count(s, r, "a newer holder has been here", a);
		break;
	}
}

struct words {
	char key[KEY_MAX], token[KEY_MAX], value[NUMBER_MAX], expect[NUMBER_MAX], lease[NUMBER_MAX];
	const char *argv[8];
	int argc;
};

static void say(struct words *w, const char *word)
{
	w->argv[w->argc++] = word;
}

static void eval(struct words *w, const char *script, bool two_keys)
{
	say(w, "EVAL");
	say(w, script);
	say(w, two_keys ? "2" : "1");
	say(w, w->key);
	if (two_keys)
		say(w, w->token);
}

static void put_words(struct words *w, const struct request *rq)
{
	static const char *const plain[] = {
		[ACTION_READ] = "GET",	 [ACTION_WRITE] = "SET", [ACTION_INC] = "INCR",
		[ACTION_PUSH] = "LPUSH", [ACTION_POP] = "RPOP",
	};

	switch (rq->action) {
	case ACTION_READ:
	case ACTION_INC:
	case ACTION_POP:
	case ACTION_WRITE:
	case ACTION_PUSH:
		say(w, plain[rq->action]);
		say(w, w->key);
		if (rq->action == ACTION_WRITE || rq->action == ACTION_PUSH)
			say(w, w->value);
		break;
	case ACTION_CAS:
		eval(w, cas_script, false);
		say(w, w->expect);
		say(w, w->value);
		break;
	case ACTION_ACQUIRE:
		eval(w, acquire_script, true);
		say(w, w->value);
		say(w, w->lease);
		break;
	case ACTION_RELEASE:
		eval(w, release_script, false);
		say(w, w->value);
		break;
	case ACTION_USE:
		eval(w, use_script, true);
		say(w, w->value);
		say(w, rq->fenced ? "1" : "0");
		break;
	}
}

void redis__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret)
{
	struct redis_store *s = store;
	struct words w = {.argc = 0};
	_cleanup_reply_ redisReply *reply = NULL;

	if (rq->object == OBJECT_REGISTER || rq->object == OBJECT_CAS)
		snprintf(w.key, sizeof(w.key), "%s:%u", s->key, rq->key);
	else
		snprintf(w.key, sizeof(w.key), "%s%s", s->key,
			 rq->action == ACTION_USE ? ":used" : "");
	snprintf(w.token, sizeof(w.token), "%s:%s", s->key,
		 rq->action == ACTION_USE ? "uses" : "token");
	snprintf(w.value, sizeof(w.value), "%" PRId64, rq->value);
	if (rq->expect != NOTHING)
		snprintf(w.expect, sizeof(w.expect), "%" PRId64, rq->expect);
	snprintf(w.lease, sizeof(w.lease), "%lld", rq->lease_ns / NS_PER_MS);
	put_words(&w, rq);
	reply = redis__command(s, w.argc, w.argv, deadline_ns, ret);
	if (reply)
		take(s, rq, reply, ret);
}

int redis__list_queue(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	struct redis_store *s = store;
	const char *argv[] = {"LRANGE", s->key, "0", "-1"};
	struct answer a = {0};
	_cleanup_reply_ redisReply *reply = redis__command(s, 4, argv, deadline_ns, &a);

	if (!reply) {
		snprintf(why, why_size, "%s", a.error);
		return -EIO;
	}
	for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++) {
		const redisReply *m = reply->element[i];
		int64_t value;
		int r;

		if (!reply__is_text(m) || !value__parse(m->str, m->len, &value))
			continue;
		r = values__add(ret, value);
		if (r)
			return r;
	}
	return 0;
}
