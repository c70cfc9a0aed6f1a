// SPDX-License-Identifier: GPL-2.0-only
/*
 * words.c: a violation in one sentence, from the operations that show it. The forms that people
 * meet have words of their own; of what is left, the operations are told one by one.
 */
#include "check/internal.h"
#include "lib/clock.h"
#include "lib/cleanup.h"

#include <inttypes.h>

#define TOLD_MAX 8 /* operations told one by one */

struct telling {
	FILE *out;
	enum checker c;
	const struct check_op *ops; /* of the key */
	size_t n;
	const size_t *witness; /* by invocation */
	size_t n_witness;
	const struct check_names *names;
};

/* ---- pieces ---- */

static void who(const struct telling *t, const struct check_op *o)
{
	if (t->names && t->names->process)
		fputs(t->names->process(t->names->ctx, o->process), t->out);
	else
		fprintf(t->out, "c%d", o->process);
}

static void which(const struct telling *t, const struct check_op *o)
{
	if (t->names && t->names->key)
		fputs(t->names->key(t->names->ctx, o->key), t->out);
	else
		fprintf(t->out, "key %u", o->key);
}

static void at(const struct telling *t, int64_t ns)
{
	fprintf(t->out, "%.3f s", (double)ns / NS_PER_S);
}

static void value(const struct telling *t, int64_t v)
{
	if (v == CHECK_NIL)
		fputs("nothing", t->out);
	else
		fprintf(t->out, "%" PRId64, v);
}

static void when(const struct telling *t, const struct check_op *o)
{
	fputs(" at ", t->out);
	at(t, o->complete_ns == T_INF ? o->invoke_ns : o->complete_ns);
}

static void tell(const struct telling *t, const struct check_op *o)
{
	who(t, o);
	switch ((enum check_kind)o->kind) {
	case CHECK_READ:
		fputs(" read ", t->out);
		value(t, o->value);
		break;
	case CHECK_WRITE:
		fprintf(t->out, " wrote %" PRId64, o->value);
		break;
	case CHECK_CAS:
		fputs(" changed ", t->out);
		value(t, o->arg);
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
		value(t, o->value);
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
	when(t, o);
	if (o->complete_ns == T_INF)
		fputs(" (no answer)", t->out);
}

static const struct check_op *nth(const struct telling *t, size_t i)
{
	return &t->ops[t->witness[i]];
}

/* Of the witness, the one of @kind that completed last; NULL: none that did. */
static const struct check_op *last_of(const struct telling *t, enum check_kind kind)
{
	const struct check_op *last = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = nth(t, i);

		if (o->kind == kind && o->complete_ns != T_INF &&
		    (!last || o->complete_ns > last->complete_ns))
			last = o;
	}
	return last;
}

static bool sets(const struct check_op *o, int64_t v)
{
	return (o->kind == CHECK_WRITE || o->kind == CHECK_CAS || o->kind == CHECK_PUSH ||
		o->kind == CHECK_ADD) &&
	       o->value == v;
}

/* The first invoked of all operations that made it @v; NULL: none. */
static const struct check_op *maker(const struct telling *t, int64_t v)
{
	const struct check_op *first = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (sets(&t->ops[i], v) && (!first || t->ops[i].invoke_ns < first->invoke_ns))
			first = &t->ops[i];
	return first;
}

static void read_returned(const struct telling *t, const struct check_op *r)
{
	fputs("read of ", t->out);
	which(t, r);
	fputs(" by ", t->out);
	who(t, r);
	when(t, r);
	fputs(" returned ", t->out);
	value(t, r->value);
}

/* ---- register, cas ---- */

/* What was known before @r was invoked and was another value: an acknowledged write, or a read. */
static const struct check_op *known_before(const struct telling *t, const struct check_op *r)
{
	const struct check_op *best = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = nth(t, i);

		if (o->value == r->value || !op__before(o, r))
			continue;
		if (!best || (best->kind == CHECK_READ && o->kind != CHECK_READ) ||
		    (best->kind == o->kind && o->complete_ns > best->complete_ns))
			best = o;
	}
	return best;
}

