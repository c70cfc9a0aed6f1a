// SPDX-License-Identifier: GPL-2.0-only
#include "lab/spawn.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* What the child could not do; said through a pipe that closes when the program begins. */
enum spawn_step { STEP_NETNS, STEP_DIR, STEP_FILES, STEP_EXEC };

static const char *const step_names[] = {
	[STEP_NETNS] = "cannot enter its network namespace",
	[STEP_DIR] = "cannot enter its folder",
	[STEP_FILES] = "cannot open its files",
	[STEP_EXEC] = "cannot execute",
};

struct spawn_failure {
	int step, code;
};

/* Open files of a child-to-be; all above 2, wherever the caller's own 0, 1 and 2 are. */
struct child_files {
	int null, log, failure;
};

static _Noreturn void give_up(int fd, enum spawn_step step)
{
	struct spawn_failure f = {.step = step, .code = errno};

	(void)!write(fd, &f, sizeof(f));
	_exit(127);
}

static void reset_signals(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * /proc with the lab's own processes. Where it is not allowed the host's stays, which is right for all
 * but what looks itself up by pid. Slave: what the host unmounts goes here too and is not kept busy.
 */
static void mount_proc(void)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL))
		return;
	mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/* Async-signal-safe calls only: the caller may have threads. */
static _Noreturn void child_main(const struct spawn *s, struct child_files f)
{
	/* The namespace's init sees to this as well; the two do not depend on each other. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (setns(s->netns, CLONE_NEWNET))
		give_up(f.failure, STEP_NETNS);
	mount_proc();
	if (chdir(s->dir))
		give_up(f.failure, STEP_DIR);
	if (dup2(f.null, 0) < 0 || dup2(f.log, 1) < 0 || dup2(f.log, 2) < 0)
		give_up(f.failure, STEP_FILES);
	if (f.failure > 3)
		close_range(3, (unsigned int)f.failure - 1, 0);
	close_range((unsigned int)f.failure + 1, ~0U, 0);
	reset_signals();
	execvp(s->argv[0], s->argv);
	give_up(f.failure, STEP_EXEC);
}

/* fork() into @ns; the caller's other children go where they always go. */
static pid_t fork_into(const struct pidns *ns)
{
	sigset_t all, old;
	pid_t pid;
	int r;

	if (setns(ns->fd, CLONE_NEWPID))
		return -errno;
	/* A handler of ours must not run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		return 0;
	r = pid < 0 ? -errno : pid;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* Into one's own namespace this cannot fail; if it did, no thread could be created any more. */
	if (setns(ns->home, CLONE_NEWPID))
		abort();
	return r;
}

static int open_above_2(const char *path, int flags, int *ret)
{
	_cleanup_close_ int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0644);

	if (fd < 0)
		return -errno;
	*ret = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *ret < 0 ? -errno : 0;
}

/* Wait for the program to begin. 0, or what kept it from it. */
static int read_failure(int fd, const char *program, struct error *err)
{
	struct spawn_failure f;
	ssize_t n;

	do {
		n = read(fd, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(f))
		return 0;
	return err__set(err, -f.code, "%s: %s: %s", program, step_names[f.step], strerror(f.code));
}

int spawn__run(const struct pidns *ns, const struct spawn *s, pid_t *ret_pid, int *ret_pidfd,
	       struct error *err)
{
	_cleanup_close_ int null = -1, log = -1, tell = -1, hear = -1, pidfd = -1;
	int pipefd[2], r;
	pid_t pid;

	r = open_above_2("/dev/null", O_RDONLY, &null);
	if (r)
		return err__set(err, r, "/dev/null: %s", strerror(-r));
	r = open_above_2(s->log, O_WRONLY | O_CREAT | O_APPEND | s->log_flags, &log);
	if (r)
		return err__set(err, r, "%s: %s", s->log, strerror(-r));
	if (pipe2(pipefd, O_CLOEXEC))
		return err__set(err, -errno, "pipe: %s", strerror(errno));
	hear = pipefd[0];
	tell = fcntl(pipefd[1], F_DUPFD_CLOEXEC, 3);
	close(pipefd[1]);
	if (tell < 0)
		return err__set(err, -EMFILE, "pipe: %s", strerror(EMFILE));

	pid = fork_into(ns);
	if (pid == 0)
		child_main(s, (struct child_files){.null = null, .log = log, .failure = tell});
	if (pid < 0)
		return err__set(err, pid, "%s: cannot fork: %s", s->argv[0], strerror(-pid));
	tell = safe_close(tell);
	r = read_failure(hear, s->argv[0], err);
	if (!r) {
		pidfd = pidfd__open(pid);
		if (pidfd < 0)
			r = err__set(err, pidfd, "%s: pidfd: %s", s->argv[0], strerror(-pidfd));
	}
	if (r) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = TAKE_FD(pidfd);
	return 0;
}
