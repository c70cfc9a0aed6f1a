// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/rules.h"
#include "lib/cleanup.h"

#include <string.h>

/* glibc's regexec() makes room for all of the text that it is given, so a long line is looked at in pieces. */
#define WINDOW 4096

void rules__reset(struct rules *ru)
{
	for (size_t i = 0; i < CUSTOM_PATTERNS; i++)
		if (ru->has[i])
			regfree(&ru->re[i]);
	*ru = (struct rules){0};
}

int rules__init(struct rules *ru, char *const patterns[CUSTOM_PATTERNS], struct error *err)
{
	char why[128];

	*ru = (struct rules){0};
	for (size_t i = 0; i < CUSTOM_PATTERNS; i++) {
		int r = patterns[i] ? regcomp(&ru->re[i], patterns[i], REG_EXTENDED) : 0;

		if (r) {
			regerror(r, &ru->re[i], why, sizeof(why));
			rules__reset(ru);
			return err__set(err, -EINVAL, "pattern `%s`: %s", patterns[i], why);
		}
		ru->has[i] = patterns[i] != NULL;
	}
	return 0;
}

/*
 * Where @re meets @line from byte @at on; false if it does not. What would reach the end of a piece is looked
 * for again with more behind it, so that no number is cut.
 */
static bool find(const regex_t *re, const char *line, size_t len, size_t at, regmatch_t m[2])
{
	for (;;) {
		size_t end = len - at > WINDOW ? at + WINDOW : len;
		int flags = REG_STARTEND | (at ? REG_NOTBOL : 0) | (end < len ? REG_NOTEOL : 0);
		size_t next;

		m[0] = (regmatch_t){.rm_so = (regoff_t)at, .rm_eo = (regoff_t)end};
		if (regexec(re, line, 2, m, flags)) {
			if (end == len)
				return false;
			next = end - WINDOW / 2;
		} else if ((size_t)m[0].rm_eo < end || end == len || (size_t)m[0].rm_so == at) {
			return true;
		} else {
			next = (size_t)m[0].rm_so;
		}
		at = next;
	}
}

static void take_value(const char *line, const regmatch_t m[2], struct reading *rd)
{
	const char *at = line + m[1].rm_so;
	size_t len;
	int64_t v;

	if (m[1].rm_so < 0 || m[1].rm_eo == m[1].rm_so)
		return;
	len = (size_t)(m[1].rm_eo - m[1].rm_so);
	if (!value__parse(at, len, &v)) {
		rd->bad_value = rd->bad_value || !rd->has_value;
		return;
	}
	if (!rd->has_value)
		rd->value = v;
	rd->has_value = true;
	if (rd->all && !rd->error)
		rd->error = values__add(rd->all, v);
}

static void look_for_values(const struct rules *ru, const char *line, size_t len,
			    struct reading *rd)
{
	regmatch_t m[2];
	size_t at = 0;

	if (!ru->has[CUSTOM_VALUE] || (!rd->all && rd->has_value))
		return;
	while (at <= len && find(&ru->re[CUSTOM_VALUE], line, len, at, m)) {
		take_value(line, m, rd);
		if (!rd->all || rd->error)
			return;
		/* an empty match must not stand still */
		at = (size_t)m[0].rm_eo + (m[0].rm_eo == m[0].rm_so);
	}
}

static void remember(const char *line, size_t len, struct reading *rd)
{
	size_t n = len < sizeof(rd->line) - 1 ? len : sizeof(rd->line) - 1;

	memcpy(rd->line, line, n);
	rd->line[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)rd->line[i] < ' ')
			rd->line[i] = ' ';
}

static bool decide(const struct rules *ru, enum custom_pattern p, const char *line, size_t len,
		   struct reading *rd)
{
	regmatch_t m[2];

	if (!ru->has[p] || !find(&ru->re[p], line, len, 0, m))
		return false;
	rd->decided = true;
	rd->by = p;
	remember(line, len, rd);
	if (p == CUSTOM_OK && !ru->has[CUSTOM_VALUE])
		take_value(line, m, rd);
	return true;
}

static size_t without_cr(const char *line, size_t len)
{
	return len && line[len - 1] == '\r' ? len - 1 : len;
}

void rules__line(const struct rules *ru, const char *line, size_t len, struct reading *rd)
{
	len = without_cr(line, len);
	if (len)
		remember(line, len, rd);
	for (int p = CUSTOM_UNKNOWN; p <= CUSTOM_OK; p++)
		if (decide(ru, (enum custom_pattern)p, line, len, rd))
			break;
	look_for_values(ru, line, len, rd);
}

/* The end of the line that begins at @at, of a text that ends at @end. */
static const char *line_end(const char *at, const char *end)
{
	const char *nl = memchr(at, '\n', (size_t)(end - at));

	return nl ? nl : end;
}

void rules__text(const struct rules *ru, const char *text, size_t len, struct reading *rd)
{
	const char *end = text + len, *eol;

	for (const char *at = text; at < end; at = eol + 1) {
		size_t n;

		eol = line_end(at, end);
		n = without_cr(at, (size_t)(eol - at));
		if (n)
			remember(at, n, rd);
		look_for_values(ru, at, n, rd);
	}
	for (int p = CUSTOM_UNKNOWN; p <= CUSTOM_OK; p++)
		for (const char *at = text; at < end; at = eol + 1) {
			eol = line_end(at, end);
			if (decide(ru, (enum custom_pattern)p, at,
				   without_cr(at, (size_t)(eol - at)), rd))
				return;
		}
}
