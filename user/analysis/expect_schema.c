// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/expect_schema.h"
#include "lib/cleanup.h"

#include <string.h>

#define HITS(what)                                    \
	{                                             \
		"faults[name].hits." what, KIND_COUNT \
	}
#define QUANTILES(which)                                                                       \
	{"latency." which "_ms.p50", KIND_MS}, {"latency." which "_ms.p90", KIND_MS},          \
		{"latency." which "_ms.p99", KIND_MS}, {"latency." which "_ms.p999", KIND_MS}, \
	{                                                                                      \
		"latency." which "_ms.max", KIND_MS                                            \
	}

const struct expect_schema expect_schemas[] = {
	{"split_brain.level", KIND_LEVEL},
	{"split_brain.resources[resource].level", KIND_LEVEL},
	{"split_brain.resources[resource].must_overlap_s", KIND_SECONDS},
	{"split_brain.resources[resource].may_overlap_s", KIND_SECONDS},
	{"split_brain.resources[resource].same_epoch", KIND_BOOL},
	{"split_brain.resources[resource].outlived_heal_s", KIND_SECONDS},
	{"split_brain.resources[resource].t_stepdown_s", KIND_SECONDS},
	{"split_brain.resources[resource].t_elect_s", KIND_SECONDS},
	{"writes.attempted", KIND_COUNT},
	{"writes.acked", KIND_COUNT},
	{"writes.failed", KIND_COUNT},
	{"writes.unknown", KIND_COUNT},
	{"writes.final", KIND_COUNT},
	{"writes.lost", KIND_COUNT},
	{"writes.recovered", KIND_COUNT},
	{"writes.unexpected", KIND_COUNT},
	{"writes.diverged", KIND_BOOL},
	{"writes.lost_window_s[#]", KIND_SECONDS},
	{"writes.lost_by_side{side}", KIND_COUNT},
	{"reads.ok", KIND_COUNT},
	{"reads.stale", KIND_COUNT},
	{"reads.max_staleness_s", KIND_SECONDS},
	{"checks[name].verdict", KIND_WORD},
	{"checks[name].violations", KIND_COUNT},
	{"availability.sides[side].longest_gap_s", KIND_SECONDS},
	{"availability.t_stepdown_s", KIND_SECONDS},
	{"availability.t_elect_s", KIND_SECONDS},
	{"availability.heal_tail_s", KIND_SECONDS},
	{"availability.old_claim_end_after_heal_s", KIND_SECONDS},
	{"availability.first_ack_everywhere_s", KIND_SECONDS},
	{"availability.replicas_equal_s", KIND_SECONDS},
	{"recovery.time_s", KIND_SECONDS},
	{"recovery.goodput_baseline_per_s", KIND_PER_S},
	{"recovery.goodput_after_per_s", KIND_PER_S},
	QUANTILES("intended"),
	QUANTILES("service"),
	QUANTILES("lateness"),
	{"herd.kind", KIND_WORD},
	{"herd.metrics[metric].baseline_per_s", KIND_PER_S},
	{"herd.metrics[metric].peak_per_s", KIND_PER_S},
	{"herd.metrics[metric].pbr", KIND_RATIO},
	{"herd.metrics[metric].fano", KIND_RATIO},
	{"herd.metrics[metric].synchrony_period_s", KIND_SECONDS},
	{"herd.metrics[metric].synchrony_r", KIND_RATIO},
	{"herd.metrics[metric].amplification", KIND_RATIO},
	{"herd.metastable", KIND_BOOL},
	{"faults[name].armed_at_s", KIND_SECONDS},
	{"faults[name].first_hit_at_s", KIND_SECONDS},
	{"faults[name].cleared_at_s", KIND_SECONDS},
	{"faults[name].mechanism", KIND_WORD},
	{"faults[name].occurrences", KIND_COUNT},
	HITS("dropped"),
	HITS("delayed"),
	HITS("reordered"),
	HITS("duplicated"),
	HITS("corrupted"),
	HITS("shaped"),
	HITS("reset"),
	HITS("rejected"),
	HITS("marked"),
	HITS("overflowed"),
	{"recorder.events", KIND_COUNT},
	{"recorder.lost_events", KIND_COUNT},
	{"recorder.probe_gaps", KIND_COUNT},
	{"recorder.late_bins", KIND_COUNT},
	{"recorder.unnamed_flows", KIND_COUNT},
	{"duration_s", KIND_SECONDS},
	{"status", KIND_WORD},
};
const size_t n_expect_schemas = ARRAY_SIZE(expect_schemas);

/* Copy what stands before one of @until at @s; both fit by the table above. */
static const char *piece(const char *s, const char *until, char *ret, size_t size)
{
	size_t n = strcspn(s, until);

	if (n >= size)
		n = size - 1;
	memcpy(ret, s, n);
	ret[n] = '\0';
	return s + strcspn(s, until);
}

size_t expect_schema__steps(const struct expect_schema *s, struct expect_step *ret)
{
	const char *p = s->path;
	size_t n = 0;

	while (*p && n < EXPECT_STEPS) {
		struct expect_step *step = &ret[n++];

		*step = (struct expect_step){0};
		p = piece(p, ".[{", step->name, sizeof(step->name));
		if (*p == '[' || *p == '{') {
			step->mark = p[1] == '#' ? '#' : *p;
			p = piece(p + 1, "]}", step->key, sizeof(step->key)) + 1;
		}
		p += *p == '.';
	}
	return n;
}

const char *expect_schema__unit(const char *name)
{
	static const char *const units[] = {"_per_s", "_ms", "_s"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i]);

		if (len > n && !strcmp(name + len - n, units[i]))
			return name + len - n;
	}
	return "";
}
