// SPDX-License-Identifier: GPL-2.0-only
/* netem's .dist format: what is read, and that what is wrong is said with its place. */
#include "lib/cleanup.h"
#include "lib/dist.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* @text without its final NUL, in memory that ends where it ends, so that ASan sees a byte too far. */
static int parse(const char *text, size_t len, int16_t **ret, size_t *ret_n, struct error *err)
{
	char *exact = malloc(len ? len : 1);
	int r;

	assert_non_null(exact);
	memcpy(exact, text, len);
	r = dist__parse("x.dist", exact, len, ret, ret_n, err);
	free(exact);
	return r;
}

static void reads(const char *text, size_t n, const int16_t *values)
{
	_cleanup_free_ int16_t *t = NULL;
	struct error err = {0};
	size_t got = 0;

	if (parse(text, strlen(text), &t, &got, &err))
		fail_msg("%s: %s", text, err.msg);
	assert_int_equal(got, n);
	assert_memory_equal(t, values, n * sizeof(*t));
}

#define READS(text, ...)                                                  \
	reads((text), sizeof((int16_t[]){__VA_ARGS__}) / sizeof(int16_t), \
	      (const int16_t[]){__VA_ARGS__})

static void test_reads(void **state)
{
	(void)state;
	READS("1", 1);
	READS(" -32768 32767\n", -32768, 32767);
	READS("# a comment 5\n1 2\t3\r\n\v4\f5 # 6 7\n#\n8", 1, 2, 3, 4, 5, 8);
	READS("1#2\n3", 1, 3); /* a comment needs no blank before it */
	READS("+5 -0 007 # no octal numbers\n", 0, 5, 7);
	READS("3 1 2 1", 1, 1, 2, 3); /* sorted */
	READS("1\n#", 1);
}

static void refuses(const char *text, size_t len, int code, const char *words)
{
	int16_t *t = (int16_t *)&code;
	struct error err = {0};
	size_t n = 77;

	assert_int_equal(parse(text, len, &t, &n, &err), code);
	assert_int_equal(err.code, code);
	assert_string_equal(err.msg, words);
	assert_true((void *)t == (void *)&code && n == 77);
}

#define REFUSES(text, code, words) refuses((text), sizeof(text) - 1, (code), "x.dist:" words)
#define RANGE "; expected a whole number from -32768 to 32767"

static void test_refuses(void **state)
{
	(void)state;
	REFUSES("", -EINVAL, "1:1: found no number; expected 1 to 16384 of them");
	REFUSES("# nothing\n\n ", -EINVAL, "3:2: found no number; expected 1 to 16384 of them");
	REFUSES("1 2\n3 four 5", -EINVAL, "2:3: found `four`" RANGE);
	REFUSES("1.5", -EINVAL, "1:1: found `1.5`" RANGE);
	REFUSES("1,2", -EINVAL, "1:1: found `1,2`" RANGE);
	REFUSES("0x10", -EINVAL, "1:1: found `0x10`" RANGE);
	REFUSES("1 - 2", -EINVAL, "1:3: found `-`" RANGE);
	REFUSES("1 +#", -EINVAL, "1:3: found `+`" RANGE);
	REFUSES("--1", -EINVAL, "1:1: found `--1`" RANGE);
	REFUSES("1-", -EINVAL, "1:1: found `1-`" RANGE);
	REFUSES("32768", -ERANGE, "1:1: found `32768`" RANGE);
	REFUSES("\n -32769", -ERANGE, "2:2: found `-32769`" RANGE);
	REFUSES("4294967297", -ERANGE, "1:1: found `4294967297`" RANGE);
	REFUSES("18446744073709551616000000", -ERANGE,
		"1:1: found `184467440737095516160000`..." RANGE);
	/* Nothing that a terminal obeys gets into the message. */
	REFUSES("1 \033[2J", -EINVAL, "1:3: found byte 0x1b" RANGE);
	REFUSES("12\033[2J", -EINVAL, "1:1: found `12`..." RANGE);
	REFUSES("\x7f"
		"ELF",
		-EINVAL, "1:1: found byte 0x7f" RANGE);
	REFUSES("1\0002", -EINVAL, "1:1: found `1`..." RANGE);
	REFUSES("\0", -EINVAL, "1:1: found byte 0x00" RANGE);
	REFUSES("\xef\xbb\xbf"
		"1",
		-EINVAL, "1:1: found byte 0xef" RANGE);
}

