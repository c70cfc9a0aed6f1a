/* SPDX-License-Identifier: GPL-2.0-only */
/* skew.h: by how much our clock and another's differ, from answers that carry its time in whole seconds. Pure. */
#ifndef CHAOS_KUBE_SKEW_H
#define CHAOS_KUBE_SKEW_H

#include <stdbool.h>
#include <stdint.h>

/* Our CLOCK_MONOTONIC, which no one steps, minus the other's time since 1970. */
struct skew {
	bool any;
	int64_t lo_ns, hi_ns;
	int64_t at_ns; /* our time of the bounds; they widen by 100 ppm since */
};

/*
 * The other one stamped an answer with the second @date_s, after we sent the request at @sent_ns and before we had the
 * answer at @got_ns (CLOCK_MONOTONIC). A stamp that contradicts all before it (a step of the other's clock,
 * another machine) begins anew.
 */
void skew__add(struct skew *s, int64_t sent_ns, int64_t got_ns, int64_t date_s);

/* The bounds at @now_ns; false: none yet. */
bool skew__get(const struct skew *s, int64_t now_ns, int64_t *ret_lo_ns, int64_t *ret_hi_ns);

#endif
