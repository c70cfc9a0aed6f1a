// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/http.h"

#include "lib/cleanup.h"

#include <curl/curl.h>
#include <string.h>

struct http {
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char *body;
	size_t len, size, max;
};

static size_t on_body(char *data, size_t unit, size_t n, void *arg)
{
	struct http *h = arg;
	size_t add = unit * n;

	if (h->len + add > h->max)
		return 0;
	if (h->len + add + 1 > h->size) {
		size_t size = (h->len + add + 1) * 2;
		char *grown = realloc(h->body, size);

		if (!grown)
			return 0;
		h->body = grown;
		h->size = size;
	}
	memcpy(h->body + h->len, data, add);
	h->len += add;
	h->body[h->len] = 0;
	return add;
}

struct http *http__new(size_t max_body)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->max = max_body;
	h->curl = curl_easy_init();
	h->headers = curl_slist_append(NULL, "Content-Type: application/json");
	h->body = calloc(1, 1);
	h->size = 1;
	if (!h->curl || !h->headers || !h->body) {
		http__free(h);
		return NULL;
	}
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
	return h;
}

void http__free(struct http *h)
{
	if (!h)
		return;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	free(h->body);
	free(h);
}

int http__do(struct http *h, const char *url, const char *body, int limit_ms,
	     struct http_answer *ret)
{
	CURLcode code;
	long status = 0;

	h->len = 0;
	h->body[0] = 0;
	h->error[0] = 0;
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)limit_ms);
	if (body) {
		curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
	} else {
		curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);
		curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	}
	code = curl_easy_perform(h->curl);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	*ret = (struct http_answer){.body = h->body, .len = h->len, .status = status};
	if (code == CURLE_OK)
		return 0;
	/* A connection that was never made has carried nothing. */
	ret->not_sent = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
	ret->error = h->error[0] ? h->error : curl_easy_strerror(code);
	return code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
}
