/* SPDX-License-Identifier: GPL-2.0-only */
/* merge_internal.h: what the files of merge*.c share. */
#ifndef CHAOS_REPORT_MERGE_INTERNAL_H
#define CHAOS_REPORT_MERGE_INTERNAL_H

#include "report/merge.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define TYPE_MAX 40 /* bytes of an event's type */

/* One file as it is read: the line at hand, and what the first reading found out. */
struct part {
	const char *file;
	FILE *f;
	/* the line at hand, without its newline */
	char *line;
	size_t size, len, line_no;
	int64_t t_ns;
	char type[TYPE_MAX + 1];
	size_t body; /* where the members after "type" begin: at a comma or the brace */
	int64_t key; /* greatest t_ns of the lines so far: what it is ordered by */
	bool at_end;

	json_t *run; /* the run event; NULL: there is none, and the file is left out */
	char *node;
	char *host; /* ,"host":"NODE" */
	size_t node_index, segment;
	bool last_segment;
	int64_t clock_offset_ns, clock_epsilon_ns; /* or RECORD_CLOCK_UNKNOWN */
	int64_t from_ns, last_ns;		   /* of its events after the run event */
	uint64_t events;
	bool cut;	 /* its last line was cut short */
	json_t *end;	 /* the end event, or NULL */
	uint64_t phases; /* told so far: see merge_fault.c */
	/* of each fault */
	int64_t *open;	  /* the occurrence that is armed here; -1: none */
	json_t **cleared; /* the latest cleared event, or NULL */
};

/* What all files together say of one occurrence of a fault. */
struct occurrence {
	int64_t armed_ns, hit_ns, cleared_ns;
	uint32_t pending; /* files that have still to clear it */
	bool armed_told, hit_told;
};

struct merged_fault {
	const char *name;
	struct occurrence *v;
	size_t n;
};

struct merge {
	struct part *parts; /* by node, then time */
	size_t n;
	size_t n_nodes;
	const json_t *missing; /* {node, why} of each; may be NULL */
	json_t *run;   /* the combined run event */
	json_t *index; /* of each fault's name */
	struct merged_fault *faults;
	size_t n_faults;
	json_t **here;	  /* of each node: the places that it had, as keys */
	json_t *anywhere; /* the places that some node had */
	uint64_t phases;  /* transitions told so far */
	char phase[TYPE_MAX];
	FILE *out;
	struct error *err;
};

int merge__bad(const struct merge *m, const struct part *p, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- merge_part.c --- */

/* The next line of @p. 1, 0 at its end (a line that was cut is none), or an error. */
int part__next(struct merge *m, struct part *p);
int part__rewind(struct merge *m, struct part *p);
/* The line at hand as JSON; NULL with m->err set. */
json_t *part__json(struct merge *m, struct part *p);
void part__free(struct part *p, size_t n_faults);

/* Write an event: @fields is stolen. -errno. */
int merge__emit(struct merge *m, const char *type, int64_t t_ns, json_t *fields);
int merge__note(struct merge *m, int64_t t_ns, const char *level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* --- merge_run.c --- */

/* Parts are known, in order: make m->run and what hangs on its names. */
int merge__run(struct merge *m);
/* The end event of all; nothing if no part has one and no node is missing. */
int merge__end(struct merge *m);

/* --- merge_fault.c --- */

/* First reading: a fault event of @p, and the end of @p. */
int fault__scan(struct merge *m, struct part *p);
void fault__scan_end(struct merge *m, struct part *p);
/* Second reading. */
int fault__tell(struct merge *m, struct part *p);
int fault__tell_end(struct merge *m, struct part *p);
int phase__tell(struct merge *m, struct part *p);

/* --- merge_bins.c --- */

/* A place that @p has, or gets. */
int bins__place(struct merge *m, const struct part *p, const json_t *place);
int bins__tell(struct merge *m, struct part *p);

/* Write the line at hand with its host, and nothing else changed. */
int part__copy(struct merge *m, const struct part *p);

#endif
