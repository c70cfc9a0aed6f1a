/* SPDX-License-Identifier: GPL-2.0-only */
/* http.h: one HTTP exchange at a time over a kept connection (libcurl), bounded in time and size. */
#ifndef CHAOS_HTTP_H
#define CHAOS_HTTP_H

#include <stddef.h>

enum { HTTP_MAX_BODY = 16 << 20 };

struct http;

struct http_answer {
	char *body; /* owned by the http, valid until the next call; always terminated */
	size_t len;
	long status;
	/* Without an answer: the request certainly never left. */
	int not_sent;
	const char *error;
};

/* @max_body: longer answers are cut there and count as an error. NULL for lack of memory. */
struct http *http__new(size_t max_body);
/* POST @body (JSON) or GET if it is NULL. 0 with an answer of whatever status, else a negative errno. */
int http__do(struct http *h, const char *url, const char *body, int limit_ms,
	     struct http_answer *ret);
void http__free(struct http *h); /* NULL is fine */

#endif
