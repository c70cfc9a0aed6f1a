/* SPDX-License-Identifier: GPL-2.0-only */
/* sample.h: what a tool measured: lines of GROUP, ROW, ROUND and VALUE, by tabs; table.awk reads them. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdio.h>

static inline void sample__print(const char *group, const char *row, unsigned int round,
				 double value)
{
	printf("%s\t%s\t%u\t%.2f\n", group, row, round, value);
}

#endif
