// SPDX-License-Identifier: GPL-2.0-only
#include "lib/words.h"

#include "lib/cleanup.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Copy the word that begins at *@from to @to, without its quotes; *@from is then behind it. Returns
 * the end of the copy, or NULL if a quote stays open.
 */
static char *copy_word(const char **from, char *to)
{
	const char *s = *from;
	char quote = 0;

	for (; *s && (quote || !is_blank(*s)); s++) {
		if (*s == quote) {
			quote = 0;
		} else if (!quote && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (*s == '\\' && quote != '\'') {
			if (!s[1])
				return NULL;
			if (quote == '"' && !strchr("\\\"$`", s[1]))
				*to++ = *s;
			*to++ = *++s;
		} else {
			*to++ = *s;
		}
	}
	if (quote)
		return NULL;
	*from = s;
	return to;
}

int words__split(const char *line, char ***ret)
{
	/* A word takes a character and, but for the last, a blank: no more than this many. */
	size_t len = strlen(line), max = len / 2 + 2, n = 0;
	_cleanup_free_ char **words = malloc(max * sizeof(*words) + len + 1);
	char *to;

	if (!words)
		return -ENOMEM;
	to = (char *)(words + max);
	for (;;) {
		while (is_blank(*line))
			line++;
		if (!*line)
			break;
		words[n++] = to;
		to = copy_word(&line, to);
		if (!to)
			return -EINVAL;
		*to++ = '\0';
	}
	words[n] = NULL;
	*ret = TAKE_PTR(words);
	return (int)n;
}
