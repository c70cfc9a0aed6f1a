/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h: what the client is made of. A transfer is one exchange by HTTP (transfer.c); requests (request.c) and
 * watches (watch.c) are made of them. libcurl must not be called from inside itself, so nothing is
 * added or removed while it works: what is to be done then is marked, and done when it has returned.
 */
#ifndef CHAOS_KUBE_INTERNAL_H
#define CHAOS_KUBE_INTERNAL_H

#include "kube/backoff.h"
#include "kube/config.h"
#include "kube/frame.h"
#include "kube/kube.h"
#include "kube/skew.h"

#include <curl/curl.h>

struct transfer;

struct kube {
	struct kube_config config;
	int64_t exec_until_ns; /* CLOCK_REALTIME: credentials of config.exec are good until then */
	int64_t exec_next_ns;  /* CLOCK_MONOTONIC: not run again before */
	char *base;	       /* where URLs begin */
	char *host;	       /* "Host: ..." where that is not what base says; else NULL */
	struct curl_slist *connect_to; /* the same: where base really is */
	CURLM *multi;
	struct transfer *transfers;
	struct kube_watch *watches;
	struct skew skew;
	struct rng rng;
	bool inside; /* libcurl works */
};

struct transfer_call {
	char *method, *path, *content_type, *body; /* owned */
	int64_t timeout_ns;			   /* of the whole */
	int64_t answer_ns; /* the status must come within; 0: no such limit */
};

struct transfer {
	struct transfer *next;
	struct kube *k;
	struct transfer_call call;
	int64_t due_ns; /* not begun before */
	int64_t sent_ns;
	bool dead;  /* forgotten: to be freed when libcurl has returned */
	CURL *easy; /* NULL: not begun */
	struct curl_slist *headers;

	/* the answer so far */
	int status;	/* 0: none yet */
	bool old;	/* somebody has kept it: its Date is of another time */
	int64_t date_s; /* 0: none yet */
	struct frame_text body;
	bool too_long;
	int error;		/* what took() returned */
	int64_t retry_after_ns; /* 0: not said */
	int os_errno;		/* of a failed connection, 0: not known */
	char words[CURL_ERROR_SIZE];

	/* of the owner; NULL where it does not matter */
	void (*begins)(struct transfer *t); /* a status has come */
	int (*took)(struct transfer *t, const char *data,
		    size_t n);				 /* of status 200; NULL: into body */
	void (*done)(struct transfer *t, CURLcode code); /* @t is freed behind it */
	void *owner;
};

/* Takes over @call, also on failure. NULL without memory. */
struct transfer *transfer__new(struct kube *k, struct transfer_call *call);
void transfer_call__reset(struct transfer_call *c);
/* Nothing is called for it any more. NULL is fine. */
void transfer__forget(struct transfer *t);

/* Begin what is due, end what is late and free what is forgotten. libcurl does not work. */
void transfers__begin(struct kube *k, int64_t now_ns);
/* Tell what has ended. */
void transfers__reap(struct kube *k);
/* The next instant at which transfers__begin() has something to do; @ns if there is none before. */
int64_t transfers__next(const struct kube *k, int64_t ns);

/*
 * What came of it, for people; "" if a 2xx status came and the transfer is whole. @ret_body: the JSON (new reference), or
 * NULL.
 */
void transfer__words(const struct transfer *t, CURLcode code, json_t **ret_body, char *buf,
		     size_t size);

/* The path may be sent as it is. */
bool path_is_fine(const char *path);

/* Credentials from a command, if there is one and they are over (or @again: the server refuses them). Waits for it. */
int kube__credentials(struct kube *k, bool again, struct error *err);

/* Forget them all, without calling anything. */
void requests__free(struct kube *k);

void watches__begin(struct kube *k, int64_t now_ns);
int64_t watches__next(const struct kube *k, int64_t ns);
void watches__free(struct kube *k);

#endif
