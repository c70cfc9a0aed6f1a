// SPDX-License-Identifier: GPL-2.0-only
/* What was recorded is whole lines, whoever writes and whatever the disk does. */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/fields.h"
#include "recorder/recorder.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#define T0 (1000 * NS_PER_S)

struct fixture {
	char dir[64], path[96];
	struct recorder *r;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;

	snprintf(f->dir, sizeof(f->dir), "/tmp/recorder-unit-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/events.jsonl", f->dir);
	*state = f;
	return recorder__open(f->dir, T0, &f->r, &err);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	recorder__close(f->r);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static json_t *text_fields(const char *text)
{
	json_t *o = json_object();

	fields__text(o, "text", text);
	return o;
}

/* All lines as JSON; fails on one that is none, or on a last one without a newline. */
static json_t *read_lines(const char *path)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	json_t *all = json_array();
	size_t size = 0;
	ssize_t n;

	assert_non_null(f);
	while ((n = getline(&line, &size, f)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL);

		assert_int_equal(line[n - 1], '\n');
		assert_non_null(o);
		json_array_append_new(all, o);
	}
	return all;
}

static void test_format(void **state)
{
	struct fixture *f = *state;
	char line[256] = "";
	FILE *file;

	assert_int_equal(0, recorder__event(f->r, "phase", T0 + 5, NULL));
	assert_int_equal(0, recorder__event(f->r, "note", T0 - 7, text_fields("a \"b\"\n")));
	assert_int_equal(0, recorder__event(f->r, "note", T0, json_object()));
	file = fopen(f->path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "{\"t_ns\":5,\"type\":\"phase\"}\n");
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "{\"t_ns\":-7,\"type\":\"note\",\"text\":\"a \\\"b\\\"\\n\"}\n");
	assert_non_null(fgets(line, sizeof(line), file));
	assert_string_equal(line, "{\"t_ns\":0,\"type\":\"note\"}\n");
	assert_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_int_equal(recorder__events(f->r), 3);
	assert_int_equal(recorder__lost(f->r), 0);
}

static void test_t0(void **state)
{
	struct fixture *f = *state;
	json_t *all;

	assert_int_equal(recorder__t0(f->r), T0);
	recorder__event(f->r, "note", T0 + 10, NULL);
	recorder__set_t0(f->r, T0 + 100);
	assert_int_equal(recorder__t0(f->r), T0 + 100);
	recorder__event(f->r, "note", T0 + 10, NULL);
	all = read_lines(f->path);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 0), "t_ns")), 10);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(all, 1), "t_ns")), -90);
	json_decref(all);
}

/* Around the size of the buffer on the stack, each length. */
static void test_long_lines(void **state)
{
	struct fixture *f = *state;
	char text[2200];
	json_t *all;
	size_t i;

	for (size_t n = 1900; n < sizeof(text); n++) {
		memset(text, 'x', n);
		text[n] = '\0';
		assert_int_equal(0, recorder__event(f->r, "note", T0, text_fields(text)));
	}
	all = read_lines(f->path);
	assert_int_equal(json_array_size(all), sizeof(text) - 1900);
	for (i = 0; i < json_array_size(all); i++)
		assert_int_equal(1900 + i, json_string_length(json_object_get(
						   json_array_get(all, i), "text")));
	json_decref(all);
}

static void test_no_utf8(void **state)
{
	struct fixture *f = *state;
	json_t *all;

	assert_int_equal(0, recorder__event(f->r, "note", T0,
					    text_fields("a\xff\xfe"
							"b")));
	all = read_lines(f->path);
	assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "text")),
			    "a??b");
	json_decref(all);
}

static void test_exists(void **state)
{
	struct fixture *f = *state;
	struct recorder *second = NULL;
	struct error err;

	assert_int_equal(-EEXIST, recorder__open(f->dir, 0, &second, &err));
	assert_null(second);
	assert_non_null(strstr(err.msg, f->path));
	assert_int_equal(-ENOENT, recorder__open("/nonexistent/dir", 0, &second, &err));
}

#define THREADS 8
#define EACH 500

static void *writer(void *arg)
{
	struct recorder *r = arg;
	char text[400];

	for (int i = 0; i < EACH; i++) {
		memset(text, 'a' + i % 26, sizeof(text));
		text[i % (int)sizeof(text)] = '\0';
		recorder__event(r, "note", T0 + i, text_fields(text));
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t t[THREADS];
	json_t *all;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(0, pthread_create(&t[i], NULL, writer, f->r));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	all = read_lines(f->path);
	assert_int_equal(json_array_size(all), THREADS * EACH);
	assert_int_equal(recorder__events(f->r), THREADS * EACH);
	json_decref(all);
}

/* A limit on the file's size is a disk that is full in the middle of a line. */
static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, small;
	struct stat st;
	json_t *all;
	size_t before;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){1000, old.rlim_max};
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &small));
	for (int i = 0; i < 100 && !r; i++)
		r = recorder__event(f->r, "note", T0,
				    text_fields("some thirty bytes of some text"));
	assert_int_equal(r, -EFBIG);
	assert_int_equal(recorder__failed(f->r), -EFBIG);
	assert_int_equal(recorder__lost(f->r), 1);
	all = read_lines(f->path);
	before = json_array_size(all);
	assert_true(before > 5);
	assert_int_equal(before, recorder__events(f->r));
	json_decref(all);
	/* Nothing longer fits, something shorter may; lines stay whole. */
	assert_int_equal(-EFBIG, recorder__event(f->r, "note", T0,
						 text_fields("some thirty bytes of some text")));
	assert_int_equal(recorder__lost(f->r), 2);
	assert_int_equal(0, stat(f->path, &st));
	assert_true(st.st_size <= 1000);

	/* Room again: the record goes on, and the first error is not forgotten. */
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &old));
	assert_int_equal(0, recorder__event(f->r, "end", T0, text_fields("after")));
	assert_int_equal(recorder__failed(f->r), -EFBIG);
	all = read_lines(f->path);
	assert_int_equal(json_array_size(all), before + 1);
	assert_string_equal(
		"after", json_string_value(json_object_get(json_array_get(all, before), "text")));
	json_decref(all);
}

static void test_close_null(void **state)
{
	(void)state;
	recorder__close(NULL);
}

#define with_recorder(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_recorder(test_format),	with_recorder(test_t0),
		with_recorder(test_long_lines), with_recorder(test_no_utf8),
		with_recorder(test_exists),	with_recorder(test_threads),
		with_recorder(test_full_disk),	cmocka_unit_test(test_close_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
