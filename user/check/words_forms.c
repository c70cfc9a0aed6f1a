// SPDX-License-Identifier: GPL-2.0-only
/* words_forms.c: sentences for what the checkers find most. */
#include "check/words.h"

#include <inttypes.h>

/* ---- register, cas ---- */

/* What was known before @r was invoked and was another value: an acknowledged write, or a read. */
static const struct check_op *known_before(const struct telling *t, const struct check_op *r)
{
	const struct check_op *best = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = tell__nth(t, i);

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
		if (tell__sets(&t->ops[i], v) && !op__before(&t->ops[i], o))
			return false;
	return true;
}

static bool two_swaps(const struct telling *t)
{
	const struct check_op *a = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *b = tell__nth(t, i);

		if (b->kind != CHECK_CAS || b->complete_ns == T_INF)
			continue;
		if (!a || a->arg != b->arg) {
			a = b;
			continue;
		}
		fputs("two compare-and-sets of ", t->out);
		tell__which(t, a);
		fputs(" from ", t->out);
		tell__value(t, a->arg);
		fputs(" succeeded, though it was that only once: ", t->out);
		tell__op(t, a);
		fputs(", ", t->out);
		tell__op(t, b);
		return true;
	}
	return false;
}

static bool stale(const struct telling *t)
{
	const struct check_op *r = tell__last_of(t, CHECK_READ), *other, *made;

	if (!r)
		return false;
	made = tell__maker(t, r->value);
	other = known_before(t, r);
	if (r->value != CHECK_NIL && (!made || op__before(r, made))) {
		tell__read_returned(t, r);
		fputs(made ? ", which was written only from " : ", which nothing had written",
		      t->out);
		if (made) {
			tell__at(t, made->invoke_ns);
			fputs(" on", t->out);
		}
		return true;
	}
	if (!other)
		return false;
	tell__read_returned(t, r);
	fputs(", but ", t->out);
	tell__value(t, other->value);
	if (other->kind == CHECK_READ) {
		fputs(" had been read by ", t->out);
		tell__who(t, other);
	} else {
		fputs(" had been acknowledged", t->out);
	}
	tell__when(t, other);
	if (r->value == CHECK_NIL)
		return true;
	fputs(" and nothing wrote ", t->out);
	tell__value(t, r->value);
	fputs(all_before(t, r->value, other) ? " after it" : " again in between", t->out);
	return true;
}

/* ---- counter ---- */

/* Two that were told how high it is, the second too little. */
static bool went_back(const struct telling *t)
{
	const struct check_op *a = tell__nth(t, 0), *b;

	if (t->n_witness != 2)
		return false;
	b = tell__nth(t, 1);
	if (!op__before(a, b) || a->value == CHECK_NIL || b->value == CHECK_NIL)
		return false;
	tell__which(t, a);
	fputs(" went back: ", t->out);
	tell__op(t, a);
	fputs(", then ", t->out);
	tell__op(t, b);
	return true;
}

static bool counted(const struct telling *t)
{
	const struct check_op *r = NULL;
	size_t adds = 0, before = 0;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = tell__nth(t, i);

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
	tell__read_returned(t, r);
	fprintf(t->out, ", but %zu adds had been acknowledged before it began", before);
	return true;
}

/* More than had been added, or were just being added: one was done more than once. */
static bool counted_more(const struct telling *t)
{
	const struct check_op *r = NULL;
	size_t begun = 0;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = tell__nth(t, i);

		if (o->kind == CHECK_READ && r)
			return false;
		r = o->kind == CHECK_READ ? o : r;
	}
	if (!r || r->value == CHECK_NIL)
		return false;
	for (size_t i = 0; i < t->n; i++)
		begun += t->ops[i].kind == CHECK_ADD && !op__before(r, &t->ops[i]);
	if (r->value <= (int64_t)begun)
		return false;
	tell__read_returned(t, r);
	fprintf(t->out, ", but only %zu add%s had begun when it ended", begun,
		begun == 1 ? "" : "s");
	return true;
}

/* ---- queue ---- */

