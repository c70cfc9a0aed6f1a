// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <string.h>

#define FAULTS_MAX 1000
/* schedule.h's bound on windows */
#define OCCURRENCES_MAX 100000
/* Flapping faster than this is loss; it also bounds the number of windows. */
#define FLAP_MIN_NS NS_PER_MS

/* --- when ---------------------------------------------------------------------------------------- */

static int64_t flap_max(const struct reader *r)
{
	return r->e->duration_ns ? r->e->duration_ns : INT64_MAX / 4;
}

static void flap_down(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct flap *f = obj;

	reader__duration_range(r, n, FLAP_MIN_NS, flap_max(r), &f->down_lo_ns, &f->down_hi_ns);
}

static void flap_up(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct flap *f = obj;

	reader__duration_range(r, n, FLAP_MIN_NS, flap_max(r), &f->up_lo_ns, &f->up_hi_ns);
}

static const struct option flap_options[] = {
	OPTION("down", CUSTOM, .required = true, .parse = flap_down),
	OPTION("up", CUSTOM, .required = true, .parse = flap_up),
};

static void fault_flap(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct flap *f = &((struct fault *)obj)->flap;

	f->set = reader__map(r, n, "a flap", flap_options, ARRAY_SIZE(flap_options), f) &&
		 f->down_hi_ns && f->up_hi_ns;
}

/* Checks of single times against each other and the run; @n is the fault. */
static void check_times(struct reader *r, const struct yaml_node *n, const struct fault *f)
{
	const struct yaml_node *at = yaml__get(n, "at"), *span = yaml__get(n, "for");
	const struct yaml_node *every = yaml__get(n, "every"), *times = yaml__get(n, "times");
	const struct yaml_node *flap = yaml__get(n, "flap");
	int64_t end = r->e->duration_ns;
	char a[32], b[32];

	if (every && flap)
		reader__fault(r, flap->pos,
			      "`every` and `flap` in one fault; expected one of them");
	if (r->e->until_stopped && (f->at_ns || span || every || flap))
		reader__fault(r, n->pos,
			      "in a run until it is stopped a fault is on all the time; expected `at: 0s` "
			      "and no `for`, `every` or `flap`");
	if (times && !every && !flap)
		reader__fault(r, times->pos,
			      "`times` repeats nothing; expected `every` or `flap` too");
	if (every && !span)
		reader__fault(r, every->pos, "`every` without `for`: how long is one occurrence?");
	if (!at || !end || (every && flap))
		return;
	if (f->at_ns >= end) {
		reader__fault(r, at->pos, "begins at %s, the run ends at %s",
			      units__format_duration(f->at_ns, a, sizeof(a)),
			      units__format_duration(end, b, sizeof(b)));
		return;
	}
	if (!every && f->for_ns > end - f->at_ns)
		reader__fault(r, span->pos, "ends at %s, the run ends at %s",
			      units__format_duration(f->at_ns + f->for_ns, a, sizeof(a)),
			      units__format_duration(end, b, sizeof(b)));
	if (!f->every_ns)
		return;
	if (f->every_ns < f->for_ns)
		reader__fault(r, every->pos, "occurrences overlap: every %s, each for %s",
			      units__format_duration(f->every_ns, a, sizeof(a)),
			      units__format_duration(f->for_ns, b, sizeof(b)));
	if (times && f->times && (end - f->at_ns - 1) / f->every_ns < f->times - 1)
		reader__fault(r, times->pos,
			      "only %lld of %u occurrences begin before the run's end at %s",
			      (long long)((end - f->at_ns - 1) / f->every_ns) + 1, f->times,
			      units__format_duration(end, a, sizeof(a)));
	else if (!f->times && (end - f->at_ns - 1) / f->every_ns >= OCCURRENCES_MAX)
		reader__fault(r, every->pos, "more than %d occurrences", OCCURRENCES_MAX);
}

/* --- what ---------------------------------------------------------------------------------------- */

static void fault_partition(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	f->parts |= FAULT_PARTITION;
	parse_partition(r, n, f);
}

/* --- between whom -------------------------------------------------------------------------------- */

static void fault_from(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_set(r, n, false, &((struct fault *)obj)->from);
}

static void fault_to(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct fault *f = obj;

	/* a random `to` is drawn from those who are not in `from` */
	for (size_t i = 0; n->kind == YAML_MAPPING && i < r->e->n_endpoints; i++) {
		for (size_t j = 0; j < f->from.n; j++)
			r->used[i] |= !strcmp(r->e->endpoints[i].name, f->from.names[j]);
	}
	parse_set(r, n, false, &f->to);
	memset(r->used, 0, r->e->n_endpoints * sizeof(*r->used));
}

static void fault_direction(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"to", "from", "both"};
	struct fault *f = obj;
	char found[FOUND_SIZE];

	for (unsigned int i = 0; n->kind == YAML_SCALAR && i < ARRAY_SIZE(words); i++) {
		if (!strcmp(n->text, words[i])) {
			f->direction = DIRECTION_TO + i;
			return;
		}
	}
	reader__fault(r, n->pos, "%s is no direction; expected to, from or both",
		      reader__found(n, found));
}

