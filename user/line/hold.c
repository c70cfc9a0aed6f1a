// SPDX-License-Identifier: GPL-2.0-only
#include "line/hold.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/privilege.h"
#include "line/hold_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#define STOP_FLUSH_NS (1 * NS_PER_S)
#define STOP_EXIT_NS (200 * NS_PER_MS)

struct hold {
	pid_t pid;
	int pidfd;
	int ctl;
	uint64_t token; /* of the last flush that was asked for */
	struct hold_stats *stats;
};

/* What the process works on; made before the fork, where errors have words, and its alone after it. */
struct hold_room {
	struct hold_loop loop;
	void *mem;
	size_t size;
};

static void room__reset(struct hold_room *room)
{
	safe_close(room->loop.timer);
	if (room->mem)
		munmap(room->mem, room->size);
}

/* Memory is reserved, and there when it is touched. */
static int room__init(struct hold_room *room, int tap_fd, const struct hold_limits *limits)
{
	uint64_t blocks = limits->bytes / HOLD_BLOCK;
	struct hold_loop *l = &room->loop;
	uint32_t items;
	size_t pool;

	*l = (struct hold_loop){.tap = tap_fd, .timer = -1, .packets_max = limits->packets};
	if (!limits->packets || !blocks || blocks > HOLD_NONE - HOLD_CHAIN_MAX - 1)
		return -EINVAL;
	l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->timer < 0)
		return -errno;
	items = hold_pool__items((uint32_t)blocks);
	pool = hold_pool__size((uint32_t)blocks);
	room->size = pool + hold_queue__size(items);
	room->mem = mmap(NULL, room->size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room->mem == MAP_FAILED) {
		room->mem = NULL;
		return -errno;
	}
	hold_pool__init(&l->pool, room->mem, (uint32_t)blocks);
	hold_queue__init(&l->queue, (char *)room->mem + pool, items);
	return 0;
}

/* --- the process ------------------------------------------------------------------------------ */

enum { FD_NULL, FD_TAP = 3, FD_CTL, FD_TIMER, FD_REST };

/* Nothing of the controller's stays open: neither its pipes nor its BPF links nor namespaces. */
static int keep_own_fds(struct hold_loop *l)
{
	int own[] = {l->tap, l->ctl, l->timer};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	/* First out of the way of each other, then to their places. */
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		own[i] = fcntl(own[i], F_DUPFD_CLOEXEC, FD_REST);
		if (own[i] < 0)
			return -errno;
	}
	for (int fd = FD_NULL; fd < FD_TAP; fd++)
		if (dup2(null, fd) < 0)
			return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (dup3(own[i], FD_TAP + (int)i, O_CLOEXEC) < 0)
			return -errno;
	if (syscall(SYS_close_range, FD_REST, ~0U, 0) < 0) {
		/* Before Linux 5.9. */
		for (int fd = FD_REST; fd < 1 << 16; fd++)
			close(fd);
	}
	l->tap = FD_TAP;
	l->ctl = FD_CTL;
	l->timer = FD_TIMER;
	return 0;
}

/* The controller ends us, when it has taken its programs away; a terminal or a service manager must not
 * do it before. */
static void set_signals(void)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP};
	struct sigaction dfl = {.sa_handler = SIG_DFL}, ign = {.sa_handler = SIG_IGN};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ign, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * Measured in turns on two cores that others used too (load 4 to 11), three runs each, one TCP flow held for
 * 10 ms. At 2 Gbit/s 0.1 % of the frames left more than 1 ms late with SCHED_FIFO, 1.4 to 30 % with
 * nice -20; within 128 us 96 to 99 % and 48 to 89 %. The price: without a limit the flow reached
 * 2.7 to 5.3 Gbit/s with SCHED_FIFO and 3.2 to 8.4 with nice -20, where its ends get more of the cores.
 */
static void raise_priority(void)
{
	struct sched_param lowest = {.sched_priority = 1};

	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	if (sched_setscheduler(0, SCHED_FIFO, &lowest))
		setpriority(PRIO_PROCESS, 0, -20); /* may fail as well */
}

/*
 * On one processor: what is let go waits in its receive queue (netif_rx() at the veth), and would be overtaken
 * there by what comes after a move to another one. Up to 2.5 % of the packets of a constant delay were, on an
 * emulated 5.10.
 */
