// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose socket is whose: sockets that are made, accepted, inherited, passed on or were there before, of processes
 * that begin and end; what owners.c has the kernel know, and that nothing of it is left.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "datapath/cgroup_root.h"
#include "datapath/owners.h"
#include "lib/cleanup.h"
#include "owner.skel.h"

enum { CONNECTIONS = 10000, CONNECTIONS_PER_SET = 500, CHILDREN = 200, LOOKS = 200 };

/* --- the programs, loaded and attached ------------------------------------------------------------------------ */

struct rig {
	struct owner_bpf *skel;
	struct chaos_control *control;
	struct owners *o;
};

static bool kernel_has_scan;

/* Not by the kernel's files but by pidfd_getfd(), as on kernels that have no other way. */
enum { BY_FILES = 1 };

static struct owner_bpf *load(bool scan)
{
	struct owner_bpf *skel = owner_bpf__open();

	assert_non_null(skel);
	bpf_program__set_autoload(skel->progs.owner_scan, scan);
	if (owner_bpf__load(skel)) {
		owner_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int copy(const struct bpf_program *p)
{
	int fd = bpf_program__fd(p);

	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static struct rig rig__open(int how)
{
	struct owner_progs progs;
	struct owner_maps maps;
	struct error err = {0};
	struct rig rig = {0};

	libbpf_set_print(quiet);
	rig.skel = load(true);
	kernel_has_scan = rig.skel;
	if (!rig.skel)
		rig.skel = load(false);
	assert_non_null(rig.skel);
	progs = (struct owner_progs){.created = copy(rig.skel->progs.owner_created),
				     .fork = copy(rig.skel->progs.owner_fork),
				     .exit = copy(rig.skel->progs.owner_exit),
				     .scan = how == BY_FILES ? -1
							     : copy(rig.skel->progs.owner_scan)};
	rig.control = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
			   bpf_map__fd(rig.skel->maps.control), 0);
	assert_ptr_not_equal(rig.control, MAP_FAILED);
	maps = (struct owner_maps){.sockets = bpf_map__fd(rig.skel->maps.sockets),
				   .processes = bpf_map__fd(rig.skel->maps.processes),
				   .cgroups = bpf_map__fd(rig.skel->maps.cgroups),
				   .control = bpf_map__fd(rig.skel->maps.control),
				   .shared = rig.control};
	if (owners__open(&maps, &progs, &rig.o, &err))
		fail_msg("%s", err.msg);
	return rig;
}

static void rig__close(struct rig *rig)
{
	owners__close(rig->o);
	munmap(rig->control, (size_t)sysconf(_SC_PAGESIZE));
	owner_bpf__destroy(rig->skel);
}

#define _rig_ __attribute__((cleanup(rig__close)))

static void rig__set_at(const struct rig *rig, const struct owner_process *p, size_t n,
			uint64_t as_of_ns)
{
	struct error err = {0};

	if (owners__set(rig->o, p, n, NULL, 0, as_of_ns, &err))
		fail_msg("%s", err.msg);
}

static void rig__set(const struct rig *rig, const struct owner_process *p, size_t n)
{
	rig__set_at(rig, p, n, now_ns());
}

static void rig__scan(const struct rig *rig)
{
	struct error err = {0};

	if (owners__scan(rig->o, &err))
		fail_msg("%s", err.msg);
}

/* No such row: false. Also in children, which must not assert. */
static bool rig__process(const struct rig *rig, pid_t pid, struct chaos_process *ret)
{
	uint32_t key = (uint32_t)pid;

	return !bpf_map_lookup_elem(bpf_map__fd(rig->skel->maps.processes), &key, ret);
}

static bool rig__socket(const struct rig *rig, int fd, struct chaos_socket *ret)
{
	return !bpf_map_lookup_elem(bpf_map__fd(rig->skel->maps.sockets), &fd, ret);
}

/* What a hook makes of it. */
static uint32_t rig__owner(const struct rig *rig, int fd)
{
	struct chaos_process p;
	struct chaos_socket s;

	if (!rig__socket(rig, fd, &s))
		return CHAOS_OWNER_NONE;
	if (s.epoch == rig->control->owners_epoch)
		return s.owner;
	return rig__process(rig, (pid_t)s.tgid, &p) ? p.owner : CHAOS_OWNER_NONE;
}

static pid_t rig__tgid(const struct rig *rig, int fd)
{
	struct chaos_socket s;

	return rig__socket(rig, fd, &s) ? (pid_t)s.tgid : -1;
}

/* --- processes and sockets ------------------------------------------------------------------------------------ */

/* A child that does as it is told through a socket until that closes. */
struct child {
	pid_t pid;
	int to;
};

static int send_fd(int to, int fd)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(to, &msg, 0) == 1 ? 0 : -1;
}

/* Keeps every descriptor that it is sent and lets all go when it is sent a byte without one; says so, and before
 * that, that it has begun. */
static void keep_what_comes(int from)
{
	int kept[8], n = 0;
	char byte = 'b', control[CMSG_SPACE(sizeof(int))];

	while (write(from, &byte, 1) == 1) {
		struct iovec iov = {&byte, 1};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		struct cmsghdr *c;

		if (recvmsg(from, &msg, 0) != 1)
			_exit(0);
		c = CMSG_FIRSTHDR(&msg);
		if (c && n < 8)
			memcpy(&kept[n++], CMSG_DATA(c), sizeof(int));
		else
			while (n)
				close(kept[--n]);
	}
	_exit(1);
}

static void child__hear(const struct child *child)
{
	char byte;

	assert_int_equal(read(child->to, &byte, 1), 1);
}

static struct child child__start(void)
{
	struct child child;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (!child.pid) {
		/* Of what the parent holds nothing: what it has is sent to it. */
		dup2(pair[1], 3);
		closefrom(4);
		keep_what_comes(3);
	}
	close(pair[1]);
	child.to = pair[0];
	child__hear(&child);
	return child;
}

static void child__give(const struct child *child, int fd)
{
	assert_int_equal(send_fd(child->to, fd), 0);
	child__hear(child);
}

static void child__let_go(const struct child *child)
{
	assert_int_equal(write(child->to, "c", 1), 1);
	child__hear(child);
}

static void child__end(const struct child *child)
{
	int status;

	close(child->to);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

/* What @f says in a child of our own: a failure there is one here. */
static void in_child(bool (*f)(const struct rig *rig), const struct rig *rig)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(f(rig) ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static union address loopback(int family, const char *text, uint16_t port)
{
	union address a = {0};

	a.any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		a.in.sin_port = port;
		assert_int_equal(inet_pton(AF_INET, text, &a.in.sin_addr), 1);
	} else {
		a.in6.sin6_port = port;
		assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
	}
	return a;
}

static int make(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static int listen_at(int family, const char *text, uint16_t *ret_port)
{
	union address a = loopback(family, text, 0);
	socklen_t len = sizeof(a);
	int fd = make(family, SOCK_STREAM), off = 0;

	if (family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	assert_int_equal(bind(fd, &a.any, sizeof(a)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, &a.any, &len), 0);
	*ret_port = a.in.sin_port;
	return fd;
}

static int connect_to(int family, const char *text, uint16_t port)
{
	union address a = loopback(family, text, port);
	int fd = make(family, SOCK_STREAM);

	assert_int_equal(connect(fd, &a.any, sizeof(a)), 0);
	return fd;
}

/* No TIME_WAIT, which would use up the ports. */
static void reset(int fd)
{
	struct linger now = {.l_onoff = 1};

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	close(fd);
}

static int setup(void **state)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int s, r;

	if (harness__setup(state))
		return -1;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = ioctl(s, SIOCSIFFLAGS, &ifr);
	close(s);
	return r;
}

/* --- sockets -------------------------------------------------------------------------------------------------- */

static void test_created(void **state)
{
	static const int kinds[][2] = {{AF_INET, SOCK_STREAM},
				       {AF_INET, SOCK_DGRAM},
				       {AF_INET, SOCK_RAW},
				       {AF_INET6, SOCK_STREAM},
				       {AF_INET6, SOCK_DGRAM}};
	_rig_ struct rig rig = rig__open(0);
	struct chaos_socket s;
	int fd;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		fd = socket(kinds[i][0], kinds[i][1] | SOCK_CLOEXEC,
			    kinds[i][1] == SOCK_RAW ? IPPROTO_ICMP : 0);
		assert_true(fd >= 0);
		assert_true(rig__socket(&rig, fd, &s));
		assert_int_equal(s.tgid, getpid());
		assert_int_equal(s.scan, 0);
		assert_int_equal(s.epoch, 0);
		close(fd);
	}
	fd = make(AF_UNIX, SOCK_STREAM);
	assert_false(rig__socket(&rig, fd, &s));
	close(fd);
}

static bool makes_its_own(const struct rig *rig)
{
	/* As it is made by a child, it is not the parent's. */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return rig__tgid(rig, fd) == getpid();
}

static void test_accepted(void **state)
{
	/* The listener, then who connects: IPv4, IPv6, and IPv4 to a socket of IPv6. */
	static const struct {
		int family, from_family;
		const char *at, *to;
	} ways[] = {{AF_INET, AF_INET, "127.0.0.1", "127.0.0.1"},
		    {AF_INET6, AF_INET6, "::1", "::1"},
		    {AF_INET6, AF_INET, "::", "127.0.0.1"},
		    {AF_INET6, AF_INET6, "::", "::ffff:127.0.0.1"}};
	_rig_ struct rig rig = rig__open(0);
	const struct owner_process self = {.pid = getpid(), .owner = 4};

	(void)state;
	rig__set(&rig, &self, 1);
	in_child(makes_its_own, &rig);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		uint16_t port;
		int listener = listen_at(ways[i].family, ways[i].at, &port);
		int client = connect_to(ways[i].from_family, ways[i].to, port);
		int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		assert_true(accepted >= 0);
		assert_int_equal(rig__owner(&rig, listener), 4);
		assert_int_equal(rig__owner(&rig, client), 4);
		assert_int_equal(rig__owner(&rig, accepted), 4);
		assert_int_equal(rig__tgid(&rig, accepted), getpid());
		close(accepted);
		close(client);
		close(listener);
	}
}

/* One that another process made for us to accept from has that process for an owner, as has what is accepted. */
static void test_accepted_elsewhere(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	uint16_t port;
	int listener = listen_at(AF_INET, "127.0.0.1", &port), client, accepted, status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		_exit(rig__tgid(&rig, accepted) == getppid() ? 0 : 1);
	}
	client = connect_to(AF_INET, "127.0.0.1", port);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(client);
	close(listener);
}

