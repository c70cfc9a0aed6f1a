// SPDX-License-Identifier: GPL-2.0-only
/*
 * owner_files.c: whose sockets are whose on kernels that do not let a BPF program look at files (before Linux
 * 5.11): each descriptor of the owners' processes, taken over for a moment (pidfd_getfd()), is the key of its
 * socket's storage. That costs ten times what it costs to read the socket's number, so it is done once for each
 * socket and holder.
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

struct look {
	const struct owner_maps *maps;
	uint32_t number;
	const struct intern *before; /* struct settled, as the look before has left it */
	struct intern now;
	struct intern seen; /* uint64_t: sockets that a process with a less pid holds */
};

/* Its storage says so already. */
struct settled {
	uint64_t socket, tgid;
};

static void look__reset(struct look *l)
{
	intern__reset(&l->now);
	intern__reset(&l->seen);
}

/* The socket's inode. */
static bool is_socket(int dir, const char *name, uint64_t *ret)
{
	char target[64], end;
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	unsigned long long ino;

	target[n > 0 ? n : 0] = 0;
	if (sscanf(target, "socket:[%llu%c", &ino, &end) != 2 || end != ']')
		return false;
	*ret = ino;
	return true;
}

static int settle(const struct look *l, int fd, const struct holder *by)
{
	struct chaos_socket s = {.tgid = by->tgid, .scan = l->number};
	socklen_t len = sizeof(int);
	int domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return -errno;
	if (domain != AF_INET && domain != AF_INET6)
		return 0;
	return bpf_map_update_elem(l->maps->sockets, &fd, &s, BPF_ANY);
}

/* Processes come by ascending pid: the first that has the socket keeps it. */
static int look__at(struct look *l, const struct holder *by, int pid_fd, int target, uint64_t ino)
{
	const struct settled key = {.socket = ino, .tgid = by->tgid};
	_cleanup_close_ int fd = -1;
	size_t had = l->seen.n;
	uint32_t id;
	int r = intern__put(&l->seen, &ino, sizeof(ino), &id);

	if (r || id < had)
		return r;
	if (intern__find(l->before, &key, sizeof(key), &id) < 0) {
		fd = (int)syscall(SYS_pidfd_getfd, pid_fd, target, 0);
		r = fd < 0 ? -errno : settle(l, fd, by);
	}
	return r ? r : intern__put(&l->now, &key, sizeof(key), &id);
}

static int look__at_all(struct look *l, const struct holder *by)
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
		uint64_t ino;
		int failed;

		if (!is_socket(dirfd(dir), e->d_name, &ino))
			continue;
		failed = look__at(l, by, pid_fd, atoi(e->d_name), ino);
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

int owner_files__look(const struct owner_maps *maps, struct intern *settled, uint32_t number,
		      struct error *err)
{
	_cleanup_(look__reset) struct look l = {.maps = maps, .number = number, .before = settled};
	_cleanup_free_ struct holder *v = NULL;
	uint32_t bad = 0;
	size_t n = 0;
	int r = read_holders(maps->processes, &v, &n);

	if (r)
		return err__set(err, r, "cannot read the table of processes: %s", strerror(-r));
	for (size_t i = 0; i < n; i++) {
		int failed = look__at_all(&l, &v[i]);

		/* It has ended, or is about to. */
		if (!failed || failed == -ESRCH || failed == -ENOENT || r)
			continue;
		r = failed;
		bad = v[i].tgid;
	}
	intern__reset(settled);
	*settled = l.now;
	l.now = (struct intern){0};
	if (r == -EPERM || r == -EACCES)
		return err__set(err, r, "may not look at the sockets of process %u: CAP_SYS_PTRACE",
				bad);
	return r ? err__set(err, r, "cannot look at the sockets of process %u: %s", bad,
			    strerror(-r))
		 : 0;
}
