/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect_schema.h: internal to expect*.c: which paths there are, and of what kind their values
 * are.
 */
#ifndef CHAOS_ANALYSIS_EXPECT_SCHEMA_H
#define CHAOS_ANALYSIS_EXPECT_SCHEMA_H

#include "analysis/expect.h"

#include <stddef.h>

enum expect_kind {
	KIND_COUNT,
	KIND_SECONDS,
	KIND_MS,
	KIND_PER_S,
	KIND_RATIO,
	KIND_LEVEL,
	KIND_BOOL,
	KIND_WORD,
};

/*
 * Steps are parted by dots. `name[key]` is an array of objects, told apart by their member `key`;
 * `name{what}` an object whose members are named by the run; `name[#]` an array by position.
 */
struct expect_schema {
	const char *path;
	enum expect_kind kind;
};

extern const struct expect_schema expect_schemas[];
extern const size_t n_expect_schemas;

/* One step of a schema's path, cut in two. */
struct expect_step {
	char name[40];
	char mark; /* 0, '[', '{' or '#' */
	char key[16];
};

/* Returns the number of steps, at most EXPECT_STEPS. */
size_t expect_schema__steps(const struct expect_schema *s, struct expect_step *ret);

/* "_s", "_ms" or "_per_s" at the end of @name, or "". */
const char *expect_schema__unit(const char *name);

#endif