static void short_connections(const struct rig *rig, uint16_t port, int listener)
{
	const struct owner_process self = {.pid = getpid(), .owner = 1, .heirs = 1};
	int nobodys = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		int client, accepted;

		if (i % CONNECTIONS_PER_SET == 0)
			rig__set(rig, &self, 1);
		client = connect_to(AF_INET, "127.0.0.1", port);
		accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(accepted >= 0);
		nobodys += rig__owner(rig, client) != 1;
		nobodys += rig__owner(rig, accepted) != 1;
		reset(client);
		close(accepted);
	}
	assert_int_equal(nobodys, 0);
}

static bool connects_at_once(const struct rig *rig)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return rig__owner(rig, fd) == 1;
}

static void test_short_lived(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	uint16_t port;
	int listener = listen_at(AF_INET, "127.0.0.1", &port);

	(void)state;
	short_connections(&rig, port, listener);
	close(listener);
	for (int i = 0; i < CHILDREN; i++)
		in_child(connects_at_once, &rig);
}

/* --- processes ------------------------------------------------------------------------------------------------ */

static bool is_heir(const struct rig *rig)
{
	struct chaos_process p;

	return rig__process(rig, getpid(), &p) && p.owner == 7 && p.heirs == 7 && p.born_ns &&
	       p.born_ns <= now_ns();
}

