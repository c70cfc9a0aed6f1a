// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the body of an answer by HTTP: etcd's status, ranges and errors, Consul's entries, keys, sessions and
 * errors; and as what a command, a TCP or an HTTP exchange of the user's own answers. HTTP itself is libcurl's.
 */
#include "lib/base64.h"
#include "recorder/http.h"
#include "recorder/load_internal.h"
#include "recorder/probe_internal.h"
#include "fuzz.h"

static void try_status(const char *body, size_t size)
{
	struct sample s = {.epoch = -1};

	etcd__status(body, size, &s);
	MUST((s.role == PROBE_ERROR) == (s.error[0] != 0));
	MUST(s.claim == (s.role == PROBE_LEADER) && s.epoch >= -1);
	MUST(memchr(s.leader, 0, sizeof(s.leader)));
}

static void try_range(const char *body, size_t size)
{
	json_t *o = json_loadb(body, size, 0, NULL);
	char last[ETCD_KEY_SIZE] = "", next[ETCD_KEY_SIZE];
	struct values values = {0};
	uint64_t count = 0;
	bool more = false;
	int r = etcd__page(o, strlen("chaos/w/"), &values, &more, last, sizeof(last));

	MUST(memchr(last, 0, sizeof(last)));
	if (!r && *last)
		etcd__key_after(last, next);
	http__u64(o, "count", &count);
	values__sort(&values);
	json_decref(values__runs(&values));
	values__reset(&values);
	json_decref(o);
}

static void try_error(const char *body, size_t size)
{
	struct answer a = {0};

	etcd__error(500, body, size, &a);
	MUST(*a.error && memchr(a.error, 0, sizeof(a.error)) && a.outcome != OUTCOME_OK);
}

static void try_consul(const char *body, size_t size)
{
	json_t *o = json_loadb(body, size, JSON_DECODE_ANY, NULL);
	struct consul_entry e = {.value = NOTHING};
	struct values values = {0};
	int64_t token = 0;
	char id[40] = "";

	MUST(consul__outcome(500, body, size) != OUTCOME_OK);
	MUST(consul__entry(o, "chaos/w/3", &e) ? !e.there : e.there && e.value >= 0 && e.index);
	consul__keys(o, "chaos/w/", &values);
	MUST(!consul__session(o, id, sizeof(id)) == (id[0] != 0) && memchr(id, 0, sizeof(id)));
	MUST(!consul__lock_index(o, "chaos/w/3", &token) == (token > 0));
	values__reset(&values);
	json_decref(o);
}

/* What decodes is encoded to the same again, but for the bits that padding leaves over. */
static void try_base64(const char *text, size_t size)
{
	char *bytes = malloc(size + 1), *again = malloc(BASE64_SIZE(size));
	ssize_t n = bytes ? base64__decode(bytes, size, text, size) : -1;

	MUST(bytes && again);
	if (n >= 0) {
		base64__encode(again, bytes, (size_t)n);
		MUST(strlen(again) == size);
		MUST(size < 4 || !memcmp(again, text, size - 4));
	}
	free(bytes);
	free(again);
}

static void try_custom(const uint8_t *data, size_t size)
{
	static regex_t pattern;
	static bool ready;
	char *answer = fuzz__string(data, size);
	size_t n;

	if (!ready)
		MUST(!regcomp(&pattern, "^(epoch|term)[ :=]+([0-9]+)$|^([0-9]+)$",
			      REG_EXTENDED | REG_NEWLINE));
	ready = true;
	n = custom__clean(answer, size);
	MUST(n <= size && strlen(answer) == n && !strchr(answer, '\r'));
	MUST(custom__epoch(&pattern, answer) >= -1);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *body = fuzz__bytes(data, size);

	try_status(body, size);
	try_range(body, size);
	try_error(body, size);
	try_consul(body, size);
	try_base64(body, size);
	try_custom(data, size);
	free(body);
	return 0;
}
