/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fields.h: members of an event. Keys are constants of ours; text may come from anywhere. What does
 * not fit into memory is left out, so that building an event cannot fail half way.
 */
#ifndef CHAOS_RECORDER_FIELDS_H
#define CHAOS_RECORDER_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

static inline void fields__int(json_t *o, const char *key, int64_t v)
{
	json_object_set_new_nocheck(o, key, json_integer(v));
}

static inline void fields__bool(json_t *o, const char *key, bool v)
{
	json_object_set_new_nocheck(o, key, json_boolean(v));
}

static inline void fields__null(json_t *o, const char *key)
{
	json_object_set_new_nocheck(o, key, json_null());
}

/* Bytes that are not UTF-8 are replaced; NULL becomes null. */
void fields__text(json_t *o, const char *key, const char *text);

#endif
