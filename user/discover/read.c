// SPDX-License-Identifier: GPL-2.0-only
#include "discover/internal.h"

#include <fcntl.h>
#include <string.h>

int read__file(int dirfd, const char *path, size_t max, bool cut, char **ret, size_t *ret_len)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *buf = NULL;
	size_t n = 0, size = 0;

	/* O_NONBLOCK: a fifo of that name must not hang us. */
	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t r;

		if (n + 1 >= size) {
			char *bigger;

			size = size ? 2 * size : 4096;
			if (size > max + 2)
				size = max +
				       2; /* one more than may be, to see that it is too long */
			bigger = n + 1 < size ? realloc(buf, size) : NULL;
			if (!bigger)
				return -ENOMEM;
			buf = bigger;
		}
		r = read(fd, buf + n, size - 1 - n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		n += (size_t)r;
		if (!r || n > max)
			break;
	}
	if (n > max && !cut)
		return -EFBIG;
	if (n > max)
		n = max;
	buf[n] = 0;
	*ret = TAKE_PTR(buf);
	*ret_len = n;
	return 0;
}

ssize_t read__link(int dirfd, const char *path, char *buf, size_t size)
{
	ssize_t n = readlinkat(dirfd, path, buf, size - 1);

	if (n < 0)
		return -errno;
	if ((size_t)n == size - 1)
		return -ENAMETOOLONG;
	buf[n] = 0;
	return n;
}

bool read__number(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > UINT64_MAX / 10 - 1)
			return false;
		v = 10 * v + (uint64_t)(*s - '0');
	}
	if (v > max)
		return false;
	*ret = v;
	return true;
}

void skipped__count(struct discover_skipped *s, int r)
{
	if (r == -EACCES || r == -EPERM)
		s->denied++;
	else if (r == -ENOENT || r == -ESRCH)
		s->gone++;
	else
		s->malformed++;
}
