// SPDX-License-Identifier: GPL-2.0-only
#include "analysis/expect_schema.h"
#include "lib/cleanup.h"

#include <string.h>

#define ENDED(path)                             \
	{                                       \
		path, KIND_BY_NAME, SCOPE_ENDED, false \
	}
#define DUE(path)                             \
	{                                     \
		path, KIND_BY_NAME, SCOPE_DUE, false \
	}
#define HERD(path)                             \
	{                                      \
		path, KIND_BY_NAME, SCOPE_HERD, false \
	}
#define RUN(path)                             \
	{                                     \
		path, KIND_BY_NAME, SCOPE_RUN, false \
	}
#define AS(path, kind, scope)            \
	{                                \
		path, kind, scope, false \
	}
#define FINAL(path, kind, scope)        \
	{                               \
		path, kind, scope, true \
	}
#define CLAIM "split_brain.resources[resource].claims[#]."
#define RESOURCE "split_brain.resources[resource]."
#define METRIC "herd.metrics[metric@]."
#define TRAFFIC(name) RUN("traffic.services[service]." name)
#define OF_WINDOW(name)                                            \
	RUN(METRIC name "_per_s"), RUN(METRIC name "_peak_per_s"), \
		AS(METRIC name "_fano", KIND_RATIO, SCOPE_RUN)
#define HITS "faults[name].hits."
#define EDGE "faults[name].edges[from>to]."

