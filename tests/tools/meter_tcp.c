// SPDX-License-Identifier: GPL-2.0-only
/* meter_tcp.c: one bulk flow, its goodput counted where it arrives. */
#include "tools/meter.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
	CONNECT_MS = 15000,
	POLL_MS = 20,
	CHUNK = 256 << 10,
	/* Slow start and the filling of queues are no goodput: the first part of the time is not counted. */
	WARM_PERCENT = 20,
};

struct bulk {
	const struct tcp_options *opts;
	struct sockets s;
	_Atomic(int64_t) start_ns; /* 0: not connected yet */
	atomic_bool failed;
	uint64_t all, counted;
	int64_t longest_gap_ns;
	char chunk[CHUNK];
	int send_errno; /* what ended the sending early; 0: nothing */
};

static int accept_one(struct bulk *b)
{
	struct pollfd p = {.fd = b->s.recv, .events = POLLIN};
	int64_t end = now_ns() + (int64_t)CONNECT_MS * 1000000;

	while (now_ns() < end && !atomic_load(&b->failed))
		if (poll(&p, 1, POLL_MS) > 0)
			return accept4(b->s.recv, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return -1;
}

static void *bulk__receive(void *arg)
{
	static char buf[CHUNK];
	struct bulk *b = arg;
	_cleanup_close_ int fd = accept_one(b);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t start, end, warm, last = 0;

	if (fd < 0)
		return NULL;
	start = now_ns();
	atomic_store(&b->start_ns, start);
	end = start + b->opts->duration_ns;
	warm = start + b->opts->duration_ns * WARM_PERCENT / 100;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int64_t now = now_ns();

		if (now >= end || n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			break;
		if (n < 0) {
			poll(&p, 1, POLL_MS);
			continue;
		}
		b->all += (uint64_t)n;
		if (now >= warm)
			b->counted += (uint64_t)n;
		if (last && now - last > b->longest_gap_ns)
			b->longest_gap_ns = now - last;
		last = now;
	}
	return NULL;
}

static int bulk__connect(struct bulk *b, struct error *err)
{
	struct pollfd p = {.fd = b->s.send, .events = POLLOUT};
	const char *cc = b->opts->congestion;
	socklen_t len = sizeof(int);
	int code = 0;

	if (cc && setsockopt(b->s.send, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t)strlen(cc)))
		return err__set(err, -errno, "congestion control %s: %s", cc, strerror(errno));
	if (connect(b->s.send, (struct sockaddr *)&b->s.addr, b->s.addr_len) &&
	    errno != EINPROGRESS)
		return err__set(err, -errno, "connect: %s", strerror(errno));
	if (poll(&p, 1, CONNECT_MS) <= 0)
		return err__set(err, -ETIMEDOUT, "no connection within %d s", CONNECT_MS / 1000);
	getsockopt(b->s.send, SOL_SOCKET, SO_ERROR, &code, &len);
	return code ? err__set(err, -code, "connect: %s", strerror(code)) : 0;
}

static void bulk__send(struct bulk *b)
{
	struct pollfd p = {.fd = b->s.send, .events = POLLOUT};
	int64_t end = now_ns() + b->opts->duration_ns;

	while (now_ns() < end) {
		ssize_t n = send(b->s.send, b->chunk, sizeof(b->chunk), MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			b->send_errno = errno;
			return;
		}
		if (n < 0)
			poll(&p, 1, POLL_MS);
	}
}

static json_t *bulk__report(const struct bulk *b, const struct tcp_info *info)
{
	double seconds = (double)b->opts->duration_ns * (100 - WARM_PERCENT) / 100 / NS_PER_SEC;

	return json_pack(
		"{sf sI sI sI sI sI sI sf ss?}", "goodput_bps", 8 * (double)b->counted / seconds,
		"bytes", (json_int_t)b->all, "retransmits", (json_int_t)info->tcpi_total_retrans,
		"rtt_us", (json_int_t)info->tcpi_rtt, "rttvar_us", (json_int_t)info->tcpi_rttvar,
		"cwnd", (json_int_t)info->tcpi_snd_cwnd, "mss", (json_int_t)info->tcpi_snd_mss,
		"longest_gap_ms", (double)b->longest_gap_ns / 1e6, "send_error",
		b->send_errno ? strerror(b->send_errno) : NULL);
}

static int bulk__run(struct bulk *b, json_t **ret, struct error *err)
{
	const struct linger reset = {.l_onoff = 1, .l_linger = 0};
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	pthread_t receiver;
	int r;

	r = pthread_create(&receiver, NULL, bulk__receive, b);
	if (r)
		return err__set(err, -r, "no thread for the receiver: %s", strerror(r));
	r = bulk__connect(b, err);
	if (!r) {
		bulk__send(b);
		getsockopt(b->s.send, IPPROTO_TCP, TCP_INFO, &info, &len);
		/* What is still queued is of no interest, and must not go on behind the measurement. */
		setsockopt(b->s.send, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		b->s.send = safe_close(b->s.send);
	} else {
		atomic_store(&b->failed, true);
	}
	pthread_join(receiver, NULL);
	if (!r && !atomic_load(&b->start_ns))
		r = err__set(err, -ETIMEDOUT, "the receiver saw no connection");
	if (!r)
		*ret = bulk__report(b, &info);
	return r;
}

int meter__tcp(const struct tcp_options *opts, json_t **ret, struct error *err)
{
	struct bulk *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return err__set(err, -ENOMEM, "out of memory");
	b->opts = opts;
	r = sockets__open(&b->s, &opts->send, &opts->recv, opts->to, opts->port, SOCK_STREAM, err);
	if (!r) {
		r = bulk__run(b, ret, err);
		sockets__close(&b->s);
	}
	free(b);
	return r;
}
