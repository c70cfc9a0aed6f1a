// SPDX-License-Identifier: GPL-2.0-only
/* init.c: all of this runs in the copy of a process that may have threads: async-signal-safe calls only. */
#include "lab/init.h"
#include "lab/spawn.h"

#include "lib/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* One request at a time. */
static union {
	struct init_request req;
	char bytes[sizeof(struct init_request) + INIT_TEXT_MAX];
} inbox;

static char *words[INIT_WORDS_MAX + 1];

static void nothing(int sig)
{
	(void)sig;
}

static void default_signals(void)
{
	/* struct kernel_sigaction is at most this large; all zero is SIG_DFL without flags */
	static const unsigned char dfl[64];

	/* By the system call: glibc keeps 32 and 33 to itself, but an ignored one is inherited all the same. */
	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, dfl, NULL, 8);
}

/* Close all from 3 on but @keep. */
static void close_others(int keep)
{
	if (keep > 3)
		close_range(3, (unsigned int)keep - 1, 0);
	close_range((unsigned int)keep + 1, ~0U, 0);
}

/* --- a command, in a process of its own ------------------------------------------------------- */

static void tell(int fd, enum birth_step step)
{
	struct birth b = {.step = step, .code = errno, .inner = getpid()};

	send(fd, &b, sizeof(b), MSG_NOSIGNAL);
}

static _Noreturn void give_up(int fd, enum birth_step step)
{
	tell(fd, step);
	_exit(127);
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

/* A caller's HOME is no place for another user; nothing to do where there is none. */
static void move_home(const char *dir)
{
	static char home[4096];

	if (strlen(dir) + sizeof("HOME=") > sizeof(home))
		return;
	stpcpy(stpcpy(home, "HOME="), dir);
	for (char **e = environ; e && *e; e++)
		if (!strncmp(*e, "HOME=", 5))
			*e = home;
}

/* By the system calls: this process has no other thread that glibc would have to tell. */
static bool become(const struct as_user *as)
{
	/* What the init has put aside. */
	return !privilege__restore() && !syscall(SYS_setgroups, 1, &as->gid) &&
	       !syscall(SYS_setresgid, as->gid, as->gid, as->gid) &&
	       !syscall(SYS_setresuid, as->uid, as->uid, as->uid);
}

/* Its stdin is the init's: /dev/null. */
static _Noreturn void command_main(const char *dir, const struct as_user *as,
				   const int fds[INIT_FDS])
{
	sigset_t none;

	tell(fds[INIT_FD_BIRTH], BIRTH_THERE);
	setsid();
	if (setns(fds[INIT_FD_NETNS], CLONE_NEWNET))
		give_up(fds[INIT_FD_BIRTH], BIRTH_NETNS);
	mount_proc();
	if (as->set) {
		if (!become(as))
			give_up(fds[INIT_FD_BIRTH], BIRTH_USER);
		move_home(dir);
	}
	/* After that: a user that cannot come here could not open its files either. */
	if (chdir(dir))
		give_up(fds[INIT_FD_BIRTH], BIRTH_DIR);
	if (dup2(fds[INIT_FD_LOG], 1) < 0 || dup2(fds[INIT_FD_LOG], 2) < 0)
		give_up(fds[INIT_FD_BIRTH], BIRTH_FILES);
	close_others(fds[INIT_FD_BIRTH]);
	default_signals();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(words[0], words);
	give_up(fds[INIT_FD_BIRTH], BIRTH_EXEC);
}

/* --- the init ----------------------------------------------------------------------------------- */

/* The next request into the inbox; its length, and the descriptors that came with it or -1. */
static ssize_t receive(int line, int fds[INIT_FDS])
{
	char control[CMSG_SPACE(INIT_FDS * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = {.iov_base = &inbox, .iov_len = sizeof(inbox) - 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(line, &msg, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	for (int i = 0; i < INIT_FDS; i++)
		fds[i] = -1;
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(INIT_FDS * sizeof(int)))
		memcpy(fds, CMSG_DATA(c), INIT_FDS * sizeof(int));
	if (n > 0)
		inbox.bytes[n] = '\0';
	return n;
}

static void start(ssize_t len, const int fds[INIT_FDS])
{
	const char *end = inbox.bytes + len;
	char *s = inbox.req.text;
	uint32_t n = 0;
	long pid;

	while (n < inbox.req.n_words && n < INIT_WORDS_MAX && s < end) {
		s += strlen(s) + 1;
		words[n++] = s;
	}
	words[n] = NULL;
	/* fork(), without handlers that are not for a process with a copied heap. */
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		command_main(inbox.req.text, &inbox.req.as, fds);
	if (pid < 0)
		tell(fds[INIT_FD_BIRTH], BIRTH_FORK);
	for (int i = 0; i < INIT_FDS; i++)
		close(fds[i]);
}

static void forget_caller(int *line)
{
	struct sigaction chld = {.sa_handler = nothing};
	int null;

	default_signals();
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
	close_others(*line);
	/* If the caller is dead already, its end of the line is closed. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Reap all that can be, and say so; 0 when there is no child left at all. */
static int reap(int line)
{
	struct pidns_exit x = {0};

	for (;;) {
		x.inner = waitpid(-1, &x.status, WNOHANG);
		if (x.inner <= 0)
			return x.inner == 0;
		/* Blocks while nobody reads: what has exited can wait, but must not get lost. */
		send(line, &x, sizeof(x), MSG_NOSIGNAL);
	}
}

_Noreturn void init__main(int line)
{
	struct pollfd p = {.events = POLLIN};
	int fds[INIT_FDS], ending = 0;
	sigset_t none;
	ssize_t n;

	forget_caller(&line);
	/* Namespaces to enter and to make, a folder and a program wherever root may, servers of any user to end. */
	if (privilege__limit_runner(CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_DAC_OVERRIDE) |
				    CAP_BIT(CAP_KILL)))
		_exit(1);
	sigemptyset(&none);
	p.fd = line;
	for (;;) {
		if (!reap(line) && ending)
			_exit(0);
		if (ppoll(&p, 1, NULL, &none) <= 0)
			continue;
		n = receive(line, fds);
		if (n < (ssize_t)sizeof(inbox.req))
			_exit(0);
		switch (inbox.req.verb) {
		case INIT_START:
			start(n, fds);
			break;
		case INIT_KILL_GROUP:
			kill(-inbox.req.group, SIGKILL);
			break;
		case INIT_TERMINATE:
			kill(-1, SIGTERM);
			kill(-1, SIGCONT);
			ending = 1;
			break;
		}
	}
}
