// SPDX-License-Identifier: GPL-2.0-only
/* test_owner_processes.c: whose socket is whose while processes begin, fork, end and enter cgroups. */
#include "owner_rig.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "datapath/cgroup_root.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		bpf_test(test_fork),	bpf_test(test_exit),	   bpf_test(test_exit_of_nobody),
		bpf_test(test_threads), bpf_test(test_reused_pid), bpf_test(test_cgroup),
	};

	return rig__main("owner_processes", tests, sizeof(tests) / sizeof(tests[0]));
}
