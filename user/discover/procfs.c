// SPDX-License-Identifier: GPL-2.0-only
/*
 * procfs.c: the processes. A process is read through a descriptor of its directory: once it has
 * ended, reads fail, also when its pid has gone to another.
 */
#include "discover/internal.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_STAT = 4096, MAX_ARGV = 16 * 1024, MAX_STATUS = 64 * 1024, MAX_CGROUP = 256 * 1024 };

/* From linux/sched.h, field 9 of /proc/PID/stat. */
#define PF_KTHREAD 0x00200000u

/* Fields behind the name, which may itself hold blanks and parentheses: the last ')' ends it. */
int procfs__parse_stat(const char *stat, struct discover_process *p)
{
	const char *end = strrchr(stat, ')');
	unsigned long long start;
	unsigned int flags;
	int ppid;
	char state;

	if (!end || sscanf(end + 1,
			   " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			   "%*d %*d %llu",
			   &state, &ppid, &flags, &start) != 4)
		return -EBADMSG;
	/* What has ended and waits for its parent has no namespace and no files any more. */
	if (state == 'Z' || state == 'X' || state == 'x')
		return -ESRCH;
	p->ppid = ppid;
	p->kernel = flags & PF_KTHREAD;
	p->start = start;
	return 0;
}

static int read_stat(int dir, struct discover_process *p)
{
	_cleanup_free_ char *buf = NULL;
	size_t n;
	int r = read__file(dir, "stat", MAX_STAT, false, &buf, &n);

	return r ? r : procfs__parse_stat(buf, p);
}

static int read_comm(int dir, struct discover_process *p)
{
	_cleanup_free_ char *buf = NULL;
	size_t n;
	int r = read__file(dir, "comm", DISCOVER_COMM - 1, true, &buf, &n);

	if (r)
		return r;
	/* The kernel's newline; one before it is the process's own. */
	if (n && buf[n - 1] == '\n')
		buf[--n] = 0;
	snprintf(p->comm, sizeof(p->comm), "%s", buf);
	return 0;
}

int procfs__parse_uid(const char *status, uid_t *ret)
{
	/* Name comes before it, with its newlines escaped. */
	const char *at = strstr(status, "\nUid:\t");
	unsigned int uid;

	if (!at || sscanf(at + 6, "%*u %u", &uid) != 1)
		return -EBADMSG;
	*ret = uid;
	return 0;
}

int procfs__parse_tgid(const char *status, pid_t *ret)
{
	const char *at = strstr(status, "\nTgid:\t");

	return at && sscanf(at + 7, "%d", ret) == 1 ? 0 : -EBADMSG;
}

static int read_uid(int dir, struct discover_process *p)
{
	_cleanup_free_ char *buf = NULL;
	size_t n;
	int r = read__file(dir, "status", MAX_STATUS, true, &buf, &n);

	return r ? r : procfs__parse_uid(buf, &p->uid);
}

static int read_argv(struct taking *t, int dir, struct discover_process *p)
{
	_cleanup_free_ char *buf = NULL;
	size_t n;
	int r = read__file(dir, "cmdline", MAX_ARGV, true, &buf, &n);

	if (r)
		return r;
	while (n && !buf[n - 1])
		n--;
	p->argv = arena__bytes(t->s->arena, buf, n);
	p->argv_len = n;
	return p->argv ? 0 : -ENOMEM;
}

