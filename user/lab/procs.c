// SPDX-License-Identifier: GPL-2.0-only
#include "lab/procs.h"

#include "lab/spawn.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static bool ns_of(int proc, pid_t pid, const char *kind, struct netns_id *ret)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%d/ns/%s", pid, kind);
	if (fstatat(proc, path, &st, 0))
		return false;
	*ret = (struct netns_id){.dev = st.st_dev, .ino = st.st_ino};
	return true;
}

static bool same_id(const struct netns_id *a, const struct netns_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

/* Pid 1 in its own pid namespace: the last number of the line NSpid. */
static bool is_init(int proc, pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[512];
	int fd;

	snprintf(path, sizeof(path), "%d/status", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		safe_close(fd);
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, "NSpid:", 6))
			return last && !strcmp(last, "\t1\n");
	}
	return false;
}

static void look_at(int proc, pid_t pid, const struct netns_id *pidns,
		    void (*fn)(pid_t pid, int pidfd, const struct netns_id *netns, void *arg),
		    void *arg)
{
	_cleanup_close_ int pidfd = -1;
	struct netns_id id;

	if (!ns_of(proc, pid, "pid", &id) || !same_id(&id, pidns))
		return;
	/* What is read after the pidfd was opened and before a signal to it is about that process. */
	pidfd = pidfd__open(pid);
	if (pidfd < 0 || !ns_of(proc, pid, "pid", &id) || !same_id(&id, pidns) ||
	    is_init(proc, pid) || !ns_of(proc, pid, "net", &id))
		return;
	fn(pid, pidfd, &id, arg);
}

int procs__each(int pidns,
		void (*fn)(pid_t pid, int pidfd, const struct netns_id *netns, void *arg),
		void *arg)
{
	_cleanup_(cleanup_closedir) DIR *dir = opendir("/proc");
	const struct dirent *d;
	struct netns_id id;
	int r;

	if (!dir)
		return -errno;
	r = netns__id(pidns, &id);
	if (r)
		return r;
	while ((d = readdir(dir)))
		if (isdigit((unsigned char)d->d_name[0]))
			look_at(dirfd(dir), (pid_t)strtol(d->d_name, NULL, 10), &id, fn, arg);
	return 0;
}

struct killing {
	const struct netns_id *netns;
	int sig;
	pid_t *seen;
	size_t n_seen, n_new;
	int error;
};

static void kill_one(pid_t pid, int pidfd, const struct netns_id *netns, void *arg)
{
	struct killing *k = arg;
	pid_t *seen;

	if (!same_id(netns, k->netns))
		return;
	for (size_t i = 0; i < k->n_seen; i++)
		if (k->seen[i] == pid)
			return;
	seen = realloc(k->seen, (k->n_seen + 1) * sizeof(*seen));
	if (!seen) {
		k->error = -ENOMEM;
		return;
	}
	k->seen = seen;
	if (pidfd__kill(pidfd, k->sig))
		return;
	seen[k->n_seen++] = pid;
	k->n_new++;
}

int procs__kill(int pidns, const struct netns_id *netns, int sig)
{
	struct killing k = {.netns = netns, .sig = sig};
	/* A child of one that was just killed may be younger than our look at /proc. */
	int rounds = sig == SIGKILL || sig == SIGSTOP ? 10 : 1, r = 0;

	do {
		k.n_new = 0;
		r = procs__each(pidns, kill_one, &k);
	} while (!r && !k.error && k.n_new && --rounds);
	free(k.seen);
	return r ? r : k.error ? k.error : (int)k.n_seen;
}
