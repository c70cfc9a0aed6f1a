// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanes_bins.c: operations, latencies and traffic in bins.
 *
 *   ops {bin_us, checked (a workload checks what it is told), nodes [{node, acked, failed, unknown, lost, stale, each with a _total,
 *        reads_total, lost_points, stale_points, errors}]}
 *     Bins of the instants at which operations returned. acked, failed, unknown: adds; lost: of the
 *     acked, those that the final read lacks; stale: reads that missed what had been acknowledged
 *     before they began. Points are [us, count], merged beyond LANES_POINTS_MAX.
 *     errors [{outcome, error, count}]: why adds were not acknowledged, most frequent first.
 *   latency {bin_us, p50_us, p99_us, max_us, service_p50_us, service_p99_us, service_max_us}
 *     Nearest rank, of what was answered in each bin, from the intended send time or (service) from
 *     the send of the first attempt; null: nothing.
 *   traffic {bin_us, nodes [{node, packets, dropped, syn, each with a _total}]}
 *     Packets both ways, SYN sent.
 */
#include "analysis/lanes_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <stdlib.h>
#include <string.h>

/* Bins of one thing; the array has n_bins. */
struct bins {
	int64_t *v, total;
};

static bool bins__init(struct bins *b, const struct lanes_axis *a)
{
	b->v = calloc(a->n_bins, sizeof(*b->v));
	return b->v;
}

static void bins__add(struct bins *b, size_t i, int64_t n)
{
	b->v[i] += n;
	b->total += n;
}

/* Sets @name and @name_total, and frees the bins. */
static void bins__take(struct bins *b, const struct lanes_axis *a, json_t *obj, const char *name)
{
	json_t *out = json_array();
	char total[32];

	for (size_t i = 0; b->v && i < a->n_bins; i++)
		json_array_append_new(out, json_integer(b->v[i]));
	snprintf(total, sizeof(total), "%s_total", name);
	json_object_set_new(obj, name, out);
	json_object_set_new(obj, total, json_integer(b->total));
	free(b->v);
	b->v = NULL;
}

/* ---- operations ---- */

/* Why operations failed. Equal strings of a history are one string. */
struct reason {
	const char *error; /* may be NULL */
	enum op_outcome outcome;
	int64_t n;
};

/* The last place counts what finds no other. */
struct reasons {
	struct reason v[LANES_ERRORS_MAX + 1];
	size_t n;
};

static void reasons__add(struct reasons *r, const struct history_op *o)
{
	size_t i = 0;

	while (i < r->n && i < LANES_ERRORS_MAX &&
	       (r->v[i].error != o->error || r->v[i].outcome != o->outcome))
		i++;
	if (i == r->n) {
		r->v[i] = (struct reason){.error = o->error, .outcome = o->outcome};
		if (i == LANES_ERRORS_MAX)
			r->v[i].error = "(other errors)";
		r->n++;
	}
	r->v[i].n++;
}

static int reason__compare(const void *x, const void *y)
{
	return -CMP(((const struct reason *)x)->n, ((const struct reason *)y)->n);
}

static json_t *reasons__json(struct reasons *r)
{
	json_t *out = json_array();

	qsort(r->v, r->n, sizeof(r->v[0]), reason__compare);
	for (size_t i = 0; i < r->n; i++)
		json_array_append_new(
			out, json_pack("{s:s, s:s?, s:I}", "outcome",
				       r->v[i].outcome == OP_FAIL ? "failed" : "unknown", "error",
				       r->v[i].error, "count", (json_int_t)r->v[i].n));
	return out;
}

enum { B_ACKED, B_FAILED, B_UNKNOWN, B_LOST, B_STALE, B_COUNT };
static const char *const bin_names[B_COUNT] = {"acked", "failed", "unknown", "lost", "stale"};

static json_t *node__ops(const struct analysis *an, const struct lanes_axis *a, int node)
{
	const struct history *h = an->h;
	static const int of_outcome[] = {
		[OP_OK] = B_ACKED, [OP_FAIL] = B_FAILED, [OP_UNKNOWN] = B_UNKNOWN};
	int64_t reads = 0;
	struct lanes_points lost = lanes_points__init(a);
	struct lanes_points stale = lanes_points__init(a);
	struct bins b[B_COUNT] = {0};
	struct reasons why = {0};
	json_t *out = json_object();
	bool ok = true;

	for (int i = 0; i < B_COUNT; i++)
		ok &= bins__init(&b[i], a);
	for (size_t i = 0; ok && i < h->n_ops; i++) {
		const struct history_op *o = &h->ops[i];
		size_t bin = axis__bin(a, o->return_ns);

		if (o->node != node)
			continue;
		if (o->kind != OP_READ)
			bins__add(&b[of_outcome[o->outcome]], bin, 1);
		else
			reads++;
		if (o->kind != OP_READ && o->outcome != OP_OK)
			reasons__add(&why, o);
		if (an->writes.op_lost[i]) {
			bins__add(&b[B_LOST], bin, 1);
			lanes_points__add(&lost, o->return_ns, 1);
		}
		if (an->writes.op_stale[i]) {
			bins__add(&b[B_STALE], bin, 1);
			lanes_points__add(&stale, o->return_ns, 1);
		}
	}
	json_object_set_new(out, "node", json_string(history__node(h, node)));
	for (int i = 0; i < B_COUNT; i++)
		bins__take(&b[i], a, out, bin_names[i]);
	json_object_set_new(out, "errors", reasons__json(&why));
	json_object_set_new(out, "reads_total", json_integer(reads));
	json_object_set_new(out, "lost_points", lanes_points__take(&lost));
	json_object_set_new(out, "stale_points", lanes_points__take(&stale));
	return out;
}

