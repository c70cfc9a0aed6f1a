/* SPDX-License-Identifier: GPL-2.0-only */
/* watch_columns.h: between what stands in the tables of `chaos watch` and how it is laid out. */
#ifndef CHAOS_CLI_WATCH_COLUMNS_H
#define CHAOS_CLI_WATCH_COLUMNS_H

#include "cli/watch.h"

struct page {
	const struct watch_page *p;
	struct watch_view *v;
	FILE *out;
	size_t lines;
};

enum align { LEFT, RIGHT };

/* Cells of a row are made anew whenever they are needed: a page has few of them. */
struct column {
	const char *head;
	enum align align;
	size_t least; /* columns of the terminal that it needs at least */
	size_t most;
	unsigned int rank; /* who goes first when there is no room; 0: never */
	const char *(*cell)(const struct page *g, size_t row, char *buf, size_t size);
	bool names; /* others' words */
};

extern const struct column watch_flow_columns[], watch_device_columns[];
extern const size_t watch_n_flow_columns, watch_n_device_columns;

/* Empty where the row is under no fault. */
const char *watch_cell__fault(const struct page *g, size_t row, char *buf, size_t size);

#endif
