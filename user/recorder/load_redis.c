// SPDX-License-Identifier: GPL-2.0-only
/* load_redis.c: a set in Redis: SADD, SISMEMBER and SSCAN on the key chaos:NAME. Other objects are
 * in load_redis_objects.c. */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_redis.h"

#include <inttypes.h>
#include <string.h>

/* A set in its compact form comes in one piece whatever the count asked for, but it is small then.
 */
#define ANSWER_MAX (4 * 1024 * 1024)
#define SCAN_COUNT "1000"

static void store_close(void *store)
{
	struct redis_store *s = store;

	resp__reset(&s->conn);
	free(s->ip);
	free(s->key);
	free(s);
}

static int store_open(const char *ip, uint16_t port, const char *name, void **ret_store)
{
	struct redis_store *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ip = strdup(ip);
	if (asprintf(&s->key, "chaos:%s", name) < 0)
		s->key = NULL;
	resp__init(&s->conn, s->ip, port, ANSWER_MAX);
	if (!s->ip || !s->key) {
		store_close(s);
		return -ENOMEM;
	}
	*ret_store = s;
	return 0;
}

enum outcome redis__error_outcome(const char *text, size_t len)
{
	/* Said before a command is executed. What is not listed may have been said after it. */
	static const char *const before[] = {
		"READONLY",
		"NOREPLICAS",
		"LOADING",
		"MASTERDOWN",
		"NOAUTH",
		"NOPERM",
		"WRONGTYPE",
		"OOM",
		"MISCONF",
		"BUSY",
		"MOVED",
		"ASK",
		"CLUSTERDOWN",
		"TRYAGAIN",
		"CROSSSLOT",
		"DENIED",
		"ERR unknown command",
		"ERR wrong number of arguments",
		"ERR max number of clients reached",
	};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		size_t n = strlen(before[i]);

		if (len >= n && !memcmp(text, before[i], n) &&
		    (len == n || text[n] == ' ' || strchr(before[i], ' ')))
			return OUTCOME_FAIL;
	}
	return OUTCOME_UNKNOWN;
}

/* @asking: the server takes this command for a slot that is on its way to it. */
static redisReply *exchange(struct redis_store *s, bool asking, int argc, const char **argv,
			    int64_t deadline_ns, struct answer *a)
{
	static const char *ask[] = {"ASKING"};
	_cleanup_reply_ redisReply *reply = NULL, *allowed = NULL;
	bool sent = false, ignored;
	int r = resp__open(&s->conn, deadline_ns);

	if (!r && asking) {
		r = resp__send(&s->conn, 1, ask, deadline_ns, &ignored);
		r = r ? r : resp__receive(&s->conn, deadline_ns, &allowed);
	}
	r = r ? r : resp__send(&s->conn, argc, argv, deadline_ns, &sent);
	r = r ? r : resp__receive(&s->conn, deadline_ns, &reply);
	if (!r)
		return TAKE_PTR(reply);
	answer__errno(a, r, sent);
	/* Another node may have the slot by now. */
	redis__go_home(s);
	return NULL;
}

redisReply *redis__command(struct redis_store *s, int argc, const char **argv, int64_t deadline_ns,
			   struct answer *a)
{
	bool asking = false;

	if (s->asked)
		redis__go_home(s);
	s->redirections = 0;
	for (;;) {
		_cleanup_reply_ redisReply *reply = exchange(s, asking, argc, argv, deadline_ns, a);

		if (!reply || reply->type != REDIS_REPLY_ERROR)
			return TAKE_PTR(reply);
		if (redis__follow(s, reply->str, reply->len, &asking))
			continue;
		answer__error(a, redis__error_outcome(reply->str, reply->len), reply->str,
			      reply->len);
		return NULL;
	}
}

/* An integer, or @a says that it was none. What answers like that has done nobody knows what. */
static bool integer_command(struct redis_store *s, const char *verb, int64_t value,
			    int64_t deadline_ns, struct answer *a, long long *ret)
{
	_cleanup_reply_ redisReply *reply = NULL;
	char text[24];
	const char *argv[] = {verb, s->key, text};

	snprintf(text, sizeof(text), "%" PRId64, value);
	reply = redis__command(s, 3, argv, deadline_ns, a);
	if (!reply)
		return false;
	if (reply->type != REDIS_REPLY_INTEGER) {
		resp__reset(&s->conn);
		answer__errno(a, -EPROTO, true);
		return false;
	}
	*ret = reply->integer;
	return true;
}

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	long long added;

	/* 0: it was there already. That it is there is what was asked for. */
	if (integer_command(store, "SADD", value, deadline_ns, ret, &added))
		ret->outcome = OUTCOME_OK;
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	long long found = 0;

	if (!integer_command(store, "SISMEMBER", value, deadline_ns, ret, &found))
		return;
	ret->outcome = OUTCOME_OK;
	ret->found = found == 1;
}

int redis__page(const redisReply *r, char *cursor, size_t size, struct values *ret)
{
	const redisReply *next, *members;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2)
		return -EPROTO;
	next = r->element[0];
	members = r->element[1];
	if (!reply__is_text(next) || !next->len || next->len >= size ||
	    strspn(next->str, "0123456789") != next->len || members->type != REDIS_REPLY_ARRAY)
		return -EPROTO;
	for (size_t i = 0; i < members->elements; i++) {
		const redisReply *m = members->element[i];
		int64_t value;
		int e;

		if (!reply__is_text(m))
			return -EPROTO;
		if (!value__parse(m->str, m->len, &value))
			continue;
		e = values__add(ret, value);
		if (e)
			return e;
	}
	memcpy(cursor, next->str, next->len + 1);
	return 0;
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	struct redis_store *s = store;
	char cursor[24] = "0";
	const char *argv[] = {"SSCAN", s->key, cursor, "COUNT", SCAN_COUNT};

	do {
		struct answer a = {0};
		_cleanup_reply_ redisReply *reply = redis__command(s, 5, argv, deadline_ns, &a);
		int r = reply ? redis__page(reply, cursor, sizeof(cursor), ret) : -EIO;

		if (reply && r)
			answer__errno(&a, r, true);
		if (r) {
			snprintf(why, why_size, "%s", a.error);
			resp__reset(&s->conn);
			return r;
		}
	} while (strcmp(cursor, "0") != 0);
	return 0;
}

const struct store_ops store_redis = {
	.name = "redis",
	.port = 6379,
	.open = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = redis__act,
	.list_queue = redis__list_queue,
};
