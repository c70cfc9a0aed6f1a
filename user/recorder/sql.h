/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sql.h: the objects of workloads in tables, for stores that speak SQL. All objects but queues are rows of
 * `chaos_data (workload, k, v)`: a value of a set is a key, a register K has key K, a counter key 0. Queues are
 * rows of `chaos_queue`, in the order of their ids. A statement is a transaction of its own.
 */
#ifndef CHAOS_RECORDER_SQL_H
#define CHAOS_RECORDER_SQL_H

#include "recorder/load_internal.h"

#define SQL_TEXT 512

enum sql_want {
	SQL_DONE,    /* that it was done is all */
	SQL_CHANGED, /* it changed one row, or the operation was refused */
	SQL_VALUE,   /* the number of one row, or nothing */
};

/* What became of a statement, by the means of each library. */
struct sql_result {
	struct answer answer; /* its outcome, and the error's words */
	bool no_table;	      /* a table is missing: it was certainly not done */
	int64_t changed;      /* rows */
	bool has_value;
	int64_t value;
	struct values *all; /* SQL_VALUES */
};

struct sql_conn {
	enum { SQL_POSTGRES, SQL_MYSQL } dialect;
	const struct store_spec *spec;
	/* One statement; connects if it has to. */
	void (*run)(struct sql_conn *c, const char *sql, int64_t deadline_ns,
		    struct sql_result *ret);
};

void sql__add(struct sql_conn *c, int64_t value, int64_t deadline_ns, struct answer *ret);
void sql__read(struct sql_conn *c, int64_t value, int64_t deadline_ns, struct answer *ret);
int sql__list(struct sql_conn *c, bool queue, int64_t deadline_ns, struct values *ret, char *why,
	      size_t why_size);
void sql__act(struct sql_conn *c, const struct request *rq, int64_t deadline_ns,
	      struct answer *ret);

/* The statement for @rq, of @workload; -EINVAL if there is none. Pure. */
int sql__statement(int dialect, const char *workload, const struct request *rq, char *ret,
		   enum sql_want *ret_want);

#endif