static bool node__works(const struct history *h, int node)
{
	for (size_t w = 0; w < h->n_workloads; w++)
		for (size_t i = 0; i < h->workloads[w].nodes.n; i++)
			if (h->workloads[w].nodes.v[i] == node)
				return true;
	return false;
}

json_t *lanes__ops(const struct analysis *an, const struct lanes_axis *a)
{
	const struct history *h = an->h;
	json_t *nodes = json_array();
	bool checked = false;

	for (size_t n = 0; n < h->nodes.n; n++)
		if (node__works(h, (int)n))
			json_array_append_new(nodes, node__ops(an, a, (int)n));
	for (size_t w = 0; w < h->n_workloads; w++)
		checked |= strcmp(h->workloads[w].check, "none") != 0;
	return json_pack("{s:o, s:b, s:o}", "bin_us", lanes__us(a->bin_ns), "checked", checked,
			 "nodes", nodes);
}

/* ---- latency ---- */

static int latency__compare(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return a < b ? -1 : a > b;
}

/* Nearest rank of quantile @pct in n > 0 sorted values. */
static int64_t rank(const int64_t *v, size_t n, unsigned int pct)
{
	return v[(n * pct + 99) / 100 - 1];
}

/* The latencies of what was answered in one bin, from two beginnings. */
struct latencies {
	int64_t *v[2]; /* intended, service */
	size_t n[2];
};

static void latencies__add(struct latencies *l, const struct history_op *o)
{
	if (o->outcome != OP_OK)
		return;
	l->v[0][l->n[0]++] = o->return_ns - o->intended_ns;
	if (o->invoke_ns != HISTORY_NONE)
		l->v[1][l->n[1]++] = o->return_ns - o->invoke_ns;
}

static void latencies__flush(struct latencies *l, json_t *const *arrays)
{
	for (int k = 0; k < 2; k++) {
		const int64_t *v = l->v[k];
		size_t n = l->n[k];

		qsort(l->v[k], n, sizeof(*v), latency__compare);
		json_array_append_new(arrays[3 * k], n ? lanes__us(rank(v, n, 50)) : json_null());
		json_array_append_new(arrays[3 * k + 1],
				      n ? lanes__us(rank(v, n, 99)) : json_null());
		json_array_append_new(arrays[3 * k + 2], n ? lanes__us(v[n - 1]) : json_null());
		l->n[k] = 0;
	}
}

json_t *lanes__latency(const struct history *h, const struct lanes_axis *a)
{
	static const char *const names[6] = {"p50_us",	       "p99_us",	 "max_us",
					     "service_p50_us", "service_p99_us", "service_max_us"};
	_cleanup_free_ int64_t *one = malloc((h->n_ops + 1) * sizeof(*one));
	_cleanup_free_ int64_t *two = malloc((h->n_ops + 1) * sizeof(*two));
	struct latencies l = {.v = {one, two}};
	json_t *out = json_object(), *arrays[6];
	size_t i = 0;

	json_object_set_new(out, "bin_us", lanes__us(a->bin_ns));
	for (int k = 0; k < 6; k++) {
		arrays[k] = json_array();
		json_object_set_new(out, names[k], arrays[k]);
	}
	/* ops come in the order of their return: those of a bin stand together */
	for (size_t bin = 0; one && two && bin < a->n_bins; bin++) {
		for (; i < h->n_ops && axis__bin(a, h->ops[i].return_ns) == bin; i++)
			latencies__add(&l, &h->ops[i]);
		latencies__flush(&l, arrays);
	}
	return out;
}

/* ---- traffic ---- */

json_t *lanes__traffic(const struct history *h, const struct lanes_axis *a)
{
	json_t *nodes = json_array();
	size_t i = 0;

	while (i < h->n_traffic) {
		struct bins packets = {0}, dropped = {0}, syn = {0};
		int node = h->traffic[i].node;
		json_t *out = json_object();
		bool ok = bins__init(&packets, a);

		ok &= bins__init(&dropped, a);
		ok &= bins__init(&syn, a);
		for (; i < h->n_traffic && h->traffic[i].node == node; i++) {
			const struct history_traffic *t = &h->traffic[i];
			/* its middle: the sampler may wake a little late */
			size_t bin = axis__bin(a, t->t_ns - t->bin_ns / 2);

			if (!ok || t->t_ns <= a->from_ns)
				continue;
			bins__add(&packets, bin, t->rx_packets + t->tx_packets);
			bins__add(&dropped, bin, t->dropped);
			bins__add(&syn, bin, t->tx_syn);
		}
		json_object_set_new(out, "node", json_string(history__node(h, node)));
		bins__take(&packets, a, out, "packets");
		bins__take(&dropped, a, out, "dropped");
		bins__take(&syn, a, out, "syn");
		json_array_append_new(nodes, out);
	}
	return json_pack("{s:o, s:o}", "bin_us", lanes__us(a->bin_ns), "nodes", nodes);
}
