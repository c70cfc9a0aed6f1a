/* SPDX-License-Identifier: GPL-2.0-only */
/* check.h: between the files of `chaos check`: what the endpoints of a plan match, as JSON and as text. */
#ifndef CHAOS_CLI_CHECK_H
#define CHAOS_CLI_CHECK_H

#include "run/plan.h"

#include <jansson.h>

/* Of endpoint @i: {endpoint, members: [{match, where, mechanism, namespaces, processes, ...}]}, all of it. */
json_t *check_members__json(const struct plan *p, size_t i);
/* A list of those, the beginning of what is long. */
void check_members__print(const json_t *endpoints);

#endif
