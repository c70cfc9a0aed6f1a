/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sample.h: what a tool measured: lines of GROUP, ROW, ROUND and VALUE, by tabs; table.awk reads them.
 * And by which clock.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdint.h>

#include <stdio.h>
#include <time.h>

static inline void sample__print(const char *group, const char *row, unsigned int round,
				 double value)
{
	printf("%s\t%s\t%u\t%.2f\n", group, row, round, value);
}

static inline int64_t sample__clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* ns of this thread, system calls included: another process that wants the CPU is not measured. */
static inline int64_t sample__cpu_ns(void)
{
	return sample__clock(CLOCK_THREAD_CPUTIME_ID);
}

#endif
