// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_redis_cluster.c: Redis Cluster: the same commands as in load_redis*.c, sent to the node that has the key's slot.
 * A client learns that node by MOVED and ASK, which say that nothing was done, and goes back to the node of its own
 * place when a node cannot be reached. Keys have the tag {chaos:NAME}, so that a script's keys share a slot.
 */
#include "lib/cleanup.h"
#include "recorder/load_redis.h"

#include <string.h>

#define REDIRECTIONS_MAX 8

bool redis__redirection(const char *text, size_t len, char ret_ip[REDIS_IP_SIZE],
			uint16_t *ret_port, bool *ret_ask)
{
	/* "MOVED 3999 127.0.0.1:6381"; the address is empty where it is that of the one who says so. */
	bool ask = len > 4 && !memcmp(text, "ASK ", 4);
	char buf[REDIS_IP_SIZE + 32], *ip, *port, *end;
	unsigned long n;

	if ((!ask && (len <= 6 || memcmp(text, "MOVED ", 6) != 0)) || len >= sizeof(buf))
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	ip = strrchr(buf, ' ');
	port = strrchr(buf, ':');
	if (!port || ip <= buf + 5 || port < ip || port - ip - 1 >= REDIS_IP_SIZE)
		return false;
	n = strtoul(port + 1, &end, 10);
	if (port[1] < '0' || port[1] > '9' || *end || !n || n > 65535)
		return false;
	*port = '\0';
	snprintf(ret_ip, REDIS_IP_SIZE, "%s", ip + 1);
	*ret_port = (uint16_t)n;
	*ret_ask = ask;
	return true;
}

static void go_to(struct redis_store *s, const char *ip, uint16_t port)
{
	if (*ip && s->node != ip)
		snprintf(s->node, sizeof(s->node), "%s", ip);
	resp__reset(&s->conn);
	s->conn.ip = s->node;
	s->conn.port = port;
}

void redis__go_home(struct redis_store *s)
{
	if (!s->cluster)
		return;
	go_to(s, s->ip, s->port);
	s->asked = false;
}

bool redis__follow(struct redis_store *s, const char *text, size_t len, bool *ret_ask)
{
	char ip[REDIS_IP_SIZE];
	uint16_t port;

	if (!s->cluster || !redis__redirection(text, len, ip, &port, ret_ask) ||
	    ++s->redirections > REDIRECTIONS_MAX)
		return false;
	/* Somewhere else for this command only. */
	s->asked = *ret_ask;
	go_to(s, ip, port);
	return true;
}

static int store_open(const struct store_spec *spec, void **ret_store)
{
	struct redis_store *s;
	void *store;
	char *key;
	int r;

	if (asprintf(&key, "{chaos:%s}", spec->name) < 0)
		return -ENOMEM;
	r = store_redis.open(spec->ip, spec->port, spec->name, &store);
	if (r) {
		free(key);
		return r;
	}
	s = store;
	free(s->key);
	s->key = key;
	s->cluster = true;
	s->port = spec->port;
	redis__go_home(s);
	*ret_store = s;
	return 0;
}

/* All else is what it is for one server, by the ops of store_redis. */
static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	store_redis.add(store, value, deadline_ns, ret);
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	store_redis.read(store, value, deadline_ns, ret);
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	return store_redis.list(store, deadline_ns, ret, why, why_size);
}

static void store_close(void *store)
{
	store_redis.close(store);
}

const struct store_ops store_redis_cluster = {
	.name = "redis-cluster",
	.port = 6379,
	.open_for = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = redis__act,
	.list_queue = redis__list_queue,
};
