/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect_schema.h: internal to expect*.c: which paths there are, and of what kind their values
 * are.
 *
 * Whoever adds a number to summary.json adds its row here; test_window.c fails for a number
 * without one.
 */
#ifndef CHAOS_ANALYSIS_EXPECT_SCHEMA_H
#define CHAOS_ANALYSIS_EXPECT_SCHEMA_H

#include "analysis/expect.h"

#include <stdbool.h>
#include <stddef.h>

enum expect_kind {
	KIND_BY_NAME, /* by the unit at the end of a name, else a count */
	KIND_COUNT,
	KIND_BYTES,
	KIND_SECONDS,
	KIND_MS,
	KIND_US,
	KIND_PER_S,
	KIND_RATIO,
	KIND_LEVEL,
	KIND_BOOL,
	KIND_WORD,
};

/*
 * What a path means in a window (`in fault`): nothing, or the same number of the operations that
 * ended in it (of an acknowledged write: that was acknowledged in it), of those that were due in
 * it, or what a herd was in it.
 */
enum expect_scope { SCOPE_RUN, SCOPE_ENDED, SCOPE_DUE, SCOPE_HERD };

/*
 * Steps are parted by dots. `name[key]` is an array of objects, told apart by their member `key`
 * (`key>other`: by two, as in `[n1>n2]`; `key@a`: also by a or by b, which each has one of or
 * none, where the user says it, as in `[syn@n1:6379]`); `name{what}` an object whose members are named by the
 * run; `name[#]` an array by position.
 */
struct expect_schema {
	const char *path;
	enum expect_kind kind;
	enum expect_scope scope;
	bool final; /* of the final reads: not known while a run goes on */
};

extern const struct expect_schema expect_schemas[];
extern const size_t n_expect_schemas;

/* Never KIND_BY_NAME. */
enum expect_kind expect_schema__kind(const struct expect_schema *s);
/* "ms", "s", "us", "bytes", "per_s", or NULL. */
const char *expect_schema__unit_text(const struct expect_schema *s);
/* Why it means nothing in a window; NULL if it does. */
const char *expect_schema__no_window(const struct expect_schema *s, enum expect_window w);

#define EXPECT_TEXT_MAX 1000

/* ---- the text, cut ---- */

struct parts {
	char path[EXPECT_TEXT_MAX + 1];
	char window[EXPECT_TEXT_MAX + 1]; /* what stands behind `in`, or "" */
	char value[EXPECT_TEXT_MAX + 1];
	enum expect_op op;
	int path_col, window_col, op_col, value_col; /* from 1 */
	int bad_col;				     /* where the error is */
};

/* -EINVAL, and where. */
int parts__bad(struct parts *p, int col, struct error *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* expect_words.c: both need the path, which is read first. */
int parts__window(struct parts *p, struct expect *e, struct error *err);
int parts__names(struct parts *p, const struct expect *e, const struct expect_names *x,
		 struct error *err);

/* One step of a schema's path, cut in two. */
struct expect_step {
	char name[40];
	char mark; /* 0, '[', '{' or '#' */
	char key[16];
};

/* Returns the number of steps, at most EXPECT_STEPS. */
size_t expect_schema__steps(const struct expect_schema *s, struct expect_step *ret);

/* "_s", "_ms", "_us", "_per_s" or "_bytes" at the end of @name, or "". */
const char *expect_schema__unit(const char *name);

#endif
