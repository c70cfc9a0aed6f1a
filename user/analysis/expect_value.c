// SPDX-License-Identifier: GPL-2.0-only
/* expect_value.c: what an expectation finds in a summary, and whether it holds. */
#include "analysis/expect_schema.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

bool expect__is_about(const struct expect *e, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(e->schema->path, top, n) && strchr(".[", e->schema->path[n]);
}

/* A Sentinel watches who leads and never does: it is no one's answer to "the resource". */
static bool only_watches(const json_t *x)
{
	const char *system = json_string_value(json_object_get(x, "system"));

	return system && !strcmp(system, "sentinel");
}

static bool position(const char *s, size_t *ret)
{
	char *end;
	unsigned long x;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	x = strtoul(s, &end, 10);
	*ret = x;
	return !errno && !*end;
}

/* Is @x the element @index, by its member @key, or by two: `key>other`? */
static bool is_named(const json_t *x, const char *key, const char *index)
{
	const char *to = strchr(key, '>');
	size_t n = to ? (size_t)(to - key) : strlen(key);
	const char *name = json_string_value(json_object_getn(x, key, n));

	if (!to)
		return name && !strcmp(name, index);
	n = name ? strlen(name) : 0;
	to = json_string_value(json_object_get(x, to + 1));
	return name && to && !strncmp(name, index, n) && index[n] == '>' &&
	       !strcmp(to, index + n + 1);
}

/* What @x is of, if it is of anything. */
static const char *owner_of(const json_t *x)
{
	static const char *const names[] = {"service", "workload", "node"};
	const char *s = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !s; i++)
		s = json_string_value(json_object_get(x, names[i]));
	return s;
}

/* `name@owner`, or the one of that name that is of nobody, or the only one of that name. */
static const json_t *owned(const json_t *a, const struct expect_step *step, const char *index,
			   struct error *why)
{
	size_t i, n = strcspn(step->key, "@"), len = strcspn(index, "@"), found = 0;
	const char *owner = index[len] ? index + len + 1 : NULL, *own, *some = NULL;
	const json_t *x, *only = NULL;

	json_array_foreach(a, i, x) {
		const char *name = json_string_value(json_object_getn(x, step->key, n));

		if (!name || strlen(name) != len || strncmp(name, index, len) != 0)
			continue;
		own = owner_of(x);
		if (owner ? own && !strcmp(own, owner) : !own)
			return x;
		only = x;
		some = own;
		found++;
	}
	if (!owner && found == 1)
		return only;
	if (found && !owner)
		err__set(why, -ENOENT,
			 "there are %zu of %s `%.60s`: say of what, as in %s[%.60s@%.60s]", found,
			 step->name, index, step->name, index, some);
	return NULL;
}

static const json_t *element(const json_t *a, const struct expect_step *step, const char *index,
			     struct error *why)
{
	const json_t *x, *only = NULL;
	size_t i, n = 0;

	if (!index) {
		json_array_foreach(a, i, x)
			if (!only_watches(x)) {
				only = x;
				n++;
			}
		if (n == 1)
			return only;
		if (n)
			err__set(why, -ENOENT, "there are %zu of %s: say which, as in %s[%.*s]", n,
				 step->name, step->name, (int)strcspn(step->key, "@"), step->key);
		else
			err__set(why, -ENOENT, "there are no %s", step->name);
		return NULL;
	}
	if (strchr(step->key, '@')) {
		x = owned(a, step, index, why);
		if (x || (why && why->code))
			return x;
	} else {
		json_array_foreach(a, i, x) {
			if (is_named(x, step->key, index))
				return x;
		}
	}
	x = position(index, &i) ? json_array_get(a, i) : NULL;
	if (!x)
		err__set(why, -ENOENT, "no %.*s `%.60s` in %s", (int)strcspn(step->key, "@"),
			 step->key, index, step->name);
	return x;
}

static const json_t *named(const json_t *o, const struct expect_step *step, const char *index,
			   struct error *why)
{
	void *only = json_object_iter((json_t *)o);
	const json_t *x = NULL;

	if (index)
		x = json_object_get(o, index);
	else if (json_object_size(o) == 1)
		x = json_object_iter_value(only);
	if (!x && index)
		err__set(why, -ENOENT, "no %s `%.60s` in %s", step->key, index, step->name);
	else if (!x)
		err__set(why, -ENOENT, "there are %zu of %s: say which, as in %s[%s]",
			 json_object_size(o), step->name, step->name, step->key);
	return x;
}

static const json_t *at(const json_t *a, const struct expect_step *step, const char *index,
			struct error *why)
{
	size_t i = 0;
	const json_t *x = index && position(index, &i) ? json_array_get(a, i) : NULL;

	if (!x)
		err__set(why, -ENOENT, "%s has the positions [0] to [%zu]", step->name,
			 json_array_size(a) ? json_array_size(a) - 1 : 0);
	return x;
}

const json_t *expect__value(const struct expect *e, const json_t *summary, struct error *why)
{
	struct expect_step steps[EXPECT_STEPS];
	size_t n = expect_schema__steps(e->schema, steps);
	const json_t *x = summary;

	for (size_t i = 0; i < n && x; i++) {
		x = json_object_get(x, steps[i].name);
		if (!x || json_is_null(x))
			break;
		if (steps[i].mark == '[')
			x = element(x, &steps[i], e->index[i], why);
		else if (steps[i].mark == '{')
			x = named(x, &steps[i], e->index[i], why);
		else if (steps[i].mark == '#')
			x = at(x, &steps[i], e->index[i], why);
		if (!x)
			return NULL;
	}
	if (!x || json_is_null(x)) {
		err__set(why, -ENODATA, "it was not measured");
		return NULL;
	}
	return x;
}

static bool compare(enum expect_op op, double a, double b)
{
	switch (op) {
	case EXPECT_LE:
		return a <= b;
	case EXPECT_LT:
		return a < b;
	case EXPECT_GE:
		return a >= b;
	case EXPECT_GT:
		return a > b;
	case EXPECT_EQ:
		return a == b;
	case EXPECT_NE:
		return a != b;
	}
	return false;
}

bool expect__holds(const struct expect *e, const json_t *value)
{
	const char *s = json_string_value(value);

	switch (expect_schema__kind(e->schema)) {
	case KIND_WORD:
		return s && !strcmp(s, e->word) == (e->op == EXPECT_EQ);
	case KIND_LEVEL:
		return s && *s == 'L' && compare(e->op, s[1] - '0', e->number);
	case KIND_BOOL:
		return json_is_boolean(value) && compare(e->op, json_is_true(value), e->number);
	default:
		return json_is_number(value) && compare(e->op, json_number_value(value), e->number);
	}
}
