// SPDX-License-Identifier: GPL-2.0-only
/* load_redis.c: a set of integers in one Redis set, chaos:NAME. */
#include "recorder/internal.h"

#include "lib/cleanup.h"

#include <stdarg.h>
#include <string.h>

struct redis_load {
	char ip[64], key[128];
	uint16_t port;
	int limit_ms;
	redisContext *c;
};

static void *redis_open(const struct load_config *cfg, const char *ip, int limit_ms)
{
	struct redis_load *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	snprintf(l->ip, sizeof(l->ip), "%s", ip);
	snprintf(l->key, sizeof(l->key), "chaos:%s", cfg->name);
	l->port = cfg->port;
	l->limit_ms = limit_ms;
	return l;
}

static void drop(struct redis_load *l)
{
	if (l->c)
		redisFree(l->c);
	l->c = NULL;
}

static void redis_close(void *self)
{
	drop(self);
	free(self);
}

static void set_error(struct op_result *r, enum outcome outcome, const char *text)
{
	r->outcome = outcome;
	snprintf(r->error, sizeof(r->error), "%.120s", text);
}

/*
 * The reply, or NULL with the outcome. Whatever goes wrong after the command was sent leaves open whether it was carried out;
 * an error reply says that it was not. The connection is dropped then, so that a late answer is never taken for the next one.
 */
static redisReply *command(struct redis_load *l, struct op_result *r, const char *name,
			   long long value)
{
	char error[128];
	redisReply *reply;

	if (!l->c)
		l->c = redis__connect(l->ip, l->port, l->limit_ms, error, sizeof(error));
	if (!l->c) {
		set_error(r, OUTCOME_FAIL, error);
		return NULL;
	}
	reply = redisCommand(l->c, "%s %s %lld", name, l->key, value);
	if (!reply) {
		set_error(r, OUTCOME_UNKNOWN, l->c->errstr);
		drop(l);
		return NULL;
	}
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply;
	set_error(r, reply->type == REDIS_REPLY_ERROR ? OUTCOME_FAIL : OUTCOME_UNKNOWN,
		  reply->type == REDIS_REPLY_ERROR ? reply->str : "unexpected reply");
	freeReplyObject(reply);
	return NULL;
}

static void redis_add(void *self, int64_t value, struct op_result *r)
{
	redisReply *reply = command(self, r, "SADD", value);

	if (reply)
		freeReplyObject(reply);
}

static void redis_read(void *self, int64_t value, struct op_result *r)
{
	redisReply *reply = command(self, r, "SISMEMBER", value);

	if (!reply)
		return;
	r->found = reply->integer == 1;
	freeReplyObject(reply);
}

/* One page of SSCAN; *cursor becomes the next one. */
static int scan_page(struct redis_load *l, char *cursor, size_t size, struct values *ret,
		     char *error, size_t error_size)
{
	redisReply *r = redisCommand(l->c, "SSCAN %s %s COUNT 1000", l->key, cursor), *list;
	int code = 0;

	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 2 || !r->element[0]->str ||
	    r->element[1]->type != REDIS_REPLY_ARRAY) {
		snprintf(error, error_size, "%.120s",
			 !r				   ? l->c->errstr
			 : r->type == REDIS_REPLY_ERROR ? r->str
							   : "unexpected reply to SSCAN");
		if (r)
			freeReplyObject(r);
		drop(l);
		return -EIO;
	}
	list = r->element[1];
	for (size_t i = 0; i < list->elements && !code; i++)
		if (list->element[i]->str)
			code = values__add(ret, strtoll(list->element[i]->str, NULL, 10));
	snprintf(cursor, size, "%s", r->element[0]->str);
	freeReplyObject(r);
	return code;
}

static int redis_list(void *self, struct values *ret, char *error, size_t size)
{
	struct redis_load *l = self;
	char cursor[32] = "0";
	int r;

	if (!l->c)
		l->c = redis__connect(l->ip, l->port, l->limit_ms, error, size);
	if (!l->c)
		return -ECONNREFUSED;
	do {
		r = scan_page(l, cursor, sizeof(cursor), ret, error, size);
	} while (!r && strcmp(cursor, "0") != 0);
	return r;
}

const struct load_ops load_redis_ops = {
	.system = "redis",
	.port = 6379,
	.open = redis_open,
	.add = redis_add,
	.read = redis_read,
	.list = redis_list,
	.close = redis_close,
};
