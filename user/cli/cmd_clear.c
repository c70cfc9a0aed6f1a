// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "datapath/dataplane.h"
#include "lib/clock.h"
#include "run/state.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { STOP_LIMIT_S = 15, KILL_LIMIT_S = 3 };

enum { KEY_CRASHED = 256 };

static const struct argp_option options[] = {
	{"crashed", KEY_CRASHED, NULL, 0, "leave runs that are alive as they are", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	bool *crashed = state->input;

	(void)arg;
	if (key != KEY_CRASHED)
		return ARGP_ERR_UNKNOWN;
	*crashed = true;
	return 0;
}

/*
 * Ask it to stop; a run that does not (SIGSTOP, a hung disk) is killed, which takes its faults and
 * its lab along. The lock says that the pid is still that run.
 */
static bool end_run(const struct state_entry *s)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(s->info, "pid"));
	struct error err;
	json_t *answer = state__request(s->id, "stop", &err);

	json_decref(answer);
	if (answer && !state__wait_end(s->id, STOP_LIMIT_S * NS_PER_S))
		return true;
	if (pid > 1)
		kill(pid, SIGKILL);
	return !state__wait_end(s->id, KILL_LIMIT_S * NS_PER_S);
}

int cmd_clear(int argc, char **argv)
{
	static const struct argp argp = {
		options,
		parse,
		"",
		"Ends every run and removes every trace of every run, also of "
		"crashed ones.",
		NULL,
		NULL,
		NULL};
	struct state_entry *list = NULL;
	unsigned int filters = 0, runs = 0, folders = 0;
	struct error err = {0};
	bool crashed = false;
	size_t n = 0;
	int status;

	cli__parse(&argp, argc, argv, &crashed);
	status = cli__need_privileges();
	if (status)
		return status;
	if (state__list(&list, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (list[i].alive && crashed)
			continue;
		if (list[i].alive && !end_run(&list[i])) {
			fprintf(stderr, "chaos: run `%s` cannot be ended\n", list[i].id);
			status = EXIT_RUNTIME;
			continue;
		}
		runs += list[i].alive;
		folders += !list[i].alive;
		state__forget(list[i].id);
	}
	state__free_list(list, n);
	if (dataplane__clear_stale(&filters, &err) < 0)
		status = cli__fail(EXIT_RUNTIME, &err);
	printf("ended %u run%s; removed the rest of %u crashed one%s and %u filter%s\n", runs,
	       runs == 1 ? "" : "s", folders, folders == 1 ? "" : "s", filters,
	       filters == 1 ? "" : "s");
	return status;
}
