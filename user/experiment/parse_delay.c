// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <string.h>

/*
 * The horizon: what the delay mechanisms hold a packet for at most. Memory for what is on its way
 * grows with it, and a packet later than this finds nobody who still waits for it.
 */
#define HORIZON_NS (60 * NS_PER_S)
/* Jitters beside the latency in which nearly all packets are: of a normal one, all but 3 in 100,000. */
#define JITTERS 4

/* --- delay ---------------------------------------------------------------------------------------- */

static void delay_distribution(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"uniform", "normal", "pareto", "paretonormal", "table"};
	int i = reader__word(r, n, "distribution", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct delay *)obj)->distribution = DISTRIBUTION_UNIFORM + (unsigned int)i;
}

static void delay_order(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"free", "keep"};
	int i = reader__word(r, n, "order", words, ARRAY_SIZE(words));

	if (i >= 0)
		((struct delay *)obj)->in_order = i == 1;
}

static const struct option delay_options[] = {
	FIELD("latency", SPAN, delay, latency_ns, .required = true, .hi = HORIZON_NS),
	FIELD("jitter", SPAN, delay, jitter_ns, .hi = HORIZON_NS),
	FIELD("correlation", FRACTION, delay, correlation),
	OPTION("distribution", CUSTOM, .parse = delay_distribution),
	FIELD("table", STRING, delay, table_file),
	OPTION("order", CUSTOM, .parse = delay_order),
};

/* The distribution and its file; @n is a mapping. */
static void check_distribution(struct reader *r, const struct yaml_node *n, struct delay *d)
{
	static const char *const of_jitter[] = {"correlation", "distribution", "table"};
	const struct yaml_node *distribution = yaml__get(n, "distribution");
	const struct yaml_node *table = yaml__get(n, "table");

	for (size_t i = 0; !yaml__get(n, "jitter") && i < ARRAY_SIZE(of_jitter); i++) {
		const struct yaml_node *extra = yaml__get(n, of_jitter[i]);

		if (extra) {
			reader__fault(r, extra->pos, "`%s` of what? expected a `jitter` too",
				      of_jitter[i]);
			return;
		}
	}
	if (table && !distribution)
		d->distribution = DISTRIBUTION_TABLE;
	if (table && d->distribution != DISTRIBUTION_TABLE)
		reader__fault(r, table->pos,
			      "`table` beside distribution `%s`; expected distribution `table`",
			      distribution->text);
	if (!table && d->distribution == DISTRIBUTION_TABLE)
		reader__fault(r, distribution->pos,
			      "distribution `table` needs `table`: a file in netem's .dist format");
}

/* @n is a mapping, or the latency alone. */
static void check_spans(struct reader *r, const struct yaml_node *n, const struct delay *d)
{
	const struct yaml_node *jitter = yaml__get(n, "jitter");
	const double latency[] = {d->latency_ns.from, d->latency_ns.to};
	const double jitters[] = {d->jitter_ns.from, d->jitter_ns.to};
	char a[32], b[32], c[32];
	bool some = false;

	for (size_t i = 0; i < 2; i++) {
		some |= latency[i] > 0 || jitters[i] > 0;
		if (latency[i] + JITTERS * jitters[i] > (double)HORIZON_NS) {
			reader__fault(r, jitter ? jitter->pos : n->pos,
				      "latency %s and %d times jitter %s are more than %s, which "
				      "is how long a packet is held at most",
				      units__format_duration((int64_t)latency[i], a, sizeof(a)),
				      JITTERS,
				      units__format_duration((int64_t)jitters[i], b, sizeof(b)),
				      units__format_duration(HORIZON_NS, c, sizeof(c)));
			return;
		}
		if (d->in_order && jitters[i] > latency[i]) {
			reader__fault(r, jitter->pos,
				      "jitter %s above latency %s with `order: keep`: a packet "
				      "cannot leave before it came; expected at most the latency, "
				      "or `order: free`",
				      units__format_duration((int64_t)jitters[i], a, sizeof(a)),
				      units__format_duration((int64_t)latency[i], b, sizeof(b)));
			return;
		}
	}
	if (!some)
		reader__fault(r, n->pos, "a delay of 0; expected a latency or a jitter above 0");
}

void parse_delay(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;
	size_t findings = r->n_findings + r->n_dropped;

	f->parts |= FAULT_DELAY;
	f->delay.pos = n->pos;
	if (!reader__short(r, n, "a delay", delay_options, ARRAY_SIZE(delay_options), &f->delay) ||
	    r->n_findings + r->n_dropped != findings)
		return;
	if (n->kind == YAML_MAPPING)
		check_distribution(r, n, &f->delay);
	check_spans(r, n, &f->delay);
}

/* --- reorder -------------------------------------------------------------------------------------- */

static const struct option reorder_options[] = {
	FIELD("probability", PROBABILITY, reorder, chance.p, .required = true),
	FIELD("correlation", FRACTION, reorder, chance.correlation),
	FIELD("gap", UINT, reorder, gap, .lo = 1, .hi = UINT32_MAX),
};

void parse_reorder(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_REORDER;
	f->reorder.pos = n->pos;
	reader__short(r, n, "a reordering", reorder_options, ARRAY_SIZE(reorder_options),
		      &f->reorder);
}
