// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch.c: what comes and goes. Three sources, each of the kernel's own telling: the proc connector
 * for processes (it takes CAP_NET_ADMIN in the first namespaces of their kind); inotify for cgroups,
 * where a write to cgroup.procs is how processes are moved; mountinfo for namespaces, since naming one
 * is a mount. Behind what is refused stands a timer.
 */
#include "discover/internal.h"

#include "lib/clock.h"

#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

enum {
	RESCAN_MS = 250,
	RECEIVE_BUFFER = 4 * 1024 * 1024, /* some 20,000 forks while nobody reads */
	MAX_DEPTH = 64,			  /* of cgroups below each other */
	MAX_PATH = 4096,
};

#define INOTIFY_MASK \
	(IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF)

struct watch {
	int epoll;
	int connector, inotify, mountinfo, timer; /* -1: not had */
	unsigned int sources;
	char *cgroup_mount;
	struct table paths; /* watch descriptor -> index of path */
	char **path;
	size_t n_paths;
};

static void cleanup_watch(struct watch **w)
{
	watch__close(*w);
}

static int add_fd(struct watch *w, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	return epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

/* ---- processes ---- */

/* Ask the connector for events, or with @op to end them. */
static int connector_ask(int fd, enum proc_cn_mcast_op op)
{
	union {
		struct nlmsghdr h;
		char room[NLMSG_SPACE(sizeof(struct cn_msg) + sizeof(enum proc_cn_mcast_op))];
	} q = {0};
	struct cn_msg m = {.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC}, .len = sizeof(op)};

	q.h.nlmsg_len = NLMSG_LENGTH(sizeof(m) + sizeof(op));
	q.h.nlmsg_type = NLMSG_DONE;
	memcpy(NLMSG_DATA(&q.h), &m, sizeof(m));
	memcpy((char *)NLMSG_DATA(&q.h) + sizeof(m), &op, sizeof(op));
	return send(fd, &q, q.h.nlmsg_len, 0) < 0 ? -errno : 0;
}

/* The event of a datagram, what is missing of it zeroed; false: it holds none. */
static bool event_of(const void *datagram, size_t len, struct proc_event *ret)
{
	const size_t head = NLMSG_LENGTH(sizeof(struct cn_msg));

	if (len <= head)
		return false;
	len -= head;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret, (const char *)datagram + head, len < sizeof(*ret) ? len : sizeof(*ret));
	return true;
}

/* The next datagram of the kernel's; anyone may send to a netlink address, only the kernel is 0. */
static ssize_t receive(int fd, void *buf, size_t size)
{
	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, size, 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n >= 0 && !from.nl_pid)
			return n;
	}
}

/* Whether events come: the kernel acknowledges the question, without words where it refuses. */
static bool connector_answers(int fd)
{
	struct timeval limit = {.tv_usec = 200 * 1000};
	char buf[4096];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	for (;;) {
		ssize_t n = receive(fd, buf, sizeof(buf));
		struct proc_event e;

		if (n < 0)
			return false;
		if (event_of(buf, (size_t)n, &e) && e.what == PROC_EVENT_NONE)
			return e.event_data.ack.err == 0;
	}
}

static void open_connector(struct watch *w)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
	int size = RECEIVE_BUFFER;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (connector_ask(fd, PROC_CN_MCAST_LISTEN) < 0 || !connector_answers(fd))
		return;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || add_fd(w, fd, EPOLLIN) < 0)
		return;
	w->connector = TAKE_FD(fd);
	w->sources |= WATCH_PROCESSES;
}

static int add_change(struct changes *c, enum change_kind kind, pid_t pid, pid_t ppid)
{
	struct change *v = array__grow(c->processes, c->n_processes, sizeof(*v));

	if (!v)
		return -ENOMEM;
	c->processes = v;
	v[c->n_processes++] = (struct change){.kind = kind, .pid = pid, .ppid = ppid};
	return 0;
}

/* Threads come and go too: only a thread group's leader is a process. */
static int take_event(const struct proc_event *e, struct changes *c)
{
	switch ((unsigned int)e->what) {
	case PROC_EVENT_FORK:
		if (e->event_data.fork.child_pid != e->event_data.fork.child_tgid)
			return 0;
		return add_change(c, CHANGE_STARTED, e->event_data.fork.child_tgid,
				  e->event_data.fork.parent_tgid);
	case PROC_EVENT_EXEC:
		return add_change(c, CHANGE_EXEC, e->event_data.exec.process_tgid, 0);
	case PROC_EVENT_EXIT:
		if (e->event_data.exit.process_pid != e->event_data.exit.process_tgid)
			return 0;
		return add_change(c, CHANGE_ENDED, e->event_data.exit.process_tgid, 0);
	case PROC_EVENT_UID:
		return add_change(c, CHANGE_RENAMED, e->event_data.id.process_tgid, 0);
	case PROC_EVENT_COMM:
		if (e->event_data.comm.process_pid != e->event_data.comm.process_tgid)
			return 0;
		return add_change(c, CHANGE_RENAMED, e->event_data.comm.process_tgid, 0);
	default:
		return 0;
	}
}

