// SPDX-License-Identifier: GPL-2.0-only
#include "discover/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct chunk *chunks;
};

struct arena *arena__new(void)
{
	return calloc(1, sizeof(struct arena));
}

void arena__free(struct arena *a)
{
	if (!a)
		return;
	while (a->chunks) {
		struct chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	free(a);
}

static void *take(struct arena *a, size_t size, size_t align)
{
	struct chunk *c = a->chunks;
	size_t at = c ? (c->used + align - 1) / align * align : 0;

	if (!c || at > c->size || size > c->size - at) {
		size_t room = size > CHUNK ? size : CHUNK;

		c = calloc(1, sizeof(*c) + room);
		if (!c)
			return NULL;
		c->size = room;
		c->next = a->chunks;
		a->chunks = c;
		at = 0;
	}
	c->used = at + size;
	return c->data + at;
}

void *arena__alloc(struct arena *a, size_t size)
{
	return take(a, size, sizeof(void *));
}

char *arena__bytes(struct arena *a, const void *s, size_t n)
{
	char *p = take(a, n + 1, 1);

	if (!p)
		return NULL;
	if (n)
		memcpy(p, s, n);
	p[n] = 0;
	return p;
}

char *arena__str(struct arena *a, const char *s)
{
	return arena__bytes(a, s, strlen(s));
}

char *arena__printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : take(a, (size_t)n + 1, 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

struct table_slot {
	uint64_t hash; /* of a number: the number */
	const char *str;
	uint32_t value;
	bool used;
};

/* splitmix64's finaliser: neighbouring inodes and pids fall far apart. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t hash_str(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h;
}

/* The slot of the key, or the empty one where it belongs. The table is never full. */
static struct table_slot *find(struct table_slot *slots, size_t size, uint64_t hash,
			       const char *str)
{
	for (size_t i = mix(hash) & (size - 1);; i = (i + 1) & (size - 1)) {
		struct table_slot *s = &slots[i];

		if (!s->used)
			return s;
		if (s->hash == hash && (!str || strcmp(s->str, str) == 0))
			return s;
	}
}

static uint32_t get(const struct table *t, uint64_t hash, const char *str)
{
	const struct table_slot *s = t->size ? find(t->slots, t->size, hash, str) : NULL;

	return s && s->used ? s->value : TABLE_NONE;
}

static int grow(struct table *t)
{
	size_t size = t->size ? 2 * t->size : 64;
	struct table_slot *slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].used)
			*find(slots, size, t->slots[i].hash, t->slots[i].str) = t->slots[i];
	free(t->slots);
	t->slots = slots;
	t->size = size;
	return 0;
}

static int put(struct table *t, uint64_t hash, const char *str, uint32_t value)
{
	struct table_slot *s;

	if (2 * (t->n + 1) > t->size && grow(t) < 0)
		return -ENOMEM;
	s = find(t->slots, t->size, hash, str);
	t->n += !s->used;
	*s = (struct table_slot){.hash = hash, .str = str, .value = value, .used = true};
	return 0;
}

uint32_t table__get(const struct table *t, uint64_t key)
{
	return get(t, key, NULL);
}

int table__put(struct table *t, uint64_t key, uint32_t value)
{
	return put(t, key, NULL, value);
}

uint32_t table__get_str(const struct table *t, const char *key)
{
	return get(t, hash_str(key), key);
}

int table__put_str(struct table *t, const char *key, uint32_t value)
{
	return put(t, hash_str(key), key, value);
}

void table__reset(struct table *t)
{
	free(t->slots);
	*t = (struct table){0};
}

void *array__grow(void *v, size_t n, size_t size)
{
	enum { FIRST = 16 };

	if (n && (n < FIRST || (n & (n - 1))))
		return v;
	return reallocarray(v, n ? 2 * n : FIRST, size);
}