static int read_exe(struct taking *t, int dir, struct discover_process *p)
{
	static const char deleted[] = " (deleted)";
	char buf[PATH_MAX];
	size_t tail = strlen(deleted);
	ssize_t n = read__link(dir, "exe", buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	if ((size_t)n > tail && strcmp(buf + n - tail, deleted) == 0)
		buf[(size_t)n - tail] = 0;
	p->exe = taking__intern(t, buf);
	return p->exe ? 0 : -ENOMEM;
}

static int read_netns(struct taking *t, int dir, struct discover_process *p)
{
	struct discover_netns *v;
	unsigned long ino;
	uint32_t i;
	char buf[64], end;
	ssize_t n = read__link(dir, "ns/net", buf, sizeof(buf));

	if (n < 0)
		return (int)n;
	if (sscanf(buf, "net:[%lu%c", &ino, &end) != 2 || end != ']')
		return -EBADMSG;
	i = table__get(&t->netns, ino);
	if (i == TABLE_NONE) {
		v = array__grow(t->s->netns, t->s->n_netns, sizeof(*v));
		if (!v)
			return -ENOMEM;
		t->s->netns = v;
		i = (uint32_t)t->s->n_netns;
		v[i] = (struct discover_netns){.id = {.dev = t->nsfs, .ino = ino}};
		if (table__put(&t->netns, ino, i) < 0)
			return -ENOMEM;
		t->s->n_netns++;
	}
	v = &t->s->netns[i];
	v->n_processes++;
	v->host |= p->kernel;
	p->netns = i;
	return 0;
}

static char *path_of(char *line)
{
	static const char deleted[] = " (deleted)";
	char *path = strchr(line, ':');
	size_t n;

	path = path ? strchr(path + 1, ':') : NULL;
	if (!path || path[1] != '/')
		return NULL;
	path++;
	n = strlen(path);
	if (n > strlen(deleted) && strcmp(path + n - strlen(deleted), deleted) == 0)
		path[n - strlen(deleted)] = 0;
	return path;
}

/*
 * Lines ID:CONTROLLERS:PATH; v2 is ID 0. Of the v1 paths systemd's says most, where there is one
 * below the root; without it the longest does.
 */
int procfs__parse_cgroup(char *text, const char **ret_v2, const char **ret_v1)
{
	char *line, *v2 = NULL, *v1 = NULL;
	bool by_systemd = false;

	while ((line = strsep(&text, "\n"))) {
		bool systemd = strstr(line, ":name=systemd:") != NULL;
		bool unified = strncmp(line, "0::", 3) == 0;
		char *path = path_of(line);

		if (!path)
			continue;
		if (unified) {
			v2 = path;
		} else if (systemd && path[1]) {
			v1 = path;
			by_systemd = true;
		} else if (!by_systemd && (!v1 || strlen(path) > strlen(v1))) {
			v1 = path;
		}
	}
	if (!v2 && !v1)
		return -EBADMSG;
	*ret_v2 = v2;
	*ret_v1 = v1;
	return 0;
}

static int read_cgroup(struct taking *t, int dir, struct discover_process *p)
{
	_cleanup_free_ char *buf = NULL;
	const char *v2, *v1;
	size_t n;
	int r = read__file(dir, "cgroup", MAX_CGROUP, false, &buf, &n);

	if (!r)
		r = procfs__parse_cgroup(buf, &v2, &v1);
	if (r)
		return r;
	p->cgroup = taking__cgroup(t, v2, v1);
	return p->cgroup == DISCOVER_NONE ? -ENOMEM : 0;
}

static int user_name(struct taking *t, struct discover_process *p)
{
	uint32_t i = table__get(&t->users, p->uid);
	char number[16];

	if (i == TABLE_NONE) {
		snprintf(number, sizeof(number), "%u", p->uid);
		p->user = taking__intern(t, number);
	} else {
		p->user = t->string_v[i];
	}
	return p->user ? 0 : -ENOMEM;
}

/* All that can be had of one process. Without its stat it is none; anything else may be missing. */
static int read_process(struct taking *t, int dir, struct discover_process *p)
{
	struct discover_skipped *skipped = &t->s->skipped;
	int first = 0, r;

	r = read_stat(dir, p);
	if (r)
		return r;
	if ((r = read_comm(dir, p)) || (r = read_uid(dir, p)))
		return r;
	if ((r = read_argv(t, dir, p)) && !first)
		first = r;
	/* A kernel thread has no program to point to: ENOENT. */
	if ((r = read_exe(t, dir, p)) && !first && !(r == -ENOENT && !p->argv_len))
		first = r;
	if ((r = read_netns(t, dir, p)) && !first)
		first = r;
	if ((r = read_cgroup(t, dir, p)) && !first)
		first = r;
	if ((r = user_name(t, p)) && !first)
		first = r;
	if (first == -ENOMEM)
		return first;
	if (first == -ESRCH)
		return first;
	if (first)
		skipped__count(skipped, first);
	return 0;
}

static int add_process(struct taking *t, const char *name)
{
	struct discover_process p = {
		.exe = "", .argv = "", .netns = DISCOVER_NONE, .cgroup = DISCOVER_NONE};
	struct discover_process *v;
	_cleanup_close_ int dir = -1;
	uint64_t pid;
	int r;

	if (!read__number(name, INT_MAX, &pid) || !pid)
		return 0;
	p.pid = (pid_t)pid;
	dir = openat(t->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? -errno : read_process(t, dir, &p);
	if (r == -ENOMEM)
		return r;
	if (r) {
		skipped__count(&t->s->skipped, r);
		return 0;
	}
	v = array__grow(t->s->processes, t->s->n_processes, sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->s->processes = v;
	v[t->s->n_processes++] = p;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct discover_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

int procfs__read(struct taking *t)
{
	_cleanup_closedir_ DIR *d = NULL;
	_cleanup_close_ int fd = openat(t->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return -errno;
	fd = -1; /* the stream's now */
	while ((e = readdir(d))) {
		int r = add_process(t, e->d_name);

		if (r)
			return r;
	}
	if (t->s->n_processes)
		qsort(t->s->processes, t->s->n_processes, sizeof(*t->s->processes), by_pid);
	return 0;
}
