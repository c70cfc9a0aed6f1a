// SPDX-License-Identifier: GPL-2.0-only
/*
 * junit.c: junit.xml for CI, by the schema that Jenkins keeps (junit-10.xsd) and that GitLab and the
 * reporters of GitHub read: properties, test cases, system-out, in this order.
 *
 * An expectation is a test case. What fails is a <failure>; what is unknown an <error>, not
 * <skipped>: most readers show a skipped test as no reason to stop. A run without expectations has
 * one test case: its verdict. The time of the suite is that of the run; a test case takes none of
 * its own, for all are judged on the one record. GitLab shows of a suite only the test cases, so
 * that what is wrong carries the findings too.
 */
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>
#include <time.h>

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

static void findings(struct text *t, const json_t *summary)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(summary, "findings"), i, s)
		if (json_is_string(s)) {
			put(t, json_string_value(s));
			text__add(t, "\n");
		}
}

struct suite {
	const char *name;
	const json_t *summary;
};

static void test_case(struct text *t, const struct suite *suite, const char *name,
		      const char *verdict, const char *found, const char *reason)
{
	const char *is = !strcmp(verdict, "fail") ? "failure" : "error";

	text__add(t, "    <testcase classname=\"");
	put(t, suite->name);
	text__add(t, "\" name=\"");
	put(t, name);
	text__add(t, "\" time=\"0\"");
	if (!strcmp(verdict, "pass")) {
		text__add(t, "%s", found ? ">\n      <system-out>found " : "/>\n");
		if (found) {
			put(t, found);
			text__add(t, "</system-out>\n    </testcase>\n");
		}
		return;
	}
	text__add(t, ">\n      <%s message=\"%s", is,
		  !strcmp(is, "failure") ? "found " : "unknown: ");
	put(t, !strcmp(is, "failure") ? found ? found : "" : reason);
	text__add(t, "\" type=\"%s\">", !strcmp(is, "failure") ? "expectation" : "unknown");
	put(t, name);
	text__add(t, "%s", !strcmp(is, "failure") ? ": found " : ": unknown: ");
	put(t, !strcmp(is, "failure") ? found ? found : "" : reason);
	text__add(t, "\n");
	findings(t, suite->summary);
	text__add(t, "</%s>\n    </testcase>\n", is);
}

static void expectation(struct text *t, const struct suite *suite, const json_t *x)
{
	const json_t *value = json_object_get(x, "value");
	_cleanup_free_ char *found =
		value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6))
		      : NULL;

	test_case(t, suite, word(x, "expr", ""), word(x, "verdict", "unknown"),
		  found ? found : "null", word(x, "reason", "no reason was given"));
}

static void nothing_expected(struct text *t, const struct suite *suite)
{
	const json_t *reasons = json_object_get(suite->summary, "verdict_reasons"), *s;
	struct text all = {0};
	_cleanup_free_ char *reason = NULL;
	size_t i;

	json_array_foreach(reasons, i, s)
		if (json_is_string(s))
			text__add(&all, "%s%s", all.n ? "; " : "", json_string_value(s));
	reason = text__take(&all);
	test_case(t, suite, "the run", word(suite->summary, "verdict", "unknown"), NULL,
		  reason ? reason : "");
}

/* ---- what the run was ---- */

static void property(struct text *t, const char *name, const char *value)
{
	if (!value)
		return;
	text__add(t, "      <property name=\"%s\" value=\"", name);
	put(t, value);
	text__add(t, "\"/>\n");
}

static void properties(struct text *t, const struct history *h, const json_t *summary)
{
	const json_t *seed = json_object_get(summary, "seed");
	_cleanup_free_ char *s = seed ? json_dumps(seed, JSON_ENCODE_ANY) : NULL;

	text__add(t, "    <properties>\n");
	property(t, "verdict", word(summary, "verdict", "unknown"));
	property(t, "status", word(summary, "status", "unknown"));
	property(t, "seed", s);
	property(t, "run_id", h->run_id);
	property(t, "kernel", h->kernel);
	property(t, "tool", h->tool);
	text__add(t, "    </properties>\n");
}

static void at_seconds(struct text *t, const json_t *fault, const char *key, const char *what)
{
	const json_t *x = json_object_get(fault, key);

	if (json_is_number(x))
		text__add(t, ", %s at +%.3f s", what, json_number_value(x));
}

static void faults(struct text *t, const json_t *summary)
{
	const json_t *f, *n;
	const char *what;
	size_t i;

	json_array_foreach(json_object_get(summary, "faults"), i, f) {
		text__add(t, "fault ");
		put(t, word(f, "name", ""));
		at_seconds(t, f, "armed_at_s", "armed");
		at_seconds(t, f, "first_hit_at_s", "first packet hit");
		at_seconds(t, f, "cleared_at_s", "cleared");
		json_object_foreach(json_object_get(f, "hits"), what, n)
			if (json_integer_value(n))
				text__add(t, ", %s %lld", what, (long long)json_integer_value(n));
		text__add(t, "\n");
	}
}

static void timestamp(struct text *t, int64_t realtime_ns)
{
	time_t s = realtime_ns / NS_PER_S;
	char out[40];
	struct tm tm;

	if (realtime_ns < 0 || !gmtime_r(&s, &tm) ||
	    !strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	text__add(t, " timestamp=\"%s\"", out);
}

char *analysis__junit(const struct history *h, const json_t *summary)
{
	const struct suite suite = {h->name, summary};
	const json_t *list = json_object_get(summary, "expectations"), *x;
	double seconds = json_number_value(json_object_get(summary, "duration_s"));
	size_t i, n = json_array_size(list), failures = 0, errors = 0;
	struct text t = {0}, counts = {0};
	_cleanup_free_ char *counted = NULL;

	json_array_foreach(list, i, x) {
		failures += !strcmp(word(x, "verdict", ""), "fail");
		errors += !strcmp(word(x, "verdict", ""), "unknown");
	}
	if (!n) {
		failures = summary__verdict(summary) == VERDICT_FAIL;
		errors = summary__verdict(summary) == VERDICT_UNKNOWN;
	}
	text__add(&counts, "tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"", n ? n : 1, failures,
		  errors);
	counted = text__take(&counts);
	if (!counted)
		return NULL;
	text__add(&t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites %s time=\"%.3f\">\n",
		  counted, seconds);
	text__add(&t, "  <testsuite name=\"");
	put(&t, h->name);
	text__add(&t, "\" %s skipped=\"0\" time=\"%.3f\"", counted, seconds);
	timestamp(&t, h->start_realtime_ns);
	text__add(&t, ">\n");
	properties(&t, h, summary);
	json_array_foreach(list, i, x)
		expectation(&t, &suite, x);
	if (!n)
		nothing_expected(&t, &suite);
	text__add(&t, "    <system-out>");
	findings(&t, summary);
	faults(&t, summary);
	text__add(&t, "</system-out>\n  </testsuite>\n</testsuites>\n");
	return text__take(&t);
}
