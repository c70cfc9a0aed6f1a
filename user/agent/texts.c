// SPDX-License-Identifier: GPL-2.0-only
#include "agent/texts.h"

#include <stdlib.h>
#include <string.h>

struct text {
	uint32_t hash, users;
	char s[];
};

uint64_t texts__hash(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *s = data;
	uint64_t h = 0xcbf29ce484222325ULL ^ seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ s[i]) * 0x100000001b3ULL;
	/* its low bits are weak */
	return h ^ h >> 32;
}

void texts__reset(struct texts *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->v[i]);
	free(t->v);
	free(t->slots);
	*t = (struct texts){0};
}

/* The slot of @s, or the free one where it would be. */
static size_t slot_of(const struct texts *t, const char *s, size_t len, uint32_t hash)
{
	size_t i = hash & (t->n_slots - 1);

	for (; t->slots[i]; i = (i + 1) & (t->n_slots - 1)) {
		const struct text *x = t->v[t->slots[i] - 1];

		if (x->hash == hash && !strncmp(x->s, s, len) && !x->s[len])
			break;
	}
	return i;
}

/* At most half of the slots are taken. */
static int make_slots(struct texts *t)
{
	size_t n = t->n_slots ? t->n_slots * 2 : 64;
	uint32_t *slots;

	if (2 * (t->used + 1) <= t->n_slots)
		return 0;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -1;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i])
			slots[slot_of(t, t->v[i]->s, strlen(t->v[i]->s), t->v[i]->hash)] =
				(uint32_t)i + 1;
	return 0;
}

/* The first free place of v. */
static int make_place(struct texts *t, size_t *ret)
{
	struct text **v;

	while (t->free_at < t->n && t->v[t->free_at])
		t->free_at++;
	if (t->free_at == t->n) {
		v = realloc(t->v, (t->n ? t->n * 2 : 64) * sizeof(struct text *));
		if (!v)
			return -1;
		t->v = v;
		memset(v + t->n, 0, (t->n ? t->n : 64) * sizeof(struct text *));
		t->n = t->n ? t->n * 2 : 64;
	}
	*ret = t->free_at;
	return 0;
}

uint32_t texts__take(struct texts *t, const char *s, size_t len)
{
	uint32_t hash = (uint32_t)texts__hash(s, len, 0);
	struct text *x;
	size_t slot, at;

	if (make_slots(t))
		return TEXTS_NONE;
	slot = slot_of(t, s, len, hash);
	if (t->slots[slot]) {
		t->v[t->slots[slot] - 1]->users++;
		return t->slots[slot] - 1;
	}
	x = malloc(sizeof(*x) + len + 1);
	if (!x || make_place(t, &at)) {
		free(x);
		return TEXTS_NONE;
	}
	x->hash = hash;
	x->users = 1;
	memcpy(x->s, s, len);
	x->s[len] = '\0';
	t->v[at] = x;
	t->slots[slot] = (uint32_t)at + 1;
	t->used++;
	t->bytes += sizeof(*x) + len + 1;
	return (uint32_t)at;
}

/* Free a slot and move up what stands behind it only because it was taken (Knuth, 6.4, algorithm R). */
static void empty_slot(struct texts *t, size_t i)
{
	size_t mask = t->n_slots - 1;

	for (size_t j = (i + 1) & mask; t->slots[j]; j = (j + 1) & mask) {
		size_t home = t->v[t->slots[j] - 1]->hash & mask;

		if (((j - home) & mask) < ((j - i) & mask))
			continue;
		t->slots[i] = t->slots[j];
		i = j;
	}
	t->slots[i] = 0;
}

void texts__drop(struct texts *t, uint32_t id)
{
	struct text *x = id == TEXTS_NONE ? NULL : t->v[id];

	if (!x || --x->users)
		return;
	empty_slot(t, slot_of(t, x->s, strlen(x->s), x->hash));
	t->bytes -= sizeof(*x) + strlen(x->s) + 1;
	t->used--;
	t->v[id] = NULL;
	if (t->free_at > id)
		t->free_at = id;
	free(x);
}

uint32_t texts__find(const struct texts *t, const char *s)
{
	size_t len = strlen(s);

	if (!t->n_slots)
		return TEXTS_NONE;
	/* 0 is a free slot: one below is TEXTS_NONE */
	return t->slots[slot_of(t, s, len, (uint32_t)texts__hash(s, len, 0))] - 1;
}

const char *texts__get(const struct texts *t, uint32_t id)
{
	return id == TEXTS_NONE ? "" : t->v[id]->s;
}

size_t texts__bytes(const struct texts *t)
{
	return t->bytes + t->n_slots * sizeof(*t->slots) + t->n * sizeof(struct text *);
}
