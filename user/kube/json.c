// SPDX-License-Identifier: GPL-2.0-only
#include "kube/json.h"
#include "kube/kube.h"

/* Each value but the first stands behind a bracket, a comma or a colon. */
static bool within_bounds(const char *text, size_t len)
{
	size_t depth = 0, values = 1;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
			continue;
		}
		in_string = c == '"';
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth)
			depth--;
		values += c == '{' || c == '[' || c == ',' || c == ':';
		if (depth > KUBE_DEPTH_MAX || values > KUBE_VALUES_MAX)
			return false;
	}
	return true;
}

json_t *kube_json__load(const char *text, size_t len)
{
	/* One \u0000 in somebody's annotation must not hide all that is listed with it. */
	size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;

	return within_bounds(text, len) ? json_loadb(text, len, flags, NULL) : NULL;
}

const char *kube_json__string(const json_t *o, const char *a, const char *b)
{
	o = json_object_get(o, a);
	return json_string_value(b ? json_object_get(o, b) : o);
}
