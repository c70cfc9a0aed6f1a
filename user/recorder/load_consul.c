// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_consul.c: a set in the KV store of Consul: value V is the key chaos/NAME/V. Other objects are in
 * load_consul_objects.c.
 *
 * A write is done when the answer is true: the leader has it committed, a majority has it on disk. Reads ask for
 * ?consistent, for which the leader makes sure first that it still is the leader: the default mode may answer with
 * what is old while two think that they lead. An agent that knows no leader says so before anybody proposes the
 * write, so that is a failure, as is what is answered by 4xx. Every other error leaves it open: the write may be in a
 * log, or be done by a leader whose answer got lost between the servers. A request whose connection dies is not
 * sent again: a compare-and-set would be refused because of itself.
 */
#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_consul.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* All keys come in one answer; some 30 bytes each. */
#define ANSWER_MAX (16 * 1024 * 1024)

static void store_close(void *store)
{
	struct consul_store *s = store;

	http__reset(&s->http);
	free(s);
}

/* Keys may have letters, digits and ,-_./ (the newest Consul takes nothing else); a name has no comma. */
static bool set_prefix(struct consul_store *s, const char *name)
{
	int n = snprintf(s->prefix, sizeof(s->prefix), "chaos/%s/", name);

	for (int i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s->prefix[i];

		if (c == ':')
			s->prefix[i] = ',';
		else if (c > 127 || (!isalnum(c) && !strchr("-_./", c)))
			return false;
	}
	return true;
}

static int store_open(const char *ip, uint16_t port, const char *name, void **ret_store)
{
	struct consul_store *s;

	if (strlen(name) > CONSUL_NAME_MAX)
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (!s || http__init(&s->http, ANSWER_MAX)) {
		free(s);
		return -ENOMEM;
	}
	s->http.once = true;
	http__base(s->base, sizeof(s->base), ip, port);
	if (!set_prefix(s, name)) {
		store_close(s);
		return -EINVAL;
	}
	*ret_store = s;
	return 0;
}

/* --- pure ------------------------------------------------------------------------------------- */

enum outcome consul__outcome(long status, const char *text, size_t len)
{
	static const char no_leader[] = "No cluster leader";
	const size_t n = sizeof(no_leader) - 1;

	switch (status) {
	case 400: /* not understood */
	case 403: /* access control */
	case 404: /* no such endpoint */
	case 405:
	case 409: /* the transaction was rolled back */
	case 413: /* too large */
	case 429: /* more than is let in */
		return OUTCOME_FAIL;
	default:
		break;
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	/* Its own words, or those of the server that it asked, behind "rpc error making call: ". */
	if (status >= 500 && len >= n && !memcmp(text + len - n, no_leader, n) &&
	    (len == n || text[len - n - 1] == ' '))
		return OUTCOME_FAIL;
	return OUTCOME_UNKNOWN;
}

int consul__entry(const json_t *list, const char *key, struct consul_entry *ret)
{
	const json_t *e = json_array_get(list, 0), *v = json_object_get(e, "Value");
	const char *name = json_string_value(json_object_get(e, "Key"));
	struct consul_entry entry = {.there = true};
	char text[32];
	ssize_t n = -1;

	if (json_array_size(list) != 1 || !name || strcmp(name, key) != 0)
		return -EPROTO;
	if (json_is_string(v) && json_string_length(v) < BASE64_SIZE(24))
		n = base64__decode(text, sizeof(text), json_string_value(v), json_string_length(v));
	if (n <= 0 || !value__parse(text, (size_t)n, &entry.value) ||
	    http__u64(e, "ModifyIndex", &entry.index) || !entry.index)
		return -EPROTO;
	*ret = entry;
	return 0;
}

int consul__keys(const json_t *list, const char *prefix, struct values *ret)
{
	size_t i, n = strlen(prefix);
	const json_t *item;

	if (!json_is_array(list))
		return -EPROTO;
	json_array_foreach(list, i, item) {
		const char *key = json_string_value(item);
		int64_t value;
		int r = 0;

		if (!key || strncmp(key, prefix, n) != 0)
			return -EPROTO;
		/* Others are somebody else's. */
		if (value__parse(key + n, strlen(key + n), &value))
			r = values__add(ret, value);
		if (r)
			return r;
	}
	return 0;
}

/* --- exchanges -------------------------------------------------------------------------------- */

const char *consul__key(const struct consul_store *s, int64_t n, char buf[CONSUL_KEY_MAX])
{
	snprintf(buf, CONSUL_KEY_MAX, "%s%" PRId64, s->prefix, n);
	return buf;
}

static bool exchange(struct consul_store *s, const char *method, const char *path, const char *body,
		     int64_t deadline_ns, struct answer *a)
{
	char url[CONSUL_URL_MAX];
	struct http_request rq = {
		.url = url, .method = method, .body = body, .headers = s->http.headers};
	int r;

	snprintf(url, sizeof(url), "%s/v1/%s", s->base, path);
	r = http__send(&s->http, &rq, deadline_ns);
	if (!r && s->http.cut)
		r = -EMSGSIZE;
	if (r)
		answer__errno(a, r, s->http.sent);
	return !r;
}

bool consul__put(struct consul_store *s, const char *path, const char *body, int64_t deadline_ns,
		 struct answer *a)
{
	return exchange(s, "PUT", path, body, deadline_ns, a);
}

void consul__error(const struct consul_store *s, struct answer *a)
{
	enum outcome outcome = consul__outcome(s->http.status, s->http.body, s->http.len);
	size_t len = strcspn(s->http.body, "\r\n");
	char text[160];

	if (s->http.status == 200)
		return answer__errno(a, -EPROTO, true);
	snprintf(text, sizeof(text), "HTTP status %ld%s%.*s", s->http.status, len ? ": " : "",
		 len < 120 ? (int)len : 120, s->http.body);
	answer__error(a, outcome, text, strlen(text));
}

void consul__put_key(struct consul_store *s, const char *path, const char *body, const char *why,
		     int64_t deadline_ns, struct answer *a)
{
	json_t *o = NULL;

	if (!consul__put(s, path, body, deadline_ns, a))
		return;
	if (s->http.status == 200)
		o = json_loadb(s->http.body, s->http.len, JSON_DECODE_ANY, NULL);
	if (json_is_true(o)) {
		a->outcome = OUTCOME_OK;
	} else if (json_is_false(o)) {
		answer__error(a, OUTCOME_FAIL, why, strlen(why));
		a->refused = true;
	} else {
		consul__error(s, a);
	}
	json_decref(o);
}

/*
 * GET. What is there goes into @ret_list, NULL if nothing is. Every answer of the store has an index, which tells its
 * 404, that a key is not there, from another server's.
 */
static bool get(struct consul_store *s, const char *path, int64_t deadline_ns, json_t **ret_list,
		struct answer *a)
{
	json_t *list = NULL;
	bool none;

