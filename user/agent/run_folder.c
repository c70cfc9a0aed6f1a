// SPDX-License-Identifier: GPL-2.0-only
/* run_folder.c: the folder of a run on this node. */
#include "agent/child.h"

#include "lib/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX = 16 * 1024 * 1024 };

char *run_folder__path(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

int run_folder__make(const char *dir, const char *uid, char **ret, struct error *err)
{
	_cleanup_free_ char *path = NULL;

	if (!*uid || strchr(uid, '/') || !strcmp(uid, ".") || !strcmp(uid, "..") ||
	    strlen(uid) > 100)
		return err__set(err, -EINVAL, "metadata.uid `%.40s` is no UID", uid);
	path = run_folder__path(dir, uid);
	if (!path)
		return err__set(err, -ENOMEM, "no memory");
	if ((mkdir(dir, 0700) < 0 && errno != EEXIST) || (mkdir(path, 0700) < 0 && errno != EEXIST))
		return err__set(err, -errno, "%s: %s", path, strerror(errno));
	*ret = TAKE_PTR(path);
	return 0;
}

static int write_whole(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

int run_folder__write(const char *folder, const char *name, const char *text, size_t len,
		      struct error *err)
{
	_cleanup_free_ char *path = run_folder__path(folder, name), *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (!path || asprintf(&temporary, "%s/.%s.new", folder, name) < 0)
		return err__set(err, -ENOMEM, "no memory");
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_whole(fd, text, len);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	return r ? err__set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int run_folder__write_json(const char *folder, const char *name, const json_t *j, struct error *err)
{
	_cleanup_free_ char *text = json_dumps(j, JSON_COMPACT);

	if (!text)
		return err__set(err, -ENOMEM, "no memory");
	return run_folder__write(folder, name, text, strlen(text), err);
}

json_t *run_folder__read_json(const char *folder, const char *name)
{
	_cleanup_free_ char *path = run_folder__path(folder, name);
	_cleanup_fclose_ FILE *f = path ? fopen(path, "re") : NULL;
	struct stat st;

	if (!f || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return NULL;
	return json_loadf(f, 0, NULL);
}

unsigned int run_folder__segments(const char *folder)
{
	DIR *d = opendir(folder);
	unsigned int highest = 0;

	for (const struct dirent *e; d && (e = readdir(d));) {
		unsigned int n;
		int end = 0;

		if (sscanf(e->d_name, "segment-%9u%n", &n, &end) == 1 && !e->d_name[end] &&
		    n > highest)
			highest = n;
	}
	if (d)
		closedir(d);
	return highest;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	/* What cannot be removed stays; the folder above it then does, too. */
	(void)!remove(path);
	return 0;
}

void run_folder__remove(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
