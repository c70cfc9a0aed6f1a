// SPDX-License-Identifier: GPL-2.0-only
#include "kube/internal.h"

#include "lib/cleanup.h"

#include <string.h>

#define LIMIT_NS (30 * NS_PER_S)
#define TEXT_MAX 512

struct request {
	kube_done_fn *done;
	void *arg;
	int64_t deadline_ns; /* no further try behind it */
};

static void request_done(struct transfer *t, CURLcode code);

static struct transfer *begin(struct kube *k, struct transfer_call *call, struct request *rq,
			      int64_t due_ns)
{
	struct transfer *t = transfer__new(k, call);

	if (!t)
		return NULL;
	t->due_ns = due_ns;
	t->done = request_done;
	t->owner = rq;
	return t;
}

/* The server did nothing and says when it will; true: asked again then. */
static bool again(struct transfer *t)
{
	struct request *rq = t->owner;
	int64_t now = clock__now(), due = now + t->retry_after_ns;

	if ((t->status != 429 && t->status != 503) || !t->retry_after_ns || due >= rq->deadline_ns)
		return false;
	t->call.timeout_ns = rq->deadline_ns - due;
	return begin(t->k, &t->call, rq, due);
}

/* What became of a request that has no status. */
static int no_answer(const struct transfer *t, CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		return t->os_errno > 0 ? -t->os_errno : -ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -ECONNRESET;
	}
}

static void request_done(struct transfer *t, CURLcode code)
{
	struct kube_answer a = {.status = t->status};
	_cleanup_free_ struct request *rq = NULL;
	char text[TEXT_MAX + 1] = "";
	struct error err = {0};
	json_t *body = NULL;

	if (!code && again(t))
		return;
	rq = t->owner;
	if (!t->status)
		a.error = no_answer(t, code);
	if (t->status == 401)
		kube__credentials(t->k, true, &err); /* for whoever asks next */
	transfer__words(t, code, &body, a.why, sizeof(a.why));
	a.body = body;
	if (!body && t->body.len) {
		memcpy(text, t->body.text, t->body.len < TEXT_MAX ? t->body.len : TEXT_MAX);
		a.text = text;
	}
	rq->done(rq->arg, &a);
	json_decref(body);
}

static bool method_is_fine(const char *m)
{
	return m && *m && strlen(m) < 16 && strspn(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(m);
}

static int make_call(const struct kube_request *r, struct transfer_call *ret)
{
	struct transfer_call c = {
		.method = strdup(r->method),
		.path = strdup(r->path),
		.content_type = r->content_type ? strdup(r->content_type) : NULL,
		.body = r->body ? json_dumps(r->body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL,
		.timeout_ns = r->timeout_ns > 0 ? r->timeout_ns : LIMIT_NS,
	};

	if (!c.method || !c.path || (r->content_type && !c.content_type) || (r->body && !c.body)) {
		transfer_call__reset(&c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

int kube__request(struct kube *k, const struct kube_request *r)
{
	_cleanup_free_ struct request *rq = NULL;
	struct transfer_call call;

	if (!path_is_fine(r->path) || !method_is_fine(r->method) || !r->done ||
	    (r->content_type && strpbrk(r->content_type, "\r\n")))
		return -EINVAL;
	rq = calloc(1, sizeof(*rq));
	if (!rq || make_call(r, &call))
		return -ENOMEM;
	*rq = (struct request){.done = r->done, .arg = r->arg};
	rq->deadline_ns = clock__now() + call.timeout_ns;
	if (!begin(k, &call, rq, 0))
		return -ENOMEM;
	TAKE_PTR(rq);
	return 0;
}

void kube__cancel(struct kube *k, const void *arg)
{
	for (struct transfer *t = k->transfers; t; t = t->next) {
		struct request *rq = t->owner;

		if (t->done != request_done || t->dead || rq->arg != arg)
			continue;
		free(rq);
		transfer__forget(t);
	}
}

void requests__free(struct kube *k)
{
	for (struct transfer *t = k->transfers; t; t = t->next) {
		if (t->done != request_done || t->dead)
			continue;
		free(t->owner);
		transfer__forget(t);
	}
}

/* --- and wait for it ------------------------------------------------------------------------------ */

struct waiting {
	struct kube_answer *answer;
	json_t *body;
	bool done;
};

static void call_done(void *arg, const struct kube_answer *a)
{
	struct waiting *w = arg;

	*w->answer = *a;
	w->answer->body = NULL;
	w->answer->text = NULL;
	w->body = json_incref((json_t *)a->body);
	w->done = true;
}

static int call_errno(const struct kube_request *r, const struct kube_answer *a, const json_t *body)
{
	if (a->status / 100 == 2)
		return body ? 0 : -EPROTO;
	switch (a->status) {
	case 0:
		return a->error;
	case 401:
	case 403:
		return -EACCES;
	case 404:
		return -ENOENT;
	case 409:
		return strcmp(r->method, "POST") != 0 ? -ESTALE : -EEXIST;
	case 410:
		return -ESTALE;
	default:
		return a->status / 100 == 4 ? -EINVAL : -EPROTO;
	}
}

/* Until it is done, @fd is readable, or an error. */
static int wait_for_it(struct kube *k, const struct waiting *w, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int e = 0;

	while (!w->done && e >= 0) {
		p.revents = 0;
		e = kube__wait(k, &p, fd >= 0, -1);
		if (e > 0 && !w->done)
			e = -EINTR;
	}
	return e < 0 ? e : 0;
}

int kube__call_until(struct kube *k, const struct kube_request *r, int fd, struct kube_answer *ret,
		     json_t **ret_body)
{
	struct waiting w = {.answer = ret};
	struct kube_request mine = *r;
	int e;

	*ret = (struct kube_answer){0};
	mine.done = call_done;
	mine.arg = &w;
	e = kube__request(k, &mine);
	if (!e)
		e = wait_for_it(k, &w, fd);
	if (e && !w.done) {
		kube__cancel(k, &w);
		snprintf(ret->why, sizeof(ret->why), "%s", strerror(-e));
		return e;
	}
	e = call_errno(r, ret, w.body);
	if (ret_body && !e)
		*ret_body = w.body;
	else
		json_decref(w.body);
	return e;
}

int kube__call(struct kube *k, const struct kube_request *r, struct kube_answer *ret,
	       json_t **ret_body)
{
	return kube__call_until(k, r, -1, ret, ret_body);
}
