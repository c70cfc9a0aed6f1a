/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * relevant.h: whether what happened on the machine can change what the selectors match. Looking at every process is
 * dear; most of what happens is no reason to: that a process forks is the kernel's business, that a stranger
 * ends is nobody's. In doubt it says yes.
 */
#ifndef CHAOS_RELEVANT_H
#define CHAOS_RELEVANT_H

#include "run/select.h"

enum {
	RELEVANT_PROCESSES_MAX = 64
}; /* looked at one by one; more at a time are worth a look at all */

bool relevant__changes(const struct select *sel, const struct changes *c);

#endif
