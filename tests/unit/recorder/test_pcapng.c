// SPDX-License-Identifier: GPL-2.0-only
/* test_pcapng.c: every block by the draft's layout, and the bound of the file. */
#include "recorder/pcapng.h"

#include "lib/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/chaos-pcapng-XXXXXX";

struct file {
	uint8_t *v;
	size_t n;
};

static uint32_t u32(const struct file *f, size_t at)
{
	uint32_t x;

	assert_true(at + 4 <= f->n);
	memcpy(&x, f->v + at, sizeof(x));
	return x;
}

static void read_file(struct file *f)
{
	FILE *in = fopen(path, "re");

	assert_non_null(in);
	f->v = calloc(1, 1 << 20);
	f->n = fread(f->v, 1, 1 << 20, in);
	fclose(in);
}

static struct pcapng *create(uint64_t max)
{
	struct pcapng *p = NULL;
	struct error err = {0};

	unlink(path);
	if (pcapng__open(path, max, "test", "a comment", &p, &err) != 0)
		fail_msg("%s", err.msg);
	return p;
}

/* Blocks in order, each as long at its end as at its beginning; returns how many are of @type. */
static int blocks(const struct file *f, uint32_t type)
{
	int n = 0;

	for (size_t at = 0; at < f->n;) {
		uint32_t len = u32(f, at + 4);

		assert_true(len >= 12 && len % 4 == 0 && at + len <= f->n);
		assert_int_equal(u32(f, at + len - 4), len);
		n += u32(f, at) == type;
		at += len;
	}
	return n;
}

static void layout(void **state)
{
	struct pcapng *p = create(1 << 16);
	struct file f = {0};
	uint32_t number = 9;
	size_t at;

	(void)state;
	assert_int_equal(pcapng__interface(p, "n1/eth0", PCAPNG_ETHERNET, 64, &number), 0);
	assert_int_equal(number, 0);
	assert_int_equal(
		pcapng__packet(p, &(struct pcapng_packet){.realtime_ns = 0x1234567890abcdef,
							  .wire_len = 99,
							  .len = 5,
							  .data = "abcde",
							  .inbound = true,
							  .comment = "dropped"}),
		0);
	assert_int_equal(pcapng__counts(p).packets, 1);
	assert_int_equal(pcapng__close(p, 3, 1), 0);
	read_file(&f);
	assert_int_equal(blocks(&f, 0x0a0d0d0a), 1);
	assert_int_equal(blocks(&f, 1), 1);
	assert_int_equal(blocks(&f, 5), 1);
	assert_int_equal(blocks(&f, 6), 1);
	assert_int_equal(u32(&f, 8), 0x1a2b3c4d);
	at = u32(&f, 4);
	assert_int_equal(u32(&f, at), 1);
	assert_int_equal(u32(&f, at + 8), PCAPNG_ETHERNET);
	assert_int_equal(u32(&f, at + 12), 64);
	at += u32(&f, at + 4);
	assert_int_equal(u32(&f, at), 6);
	assert_int_equal(u32(&f, at + 8), 0);
	assert_int_equal(u32(&f, at + 12), 0x12345678);
	assert_int_equal(u32(&f, at + 16), 0x90abcdef);
	assert_int_equal(u32(&f, at + 20), 5);
	assert_int_equal(u32(&f, at + 24), 99);
	assert_memory_equal(f.v + at + 28, "abcde\0\0\0", 8);
	/* epb_flags: inbound */
	assert_int_equal(u32(&f, at + 36), 2 | 4 << 16);
	assert_int_equal(u32(&f, at + 40), 1);
	assert_int_equal(u32(&f, at + 44), 1 | 7 << 16);
	assert_memory_equal(f.v + at + 48, "dropped\0", 8);
	assert_int_equal(u32(&f, at + 56), 0);
	free(f.v);
}

static void bounded(void **state)
{
	struct pcapng *p = create(8192);
	uint8_t data[100] = {0};
	struct file f = {0};
	uint32_t number;
	int full = 0;

	(void)state;
	assert_int_equal(pcapng__interface(p, "x", PCAPNG_RAW, 100, &number), 0);
	for (int i = 0; i < 200; i++)
		full += pcapng__packet(p, &(struct pcapng_packet){
						  .wire_len = 100, .len = 100, .data = data}) == 1;
	assert_true(full > 100 && full < 200);
	assert_int_equal(pcapng__counts(p).no_room, full);
	assert_int_equal(pcapng__counts(p).packets, 200 - full);
	assert_int_equal(pcapng__close(p, 0, 1), 0);
	read_file(&f);
	assert_true(f.n <= 8192);
	assert_int_equal(blocks(&f, 6), 200 - full);
	assert_int_equal(blocks(&f, 5), 1);
	free(f.v);
}

static void a_file_that_is_there_stays(void **state)
{
	struct pcapng *p = create(8192), *q = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(pcapng__open(path, 8192, "test", "", &q, &err), -EEXIST);
	assert_non_null(strstr(err.msg, path));
	assert_null(q);
	assert_int_equal(pcapng__close(p, 0, 1), 0);
	assert_int_equal(pcapng__close(NULL, 0, 1), 0);
}

static int set_up(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layout),
		cmocka_unit_test(bounded),
		cmocka_unit_test(a_file_that_is_there_stays),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
