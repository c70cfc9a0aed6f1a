/* SPDX-License-Identifier: GPL-2.0-only */
/* library.h: a client library that is loaded when a workload needs it, so that chaos runs where it is not installed. */
#ifndef CHAOS_RECORDER_LIBRARY_H
#define CHAOS_RECORDER_LIBRARY_H

#include "lib/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct library {
	const char *soname; /* "libpq.so.5" */
	/* Where each release has a soname of its own: the name that its -dev package has; else NULL. */
	const char *any_version;
	const char *package; /* of Debian that has it */
	const char *const *names;
	size_t n;
	void **functions; /* n of them, in the order of the names */
	pthread_mutex_t lock;
	bool loaded;
};

/* Once for the process; it stays loaded. -ENOENT with the package to install. */
int library__load(struct library *l, struct error *err);

/* The first line of what a library said of a failure. */
void library__words(const char *message, char *buf, size_t size);

/*
 * A table of functions: FUNCTIONS(X) is a list of X(result, name, (arguments)).
 */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a type and a list */
#define LIBRARY_MEMBER(result, name, arguments) result(*name) arguments;
#define LIBRARY_NAME(result, name, arguments) #name,

#endif
