// SPDX-License-Identifier: GPL-2.0-only
/* folder.c: the run folder: made once, never written over. */
#include "run/internal.h"

#include "lib/dist.h"
#include "lib/log.h"
#include "run/rules.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int mkdir_parents(const char *path)
{
	char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s", path);
	for (char *p = buf + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(buf, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

static int write_text(int dir_fd, const char *name, const char *text)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/*
 * The experiment names distribution files relative to itself; so that the one in the run folder can be run
 * again, they stand beside it there. One that cannot be read is the plan's to complain of.
 */
static int keep_table(const struct run *run, int dir_fd, const char *table)
{
	_cleanup_free_ char *from = rules__table_path(run->e->file, table);
	_cleanup_free_ char *text = calloc(1, DIST_FILE_MAX + 1);
	_cleanup_close_ int fd = from ? open(from, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	char to[PATH_MAX];
	int r;

	if (!from || !text)
		return -ENOMEM;
	if (*table == '/' || strstr(table, "..") || fd < 0 || read(fd, text, DIST_FILE_MAX) < 0)
		return 0;
	snprintf(to, sizeof(to), "%s/%s", run->dir, table);
	r = mkdir_parents(to);
	if (!r)
		r = write_text(dir_fd, table, text);
	return r == -EEXIST ? 0 : r;
}

static int keep_tables(const struct run *run, int dir_fd)
{
	int r = 0;

	for (size_t i = 0; i < run->e->n_faults && !r; i++)
		if (run->e->faults[i].delay.table_file)
			r = keep_table(run, dir_fd, run->e->faults[i].delay.table_file);
	return r;
}

/* The one that was asked for, or the first of chaos-runs/ID, chaos-runs/ID-2 ... that is not there yet. */
static int make_folder(struct run *run, char *path, size_t size)
{
	const char *out = run->opts->out;
	const size_t len = strlen(run->id);
	int r;

	for (int n = 2;; n++) {
		snprintf(path, size, "%s%s", out ? "" : "chaos-runs/", out ? out : run->id);
		r = mkdir_parents(path);
		if (!r && mkdir(path, 0755) < 0)
			r = -errno;
		if (r != -EEXIST || out || n > 1000)
			return r;
		/* another run of this name began within the same second */
		snprintf(run->id + len, sizeof(run->id) - len, "-%d", n);
	}
}

int folder__create(struct run *run, struct error *err)
{
	char path[PATH_MAX], stamp[32];
	_cleanup_close_ int dir_fd = -1;
	time_t now = time(NULL);
	struct tm tm;
	int r;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	snprintf(run->id, sizeof(run->id), "%.100s-%s", run->e->name, stamp);
	if (run->opts->no_folder)
		return 0;
	r = make_folder(run, path, sizeof(path));
	if (r == -EEXIST)
		return err__set(err, -EINVAL,
				"run folder `%s` exists already; a record is never written over: "
				"choose another with --out, or move it away",
				path);
	if (r)
		return err__set(err, r, "cannot make the run folder `%s`: %s", path, strerror(-r));
	run->dir = realpath(path, NULL);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!run->dir || dir_fd < 0)
		return err__set(err, -errno, "cannot open the run folder `%s`: %s", path,
				strerror(errno));
	r = write_text(dir_fd, "experiment.yaml", run->e->resolved);
	if (!r)
		r = keep_tables(run, dir_fd);
	if (r)
		return err__set(err, r, "cannot write into the run folder `%s`: %s", path,
				strerror(-r));
	run->log_fd = openat(dir_fd, "chaos.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	log__set_file(run->log_fd);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void folder__remove(struct run *run)
{
	if (!run->dir)
		return;
	log__set_file(-1);
	nftw(run->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(TAKE_PTR(run->dir));
}
