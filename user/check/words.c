// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c: a violation in one sentence, from the operations that show it. The forms that people
 * meet have words of their own (words_forms.c); of what is left, the operations are told one by
 * one.
 */
#include "check/words.h"
#include "lib/clock.h"

#include <inttypes.h>

#define TOLD_MAX 8 /* operations told one by one */

/* ---- pieces ---- */

void tell__who(const struct telling *t, const struct check_op *o)
{
	if (t->names && t->names->process)
		fputs(t->names->process(t->names->ctx, o->process), t->out);
	else
		fprintf(t->out, "c%d", o->process);
}

void tell__which(const struct telling *t, const struct check_op *o)
{
	if (t->names && t->names->key)
		fputs(t->names->key(t->names->ctx, o->key), t->out);
	else
		fprintf(t->out, "key %u", o->key);
}

void tell__at(const struct telling *t, int64_t ns)
{
	fprintf(t->out, "%.3f s", (double)ns / NS_PER_S);
}

void tell__value(const struct telling *t, int64_t v)
{
	if (v == CHECK_NIL)
		fputs("nothing", t->out);
	else
		fprintf(t->out, "%" PRId64, v);
}

void tell__when(const struct telling *t, const struct check_op *o)
{
	fputs(" at ", t->out);
	tell__at(t, o->complete_ns == T_INF ? o->invoke_ns : o->complete_ns);
}

void tell__op(const struct telling *t, const struct check_op *o)
{
	tell__who(t, o);
	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		fputs(" read ", t->out);
		tell__value(t, o->value);
		break;
	case CHECK_WRITE:
		fprintf(t->out, " wrote %" PRId64, o->value);
		break;
	case CHECK_CAS:
		fputs(" changed ", t->out);
		tell__value(t, o->arg);
		fprintf(t->out, " to %" PRId64, o->value);
		break;
	case CHECK_ADD:
		fprintf(t->out, " added %" PRId64, t->c == CHECKER_COUNTER ? o->arg : o->value);
		if (t->c == CHECKER_COUNTER && o->value != CHECK_NIL)
			fprintf(t->out, " and was told %" PRId64, o->value);
		break;
	case CHECK_CONTAINS:
		fprintf(t->out, " %s %" PRId64, o->arg ? "found" : "did not find", o->value);
		break;
	case CHECK_PUSH:
		fprintf(t->out, " pushed %" PRId64, o->value);
		break;
	case CHECK_POP:
		fputs(" popped ", t->out);
		tell__value(t, o->value);
		break;
	case CHECK_ACQUIRE:
		fprintf(t->out, " acquired it (%" PRId64 ")", o->value);
		break;
	case CHECK_RELEASE:
		fprintf(t->out, " released it (%" PRId64 ")", o->value);
		break;
	case CHECK_EXPIRE:
		fprintf(t->out, "'s hold (%" PRId64 ") ran out", o->value);
		break;
	}
	tell__when(t, o);
	if (o->complete_ns == T_INF)
		fputs(" (no answer)", t->out);
}

const struct check_op *tell__nth(const struct telling *t, size_t i)
{
	return &t->ops[t->witness[i]];
}

const struct check_op *tell__last_of(const struct telling *t, enum check_kind kind)
{
	const struct check_op *last = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = tell__nth(t, i);

		if (o->kind == kind && o->complete_ns != T_INF &&
		    (!last || o->complete_ns > last->complete_ns))
			last = o;
	}
	return last;
}

bool tell__sets(const struct check_op *o, int64_t v)
{
	return (o->kind == CHECK_WRITE || o->kind == CHECK_CAS || o->kind == CHECK_PUSH ||
		o->kind == CHECK_ADD) &&
	       o->value == v;
}

const struct check_op *tell__maker(const struct telling *t, int64_t v)
{
	const struct check_op *first = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (tell__sets(&t->ops[i], v) && (!first || t->ops[i].invoke_ns < first->invoke_ns))
			first = &t->ops[i];
	return first;
}

void tell__read_returned(const struct telling *t, const struct check_op *r)
{
	fputs("read of ", t->out);
	tell__which(t, r);
	fputs(" by ", t->out);
	tell__who(t, r);
	tell__when(t, r);
	fputs(" returned ", t->out);
	tell__value(t, r->value);
}

static void one_by_one(const struct telling *t)
{
	size_t told = t->n_witness < TOLD_MAX ? t->n_witness : TOLD_MAX;

	fputs("no order explains what was answered of ", t->out);
	tell__which(t, tell__nth(t, 0));
	fputs(": ", t->out);
	for (size_t i = 0; i < told; i++) {
		fputs(i ? ", " : "", t->out);
		tell__op(t, tell__nth(t, i));
	}
	if (told < t->n_witness)
		fprintf(t->out, ", and %zu more", t->n_witness - told);
}

char *words__make(enum checker c, const struct check_op *ops, size_t n, const size_t *witness,
		  size_t n_witness, const struct check_names *names)
{
	struct telling t = {NULL, c, ops, n, witness, n_witness, names};
	char *text = NULL;
	size_t size = 0;

	t.out = open_memstream(&text, &size);
	if (!t.out)
		return NULL;
	if (n_witness && !words__form(&t))
		one_by_one(&t);
	if (fclose(t.out)) {
		free(text);
		return NULL;
	}
	return text;
}
