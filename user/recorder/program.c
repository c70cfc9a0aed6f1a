// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/program.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* In the child of a threaded program: system calls only, and execvp(), which in glibc is no more. */
static _Noreturn void child(char *const *argv, int in, int out, int report, pid_t parent)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	int e = ESRCH;

	setpgid(0, 0);
	/* The end of the controller must not leave a program that hangs. */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (in < 0)
		in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (getppid() == parent && in >= 0 && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 &&
	    dup2(out, 2) >= 0) {
		for (int sig = 1; sig < NSIG; sig++)
			sigaction(sig, &dfl, NULL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execvp(argv[0], argv);
		e = errno;
	}
	if (write(report, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

/* The child's errno if it could not be executed; the end of the stream, because the pipe closed, if it was. */
static int hear(int fd)
{
	int e = 0;
	ssize_t n;

	do {
		n = read(fd, &e, sizeof(e));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(e) ? -e : 0;
}

static int open_pipe(int *ret_read, int *ret_write)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	*ret_read = p[0];
	*ret_write = p[1];
	return 0;
}

int program__start(char *const *argv, bool with_stdin, struct program *ret)
{
	_cleanup_close_ int in_r = -1, in_w = -1, out_r = -1, out_w = -1, rep_r = -1, rep_w = -1;
	struct program p = PROGRAM_NONE;
	pid_t self = getpid();
	int r = open_pipe(&out_r, &out_w);

	r = r ? r : open_pipe(&rep_r, &rep_w);
	if (!r && with_stdin)
		r = open_pipe(&in_r, &in_w);
	if (r)
		return r;
	p.pid = fork();
	if (p.pid < 0)
		return -errno;
	if (!p.pid)
		child(argv, in_r, out_w, rep_w, self);
	setpgid(p.pid, p.pid); /* whoever comes first: kill() must find the group */
	rep_w = safe_close(rep_w);
	p.pidfd = pidfd_open(p.pid, 0);
	r = p.pidfd < 0 ? -errno : hear(rep_r);
	if (r) {
		program__end(&p);
		return r;
	}
	p.out = TAKE_FD(out_r);
	p.in = TAKE_FD(in_w);
	fcntl(p.out, F_SETFL, O_NONBLOCK);
	if (p.in >= 0)
		fcntl(p.in, F_SETFL, O_NONBLOCK);
	*ret = p;
	return 0;
}

static int wait_for(int fd, short events, int64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int n = ppoll(&p, 1, &ts, NULL);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int program__end(struct program *p)
{
	int status = 0;

	if (p->pid > 0) {
		/* Not reaped yet, so that the number is still its own. */
		kill(-p->pid, SIGKILL);
		kill(p->pid, SIGKILL);
		while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	safe_close(p->pidfd);
	safe_close(p->in);
	safe_close(p->out);
	*p = PROGRAM_NONE;
	return status;
}

int program__write(const struct program *p, const char *text, size_t len, int64_t deadline_ns,
		   size_t *ret_sent)
{
	size_t done = 0;
	int r = 0;

	while (!r && done < len) {
		ssize_t n = write(p->in, text + done, len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			r = wait_for(p->in, POLLOUT, deadline_ns);
		else if (errno != EINTR)
			r = -errno;
	}
	*ret_sent = done;
	return r;
}

ssize_t program__read(const struct program *p, char *buf, size_t size, int64_t deadline_ns)
{
	for (;;) {
		int r = wait_for(p->out, POLLIN, deadline_ns);
		ssize_t n;

		if (r)
			return r;
		n = read(p->out, buf, size);
		if (n >= 0)
			return clock__now() <= deadline_ns ? n : -ETIMEDOUT;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
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

int program__collect(const struct program *p, int64_t deadline_ns, char *buf, size_t size,
		     size_t *ret_len)
{
	struct pollfd fds[] = {{.fd = p->pidfd, .events = POLLIN},
			       {.fd = p->out, .events = POLLIN}};
	size_t len = 0;

	for (;;) {
		int64_t left = deadline_ns - clock__now();
		struct timespec ts = ns_timespec(left > 0 ? left : 0);
		int n = ppoll(fds, 2, &ts, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0 && left <= 0)
			return -ETIMEDOUT;
		if (n > 0 && fds[1].revents && !drain(p->out, buf, size, &len, deadline_ns))
			fds[1].fd = -1;
		/* A child of its own that still has the pipe is not waited for. */
		if (n > 0 && fds[0].revents) {
			if (fds[1].fd >= 0)
				drain(p->out, buf, size, &len, deadline_ns);
			buf[len] = '\0';
			*ret_len = len;
			return 0;
		}
	}
}
