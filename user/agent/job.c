// SPDX-License-Identifier: GPL-2.0-only
#include "agent/job.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct job {
	pid_t pid;
	int fd;
	char *text;
	size_t n, room;
};

static void be_modest(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		/* A kernel that says no has a reason; the job is done all the same. */
		ssize_t n = write(fd, "1000", 4);

		(void)n;
		close(fd);
	}
	setpriority(PRIO_PROCESS, 0, 10);
}

static void forget_signals(void)
{
	sigset_t none;

	for (int s = 1; s < SIGRTMIN; s++)
		if (s != SIGKILL && s != SIGSTOP)
			signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void work(job_fn *fn, void *arg, int fd, pid_t agent)
{
	json_t *result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != agent)
		_exit(1);
	forget_signals();
	signal(SIGPIPE, SIG_IGN);
	/* 0 to 2 stay; the pipe is 3 */
	if (dup2(fd, 3) < 0 || close_range(4, ~0U, 0) < 0)
		_exit(1);
	be_modest();
	result = fn(arg);
	/* Not exit(): what the agent has in its buffers and at its end is the agent's. */
	_exit(result && json_dumpfd(result, 3, JSON_COMPACT) == 0 ? 0 : 1);
}

int job__start(job_fn *fn, void *arg, struct job **ret)
{
	_cleanup_free_ struct job *j = calloc(1, sizeof(*j));
	pid_t agent = getpid();
	int fds[2];

	if (!j)
		return -ENOMEM;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	j->pid = fork();
	if (j->pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (!j->pid)
		work(fn, arg, fds[1], agent);
	close(fds[1]);
	j->fd = fds[0];
	fcntl(j->fd, F_SETFL, O_NONBLOCK);
	*ret = TAKE_PTR(j);
	return 0;
}

int job__fd(const struct job *j)
{
	return j ? j->fd : -1;
}

static int grow(struct job *j)
{
	size_t room = j->room ? 2 * j->room : 16384;
	char *text;

	if (j->n < j->room)
		return 0;
	if (room > 2 * (size_t)JOB_RESULT_MAX)
		return -EIO;
	text = realloc(j->text, room);
	if (!text)
		return -EIO;
	j->text = text;
	j->room = room;
	return 0;
}

int job__poll(struct job *j, json_t **ret_result)
{
	for (;;) {
		ssize_t n;

		if (grow(j) < 0)
			return -EIO;
		n = read(j->fd, j->text + j->n, j->room - j->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return -EIO;
		j->n += (size_t)n;
		if (!n)
			break;
	}
	*ret_result = json_loadb(j->text, j->n, 0, NULL);
	return *ret_result ? 1 : -EIO;
}

void job__free(struct job *j)
{
	if (!j)
		return;
	close(j->fd);
	kill(j->pid, SIGKILL);
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(j->text);
	free(j);
}
