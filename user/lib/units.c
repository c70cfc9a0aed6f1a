// SPDX-License-Identifier: GPL-2.0-only
#include "lib/units.h"
#include "lib/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A decimal number as written: digits / 10^scale, exact. */
struct decimal {
	unsigned __int128 digits;
	unsigned int scale;
};

/* 18 fraction digits resolve less than any unit here; further ones cannot matter. */
#define SCALE_MAX 18

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

/* Nothing but blanks is left at @s. */
static bool at_end(const char *s)
{
	return *skip_blanks(s) == '\0';
}

/*
 * Digits with an optional fraction, at least one digit on each side of the point; no sign, no
 * exponent, no hex. Advances *@s past them.
 */
static int scan_decimal(const char **s, struct decimal *ret)
{
	struct decimal d = {0};
	const char *p = skip_blanks(*s);
	bool overflow = false;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		d.digits = d.digits * 10 + (unsigned int)(*p - '0');
		overflow |= d.digits > UINT64_MAX;
		if (overflow)
			d.digits = 0;
	}
	/* two points are a range's */
	if (*p == '.' && p[1] != '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (; is_digit(*p); p++) {
			if (d.scale >= SCALE_MAX)
				continue;
			d.digits = d.digits * 10 + (unsigned int)(*p - '0');
			d.scale++;
		}
	}
	*s = p;
	if (overflow)
		return -ERANGE;
	*ret = d;
	return 0;
}

static double decimal_double(const struct decimal *d)
{
	double x = (double)d->digits;

	for (unsigned int i = 0; i < d->scale; i++)
		x /= 10;
	return x;
}

static const struct {
	const char *name;
	int64_t ns;
} duration_units[] = {
	/* of two units where one begins like the other, the longer stands first */
	{"ns", 1},	 {"us", NS_PER_US},    {"ms", NS_PER_MS},
	{"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
};

/* One duration at *@s, up to the end of its unit; rounded to the nanosecond. */
static int scan_duration(const char **s, int64_t *ret)
{
	struct decimal d;
	unsigned __int128 ns, whole = 1;
	const char *p = *s;
	int64_t unit = 0;
	int r;

	r = scan_decimal(&p, &d);
	if (r == -EINVAL)
		return r;
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]) && !unit; i++) {
		size_t len = strlen(duration_units[i].name);

		if (!strncmp(p, duration_units[i].name, len)) {
			unit = duration_units[i].ns;
			p += len;
		}
	}
	if (r)
		return unit ? r : -EINVAL;
	if (!unit && d.digits)
		return -EINVAL;
	for (unsigned int i = 0; i < d.scale; i++)
		whole *= 10;
	/* the whole part first: digits times an hour may exceed 128 bits */
	ns = d.digits / whole;
	if (unit && ns > (unsigned __int128)INT64_MAX / (unsigned __int128)unit)
		return -ERANGE;
	ns = ns * (unsigned __int128)unit +
	     ((d.digits % whole) * (unsigned __int128)unit + whole / 2) / whole;
	if (ns > INT64_MAX)
		return -ERANGE;
	*s = p;
	*ret = (int64_t)ns;
	return 0;
}

