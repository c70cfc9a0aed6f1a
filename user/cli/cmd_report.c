// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "report/report.h"

#include <stdio.h>

struct report_args {
	const char *dir;
	bool json;
};

static const struct argp_option options[] = {
	{"json", KEY_JSON, NULL, 0, "print summary.json", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct report_args *a = state->input;

	switch (key) {
	case KEY_JSON:
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->dir)
			argp_error(state, "one run folder at a time");
		a->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->dir)
			argp_error(state, "which run? Give its folder");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_report(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "DIR",
		"Renders summary.json, series.csv, junit.xml and report.html of a run folder again, from "
		"events.jsonl alone.",
		NULL, NULL, NULL};
	struct report_args a = {0};
	struct error err = {0};
	json_t *summary = NULL;
	int status;

	cli__parse(&argp, argc, argv, &a);
	if (report__render(a.dir, &summary, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	if (a.json)
		cli__print_json(summary);
	else if (!cli_quiet)
		cli__print_summary(summary, a.dir);
	status = summary__verdict(summary) == VERDICT_PASS ? EXIT_HOLDS : EXIT_EXPECTATION;
	json_decref(summary);
	return status;
}
