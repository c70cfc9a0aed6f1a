// SPDX-License-Identifier: GPL-2.0-only
/* compare.c: the numbers of two sides of runs beside each other, and what is called of each. */
#include "analysis/compare.h"
#include "analysis/expect_schema.h"
#include "analysis/internal.h"
#include "lib/cleanup.h"

#include <math.h>
#include <string.h>

#define ALPHA 0.05

/* ---- which way is better ---- */

enum better { NEITHER, LOWER, HIGHER };

static enum better better(const char *path)
{
	static const struct {
		const char *begins, *ends;
		enum better better;
	} table[] = {
		{"writes.acked", "", HIGHER},
		{"writes.failed", "", LOWER},
		{"writes.unknown", "", LOWER},
		{"writes.lost_window", "", NEITHER},
		{"writes.lost", "", LOWER},
		{"writes.unexpected", "", LOWER},
		{"writes.diverged", "", LOWER},
		{"reads.ok", "", HIGHER},
		{"reads.", "", LOWER},
		{"split_brain.", "claims", NEITHER},
		{"split_brain.", "", LOWER},
		{"checks[", ".violations", LOWER},
		{"availability.", "", LOWER},
		{"recovery.time_s", "", LOWER},
		{"recovery.goodput", "", HIGHER},
		{"latency.", "", LOWER},
		{"herd.", "baseline_per_s", NEITHER},
		{"herd.", "synchrony_period_s", NEITHER},
		{"herd.", "", LOWER},
		{"recorder.lost_events", "", LOWER},
		{"recorder.probe_gaps", "", LOWER},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strncmp(path, table[i].begins, strlen(table[i].begins)) &&
		    strstr(path, table[i].ends))
			return table[i].better;
	return NEITHER;
}

/* ---- the numbers of a summary, by path ---- */

static bool is_compared(const struct expect_schema *s)
{
	/* no measure, an instant, or part of what is compared as a whole */
	return expect_schema__kind(s) != KIND_WORD && !strchr(s->path, '#') &&
	       !strstr(s->path, "_at_s") && strcmp(s->path, "seed") != 0 &&
	       strcmp(s->path, "traffic.services[service].port") != 0 &&
	       strcmp(s->path, "recorder.events") != 0;
}

static double number(const json_t *v)
{
	const char *level = json_string_value(v);

	if (json_is_boolean(v))
		return json_is_true(v);
	if (level)
		return *level == 'L' ? level[1] - '0' : NAN;
	return json_is_number(v) ? json_number_value(v) : NAN;
}

/* One path of the union of all runs. */
struct row {
	char *path;
	const struct expect_schema *schema;
	double *v; /* by run, before then after; NAN: not measured */
};

struct rows {
	struct row *v;
	size_t n, cap, runs;
	json_t *index; /* path -> position */
	bool failed;
};

static void cleanup_rows(struct rows *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		free(r->v[i].v);
	}
	free(r->v);
	json_decref(r->index);
}

static struct row *row_of(struct rows *r, const char *path, const struct expect_schema *s)
{
	const json_t *at = json_object_get(r->index, path);
	struct row *v = r->v, x = {.schema = s};

	if (at)
		return &r->v[json_integer_value(at)];
	if (r->n == r->cap) {
		v = reallocarray(r->v, r->cap ? 2 * r->cap : 64, sizeof(*v));
		if (!v)
			return NULL;
		r->cap = r->cap ? 2 * r->cap : 64;
		r->v = v;
	}
	x.path = strdup(path);
	x.v = calloc(r->runs, sizeof(*x.v));
	for (size_t i = 0; x.v && i < r->runs; i++)
		x.v[i] = NAN;
	v[r->n] = x;
	if (!x.path || !x.v ||
	    json_object_set_new(r->index, path, json_integer((json_int_t)r->n)) < 0) {
		free(x.path);
		free(x.v);
		return NULL;
	}
	return &v[r->n++];
}

static void walk(struct rows *r, size_t run, const struct expect_schema *s,
		 const struct expect_step *steps, size_t n, const json_t *v, const char *path);

/* The element @x of the array or object that the step names, called @index. */
static void walk_into(struct rows *r, size_t run, const struct expect_schema *s,
		      const struct expect_step *steps, size_t n, const json_t *x, const char *path,
		      const char *index, const char *other)
{
	struct text t = {0};
	_cleanup_free_ char *sub = NULL;

	text__add(&t, other ? "%s[%s>%s]" : "%s[%s]", path, index, other);
	sub = text__take(&t);
	if (sub)
		walk(r, run, s, steps + 1, n - 1, x, sub);
	r->failed |= !sub;
}

