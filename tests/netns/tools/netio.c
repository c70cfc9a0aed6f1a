// SPDX-License-Identifier: GPL-2.0-only
/*
 * netio: packets between two namespaces, counted and timed.
 *
 * netio udp FROM_NETNS FROM_ADDR TO_NETNS TO_ADDR N [PORT] sends N datagrams; prints `SENT
 * RECEIVED` netio retrans FROM_NETNS FROM_ADDR TO_NETNS TO_ADDR MS connects, says `connected`,
 * waits for a line of input (by then the path is cut), then sends a byte on the connection and
 * begins another one, and watches both for MS: prints `data T...` and `syn T...`, milliseconds from
 * the sending to each retransmission
 */
#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define EVENTS_MAX 32

static void die(const char *what)
{
	fprintf(stderr, "netio: %s: %s\n", what, strerror(errno));
	exit(2);
}

struct sa {
	struct sockaddr_storage ss;
	socklen_t len;
};

static struct sa address(const char *text, uint16_t port)
{
	struct sa a = {0};
	struct sockaddr_in *v4 = (void *)&a.ss;
	struct sockaddr_in6 *v6 = (void *)&a.ss;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		a.len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		a.len = sizeof(*v6);
	} else {
		die(text);
	}
	return a;
}

/* A socket in a namespace, bound. */
static int open_in(const char *netns, const struct sa *a, int type)
{
	int ns = netns__open(netns, NULL), old = -1, one = 1, fd;

	if (ns < 0 || netns__enter(ns, &old))
		die(netns);
	fd = socket(a->ss.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&a->ss, a->len))
		die("bind");
	netns__leave(&old);
	close(ns);
	return fd;
}

static unsigned long drain(int fd, bool *ended)
{
	unsigned long n = 0;
	char c;

	while (recv(fd, &c, 1, 0) == 1) {
		if (c == 'E')
			*ended = true;
		else
			n++;
	}
	return n;
}

static int udp(char **argv)
{
	unsigned long n = strtoul(argv[4], NULL, 10), sent = 0, received = 0;
	uint16_t port = argv[5] ? (uint16_t)atoi(argv[5]) : 7777;
	struct sa from = address(argv[1], 0), to = address(argv[3], port);
	int tx = open_in(argv[0], &from, SOCK_DGRAM), rx = open_in(argv[2], &to, SOCK_DGRAM);
	bool ended = false;

	while (sent < n) {
		if (sendto(tx, "x", 1, 0, (const struct sockaddr *)&to.ss, to.len) == 1)
			sent++;
		else if (errno != EAGAIN)
			die("send");
		/* A veth pair delivers in order and at once; keep the queue short. */
		if (sent % 32 == 0)
			received += drain(rx, &ended);
	}
	/* All that came has come when an end mark has; of marks too, some are lost. */
	for (int i = 0; i < 400 && !ended; i++) {
		struct pollfd p = {.fd = rx, .events = POLLIN};

		if (sendto(tx, "E", 1, 0, (const struct sockaddr *)&to.ss, to.len) < 0 &&
		    errno != EAGAIN)
			die("send");
		poll(&p, 1, 5);
		received += drain(rx, &ended);
	}
	printf("%lu %lu\n", sent, received);
	close(tx);
	close(rx);
	return 0;
}

static void wait_for(int fd, short events, const char *what)
{
	struct pollfd p = {.fd = fd, .events = events};

	if (poll(&p, 1, 5000) != 1)
		die(what);
}

/* Bytes to and fro, so that the sender knows the round trip. */
static void chat(int a, int b)
{
	char c = 'x';

	for (int i = 0; i < 20; i++) {
		if (send(a, &c, 1, MSG_NOSIGNAL) != 1)
			die("send");
		wait_for(b, POLLIN, "no byte");
		if (recv(b, &c, 1, 0) != 1 || send(b, &c, 1, MSG_NOSIGNAL) != 1)
			die("echo");
		wait_for(a, POLLIN, "no answer");
		if (recv(a, &c, 1, 0) != 1)
			die("recv");
	}
}

struct watch {
	int fd;
	int64_t begun;
	unsigned int n;
	double ms[EVENTS_MAX];
};

static void look(struct watch *w)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(w->fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		die("TCP_INFO");
	while (w->n < info.tcpi_total_retrans && w->n < EVENTS_MAX)
		w->ms[w->n++] = (double)(clock__now() - w->begun) / 1e6;
}

static void print(const char *name, const struct watch *w)
{
	printf("%s", name);
	for (unsigned int i = 0; i < w->n; i++)
		printf(" %.1f", w->ms[i]);
	printf("\n");
}

static int retrans(char **argv)
{
	int64_t end, next, limit = atol(argv[4]) * NS_PER_MS;
	struct sa from = address(argv[1], 0), to = address(argv[3], 7778);
	int server = open_in(argv[2], &to, SOCK_STREAM), peer;
	struct watch data = {.fd = open_in(argv[0], &from, SOCK_STREAM)};
	struct watch syn = {.fd = open_in(argv[0], &from, SOCK_STREAM)};
	char line[16];

	if (listen(server, 8))
		die("listen");
	if (connect(data.fd, (const struct sockaddr *)&to.ss, to.len) && errno != EINPROGRESS)
		die("connect");
	wait_for(server, POLLIN, "no connection");
	peer = accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	wait_for(data.fd, POLLOUT, "not connected");
	chat(data.fd, peer);
	puts("connected");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	data.begun = clock__now();
	if (send(data.fd, "y", 1, MSG_NOSIGNAL) != 1)
		die("send");
	syn.begun = clock__now();
	if (connect(syn.fd, (const struct sockaddr *)&to.ss, to.len) && errno != EINPROGRESS)
		die("connect");
	end = data.begun + limit;
	for (next = data.begun; next < end; next += NS_PER_MS) {
		clock__sleep_until(next);
		look(&data);
		look(&syn);
	}
	print("data", &data);
	print("syn", &syn);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 7 && !strcmp(argv[1], "udp"))
		return udp(argv + 2);
	if (argc == 7 && !strcmp(argv[1], "retrans"))
		return retrans(argv + 2);
	fprintf(stderr, "netio: usage\n");
	return 2;
}
