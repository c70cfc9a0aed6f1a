// SPDX-License-Identifier: GPL-2.0-only
/* values.c: what a set holds, as it is read back. */
#include "recorder/internal.h"

#include "lib/cleanup.h"

int values__add(struct values *vs, int64_t value)
{
	if (vs->n == vs->size) {
		size_t size = vs->size ? 2 * vs->size : 1024;
		int64_t *grown = realloc(vs->v, size * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		vs->v = grown;
		vs->size = size;
	}
	vs->v[vs->n++] = value;
	return 0;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

json_t *values__runs(struct values *vs)
{
	json_t *runs = json_array();

	if (vs->n)
		qsort(vs->v, vs->n, sizeof(*vs->v), compare);
	for (size_t i = 0, j; i < vs->n; i = j) {
		for (j = i + 1; j < vs->n && vs->v[j] - vs->v[j - 1] <= 1; j++)
			;
		json_array_append_new(runs, json_pack("[I,I]", (json_int_t)vs->v[i],
						      (json_int_t)vs->v[j - 1]));
	}
	return runs;
}
