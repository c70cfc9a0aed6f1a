/* SPDX-License-Identifier: GPL-2.0-only */
/* load_nats.h: internal to load_nats*.c: a client's connection, and requests to JetStream. */
#ifndef CHAOS_RECORDER_LOAD_NATS_H
#define CHAOS_RECORDER_LOAD_NATS_H

#include "lib/cleanup.h"
#include "recorder/load_internal.h"

#define NATS_STREAM_SIZE 160
#define NATS_SUBJECT_SIZE 256

struct nats_store {
	struct store_spec spec;
	void *conn; /* NULL = none */
	char stream[NATS_STREAM_SIZE];
	/* asked for on this connection */
	bool made_stream, made_consumer;
};

struct nats_reply {
	int status;	 /* of its header: 404; 0: none */
	char reply[256]; /* where to answer; "" = nowhere */
	char *body;	 /* of @len bytes */
	size_t len;
};

void nats__reset_reply(struct nats_reply *r);
#define _cleanup_nats_reply_ _cleanup_(nats__reset_reply)

static inline void cleanup_json(json_t **o)
{
	json_decref(*o);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

enum asked {
	ASKED,	 /* and answered */
	NOBODY,	 /* nobody takes such requests: it went nowhere */
	NO_REPLY /* @a is set */
};

/*
 * One request. What is not answered is of outcome @lost, and the connection goes with it: an answer that comes late would
 * be taken for that of the next request. @sequence: what the last one of the subject must be; NULL: any.
 */
enum asked nats__ask(struct nats_store *n, const char *subject, const char *body,
		     const char *sequence, enum outcome lost, int64_t deadline_ns,
		     struct nats_reply *ret, struct answer *a);
/* A request to JetStream's API at the stream: $JS.API.@what.STREAM[.@more]. The answer, or NULL with @a set. */
json_t *nats__api(struct nats_store *n, const char *what, const char *more, const char *body,
		  enum outcome lost, int64_t deadline_ns, struct answer *a);
/* Connected, or @a says why not. */
bool nats__begin(struct nats_store *n, int64_t deadline_ns, struct answer *a);
/* The stream, unless it is there: true, or @a says why not. */
bool nats__make_stream(struct nats_store *n, int64_t deadline_ns, struct answer *a);
/* Into the stream under STREAM.@token: OK with the stream's acknowledgement only. The error's code, 0: none. */
int nats__publish(struct nats_store *n, int64_t token, int64_t value, const char *sequence,
		  int64_t deadline_ns, struct answer *a);
void nats__pop(struct nats_store *n, int64_t deadline_ns, struct answer *a);

/* Pure parts. */

enum outcome nats__outcome(int code); /* of the error in the answer to a publish */
void nats__stream_name(enum object object, const char *name, char buf[NATS_STREAM_SIZE]);
json_t *nats__json(const char *body, size_t len); /* an object, or NULL */
/* The code of the error in an answer, with its words in @a; -1: none that is known; 0: no error, and @a as it was. */
int nats__error(const json_t *o, enum outcome outcome, struct answer *a);
/* A stream's answer to a publish: 0 and OK, or the error's code, or -1. */
int nats__acknowledged(const char *body, size_t len, const char *stream, struct answer *a);
/* The message in an answer: 0 or -EPROTO. */
int nats__message(const json_t *o, int64_t *ret_value, uint64_t *ret_sequence);
/* One page of a stream's subjects: @ret_n of @ret_total. 0, -EPROTO, -ENOMEM, -EMSGSIZE. */
int nats__page(json_t *o, const char *stream, struct values *ret, int64_t *ret_n,
	       int64_t *ret_total);

#endif
