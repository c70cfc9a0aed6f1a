// SPDX-License-Identifier: GPL-2.0-only
/* Cron expressions: what they say, and when, against a definition that looks at every minute of a year. */
#include "agent/cron.h"
#include "lib/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DAY 86400
/* Thursday, 29 February 2024, 00:00 UTC, and 1 January 2024. */
#define LEAP 1709164800LL
#define YEAR 1704067200LL

static struct cron parse(const char *text)
{
	struct error err = {0};
	struct cron c = {0};

	if (cron__parse(text, &c, &err))
		fail_msg("%s: %s", text, err.msg);
	return c;
}

static void test_words(void **state)
{
	static const struct {
		const char *text;
		int64_t after, next;
	} cases[] = {
		{"* * * * *", LEAP, LEAP + 60},
		{"* * * * *", LEAP - 1, LEAP},
		{"0 0 29 2 *", LEAP - DAY, LEAP},
		{"0 0 29 2 *", LEAP, LEAP + 1461 * DAY},
		/* over 2100, which is no leap year: 2096 to 2104 */
		{"0 0 29 2 ?", 3981312000, 4233686400},
		{"0 0 30 2 *", LEAP, -1},
		{"5/20 1 * * *", LEAP, LEAP + 3600 + 300},
		{"@hourly", LEAP, LEAP + 3600},
		{"@daily", LEAP, LEAP + DAY},
		{"@midnight", LEAP, LEAP + DAY},
		{"@weekly", LEAP, LEAP + 3 * DAY},
		{"@monthly", LEAP, LEAP + DAY},
		{"@yearly", LEAP, LEAP + 307 * DAY},
		{"@annually", LEAP, LEAP + 307 * DAY},
		{"@every 1h30m", LEAP + 7, LEAP + 7 + 5400},
		{"@every 1500ms", LEAP, LEAP + 1},
		{"0 0 * * FRI-sat", LEAP, LEAP + DAY},
		{"0 0 1 MAR-dec/3 *", LEAP, LEAP + DAY},
		/* two restricted fields: either; a step of a star restricts too */
		{"0 0 13 * 5", LEAP, LEAP + DAY},
		{"0 0 */2 * 5", LEAP, LEAP + DAY},
		{"0 0 */1 * sat", LEAP, LEAP + 2 * DAY},
		{"TZ=UTC 0 12 * * *", LEAP, LEAP + DAY / 2},
		{"CRON_TZ=Etc/UTC @hourly", LEAP, LEAP + 3600},
		{"0 0 * * *", -5, 0},
		{"* * * * *", 1LL << 40, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cron c;

		c = parse(cases[i].text);
		if (cron__next(&c, cases[i].after) != cases[i].next)
			fail_msg("%s: after %lld comes %lld, not %lld", cases[i].text,
				 (long long)cases[i].after,
				 (long long)cron__next(&c, cases[i].after),
				 (long long)cases[i].next);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"", "column 1: it ends; expected a minute, 0 to 59"},
		{"60 * * * *", "column 1: `60`; expected a minute, 0 to 59"},
		{"* 24 * * *", "column 3: `24`; expected an hour, 0 to 23"},
		{"* * 0 * *", "column 5: `0`; expected a day of the month, 1 to 31"},
		{"* * * 13 *", "column 7: `13`; expected a month, 1 to 12 or jan to dec"},
		{"* * * * 7", "column 9: `7`; expected a day of the week, 0 to 6 or sun to sat"},
		{"* * * * monday",
		 "column 9: `monday`; expected a day of the week, 0 to 6 or sun to sat"},
		{"* * * *", "column 8: it ends; expected a day of the week, 0 to 6 or sun to sat"},
		{"* * * * * *", "column 11: `*`; expected five fields: minute, hour, day of the "
				"month, month, day of the "
				"week"},
		{"5-2 * * * *", "column 1: `5-2`; expected a range that goes up"},
		{"*/0 * * * *", "column 3: `0`; expected a step, 1 or more"},
		{"1,,2 * * * *", "column 3: `,`; expected a minute, 0 to 59"},
		{"1x * * * *", "column 2: `x`; expected `,`, `-`, `/` or the next field"},
		{"99999999999999999999 * * * *",
		 "column 1: `99999999999999999999`; expected a minute, 0 to 59"},
		{"TZ=Europe/Paris 0 0 * * *",
		 "column 4: `Europe/Paris`; expected UTC: other time zones are not known here"},
		{"@often",
		 "column 1: `@often`; expected @every TIME, @hourly, @daily, @weekly, @monthly "
		 "or @yearly"},
		{"@every 10",
		 "column 8: `10`; expected a time from 1s to ten years, as in @every 1h30m"},
		{"@every 10ms",
		 "column 8: `10ms`; expected a time from 1s to ten years, as in @every 1h30m"},
		{"@every 999999h",
		 "column 8: `999999h`; expected a time from 1s to ten years, as in @every 1h30m"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct cron c = {.every_s = 77};

		assert_int_equal(cron__parse(cases[i].text, &c, &err), -EINVAL);
		assert_string_equal(err.msg, cases[i].message);
		assert_int_equal(c.every_s, 77);
	}
}

/* --- against the definition ------------------------------------------------------------------------- */

/* A field drawn at random, as text and as the values that it means. */
struct drawn {
	char text[128];
	bool is[60], star;
};

static unsigned int below(struct rng *r, unsigned int n)
{
	return (unsigned int)rng__below(r, n);
}

static void draw_item(struct rng *r, unsigned int lo, unsigned int hi, struct drawn *f)
{
	unsigned int a = lo + below(r, hi - lo + 1), b = a + below(r, hi - a + 1);
	unsigned int step = 1 + below(r, 9), form = below(r, 10);
	size_t n = strlen(f->text);
	char *at = f->text + n;
	size_t room = sizeof(f->text) - n;

	if (form < 3) {
		snprintf(at, room, "*");
		a = lo, b = hi, step = 1;
		f->star = true;
	} else if (form == 3) {
		snprintf(at, room, "*/%u", step);
		a = lo, b = hi;
		f->star |= step == 1;
	} else if (form == 4) {
		snprintf(at, room, "%u/%u", a, step);
		b = hi;
	} else if (form == 5) {
		snprintf(at, room, "%u-%u/%u", a, b, step);
	} else if (form == 6) {
		snprintf(at, room, "%u-%u", a, b);
		step = 1;
	} else {
		snprintf(at, room, "%u", a);
		b = a;
	}
	for (unsigned int v = lo; v <= hi; v++)
		f->is[v] |= v >= a && v <= b && (v - a) % step == 0;
}

static struct drawn draw(struct rng *r, unsigned int lo, unsigned int hi)
{
	struct drawn f = {0};

	for (unsigned int n = 1 + below(r, 3); n; n--) {
		draw_item(r, lo, hi, &f);
		if (n > 1)
			strcat(f.text, ",");
	}
	return f;
}

static void test_definition(void **state)
{
	struct rng r = {.state = 20260728};

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct drawn f[5] = {draw(&r, 0, 59), draw(&r, 0, 23), draw(&r, 1, 31),
				     draw(&r, 1, 12), draw(&r, 0, 6)};
		/* any second of 2023 and 2024, and a year from there */
		int64_t begin = YEAR - 365 * DAY + (int64_t)rng__below(&r, 730 * DAY);
		int64_t last = begin, next;
		char text[700];
		struct cron c;

		snprintf(text, sizeof(text), "%s %s %s %s %s", f[0].text, f[1].text, f[2].text,
			 f[3].text, f[4].text);
		c = parse(text);
		next = cron__next(&c, last);
		for (int64_t day = begin / DAY; day < begin / DAY + 366; day++) {
			const time_t t = day * DAY;
			struct tm tm;
			bool dom, dow;

			assert_non_null(gmtime_r(&t, &tm));
			dom = f[2].is[tm.tm_mday];
			dow = f[4].is[tm.tm_wday];
			if (!f[3].is[tm.tm_mon + 1] ||
			    !(f[2].star || f[4].star ? dom && dow : dom || dow))
				continue;
			for (int minute = 0; minute < 1440; minute++) {
				int64_t now = day * DAY + minute * 60;

				if (now <= begin || !f[1].is[minute / 60] || !f[0].is[minute % 60])
					continue;
				if (next != now)
					fail_msg("%s: after %lld comes %lld, not %lld", text,
						 (long long)last, (long long)next, (long long)now);
				last = now;
				/* not each one of many: from somewhere in between too */
				next = cron__next(&c, last + below(&r, 60));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_definition),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
