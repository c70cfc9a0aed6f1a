// SPDX-License-Identifier: GPL-2.0-only
/* What a lab does before it makes anything: names, needs, files. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/internal.h"
#include "lib/cleanup.h"

static char path_1[] = "sleep 1", path_2[] = "sh -c 'exit 0'", bad_name[] = "echo ${n3.ip}",
	    bad_quote[] = "echo 'x", empty[] = "  ", gone[] = "no-such-program-1 x",
	    relative[] = "${dir}/prog x", gone_ready[] = "no-such-program-2";
static char *run_1[] = {path_1, path_2}, *run_bad_name[] = {bad_name},
	    *run_bad_quote[] = {bad_quote}, *run_empty[] = {empty}, *run_gone[] = {path_1, gone},
	    *run_relative[] = {relative};
static char no_user[] = "no-such-user-1", empty_user[] = "", root_user[] = "root";
static char n1[] = "n1", n2[] = "n2", dots[] = "..", slash[] = "a/b";

struct fixture {
	struct lab_node nodes[300];
	struct experiment e;
	struct lab *lab;
	struct error err;
	char dir[64];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->nodes[0] = (struct lab_node){.name = n1, .run = run_1, .n_run = 2};
	f->nodes[1] = (struct lab_node){.name = n2};
	f->e = (struct experiment){.has_lab = true, .nodes = f->nodes, .n_nodes = 2};
	strcpy(f->dir, "/tmp/lab-unit-XXXXXX");
	if (!mkdtemp(f->dir) || lab__name(&f->e, f->dir, &f->lab, &f->err))
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	lab__free(f->lab);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

static void expands(struct fixture *f, const char *node, const char *template, const char *expected)
{
	_cleanup_free_ char *s = lab__expand(f->lab, node, template, &f->err);

	assert_non_null(s);
	assert_string_equal(s, expected);
}

static void test_expand(void **state)
{
	struct fixture *f = *state;
	char dir[128];

	f->lab->nodes[0].has_ip6 = f->lab->nodes[1].has_ip6 = true;
	expands(f, "n1", "${ip} ${ip6} ${node}", "10.99.0.1 fd99::1 n1");
	expands(f, "n2", "${ip} ${ip6} ${node}", "10.99.0.2 fd99::2 n2");
	expands(f, "n2", "${n1.ip}:1 [${n1.ip6}] ${n2.ip}", "10.99.0.1:1 [fd99::1] 10.99.0.2");
	expands(f, "n1", "$${ip} $$", "${ip} $");
	snprintf(dir, sizeof(dir), "%s/nodes/n2/x", f->dir);
	expands(f, "n2", "${dir}/x", dir);
	assert_string_equal(lab__ip(f->lab, "n2"), "10.99.0.2");
	assert_string_equal(lab__ip6(f->lab, "n2"), "fd99::2");
	assert_null(lab__ip(f->lab, "n3"));
	assert_int_equal(lab__netns(f->lab, "n3"), -ENOENT);
}

static void refuse(struct fixture *f, const char *node, const char *template, const char *part)
{
	f->err.msg[0] = '\0';
	assert_null(lab__expand(f->lab, node, template, &f->err));
	assert_true(f->err.code < 0);
	if (!strstr(f->err.msg, part))
		fail_msg("`%s` is not in: %s", part, f->err.msg);
}

static void test_unknown_names(void **state)
{
	struct fixture *f = *state;

	refuse(f, "n1", "${n3.ip}", "unknown `${n3.ip}`");
	refuse(f, "n1", "${n3.ip}", "did you mean `${n1.ip}`?");
	refuse(f, "n1", "${Dir}", "did you mean `${dir}`?");
	refuse(f, "n1", "${n1.dir}", "unknown `${n1.dir}`");
	refuse(f, "n1", "${n1}", "unknown `${n1}`");
	refuse(f, "n1", "${}", "");
	refuse(f, "n1", "${ip", "");
	refuse(f, "n3", "x", "no node `n3`");
	f->lab->nodes[0].has_ip6 = false;
	refuse(f, "n1", "${ip6}", "no IPv6");
}

/* The experiment is about to change under it. */
static void forget(struct fixture *f)
{
	lab__free(f->lab);
	f->lab = NULL;
}

