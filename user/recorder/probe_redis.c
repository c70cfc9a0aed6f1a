// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_redis.c: ROLE of a Redis server, and a Sentinel's view. Redis has no epoch; Sentinel's
 * config-epoch is the one of the failover that made its master.
 */
#include "recorder/internal.h"

#include "lib/cleanup.h"

#include <inttypes.h>
#include <string.h>

struct redis_probe {
	const struct probe_config *cfg;
	int limit_ms;
	redisContext *c;
};

redisContext *redis__connect(const char *ip, uint16_t port, int limit_ms, char *error, size_t size)
{
	struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
	redisContext *c = redisConnectWithTimeout(ip, port, limit);

	if (!c || c->err) {
		snprintf(error, size, "%s", c ? c->errstr : "out of memory");
		if (c)
			redisFree(c);
		return NULL;
	}
	redisSetTimeout(c, limit);
	return c;
}

static void *redis_open(const struct probe_config *cfg, int limit_ms)
{
	struct redis_probe *p = calloc(1, sizeof(*p));

	if (p)
		*p = (struct redis_probe){.cfg = cfg, .limit_ms = limit_ms};
	return p;
}

static void drop(struct redis_probe *p)
{
	if (p->c)
		redisFree(p->c);
	p->c = NULL;
}

static void redis_close(void *self)
{
	drop(self);
	free(self);
}

/* The reply to @command, or NULL with an error sample. A server that demotes itself closes its clients: the
 * next sample connects again. */
static redisReply *ask(struct redis_probe *p, struct sample *s, const char *command, const char *arg)
{
	char error[128];
	redisReply *reply;

	if (!p->c)
		p->c = redis__connect(p->cfg->ip, p->cfg->port, p->limit_ms, error, sizeof(error));
	if (!p->c) {
		sample__error(s, "%s", error);
		return NULL;
	}
	reply = arg ? redisCommand(p->c, command, arg) : redisCommand(p->c, command);
	if (!reply) {
		sample__error(s, "%s", p->c->errstr);
		drop(p);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		sample__error(s, "%.150s", reply->str);
		freeReplyObject(reply);
		reply = NULL;
	}
	return reply;
}

static bool is_text(const redisReply *r)
{
	return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS) && r->str;
}

static void redis_sample(void *self, struct sample *s)
{
	redisReply *r = ask(self, s, "ROLE", NULL);

	if (!r)
		return;
	if (r->type != REDIS_REPLY_ARRAY || r->elements < 1 || !is_text(r->element[0])) {
		sample__error(s, "ROLE answered something else than a role");
	} else if (!strcmp(r->element[0]->str, "master")) {
		s->role = "leader";
		s->claim = true;
	} else if (!strcmp(r->element[0]->str, "slave")) {
		s->role = "follower";
		if (r->elements > 1 && is_text(r->element[1]))
			snprintf(s->leader, sizeof(s->leader), "%s", r->element[1]->str);
	} else {
		snprintf(s->detail, sizeof(s->detail), "%s", r->element[0]->str);
	}
	freeReplyObject(r);
}

/* SENTINEL MASTER answers a flat list of field, value, field, value ... */
static void sentinel_sample(void *self, struct sample *s)
{
	struct redis_probe *p = self;
	const char *ip = NULL, *port = NULL;
	redisReply *r;

	r = ask(p, s, "SENTINEL MASTER %s", p->cfg->master_name ? p->cfg->master_name : "mymaster");
	if (!r)
		return;
	if (r->type != REDIS_REPLY_ARRAY) {
		sample__error(s, "SENTINEL MASTER answered no list");
		freeReplyObject(r);
		return;
	}
	for (size_t i = 0; i + 1 < r->elements; i += 2) {
		if (!is_text(r->element[i]) || !is_text(r->element[i + 1]))
			continue;
		if (!strcmp(r->element[i]->str, "ip"))
			ip = r->element[i + 1]->str;
		else if (!strcmp(r->element[i]->str, "port"))
			port = r->element[i + 1]->str;
		else if (!strcmp(r->element[i]->str, "config-epoch"))
			s->epoch = strtoll(r->element[i + 1]->str, NULL, 10);
	}
	if (s->epoch < 0)
		s->epoch = -1;
	if (ip && port)
		snprintf(s->leader, sizeof(s->leader), "%.64s:%.8s", ip, port);
	freeReplyObject(r);
}

const struct probe_ops probe_redis_ops = {
	.system = "redis",
	.port = 6379,
	.open = redis_open,
	.sample = redis_sample,
	.close = redis_close,
};

const struct probe_ops probe_sentinel_ops = {
	.system = "sentinel",
	.port = 26379,
	.open = redis_open,
	.sample = sentinel_sample,
	.close = redis_close,
};
