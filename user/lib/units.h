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

/* As Go's time.ParseDuration() has them: "1h2m3.5s" "0.5ms" "250µs" "0" -> nanoseconds; below 0 is -ERANGE. */
int units__go_duration(const char *s, int64_t *ret_ns);

/* "0.5s..2s" or "1s" (then both ends equal); lo <= hi or -EINVAL. */
int units__duration_range(const char *s, int64_t *ret_lo, int64_t *ret_hi);

/* "1%" "0.5%" "0.01" -> probability in [0,1]; a bare number is a fraction; outside is -ERANGE. */
int units__probability(const char *s, double *ret);

/* "100/s" "6/m" "1/h" or a bare number a second -> per second, > 0. */
int units__rate(const char *s, double *ret_per_s);

/*
 * As tc has them, in either case. "10mbit" "1.5gbit" "800kbps": k m g t are powers of 1000, of 1024 as
 * ki mi gi ti; ..bit counts bits, ..bps bytes -> bytes a second, > 0 (0 is -ERANGE). A bare number is
 * -EINVAL: 10 what?
 */
int units__bandwidth(const char *s, double *ret_bytes_per_s);

/*
 * Also as in tc: "1500" "1500b" are bytes, "16kb" is 16 KiB as "16kib" is, "64kbit" is 8 KiB; up to
 * gb and gbit. Rounded to the byte.
 */
int units__size(const char *s, uint64_t *ret_bytes);

/* A number with an optional fraction and no unit. */
int units__number(const char *s, double *ret);

/* Human form with at most four significant digits: 1.5s, 20ms, 0s. Writes into @buf, returns it. */
const char *units__format_duration(int64_t ns, char *buf, size_t size);

/* The same for what tc calls a rate, in bits of 1000: 10 Mbit/s; and for bytes: 16 KiB. */
const char *units__format_bandwidth(double bytes_per_s, char *buf, size_t size);
const char *units__format_size(uint64_t bytes, char *buf, size_t size);

#endif
