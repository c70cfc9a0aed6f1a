/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * listen.h: queues of connections that wait to be accepted (sock_diag), and what did not find room in them
 * (/proc/net/netstat), in the namespaces of a run. Not thread-safe.
 */
#ifndef CHAOS_RECORDER_LISTEN_H
#define CHAOS_RECORDER_LISTEN_H

#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>

struct listens;

/* All listeners of one port in one namespace. */
struct listen_sample {
	const char *node;
	uint16_t port;
	uint32_t queue, backlog;   /* sums over its listeners */
	uint64_t overflows, drops; /* of the namespace, since listens__add() */
};

typedef void listens_fn(const struct listen_sample *s, void *arg);

struct listens *listens__new(void);    /* NULL: out of memory */
void listens__free(struct listens *l); /* NULL is fine */

/*
 * Watch the namespace @netns_fd (borrowed until this returns) under the name @node (borrowed). One that is watched
 * already is so under its first name. Negative errno with words.
 */
int listens__add(struct listens *l, const char *node, int netns_fd, struct error *err);

/*
 * Look, and call @fn for each port that is new, or of which something has changed since it was called last, or that has
 * gone (queue and backlog 0). With many namespaces each call looks at some of them in turn: at most
 * LISTENS_PER_SAMPLE.
 */
enum { LISTENS_PER_SAMPLE = 64 };
void listens__sample(struct listens *l, listens_fn *fn, void *arg);

/* The number called @name in TcpExt of the text of /proc/net/netstat; -ENOENT. */
int netstat__find(const char *text, const char *name, uint64_t *ret);

#endif
