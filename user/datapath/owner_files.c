// SPDX-License-Identifier: GPL-2.0-only
/*
 * owner_files.c: whose sockets are whose on kernels that do not let a BPF program look at files (before Linux
 * 5.11): each descriptor of the owners' processes, taken over for a moment (pidfd_getfd()), is the key of its
 * socket's storage.
 */
#include "datapath/owners_internal.h"

#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

struct holder {
	uint32_t tgid, owner;
};

static void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int by_tgid(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	return (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

static bool is_socket(int dir, const char *name)
{
	char target[32];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	target[n > 0 ? n : 0] = 0;
	return strncmp(target, "socket:[", 8) == 0;
}

/* The processes come by ascending pid: the first that has the socket in this look keeps it. */
static int settle(const struct owner_maps *maps, int fd, const struct holder *by, uint32_t look)
{
	struct chaos_socket s = {0};
	socklen_t len = sizeof(int);
	int domain, r;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return -errno;
	if (domain != AF_INET && domain != AF_INET6)
		return 0;
	r = bpf_map_lookup_elem(maps->sockets, &fd, &s);
	if (r && r != -ENOENT)
		return r;
	if (!r && s.scan == look)
		return 0;
	if (r || s.tgid != by->tgid || s.owner != by->owner)
		s.epoch = 0;
	s.tgid = by->tgid;
	s.owner = by->owner;
	s.scan = look;
	return bpf_map_update_elem(maps->sockets, &fd, &s, BPF_ANY);
}

static int look_at(const struct owner_maps *maps, const struct holder *by, uint32_t look)
{
	_cleanup_close_ int pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)by->tgid, 0);
	_cleanup_(cleanup_dir) DIR *dir = NULL;
	const struct dirent *e;
	char path[32];
	int r = 0;

	if (pid_fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%u/fd", by->tgid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		_cleanup_close_ int fd = -1;
		int failed;

		if (e->d_name[0] == '.' || !is_socket(dirfd(dir), e->d_name))
			continue;
		fd = (int)syscall(SYS_pidfd_getfd, pid_fd, atoi(e->d_name), 0);
		failed = fd < 0 ? -errno : settle(maps, fd, by, look);
		/* Closed since, or the number is another file's now. */
		if (failed && failed != -EBADF && failed != -ENOTSOCK && !r)
			r = failed;
	}
	return r;
}

static int read_holders(int map_fd, struct holder **ret, size_t *ret_n)
{
	_cleanup_(owner_rows__reset) struct owner_rows rows = {0};
	const struct chaos_process *row;
	const uint32_t *key;
	struct holder *v;
	size_t n = 0;
	int r = owner_rows__read(map_fd, &rows);

	if (r)
		return r;
	v = calloc(rows.n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	key = rows.keys;
	row = rows.values;
	for (uint32_t i = 0; i < rows.n; i++)
		if (row[i].owner)
			v[n++] = (struct holder){.tgid = key[i], .owner = row[i].owner};
	qsort(v, n, sizeof(*v), by_tgid);
	*ret = v;
	*ret_n = n;
	return 0;
}

int owner_files__look(const struct owner_maps *maps, uint32_t look, struct error *err)
{
	_cleanup_free_ struct holder *v = NULL;
	uint32_t bad = 0;
	size_t n = 0;
	int r = read_holders(maps->processes, &v, &n);

	if (r)
		return err__set(err, r, "cannot read the table of processes: %s", strerror(-r));
	for (size_t i = 0; i < n; i++) {
		int failed = look_at(maps, &v[i], look);

		/* It has ended, or is about to. */
		if (!failed || failed == -ESRCH || failed == -ENOENT || r)
			continue;
		r = failed;
		bad = v[i].tgid;
	}
	if (r == -EPERM || r == -EACCES)
		return err__set(err, r, "may not look at the sockets of process %u: CAP_SYS_PTRACE",
				bad);
	return r ? err__set(err, r, "cannot look at the sockets of process %u: %s", bad,
			    strerror(-r))
		 : 0;
}
