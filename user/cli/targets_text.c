// SPDX-License-Identifier: GPL-2.0-only
/* targets_text.c: names that others chose, made fit to be printed. */
#include "cli/targets.h"

#include <string.h>
#include <wchar.h>

/*
 * The bytes of the character at @s and its code point; 0: no UTF-8 (RFC 3629: nothing longer than
 * needed, no surrogates, nothing above U+10FFFF).
 */
static size_t decode(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80	     ? 1
		   : s[0] >> 5 == 6  ? 2
		   : s[0] >> 4 == 14 ? 3
		   : s[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (!n || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

/* C0, DEL, C1, and what turns the direction of all text behind it. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
}

const char *target_text__clean(const char *s, bool controls, char *buf, size_t size)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t to = 0;

	while (*p && to + 16 < size) {
		uint32_t c = 0;
		size_t n = decode(p, &c);

		if (n && (controls || !is_control(c))) {
			memcpy(buf + to, p, n);
			to += n;
			p += n;
			continue;
		}
		if (c == '\n')
			to += (size_t)sprintf(buf + to, "\\n");
		else if (c == '\t')
			to += (size_t)sprintf(buf + to, "\\t");
		else
			for (size_t i = 0; i < (n ? n : 1); i++)
				to += (size_t)sprintf(buf + to, "\\x%02x", p[i]);
		p += n ? n : 1;
	}
	buf[to] = 0;
	return buf;
}

size_t target_text__width(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t width = 0;

	while (*p) {
		uint32_t c = 0;
		size_t n = decode(p, &c);
		int w = n ? wcwidth((wchar_t)c) : 1;

		width += w < 0 ? 1 : (size_t)w;
		p += n ? n : 1;
	}
	return width;
}

const char *target_text__fit(const char *s, size_t columns, bool utf8, char *buf, size_t size)
{
	const char *dots = utf8 ? "\u2026" : "~";
	size_t n;

	target_text__clean(s, false, buf, size - 4);
	if (target_text__width(buf) <= columns)
		return buf;
	n = strlen(buf);
	while (n && target_text__width(buf) > columns - 1) {
		/* Whole characters only. */
		do
			n--;
		while (n && ((unsigned char)buf[n] & 0xc0) == 0x80);
		buf[n] = 0;
	}
	memcpy(buf + n, dots, strlen(dots) + 1);
	return buf;
}
