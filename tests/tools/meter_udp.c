// SPDX-License-Identifier: GPL-2.0-only
/*
 * meter_udp.c: numbered datagrams. Each says when it was sent and has a checksum over all of itself, since UDP's own
 * is not looked at everywhere (veth). Its number stands in it three times: one flipped bit
 * leaves two, so that a corrupted packet is known by its number as any other.
 */
#include "tools/meter.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <zlib.h>

struct wire {
	uint32_t crc; /* of all behind it */
	uint32_t run; /* who does not know it is a stranger */
	uint64_t seq[3];
	int64_t sent_ns;
};

enum { STOP_POLL_MS = 20 };

struct flow {
	const struct udp_options *opts;
	struct sockets s;
	struct packet *packets;
	uint32_t run;
	_Atomic(int64_t) last_sent_ns; /* 0: still sending */
	uint32_t arrivals, strangers;
	int64_t first_ns, last_ns; /* of the arrivals */
	uint64_t bytes;
	int send_errno;
};

static uint32_t checksum(const void *packet, size_t size)
{
	return (uint32_t)crc32(0, (const Bytef *)packet + sizeof(uint32_t),
			       (uInt)(size - sizeof(uint32_t)));
}

/* Of the clocks: what has to be added to CLOCK_REALTIME to have CLOCK_MONOTONIC. Looked at for each packet, since
 * the former may be set. */
static int64_t realtime_offset(int64_t mono)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return mono - ((int64_t)t.tv_sec * NS_PER_SEC + t.tv_nsec);
}

static int64_t stamp_of(struct msghdr *msg, int64_t now)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof(t));
			return (int64_t)t.tv_sec * NS_PER_SEC + t.tv_nsec + realtime_offset(now);
		}
	return INT64_MIN;
}

static uint64_t majority(const uint64_t *seq)
{
	return seq[0] == seq[1] || seq[0] == seq[2] ? seq[0] : seq[1];
}

static void flow__take(struct flow *f, const char *buf, size_t size, int64_t now, int64_t stamp)
{
	bool whole = size == f->opts->size && size >= sizeof(struct wire);
	struct wire w = {0};
	struct packet *p;
	uint64_t seq;

	memcpy(&w, buf, size < sizeof(w) ? size : sizeof(w));
	whole = whole && w.crc == checksum(buf, size);
	seq = majority(w.seq);
	/* The run is one of many fields that a flipped bit may be in. */
	if (seq >= f->opts->count || (whole && w.run != f->run)) {
		f->strangers++;
		return;
	}
	p = &f->packets[seq];
	if (!whole) {
		p->corrupted += p->corrupted < UINT8_MAX;
		return;
	}
	f->bytes += size;
	f->first_ns = f->first_ns ? f->first_ns : now;
	f->last_ns = now;
	p->copies += p->copies < UINT8_MAX;
	if (p->arrival)
		return;
	p->arrival = ++f->arrivals;
	p->delay_ns = now - w.sent_ns;
	p->stamp_ns = stamp == INT64_MIN ? stamp : stamp - w.sent_ns;
	if (f->opts->kernel_stamps && stamp != INT64_MIN)
		p->delay_ns = p->stamp_ns;
}

/* Until nothing has come for linger_ns after the last was sent. */
static void *flow__receive(void *arg)
{
	static char buf[UDP_SIZE_MAX + 1];
	struct flow *f = arg;
	struct pollfd p = {.fd = f->s.recv, .events = POLLIN};

	for (;;) {
		char control[CMSG_SPACE(sizeof(struct timespec)) + 64];
		struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(f->s.recv, &msg, MSG_DONTWAIT);
		int64_t now = now_ns(), end = atomic_load(&f->last_sent_ns);

		if (n >= 0) {
			flow__take(f, buf, (size_t)n, now, stamp_of(&msg, now));
			continue;
		}
		end = end > f->last_ns ? end : f->last_ns;
		if (atomic_load(&f->last_sent_ns) && now - end > f->opts->linger_ns)
			return NULL;
		poll(&p, 1, STOP_POLL_MS);
	}
}

/* What fills the rest: no pattern that a fault could leave as it is. */
static void fill(char *buf, size_t size, uint32_t run)
{
	uint64_t x = run * 0x9e3779b97f4a7c15ULL + 1;

	for (size_t i = sizeof(struct wire); i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = (char)(x >> 32);
	}
}

