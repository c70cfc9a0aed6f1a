// SPDX-License-Identifier: GPL-2.0-only
/* child.c: the process of a run. */
#include "agent/child.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct child {
	pid_t pid;
	int pidfd;
	bool ended;
	int status;
	char *folder;
	char live[40], log[40]; /* names in the folder */
	struct stat last;	/* of the live file */
};

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Field 22 of /proc/PID/stat: with the pid it names one process for as long as the machine is up. 0: no such process. */
static unsigned long long start_of(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long start = 0;
	char path[40], line[1024], *s;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	s = strrchr(line, ')'); /* the name may have blanks and brackets */
	if (!s || sscanf(s + 1,
			 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			 "%*d %llu",
			 &start) != 1)
		return 0;
	return start;
}

/* In the child: nothing but system calls until exec, as after any fork. */
static void run_child(const char *exe, char *const *argv, int log, pid_t agent)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ, SIGCHLD};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
	/*
	 * SIGTERM, not SIGKILL: it then ends in order. With tcx what it attached goes with it either way. It asks for that again
	 * (--with-parent): exec takes it away from who gains capabilities.
	 */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != agent)
		_exit(127);
	if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(127);
	execv(exe, argv);
	_exit(127);
}

/* The words of its command line. Owned, but for the constants; in order of their options. */
struct words {
	char *out, *live, *members, *file, start[32], parent[16];
};

static void cleanup_words(struct words *w)
{
	free(w->out);
	free(w->live);
	free(w->members);
	free(w->file);
}

static int words__make(struct words *w, const struct child_spec *s, const struct child *c)
{
	char name[40];

	snprintf(name, sizeof(name), "segment-%u", s->segment);
	snprintf(w->start, sizeof(w->start), "%" PRId64, s->start_at_ns);
	snprintf(w->parent, sizeof(w->parent), "%d", getpid());
	w->out = run_folder__path(s->folder, name);
	w->live = run_folder__path(s->folder, c->live);
	w->members = run_folder__path(s->folder, "members.json");
	w->file = run_folder__path(s->folder, "experiment.yaml");
	return w->out && w->live && w->members && w->file ? 0 : -ENOMEM;
}

static void note_pid(const struct child *c)
{
	char text[64];

	snprintf(text, sizeof(text), "%d %llu\n", c->pid, start_of(c->pid));
	run_folder__write(c->folder, "pid", text, strlen(text), NULL);
}

int child__start(const struct child_spec *s, struct child **ret, struct error *err)
{
	_cleanup_(cleanup_words) struct words w = {0};
	_cleanup_free_ char *log_path = NULL;
	_cleanup_close_ int log = -1;
	struct child *c = calloc(1, sizeof(*c));
	pid_t agent = getpid();

	if (!c)
		return err__set(err, -ENOMEM, "no memory");
	c->pidfd = -1;
	c->folder = strdup(s->folder);
	snprintf(c->live, sizeof(c->live), "segment-%u.json", s->segment);
	snprintf(c->log, sizeof(c->log), "segment-%u.log", s->segment);
	log_path = run_folder__path(s->folder, c->log);
	if (!c->folder || !log_path || words__make(&w, s, c) < 0) {
		child__free(c);
		return err__set(err, -ENOMEM, "no memory");
	}
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log >= 0) {
		char *const argv[] = {(char *)"chaos",
				      (char *)"run",
				      (char *)"--out",
				      w.out,
				      (char *)"--start-at",
				      w.start,
				      (char *)"--members",
				      w.members,
				      (char *)"--live",
				      w.live,
				      (char *)"--node",
				      (char *)s->node,
				      (char *)"--no-report",
				      (char *)"--with-parent",
				      w.parent,
				      w.file,
				      NULL};

		c->pid = fork();
		if (c->pid == 0)
			run_child(s->exe, argv, log, agent);
		if (c->pid > 0)
			c->pidfd = pidfd_open(c->pid);
	}
	if (log < 0 || c->pid < 0 || c->pidfd < 0) {
		int r = -errno;

		child__free(c);
		return err__set(err, r, "%s: %s", log_path, strerror(-r));
	}
	note_pid(c);
	*ret = c;
	return 0;
}

int child__fd(const struct child *c)
{
	return c->pidfd;
}

void child__end(struct child *c, bool now)
{
	if (!c->ended)
		kill(c->pid, now ? SIGKILL : SIGTERM);
}

bool child__ended(struct child *c, int *ret_status)
{
	if (!c->ended && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
	if (c->ended)
		*ret_status = c->status;
	return c->ended;
}

json_t *child__live(struct child *c)
{
	_cleanup_free_ char *path = run_folder__path(c->folder, c->live);
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return NULL;
	if (st.st_ino == c->last.st_ino && st.st_size == c->last.st_size &&
	    st.st_mtim.tv_sec == c->last.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == c->last.st_mtim.tv_nsec)
		return NULL;
	c->last = st;
	return run_folder__read_json(c->folder, c->live);
}

const char *child__last_words(const struct child *c, char *buf, size_t size)
{
	_cleanup_free_ char *path = run_folder__path(c->folder, c->log);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t n;
	char *s;

	buf[0] = '\0';
	if (end <= 0)
		return buf;
	n = pread(fd, buf, size - 1, end > (off_t)size - 1 ? end - (off_t)size + 1 : 0);
	if (n < 0)
		n = 0;
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	buf[n] = '\0';
	/* Whole lines, as far as there are any. */
	s = end > (off_t)size - 1 ? strchr(buf, '\n') : NULL;
	if (s)
		memmove(buf, s + 1, strlen(s + 1) + 1);
	/* It goes into JSON, which is UTF-8; a message is printable. */
	for (s = buf; *s; s++)
		if ((unsigned char)*s >= 0x7f || ((unsigned char)*s < ' ' && *s != '\n'))
			*s = '?';
	return buf;
}

void child__free(struct child *c)
{
	if (!c)
		return;
	if (c->pid > 0 && !c->ended) {
		kill(c->pid, SIGKILL);
		while (waitpid(c->pid, &c->status, 0) < 0 && errno == EINTR)
			;
	}
	safe_close(c->pidfd);
	free(c->folder);
	free(c);
}

bool child__end_left_over(const char *folder, bool now)
{
	_cleanup_free_ char *path = run_folder__path(folder, "pid");
	_cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
	unsigned long long start;
	_cleanup_close_ int fd = -1;
	pid_t pid;

	if (!f || fscanf(f, "%d %llu", &pid, &start) != 2 || pid <= 1)
		return false;
	/* The descriptor holds the pid; then whose it is can be asked without a race. */
	fd = pidfd_open(pid);
	if (fd < 0 || start_of(pid) != start)
		return false;
	if (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 0) > 0)
		return false;
	syscall(SYS_pidfd_send_signal, fd, now ? SIGKILL : SIGTERM, NULL, 0);
	return true;
}
