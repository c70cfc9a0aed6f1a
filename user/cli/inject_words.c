// SPDX-License-Identifier: GPL-2.0-only
/* inject_words.c: faults, values and flags in the order of the command line, as parts of a fault. */
#include "cli/inject.h"
#include "lib/cleanup.h"
#include "lib/nearest.h"
#include "lib/units.h"

#include <string.h>

enum { VALUES_MAX = 5 };

/* The values behind a fault's name, in their order: keys of the file. */
struct inject_part {
	const char *name;
	const char *values[VALUES_MAX];
	const char *usage;
};

static const struct inject_part parts[] = {
	{"partition", {NULL}, ""},
	{"loss", {"probability", "correlation"}, "P [CORRELATION]"},
	{"delay", {"latency", "jitter", "correlation"}, "TIME [JITTER [CORRELATION]]"},
	{"reorder", {"probability", "correlation"}, "P [CORRELATION]"},
	{"duplicate", {"probability", "correlation"}, "P [CORRELATION]"},
	{"corrupt", {"probability", "correlation"}, "P [CORRELATION]"},
	{"rate", {"bandwidth"}, "BANDWIDTH"},
	{"reset", {"probability"}, "[P]"},
	{"reject", {"probability"}, "[P]"},
	{"mtu", {"size"}, "BYTES"},
	{"ecn", {"probability"}, "[P]"},
};

/* Models of loss have values of their own; netem's gemodel takes loss probabilities: 1-h, 1-k. */
static const struct inject_part models[] = {
	{"gemodel", {"p", "r", "h", "k"}, "P [R [1-H [1-K]]]"},
	{"state", {"p13", "p31", "p32", "p23", "p14"}, "P13 [P31 [P32 [P23 [P14]]]]"},
};

/* netem's words inside a fault. */
static const struct {
	const char *part, *word;
} keywords[] = {
	{"delay", "distribution"},
	{"reorder", "gap"},
};

static const struct param {
	int key;
	const char *flag;
	const char *of;		 /* the fault whose flag it is */
	const char *part, *name; /* where it goes */
	const char *fixed;	 /* the value of a flag that takes none */
} params[] = {
	{KEY_LATENCY, "--latency", "delay", "delay", "latency", NULL},
	{KEY_JITTER, "--jitter", "delay", "delay", "jitter", NULL},
	{KEY_CORRELATION, "--correlation", "delay", "delay", "correlation", NULL},
	{KEY_DISTRIBUTION, "--distribution", "delay", "delay", "distribution", NULL},
	{KEY_TABLE, "--table", "delay", "delay", "table", NULL},
	{KEY_ORDER, "--order", "delay", "delay", "order", NULL},
	{KEY_CORRELATION, "--correlation", "loss", "loss", "correlation", NULL},
	{KEY_BURST, "--burst", "loss", "loss", "burst", NULL},
	{KEY_EVERY, "--every", "loss", "loss", "every", NULL},
	{KEY_FIRST_N, "--first-n", "loss", "loss", "first", NULL},
	/* what is not chosen must be delayed */
	{KEY_LATENCY, "--latency", "reorder", "delay", "latency", NULL},
	{KEY_CORRELATION, "--correlation", "reorder", "reorder", "correlation", NULL},
	{KEY_GAP, "--gap", "reorder", "reorder", "gap", NULL},
	{KEY_CORRELATION, "--correlation", "duplicate", "duplicate", "correlation", NULL},
	{KEY_CORRELATION, "--correlation", "corrupt", "corrupt", "correlation", NULL},
	{KEY_SILENT, "--silent", "corrupt", "corrupt", "kind", "silent"},
	{KEY_BURST, "--burst", "rate", "rate", "burst", NULL},
	{KEY_QUEUE, "--queue", "rate", "rate", "queue", NULL},
	{KEY_ENDS, "--ends", "reset", "reset", "ends", NULL},
	{KEY_WITH, "--with", "reject", "reject", "with", NULL},
	{KEY_ICMP, "--icmp", "mtu", "mtu", "icmp", "true"},
};

int inject_words__init(struct inject_words *w)
{
	*w = (struct inject_words){.parts = json_object(), .labels = json_object()};
	return w->parts && w->labels ? 0 : -ENOMEM;
}

void inject_words__reset(struct inject_words *w)
{
	json_decref(w->parts);
	json_decref(w->labels);
	*w = (struct inject_words){0};
}

/* --- values ---------------------------------------------------------------------------------------- */

/* @label names @parent's @name in messages. */
static void set_label(struct inject_words *w, const char *parent, const char *name,
		      const char *label)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", parent, name);
	json_object_set_new(w->labels, path, json_string(label));
}

