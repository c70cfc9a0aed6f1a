// SPDX-License-Identifier: GPL-2.0-only
#include "run/put.h"

#include "lib/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

int put__json(int dir_fd, const char *name, mode_t mode, const json_t *j)
{
	_cleanup_close_ int fd = -1;
	char fresh[NAME_MAX + 1];

	if (snprintf(fresh, sizeof(fresh), "%s" PUT_NEW, name) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	fd = openat(dir_fd, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	if (json_dumpfd(j, fd, JSON_COMPACT) < 0)
		return -EIO;
	return renameat(dir_fd, fresh, dir_fd, name) < 0 ? -errno : 0;
}
