// SPDX-License-Identifier: GPL-2.0-only
/*
 * checks.c: the recorded operations of each workload as histories for the checkers (check/check.h),
 * and what those say as checks of summary.json:
 *   name, check, verdict (pass|fail|unknown), violations, witness [], words
 * A workload has one of the name of its check; a lock also one of its tokens, NAME-tokens, and
 * if its holders used something one of the tokens that this accepted, NAME-fence, a
 * register or cas also one of what is there in the end, NAME-final.
 *
 * A lease ends a hold at any time from its length after the acquire was invoked; not before, for
 * the system can have begun to count no earlier.
 */
#include "analysis/checks.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

static void cleanup_checks(struct checks *c)
{
	free(c->ops);
	free(c->from);
}

void checks__add(struct checks *c, int from, struct check_op op)
{
	if (c->n == c->size) {
		size_t size = c->size ? 2 * c->size : 256;
		void *ops = realloc(c->ops, size * sizeof(*c->ops));
		int *index;

		c->ops = ops ? ops : c->ops;
		index = ops ? realloc(c->from, size * sizeof(*c->from)) : NULL;
		c->from = index ? index : c->from;
		if (!index) {
			c->failed = true;
			return;
		}
		c->size = size;
	}
	c->from[c->n] = from;
	c->ops[c->n++] = op;
}

/* ---- operations ---- */

/*
 * Of several machines an operation is from the earliest to the latest that it can have been by the clock in their
 * middle, so that no order of two is taken for certain that is not; words name these times.
 */
static struct check_op timed(const struct history *h, const struct history_op *o)
{
	static const enum check_outcome outcomes[] = {
		[OP_OK] = CHECK_OK, [OP_FAIL] = CHECK_FAIL, [OP_UNKNOWN] = CHECK_UNKNOWN};
	int64_t error = history__clock_error(h, o->host);

	return (struct check_op){
		.invoke_ns = o->invoke_ns == HISTORY_NONE ? HISTORY_NONE : o->invoke_ns - error,
		.complete_ns = o->return_ns + error,
		.value = o->value,
		.arg = o->more,
		.process = o->client,
		.key = (unsigned int)o->key,
		.outcome = outcomes[o->outcome],
	};
}

static void add_op(struct checks *c, size_t i)
{
	static const enum check_kind kinds[VERB_COUNT] = {
		[VERB_ADD] = CHECK_ADD,		[VERB_READ] = CHECK_READ,
		[VERB_WRITE] = CHECK_WRITE,	[VERB_CAS] = CHECK_CAS,
		[VERB_INC] = CHECK_ADD,		[VERB_PUSH] = CHECK_PUSH,
		[VERB_POP] = CHECK_POP,		[VERB_ACQUIRE] = CHECK_ACQUIRE,
		[VERB_RELEASE] = CHECK_RELEASE,
	};
	const struct history_op *o = &c->h->ops[i];
	struct check_op op = timed(c->h, o);

	op.kind = kinds[o->verb];
	if (o->verb == VERB_INC)
		op.arg = 1;
	/* A set's reads are of the value written last: reads.stale. */
	if (o->invoke_ns == HISTORY_NONE || o->outcome == OP_FAIL || o->verb == VERB_USE ||
	    (o->verb == VERB_READ && c->h->workloads[c->workload].is_set))
		return;
	checks__add(c, (int)i, op);
	if (o->verb != VERB_ACQUIRE || o->outcome != OP_OK || o->lease_ns == HISTORY_NONE)
		return;
	op.kind = CHECK_EXPIRE;
	op.outcome = CHECK_UNKNOWN;
	op.invoke_ns += o->lease_ns;
	op.complete_ns = op.invoke_ns;
	if (op.invoke_ns <= CHECK_T_MAX)
		checks__add(c, (int)i, op);
}

