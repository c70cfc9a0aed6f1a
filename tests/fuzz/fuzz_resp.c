// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as what a Redis or a Sentinel sends, in one piece and in two: the protocol, and every answer
 * as that to each command that probes and loads send.
 */
#include "recorder/load_internal.h"
#include "recorder/probe_internal.h"
#include "recorder/resp.h"
#include "fuzz.h"

#include <errno.h>

static void check_sample(const struct sample *s)
{
	MUST(memchr(s->leader, 0, sizeof(s->leader)) && memchr(s->detail, 0, sizeof(s->detail)));
	MUST(memchr(s->error, 0, sizeof(s->error)));
	MUST((s->role == PROBE_ERROR) == (s->error[0] != 0));
	MUST(s->epoch >= -1 && s->claim == (s->role == PROBE_LEADER));
	for (const char *c = s->leader; *c; c++)
		MUST(*c > ' ' && *c <= '~');
}

static void read_answer(const redisReply *reply)
{
	struct sample s = {.epoch = -1};
	struct values values = {0};
	struct answer a = {0};
	char cursor[24] = "0";
	int r;

	redis__role(reply, &s);
	if (!s.error[0])
		redis__replication_id(reply, &s);
	if (s.role != PROBE_ERROR)
		check_sample(&s);
	s = (struct sample){.epoch = -1};
	sentinel__master(reply, &s);
	if (s.role != PROBE_ERROR)
		check_sample(&s);
	r = redis__page(reply, cursor, sizeof(cursor), &values);
	MUST(memchr(cursor, 0, sizeof(cursor)) && (r || *cursor));
	values__sort(&values);
	for (size_t i = 0; i < values.n; i++)
		MUST(values.v[i] >= 0 && values.v[i] <= VALUE_MAX);
	values__reset(&values);
	if (reply->type == REDIS_REPLY_ERROR) {
		answer__error(&a, redis__error_outcome(reply->str, reply->len), reply->str,
			      reply->len);
		MUST(memchr(a.error, 0, sizeof(a.error)));
	}
}

/* All answers in @data, which comes in two parts; how many there were. */
static size_t read_all(const uint8_t *data, size_t size, size_t first)
{
	size_t n = 0;
	struct resp c;

	resp__init(&c, "127.0.0.1", 6379, 1 << 20);
	MUST(resp__begin(&c) == 0);
	for (int part = 0; part < 2; part++) {
		const char *at = (const char *)data + (part ? first : 0);
		size_t len = part ? size - first : first;
		redisReply *reply = NULL;
		int r;

		if (len && redisReaderFeed(c.reader, at, len) != REDIS_OK)
			break;
		while (!(r = resp__next(&c, &reply))) {
			read_answer(reply);
			freeReplyObject(reply);
			n++;
		}
		MUST(r == -EAGAIN || r == -EPROTO || r == -EMSGSIZE);
		if (r != -EAGAIN)
			break;
	}
	resp__reset(&c);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = read_all(data, size, size);

	/* Where it is cut changes nothing. */
	MUST(read_all(data, size, size / 2) == n);
	return 0;
}
