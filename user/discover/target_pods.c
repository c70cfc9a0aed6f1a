// SPDX-License-Identifier: GPL-2.0-only
/* target_pods.c: conditions on labels, lists of pods, and how many of them are meant. */
#include "discover/target_pods.h"

#include "lib/cleanup.h"
#include "lib/rng.h"

#include <stdarg.h>
#include <string.h>

const char *const target_operators[4] = {"In", "NotIn", "Exists", "DoesNotExist"};
const char *const pick_modes[5] = {"all", "one", "fixed", "fixed-percent", "random-max-percent"};
const char *const target_fields[5] = {"metadata.name", "metadata.namespace", "spec.nodeName",
				      "status.phase", "status.podIP"};
const char *const target_phases[5] = {"Pending", "Running", "Succeeded", "Failed", "Unknown"};

/* --- labels ------------------------------------------------------------------------------------- */

bool target_expression__holds(const struct target_expression *x, const char *const *labels,
			      size_t n_labels)
{
	size_t len = strlen(x->key);
	const char *value = NULL;
	bool in = false;

	for (size_t i = 0; i < n_labels && !value; i++)
		if (!strncmp(labels[i], x->key, len) && labels[i][len] == '=')
			value = labels[i] + len + 1;
	for (size_t i = 0; i < x->n_values && value && !in; i++)
		in = !strcmp(value, x->values[i]);
	switch (x->op) {
	case OPERATOR_IN:
		return in;
	case OPERATOR_NOT_IN:
		return !in;
	case OPERATOR_EXISTS:
		return value;
	case OPERATOR_DOES_NOT_EXIST:
		return !value;
	}
	return false;
}

/* --- how many ----------------------------------------------------------------------------------- */

/* FNV-1a, 64 bits, with a NUL between the parts; then mixed, since its low bits are weak. */
static uint64_t hash(uint64_t seed, const char *a, const char *b)
{
	const char *const parts[] = {a, b};
	uint64_t h = 0xcbf29ce484222325ULL;
	struct rng rng;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const char *s = parts[i];

		do
			h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
		while (*s++);
	}
	rng = rng__fork(seed, h);
	return rng__next(&rng);
}

uint64_t target_pick__rank(uint64_t seed, const char *salt, const char *pod)
{
	return hash(seed, salt, pod);
}

static size_t percent_of(size_t n, uint64_t percent)
{
	return (n * percent + 99) / 100;
}

size_t target_pick__count(const struct target_pick *p, size_t n, uint64_t seed, const char *salt)
{
	struct rng rng = {.state = hash(seed, salt, "")};
	size_t count = n;

	switch (p->mode) {
	case PICK_ALL:
		break;
	case PICK_ONE:
		count = 1;
		break;
	case PICK_FIXED:
		count = p->value;
		break;
	case PICK_FIXED_PERCENT:
		count = percent_of(n, p->value);
		break;
	case PICK_RANDOM_PERCENT:
		count = percent_of(n, p->value ? 1 + rng__below(&rng, p->value) : 0);
		break;
	}
	return count < n ? count : n;
}

/* --- memory, order, words ------------------------------------------------------------------------ */

static void free_texts(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

void target_pods__reset(struct target_selector *t)
{
	free_texts(t->namespaces, t->n_namespaces);
	free_texts(t->pods, t->n_pods);
	for (size_t i = 0; i < t->n_expressions; i++) {
		free(t->expressions[i].key);
		free_texts(t->expressions[i].values, t->expressions[i].n_values);
	}
	free(t->expressions);
	free(t->device);
	free_texts(t->annotations, t->n_annotations);
	free_texts(t->nodes, t->n_nodes);
	free_texts(t->node_labels, t->n_node_labels);
	free_texts(t->phases, t->n_phases);
	free_texts(t->fields, t->n_fields);
}

#define COMPARE(x, y) (((x) > (y)) - ((x) < (y)))

static int compare_texts(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
	int c = COMPARE(n_a, n_b);

	for (size_t i = 0; !c && i < n_a; i++)
		c = strcmp(a[i], b[i]);
	return c;
}

static int compare_expressions(const struct target_selector *a, const struct target_selector *b)
{
	int c = COMPARE(a->n_expressions, b->n_expressions);

	for (size_t i = 0; !c && i < a->n_expressions; i++) {
		const struct target_expression *x = &a->expressions[i], *y = &b->expressions[i];

		c = strcmp(x->key, y->key)
			    ?: COMPARE(x->op, y->op)
			    ?: compare_texts(x->values, x->n_values, y->values, y->n_values);
	}
	return c;
}

static int compare_api(const struct target_selector *a, const struct target_selector *b)
{
	return compare_texts(a->annotations, a->n_annotations, b->annotations, b->n_annotations)
		       ?: compare_texts(a->nodes, a->n_nodes, b->nodes, b->n_nodes)
		       ?: compare_texts(a->node_labels, a->n_node_labels, b->node_labels,
					b->n_node_labels)
		       ?: compare_texts(a->phases, a->n_phases, b->phases, b->n_phases)
		       ?: compare_texts(a->fields, a->n_fields, b->fields, b->n_fields);
}

int target_pods__compare(const struct target_selector *a, const struct target_selector *b)
{
	return compare_texts(a->namespaces, a->n_namespaces, b->namespaces, b->n_namespaces)
		       ?: compare_texts(a->pods, a->n_pods, b->pods, b->n_pods)
		       ?: compare_expressions(a, b)
		       ?: COMPARE(a->no_host_network, b->no_host_network)
		       ?: (a->device && b->device ? strcmp(a->device, b->device)
						  : COMPARE(!!a->device, !!b->device))
		       ?: COMPARE(a->pick.mode, b->pick.mode)
		       ?: COMPARE(a->pick.value, b->pick.value)
		       ?: compare_api(a, b);
}

struct words {
	char *buf;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *w, const char *fmt, ...)
{
	size_t room = w->size - w->used;
	va_list ap;
	int n;

	if (w->used && room > 1 && *fmt != ',' && *fmt != ')') {
		w->buf[w->used++] = ' ';
		w->buf[w->used] = '\0';
		room--;
	}
	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->used, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void say_list(struct words *w, const char *first, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		say(w, i ? ",%s%s" : "%s%s", i ? "" : first, v[i]);
}

void target_pods__describe(const struct target_selector *t, char *buf, size_t size)
{
	struct words w = {.buf = buf, .size = size};

	*buf = '\0';
	say_list(&w, "of ", t->namespaces, t->n_namespaces);
	say_list(&w, "", t->pods, t->n_pods);
	for (size_t i = 0; i < t->n_expressions; i++) {
		const struct target_expression *x = &t->expressions[i];

		say(&w, "%s %s", x->key, target_operators[x->op]);
		say_list(&w, "(", x->values, x->n_values);
		if (x->n_values)
			say(&w, ")");
	}
	say_list(&w, "annotated ", t->annotations, t->n_annotations);
	say_list(&w, "on nodes ", t->nodes, t->n_nodes);
	say_list(&w, t->n_nodes ? "or labelled " : "on nodes labelled ", t->node_labels,
		 t->n_node_labels);
	say_list(&w, "in phase ", t->phases, t->n_phases);
	say_list(&w, "with ", t->fields, t->n_fields);
	if (t->device)
		say(&w, "on %s", t->device);
	if (t->pick.mode == PICK_ONE)
		say(&w, "(one)");
	else if (t->pick.mode)
		say(&w, "(%s %u)", pick_modes[t->pick.mode], t->pick.value);
}
