/* SPDX-License-Identifier: GPL-2.0-only */
/* load_consul.h: internal to load_consul*.c: a client's connection. */
#ifndef CHAOS_RECORDER_LOAD_CONSUL_H
#define CHAOS_RECORDER_LOAD_CONSUL_H

#include "recorder/http.h"
#include "recorder/load_internal.h"

#define CONSUL_NAME_MAX 256 /* of a workload */
#define CONSUL_PREFIX_MAX (CONSUL_NAME_MAX + 16)
#define CONSUL_KEY_MAX (CONSUL_PREFIX_MAX + 24)
#define CONSUL_URL_MAX (CONSUL_KEY_MAX + 192)
#define CONSUL_SESSION_MAX 64

struct consul_store {
	struct http http;
	char base[96];
	char prefix[CONSUL_PREFIX_MAX];	  /* chaos/NAME/ */
	char session[CONSUL_SESSION_MAX]; /* of the lock that this client has, "": none */
};

/* The key of value or object @n. Returns @buf. */
const char *consul__key(const struct consul_store *s, int64_t n, char buf[CONSUL_KEY_MAX]);

/* PUT of @body to /v1/@path; true if there is a whole answer, whatever its status, else @a is set. */
bool consul__put(struct consul_store *s, const char *path, const char *body, int64_t deadline_ns,
		 struct answer *a);
/* What is answered true or false. False, refused for @why, is not an error. */
void consul__put_key(struct consul_store *s, const char *path, const char *body, const char *why,
		     int64_t deadline_ns, struct answer *a);
/* The last answer as an error. */
void consul__error(const struct consul_store *s, struct answer *a);
/* A key as the leader has it now, linearizable; false with @a set. */
bool consul__read_key(struct consul_store *s, const char *key, int64_t deadline_ns,
		      struct consul_entry *ret, struct answer *a);
void consul__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret);

#endif
