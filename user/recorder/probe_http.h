/* SPDX-License-Identifier: GPL-2.0-only */
/* probe_http.h: internal to probe_*.c: what the systems that are asked by HTTP have in common. */
#ifndef CHAOS_RECORDER_PROBE_HTTP_H
#define CHAOS_RECORDER_PROBE_HTTP_H

#include "lib/cleanup.h"
#include "recorder/http.h"
#include "recorder/probe_internal.h"

struct http_probe {
	struct http http;
	char *base;	/* http://HOST:PORT, without a slash behind it */
	char self[128]; /* what the system calls this node, once known; "" = not yet */
	void *own;	/* the system's; freed with free() */
};

/* "PREFIX" before a token in a header, as "X-Consul-Token: ". */
int http_probe__open(const struct probe_spec *spec, const char *token_header, size_t answer_max,
		     struct http_probe **ret, struct error *err);
void http_probe__close(void *state);

/*
 * GET base + @path: the HTTP status, with the answer in p->http; 0 once @s is an error.
 */
long http_probe__get(struct http_probe *p, const char *path, int64_t deadline_ns, struct sample *s);

/* The answer as JSON, or NULL; to be decref'd. Duplicate keys are refused. */
json_t *answer__json(const char *body, size_t len);
/* Copy @text into @buf if it is a printable string that fits; false if not. */
bool answer__copy(const json_t *text, char *buf, size_t size);

static inline void cleanup_json(json_t **o)
{
	json_decref(*o);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

#endif
