// SPDX-License-Identifier: GPL-2.0-only
/*
 * clear.c: filters that a killed controller left by the clsact mechanism.
 *
 * When a filter is ours: its handle is one of ours (tc.h), and the program that it holds is called
 * chaos_ingress or chaos_egress and uses maps called control, windows and pairs, or chaos_last and uses devices. When it is left
 * over: no process has that program open. A controller keeps its programs open as long as it lives,
 * the kernel closes them with it, and /proc/PID/fdinfo shows the program's number; so this needs no
 * record on disk that could be lost or lie. Whoever may remove filters can be expected to see all
 * processes; one in a container of its own does not, so only the host (or a container with the
 * host's PIDs) should clear.
 */
#include "datapath/dataplane.h"

#include "datapath/bpf_log.h"
#include "datapath/chaos_abi_user.h"
#include "datapath/intern.h"
#include "datapath/netns.h"
#include "datapath/tc.h"
#include "lib/cleanup.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <fcntl.h>
#include <string.h>

struct clear {
	struct intern seen;  /* namespaces done: dev, ino */
	struct intern alive; /* numbers of programs that some process has open */
	unsigned int removed;
	unsigned int unseen;	/* processes whose files we may not look at */
	unsigned int undecided; /* filters that one of these may hold */
	struct error *err;
	int first;
};

static void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* --- who is alive ----------------------------------------------------------------------------- */

static int note_program(struct clear *c, int proc_fd, const char *pid, const char *fd)
{
	char path[600], line[128];
	_cleanup_fclose_ FILE *f = NULL;
	uint32_t id, at;
	int file;

	snprintf(path, sizeof(path), "%s/fdinfo/%s", pid, fd);
	file = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	f = file < 0 ? NULL : fdopen(file, "r");
	if (!f) {
		safe_close(file);
		return 0;
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "prog_id: %u", &id) != 1)
			continue;
		if (intern__put(&c->alive, &id, sizeof(id), &at))
			return -ENOMEM;
	}
	return 0;
}

static int note_process(struct clear *c, int proc_fd, const char *pid)
{
	_cleanup_(cleanup_closedir) DIR *d = NULL;
	char path[300], link[64];
	bool by_link;
	int fd, r = 0;

	snprintf(path, sizeof(path), "%s/fd", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	by_link = fd >= 0;
	if (!by_link) {
		/* Another user's; this one CAP_SYS_PTRACE opens, since Linux 5.14. */
		snprintf(path, sizeof(path), "%s/fdinfo", pid);
		fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	c->unseen += fd < 0 && (errno == EACCES || errno == EPERM);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		safe_close(fd);
		return 0;
	}
	for (struct dirent *e; !r && (e = readdir(d));) {
		ssize_t n = by_link ? readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1) : 0;

		if (by_link && n <= 0)
			continue;
		link[n] = 0;
		if (is_number(e->d_name) && (!by_link || !strcmp(link, "anon_inode:bpf-prog")))
			r = note_program(c, proc_fd, pid, e->d_name);
	}
	return r;
}

/* --- one namespace ---------------------------------------------------------------------------- */

enum { MAPS_NEEDED_MAX = 3 };

static const struct {
	const char *program;
	const char *maps[MAPS_NEEDED_MAX];
} known[] = {
	{"chaos_ingress", {"control", "windows", "pairs"}},
	{"chaos_egress", {"control", "windows", "pairs"}},
	{"chaos_last", {"devices"}},
};

static bool has_map(const __u32 *ids, __u32 n, const char *name)
{
	for (__u32 i = 0; i < n; i++) {
		struct bpf_map_info info = {0};
		__u32 len = sizeof(info);
		_cleanup_close_ int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && !strcmp(info.name, name))
			return true;
	}
	return false;
}

static bool has_maps(const __u32 *ids, __u32 n, const char *const *names)
{
	for (size_t i = 0; i < MAPS_NEEDED_MAX && names[i]; i++)
		if (!has_map(ids, n, names[i]))
			return false;
	return true;
}

static bool program_is_ours(uint32_t prog_id)
{
	__u32 maps[64];
	struct bpf_prog_info info = {.nr_map_ids = ARRAY_SIZE(maps), .map_ids = (uintptr_t)maps};
	__u32 len = sizeof(info), n;
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	n = info.nr_map_ids < ARRAY_SIZE(maps) ? info.nr_map_ids : ARRAY_SIZE(maps);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(info.name, known[i].program))
			return has_maps(maps, n, known[i].maps);
	return false;
}

