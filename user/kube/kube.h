/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube.h: a client of the Kubernetes API: requests, and watches that stay right through whatever happens to
 * the connection. One thread, one event loop: all work is done and all functions are called inside of
 * kube__wait(). HTTP/1.1 on kept connections by libcurl, JSON by jansson. Never prints, never exits.
 *
 * Called functions (done, event) may call everything here but kube__wait(), kube__call...() and kube__close().
 * JSON that they are given is lent until they return; json_incref() keeps it.
 *
 * Bounds, against servers and proxies that are broken or hostile:
 *   one answer, one object of a list, one event of a watch   KUBE_ANSWER_MAX bytes
 *   one list, all pages together                             KUBE_LIST_MAX bytes
 *   depth of JSON                                            KUBE_DEPTH_MAX
 *   values in one answer or object                           KUBE_VALUES_MAX (100 bytes of memory each)
 * A list is read object by object: no more than one object of it is in memory, whatever the page's size.
 * Redirects are not followed. Time limits hold however slowly bytes come.
 */
#ifndef CHAOS_KUBE_H
#define CHAOS_KUBE_H

#include "lib/error.h"

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KUBE_ANSWER_MAX = 8 * 1024 * 1024, /* etcd takes objects of 1.5 MiB */
	KUBE_LIST_MAX = 1024 * 1024 * 1024,
	KUBE_DEPTH_MAX = 128,
	KUBE_VALUES_MAX = 1000000,
	KUBE_PAGE = 500, /* objects in a page of a list */
};

/* --- where the server is and who we are --------------------------------------------------------- */

/* A command that makes credentials (client.authentication.k8s.io); see exec.h. */
struct kube_exec {
	char *api_version, *command, *hint;
	char **args;  /* NULL-terminated, without the command itself; may be NULL */
	char **env;   /* NULL-terminated "NAME=VALUE"; may be NULL */
	bool cluster; /* tell it the cluster */
};

/* Strings are owned and NULL where not given. Of a file and data the data counts, as for kubectl. */
struct kube_config {
	char *server;  /* "https://10.96.0.1:443", without a / at the end */
	char *ns;      /* default namespace; never NULL after success */
	char *context; /* its name in the kubeconfig; NULL in a cluster */
	char *file;    /* the kubeconfig; NULL in a cluster */
	char *ca_file, *cert_file, *key_file;
	char *ca_data, *cert_data, *key_data; /* decoded: PEM */
	char *token;
	char *token_file; /* read again for each request, so that it may rotate; before @token */
	char *user, *password;
	char *tls_name; /* the name in the server's certificate, if it is not the server's address */
	char *proxy;	/* "": none, NULL: as the environment says */
	bool insecure;	/* no verification of the server's certificate */
	struct kube_exec *exec;
};

/*
 * Inside a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, and the files token, ca.crt and
 * namespace (may be absent: "default") in @root; NULL: /var/run/secrets/kubernetes.io/serviceaccount.
 * -ENOENT: not inside a pod, with words; -ENOMEM.
 */
int kube_config__in_cluster(const char *root, struct kube_config *ret, struct error *err);

/*
 * A kubeconfig. @path NULL: the first file of $KUBECONFIG that exists, else ~/.kube/config. @context NULL: its
 * current-context. Relative paths in it are relative to its folder. -ENOENT: no such file; -EINVAL:
 * words "FILE:LINE:COL: what is wrong", with the nearest name where a context, cluster or user is not there;
 * -ENOMEM. Keys that it does not know are ignored, as kubectl does. Nothing is run and nobody is asked.
 */
int kube_config__load(const char *path, const char *context, struct kube_config *ret,
		      struct error *err);
/* Forgets everything, secrets too; fine on zeros and twice. */
void kube_config__reset(struct kube_config *c);

/* --- the client --------------------------------------------------------------------------------- */

struct kube;

/*
 * Takes a copy of what it needs of @c, which may be reset. Asks nobody yet, so a server that is away is no error.
 * -EINVAL with words: a server that is no http(s) URL, an `exec` command that fails; -ENOMEM.
 */
int kube__open(const struct kube_config *c, struct kube **ret, struct error *err);
/* Ends all requests and watches without calling anything. NULL is fine. */
void kube__close(struct kube *k);

/*
 * Wait at most @timeout_ms (< 0: without limit) for the network or for one of @fds, then call what is due.
 * @fds[].revents are set as poll() does, POLLHUP and POLLERR too. Returns how many of @fds have any, 0 also
 * when the time is over, something was called or a signal came; or a negative errno. It may return early.
 */
int kube__wait(struct kube *k, struct pollfd *fds, size_t n_fds, int timeout_ms);

/* --- one request -------------------------------------------------------------------------------- */

struct kube_answer {
	int status;	    /* HTTP; 0: none came */
	int error;	    /* why none came: -ECONNREFUSED, -ETIMEDOUT ...; else 0 */
	const json_t *body; /* NULL: nothing, not JSON, cut, or beyond the bounds */
	const char *text;   /* first bytes (at most 512) of what is not JSON; else NULL */
	char why[256];	    /* for people: Status.message, or libcurl's words; "" if all is well */
};

typedef void kube_done_fn(void *arg, const struct kube_answer *a);