static void test_bad_nodes(void **state)
{
	struct fixture *f = *state;
	struct lab *lab = NULL;

	forget(f);
	f->nodes[1].name = dots;
	assert_int_equal(lab__name(&f->e, f->dir, &lab, &f->err), -EINVAL);
	f->nodes[1].name = slash;
	assert_int_equal(lab__name(&f->e, f->dir, &lab, &f->err), -EINVAL);
	assert_null(lab);
	f->nodes[1].name = n2;
	for (size_t i = 0; i < 255; i++)
		f->nodes[i] = (struct lab_node){.name = n1};
	f->e.n_nodes = 255;
	assert_int_equal(lab__name(&f->e, f->dir, &lab, &f->err), -E2BIG);
	f->e.n_nodes = 254;
	assert_int_equal(lab__name(&f->e, f->dir, &lab, &f->err), 0);
	assert_string_equal(lab->nodes[253].ip, "10.99.0.254");
	lab__free(lab);
	f->e.n_nodes = 2;
}

/* --- needs ------------------------------------------------------------------------------------ */

static void expect_lab_check(struct fixture *f, int code, const char *msg)
{
	f->err = (struct error){0};
	assert_int_equal(lab__check(&f->e, &f->err), code);
	assert_string_equal(f->err.msg, msg);
}

static void test_needs(void **state)
{
	static char prog[] = "no-such-program-1", package[] = "package-1", sh[] = "sh";
	struct lab_need needs[] = {{sh, package}, {prog, package}};
	struct fixture *f = *state;

	forget(f);
	expect_lab_check(f, 0, "");
	f->nodes[1].run = run_gone;
	f->nodes[1].n_run = 2;
	expect_lab_check(f, -ENOENT, "n2: no-such-program-1 is not in PATH");
	f->nodes[0].needs = needs;
	f->nodes[0].n_needs = 2;
	f->nodes[1].ready = (struct ready){.kind = READY_COMMAND, .command = gone_ready};
	expect_lab_check(f, -ENOENT,
			 "n1, n2: no-such-program-1 is not installed: apt-get install package-1\n"
			 "n2: no-such-program-2 is not in PATH");
	/* What brings the user is a package: that comes first. */
	f->nodes[0].user = no_user;
	expect_lab_check(f, -ENOENT,
			 "n1, n2: no-such-program-1 is not installed: apt-get install package-1\n"
			 "n2: no-such-program-2 is not in PATH");
	/* The shell finds out by itself; what `needs` says holds all the same. */
	f->nodes[1].sh = true;
	expect_lab_check(f, -ENOENT,
			 "n1: no-such-program-1 is not installed: apt-get install package-1");
}

static void test_user(void **state)
{
	struct fixture *f = *state;

	forget(f);
	f->nodes[1].user = no_user;
	expect_lab_check(f, -ENOENT, "n2: no user `no-such-user-1` on this machine");
	f->nodes[1].user = empty_user;
	expect_lab_check(f, -ENOENT, "n2: no user `` on this machine");
	f->nodes[1].user = root_user;
	expect_lab_check(f, 0, "");
}

static void test_check_words(void **state)
{
	struct fixture *f = *state;

	forget(f);
	f->nodes[1].n_run = 1;
	f->nodes[1].run = run_relative;
	expect_lab_check(f, 0, "");
	f->nodes[1].run = run_empty;
	expect_lab_check(f, -EINVAL, "n2: run: `  `: an empty command");
	f->nodes[1].run = run_bad_quote;
	expect_lab_check(f, -EINVAL,
			 "n2: run: `echo 'x`: a quote is not closed, or a backslash ends it");
	f->nodes[1].run = run_bad_name;
	assert_int_equal(lab__check(&f->e, &f->err), -EINVAL);
	assert_non_null(strstr(f->err.msg, "n2: run: unknown `${n3.ip}`"));
}

/* --- files ------------------------------------------------------------------------------------ */

