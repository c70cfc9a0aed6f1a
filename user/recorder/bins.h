/* SPDX-License-Identifier: GPL-2.0-only */
/* bins.h: "bins", "drops" and "resets" events (recorder.h) from what the data plane counted. */
#ifndef CHAOS_RECORDER_BINS_H
#define CHAOS_RECORDER_BINS_H

#include "datapath/dataplane.h"

#include <jansson.h>

/* Members of the event: @b's bins begin at run time @start_ns and are @bin_ns wide. NULL: out of memory. */
json_t *bins__event(const struct dp_bins *b, int64_t start_ns, int64_t bin_ns);

/*
 * What is more in @now than in @was, per node: an array of members of "drops" or "resets" events, empty if nothing is.
 * Either may be in any order.
 */
json_t *reasons__events(const struct dp_reason *was, size_t n_was, const struct dp_reason *now,
			size_t n_now, int64_t from_ns);

#endif
