/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.h: the command line of `chaos inject` as an experiment, so that its words mean exactly what the
 * same words mean in a file. Faults and their values stand one after the other, as in tc netem:
 *
 *     delay 100ms 20ms 25% --distribution normal loss 1% rate 10mbit
 *
 * A flag belongs to the nearest fault before it that has such a parameter, else to the first one behind.
 */
#ifndef CHAOS_CLI_INJECT_H
#define CHAOS_CLI_INJECT_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* argp's keys of what belongs to one kind of fault, and of what selects packets. */
enum inject_key {
	KEY_JITTER = 0x2000,
	KEY_CORRELATION,
	KEY_DISTRIBUTION,
	KEY_TABLE,
	KEY_ORDER,
	KEY_LATENCY,
	KEY_GAP,
	KEY_BURST,
	KEY_EVERY,
	KEY_FIRST_N,
	KEY_SILENT,
	KEY_QUEUE,
	KEY_ENDS,
	KEY_WITH,
	KEY_ICMP,
	KEY_RAMP,
	/* match */
	KEY_SPORT,
	KEY_DPORT,
	KEY_TCP_FLAGS,
	KEY_LENGTH,
	KEY_DSCP,
	KEY_STATE,
	KEY_NTH,
	KEY_FIRST,
};

enum { INJECT_FLAGS_MAX = 32 };

struct inject_words {
	json_t *parts;	/* {"delay": {"latency": "100ms"}} in the order of the command line */
	json_t *labels; /* "delay/latency" -> what the command line calls it: "--latency" */
	const struct inject_part *part; /* whose values come now */
	unsigned int named;		/* bits of the faults that were named */
	const char *model;		/* of a loss: "gemodel", "state" or NULL */
	const char *keyword;		/* "distribution", "gap": its value comes next */
	size_t n_values;		/* of this part (or model) so far */
	/* flags that stood before their fault */
	struct {
		int key;
		const char *value;
	} early[INJECT_FLAGS_MAX];
	size_t n_early;
};

int inject_words__init(struct inject_words *w);
void inject_words__reset(struct inject_words *w);

/* The next word that is no flag. -EINVAL with @err. */
int inject_words__word(struct inject_words *w, const char *word, struct error *err);
/* A flag of a fault; @value is NULL for those that have none. -EINVAL with @err. */
int inject_words__flag(struct inject_words *w, int key, const char *value, struct error *err);
/* No more words. -EINVAL with @err. */
int inject_words__end(struct inject_words *w, struct error *err);

/* Who is meant by --from, --to or --isolate, but for those of each --not behind it. */
enum { INJECT_NOT_MAX = 32 };

struct inject_side {
	const char *text; /* NULL: the flag is not there */
	const char *excludes[INJECT_NOT_MAX];
	size_t n_excludes;
};

struct selector;

/* A selector as the file has it, without excludes; NULL: a text is no UTF-8, or no memory. */
json_t *inject__selector_json(const struct selector *s);
/* The same of @side, which @flag gave, with its excludes. -EINVAL with @err in the command line's words. */
int inject_side__json(const struct inject_side *side, const char *flag, json_t **ret,
		      struct error *err);

/*
 * @doc, which has what @labels call otherwise, as text (to be freed), and errors about it in the words of the
 * command line: "inject:12:8: `x` is ..." becomes "--jitter: `x` is ...".
 */
char *inject__text(const json_t *doc);
void inject__explain(const char *text, const json_t *labels, struct error *err);

#endif
