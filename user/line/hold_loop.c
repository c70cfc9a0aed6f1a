// SPDX-License-Identifier: GPL-2.0-only
#include "line/hold_loop.h"

#include "lib/clock.h"
#include "line/hold_frame.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
	/* Frames read, and frames written, before the other is looked at again. */
	BATCH = 64,
	/* Frames read in a flush: more than a TAP's queue is ever long. */
	FLUSH_READS_MAX = 1 << 20,
	LEAD_WEIGHT = 8, /* of all wake-ups before, in the running mean */
};

/*
 * Waking up takes time, more on an idle virtual machine, whose processor has to be fetched back. So the timer
 * is set earlier by what that took lately, and what is left until the due time is spent awake: at most
 * this. Measured as in hold.c, with it and without: pings held for 10 ms took 10.06 to 10.12 ms and 10.11
 * to 10.14; at 2 Gbit/s 43 to 54 % and 15 to 18 % of the frames were written within 32 us; without a limit
 * the flow reached 2.7 to 5.3 Gbit/s and 3.7 to 6.0: it costs processor time.
 */
#define LEAD_MAX_NS (200 * NS_PER_US)

/* The longest sleep; a turn is promised every 50 ms. */
#define SLEEP_MAX_NS (25 * NS_PER_MS)
/* Under load ctl is looked at this often. */
#define CTL_EVERY_NS (2 * NS_PER_MS)
/* What is due later than this carries no due time of ours. */
#define AHEAD_MAX_NS (3600 * NS_PER_S)

/* The reader must never see half of a number. */
static void put(uint64_t *field, uint64_t value)
{
	__atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static void add(uint64_t *field, uint64_t n)
{
	put(field, *field + n);
}

static void put_held(struct hold_loop *l)
{
	put(&l->stats->held, l->queue.n);
	put(&l->stats->held_bytes, (uint64_t)l->pool.used * HOLD_BLOCK);
}

static void count_late(struct hold_stats *s, int64_t late_ns)
{
	uint64_t us = late_ns > 0 ? (uint64_t)late_ns / NS_PER_US : 0;
	unsigned int bucket = us ? 63U - (unsigned int)__builtin_clzll(us) : 0;

	add(&s->late_us_log2[bucket < 31 ? bucket : 31], 1);
	if (late_ns > 0 && (uint64_t)late_ns > s->late_max_ns)
		put(&s->late_max_ns, (uint64_t)late_ns);
}

/* What has been read. */
static void take(struct hold_loop *l, size_t len, int64_t now_ns)
{
	uint8_t *head = hold_pool__at(&l->pool, l->pool.landing[0]);
	uint32_t item = HOLD_NONE;
	uint64_t due_ns;
	int start;

	add(&l->stats->taken, 1);
	start = hold_frame__turn(head, len, &due_ns);
	if (start < 0 || due_ns > (uint64_t)now_ns + AHEAD_MAX_NS) {
		add(&l->stats->malformed, 1);
		return;
	}
	if (l->queue.n < l->packets_max)
		item = hold_pool__keep(&l->pool, (size_t)start, len);
	if (item == HOLD_NONE) {
		add(&l->stats->overflowed, 1);
		return;
	}
	hold_pool__landing(&l->pool, l->landing);
	hold_queue__push(&l->queue, item, due_ns);
}

/* 1: a frame was read, 0: there is none, else a negative errno. */
static int read_one(struct hold_loop *l, int64_t now_ns)
{
	ssize_t n = readv(l->tap, l->landing, HOLD_CHAIN_MAX);

	if (n >= 0) {
		take(l, (size_t)n, now_ns);
		return 1;
	}
	if (errno == EAGAIN)
		return 0;
	if (errno == EBADFD || errno == EBADF)
		return -errno;
	/* Of this one frame, which the kernel has dropped: say, segmentation that no virtio header can tell. */
	if (errno != EINTR)
		add(&l->stats->malformed, 1);
	return 1;
}

static void write_one(struct hold_loop *l)
{
	struct iovec iov[HOLD_CHAIN_MAX];
	uint32_t item = hold_queue__pop(&l->queue);
	int n = hold_pool__frame(&l->pool, item, iov);
	ssize_t r;

	do
		r = writev(l->tap, iov, n);
	while (r < 0 && errno == EINTR);
	hold_pool__forget(&l->pool, item);
	add(r < 0 ? &l->stats->failed : &l->stats->released, 1);
}

static int64_t write_due(struct hold_loop *l, int64_t now_ns)
{
	for (int i = 0; i < BATCH; i++) {
		uint64_t due_ns = hold_queue__due(&l->queue);

		if (due_ns > (uint64_t)now_ns)
			break;
		write_one(l);
		now_ns = clock__now();
		count_late(l->stats, now_ns - (int64_t)due_ns);
	}
	return now_ns;
}

static int read_batch(struct hold_loop *l, int64_t *now_ns)
{
	for (int i = 0; i < BATCH && l->more; i++) {
		int r = read_one(l, *now_ns);

		if (r < 0)
			return r;
		l->more = r;
		*now_ns = clock__now();
		if (hold_queue__due(&l->queue) <= (uint64_t)*now_ns)
			break;
	}
	return 0;
}

/* Everything that is on the line at this moment; what comes while it is written waits its time. */
static int flush(struct hold_loop *l)
{
	int r = 1;

	for (int i = 0; i < FLUSH_READS_MAX && r > 0; i++) {
		int64_t now_ns = clock__now();

		put(&l->stats->alive_ns, (uint64_t)now_ns);
		r = read_one(l, now_ns);
	}
	while (l->queue.n) {
		write_one(l);
		put(&l->stats->alive_ns, (uint64_t)clock__now());
	}
	put_held(l);
	return r < 0 ? r : 0;
}

/* 1: end. */
static int obey(struct hold_loop *l)
{
	uint64_t token;
	ssize_t n = recv(l->ctl, &token, sizeof(token), MSG_DONTWAIT);
	int r;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : 1;
	if (n != sizeof(token))
		return 1;
	r = flush(l);
	send(l->ctl, &token, sizeof(token), MSG_NOSIGNAL | MSG_DONTWAIT);
	return r;
}

/* Not ppoll's own time-out: the kernel may stretch that by a thousandth (select_estimate_accuracy()). */
static int arm(struct hold_loop *l, uint64_t due_ns)
{
	uint64_t at_ns = due_ns == UINT64_MAX ? 0 : due_ns - (uint64_t)l->lead_ns;
	struct itimerspec its = {.it_value = ns_timespec((int64_t)at_ns)};

	if (at_ns == l->armed_ns)
		return 0;
	l->armed_ns = at_ns;
	return timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &its, NULL) < 0 ? -errno : 0;
}

