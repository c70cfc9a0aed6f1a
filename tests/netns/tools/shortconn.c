// SPDX-License-Identifier: GPL-2.0-only
/*
 * shortconn serve PORT CUT_PORT | call ADDRESS PORT CUT_PORT MS: short TCP connections, as many as go, by processes
 * that are no older than some hundred of them.
 *
 * Both say `ready` and do nothing before a line of input. `serve` forks a worker for each BATCH * ROUNDS
 * connections; at the next line it says how many it took at PORT and at CUT_PORT. `call` forks
 * one for as many, until MS are over: to PORT, a byte there and back, and reset; and
 * as many to CUT_PORT, which are given up at once: each is one SYN, and is counted as
 * opened if it was answered. It says `MADE TRIED OPENED MS`.
 *
 * All ends by resets of sockets that are there, so that no packet comes from the kernel on behalf of none.
 */
#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { BATCH = 32, ROUNDS = 8, BACKLOG = 4096, EVENTS = 64, STUCK_MS = 10000 };

/* In memory that all processes share. */
static struct counts {
	uint64_t made, tried, opened;
} * counts;

static void die(const char *what)
{
	fprintf(stderr, "shortconn: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void count(uint64_t *n, uint64_t more)
{
	__atomic_add_fetch(n, more, __ATOMIC_RELAXED);
}

static struct sockaddr_in address(const char *text, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, text, &a.sin_addr) != 1)
		die(text);
	return a;
}

static int stream(int flags)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)))
		die("socket");
	return fd;
}

static void ready(void)
{
	char line[16];

	printf("ready\n");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(0);
}

/* --- call -------------------------------------------------------------------------------------- */

static void give_up(const int *fds)
{
	for (int i = 0; i < BATCH; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLOUT};

		count(&counts->opened, poll(&p, 1, 0) > 0);
		close(fds[i]);
	}
	count(&counts->tried, BATCH);
}

/* Each waits for its answer: its packets have gone where they go when it is closed. */
static void finish(const int *fds)
{
	for (int i = 0; i < BATCH; i++) {
		struct pollfd p = {.fd = fds[i], .events = POLLIN};
		char c;

		if (poll(&p, 1, STUCK_MS) != 1 || recv(fds[i], &c, 1, 0) != 1)
			die("no answer");
		close(fds[i]);
	}
	count(&counts->made, BATCH);
}

static void batch(const struct sockaddr_in *to, const struct sockaddr_in *cut)
{
	int open[BATCH], vain[BATCH];

	for (int i = 0; i < BATCH; i++) {
		open[i] = stream(0);
		vain[i] = stream(SOCK_NONBLOCK);
		if (connect(open[i], (const void *)to, sizeof(*to)) ||
		    send(open[i], "x", 1, 0) != 1)
			die("connect");
		if (!connect(vain[i], (const void *)cut, sizeof(*cut)))
			count(&counts->opened, 1);
	}
	finish(open);
	give_up(vain);
}

static void call(const struct sockaddr_in *to, const struct sockaddr_in *cut, int64_t ms)
{
	int64_t start = now_ms();

	do {
		pid_t pid = fork();
		int status;

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (int i = 0; i < ROUNDS; i++)
				batch(to, cut);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			die("a caller");
	} while (now_ms() - start < ms);
	printf("%lu %lu %lu %ld\n", counts->made, counts->tried, counts->opened,
	       (long)(now_ms() - start));
}

/* --- serve -------------------------------------------------------------------------------------- */

static void watch(int epoll, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		die("epoll");
}

/* One byte is answered, an end is one. True: it has ended. */
static bool answer(int fd)
{
	char c;

	if (recv(fd, &c, 1, 0) == 1 && send(fd, &c, 1, MSG_NOSIGNAL) == 1)
		return false;
	close(fd);
	return true;
}

static bool take(int epoll, int listener, uint64_t *n)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return false;
	count(n, 1);
	watch(epoll, fd);
	return true;
}

/* So many connections to their ends, or until there is a line of input: then false. */
static bool work(int listener, int cut)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), left = BATCH * ROUNDS, open = 0;
	bool over = false;

	watch(epoll, listener);
	watch(epoll, cut);
	watch(epoll, 0);
	while (!over && (left || open)) {
		struct epoll_event e[EVENTS];
		int n = epoll_wait(epoll, e, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			int fd = e[i].data.fd;

			if (!fd)
				over = true;
			else if (fd != listener && fd != cut)
				open -= answer(fd);
			else if (left &&
				 take(epoll, fd, fd == cut ? &counts->opened : &counts->made) &&
				 (open++, !--left) &&
				 epoll_ctl(epoll, EPOLL_CTL_DEL, listener, NULL))
				die("epoll");
		}
	}
	return !over;
}

static int listen_at(const char *port)
{
	struct sockaddr_in a = address("0.0.0.0", port);
	int fd = stream(SOCK_NONBLOCK);

	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, BACKLOG))
		die(port);
	return fd;
}

static void serve(const char *port, const char *cut_port)
{
	int listener = listen_at(port), cut = listen_at(cut_port), status = 0;

	ready();
	while (!status) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit(!work(listener, cut));
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			die("a worker");
	}
	printf("%lu %lu\n", counts->made, counts->opened);
}

int main(int argc, char **argv)
{
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (counts == MAP_FAILED)
		die("memory");
	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc == 4 && !strcmp(argv[1], "serve")) {
		serve(argv[2], argv[3]);
	} else if (argc == 6 && !strcmp(argv[1], "call")) {
		struct sockaddr_in to = address(argv[2], argv[3]), cut = address(argv[2], argv[4]);

		ready();
		call(&to, &cut, atoi(argv[5]));
	} else {
		fprintf(stderr, "shortconn serve PORT CUT_PORT | call ADDRESS PORT CUT_PORT MS\n");
		return 2;
	}
	return fflush(stdout) ? 1 : 0;
}
