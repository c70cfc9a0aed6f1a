/* SPDX-License-Identifier: GPL-2.0-only */
/* compare.h: `chaos report --compare`. */
#ifndef CHAOS_CLI_COMPARE_H
#define CHAOS_CLI_COMPARE_H

#include "cli/cli.h"

/*
 * Load the runs of both sides, folders parted by commas, and print what compare__runs() says.
 * Returns an exit status: EXIT_HOLDS, EXIT_EXPECTATION with a regression, EXIT_USAGE.
 */
int compare__verb(const char *before, const char *after, bool json);

/* For a terminal @columns wide, at least 80. */
void compare__print(const json_t *c, unsigned int columns, bool colour);

#endif
