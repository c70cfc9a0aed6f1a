// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_etcd.c: a set in etcd, by its JSON gateway: value V is the key chaos/NAME/V. Reads are
 * linearizable, as etcd's are unless one asks for less. Other objects are in load_etcd_objects.c.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/base64.h"
#include "recorder/load_etcd.h"

#include <inttypes.h>
#include <string.h>

#define PAGE 1000		     /* keys */
#define ANSWER_MAX (2 * 1024 * 1024) /* a key takes some 300 bytes of a page */

static void store_close(void *store)
{
	struct etcd_store *s = store;

	http__reset(&s->http);
	free(s);
}

static int store_open(const char *ip, uint16_t port, const char *name, void **ret_store)
{
	struct etcd_store *s;

	if (strlen(name) > ETCD_NAME_MAX)
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (!s || http__init(&s->http, ANSWER_MAX)) {
		free(s);
		return -ENOMEM;
	}
	/* A compare-and-set that is sent twice would be refused because of itself. */
	s->http.once = true;
	http__base(s->base, sizeof(s->base), ip, port);
	s->prefix_len = (size_t)snprintf(s->prefix, sizeof(s->prefix), "chaos/%s/", name);
	*ret_store = s;
	return 0;
}

enum outcome etcd__error_outcome(long status, const char *message)
{
	/* Said before a request is proposed, or by the state machine which then did not apply it.
	 */
	static const char *const before[] = {
		"etcdserver: no leader",
		"etcdserver: too many requests",
		"etcdserver: request is too large",
		"etcdserver: mvcc: database space exceeded",
		"etcdserver: not capable",
		"etcdserver: permission denied",
		"etcdserver: user name is empty",
		"etcdserver: invalid auth token",
		"etcdserver: rpc not supported for learner",
	};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		if (!strcmp(message, before[i]))
			return OUTCOME_FAIL;
	/* No such endpoint, no such method, not what it can read: it was not understood. */
	if (status == 400 || status == 404 || status == 405)
		return OUTCOME_FAIL;
	return OUTCOME_UNKNOWN;
}

/* An error's text: {"error": text, "message": text, "code": n}; 3.5 and later have message alone.
 */
void etcd__error(long status, const char *body, size_t len, struct answer *a)
{
	json_t *o = json_loadb(body, len, 0, NULL);
	const char *text = json_string_value(json_object_get(o, "message"));
	char plain[32];

	if (!text)
		text = json_string_value(json_object_get(o, "error"));
	snprintf(plain, sizeof(plain), "HTTP status %ld", status);
	if (!text)
		text = plain;
	answer__error(a, etcd__error_outcome(status, text), text, strlen(text));
	json_decref(o);
}

json_t *etcd__post(struct etcd_store *s, const char *path, const char *json, int64_t deadline_ns,
		   struct answer *a)
{
	char url[128];
	json_t *o;
	int r;

	snprintf(url, sizeof(url), "%s%s", s->base, path);
	r = http__request(&s->http, url, json, deadline_ns);
	if (r) {
		answer__errno(a, r, s->http.sent);
		return NULL;
	}
	if (s->http.status != 200) {
		etcd__error(s->http.status, s->http.body, s->http.len, a);
		return NULL;
	}
	o = json_loadb(s->http.body, s->http.len, 0, NULL);
	/* Every answer of an etcd has a header; another server's 200 is no acknowledgement. */
	if (!json_is_object(json_object_get(o, "header"))) {
		json_decref(o);
		answer__errno(a, s->http.cut ? -EMSGSIZE : -EPROTO, true);
		return NULL;
	}
	return o;
}

static const char *key64(const struct etcd_store *s, int64_t value, char *buf)
{
	char key[ETCD_KEY_MAX + 24];
	int n = snprintf(key, sizeof(key), "%s%" PRId64, s->prefix, value);

	return base64__encode(buf, key, (size_t)n);
}

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	char key[BASE64_SIZE(ETCD_KEY_MAX + 24)], text[24], v[BASE64_SIZE(24)], json[1024];
	struct etcd_store *s = store;
	json_t *o;

	snprintf(text, sizeof(text), "%" PRId64, value);
	base64__encode(v, text, strlen(text));
	snprintf(json, sizeof(json), "{\"key\":\"%s\",\"value\":\"%s\"}", key64(s, value, key), v);
	o = etcd__post(s, "/v3/kv/put", json, deadline_ns, ret);
	if (o)
		ret->outcome = OUTCOME_OK;
	json_decref(o);
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	char key[BASE64_SIZE(ETCD_KEY_MAX + 24)], json[1024];
	struct etcd_store *s = store;
	uint64_t count = 0;
	json_t *o;

	snprintf(json, sizeof(json), "{\"key\":\"%s\",\"count_only\":true}", key64(s, value, key));
	o = etcd__post(s, "/v3/kv/range", json, deadline_ns, ret);
	if (!o)
		return;
	if (http__u64(o, "count", &count)) {
		answer__errno(ret, -EPROTO, true);
	} else {
		ret->outcome = OUTCOME_OK;
		ret->found = count > 0;
	}
	json_decref(o);
}