static char name_a[] = "a.conf", name_b[] = "etc/b/c.conf", name_out[] = "../x", name_abs[] = "/x",
	    name_dots[] = "a/../../x", text_a[] = "${ip}\n", text_b[] = "${n1.ip6}";

static bool exists(const struct fixture *f, const char *name)
{
	char path[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/nodes/%s", f->dir, name);
	return !lstat(path, &st);
}

static void put(const struct fixture *f, const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/nodes/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("x", file);
	fclose(file);
}

static void put_dir(const struct fixture *f, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/nodes/%s", f->dir, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void test_files(void **state)
{
	struct lab_file files[] = {{.name = name_a, .template = text_a},
				   {.name = name_b, .template = text_b}};
	struct fixture *f = *state;
	char path[256], tail[64];

	f->nodes[1].files = files;
	f->nodes[1].n_files = 2;
	assert_int_equal(lab__make_files(f->lab, &f->err), 0);
	snprintf(path, sizeof(path), "%s/nodes/n2/a.conf", f->dir);
	assert_string_equal(file__tail(path, 5, tail, sizeof(tail)), "\n  10.99.0.2");

	put(f, "n2/redis.log");
	put(f, "n2/dump.rdb");
	put_dir(f, "n2/data");
	put_dir(f, "n2/data/deep");
	put(f, "n2/data/deep/x");
	put_dir(f, "n2/logs");
	put(f, "n2/logs/y.log");
	snprintf(path, sizeof(path), "%s/nodes/n2/link.log", f->dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	lab__remove_files(f->lab, true);
	assert_true(exists(f, "n2/a.conf") && exists(f, "n2/etc/b/c.conf"));
	assert_true(exists(f, "n2/redis.log") && exists(f, "n2/logs/y.log") && exists(f, "n1"));
	assert_false(exists(f, "n2/dump.rdb") || exists(f, "n2/data") || exists(f, "n2/link.log"));

	lab__remove_files(f->lab, false);
	assert_false(exists(f, ""));
}

static void test_files_refused(void **state)
{
	char *names[] = {name_out, name_abs, name_dots};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct lab_file file = {.name = names[i], .template = text_a};

		f->nodes[0].files = &file;
		f->nodes[0].n_files = 1;
		assert_int_equal(lab__make_files(f->lab, &f->err), -EINVAL);
		lab__remove_files(f->lab, false);
		assert_false(exists(f, ""));
		f->lab->nodes[0].made_dir = f->lab->made_nodes_dir = false;
	}
	f->nodes[0].n_files = 0;
}

static void test_files_of_others(void **state)
{
	struct fixture *f = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/nodes", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	put_dir(f, "n2");
	put(f, "n2/precious");
	assert_int_equal(lab__make_files(f->lab, &f->err), -EEXIST);
	lab__remove_files(f->lab, false);
	assert_false(exists(f, "n1"));
	assert_true(exists(f, "n2/precious"));
	f->lab->nodes[1].made_dir = f->lab->made_nodes_dir = true;
	lab__remove_files(f->lab, false);
}

static void test_tail(void **state)
{
	struct fixture *f = *state;
	char path[256], tail[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", f->dir);
	assert_string_equal(file__tail(path, 5, tail, sizeof(tail)), "");
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_string_equal(file__tail(path, 5, tail, sizeof(tail)), "");
	file = fopen(path, "w");
	for (int i = 0; i < 5000; i++)
		fprintf(file, "line %d\n", i);
	fputs("\n\n", file);
	fclose(file);
	assert_string_equal(file__tail(path, 2, tail, sizeof(tail)), "\n  line 4998\n  line 4999");
	/* Cut, not overrun. */
	assert_int_equal(strlen(file__tail(path, 2, tail, 10)), 9);
	unlink(path);
}

#define test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_expand),	  test(test_unknown_names),
		test(test_bad_nodes),	  test(test_user),
		test(test_needs),	  test(test_check_words),
		test(test_files),	  test(test_tail),
		test(test_files_refused), test(test_files_of_others),
	};

	return cmocka_run_group_tests_name("lab", tests, NULL, NULL);
}
