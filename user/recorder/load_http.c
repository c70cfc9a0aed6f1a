// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_http.c: HTTP/1.1 clients, by libcurl's multi interface on the loop's epoll. Each client has a
 * connection cache of its own, of one connection: 600 clients that keep theirs are 600 connections.
 *
 * A connection that the server closed while it was idle is opened again within the attempt, as HTTP
 * clients do (RFC 9110, 9.2.2); the attempt then has "conn": true. An attempt is one request: where the connection
 * turns out to be dead only when that has left, it is unknown, and to send it again is the policy's.
 */
#include "lib/cleanup.h"
#include "recorder/http.h"
#include "recorder/load_loop.h"

#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>

#define CODE_TEXT 64

struct http_client {
	struct loop_client *lc;
	CURL *easy;
	CURLSH *share; /* its connection */
	struct curl_slist *headers;
	char *url, *body; /* of this attempt's key; NULL: the place's as they are */
	bool active;
	unsigned int tries; /* of libcurl's to send it */
};

static const char key_mark[] = "${key}";

/* @template with the key in it; NULL without memory. */
static char *with_key(const char *template, int64_t key)
{
	char number[24], *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	snprintf(number, sizeof(number), "%" PRId64, key);
	for (const char *p; (p = strstr(template, key_mark)); template = p + strlen(key_mark)) {
		fwrite(template, 1, (size_t)(p - template), f);
		fputs(number, f);
	}
	fputs(template, f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}

static size_t on_body(const char *data, size_t one, size_t n, void *arg)
{
	(void)data, (void)arg;
	return one * n;
}

/* --- libcurl and the loop ----------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct loop *lp = arg;
	struct epoll_event ev = {.data.u64 = (uint64_t)fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(lp->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		ev.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		ev.events |= EPOLLOUT;
	/* a number that was closed and is used again is not in the set any more */
	if (!known || (epoll_ctl(lp->epoll_fd, EPOLL_CTL_MOD, fd, &ev) < 0 && errno == ENOENT))
		epoll_ctl(lp->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
	curl_multi_assign(lp->wire, fd, lp);
	return 0;
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
	struct loop *lp = arg;

	(void)multi;
	loop__set_timer(lp, ms < 0 ? INT64_MAX : clock__now() + ms * NS_PER_MS);
	return 0;
}

/*
 * Out of the multi handle; false: nothing of the request has left. Then it was about a connection, which
 * libcurl counts only when it is there.
 */
static bool end_transfer(struct loop *lp, struct loop_client *lc)
{
	struct http_client *hc = lc->wire;
	long connects = 0, sent = 0;

	curl_easy_getinfo(hc->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(hc->easy, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(hc->easy, CURLINFO_RESPONSE_CODE, &lc->status);
	lc->connected = connects > 0 || sent <= 0;
	curl_multi_remove_handle(lp->wire, hc->easy);
	hc->active = false;
	return sent > 0;
}

static void judge(struct loop *lp, struct loop_client *lc, CURLcode code)
{
	static const char no_name[] = "the name in the URL has no address";
	const struct http_load *h = lp->load->http;
	struct http_client *hc = lc->wire;
	struct answer *a = &lc->op.answer;
	char text[CODE_TEXT];
	bool sent;
	int r = http__errno(hc->easy, code);

	sent = end_transfer(lp, lc) || hc->tries > 1;
	if (code == CURLE_COULDNT_RESOLVE_HOST) {
		answer__error(a, OUTCOME_FAIL, no_name, strlen(no_name));
		return;
	}
	if (r) {
		answer__errno(a, r, sent);
		return;
	}
	a->outcome = OUTCOME_OK;
	if (lc->status >= (long)h->status_lo && lc->status <= (long)h->status_hi)
		return;
	snprintf(text, sizeof(text), "status %ld", lc->status);
	answer__error(a, OUTCOME_FAIL, text, strlen(text));
}

static void take_answers(struct loop *lp)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(lp->wire, &left))) {
		struct http_client *hc = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&hc);
		judge(lp, hc->lc, code); /* @m is gone after this */
		loop__answered(lp, hc->lc);
	}
}

static void act(struct loop *lp, curl_socket_t fd, int what)
{
	int running;

	curl_multi_socket_action(lp->wire, fd, what, &running);
	take_answers(lp);
}

