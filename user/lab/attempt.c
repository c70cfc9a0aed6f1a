// SPDX-License-Identifier: GPL-2.0-only
#include "lab/attempt.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

/*
 * Bounds of one attempt. A TCP connection inside a host is a matter of microseconds; a command is a
 * process that may have to start on a machine which is busy starting the servers.
 */
#define TCP_LIMIT_NS (500 * NS_PER_MS)
#define HTTP_LIMIT_NS (1 * NS_PER_S)
#define COMMAND_LIMIT_NS (5 * NS_PER_S)

void attempt__init(struct attempt *a, struct lab *lab, struct node *node, CURLM *multi)
{
	*a = (struct attempt){.lab = lab, .node = node, .multi = multi, .fd = -1};
	snprintf(a->why, sizeof(a->why), "no answer yet");
}

static enum attempt_result no(struct attempt *a, const char *why)
{
	snprintf(a->why, sizeof(a->why), "%s", why);
	return ATTEMPT_NO;
}

/* A socket in the node's namespace; it stays there, whoever uses it. fd or negative errno. */
static int node_socket(const struct node *n, int family, int type, int protocol)
{
	int home, fd, r = netns__enter(n->netns, &home);

	if (r)
		return r;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		fd = -errno;
	netns__leave(&home);
	return fd;
}

/* --- TCP: the node's address, loopback, its IPv6 address -------------------------------------- */

#define TCP_TARGETS 3

static socklen_t tcp_target(const struct node *n, unsigned int target, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *sin = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (target == 2) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(n->spec->ready.port);
		inet_pton(AF_INET6, n->ip6, &sin6->sin6_addr);
		return n->has_ip6 ? sizeof(*sin6) : 0;
	}
	sin->sin_family = AF_INET;
	sin->sin_port = htons(n->spec->ready.port);
	inet_pton(AF_INET, target ? "127.0.0.1" : n->ip, &sin->sin_addr);
	return sizeof(*sin);
}

/* Connect to the target; 0 if it is under way, else what came of it. */
static int tcp_connect(struct attempt *a)
{
	struct sockaddr_storage ss;
	socklen_t len = tcp_target(a->node, a->target, &ss);

	if (!len)
		return -EAFNOSUPPORT;
	a->fd = node_socket(a->node, ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (a->fd < 0)
		return a->fd;
	if (!connect(a->fd, (struct sockaddr *)&ss, len) || errno == EINPROGRESS)
		return 0;
	return -errno;
}

/* The next target that can be tried at all. */
static enum attempt_result tcp_go_on(struct attempt *a, int r)
{
	while (r) {
		a->fd = safe_close(a->fd);
		if (r != -EAFNOSUPPORT)
			no(a, strerror(-r));
		if (++a->target == TCP_TARGETS)
			return ATTEMPT_NO;
		r = tcp_connect(a);
	}
	return ATTEMPT_PENDING;
}

static enum attempt_result tcp_look(struct attempt *a)
{
	for (;;) {
		struct pollfd p = {.fd = a->fd, .events = POLLOUT};
		socklen_t len = sizeof(int);
		int e = 0;

		if (a->fd >= 0 && poll(&p, 1, 0) <= 0)
			return ATTEMPT_PENDING;
		if (a->fd < 0 || getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &e, &len))
			e = e ? e : EBADF;
		if (!e)
			return ATTEMPT_YES;
		if (tcp_go_on(a, -e) == ATTEMPT_NO)
			return ATTEMPT_NO;
	}
}

/* --- HTTP ------------------------------------------------------------------------------------- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *addr)
{
	const struct attempt *a = arg;
	int fd = node_socket(a->node, addr->family, addr->socktype, addr->protocol);

	(void)purpose;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static size_t ignore_body(const char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static int http_start(struct attempt *a, struct error *err)
{
	CURL *c = curl_easy_init();

	if (!c)
		return err__set(err, -ENOMEM, "out of memory");
	curl_easy_setopt(c, CURLOPT_URL, a->node->ready_url);
	curl_easy_setopt(c, CURLOPT_PRIVATE, a);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, a);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore_body);
	curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)(HTTP_LIMIT_NS / NS_PER_MS));
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(c, CURLOPT_FORBID_REUSE, 1L);
	/* The host's proxy settings do not concern the lab. */
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	/* Is it up? Who it is the lab knows: its certificate may be its own. */
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	if (curl_multi_add_handle(a->multi, c)) {
		curl_easy_cleanup(c);
		return err__set(err, -ENOMEM, "cannot begin an HTTP request");
	}
	a->easy = c;
	return 0;
}

