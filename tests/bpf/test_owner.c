// SPDX-License-Identifier: GPL-2.0-only
/* test_owner.c: what owners.c has the kernel know, and that nothing of it is left. */
#include "owner_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

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
		bpf_test(test_set),
		bpf_test(test_born_after),
		bpf_test(test_refused),
		bpf_test(test_killed),
	};

	return rig__main("owner", tests, sizeof(tests) / sizeof(tests[0]));
}
