// SPDX-License-Identifier: GPL-2.0-only
#include "lab/init.h"
#include "lab/spawn.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* What the kernel has to end everything after SIGKILL. */
#define KILL_NS (5 * NS_PER_S)

int pidfd__open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int pidfd__kill(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) ? -errno : 0;
}

bool wait_readable(int fd, int64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int r = ppoll(&p, 1, &ts, NULL);

		if (r > 0)
			return true;
		if ((r == 0 && left <= 0) || (r < 0 && errno != EINTR))
			return false;
	}
}

static int start_init(struct pidns *ns)
{
	_cleanup_close_ int theirs = -1;
	sigset_t all, old;
	int pair[2];
	long pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ns->line = pair[0];
	theirs = pair[1];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* fork() into a new pid namespace; the caller's other children are not affected. */
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		init__main(theirs);
	if (pid < 0)
		pid = -errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return (int)pid;
	ns->init = (pid_t)pid;
	return 0;
}

static int open_pidns(struct pidns *ns)
{
	char path[64];

	ns->init_pidfd = pidfd__open(ns->init);
	if (ns->init_pidfd < 0)
		return ns->init_pidfd;
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", ns->init);
	ns->fd = open(path, O_RDONLY | O_CLOEXEC);
	return ns->fd < 0 ? -errno : 0;
}

int pidns__create(struct pidns *ret, struct error *err)
{
	struct pidns ns = PIDNS_NONE;
	int r = start_init(&ns);

	if (!r)
		r = open_pidns(&ns);
	if (r) {
		pidns__close(&ns);
		*ret = PIDNS_NONE;
		return err__set(err, r, "cannot make a pid namespace: %s", strerror(-r));
	}
	*ret = ns;
	return 0;
}

static void ask(const struct pidns *ns, enum init_verb verb, pid_t group)
{
	const struct init_request req = {.verb = verb, .group = group};

	if (ns->line >= 0)
		(void)!send(ns->line, &req, sizeof(req), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void pidns__terminate(const struct pidns *ns)
{
	ask(ns, INIT_TERMINATE, 0);
}

void pidns__kill_group(const struct pidns *ns, pid_t inner)
{
	ask(ns, INIT_KILL_GROUP, inner);
}

int pidns__next_exit(const struct pidns *ns, struct pidns_exit *ret)
{
	ssize_t n;

	do {
		n = recv(ns->line, ret, sizeof(*ret), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(*ret))
		return 1;
	return n < 0 && errno == EAGAIN ? 0 : -EPIPE;
}

void pidns__close(struct pidns *ns)
{
	/*
	 * Our child until we reap it, so the pid is still its. The kernel reaps its children before it.
	 * Bounded: a process that hangs in the kernel must not hang us.
	 */
	if (ns->init > 0 && !kill(ns->init, SIGKILL) &&
	    (ns->init_pidfd < 0 || wait_readable(ns->init_pidfd, clock__now() + KILL_NS)))
		while (waitpid(ns->init, NULL, 0) < 0 && errno == EINTR)
			;
	safe_close(ns->init_pidfd);
	safe_close(ns->fd);
	safe_close(ns->line);
	*ns = PIDNS_NONE;
}
