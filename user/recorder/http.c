// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/http.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <pthread.h>
#include <string.h>

static void global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http__global_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, global_init);
}

static size_t on_body(const char *data, size_t one, size_t n, void *arg)
{
	struct http *h = arg;
	size_t want = n < h->max - h->len ? n : h->max - h->len;

	if (h->len + want + 1 > h->cap) {
		size_t cap = h->cap * 2 > h->len + want + 1 ? h->cap * 2 : h->len + want + 1;
		char *body = realloc(h->body, cap);

		if (!body)
			return 0;
		h->body = body;
		h->cap = cap;
	}
	memcpy(h->body + h->len, data, want);
	h->len += want;
	h->body[h->len] = '\0';
	if (want == n)
		return n * one;
	h->cut = true;
	return 0; /* ends the transfer */
}

/*
 * Was anything sent? libcurl sends a request again by itself when a kept connection turns out to be
 * dead, and then reports only the second try.
 */
static int on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *arg)
{
	struct http *h = arg;

	(void)easy, (void)data, (void)size;
	if (type == CURLINFO_HEADER_OUT || type == CURLINFO_DATA_OUT)
		h->sent = true;
	return 0;
}

/* Before each try to send the request. */
static int on_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	const struct http *h = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	return h->once && h->sent ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

int http__init(struct http *h, size_t max)
{
	http__global_init();
	*h = (struct http){.max = max, .cap = 4096};
	h->easy = curl_easy_init();
	h->body = calloc(1, h->cap);
	/* No "Expect: 100-continue", which would wait for an answer before the body. */
	h->headers = curl_slist_append(NULL, "Expect:");
	if (h->headers && curl_slist_append(h->headers, "Content-Type: application/json") &&
	    h->easy && h->body)
		return 0;
	http__reset(h);
	return -ENOMEM;
}

void http__reset(struct http *h)
{
	curl_easy_cleanup(h->easy);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->own_headers);
	free(h->login);
	free(h->ca_file);
	free(h->body);
	*h = (struct http){0};
}

int http__authorize(struct http *h, const char *user, const char *password, const char *header,
		    const char *ca_file)
{
	if (user && asprintf(&h->login, "%s:%s", user, password ? password : "") < 0) {
		h->login = NULL;
		return -ENOMEM;
	}
	if (header && !(h->own_headers = curl_slist_append(NULL, header)))
		return -ENOMEM;
	if (ca_file && !(h->ca_file = strdup(ca_file)))
		return -ENOMEM;
	return 0;
}

/* What http__authorize() was told. */
static void authorize(struct http *h)
{
	if (h->login)
		curl_easy_setopt(h->easy, CURLOPT_USERPWD, h->login);
	if (h->own_headers)
		curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->own_headers);
	if (h->ca_file)
		curl_easy_setopt(h->easy, CURLOPT_CAINFO, h->ca_file);
}

int http__errno(CURL *easy, CURLcode code)
{
	long os = 0, asked = 0;

	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
		return os > 0 ? -(int)os : -ECONNREFUSED;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_ABORTED_BY_CALLBACK: /* on_request() */
		return -ECONNRESET;
	case CURLE_UNSUPPORTED_PROTOCOL:
		/* also of an answer without a status line, which it takes for HTTP/0.9 */
		curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &asked);
		return asked > 0 ? -EPROTO : -EINVAL;
	case CURLE_URL_MALFORMAT:
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EINVAL;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	default:
		return -EPROTO;
	}
}

int http__request(struct http *h, const char *url, const char *json, int64_t deadline_ns)
{
	struct http_request rq = {.url = url, .body = json, .headers = json ? h->headers : NULL};

	return http__send(h, &rq, deadline_ns);
}

int http__send(struct http *h, const struct http_request *rq, int64_t deadline_ns)
{
	int64_t left = deadline_ns - clock__now();
	CURL *c = h->easy;
	CURLcode code;

	h->len = 0;
	h->body[0] = '\0';
	h->status = 0;
	h->sent = h->cut = false;
	if (left < NS_PER_MS)
		return -ETIMEDOUT;
	curl_easy_reset(c); /* connections stay */
	curl_easy_setopt(c, CURLOPT_URL, rq->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(c, CURLOPT_PROXY, ""); /* whatever the environment says */
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(left / NS_PER_MS));
	curl_easy_setopt(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(c, CURLOPT_DEBUGFUNCTION, on_debug);
	curl_easy_setopt(c, CURLOPT_DEBUGDATA, h);
	curl_easy_setopt(c, CURLOPT_VERBOSE, 1L); /* or on_debug is not called */
	curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(c, CURLOPT_PREREQDATA, h);
	authorize(h);
	if (rq->headers)
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, rq->headers);
	if (rq->body)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body);
	if (rq->method && !strcmp(rq->method, "HEAD"))
		curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else if (rq->method)
		curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method);
	code = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &h->status);
	/* the second try's, of what was lost with the first */
	if (h->once && h->sent && code == CURLE_COULDNT_CONNECT)
		return -ECONNRESET;
	return code == CURLE_WRITE_ERROR && h->cut ? 0 : http__errno(c, code);
}

bool http__has_header(const struct http *h, const char *name)
{
	struct curl_header *header;

	return !curl_easy_header(h->easy, name, 0, CURLH_HEADER, -1, &header);
}

void http__base(char *buf, size_t size, const char *ip, uint16_t port)
{
	bool v6 = strchr(ip, ':');

	snprintf(buf, size, "http://%s%s%s:%u", v6 ? "[" : "", ip, v6 ? "]" : "", port);
}

int http__u64(const json_t *object, const char *key, uint64_t *ret)
{
	const json_t *v = json_object_get(object, key);
	const char *s = json_string_value(v);
	char *end;

	if (!v || json_is_null(v)) {
		*ret = 0;
		return 0;
	}
	if (json_is_integer(v) && json_integer_value(v) >= 0) {
		*ret = (uint64_t)json_integer_value(v);
		return 0;
	}
	if (!s || *s < '0' || *s > '9')
		return -EPROTO;
	errno = 0;
	*ret = strtoull(s, &end, 10);
	return *end || errno ? -EPROTO : 0;
}
