/* SPDX-License-Identifier: GPL-2.0-only */
/* http.h: one HTTP exchange at a time on a kept connection, bounded in time and size (libcurl). */
#ifndef CHAOS_RECORDER_HTTP_H
#define CHAOS_RECORDER_HTTP_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct http {
	CURL *easy;
	struct curl_slist *headers;
	char *body; /* of the last answer, terminated */
	size_t len, cap, max;
	long status;
	bool sent; /* some of the last request has left, perhaps on a connection that died of it */
	bool cut;  /* the answer is longer than max; body is its beginning */
	/* Set by the caller: a request of which something has left is not sent again on a new connection, which libcurl
	 * does where a kept one turns out to be dead; it ends with -ECONNRESET. */
	bool once;

	/* http__authorize() */
	char *login, *ca_file;
	struct curl_slist *own_headers; /* of a GET */
};

/* libcurl's, once; by everything that uses it. */
void http__global_init(void);
/* What became of a transfer, as http__request() has it. */
int http__errno(CURL *easy, CURLcode code);

/* @max: bytes of an answer that are kept. 0 or -ENOMEM. */
int http__init(struct http *h, size_t max);
void http__reset(struct http *h);

/*
 * From now on: log in as @user, send the header @header, trust the certificates in @ca_file; each
 * may be NULL. 0 or -ENOMEM.
 */
int http__authorize(struct http *h, const char *user, const char *password, const char *header,
		    const char *ca_file);

/*
 * GET @url, or POST @json to it. 0 once an answer is there, whatever its status; else
 * -ECONNREFUSED, -ETIMEDOUT, -ECONNRESET, -EPROTO and the like. The answer is in @h until the next
 * request.
 */
int http__request(struct http *h, const char *url, const char *json, int64_t deadline_ns);

struct http_request {
	const char *url;
	const char *method; /* NULL: GET, or POST if there is a body */
	const char *body;   /* NULL = none */
	struct curl_slist *headers;
};
/* The same for any request. */
int http__send(struct http *h, const struct http_request *rq, int64_t deadline_ns);

/* Has the last answer this header? */
bool http__has_header(const struct http *h, const char *name);

/* "http://IP:PORT" with the brackets that IPv6 needs. */
void http__base(char *buf, size_t size, const char *ip, uint16_t port);

/* A number that the JSON gateway of gRPC writes as a string or as a number; 0 if absent. -EPROTO
 * for anything else. */
int http__u64(const json_t *object, const char *key, uint64_t *ret);

#endif