struct kube_request {
	const char *method; /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	/*
	 * Begins with "/", with the query, encoded as URLs have it: blanks and control characters are refused.
	 */
	const char *path;
	const char *content_type; /* of the body; NULL: application/json */
	const json_t *body;	  /* NULL: none; written out before kube__request() returns */
	int64_t timeout_ns;	  /* of the whole; 0: 30 s */
	kube_done_fn *done;
	void *arg;
};

/*
 * Success is a 2xx status with a body: an answer that was cut, is too long or no JSON comes with its status,
 * @body NULL and words in @why. 429 and 503 with Retry-After (the server did nothing) are asked again after that
 * time if the time limit allows; nothing else is tried twice, though libcurl sends a request again when
 * a kept connection turns out to have been closed before it. A request that timed out may have been done.
 * 0: @done is called exactly once, later, inside of kube__wait(), unless it is cancelled; -EINVAL: a bad path
 * or method; -ENOMEM.
 */
int kube__request(struct kube *k, const struct kube_request *r);
/* Forget requests with this @arg: their done is not called. The server may have done them all the same. */
void kube__cancel(struct kube *k, const void *arg);

/*
 * The same and wait for it, for programs that have nothing else to do; watches go on meanwhile. @r->done and @r->arg are
 * not used. @ret_body (may be NULL): to be json_decref()ed. @ret->body and @ret->text are NULL. Returns 0 for a 2xx
 * status with JSON, -ENOENT for 404, -EEXIST for 409 to a POST, -ESTALE for 409 and 410 else, -EACCES for 401 and 403,
 * -EINVAL for other 4xx, its `error` where no answer came, -EPROTO for all else.
 */
int kube__call(struct kube *k, const struct kube_request *r, struct kube_answer *ret,
	       json_t **ret_body);
/* The same, until @fd is readable: -EINTR then. < 0: it never is. */
int kube__call_until(struct kube *k, const struct kube_request *r, int fd, struct kube_answer *ret,
		     json_t **ret_body);

/* --- watches ------------------------------------------------------------------------------------ */

struct kube_watch;

enum kube_event {
	KUBE_PUT, /* @obj is there, with this content; also told again for what has not changed */
	KUBE_GONE, /* @obj is not; of what vanished unseen only metadata.namespace, name and uid are told */
	KUBE_SYNCED, /* what was told is the server's state: after a list, and when lost contact is back */
	KUBE_LOST, /* no contact, or no permission: @words say why; it is tried again */
};

/* @obj: NULL but for PUT and GONE; @words: NULL but for LOST. */
typedef void kube_event_fn(void *arg, enum kube_event ev, const json_t *obj, const char *words);

struct kube_watch_spec {
	const char *path;	    /* of the collection, no query: "/api/v1/pods" */
	const char *field_selector; /* NULL: none; encoded by the watch */
	const char *label_selector;
	unsigned int page; /* objects a page, 0: KUBE_PAGE; ~0u: no pages */
	unsigned int
		timeout_s; /* the server is asked to end the stream after this; 0: 240 ... 360 by chance */
	kube_event_fn *event;
	void *arg;
};

/*
 * Lists in pages, then watches with bookmarks from the list's resourceVersion. Strings are copied. What holds:
 *   - An object is told by its metadata: each @obj is an object with a string metadata.name; namespace and uid may be
 *     absent. `kind` and `apiVersion` are absent from most listed objects, as the server sends them.
 *   - Each change of an object arrives in order; of several while contact was lost only the last one may.
 *   - An object that was told and is no more is told GONE exactly once, also when it vanished between two lists. One that was
 *     deleted and made anew (another uid) is told GONE and then PUT.
 *   - SYNCED comes after each complete list (after the GONE of what it lacks), and after LOST.
 *   - LOST comes once for each outage, and again when its words change. 403 and 404 (no permission, a CRD that is
 *     not there yet) are LOST too and tried every 5 ... 10 s; everything else after a time by chance up to 0.2 s,
 *     doubled with each failure up to 30 s; Retry-After of 429 and 503 is kept (at most 60 s).
 *   - A stream that the server ends is opened again at once from the last version; 410 (status or event) lists anew. A
 *     silent connection is dead after timeout_s + 15 s, one whose other end does not answer TCP after about 30 s.
 * Nothing is called before kube__wait(). -EINVAL: a bad path; -ENOMEM.
 */
int kube__watch(struct kube *k, const struct kube_watch_spec *s, struct kube_watch **ret);
/* Nothing is called for it any more, also not the rest of what is just being told. NULL is fine. */
void kube_watch__end(struct kube_watch *w);
/* SYNCED was told, and no LOST since. */
bool kube_watch__synced(const struct kube_watch *w);

/* --- time ---------------------------------------------------------------------------------------- */

/*
 * Our CLOCK_REALTIME minus the server's, in ns: between @ret_lo_ns and @ret_hi_ns. By the Date headers of all
 * answers: each has whole seconds, so bounds it by one second and its round trip; bounds are intersected and widen
 * by 100 ppm with age. A step of either clock begins anew. false: no answer yet.
 */
bool kube__clock(const struct kube *k, int64_t *ret_lo_ns, int64_t *ret_hi_ns);

#endif