int changes__take(struct changes *c, const void *datagram, size_t len)
{
	struct proc_event e;

	return event_of(datagram, len, &e) ? take_event(&e, c) : 0;
}

static int read_connector(struct watch *w, struct changes *c)
{
	char buf[4096];

	for (;;) {
		ssize_t n = receive(w->connector, buf, sizeof(buf));
		int r = n > 0 ? changes__take(c, buf, (size_t)n) : 0;

		if (r)
			return r;
		if (n == -ENOBUFS)
			c->all = true;
		else if (n < 0)
			return 0;
	}
}

/* ---- cgroups ---- */

static int remember(struct watch *w, int wd, const char *path)
{
	char **v = array__grow(w->path, w->n_paths, sizeof(*v));
	char *copy = v ? strdup(path) : NULL;

	if (v)
		w->path = v;
	if (!copy)
		return -ENOMEM;
	v[w->n_paths++] = copy;
	return table__put(&w->paths, (uint64_t)wd, (uint32_t)w->n_paths - 1);
}

/*
 * Watch @path and all below. The watch is set before the folder is read: what is made meanwhile is
 * seen in one way or the other. What vanishes meanwhile needs none.
 */
static int watch_tree(struct watch *w, const char *path, int depth)
{
	_cleanup_closedir_ DIR *d = NULL;
	int wd = inotify_add_watch(w->inotify, path, INOTIFY_MASK | IN_ONLYDIR | IN_DONT_FOLLOW);
	struct dirent *e;
	int r;

	if (wd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	r = remember(w, wd, path);
	if (r || depth == MAX_DEPTH)
		return r;
	d = opendir(path);
	while (d && (e = readdir(d))) {
		char below[MAX_PATH];

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, e->d_name) >= (int)sizeof(below))
			continue;
		r = watch_tree(w, below, depth + 1);
		if (r)
			return r;
	}
	return 0;
}

static void forget_paths(struct watch *w)
{
	for (size_t i = 0; i < w->n_paths; i++)
		free(w->path[i]);
	free(w->path);
	w->path = NULL;
	w->n_paths = 0;
	table__reset(&w->paths);
}

/* -EMFILE, -ENOSPC and the like leave cgroups to the timer. */
static void open_inotify(struct watch *w)
{
	if (!w->cgroup_mount)
		return;
	w->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->inotify >= 0 && watch_tree(w, w->cgroup_mount, 0) == 0 &&
	    add_fd(w, w->inotify, EPOLLIN) == 0) {
		w->sources |= WATCH_CGROUPS;
		return;
	}
	w->inotify = safe_close(w->inotify);
	forget_paths(w);
}

static void forget(struct watch *w, int wd)
{
	uint32_t i = table__get(&w->paths, (uint64_t)wd);

	if (i == TABLE_NONE)
		return;
	free(w->path[i]);
	w->path[i] = NULL;
}

/* All folders again: the paths of those that are gone would gather for as long as we run. */
static int watch_again(struct watch *w)
{
	forget_paths(w);
	return watch_tree(w, w->cgroup_mount, 0);
}

static int take_cgroup_event(struct watch *w, const struct inotify_event *e, struct changes *c)
{
	uint32_t i = table__get(&w->paths, (uint64_t)e->wd);
	const char *parent = i == TABLE_NONE ? NULL : w->path[i];
	char below[MAX_PATH];

	if (e->mask & IN_Q_OVERFLOW) {
		c->all = true;
		return watch_again(w);
	}
	if (e->mask & IN_IGNORED) {
		forget(w, e->wd);
		return 0;
	}
	if (e->mask & (IN_CREATE | IN_MOVED_TO) && e->mask & IN_ISDIR && parent) {
		c->cgroups = true;
		if (snprintf(below, sizeof(below), "%s/%s", parent, e->name) >= (int)sizeof(below))
			return 0;
		return watch_tree(w, below, 1);
	}
	if (e->mask & IN_ISDIR || e->mask & IN_DELETE_SELF)
		c->cgroups = true;
	if (e->mask & IN_MODIFY && e->len &&
	    (!strcmp(e->name, "cgroup.procs") || !strcmp(e->name, "cgroup.threads")))
		c->cgroups = true;
	return 0;
}

