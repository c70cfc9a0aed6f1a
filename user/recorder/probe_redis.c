// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_redis.c: Redis by ROLE, with the replication id from INFO in the same flight; Sentinel by
 * SENTINEL MASTER. The connection is kept; a server that is demoted closes it, and the next
 * sample makes a new one.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/probe_internal.h"
#include "recorder/resp.h"

#include <string.h>

/* INFO replication of a master with a hundred replicas is 8 KiB. */
#define ANSWER_MAX (256 * 1024)

struct redis_probe {
	struct resp conn;
	char *ip, *name;
};

static void redis_close(void *state)
{
	struct redis_probe *p = state;

	resp__reset(&p->conn);
	free(p->ip);
	free(p->name);
	free(p);
}

static int redis_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct redis_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->ip = strdup(spec->ip);
	p->name = strdup(spec->master_name);
	resp__init(&p->conn, p->ip, spec->port, ANSWER_MAX);
	*ret_state = p;
	return p->ip && p->name ? 0 : err__set(err, -ENOMEM, "out of memory");
}

static bool is_error(const redisReply *r, struct sample *s)
{
	if (!r || r->type != REDIS_REPLY_ERROR)
		return false;
	sample__error(s, "%.*s", (int)(r->len < 128 ? r->len : 128), r->str);
	return true;
}

static bool text_is(const redisReply *r, const char *s)
{
	return reply__is_text(r) && r->len == strlen(s) && !memcmp(r->str, s, r->len);
}

/* An address or a host name: printable, and short enough to be kept whole. */
static bool is_address(const redisReply *r)
{
	if (!reply__is_text(r) || !r->len || r->len >= 64)
		return false;
	for (size_t i = 0; i < r->len; i++)
		if (r->str[i] <= ' ' || r->str[i] > '~')
			return false;
	return true;
}

void redis__role(const redisReply *r, struct sample *s)
{
	if (is_error(r, s))
		return;
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements < 1)
		return sample__error(s, "ROLE did not answer with an array");
	if (text_is(r->element[0], "master")) {
		s->role = PROBE_LEADER;
		s->claim = true;
		return;
	}
	if (!text_is(r->element[0], "slave"))
		return sample__error(s, "ROLE answered neither `master` nor `slave`");
	s->role = PROBE_FOLLOWER;
	if (r->elements >= 3 && is_address(r->element[1]) &&
	    r->element[2]->type == REDIS_REPLY_INTEGER && r->element[2]->integer >= 0 &&
	    r->element[2]->integer <= UINT16_MAX)
		snprintf(s->leader, sizeof(s->leader), "%s:%lld", r->element[1]->str,
			 r->element[2]->integer);
}

/* "master_replid:" and 40 hex digits. What is not there is left out. */
void redis__replication_id(const redisReply *r, struct sample *s)
{
	static const char key[] = "master_replid:";
	const char *at = reply__is_text(r) ? strstr(r->str, key) : NULL;
	size_t n;

	if (!at)
		return;
	at += strlen(key);
	n = strspn(at, "0123456789abcdef");
	if (n == 40)
		snprintf(s->detail, sizeof(s->detail), "%.40s", at);
}

static void redis_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	static const char *role[] = {"ROLE"}, *info[] = {"INFO", "replication"};
	struct redis_probe *p = state;
	_cleanup_reply_ redisReply *role_is = NULL, *info_is = NULL;
	int r = resp__open(&p->conn, deadline_ns);

	if (r)
		return sample__errno(s, r);
	s->send_ns = clock__now();
	r = resp__send(&p->conn, 1, role, deadline_ns, NULL);
	r = r ? r : resp__send(&p->conn, 2, info, deadline_ns, NULL);
	r = r ? r : resp__receive(&p->conn, deadline_ns, &role_is);
	if (r)
		return sample__errno(s, r);
	s->recv_ns = clock__now();
	redis__role(role_is, s);
	/* A role without the id is worth recording, an id without a role is not. */
	if (!resp__receive(&p->conn, deadline_ns, &info_is) && s->role != PROBE_ERROR)
		redis__replication_id(info_is, s);
}

static bool number(const redisReply *r, int64_t max, int64_t *ret)
{
	char *end;
	long long n;

	if (!reply__is_text(r) || !r->len || r->str[0] < '0' || r->str[0] > '9')
		return false;
	errno = 0;
	n = strtoll(r->str, &end, 10);
	if (end != r->str + r->len || errno || n > max)
		return false;
	*ret = n;
	return true;
}

void sentinel__master(const redisReply *r, struct sample *s)
{
	const redisReply *ip = NULL;
	int64_t port = -1, epoch = -1;

	if (is_error(r, s))
		return;
	if (!r || r->type != REDIS_REPLY_ARRAY || r->elements % 2)
		return sample__error(s, "SENTINEL MASTER did not answer with keys and values");
	for (size_t i = 0; i < r->elements; i += 2) {
		const redisReply *key = r->element[i], *v = r->element[i + 1];

		if (text_is(key, "ip") && is_address(v))
			ip = v;
		else if (text_is(key, "port"))
			number(v, UINT16_MAX, &port);
		else if (text_is(key, "config-epoch"))
			number(v, INT64_MAX, &epoch);
	}
	if (!ip || port < 0)
		return sample__error(s, "SENTINEL MASTER names no address");
	/* A Sentinel claims nothing for itself: it says whom it takes for the master. */
	s->role = PROBE_NONE;
	s->epoch = epoch;
	snprintf(s->leader, sizeof(s->leader), "%s:%d", ip->str, (int)port);
}

static void sentinel_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct redis_probe *p = state;
	const char *master[] = {"SENTINEL", "MASTER", p->name};
	_cleanup_reply_ redisReply *reply = NULL;
	int r = resp__open(&p->conn, deadline_ns);

	if (r)
		return sample__errno(s, r);
	s->send_ns = clock__now();
	r = resp__send(&p->conn, 3, master, deadline_ns, NULL);
	r = r ? r : resp__receive(&p->conn, deadline_ns, &reply);
	if (r)
		return sample__errno(s, r);
	s->recv_ns = clock__now();
	sentinel__master(reply, s);
}

const struct probe_ops probe_redis = {
	.name = "redis",
	.port = 6379,
	.open = redis_open,
	.ask = redis_ask,
	.close = redis_close,
};

const struct probe_ops probe_sentinel = {
	.name = "sentinel",
	.port = 26379,
	.open = redis_open,
	.ask = sentinel_ask,
	.close = redis_close,
};
