// SPDX-License-Identifier: GPL-2.0-only
#include "lib/nearest.h"

#include <stdint.h>
#include <string.h>

/* Longer words are data, not typing errors; this also bounds the work on hostile input. */
#define WORD_MAX_LEN 64

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/*
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost 1 each, and
 * no letter is edited twice. Both words are at most WORD_MAX_LEN long.
 */
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
	uint8_t rows[3][WORD_MAX_LEN + 1];
	uint8_t *before = rows[0], *prev = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		prev[j] = (uint8_t)j;
	for (size_t i = 1; i <= na; i++) {
		uint8_t *recycled = before;

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= nb; j++) {
			size_t d = min3(prev[j] + 1U, row[j - 1] + 1U,
					prev[j - 1] + (a[i - 1] != b[j - 1]));

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1U < d)
				d = before[j - 2] + 1U;
			row[j] = (uint8_t)d;
		}
		before = prev;
		prev = row;
		row = recycled;
	}
	return prev[nb];
}

const char *nearest__word(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), best = SIZE_MAX;
	const char *ret = NULL;

	if (len > WORD_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = strlen(words[i]), d;

		if (other > WORD_MAX_LEN)
			continue;
		d = distance(word, len, words[i], other);
		if (d < best && d * 3 <= (len > other ? len : other)) {
			best = d;
			ret = words[i];
		}
	}
	return ret;
}
