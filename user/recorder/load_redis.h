/* SPDX-License-Identifier: GPL-2.0-only */
/* load_redis.h: internal to load_redis*.c: a client's connection. */
#ifndef CHAOS_RECORDER_LOAD_REDIS_H
#define CHAOS_RECORDER_LOAD_REDIS_H

#include "recorder/load_internal.h"
#include "recorder/resp.h"

struct redis_store {
	struct resp conn;
	char *ip, *key;
};

/* One command and its answer; NULL with @a set if there is none or it is an error. */
redisReply *redis__command(struct redis_store *s, int argc, const char **argv, int64_t deadline_ns,
			   struct answer *a);
void redis__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret);
int redis__list_queue(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size);

#endif