static bool of_queue(const struct telling *t)
{
	const struct check_op *pushes[2] = {NULL}, *pops[2] = {NULL}, *empty = NULL, *o;
	size_t n_pushes = 0, n_pops = 0;

	for (size_t i = 0; i < t->n_witness; i++) {
		o = tell__nth(t, i);
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
		tell__op(t, pops[0]);
		fputs(", ", t->out);
		tell__op(t, pops[1]);
	} else if (n_pops == 1 && n_pushes <= 1 && !empty) {
		tell__op(t, pops[0]);
		fputs(n_pushes ? ", before it was pushed" : ", which nobody had pushed", t->out);
	} else if (n_pushes == 1 && !n_pops && empty) {
		fprintf(t->out, "%" PRId64 " was lost: ", pushes[0]->value);
		tell__op(t, pushes[0]);
		fputs(", nobody popped it, and ", t->out);
		tell__op(t, empty);
	} else if (n_pushes == 1 && n_pops == 1 && empty) {
		tell__op(t, empty);
		fprintf(t->out, ", though %" PRId64 " was in the queue: ", pushes[0]->value);
		tell__op(t, pushes[0]);
		fputs(", ", t->out);
		tell__op(t, pops[0]);
	} else if (n_pushes == 2 && n_pops && !empty) {
		fputs("out of order: ", t->out);
		tell__op(t, pushes[0]);
		fputs(" and ", t->out);
		tell__op(t, pushes[1]);
		fputs(", but ", t->out);
		tell__op(t, pops[0]);
		if (n_pops == 2) {
			fputs(", and ", t->out);
			tell__op(t, pops[1]);
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
	const struct check_op *r = tell__last_of(t, CHECK_CONTAINS),
			      *add = tell__last_of(t, CHECK_ADD);

	if (!r)
		return false;
	tell__op(t, r);
	fputs(" in ", t->out);
	tell__which(t, r);
	if (!r->arg && add) {
		fputs(", but its add had been acknowledged", t->out);
		tell__when(t, add);
	} else if (!r->arg) {
		fputs(", but it had been found before: ", t->out);
		tell__op(t, tell__nth(t, 0));
	} else {
		fputs(t->n_witness > 1 ? ", before it was added" : ", which nobody had added",
		      t->out);
	}
	return true;
}

/* Of a second hold only the release is known, which was within the first. */
static bool released_meanwhile(const struct telling *t, const struct check_op *acquire)
{
	const struct check_op *own = NULL, *other = NULL;

	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = tell__nth(t, i);

		if (o->kind != CHECK_RELEASE && o->kind != CHECK_EXPIRE)
			continue;
		if (o->value == acquire->value)
			own = o;
		else
			other = o;
	}
	if (!own || !other || other->kind != CHECK_RELEASE || other->complete_ns == T_INF)
		return false;
	fputs("two held ", t->out);
	tell__which(t, acquire);
	fputs(" at one time: ", t->out);
	tell__op(t, other);
	fputs(", while ", t->out);
	tell__who(t, acquire);
	fprintf(t->out, " had it (%" PRId64 ") from ", acquire->value);
	tell__at(t, acquire->complete_ns);
	fputs(" to ", t->out);
	tell__at(t, own->invoke_ns);
	return true;
}

static bool of_lock(const struct telling *t)
{
	const struct check_op *a = NULL, *b = tell__last_of(t, CHECK_ACQUIRE);

	if (!b)
		return false;
	for (size_t i = 0; i < t->n_witness; i++)
		if (tell__nth(t, i)->kind == CHECK_ACQUIRE && tell__nth(t, i) != b)
			a = tell__nth(t, i);
	if (!a)
		return released_meanwhile(t, b);
	fputs("two held ", t->out);
	tell__which(t, a);
	fputs(" at one time: ", t->out);
	tell__op(t, a);
	fputs(" and ", t->out);
	tell__op(t, b);
	for (size_t i = 0; i < t->n_witness; i++) {
		const struct check_op *o = tell__nth(t, i);

		if ((o->kind != CHECK_RELEASE && o->kind != CHECK_EXPIRE) || o->value != a->value)
			continue;
		fputs(o->kind == CHECK_RELEASE ? ", but the first was released only from "
					       : ", but the first ran out only from ",
		      t->out);
		tell__at(t, o->invoke_ns);
		fputs(" on", t->out);
		return true;
	}
	fputs(", and the first was not released", t->out);
	return true;
}

static bool of_tokens(const struct telling *t)
{
	const struct check_op *a, *b, *late;

	if (t->n_witness != 2)
		return false;
	a = tell__nth(t, 0);
	b = tell__nth(t, 1);
	/* A late one may have been sent first. */
	if (a->value < b->value) {
		late = a;
		a = b;
		b = late;
	}
	if (t->c == CHECKER_FENCE)
		fprintf(t->out, "token %" PRId64 " was accepted from ", b->value);
	else
		fprintf(t->out, "token %" PRId64 " was given to ", b->value);
	tell__who(t, b);
	tell__when(t, b);
	fprintf(t->out, " after %" PRId64, a->value);
	fputs(t->c == CHECKER_FENCE ? " had been accepted from " : " had been given to ", t->out);
	tell__who(t, a);
	tell__when(t, a);
	return true;
}

static bool of_readers(const struct telling *t)
{
	if (t->n_witness != 2)
		return false;
	tell__which(t, tell__nth(t, 0));
	fputs(" differs after all was quiet: ", t->out);
	tell__op(t, tell__nth(t, 0));
	fputs(", ", t->out);
	tell__op(t, tell__nth(t, 1));
	return true;
}

bool words__form(const struct telling *t)
{
	switch (t->c) {
	case CHECKER_REGISTER:
		return stale(t);
	case CHECKER_CAS:
		return two_swaps(t) || stale(t);
	case CHECKER_COUNTER:
		return counted(t) || counted_more(t) || went_back(t);
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
