/* SPDX-License-Identifier: GPL-2.0-only */
/* object_internal.h: what object.c needs of object_check.c. */
#ifndef CHAOS_AGENT_OBJECT_INTERNAL_H
#define CHAOS_AGENT_OBJECT_INTERNAL_H

#include "experiment/experiment.h"

/* Expectations and guards: every path, unit, window and name. 0, -EINVAL with the field's path, -ENOMEM. */
int object__check_expressions(const struct experiment *e, struct error *err);

/* What was cut in the middle of a letter, or never was one, becomes `?`: the API takes UTF-8 only. */
void error__make_utf8(struct error *err);

#endif
