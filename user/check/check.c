// SPDX-License-Identifier: GPL-2.0-only
/* check.c: a history made normal, taken apart by keys, and each key given to its checker. */
#include "check/internal.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

const char *checker__name(enum checker c)
{
	static const char *const names[CHECKER_COUNT] = {
		[CHECKER_REGISTER] = "register", [CHECKER_CAS] = "cas",
		[CHECKER_LOCK] = "lock",	 [CHECKER_COUNTER] = "counter",
		[CHECKER_QUEUE] = "queue",	 [CHECKER_FIFO] = "fifo",
		[CHECKER_SET] = "set",		 [CHECKER_TOKEN] = "token",
		[CHECKER_FENCE] = "fence",	 [CHECKER_AGREE] = "agree",
	};

	return names[c];
}

const char *check_verdict__name(enum check_verdict v)
{
	static const char *const names[] = {
		[CHECK_PASS] = "pass", [CHECK_VIOLATION] = "fail", [CHECK_OPEN] = "unknown"};

	return names[v];
}

/* ---- shared by the checkers ---- */

int by_invoke(const void *a, const void *b, void *ops)
{
	const size_t *i = a, *k = b;
	const struct check_op *o = ops, *x = &o[*i], *y = &o[*k];
	int r = CMP(x->invoke_ns, y->invoke_ns);

	r = r ? r : CMP(x->complete_ns, y->complete_ns);
	return r ? r : CMP(*i, *k);
}

int by_complete(const void *a, const void *b, void *ops)
{
	const size_t *i = a, *k = b;
	const struct check_op *o = ops, *x = &o[*i], *y = &o[*k];
	int r = CMP(x->complete_ns, y->complete_ns);

	r = r ? r : CMP(x->invoke_ns, y->invoke_ns);
	return r ? r : CMP(*i, *k);
}

int by_value(const void *a, const void *b, void *ops)
{
	const size_t *i = a, *k = b;
	const struct check_op *o = ops;
	int r = CMP(o[*i].value, o[*k].value);

	return r ? r : by_invoke(a, b, ops);
}

size_t *sorted(const struct check_op *ops, size_t n, bool (*wanted)(const struct check_op *o),
	       int (*cmp)(const void *a, const void *b, void *ops), size_t *ret_n)
{
	size_t *v = calloc(n + 1, sizeof(*v)), m = 0;

	if (!v)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (wanted(&ops[i]))
			v[m++] = i;
	qsort_r(v, m, sizeof(*v), cmp, (void *)ops);
	*ret_n = m;
	return v;
}

void finding__add(struct finding *f, int64_t at_ns, const size_t *core, size_t n)
{
	size_t *copy;

	f->verdict = CHECK_VIOLATION;
	f->count++;
	if (f->core && f->at_ns <= at_ns)
		return;
	copy = calloc(n + 1, sizeof(*copy));
	if (!copy) {
		f->failed = true;
		return;
	}
	memcpy(copy, core, n * sizeof(*copy));
	free(f->core);
	f->core = copy;
	f->n_core = n;
	f->at_ns = at_ns;
}