static void http_end(struct attempt *a)
{
	if (!a->easy)
		return;
	curl_multi_remove_handle(a->multi, a->easy);
	curl_easy_cleanup(a->easy);
	a->easy = NULL;
}

void attempt__http_done(struct attempt *a, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code)
		snprintf(a->why, sizeof(a->why), "%s", curl_easy_strerror(code));
	else if (status < 200 || status > 299)
		snprintf(a->why, sizeof(a->why), "HTTP status %ld", status);
	else
		*a->why = '\0';
	http_end(a);
}

/* --- command ---------------------------------------------------------------------------------- */

static int command_start(struct attempt *a, struct error *err)
{
	struct command *c = &a->node->ready;
	struct spawn s = {
		.argv = c->argv,
		.dir = a->node->dir,
		.log = c->log,
		.log_flags = O_TRUNC,
		.netns = a->node->netns,
		.as = a->node->as,
	};

	return lab__run(a->lab, &s, c, err);
}

static enum attempt_result command_look(struct attempt *a)
{
	const struct command *c = &a->node->ready;

	if (c->running)
		return ATTEMPT_PENDING;
	if (WIFSIGNALED(c->status))
		snprintf(a->why, sizeof(a->why), "killed by signal %d (%s)", WTERMSIG(c->status),
			 strsignal(WTERMSIG(c->status)));
	else
		snprintf(a->why, sizeof(a->why), "exit status %d", WEXITSTATUS(c->status));
	return WIFEXITED(c->status) && !WEXITSTATUS(c->status) ? ATTEMPT_YES : ATTEMPT_NO;
}

static void command_end(struct attempt *a)
{
	struct command *c = &a->node->ready;

	/* It leads a session of its own: its children go too. */
	if (c->running)
		pidns__kill_group(&a->lab->pidns, c->inner);
	c->running = false;
}

/* --- any -------------------------------------------------------------------------------------- */

int attempt__start(struct attempt *a, struct error *err)
{
	int64_t now = clock__now();
	int r = 0;

	switch (a->node->spec->ready.kind) {
	case READY_NONE:
		break;
	case READY_TCP:
		a->end_ns = now + TCP_LIMIT_NS;
		a->target = 0;
		tcp_go_on(a, tcp_connect(a));
		break;
	case READY_HTTP:
		a->end_ns = now + HTTP_LIMIT_NS;
		r = http_start(a, err);
		break;
	case READY_COMMAND:
		a->end_ns = now + COMMAND_LIMIT_NS;
		r = command_start(a, err);
		break;
	}
	a->running = !r;
	return r;
}

static enum attempt_result look(struct attempt *a)
{
	switch (a->node->spec->ready.kind) {
	case READY_TCP:
		return a->target < TCP_TARGETS ? tcp_look(a) : ATTEMPT_NO;
	case READY_HTTP:
		return a->easy ? ATTEMPT_PENDING : *a->why ? ATTEMPT_NO : ATTEMPT_YES;
	case READY_COMMAND:
		return command_look(a);
	default:
		return ATTEMPT_YES;
	}
}

enum attempt_result attempt__look(struct attempt *a)
{
	enum attempt_result r = look(a);

	if (r == ATTEMPT_PENDING && clock__now() >= a->end_ns)
		r = no(a, "no answer");
	if (r != ATTEMPT_PENDING)
		attempt__abort(a);
	return r;
}

void attempt__abort(struct attempt *a)
{
	http_end(a);
	command_end(a);
	a->fd = safe_close(a->fd);
	a->running = false;
}
