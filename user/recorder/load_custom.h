/* SPDX-License-Identifier: GPL-2.0-only */
/* load_custom.h: internal to load_custom*.c: a client of a system that the user describes. */
#ifndef CHAOS_RECORDER_LOAD_CUSTOM_H
#define CHAOS_RECORDER_LOAD_CUSTOM_H

#include "recorder/http.h"
#include "recorder/load_internal.h"
#include "recorder/program.h"
#include "recorder/rules.h"

struct custom_store {
	struct store_spec spec;
	struct program session;
	int fd; /* the connection; -1 = none */
	struct http http;
	bool has_http;
	char *buf; /* what came and is not used yet; of a command or by HTTP: the whole answer */
	size_t len, cap;

	/* of the operation: values of the names in its templates */
	char value[24], expect[24], key[24], client[24], id[48], lease_ms[24];
};

/* @template for the operation that is set up, or NULL with @a a failure. */
char *custom__expand(struct custom_store *s, const char *template, struct answer *a);
/* Words of a command line, or /bin/sh -c; NULL with @a a failure. free() the words and the vector. */
char **custom__argv(struct custom_store *s, const char *command, bool sh, struct answer *a);
void custom__free_argv(char **argv);

/*
 * One exchange; @a->outcome is OK if @rd was decided by `ok` or `none`, or needed no pattern, else it says
 * why not. At least one of them is done before @deadline_ns.
 */
void custom__exchange(struct custom_store *s, const struct custom_exchange *x, int64_t deadline_ns,
		      struct reading *rd, struct answer *a);
/* The session or connection of the client, for an exchange that sends (load_custom_stream.c). */
void custom__stream(struct custom_store *s, const char *text, const struct rules *ru,
		    int64_t deadline_ns, struct reading *rd, struct answer *a);
void custom__drop_stream(struct custom_store *s);
/* What @rd says, unless nothing was decided: then false. */
bool custom__judge(const struct reading *rd, struct answer *a);

#endif
