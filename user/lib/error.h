/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * error.h: what went wrong, in words, carried up to the verb that prints it. Modules return a
 * negative errno and fill a struct error; they never print.
 */
#ifndef CHAOS_ERROR_H
#define CHAOS_ERROR_H

#include <stdarg.h>

/* Where in an input file; line and col count from 1, 0 means unknown. */
struct pos {
	int line;
	int col;
	const char *file; /* NULL: the one that is read; else one that it names, not owned */
};

struct error {
	int code;	/* negative errno, 0 = none */
	char msg[1024]; /* one or more lines, no trailing newline, always terminated */
};

/* Set @err (may be NULL) to @code and a formatted message; returns @code, for `return err__set()`. */
int err__set(struct error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "prefix: " before the message that @err holds; returns err->code. */
int err__prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
