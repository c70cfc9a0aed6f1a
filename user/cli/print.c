// SPDX-License-Identifier: GPL-2.0-only
/* print.c: a run's summary for people at a terminal. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

static unsigned int columns(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col >= 40)
		return ws.ws_col < 100 ? ws.ws_col : 100;
	return 100;
}

/* Wrap @text at blanks, each line after @indent blanks but the first, which follows @first. */
static void print_wrapped(const char *first, const char *text)
{
	size_t indent = strlen(first), width = columns() - indent;
	const char *p = text;

	printf("%s", first);
	while (strlen(p) > width) {
		size_t n = width;

		while (n && p[n] != ' ')
			n--;
		if (!n)
			n = width;
		printf("%.*s\n%*s", (int)n, p, (int)indent, "");
		p += n;
		while (*p == ' ')
			p++;
	}
	printf("%s\n", p);
}

static const char *colour(const char *verdict, bool on)
{
	if (!on)
		return "";
	if (!strcmp(verdict, "pass"))
		return "\033[1;32m";
	return !strcmp(verdict, "fail") ? "\033[1;31m" : "\033[1;33m";
}

static void print_value(const json_t *v)
{
	_cleanup_free_ char *text = NULL;

	if (json_is_string(v)) {
		printf("%s", json_string_value(v));
		return;
	}
	if (json_is_real(v)) {
		printf("%.4g", json_real_value(v));
		return;
	}
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	printf("%s", text ? text : "null");
}

static void print_expectation(const json_t *x, bool tty)
{
	const char *verdict = json_string_value(json_object_get(x, "verdict"));
	const char *expr = json_string_value(json_object_get(x, "expr"));
	const char *reason = json_string_value(json_object_get(x, "reason"));
	const char *unit = json_string_value(json_object_get(x, "unit"));

	if (!verdict || !expr)
		return;
	printf("  %s%-7s%s %s, found ", colour(verdict, tty), verdict, tty ? "\033[0m" : "", expr);
	print_value(json_object_get(x, "value"));
	if (unit && json_is_number(json_object_get(x, "value")))
		printf("%s", strcmp(unit, "per_s") == 0 ? "/s" : unit);
	printf("\n");
	if (reason && *reason && strcmp(verdict, "unknown") == 0)
		print_wrapped("          ", reason);
}

void cli__print_summary(const json_t *summary, const char *dir)
{
	bool tty = cli__colour();
	const char *verdict = json_string_value(json_object_get(summary, "verdict"));
	json_t *x;
	size_t i;

	printf("\nVerdict: %s%s%s\n", colour(verdict ? verdict : "", tty), verdict ? verdict : "?",
	       tty ? "\033[0m" : "");
	json_array_foreach(json_object_get(summary, "findings"), i, x)
		if (json_is_string(x))
			print_wrapped("  - ", json_string_value(x));
	if (json_array_size(json_object_get(summary, "expectations")))
		printf("Expectations:\n");
	json_array_foreach(json_object_get(summary, "expectations"), i, x)
		print_expectation(x, tty);
	if (dir)
		printf("Report: %s/report.html\nRecord: %s/events.jsonl\n", dir, dir);
	fflush(stdout); /* before what stderr has to say about it */
}
