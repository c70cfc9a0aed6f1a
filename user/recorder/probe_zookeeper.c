// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_zookeeper.c: the four-letter word `srvr`, which needs no whitelist. The server answers from
 * its own state and closes. The epoch is the upper half of the last zxid that it has processed: a
 * follower shows a new leader's with the first write.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/probe_internal.h"
#include "recorder/sock.h"

#include <string.h>

#define ANSWER_MAX 4096

struct zookeeper_probe {
	char *ip;
	uint16_t port;
};

static void zookeeper_close(void *state)
{
	struct zookeeper_probe *p = state;

	free(p->ip);
	free(p);
}

static int zookeeper_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct zookeeper_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	*ret_state = p;
	p->ip = strdup(spec->ip);
	p->port = spec->port;
	return p->ip ? 0 : err__set(err, -ENOMEM, "out of memory");
}

/* The text behind "KEY: " at the start of a line, up to its end; NULL if there is none. */
static const char *value_of(const char *answer, const char *key, char *buf, size_t size)
{
	const char *at = answer;
	size_t n = strlen(key);

	while (strncmp(at, key, n) != 0 || strncmp(at + n, ": ", 2) != 0) {
		at = strchr(at, '\n');
		if (!at)
			return NULL;
		at++;
	}
	snprintf(buf, size, "%.*s", (int)strcspn(at + n + 2, "\r\n"), at + n + 2);
	return buf;
}

static int64_t epoch_of(const char *zxid)
{
	unsigned long long v;
	char *end;

	if (!zxid || strncmp(zxid, "0x", 2) != 0 || !strspn(zxid + 2, "0123456789abcdef"))
		return -1;
	errno = 0;
	v = strtoull(zxid + 2, &end, 16);
	return errno || *end ? -1 : (int64_t)(v >> 32);
}

void zookeeper__srvr(const char *answer, struct sample *s)
{
	char buf[64];
	const char *mode = value_of(answer, "Mode", buf, sizeof(buf));

	/* What a server says that looks for a leader, or has lost the majority. */
	if (strstr(answer, "not currently serving requests")) {
		s->role = PROBE_CANDIDATE;
		return;
	}
	if (strstr(answer, "is not in the whitelist") || strstr(answer, "is not executed because"))
		return sample__error(s, "`srvr` is not in the server's whitelist");
	if (!mode)
		return sample__error(s, "the answer is none of ZooKeeper to `srvr`");
	if (!strcmp(mode, "leader") || !strcmp(mode, "standalone"))
		s->role = PROBE_LEADER;
	else if (!strcmp(mode, "follower") || !strcmp(mode, "observer") ||
		 !strcmp(mode, "read-only"))
		s->role = PROBE_FOLLOWER;
	else
		return sample__error(s, "an unknown mode `%.32s`", mode);
	s->claim = s->role == PROBE_LEADER;
	s->epoch = epoch_of(value_of(answer, "Zxid", buf, sizeof(buf)));
}

static int exchange(const struct zookeeper_probe *p, char *buf, size_t size, int64_t deadline_ns,
		    struct sample *s)
{
	_cleanup_close_ int fd = sock__connect(p->ip, p->port, deadline_ns);
	int r = fd < 0 ? fd : 0;
	size_t len = 0;

	s->send_ns = clock__now();
	r = r ? r : sock__send(fd, "srvr", 4, deadline_ns, NULL);
	while (!r && len < size - 1) {
		ssize_t n = sock__recv(fd, buf + len, size - 1 - len, deadline_ns);

		if (n < 0)
			return (int)n;
		if (!n)
			break;
		/* in place of what no text has, so that it is one string */
		for (size_t i = len; i < len + (size_t)n; i++)
			if (!buf[i])
				buf[i] = '?';
		len += (size_t)n;
	}
	if (r)
		return r;
	buf[len] = '\0';
	if (!len)
		return -ECONNRESET;
	return len < size - 1 ? 0 : -EMSGSIZE;
}

static void zookeeper_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	char answer[ANSWER_MAX];
	int r = exchange(state, answer, sizeof(answer), deadline_ns, s);

	s->recv_ns = clock__now();
	if (r)
		return sample__errno(s, r);
	zookeeper__srvr(answer, s);
}

const struct probe_ops probe_zookeeper = {
	.name = "zookeeper",
	.port = 2181,
	.open = zookeeper_open,
	.ask = zookeeper_ask,
	.close = zookeeper_close,
};
