// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/cgroup_root.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>

/* The root alone has no events of its own: whether there are processes below it is no question. */
static bool is_root(int fd)
{
	return faccessat(fd, "cgroup.procs", F_OK, 0) == 0 &&
	       faccessat(fd, "cgroup.events", F_OK, 0) < 0 && errno == ENOENT;
}

/* mountinfo writes blank, tab, newline and backslash as three octal digits. In place. */
static void unescape(char *s)
{
	char *to = s;
	unsigned int c;

	for (; *s; s++) {
		if (sscanf(s, "\\%3o", &c) == 1 && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

/* proc(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE SUPER. */
static char *cgroup2_point(char *line)
{
	char *type = strstr(line, " - "), *point = NULL;

	if (!type || strncmp(type + 3, "cgroup2 ", 8) != 0)
		return NULL;
	for (int i = 0; i < 5; i++)
		point = strsep(&line, " ");
	if (point)
		unescape(point);
	return point;
}

/* -ENOENT: not mounted here. */
static int open_mounted(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		const char *point = cgroup2_point(line);
		int fd = point ? open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

		if (fd >= 0 && is_root(fd))
			return fd;
		safe_close(fd);
	}
	return -ENOENT;
}

/* glibc has these from 2.36 on. */
static int mount_detached(void)
{
	_cleanup_close_ int fs = (int)syscall(SYS_fsopen, "cgroup2", FSOPEN_CLOEXEC);
	_cleanup_close_ int mount = -1;
	int fd;

	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
			     MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (mount < 0)
		return -errno;
	fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A cgroup namespace shows the hierarchy from its own root down; that of the first process shows all of it. */
static int mount_as_first(void)
{
	_cleanup_close_ int own = open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int first = open("/proc/1/ns/cgroup", O_RDONLY | O_CLOEXEC);
	int fd;

	if (own < 0 || first < 0 || setns(first, CLONE_NEWCGROUP) < 0)
		return -errno;
	fd = mount_detached();
	/* It was ours a moment ago, by the same right. */
	if (setns(own, CLONE_NEWCGROUP) < 0) {
		int r = -errno;

		safe_close(fd);
		return r;
	}
	return fd;
}

int cgroup_root__open(struct error *err)
{
	int fd = open_mounted();

	if (fd >= 0)
		return fd;
	fd = mount_as_first();
	if (fd < 0)
		return err__set(err, fd,
				"cannot open the root of the cgroup hierarchy, which is not "
				"mounted here: %s",
				strerror(-fd));
	if (!is_root(fd)) {
		safe_close(fd);
		return err__set(
			err, -EOPNOTSUPP,
			"the cgroup hierarchy is to be seen only in part here: run in the host's "
			"pid and cgroup namespaces");
	}
	return fd;
}