static void walk_elements(struct rows *r, size_t run, const struct expect_schema *s,
			  const struct expect_step *steps, size_t n, const json_t *v,
			  const char *path)
{
	const char *to = strchr(steps->key, '>');
	size_t len = to ? (size_t)(to - steps->key) : strlen(steps->key), i;
	const json_t *x;

	json_array_foreach(v, i, x) {
		const char *name = json_string_value(json_object_getn(x, steps->key, len));
		const char *other = to ? json_string_value(json_object_get(x, to + 1)) : NULL;

		if (name && (!to || other))
			walk_into(r, run, s, steps, n, x, path, name, other);
	}
}

static void walk(struct rows *r, size_t run, const struct expect_schema *s,
		 const struct expect_step *steps, size_t n, const json_t *v, const char *path)
{
	struct row *row;

	if (n) {
		struct text t = {0};
		_cleanup_free_ char *sub = NULL;
		const char *key;
		json_t *x;

		text__add(&t, "%s%s%s", path, *path ? "." : "", steps->name);
		sub = text__take(&t);
		r->failed |= !sub;
		v = json_object_get(v, steps->name);
		if (!sub || !v)
			return;
		if (steps->mark == '[')
			walk_elements(r, run, s, steps, n, v, sub);
		else if (steps->mark == '{')
			json_object_foreach((json_t *)v, key, x)
				walk_into(r, run, s, steps, n, x, sub, key, NULL);
		else
			walk(r, run, s, steps + 1, n - 1, v, sub);
		return;
	}
	row = row_of(r, path, s);
	if (row)
		row->v[run] = number(v);
	r->failed |= !row;
}

static void read_summary(struct rows *r, size_t run, const json_t *summary)
{
	for (size_t i = 0; i < n_expect_schemas; i++) {
		struct expect_step steps[EXPECT_STEPS];

		if (is_compared(&expect_schemas[i]))
			walk(r, run, &expect_schemas[i], steps,
			     expect_schema__steps(&expect_schemas[i], steps), summary, "");
	}
}

/* ---- what is called ---- */

struct called {
	double before, after; /* medians of what was measured; NAN: nothing */
	double noise, p;      /* NAN: not known */
	const char *call;
	char reason[160];
};

static int by_value(const void *a, const void *b)
{
	return CMP(*(const double *)a, *(const double *)b);
}

/* What of @v was measured into @ret, in order. */
static size_t measured(const double *v, size_t n, double *ret)
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]))
			ret[m++] = v[i];
	qsort(ret, m, sizeof(*ret), by_value);
	return m;
}