/* clang-format off: a row a line */
const struct expect_schema expect_schemas[] = {
	AS("split_brain.level", KIND_LEVEL, SCOPE_ENDED),
	AS(RESOURCE "level", KIND_LEVEL, SCOPE_ENDED),
	AS(RESOURCE "system", KIND_WORD, SCOPE_RUN),
	ENDED(RESOURCE "must_overlap_s"),
	ENDED(RESOURCE "may_overlap_s"),
	AS(RESOURCE "same_epoch", KIND_BOOL, SCOPE_ENDED),
	RUN(RESOURCE "outlived_heal_s"),
	RUN(RESOURCE "t_stepdown_s"),
	RUN(RESOURCE "t_elect_s"),
	AS(CLAIM "node", KIND_WORD, SCOPE_RUN),
	RUN(CLAIM "epoch"),
	RUN(CLAIM "from_s"),
	RUN(CLAIM "to_s"),
	RUN(CLAIM "may_from_s"),
	RUN(CLAIM "may_to_s"),
	AS(CLAIM "ended", KIND_BOOL, SCOPE_RUN),
	ENDED("writes.attempted"),
	ENDED("writes.acked"),
	ENDED("writes.failed"),
	ENDED("writes.unknown"),
	FINAL("writes.final", KIND_BY_NAME, SCOPE_RUN),
	FINAL("writes.lost", KIND_BY_NAME, SCOPE_ENDED),
	FINAL("writes.recovered", KIND_BY_NAME, SCOPE_ENDED),
	FINAL("writes.unexpected", KIND_BY_NAME, SCOPE_RUN),
	FINAL("writes.diverged", KIND_BOOL, SCOPE_RUN),
	FINAL("writes.lost_window_s[#]", KIND_BY_NAME, SCOPE_ENDED),
	FINAL("writes.lost_by_side{side}", KIND_BY_NAME, SCOPE_ENDED),
	ENDED("reads.ok"),
	ENDED("reads.stale"),
	ENDED("reads.max_staleness_s"),
	AS("checks[name].verdict", KIND_WORD, SCOPE_RUN),
	AS("checks[name].check", KIND_WORD, SCOPE_RUN),
	RUN("checks[name].violations"),
	RUN("wire.vrrp[router].overlap_s"),
	RUN("wire.garp[address].moves"),
	ENDED("availability.gap_s"),
	ENDED("availability.sides[side].longest_gap_s"),
	RUN("availability.t_stepdown_s"),
	RUN("availability.t_elect_s"),
	RUN("availability.heal_tail_s"),
	RUN("availability.old_claim_end_after_heal_s"),
	RUN("availability.first_ack_everywhere_s"),
	RUN("availability.replicas_equal_s"),
	RUN("recovery.time_s"),
	RUN("recovery.goodput_baseline_per_s"),
	RUN("recovery.goodput_after_per_s"),
	DUE("latency.intended_ms.p50"),
	DUE("latency.intended_ms.p90"),
	DUE("latency.intended_ms.p99"),
	DUE("latency.intended_ms.p999"),
	DUE("latency.intended_ms.max"),
	DUE("latency.service_ms.p50"),
	DUE("latency.service_ms.p90"),
	DUE("latency.service_ms.p99"),
	DUE("latency.service_ms.p999"),
	DUE("latency.service_ms.max"),
	DUE("latency.lateness_ms.p50"),
	DUE("latency.lateness_ms.p90"),
	DUE("latency.lateness_ms.p99"),
	DUE("latency.lateness_ms.p999"),
	DUE("latency.lateness_ms.max"),
	AS("herd.kind", KIND_WORD, SCOPE_RUN),
	/* before those of the metrics, which may be left out: herd.metastable is the whole run's */
	AS("herd.metastable", KIND_BOOL, SCOPE_RUN),
	HERD(METRIC "peak_per_s"),
	AS(METRIC "pbr", KIND_RATIO, SCOPE_HERD),
	AS(METRIC "fano", KIND_RATIO, SCOPE_HERD),
	AS(METRIC "service", KIND_WORD, SCOPE_RUN),
	AS(METRIC "workload", KIND_WORD, SCOPE_RUN),
	RUN(METRIC "synchrony_period_s"),
	AS(METRIC "synchrony_r", KIND_RATIO, SCOPE_RUN),
	AS(METRIC "synchrony_p", KIND_RATIO, SCOPE_RUN),
	AS(METRIC "amplification", KIND_RATIO, SCOPE_RUN),
	AS(METRIC "attempts_per_intent", KIND_RATIO, SCOPE_RUN),
	OF_WINDOW("baseline"),
	OF_WINDOW("fault"),
	AS(METRIC "fault_pbr", KIND_RATIO, SCOPE_RUN),
	OF_WINDOW("recovery"),
	AS(METRIC "recovery_pbr", KIND_RATIO, SCOPE_RUN),
	RUN(METRIC "offered_baseline_per_s"),
	RUN(METRIC "offered_fault_per_s"),
	RUN(METRIC "offered_recovery_per_s"),
	RUN(METRIC "goodput_baseline_per_s"),
	RUN(METRIC "goodput_fault_per_s"),
	RUN(METRIC "goodput_recovery_per_s"),
	RUN(METRIC "goodput_end_per_s"),
	RUN(METRIC "attempts_end_per_s"),
	RUN(METRIC "recovery_s"),
	RUN(METRIC "settled_s"),
	AS(METRIC "metastable", KIND_BOOL, SCOPE_RUN),
	RUN("herd.windows.baseline_s[#]"),
	RUN("herd.windows.fault_s[#]"),
	RUN("herd.windows.recovery_s[#]"),
	RUN("herd.windows.heal_s[#]"),
	TRAFFIC("packets"),
	TRAFFIC("bytes"),
	TRAFFIC("back_packets"),
	TRAFFIC("back_bytes"),
	TRAFFIC("syn"),
	TRAFFIC("syn_again"),
	TRAFFIC("synack"),
	TRAFFIC("rst"),
	TRAFFIC("back_rst"),
	TRAFFIC("fin"),
	TRAFFIC("back_fin"),
	TRAFFIC("retransmits"),
	TRAFFIC("back_retransmits"),
	TRAFFIC("opened"),
	TRAFFIC("closed"),
	TRAFFIC("dropped"),
	TRAFFIC("connect_ms"),
	TRAFFIC("first_byte_ms"),
	TRAFFIC("rtt_ms"),
	TRAFFIC("accept_queue_max"),
	TRAFFIC("backlog"),
	TRAFFIC("overflows"),
	TRAFFIC("port"),
	RUN("traffic.drops[reason@].packets"),
	RUN("traffic.resets[reason@].packets"),
	RUN("faults[name].armed_at_s"),
	RUN("faults[name].first_hit_at_s"),
	RUN("faults[name].cleared_at_s"),
	AS("faults[name].mechanism", KIND_WORD, SCOPE_RUN),
	RUN("faults[name].occurrences"),
	RUN(HITS "dropped"),
	RUN(HITS "delayed"),
	RUN(HITS "reordered"),
	RUN(HITS "duplicated"),
	RUN(HITS "corrupted"),
	RUN(HITS "shaped"),
	RUN(HITS "reset"),
	RUN(HITS "rejected"),
	RUN(HITS "marked"),
	RUN(HITS "overflowed"),
	RUN(EDGE "matched"),
	RUN(EDGE "matched_bytes"),
	RUN(EDGE "dropped"),
	RUN(EDGE "first_hit_at_s"),
	RUN(EDGE "last_hit_at_s"),
	RUN("recorder.events"),
	RUN("recorder.lost_events"),
	RUN("recorder.probe_gaps"),
	RUN("recorder.late_bins"),
	RUN("recorder.unnamed_flows"),
	RUN("cluster.clock_epsilon_ms"),
	RUN("cluster.nodes[node].clock_offset_ms"),
	RUN("cluster.nodes[node].clock_epsilon_ms"),
	RUN("cluster.nodes[node].segments"),
	AS("cluster.nodes[node].mechanism", KIND_WORD, SCOPE_RUN),
	AS("cluster.nodes[node].status", KIND_WORD, SCOPE_RUN),
	RUN("seed"),
	RUN("duration_s"),
	AS("status", KIND_WORD, SCOPE_RUN),
};
/* clang-format on */
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
	static const char *const units[] = {"_per_s", "_ms", "_us", "_bytes", "_s"};
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		size_t n = strlen(units[i]);

		if (len > n && !strcmp(name + len - n, units[i]))
			return name + len - n;
	}
	return "";
}

