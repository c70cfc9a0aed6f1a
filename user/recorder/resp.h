/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * resp.h: a connection to a Redis-like server: hiredis reads the protocol, sock.h waits. An answer
 * is bounded in time, bytes and elements. After any error the connection is dropped, so that an
 * answer that comes too late is never taken for that of a later command.
 */
#ifndef CHAOS_RECORDER_RESP_H
#define CHAOS_RECORDER_RESP_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

struct resp {
	const char *ip; /* borrowed */
	uint16_t port;
	size_t max_bytes; /* of one answer */

	int fd; /* -1 = not connected */
	redisReader *reader;
	redisReplyObjectFunctions fn; /* the reader points to it: a struct resp does not move */
	size_t elements_left;	      /* of the answer that is being read */
};

void resp__init(struct resp *c, const char *ip, uint16_t port, size_t max_bytes);
void resp__reset(struct resp *c); /* drop the connection; it can be opened again */

/* Connect if there is no connection or the server has closed it. */
int resp__open(struct resp *c, int64_t deadline_ns);
/* Send a command on the open connection; @ret_sent: some of it has left, also on failure. */
int resp__send(struct resp *c, int argc, const char **argv, int64_t deadline_ns, bool *ret_sent);
/* The next answer; -ECONNRESET if the server closes instead, -EPROTO for what is no RESP, -EMSGSIZE
 * above the bounds. */
int resp__receive(struct resp *c, int64_t deadline_ns, redisReply **ret);

/*
 * The parser alone, after resp__init(): resp__begin(), redisReaderFeed() of its reader, resp__next() until
 * -EAGAIN (more bytes are needed), resp__reset(). resp__next() sets no bound to bytes.
 */
int resp__begin(struct resp *c);
int resp__next(struct resp *c, redisReply **ret);

static inline void cleanup_reply(redisReply **r)
{
	if (*r)
		freeReplyObject(*r);
}
#define _cleanup_reply_ _cleanup_(cleanup_reply)

static inline bool reply__is_text(const redisReply *r)
{
	return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS);
}

#endif