static double median(const double *v, size_t n)
{
	return !n ? NAN : n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static const char *direction(const char *path, double change)
{
	switch (better(path)) {
	case LOWER:
		return change > 0 ? "regression" : "improvement";
	case HIGHER:
		return change < 0 ? "regression" : "improvement";
	case NEITHER:
		break;
	}
	return "changed";
}

static double ways(size_t n, size_t m)
{
	double c = 1;

	for (size_t i = 1; i <= m; i++)
		c = c * (double)(n + i) / (double)i;
	return c;
}

static void call_several(const struct row *row, const double *a, size_t n, const double *b,
			 size_t m, struct called *c)
{
	/* the least that two sides can have: all of one below all of the other, either way */
	double least = fmin(1, 2 / ways(n, m)), change = c->after - c->before;

	c->p = compare__rank_test(a, n, b, m);
	c->noise = fmax(a[n - 1] - a[0], b[m - 1] - b[0]);
	if (least > ALPHA) {
		c->call = "unknown";
		snprintf(c->reason, sizeof(c->reason),
			 "%zu and %zu runs cannot tell: p is %.2g at the least; 4 and 4 can", n, m,
			 least);
		return;
	}
	c->call = c->p <= ALPHA && fabs(change) > c->noise ? direction(row->path, change) : "noise";
}

static void call_one(const struct row *row, const struct history *a, const struct history *b,
		     struct called *c)
{
	double noise = compare__noise_within(a, b, row->path), change = c->after - c->before;

	c->call = "unknown";
	if (noise < 0) {
		snprintf(c->reason, sizeof(c->reason), "one run each says nothing of noise");
		return;
	}
	c->noise = noise;
	c->call = fabs(change) > noise ? direction(row->path, change) : "noise";
}

static struct called call(const struct row *row, const struct compare_side *before,
			  const struct compare_side *after)
{
	double a[COMPARE_RUNS_MAX], b[COMPARE_RUNS_MAX];
	size_t n = measured(row->v, before->n, a), m = measured(row->v + before->n, after->n, b);
	struct called c = {.before = median(a, n), .after = median(b, m), .noise = NAN, .p = NAN};

	c.call = "unknown";
	/* measured nowhere, or the same everywhere */
	if ((!n && !m) || (n == before->n && m == after->n && a[0] == a[n - 1] &&
			   b[0] == b[m - 1] && a[0] == b[0])) {
		c.call = "equal";
	} else if (n < before->n || m < after->n) {
		snprintf(c.reason, sizeof(c.reason),
			 "measured in %zu of %zu runs before, in %zu of %zu after", n, before->n, m,
			 after->n);
	} else if (n == 1 && m == 1) {
		call_one(row, before->h[0], after->h[0], &c);
	} else {
		call_several(row, a, n, b, m, &c);
	}
	return c;
}

/* ---- as JSON ---- */

static json_t *real(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *reals(const double *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, real(v[i]));
	return a;
}

static json_t *row_json(const struct row *row, const struct compare_side *before,
			const struct compare_side *after, const struct called *c)
{
	static const char *const kinds[] = {
		[KIND_COUNT] = "count", [KIND_SECONDS] = "s",	[KIND_MS] = "ms",
		[KIND_US] = "us",	[KIND_PER_S] = "per_s", [KIND_BYTES] = "bytes",
		[KIND_RATIO] = "ratio", [KIND_LEVEL] = "level", [KIND_BOOL] = "bool",
	};
	static const char *const ways_better[] = {
		[NEITHER] = NULL, [LOWER] = "lower", [HIGHER] = "higher"};

	return json_pack("{s:o,s:s,s:s?,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:s?}", "path",
			 json_words(row->path), "kind", kinds[expect_schema__kind(row->schema)],
			 "better", ways_better[better(row->path)], "before",
			 reals(row->v, before->n), "after", reals(row->v + before->n, after->n),
			 "before_median", real(c->before), "after_median", real(c->after), "change",
			 real(c->after - c->before), "noise", real(c->noise), "p", real(c->p),
			 "call", c->call, "reason", *c->reason ? c->reason : NULL);
}

static json_t *names(const struct compare_side *s)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(a, json_words(s->h[i]->name));
	return a;
}

static void warn_once(json_t *out, struct text *t)
{
	_cleanup_free_ char *words = text__take(t);
	const json_t *x;
	size_t i;

	json_array_foreach(out, i, x)
		if (!words || !strcmp(json_string_value(x), words))
			return;
	if (words && *words)
		json_array_append_new(out, json_words(words));
}

static void warn(json_t *out, const struct compare_side *a, const struct compare_side *b)
{
	const struct history *first = a->h[0];

	for (size_t i = 0; i < a->n + b->n; i++) {
		const struct history *h = i < a->n ? a->h[i] : b->h[i - a->n];
		struct text t = {0};

		if (strcmp(h->name, first->name) != 0)
			text__add(&t, "different experiments: %s and %s", first->name, h->name);
		else if (h->duration_ns != first->duration_ns)
			text__add(&t, "the runs of %s were planned to last differently long",
				  h->name);
		else if (strcmp(h->end.status, "complete") != 0)
			text__add(&t, "a run of %s did not complete: %s", h->name, h->end.status);
		warn_once(out, &t);
	}
}

json_t *compare__runs(const struct compare_side *before, const struct compare_side *after)
{
	_cleanup_(cleanup_rows) struct rows rows = {.runs = before->n + after->n,
						    .index = json_object()};
	json_t *numbers = json_array(), *warnings = json_array();
	int worse = 0, improved = 0;

	for (size_t i = 0; i < rows.runs; i++)
		read_summary(&rows, i,
			     i < before->n ? before->summary[i] : after->summary[i - before->n]);
	if (rows.failed || !rows.index) {
		json_decref(numbers);
		json_decref(warnings);
		return NULL;
	}
	for (size_t i = 0; i < rows.n; i++) {
		struct called c = call(&rows.v[i], before, after);

		worse += !strcmp(c.call, "regression");
		improved += !strcmp(c.call, "improvement");
		json_array_append_new(numbers, row_json(&rows.v[i], before, after, &c));
	}
	warn(warnings, before, after);
	return json_pack("{s:o,s:o,s:o,s:i,s:i,s:o}", "before", names(before), "after",
			 names(after), "warnings", warnings, "regressions", worse, "improvements",
			 improved, "numbers", numbers);
}
