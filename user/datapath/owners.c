// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/owners_internal.h"

#include "datapath/cgroup_root.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <bpf/bpf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

/* Of the time, no more than one part in so many goes into looking. */
#define SCAN_SHARE 10
/* Rows of ended processes before they are taken away, of the 65,536 that there are. */
#define ENDED_MAX 8192
/* PROC_PID_INIT_INO of the kernel: the first pid namespace has a number of its own. */
#define FIRST_PID_NAMESPACE 0xeffffffcU

struct owners {
	struct owner_maps maps;
	int created, fork, exit, scan; /* links; -1: the kernel does not have it */
	int timer;
	struct intern settled; /* without scan: owner_files__look() */
};

/* --- open and close --------------------------------------------------------------------------- */

void owners__close(struct owners *o)
{
	if (!o)
		return;
	safe_close(o->created);
	safe_close(o->fork);
	safe_close(o->exit);
	safe_close(o->scan);
	safe_close(o->timer);
	intern__reset(&o->settled);
	free(o);
}

static void cleanup_owners(struct owners **o)
{
	owners__close(*o);
}

static void close_progs(const struct owner_progs *p)
{
	safe_close(p->created);
	safe_close(p->fork);
	safe_close(p->exit);
	safe_close(p->scan);
}

/* The programs know processes by the numbers that the first namespace gives them. */
static int check_pid_namespace(struct error *err)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) < 0)
		return err__set(err, -errno, "cannot look at /proc/self/ns/pid: %s",
				strerror(errno));
	if (st.st_ino != FIRST_PID_NAMESPACE)
		return err__set(err, -EOPNOTSUPP,
				"processes can be told apart only from the host's pid namespace "
				"(hostPID: true in a pod, --pid=host in a container)");
	return 0;
}

static int attach_tracepoint(int prog, const char *name, int *ret, struct error *err)
{
	int fd = prog < 0 ? -1 : bpf_raw_tracepoint_open(NULL, prog);

	if (prog >= 0 && fd < 0)
		return err__set(err, fd, "cannot follow %s of processes: %s", name, strerror(-fd));
	*ret = fd;
	return 0;
}

static int attach(struct owners *o, const struct owner_progs *p, struct error *err)
{
	_cleanup_close_ int root = -1;
	int r = attach_tracepoint(p->exit, "the end", &o->exit, err);

	if (!r)
		r = attach_tracepoint(p->fork, "the beginning", &o->fork, err);
	if (r)
		return r;
	if (p->scan >= 0) {
		o->scan = bpf_link_create(p->scan, 0, BPF_TRACE_ITER, NULL);
		if (o->scan < 0)
			return err__set(err, o->scan, "cannot look at open files: %s",
					strerror(-o->scan));
	}
	if (p->created < 0)
		return 0;
	root = cgroup_root__open(err);
	if (root < 0)
		return root;
	o->created = bpf_link_create(p->created, root, BPF_CGROUP_INET_SOCK_CREATE, NULL);
	if (o->created < 0)
		return err__set(err, o->created, "cannot follow the creation of sockets: %s%s",
				strerror(-o->created),
				o->created == -EPERM
					? "; another program at the root cgroup admits no second"
					: "");
	return 0;
}

/* Some kernels take the program and note nothing: Linux 7 on processors without a 16-byte compare-and-swap
 * (kmalloc_nolock()). */
static int try(const struct owners *o, struct error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct chaos_socket s;

	if (fd < 0 || o->created < 0 || !bpf_map_lookup_elem(o->maps.sockets, &fd, &s))
		return 0;
	return err__set(err, -EOPNOTSUPP,
			"this kernel keeps nothing in sockets, so processes cannot be told apart: "
			"select addresses or network namespaces instead");
}

/* The next look is due in @ns. */
static int arm(const struct owners *o, int64_t ns)
{
	struct itimerspec at = {.it_value = ns_timespec(ns)};

	return timerfd_settime(o->timer, 0, &at, NULL) < 0 ? -errno : 0;
}

int owners__open(const struct owner_maps *maps, const struct owner_progs *progs,
		 struct owners **ret, struct error *err)
{
	_cleanup_(cleanup_owners) struct owners *o = calloc(1, sizeof(*o));
	int r;