static bool is_heirs_heir(const struct rig *rig)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(is_heir(rig) ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status && is_heir(rig);
}

static bool is_nobodys(const struct rig *rig)
{
	struct chaos_process p;

	return !rig__process(rig, getpid(), &p);
}

static void test_fork(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	const struct owner_process with = {.pid = getpid(), .owner = 5, .heirs = 7};
	const struct owner_process without = {.pid = getpid(), .owner = 5};
	struct chaos_process p;

	(void)state;
	rig__set(&rig, &with, 1);
	in_child(is_heir, &rig);
	in_child(is_heirs_heir, &rig);
	assert_true(rig__process(&rig, getpid(), &p));
	assert_int_equal(p.owner, 5);
	rig__set(&rig, &without, 1);
	in_child(is_nobodys, &rig);
}

static void test_exit(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	const struct owner_process self = {.pid = getpid(), .owner = 5, .heirs = 7};
	struct child child;
	struct chaos_process p;

	(void)state;
	rig__set(&rig, &self, 1);
	child = child__start();
	assert_true(rig__process(&rig, child.pid, &p));
	child__end(&child);
	/* What its sockets still send is its owner's; it has no heirs and holds no socket any more. */
	assert_true(rig__process(&rig, child.pid, &p));
	assert_int_equal(p.owner, 7);
	assert_int_equal(p.heirs, CHAOS_PROCESS_ENDED);
	assert_int_equal(rig.control->n_ended, 1);
	/* Too many of them are taken away at the next look. */
	rig.control->n_ended = 1 << 20;
	assert_int_equal(owners__scan(rig.o, NULL), 0);
	assert_false(rig__process(&rig, child.pid, &p));
	assert_int_equal(rig.control->n_ended, 0);
}