static void add_ops(struct checks *c)
{
	c->after_ns = -CHECK_T_MAX;
	for (size_t i = 0; i < c->h->n_ops; i++) {
		const struct history_op *o = &c->h->ops[i];
		int64_t after;

		if (o->workload != (int)c->workload)
			continue;
		after = o->return_ns + history__clock_error(c->h, o->host);
		c->after_ns = after > c->after_ns ? after : c->after_ns;
		add_op(c, i);
	}
}

/* ---- a record with holes ---- */

/*
 * Of a cluster's record, operations may be missing: of a machine whose record did not come, or those that were on
 * their way when it was killed. They explain a lock that was free, a count or what is gone from a
 * queue. Writes of values of their own explain only those values: what was read of them is left
 * out, and without it the others are judged as always.
 */
struct written {
	int key;
	int64_t value;
};

static int by_value(const void *a, const void *b)
{
	const struct written *x = a, *y = b;
	int r = CMP(x->key, y->key);

	return r ? r : CMP(x->value, y->value);
}

static int leave_out_unwritten(struct checks *c)
{
	_cleanup_free_ struct written *v = calloc(c->h->n_ops + 1, sizeof(*v));
	size_t n = 0, m = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < c->h->n_ops; i++) {
		const struct history_op *o = &c->h->ops[i];

		if (o->workload == (int)c->workload &&
		    (o->verb == VERB_WRITE || o->verb == VERB_ADD))
			v[n++] = (struct written){o->key, o->value};
	}
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0; i < c->n; i++) {
		const struct check_op *o = &c->ops[i];
		struct written key = {(int)o->key, o->value};
		bool finds = (o->kind == CHECK_READ && o->value != CHECK_NIL) ||
			     (o->kind == CHECK_CONTAINS && o->arg);

		if (finds && !bsearch(&key, v, n, sizeof(*v), by_value))
			continue;
		c->ops[m] = *o;
		c->from[m++] = c->from[i];
	}
	c->n = m;
	return 0;
}

/* Could what is missing have made @checker fail? */
static bool may_explain(enum checker checker)
{
	return checker == CHECKER_CAS || checker == CHECKER_LOCK || checker == CHECKER_COUNTER ||
	       checker == CHECKER_QUEUE || checker == CHECKER_FIFO;
}

static bool leaves_out(enum checker checker)
{
	return checker == CHECKER_REGISTER || checker == CHECKER_SET;
}

/* ---- what is said ---- */

static const char *process_name(const void *ctx, int32_t process)
{
	struct checks *c = (struct checks *)ctx;
	const char *node = NULL;

	if (process < FINAL)
		snprintf(c->process, sizeof(c->process), "the final read on %s",
			 history__node(c->h, FINAL_OF(process)));
	else if (process == FINAL)
		return "the final read";
	for (size_t i = 0; process >= 0 && i < c->n && !node; i++)
		if (c->ops[i].process == process && c->from[i] >= 0)
			node = history__node(c->h, c->h->ops[c->from[i]].node);
	if (node)
		snprintf(c->process, sizeof(c->process), "client %d on %s", process, node);
	return c->process;
}

static const char *key_name(const void *ctx, uint32_t key)
{
	struct checks *c = (struct checks *)ctx;
	const struct history_workload *w = &c->h->workloads[c->workload];

	if (!strcmp(w->check, "register") || !strcmp(w->check, "cas"))
		snprintf(c->key, sizeof(c->key), "%s/%u", w->name, key);
	else
		snprintf(c->key, sizeof(c->key), "%s", w->name);
	return c->key;
}

static json_t *number(int64_t v)
{
	return v == CHECK_NIL ? json_null() : json_integer(v);
}