/* Everything that made it @v was complete before @o was invoked. */
static bool all_before(const struct telling *t, int64_t v, const struct check_op *o)
{
	for (size_t i = 0; i < t->n; i++)
		if (sets(&t->ops[i], v) && !op__before(&t->ops[i], o))
			return false;
	return true;
}

static bool two_swaps(const struct telling *t)
{
	const struct check_op *a = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *b = nth(t, i);

		if (b->kind != CHECK_CAS || b->complete_ns == T_INF)
			continue;
		if (!a || a->arg != b->arg) {
			a = b;
			continue;
		}
		fputs("two compare-and-sets of ", t->out);
		which(t, a);
		fputs(" from ", t->out);
		value(t, a->arg);
		fputs(" succeeded, though it was that only once: ", t->out);
		tell(t, a);
		fputs(", ", t->out);
		tell(t, b);
		return true;
	}
	return false;
}

static bool stale(const struct telling *t)
{
	const struct check_op *r = last_of(t, CHECK_READ), *other, *made;

	if (!r)
		return false;
	made = maker(t, r->value);
	other = known_before(t, r);
	if (r->value != CHECK_NIL && (!made || op__before(r, made))) {
		read_returned(t, r);
		fputs(made ? ", which was written only from " : ", which nothing had written",
		      t->out);
		if (made) {
			at(t, made->invoke_ns);
			fputs(" on", t->out);
		}
		return true;
	}
	if (!other)
		return false;
	read_returned(t, r);
	fputs(", but ", t->out);
	value(t, other->value);
	if (other->kind == CHECK_READ) {
		fputs(" had been read by ", t->out);
		who(t, other);
	} else {
		fputs(" had been acknowledged", t->out);
	}
	when(t, other);
	fputs(" and nothing wrote ", t->out);
	value(t, r->value);
	fputs(all_before(t, r->value, other) ? " after it" : " again in between", t->out);
	return true;
}

/* ---- counter ---- */

static bool counted(const struct telling *t)
{
	const struct check_op *r = NULL;
	size_t adds = 0, before = 0;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = nth(t, i);

		adds += o->kind == CHECK_ADD;
		if (o->kind == CHECK_READ && r)
			return false;
		r = o->kind == CHECK_READ ? o : r;
	}
	if (!r)
		return false;
	for (size_t i = 0; i < t->n; i++)
		before += t->ops[i].kind == CHECK_ADD && op__before(&t->ops[i], r);
	if ((int64_t)before <= r->value || !adds)
		return false;
	read_returned(t, r);
	fprintf(t->out, ", but %zu adds had been acknowledged before it began", before);
	return true;
}

/* ---- queue ---- */

static bool of_queue(const struct telling *t)
{
	const struct check_op *pushes[2] = {NULL}, *pops[2] = {NULL}, *empty = NULL, *o;
	size_t n_pushes = 0, n_pops = 0;

	for (size_t i = 0; i < t->n_witness; i++) {
		o = nth(t, i);
		if (o->complete_ns == T_INF)
			return false;
		if (o->kind == CHECK_PUSH && n_pushes++ < 2)
			pushes[n_pushes - 1] = o;
		else if (o->kind == CHECK_POP && o->value == CHECK_NIL)
			empty = o;
		else if (o->kind == CHECK_POP && n_pops++ < 2)
			pops[n_pops - 1] = o;
	}
	if (n_pops == 2 && !n_pushes && pops[0]->value == pops[1]->value) {
		fprintf(t->out, "%" PRId64 " came out twice: ", pops[0]->value);
		tell(t, pops[0]);
		fputs(", ", t->out);
		tell(t, pops[1]);
	} else if (n_pops == 1 && n_pushes <= 1 && !empty) {
		tell(t, pops[0]);
		fputs(n_pushes ? ", before it was pushed" : ", which nobody had pushed", t->out);
	} else if (n_pushes == 1 && !n_pops && empty) {
		fprintf(t->out, "%" PRId64 " was lost: ", pushes[0]->value);
		tell(t, pushes[0]);
		fputs(", nobody popped it, and ", t->out);
		tell(t, empty);
	} else if (n_pushes == 2 && n_pops && !empty) {
		fputs("out of order: ", t->out);
		tell(t, pushes[0]);
		fputs(" and ", t->out);
		tell(t, pushes[1]);
		fputs(", but ", t->out);
		tell(t, pops[0]);
		if (n_pops == 2) {
			fputs(", and ", t->out);
			tell(t, pops[1]);
		} else {
			fprintf(t->out, ", and nobody popped %" PRId64, pushes[0]->value);
		}
	} else {
		return false;
	}
	return true;
}