/* Who was nobody's when it ended leaves nothing. */
static void test_exit_of_nobody(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	struct child child = child__start();
	const struct owner_process with = {.pid = child.pid, .owner = 5, .heirs = 5};
	struct chaos_process p;

	(void)state;
	rig__set(&rig, &with, 1);
	rig__set(&rig, NULL, 0);
	assert_true(rig__process(&rig, child.pid, &p));
	assert_int_equal(p.owner, CHAOS_OWNER_NONE);
	child__end(&child);
	assert_false(rig__process(&rig, child.pid, &p));
}

static void *nothing(void *arg)
{
	return arg;
}

struct outlives {
	const struct rig *rig;
	pthread_t leader;
	int result; /* pipe */
};

/* The leader is a zombie while its other threads run; the process lives. */
static void *outlive_leader(void *arg)
{
	const struct outlives *o = arg;

	pthread_join(o->leader, NULL);
	/* Joined is not yet past the tracepoint: that is as soon as its files are gone. */
	while (!access("/proc/self/task/self", F_OK))
		;
	_exit(is_heir(o->rig) ? 0 : 1);
}

static bool lives_without_leader(const struct rig *rig)
{
	static struct outlives o;
	pthread_t thread;

	o = (struct outlives){.rig = rig, .leader = pthread_self()};
	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL) ||
	    !is_heir(rig) || pthread_create(&thread, NULL, outlive_leader, &o))
		return false;
	pthread_exit(NULL);
}

static void test_threads(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	const struct owner_process self = {.pid = getpid(), .owner = 5, .heirs = 7};
	struct chaos_process p;
	pthread_t thread;

	(void)state;
	rig__set(&rig, &self, 1);
	assert_int_equal(pthread_create(&thread, NULL, nothing, NULL), 0);
	pthread_join(thread, NULL);
	assert_true(rig__process(&rig, getpid(), &p));
	assert_int_equal(p.owner, 5);
	in_child(lives_without_leader, &rig);
}

