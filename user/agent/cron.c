// SPDX-License-Identifier: GPL-2.0-only
#include "agent/cron.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAY_S 86400
/* The longest time between two: from one 29 February over a year like 2100 to the next. */
#define SEARCH_DAYS (9 * 366)
/* The year 10000: what calls itself a time and is later is none. */
#define LAST_S 253402300800LL
#define EVERY_MAX_S (10LL * 365 * DAY_S)

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
					  "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field {
	const char *what;
	unsigned int lo, hi;
	const char *const *names; /* of lo, lo + 1 ... */
	size_t n_names;
} fields[] = {
	{"a minute", 0, 59, NULL, 0},
	{"an hour", 0, 23, NULL, 0},
	{"a day of the month", 1, 31, NULL, 0},
	{"a month", 1, 12, month_names, ARRAY_SIZE(month_names)},
	{"a day of the week", 0, 6, weekday_names, ARRAY_SIZE(weekday_names)},
};

/* What is being read, and where it began. */
struct text {
	const char *whole, *at;
	struct error *err;
};

static int bad(const struct text *t, const char *at, const char *expected)
{
	size_t n = strcspn(at, " \t,");

	if (!*at)
		return err__set(t->err, -EINVAL, "column %zu: it ends; expected %s",
				(size_t)(at - t->whole) + 1, expected);
	return err__set(t->err, -EINVAL, "column %zu: `%.*s`; expected %s",
			(size_t)(at - t->whole) + 1, n ? n > 32 ? 32 : (int)n : 1, at, expected);
}

static int bad_value(const struct text *t, const char *at, const struct field *f)
{
	char expected[96];

	snprintf(expected, sizeof(expected), "%s, %u to %u%s%s%s%s", f->what, f->lo, f->hi,
		 f->n_names ? " or " : "", f->n_names ? f->names[0] : "", f->n_names ? " to " : "",
		 f->n_names ? f->names[f->n_names - 1] : "");
	return bad(t, at, expected);
}

/* A number at @t->at, at most six digits. -1: none. */
static long read_number(struct text *t)
{
	long v = 0;
	int digits = 0;

	for (; isdigit((unsigned char)*t->at); t->at++)
		if (++digits <= 6)
			v = v * 10 + (*t->at - '0');
	return digits && digits <= 6 ? v : -1;
}

static int read_value(struct text *t, const struct field *f, unsigned int *ret)
{
	const char *begin = t->at;
	long v = -1;

	if (isdigit((unsigned char)*begin)) {
		v = read_number(t);
	} else {
		while (isalpha((unsigned char)*t->at))
			t->at++;
		for (size_t i = 0; i < f->n_names; i++)
			if ((size_t)(t->at - begin) == strlen(f->names[i]) &&
			    !strncasecmp(begin, f->names[i], strlen(f->names[i])))
				v = (long)(f->lo + i);
	}
	if (v < (long)f->lo || v > (long)f->hi)
		return bad_value(t, begin, f);
	*ret = (unsigned int)v;
	return 0;
}

/* One item of a list: `*`, `?`, A, A-B, each with an optional /STEP; A/STEP is A-last/STEP. */
static int read_item(struct text *t, const struct field *f, uint64_t *bits, bool *any)
{
	unsigned int lo = f->lo, hi = f->hi;
	const char *begin = t->at;
	bool star = *begin == '*' || *begin == '?', range = star;
	long step = 1;
	int r = 0;

	if (star)
		t->at++;
	else
		r = read_value(t, f, &lo);
	if (!r && !star && *t->at == '-') {
		t->at++;
		range = true;
		r = read_value(t, f, &hi);
		if (!r && hi < lo)
			return bad(t, begin, "a range that goes up");
	}
	if (!r && *t->at == '/') {
		const char *at = ++t->at;

		step = read_number(t);
		if (step < 1)
			return bad(t, at, "a step, 1 or more");
	} else if (!range) {
		hi = lo;
	}
	if (r)
		return r;
	if (*t->at && *t->at != ',' && !isblank((unsigned char)*t->at))
		return bad(t, t->at, "`,`, `-`, `/` or the next field");
	for (unsigned int v = lo; v <= hi; v += (unsigned int)step)
		*bits |= 1ULL << v;
	*any |= star && step == 1;
	return 0;
}

static int read_field(struct text *t, const struct field *f, uint64_t *bits, bool *any)
{
	*bits = 0;
	*any = false;
	while (isblank((unsigned char)*t->at))
		t->at++;
	for (;;) {
		int r = read_item(t, f, bits, any);

		if (r || *t->at != ',')
			return r;
		t->at++;
	}
}

