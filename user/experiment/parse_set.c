// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

size_t parse_universe(const struct experiment *e)
{
	/* lab nodes are the first endpoints */
	return e->has_lab && e->n_nodes ? e->n_nodes : e->n_endpoints;
}

/* Few names are listed, many are not. */
#define LISTED_MAX 8

static const char *expected_names(const struct experiment *e, char *buf, size_t size)
{
	size_t used;

	if (!e->n_endpoints)
		return "; the experiment has no `lab` and no `endpoints`";
	if (e->n_endpoints > LISTED_MAX)
		return "; expected a lab node or a name of `endpoints`";
	used = (size_t)snprintf(buf, size, "; expected ");
	for (size_t i = 0; i < e->n_endpoints && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
					 e->endpoints[i].name ? e->endpoints[i].name : "");
	return buf;
}

size_t parse_endpoint_name(struct reader *r, const struct yaml_node *n)
{
	const struct experiment *e = r->e;
	_cleanup_free_ const char **words = NULL;
	char found[FOUND_SIZE], hint[HINT_SIZE], names[256];

	if (n->kind != YAML_SCALAR || yaml__is_null(n)) {
		reader__fault(r, n->pos, "found %s; expected an endpoint's name",
			      reader__found(n, found));
		return SIZE_MAX;
	}
	for (size_t i = 0; i < e->n_endpoints; i++) {
		if (e->endpoints[i].name && !strcmp(e->endpoints[i].name, n->text))
			return i;
	}
	words = calloc(e->n_endpoints + 1, sizeof(*words));
	for (size_t i = 0; words && i < e->n_endpoints; i++)
		words[i] = e->endpoints[i].name ? e->endpoints[i].name : "";
	reader__hint(r, n->text, words, words ? e->n_endpoints : 0, hint);
	reader__fault(r, n->pos, "unknown endpoint %s%s", reader__found(n, found),
		      *hint ? hint : expected_names(e, names, sizeof(names)));
	return SIZE_MAX;
}

bool parse_set_add(struct reader *r, struct name_set *set, size_t i)
{
	char **name = APPEND(r, set->names, set->n);

	if (name)
		*name = reader__strdup(r, r->e->endpoints[i].name);
	return name && *name;
}

static void add_named(struct reader *r, const struct yaml_node *n, bool exclusive,
		      struct name_set *ret)
{
	size_t i = parse_endpoint_name(r, n);

	if (i == SIZE_MAX)
		return;
	for (size_t j = 0; j < ret->n; j++) {
		if (ret->names[j] && !strcmp(ret->names[j], n->text)) {
			reader__fault(r, n->pos, "`%s` stands twice in this list", n->text);
			return;
		}
	}
	if (exclusive && r->used[i]) {
		reader__fault(r, n->pos, "`%s` is in two sets of this partition", n->text);
		return;
	}
	if (parse_set_add(r, ret, i))
		r->used[i] |= exclusive;
}

/* Indices that may be drawn: those of `of`, else the universe, without what earlier sets have. */
static size_t *candidates(struct reader *r, const struct yaml_node *of, size_t *ret_n)
{
	_cleanup_free_ size_t *v = calloc(r->e->n_endpoints + 1, sizeof(*v));
	size_t n = 0, listed = of ? reader__list(r, of, "names to draw from") : 0;

	if (!v) {
		r->nomem = true;
		return NULL;
	}
	if (of && !listed)
		return NULL;
	for (size_t i = 0; i < listed; i++) {
		size_t index = parse_endpoint_name(r, reader__item(of, i));

		if (index == SIZE_MAX)
			return NULL;
		for (size_t j = 0; j < n; j++) {
			if (v[j] != index)
				continue;
			reader__fault(r, reader__item(of, i)->pos, "`%s` stands twice in this list",
				      reader__item(of, i)->text);
			return NULL;
		}
		if (n < r->e->n_endpoints && !r->used[index])
			v[n++] = index;
	}
	for (size_t i = 0; !of && i < parse_universe(r->e); i++) {
		if (!r->used[i])
			v[n++] = i;
	}
	*ret_n = n;
	return TAKE_PTR(v);
}

static const struct option random_options[] = {
	OPTION("random", HANDLED, .required = true),
	OPTION("of", HANDLED),
};

/* A draw without replacement: the first N of a shuffle (Fisher, Yates). */
static void add_random(struct reader *r, const struct yaml_node *n, bool exclusive,
		       struct name_set *ret)
{
	_cleanup_free_ size_t *v = NULL;
	const struct yaml_node *count = yaml__get(n, "random");
	size_t n_v = 0;
	uint64_t wanted;

	if (!reader__map(r, n, "a random set", random_options, ARRAY_SIZE(random_options), ret) ||
	    !count || !reader__u64(r, count, 1, LIST_MAX, &wanted))
		return;
	v = candidates(r, yaml__get(n, "of"), &n_v);
	if (!v)
		return;
	if (wanted > n_v) {
		reader__fault(r, count->pos, "random: %llu of %zu endpoints that are left",
			      (unsigned long long)wanted, n_v);
		return;
	}
	for (size_t i = 0; i < wanted; i++) {
		size_t j = i + (size_t)rng__below(&r->rng, n_v - i);
		size_t drawn = v[j];

		v[j] = v[i];
		v[i] = drawn;
		if (!parse_set_add(r, ret, drawn))
			return;
		r->used[drawn] |= exclusive;
	}
}

void parse_set(struct reader *r, const struct yaml_node *n, bool exclusive, struct name_set *ret)
{
	size_t count;

	if (n->kind == YAML_MAPPING) {
		add_random(r, n, exclusive, ret);
		return;
	}
	count = reader__list(r, n, "a name, a list of names or {random: N}");
	for (size_t i = 0; i < count; i++)
		add_named(r, reader__item(n, i), exclusive, ret);
}
