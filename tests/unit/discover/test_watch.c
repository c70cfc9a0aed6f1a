// SPDX-License-Identifier: GPL-2.0-only
/* test_watch.c: that changes are told, by whichever way this kernel and this user have. */
#include "fake.h"

#include "lib/clock.h"

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

struct world {
	struct fake f;
	struct snapshot s;
	struct watch *w;
};

static int setup(void **state)
{
	struct world *x = calloc(1, sizeof(*x));
	void *f;

	assert_int_equal(fake__setup(&f), 0);
	x->f = *(struct fake *)f;
	free(f);
	fake__file(&x->f, "/sys/fs/cgroup/unified/a/cgroup.procs", "");
	x->s = fake__take(&x->f);
	assert_int_equal(watch__open(&x->s, &x->w), 0);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct world *x = *state;

	nftw(x->f.root, fake__remove, 16, FTW_DEPTH | FTW_PHYS);
	watch__close(x->w);
	snapshot__reset(&x->s);
	free(x);
	return 0;
}

/* Wait for a change that @want wants, at most 2 s. */
static bool told(struct world *x, bool (*want)(const struct changes *c, pid_t pid), pid_t pid)
{
	int64_t end = clock__now() + 2 * NS_PER_S;
	bool found = false;

	while (!found && clock__now() < end) {
		struct pollfd p = {.fd = watch__fd(x->w), .events = POLLIN};
		struct changes c = {0};

		poll(&p, 1, 100);
		assert_int_equal(watch__read(x->w, &c), 0);
		found = want(&c, pid);
		changes__reset(&c);
	}
	return found;
}

static bool cgroups(const struct changes *c, pid_t pid)
{
	(void)pid;
	return c->cgroups;
}

static bool ended(const struct changes *c, pid_t pid)
{
	for (size_t i = 0; i < c->n_processes; i++)
		if (c->processes[i].kind == CHANGE_ENDED && c->processes[i].pid == pid)
			return true;
	return c->all;
}

static void cgroups_at_every_depth(void **state)
{
	struct world *x = *state;
	const char *base = "/sys/fs/cgroup/unified";

	assert_true(watch__sources(x->w) & WATCH_CGROUPS);
	assert_int_equal(mkdir(fake__path(&x->f, "%s/b", base), 0755), 0);
	assert_true(told(x, cgroups, 0));
	/* made in a folder that was itself made after the watch began */
	assert_int_equal(mkdir(fake__path(&x->f, "%s/b/c", base), 0755), 0);
	assert_true(told(x, cgroups, 0));
	assert_int_equal(mkdir(fake__path(&x->f, "%s/b/c/d", base), 0755), 0);
	assert_true(told(x, cgroups, 0));
	/* a process is moved by a write */
	fake__file(&x->f, "/sys/fs/cgroup/unified/a/cgroup.procs", "12\n");
	assert_true(told(x, cgroups, 0));
	assert_int_equal(rmdir(fake__path(&x->f, "%s/b/c/d", base)), 0);
	assert_true(told(x, cgroups, 0));
	/* and of the same name again */
	assert_int_equal(mkdir(fake__path(&x->f, "%s/b/c/d", base), 0755), 0);
	assert_true(told(x, cgroups, 0));
	assert_int_equal(mkdir(fake__path(&x->f, "%s/b/c/d/e", base), 0755), 0);
	assert_true(told(x, cgroups, 0));
}

static void processes_by_event_or_by_timer(void **state)
{
	struct world *x = *state;
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(told(x, ended, pid));
}

static bool netns(const struct changes *c, pid_t pid)
{
	(void)pid;
	return c->netns;
}

/* Last: it leaves the mount namespace that all others are in. */
static void mounts(void **state)
{
	struct world *x = *state;
	char dir[80];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip();
	watch__close(x->w);
	x->w = NULL;
	assert_int_equal(watch__open(&x->s, &x->w), 0);
	assert_true(watch__sources(x->w) & WATCH_MOUNTS);
	snprintf(dir, sizeof(dir), "%s/etc", x->f.root);
	assert_int_equal(mount(dir, dir, NULL, MS_BIND, NULL), 0);
	assert_true(told(x, netns, 0));
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	assert_true(told(x, netns, 0));
}

static void nothing_changed_is_nothing_told(void **state)
{
	struct world *x = *state;
	struct changes c = {0};

	assert_int_equal(watch__read(x->w, &c), 0);
	assert_false(c.cgroups);
	assert_false(c.netns);
	assert_false(c.all);
	changes__reset(&c);
	watch__close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cgroups_at_every_depth, setup, teardown),
		cmocka_unit_test_setup_teardown(processes_by_event_or_by_timer, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_changed_is_nothing_told, setup, teardown),
		cmocka_unit_test_setup_teardown(mounts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