static void http__ready(struct loop *lp, uint64_t data, uint32_t events)
{
	int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		   (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
		   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

	act(lp, (curl_socket_t)data, what);
}

static void http__timer(struct loop *lp)
{
	act(lp, CURL_SOCKET_TIMEOUT, 0);
}

/* Before each try to send the request. */
static int on_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct http_client *hc = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	return hc->tries++ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* --- an attempt --------------------------------------------------------------------------------- */

static int put_key(struct loop *lp, struct http_client *hc, int64_t key)
{
	const struct place *p = lp->place;

	free(hc->url);
	free(hc->body);
	hc->url = with_key(p->url, key);
	hc->body = p->body ? with_key(p->body, key) : NULL;
	return hc->url && (hc->body || !p->body) ? 0 : -ENOMEM;
}

static void http__begin(struct loop *lp, struct loop_client *lc)
{
	struct http_client *hc = lc->wire;
	CURLMcode code = CURLM_OUT_OF_MEMORY;

	if (!put_key(lp, hc, lc->key)) {
		curl_easy_setopt(hc->easy, CURLOPT_URL, hc->url);
		if (hc->body) {
			curl_easy_setopt(hc->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(hc->body));
			curl_easy_setopt(hc->easy, CURLOPT_POSTFIELDS, hc->body);
		}
		code = curl_multi_add_handle(lp->wire, hc->easy);
	}
	if (code != CURLM_OK) {
		answer__errno(&lc->op.answer, -ENOMEM, false);
		loop__answered(lp, lc);
		return;
	}
	hc->active = true;
	hc->tries = 0;
	act(lp, CURL_SOCKET_TIMEOUT, 0); /* now, not with others that are due after it */
}

/* --- its life ----------------------------------------------------------------------------------- */

static int prepare(struct loop *lp, struct http_client *hc)
{
	const struct http_load *h = lp->load->http;
	CURL *e = hc->easy;

	curl_share_setopt(hc->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT);
	curl_easy_setopt(e, CURLOPT_SHARE, hc->share);
	curl_easy_setopt(e, CURLOPT_PRIVATE, hc);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, hc);
	curl_easy_setopt(e, CURLOPT_MAXCONNECTS, 1L);
	/* ours comes before, to the ns */
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(lp->load->timeout_ns / NS_PER_MS) + 1000);
	/*
	 * Or an attempt that is given up waits for its name to be resolved. Its resolver, a thread of
	 * libcurl's, ends by itself, at resolv.conf's time limits.
	 */
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	if (lp->load->connect_anew) {
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	}
	if (h->method && !strcmp(h->method, "HEAD"))
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	else if (h->method)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, h->method);
	/* No "Expect: 100-continue", which would wait for an answer before the body. */
	hc->headers = curl_slist_append(NULL, "Expect:");
	for (size_t i = 0; hc->headers && i < h->n_headers; i++) {
		const struct http_header *x = &lp->place->headers[i];
		_cleanup_free_ char *line = NULL;

		if (asprintf(&line, "%s: %s", x->name, x->value) < 0 ||
		    !curl_slist_append(hc->headers, line))
			return -ENOMEM;
	}
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, hc->headers);
	return hc->headers ? 0 : -ENOMEM;
}

static void http__close(struct loop *lp)
{
	for (size_t i = 0; i < lp->n; i++) {
		struct http_client *hc = lp->clients[i].wire;

		if (!hc)
			continue;
		if (hc->active)
			curl_multi_remove_handle(lp->wire, hc->easy);
		curl_easy_cleanup(hc->easy);
		curl_share_cleanup(hc->share);
		curl_slist_free_all(hc->headers);
		free(hc->url);
		free(hc->body);
		free(hc);
		lp->clients[i].wire = NULL;
	}
	curl_multi_cleanup(lp->wire);
	lp->wire = NULL;
}

static int http__open(struct loop *lp)
{
	http__global_init();
	lp->wire = curl_multi_init();
	if (!lp->wire)
		return -ENOMEM;
	curl_multi_setopt(lp->wire, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(lp->wire, CURLMOPT_SOCKETDATA, lp);
	curl_multi_setopt(lp->wire, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(lp->wire, CURLMOPT_TIMERDATA, lp);
	for (size_t i = 0; i < lp->n; i++) {
		struct http_client *hc = calloc(1, sizeof(*hc));

		lp->clients[i].wire = hc;
		if (hc) {
			hc->lc = &lp->clients[i];
			hc->easy = curl_easy_init();
			hc->share = curl_share_init();
		}
		if (!hc || !hc->easy || !hc->share || prepare(lp, hc)) {
			http__close(lp);
			return -ENOMEM;
		}
	}
	return 0;
}

const struct wire_ops wire_http = {
	.name = "http",
	.verb = "request",
	.open = http__open,
	.close = http__close,
	.begin = http__begin,
	.abort = end_transfer,
	.ready = http__ready,
	.timer = http__timer,
};
