/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * analysis.h: from the recorded events to numbers, findings and verdicts. Pure but for
 * history__load(): the same events always give the same summary. Definitions: the comment of each
 * module; they follow the literature named there (claims: certified intervals; writes: Jepsen's
 * set checker; ...).
 */
#ifndef CHAOS_ANALYSIS_H
#define CHAOS_ANALYSIS_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct history; /* history.h */

/*
 * Read DIR/events.jsonl. A truncated last line is ignored (a note says so); any other line that
 * is not a valid event is -EINVAL with file:line. -ENOENT with what is missing. Memory: about 200
 * bytes an event.
 */
int history__load(const char *dir, struct history **ret, struct error *err);
void history__free(struct history *h);
static inline void cleanup_history(struct history **h)
{
	history__free(*h);
}

/*
 * summary.json (new reference): the names of the contract, plus "findings": [sentence, ...] and
 * "verdict_reasons". Expectations are evaluated in it. Never NULL but for lack of memory.
 */
json_t *analysis__summary(const struct history *h);

/* The verdict as in summary.json: composed fail > unknown > pass. */
enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNKNOWN };
const char *verdict__name(enum verdict v);
enum verdict summary__verdict(const json_t *summary);

/* What an experiment names, as far as expectations may speak of it. */
struct expect_names {
	const char *const *faults, *const *resources, *const *workloads;
	size_t n_faults, n_resources, n_workloads;
};

/*
 * Syntax of an expectation or a guard: "path [in window] op value". 0, or -EINVAL with what was
 * expected and the nearest word; @ret_col: where in @text, from 1.
 */
int expect__check(const char *text, const struct expect_names *names, int *ret_col,
		  struct error *err);

/* Of a text that expect__check() takes: its number is known by the final reads only, so a guard on it ends nothing. */
bool expect__only_final(const char *text);

/*
 * What a guard or an expectation says of a run so far: 1 it holds, 0 it does not, -ENODATA it is
 * not known, with the reason in @why; -EINVAL, -ENOMEM. @summary is that of @h.
 */
int analysis__holds(const struct history *h, const json_t *summary, const char *text,
		    struct error *why);

/* series.csv, junit.xml, as text (caller frees) */
char *analysis__series_csv(const struct history *h);
char *analysis__junit(const struct history *h, const json_t *summary);

/*
 * What report.html draws: lanes, bins and points as one JSON object (new reference); see
 * report/report.h.
 */
json_t *analysis__lanes(const struct history *h, const json_t *summary);

#endif
