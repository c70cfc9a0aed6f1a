// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/child.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* In the child of a threaded program: system calls only. posix_spawn() cannot ask for the parent's
 * death. */
static _Noreturn void child(const char *command, int out, pid_t parent)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	int in = open("/dev/null", O_RDWR | O_CLOEXEC);

	setpgid(0, 0);
	/* SIGKILL to the controller must not leave a command that hangs. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent || in < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(in, 2) < 0)
		_exit(127);
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve("/bin/sh", argv, environ);
	_exit(127);
}

static int start(const char *command, pid_t *ret_pid, int *ret_out)
{
	_cleanup_close_ int rd = -1, wr = -1;
	pid_t pid, self = getpid();
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	rd = p[0];
	wr = p[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		child(command, wr, self);
	setpgid(pid, pid); /* whoever comes first: kill() below must find the group */
	fcntl(rd, F_SETFL, O_NONBLOCK);
	*ret_pid = pid;
	*ret_out = TAKE_FD(rd);
	return 0;
}

/* Everything that can be read now; false at the end of the stream. */
static bool drain(int fd, char *buf, size_t size, size_t *len, int64_t deadline_ns)
{
	char sink[4096];

	while (clock__now() < deadline_ns) {
		bool keep = *len + 1 < size;
		ssize_t n =
			read(fd, keep ? buf + *len : sink, keep ? size - 1 - *len : sizeof(sink));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (keep)
			*len += (size_t)n;
	}
	return true;
}

static int collect(int pidfd, int out, int64_t deadline_ns, char *buf, size_t size, size_t *len)
{
	struct pollfd p[] = {{.fd = pidfd, .events = POLLIN}, {.fd = out, .events = POLLIN}};

	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int n = ppoll(p, 2, &ts, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0 && left <= 0)
			return -ETIMEDOUT;
		if (n > 0 && p[1].revents && !drain(out, buf, size, len, deadline_ns))
			p[1].fd = -1;
		if (n > 0 && p[0].revents) {
			/* What it wrote before it ended; a child of its own that still has the pipe
			 * is not waited for. */
			if (p[1].fd >= 0)
				drain(out, buf, size, len, deadline_ns);
			return 0;
		}
	}
}

int child__run(const char *command, int64_t deadline_ns, char *buf, size_t size, size_t *ret_len,
	       int *ret_status)
{
	_cleanup_close_ int out = -1, pidfd = -1;
	size_t len = 0;
	pid_t pid = -1;
	int status = 0, r = start(command, &pid, &out);

	if (r)
		return r;
	pidfd = pidfd_open(pid, 0);
	r = pidfd < 0 ? -errno : collect(pidfd, out, deadline_ns, buf, size, &len);
	/* Not reaped yet, so that the number is still its own. */
	kill(-pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r)
		return r;
	buf[len] = '\0';
	*ret_len = len;
	*ret_status = status;
	return 0;
}
