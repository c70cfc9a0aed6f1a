/* SPDX-License-Identifier: GPL-2.0-only */
/* fake.h: a TCP server on loopback that answers well, badly, slowly or not at all. One connection
 * at a time. */
#ifndef FAKE_H
#define FAKE_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake {
	/* Serve the connection @fd until done; look at @f->stop at least every 50 ms. */
	void (*serve)(struct fake *f, int fd);
	const char *answer; /* for serve functions */
	size_t answer_len;
	_Atomic int stop, accepted, closed;
	int listener;
	uint16_t port;
	pthread_t thread;
};

static inline void *fake__thread(void *arg)
{
	struct fake *f = arg;

	while (!f->stop) {
		struct pollfd p = {.fd = f->listener, .events = POLLIN};
		int fd;

		if (poll(&p, 1, 10) <= 0)
			continue;
		fd = accept(f->listener, NULL, NULL);
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		f->accepted++;
		f->serve(f, fd);
		close(fd);
		f->closed++;
	}
	return NULL;
}

/* On port 0, one that is free. */
static inline int fake__start(struct fake *f)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				  .sin_port = htons(f->port)};
	socklen_t len = sizeof(sin);
	int one = 1;

	f->stop = 0;
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&sin, sizeof(sin)) ||
	    listen(f->listener, 16) || getsockname(f->listener, (struct sockaddr *)&sin, &len))
		return -1;
	f->port = ntohs(sin.sin_port);
	return pthread_create(&f->thread, NULL, fake__thread, f);
}

static inline void fake__end(struct fake *f)
{
	f->stop = 1;
	pthread_join(f->thread, NULL);
	close(f->listener);
}

/* Wait for a request; 0 = the client has gone, or the end. */
static inline ssize_t fake__read(struct fake *f, int fd, char *buf, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (!f->stop)
		if (poll(&p, 1, 10) > 0)
			return recv(fd, buf, size, 0);
	return 0;
}

static inline ssize_t fake__request(struct fake *f, int fd)
{
	char buf[4096];

	return fake__read(f, fd, buf, sizeof(buf));
}

/* --- behaviours ------------------------------------------------------------------------------- */

static inline void fake__close(struct fake *f, int fd)
{
	(void)f, (void)fd;
}

static inline void fake__silent(struct fake *f, int fd)
{
	while (fake__request(f, fd) > 0)
		;
}

/* Takes the request and drops the connection. */
static inline void fake__hang_up(struct fake *f, int fd)
{
	fake__request(f, fd);
}

/* The answer once per request. */
static inline void fake__answer(struct fake *f, int fd)
{
	while (fake__request(f, fd) > 0)
		if (send(fd, f->answer, f->answer_len, MSG_NOSIGNAL) < 0)
			return;
}

/* The answer once, then the end of the stream. */
static inline void fake__answer_once(struct fake *f, int fd)
{
	fake__request(f, fd);
	if (send(fd, f->answer, f->answer_len, MSG_NOSIGNAL) < 0)
		return;
	shutdown(fd, SHUT_WR);
	fake__request(f, fd);
}

/* A byte of the answer, over and over, every few milliseconds: never silent, never done. */
static inline void fake__drip(struct fake *f, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	for (size_t i = 0; !f->stop && !(p.revents & (POLLRDHUP | POLLERR)); i++) {
		if (send(fd, f->answer + i % f->answer_len, 1, MSG_NOSIGNAL) < 0)
			return;
		poll(&p, 1, 5);
	}
}

/* The answer over and over, as fast as it goes. */
static inline void fake__flood(struct fake *f, int fd)
{
	struct timeval limit = {.tv_usec = 20000};

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (!f->stop && send(fd, f->answer, f->answer_len, MSG_NOSIGNAL) > 0)
		;
}

#endif