static void test_count(void **state)
{
	enum { LEN = 2 * (DIST_LEN_MAX + 1) };
	char *text = test_malloc(LEN);
	_cleanup_free_ int16_t *t = NULL;
	struct error err = {0};
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < LEN; i += 2)
		memcpy(text + i, "7\n", 2);
	assert_int_equal(parse(text, LEN - 2, &t, &n, &err), 0);
	assert_int_equal(n, DIST_LEN_MAX);
	refuses(text, LEN, -ERANGE,
		"x.dist:16385:1: more than 16384 numbers; expected at most that many");
	test_free(text);
}

/* A parser that is given each beginning, and each byte at some place, of a good file. */
static void test_rubbish(void **state)
{
	static const char good[] = "# c\n -32768 12 # d\n\t32767\r\n+4";
	char text[sizeof(good)];

	(void)state;
	for (size_t at = 0; at < sizeof(good) - 1; at++)
		for (int byte = 0; byte < 256; byte++) {
			_cleanup_free_ int16_t *t = NULL;
			struct error err = {0};
			size_t n = 0;
			int r;

			memcpy(text, good, sizeof(good));
			text[at] = (char)byte;
			r = parse(text, byte % 2 ? sizeof(good) - 1 : at + 1, &t, &n, &err);
			assert_true(r ? !t && !strncmp(err.msg, "x.dist:", 7) : n >= 1 && n <= 6);
		}
}

/* --- files --------------------------------------------------------------------------------------- */

static char dir[] = "/tmp/test_dist_file.XXXXXX";
static char path[sizeof(dir) + 16];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/t.dist", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static void load_fails(const char *file, int code, const char *words)
{
	struct error err = {0};
	int16_t *t = NULL;
	char expected[256];
	size_t n = 77;

	assert_int_equal(dist__load(file, &t, &n, &err), code);
	snprintf(expected, sizeof(expected), "%s%s", file, words);
	assert_string_equal(err.msg, expected);
	assert_true(!t && n == 77);
}

static void test_load(void **state)
{
	_cleanup_free_ int16_t *t = NULL;
	struct error err = {0};
	size_t n = 0;
	FILE *f;

	(void)state;
	load_fails(path, -ENOENT, ": No such file or directory; expected a distribution table");
	load_fails(dir, -EISDIR, ": found a directory; expected a file, a distribution table");
	load_fails("/dev/zero", -EINVAL,
		   ": found a device, pipe or socket; expected a file, a distribution table");
	assert_int_equal(mkfifo(path, 0600), 0);
	load_fails(path, -EINVAL, /* and does not wait for a writer */
		   ": found a device, pipe or socket; expected a file, a distribution table");
	assert_int_equal(unlink(path), 0);

	f = fopen(path, "w");
	assert_non_null(f);
	load_fails(path, -EINVAL, ":1:1: found no number; expected 1 to 16384 of them");
	fputs("2 1\n", f);
	assert_int_equal(fflush(f), 0);
	assert_int_equal(dist__load(path, &t, &n, &err), 0);
	assert_true(n == 2 && t[0] == 1 && t[1] == 2);

	/* A sparse rest of zeros: a file that is just not too large is looked at. */
	assert_int_equal(ftruncate(fileno(f), DIST_FILE_MAX), 0);
	load_fails(path, -EINVAL, ":2:1: found byte 0x00" RANGE);
	assert_int_equal(ftruncate(fileno(f), DIST_FILE_MAX + 1), 0);
	load_fails(path, -EFBIG, ": found more than 1048576 bytes; expected at most that many");
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_rubbish),
		cmocka_unit_test_setup_teardown(test_load, setup, teardown),
	};

	return cmocka_run_group_tests_name("dist_file", tests, NULL, NULL);
}
