/* SPDX-License-Identifier: GPL-2.0-only */
/* values.h: a set of integers as it was read from a server: collected in any order, then made a
 * set. */
#ifndef CHAOS_RECORDER_VALUES_H
#define CHAOS_RECORDER_VALUES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 16 million values are 128 MiB; a server that lists more is not listing what was written. */
#define VALUES_MAX (16U << 20)
/* Above it no value is ours; within it they survive every JSON reader. */
#define VALUE_MAX 1000000000000000LL

struct values {
	int64_t *v;
	size_t n, cap;
};

int values__add(struct values *s, int64_t value); /* 0, -ENOMEM, -EMSGSIZE above VALUES_MAX */
void values__sort(struct values *s);		  /* ascending, each once */
void values__drop_below(struct values *s, int64_t value);	    /* sorted */
bool values__equal(const struct values *a, const struct values *b); /* both sorted */
json_t *values__runs(const struct values *s); /* sorted -> [[first,last], ...], inclusive */
void values__reset(struct values *s);

/* Decimal digits without sign, blank or leading zero, at most VALUE_MAX. */
bool value__parse(const char *s, size_t len, int64_t *ret);

#endif
