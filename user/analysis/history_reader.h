/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history_reader.h: internal to history_*.c: one line of events.jsonl at a time, every member
 * checked for type and range before it is stored. What is wrong is said as "file:line: TYPE:
 * what".
 */
#ifndef CHAOS_ANALYSIS_HISTORY_READER_H
#define CHAOS_ANALYSIS_HISTORY_READER_H

#include "analysis/history.h"

/* Names that the "run" event declared, and their indexes. */
struct reader_names {
	const char *what; /* for messages */
	json_t *index;
};

struct reader {
	const char *name;
	size_t line;
	struct history *h;
	struct error *err;
	const char *type; /* of the event at hand */
	int64_t t_ns;
	bool has_run;
	struct reader_names nodes, faults, resources, workloads, keys, hosts;
	size_t cap_roles, cap_ops, cap_finals, cap_traffic, cap_fault_events, cap_gaps, cap_phases,
		cap_node_events, cap_notes, cap_attempts, cap_keys, cap_bins, cap_listens,
		cap_drops, cap_resets, cap_senders, cap_garps, cap_places, cap_presence;
};

/* May the member be absent or null? It is stored as HISTORY_NONE, NULL, false, -1.0 then. */
enum need { REQUIRED, OPTIONAL };

int line__bad(struct reader *rd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All return 0, -EINVAL with the message set, or -ENOMEM. */
int line__int(struct reader *rd, const json_t *o, const char *key, enum need need, int64_t lo,
	      int64_t hi, int64_t *ret);
int line__time(struct reader *rd, const json_t *o, const char *key, enum need need, int64_t *ret);
int line__count(struct reader *rd, const json_t *o, const char *key, enum need need, int64_t *ret);
int line__number(struct reader *rd, const json_t *o, const char *key, double *ret);
int line__string(struct reader *rd, const json_t *o, const char *key, enum need need,
		 const char **ret);
int line__bool(struct reader *rd, const json_t *o, const char *key, enum need need, bool *ret);
/* One of @words; @ret is its index. */
int line__word(struct reader *rd, const json_t *o, const char *key, const char *const *words,
	       size_t n, int *ret);
/* An array; NULL in @ret (size 0) if it may be absent and is. */
int line__array(struct reader *rd, const json_t *o, const char *key, enum need need,
		const json_t **ret);
/* A declared name. */
int line__name(struct reader *rd, const struct reader_names *names, const json_t *o,
	       const char *key, int *ret);
int line__name_of(struct reader *rd, const struct reader_names *names, const json_t *string,
		  int *ret);
int line__declare(struct reader *rd, struct reader_names *names, const char *name, size_t index);
/* An end of an edge: a node or "other". */
int line__end(struct reader *rd, const json_t *string, int *ret);
/* The history's own copy of @s; NULL: no memory. */
const char *line__keep(struct reader *rd, const char *s);

/*
 * A zeroed element more for the array whose address is @array; NULL: no memory. @n is not
 * advanced: an element counts once it is whole.
 */
void *line__add(void *array, size_t n, size_t *cap, size_t size);

#define ADD(rd, array) \
	line__add(&(rd)->h->array, (rd)->h->n_##array, &(rd)->cap_##array, sizeof(*(rd)->h->array))

/* history_places.c: of the run event, and the event; the host of any event; after the last of them. */
int line__places(struct reader *rd, const json_t *run);
int line__cluster(struct reader *rd, const json_t *run);
int line__place(struct reader *rd, const json_t *o);
int line__host(struct reader *rd, const json_t *o, int *ret);
int places__finish(struct history *h);

/* history_traffic.c */
int line__bins(struct reader *rd, const json_t *o);
int line__listen(struct reader *rd, const json_t *o);
int line__drops(struct reader *rd, const json_t *o);
int line__resets(struct reader *rd, const json_t *o);

/*
 * history_intents.c: the attempt that op @x is, of the event @o; and after the last event, all
 * attempts of an intent into one operation.
 */
int intents__attempt(struct reader *rd, const json_t *o, struct history_op *x);
int intents__merge(struct history *h);

int line__run(struct reader *rd, const json_t *o);
int line__vrrp_sender(struct reader *rd, const json_t *o);
int line__garp(struct reader *rd, const json_t *o);
int line__event(struct reader *rd, const json_t *o);

#endif