static json_t *witness_op(const struct checks *c, size_t i)
{
	static const char *const kinds[] = {
		[CHECK_READ] = "read",	     [CHECK_WRITE] = "write",
		[CHECK_CAS] = "cas",	     [CHECK_ADD] = "add",
		[CHECK_CONTAINS] = "read",   [CHECK_PUSH] = "push",
		[CHECK_POP] = "pop",	     [CHECK_ACQUIRE] = "acquire",
		[CHECK_RELEASE] = "release", [CHECK_EXPIRE] = "lease ends",
	};
	const struct check_op *o = &c->ops[i];
	bool final = c->from[i] < 0;
	bool use = !final && c->h->ops[c->from[i]].verb == VERB_USE;
	int node = final ? FINAL_OF(o->process) : c->h->ops[c->from[i]].node;
	json_t *j = json_object();

	json_object_set_new(j, "op",
			    json_string(final ? "final read"
					: use ? "use"
					      : kinds[o->kind]));
	json_object_set_new(j, "client", final ? json_null() : json_integer(o->process));
	json_object_set_new(j, "node",
			    node < 0 ? json_null() : json_words(history__node(c->h, node)));
	json_object_set_new(j, "key", json_integer(o->key));
	json_object_set_new(j, "value", number(o->value));
	if (o->kind == CHECK_CAS)
		json_object_set_new(j, "expect", number(o->arg));
	json_object_set_new(j, "invoke_s", json_seconds(o->invoke_ns));
	json_object_set_new(j, "return_s",
			    o->outcome == CHECK_UNKNOWN ? json_null()
							: json_seconds(o->complete_ns));
	json_object_set_new(j, "outcome",
			    json_string(o->outcome == CHECK_UNKNOWN ? "unknown" : "ok"));
	return j;
}

#define WITNESS_MAX 50 /* operations that are listed */

static void row(const struct checks *c, const char *suffix, const char *check, const char *verdict,
		const struct check_result *res, const char *words, json_t *out)
{
	const struct history_workload *w = &c->h->workloads[c->workload];
	json_t *witness = json_array(), *name = json_sprintf("%s%s", w->name, suffix);
	bool counted = res && strcmp(verdict, "unknown") != 0;

	for (size_t i = 0; res && i < res->n_witness && i < WITNESS_MAX; i++)
		json_array_append_new(witness, witness_op(c, res->witness[i]));
	json_array_append_new(out, json_pack("{s:o,s:s,s:s,s:o,s:o,s:o}", "name", name, "check",
					     check, "verdict", verdict, "violations",
					     counted ? json_integer(res->violations) : json_null(),
					     "witness", witness, "words", json_words(words)));
}

static void say_pass(const struct checks *c, enum checker checker, const struct check_result *res,
		     struct text *t)
{
	if (checker == CHECKER_AGREE)
		text__add(t, "all final reads agree on ");
	else if (checker == CHECKER_FENCE)
		text__add(t, "no token was accepted after a greater one, of ");
	else if (checker == CHECKER_TOKEN)
		text__add(t, "each token is greater than those given before, over ");
	else
		text__add(t, "there is an order that explains all answers, of ");
	text__several(t, (int64_t)c->n, "operation", "operations");
	if (res->keys > 1)
		text__add(t, " on %zu keys", res->keys);
}

static int run(struct checks *c, enum checker checker, const char *suffix, const char *check,
	       json_t *out)
{
	const struct check_names names = {process_name, key_name, c};
	struct check_result res = {0};
	struct error err = {0};
	struct text t = {0};
	bool doubtful;
	int r;

	if (c->failed || (c->holes && leaves_out(checker) && leave_out_unwritten(c)))
		return -ENOMEM;
	r = check__history(checker, c->ops, c->n, NULL, &names, &res, &err);
	if (r == -ENOMEM)
		return r;
	if (r) {
		row(c, suffix, check, "unknown", NULL, err.msg, out);
		return 0;
	}
	if (res.verdict == CHECK_PASS)
		say_pass(c, checker, &res, &t);
	doubtful = res.verdict == CHECK_VIOLATION && c->holes && may_explain(checker);
	if (doubtful)
		text__add(&t, "operations are missing from the record, which may explain this: %s",
			  res.words);
	row(c, suffix, check, doubtful ? "unknown" : check_verdict__name(res.verdict), &res,
	    res.verdict == CHECK_OPEN ? res.reason
	    : t.v		      ? t.v
				      : res.words,
	    out);
	free(t.v);
	check_result__free(&res);
	return 0;
}

