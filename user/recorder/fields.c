// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/fields.h"
#include "lib/cleanup.h"

#include <string.h>

void fields__text(json_t *o, const char *key, const char *text)
{
	_cleanup_free_ char *ascii = NULL;
	json_t *v = text ? json_string(text) : json_null();

	if (!v) {
		ascii = strdup(text);
		for (char *c = ascii; c && *c; c++)
			if (*c & 0x80)
				*c = '?';
		v = ascii ? json_string_nocheck(ascii) : json_null();
	}
	json_object_set_new_nocheck(o, key, v);
}
