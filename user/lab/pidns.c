// SPDX-License-Identifier: GPL-2.0-only
#include "lab/spawn.h"

#include "lib/cleanup.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum init_request { INIT_TERMINATE = 'T', INIT_DRAIN = 'D' };

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

static void nothing(int sig)
{
	(void)sig;
}

/*
 * All that the init has of us is a copy of our memory, which it must not use: only async-signal-safe
 * calls from here on, for other threads may have held locks when we were copied.
 */
static void init_forget_us(int *line)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, chld = {.sa_handler = nothing};
	int null;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigaction(SIGCHLD, &chld, NULL);
	prctl(PR_SET_NAME, "chaos-lab");
	setsid();
	if (chdir("/"))
		_exit(1);
	/* The caller's terminal or pipe must not stay open because of us. */
	*line = fcntl(*line, F_DUPFD_CLOEXEC, 3);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (*line < 0 || null < 0)
		_exit(1);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (*line > 3)
		close_range(3, (unsigned int)*line - 1, 0);
	close_range((unsigned int)*line + 1, ~0U, 0);
	/* If the caller is dead already, its end of the line is closed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* All signals are blocked when it begins. */
static _Noreturn void init_main(int line)
{
	struct pollfd p = {.events = POLLIN};
	bool draining = false;
	sigset_t none;
	pid_t pid;
	char c;

	init_forget_us(&line);
	sigemptyset(&none);
	p.fd = line;
	for (;;) {
		do {
			pid = waitpid(-1, NULL, WNOHANG);
		} while (pid > 0);
		if (draining && pid < 0 && errno == ECHILD)
			_exit(0);
		if (ppoll(&p, 1, NULL, &none) <= 0)
			continue;
		if (recv(line, &c, 1, 0) <= 0)
			_exit(0);
		if (c == INIT_TERMINATE) {
			kill(-1, SIGTERM);
			kill(-1, SIGCONT);
		}
		draining = draining || c == INIT_DRAIN;
	}
}

static int start_init(struct pidns *ns)
{
	_cleanup_close_ int theirs = -1;
	sigset_t all, old;
	int pair[2];
	long pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	ns->line = pair[0];
	theirs = pair[1];
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	/* fork() into a new pid namespace; the caller's own children are not affected. */
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		init_main(theirs);
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
	ns->home = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", ns->init);
	ns->fd = open(path, O_RDONLY | O_CLOEXEC);
	return ns->fd < 0 || ns->home < 0 ? -errno : 0;
}

int pidns__create(struct pidns *ret, struct error *err)
{
	struct pidns ns = PIDNS_NONE;
	int r = start_init(&ns);

	if (!r)
		r = open_pidns(&ns);
	if (r) {
		pidns__kill(&ns);
		pidns__close(&ns);
		*ret = PIDNS_NONE;
		return err__set(err, r, "cannot make a pid namespace: %s", strerror(-r));
	}
	*ret = ns;
	return 0;
}

static void ask(const struct pidns *ns, char c)
{
	if (ns->line >= 0)
		(void)!send(ns->line, &c, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void pidns__terminate(const struct pidns *ns)
{
	ask(ns, INIT_TERMINATE);
}

void pidns__drain(const struct pidns *ns, int64_t deadline_ns)
{
	ask(ns, INIT_DRAIN);
	if (ns->init_pidfd >= 0)
		wait_readable(ns->init_pidfd, deadline_ns);
}

void pidns__kill(const struct pidns *ns)
{
	/* Our child until we reap it, so the pid is still its. */
	if (ns->init > 0)
		kill(ns->init, SIGKILL);
}

void pidns__close(struct pidns *ns)
{
	/* Bounded: a process that hangs in the kernel must not hang us; it is reaped with us. */
	if (ns->init > 0 &&
	    (ns->init_pidfd < 0 || wait_readable(ns->init_pidfd, clock__now() + 5 * NS_PER_S)))
		while (waitpid(ns->init, NULL, 0) < 0 && errno == EINTR)
			;
	safe_close(ns->init_pidfd);
	safe_close(ns->fd);
	safe_close(ns->home);
	safe_close(ns->line);
	*ns = PIDNS_NONE;
}
