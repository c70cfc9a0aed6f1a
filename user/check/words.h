/* SPDX-License-Identifier: GPL-2.0-only */
/* words.h: internal to words*.c: a violation being told. */
#ifndef CHAOS_CHECK_WORDS_H
#define CHAOS_CHECK_WORDS_H

#include "check/internal.h"

#include <stdio.h>

struct telling {
	FILE *out;
	enum checker c;
	const struct check_op *ops; /* of the key */
	size_t n;
	const size_t *witness; /* by invocation */
	size_t n_witness;
	const struct check_names *names;
};

/* What each of these says goes to @t->out. */
void tell__who(const struct telling *t, const struct check_op *o);
void tell__which(const struct telling *t, const struct check_op *o); /* the key */
void tell__at(const struct telling *t, int64_t ns);
void tell__when(const struct telling *t, const struct check_op *o);
void tell__value(const struct telling *t, int64_t v);
void tell__op(const struct telling *t, const struct check_op *o);
void tell__read_returned(const struct telling *t, const struct check_op *r);

const struct check_op *tell__nth(const struct telling *t, size_t i); /* of the witness */
/* Of the witness, the one of @kind that completed last; NULL: none that did. */
const struct check_op *tell__last_of(const struct telling *t, enum check_kind kind);
bool tell__sets(const struct check_op *o, int64_t v);
/* The first invoked of all operations that made it @v; NULL: none. */
const struct check_op *tell__maker(const struct telling *t, int64_t v);

/* words_forms.c: the forms that people meet; false: it is none of them, and nothing was said. */
bool words__form(const struct telling *t);

#endif