static int read_fields(struct text *t, struct cron *c)
{
	uint64_t bits[ARRAY_SIZE(fields)];
	bool any[ARRAY_SIZE(fields)];

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		int r = read_field(t, &fields[i], &bits[i], &any[i]);

		if (r)
			return r;
	}
	while (isblank((unsigned char)*t->at))
		t->at++;
	if (*t->at)
		return bad(t, t->at,
			   "five fields: minute, hour, day of the month, month, day of the week");
	*c = (struct cron){.minutes = bits[0],
			   .hours = (uint32_t)bits[1],
			   .days = (uint32_t)bits[2],
			   .months = (uint32_t)bits[3],
			   .weekdays = (uint32_t)bits[4],
			   .any_day = any[2],
			   .any_weekday = any[4]};
	return 0;
}

/* @hourly and its like are fields; @every is not. */
static int read_word(struct text *t, struct cron *c)
{
	static const struct {
		const char *word, *fields;
	} words[] = {
		{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
		{"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
		{"@hourly", "0 * * * *"},
	};
	static const char every[] = "@every ";
	int64_t ns = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct text of = {words[i].fields, words[i].fields, t->err};

		if (!strcmp(t->at, words[i].word))
			return read_fields(&of, c);
	}
	if (strncmp(t->at, every, strlen(every)) != 0)
		return bad(t, t->at, "@every TIME, @hourly, @daily, @weekly, @monthly or @yearly");
	t->at += strlen(every);
	if (units__go_duration(t->at, &ns) || ns < NS_PER_S || ns / NS_PER_S > EVERY_MAX_S)
		return bad(t, t->at, "a time from 1s to ten years, as in @every 1h30m");
	/* whole seconds, as the times of the fields are */
	*c = (struct cron){.every_s = ns / NS_PER_S};
	return 0;
}

/* TZ=ZONE or CRON_TZ=ZONE and blanks before the rest. */
static int skip_zone(struct text *t)
{
	static const char *const utc[] = {"UTC", "Etc/UTC", "GMT", "Etc/GMT", "Z"};
	const char *zone;
	size_t n;

	if (strncmp(t->at, "TZ=", 3) != 0 && strncmp(t->at, "CRON_TZ=", 8) != 0)
		return 0;
	zone = strchr(t->at, '=') + 1;
	n = strcspn(zone, " \t");
	t->at = zone + n + strspn(zone + n, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(utc); i++)
		if (strlen(utc[i]) == n && !strncasecmp(zone, utc[i], n))
			return 0;
	return bad(t, zone, "UTC: other time zones are not known here");
}

int cron__parse(const char *text, struct cron *ret, struct error *err)
{
	struct text t = {text, text, err};
	int r = skip_zone(&t);

	if (r)
		return r;
	return *t.at == '@' ? read_word(&t, ret) : read_fields(&t, ret);
}

/* --- when ----------------------------------------------------------------------------------------- */

static bool is_day(const struct cron *c, time_t day)
{
	const time_t t = day * DAY_S;
	bool of_month, of_week;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return false;
	of_month = c->days >> tm.tm_mday & 1;
	of_week = c->weekdays >> tm.tm_wday & 1;
	if (!(c->months >> (tm.tm_mon + 1) & 1))
		return false;
	return c->any_day || c->any_weekday ? of_month && of_week : of_month || of_week;
}

/* The first minute of a day, from @minute on; -1: none. */
static int next_minute(const struct cron *c, int minute)
{
	for (; minute < 24 * 60; minute++)
		if (c->hours >> (minute / 60) & 1 && c->minutes >> (minute % 60) & 1)
			return minute;
	return -1;
}

int64_t cron__next(const struct cron *c, int64_t after_s)
{
	int64_t minute, day;

	if (after_s >= LAST_S)
		return -1;
	if (c->every_s)
		return after_s + c->every_s;
	if (after_s < 0)
		after_s = -1;
	minute = after_s / 60 + (after_s >= 0);
	day = minute / (24 * 60);
	for (int64_t last = day + SEARCH_DAYS, from = minute % (24 * 60); day <= last;
	     day++, from = 0) {
		int found = is_day(c, day) ? next_minute(c, (int)from) : -1;

		if (found >= 0)
			return day * DAY_S + found * 60;
	}
	return -1;
}
