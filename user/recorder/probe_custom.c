// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_custom.c: a system that the user describes: a command, an HTTP or a TCP exchange, and
 * patterns.
 *
 * The answer is text of at most 64 KiB without carriage returns: what the command printed; "HTTP
 * STATUS" in a line of its own and then the body; what came by TCP until the server closed or
 * paused after a line. Patterns are POSIX extended ones, ^ and $ mean lines. An answer that
 * matches none of them is one: role "none". A command that ends with another status than 0 has not answered.
 */
#include "experiment/experiment.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/child.h"
#include "recorder/http.h"
#include "recorder/probe_internal.h"
#include "recorder/sock.h"

#include <regex.h>
#include <string.h>
#include <sys/wait.h>

#define ANSWER_MAX (64 * 1024)
#define PAUSE_MAX_NS (10 * NS_PER_MS)
#define PAUSE_MIN_NS (2 * NS_PER_MS)

struct custom_probe {
	enum exchange_kind kind;
	char *text; /* command, URL, or what to send */
	char *ip;
	uint16_t port;
	int64_t pause_ns; /* silence after a line that ends an answer by TCP */
	bool has_leader, has_epoch, has_candidate, has_follower;
	regex_t leader, epoch, candidate, follower;
	struct http http;
	bool has_http;
	char answer[ANSWER_MAX + 32];
	size_t len;
};

static void custom_close(void *state)
{
	struct custom_probe *p = state;

	if (p->has_leader)
		regfree(&p->leader);
	if (p->has_epoch)
		regfree(&p->epoch);
	if (p->has_candidate)
		regfree(&p->candidate);
	if (p->has_follower)
		regfree(&p->follower);
	if (p->has_http)
		http__reset(&p->http);
	free(p->text);
	free(p->ip);
	free(p);
}

static int compile(const char *pattern, const char *what, regex_t *re, bool *ret, struct error *err)
{
	char why[128];
	int r;

	if (!pattern)
		return 0;
	r = regcomp(re, pattern, REG_EXTENDED | REG_NEWLINE);
	if (r) {
		regerror(r, re, why, sizeof(why));
		return err__set(err, -EINVAL, "%s pattern `%s`: %s", what, pattern, why);
	}
	*ret = true;
	return 0;
}

static int custom_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	const struct custom_system *c = spec->custom;
	struct custom_probe *p = calloc(1, sizeof(*p));
	const char *text;
	int r;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	*ret_state = p;
	text = c->kind == EXCHANGE_COMMAND ? c->command
	       : c->kind == EXCHANGE_HTTP  ? c->url
					   : c->send;
	p->kind = c->kind;
	p->text = strdup(text ? text : "");
	p->ip = strdup(spec->ip);
	p->port = spec->port ? spec->port : c->port;
	p->pause_ns = spec->every_ns / 2;
	if (p->pause_ns > PAUSE_MAX_NS)
		p->pause_ns = PAUSE_MAX_NS;
	if (p->pause_ns < PAUSE_MIN_NS)
		p->pause_ns = PAUSE_MIN_NS;
	if (!p->text || !p->ip)
		return err__set(err, -ENOMEM, "out of memory");
	if (c->kind == EXCHANGE_HTTP) {
		p->has_http = !http__init(&p->http, ANSWER_MAX);
		if (!p->has_http)
			return err__set(err, -ENOMEM, "out of memory");
	}
	r = compile(c->leader_re, "leader", &p->leader, &p->has_leader, err);
	r = r ? r : compile(c->candidate_re, "candidate", &p->candidate, &p->has_candidate, err);
	r = r ? r : compile(c->follower_re, "follower", &p->follower, &p->has_follower, err);
	return r ? r : compile(c->epoch_re, "epoch", &p->epoch, &p->has_epoch, err);
}

/* --- exchanges: fill answer and len, or make @s an error -------------------------------------- */