/* --- the whole set ---------------------------------------------------------------------------- */

static int take_key(const char *key64, size_t len, size_t prefix_len, struct values *ret)
{
	char key[ETCD_KEY_MAX + 32];
	ssize_t n = base64__decode(key, sizeof(key), key64, len);
	int64_t value;

	if (n < 0 || (size_t)n < prefix_len)
		return -EPROTO;
	if (!value__parse(key + prefix_len, (size_t)n - prefix_len, &value))
		return 0; /* somebody else's key */
	return values__add(ret, value);
}

int etcd__page(const json_t *o, size_t prefix_len, struct values *ret, bool *ret_more,
	       char *ret_last, size_t last_size)
{
	const json_t *kvs = json_object_get(o, "kvs"), *kv;
	const char *last = "";
	size_t i;

	if (kvs && !json_is_array(kvs))
		return -EPROTO;
	json_array_foreach(kvs, i, kv) {
		const json_t *key = json_object_get(kv, "key");
		int r;

		last = json_string_value(key);
		r = last ? take_key(last, json_string_length(key), prefix_len, ret) : -EPROTO;
		if (r)
			return r;
	}
	if (strlen(last) >= last_size)
		return -EPROTO;
	*ret_more = json_is_true(json_object_get(o, "more"));
	memcpy(ret_last, last, strlen(last) + 1);
	return 0;
}

_Static_assert(ETCD_KEY_SIZE >= BASE64_SIZE(ETCD_KEY_MAX + 32), "any key that is read");

int etcd__key_after(const char *last, char ret_key64[ETCD_KEY_SIZE])
{
	char key[ETCD_KEY_MAX + 32];
	ssize_t n = base64__decode(key, sizeof(key) - 1, last, strlen(last));

	if (n <= 0)
		return -EPROTO;
	key[n] = '\0';
	base64__encode(ret_key64, key, (size_t)n + 1);
	return 0;
}

static int list_page(struct etcd_store *s, char *from64, const char *end64, int64_t deadline_ns,
		     struct values *ret, bool *ret_more, struct answer *a)
{
	char json[2048], last[ETCD_KEY_SIZE];
	json_t *o;
	int r;

	snprintf(json, sizeof(json),
		 "{\"key\":\"%s\",\"range_end\":\"%s\",\"limit\":%d,\"keys_only\":true}", from64,
		 end64, PAGE);
	o = etcd__post(s, "/v3/kv/range", json, deadline_ns, a);
	if (!o)
		return -EIO;
	r = etcd__page(o, s->prefix_len, ret, ret_more, last, sizeof(last));
	json_decref(o);
	/* "more" without a key would ask the same again for ever. */
	if (!r && *ret_more)
		r = *last ? etcd__key_after(last, from64) : -EPROTO;
	if (r)
		answer__errno(a, r, true);
	return r;
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	char from[ETCD_KEY_SIZE], end[BASE64_SIZE(ETCD_KEY_MAX)], prefix[ETCD_KEY_MAX];
	struct etcd_store *s = store;
	bool more = true;
	int r = 0;

	/* All keys that begin with the prefix: up to, not including, the prefix whose last byte is
	 * one higher. */
	memcpy(prefix, s->prefix, s->prefix_len);
	prefix[s->prefix_len - 1]++;
	base64__encode(from, s->prefix, s->prefix_len);
	base64__encode(end, prefix, s->prefix_len);
	while (!r && more) {
		struct answer a = {0};

		r = list_page(s, from, end, deadline_ns, ret, &more, &a);
		if (r)
			snprintf(why, why_size, "%s", a.error);
	}
	return r;
}

const struct store_ops store_etcd = {
	.name = "etcd",
	.port = 2379,
	.open = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = etcd__act,
};
