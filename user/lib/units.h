/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * units.h: quantities as people write them. Every parser takes the whole string (surrounding blanks
 * allowed, a fraction allowed) or fails with -EINVAL and @ret untouched; -ERANGE if it does not fit.
 */
#ifndef CHAOS_UNITS_H
#define CHAOS_UNITS_H

#include <stddef.h>
#include <stdint.h>

/* "100ms" "1.5s" "2m" "250us" "10ns" "1h" "0" -> nanoseconds, >= 0. A bare number other than 0 is
 * -EINVAL: 100 what? */
int units__duration(const char *s, int64_t *ret_ns);

/* "0.5s..2s" or "1s" (then both ends equal); lo <= hi or -EINVAL. */
int units__duration_range(const char *s, int64_t *ret_lo, int64_t *ret_hi);

/* "1%" "0.5%" "0.01" -> probability in [0,1]; a bare number is a fraction; outside is -ERANGE. */
int units__probability(const char *s, double *ret);

/* "100/s" "6/m" "1/h" or a bare number a second -> per second, > 0. */
int units__rate(const char *s, double *ret_per_s);

/* Human form with at most four significant digits: 1.5s, 20ms, 0s. Writes into @buf, returns it. */
const char *units__format_duration(int64_t ns, char *buf, size_t size);

#endif