int units__duration(const char *s, int64_t *ret_ns)
{
	int64_t ns;
	int r = scan_duration(&s, &ns);

	if (r)
		return r;
	if (!at_end(s))
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

/* One of Go's units at *@s, which it goes past; 0: there is none. */
static int64_t scan_go_unit(const char **s)
{
	/* the micro sign and the Greek letter */
	static const char *const micro[] = {"\xc2\xb5s", "\xce\xbcs"};

	for (size_t i = 0; i < sizeof(micro) / sizeof(micro[0]); i++) {
		if (strncmp(*s, micro[i], 3))
			continue;
		*s += 3;
		return NS_PER_US;
	}
	for (size_t i = 0; i < sizeof(duration_units) / sizeof(duration_units[0]); i++) {
		size_t len = strlen(duration_units[i].name);

		if (strncmp(*s, duration_units[i].name, len))
			continue;
		*s += len;
		return duration_units[i].ns;
	}
	return 0;
}

int units__go_duration(const char *s, int64_t *ret_ns)
{
	unsigned __int128 sum = 0;
	bool negative = *s == '-';

	if (*s == '-' || *s == '+')
		s++;
	if (!strcmp(s, "0")) {
		*ret_ns = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		unsigned __int128 whole = 1;
		struct decimal d;
		int64_t unit;
		int r = is_digit(*s) ? scan_decimal(&s, &d) : -EINVAL;

		unit = r == -EINVAL ? 0 : scan_go_unit(&s);
		if (!unit)
			return -EINVAL;
		if (r)
			return r;
		for (unsigned int i = 0; i < d.scale; i++)
			whole *= 10;
		sum += d.digits * (unsigned __int128)unit / whole;
		if (sum > INT64_MAX)
			return -ERANGE;
	}
	if (negative && sum)
		return -ERANGE;
	*ret_ns = (int64_t)sum;
	return 0;
}

int units__duration_range(const char *s, int64_t *ret_lo, int64_t *ret_hi)
{
	int64_t lo, hi;
	int r = scan_duration(&s, &lo);

	if (r)
		return r;
	s = skip_blanks(s);
	hi = lo;
	if (!strncmp(s, "..", 2)) {
		s += 2;
		r = scan_duration(&s, &hi);
		if (r)
			return r;
	}
	if (!at_end(s) || lo > hi)
		return -EINVAL;
	*ret_lo = lo;
	*ret_hi = hi;
	return 0;
}

int units__probability(const char *s, double *ret)
{
	struct decimal d;
	int r = scan_decimal(&s, &d);
	bool percent;
	double x;

	if (r == -EINVAL)
		return r;
	percent = *s == '%';
	if (!at_end(s + percent))
		return -EINVAL;
	if (r)
		return r;
	x = decimal_double(&d) / (percent ? 100 : 1);
	if (x > 1)
		return -ERANGE;
	*ret = x;
	return 0;
}

int units__rate(const char *s, double *ret_per_s)
{
	struct decimal d;
	int r = scan_decimal(&s, &d);
	double per = 1;

	if (r == -EINVAL)
		return r;
	if (*s == '/') {
		switch (s[1]) {
		case 's':
			break;
		case 'm':
			per = 60;
			break;
		case 'h':
			per = 3600;
			break;
		default:
			return -EINVAL;
		}
		s += 2;
	}
	if (!at_end(s))
		return -EINVAL;
	if (r)
		return r;
	if (!d.digits)
		return -ERANGE;
	*ret_per_s = decimal_double(&d) / per;
	return 0;
}

struct scale {
	const char *name;
	double bytes;
};

/* The whole rest of @s is one of @scales' names, in either case; 0 if it is none. */
static double scan_scale(const char *s, const struct scale *scales, size_t n)
{
	size_t len = strcspn(s, " \t");

	for (size_t i = 0; i < n && at_end(s + len); i++) {
		if (strlen(scales[i].name) == len && !strncasecmp(s, scales[i].name, len))
			return scales[i].bytes;
	}
	return 0;
}

int units__bandwidth(const char *s, double *ret_bytes_per_s)
{
	static const struct scale scales[] = {
		{"bit", 1. / 8},       {"kbit", 1e3 / 8},
		{"mbit", 1e6 / 8},     {"gbit", 1e9 / 8},
		{"tbit", 1e12 / 8},    {"kibit", 0x1p10 / 8},
		{"mibit", 0x1p20 / 8}, {"gibit", 0x1p30 / 8},
		{"tibit", 0x1p40 / 8}, {"bps", 1},
		{"kbps", 1e3},	       {"mbps", 1e6},
		{"gbps", 1e9},	       {"tbps", 1e12},
		{"kibps", 0x1p10},     {"mibps", 0x1p20},
		{"gibps", 0x1p30},     {"tibps", 0x1p40},
	};
	struct decimal d;
	int r = scan_decimal(&s, &d);
	double unit;

	if (r == -EINVAL)
		return r;
	unit = scan_scale(s, scales, sizeof(scales) / sizeof(scales[0]));
	if (unit == 0)
		return -EINVAL;
	if (r || !d.digits)
		return -ERANGE;
	*ret_bytes_per_s = decimal_double(&d) * unit;
	return 0;
}

int units__size(const char *s, uint64_t *ret_bytes)
{
	static const struct scale scales[] = {
		{"", 1},
		{"b", 1},
		{"kb", 0x1p10},
		{"mb", 0x1p20},
		{"gb", 0x1p30},
		{"kib", 0x1p10},
		{"mib", 0x1p20},
		{"gib", 0x1p30},
		{"kbit", 0x1p10 / 8},
		{"mbit", 0x1p20 / 8},
		{"gbit", 0x1p30 / 8},
	};
	struct decimal d;
	int r = scan_decimal(&s, &d);
	double unit, bytes;

	if (r == -EINVAL)
		return r;
	unit = scan_scale(s, scales, sizeof(scales) / sizeof(scales[0]));
	if (unit == 0)
		return -EINVAL;
	bytes = r ? 0 : decimal_double(&d) * unit + 0.5;
	if (r || bytes >= 0x1p53)
		return -ERANGE;
	*ret_bytes = (uint64_t)bytes;
	return 0;
}

int units__number(const char *s, double *ret)
{
	struct decimal d;
	int r = scan_decimal(&s, &d);

	if (r == -EINVAL || !at_end(s))
		return -EINVAL;
	if (r)
		return r;
	*ret = decimal_double(&d);
	return 0;
}

const char *units__format_bandwidth(double bytes_per_s, char *buf, size_t size)
{
	static const char *const names[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
	double x = bytes_per_s * 8;
	size_t i = 0;

	for (; i < 4 && x >= 999.95; i++)
		x /= 1000;
	snprintf(buf, size, x >= 9999.5 ? "%.0f %s" : "%.4g %s", x, names[i]);
	return buf;
}

const char *units__format_size(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB"};
	double x = (double)bytes;
	size_t i = 0;

	/* a packet's size is read in bytes: 1500 B, not 1.465 KiB */
	for (; i < 3 && x >= 1024 && (i || bytes >= 10000 || bytes % 1024 == 0); i++)
		x /= 1024;
	snprintf(buf, size, x >= 9999.5 ? "%.0f %s" : "%.4g %s", x, names[i]);
	return buf;
}

/*
 * Minutes and hours only where they read better than seconds: when they come out whole, or from ten
 * of them.
 */
static bool unit_fits(uint64_t ns, uint64_t unit)
{
	if (unit <= (uint64_t)NS_PER_S)
		return ns >= unit;
	return ns >= 10 * unit || (ns >= unit && ns % unit == 0);
}

const char *units__format_duration(int64_t ns, char *buf, size_t size)
{
	/* the magnitude of INT64_MIN has no int64_t */
	uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	size_t i = sizeof(duration_units) / sizeof(duration_units[0]);
	const char *sign = ns < 0 ? "-" : "";
	double x;

	if (!ns) {
		snprintf(buf, size, "0s");
		return buf;
	}
	do {
		i--;
	} while (i && !unit_fits(abs, (uint64_t)duration_units[i].ns));
	x = (double)abs / (double)duration_units[i].ns;
	/* 999.96us rounds to 1000us, which is 1ms */
	if (i < 3 && x >= 999.95) {
		x /= 1000;
		i++;
	}
	if (x >= 9999.5)
		snprintf(buf, size, "%s%.0f%s", sign, x, duration_units[i].name);
	else
		snprintf(buf, size, "%s%.4g%s", sign, x, duration_units[i].name);
	return buf;
}
