/* SPDX-License-Identifier: GPL-2.0-only */
/* web.h: an HTTP server on loopback, many connections, one behaviour: well, badly, slowly or not at all. */
#ifndef TEST_RECORDER_WEB_H
#define TEST_RECORDER_WEB_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WEB_CONNECTIONS 256

enum manner {
	WEB_ANSWER,   /* each request by `answer` */
	WEB_SILENT,   /* reads, says nothing */
	WEB_HANG_UP,  /* reads a request and closes */
	WEB_CLOSE,    /* closes at once */
	WEB_DRIP,     /* the answer, which is its beginning, then a byte at each turn, for ever */
	WEB_ONE_EACH, /* answers one request of each connection, then closes it */
	WEB_LOSE,     /* each second request is read, and its connection closed */
};

struct web {
	enum manner manner;
	const char *answer;
	uint16_t port;
	_Atomic int stop, accepted, most; /* connections: in all, at a time */
	unsigned int requests;
	int listener;
	pthread_t thread;
	char first[512]; /* the first request */
};

static inline bool web__serve(struct web *w, int fd)
{
	char buf[2048];
	ssize_t n = recv(fd, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return false;
	if (!*w->first)
		snprintf(w->first, sizeof(w->first), "%.*s", (int)n, buf);
	if (w->manner == WEB_LOSE && ++w->requests % 2 == 0)
		return false;
	if (w->manner == WEB_ANSWER || w->manner == WEB_ONE_EACH || w->manner == WEB_LOSE)
		send(fd, w->answer, strlen(w->answer), MSG_NOSIGNAL);
	return w->manner != WEB_HANG_UP && w->manner != WEB_ONE_EACH;
}

static inline void web__accept(struct web *w, struct pollfd *p, int *n)
{
	int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	w->accepted++;
	if (w->manner == WEB_CLOSE || *n > WEB_CONNECTIONS) {
		close(fd);
		return;
	}
	if (w->manner == WEB_DRIP)
		send(fd, w->answer, strlen(w->answer), MSG_NOSIGNAL);
	p[(*n)++] = (struct pollfd){.fd = fd, .events = POLLIN};
	if (*n - 1 > w->most)
		w->most = *n - 1;
}

static inline void *web__thread(void *arg)
{
	struct pollfd p[WEB_CONNECTIONS + 2];
	struct web *w = arg;
	int n = 1;

	p[0] = (struct pollfd){.fd = w->listener, .events = POLLIN};
	while (!w->stop) {
		poll(p, (nfds_t)n, 10);
		for (int i = n - 1; i > 0; i--) {
			bool keep = !p[i].revents || web__serve(w, p[i].fd);

			if (w->manner == WEB_DRIP && keep)
				keep = send(p[i].fd, "x", 1, MSG_NOSIGNAL) == 1;
			if (keep)
				continue;
			close(p[i].fd);
			p[i] = p[--n];
		}
		if (p[0].revents)
			web__accept(w, p, &n);
	}
	for (int i = 1; i < n; i++)
		close(p[i].fd);
	return NULL;
}

static inline void web__start(struct web *w)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);

	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(0, bind(w->listener, (struct sockaddr *)&sin, sizeof(sin)));
	assert_int_equal(0, listen(w->listener, WEB_CONNECTIONS));
	assert_int_equal(0, getsockname(w->listener, (struct sockaddr *)&sin, &len));
	w->port = ntohs(sin.sin_port);
	assert_int_equal(0, pthread_create(&w->thread, NULL, web__thread, w));
}

static inline void web__end(struct web *w)
{
	w->stop = 1;
	pthread_join(w->thread, NULL);
	close(w->listener);
}

#endif
