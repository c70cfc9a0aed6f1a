/* SPDX-License-Identifier: GPL-2.0-only */
/* status.h: between the files of `chaos status`. */
#ifndef CHAOS_CLI_STATUS_H
#define CHAOS_CLI_STATUS_H

#include "run/state.h"

#include <stdio.h>

/* @s in lines for people; @status is what the run answered, NULL: it did not. */
void status__print(FILE *out, const struct state_entry *s, const json_t *status);

#endif
