/* SPDX-License-Identifier: GPL-2.0-only */
/* live.h: for test_live*.c: a record of their own in a folder of their own, and what came into it. */
#ifndef TEST_RECORDER_LIVE_H
#define TEST_RECORDER_LIVE_H

#include "experiment/experiment.h"
#include "fake.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/recorder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct {
	char dir[64], path[96];
	struct recorder *r;
	int netns;
	struct error err;
} env;

static inline int setup(void **state)
{
	(void)state;
	snprintf(env.dir, sizeof(env.dir), "/tmp/recorder-unit-XXXXXX");
	if (!mkdtemp(env.dir))
		return -1;
	snprintf(env.path, sizeof(env.path), "%s/events.jsonl", env.dir);
	env.netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return recorder__open(env.dir, clock__now(), &env.r, &env.err);
}

static inline int teardown(void **state)
{
	(void)state;
	recorder__close(env.r);
	close(env.netns);
	unlink(env.path);
	rmdir(env.dir);
	return 0;
}

/* What was recorded, of one type; NULL: all of it. */
static inline json_t *events(const char *type)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_fclose_ FILE *f = fopen(env.path, "r");
	json_t *all = json_array();
	size_t size = 0;
	ssize_t n;

	assert_non_null(f);
	while ((n = getline(&line, &size, f)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, JSON_REJECT_DUPLICATES, NULL);

		assert_non_null(o);
		if (!type || !strcmp(type, json_string_value(json_object_get(o, "type"))))
			json_array_append(all, o);
		json_decref(o);
	}
	return all;
}

static inline json_int_t num(const json_t *o, const char *key)
{
	assert_true(json_is_integer(json_object_get(o, key)));
	return json_integer_value(json_object_get(o, key));
}

static inline const char *str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "(none)";
}

#define with_env(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
