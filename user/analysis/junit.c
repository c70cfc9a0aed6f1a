// SPDX-License-Identifier: GPL-2.0-only
/*
 * junit.c: junit.xml for CI. An expectation is a test case. What fails is a <failure>; what is
 * unknown an <error>, not <skipped>: most readers show a skipped test as no reason to stop. A run
 * without expectations has one test case: its verdict.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <string.h>

/* The length of the UTF-8 sequence at @s if XML 1.0 may hold its character, else 0. */
static size_t character(const unsigned char *s)
{
	uint32_t c = s[0], least;
	size_t n = c < 0x80 ? 1 : c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;

	if (n == 1)
		return c >= 0x20 || c == '\t' || c == '\n' || c == '\r' ? 1 : 0;
	if (!n || c >= 0xf5)
		return 0;
	least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	c &= 0x7f >> n;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80) /* the terminator too */
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || c == 0xfffe || c == 0xffff)
		return 0;
	return n;
}

/* @s as character data or between quotes; what XML cannot hold is left out. */
static void put(struct text *t, const char *s)
{
	while (*s) {
		size_t n = character((const unsigned char *)s);

		switch (*s) {
		case '<':
			text__put(t, "&lt;", 4);
			break;
		case '>':
			text__put(t, "&gt;", 4);
			break;
		case '&':
			text__put(t, "&amp;", 5);
			break;
		case '"':
			text__put(t, "&quot;", 6);
			break;
		case '\t':
		case '\n':
		case '\r':
			text__add(t, "&#%d;",
				  *s); /* a bare one would become a blank in an attribute */
			break;
		default:
			text__put(t, s, n);
		}
		s += n ? n : 1;
	}
}

static const char *word(const json_t *o, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : otherwise;
}

static void test_case(struct text *t, const char *suite, const char *name, const char *verdict,
		      const char *found, const char *reason)
{
	text__add(t, "    <testcase classname=\"");
	put(t, suite);
	text__add(t, "\" name=\"");
	put(t, name);
	text__add(t, "\"");
	if (!strcmp(verdict, "pass")) {
		text__add(t, "/>\n");
		return;
	}
	text__add(t, ">\n      <%s message=\"", !strcmp(verdict, "fail") ? "failure" : "error");
	if (!strcmp(verdict, "fail")) {
		text__add(t, "found ");
		put(t, found);
	} else {
		text__add(t, "unknown: ");
		put(t, reason);
	}
	text__add(t, "\" type=\"%s\"/>\n    </testcase>\n",
		  !strcmp(verdict, "fail") ? "expectation" : "unknown");
}

static void expectation(struct text *t, const char *suite, const json_t *x)
{
	const json_t *value = json_object_get(x, "value");
	_cleanup_free_ char *found =
		value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	test_case(t, suite, word(x, "expr", ""), word(x, "verdict", "unknown"),
		  found ? found : "null", word(x, "reason", "no reason was given"));
}

static void nothing_expected(struct text *t, const char *suite, const json_t *summary)
{
	const json_t *reasons = json_object_get(summary, "verdict_reasons"), *s;
	struct text all = {0};
	_cleanup_free_ char *reason = NULL;
	size_t i;

	json_array_foreach(reasons, i, s)
		if (json_is_string(s))
			text__add(&all, "%s%s", all.n ? "; " : "", json_string_value(s));
	reason = text__take(&all);
	test_case(t, suite, "the run", word(summary, "verdict", "unknown"), "",
		  reason ? reason : "");
}

static void system_out(struct text *t, const json_t *summary)
{
	const json_t *s;
	size_t i;

	text__add(t, "    <system-out>");
	json_array_foreach(json_object_get(summary, "findings"), i, s)
		if (json_is_string(s)) {
			put(t, json_string_value(s));
			text__add(t, "\n");
		}
	text__add(t, "</system-out>\n");
}

char *analysis__junit(const struct history *h, const json_t *summary)
{
	const json_t *list = json_object_get(summary, "expectations"), *x;
	double seconds = json_number_value(json_object_get(summary, "duration_s"));
	size_t i, n = json_array_size(list), failures = 0, errors = 0;
	struct text t = {0};

	json_array_foreach(list, i, x) {
		failures += !strcmp(word(x, "verdict", ""), "fail");
		errors += !strcmp(word(x, "verdict", ""), "unknown");
	}
	if (!n) {
		failures = summary__verdict(summary) == VERDICT_FAIL;
		errors = summary__verdict(summary) == VERDICT_UNKNOWN;
	}
	text__add(&t,
		  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"");
	put(&t, h->name);
	text__add(&t,
		  "\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\" time=\"%.3f\">\n",
		  n ? n : 1, failures, errors, seconds);
	json_array_foreach(list, i, x)
		expectation(&t, h->name, x);
	if (!n)
		nothing_expected(&t, h->name, summary);
	system_out(&t, summary);
	text__add(&t, "  </testsuite>\n</testsuites>\n");
	return text__take(&t);
}
