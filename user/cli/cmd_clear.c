// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "datapath/dataplane.h"
#include "lib/clock.h"
#include "run/state.h"

#include <stdio.h>

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
 * Ask all of them to stop, and then wait for all at once: nobody's run keeps the others waiting. One that does not
 * (SIGSTOP, a hung disk) is killed, which takes its faults and its lab along. Returns how many are left; they stay
 * alive in @list, the others are dead there and counted.
 */
static unsigned int end_runs(struct state_entry *list, size_t n, unsigned int *ret_ended)
{
	int64_t stop_end = clock__now() + STOP_LIMIT_S * NS_PER_S, kill_end;
	_cleanup_free_ bool *asked = calloc(n + 1, sizeof(*asked));
	unsigned int left = 0, ended = 0;
	struct error err;

	for (size_t i = 0; i < n && asked; i++) {
		json_t *answer = list[i].alive ? state__request(&list[i], "stop", &err) : NULL;

		asked[i] = answer != NULL;
		json_decref(answer);
	}
	for (size_t i = 0; i < n; i++)
		if (list[i].alive &&
		    (!asked || !asked[i] || state__wait_end(&list[i], stop_end - clock__now()) < 0))
			state__kill(&list[i]);
	kill_end = clock__now() + KILL_LIMIT_S * NS_PER_S;
	for (size_t i = 0; i < n; i++) {
		if (!list[i].alive)
			continue;
		list[i].alive = state__wait_end(&list[i], kill_end - clock__now()) < 0;
		if (list[i].alive)
			fprintf(stderr, "chaos: run `%s` of user %u cannot be ended\n", list[i].id,
				(unsigned int)list[i].uid);
		left += list[i].alive;
		ended += !list[i].alive;
	}
	*ret_ended = ended;
	return left;
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
	status = cli__need_privileges(CAPS_CLEAR);
	if (status)
		return status;
	status = cli__list_runs(&list, &n); /* filters are found also without */
	for (size_t i = 0; i < n; i++)
		folders += !list[i].alive;
	if (!crashed && end_runs(list, n, &runs))
		status = EXIT_RUNTIME;
	for (size_t i = 0; i < n; i++)
		if (!list[i].alive)
			state__forget(&list[i]);
	state__free_list(list, n);
	if (dataplane__clear_stale(&filters, &err) < 0)
		status = cli__fail(EXIT_RUNTIME, &err);
	printf("ended %u run%s; removed the rest of %u crashed one%s and %u filter%s\n", runs,
	       runs == 1 ? "" : "s", folders, folders == 1 ? "" : "s", filters,
	       filters == 1 ? "" : "s");
	return status;
}
