// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

/* A ring of two has but one majority, and three is the least where two differ. */
#define RING_MIN 3

static struct name_set *new_group(struct reader *r, struct partition *p)
{
	return APPEND(r, p->groups, p->n_groups);
}

static void add_group(struct reader *r, const struct yaml_node *n, struct partition *p)
{
	struct name_set *group = new_group(r, p);

	if (group)
		parse_set(r, n, true, group);
}

static void read_isolate(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = obj;

	p->kind = PARTITION_ISOLATE;
	add_group(r, n, p);
}

/* A list of sets, at least two and at most @max. */
static void read_groups(struct reader *r, const struct yaml_node *n, struct partition *p,
			size_t max)
{
	char found[FOUND_SIZE];

	if (n->kind != YAML_SEQUENCE) {
		reader__fault(r, n->pos, "found %s; expected a list of sets, as in [[a], [b, c]]",
			      reader__found(n, found));
		return;
	}
	if (n->n < 2 || n->n > max) {
		reader__fault(r, n->pos, "%zu sets; expected %s", n->n,
			      max == 2 ? "two" : "at least two");
		return;
	}
	for (size_t i = 0; i < n->n; i++)
		add_group(r, n->items[i], p);
}

static void read_halves(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = obj;

	p->kind = PARTITION_HALVES;
	read_groups(r, n, p, 2);
}

static void read_many(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = obj;

	p->kind = PARTITION_GROUPS;
	read_groups(r, n, p, LIST_MAX);
}

/* Everyone else, or those of `of`, in two halves in order; the first is the smaller one. */
static void fill_bridge(struct reader *r, const struct yaml_node *n, struct partition *p)
{
	const struct yaml_node *of = yaml__get(n, "of");
	struct name_set rest = {0};
	size_t findings = r->n_findings + r->n_dropped;

	if (of) {
		parse_set(r, of, true, &rest);
	} else {
		for (size_t i = 0; i < parse_universe(r->e); i++) {
			if (!r->used[i])
				parse_set_add(r, &rest, i);
		}
	}
	if (rest.n < 2 && r->n_findings + r->n_dropped == findings)
		reader__fault(r, n->pos,
			      "a bridge between %zu other endpoints; expected at least two",
			      rest.n);
	for (size_t half = 0; half < 2; half++) {
		struct name_set *group = new_group(r, p);
		size_t from = half ? rest.n / 2 : 0, to = half ? rest.n : rest.n / 2;

		for (size_t i = from; group && i < to; i++) {
			char **name = APPEND(r, group->names, group->n);

			if (name)
				*name = TAKE_PTR(rest.names[i]);
		}
	}
	for (size_t i = 0; i < rest.n; i++)
		free(rest.names[i]);
	free(rest.names);
}

static void read_bridge(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = obj;

	p->kind = PARTITION_BRIDGE;
	add_group(r, n, p);
}

static void read_ring(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = obj;
	struct name_set *group = new_group(r, p);
	size_t findings = r->n_findings + r->n_dropped;

	p->kind = PARTITION_MAJORITIES_RING;
	if (!group)
		return;
	if (n->kind == YAML_SCALAR && !strcmp(n->text, "all")) {
		for (size_t i = 0; i < parse_universe(r->e); i++)
			parse_set_add(r, group, i);
	} else {
		parse_set(r, n, true, group);
	}
	if (group->n < RING_MIN && r->n_findings + r->n_dropped == findings)
		reader__fault(r, n->pos, "a ring of %zu; expected at least %d endpoints", group->n,
			      RING_MIN);
}

static void simplex_set(struct reader *r, const struct yaml_node *n, void *obj)
{
	add_group(r, n, obj);
}

static const struct option simplex_options[] = {
	OPTION("from", CUSTOM, .required = true, .parse = simplex_set),
	OPTION("to", CUSTOM, .required = true, .parse = simplex_set),
};

static void read_simplex(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = obj;

	p->kind = PARTITION_SIMPLEX;
	reader__map(r, n, "a simplex", simplex_options, ARRAY_SIZE(simplex_options), p);
}

static const struct option partition_options[] = {
	OPTION("isolate", CUSTOM, .parse = read_isolate),
	OPTION("halves", CUSTOM, .parse = read_halves),
	OPTION("groups", CUSTOM, .parse = read_many),
	OPTION("bridge", CUSTOM, .parse = read_bridge),
	OPTION("majorities_ring", CUSTOM, .parse = read_ring),
	OPTION("simplex", CUSTOM, .parse = read_simplex),
	OPTION("of", HANDLED),
	FIELD("l2", BOOL, partition, l2),
};

/* Forms stand first in partition_options. */
#define N_FORMS 6

void parse_partition(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct partition *p = &((struct fault *)obj)->partition;
	const struct yaml_node *of = yaml__get(n, "of");
	size_t forms = 0, findings = r->n_findings + r->n_dropped;

	p->pos = n->pos;
	for (size_t i = 0; i < N_FORMS; i++)
		forms += yaml__get(n, partition_options[i].key) != NULL;
	if (forms > 1) {
		reader__fault(r, n->pos,
			      "%zu forms of partition; expected one of isolate, halves, "
			      "groups, bridge, majorities_ring, simplex",
			      forms);
		return;
	}
	if (!reader__map(r, n, "a partition", partition_options, ARRAY_SIZE(partition_options), p))
		return;
	if (!forms && r->n_findings + r->n_dropped == findings)
		reader__fault(r, n->pos,
			      "a partition needs one of isolate, halves, groups, bridge, "
			      "majorities_ring, simplex");
	if (of && forms && !yaml__get(n, "bridge"))
		reader__fault(r, of->pos,
			      "`of` belongs to a bridge; {random: N, of: [...]} has its own");
	if (yaml__get(n, "bridge") && r->n_findings + r->n_dropped == findings)
		fill_bridge(r, n, p);
}
