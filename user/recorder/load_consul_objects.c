// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_consul_objects.c: registers, counters and locks in Consul, under the prefix chaos/NAME/. What compares and then
 * changes reads the key and its ModifyIndex, and puts with ?cas=INDEX, once: a counter that somebody else has counted
 * up in between is a failure.
 *
 * A lock is a key that a session of its own has, which ends 10 s after it was made at the earliest, by itself (no
 * health checks that end it earlier) and without Consul's usual delay of 15 s before the next may have it. The key
 * stays when it does, so LockIndex, how often it was had, only grows: the fencing token.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_consul.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define BODY_MAX (CONSUL_KEY_MAX + CONSUL_SESSION_MAX + 192)

static void refused(struct answer *a, const char *why)
{
	answer__error(a, OUTCOME_FAIL, why, strlen(why));
	a->refused = true;
}

static void read_key(struct consul_store *s, const struct request *rq, int64_t deadline_ns,
		     struct answer *ret)
{
	char key[CONSUL_KEY_MAX];
	struct consul_entry e;

	if (!consul__read_key(s, consul__key(s, rq->key, key), deadline_ns, &e, ret))
		return;
	ret->outcome = OUTCOME_OK;
	ret->value = e.value;
}

static void put(struct consul_store *s, const struct request *rq, int64_t deadline_ns,
		struct answer *ret)
{
	char key[CONSUL_KEY_MAX], path[CONSUL_URL_MAX], text[24];

	snprintf(path, sizeof(path), "kv/%s", consul__key(s, rq->key, key));
	snprintf(text, sizeof(text), "%" PRId64, rq->value);
	consul__put_key(s, path, text, "the write was refused", deadline_ns, ret);
}

/* Value @to where @e still is what the key has; index 0: where there still is no key. */
static void put_over(struct consul_store *s, const char *key, const struct consul_entry *e,
		     int64_t to, int64_t deadline_ns, struct answer *ret)
{
	char path[CONSUL_URL_MAX], text[24];

	snprintf(path, sizeof(path), "kv/%s?cas=%" PRIu64, key, e->index);
	snprintf(text, sizeof(text), "%" PRId64, to);
	consul__put_key(s, path, text, "somebody else has changed it in between", deadline_ns, ret);
}

static void change(struct consul_store *s, const struct request *rq, int64_t deadline_ns,
		   struct answer *ret)
{
	char key[CONSUL_KEY_MAX];
	struct consul_entry e;

	if (!consul__read_key(s, consul__key(s, rq->key, key), deadline_ns, &e, ret)) {
		/* Nothing was asked to change. */
		ret->outcome = OUTCOME_FAIL;
		return;
	}
	if (rq->action == ACTION_CAS) {
		if (e.value != rq->expect)
			refused(ret, "the value was another one");
		else
			put_over(s, key, &e, rq->value, deadline_ns, ret);
		return;
	}
	ret->value = e.there ? e.value + 1 : 1;
	put_over(s, key, &e, ret->value, deadline_ns, ret);
}

/* --- locks ------------------------------------------------------------------------------------ */

int consul__session(const json_t *o, char *ret, size_t size)
{
	const char *id = json_string_value(json_object_get(o, "ID"));
	size_t n = id ? strlen(id) : 0;

	/* a UUID: it becomes a part of a path and of JSON */
	if (!n || n >= size)
		return -EPROTO;
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)id[i]) && id[i] != '-')
			return -EPROTO;
	memcpy(ret, id, n + 1);
	return 0;
}

int consul__lock_index(const json_t *o, const char *key, int64_t *ret)
{
	const json_t *results = json_object_get(o, "Results");
	const json_t *kv = json_object_get(json_array_get(results, 0), "KV");
	const char *name = json_string_value(json_object_get(kv, "Key"));
	uint64_t index = 0;

	if (json_array_size(results) != 1 || !name || strcmp(name, key) != 0 ||
	    http__u64(kv, "LockIndex", &index) || !index || index > VALUE_MAX)
		return -EPROTO;
	*ret = (int64_t)index;
	return 0;
}

