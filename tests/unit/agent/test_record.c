// SPDX-License-Identifier: GPL-2.0-only
/* A node's record from segments to chunks and back; and what hostile chunks cannot do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/job.h"
#include "agent/record.h"
#include "lib/cleanup.h"
#include "lib/rng.h"
#include "lib/base64.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>
#include <zlib.h>

static char root[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/test_record.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* root/@fmt */
static const char *path(const char *fmt, ...)
{
	static char bufs[4][512];
	static unsigned int turn;
	char *buf = bufs[turn++ % 4];
	int n = snprintf(buf, sizeof(bufs[0]), "%s/", root);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, sizeof(bufs[0]) - (size_t)n, fmt, ap);
	va_end(ap);
	return buf;
}

static void put(const char *file, const void *data, size_t n)
{
	_cleanup_fclose_ FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
}

static void segment(const char *base, const char *name, const void *data, size_t n)
{
	mkdir(path("%s", base), 0755);
	mkdir(path("%s/%s", base, name), 0755);
	put(path("%s/%s/events.jsonl", base, name), data, n);
}

static void assert_file(const char *file, const void *want, size_t n)
{
	_cleanup_fclose_ FILE *f = fopen(file, "r");
	_cleanup_free_ char *got = malloc(n + 1);

	assert_non_null(f);
	assert_int_equal(fread(got, 1, n + 1, f), n);
	assert_memory_equal(got, want, n);
}

static json_t *chunks_of(const char *file, unsigned int n)
{
	struct error err = {0};
	json_t *a = json_array();
	char *s;

	for (unsigned int k = 0; k < n; k++) {
		assert_int_equal(record__chunk(file, k, &s, &err), 0);
		json_array_append_new(a, json_string(s));
		free(s);
	}
	assert_int_equal(record__chunk(file, n, &s, &err), -ENODATA);
	return a;
}

static void *noise(size_t n)
{
	uint64_t *p = malloc(n), x = 1;

	for (size_t i = 0; i < n / 8; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		p[i] = x ^ x >> 29;
	}
	return p;
}

static void test_segments_stay_apart(void **state)
{
	static const char a[] = "{\"t_s\":0}\n{\"t_s\":1}\n", b[] = "{\"t_s\":2}\n{\"t_";
	struct record_size size = {0};
	struct error err = {0};
	json_t *chunks;

	(void)state;
	segment("run", "10", b, sizeof(b) - 1);
	segment("run", "9", a, sizeof(a) - 1);
	segment("run", "11", "", 0);
	segment("run", ".hidden", a, sizeof(a) - 1);
	mkdir(path("run/12"), 0755);
	put(path("run/file"), "x", 1);
	assert_int_equal(record__pack(path("run"), path("out"), &size, &err), 0);
	assert_int_equal(size.segments, 2);
	assert_int_equal(size.chunks, 1);
	assert_int_equal(size.events_bytes, sizeof(a) + sizeof(b) - 2);

	chunks = chunks_of(path("out"), 1);
	assert_int_equal(record__unpack(chunks, path(""), "node-1.example", &err), 0);
	assert_file(path("node-1.example/9/events.jsonl"), a, sizeof(a) - 1);
	assert_file(path("node-1.example/10/events.jsonl"), b, sizeof(b) - 1);
	assert_int_equal(access(path("node-1.example/.hidden"), F_OK), -1);
	/* never over what is there */
	assert_int_equal(record__unpack(chunks, path(""), "node-1.example", &err), -EEXIST);
	assert_file(path("node-1.example/9/events.jsonl"), a, sizeof(a) - 1);
	json_decref(chunks);
}

