// SPDX-License-Identifier: GPL-2.0-only
/*
 * shortconn serve PORT CUT_PORT | call ADDRESS PORT CUT_PORT MS: short TCP connections, as many as go, by processes
 * that are no older than some hundred of them.
 *
 * Both say `ready` and do nothing before a line of input. `serve` forks a worker for each BATCH * ROUNDS
 * connections; at the next line it says how many it took at PORT and at CUT_PORT. `call` forks one for as many, CALLERS at
 * a time, until MS are over: to PORT, a byte, and reset; and as many to CUT_PORT, which are given up at once: each
 * is one SYN, and is counted as opened if it was answered. It says `MADE TRIED OPENED MS`.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

enum { BATCH = 64, ROUNDS = 4, CALLERS = 3, BACKLOG = 4096, STUCK_MS = 10000 };

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

/* The last is reset by who took it, and so took those before: not more than a batch wait to be taken. */
static void finish(const int *fds)
{
	struct pollfd p = {.fd = fds[BATCH - 1], .events = POLLIN};

	if (poll(&p, 1, STUCK_MS) != 1)
		die("the last of a batch is not taken");
	for (int i = 0; i < BATCH; i++)
		close(fds[i]);
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

static void caller(const struct sockaddr_in *to, const struct sockaddr_in *cut)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < ROUNDS; i++)
		batch(to, cut);
	_exit(0);
}

static void call(const struct sockaddr_in *to, const struct sockaddr_in *cut, int64_t ms)
{
	int64_t start = now_ms();
	int status;

	for (int i = 0; i < CALLERS; i++)
		caller(to, cut);
	while (wait(&status) > 0) {
		if (status)
			die("a caller");
		if (now_ms() - start < ms)
			caller(to, cut);
	}
	printf("%lu %lu %lu %ld\n", counts->made, counts->tried, counts->opened,
	       (long)(now_ms() - start));
}

/* --- serve -------------------------------------------------------------------------------------- */

/* What waits at @listener, up to @max; how many there were. @byte: each sends one. */
static int take(int listener, int max, bool byte, uint64_t *n)
{
	int i = 0, fd;

	char c;

	for (; i < max && (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0; i++) {
		/* Not before its byte, or the caller could not send it. */
		if (byte)
			recv(fd, &c, 1, 0);
		close(fd);
	}
	count(n, (uint64_t)i);
	return i;
}

/* So many connections, or until there is a line of input: then false. */
static bool work(int listener, int cut)
{
	struct pollfd p[] = {{.fd = listener, .events = POLLIN},
			     {.fd = cut, .events = POLLIN},
			     {.fd = STDIN_FILENO, .events = POLLIN}};
	int left = BATCH * ROUNDS;

	while (left && poll(p, ARRAY_SIZE(p), -1) > 0) {
		left -= take(listener, left, true, &counts->made);
		left -= take(cut, left, false, &counts->opened);
		if (p[2].revents)
			return false;
	}
	return true;
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
