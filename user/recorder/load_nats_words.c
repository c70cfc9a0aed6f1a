// SPDX-License-Identifier: GPL-2.0-only
/* load_nats_words.c: what JetStream's answers mean. Pure. */
#include "lib/base64.h"
#include "recorder/load_nats.h"

#include <string.h>

/* Error codes of a publish, as of the server's errors.json. */
enum {
	NOT_ENABLED_FOR_ACCOUNT = 10039,
	TOO_LARGE = 10054,
	OTHER_STREAM = 10060,
	WRONG_SEQUENCE = 10063,
	WRONG_ID = 10070,
	WRONG_SUBJECT_SEQUENCE = 10071,
	NOT_ENABLED = 10076,
	SEALED = 10109,
};

enum outcome nats__outcome(int code)
{
	switch (code) {
	case NOT_ENABLED_FOR_ACCOUNT:
	case NOT_ENABLED:
	case TOO_LARGE:
	case OTHER_STREAM:
	case WRONG_SEQUENCE:
	case WRONG_ID:
	case WRONG_SUBJECT_SEQUENCE:
	case SEALED:
		/* Every replica comes to the same. */
		return OUTCOME_FAIL;
	default:
		/* Limits and failures to store are the leader's own: a follower may have stored it. */
		return OUTCOME_UNKNOWN;
	}
}

void nats__stream_name(enum object object, const char *name, char buf[NATS_STREAM_SIZE])
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	snprintf(buf, NATS_STREAM_SIZE, "chaos-%s-%s", object_names[object], name);
	/* A dot would part a subject, and a stream's name is a directory. */
	for (char *c = buf + strspn(buf, safe); *c; c += strspn(c, safe))
		*c = '_';
}

json_t *nats__json(const char *body, size_t len)
{
	json_t *o = body ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

int nats__error(const json_t *o, enum outcome outcome, struct answer *a)
{
	static const char none[] = "an error without words";
	const json_t *e = json_object_get(o, "error"), *code, *text;

	if (!e)
		return 0;
	code = json_object_get(e, "err_code");
	text = json_object_get(e, "description");
	if (json_is_string(text))
		answer__error(a, outcome, json_string_value(text), json_string_length(text));
	else
		answer__error(a, outcome, none, strlen(none));
	return json_is_integer(code) && json_integer_value(code) > 0 &&
			       json_integer_value(code) < 100000
		       ? (int)json_integer_value(code)
		       : -1;
}

int nats__acknowledged(const char *body, size_t len, const char *stream, struct answer *a)
{
	_cleanup_json_ json_t *o = nats__json(body, len);
	const char *name = json_string_value(json_object_get(o, "stream"));
	int code = nats__error(o, OUTCOME_UNKNOWN, a);

	if (code) {
		a->outcome = nats__outcome(code);
		return code;
	}
	if (!name || strcmp(name, stream) != 0 ||
	    json_integer_value(json_object_get(o, "seq")) <= 0) {
		answer__errno(a, -EPROTO, true);
		return -1;
	}
	a->outcome = OUTCOME_OK;
	return 0;
}

int nats__message(const json_t *o, int64_t *ret_value, uint64_t *ret_sequence)
{
	const json_t *m = json_object_get(o, "message"), *data = json_object_get(m, "data");
	json_int_t seq = json_integer_value(json_object_get(m, "seq"));
	char text[32];
	ssize_t n = -1;

	if (json_is_string(data))
		n = base64__decode(text, sizeof(text), json_string_value(data),
				   json_string_length(data));
	if (n <= 0 || seq <= 0 || !value__parse(text, (size_t)n, ret_value))
		return -EPROTO;
	*ret_sequence = (uint64_t)seq;
	return 0;
}

int nats__page(json_t *o, const char *stream, struct values *ret, int64_t *ret_n,
	       int64_t *ret_total)
{
	json_t *subjects = json_object_get(json_object_get(o, "state"), "subjects");
	const json_t *total = json_object_get(o, "total");
	size_t len = strlen(stream);
	const char *subject;
	json_t *count;

	if (!json_is_object(json_object_get(o, "state")))
		return -EPROTO;
	*ret_n = (int64_t)json_object_size(subjects);
	*ret_total = json_is_integer(total) ? json_integer_value(total) : *ret_n;
	json_object_foreach(subjects, subject, count) {
		int64_t v;
		int r;

		if (strncmp(subject, stream, len) != 0 || subject[len] != '.' ||
		    !value__parse(subject + len + 1, strlen(subject + len + 1), &v))
			continue;
		r = values__add(ret, v);
		if (r)
			return r;
	}
	return 0;
}
