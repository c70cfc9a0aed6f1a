// SPDX-License-Identifier: GPL-2.0-only
/*
 * load_custom_stream.c: the program or the TCP connection that a client of a custom system keeps. An answer is
 * lines, until one fits a pattern. What was still there before an operation is thrown away, and after a time
 * limit the program is ended: so no answer is taken for that of a later operation.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load_custom.h"
#include "recorder/sock.h"

#include <string.h>
#include <sys/socket.h>

#define LINE_MAX_BYTES (4U << 20)
#define CHUNK 16384

void custom__drop_stream(struct custom_store *s)
{
	program__end(&s->session);
	s->fd = safe_close(s->fd);
	s->len = 0;
}

static ssize_t receive(struct custom_store *s, int64_t deadline_ns)
{
	ssize_t n;

	if (s->cap - s->len < CHUNK + 1) {
		char *buf = realloc(s->buf, s->cap + s->cap / 2 + CHUNK + 1);

		if (!buf)
			return -ENOMEM;
		s->buf = buf;
		s->cap += s->cap / 2 + CHUNK + 1;
	}
	n = s->fd >= 0 ? sock__recv(s->fd, s->buf + s->len, CHUNK, deadline_ns)
		       : program__read(&s->session, s->buf + s->len, CHUNK, deadline_ns);
	s->buf[n > 0 ? s->len + (size_t)n : s->len] = '\0';
	return n;
}

static int transmit(struct custom_store *s, const char *text, int64_t deadline_ns, size_t *ret_sent)
{
	*ret_sent = 0;
	return s->fd >= 0 ? sock__send(s->fd, text, strlen(text), deadline_ns, ret_sent)
			  : program__write(&s->session, text, strlen(text), deadline_ns, ret_sent);
}

/* The complete lines that are there; the rest is kept. */
static void use_lines(struct custom_store *s, const struct rules *ru, struct reading *rd)
{
	size_t at = 0;

	while (!rd->decided && at < s->len) {
		const char *nl = memchr(s->buf + at, '\n', s->len - at);

		if (!nl)
			break;
		rules__line(ru, s->buf + at, (size_t)(nl - s->buf) - at, rd);
		at = (size_t)(nl - s->buf) + 1;
	}
	s->len -= at;
	if (at)
		memmove(s->buf, s->buf + at, s->len);
}

/* Lines until one decides: 0, -ETIMEDOUT, -ECONNRESET at the end, -EMSGSIZE. */
static int read_lines(struct custom_store *s, const struct rules *ru, int64_t deadline_ns,
		      struct reading *rd)
{
	for (;;) {
		ssize_t n;

		use_lines(s, ru, rd);
		if (rd->decided || rd->error)
			return rd->error;
		if (s->len > LINE_MAX_BYTES)
			return -EMSGSIZE;
		n = receive(s, deadline_ns);
		if (n < 0)
			return (int)n;
		if (!n)
			return -ECONNRESET;
		s->len += (size_t)n;
	}
}

/* Throw away what is there; false at the end of the stream. */
static bool is_alive(struct custom_store *s)
{
	int fd = s->fd >= 0 ? s->fd : s->session.out;
	char sink[4096];
	ssize_t n;

	s->len = 0;
	if (fd < 0)
		return false;
	/* Who never stops to talk does not listen either. */
	for (int i = 0; i < 1024; i++) {
		n = read(fd, sink, sizeof(sink));
		if (n < 0 && errno == EAGAIN)
			return true;
		if (!n || (n < 0 && errno != EINTR))
			return false;
	}
	return false;
}

static int greet(struct custom_store *s, int64_t deadline_ns, struct answer *a)
{
	const struct custom_workload *w = s->spec.custom;
	_cleanup_free_ char *hello = w->hello ? custom__expand(s, w->hello, a) : NULL;
	_cleanup_free_ char *ready =
		w->ready && strstr(w->ready, "${") ? custom__expand(s, w->ready, a) : NULL;
	char *patterns[CUSTOM_PATTERNS] = {[CUSTOM_OK] = ready ? ready : w->ready};
	struct reading rd = {0};
	struct error err = {0};
	struct rules ru;
	size_t sent;
	int r = 0;

	if (a->outcome != OUTCOME_OK || (hello && !custom__unescape(hello)))
		return -EINVAL;
	if (hello)
		r = transmit(s, hello, deadline_ns, &sent);
	if (!r && w->ready) {
		r = rules__init(&ru, patterns, &err);
		r = r ? r : read_lines(s, &ru, deadline_ns, &rd);
		rules__reset(&ru);
	}
	if (r && rd.line[0])
		answer__error(a, OUTCOME_FAIL, rd.line, strlen(rd.line));
	return r;
}

static int begin_session(struct custom_store *s, struct answer *a)
{
	char **argv = custom__argv(s, s->spec.custom->session, s->spec.custom->session_sh, a);
	int r = argv ? program__start(argv, true, &s->session) : -EINVAL;

	custom__free_argv(argv);
	return r;
}

/* Nothing of the operation has left yet: whatever fails here, it did not happen. */
static bool begin(struct custom_store *s, int64_t deadline_ns, struct answer *a)
{
	int r;

	if (is_alive(s))
		return true;
	custom__drop_stream(s);
	a->outcome = OUTCOME_OK;
	if (s->spec.custom->session) {
		r = begin_session(s, a);
	} else {
		s->fd = sock__connect(s->spec.ip, s->spec.custom->port, deadline_ns);
		r = s->fd < 0 ? s->fd : 0;
	}
	r = r ? r : greet(s, deadline_ns, a);
	if (!r)
		return true;
	custom__drop_stream(s);
	if (a->outcome == OUTCOME_OK)
		answer__errno(a, r, false);
	return false;
}

void custom__stream(struct custom_store *s, const char *text, const struct rules *ru,
		    int64_t deadline_ns, struct reading *rd, struct answer *a)
{
	size_t sent = 0;
	int r;

	if (!begin(s, deadline_ns, a))
		return;
	r = transmit(s, text, deadline_ns, &sent);
	r = r ? r : read_lines(s, ru, deadline_ns, rd);
	if (!r && custom__judge(rd, a))
		return;
	custom__drop_stream(s);
	if (r == -ECONNRESET && rd->line[0])
		answer__error(a, OUTCOME_UNKNOWN, rd->line, strlen(rd->line));
	else
		answer__errno(a, r, sent > 0);
}
