/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * custom.h: what a workload does to a system that the user describes (`systems: - workload:`). Part of
 * experiment.h. Every text is a template; see experiment__expand(). Beside the names of the lab it knows
 * value, expect, key, client, workload, id (another one for each operation) and lease_ms.
 */
#ifndef CHAOS_CUSTOM_H
#define CHAOS_CUSTOM_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum custom_via {
	VIA_COMMAND, /* a program for each operation */
	VIA_HTTP,
	VIA_SEND, /* text to the session or the connection that is kept */
};

enum custom_pattern {
	/* In this order a text is looked at. */
	CUSTOM_UNKNOWN, /* it may have happened */
	CUSTOM_FAIL,	/* it certainly did not happen */
	CUSTOM_NONE,	/* of a read or pop: done, and there is nothing */
	CUSTOM_OK,
	CUSTOM_VALUE, /* where the values are, if not in the first group of `ok` */
	CUSTOM_PATTERNS
};
extern const char *const custom_pattern_names[CUSTOM_PATTERNS];

struct custom_exchange {
	const char *check;  /* "set" ...: static */
	const char *action; /* "add" ...: static */
	enum custom_via via;
	char *text; /* command line, URL, what to send (C escapes not yet resolved) */
	bool sh;    /* VIA_COMMAND: by /bin/sh -c, instead of being split into words */
	char *method, *body;
	char **headers; /* "Name: value" */
	size_t n_headers;
	char *patterns[CUSTOM_PATTERNS]; /* POSIX extended; NULL = none */
	struct pos pos;
};

struct custom_workload {
	char *setup;   /* command line, run once before the run; NULL = none */
	char *session; /* command line of a program that each client keeps; NULL = none */
	bool setup_sh, session_sh;
	uint16_t port; /* of the connection that each client keeps; 0 = none */
	char *hello;   /* sent first in each session or connection */
	char *ready;   /* pattern: a line that says that it takes operations */
	struct custom_exchange *exchanges;
	size_t n_exchanges;
	struct pos pos;
};

/* What @w does for @action of @check, or NULL. */
const struct custom_exchange *custom__find(const struct custom_workload *w, const char *check,
					   const char *action);
/* Whether it has anything for @check. */
bool custom__has_check(const struct custom_workload *w, const char *check);
void custom__free(struct custom_workload *w);

/* Resolve \n \r \t \\ \" \xHH in place; false for another escape or a NUL. */
bool custom__unescape(char *s);

#endif
