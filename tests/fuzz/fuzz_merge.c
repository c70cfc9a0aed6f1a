// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as the records of several nodes, a byte 0xff between two: they are refused with words and nothing is
 * left, or become one record. The order in which they are named changes nothing, and what can be
 * read alone can be read merged.
 */
#include "analysis/analysis.h"
#include "analysis/history.h"
#include "report/merge.h"
#include "fuzz.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define PARTS_MAX 6
#define BETWEEN 0xff

static char dir[] = "/tmp/fuzz_merge.XXXXXX";
static char files[PARTS_MAX][64], out[64], again[64];

static void remove_dir(void)
{
	for (size_t i = 0; i < PARTS_MAX; i++)
		unlink(files[i]);
	unlink(out);
	unlink(again);
	/* what a merge left beside these would be seen here */
	if (rmdir(dir) < 0)
		_exit(1);
}

static void make_dir(void)
{
	MUST(mkdtemp(dir));
	for (size_t i = 0; i < PARTS_MAX; i++)
		snprintf(files[i], sizeof(files[i]), "%s/%zu", dir, i);
	snprintf(out, sizeof(out), "%s/out", dir);
	snprintf(again, sizeof(again), "%s/again", dir);
	atexit(remove_dir);
}

static void write_file(const char *name, const uint8_t *data, size_t n)
{
	FILE *f = fopen(name, "we");

	MUST(f && fwrite(data, 1, n, f) == n);
	MUST(fclose(f) == 0);
}

/* Whole lines that are a record by themselves, as the recorder writes them. */
static bool readable(const uint8_t *data, size_t n)
{
	struct history *h = NULL;
	FILE *f;
	int r;

	while (n && data[n - 1] != '\n')
		n--;
	if (!n)
		return true; /* left out */
	f = fmemopen((void *)data, n, "r");
	MUST(f);
	r = history__read(f, "part", &h, NULL);
	fclose(f);
	history__free(h);
	return r == 0;
}

static bool same_bytes(const char *a, const char *b)
{
	FILE *f = fopen(a, "re"), *g = fopen(b, "re");
	int x, y;

	MUST(f && g);
	do {
		x = getc(f);
		y = getc(g);
	} while (x == y && x != EOF);
	fclose(f);
	fclose(g);
	return x == y;
}

static void look_at(const char *file, bool whole)
{
	FILE *f = fopen(file, "re");
	struct history *h = NULL;
	struct error err = {0};
	int r;

	MUST(f);
	r = history__read(f, "merged", &h, &err);
	fclose(f);
	if (r)
		fprintf(stderr, "%s\n", err.msg);
	MUST(!r || !whole);
	if (!r) {
		json_t *s = analysis__summary(h), *lanes = s ? analysis__lanes(h, s) : NULL;

		MUST(lanes);
		json_decref(lanes);
		json_decref(s);
	}
	history__free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *names[PARTS_MAX], *back[PARTS_MAX];
	struct error err = {0};
	bool whole = true;
	size_t n = 0;
	int r, s;

	if (!*out)
		make_dir();
	for (const uint8_t *end; n < PARTS_MAX; data = end + 1, size--) {
		end = size ? memchr(data, BETWEEN, size) : NULL;
		end = end ? end : data + size;
		whole &= readable(data, (size_t)(end - data));
		write_file(files[n++], data, (size_t)(end - data));
		size -= (size_t)(end - data);
		if (!size)
			break;
	}
	for (size_t i = 0; i < n; i++)
		names[i] = back[n - 1 - i] = files[i];
	r = record__merge(names, n, out, &err);
	MUST(r == 0 || err.msg[0]);
	MUST((access(out, F_OK) == 0) == (r == 0));
	s = record__merge(back, n, again, NULL);
	MUST(r == s);
	if (r == 0) {
		MUST(same_bytes(out, again));
		look_at(out, whole);
	}
	unlink(out);
	unlink(again);
	return 0;
}
