/* SPDX-License-Identifier: GPL-2.0-only */
/* json.h: JSON from outside, bounded before it is parsed: depth, number of values. Pure. */
#ifndef CHAOS_KUBE_JSON_H
#define CHAOS_KUBE_JSON_H

#include <jansson.h>
#include <stddef.h>

/* New reference, or NULL: no JSON, duplicate keys, beyond KUBE_DEPTH_MAX or KUBE_VALUES_MAX, no memory. */
json_t *kube_json__load(const char *text, size_t len);

/* The string at @a, or at @a.@b if @b is given; NULL if there is none. */
const char *kube_json__string(const json_t *o, const char *a, const char *b);

#endif
