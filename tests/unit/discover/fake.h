/* SPDX-License-Identifier: GPL-2.0-only */
/* fake.h: a machine of files: what snapshot__take() would find below "/", in a folder of our own. */
#ifndef TEST_DISCOVER_FAKE_H
#define TEST_DISCOVER_FAKE_H

#include "discover/internal.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ID_D "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define UID_1 "11111111-2222-3333-4444-555555555555"

struct fake {
	char root[64];
};

__attribute__((format(printf, 2, 3))) static inline const char *fake__path(const struct fake *f,
									   const char *fmt, ...)
{
	static char path[4096];
	size_t n = (size_t)snprintf(path, sizeof(path), "%s", f->root);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	va_end(ap);
	return path;
}

/* The folders that lead to @path, which begins with the root's. */
static inline void fake__parents(const struct fake *f, char *path)
{
	for (char *s = path + strlen(f->root) + 1; (s = strchr(s, '/')); s++) {
		*s = 0;
		if (mkdir(path, 0755) < 0)
			assert_int_equal(errno, EEXIST);
		*s = '/';
	}
}

static inline void fake__bytes(const struct fake *f, const char *name, const void *data, size_t n)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s%s", f->root, name);
	fake__parents(f, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, n, file), n);
	fclose(file);
}

static inline void fake__file(const struct fake *f, const char *name, const char *text)
{
	fake__bytes(f, name, text, strlen(text));
}

static inline void fake__link(const struct fake *f, const char *name, const char *to)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s", f->root, name);
	fake__parents(f, path);
	assert_int_equal(symlink(to, path), 0);
}

struct fake_process {
	pid_t pid, ppid;
	const char *comm, *exe, *argv; /* argv: blanks stand for NULs */
	const char *cgroup;	       /* the whole file; NULL: 0::/ */
	unsigned int uid;
	unsigned long netns;
	bool kernel;
};

static inline void fake__process(const struct fake *f, struct fake_process p)
{
	char name[64], text[512], argv[1024];

	snprintf(name, sizeof(name), "/proc/%d/comm", p.pid);
	snprintf(text, sizeof(text), "%s\n", p.comm);
	fake__file(f, name, text);
	snprintf(name, sizeof(name), "/proc/%d/stat", p.pid);
	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0",
		 p.pid, p.comm, p.ppid, p.kernel ? 0x00200040u : 0x00400100u, 1000 + p.pid);
	fake__file(f, name, text);
	snprintf(name, sizeof(name), "/proc/%d/status", p.pid);
	snprintf(text, sizeof(text), "Name:\tx\nTgid:\t%d\nUid:\t%u\t%u\t%u\t%u\n", p.pid, p.uid,
		 p.uid, p.uid, p.uid);
	fake__file(f, name, text);
	snprintf(name, sizeof(name), "/proc/%d/cmdline", p.pid);
	snprintf(argv, sizeof(argv), "%s", p.argv ? p.argv : "");
	for (char *s = argv; *s; s++)
		if (*s == ' ')
			*s = 1;
	for (size_t i = 0, n = strlen(argv); i < n; i++)
		if (argv[i] == 1)
			argv[i] = 0;
	fake__bytes(f, name, argv, p.argv ? strlen(p.argv) + 1 : 0);
	if (p.exe) {
		snprintf(name, sizeof(name), "/proc/%d/exe", p.pid);
		fake__link(f, name, p.exe);
	}
	snprintf(name, sizeof(name), "/proc/%d/ns/net", p.pid);
	snprintf(text, sizeof(text), "net:[%lu]", p.netns ? p.netns : 4026531840UL);
	fake__link(f, name, text);
	snprintf(name, sizeof(name), "/proc/%d/cgroup", p.pid);
	fake__file(f, name, p.cgroup ? p.cgroup : "0::/\n");
}

static inline int fake__setup(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/chaos-discover-XXXXXX");
	if (!mkdtemp(f->root))
		return -1;
	fake__file(f, "/proc/self/mountinfo",
		   "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
		   "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n");
	fake__file(f, "/etc/passwd",
		   "root:x:0:0:root:/root:/bin/sh\nbroken line\nredis:x:106:112::/:/bin/false\n");
	*state = f;
	return 0;
}

static inline int fake__remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int fake__teardown(void **state)
{
	struct fake *f = *state;

	nftw(f->root, fake__remove, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline struct snapshot fake__take(const struct fake *f)
{
	struct snapshot s = {0};
	struct error err = {0};

	if (snapshot__take(f->root, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static inline const struct discover_process *fake__find(const struct snapshot *s, pid_t pid)
{
	const struct discover_process *p = snapshot__process(s, pid);

	assert_non_null(p);
	return p;
}

static inline const struct discover_cgroup *fake__cgroup(const struct snapshot *s, pid_t pid)
{
	const struct discover_process *p = fake__find(s, pid);

	assert_int_not_equal(p->cgroup, DISCOVER_NONE);
	return &s->cgroups[p->cgroup];
}

#define fake_test(fn) cmocka_unit_test_setup_teardown(fn, fake__setup, fake__teardown)

#endif