void finding__add_all(struct finding *f, int64_t at_ns, size_t n)
{
	_cleanup_free_ size_t *all = calloc(n + 1, sizeof(*all));

	if (!all) {
		f->failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		all[i] = i;
	finding__add(f, at_ns, all, n);
}

int key__check(enum checker c, const struct check_op *ops, size_t n, const struct check_limits *l,
	       struct finding *ret)
{
	int r = 0;

	switch (c) {
	case CHECKER_REGISTER:
		r = zones__check(ops, n, l, ret);
		break;
	case CHECKER_CAS:
	case CHECKER_LOCK:
		r = search__check(c, ops, n, l, ret);
		break;
	case CHECKER_COUNTER:
		r = counter__check(ops, n, l, ret);
		break;
	case CHECKER_QUEUE:
	case CHECKER_FIFO:
		r = queue__check(c == CHECKER_FIFO, ops, n, ret);
		break;
	case CHECKER_SET:
		r = set__check(ops, n, ret);
		break;
	case CHECKER_TOKEN:
	case CHECKER_FENCE:
		r = token__check(c == CHECKER_TOKEN, ops, n, ret);
		break;
	case CHECKER_AGREE:
		r = agree__check(ops, n, ret);
		break;
	case CHECKER_COUNT:
		break;
	}
	return r ? r : ret->failed ? -ENOMEM : 0;
}

/* ---- what may be checked at all ---- */

#define KIND(k) (1u << CHECK_##k)

static const struct {
	unsigned int kinds;
	unsigned int may_be_nil; /* of those: whose value may be NIL */
} taken[CHECKER_COUNT] = {
	[CHECKER_REGISTER] = {KIND(READ) | KIND(WRITE), KIND(READ)},
	[CHECKER_CAS] = {KIND(READ) | KIND(WRITE) | KIND(CAS), KIND(READ)},
	[CHECKER_LOCK] = {KIND(ACQUIRE) | KIND(RELEASE) | KIND(EXPIRE), 0},
	[CHECKER_COUNTER] = {KIND(READ) | KIND(ADD), KIND(READ) | KIND(ADD)},
	[CHECKER_QUEUE] = {KIND(PUSH) | KIND(POP), KIND(POP)},
	[CHECKER_FIFO] = {KIND(PUSH) | KIND(POP), KIND(POP)},
	[CHECKER_SET] = {KIND(ADD) | KIND(CONTAINS), 0},
	[CHECKER_TOKEN] = {KIND(ACQUIRE), 0},
	[CHECKER_FENCE] = {KIND(WRITE), 0},
	[CHECKER_AGREE] = {KIND(READ), KIND(READ)},
};

static int check_op(enum checker c, const struct check_op *o, size_t i, struct error *err)
{
	if (o->outcome > CHECK_UNKNOWN || !(taken[c].kinds >> o->kind & 1))
		return err__set(err, -EINVAL, "operation %zu: a %s has no such operation", i,
				checker__name(c));
	if (o->value == CHECK_NIL && o->outcome != CHECK_FAIL &&
	    !(taken[c].may_be_nil >> o->kind & 1))
		return err__set(err, -EINVAL, "operation %zu: it has no value", i);
	if (o->invoke_ns < -CHECK_T_MAX || o->complete_ns > CHECK_T_MAX)
		return err__set(err, -EINVAL, "operation %zu: its time is out of range", i);
	if (o->complete_ns < o->invoke_ns)
		return err__set(err, -EINVAL,
				"operation %zu: it completed before it was invoked; did a clock go "
				"backwards?",
				i);
	return 0;
}

bool op__normal(const struct check_op *o, struct check_op *ret)
{
	if (o->outcome == CHECK_FAIL)
		return false;
	if (o->outcome == CHECK_UNKNOWN && (o->kind == CHECK_READ || o->kind == CHECK_CONTAINS))
		return false;
	*ret = *o;
	if (o->outcome == CHECK_UNKNOWN)
		ret->complete_ns = T_INF;
	return true;
}

/* ---- keys ---- */

static int by_key(const void *a, const void *b, void *ops)
{
	const size_t *i = a, *k = b;
	const struct check_op *o = ops;
	int r = CMP(o[*i].key, o[*k].key);

	return r ? r : CMP(*i, *k);
}

struct one_key {
	struct check_op *ops;
	size_t *from; /* of each, which operation of the history it is */
	size_t n;
};

struct best {
	struct one_key key; /* of the violation that completed first */
	struct finding finding;
};

static void cleanup_key(struct one_key *k)
{
	free(k->ops);
	free(k->from);
}

static void cleanup_best(struct best *b)
{
	cleanup_key(&b->key);
	cleanup_finding(&b->finding);
}

static int take_key(const struct check_op *ops, const size_t *order, size_t n, struct one_key *ret)
{
	ret->ops = calloc(n + 1, sizeof(*ret->ops));
	ret->from = calloc(n + 1, sizeof(*ret->from));
	if (!ret->ops || !ret->from)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (op__normal(&ops[order[i]], &ret->ops[ret->n]))
			ret->from[ret->n++] = order[i];
	return 0;
}

static int one_key(enum checker c, const struct check_op *ops, const size_t *order, size_t n,
		   const struct check_limits *l, struct best *best, struct check_result *ret)
{
	_cleanup_(cleanup_key) struct one_key key = {0};
	_cleanup_(cleanup_finding) struct finding f = {0};
	int r = take_key(ops, order, n, &key);

	r = r ? r : key__check(c, key.ops, key.n, l, &f);
	if (r)
		return r;
	ret->keys++;
	ret->violations += f.count;
	ret->keys_bad += f.count > 0;
	if (f.verdict == CHECK_OPEN) {
		ret->keys_open++;
		ret->reason = f.reason;
	}
	if (!f.core || (best->finding.core && best->finding.at_ns <= f.at_ns))
		return 0;
	cleanup_best(best);
	best->key = key;
	best->finding = f;
	key = (struct one_key){0};
	f = (struct finding){0};
	return 0;
}

static int all_keys(enum checker c, const struct check_op *ops, size_t n,
		    const struct check_limits *l, struct best *best, struct check_result *ret)
{
	_cleanup_free_ size_t *order = calloc(n + 1, sizeof(*order));
	bool in_order = true;
	size_t len;
	int r = 0;

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		order[i] = i;
		in_order &= !i || ops[i - 1].key <= ops[i].key;
	}
	if (!in_order)
		qsort_r(order, n, sizeof(*order), by_key, (void *)ops);
	for (size_t i = 0; i < n && !r; i += len) {
		for (len = 1; i + len < n; len++)
			if (ops[order[i + len]].key != ops[order[i]].key)
				break;
		r = one_key(c, ops, order + i, len, l, best, ret);
	}
	return r;
}

