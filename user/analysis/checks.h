/* SPDX-License-Identifier: GPL-2.0-only */
/* checks.h: internal to checks*.c: a workload's operations as the checkers take them. */
#ifndef CHAOS_ANALYSIS_CHECKS_H
#define CHAOS_ANALYSIS_CHECKS_H

#include "analysis/internal.h"
#include "check/check.h"

/* Processes below 0 are final reads: of all nodes, and of node N. */
#define FINAL (-1)
#define FINAL_OF(node) (FINAL - 1 - (node))

struct checks {
	const struct history *h;
	size_t workload;
	int64_t after_ns; /* all operations have returned */
	struct check_op *ops;
	int *from; /* of each: the recorded operation, or -1 */
	size_t n, size;
	bool failed;
	bool holes;		   /* operations are missing: checks.c */
	char process[96], key[96]; /* for names */
};

/* @from: the recorded operation that it is, or -1. */
void checks__add(struct checks *c, int from, struct check_op op);

/* checks_final.c: what was read in the end, as operations too. 0 or -ENOMEM. */
int checks__final_set(struct checks *c, const struct claims *claims, bool *ret_known);
int checks__final_queue(struct checks *c, const struct claims *claims, bool *ret_known);
int checks__final_keys(struct checks *c);
int checks__final_count(struct checks *c);

#endif