/* ---- each check ---- */

static int check_tokens(const struct history *h, size_t w, json_t *out)
{
	_cleanup_(cleanup_checks) struct checks c = {.h = h, .workload = w};

	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		struct check_op op = timed(h, o);

		if (o->workload != (int)w || o->verb != VERB_ACQUIRE || o->outcome != OP_OK ||
		    o->more == HISTORY_NONE)
			continue;
		op.kind = CHECK_ACQUIRE;
		op.value = o->more;
		checks__add(&c, (int)i, op);
	}
	return c.n || c.failed ? run(&c, CHECKER_TOKEN, "-tokens", "token", out) : 0;
}

static int check_fence(const struct history *h, size_t w, json_t *out)
{
	_cleanup_(cleanup_checks) struct checks c = {.h = h, .workload = w};

	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		struct check_op op = timed(h, o);

		if (o->workload != (int)w || o->verb != VERB_USE || o->outcome != OP_OK)
			continue;
		op.kind = CHECK_WRITE;
		op.arg = o->more == HISTORY_NONE ? 0 : o->more;
		checks__add(&c, (int)i, op);
	}
	return c.n || c.failed ? run(&c, CHECKER_FENCE, "-fence", "fence", out) : 0;
}

static int check_final(struct checks *all, json_t *out)
{
	_cleanup_(cleanup_checks) struct checks c = {.h = all->h, .workload = all->workload};

	for (size_t i = 0; i < all->n; i++)
		if (all->from[i] < 0)
			checks__add(&c, -1, all->ops[i]);
	return c.n || c.failed ? run(&c, CHECKER_AGREE, "-final", "agree", out) : 0;
}

static int check_keys(struct checks *c, enum checker checker, const char *check, json_t *out)
{
	int r = checks__final_keys(c);

	r = r ? r : run(c, checker, "", check, out);
	return r ? r : check_final(c, out);
}

static int check_workload(const struct history *h, size_t w, const struct claims *claims,
			  json_t *out)
{
	_cleanup_(cleanup_checks) struct checks c = {
		.h = h, .workload = w, .holes = history__has_holes(h)};
	const char *check = h->workloads[w].check;
	bool known = true;
	int r = 0;

	if (!strcmp(check, "none"))
		return 0;
	add_ops(&c);
	if (!strcmp(check, "register"))
		return check_keys(&c, CHECKER_REGISTER, check, out);
	if (!strcmp(check, "cas"))
		return check_keys(&c, CHECKER_CAS, check, out);
	if (!strcmp(check, "lock")) {
		r = run(&c, CHECKER_LOCK, "", check, out);
		r = r ? r : check_tokens(h, w, out);
		return r ? r : check_fence(h, w, out);
	}
	if (!strcmp(check, "counter")) {
		r = checks__final_count(&c);
		return r ? r : run(&c, CHECKER_COUNTER, "", check, out);
	}
	if (!strcmp(check, "queue"))
		r = checks__final_queue(&c, claims, &known);
	else if (!strcmp(check, "set"))
		r = checks__final_set(&c, claims, &known);
	else
		return 0; /* of another version */
	if (!r && !known)
		row(&c, "", check, "unknown", NULL, "there was no final read", out);
	else if (!r)
		r = run(&c, *check == 'q' ? CHECKER_FIFO : CHECKER_SET, "", check, out);
	return r;
}

json_t *checks__json(const struct history *h, const struct claims *claims)
{
	json_t *out = json_array();

	for (size_t w = 0; w < h->n_workloads; w++)
		if (check_workload(h, w, claims, out)) {
			json_decref(out);
			return NULL;
		}
	return out;
}
