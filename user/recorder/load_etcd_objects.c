// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_etcd_objects.c: registers, counters and locks in etcd, by its JSON gateway, under the prefix
 * chaos/NAME/. A compare-and-set is a transaction. A counter is the version of a key, which etcd
 * adds 1 to at each put. A lock is a key under a lease that is put if it is not there, its fencing
 * token the revision of that put: what etcd's own locks are made of.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/base64.h"
#include "recorder/load_etcd.h"

#include <inttypes.h>
#include <string.h>

#define KEY64 BASE64_SIZE(ETCD_KEY_MAX + 24)
#define VALUE64 BASE64_SIZE(24)

/* Room for a transaction, which has the key four times. */
#define JSON_MAX (5 * (KEY64) + 1024)

static const char *object_key(const struct etcd_store *s, const struct request *rq, char *buf)
{
	char key[ETCD_KEY_MAX + 24];
	int n = snprintf(key, sizeof(key), "%s%u", s->prefix, rq->key);

	return base64__encode(buf, key, (size_t)n);
}

static const char *number64(int64_t value, char *buf)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, value);

	return base64__encode(buf, text, (size_t)n);
}

static void odd_answer(struct answer *a)
{
	answer__errno(a, -EPROTO, true);
}

static void refused(struct answer *a, const char *why)
{
	answer__error(a, OUTCOME_FAIL, why, strlen(why));
	a->refused = true;
}

static int value_of(const json_t *kv, int64_t *ret)
{
	const json_t *v = json_object_get(kv, "value");
	char text[32];
	ssize_t n = -1;

	if (json_is_string(v) && json_string_length(v) < VALUE64)
		n = base64__decode(text, sizeof(text), json_string_value(v), json_string_length(v));
	return n > 0 && value__parse(text, (size_t)n, ret) ? 0 : -EPROTO;
}

static int version_of(const json_t *kv, int64_t *ret)
{
	uint64_t version = 0;
	int r = http__u64(kv, "version", &version);

	if (r || version > VALUE_MAX)
		return -EPROTO;
	*ret = (int64_t)version;
	return 0;
}

static void read_key(struct etcd_store *s, const struct request *rq, int64_t deadline_ns,
		     struct answer *ret)
{
	char key[KEY64], json[JSON_MAX];
	const json_t *kvs, *kv;
	json_t *o;
	int r = 0;

	snprintf(json, sizeof(json), "{\"key\":\"%s\"}", object_key(s, rq, key));
	o = etcd__post(s, "/v3/kv/range", json, deadline_ns, ret);
	if (!o)
		return;
	kvs = json_object_get(o, "kvs");
	kv = json_array_get(kvs, 0);
	ret->value = NOTHING;
	if (kv)
		r = rq->object == OBJECT_COUNTER ? version_of(kv, &ret->value)
						 : value_of(kv, &ret->value);
	if (r || (kvs && !json_is_array(kvs)))
		odd_answer(ret);
	else
		ret->outcome = OUTCOME_OK;
	json_decref(o);
}

static void put(struct etcd_store *s, const struct request *rq, int64_t deadline_ns,
		struct answer *ret)
{
	char key[KEY64], value[VALUE64], json[JSON_MAX];
	bool counts = rq->action == ACTION_INC;
	const json_t *before;
	json_t *o;

	snprintf(json, sizeof(json), "{\"key\":\"%s\",\"value\":\"%s\"%s}", object_key(s, rq, key),
		 number64(rq->value, value), counts ? ",\"prev_kv\":true" : "");
	o = etcd__post(s, "/v3/kv/put", json, deadline_ns, ret);
	if (!o)
		return;
	before = json_object_get(o, "prev_kv");
	ret->value = 0;
	if (counts && before && version_of(before, &ret->value)) {
		odd_answer(ret);
	} else {
		ret->outcome = OUTCOME_OK;
		ret->value++;
	}
	json_decref(o);
}

/* A transaction; false with @ret set if it was refused for @why, or failed. */
static bool transact(struct etcd_store *s, const char *json, const char *why, int64_t deadline_ns,
		     struct answer *ret)
{
	json_t *o = etcd__post(s, "/v3/kv/txn", json, deadline_ns, ret);
	uint64_t revision = 0;
	bool done;

	if (!o)
		return false;
	/* left out where it is false */
	done = json_is_true(json_object_get(o, "succeeded"));
	if (http__u64(json_object_get(o, "header"), "revision", &revision) ||
	    revision > VALUE_MAX) {
		odd_answer(ret);
		done = false;
	} else if (done) {
		ret->outcome = OUTCOME_OK;
		ret->token = (int64_t)revision;
	} else {
		refused(ret, why);
	}
	json_decref(o);
	return done;
}