/* The timer has woken us. */
static void learn_lead(struct hold_loop *l)
{
	int64_t took_ns = clock__now() - (int64_t)l->armed_ns;

	if (took_ns > LEAD_MAX_NS)
		took_ns = LEAD_MAX_NS;
	l->lead_ns += (took_ns - l->lead_ns) / LEAD_WEIGHT;
}

/* Until there is something to do; 1: end. */
static int wait_for_work(struct hold_loop *l, bool busy)
{
	const struct timespec longest = ns_timespec(busy ? 0 : SLEEP_MAX_NS);
	struct pollfd p[] = {{.fd = l->ctl, .events = POLLIN},
			     {.fd = l->tap, .events = POLLIN},
			     {.fd = l->timer, .events = POLLIN}};
	int r = busy ? 0 : arm(l, hold_queue__due(&l->queue));

	if (r)
		return r;
	r = ppoll(p, busy ? 1 : 3, &longest, NULL);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[2].revents)
		learn_lead(l);
	if (p[1].revents)
		l->more = true;
	return p[0].revents ? obey(l) : 0;
}

int hold_loop__run(struct hold_loop *l)
{
	int64_t now_ns, looked_ns = 0;
	int r = 0;

	hold_pool__landing(&l->pool, l->landing);
	l->armed_ns = 0;
	l->lead_ns = 0;
	l->more = true;
	while (!r) {
		bool busy;

		now_ns = clock__now();
		put(&l->stats->alive_ns, (uint64_t)now_ns);
		now_ns = write_due(l, now_ns);
		r = read_batch(l, &now_ns);
		put_held(l);
		busy = l->more || hold_queue__due(&l->queue) <= (uint64_t)(now_ns + l->lead_ns);
		if (r || (busy && now_ns - looked_ns < CTL_EVERY_NS))
			continue;
		r = wait_for_work(l, busy);
		looked_ns = clock__now();
	}
	if (r > 0)
		return HOLD_EXIT_OK;
	return r == -EBADFD ? HOLD_EXIT_DEVICE : HOLD_EXIT_SYSTEM;
}
