/* SPDX-License-Identifier: GPL-2.0-only */
/* load_etcd.h: internal to load_etcd*.c: a client's connection. */
#ifndef CHAOS_RECORDER_LOAD_ETCD_H
#define CHAOS_RECORDER_LOAD_ETCD_H

#include "recorder/http.h"
#include "recorder/load_internal.h"

#define ETCD_NAME_MAX 256 /* of a workload */
#define ETCD_KEY_MAX (ETCD_NAME_MAX + 64)

struct etcd_store {
	struct http http;
	char base[96];
	char prefix[ETCD_KEY_MAX]; /* chaos/NAME/ */
	size_t prefix_len;
	int64_t lease; /* of the lock that this client has, 0: none */
};

/* POST @json to @path; the answer as an object, or NULL with @a set. */
json_t *etcd__post(struct etcd_store *s, const char *path, const char *json, int64_t deadline_ns,
		   struct answer *a);
void etcd__act(void *store, const struct request *rq, int64_t deadline_ns, struct answer *ret);

#endif
