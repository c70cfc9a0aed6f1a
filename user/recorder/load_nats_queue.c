// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_nats_queue.c: out of a stream that is a work queue, by a consumer that all clients share. A pop fetches a message,
 * acknowledges it, and is done when the consumer has answered the acknowledgement. What is fetched and not acknowledged
 * comes again after ACK_WAIT_NS; until then nobody is told that there is nothing. The confirmation says nothing of disks:
 * a server on its own that is killed has messages in the stream again that were popped.
 */
#include "recorder/load_nats.h"
#include "lib/clock.h"

#include <inttypes.h>
#include <string.h>

#define CONSUMER "chaos"
#define ACK_WAIT_NS (20 * NS_PER_S)
/* Before it could be another client's. */
#define ACK_LIMIT_NS (ACK_WAIT_NS / 2)
#define LOOK_AGAIN_NS (10 * NS_PER_MS)

enum { NO_MESSAGES = 404, NO_CONSUMER = 10014, NO_STREAM = 10059 };

/* What the consumer says of itself; NULL with @a set: no such consumer, or an error. */
static json_t *info(struct nats_store *n, int64_t deadline_ns, bool *ret_missing, struct answer *a)
{
	json_t *o = nats__api(n, "CONSUMER.INFO", CONSUMER, "", OUTCOME_FAIL, deadline_ns, a);
	int code = nats__error(o, OUTCOME_FAIL, a);

	*ret_missing = code == NO_CONSUMER || code == NO_STREAM;
	if (!code)
		return o;
	json_decref(o);
	return NULL;
}

static bool create(struct nats_store *n, int64_t deadline_ns, struct answer *a)
{
	_cleanup_json_ json_t *o = NULL;
	char body[NATS_STREAM_SIZE + 256];

	if (!nats__make_stream(n, deadline_ns, a))
		return false;
	snprintf(body, sizeof(body),
		 "{\"stream_name\":\"%s\",\"config\":{\"durable_name\":\"" CONSUMER
		 "\",\"deliver_policy\":\"all\",\"ack_policy\":\"explicit\",\"ack_wait\":%" PRId64
		 ",\"max_deliver\":-1,\"max_ack_pending\":-1}}",
		 n->stream, (int64_t)ACK_WAIT_NS);
	o = nats__api(n, "CONSUMER.DURABLE.CREATE", CONSUMER, body, OUTCOME_FAIL, deadline_ns, a);
	return o && !nats__error(o, OUTCOME_FAIL, a);
}

/* Once for each connection: a fetch from a consumer that is not there has no answer, not even 503. */
static bool make_consumer(struct nats_store *n, int64_t deadline_ns, struct answer *a)
{
	_cleanup_json_ json_t *o = NULL;
	bool missing;

	if (n->made_consumer)
		return true;
	o = info(n, deadline_ns, &missing, a);
	n->made_consumer = o || (missing && create(n, deadline_ns, a));
	return n->made_consumer;
}

/* One message, or the status that says why not. What is not acknowledged stays. */
static bool fetch(struct nats_store *n, int64_t deadline_ns, struct nats_reply *ret,
		  struct answer *a)
{
	static const char ask[] = "{\"batch\":1,\"no_wait\":true}";
	char subject[NATS_SUBJECT_SIZE];

	snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.MSG.NEXT.%s." CONSUMER, n->stream);
	return nats__ask(n, subject, ask, NULL, OUTCOME_FAIL, deadline_ns, ret, a) == ASKED;
}

/* Messages that somebody has got, and not acknowledged; -1 with @a set. */
static int64_t in_hands(struct nats_store *n, int64_t deadline_ns, struct answer *a)
{
	bool missing;
	_cleanup_json_ json_t *o = info(n, deadline_ns, &missing, a);
	const json_t *held = json_object_get(o, "num_ack_pending");

	if (!o)
		return -1;
	if (json_is_integer(held) && json_integer_value(held) >= 0)
		return json_integer_value(held);
	answer__errno(a, -EPROTO, false);
	return -1;
}

static void take(struct nats_store *n, const struct nats_reply *m, int64_t deadline_ns,
		 struct answer *a)
{
	_cleanup_nats_reply_ struct nats_reply done = {0};
	int64_t value;

	if (!*m->reply || !value__parse(m->body, m->len, &value))
		return answer__errno(a, -EPROTO, false);
	if (nats__ask(n, m->reply, "+ACK", NULL, OUTCOME_UNKNOWN, deadline_ns, &done, a) != ASKED)
		return;
	a->outcome = OUTCOME_OK;
	a->value = value;
}

static void say_odd(int status, struct answer *a)
{
	char text[48];
	int len = snprintf(text, sizeof(text), "the consumer gives nothing: status %d", status);

	answer__error(a, OUTCOME_FAIL, text, (size_t)len);
}

/* It is there, and somebody else's: -1 at the deadline, with @a set. */
static int wait_for_others(int64_t deadline_ns, struct answer *a)
{
	static const char held[] =
		"what is left has been given to others, who do not acknowledge it";

	if (clock__now() + LOOK_AGAIN_NS >= deadline_ns) {
		answer__error(a, OUTCOME_FAIL, held, strlen(held));
		return -1;
	}
	clock__sleep_until(clock__now() + LOOK_AGAIN_NS);
	return 0;
}

void nats__pop(struct nats_store *n, int64_t deadline_ns, struct answer *a)
{
	if (!make_consumer(n, deadline_ns, a))
		return;
	for (;;) {
		_cleanup_nats_reply_ struct nats_reply m = {0};
		int64_t limit = clock__now() + ACK_LIMIT_NS, held;

		if (!fetch(n, deadline_ns, &m, a))
			return;
		if (!m.status)
			return take(n, &m, limit < deadline_ns ? limit : deadline_ns, a);
		if (m.status != NO_MESSAGES)
			return say_odd(m.status, a);
		held = in_hands(n, deadline_ns, a);
		if (held == 0)
			a->outcome = OUTCOME_OK;
		if (held <= 0 || wait_for_others(deadline_ns, a))
			return;
	}
}
