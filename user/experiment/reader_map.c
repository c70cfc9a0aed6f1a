// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/reader.h"
#include "lib/cleanup.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* --- lists and mappings ------------------------------------------------------------------------ */

size_t reader__list(struct reader *r, const struct yaml_node *n, const char *what)
{
	if (n->kind != YAML_SEQUENCE && !yaml__is_null(n))
		return 1;
	if (n->kind != YAML_SEQUENCE || !n->n) {
		reader__fault(r, n->pos, "%s; expected %s",
			      n->kind == YAML_SEQUENCE ? "empty list" : "found nothing", what);
		return 0;
	}
	if (n->n > LIST_MAX) {
		reader__fault(r, n->pos, "a list of %zu; expected at most %d", n->n, LIST_MAX);
		return 0;
	}
	return n->n;
}

const struct yaml_node *reader__item(const struct yaml_node *n, size_t i)
{
	return n->kind == YAML_SEQUENCE ? n->items[i] : n;
}

static int by_text(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;
	int c = strcmp((*x)->text, (*y)->text);

	if (c)
		return c;
	if ((*x)->pos.line != (*y)->pos.line)
		return (*x)->pos.line < (*y)->pos.line ? -1 : 1;
	return (*x)->pos.col < (*y)->pos.col ? -1 : (*x)->pos.col > (*y)->pos.col;
}

/* Sorted, equal keys are neighbours: a mapping of thousands stays cheap. */
static bool unique_keys(struct reader *r, const struct yaml_node *n)
{
	_cleanup_free_ const struct yaml_node **keys =
		calloc(n->n / 2 + 1, sizeof(struct yaml_node *));
	bool ok = true;

	if (!keys) {
		r->nomem = true;
		return false;
	}
	for (size_t i = 0; i < n->n / 2; i++)
		keys[i] = n->items[2 * i];
	qsort(keys, n->n / 2, sizeof(*keys), by_text);
	for (size_t i = 1; i < n->n / 2; i++) {
		if (strcmp(keys[i]->text, keys[i - 1]->text))
			continue;
		reader__fault(r, keys[i]->pos, "duplicate key `%.64s`; the first is at %d:%d",
			      keys[i]->text, keys[i - 1]->pos.line, keys[i - 1]->pos.col);
		ok = false;
	}
	return ok;
}

size_t reader__pairs(struct reader *r, const struct yaml_node *n, const char *what)
{
	char found[FOUND_SIZE];

	if (n->kind != YAML_MAPPING) {
		reader__fault(r, n->pos, "found %s; expected %s", reader__found(n, found), what);
		return 0;
	}
	if (n->n / 2 > LIST_MAX) {
		reader__fault(r, n->pos, "a mapping of %zu; expected at most %d", n->n / 2,
			      LIST_MAX);
		return 0;
	}
	for (size_t i = 0; i < n->n; i += 2) {
		if (n->items[i]->kind == YAML_SCALAR)
			continue;
		reader__fault(r, n->items[i]->pos, "%s as a key; expected text",
			      reader__found(n->items[i], found));
		return 0;
	}
	return unique_keys(r, n) ? n->n / 2 : 0;
}

bool reader__check_name(struct reader *r, struct pos pos, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len && len <= 63; i++) {
		if (isalnum((unsigned char)name[i]) || (i && strchr("-_.", name[i])))
			continue;
		len = SIZE_MAX;
	}
	if (len && len <= 63)
		return true;
	reader__fault(r, pos,
		      "`%.64s` is no name; expected letters, digits, `-`, `_`, `.`, at most 63",
		      name);
	return false;
}

/* --- tables ------------------------------------------------------------------------------------ */

/* The valid keys of a table as "a, b, c", for a key that is not in this version. */
static const char *key_list(const struct option *options, size_t n, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		if (options[i].type == OPTION_LATER)
			continue;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? ", " : "",
					 options[i].key);
	}
	return buf;
}