	if (!exchange(s, "GET", path, NULL, deadline_ns, a))
		return false;
	none = s->http.status == 404 && http__has_header(&s->http, "X-Consul-Index");
	if (s->http.status == 200 && http__has_header(&s->http, "X-Consul-Index"))
		list = json_loadb(s->http.body, s->http.len, 0, NULL);
	if (!none && !list) {
		consul__error(s, a);
		return false;
	}
	*ret_list = list;
	return true;
}

bool consul__read_key(struct consul_store *s, const char *key, int64_t deadline_ns,
		      struct consul_entry *ret, struct answer *a)
{
	char path[CONSUL_URL_MAX];
	json_t *list = NULL;
	int r = 0;

	snprintf(path, sizeof(path), "kv/%s?consistent", key);
	if (!get(s, path, deadline_ns, &list, a))
		return false;
	*ret = (struct consul_entry){.value = NOTHING};
	if (list)
		r = consul__entry(list, key, ret);
	if (r)
		answer__errno(a, r, true);
	json_decref(list);
	return !r;
}

/* --- a set ------------------------------------------------------------------------------------ */

static void store_add(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	char key[CONSUL_KEY_MAX], path[CONSUL_URL_MAX], text[24];
	struct consul_store *s = store;

	snprintf(path, sizeof(path), "kv/%s", consul__key(s, value, key));
	snprintf(text, sizeof(text), "%" PRId64, value);
	consul__put_key(s, path, text, "the write was refused", deadline_ns, ret);
}

static void store_read(void *store, int64_t value, int64_t deadline_ns, struct answer *ret)
{
	struct consul_store *s = store;
	char key[CONSUL_KEY_MAX];
	struct consul_entry e;

	if (!consul__read_key(s, consul__key(s, value, key), deadline_ns, &e, ret))
		return;
	ret->outcome = OUTCOME_OK;
	ret->found = e.there;
}

static int store_list(void *store, int64_t deadline_ns, struct values *ret, char *why,
		      size_t why_size)
{
	struct consul_store *s = store;
	char path[CONSUL_URL_MAX];
	struct answer a = {0};
	json_t *list = NULL;
	int r = 0;

	snprintf(path, sizeof(path), "kv/%s?keys&consistent", s->prefix);
	if (!get(s, path, deadline_ns, &list, &a)) {
		snprintf(why, why_size, "%s", a.error);
		return -EIO;
	}
	if (list)
		r = consul__keys(list, s->prefix, ret);
	if (r) {
		answer__errno(&a, r, true);
		snprintf(why, why_size, "%s", a.error);
	}
	json_decref(list);
	return r;
}

const struct store_ops store_consul = {
	.name = "consul",
	.port = 8500,
	.lease_ns = 10 * NS_PER_S, /* the shortest that Consul has */
	.open = store_open,
	.add = store_add,
	.read = store_read,
	.list = store_list,
	.close = store_close,
	.act = consul__act,
};
