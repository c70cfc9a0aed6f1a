// SPDX-License-Identifier: GPL-2.0-only
/*
 * talk [-r ROUNDS] [-t MS] 'ROW|FROM NETNS|TO NETNS|ADDRESS'...: between namespaces, TCP throughput in
 * Gbit/s (group tcp) and in Gbit for a second of CPU time of both ends (tcp-cpu; other processes that
 * want the CPUs do not count there), and the median round trip of one byte in µs (groups rr-tcp, rr-udp).
 * Rows take turns, one slice of MS each in a round.
 *
 * One thread receives and echoes for all rows on the first CPU. The other one asks: for throughput from
 * the last CPU; for round trips from the same one, because waking an idle virtual CPU costs more than the
 * packet and never the same.
 */
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include "sample.h"

#include <argp.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { STREAM, RR_TCP, RR_UDP, N_TALKS, CHUNK = 1 << 17, TRIPS_MAX = 1 << 16, EVENTS = 16 };
static const char *const groups[] = {"tcp", "rr-tcp", "rr-udp"};

struct talk {
	int near, far;
	bool echo;
	uint64_t received; /* bytes; the other thread's, atomic */
};

struct row {
	const char *name;
	struct talk talk[N_TALKS];
};

static unsigned int rounds = 15;
static int64_t slice_ns = 200 * NS_PER_MS;
static int epoll_fd;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "talk: %s: %s\n", what, why);
	exit(1);
}

static void on_cpu(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("affinity", strerror(errno));
}

static void *receive(void *unused)
{
	static char buffer[CHUNK];

	on_cpu(0);
	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			struct talk *t = events[i].data.ptr;
			ssize_t got = recv(t->far, buffer, sizeof(buffer), MSG_DONTWAIT);

			if (got <= 0)
				continue;
			if (t->echo && send(t->far, buffer, (size_t)got, 0) != got)
				die("echo", strerror(errno));
			__atomic_add_fetch(&t->received, (uint64_t)got, __ATOMIC_RELAXED);
		}
	}
	return unused;
}

/* A socket in @netns. */
static int socket_in(const char *netns, int type)
{
	struct error err = {0};
	_cleanup_close_ int ns = netns__open(netns, &err);
	int home = -1, fd, one = 1;

	if (ns < 0 || netns__enter(ns, &home))
		die(netns, err.msg);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	netns__leave(&home);
	if (fd < 0)
		die("socket", strerror(errno));
	if (type == SOCK_STREAM) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		/* A rate that is measured, not modelled; the usual one will do where it is missing. */
		setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", strlen("cubic"));
	}
	return fd;
}

static void talk__open(struct talk *t, int type, bool echo, char *const field[])
{
	struct sockaddr_in at = {.sin_family = AF_INET}, from;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
	socklen_t len = sizeof(at), from_len = sizeof(from);
	int listener;

	t->echo = echo;
	t->far = socket_in(field[2], type);
	t->near = socket_in(field[1], type);
	if (inet_pton(AF_INET, field[3], &at.sin_addr) != 1 ||
	    bind(t->far, (struct sockaddr *)&at, len) || getsockname(t->far, (void *)&at, &len) ||
	    (type == SOCK_STREAM && listen(t->far, 1)) ||
	    connect(t->near, (struct sockaddr *)&at, len))
		die(field[3], strerror(errno));
	if (type == SOCK_STREAM) {
		listener = t->far;
		t->far = accept(listener, NULL, NULL);
		close(listener);
	} else if (getsockname(t->near, (void *)&from, &from_len) ||
		   connect(t->far, (struct sockaddr *)&from, from_len)) {
		die("connect", strerror(errno));
	}
	if (t->far < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, t->far, &event))
		die("accept", strerror(errno));
}

static void row__open(struct row *row, char *arg)
{
	char *field[4];

	for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
		field[i] = strsep(&arg, "|");
		if (!field[i])
			die("a row has four fields", "ROW|FROM NETNS|TO NETNS|ADDRESS");
	}
	row->name = field[0];
	talk__open(&row->talk[STREAM], SOCK_STREAM, false, field);
	talk__open(&row->talk[RR_TCP], SOCK_STREAM, true, field);
	talk__open(&row->talk[RR_UDP], SOCK_DGRAM, true, field);
}

static double throughput(struct talk *t, double *ret_by_cpu)
{
	static char buffer[CHUNK];
	uint64_t before = __atomic_load_n(&t->received, __ATOMIC_RELAXED);
	int64_t start = clock__now(), cpu = sample__clock(CLOCK_PROCESS_CPUTIME_ID), now;
	double bits;

	do {
		if (send(t->near, buffer, sizeof(buffer), 0) < 0)
			die("send", strerror(errno));
		now = clock__now();
	} while (now - start < slice_ns);
	bits = (double)(__atomic_load_n(&t->received, __ATOMIC_RELAXED) - before) * 8;
	*ret_by_cpu = bits / (double)(sample__clock(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	return bits / (double)(now - start);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double round_trip(struct talk *t)
{
	static uint32_t trips[TRIPS_MAX];
	int64_t start = clock__now(), now = start, last;
	size_t n = 0;
	char byte = 0;

	do {
		last = now;
		if (send(t->near, &byte, 1, 0) != 1 || recv(t->near, &byte, 1, 0) != 1)
			die("round trip", strerror(errno));
		now = clock__now();
		trips[n++] = (uint32_t)(now - last);
	} while (now - start < slice_ns && n < TRIPS_MAX);
	qsort(trips, n, sizeof(*trips), by_value);
	return trips[n / 2] / 1e3;
}

static void measure(struct row *rows, int n_rows, int talk, long cpu)
{
	on_cpu(cpu);
	for (unsigned int round = 0; round <= rounds; round++)
		for (int i = 0; i < n_rows; i++) {
			struct talk *t = &rows[i].talk[talk];
			double value, by_cpu = 0;

			value = talk == STREAM ? throughput(t, &by_cpu) : round_trip(t);
			/* In the first one TCP finds its window. */
			if (!round)
				continue;
			sample__print(groups[talk], rows[i].name, round, value);
			if (talk == STREAM)
				sample__print("tcp-cpu", rows[i].name, round, by_cpu);
		}
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)state;
	switch (key) {
	case 'r':
		rounds = (unsigned int)atoi(arg);
		return 0;
	case 't':
		slice_ns = atoi(arg) * NS_PER_MS;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	const struct argp_option options[] = {{"rounds", 'r', "N", 0, "slices of each row", 0},
					      {"time", 't', "MS", 0, "of a slice", 0},
					      {0}};
	const struct argp argp = {options, parse, "ROW...", NULL, NULL, NULL, NULL};
	struct row *rows;
	pthread_t thread;
	int first, n_rows;

	argp_parse(&argp, argc, argv, 0, &first, NULL);
	n_rows = argc - first;
	rows = calloc((size_t)n_rows + 1, sizeof(*rows));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!rows || epoll_fd < 0)
		die("set-up", strerror(errno));
	for (int i = 0; i < n_rows; i++)
		row__open(&rows[i], argv[first + i]);
	if (pthread_create(&thread, NULL, receive, NULL))
		die("thread", strerror(errno));
	measure(rows, n_rows, STREAM, sysconf(_SC_NPROCESSORS_ONLN) - 1);
	measure(rows, n_rows, RR_TCP, 0);
	measure(rows, n_rows, RR_UDP, 0);
	/* The thread still looks at rows and sockets: they go with the process. */
	return fflush(stdout) ? 1 : 0;
}
