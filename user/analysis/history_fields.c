// SPDX-License-Identifier: GPL-2.0-only
/* history_fields.c: members of an event, by type and range. */
#include "analysis/history_reader.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int line__bad(struct reader *rd, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!rd->type)
		return err__set(rd->err, -EINVAL, "%s:%zu: %s", rd->name, rd->line, what);
	return err__set(rd->err, -EINVAL, "%s:%zu: event `%.40s`: %s", rd->name, rd->line, rd->type,
			what);
}

/* The member, or NULL in @ret if it may be missing and is (null counts as missing). */
static int member(struct reader *rd, const json_t *o, const char *key, enum need need,
		  const json_t **ret)
{
	const json_t *v = json_object_get(o, key);

	if (json_is_null(v))
		v = NULL;
	if (!v && need == REQUIRED)
		return line__bad(rd, "`%s` is missing", key);
	*ret = v;
	return 0;
}

int line__int(struct reader *rd, const json_t *o, const char *key, enum need need, int64_t lo,
	      int64_t hi, int64_t *ret)
{
	const json_t *v = NULL;
	json_int_t i;
	int r = member(rd, o, key, need, &v);

	if (r)
		return r;
	if (!v) {
		*ret = HISTORY_NONE;
		return 0;
	}
	if (!json_is_integer(v))
		return line__bad(rd, "`%s`: expected an integer", key);
	i = json_integer_value(v);
	if (i < lo || i > hi)
		return line__bad(rd, "`%s`: %lld is out of range, expected %lld to %lld", key,
				 (long long)i, (long long)lo, (long long)hi);
	*ret = i;
	return 0;
}

int line__time(struct reader *rd, const json_t *o, const char *key, enum need need, int64_t *ret)
{
	return line__int(rd, o, key, need, -HISTORY_T_MAX, HISTORY_T_MAX, ret);
}

int line__count(struct reader *rd, const json_t *o, const char *key, enum need need, int64_t *ret)
{
	return line__int(rd, o, key, need, 0, HISTORY_N_MAX, ret);
}

int line__number(struct reader *rd, const json_t *o, const char *key, double *ret)
{
	const json_t *v = NULL;
	double x;
	int r = member(rd, o, key, OPTIONAL, &v);

	if (r)
		return r;
	if (!v) {
		*ret = -1;
		return 0;
	}
	if (!json_is_number(v))
		return line__bad(rd, "`%s`: expected a number", key);
	x = json_number_value(v);
	if (!isfinite(x) || x < 0 || x > 1e15)
		return line__bad(rd, "`%s`: out of range, expected 0 to 1e15", key);
	*ret = x;
	return 0;
}

const char *line__keep(struct reader *rd, const char *s)
{
	void *at = json_object_iter_at(rd->h->strings, s);

	if (at)
		return json_object_iter_key(at);
	/* jansson keeps a key where it is for as long as the object has it. */
	if (json_object_set_new_nocheck(rd->h->strings, s, json_null()) < 0)
		return NULL;
	return json_object_iter_key(json_object_iter_at(rd->h->strings, s));
}

int line__string(struct reader *rd, const json_t *o, const char *key, enum need need,
		 const char **ret)
{
	const json_t *v = NULL;
	const char *s = NULL;
	int r = member(rd, o, key, need, &v);

	if (r)
		return r;
	if (v && !json_is_string(v))
		return line__bad(rd, "`%s`: expected a string", key);
	if (v) {
		s = line__keep(rd, json_string_value(v));
		if (!s)
			return -ENOMEM;
	}
	*ret = s;
	return 0;
}

int line__bool(struct reader *rd, const json_t *o, const char *key, enum need need, bool *ret)
{
	const json_t *v = NULL;
	int r = member(rd, o, key, need, &v);

	if (r)
		return r;
	if (v && !json_is_boolean(v))
		return line__bad(rd, "`%s`: expected true or false", key);
	*ret = json_is_true(v);
	return 0;
}

int line__word(struct reader *rd, const json_t *o, const char *key, const char *const *words,
	       size_t n, int *ret)
{
	const json_t *v = NULL;
	int r = member(rd, o, key, REQUIRED, &v);

	if (r)
		return r;
	for (size_t i = 0; json_is_string(v) && i < n; i++)
		if (!strcmp(json_string_value(v), words[i])) {
			*ret = (int)i;
			return 0;
		}
	if (!json_is_string(v))
		return line__bad(rd, "`%s`: expected a string", key);
	return line__bad(rd, "`%s`: unknown value `%.60s`", key, json_string_value(v));
}

int line__array(struct reader *rd, const json_t *o, const char *key, enum need need,
		const json_t **ret)
{
	const json_t *v = NULL;
	int r = member(rd, o, key, need, &v);

	if (r)
		return r;
	if (v && !json_is_array(v))
		return line__bad(rd, "`%s`: expected an array", key);
	*ret = v;
	return 0;
}

int line__declare(struct reader *rd, struct reader_names *names, const char *name, size_t index)
{
	if (!names->index)
		names->index = json_object();
	if (!names->index)
		return -ENOMEM;
	if (json_object_get(names->index, name))
		return line__bad(rd, "%s `%.60s` is declared twice", names->what, name);
	return json_object_set_new_nocheck(names->index, name, json_integer((json_int_t)index)) < 0
		       ? -ENOMEM
		       : 0;
}

int line__name_of(struct reader *rd, const struct reader_names *names, const json_t *string,
		  int *ret)
{
	const json_t *i;

	if (!json_is_string(string))
		return line__bad(rd, "expected the name of a %s", names->what);
	i = json_object_get(names->index, json_string_value(string));
	if (!i)
		return line__bad(rd, "%s `%.60s` is not in the run event", names->what,
				 json_string_value(string));
	*ret = (int)json_integer_value(i);
	return 0;
}

int line__name(struct reader *rd, const struct reader_names *names, const json_t *o,
	       const char *key, int *ret)
{
	const json_t *v = NULL;
	int r = member(rd, o, key, REQUIRED, &v);

	return r ? r : line__name_of(rd, names, v, ret);
}

int line__end(struct reader *rd, const json_t *string, int *ret)
{
	if (json_is_string(string) && !strcmp(json_string_value(string), "other") &&
	    !json_object_get(rd->nodes.index, "other")) {
		*ret = HISTORY_OTHER;
		return 0;
	}
	return line__name_of(rd, &rd->nodes, string, ret);
}

void *line__add(void *array, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 16;
	void *v;

	memcpy(&v, array, sizeof(v)); /* the array's type is not known here */
	if (n == *cap) {
		v = reallocarray(v, want, size);
		if (!v)
			return NULL;
		*cap = want;
		memcpy(array, &v, sizeof(v));
	}
	return memset((char *)v + n * size, 0, size);
}