/* parts[part] or, with @model, parts[part][model]; made if it is not there. */
static json_t *part_object(struct inject_words *w, const char *part, const char *model)
{
	json_t *o = json_object_get(w->parts, part), *inner;

	if (!o) {
		json_object_set_new(w->parts, part, json_object());
		json_object_set_new(w->labels, part, json_string(part));
		o = json_object_get(w->parts, part);
	}
	if (!model)
		return o;
	inner = json_object_get(o, model);
	if (!inner) {
		json_object_set_new(o, model, json_object());
		inner = json_object_get(o, model);
	}
	return inner;
}

static int put(struct inject_words *w, const char *part, const char *model, const char *name,
	       const char *value, const char *label, struct error *err)
{
	json_t *o = part_object(w, part, model);
	const char *old = json_string_value(json_object_get(o, name));

	if (old)
		return err__set(err, -EINVAL, "%s: the %s of `%s` is `%s` already", label, name,
				model ? model : part, old);
	/* a truth value is one only without quotes */
	if (!o ||
	    json_object_set_new(o, name, strcmp(value, "true") ? json_string(value) : json_true()))
		return err__set(err, -EINVAL, "%s: `%.64s` is no UTF-8 text", label, value);
	set_label(w, model ? model : part, name, label);
	return 0;
}

/* 1 - @text, also of A..B. What is no probability stays as it is, and is refused as that. */
static char *complement(const char *text)
{
	const char *dots = strstr(text, "..");
	_cleanup_free_ char *first = dots ? strndup(text, (size_t)(dots - text)) : strdup(text);
	double a = 0, b = 0;
	char *out = NULL;

	if (!first)
		return NULL;
	if (units__probability(first, &a) || (dots && units__probability(dots + 2, &b)))
		return strdup(text);
	if ((dots ? asprintf(&out, "%.12f..%.12f", 1 - a, 1 - b) : asprintf(&out, "%.12f", 1 - a)) <
	    0)
		return NULL;
	return out;
}

static int put_complement(struct inject_words *w, const char *model, const char *name,
			  const char *value, const char *label, struct error *err)
{
	_cleanup_free_ char *text = complement(value);

	if (!text)
		return err__set(err, -ENOMEM, "out of memory");
	return put(w, "loss", model, name, text, label, err);
}

/* --- words ----------------------------------------------------------------------------------------- */

static const struct inject_part *find(const struct inject_part *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(v[i].name, name))
			return &v[i];
	}
	return NULL;
}

static int no_fault(const char *word, struct error *err)
{
	const char *names[ARRAY_SIZE(parts)], *near;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		names[i] = parts[i].name;
	near = nearest__word(word, names, ARRAY_SIZE(names));
	if (near)
		return err__set(err, -EINVAL, "no fault `%.64s`; did you mean `%s`?", word, near);
	return err__set(err, -EINVAL,
			"no fault `%.64s`; expected partition, loss, delay, reorder, duplicate, "
			"corrupt, rate, reset, reject, mtu or ecn",
			word);
}

static int one_value(struct inject_words *w, const char *word, struct error *err)
{
	const struct inject_part *p =
		w->model ? find(models, ARRAY_SIZE(models), w->model) : w->part;
	const char *name = w->n_values < VALUES_MAX ? p->values[w->n_values] : NULL;
	char label[64];
	int r;

	if (!name)
		return err__set(err, -EINVAL, "`%.64s` is one value too many; expected %s%s%s%s%s",
				word, w->part->name, w->model ? " " : "", w->model ? w->model : "",
				*p->usage ? " " : "", p->usage);
	snprintf(label, sizeof(label), "%s%s%s", w->part->name, w->model ? " " : "",
		 w->model ? w->model : "");
	if (w->model && (!strcmp(name, "h") || !strcmp(name, "k")))
		r = put_complement(w, w->model, name, word, label, err);
	else
		r = put(w, w->part->name, w->model, name, word, label, err);
	w->n_values++;
	return r;
}

