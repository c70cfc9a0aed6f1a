/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http.h: a small read-only HTTP server (libmicrohttpd) in the agent's own loop: no thread, so what its pages tell is never
 * in the middle of a change, and who gets an answer knows that the loop turns. GET and HEAD only.
 *
 * Bounds: HTTP_CONNECTIONS_MAX connections, 16 of one address, 16 KiB each for what they send, closed after 15 s of silence.
 */
#ifndef CHAOS_AGENT_HTTP_H
#define CHAOS_AGENT_HTTP_H

#include "lib/error.h"

#include <stddef.h>
#include <stdint.h>

enum { HTTP_CONNECTIONS_MAX = 64 };

struct http_page {
	int status;	  /* 200, 404, 503, ... */
	const char *type; /* Content-Type; not owned */
	char *body;	  /* from malloc(); taken over */
	size_t len;
};

/* The page of @path, which is without the query. @ret is all zeros: 404. */
typedef void http_page_fn(void *arg, const char *path, struct http_page *ret);

struct http_server;

/* "ADDR:PORT", "[ADDR6]:PORT" or ":PORT" (all addresses, IPv6 and IPv4), or -EINVAL. */
int http_server__check(const char *where, struct error *err);
/*
 * Listen on @where. -EINVAL: no such thing; else the errno of bind(), with words.
 */
int http_server__open(const char *where, http_page_fn *page, void *arg, struct http_server **ret,
		      struct error *err);
void http_server__close(struct http_server *s);

/* To poll for POLLIN; -1 for NULL. */
int http_server__fd(const struct http_server *s);
/* Answer what can be answered. Returns when to come again at the latest (CLOCK_MONOTONIC, ns; INT64_MAX: not by time). */
int64_t http_server__step(struct http_server *s);
/* The port that it listens on. */
uint16_t http_server__port(const struct http_server *s);

/* A page of one line of text; @fmt without the line's end. */
void http_page__words(struct http_page *p, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