/* A row of a process that is gone is not the next one's of that number. */
static void test_reused_pid(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	struct child gone = child__start();
	const struct owner_process stale = {.pid = gone.pid, .owner = 5, .heirs = 7};
	pid_t number = gone.pid;
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1};
	struct chaos_process p;
	int status;
	long pid;

	(void)state;
	child__end(&gone);
	rig__set(&rig, &stale, 1);
	assert_true(rig__process(&rig, number, &p));
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		syscall(SYS_exit_group, is_nobodys(&rig) ? 0 : 1);
	if (pid < 0)
		skip(); /* somebody has just got that number, or we may not choose one */
	assert_int_equal(waitpid((pid_t)pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- cgroups -------------------------------------------------------------------------------------------------- */

static bool enter_and_make(const struct rig *rig, int cgroup)
{
	int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	struct chaos_process p;

	if (fd < 0 || write(fd, "0", 1) != 1 || rig__process(rig, getpid(), &p))
		return false;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return rig__owner(rig, fd) == 9 && rig__process(rig, getpid(), &p) && p.heirs == 9 &&
	       p.born_ns;
}

static void test_cgroup(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	_cleanup_close_ int root = cgroup_root__open(NULL), cgroup = -1;
	struct owner_cgroup owned = {.owner = 9};
	struct error err = {0};
	char name[32];
	struct stat st;
	int status, r;
	pid_t pid;

	(void)state;
	assert_true(root >= 0);
	snprintf(name, sizeof(name), "test-owner-%d", getpid());
	assert_int_equal(mkdirat(root, name, 0755), 0);
	cgroup = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A cgroup's id is its inode. */
	r = cgroup < 0 || fstat(cgroup, &st);
	owned.id = st.st_ino;
	r = r ? r : owners__set(rig.o, NULL, 0, &owned, 1, now_ns(), &err);
	pid = fork();
	if (!pid)
		_exit(enter_and_make(&rig, cgroup) ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		status = -1;
	assert_int_equal(unlinkat(root, name, AT_REMOVEDIR), 0);
	assert_int_equal(r, 0);
	assert_int_equal(status, 0);
	assert_int_equal(owners__set(rig.o, NULL, 0, NULL, 0, now_ns(), &err), 0);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(rig.skel->maps.cgroups), &owned.id, &owned.owner),
		-ENOENT);
}

/* --- looks ---------------------------------------------------------------------------------------------------- */

static void sockets_from_before(int how)
{
	const struct owner_process self = {.pid = getpid(), .owner = 6};
	const struct owner_process other = {.pid = getpid(), .owner = 8};
	int fds[4] = {make(AF_INET, SOCK_STREAM), make(AF_INET, SOCK_DGRAM),
		      make(AF_INET6, SOCK_STREAM), make(AF_INET6, SOCK_DGRAM)};
	int local = make(AF_UNIX, SOCK_STREAM);
	_rig_ struct rig rig = rig__open(how);
	struct chaos_socket s;

	for (int i = 0; i < 4; i++)
		assert_false(rig__socket(&rig, fds[i], &s));
	rig__set(&rig, &self, 1);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(rig__owner(&rig, fds[i]), 6);
		assert_int_equal(rig__tgid(&rig, fds[i]), getpid());
	}
	/* A look tells them what has changed, so that their process may end before they say anything. */
	rig__set(&rig, &other, 1);
	for (int i = 0; i < 4; i++) {
		assert_true(rig__socket(&rig, fds[i], &s));
		if (kernel_has_scan && how != BY_FILES) {
			assert_int_equal(s.epoch, rig.control->owners_epoch);
			assert_int_equal(s.owner, 8);
		}
		assert_int_equal(rig__owner(&rig, fds[i]), 8);
		close(fds[i]);
	}
	assert_false(rig__socket(&rig, local, &s));
	close(local);
}

static void test_before(void **state)
{
	(void)state;
	sockets_from_before(BY_FILES);
	sockets_from_before(0);
}

static void passed_on(int how)
{
	_rig_ struct rig rig = rig__open(how);
	int fd = make(AF_INET, SOCK_STREAM);
	struct child child = child__start();
	const struct owner_process self = {.pid = getpid(), .owner = 1};
	const struct owner_process both[] = {{.pid = child.pid, .owner = 2}, self};
	pid_t first = getpid() < child.pid ? getpid() : child.pid;

	rig__set(&rig, both, 1);
	assert_int_equal(rig__owner(&rig, fd), CHAOS_OWNER_NONE);
	child__give(&child, fd);
	/* An owner's before one that is no owner's, whoever has the less pid. */
	rig__scan(&rig);
	assert_int_equal(rig__owner(&rig, fd), 2);
	rig__scan(&rig);
	assert_int_equal(rig__tgid(&rig, fd), child.pid);
	/* Of two owners' the less pid. */
	rig__set(&rig, both, 2);
	assert_int_equal(rig__tgid(&rig, fd), first);
	rig__scan(&rig);
	assert_int_equal(rig__tgid(&rig, fd), first);
	rig__set(&rig, &self, 1);
	assert_int_equal(rig__owner(&rig, fd), 1);
	rig__set(&rig, both, 1);
	assert_int_equal(rig__owner(&rig, fd), 2);
	/* It is let go by its owner, who lives on. */
	child__let_go(&child);
	rig__scan(&rig);
	if (kernel_has_scan && how != BY_FILES) {
		assert_int_equal(rig__tgid(&rig, fd), getpid());
		assert_int_equal(rig__owner(&rig, fd), CHAOS_OWNER_NONE);
	}
	child__end(&child);
	close(fd);
}

