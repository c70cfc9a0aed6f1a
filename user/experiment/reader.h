/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader.h: from a YAML tree to structs by tables of typed options, collecting every finding on the
 * way. A reader goes on after a finding: the value in question keeps its default.
 */
#ifndef CHAOS_READER_H
#define CHAOS_READER_H

#include "experiment/experiment.h"
#include "experiment/yaml.h"
#include "lib/rng.h"

#define FINDINGS_MAX 20
/* Nobody writes longer lists by hand; a generator of experiments may come near. */
#define LIST_MAX 4096

struct finding {
	struct pos pos;
	char *text;
};

struct reader {
	const char *file;
	struct experiment
		*e; /* what was read so far: sections are read in the order they refer back */
	enum experiment_place place;
	const char *ns; /* of the object, in a cluster */
	const struct yaml_node
		*root; /* findings tell the path to where they are in it; NULL: file and place */
	struct finding findings[FINDINGS_MAX];
	size_t n_findings, n_dropped;
	bool nomem;

	/* where in the document it reads, as spec.delay; "" where findings do not tell */
	bool tells_path;
	char path[160];

	/* of the fault being read */
	struct rng rng;
	bool *used; /* per endpoint: named in a set that the next one may not share */
	bool moves; /* some parameter does, the first at: */
	struct pos moves_at;
};

/* Record a finding. */
void reader__fault(struct reader *r, struct pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Go into @key, or into item @index of a list where it is NULL; returns what reader__leave() needs. */
size_t reader__enter(struct reader *r, const char *key, size_t index);
void reader__leave(struct reader *r, size_t path);
/* The path to what stands at @pos in @root, as "spec.faults[0].delay"; writes @buf and returns it. */
const char *reader__path_to(const struct yaml_node *root, struct pos pos, char *buf, size_t size);
/* All findings in the order of the file as @err; 0 when there are none. Frees them. */
int reader__finish(struct reader *r, struct error *err);

/* The value as a message shows it: "`10`", "a list", "a mapping", "nothing". Writes @buf, returns it. */
#define FOUND_SIZE 72
const char *reader__found(const struct yaml_node *n, char *buf);
/* "; did you mean `x`?" or "". */
#define HINT_SIZE 96
const char *reader__hint(const struct reader *r, const char *word, const char *const *words,
			 size_t n, char *buf);

enum option_type {
	OPTION_STRING,	    /* char *, not empty */
	OPTION_BOOL,	    /* bool */
	OPTION_UINT,	    /* unsigned int, lo..hi */
	OPTION_PORT,	    /* uint16_t, 1..65535 */
	OPTION_DURATION,    /* int64_t, lo..hi nanoseconds */
	OPTION_PROBABILITY, /* struct moving in [0,1], not 0 at both ends */
	OPTION_SHARE,	    /* struct moving in [0,1] */
	OPTION_SPAN,	    /* struct moving, lo..hi nanoseconds */
	OPTION_BANDWIDTH,   /* struct moving, bytes a second, > 0 */
	OPTION_SIZE,	    /* struct moving, lo..hi bytes */
	OPTION_NUMBER,	    /* struct moving, lo..hi, with a fraction */
	OPTION_FRACTION,    /* double in [0,1) */
	OPTION_RATE,	    /* double, > 0 a second and at most hi */
	OPTION_CUSTOM,	    /* parse() */
	OPTION_HANDLED,	    /* the table's user reads it with yaml__get() */
	OPTION_LATER,	    /* named in the documentation, not in this version */
};

struct option {
	const char *key;
	enum option_type type;
	size_t offset;
	bool required;
	int64_t lo, hi;
	const char *instead; /* OPTION_LATER: what there is; NULL = the table's keys */
	/* OPTION_CUSTOM: @obj is the struct that the table describes */
	void (*parse)(struct reader *r, const struct yaml_node *value, void *obj);
};

/* Rows of a table; further members may follow as .required = true, .lo = 1. */
#define OPTION(k, t, ...)                                   \
	{                                                   \
		.key = (k), .type = OPTION_##t, __VA_ARGS__ \
	}
#define FIELD(k, t, obj, field, ...)                                                               \
	{                                                                                          \
		.key = (k), .type = OPTION_##t, .offset = offsetof(struct obj, field), __VA_ARGS__ \
	}

/*
 * Read mapping @n, called @what in messages ("a fault"), into @obj; options are read in the table's
 * order. Returns false if it is no mapping.
 */
bool reader__map(struct reader *r, const struct yaml_node *n, const char *what,
		 const struct option *options, size_t n_options, void *obj);

/*
 * The same, or one value that stands for the first option: `delay: 100ms`.
 */
bool reader__short(struct reader *r, const struct yaml_node *n, const char *what,
		   const struct option *options, size_t n_options, void *obj);

/* Single values; false after a finding. */
bool reader__string(struct reader *r, const struct yaml_node *n, const char *what, char **ret);
bool reader__bool(struct reader *r, const struct yaml_node *n, bool *ret);
bool reader__u64(struct reader *r, const struct yaml_node *n, uint64_t lo, uint64_t hi,
		 uint64_t *ret);
bool reader__duration(struct reader *r, const struct yaml_node *n, int64_t lo, int64_t hi,
		      int64_t *ret);
bool reader__duration_range(struct reader *r, const struct yaml_node *n, int64_t lo, int64_t hi,
			    int64_t *ret_lo, int64_t *ret_hi);

/* In [0,1). */
bool reader__fraction(struct reader *r, const struct yaml_node *n, double *ret);
/*
 * A parameter that may move: one value, or A..B, which go up or down over the fault's ramp. @o says of
 * what type (those of struct moving) and in which bounds.
 */
bool reader__moving(struct reader *r, const struct yaml_node *n, const struct option *o,
		    struct moving *ret);
/* A number of bytes, lo..hi. */
bool reader__size(struct reader *r, const struct yaml_node *n, uint64_t lo, uint64_t hi,
		  uint64_t *ret);
/* One of @words, called @what ("distribution"): its index, or -1 after a finding. */
int reader__word(struct reader *r, const struct yaml_node *n, const char *what,
		 const char *const *words, size_t n_words);
/* At most @hi a second. */
bool reader__rate(struct reader *r, const struct yaml_node *n, int64_t hi, double *ret);

/*
 * A list, or one value standing for a list of one: the number of items; 0 after a finding for an empty
 * or too long one. reader__item() gives item @i.
 */
size_t reader__list(struct reader *r, const struct yaml_node *n, const char *what);
const struct yaml_node *reader__item(const struct yaml_node *n, size_t i);

/* Pairs of a mapping with scalar keys, each once; 0 after a finding. Pair i is items[2 i], items[2 i + 1]. */
size_t reader__pairs(struct reader *r, const struct yaml_node *n, const char *what);

/* A name of ours: letters, digits, `-`, `_`, `.`, at most 63. */
bool reader__check_name(struct reader *r, struct pos pos, const char *name);

char *reader__strdup(struct reader *r, const char *s);

/* A zeroed new last element of the array @v of @n elements, or NULL without memory. */
void *reader__grow(struct reader *r, void *v, size_t *n, size_t size);
#define APPEND(r, v, n) ((__typeof__(v))reader__grow((r), &(v), &(n), sizeof(*(v))))

#endif