static void flow__send_one(struct flow *f, char *buf, uint32_t seq)
{
	struct wire w = {.run = f->run, .seq = {seq, seq, seq}};

	w.sent_ns = now_ns();
	memcpy(buf, &w, sizeof(w));
	w.crc = checksum(buf, f->opts->size);
	memcpy(buf, &w.crc, sizeof(w.crc));
	while (sendto(f->s.send, buf, f->opts->size, 0, (struct sockaddr *)&f->s.addr,
		      f->s.addr_len) < 0) {
		struct pollfd p = {.fd = f->s.send, .events = POLLOUT};

		/* A full send buffer is backpressure, and what it costs in time is part of the delay. */
		if (errno == EINTR || (errno == EAGAIN && poll(&p, 1, 1000) > 0))
			continue;
		f->send_errno = errno;
		f->packets[seq].unsent = true;
		return;
	}
}

static void flow__send(struct flow *f, char *buf)
{
	int64_t next = now_ns();

	for (uint32_t seq = 0; seq < f->opts->count; seq++) {
		if (seq && seq % f->opts->burst == 0) {
			struct timespec t;

			next += f->opts->interval_ns;
			t = (struct timespec){.tv_sec = next / NS_PER_SEC,
					      .tv_nsec = next % NS_PER_SEC};
			while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
				;
		}
		flow__send_one(f, buf, seq);
	}
}

static int flow__report(struct flow *f, int64_t began, const struct kernel_counts *before,
			json_t **ret)
{
	double seconds = (double)(atomic_load(&f->last_sent_ns) - began) / NS_PER_SEC,
	       taken = (double)(f->last_ns - f->first_ns) / NS_PER_SEC;
	struct kernel_counts after;
	json_t *doc = report__udp(f->opts, f->packets, f->opts->count);

	sockets__counts(&f->s, &after);
	json_object_set_new(doc, "strangers", json_integer(f->strangers));
	json_object_set_new(doc, "send_seconds", json_real(seconds));
	json_object_set_new(doc, "received_payload_bps",
			    json_real(taken > 0 ? 8 * (double)f->bytes / taken : 0));
	json_object_set_new(doc, "send_error",
			    f->send_errno ? json_string(strerror(f->send_errno)) : json_null());
	json_object_set_new(
		doc, "kernel",
		json_pack(
			"{sI sI sI sI sI}", "rcvbuf_errors",
			(json_int_t)(after.rcvbuf_errors - before->rcvbuf_errors), "in_csum_errors",
			(json_int_t)(after.in_csum_errors - before->in_csum_errors), "in_errors",
			(json_int_t)(after.in_errors - before->in_errors), "in_hdr_errors",
			(json_int_t)(after.in_hdr_errors - before->in_hdr_errors), "in_addr_errors",
			(json_int_t)(after.in_addr_errors - before->in_addr_errors)));
	*ret = doc;
	return 0;
}

static int flow__run(struct flow *f, json_t **ret, struct error *err)
{
	_cleanup_free_ char *buf = malloc(f->opts->size);
	struct kernel_counts before;
	pthread_t receiver;
	int64_t began;
	int r;

	if (!buf)
		return err__set(err, -ENOMEM, "out of memory");
	fill(buf, f->opts->size, f->run);
	sockets__counts(&f->s, &before);
	r = pthread_create(&receiver, NULL, flow__receive, f);
	if (r)
		return err__set(err, -r, "no thread for the receiver: %s", strerror(r));
	began = now_ns();
	flow__send(f, buf);
	atomic_store(&f->last_sent_ns, now_ns());
	pthread_join(receiver, NULL);
	if (f->opts->dump) {
		r = dump__write(f->opts->dump, f->packets, f->opts->count, err);
		if (r < 0)
			return r;
	}
	return flow__report(f, began, &before, ret);
}

int meter__udp(const struct udp_options *opts, json_t **ret, struct error *err)
{
	struct flow f = {.opts = opts, .run = (uint32_t)now_ns()};
	int r;

	if (opts->size < sizeof(struct wire))
		return err__set(err, -EINVAL, "a packet needs at least %zu bytes",
				sizeof(struct wire));
	f.packets = calloc(opts->count, sizeof(*f.packets));
	if (!f.packets)
		return err__set(err, -ENOMEM, "out of memory");
	r = sockets__open(&f.s, &opts->send, &opts->recv, opts->to, opts->port, SOCK_DGRAM, err);
	if (!r) {
		r = flow__run(&f, ret, err);
		sockets__close(&f.s);
	}
	free(f.packets);
	return r;
}
