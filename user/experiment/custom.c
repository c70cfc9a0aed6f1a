// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/custom.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const custom_pattern_names[CUSTOM_PATTERNS] = {
	[CUSTOM_UNKNOWN] = "unknown", [CUSTOM_FAIL] = "fail",	[CUSTOM_NONE] = "none",
	[CUSTOM_OK] = "ok",	      [CUSTOM_VALUE] = "value",
};

const struct custom_exchange *custom__find(const struct custom_workload *w, const char *check,
					   const char *action)
{
	for (size_t i = 0; i < w->n_exchanges; i++)
		if (!strcmp(w->exchanges[i].check, check) &&
		    !strcmp(w->exchanges[i].action, action))
			return &w->exchanges[i];
	return NULL;
}

bool custom__has_check(const struct custom_workload *w, const char *check)
{
	for (size_t i = 0; i < w->n_exchanges; i++)
		if (!strcmp(w->exchanges[i].check, check))
			return true;
	return false;
}

static void free_exchange(struct custom_exchange *x)
{
	for (size_t i = 0; i < x->n_headers; i++)
		free(x->headers[i]);
	for (size_t i = 0; i < CUSTOM_PATTERNS; i++)
		free(x->patterns[i]);
	free(x->headers);
	free(x->text);
	free(x->method);
	free(x->body);
}

void custom__free(struct custom_workload *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n_exchanges; i++)
		free_exchange(&w->exchanges[i]);
	free(w->exchanges);
	free(w->setup);
	free(w->session);
	free(w->hello);
	free(w->ready);
	free(w);
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *p = strchr(digits, tolower((unsigned char)c));

	return c && p ? (int)(p - digits) : -1;
}

bool custom__unescape(char *s)
{
	static const char names[] = "nrt\\\"", values[] = "\n\r\t\\\"";
	char *out = s;

	for (; *s; s++) {
		const char *name;

		if (*s != '\\') {
			*out++ = *s;
			continue;
		}
		s++;
		name = *s ? strchr(names, *s) : NULL;
		if (name) {
			*out++ = values[name - names];
		} else if (*s == 'x' && hex_value(s[1]) >= 0 && hex_value(s[2]) >= 0) {
			*out = (char)(hex_value(s[1]) * 16 + hex_value(s[2]));
			if (!*out++)
				return false;
			s += 2;
		} else {
			return false;
		}
	}
	*out = '\0';
	return true;
}
