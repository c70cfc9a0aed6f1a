// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "cli/compare.h"
#include "report/report.h"

#include <stdio.h>

struct report_args {
	const char *dir, *after;
	bool json, compare;
};

static const struct argp_option options[] = {
	{"compare", KEY_COMPARE, NULL, 0,
	 "compare two sides, each a run folder or several parted by commas, before and after", 0},
	{"json", KEY_JSON, NULL, 0, "print summary.json, or the comparison", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_args *a = state->input;

	switch (key) {
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_COMPARE:
		a->compare = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->after)
			argp_error(
				state,
				"two sides to compare; several runs of one are parted by commas");
		*(a->dir ? &a->after : &a->dir) = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->dir)
			argp_error(state, "which run? Give its folder");
		if (a->compare && !a->after)
			argp_error(state, "--compare takes two: BEFORE AFTER");
		if (a->after && !a->compare)
			argp_error(state, "one run folder at a time; --compare takes two");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_report(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"DIR\n--compare BEFORE[,BEFORE...] AFTER[,AFTER...]",
		"Renders summary.json, series.csv, junit.xml and report.html of a run folder "
		"again, from "
		"events.jsonl alone; or says what got worse from some runs to others, beyond the "
		"noise."
		"\vExit status of --compare: 0 no regression beyond the noise, 1 at least one.",
		NULL,
		NULL,
		NULL};
	struct report_args a = {0};
	struct error err = {0};
	json_t *summary = NULL;
	struct error unread = {0};
	int status, unwritten;

	cli__parse(&argp, argc, argv, &a);
	if (a.compare)
		return compare__verb(a.dir, a.after, a.json);
	unwritten = report__render(a.dir, &summary, &err);
	/* A record that can be read is shown, also where its folder takes no files. */
	if (unwritten && report__summary(a.dir, &summary, &unread))
		return cli__fail(EXIT_USAGE, &err);
	if (a.json)
		cli__print_json(summary);
	else if (!cli_quiet)
		cli__print_summary(summary, a.dir);
	status = summary__verdict(summary) == VERDICT_PASS ? EXIT_HOLDS : EXIT_EXPECTATION;
	if (unwritten)
		status = cli__fail(EXIT_RUNTIME, &err);
	json_decref(summary);
	return status;
}
