// SPDX-License-Identifier: GPL-2.0-only
/*
 * state_dir.c: where runs are listed. Root's folder is in /run, where only root makes any. Other users' are in /tmp,
 * the one place that every user can write to and root can look into, and are named by uid. What a user has there is
 * that user's to change at any moment, so for root it is hostile: every step is taken from the folder above, by a
 * single name, and judged by what was opened.
 */
#include "run/state_internal.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

struct place {
	const char *above;
	char name[32];
};

static struct place place_of(uid_t uid)
{
	struct place p = {.above = uid ? STATE_ABOVE_USERS : STATE_ABOVE_ROOT};

	if (uid)
		snprintf(p.name, sizeof(p.name), STATE_NAME "-%u", (unsigned int)uid);
	else
		snprintf(p.name, sizeof(p.name), STATE_NAME);
	return p;
}

/* Where several users write, none can take away another's. */
static int open_above(const struct place *p)
{
	_cleanup_close_ int fd = open(p->above, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return -EPERM;
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		return -EPERM;
	return TAKE_FD(fd);
}

/* @uid 0: root alone mounts things there. A file system of a user's own (FUSE) may hang who looks into it. */
static int open_one(int dir, uid_t uid, const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH |
					  (uid ? RESOLVE_NO_XDEV : 0)};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* @fd if it is @uid's, of this type, and nobody else writes it; takes it. */
static int judge(int fd, uid_t uid, mode_t type)
{
	_cleanup_close_ int own = fd;
	struct stat st;

	if (own < 0)
		return own;
	if (fstat(own, &st) < 0)
		return -errno;
	if (st.st_uid != uid || (st.st_mode & S_IFMT) != type)
		return -EPERM;
	/* A socket's mode is as the umask has it; its folder keeps others out. */
	if (type != S_IFSOCK && (st.st_mode & 022))
		return -EPERM;
	return TAKE_FD(own);
}

int state_dir__open(uid_t uid)
{
	const struct place p = place_of(uid);
	_cleanup_close_ int above = open_above(&p);

	if (above < 0)
		return above;
	return judge(open_one(above, uid, p.name, O_RDONLY | O_DIRECTORY), uid, S_IFDIR);
}

int state_dir__make(void)
{
	const struct place p = place_of(geteuid());
	_cleanup_close_ int above = open_above(&p);

	if (above < 0)
		return above;
	if (mkdirat(above, p.name, 0700) < 0 && errno != EEXIST)
		return -errno;
	return state_dir__open(geteuid());
}

int state_dir__open_run(int dir, uid_t uid, const char *id)
{
	return judge(open_one(dir, uid, id, O_RDONLY | O_DIRECTORY), uid, S_IFDIR);
}

int state_dir__open_file(int run, uid_t uid, const char *name, mode_t type)
{
	/* O_NONBLOCK: a fifo of that name must not hang us. */
	return judge(open_one(run, uid, name, type == S_IFSOCK ? O_PATH : O_RDONLY | O_NONBLOCK),
		     uid, type);
}

void state_dir__drop_empty(uid_t uid)
{
	const struct place p = place_of(uid);
	_cleanup_close_ int above = open_above(&p);

	if (above >= 0)
		unlinkat(above, p.name, AT_REMOVEDIR);
}

char *state__dir(uid_t uid, char *buf, size_t size)
{
	const struct place p = place_of(uid);

	snprintf(buf, size, "%s/%s", p.above, p.name);
	return buf;
}
