/* SPDX-License-Identifier: GPL-2.0-only */
/* load_redis.h: internal to load_redis*.c: a client's connection. */
#ifndef CHAOS_RECORDER_LOAD_REDIS_H
#define CHAOS_RECORDER_LOAD_REDIS_H

#include "recorder/load_internal.h"
#include "recorder/resp.h"

#define REDIS_IP_SIZE 64

struct redis_store {
	struct resp conn;
	char *ip, *key;

	/* of a cluster */
	bool cluster;
	uint16_t port;		  /* of its own node, as ip */
	char node[REDIS_IP_SIZE]; /* that the connection is to */
	bool asked;		  /* for one command only */
	unsigned int redirections;
};

/* Where a MOVED or ASK points; "" as address: the same as before. False for another error. */
bool redis__redirection(const char *text, size_t len, char ret_ip[REDIS_IP_SIZE],
			uint16_t *ret_port, bool *ret_ask);
/* Go where the error @text points, if it does and has not done so too often in one command. */
bool redis__follow(struct redis_store *s, const char *text, size_t len, bool *ret_ask);
/* Of a cluster: to the node of the client's own place. */
void redis__go_home(struct redis_store *s);

/* One command and its answer; NULL with @a set if there is none or it is an error. */
redisReply *redis__command(struct redis_store *s, int argc, const char **argv, int64_t deadline_ns,
			   struct answer *a);
void redis__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret);
int redis__list_queue(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size);

#endif
