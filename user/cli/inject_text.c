// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject_text.c: the experiment that a command line became, and errors about it in the command line's words. Each
 * value stands on a line of its own, so the line of an error says which value it is about.
 */
#include "cli/inject.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* Keys above a line of the text: deep enough for spec, faults, [], part, model, value. */
enum { DEPTH_MAX = 12, KEY_SIZE = 64 };

char *inject__text(const json_t *doc)
{
	return json_dumps(doc, JSON_INDENT(1));
}

static const char *line_at(const char *text, unsigned long number)
{
	while (text && --number) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

/* The key at the beginning of @line, as `  "key": value`; empty without one. */
static void key_of(const char *line, char key[KEY_SIZE])
{
	const char *end;

	*key = '\0';
	line += strspn(line, " ");
	if (*line != '"')
		return;
	end = strchr(line + 1, '"');
	if (end && end[1] == ':' && end - line < KEY_SIZE)
		snprintf(key, KEY_SIZE, "%.*s", (int)(end - line - 1), line + 1);
}

/* The key of line @number and those that it stands in, from the inside out. */
static size_t keys_above(const char *text, unsigned long number, char keys[DEPTH_MAX][KEY_SIZE])
{
	size_t n = 0, indent = SIZE_MAX;

	for (; number && n < DEPTH_MAX; number--) {
		const char *line = line_at(text, number);
		size_t own = line ? strspn(line, " ") : SIZE_MAX;

		if (own >= indent)
			continue;
		indent = own;
		key_of(line, keys[n]);
		n += *keys[n] != '\0';
	}
	return n;
}

/* What the command line calls the innermost thing that has a name there; NULL for the whole. */
static const char *label_of(const char *text, unsigned long line, const json_t *labels)
{
	char keys[DEPTH_MAX][KEY_SIZE], path[2 * KEY_SIZE];
	size_t n = keys_above(text, line, keys);

	for (size_t i = 0; i < n; i++) {
		const char *label = NULL;

		if (i + 1 < n) {
			snprintf(path, sizeof(path), "%.63s/%.63s", keys[i + 1], keys[i]);
			label = json_string_value(json_object_get(labels, path));
		}
		if (!label)
			label = json_string_value(json_object_get(labels, keys[i]));
		if (label)
			return label;
	}
	return NULL;
}

/* Past "inject:LINE:COLUMN: " of @message, if it begins so. */
static const char *past_place(const char *message, unsigned long *ret_line)
{
	static const char name[] = "inject:";
	char *end;

	if (strncmp(message, name, strlen(name)) || !isdigit((unsigned char)message[strlen(name)]))
		return NULL;
	*ret_line = strtoul(message + strlen(name), &end, 10);
	if (*end != ':' || !isdigit((unsigned char)end[1]))
		return NULL;
	strtoul(end + 1, &end, 10);
	return strncmp(end, ": ", 2) ? NULL : end + 2;
}

void inject__explain(const char *text, const json_t *labels, struct error *err)
{
	struct error out = {.code = err->code};
	size_t used = 0;

	for (const char *line = err->msg; *line && used < sizeof(out.msg) - 1;) {
		size_t len = strcspn(line, "\n");
		unsigned long number = 0;
		const char *rest = past_place(line, &number);
		const char *label = rest ? label_of(text, number, labels) : NULL;

		rest = rest ? rest : line;
		used += (size_t)snprintf(out.msg + used, sizeof(out.msg) - used, "%s%s%s%.*s",
					 used ? "\n" : "", label ? label : "", label ? ": " : "",
					 (int)(len - (size_t)(rest - line)), rest);
		line += len + (line[len] == '\n');
	}
	*err = out;
}