static void ask_command(struct custom_probe *p, int64_t deadline_ns, struct sample *s)
{
	int status = 0, r;

	r = child__run(p->text, deadline_ns, p->answer, ANSWER_MAX, &p->len, &status);
	if (r)
		return sample__errno(s, r);
	if (WIFSIGNALED(status))
		return sample__error(s, "the command ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		sample__error(s, "the command ended with exit status %d", WEXITSTATUS(status));
}

static void ask_http(struct custom_probe *p, int64_t deadline_ns, struct sample *s)
{
	int n, r = http__request(&p->http, p->text, NULL, deadline_ns);

	if (r)
		return sample__errno(s, r);
	n = snprintf(p->answer, sizeof(p->answer), "HTTP %ld\n", p->http.status);
	memcpy(p->answer + n, p->http.body, p->http.len);
	p->len = (size_t)n + p->http.len;
}

static int read_tcp(struct custom_probe *p, int fd, int64_t deadline_ns, struct sample *s)
{
	while (p->len < ANSWER_MAX) {
		bool line = p->len > 0 && p->answer[p->len - 1] == '\n';
		int64_t until = clock__now() + p->pause_ns;
		ssize_t n = sock__recv(fd, p->answer + p->len, ANSWER_MAX - p->len,
				       line && until < deadline_ns ? until : deadline_ns);

		if (n == -ETIMEDOUT && p->len > 0)
			return 0;
		if (n <= 0)
			return p->len > 0 && n == 0 ? 0 : n < 0 ? (int)n : -ECONNRESET;
		s->recv_ns = clock__now(); /* the answer came then, not when the pause was over */
		p->len += (size_t)n;
	}
	return 0;
}

static void ask_tcp(struct custom_probe *p, int64_t deadline_ns, struct sample *s)
{
	_cleanup_close_ int fd = sock__connect(p->ip, p->port, deadline_ns);
	int r = fd < 0 ? fd : 0;

	if (!r) {
		s->send_ns = clock__now();
		r = sock__send(fd, p->text, strlen(p->text), deadline_ns, NULL);
	}
	if (!r)
		r = read_tcp(p, fd, deadline_ns, s);
	if (r) {
		s->recv_ns = 0;
		sample__errno(s, r);
	}
}

/* --- what the answer says --------------------------------------------------------------------- */

size_t custom__clean(char *answer, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (answer[i] != '\r')
			answer[n++] = answer[i] ? answer[i] : ' ';
	answer[n] = '\0';
	return n;
}

int64_t custom__epoch(const regex_t *pattern, const char *answer)
{
	regmatch_t m[2];
	const char *at, *end;
	int64_t v = 0;

	if (regexec(pattern, answer, 2, m, 0))
		return -1;
	if (m[1].rm_so < 0)
		m[1] = m[0];
	at = answer + m[1].rm_so;
	end = answer + m[1].rm_eo;
	if (at == end)
		return -1;
	for (; at < end; at++)
		if (*at < '0' || *at > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *at - '0', &v))
			return -1;
	return v;
}

static bool matches(bool has, const regex_t *re, const char *answer)
{
	return has && !regexec(re, answer, 0, NULL, 0);
}

static enum probe_role role_of(const struct custom_probe *p)
{
	if (matches(p->has_leader, &p->leader, p->answer))
		return PROBE_LEADER;
	if (matches(p->has_candidate, &p->candidate, p->answer))
		return PROBE_CANDIDATE;
	return matches(p->has_follower, &p->follower, p->answer) ? PROBE_FOLLOWER : PROBE_NONE;
}

static void custom_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct custom_probe *p = state;

	p->len = 0;
	if (p->kind == EXCHANGE_COMMAND)
		ask_command(p, deadline_ns, s);
	else if (p->kind == EXCHANGE_HTTP)
		ask_http(p, deadline_ns, s);
	else
		ask_tcp(p, deadline_ns, s);
	if (!s->recv_ns)
		s->recv_ns = clock__now();
	if (s->role == PROBE_ERROR)
		return;
	p->len = custom__clean(p->answer, p->len);
	s->role = role_of(p);
	s->claim = s->role == PROBE_LEADER;
	s->epoch = p->has_epoch ? custom__epoch(&p->epoch, p->answer) : -1;
}

const struct probe_ops probe_custom = {
	.name = "custom",
	.open = custom_open,
	.ask = custom_ask,
	.close = custom_close,
};