static int read_inotify(struct watch *w, struct changes *c)
{
	_Alignas(struct inotify_event) char buf[16 * 1024];

	for (;;) {
		ssize_t n = read(w->inotify, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		for (const char *at = buf; at < buf + n;) {
			const struct inotify_event *e = (const void *)at;
			int r = take_cgroup_event(w, e, c);

			if (r == -ENOMEM)
				return r;
			/* No more watches to be had: from here on only the timer sees all. */
			if (r) {
				w->sources &= ~(unsigned int)WATCH_CGROUPS;
				c->all = true;
			}
			at += sizeof(*e) + e->len;
		}
	}
}

/* ---- mounts, and the timer ---- */

static void open_mountinfo(struct watch *w)
{
	_cleanup_close_ int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);

	struct epoll_event first;

	/*
	 * EPOLLPRI, which says that mounts changed, is gone with the first who polls: that is whoever
	 * waits for our descriptor, not we. EPOLLIN always is, and edge-triggered it wakes us when
	 * mounts change; and once for having been added.
	 */
	if (fd < 0 || add_fd(w, fd, EPOLLIN | EPOLLET) < 0)
		return;
	epoll_wait(w->epoll, &first, 1, 0);
	w->mountinfo = TAKE_FD(fd);
	w->sources |= WATCH_MOUNTS;
}

static int start_timer(struct watch *w)
{
	struct timespec period = ns_timespec(RESCAN_MS * NS_PER_MS);
	struct itimerspec every = {.it_interval = period, .it_value = period};

	if (w->timer >= 0)
		return 0;
	w->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (w->timer < 0 || timerfd_settime(w->timer, 0, &every, NULL) < 0)
		return -errno;
	return add_fd(w, w->timer, EPOLLIN);
}

/* Without a v2 tree processes still come and go, but none is moved in one that we choose by. */
static bool needs_timer(const struct watch *w)
{
	return !(w->sources & WATCH_PROCESSES) || !(w->sources & WATCH_MOUNTS) ||
	       (w->cgroup_mount && !(w->sources & WATCH_CGROUPS));
}

int watch__open(const struct snapshot *s, struct watch **ret)
{
	_cleanup_(cleanup_watch) struct watch *w = malloc(sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct watch){
		.epoll = -1, .connector = -1, .inotify = -1, .mountinfo = -1, .timer = -1};
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0)
		return -errno;
	if (s->cgroup_mount) {
		w->cgroup_mount = strdup(s->cgroup_mount);
		if (!w->cgroup_mount)
			return -ENOMEM;
	}
	open_mountinfo(w);
	open_connector(w);
	open_inotify(w);
	r = needs_timer(w) ? start_timer(w) : 0;
	if (r)
		return r;
	*ret = TAKE_PTR(w);
	return 0;
}

unsigned int watch__sources(const struct watch *w)
{
	return w->sources;
}

int watch__fd(const struct watch *w)
{
	return w->epoll;
}

int watch__read(struct watch *w, struct changes *ret)
{
	_cleanup_(changes__reset) struct changes c = {0};
	struct epoll_event events[4];
	int n = epoll_wait(w->epoll, events, ARRAY_SIZE(events), 0), r = 0;

	for (int i = 0; i < n && !r; i++) {
		int fd = events[i].data.fd;
		uint64_t ticks;

		if (fd == w->connector)
			r = read_connector(w, &c);
		else if (fd == w->inotify)
			r = read_inotify(w, &c);
		else if (fd == w->mountinfo)
			c.netns = true;
		else if (fd == w->timer && read(fd, &ticks, sizeof(ticks)) > 0)
			c.all = true;
	}
	if (!r && needs_timer(w))
		r = start_timer(w);
	if (r)
		return r;
	*ret = c;
	c = (struct changes){0};
	return 0;
}

void changes__reset(struct changes *c)
{
	free(c->processes);
	*c = (struct changes){0};
}

void watch__close(struct watch *w)
{
	if (!w)
		return;
	/* The kernel counts its listeners, and makes events for nobody if one leaves without a word. */
	if (w->connector >= 0)
		connector_ask(w->connector, PROC_CN_MCAST_IGNORE);
	safe_close(w->connector);
	safe_close(w->inotify);
	safe_close(w->mountinfo);
	safe_close(w->timer);
	safe_close(w->epoll);
	forget_paths(w);
	free(w->cgroup_mount);
	free(w);
}
