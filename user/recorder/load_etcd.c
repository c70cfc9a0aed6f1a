// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_etcd.c: a set of integers as keys chaos/NAME/VALUE, by the JSON gateway (etcd 3.4 and later).
 * Values are written with twelve digits so that keys sort as numbers do, which paging needs.
 */
#include "recorder/http.h"
#include "recorder/internal.h"

#include "lib/cleanup.h"

#include <string.h>

enum { PAGE = 2000 };

struct etcd_load {
	char base[96], prefix[80];
	int limit_ms;
	struct http *http;
};

static void etcd_close(void *self)
{
	struct etcd_load *l = self;

	http__free(l->http);
	free(l);
}

static void *etcd_open(const struct load_config *cfg, const char *ip, int limit_ms)
{
	struct etcd_load *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	snprintf(l->base, sizeof(l->base), strchr(ip, ':') ? "http://[%s]:%u" : "http://%s:%u", ip,
		 cfg->port);
	snprintf(l->prefix, sizeof(l->prefix), "chaos/%.60s/", cfg->name);
	l->limit_ms = limit_ms;
	l->http = http__new(HTTP_MAX_BODY);
	if (!l->http) {
		etcd_close(l);
		return NULL;
	}
	return l;
}

/* RFC 4648; @out needs 4 * (len + 2) / 3 + 1 bytes. */
static void base64(const char *in, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)in[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)(uint8_t)in[i + 1] << 8;
		if (i + 2 < len)
			v |= (uint8_t)in[i + 2];
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*out = 0;
}

/* Bytes written, or -1 for what is not base64 or does not fit. */
static int unbase64(const char *in, char *out, size_t size)
{
	uint32_t v = 0;
	size_t n = 0;
	int bits = 0;

	for (; *in && *in != '='; in++) {
		char c = *in;
		int d = c >= 'A' && c <= 'Z'   ? c - 'A'
			: c >= 'a' && c <= 'z' ? c - 'a' + 26
			: c >= '0' && c <= '9' ? c - '0' + 52
			: c == '+'	       ? 62
			: c == '/'	       ? 63
					       : -1;

		if (d < 0 || n + 1 >= size)
			return -1;
		v = (v << 6 | (uint32_t)d) & 0xffffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(v >> bits);
		}
	}
	out[n] = 0;
	return (int)n;
}

static void key_of(const struct etcd_load *l, int64_t value, char *b64)
{
	char key[128];

	snprintf(key, sizeof(key), "%s%012lld", l->prefix, (long long)value);
	base64(key, strlen(key), b64);
}

/*
 * POST; the parsed answer, or NULL with the outcome. etcd answers a proposal that it could not commit in time with an error as
 * well, and may commit it later: only what says that there was no leader certainly did not happen.
 */
static json_t *post(struct etcd_load *l, const char *path, const char *body, struct op_result *r)
{
	struct http_answer a;
	char url[192];
	const char *text;
	json_t *j;
	int code;

	snprintf(url, sizeof(url), "%s%s", l->base, path);
	code = http__do(l->http, url, body, l->limit_ms, &a);
	if (code < 0) {
		r->outcome = a.not_sent ? OUTCOME_FAIL : OUTCOME_UNKNOWN;
		snprintf(r->error, sizeof(r->error), "%.120s", a.error);
		return NULL;
	}
	j = json_loadb(a.body, a.len, 0, NULL);
	if (a.status == 200 && json_is_object(j))
		return j;
	text = json_string_value(json_object_get(j, "error"));
	r->outcome = text && strstr(text, "no leader") ? OUTCOME_FAIL : OUTCOME_UNKNOWN;
	snprintf(r->error, sizeof(r->error), "status %ld: %.90s", a.status, text ? text : "");
	json_decref(j);
	return NULL;
}

static void etcd_add(void *self, int64_t value, struct op_result *r)
{
	char key[200], body[300];

	key_of(self, value, key);
	snprintf(body, sizeof(body), "{\"key\":\"%s\",\"value\":\"MQ==\"}", key);
	json_decref(post(self, "/v3/kv/put", body, r));
}

static void etcd_read(void *self, int64_t value, struct op_result *r)
{
	char key[200], body[300];
	const json_t *count;
	json_t *j;

	key_of(self, value, key);
	snprintf(body, sizeof(body), "{\"key\":\"%s\",\"count_only\":true}", key);
	j = post(self, "/v3/kv/range", body, r);
	count = json_object_get(j, "count");
	if (json_is_string(count))
		r->found = !strcmp(json_string_value(count), "1");
	else
		r->found = json_integer_value(count) == 1;
	json_decref(j);
}

/* Take the keys of one page; *last is the greatest. Returns how many, or a negative errno. */
static int take_page(const struct etcd_load *l, const json_t *kvs, struct values *ret, int64_t *last)
{
	size_t prefix = strlen(l->prefix), i;
	char key[160];
	json_t *kv;

	json_array_foreach(kvs, i, kv) {
		const char *b64 = json_string_value(json_object_get(kv, "key"));
		int len = b64 ? unbase64(b64, key, sizeof(key)) : -1;

		if (len < (int)prefix || strncmp(key, l->prefix, prefix) != 0)
			continue;
		*last = strtoll(key + prefix, NULL, 10);
		if (values__add(ret, *last) < 0)
			return -ENOMEM;
	}
	return (int)json_array_size(kvs);
}

static int etcd_list(void *self, struct values *ret, char *error, size_t size)
{
	struct etcd_load *l = self;
	char key[200], end[200], body[600], end_key[128];
	struct op_result r = {0};
	int64_t last = -1;
	json_t *j;
	int n;

	/* The key behind all keys with the prefix: its last byte, '/', plus one. */
	snprintf(end_key, sizeof(end_key), "%s", l->prefix);
	end_key[strlen(end_key) - 1]++;
	base64(end_key, strlen(end_key), end);
	do {
		key_of(l, last + 1, key);
		snprintf(body, sizeof(body),
			 "{\"key\":\"%s\",\"range_end\":\"%s\",\"keys_only\":true,\"limit\":%d}", key, end,
			 PAGE);
		j = post(l, "/v3/kv/range", body, &r);
		if (!j) {
			snprintf(error, size, "%s", r.error);
			return -EIO;
		}
		n = take_page(l, json_object_get(j, "kvs"), ret, &last);
		json_decref(j);
	} while (n == PAGE);
	return n < 0 ? n : 0;
}

const struct load_ops load_etcd_ops = {
	.system = "etcd",
	.port = 2379,
	.open = etcd_open,
	.add = etcd_add,
	.read = etcd_read,
	.list = etcd_list,
	.close = etcd_close,
};
