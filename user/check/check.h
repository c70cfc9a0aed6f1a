/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.h: does a recorded history of operations fit the object that it was done to? Pure: no
 * clock, no files, the same history always gives the same answer.
 *
 * Operation A is before B if A completed before B was invoked; what is not ordered so, equal
 * instants included, may have taken effect in either order. A history is linearizable if its
 * operations can be put in one order that keeps "before" and in which every answer is the one that
 * the object gives (Herlihy and Wing 1990). What failed did not happen; what has an unknown
 * outcome took effect at any instant after its invocation, or never.
 *
 * Keys are objects of their own: a history is linearizable if it is so for each (locality), so each
 * is checked alone.
 *
 *  register  zones (Gibbons and Korach 1997), O(n log n); where a value is written twice, as cas
 *  cas       search of configurations, memoised (Wing and Gong 1993; Lowe 2017: just-in-time
 *            linearization); exponential in what is open at one time, hence bounded
 *  lock      the same; the object is its hold: NIL, or the value of the acquire that has it
 *  counter   adds of 1: convex bipartite matching (counter.c), O(n log n); others: as cas
 *  queue     a bag: what comes out was put in, once; empty only when it may have been. O(n log n)
 *  fifo      a queue that keeps the order (Henzinger, Sezgin and Vafeiadis 2013). O(n log n)
 *  set       grows only; asked for one element at a time. O(n log n)
 *  token     tokens that a lock gave out: each greater than all that were given before. O(n log n)
 *  fence     tokens that a resource accepted: none lower than one accepted before. Where the resource
 *            tells in which order it accepted them, that is the order. O(n log n)
 *  agree     after quiescence all readers of a key have the same. O(n log n)
 *
 * queue and fifo: pops with an unknown outcome may have taken any value. Such histories with pops
 * that found nothing are not decided exactly: what is called a violation is one, but a pop that
 * wrongly found nothing may go unnoticed.
 *
 * Memory, beside the history itself (40 bytes an operation): 110 bytes for each operation of the
 * largest key to decide it, 200 for a witness; and for the search up to CHECK_CONFIGS
 * configurations in each of three sets, of at most 96 bytes.
 */
#ifndef CHAOS_CHECK_H
#define CHAOS_CHECK_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_NIL INT64_MIN /* no value: a key that is not there, a queue found empty */
#define CHECK_T_MAX 1000000000000000000LL /* times are within +-31 years */

enum checker {
	CHECKER_REGISTER,
	CHECKER_CAS,
	CHECKER_LOCK,
	CHECKER_COUNTER,
	CHECKER_QUEUE,
	CHECKER_FIFO,
	CHECKER_SET,
	CHECKER_TOKEN,
	CHECKER_FENCE,
	CHECKER_AGREE,
	CHECKER_COUNT
};
const char *checker__name(enum checker c);

enum check_kind {
	CHECK_READ, /* value: what was read, NIL if nothing was there */
	CHECK_WRITE, /* value; of a fence: the token; arg: which the resource accepted it as, from 1; 0: not told */
	CHECK_CAS, /* arg, NIL included, became value */
	CHECK_ADD, /* set: value. counter: arg was added; value: the new total, NIL if not told */
	CHECK_CONTAINS, /* value; arg: 1 it was there, 0 it was not */
	CHECK_PUSH,	/* value */
	CHECK_POP,	/* value, NIL if it was empty; unknown: NIL any value, else that value */
	CHECK_ACQUIRE,	/* value: of this hold alone; the token */
	CHECK_RELEASE,	/* value: of the hold; it was the holder's */
	CHECK_EXPIRE,	/* value: of the hold; ends it if it is not over yet */
};

enum check_outcome { CHECK_OK, CHECK_FAIL, CHECK_UNKNOWN };

struct check_op {
	int64_t invoke_ns, complete_ns; /* invoke <= complete, also where the outcome is unknown */
	int64_t value, arg;
	int32_t process;
	uint32_t key : 24; /* < CHECK_KEYS */
	uint32_t kind : 4, outcome : 4;
};
#define CHECK_KEYS (1u << 24)
_Static_assert(sizeof(struct check_op) == 40, "check_op");

/* The search gives up past these: the answer is CHECK_OPEN then, never a pass. 0: the default. */
#define CHECK_CONFIGS 200000ULL /* configurations held at one time */
#define CHECK_STEPS 50000000ULL /* transitions tried for one key */
struct check_limits {
	uint64_t configs, steps;
};

enum check_verdict {
	CHECK_PASS, /* linearizable; for token, fence, agree: holds */
	CHECK_VIOLATION,
	CHECK_OPEN, /* the search was given up */
};
const char *check_verdict__name(enum check_verdict v);

/* How to say things; all may be NULL. */
struct check_names {
	const char *(*process)(const void *ctx, int32_t process); /* else "c7" */
	const char *(*key)(const void *ctx, uint32_t key);	  /* else "key 7" */
	const void *ctx;
};

struct check_result {
	enum check_verdict verdict;
	int64_t violations; /* how many were counted, at least 1; a search ends at the first of a key */
	size_t keys;	    /* how many have operations */
	size_t keys_bad, keys_open;
	const char *reason; /* why it is open, or NULL; static */
	/*
	 * Of the violation that completed first: the operations that show it, as indexes into the
	 * history, by invocation. Whatever the other operations did and when, these cannot be
	 * explained (relax.c says how that is meant); with any one of them less they could, unless
	 * @whole is false: then the bound on shrinking was reached before that was sure.
	 */
	size_t *witness;
	size_t n_witness;
	bool whole;
	char *words; /* a sentence without its full stop */
};

/*
 * Check @ops. 0, or with @err set: -EINVAL for an operation that cannot be (it completes before it
 * is invoked, is of a kind that @c has not, or its value is NIL where one is due), -ENOMEM.
 */
int check__history(enum checker c, const struct check_op *ops, size_t n,
		   const struct check_limits *limits, const struct check_names *names,
		   struct check_result *ret, struct error *err);
void check_result__free(struct check_result *r);

/*
 * The history in which only the operations with @keep[i] are known, all of one key: relax.c. For
 * tests of witnesses. @ret (of at least n) is filled; returns how many.
 */
size_t check__relax(enum checker c, const struct check_op *ops, size_t n, const bool *keep,
		    struct check_op *ret);

#endif
