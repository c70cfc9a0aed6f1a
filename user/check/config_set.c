// SPDX-License-Identifier: GPL-2.0-only
#include "check/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MIN 64 /* a power of 2 */

static uint64_t hash(const struct config *c)
{
	uint64_t h = (uint64_t)c->state;

	for (size_t i = 0; i < SLOT_WORDS; i++) {
		h = (h ^ (h >> 30) ^ c->done[i]) * 0xbf58476d1ce4e5b9ULL;
		h ^= h >> 27;
	}
	h *= 0x94d049bb133111ebULL;
	return h ^ (h >> 31);
}

static bool equal(const struct config *a, const struct config *b)
{
	return a->state == b->state && !memcmp(a->done, b->done, sizeof(a->done));
}

/* Where @c is, or where it would be. */
static uint32_t *find(const struct config_set *s, const struct config *c)
{
	size_t mask = 2 * s->size - 1, i = hash(c) & mask;

	while (s->table[i] && !equal(&s->v[s->table[i] - 1], c))
		i = (i + 1) & mask;
	return &s->table[i];
}

static int grow(struct config_set *s)
{
	size_t size = s->size ? 2 * s->size : SIZE_MIN;
	struct config *v = realloc(s->v, size * sizeof(*v));
	uint32_t *table;

	if (!v)
		return -ENOMEM;
	s->v = v;
	table = calloc(2 * size, sizeof(*table));
	if (!table || size > UINT32_MAX / 2) {
		free(table);
		return -ENOMEM;
	}
	free(s->table);
	s->table = table;
	s->size = size;
	for (size_t i = 0; i < s->n; i++)
		*find(s, &s->v[i]) = (uint32_t)i + 1;
	return 0;
}

int config_set__add(struct config_set *s, const struct config *c)
{
	uint32_t *at;

	if (s->n == s->size) {
		int r = grow(s);

		if (r)
			return r;
	}
	at = find(s, c);
	if (*at)
		return 0;
	s->v[s->n++] = *c;
	*at = (uint32_t)s->n;
	return 0;
}

void config_set__clear(struct config_set *s)
{
	/* One by one while that is less than all of the table. */
	if (s->n * 8 < s->size) {
		for (size_t i = s->n; i-- > 0;)
			*find(s, &s->v[i]) = 0;
	} else if (s->size) {
		memset(s->table, 0, 2 * s->size * sizeof(*s->table));
	}
	s->n = 0;
}

void config_set__reset(struct config_set *s)
{
	free(s->v);
	free(s->table);
	*s = (struct config_set){0};
}
