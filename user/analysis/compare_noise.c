// SPDX-License-Identifier: GPL-2.0-only
/* compare_noise.c: how large a change chance makes; see compare.h for sources. */
#include "analysis/compare.h"
#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/rng.h"

#include <math.h>
#include <string.h>

/* ---- between runs ---- */

double compare__rank_test(const double *a, size_t n, const double *b, size_t m)
{
	double v[2 * COMPARE_RUNS_MAX], rank[2 * COMPARE_RUNS_MAX], seen = 0, middle;
	size_t all = n + m;
	uint64_t total = 0, as_far = 0;

	for (size_t i = 0; i < all; i++)
		v[i] = i < n ? a[i] : b[i - n];
	for (size_t i = 0; i < all; i++) {
		double below = 0, same = 0;

		for (size_t k = 0; k < all; k++) {
			below += v[k] < v[i];
			same += v[k] == v[i];
		}
		rank[i] = below + (same + 1) / 2;
		seen += i < n ? rank[i] : 0;
	}
	middle = (double)n * (double)(all + 1) / 2;
	/* all subsets of n among all, in the order of their bits (Gosper) */
	for (uint32_t set = (1U << n) - 1; set && set < 1U << all;) {
		uint32_t low = set & -set, up = set + low;
		double sum = 0;

		for (size_t i = 0; i < all; i++)
			sum += set >> i & 1 ? rank[i] : 0;
		total++;
		as_far += fabs(sum - middle) >= fabs(seen - middle) - 1e-9;
		set = ((up ^ set) >> 2) / low | up;
	}
	return total ? (double)as_far / (double)total : 1;
}

/* ---- within a run ---- */

#define DRAWS 400
#define WITHIN 0.99
#define BLOCKS_MAX 100
#define BLOCK_NS NS_PER_S
#define STRATA 3
/* Latencies in classes 2 % wide, from 1 us to 20 minutes. */
#define CLASSES 1060
#define CLASS_WIDTH 1.02

enum stat { STAT_INTENDED, STAT_SERVICE, STAT_COUNT };

struct what {
	enum stat stat;
	double quantile;
	enum op_kind kind;
	enum op_outcome outcome;
	int only; /* the stratum that counts, or -1 */
	bool per_s;
};

