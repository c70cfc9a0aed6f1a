/* SPDX-License-Identifier: GPL-2.0-only */
/* rules.h: from a fault of an experiment to the rule that the packet path evaluates. */
#ifndef CHAOS_RULES_H
#define CHAOS_RULES_H

#include "datapath/dataplane.h"
#include "experiment/experiment.h"

/*
 * Fill ret->rule and ret->table. @file is the experiment's: tables are relative to it. Reads a distribution file where
 * the fault has one. -EINVAL with file:line:column.
 */
int rules__make(const struct fault *f, uint64_t seed, const char *file, struct dp_fault *ret,
		struct error *err);

/* Where the distribution file @table of the experiment @file is. Caller frees; NULL without memory. */
char *rules__table_path(const char *file, const char *table);

#endif