static void test_passed(void **state)
{
	(void)state;
	passed_on(BY_FILES);
	passed_on(0);
}

struct watch {
	const struct rig *rig;
	int fd;
	uint32_t owner;
	bool stop;
	unsigned int looks, others;
};

static void *watch(void *arg)
{
	struct watch *w = arg;

	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		__atomic_add_fetch(&w->looks, 1, __ATOMIC_RELEASE);
		w->others += rig__owner(w->rig, w->fd) != w->owner;
	}
	return NULL;
}

/* A socket that a process of no owner holds too, and with a less pid, is not nobody's for a moment in each look. */
static void test_steady(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	struct child a = child__start(), b = child__start();
	struct watch w = {.rig = &rig, .fd = make(AF_INET, SOCK_STREAM)};
	const struct child *last = a.pid > b.pid ? &a : &b;
	const struct owner_process owner = {.pid = last->pid, .owner = 3};
	pthread_t thread;

	(void)state;
	child__give(&a, w.fd);
	child__give(&b, w.fd);
	rig__set(&rig, &owner, 1);
	w.owner = 3;
	assert_int_equal(rig__owner(&rig, w.fd), 3);
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	while (!__atomic_load_n(&w.looks, __ATOMIC_ACQUIRE))
		sched_yield();
	for (int i = 0; i < LOOKS; i++)
		rig__scan(&rig);
	__atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	print_message("# %u looks at the socket, %u of them while it was another's\n", w.looks,
		      w.others);
	assert_int_equal(w.others, 0);
	child__end(&a);
	child__end(&b);
	close(w.fd);
}

/* The timer asks for a look, and a look puts it back. */
static void test_due(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	struct pollfd due = {.fd = owners__event_fd(rig.o), .events = POLLIN};

	(void)state;
	assert_int_equal(poll(&due, 1, -1), 1);
	rig__scan(&rig);
	assert_int_equal(poll(&due, 1, 0), 0);
	assert_int_equal(poll(&due, 1, -1), 1);
}

/* --- what owners__set() makes of the rows --------------------------------------------------------------------- */

static void test_set(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	/* Above all pids. */
	struct owner_process v[] = {{.pid = 5000001, .owner = 1, .heirs = 2},
				    {.pid = 5000002, .owner = 3}};
	struct chaos_process p;
	uint32_t epoch = rig.control->owners_epoch;

	(void)state;
	rig__set(&rig, v, 2);
	assert_int_equal(rig.control->owners_epoch, epoch + 1);
	assert_true(rig__process(&rig, v[0].pid, &p));
	assert_int_equal(p.owner, 1);
	assert_int_equal(p.heirs, 2);
	assert_int_equal(p.born_ns, 0);
	v[0].owner = 8;
	rig__set(&rig, v, 1);
	assert_true(rig__process(&rig, v[0].pid, &p));
	assert_int_equal(p.owner, 8);
	assert_false(rig__process(&rig, v[1].pid, &p));
	/* 0 is what a socket has that nobody has looked at. */
	rig.control->owners_epoch = UINT32_MAX;
	rig__set(&rig, NULL, 0);
	assert_int_equal(rig.control->owners_epoch, 1);
	assert_false(rig__process(&rig, v[0].pid, &p));
}

static void test_born_after(void **state)
{
	_rig_ struct rig rig = rig__open(0);
	const struct owner_process self = {.pid = getpid(), .owner = 5, .heirs = 7};
	struct chaos_process p;
	struct child child;
	uint64_t before;

	(void)state;
	rig__set(&rig, &self, 1);
	before = now_ns();
	child = child__start();
	rig__set_at(&rig, &self, 1, before);
	assert_true(rig__process(&rig, child.pid, &p));
	assert_int_equal(p.owner, 7);
	/* Who is said to be that number was another, before. */
	rig__set_at(&rig, (struct owner_process[]){self, {.pid = child.pid, .owner = 3}}, 2,
		    before);
	assert_true(rig__process(&rig, child.pid, &p));
	assert_int_equal(p.owner, 7);
	rig__set(&rig, (struct owner_process[]){self, {.pid = child.pid, .owner = 3}}, 2);
	assert_true(rig__process(&rig, child.pid, &p));
	assert_int_equal(p.owner, 3);
	/* It lives, and is nobody's now: its sockets must hear of that. */
	rig__set(&rig, &self, 1);
	assert_true(rig__process(&rig, child.pid, &p));
	assert_int_equal(p.owner, CHAOS_OWNER_NONE);
	child__end(&child);
}

