/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * internal.h: between the checkers. Each is given the operations of one key, made normal by
 * check.c: those that failed, and reads with an unknown outcome, are gone; what else has an unknown
 * outcome completes at T_INF.
 */
#ifndef CHAOS_CHECK_INTERNAL_H
#define CHAOS_CHECK_INTERNAL_H

#include "check/check.h"

#define T_INF INT64_MAX		/* never */
#define T_BEGIN (INT64_MIN + 1) /* before all else */

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

/* Did A complete before B was invoked? */
static inline bool op__before(const struct check_op *a, const struct check_op *b)
{
	return a->complete_ns < b->invoke_ns;
}

/* @o as the checkers take it; false: it says nothing. */
bool op__normal(const struct check_op *o, struct check_op *ret);

struct finding {
	enum check_verdict verdict;
	int64_t count;
	const char *reason; /* of CHECK_OPEN */
	/* Of the violation that completed first: operations that seem to show it. */
	size_t *core;
	size_t n_core;
	int64_t at_ns;
	bool failed; /* out of memory */
};

/* A violation, complete at @at_ns, with its operations: copied if it is the first. */
void finding__add(struct finding *f, int64_t at_ns, const size_t *core, size_t n);
/* The same if it is not known which operations show it: all @n. */
void finding__add_all(struct finding *f, int64_t at_ns, size_t n);
static inline void cleanup_finding(struct finding *f);

/* All add to @ret, zeroed before, and return 0 or -ENOMEM. */
int zones__check(const struct check_op *ops, size_t n, const struct check_limits *l,
		 struct finding *ret);
int search__check(enum checker c, const struct check_op *ops, size_t n,
		  const struct check_limits *l, struct finding *ret);
int counter__check(const struct check_op *ops, size_t n, const struct check_limits *l,
		   struct finding *ret);
int queue__check(bool fifo, const struct check_op *ops, size_t n, struct finding *ret);
int set__check(const struct check_op *ops, size_t n, struct finding *ret);
int token__check(bool strict, const struct check_op *ops, size_t n, struct finding *ret);
int agree__check(const struct check_op *ops, size_t n, struct finding *ret);

/* One of them. */
int key__check(enum checker c, const struct check_op *ops, size_t n, const struct check_limits *l,
	       struct finding *ret);

/* ---- relax.c ---- */

/* What can set each value, to find what may explain an observation. */
struct relax {
	enum checker c;
	const struct check_op *ops;
	size_t n;
	size_t *by_value; /* operations that change the object, by value */
	size_t n_by_value;
	struct check_op *out; /* room for n */
	size_t *from;	      /* of each of out: which operation it was */
	uint32_t *taken;      /* by operation: the time it was last in a history */
	uint32_t *looked;     /* by place in by_value: the time that ... */
	uint16_t *looked_for; /* ... that value was looked for, by operations of these kinds */
	uint32_t time;
};

int relax__init(struct relax *x, enum checker c, const struct check_op *ops, size_t n);
void relax__reset(struct relax *x);
/* Fills x->out with the history in which only @kept (ascending) are known; returns how many. */
size_t relax__make(struct relax *x, const size_t *kept, size_t n_kept);

/* ---- shrink.c ---- */

/*
 * The least of f->core (else of all operations) that relaxed is a violation still: f->core becomes
 * it. @ret_whole: none of it can be left out, as against the bound being reached.
 */
int shrink__core(enum checker c, const struct check_op *ops, size_t n, const struct check_limits *l,
		 struct finding *f, bool *ret_whole);

/* ---- words.c ---- */

/* @witness: indexes into @ops, all of one key. NULL if memory ran out. */
char *words__make(enum checker c, const struct check_op *ops, size_t n, const size_t *witness,
		  size_t n_witness, const struct check_names *names);

/* For qsort_r(): operations by their indexes. */
int by_invoke(const void *a, const void *b, void *ops);
int by_complete(const void *a, const void *b, void *ops);
int by_value(const void *a, const void *b, void *ops); /* then by invocation */
/* 0, 1, ... for the operations that @wanted says yes to, sorted by @cmp; NULL: no memory. */
size_t *sorted(const struct check_op *ops, size_t n, bool (*wanted)(const struct check_op *o),
	       int (*cmp)(const void *a, const void *b, void *ops), size_t *ret_n);

#include <stdlib.h>

static inline void cleanup_finding(struct finding *f)
{
	free(f->core);
}

#endif
