// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_kafka.c: the KRaft quorum by Kafka's wire protocol (DescribeQuorum, key 55, version 0; after
 * ApiVersions, key 18, version 0, which says whether the server has it). The command line tool is a
 * JVM of a second a question.
 *
 * A controller's listener answers for the node itself, and only the leader answers: the others say
 * NOT_LEADER_OR_FOLLOWER. A broker's listener passes the question on; there the node's own id
 * (identity) has to tell whether it is the leader. The epoch is LeaderEpoch.
 *
 * https://kafka.apache.org/protocol; every length of an answer is checked against what is there.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/probe_internal.h"
#include "recorder/sock.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#define ANSWER_MAX (256 * 1024) /* DescribeQuorum: about 40 bytes for each voter and observer */

enum { API_VERSIONS = 18, DESCRIBE_QUORUM = 55 };
enum { NOT_LEADER_OR_FOLLOWER = 6 };

static const char topic[] = "__cluster_metadata";

/* --- requests --------------------------------------------------------------------------------- */

static uint8_t *put16(uint8_t *at, uint16_t v)
{
	*at++ = (uint8_t)(v >> 8);
	*at++ = (uint8_t)v;
	return at;
}

static uint8_t *put32(uint8_t *at, uint32_t v)
{
	return put16(put16(at, (uint16_t)(v >> 16)), (uint16_t)v);
}

/* Length (filled in by finish()), key, version 0, correlation id, our name. */
static uint8_t *put_head(uint8_t *at, uint16_t key, int32_t id)
{
	static const char name[] = "chaos";

	at = put16(put16(put32(at, 0), key), 0);
	at = put16(put32(at, (uint32_t)id), sizeof(name) - 1);
	memcpy(at, name, sizeof(name) - 1);
	return at + sizeof(name) - 1;
}

static size_t finish(uint8_t *buf, const uint8_t *end)
{
	size_t len = (size_t)(end - buf);

	put32(buf, (uint32_t)(len - 4));
	return len;
}

size_t kafka__ask_versions(uint8_t *buf, int32_t id)
{
	return finish(buf, put_head(buf, API_VERSIONS, id));
}

/* Compact arrays and strings begin with their length plus one; each struct ends with its number of
 * tagged fields, 0. */
size_t kafka__ask_quorum(uint8_t *buf, int32_t id)
{
	uint8_t *at = put_head(buf, DESCRIBE_QUORUM, id);

	*at++ = 0; /* of the header */
	*at++ = 1 + 1;
	*at++ = sizeof(topic); /* with its NUL: the length plus one */
	memcpy(at, topic, sizeof(topic) - 1);
	at += sizeof(topic) - 1;
	*at++ = 1 + 1;
	at = put32(at, 0); /* its only partition */
	*at++ = 0;
	*at++ = 0;
	*at++ = 0;
	return finish(buf, at);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* What is left of an answer; `bad` once more was asked of it than there is. */
struct input {
	const uint8_t *at;
	size_t left;
	bool bad;
};

static const uint8_t *take(struct input *in, size_t n)
{
	const uint8_t *at = in->at;

	if (in->bad || n > in->left) {
		in->bad = true;
		return NULL;
	}
	in->at += n;
	in->left -= n;
	return at;
}

static int16_t get16(struct input *in)
{
	const uint8_t *p = take(in, 2);

	return p ? (int16_t)(p[0] << 8 | p[1]) : 0;
}

static int32_t get32(struct input *in)
{
	const uint8_t *p = take(in, 4);

	return p ? (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
			     p[3])
		 : 0;
}

/* Seven bits a byte, the lowest first; at most 32 bits. */
static uint32_t get_varint(struct input *in)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 35; shift += 7) {
		const uint8_t *p = take(in, 1);

		if (!p)
			return 0;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80)) {
			if (v > UINT32_MAX)
				break;
			return (uint32_t)v;
		}
	}
	in->bad = true;
	return 0;
}

static void skip_tags(struct input *in)
{
	uint32_t n = get_varint(in);

	/* each takes two bytes at least, so `left` bounds the loop */
	while (n-- && !in->bad) {
		get_varint(in);
		take(in, get_varint(in));
	}
}

int kafka__versions(const uint8_t *p, size_t len, int32_t id, bool *ret_has_quorum)
{
	struct input in = {.at = p, .left = len};
	int32_t got = get32(&in), n;
	int16_t error = get16(&in);
	bool has = false;

	n = get32(&in);
	if (in.bad || got != id || error || n < 0 || (size_t)n > in.left / 6)
		return -EPROTO;
	while (n--) {
		int16_t key = get16(&in), lo = get16(&in);

		get16(&in);
		has |= key == DESCRIBE_QUORUM && lo == 0;
	}
	*ret_has_quorum = has;
	return 0;
}

static void set_error(struct sample *s, int16_t code)
{
	/* Who is asked is no leader, or knows of none yet. */
	if (code == NOT_LEADER_OR_FOLLOWER)
		s->role = PROBE_FOLLOWER;
	else
		sample__error(s, "Kafka's error %d", code);
}

