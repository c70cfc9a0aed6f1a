// SPDX-License-Identifier: GPL-2.0-only
/* instant.c: instants as the API has them, RFC 3339. */
#include "agent/status.h"

#include "lib/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *instant__format(int64_t ns, char *buf, size_t size)
{
	time_t s = (time_t)(ns / NS_PER_S);
	char day[32] = "";
	struct tm tm;

	if (gmtime_r(&s, &tm))
		strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, size, "%s.%06dZ", day, (int)(ns % NS_PER_S / 1000));
	return buf;
}

/* ".123456789": nanoseconds, and where it ends. */
static const char *fraction(const char *s, int64_t *ret)
{
	int64_t unit = NS_PER_S / 10, ns = 0;

	for (s++; isdigit((unsigned char)*s); s++, unit /= 10)
		ns += (*s - '0') * unit;
	*ret = ns;
	return s;
}

int instant__parse(const char *s, int64_t *ret_ns)
{
	int64_t ns = 0, offset = 0;
	unsigned int h, m;
	struct tm tm = {0};
	char sign;
	int n = 0;

	if (sscanf(s, "%4d-%2d-%2d%*[Tt]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 ||
	    !n)
		return -EINVAL;
	if (tm.tm_year < 1970 || tm.tm_year > 2200 || tm.tm_mon < 1 || tm.tm_mon > 12 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 ||
	    tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
		return -EINVAL;
	s += n;
	if (*s == '.')
		s = fraction(s, &ns);
	n = 0;
	if (sscanf(s, "%1[+-]%2u:%2u%n", (char[2]){0}, &h, &m, &n) == 3 && n == 6 && !s[6]) {
		sign = *s;
		offset = (sign == '-' ? -1 : 1) * (int64_t)(h * 60 + m) * 60;
	} else if (strcmp(s, "Z") != 0 && strcmp(s, "z") != 0) {
		return -EINVAL;
	}
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_ns = ((int64_t)timegm(&tm) - offset) * NS_PER_S + ns;
	return 0;
}
