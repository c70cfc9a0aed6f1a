// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_custom.c: a system that the user describes: a command, HTTP or TCP exchange, and patterns on
 * what comes back. The answer is the other side's: bounded in time and size, and only ever matched.
 */
#include "recorder/http.h"
#include "recorder/internal.h"

#include "experiment/experiment.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { MAX_ANSWER = 64 << 10 };

extern char **environ;

struct custom {
	const struct probe_config *cfg;
	const struct custom_system *sys;
	struct http *http;
	regex_t leader, epoch;
	bool has_leader, has_epoch;
	int limit_ms;
	char answer[MAX_ANSWER + 1];
	size_t len;
};

static void custom_close(void *self)
{
	struct custom *c = self;

	http__free(c->http);
	if (c->has_leader)
		regfree(&c->leader);
	if (c->has_epoch)
		regfree(&c->epoch);
	free(c);
}

static void *custom_open(const struct probe_config *cfg, int limit_ms)
{
	struct custom *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->cfg = cfg;
	c->sys = cfg->custom;
	c->limit_ms = limit_ms;
	if (c->sys->leader_re)
		c->has_leader = !regcomp(&c->leader, c->sys->leader_re, REG_EXTENDED | REG_NOSUB);
	if (c->sys->epoch_re)
		c->has_epoch = !regcomp(&c->epoch, c->sys->epoch_re, REG_EXTENDED);
	if (c->sys->kind == EXCHANGE_HTTP)
		c->http = http__new(MAX_ANSWER);
	if ((c->sys->leader_re && !c->has_leader) || (c->sys->epoch_re && !c->has_epoch) ||
	    (c->sys->kind == EXCHANGE_HTTP && !c->http)) {
		custom_close(c);
		return NULL;
	}
	return c;
}

/* Read @fd until its end, @end (monotonic), the limit of the answer, or (@line) the first whole line. */
static int read_answer(struct custom *c, int fd, int64_t end, bool line)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = (end - clock__now()) / NS_PER_MS;
		ssize_t n;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return c->len && line ? 0 : -ETIMEDOUT;
		n = read(fd, c->answer + c->len, MAX_ANSWER - c->len);
		if (n < 0)
			return -errno;
		c->len += (size_t)n;
		if (!n || c->len == MAX_ANSWER)
			return 0;
		if (line && memchr(c->answer, '\n', c->len))
			return 0;
	}
}

/* The shell inherits this thread's namespace. It is killed with its children when it takes too long. */
static int run_command(struct custom *c, struct sample *s)
{
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", c->sys->command, NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int64_t end = clock__now() + c->limit_ms * NS_PER_MS;
	int fds[2], status = 0, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return sample__error(s, "%s", strerror(errno)), -EIO;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fds[1], 1);
	posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setpgroup(&attr, 0);
	r = posix_spawn(&pid, argv[0], &fa, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	safe_close(fds[1]);
	if (r) {
		safe_close(fds[0]);
		return sample__error(s, "%s", strerror(r)), -r;
	}
	r = read_answer(c, fds[0], end, false);
	safe_close(fds[0]);
	kill(-pid, SIGKILL); /* the group: also what the shell left running */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r)
		sample__error(s, "the command took longer than %d ms", c->limit_ms);
	return r;
}

static int connect_within(const char *ip, uint16_t port, int limit_ms)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *ai = NULL;
	_cleanup_close_ int fd = -1;
	struct pollfd p;
	char service[8];
	socklen_t len = sizeof(int);
	int e = 0;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(ip, service, &hints, &ai))
		return -EINVAL;
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) < 0)
		e = errno;
	freeaddrinfo(ai);
	if (fd < 0)
		return -errno;
	if (e && e != EINPROGRESS)
		return -e;
	p = (struct pollfd){.fd = fd, .events = POLLOUT};
	if (poll(&p, 1, limit_ms) <= 0)
		return -ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0 || e)
		return -e;
	return TAKE_FD(fd);
}

static int ask_tcp(struct custom *c, struct sample *s)
{
	int64_t end = clock__now() + c->limit_ms * NS_PER_MS;
	_cleanup_close_ int fd = connect_within(c->cfg->ip, c->sys->port, c->limit_ms);
	const char *text = c->sys->send;
	int r;

	if (fd < 0)
		return sample__error(s, "%s", strerror(-fd)), fd;
	if (text && send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		return sample__error(s, "cannot send"), -EIO;
	r = read_answer(c, fd, end, true);
	if (r)
		sample__error(s, "%s", strerror(-r));
	return r;
}

static int ask_http(struct custom *c, struct sample *s)
{
	struct http_answer a;

	if (http__do(c->http, c->sys->url, NULL, c->limit_ms, &a) < 0)
		return sample__error(s, "%s", a.error), -EIO;
	memcpy(c->answer, a.body, a.len);
	c->len = a.len;
	return 0;
}

/* Garbage or a number too large to be an epoch is no epoch. */
static int64_t parse_epoch(const char *text, const regmatch_t *m)
{
	char digits[24] = "", *end;
	size_t len = (size_t)(m->rm_eo - m->rm_so);
	long long v;

	if (m->rm_so < 0 || !len || len >= sizeof(digits))
		return -1;
	memcpy(digits, text + m->rm_so, len);
	errno = 0;
	v = strtoll(digits, &end, 10);
	return errno || *end || v < 0 ? -1 : v;
}

static void custom_sample(void *self, struct sample *s)
{
	struct custom *c = self;
	regmatch_t m[2] = {{.rm_so = -1}, {.rm_so = -1}};
	int r;

	c->len = 0;
	if (c->sys->kind == EXCHANGE_COMMAND)
		r = run_command(c, s);
	else
		r = c->sys->kind == EXCHANGE_HTTP ? ask_http(c, s) : ask_tcp(c, s);
	if (r)
		return;
	for (size_t i = 0; i < c->len; i++)
		if (!c->answer[i])
			c->answer[i] = ' '; /* patterns see all of it */
	c->answer[c->len] = 0;
	s->claim = c->has_leader && !regexec(&c->leader, c->answer, 0, NULL, 0);
	s->role = s->claim ? "leader" : "follower";
	if (c->has_epoch && !regexec(&c->epoch, c->answer, 2, m, 0))
		s->epoch = parse_epoch(c->answer, &m[1]);
}

const struct probe_ops probe_custom_ops = {
	.system = "",
	.open = custom_open,
	.sample = custom_sample,
	.close = custom_close,
};