enum expect_kind expect_schema__kind(const struct expect_schema *s)
{
	static const struct {
		const char *unit;
		enum expect_kind kind;
	} kinds[] = {
		{"_per_s", KIND_PER_S}, {"_ms", KIND_MS},     {"_us", KIND_US},
		{"_bytes", KIND_BYTES}, {"_s", KIND_SECONDS},
	};
	struct expect_step steps[EXPECT_STEPS];
	size_t n = expect_schema__steps(s, steps);

	if (s->kind != KIND_BY_NAME)
		return s->kind;
	/* the last name that has one: p99 is of latency.intended_ms */
	while (n-- > 0)
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (!strcmp(expect_schema__unit(steps[n].name), kinds[i].unit))
				return kinds[i].kind;
	return KIND_COUNT;
}

const char *expect_schema__unit_text(const struct expect_schema *s)
{
	static const char *const units[] = {
		[KIND_BYTES] = "bytes", [KIND_SECONDS] = "s",	[KIND_MS] = "ms",
		[KIND_US] = "us",	[KIND_PER_S] = "per_s", [KIND_WORD] = NULL,
	};

	return units[expect_schema__kind(s)];
}

const char *expect_schema__no_window(const struct expect_schema *s, enum expect_window w)
{
	static const struct {
		const char *begins, *why;
	} reasons[] = {
		{"writes.", "the final reads speak of the whole run"},
		{"checks[", "a check needs the whole history"},
		{"recovery.", "it compares what was before the faults with what came after"},
		{"availability.", "it is measured from the cut or from the heal on"},
		{"faults[", "hits are counted over the whole run"},
		{"split_brain.", "it is measured over the whole run"},
		{"wire.", "it is measured over the whole run"},
		{"herd.", "it is found in the whole run"},
		{"traffic.", "it is counted over the whole run"},
	};

	if (w == WINDOW_RUN)
		return NULL;
	if (s->scope == SCOPE_HERD && w == WINDOW_BASELINE && strstr(s->path, ".pbr"))
		return "it is measured against the baseline";
	if (s->scope != SCOPE_RUN)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strncmp(s->path, reasons[i].begins, strlen(reasons[i].begins)))
			return reasons[i].why;
	return "it is of the whole run";
}
