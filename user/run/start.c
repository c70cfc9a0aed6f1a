// SPDX-License-Identifier: GPL-2.0-only
/*
 * start.c: a start that is given as an instant, so that runs on several machines begin together. The clocks that the
 * machines share is CLOCK_REALTIME; windows are kept by CLOCK_MONOTONIC, which is nobody's to set.
 */
#include "run/internal.h"

enum { LOOKS = 5 };

/* Between two looks at the one clock lies one at the other: the closest of some looks errs least. */
int64_t start__instant(int64_t realtime_ns)
{
	int64_t best = INT64_MAX, offset = 0;

	for (int i = 0; i < LOOKS; i++) {
		int64_t before = clock__now(), real = clock__realtime(), took;

		took = clock__now() - before;
		if (took >= best)
			continue;
		best = took;
		offset = real - (before + took / 2);
	}
	return realtime_ns - offset;
}

bool run__is_over(const struct experiment *e, const struct run_options *opts, int64_t *ret_since_ns)
{
	int64_t since;

	if (!opts->start_realtime_ns || opts->lease)
		return false;
	since = clock__now() - start__instant(opts->start_realtime_ns) - e->duration_ns;
	if (since < 0)
		return false;
	*ret_since_ns = since;
	return true;
}
