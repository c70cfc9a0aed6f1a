/* SPDX-License-Identifier: GPL-2.0-only */
/* resolve_words.h: what resolve.c calls things. */
#ifndef CHAOS_AGENT_RESOLVE_WORDS_H
#define CHAOS_AGENT_RESOLVE_WORDS_H

#include "agent/pods.h"
#include "experiment/experiment.h"

/* The field of selector @s, which may be one of several of @ep. */
const char *resolve__path(const struct endpoint *ep, const struct selector *s);

/* -ENOENT: @s chooses no pod. Says what comes nearest: another namespace, node, name or label that there is. */
int resolve__nothing(const struct pods *p, const struct endpoint *ep, const struct selector *s,
		     struct error *err);

/* What counters and reports call this pod of @ep; the caller frees it. NULL: no memory. */
char *resolve__place(const struct endpoint *ep, const char *ns, const char *name);

#endif
