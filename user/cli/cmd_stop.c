// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "lib/clock.h"
#include "lib/nearest.h"
#include "run/state.h"

#include <stdio.h>
#include <string.h>

enum { STOP_LIMIT_S = 15 }; /* a run's clean-up, lab included, takes 1-2 s */

struct stop_args {
	const char *run;
	bool all;
};

static const struct argp_option options[] = {
	{"all", KEY_ALL, NULL, 0, "end every run", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stop_args *a = state->input;

	switch (key) {
	case KEY_ALL:
		a->all = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->run)
			argp_error(state, "one RUN at a time, or --all");
		a->run = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int stop_one(const struct state_entry *s)
{
	struct error err = {0};
	json_t *answer = state__request(s, "stop", &err);

	if (!answer)
		return cli__fail(EXIT_RUNTIME, &err);
	json_decref(answer);
	if (state__wait_end(s, STOP_LIMIT_S * NS_PER_S) < 0) {
		fprintf(stderr, "chaos: run `%s` has not ended within %d s\n", s->id, STOP_LIMIT_S);
		return EXIT_RUNTIME;
	}
	printf("%s: ended\n", s->id);
	return 0;
}

static int no_such_run(const char *run, const struct state_entry *list, size_t n)
{
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));
	const char *near = NULL;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i].id, run) != 0)
			continue;
		fprintf(stderr,
			"chaos: run `%s` is not active, it has crashed; its faults have ended, by "
			"clsact within five seconds; `chaos clear --crashed` removes the "
			"rest\n",
			run);
		return EXIT_USAGE;
	}
	for (size_t i = 0; names && i < n; i++)
		names[i] = list[i].id;
	if (names)
		near = nearest__word(run, names, n);
	fprintf(stderr, "chaos: no active run `%s`%s%s%s\n", run, near ? "; did you mean `" : "",
		near ? near : "", near ? "`?" : "");
	return EXIT_USAGE;
}

int cmd_stop(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "[RUN]",
					 "Ends a run, and waits until the network is as before. RUN may be "
					 "left out when only one is active.",
					 NULL, NULL, NULL};
	struct stop_args a = {0};
	struct state_entry *list = NULL;
	size_t n = 0, alive = 0, hit = 0;
	int status = 0;

	cli__parse(&argp, argc, argv, &a);
	if (cli__list_runs(&list, &n))
		return EXIT_RUNTIME;
	for (size_t i = 0; i < n; i++)
		alive += list[i].alive;
	if (!a.run && !a.all && alive > 1) {
		fprintf(stderr, "chaos: %zu runs are active; name one (chaos status), or --all\n", alive);
		status = EXIT_USAGE;
	} else {
		for (size_t i = 0; i < n; i++) {
			if (!list[i].alive || (a.run && strcmp(a.run, list[i].id) != 0))
				continue;
			hit++;
			if (stop_one(&list[i]))
				status = EXIT_RUNTIME;
		}
		if (!hit && a.run)
			status = no_such_run(a.run, list, n);
		else if (!hit)
			printf("nothing is active\n");
	}
	state__free_list(list, n);
	return status;
}