static bool find(const char *path, struct what *ret)
{
	static const struct {
		const char *path;
		struct what what;
	} table[] = {
		{"latency.intended_ms.p50", {STAT_INTENDED, 0.5, 0, OP_OK, -1, false}},
		{"latency.intended_ms.p90", {STAT_INTENDED, 0.9, 0, OP_OK, -1, false}},
		{"latency.intended_ms.p99", {STAT_INTENDED, 0.99, 0, OP_OK, -1, false}},
		{"latency.intended_ms.p999", {STAT_INTENDED, 0.999, 0, OP_OK, -1, false}},
		{"latency.service_ms.p50", {STAT_SERVICE, 0.5, 0, OP_OK, -1, false}},
		{"latency.service_ms.p90", {STAT_SERVICE, 0.9, 0, OP_OK, -1, false}},
		{"latency.service_ms.p99", {STAT_SERVICE, 0.99, 0, OP_OK, -1, false}},
		{"latency.service_ms.p999", {STAT_SERVICE, 0.999, 0, OP_OK, -1, false}},
		{"writes.acked", {STAT_COUNT, 0, OP_ADD, OP_OK, -1, false}},
		{"writes.failed", {STAT_COUNT, 0, OP_ADD, OP_FAIL, -1, false}},
		{"writes.unknown", {STAT_COUNT, 0, OP_ADD, OP_UNKNOWN, -1, false}},
		{"reads.ok", {STAT_COUNT, 0, OP_READ, OP_OK, -1, false}},
		{"recovery.goodput_baseline_per_s", {STAT_COUNT, 0, OP_ADD, OP_OK, 0, true}},
		{"recovery.goodput_after_per_s", {STAT_COUNT, 0, OP_ADD, OP_OK, 2, true}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (!strcmp(path, table[i].path)) {
			*ret = table[i].what;
			return true;
		}
	return false;
}

/* A run in blocks of time, those of a stratum together. */
struct blocks {
	int64_t start_ns[STRATA], end_ns[STRATA], width_ns;
	size_t first[STRATA], n[STRATA], all;
	size_t lo, hi;	   /* the classes that occur: [lo, hi] */
	uint32_t *count;   /* by block */
	uint32_t *classes; /* by block, then class; NULL for STAT_COUNT */
};

static void cleanup_blocks(struct blocks *b)
{
	free(b->count);
	free(b->classes);
}

static void lay_out(const struct timing *t, const struct what *w, struct blocks *b)
{
	int64_t first = t->first_fault_ns, clear = t->last_clear_ns;
	int64_t tail;

	first = first == HISTORY_NONE || first > t->end_ns ? t->end_ns : first > 0 ? first : 0;
	clear = clear == HISTORY_NONE || clear > t->end_ns ? t->end_ns : clear;
	clear = clear < first ? first : clear;
	/* what is "after" is the last fifth of the recovery: goodput.c */
	tail = w->per_s && w->only == 2 ? t->end_ns - (t->end_ns - clear) / 5 : clear;
	b->width_ns = t->end_ns / BLOCKS_MAX > BLOCK_NS ? t->end_ns / BLOCKS_MAX : BLOCK_NS;
	/* the last fifth is short: blocks half as long leave enough to draw from */
	if (tail != clear)
		b->width_ns /= 2;
	b->end_ns[0] = b->start_ns[1] = first;
	b->end_ns[1] = clear;
	b->start_ns[2] = tail;
	b->end_ns[2] = t->end_ns;
	for (size_t s = 0; s < STRATA; s++) {
		b->first[s] = b->all;
		if (w->only < 0 || w->only == (int)s)
			b->n[s] = (size_t)((b->end_ns[s] - b->start_ns[s] + b->width_ns - 1) /
					   b->width_ns);
		b->all += b->n[s];
	}
}

static bool place(const struct blocks *b, int64_t t, size_t *ret)
{
	for (size_t s = 0; s < STRATA; s++)
		if (b->n[s] && t >= b->start_ns[s] && t < b->end_ns[s]) {
			*ret = b->first[s] + (size_t)((t - b->start_ns[s]) / b->width_ns);
			return true;
		}
	return false;
}

static size_t class_of(int64_t ns)
{
	double c = ns > NS_PER_US ? log((double)ns / NS_PER_US) / log(CLASS_WIDTH) : 0;

	return c < CLASSES - 1 ? (size_t)c : CLASSES - 1;
}

static void put(struct blocks *b, size_t at, size_t c)
{
	b->classes[at * CLASSES + c]++;
	b->lo = c < b->lo ? c : b->lo;
	b->hi = c > b->hi ? c : b->hi;
}

/* False: no memory, or nothing to draw from. */
static bool fill(const struct history *h, const struct what *w, struct blocks *b)
{
	struct timing t = {0};
	size_t at;
	bool ok = timing__make(h, &t) == 0;

	if (ok)
		lay_out(&t, w, b);
	timing__free(&t);
	if (!ok || b->all < 5)
		return false;
	b->lo = CLASSES - 1;
	b->count = calloc(b->all, sizeof(*b->count));
	if (w->stat != STAT_COUNT)
		b->classes = calloc(b->all * CLASSES, sizeof(*b->classes));
	if (!b->count || (w->stat != STAT_COUNT && !b->classes))
		return false;
	for (size_t i = 0; i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		int64_t since = w->stat == STAT_INTENDED ? o->intended_ns : o->invoke_ns;

		if (o->outcome != w->outcome || (w->stat == STAT_COUNT && o->kind != w->kind) ||
		    !place(b, o->return_ns, &at))
			continue;
		b->count[at]++;
		if (b->classes && since != HISTORY_NONE)
			put(b, at, class_of(o->return_ns - since));
	}
	return true;
}

static double draw(const struct blocks *b, const struct what *w, struct rng *rng)
{
	uint64_t sums[CLASSES] = {0}, n = 0, below = 0;
	int64_t length = 0;
	size_t c = 0;

	for (size_t s = 0; s < STRATA; s++) {
		length += b->n[s] ? b->end_ns[s] - b->start_ns[s] : 0;
		for (size_t i = 0; i < b->n[s]; i++) {
			size_t at = b->first[s] + (size_t)rng__below(rng, b->n[s]);

			n += b->count[at];
			for (size_t k = b->lo; b->classes && k <= b->hi; k++)
				sums[k] += b->classes[at * CLASSES + k];
		}
	}
	if (w->stat == STAT_COUNT)
		return w->per_s ? (double)n * NS_PER_S / (double)length : (double)n;
	while (c + 1 < CLASSES && (double)(below + sums[c]) < w->quantile * (double)n)
		below += sums[c++];
	return pow(CLASS_WIDTH, (double)c + 0.5) * NS_PER_US / NS_PER_MS;
}

static double one_op(const struct blocks *b, const struct what *w)
{
	int64_t length = 0;

	for (size_t s = 0; s < STRATA; s++)
		length += b->n[s] ? b->end_ns[s] - b->start_ns[s] : 0;
	return w->per_s ? (double)NS_PER_S / (double)length : 1;
}

static int by_value(const void *a, const void *b)
{
	return CMP(*(const double *)a, *(const double *)b);
}

double compare__noise_within(const struct history *a, const struct history *b, const char *path)
{
	_cleanup_(cleanup_blocks) struct blocks x = {0}, y = {0};
	struct rng rng = rng__fork(1, 0); /* always the same draws: a report can be made again */
	double d[DRAWS], mean = 0;
	struct what w;

	if (!find(path, &w) || !fill(a, &w, &x) || !fill(b, &w, &y))
		return -1;
	for (size_t i = 0; i < DRAWS; i++) {
		d[i] = draw(&y, &w, &rng) - draw(&x, &w, &rng);
		mean += d[i] / DRAWS;
	}
	for (size_t i = 0; i < DRAWS; i++)
		d[i] = fabs(d[i] - mean);
	qsort(d, DRAWS, sizeof(*d), by_value);
	/* no count is surer than an operation that falls on one side of a boundary or the other */
	return fmax(d[(size_t)(WITHIN * DRAWS)], w.stat == STAT_COUNT ? one_op(&x, &w) : 0);
}
