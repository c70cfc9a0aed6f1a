/* SPDX-License-Identifier: GPL-2.0-only */
/* fuzz.h: what the targets share. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What holds whatever the input. */
#define MUST(what)               \
	do {                     \
		if (!(what))     \
			abort(); \
	} while (0)

/* A string of the input, in a block of just its size so that ASan sees each byte beyond. */
static inline char *fuzz__string(const uint8_t *data, size_t size)
{
	char *s = malloc(size + 1);

	MUST(s);
	if (size)
		memcpy(s, data, size);
	s[size] = '\0';
	return s;
}

/* The same without the NUL, aligned for anything. */
static inline void *fuzz__bytes(const uint8_t *data, size_t size)
{
	void *p = malloc(size ? size : 1);

	MUST(p);
	if (size)
		memcpy(p, data, size);
	return p;
}

#endif