	if (!o) {
		close_progs(progs);
		return err__set(err, -ENOMEM, "out of memory");
	}
	*o = (struct owners){.maps = *maps, .created = -1, .fork = -1, .exit = -1, .scan = -1};
	o->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = o->timer < 0 ? err__set(err, -errno, "cannot make a timer: %s", strerror(errno))
			 : check_pid_namespace(err);
	if (!r)
		r = attach(o, progs, err);
	if (!r)
		r = try(o, err);
	/* The links hold them. */
	close_progs(progs);
	if (!r) {
		r = arm(o, OWNERS_SCAN_NS);
		if (r)
			err__set(err, r, "cannot set a timer: %s", strerror(-r));
	}
	if (!r)
		*ret = TAKE_PTR(o);
	return r;
}

const char *owners__mechanism(const struct owners *o)
{
	return o->scan >= 0 ? "BPF at socket creation, and over all open files"
			    : "BPF at socket creation, and each process's files by pidfd_getfd";
}

/* --- looks ------------------------------------------------------------------------------------ */

int owners__event_fd(const struct owners *o)
{
	return o->timer;
}

/* One walk over all files of all processes. @ret_again: the program asks for the second pass. */
static int walk(const struct owners *o, bool *ret_again)
{
	_cleanup_close_ int fd = bpf_iter_create(o->scan);
	bool again = false;
	char said[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, said, sizeof(said));
		again |= n > 0;
		/* EAGAIN: a million files without a word; it goes on from there. */
	} while (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)));
	if (n < 0)
		return -errno;
	*ret_again = again;
	return 0;
}

static void set_scan(const struct owners *o, uint32_t scan)
{
	__atomic_store_n(&o->maps.shared->scan, scan, __ATOMIC_RELEASE);
}

static int look(struct owners *o, struct error *err)
{
	uint32_t number = (o->maps.shared->scan & ~1U) + 2;
	bool again = false;
	int r;

	/* 0 says that a socket was found in no look. */
	number = number ? number : 2;
	set_scan(o, number);
	if (o->scan < 0)
		return owner_files__look(&o->maps, &o->settled, number, err);
	r = walk(o, &again);
	if (!r && again) {
		set_scan(o, number | 1);
		r = walk(o, &again);
	}
	return r ? err__set(err, r, "cannot look at open files: %s", strerror(-r)) : 0;
}

static void next_epoch(struct owners *o)
{
	uint32_t *epoch = &o->maps.shared->owners_epoch, next = *epoch + 1;

	/* Never 0, which is what a new socket has. */
	__atomic_store_n(epoch, next ? next : 1, __ATOMIC_RELEASE);
}

/*
 * Rows of ended processes are few but where processes come and go by thousands. Sockets that still send for
 * one remember their owner, and bring its row back once the epoch has moved.
 */
static int forget_ended(struct owners *o, struct error *err)
{
	uint32_t *n = &o->maps.shared->n_ended;
	int r;

	if (__atomic_load_n(n, __ATOMIC_ACQUIRE) < ENDED_MAX)
		return 0;
	__atomic_store_n(n, 0, __ATOMIC_RELEASE);
	r = owner_rows__forget_ended(o->maps.processes, (uint64_t)clock__now());
	next_epoch(o);
	return r ? err__set(err, r, "cannot tidy the table of processes: %s", strerror(-r)) : 0;
}

int owners__scan(struct owners *o, struct error *err)
{
	int64_t began = clock__now(), took;
	uint64_t n;
	int r, armed;

	if (read(o->timer, &n, sizeof(n)) < 0 && errno != EAGAIN)
		return err__set(err, -errno, "cannot read a timer: %s", strerror(errno));
	r = forget_ended(o, err);
	if (!r)
		r = look(o, err);
	took = clock__now() - began;
	armed = arm(o, took * SCAN_SHARE > OWNERS_SCAN_NS ? took * SCAN_SHARE : OWNERS_SCAN_NS);
	if (!r && armed)
		r = err__set(err, armed, "cannot set a timer: %s", strerror(-armed));
	return r;
}

int owners__set(struct owners *o, const struct owner_process *processes, size_t n_processes,
		const struct owner_cgroup *cgroups, size_t n_cgroups, uint64_t as_of_ns,
		struct error *err)
{
	int r = owner_rows__set_cgroups(o->maps.cgroups, cgroups, n_cgroups, err);
	int scanned;

	if (!r)
		r = owner_rows__set_processes(o->maps.processes, processes, n_processes, as_of_ns,
					      err);
	/* Even if not all could be written: sockets must not remember what has been overwritten. */
	next_epoch(o);
	scanned = owners__scan(o, r ? NULL : err);
	return r ? r : scanned;
}