/* A session by itself is nothing that anybody could see, so without one nothing happened. */
static bool session_create(struct consul_store *s, const struct request *rq, int64_t deadline_ns,
			   struct answer *ret)
{
	char body[192];
	json_t *o;
	int r;

	snprintf(body, sizeof(body),
		 "{\"Name\":\"chaos\",\"TTL\":\"%llds\",\"Behavior\":\"release\","
		 "\"LockDelay\":\"1ms\",\"Checks\":[],\"NodeChecks\":[]}",
		 rq->lease_ns / NS_PER_S);
	if (!consul__put(s, "session/create", body, deadline_ns, ret)) {
		ret->outcome = OUTCOME_FAIL;
		return false;
	}
	if (s->http.status != 200) {
		consul__error(s, ret);
		ret->outcome = OUTCOME_FAIL;
		return false;
	}
	o = json_loadb(s->http.body, s->http.len, 0, NULL);
	r = consul__session(o, s->session, sizeof(s->session));
	json_decref(o);
	if (r)
		answer__errno(ret, r, false);
	return !r;
}

/* It would only wait for its end. */
static void session_destroy(struct consul_store *s, int64_t deadline_ns)
{
	struct answer ignored = {0};
	char path[128];

	snprintf(path, sizeof(path), "session/destroy/%s", s->session);
	s->session[0] = '\0';
	consul__put(s, path, NULL, deadline_ns, &ignored);
}

/* Of the answer to the transaction. */
static void take_token(struct consul_store *s, const char *key, struct answer *ret)
{
	json_t *o;
	int r;

	if (s->http.status == 409)
		return refused(ret, "somebody else has the lock");
	if (s->http.status != 200)
		return consul__error(s, ret);
	o = json_loadb(s->http.body, s->http.len, 0, NULL);
	r = consul__lock_index(o, key, &ret->token);
	json_decref(o);
	if (r)
		answer__errno(ret, r, true);
	else
		ret->outcome = OUTCOME_OK;
}

/* By a transaction, because its answer tells the LockIndex. */
static void acquire(struct consul_store *s, const struct request *rq, int64_t deadline_ns,
		    struct answer *ret)
{
	char key[CONSUL_KEY_MAX], body[BODY_MAX];

	s->session[0] = '\0';
	if (!session_create(s, rq, deadline_ns, ret))
		return;
	snprintf(body, sizeof(body),
		 "[{\"KV\":{\"Verb\":\"lock\",\"Key\":\"%s\",\"Value\":\"\",\"Session\":\"%s\"}}]",
		 consul__key(s, rq->key, key), s->session);
	if (consul__put(s, "txn", body, deadline_ns, ret))
		take_token(s, key, ret);
	if (ret->outcome == OUTCOME_FAIL)
		session_destroy(s, deadline_ns);
}

static void release(struct consul_store *s, const struct request *rq, int64_t deadline_ns,
		    struct answer *ret)
{
	static const char gone[] = "the lock was not this client's any more";
	char key[CONSUL_KEY_MAX], path[CONSUL_URL_MAX];

	if (!s->session[0])
		return refused(ret, gone);
	snprintf(path, sizeof(path), "kv/%s?release=%s", consul__key(s, rq->key, key), s->session);
	consul__put_key(s, path, "", gone, deadline_ns, ret);
	if (ret->outcome != OUTCOME_UNKNOWN)
		session_destroy(s, deadline_ns);
}

void consul__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret)
{
	struct consul_store *s = store;

	switch (rq->action) {
	case ACTION_READ:
		read_key(s, rq, deadline_ns, ret);
		break;
	case ACTION_WRITE:
		put(s, rq, deadline_ns, ret);
		break;
	case ACTION_CAS:
	case ACTION_INC:
		change(s, rq, deadline_ns, ret);
		break;
	case ACTION_ACQUIRE:
		acquire(s, rq, deadline_ns, ret);
		break;
	case ACTION_RELEASE:
		release(s, rq, deadline_ns, ret);
		break;
	case ACTION_PUSH:
	case ACTION_POP:
		refused(ret, "Consul has no queues");
		break;
	case ACTION_USE:
		refused(ret, "only Redis has what a lock protects");
		break;
	}
}
