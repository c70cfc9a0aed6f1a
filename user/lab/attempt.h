/* SPDX-License-Identifier: GPL-2.0-only */
/* attempt.h: one look whether a node is ready: by TCP, HTTP or a command, from inside the node. */
#ifndef CHAOS_LAB_ATTEMPT_H
#define CHAOS_LAB_ATTEMPT_H

#include "lab/internal.h"

#include <curl/curl.h>

enum attempt_result { ATTEMPT_PENDING, ATTEMPT_YES, ATTEMPT_NO };

struct attempt {
	struct lab *lab;
	struct node *node;
	CURLM *multi; /* borrowed */
	bool running;
	int64_t end_ns;	     /* CLOCK_MONOTONIC; no answer until then is a no */
	unsigned int target; /* TCP: which of the node's addresses */
	int fd;		     /* TCP: the socket */
	CURL *easy;
	char why[160]; /* why the last one said no */
};

void attempt__init(struct attempt *a, struct lab *lab, struct node *node, CURLM *multi);

/* Begin one. -EINVAL etc. with a message only for what no further attempt can mend. */
int attempt__start(struct attempt *a, struct error *err);

/* Where it stands; a result other than ATTEMPT_PENDING ends it. Does not block. */
enum attempt_result attempt__look(struct attempt *a);

/* The HTTP transfer of @easy (CURLOPT_PRIVATE is the attempt) has ended with @code. */
void attempt__http_done(struct attempt *a, CURLcode code);

void attempt__abort(struct attempt *a); /* one that is not running is fine */

#endif
