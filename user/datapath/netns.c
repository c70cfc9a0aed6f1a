// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/netns.h"

#include "lib/cleanup.h"
#include "lib/nearest.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define NETNS_DIR "/run/netns"

static void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* -ENOENT with the names that there are, or the one that was probably meant. */
static int no_such_name(const char *name, struct error *err)
{
	_cleanup_(cleanup_closedir) DIR *d = opendir(NETNS_DIR);
	char *names[1024];
	const char *near;
	size_t n = 0;
	int r;

	for (struct dirent *e; d && n < ARRAY_SIZE(names) && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		names[n] = strdup(e->d_name);
		n += names[n] != NULL;
	}
	near = nearest__word(name, (const char *const *)names, n);
	if (near)
		r = err__set(err, -ENOENT, "no network namespace `%s`; did you mean `%s`?", name,
			     near);
	else if (!n)
		r = err__set(err, -ENOENT,
			     "no network namespace `%s`: " NETNS_DIR " names none at all", name);
	else
		r = err__set(err, -ENOENT,
			     "no network namespace `%s`; `chaos targets` lists those there are",
			     name);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	return r;
}

static bool is_pid(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 10 && !s[n];
}

static bool is_netns(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC &&
	       ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int netns__open(const char *name, struct error *err)
{
	_cleanup_free_ char *path = NULL;
	bool pid = is_pid(name);
	_cleanup_close_ int fd = -1;
	int r;

	if (!*name)
		return err__set(err, -EINVAL, "a network namespace needs a name");
	if (pid)
		r = asprintf(&path, "/proc/%s/ns/net", name);
	else
		r = asprintf(&path, "%s%s", strchr(name, '/') ? "" : NETNS_DIR "/", name);
	if (r < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	/* O_NONBLOCK: a fifo of that name must not hang us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		r = -errno;
		if (pid && r == -ENOENT)
			return err__set(err, -ESRCH, "no process %s", name);
		if (r == -ENOENT && !strchr(name, '/'))
			return no_such_name(name, err);
		return err__set(err, r, "network namespace `%s`: %s%s", name, strerror(-r),
				pid && r == -EACCES
					? " (a process of another user: needs CAP_SYS_PTRACE)"
					: "");
	}
	if (!is_netns(fd))
		return err__set(err, -EINVAL, "`%s` is not a network namespace", name);
	return TAKE_FD(fd);
}

int netns__open_self(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netns__id(int fd, struct netns_id *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct netns_id){.dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

bool netns__same(int fd_a, int fd_b)
{
	struct netns_id a = {0}, b = {0};

	return netns__id(fd_a, &a) == 0 && netns__id(fd_b, &b) == 0 && a.dev == b.dev &&
	       a.ino == b.ino;
}

int netns__enter(int fd, int *ret_old)
{
	int old = netns__open_self();

	if (old < 0)
		return old;
	/* setns(2) asks for CAP_SYS_ADMIN even where it changes nothing. */
	if (netns__same(fd, old)) {
		*ret_old = safe_close(old);
		return 0;
	}
	if (setns(fd, CLONE_NEWNET) < 0) {
		int r = -errno;

		safe_close(old);
		return r;
	}
	*ret_old = old;
	return 0;
}

void netns__leave(int *old)
{
	int saved = errno;

	if (!old || *old < 0)
		return;
	/* We held it open and were in it a moment ago: this cannot fail, and going on in the wrong
	 * namespace would be worse than ending. */
	if (setns(*old, CLONE_NEWNET) < 0)
		abort();
	*old = safe_close(*old);
	errno = saved;
}
