// SPDX-License-Identifier: GPL-2.0-only
/* compare_text.c: two sides of runs as a table, what is worse first. */
#include "cli/compare.h"

#include "lib/clock.h"
#include "lib/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CELL 32

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static double number(const json_t *o, const char *key)
{
	const json_t *x = json_object_get(o, key);

	return json_is_number(x) ? json_number_value(x) : NAN;
}

static void format(const char *kind, double x, char *buf, size_t size)
{
	static const struct {
		const char *kind;
		double ns;
	} times[] = {{"s", NS_PER_S}, {"ms", NS_PER_MS}, {"us", NS_PER_US}};
	char plain[CELL] = "";

	if (isnan(x)) {
		snprintf(buf, size, "-");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (!strcmp(kind, times[i].kind)) {
			units__format_duration((int64_t)(fabs(x) * times[i].ns), plain,
					       sizeof(plain));
			snprintf(buf, size, "%s%s", x < 0 ? "-" : "", plain);
			return;
		}
	if (!strcmp(kind, "level"))
		snprintf(buf, size, "L%.3g", x);
	else if (!strcmp(kind, "bool"))
		snprintf(buf, size, "%s", x == 0 ? "no" : x == 1 ? "yes" : "some");
	else if (!strcmp(kind, "per_s"))
		snprintf(buf, size, "%.4g/s", x);
	else if (fabs(x) >= 1e9)
		snprintf(buf, size, "%.4g", x);
	else
		snprintf(buf, size, x == floor(x) ? "%.0f" : "%.4g", x);
}

/* +12 %, or the plain difference where there is nothing to divide by. */
static void format_change(const char *kind, double before, double change, char *buf, size_t size)
{
	double percent = change / fabs(before) * 100;
	char plain[CELL - 2];

	if (!strcmp(kind, "level") || !strcmp(kind, "bool") || isnan(change)) {
		snprintf(buf, size, "%s", "");
	} else if (before != 0 && fabs(percent) < 1000) {
		snprintf(buf, size, "%+.3g %%", percent);
	} else if (before != 0) {
		snprintf(buf, size, "x %.3g", (before + change) / before);
	} else {
		format(kind, change, plain, sizeof(plain));
		snprintf(buf, size, "%s%s", change > 0 ? "+" : "", plain);
	}
}

static void print_row(const json_t *x, unsigned int columns, bool colour)
{
	static const struct {
		const char *call, *shown, *colour;
	} calls[] = {
		{"regression", "REGRESSION", "\033[31m"},
		{"improvement", "improvement", "\033[32m"},
		{"changed", "changed", "\033[33m"},
		{"noise", "noise", ""},
		{"unknown", "cannot tell", "\033[2m"},
	};
	char before[CELL], after[CELL], change[CELL], noise[CELL], tail[300] = "";
	const char *kind = word(x, "kind"), *path = word(x, "path");
	/* 11 + 11 + 10 + 11 and what parts them; the rest is the path's, and the reason's if wide */
	int wide = columns >= 120, room = (int)(wide ? 52 : columns - 48), len = (int)strlen(path);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(calls) - 1; i++)
		if (!strcmp(word(x, "call"), calls[i].call))
			break;
	format(kind, number(x, "before_median"), before, sizeof(before));
	format(kind, number(x, "after_median"), after, sizeof(after));
	format_change(kind, number(x, "before_median"), number(x, "change"), change,
		      sizeof(change));
	format(kind, number(x, "noise"), noise, sizeof(noise));
	if (wide && *word(x, "reason"))
		snprintf(tail, sizeof(tail), "  %.*s", (int)columns - 102, word(x, "reason"));
	else if (wide && !isnan(number(x, "p")))
		snprintf(tail, sizeof(tail), "  p %.2g, spread %s", number(x, "p"), noise);
	else if (wide && !isnan(number(x, "noise")))
		snprintf(tail, sizeof(tail), "  chance +-%s", noise);
	/* the end of a path tells more than its beginning */
	printf("%s%-*s %11s %11s %10s  %s%s%s%s\n", len > room ? "~" : "", room - (len > room),
	       len > room ? path + len - room + 1 : path, before, after, change,
	       colour ? calls[i].colour : "", calls[i].shown, colour ? "\033[0m" : "", tail);
}

static size_t print_all(const json_t *c, const char *call, unsigned int columns, bool colour)
{
	const json_t *x;
	size_t i, n = 0;

	json_array_foreach(json_object_get(c, "numbers"), i, x)
		if (!strcmp(word(x, "call"), call)) {
			print_row(x, columns, colour);
			n++;
		}
	return n;
}

static void print_legend(const json_t *c)
{
	size_t n = json_array_size(json_object_get(c, "before"));
	size_t m = json_array_size(json_object_get(c, "after"));

	if (n == 1 && m == 1)
		printf("One run each: noise is what varies within the runs (99 %% of "
		       "block-bootstrap\n"
		       "draws); runs differ by more than that. Of other numbers one run each "
		       "cannot\n"
		       "tell noise. Four runs a side can: --compare A1,A2,A3,A4 B1,B2,B3,B4\n");
	else
		printf("%zu and %zu runs: medians; called if the exact Mann-Whitney p <= 0.05 and "
		       "the\n"
		       "medians are further apart than the wider side spreads.\n",
		       n, m);
}

void compare__print(const json_t *c, unsigned int columns, bool colour)
{
	static const char *const order[] = {"regression", "improvement", "changed", "noise",
					    "unknown"};
	size_t shown = 0, i, all = json_array_size(json_object_get(c, "numbers"));
	const json_t *x;
	int room = (int)(columns >= 120 ? 52 : columns - 48);

	json_array_foreach(json_object_get(c, "warnings"), i, x)
		printf("Note: %s\n", json_string_value(x));
	printf("%-*s %11s %11s %10s\n", room, "", "before", "after", "change");
	for (i = 0; i < ARRAY_SIZE(order); i++)
		shown += print_all(c, order[i], columns, colour);
	printf("\n%zu more are the same on both sides, or measured on neither.\n", all - shown);
	print_legend(c);
	printf("Regressions: %lld, improvements: %lld\n",
	       (long long)json_integer_value(json_object_get(c, "regressions")),
	       (long long)json_integer_value(json_object_get(c, "improvements")));
}
