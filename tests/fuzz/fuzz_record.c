// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a node's record that came through the API server: as one chunk and as two, and as the base64
 * itself. What is written stays below its folder, and goes again if the record is broken.
 */
#include "agent/record.h"
#include "lib/base64.h"
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

static char dir[] = "/tmp/fuzz_record.XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level ? remove(path) : 0;
}

static void remove_all(void)
{
	MUST(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

static void remove_dir(void)
{
	remove_all();
	rmdir(dir);
}

static size_t entries(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	MUST(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int unpack(json_t *chunks)
{
	struct error err = {0};
	int r = record__unpack(chunks, dir, "node", &err);

	MUST(r == 0 || err.msg[0]);
	MUST(entries() == (r == 0));
	remove_all();
	json_decref(chunks);
	return r;
}

static json_t *encoded(const uint8_t *data, size_t n)
{
	char *text = malloc(BASE64_SIZE(n));
	json_t *s;

	MUST(text);
	s = json_string(base64__encode(text, data, n));
	free(text);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool made;
	int one, two;

	if (!made) {
		MUST(mkdtemp(dir));
		atexit(remove_dir);
		made = true;
	}
	unpack(json_pack("[o]", json_stringn_nocheck((const char *)data, size)));
	if (size < 2)
		return 0;
	one = unpack(json_pack("[o]", encoded(data, size)));
	two = unpack(json_pack("[o, o]", encoded(data, size / 2),
			       encoded(data + size / 2, size - size / 2)));
	/* Where it is cut changes nothing, but for which of two errors is seen first. */
	MUST(!one == !two);
	return 0;
}