static void test_nothing(void **state)
{
	struct record_size size;
	struct error err = {0};

	(void)state;
	assert_int_equal(record__pack(path("none"), path("out"), &size, &err), -ENOENT);
	segment("run", "1", "", 0);
	assert_int_equal(record__pack(path("run"), path("out"), &size, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no events"));
	assert_int_equal(access(path("out"), F_OK), -1);
}

static void test_several_chunks(void **state)
{
	size_t n = (size_t)2 * RECORD_CHUNK_BYTES + 12345;
	_cleanup_free_ void *data = noise(n);
	struct record_size size;
	struct error err = {0};
	json_t *chunks, *bad;

	(void)state;
	segment("run", "1", data, n);
	assert_int_equal(record__pack(path("run"), path("out"), &size, &err), 0);
	assert_int_equal(size.chunks, 3);
	chunks = chunks_of(path("out"), 3);
	assert_int_equal(record__unpack(chunks, path(""), "n1", &err), 0);
	assert_file(path("n1/1/events.jsonl"), data, n);

	/* one is missing: the last, the first, one in the middle; two change places; one is cut */
	for (int k = 0; k < 5; k++) {
		bad = json_copy(chunks);
		if (k < 3)
			json_array_remove(bad, (size_t)(2 - k));
		if (k == 3) {
			json_array_append(bad, json_array_get(bad, 1));
			json_array_remove(bad, 1);
		}
		if (k == 4)
			json_array_set_new(bad, 1, json_string("AAAA"));
		assert_int_equal(record__unpack(bad, path(""), "n2", &err), -EBADMSG);
		assert_int_equal(access(path("n2"), F_OK), -1);
		json_decref(bad);
	}
	json_decref(chunks);
}

/* Much is packed beside the loop; both ways come to the same. */
static void test_beside_a_loop(void **state)
{
	size_t n = (size_t)RECORD_AT_ONCE + 1;
	_cleanup_free_ char *data = malloc(n);
	struct record_size at_once = {0}, size = {0};
	struct error err = {0};
	struct job *job = NULL;
	int r;

	(void)state;
	memset(data, 'x', n);
	segment("run", "1", data, n - 1);
	assert_int_equal(record__pack_begin(path("run"), path("out"), &job, &at_once, &err), 1);
	assert_null(job);
	segment("run", "1", data, n);
	assert_int_equal(record__pack_begin(path("run"), path("out"), &job, &size, &err), 0);
	while (!(r = record__pack_poll(job, &size, &err)))
		assert_int_equal(
			poll(&(struct pollfd){.fd = job__fd(job), .events = POLLIN}, 1, -1), 1);
	assert_int_equal(r, 1);
	job__free(job);
	assert_int_equal(size.events_bytes, n);
	assert_int_equal(size.segments, 1);
	assert_int_equal(size.chunks, at_once.chunks);

	assert_int_equal(record__pack_begin(path("run"), path("no/out"), &job, &size, &err), 0);
	while (!(r = record__pack_poll(job, &size, &err)))
		assert_int_equal(
			poll(&(struct pollfd){.fd = job__fd(job), .events = POLLIN}, 1, -1), 1);
	assert_int_equal(r, -ENOENT);
	assert_non_null(strstr(err.msg, "no/out: cannot be made"));
	job__free(job);

	assert_int_equal(record__pack_begin(path("run"), path("out"), &job, &size, &err), 0);
	job__free(job); /* while it works */
	assert_int_equal(record__pack_begin(path("none"), path("out"), &job, &size, &err), -ENOENT);
}

static void test_too_big(void **state)
{
	size_t n = (size_t)RECORD_CHUNKS_MAX * RECORD_CHUNK_BYTES;
	_cleanup_free_ void *data = noise(n);
	struct record_size size;
	struct error err = {0};

	(void)state;
	segment("run", "1", data, n);
	assert_int_equal(record__pack(path("run"), path("out"), &size, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "43.75 MiB of events, more than 43.75 MiB when packed"));
	assert_non_null(strstr(err.msg, path("run")));
	assert_int_equal(access(path("out"), F_OK), -1);

	assert_int_equal(truncate(path("run/1/events.jsonl"), (off_t)RECORD_BYTES_MAX + 1), 0);
	assert_int_equal(record__pack(path("run"), path("out"), &size, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "more than 2 GiB; it stays on the node"));
}

/* One gzip member of @n bytes with the name @name, as one chunk's text. */
static char *member(const char *name, const void *data, size_t n)
{
	gz_header head = {.name = (Bytef *)name, .os = 3};
	z_stream z = {0};
	uint8_t *raw;
	char *text;

	deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
	if (name)
		deflateSetHeader(&z, &head);
	z.avail_out = (uInt)deflateBound(&z, n) + 1024;
	raw = z.next_out = malloc(z.avail_out);
	z.next_in = (Bytef *)data;
	z.avail_in = (uInt)n;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	text = malloc(BASE64_SIZE(z.total_out));
	base64__encode(text, raw, z.total_out);
	free(raw);
	deflateEnd(&z);
	return text;
}

static int unpack_one(const char *text, size_t times)
{
	json_t *chunks = json_array();
	struct error err = {0};
	int r;

	while (times--)
		json_array_append_new(chunks, json_string(text));
	r = record__unpack(chunks, path(""), "n1", &err);
	assert_true(r == 0 || err.msg[0]);
	json_decref(chunks);
	return r;
}

static void test_hostile_names(void **state)
{
	static const char *const names[] = {NULL,  "",	   ".",	 "..", "../x",
					    "a/b", "/etc", ".a", "a b"};
	static const char *const nodes[] = {"", ".", "..", "a/b", "../n", ".n", "a\nb"};
	struct record_unpack *u;
	struct error err = {0};
	char longest[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = member(names[i], "x\n", 2);

		assert_int_equal(unpack_one(text, 1), -EBADMSG);
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	_cleanup_free_ char *text = member(longest, "x\n", 2);

	assert_int_equal(unpack_one(text, 1), -EBADMSG);
	assert_int_equal(access(path("n1"), F_OK), -1);
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		assert_int_equal(record_unpack__open(path(""), nodes[i], 1, &u, &err), -EINVAL);
	assert_int_equal(record_unpack__open(path(""), longest, 1, &u, &err), -EINVAL);
}

static void test_hostile_streams(void **state)
{
	static const char *const texts[] = {"",		"A",	    "====", "H4sI",
					    "H4sIAAAA", "AAAAAAAA", "!!!!"};
	_cleanup_free_ char *one = member("1", "x\n", 2), *cut = strdup(one);
	_cleanup_free_ char *big = malloc(2 * RECORD_CHUNK_BYTES);
	struct error err = {0};
	json_t *odd = json_pack("[i]", 1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(unpack_one(texts[i], 1), -EBADMSG);
	cut[strlen(cut) - 8] = 0; /* within the checksum */
	assert_int_equal(unpack_one(cut, 1), -EBADMSG);
	assert_int_equal(unpack_one(one, 2), -EEXIST); /* a segment twice */
	memset(big, 'A', 2 * RECORD_CHUNK_BYTES);
	big[2 * RECORD_CHUNK_BYTES - 4] = 0;
	assert_int_equal(unpack_one(big, 1), -EBADMSG);
	assert_int_equal(record__unpack(odd, path(""), "n1", &err), -EBADMSG);
	assert_int_equal(record__unpack(NULL, path(""), "n1", &err), -EINVAL);
	assert_int_equal(access(path("n1"), F_OK), -1);
	json_decref(odd);
}

/* A thousand times its size: no more than may be is ever on the disk, and then nothing. */
static void test_bomb(void **state)
{
	size_t n = (size_t)16 << 20;
	_cleanup_free_ void *zeros = calloc(1, n);
	_cleanup_free_ char *text = member("1", zeros, n);
	struct record_unpack *u;
	struct error err = {0};
	struct stat st;

	(void)state;
	assert_int_equal(record_unpack__open(path(""), "n1", 1 << 20, &u, &err), 0);
	assert_int_equal(record_unpack__chunk(u, text, strlen(text), &err), -EFBIG);
	assert_int_equal(stat(path("n1/1/events.jsonl"), &st), 0);
	assert_true(st.st_size <= 1 << 20);
	record_unpack__free(u);
	assert_int_equal(access(path("n1"), F_OK), -1);
}

static void test_names_of_objects(void **state)
{
	char a[RECORD_NAME_MAX], b[RECORD_NAME_MAX], name[254];

	(void)state;
	assert_string_equal(record__map_name("0123456789", "n1", 3, a, sizeof(a)),
			    "chaos-01234567-n1-03");
	assert_string_equal(record__label("n1.example", a, sizeof(a)), "n1.example");
	memset(name, 'x', 253);
	name[253] = 0;
	assert_int_equal(strlen(record__map_name("0123456789", name, 63, a, sizeof(a))), 253);
	assert_int_equal(strlen(record__label(name, a, sizeof(a))), 63);
	name[252] = 'y';
	assert_string_not_equal(a, record__label(name, b, sizeof(b)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_segments_stay_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_chunks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside_a_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bomb, setup, teardown),
		cmocka_unit_test(test_names_of_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
