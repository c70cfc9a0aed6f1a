// SPDX-License-Identifier: GPL-2.0-only
/* test_owner_looks.c: whose the sockets are that were there before, or are passed on: what a look at all of them finds. */
#include "owner_rig.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

enum { LOOKS = 200 };

static void sockets_from_before(int how)
{
	const struct owner_process self = {.pid = getpid(), .owner = 6};
	const struct owner_process other = {.pid = getpid(), .owner = 8};
	int fds[4] = {socket__make(AF_INET, SOCK_STREAM), socket__make(AF_INET, SOCK_DGRAM),
		      socket__make(AF_INET6, SOCK_STREAM), socket__make(AF_INET6, SOCK_DGRAM)};
	int local = socket__make(AF_UNIX, SOCK_STREAM);
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
	int fd = socket__make(AF_INET, SOCK_STREAM);
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
	struct watch w = {.rig = &rig, .fd = socket__make(AF_INET, SOCK_STREAM)};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_before),
		bpf_test(test_passed),
		bpf_test(test_steady),
		bpf_test(test_due),
	};

	return rig__main("owner_looks", tests, sizeof(tests) / sizeof(tests[0]));
}
