/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables.h: the compiled tables in the kernel's maps. A change is written so that no packet meets a
 * half of it: what is new is there before anything refers to it, and what is old goes last.
 */
#ifndef CHAOS_TABLES_H
#define CHAOS_TABLES_H

#include "datapath/compile.h"

struct table_fds {
	int idents, prefixes, joins, rules;
	const int *pairs; /* by scope; one for each that was or will be */
};

/* Make the maps hold @now. @was is what they hold (all zero: nothing). */
int tables__update(const struct table_fds *fds, const struct compiled *was,
		   const struct compiled *now, struct error *err);

#endif
