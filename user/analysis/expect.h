/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect.h: "path [in window] op value" against a summary. Paths are those of summary.json, with
 * dots, `[name]` or `[0]` where there is one of several; units at the end of a name may be left
 * out, and so may the index where there is only one. A window is `baseline`, `fault`, `recovery` or
 * `fault NAME` (window.c).
 */
#ifndef CHAOS_ANALYSIS_EXPECT_H
#define CHAOS_ANALYSIS_EXPECT_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>

#define EXPECT_STEPS 6

enum expect_op { EXPECT_LE, EXPECT_LT, EXPECT_GE, EXPECT_GT, EXPECT_EQ, EXPECT_NE };

enum expect_window {
	WINDOW_RUN, /* none was named */
	WINDOW_BASELINE,
	WINDOW_FAULT,
	WINDOW_RECOVERY,
	WINDOW_NAMED, /* `fault NAME` */
};

struct expect_schema;
struct expect_names; /* analysis.h */

struct expect {
	char *text; /* the path, cut into the strings below */
	const struct expect_schema *schema;
	char *index[EXPECT_STEPS]; /* by step of the schema, or NULL */
	enum expect_window window;
	char *fault; /* of WINDOW_NAMED */
	enum expect_op op;
	double number; /* of a number, in the unit of the path; of a level; of a truth value */
	char *word;    /* of a word */
};

/* -EINVAL with "column N: what; expected ...". */
int expect__parse(const char *text, struct expect **ret, struct error *err);
/*
 * The same, and every name that the text holds must be one of @names (may be NULL). The message
 * has no column: that is in @ret_col, from 1.
 */
int expect__read(const char *text, const struct expect_names *names, struct expect **ret,
		 int *ret_col, struct error *err);
void expect__free(struct expect *e);
static inline void cleanup_expect(struct expect **e)
{
	expect__free(*e);
}

/* The top of the path: "split_brain", "writes" ... */
bool expect__is_about(const struct expect *e, const char *top);

/*
 * The value that @e speaks of (borrowed from @summary), or NULL with the reason in @why. Never
 * json null.
 */
const json_t *expect__value(const struct expect *e, const json_t *summary, struct error *why);

/* Does it hold for @value? */
bool expect__holds(const struct expect *e, const json_t *value);

#endif
