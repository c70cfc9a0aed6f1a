/* SPDX-License-Identifier: GPL-2.0-only */
/* target_pods.h: what of a selector is pods' alone, for target.c. */
#ifndef CHAOS_DISCOVER_TARGET_PODS_H
#define CHAOS_DISCOVER_TARGET_PODS_H

#include "discover/target.h"

/* Lists and expressions: free them, order them, say them in words ("" for none; at most @size). */
void target_pods__reset(struct target_selector *t);
int target_pods__compare(const struct target_selector *a, const struct target_selector *b);
void target_pods__describe(const struct target_selector *t, char *buf, size_t size);

#endif