static bool is_left_over(struct clear *c, const struct tc_filter *f)
{
	uint32_t at;

	if (!f->prog_id || !tc_filter__handle_is_ours(f->handle) ||
	    intern__find(&c->alive, &f->prog_id, sizeof(f->prog_id), &at) != -ENOENT ||
	    !program_is_ours(f->prog_id))
		return false;
	c->undecided += c->unseen > 0;
	return !c->unseen;
}

static void note_failure(struct clear *c, int r, int ifindex)
{
	if (!c->first)
		c->first = err__set(c->err, r, "cannot remove a filter from device %d: %s", ifindex,
				    strerror(-r));
}

static void clear_device(struct clear *c, int ifindex)
{
	bool made = false, any = false;

	for (int d = CHAOS_INGRESS; d <= CHAOS_EGRESS; d++) {
		struct tc_filters f = {0};
		int r = tc__filters(ifindex, d, &f);

		for (size_t i = 0; i < f.n && !r; i++) {
			struct tc_place place = {f.v[i].prio, f.v[i].handle, f.v[i].prog_id};

			if (!is_left_over(c, &f.v[i]))
				continue;
			r = tc__detach(ifindex, d, &place);
			any = true;
			made |= (f.v[i].handle & TC_HANDLE_MADE) != 0;
			c->removed += r == 0;
		}
		tc_filters__reset(&f);
		if (r)
			note_failure(c, r, ifindex);
	}
	if (any && made)
		tc__drop_empty_clsact(ifindex);
}

static int clear_netns(struct clear *c, int netns_fd)
{
	_cleanup_free_ struct tc_clsact *v = NULL;
	_cleanup_(netns__leave) int old = -1;
	struct {
		uint64_t dev, ino;
	} key;
	struct netns_id id;
	size_t n = 0, had = c->seen.n;
	uint32_t at;
	int r = netns__id(netns_fd, &id);

	if (r)
		return 0;
	key.dev = id.dev;
	key.ino = id.ino;
	if (intern__put(&c->seen, &key, sizeof(key), &at))
		return -ENOMEM;
	if (at < had)
		return 0;
	r = netns__enter(netns_fd, &old);
	if (r)
		return r == -EPERM ? r : 0;
	if (tc__clsacts(&v, &n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (v[i].clsact)
			clear_device(c, v[i].ifindex);
	return 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int for_each_process(struct clear *c, int (*cb)(struct clear *, int, const char *))
{
	_cleanup_(cleanup_closedir) DIR *d = opendir("/proc");
	int r = 0;

	if (!d)
		return -errno;
	for (struct dirent *e; !r && (e = readdir(d));)
		if (is_number(e->d_name))
			r = cb(c, dirfd(d), e->d_name);
	return r;
}

static int clear_process(struct clear *c, int proc_fd, const char *pid)
{
	_cleanup_close_ int fd = -1;
	char path[300];

	snprintf(path, sizeof(path), "%s/ns/net", pid);
	fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? 0 : clear_netns(c, fd);
}

static int clear_named(struct clear *c)
{
	_cleanup_(cleanup_closedir) DIR *d = opendir("/run/netns");
	int r = 0;

	for (struct dirent *e; d && !r && (e = readdir(d));) {
		_cleanup_close_ int fd = -1;

		if (e->d_name[0] == '.')
			continue;
		fd = netns__open(e->d_name, NULL);
		if (fd >= 0)
			r = clear_netns(c, fd);
	}
	return r;
}

int dataplane__clear_stale(unsigned int *ret_removed, struct error *err)
{
	_cleanup_close_ int self = netns__open_self();
	struct clear c = {.err = err};
	int r = self < 0 ? self : 0;

	bpf_log__begin();
	if (!r)
		r = for_each_process(&c, note_process);
	if (!r)
		r = clear_netns(&c, self);
	if (!r)
		r = clear_named(&c);
	if (!r)
		r = for_each_process(&c, clear_process);
	intern__reset(&c.seen);
	intern__reset(&c.alive);
	if (r)
		return err__set(
			err, r,
			r == -EPERM ? "looking into all namespaces needs root (CAP_SYS_ADMIN): %s"
				    : "cannot look for filters left over: %s",
			strerror(-r));
	*ret_removed = c.removed;
	if (c.undecided && !c.first)
		return err__set(err, -EACCES,
				"%u filters are left over, or of a run of another user: %u "
				"processes may not be looked at (root may)",
				c.undecided, c.unseen);
	return c.first;
}