/* ---- the others ---- */

static bool of_set(const struct telling *t)
{
	const struct check_op *r = last_of(t, CHECK_CONTAINS), *add = last_of(t, CHECK_ADD);

	if (!r)
		return false;
	tell(t, r);
	fputs(" in ", t->out);
	which(t, r);
	if (!r->arg && add) {
		fputs(", but its add had been acknowledged", t->out);
		when(t, add);
	} else if (!r->arg) {
		fputs(", but it had been found before: ", t->out);
		tell(t, nth(t, 0));
	} else {
		fputs(t->n_witness > 1 ? ", before it was added" : ", which nobody had added",
		      t->out);
	}
	return true;
}

static bool of_lock(const struct telling *t)
{
	const struct check_op *a = NULL, *b = last_of(t, CHECK_ACQUIRE);

	if (!b)
		return false;
	for (size_t i = 0; i < t->n_witness; i++)
		if (nth(t, i)->kind == CHECK_ACQUIRE && nth(t, i) != b)
			a = nth(t, i);
	if (!a)
		return false;
	fputs("two held ", t->out);
	which(t, a);
	fputs(" at one time: ", t->out);
	tell(t, a);
	fputs(" and ", t->out);
	tell(t, b);
	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = nth(t, i);

		if ((o->kind != CHECK_RELEASE && o->kind != CHECK_EXPIRE) || o->value != a->value)
			continue;
		fputs(o->kind == CHECK_RELEASE ? ", but the first was released only from "
					       : ", but the first ran out only from ",
		      t->out);
		at(t, o->invoke_ns);
		fputs(" on", t->out);
		return true;
	}
	fputs(", and the first was not released", t->out);
	return true;
}

static bool of_tokens(const struct telling *t)
{
	const struct check_op *a, *b;

	if (t->n_witness != 2)
		return false;
	a = nth(t, 0);
	b = nth(t, 1);
	if (t->c == CHECKER_FENCE)
		fprintf(t->out, "token %" PRId64 " was accepted from ", b->value);
	else
		fprintf(t->out, "token %" PRId64 " was given to ", b->value);
	who(t, b);
	when(t, b);
	fprintf(t->out, " after %" PRId64, a->value);
	fputs(t->c == CHECKER_FENCE ? " had been accepted from " : " had been given to ", t->out);
	who(t, a);
	when(t, a);
	return true;
}

static bool of_readers(const struct telling *t)
{
	if (t->n_witness != 2)
		return false;
	which(t, nth(t, 0));
	fputs(" differs after all was quiet: ", t->out);
	tell(t, nth(t, 0));
	fputs(", ", t->out);
	tell(t, nth(t, 1));
	return true;
}

static bool special(const struct telling *t)
{
	switch (t->c) {
	case CHECKER_REGISTER:
		return stale(t);
	case CHECKER_CAS:
		return two_swaps(t) || stale(t);
	case CHECKER_COUNTER:
		return counted(t);
	case CHECKER_QUEUE:
	case CHECKER_FIFO:
		return of_queue(t);
	case CHECKER_SET:
		return of_set(t);
	case CHECKER_LOCK:
		return of_lock(t);
	case CHECKER_TOKEN:
	case CHECKER_FENCE:
		return of_tokens(t);
	case CHECKER_AGREE:
		return of_readers(t);
	case CHECKER_COUNT:
		break;
	}
	return false;
}

static void one_by_one(const struct telling *t)
{
	size_t told = t->n_witness < TOLD_MAX ? t->n_witness : TOLD_MAX;

	fputs("no order explains what was answered of ", t->out);
	which(t, nth(t, 0));
	fputs(": ", t->out);
	for (size_t i = 0; i < told; i++) {
		fputs(i ? ", " : "", t->out);
		tell(t, nth(t, i));
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
	if (n_witness && !special(&t))
		one_by_one(&t);
	if (fclose(t.out)) {
		free(text);
		return NULL;
	}
	return text;
}