static void test_refused(void **state)
{
	enum { MANY = 65537 };
	_rig_ struct rig rig = rig__open(0);
	struct owner_process *v = calloc(MANY, sizeof(*v));
	const struct owner_cgroup twice[] = {{1, 1}, {1, 2}};
	struct chaos_process p;
	struct error err = {0};

	(void)state;
	assert_non_null(v);
	for (int i = 0; i < MANY; i++)
		v[i] = (struct owner_process){.pid = 5000000 + i, .owner = 1};
	assert_int_equal(owners__set(rig.o, v, MANY, NULL, 0, now_ns(), &err), -E2BIG);
	print_message("# %s\n", err.msg);
	assert_non_null(strstr(err.msg, "65537 processes"));
	assert_non_null(strstr(err.msg, "65536"));
	assert_false(rig__process(&rig, v[0].pid, &p));
	rig__set(&rig, v, MANY - 1);
	assert_true(rig__process(&rig, v[MANY - 2].pid, &p));
	rig__set(&rig, v + 1, MANY - 1);
	assert_false(rig__process(&rig, v[0].pid, &p));
	assert_true(rig__process(&rig, v[MANY - 1].pid, &p));
	v[1].pid = v[0].pid;
	assert_int_equal(owners__set(rig.o, v, 2, NULL, 0, now_ns(), &err), -EINVAL);
	v[0].owner = CHAOS_OWNERS_MAX + 1;
	assert_int_equal(owners__set(rig.o, v, 1, NULL, 0, now_ns(), &err), -EINVAL);
	v[0] = (struct owner_process){.owner = 1};
	assert_int_equal(owners__set(rig.o, v, 1, NULL, 0, now_ns(), &err), -EINVAL);
	assert_int_equal(owners__set(rig.o, NULL, 0, twice, 2, now_ns(), &err), -EINVAL);
	free(v);
}

/* --- the end -------------------------------------------------------------------------------------------------- */

static uint32_t prog_id(const struct bpf_program *p)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(bpf_program__fd(p), &info, &len) ? 0 : info.id;
}

/* The kernel frees programs in the background. */
static bool is_gone(uint32_t id)
{
	for (int i = 0; i < 1000; i++) {
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd == -ENOENT)
			return true;
		safe_close(fd);
		usleep(10000);
	}
	return false;
}

static void test_killed(void **state)
{
	uint32_t ids[4] = {0};
	int said[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct rig rig = rig__open(0);
		const struct bpf_program *const progs[] = {
			rig.skel->progs.owner_created, rig.skel->progs.owner_fork,
			rig.skel->progs.owner_exit, rig.skel->progs.owner_scan};

		for (size_t i = 0; i < ARRAY_SIZE(progs); i++)
			ids[i] = bpf_program__fd(progs[i]) < 0 ? 0 : prog_id(progs[i]);
		if (write(said[1], ids, sizeof(ids)) != sizeof(ids))
			_exit(1);
		pause();
	}
	assert_int_equal(read(said[0], ids, sizeof(ids)), sizeof(ids));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (ids[i])
			assert_true(is_gone(ids[i]));
	assert_true(ids[0] && ids[1] && ids[2]);
	close(said[0]);
	close(said[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_created),
		bpf_test(test_accepted),
		bpf_test(test_accepted_elsewhere),
		bpf_test(test_short_lived),
		bpf_test(test_fork),
		bpf_test(test_exit),
		bpf_test(test_exit_of_nobody),
		bpf_test(test_threads),
		bpf_test(test_reused_pid),
		bpf_test(test_cgroup),
		bpf_test(test_before),
		bpf_test(test_passed),
		bpf_test(test_steady),
		bpf_test(test_due),
		bpf_test(test_set),
		bpf_test(test_born_after),
		bpf_test(test_refused),
		bpf_test(test_killed),
	};

	if (geteuid()) {
		printf("1..0 # SKIP owner needs root\n");
		return 0;
	}
	return cmocka_run_group_tests_name("owner", tests, setup, harness__teardown);
}