static void swap(struct etcd_store *s, const struct request *rq, int64_t deadline_ns,
		 struct answer *ret)
{
	char key64[KEY64], value[VALUE64], expect[VALUE64], json[JSON_MAX], is[2 * VALUE64];
	const char *key = object_key(s, rq, key64);

	if (rq->expect == NOTHING)
		snprintf(is, sizeof(is), "\"target\":\"CREATE\",\"create_revision\":\"0\"");
	else
		snprintf(is, sizeof(is), "\"target\":\"VALUE\",\"value\":\"%s\"",
			 number64(rq->expect, expect));
	snprintf(json, sizeof(json),
		 "{\"compare\":[{\"key\":\"%s\",\"result\":\"EQUAL\",%s}],"
		 "\"success\":[{\"request_put\":{\"key\":\"%s\",\"value\":\"%s\"}}]}",
		 key, is, key, number64(rq->value, value));
	transact(s, json, "the value was another one", deadline_ns, ret);
}

/* A lease takes nothing that anybody could see, so without one nothing happened. */
static bool lease_grant(struct etcd_store *s, int64_t lease_ns, int64_t deadline_ns,
			struct answer *ret)
{
	char json[64];
	uint64_t id = 0, ttl = 0;
	json_t *o;

	snprintf(json, sizeof(json), "{\"TTL\":%lld}", lease_ns / NS_PER_S);
	o = etcd__post(s, "/v3/lease/grant", json, deadline_ns, ret);
	if (!o) {
		ret->outcome = OUTCOME_FAIL;
		return false;
	}
	if (http__u64(o, "ID", &id) || !id || id > INT64_MAX || http__u64(o, "TTL", &ttl))
		refused(ret, "the lease that was granted is none");
	else
		s->lease = (int64_t)id;
	json_decref(o);
	return s->lease != 0;
}

/* Revoking a lease takes away what was put under it. */
static void lease_revoke(struct etcd_store *s, int64_t deadline_ns, struct answer *ret)
{
	char json[64];
	json_t *o;

	snprintf(json, sizeof(json), "{\"ID\":\"%" PRId64 "\"}", s->lease);
	s->lease = 0;
	o = etcd__post(s, "/v3/lease/revoke", json, deadline_ns, ret);
	if (o)
		ret->outcome = OUTCOME_OK;
	json_decref(o);
}

static void acquire(struct etcd_store *s, const struct request *rq, int64_t deadline_ns,
		    struct answer *ret)
{
	char key64[KEY64], value[VALUE64], json[JSON_MAX];
	const char *key = object_key(s, rq, key64);
	struct answer ignored = {0};

	s->lease = 0;
	if (!lease_grant(s, rq->lease_ns, deadline_ns, ret))
		return;
	snprintf(json, sizeof(json),
		 "{\"compare\":[{\"key\":\"%s\",\"result\":\"EQUAL\",\"target\":\"CREATE\","
		 "\"create_revision\":\"0\"}],\"success\":[{\"request_put\":{\"key\":\"%s\","
		 "\"value\":\"%s\",\"lease\":\"%" PRId64 "\"}}]}",
		 key, key, number64(rq->value, value), s->lease);
	/* The lease of a lock that was not had would only wait for its end. */
	if (!transact(s, json, "somebody else has the lock", deadline_ns, ret) &&
	    ret->outcome == OUTCOME_FAIL)
		lease_revoke(s, deadline_ns, &ignored);
}

static void release(struct etcd_store *s, int64_t deadline_ns, struct answer *ret)
{
	if (!s->lease)
		refused(ret, "the lock was not this client's any more");
	else
		lease_revoke(s, deadline_ns, ret);
}

void etcd__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret)
{
	struct etcd_store *s = store;

	switch (rq->action) {
	case ACTION_READ:
		read_key(s, rq, deadline_ns, ret);
		break;
	case ACTION_WRITE:
	case ACTION_INC:
		put(s, rq, deadline_ns, ret);
		break;
	case ACTION_CAS:
		swap(s, rq, deadline_ns, ret);
		break;
	case ACTION_ACQUIRE:
		acquire(s, rq, deadline_ns, ret);
		break;
	case ACTION_RELEASE:
		release(s, deadline_ns, ret);
		break;
	case ACTION_PUSH:
	case ACTION_POP:
		refused(ret, "etcd has no queues");
		break;
	case ACTION_USE:
		refused(ret, "only Redis has what a lock protects");
		break;
	}
}
