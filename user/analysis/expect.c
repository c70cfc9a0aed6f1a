// SPDX-License-Identifier: GPL-2.0-only
/*
 * expect.c: reading an expectation. What it means for a run is said in expect_value.c and
 * verdict.c.
 */
#include "analysis/expect_schema.h"

#include "analysis/analysis.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/nearest.h"
#include "lib/units.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- the three parts of the text ---- */

int parts__bad(struct parts *p, int col, struct error *err, const char *fmt, ...)
{
	char msg[sizeof(err->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	p->bad_col = col;
	return err__set(err, -EINVAL, "%s", msg);
}

static const struct {
	const char *text;
	enum expect_op op;
} ops[] = {
	/* the longer of two that begin alike stands first */
	{"<=", EXPECT_LE}, {">=", EXPECT_GE}, {"==", EXPECT_EQ},
	{"!=", EXPECT_NE}, {"<", EXPECT_LT},  {">", EXPECT_GT},
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static size_t path_length(const char *s)
{
	size_t n = 0;

	while (s[n] && !is_blank(s[n]) && !strchr("<>=!", s[n])) {
		const char *close = s[n] == '[' ? strchr(s + n, ']') : NULL;

		n = close ? (size_t)(close - s) + 1 : n + 1;
	}
	return n;
}

/* `in WINDOW` at @s, if it stands there. Returns what comes behind it. */
static const char *read_window(const char *text, const char *s, struct parts *p)
{
	size_t n;

	if (strncmp(s, "in", 2) != 0 || !is_blank(s[2]))
		return s;
	s = skip_blanks(s + 2);
	p->window_col = (int)(s - text) + 1;
	n = strcspn(s, "<>=!");
	memcpy(p->window, s, n);
	while (n && is_blank(p->window[n - 1]))
		n--;
	p->window[n] = '\0';
	return s + strcspn(s, "<>=!");
}

static int split(const char *text, struct parts *p, struct error *err)
{
	const char *s = skip_blanks(text);
	size_t n, k;

	if (strlen(text) > EXPECT_TEXT_MAX)
		return parts__bad(p, EXPECT_TEXT_MAX, err, "longer than %d bytes", EXPECT_TEXT_MAX);
	n = path_length(s);
	p->path_col = (int)(s - text) + 1;
	if (!n)
		return parts__bad(p, p->path_col, err,
				  "expected `PATH OP VALUE`, such as `writes.lost == 0`");
	memcpy(p->path, s, n);
	p->path[n] = '\0';
	s = read_window(text, skip_blanks(s + n), p);
	p->op_col = (int)(s - text) + 1;
	for (k = 0; k < ARRAY_SIZE(ops); k++)
		if (!strncmp(s, ops[k].text, strlen(ops[k].text)))
			break;
	if (k == ARRAY_SIZE(ops))
		return parts__bad(p, p->op_col, err,
				  "expected one of <= < >= > == !=%s after `%.60s`%s",
				  *p->window ? "" : ", or `in` and a window,", p->path,
				  *s == '=' ? "; did you mean `==`?" : "");
	p->op = ops[k].op;
	s = skip_blanks(s + strlen(ops[k].text));
	p->value_col = (int)(s - text) + 1;
	n = strlen(s);
	while (n && is_blank(s[n - 1]))
		n--;
	if (!n)
		return parts__bad(p, p->value_col, err, "expected a value after `%s`", ops[k].text);
	memcpy(p->value, s, n);
	p->value[n] = '\0';
	return 0;
}

/* ---- the path ---- */

struct step {
	char *name, *index; /* index may be NULL */
};

/* Cut @path in place. */
static int cut(struct parts *p, char *path, struct step *steps, size_t *ret_n, int col,
	       struct error *err)
{
	char *s = path;
	size_t n = 0;

	for (;;) {
		struct step *x = &steps[n];
		size_t len = strcspn(s, ".[");
		char end = s[len];

		if (n == EXPECT_STEPS)
			return parts__bad(p, col + (int)(s - path), err,
					  "the path has more than %d steps", EXPECT_STEPS);
		if (!len)
			return parts__bad(p, col + (int)(s - path), err, "expected a name");
		*x = (struct step){.name = s};
		s[len] = '\0';
		s += len + (end != '\0');
		if (end == '[') {
			char *close = strchr(s, ']');

			if (!close || close == s)
				return parts__bad(p, col + (int)(s - path), err,
						  "expected a name and `]`");
			x->index = s;
			*close = '\0';
			s = close + 1;
			end = *s;
			if (end && end != '.')
				return parts__bad(p, col + (int)(s - path), err,
						  "expected `.` after `]`");
			s += end == '.';
		}
		n++;
		if (!end)
			break;
	}
	*ret_n = n;
	return 0;
}

static bool same_name(const char *name, const char *schema)
{
	size_t n = (size_t)(expect_schema__unit(schema) - schema);

	if (!strcmp(name, schema))
		return true;
	return *expect_schema__unit(schema) && strlen(name) == n && !strncmp(name, schema, n);
}

/*
 * Do the user's steps name @s? An array may be left out with its index. @ret: indexes by step of
 * the schema; @ret_unit: whether the name was written with its unit.
 */
static bool matches(const struct expect_schema *s, const struct step *steps, size_t n,
		    char **ret_index, bool *ret_unit)
{
	struct expect_step own[EXPECT_STEPS];
	size_t n_own = expect_schema__steps(s, own), j = 0;

	*ret_unit = false;
	for (size_t i = 0; i < n_own; i++) {
		ret_index[i] = NULL;
		if (j < n && same_name(steps[j].name, own[i].name)) {
			if (steps[j].index && !own[i].mark)
				return false;
			*ret_unit |= *expect_schema__unit(own[i].name) &&
				     !strcmp(steps[j].name, own[i].name);
			ret_index[i] = steps[j++].index;
		} else if (!i || own[i].mark != '[' || i + 1 == n_own) {
			return false;
		}
	}
	return j == n;
}

/* @path without indexes, blanks and units, to be compared; at most @size. */
static void plain(const char *path, char *ret, size_t size)
{
	size_t n = 0;

	for (const char *p = path; *p && n + 1 < size; p++) {
		if (*p == '[' || *p == '{') {
			p += strcspn(p, "]}");
			if (!*p)
				break;
			continue;
		}
		ret[n++] = *p;
	}
	ret[n] = '\0';
	/* the last step's unit; one in the middle is written by whoever knows the name */
	ret[n - strlen(expect_schema__unit(ret))] = '\0';
}

#define PLAIN_MAX 100

/* The tops of all paths, parted by commas. */
static void tops(char *ret, size_t size)
{
	size_t n = 0, last = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < n_expect_schemas; i++) {
		size_t len = strcspn(expect_schemas[i].path, ".[{");

		if (i && len == last &&
		    !strncmp(expect_schemas[i].path, expect_schemas[i - 1].path, len))
			continue;
		last = len;
		n += (size_t)snprintf(ret + n, n < size ? size - n : 0, "%s%.*s", n ? ", " : "",
				      (int)len, expect_schemas[i].path);
		if (n >= size)
			return;
	}
}

static int unknown_path(struct parts *p, struct error *err)
{
	_cleanup_free_ char(*names)[PLAIN_MAX] = calloc(n_expect_schemas + 1, PLAIN_MAX);
	_cleanup_free_ const char **words = calloc(n_expect_schemas + 1, sizeof(*words));
	char own[PLAIN_MAX], some[400] = "";
	const char *near;
	size_t len;

	if (!names || !words)
		return err__set(err, -ENOMEM, "out of memory");
	plain(p->path, own, sizeof(own));
	len = strlen(own);
	for (size_t i = 0; i < n_expect_schemas; i++) {
		plain(expect_schemas[i].path, names[i], PLAIN_MAX);
		words[i] = names[i];
		if (!strncmp(names[i], own, len) && names[i][len] == '.' &&
		    strlen(some) + strlen(names[i]) + 8 < sizeof(some))
			snprintf(some + strlen(some), sizeof(some) - strlen(some), "%s`%s`",
				 *some ? ", " : "", names[i]);
	}
	if (*some)
		return parts__bad(p, p->path_col, err,
				  "`%.60s` is not one number; expected one of %s", p->path, some);
	near = nearest__word(own, words, n_expect_schemas);
	for (size_t i = 0; i < n_expect_schemas && near; i++)
		if (near == words[i])
			return parts__bad(p, p->path_col, err,
					  "unknown path `%.60s`; did you mean `%s`?", p->path,
					  expect_schemas[i].path);
	tops(some, sizeof(some));
	return parts__bad(p, p->path_col, err, "unknown path `%.60s`; expected one of %s", p->path,
			  some);
}

static int read_path(struct parts *p, struct expect *e, bool *ret_unit, struct error *err)
{
	struct step steps[EXPECT_STEPS];
	size_t n = 0;
	int r;

	e->text = strdup(p->path);
	if (!e->text)
		return err__set(err, -ENOMEM, "out of memory");
	r = cut(p, e->text, steps, &n, p->path_col, err);
	if (r)
		return r;
	for (size_t i = 0; i < n_expect_schemas; i++)
		if (matches(&expect_schemas[i], steps, n, e->index, ret_unit)) {
			e->schema = &expect_schemas[i];
			return 0;
		}
	return unknown_path(p, err);
}

/* ---- the value ---- */

/* A decimal number at the start of @s; the rest in @ret_rest. No hex, no infinity. */
static bool number(const char *s, double *ret, const char **ret_rest)
{
	size_t n = strspn(s, "+-");
	char *end;

	if (n > 1 || s[n] < '0' || s[n] > '9' || s[n + (s[n] == '0')] == 'x' ||
	    s[n + (s[n] == '0')] == 'X')
		return false;
	*ret = strtod(s, &end);
	*ret_rest = end;
	return isfinite(*ret);
}

static bool duration(const char *s, bool bare, double per_unit, double *ret)
{
	bool minus = *s == '-';
	const char *rest;
	int64_t ns = 0;

	if (units__duration(s + minus, &ns) == 0) {
		*ret = (minus ? -1 : 1) * (double)ns / per_unit;
		return true;
	}
	/* the unit stands in the path */
	return bare && number(s, ret, &rest) && !*skip_blanks(rest);
}

static bool scaled(const char *s, const char *const *suffixes, const double *factors, double *ret)
{
	const char *rest;
	double x;

	if (!number(s, &x, &rest))
		return false;
	rest = skip_blanks(rest);
	for (size_t i = 0; suffixes[i]; i++)
		if (!strcmp(rest, suffixes[i])) {
			*ret = x * factors[i];
			return true;
		}
	return false;
}

static bool level(const char *s, double *ret)
{
	if ((s[0] != 'L' && s[0] != 'l') || s[1] < '0' || s[1] > '5' || s[2])
		return false;
	*ret = s[1] - '0';
	return true;
}

static bool truth(const char *s, double *ret)
{
	*ret = !strcmp(s, "true");
	return *ret || !strcmp(s, "false");
}

static int read_value(struct parts *p, struct expect *e, bool unit, struct error *err)
{
	static const char *const plain_units[] = {"", NULL};
	static const char *const rates[] = {"", "/s", "/m", "/h", NULL};
	static const double per_s[] = {1, 1, 1.0 / 60, 1.0 / 3600};
	static const char *const ratios[] = {"", "%", NULL};
	static const double fractions[] = {1, 0.01};
	static const char *const wanted[] = {
		[KIND_COUNT] = "a number, such as 0",
		[KIND_SECONDS] = "a duration, such as 1.5s or 200ms",
		[KIND_MS] = "a duration, such as 200ms",
		[KIND_US] = "a duration, such as 200us",
		[KIND_BYTES] = "a size, such as 64kb",
		[KIND_PER_S] = "a rate, such as 100/s",
		[KIND_RATIO] = "a number or a percentage, such as 1.5 or 20%",
		[KIND_LEVEL] = "a level, L0 to L5",
		[KIND_BOOL] = "true or false",
		[KIND_WORD] = "a word",
	};
	enum expect_kind kind = expect_schema__kind(e->schema);
	uint64_t bytes = 0;
	bool ok = true;

	switch (kind) {
	case KIND_BY_NAME:
	case KIND_COUNT:
		ok = scaled(p->value, plain_units, per_s, &e->number);
		break;
	case KIND_SECONDS:
		ok = duration(p->value, unit, NS_PER_S, &e->number);
		break;
	case KIND_MS:
		ok = duration(p->value, unit, NS_PER_MS, &e->number);
		break;
	case KIND_US:
		ok = duration(p->value, unit, NS_PER_US, &e->number);
		break;
	case KIND_BYTES:
		ok = units__size(p->value, &bytes) == 0;
		e->number = (double)bytes;
		break;
	case KIND_PER_S:
		ok = scaled(p->value, rates, per_s, &e->number);
		break;
	case KIND_RATIO:
		ok = scaled(p->value, ratios, fractions, &e->number);
		break;
	case KIND_LEVEL:
		ok = level(p->value, &e->number);
		break;
	case KIND_BOOL:
		ok = truth(p->value, &e->number);
		break;
	case KIND_WORD:
		e->word = strdup(p->value);
		if (!e->word)
			return err__set(err, -ENOMEM, "out of memory");
		break;
	}
	if (!ok)
		return parts__bad(p, p->value_col, err, "`%.60s` does not fit `%.60s`; expected %s",
				  p->value, p->path, wanted[kind]);
	if ((kind == KIND_BOOL || kind == KIND_WORD) && e->op != EXPECT_EQ && e->op != EXPECT_NE)
		return parts__bad(p, p->op_col, err,
				  "`%.60s` has no order; expected == or !=", p->path);
	return 0;
}

int expect__read(const char *text, const struct expect_names *names, struct expect **ret,
		 int *ret_col, struct error *err)
{
	_cleanup_(cleanup_expect) struct expect *e = calloc(1, sizeof(*e));
	_cleanup_free_ struct parts *p = calloc(1, sizeof(*p));
	bool unit = false;
	int r;

	if (!e || !p)
		return err__set(err, -ENOMEM, "out of memory");
	r = split(text, p, err);
	e->op = p->op;
	r = r ? r : read_path(p, e, &unit, err);
	r = r ? r : parts__window(p, e, err);
	r = r ? r : read_value(p, e, unit, err);
	if (!r && names)
		r = parts__names(p, e, names, err);
	if (r) {
		*ret_col = p->bad_col;
		return r;
	}
	*ret = TAKE_PTR(e);
	return 0;
}

int expect__parse(const char *text, struct expect **ret, struct error *err)
{
	int col = 0, r = expect__read(text, NULL, ret, &col, err);

	return r == -EINVAL ? err__prefix(err, "column %d", col) : r;
}

void expect__free(struct expect *e)
{
	if (!e)
		return;
	free(e->text);
	free(e->fault);
	free(e->word);
	free(e);
}

int expect__check(const char *text, const struct expect_names *names, int *ret_col,
		  struct error *err)
{
	_cleanup_(cleanup_expect) struct expect *e = NULL;

	return expect__read(text, names, &e, ret_col, err);
}

bool expect__only_final(const char *text)
{
	_cleanup_(cleanup_expect) struct expect *e = NULL;
	struct error err = {0};

	return !expect__parse(text, &e, &err) && e->schema->final;
}
