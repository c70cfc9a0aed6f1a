// SPDX-License-Identifier: GPL-2.0-only
#include "recorder/values.h"
#include "lib/cleanup.h"

#include <string.h>

int values__add(struct values *s, int64_t value)
{
	if (s->n == VALUES_MAX)
		return -EMSGSIZE;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 1024;
		int64_t *v = reallocarray(s->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = value;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void values__sort(struct values *s)
{
	size_t n = 0;

	if (!s->n)
		return;
	qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 0; i < s->n; i++)
		if (!n || s->v[i] != s->v[n - 1])
			s->v[n++] = s->v[i];
	s->n = n;
}

void values__drop_below(struct values *s, int64_t value)
{
	size_t i = 0;

	while (i < s->n && s->v[i] < value)
		i++;
	if (!i)
		return;
	memmove(s->v, s->v + i, (s->n - i) * sizeof(*s->v));
	s->n -= i;
}

bool values__equal(const struct values *a, const struct values *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n * sizeof(*a->v)));
}

json_t *values__runs(const struct values *s)
{
	json_t *runs = json_array();

	for (size_t i = 0, first = 0; i < s->n; i++) {
		json_t *run;

		if (i + 1 < s->n && s->v[i + 1] == s->v[i] + 1)
			continue;
		run = json_array();
		json_array_append_new(run, json_integer(s->v[first]));
		json_array_append_new(run, json_integer(s->v[i]));
		json_array_append_new(runs, run);
		first = i + 1;
	}
	return runs;
}

void values__reset(struct values *s)
{
	free(s->v);
	*s = (struct values){0};
}

bool value__parse(const char *s, size_t len, int64_t *ret)
{
	int64_t v = 0;

	if (!len || len > 16 || (len > 1 && s[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	if (v > VALUE_MAX)
		return false;
	*ret = v;
	return true;
}
