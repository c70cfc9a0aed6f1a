// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/fields.h"
#include "lib/cleanup.h"

#include <string.h>

void fields__text(json_t *o, const char *key, const char *text)
{
	_cleanup_free_ char *ascii = NULL;
	json_t *v;

	if (!text)
		return fields__null(o, key);
	v = json_string(text);
	if (!v)
		ascii = strdup(text);
	if (ascii) {
		for (char *c = ascii; *c; c++)
			if (*c & 0x80)
				*c = '?';
		v = json_string_nocheck(ascii);
	}
	json_object_set_new_nocheck(o, key, v);
}
