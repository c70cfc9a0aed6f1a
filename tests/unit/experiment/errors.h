/* SPDX-License-Identifier: GPL-2.0-only */
/* errors.h: for test_errors*.c: mistakes in an experiment file, with the exact place and words of each finding. */
#ifndef TEST_EXPERIMENT_ERRORS_H
#define TEST_EXPERIMENT_ERRORS_H

#include "experiment/experiment.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bodies begin on line 5, 7 and 8. */
#define HEAD "apiVersion: netchaos.dev/v1alpha1\nkind: Experiment\nmetadata: {name: t}\nspec:\n"
#define LAB HEAD "  duration: 60s\n  lab: {nodes: {n1: {}, n2: {}, n3: {}}}\n"
#define FAULT LAB "  faults:\n"

struct mistake {
	const char *text, *expected;
};

static inline void expect_findings(const struct mistake *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct experiment *e = NULL;
		struct error err = {0};
		int r = experiment__parse("f.yaml", cases[i].text, strlen(cases[i].text), 1, &e,
					  &err);

		if (r != -EINVAL || strcmp(err.msg, cases[i].expected))
			fail_msg("case %zu:\n%s\ngave %d:\n%s\nexpected:\n%s", i, cases[i].text, r,
				 err.msg, cases[i].expected);
		assert_null(e);
		assert_int_equal(err.code, -EINVAL);
	}
}

#endif