static void check_edges(struct reader *r, const struct yaml_node *n, const struct fault *f)
{
	static const char *const sides[] = {"from", "to", "direction"};

	if (f->parts & FAULT_PARTITION) {
		for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
			const struct yaml_node *side = yaml__get(n, sides[i]);

			if (side)
				reader__fault(r, side->pos,
					      "`%s` beside a partition, which names its own sets",
					      sides[i]);
		}
		return;
	}
	if (!yaml__get(n, "from") && !yaml__get(n, "to"))
		reader__fault(r, n->pos, "between whom? expected `from`, `to` or both");
	if (f->from.n == 1 && f->to.n == 1 && f->from.names[0] && f->to.names[0] &&
	    !strcmp(f->from.names[0], f->to.names[0]))
		reader__fault(r, yaml__get(n, "to")->pos, "`%s` to itself", f->to.names[0]);
}

/* --- a fault ------------------------------------------------------------------------------------- */

/* Order matters: `to` knows `from`, and draws come in the same order on every machine. */
static const struct option fault_options[] = {
	FIELD("name", STRING, fault, name),
	OPTION("from", CUSTOM, .parse = fault_from),
	OPTION("to", CUSTOM, .parse = fault_to),
	OPTION("direction", CUSTOM, .parse = fault_direction),
	FIELD("at", DURATION, fault, at_ns, .required = true, .hi = INT64_MAX / 4),
	FIELD("for", DURATION, fault, for_ns, .lo = 1, .hi = INT64_MAX / 4),
	FIELD("every", DURATION, fault, every_ns, .lo = 1, .hi = INT64_MAX / 4),
	FIELD("times", UINT, fault, times, .lo = 1, .hi = OCCURRENCES_MAX),
	OPTION("flap", CUSTOM, .parse = fault_flap),
	OPTION("match", CUSTOM, .parse = parse_match),
	FIELD("ramp", DURATION, fault, ramp_ns, .lo = 1, .hi = INT64_MAX / 4),
	OPTION("partition", CUSTOM, .parse = fault_partition),
	OPTION("loss", CUSTOM, .parse = parse_loss),
	OPTION("delay", CUSTOM, .parse = parse_delay),
	OPTION("reorder", CUSTOM, .parse = parse_reorder),
	OPTION("duplicate", CUSTOM, .parse = parse_duplicate),
	OPTION("corrupt", CUSTOM, .parse = parse_corrupt),
	OPTION("rate", CUSTOM, .parse = parse_rate),
	OPTION("reset", CUSTOM, .parse = parse_reset),
	OPTION("reject", CUSTOM, .parse = parse_reject),
	OPTION("mtu", CUSTOM, .parse = parse_mtu),
	OPTION("ecn", CUSTOM, .parse = parse_ecn),
};

static void check_name(struct reader *r, const struct yaml_node *n, size_t index)
{
	struct fault *f = &r->e->faults[index];
	const struct yaml_node *name = yaml__get(n, "name");

	if (!f->name) {
		if (asprintf(&f->name, "fault-%zu", index + 1) < 0) {
			f->name = NULL;
			r->nomem = true;
			return;
		}
	} else if (name && !reader__check_name(r, name->pos, f->name)) {
		return;
	}
	for (size_t i = 0; i < index; i++) {
		const struct fault *other = &r->e->faults[i];

		if (!other->name || strcmp(other->name, f->name))
			continue;
		reader__fault(r, name ? name->pos : n->pos,
			      "a second fault called `%s`; the first is on line %d", f->name,
			      other->pos.line);
		return;
	}
}

static void parse_fault(struct reader *r, const struct yaml_node *n, size_t index)
{
	struct fault *f = &r->e->faults[index];
	size_t findings = r->n_findings + r->n_dropped;

	f->pos = n->pos;
	f->for_ns = -1;
	f->match.length_hi = UINT16_MAX;
	f->match.dscp = -1;
	r->moves = false;
	r->rng = rng__fork(r->e->seed, index);
	memset(r->used, 0, r->e->n_endpoints * sizeof(*r->used));
	if (!reader__map(r, n, "a fault", fault_options, ARRAY_SIZE(fault_options), f))
		return;
	check_name(r, n, index);
	parse_check_parts(r, n, f);
	/* relations between values only where the values are right */
	if (r->n_findings + r->n_dropped != findings)
		return;
	check_times(r, n, f);
	check_edges(r, n, f);
	parse_check_ramp(r, n, f);
}

void parse_faults(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of faults");

	if (count > FAULTS_MAX) {
		reader__fault(r, n->pos, "%zu faults; expected at most %d", count, FAULTS_MAX);
		return;
	}
	r->used = calloc(e->n_endpoints + 1, sizeof(*r->used));
	for (size_t i = 0; i < count && r->used && !r->nomem; i++) {
		if (APPEND(r, e->faults, e->n_faults))
			parse_fault(r, reader__item(n, i), i);
	}
	if (!r->n_findings && !r->nomem)
		parse_check_conflicts(r, n);
	r->nomem |= !r->used;
	free(r->used);
	r->used = NULL;
}
