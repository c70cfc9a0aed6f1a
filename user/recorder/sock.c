// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/sock.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static int wait_for(int fd, short events, int64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int n = ppoll(&p, 1, &ts, NULL);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static socklen_t address(const char *ip, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *sin = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, ip, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		return sizeof(*sin);
	}
	if (inet_pton(AF_INET6, ip, &sin6->sin6_addr) == 1) {
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		return sizeof(*sin6);
	}
	return 0;
}

/*
 * Where nobody listens on a port of the ephemeral range, the kernel may choose just this port as
 * ours, and TCP's simultaneous open connects the socket to itself.
 */
static bool is_own_peer(int fd, const struct sockaddr_storage *peer, socklen_t len)
{
	struct sockaddr_storage own;
	socklen_t own_len = sizeof(own);

	memset(&own, 0, sizeof(own));
	return !getsockname(fd, (struct sockaddr *)&own, &own_len) && own_len == len &&
	       !memcmp(&own, peer, len);
}

int sock__connect(const char *ip, uint16_t port, int64_t deadline_ns)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_storage ss;
	socklen_t len = address(ip, port, &ss), elen = sizeof(int);
	int r, e = 0, one = 1;

	if (!len)
		return -EINVAL;
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&ss, len) < 0) {
		if (errno != EINPROGRESS)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline_ns);
		if (r)
			return r;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &elen) < 0)
			return -errno;
		if (e)
			return -e;
	}
	if (is_own_peer(fd, &ss, len))
		return -ECONNREFUSED;
	return TAKE_FD(fd);
}

int sock__send(int fd, const void *buf, size_t len, int64_t deadline_ns, size_t *ret_sent)
{
	size_t done = 0;
	int r = 0;

	while (!r && done < len) {
		ssize_t n = send(fd, (const char *)buf + done, len - done, MSG_NOSIGNAL);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			r = wait_for(fd, POLLOUT, deadline_ns);
		else if (errno != EINTR)
			r = -errno;
	}
	if (ret_sent)
		*ret_sent = done;
	return r;
}

ssize_t sock__recv(int fd, void *buf, size_t size, int64_t deadline_ns)
{
	for (;;) {
		/* The deadline first: a peer that never pauses does not extend it. */
		int r = wait_for(fd, POLLIN, deadline_ns);
		ssize_t n;

		if (r)
			return r;
		n = recv(fd, buf, size, 0);
		if (n >= 0)
			return clock__now() <= deadline_ns ? n : -ETIMEDOUT;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

bool sock__is_idle(int fd)
{
	char c;

	return fd >= 0 && recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}
