/* SPDX-License-Identifier: GPL-2.0-only */
/* observe_internal.h: between observe.c and observe_loads.c. */
#ifndef CHAOS_OBSERVE_INTERNAL_H
#define CHAOS_OBSERVE_INTERNAL_H

#include "run/internal.h"

/*
 * Of the endpoint @name the first place that can be observed from; one of another node has an address alone. NULL with
 * words, at @pos.
 */
const struct place *observe__first_place(const struct run *run, const char *name,
					 const struct pos *pos, struct error *err);
/* Pods come and go, and are other nodes' too: that there is none here now is no fault of the experiment. */
bool observe__may_be_absent(const struct run *run, const char *endpoint);
/* A template with the names that @p has; NULL with words. The caller frees it. */
char *observe__expand(const struct run *run, const struct place *p, const char *template,
		      struct error *err);

/* After the places have changed. */
void loads__follow(struct run *run);
void loads__free(struct run *run);

#endif
