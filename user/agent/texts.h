/* SPDX-License-Identifier: GPL-2.0-only */
/* texts.h: equal texts kept once and counted: what nobody has any more is freed. For pods.c. */
#ifndef CHAOS_AGENT_TEXTS_H
#define CHAOS_AGENT_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text;

struct texts {
	uint32_t *
		slots; /* open addressing over hashes of what is in v: index + 1, 0 free; a power of two */
	size_t n_slots;
	struct text **v;	 /* NULL: free */
	size_t n, used, free_at; /* of v; of v that are not NULL; where to look for a free one */
	size_t bytes;
};

#define TEXTS_NONE UINT32_MAX

void texts__reset(struct texts *t);
/* One more user of @s (@len bytes, no NUL in them): its number, TEXTS_NONE without memory. */
uint32_t texts__take(struct texts *t, const char *s, size_t len);
/* One less. TEXTS_NONE is nobody's. */
void texts__drop(struct texts *t, uint32_t id);
/* The number of @s, TEXTS_NONE if nobody has it. */
uint32_t texts__find(const struct texts *t, const char *s);
/* "" for TEXTS_NONE. */
const char *texts__get(const struct texts *t, uint32_t id);
static inline bool texts__has(const struct texts *t, size_t id)
{
	return t->v[id] != NULL;
}
size_t texts__bytes(const struct texts *t);

/* FNV-1a, 64 bits. */
uint64_t texts__hash(const void *data, size_t len, uint64_t seed);

#endif