static int show(enum checker c, const struct check_limits *l, const struct check_names *names,
		struct best *best, struct check_result *ret)
{
	const struct one_key *key = &best->key;
	struct finding *f = &best->finding;
	int r = shrink__core(c, key->ops, key->n, l, f, &ret->whole);

	if (r)
		return r;
	qsort_r(f->core, f->n_core, sizeof(*f->core), by_invoke, key->ops);
	ret->words = words__make(c, key->ops, key->n, f->core, f->n_core, names);
	if (!ret->words)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_core; i++)
		f->core[i] = key->from[f->core[i]];
	ret->witness = TAKE_PTR(f->core);
	ret->n_witness = f->n_core;
	return 0;
}

int check__history(enum checker c, const struct check_op *ops, size_t n,
		   const struct check_limits *limits, const struct check_names *names,
		   struct check_result *ret, struct error *err)
{
	_cleanup_(cleanup_best) struct best best = {0};
	_cleanup_(check_result__free) struct check_result out = {0};
	struct check_limits l = limits ? *limits : (struct check_limits){0};
	int r;

	for (size_t i = 0; i < n; i++) {
		r = check_op(c, &ops[i], i, err);
		if (r)
			return r;
	}
	r = all_keys(c, ops, n, &l, &best, &out);
	if (!r && best.finding.core)
		r = show(c, &l, names, &best, &out);
	if (r)
		return err__set(err, r, "out of memory");
	out.verdict = out.violations ? CHECK_VIOLATION : out.keys_open ? CHECK_OPEN : CHECK_PASS;
	*ret = out;
	out = (struct check_result){0};
	return 0;
}

void check_result__free(struct check_result *r)
{
	free(r->witness);
	free(r->words);
}
