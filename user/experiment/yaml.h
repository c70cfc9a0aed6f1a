/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * yaml.h: a YAML 1.2 or JSON text as a tree that remembers where everything stood. libfyaml reads and
 * writes; the tree is ours because libfyaml's documents drop what errors need (the places of
 * aliases and duplicate keys) and grow without bound on hostile input. Pure.
 */
#ifndef CHAOS_YAML_H
#define CHAOS_YAML_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
	enum yaml_kind kind;
	struct pos pos;
	bool plain;		  /* a scalar without quotes: may be a number, a boolean, null */
	bool literal;		  /* a block scalar: written as one again */
	char *text;		  /* scalar; holds no NUL but the last */
	struct yaml_node **items; /* sequence: its items; mapping: key, value, key, value ... */
	size_t n;		  /* of items: twice the pairs of a mapping */
	size_t weight; /* nodes below and with this one, aliases counted where they stand */
	struct yaml_node *next; /* of the document's nodes, for freeing */
};

enum { YAML_DOCUMENTS_MAX = 100 };

struct yaml {
	struct yaml_node *root; /* of the first document */
	struct yaml_node **more; /* of those behind it */
	size_t n_more;
	struct yaml_node *nodes;
};

/* Of a whole tree: far above any experiment, far below memory. */
#define YAML_WEIGHT_MAX 200000

/*
 * Read the documents of @text, at most YAML_DOCUMENTS_MAX. Aliases are shared nodes, so the tree may be a graph without cycles.
 * -EINVAL with @ret_pos and a message without position, -ENODATA if there is none; -ENOMEM.
 */
int yaml__parse(const char *text, size_t len, struct yaml *ret, struct pos *ret_pos,
		struct error *err);
/* The same for another text, named @file in the positions: its nodes are @y's too, @ret_root their root. */
int yaml__parse_more(struct yaml *y, const char *file, const char *text, size_t len,
		     struct yaml_node **ret_root, struct pos *ret_pos, struct error *err);
void yaml__reset(struct yaml *y);

/* The value of @key in a mapping, NULL if it has none. */
struct yaml_node *yaml__get(const struct yaml_node *map, const char *key);

/* `~`, `null` or nothing at all. */
bool yaml__is_null(const struct yaml_node *n);

/* New nodes of @y, for what is filled in; NULL without memory. */
struct yaml_node *yaml__new_scalar(struct yaml *y, const char *text);
struct yaml_node *yaml__new_mapping(struct yaml *y);
struct yaml_node *yaml__new_sequence(struct yaml *y);
/* A scalar that is text whatever it looks like. */
struct yaml_node *yaml__new_text(struct yaml *y, const char *text);
/* Put key: value last in @map; add @value to @list. 0, -ENOMEM (also where @value is NULL). */
int yaml__put(struct yaml *y, struct yaml_node *map, const char *key, struct yaml_node *value);
int yaml__add(struct yaml_node *list, struct yaml_node *value);
/* Let @key of @map have another value; it has one. */
void yaml__replace(struct yaml_node *map, const char *key, struct yaml_node *value);
/* Put key: value first in @map. Takes over nothing: @y owns all nodes. */
int yaml__prepend(struct yaml *y, struct yaml_node *map, const char *key, struct yaml_node *value);

/* The tree as YAML text, aliases written out; NULL without memory. */
char *yaml__emit(const struct yaml_node *root);

#endif
