/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compare.h: two sides of runs, number by number: is what changed beyond the noise? Pure.
 *
 * Several runs a side: the exact two-sided Mann-Whitney test (Mann, Whitney, Ann. Math. Stat. 18,
 * 1947), by counting all ways to deal the runs' values, with their ties, to the two sides; a change is
 * called if p <= 0.05 and the medians are further apart than the wider side spreads. The second rule
 * holds down false calls among so many numbers: test_compare.c counts them. Fewer than four runs a
 * side never reach p <= 0.05 (3 and 3: 2/20), and then the answer is that they cannot tell.
 *
 * One run a side: latencies and rates of operations vary within a run, and how much says the block
 * bootstrap (Kuensch, Ann. Statist. 17, 1989) over blocks of time, drawn within each phase (baseline,
 * fault, recovery): a change is called if it exceeds 99 % of the differences that the drawing makes
 * by itself. What varies between runs is not in that, and the answer says so. Of all other numbers one run
 * each cannot tell.
 */
#ifndef CHAOS_ANALYSIS_COMPARE_H
#define CHAOS_ANALYSIS_COMPARE_H

#include <jansson.h>
#include <stddef.h>

#define COMPARE_RUNS_MAX 10 /* a side: 184,756 ways to deal 20 */

struct history;

struct compare_side {
	const struct history *const *h; /* [n], 1 to COMPARE_RUNS_MAX */
	const json_t *const *summary;	/* [n], of each */
	size_t n;
};

/*
 * {"before": [name of a run], "after": [...], "warnings": [sentence], "regressions": n,
 *  "improvements": n, "numbers": [{"path", "kind" (how to print it: "s" "ms" "us" "per_s" "bytes"
 *  "ratio" "level" "bool" "count"), "better" ("lower" "higher" null), "before": [number or null],
 *  "after": [...], "before_median", "after_median", "change", "noise" (null if not known: how large a
 *  change chance makes), "p" (null), "call" ("regression" "improvement" "changed" (beyond the noise, but
 *  neither good nor bad) "noise" "equal" "unknown"), "reason" (of "unknown", else null)}]}
 * NULL: no memory.
 */
json_t *compare__runs(const struct compare_side *before, const struct compare_side *after);

/* p of the exact two-sided test; n + m <= 2 * COMPARE_RUNS_MAX. */
double compare__rank_test(const double *a, size_t n, const double *b, size_t m);

/*
 * How far apart chance alone puts the two runs in the number @path, in its unit; negative if that
 * is not known from within a run.
 */
double compare__noise_within(const struct history *a, const struct history *b, const char *path);

#endif
