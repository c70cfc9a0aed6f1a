/* SPDX-License-Identifier: GPL-2.0-only */
/* table.h: what a snapshot is made with: strings that are freed together, and hash tables. */
#ifndef CHAOS_DISCOVER_TABLE_H
#define CHAOS_DISCOVER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

struct arena *arena__new(void);
void arena__free(struct arena *a);
/* NULL: no memory. */
void *arena__alloc(struct arena *a, size_t size);	      /* aligned for pointers, zeroed */
char *arena__bytes(struct arena *a, const void *s, size_t n); /* and a NUL behind them */
char *arena__str(struct arena *a, const char *s);
char *arena__printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * From a number or a string to an index; zeroed is empty. Keys of one table are all of one sort.
 * String keys are borrowed.
 */
struct table {
	struct table_slot *slots;
	size_t size, n; /* size is a power of two, or 0 */
};

#define TABLE_NONE UINT32_MAX

uint32_t table__get(const struct table *t, uint64_t key);      /* TABLE_NONE: not there */
int table__put(struct table *t, uint64_t key, uint32_t value); /* replaces; 0 or -ENOMEM */
uint32_t table__get_str(const struct table *t, const char *key);
int table__put_str(struct table *t, const char *key, uint32_t value);
void table__reset(struct table *t);

/*
 * Room for one more in the array @v of @n elements of @size bytes, which grows by doubling: the array
 * is full when @n is 0 or a power of two from 16 up. NULL: no memory, @v still stands.
 */
void *array__grow(void *v, size_t n, size_t size);

#endif