/* Whether @word goes on with the fault that came last: its keywords and models. */
static bool inner_word(struct inject_words *w, const char *word)
{
	for (size_t i = 0; w->part && i < ARRAY_SIZE(keywords); i++) {
		if (strcmp(w->part->name, keywords[i].part) || strcmp(word, keywords[i].word))
			continue;
		w->keyword = keywords[i].word;
		return true;
	}
	if (!w->part || strcmp(w->part->name, "loss") || w->n_values || w->model)
		return false;
	if (!strcmp(word, "random"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (strcmp(word, models[i].name))
			continue;
		w->model = models[i].name;
		part_object(w, "loss", w->model);
		json_object_set_new(w->labels, w->model, json_string("loss"));
		return true;
	}
	return false;
}

/* netem's default of the second value: p alone is Bernoulli's model, r = 1 - p. */
static int finish_model(struct inject_words *w, struct error *err)
{
	json_t *o = w->model ? part_object(w, "loss", w->model) : NULL;
	const char *first = w->model && !strcmp(w->model, "state") ? "p13" : "p";
	const char *second = w->model && !strcmp(w->model, "state") ? "p31" : "r";
	const char *value = json_string_value(json_object_get(o, first));
	char label[64];

	if (!value || json_object_get(o, second))
		return 0;
	snprintf(label, sizeof(label), "loss %s", w->model);
	return put_complement(w, w->model, second, value, label, err);
}

static const struct param *param_of(const char *part, int key)
{
	for (size_t i = 0; i < ARRAY_SIZE(params); i++) {
		if (params[i].key == key && !strcmp(params[i].of, part))
			return &params[i];
	}
	return NULL;
}

static int put_param(struct inject_words *w, const struct param *p, const char *value,
		     struct error *err)
{
	return put(w, p->part, NULL, p->name, p->fixed ? p->fixed : value, p->flag, err);
}

static int begin_part(struct inject_words *w, const struct inject_part *part, struct error *err)
{
	size_t kept = 0;
	int r = finish_model(w, err);

	if (!r && w->keyword)
		r = err__set(err, -EINVAL, "`%s` needs a value", w->keyword);
	if (r)
		return r;
	if (w->named & 1U << (part - parts))
		return err__set(err, -EINVAL, "`%s` twice; expected it once", part->name);
	w->named |= 1U << (part - parts);
	w->part = part;
	w->model = NULL;
	w->n_values = 0;
	part_object(w, part->name, NULL);
	for (size_t i = 0; i < w->n_early && !r; i++) {
		const struct param *p = param_of(part->name, w->early[i].key);

		if (p)
			r = put_param(w, p, w->early[i].value, err);
		else
			w->early[kept++] = w->early[i];
	}
	w->n_early = kept;
	return r;
}

int inject_words__word(struct inject_words *w, const char *word, struct error *err)
{
	const struct inject_part *part = find(parts, ARRAY_SIZE(parts), word);
	const char *keyword = w->keyword;

	if (part)
		return begin_part(w, part, err);
	if (keyword) {
		w->keyword = NULL;
		return put(w, w->part->name, NULL, keyword, word, keyword, err);
	}
	if (inner_word(w, word))
		return 0;
	/* values begin with a digit */
	if (!w->part || !strchr("0123456789.", *word))
		return no_fault(word, err);
	return one_value(w, word, err);
}

int inject_words__flag(struct inject_words *w, int key, const char *value, struct error *err)
{
	const struct param *p = w->part ? param_of(w->part->name, key) : NULL;
	const char *name;
	json_t *o;

	/* the last one that has it: parts stand in the order of the command line */
	if (!p) {
		json_object_foreach(w->parts, name, o) {
			const struct param *q = param_of(name, key);

			p = q ? q : p;
		}
	}
	if (p)
		return put_param(w, p, value, err);
	if (w->n_early == INJECT_FLAGS_MAX)
		return err__set(err, -EINVAL,
				"too many flags before the fault that they belong to");
	w->early[w->n_early].key = key;
	w->early[w->n_early++].value = value;
	return 0;
}

int inject_words__end(struct inject_words *w, struct error *err)
{
	const char *flag = NULL;
	char of[128] = "";
	int r = finish_model(w, err);

	if (r)
		return r;
	if (w->keyword)
		return err__set(err, -EINVAL, "`%s` needs a value", w->keyword);
	if (!w->part)
		return err__set(err, -EINVAL,
				"which fault? partition, loss, delay, reorder, duplicate, corrupt, "
				"rate, reset, reject, mtu or ecn");
	for (size_t i = 0; w->n_early && i < ARRAY_SIZE(params); i++) {
		if (params[i].key != w->early[0].key)
			continue;
		snprintf(of + strlen(of), sizeof(of) - strlen(of), "%s%s", flag ? " or " : "",
			 params[i].of);
		flag = params[i].flag;
	}
	if (flag)
		return err__set(err, -EINVAL, "%s goes with %s", flag, of);
	if (json_object_get(w->parts, "partition") && json_object_size(w->parts) > 1)
		return err__set(err, -EINVAL,
				"a partition leaves nothing for another fault; expected it alone");
	return 0;
}