static void stay_on_this_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static _Noreturn void child(struct hold_loop *l, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(HOLD_EXIT_OK);
	prctl(PR_SET_NAME, "chaos-hold", 0, 0, 0);
	setsid();
	set_signals();
	if (keep_own_fds(l) || chdir("/"))
		_exit(HOLD_EXIT_SYSTEM);
	raise_priority();
	stay_on_this_cpu();
	/* It reads what others sent, and needs no more than its three descriptors. */
	privilege__close_memory();
	if (privilege__limit(0))
		_exit(HOLD_EXIT_SYSTEM);
	_exit(hold_loop__run(l));
}

/* --- the controller's side -------------------------------------------------------------------- */

static void release(struct hold *h)
{
	safe_close(h->ctl);
	safe_close(h->pidfd);
	if (h->stats)
		munmap(h->stats, sizeof(*h->stats));
	free(h);
}

/* By descriptor: should someone else have reaped it, its number may be another's. */
static void kill_and_reap(int pidfd)
{
	syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED) < 0 && errno == EINTR)
		;
}

static int spawn(struct hold *h, struct hold_loop *l, int ctl_there)
{
	pid_t self = getpid();

	l->ctl = ctl_there;
	l->stats = h->stats;
	h->pid = fork();
	if (h->pid < 0)
		return -errno;
	if (!h->pid)
		child(l, self);
	h->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	/* It then sees the end of its socket. */
	return h->pidfd < 0 ? -errno : 0;
}

static int start(struct hold *h, int tap_fd, const struct hold_limits *limits)
{
	_cleanup_(room__reset) struct hold_room room = {.loop = {.timer = -1}};
	_cleanup_close_ int there = -1;
	int sv[2], r;

	h->stats = mmap(NULL, sizeof(*h->stats), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (h->stats == MAP_FAILED) {
		h->stats = NULL;
		return -errno;
	}
	h->stats->alive_ns = (uint64_t)clock__now();
	r = room__init(&room, tap_fd, limits);
	if (r)
		return r;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	h->ctl = sv[0];
	there = sv[1];
	return spawn(h, &room.loop, there);
}

int hold__start(int tap_fd, const struct hold_limits *limits, struct hold **ret, struct error *err)
{
	struct hold *h = malloc(sizeof(*h));
	int r;

	if (!h)
		return err__set(err, -ENOMEM, "out of memory");
	*h = (struct hold){.pidfd = -1, .ctl = -1};
	r = start(h, tap_fd, limits);
	if (r) {
		release(h);
		return err__set(err, r, "cannot start the process of the delay line: %s",
				strerror(-r));
	}
	*ret = h;
	return 0;
}

const struct hold_stats *hold__stats(const struct hold *h)
{
	return h->stats;
}

int hold__pid(const struct hold *h)
{
	return h->pid;
}

int hold__exit_fd(const struct hold *h)
{
	return h->pidfd;
}

/* -ESRCH: the process is gone. */
static int await_token(struct hold *h, int64_t end_ns)
{
	struct pollfd p = {.fd = h->ctl, .events = POLLIN};
	uint64_t token;

	for (;;) {
		int64_t left_ns = end_ns - clock__now();
		struct timespec ts = ns_timespec(left_ns > 0 ? left_ns : 0);
		int n = ppoll(&p, 1, &ts, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return -ETIMEDOUT;
		if (n < 0)
			continue;
		/* An older token is of a flush that was not waited for to its end. */
		if (recv(h->ctl, &token, sizeof(token), MSG_DONTWAIT) != sizeof(token))
			return -ESRCH;
		if (token == h->token)
			return 0;
	}
}

int hold__flush(struct hold *h, int64_t timeout_ns)
{
	int64_t end_ns = clock__now() + timeout_ns;

	h->token++;
	if (send(h->ctl, &h->token, sizeof(h->token), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -ESRCH;
	return await_token(h, end_ns);
}

void hold__stop(struct hold *h)
{
	struct pollfd p;
	struct timespec ts;

	if (!h)
		return;
	hold__flush(h, STOP_FLUSH_NS);
	h->ctl = safe_close(h->ctl);
	p = (struct pollfd){.fd = h->pidfd, .events = POLLIN};
	ts = ns_timespec(STOP_EXIT_NS);
	while (ppoll(&p, 1, &ts, NULL) < 0 && errno == EINTR)
		;
	kill_and_reap(h->pidfd);
	release(h);
}