/* The nearest key that the mapping does not have already: `form` beside `for` is `from`. */
static void unknown_key(struct reader *r, const struct yaml_node *map, const struct yaml_node *key,
			const struct option *options, size_t n_options)
{
	const char *words[64];
	char hint[HINT_SIZE], list[256];
	size_t n = 0;

	for (size_t i = 0; i < n_options && n < ARRAY_SIZE(words); i++) {
		if (!yaml__get(map, options[i].key))
			words[n++] = options[i].key;
	}
	reader__hint(r, key->text, words, n, hint);
	if (*hint)
		reader__fault(r, key->pos, "unknown key `%.64s`%s", key->text, hint);
	else
		reader__fault(r, key->pos, "unknown key `%.64s`; expected %s", key->text,
			      key_list(options, n_options, list, sizeof(list)));
}

static const struct option *find_option(const struct option *options, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(options[i].key, key))
			return &options[i];
	}
	return NULL;
}

static void read_option(struct reader *r, const struct option *o, const struct yaml_node *value,
			void *obj)
{
	void *field = (char *)obj + o->offset;
	uint64_t x;

	switch (o->type) {
	case OPTION_STRING:
		reader__string(r, value, "text", field);
		break;
	case OPTION_BOOL:
		reader__bool(r, value, field);
		break;
	case OPTION_UINT:
		if (reader__u64(r, value, (uint64_t)o->lo, (uint64_t)o->hi, &x))
			*(unsigned int *)field = (unsigned int)x;
		break;
	case OPTION_PORT:
		if (reader__u64(r, value, 1, UINT16_MAX, &x))
			*(uint16_t *)field = (uint16_t)x;
		break;
	case OPTION_DURATION:
		reader__duration(r, value, o->lo, o->hi, field);
		break;
	case OPTION_FRACTION:
		reader__fraction(r, value, field);
		break;
	case OPTION_PROBABILITY:
	case OPTION_SHARE:
	case OPTION_SPAN:
	case OPTION_BANDWIDTH:
	case OPTION_SIZE:
	case OPTION_NUMBER:
		reader__moving(r, value, o, field);
		break;
	case OPTION_RATE:
		reader__rate(r, value, o->hi, field);
		break;
	case OPTION_CUSTOM:
		o->parse(r, value, obj);
		break;
	case OPTION_HANDLED:
	case OPTION_LATER:
		break;
	}
}

bool reader__map(struct reader *r, const struct yaml_node *n, const char *what,
		 const struct option *options, size_t n_options, void *obj)
{
	char found[FOUND_SIZE], list[256];

	if (n->kind != YAML_MAPPING) {
		reader__fault(r, n->pos, "found %s; expected %s: %s", reader__found(n, found), what,
			      key_list(options, n_options, list, sizeof(list)));
		return false;
	}
	if (n->n && !reader__pairs(r, n, what))
		return false;
	for (size_t i = 0; i < n->n; i += 2) {
		const struct option *o = find_option(options, n_options, n->items[i]->text);

		if (!o)
			unknown_key(r, n, n->items[i], options, n_options);
		else if (o->type == OPTION_LATER)
			reader__fault(r, n->items[i]->pos, "`%s` is not in this version; it has %s",
				      o->key,
				      o->instead
					      ? o->instead
					      : key_list(options, n_options, list, sizeof(list)));
	}
	for (size_t i = 0; i < n_options; i++) {
		const struct yaml_node *value = yaml__get(n, options[i].key);
		size_t path = reader__enter(r, options[i].key, 0);

		if (value)
			read_option(r, &options[i], value, obj);
		reader__leave(r, path);
		if (value)
			continue;
		if (options[i].required)
			reader__fault(r, n->pos, "%s needs `%s`", what, options[i].key);
	}
	return true;
}

bool reader__short(struct reader *r, const struct yaml_node *n, const char *what,
		   const struct option *options, size_t n_options, void *obj)
{
	if (n->kind != YAML_SCALAR || yaml__is_null(n))
		return reader__map(r, n, what, options, n_options, obj);
	read_option(r, &options[0], n, obj);
	return true;
}