/* In front of the partition's own fields, in the first topic and partition. */
static bool find_partition(struct input *in)
{
	const uint8_t *name = NULL;
	uint32_t n = get_varint(in), len;

	if (n < 2)
		return false;
	len = get_varint(in);
	if (len == sizeof(topic))
		name = take(in, len - 1);
	return name && !memcmp(name, topic, sizeof(topic) - 1) && get_varint(in) >= 2;
}

void kafka__quorum(const uint8_t *p, size_t len, int32_t id, int64_t identity, struct sample *s)
{
	static const char what[] = "the answer is none to DescribeQuorum";
	struct input in = {.at = p, .left = len};
	int32_t got = get32(&in), leader, epoch;
	int16_t error;

	skip_tags(&in);
	error = get16(&in);
	if (in.bad || got != id)
		return sample__error(s, what);
	if (error)
		return set_error(s, error);
	if (!find_partition(&in) || get32(&in) != 0 || in.bad)
		return sample__error(s, what);
	error = get16(&in);
	leader = get32(&in);
	epoch = get32(&in);
	if (in.bad)
		return sample__error(s, what);
	if (error)
		return set_error(s, error);
	s->epoch = epoch >= 0 ? epoch : -1;
	if (leader >= 0)
		snprintf(s->leader, sizeof(s->leader), "%" PRId32, leader);
	s->claim = leader >= 0 && (identity < 0 || identity == leader);
	s->role = s->claim ? PROBE_LEADER : leader >= 0 ? PROBE_FOLLOWER : PROBE_CANDIDATE;
}

/* --- the probe -------------------------------------------------------------------------------- */

struct kafka_probe {
	char *ip;
	uint16_t port;
	int64_t identity;
	int fd; /* -1 = none */
	int32_t id;
	uint8_t answer[ANSWER_MAX];
};

static void kafka_close(void *state)
{
	struct kafka_probe *p = state;

	safe_close(p->fd);
	free(p->ip);
	free(p);
}

static int kafka_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	const char *identity = spec->config ? spec->config->identity : NULL;
	struct kafka_probe *p = calloc(1, sizeof(*p));
	char *end;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	*ret_state = p;
	p->fd = -1;
	p->identity = -1;
	p->ip = strdup(spec->ip);
	p->port = spec->port;
	if (!p->ip)
		return err__set(err, -ENOMEM, "out of memory");
	if (!identity)
		return 0;
	p->identity = strtol(identity, &end, 10);
	if (*end || end == identity || p->identity < 0 || p->identity > INT32_MAX)
		return err__set(err, -EINVAL, "identity `%s` is no node.id of Kafka", identity);
	return 0;
}

static int receive(const struct kafka_probe *p, void *buf, size_t len, int64_t deadline_ns)
{
	while (len > 0) {
		ssize_t n = sock__recv(p->fd, buf, len, deadline_ns);

		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
		buf = (uint8_t *)buf + n;
		len -= (size_t)n;
	}
	return 0;
}

static int exchange(struct kafka_probe *p, const uint8_t *request, size_t len, int64_t deadline_ns,
		    size_t *ret_len)
{
	int r = sock__send(p->fd, request, len, deadline_ns, NULL);
	uint32_t n;

	r = r ? r : receive(p, &n, sizeof(n), deadline_ns);
	if (r)
		return r;
	n = ntohl(n);
	if (n < 4 || n > INT32_MAX)
		return -EPROTO;
	if (n > sizeof(p->answer))
		return -EMSGSIZE;
	*ret_len = n;
	return receive(p, p->answer, n, deadline_ns);
}

/* Connect if need be. @ret_has: whether the server can be asked. */
static int get_ready(struct kafka_probe *p, int64_t deadline_ns, bool *ret_has)
{
	uint8_t request[KAFKA_REQUEST_MAX];
	size_t len;
	int r;

	*ret_has = true;
	if (sock__is_idle(p->fd))
		return 0;
	safe_close(p->fd);
	p->fd = sock__connect(p->ip, p->port, deadline_ns);
	if (p->fd < 0) {
		r = p->fd;
		p->fd = -1;
		return r;
	}
	p->id++;
	r = exchange(p, request, kafka__ask_versions(request, p->id), deadline_ns, &len);
	return r ? r : kafka__versions(p->answer, len, p->id, ret_has);
}

static void kafka_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	uint8_t request[KAFKA_REQUEST_MAX];
	struct kafka_probe *p = state;
	bool has;
	size_t len;
	int r;

	/* A number of its own for each request; it wraps before it is negative. */
	p->id &= INT32_MAX >> 1;
	r = get_ready(p, deadline_ns, &has);
	if (!r && has) {
		s->send_ns = clock__now();
		p->id++;
		r = exchange(p, request, kafka__ask_quorum(request, p->id), deadline_ns, &len);
	}
	s->recv_ns = clock__now();
	if (r)
		sample__errno(s, r);
	else if (!has)
		sample__error(
			s, "the server has no DescribeQuorum: it is no KRaft node of 3.3 or later");
	else
		kafka__quorum(p->answer, len, p->id, p->identity, s);
	/* What comes late must not be taken for the next answer. */
	if (s->role == PROBE_ERROR)
		p->fd = safe_close(p->fd);
}

const struct probe_ops probe_kafka = {
	.name = "kafka",
	.port = 9093,
	.open = kafka_open,
	.ask = kafka_ask,
	.close = kafka_close,
};
