// SPDX-License-Identifier: GPL-2.0-only
/* owner_rig.c: the programs that keep sockets' owners, loaded and attached; processes and sockets for them. */
#include "owner_rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* --- the programs, loaded and attached ------------------------------------------------------------------------ */

bool kernel_has_scan;

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

struct rig rig__open(int how)
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

void rig__close(struct rig *rig)
{
	owners__close(rig->o);
	munmap(rig->control, (size_t)sysconf(_SC_PAGESIZE));
	owner_bpf__destroy(rig->skel);
}

void rig__set_at(const struct rig *rig, const struct owner_process *p, size_t n, uint64_t as_of_ns)
{
	struct error err = {0};

	if (owners__set(rig->o, p, n, NULL, 0, as_of_ns, &err))
		fail_msg("%s", err.msg);
}

void rig__set(const struct rig *rig, const struct owner_process *p, size_t n)
{
	rig__set_at(rig, p, n, now_ns());
}

void rig__scan(const struct rig *rig)
{
	struct error err = {0};

	if (owners__scan(rig->o, &err))
		fail_msg("%s", err.msg);
}

bool rig__process(const struct rig *rig, pid_t pid, struct chaos_process *ret)
{
	uint32_t key = (uint32_t)pid;

	return !bpf_map_lookup_elem(bpf_map__fd(rig->skel->maps.processes), &key, ret);
}

bool rig__socket(const struct rig *rig, int fd, struct chaos_socket *ret)
{
	return !bpf_map_lookup_elem(bpf_map__fd(rig->skel->maps.sockets), &fd, ret);
}

uint32_t rig__owner(const struct rig *rig, int fd)
{
	struct chaos_process p;
	struct chaos_socket s;

	if (!rig__socket(rig, fd, &s))
		return CHAOS_OWNER_NONE;
	if (s.epoch == rig->control->owners_epoch)
		return s.owner;
	return rig__process(rig, (pid_t)s.tgid, &p) ? p.owner : CHAOS_OWNER_NONE;
}

pid_t rig__tgid(const struct rig *rig, int fd)
{
	struct chaos_socket s;

	return rig__socket(rig, fd, &s) ? (pid_t)s.tgid : -1;
}

/* --- processes and sockets ------------------------------------------------------------------------------------ */

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

void child__hear(const struct child *child)
{
	char byte;

	assert_int_equal(read(child->to, &byte, 1), 1);
}

struct child child__start(void)
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

void child__give(const struct child *child, int fd)
{
	assert_int_equal(send_fd(child->to, fd), 0);
	child__hear(child);
}

void child__let_go(const struct child *child)
{
	assert_int_equal(write(child->to, "c", 1), 1);
	child__hear(child);
}

void child__end(const struct child *child)
{
	int status;

	close(child->to);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

void in_child(bool (*f)(const struct rig *rig), const struct rig *rig)
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

int socket__make(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

int socket__listen(int family, const char *text, uint16_t *ret_port)
{
	union address a = loopback(family, text, 0);
	socklen_t len = sizeof(a);
	int fd = socket__make(family, SOCK_STREAM), off = 0;

	if (family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)), 0);
	assert_int_equal(bind(fd, &a.any, sizeof(a)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, &a.any, &len), 0);
	*ret_port = a.in.sin_port;
	return fd;
}

int socket__connect(int family, const char *text, uint16_t port)
{
	union address a = loopback(family, text, port);
	int fd = socket__make(family, SOCK_STREAM);

	assert_int_equal(connect(fd, &a.any, sizeof(a)), 0);
	return fd;
}

void socket__reset(int fd)
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

int rig__main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	if (geteuid()) {
		printf("1..0 # SKIP %s needs root\n", name);
		return 0;
	}
	return _cmocka_run_group_tests(name, tests, n, setup, harness__teardown);
}
