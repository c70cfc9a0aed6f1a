// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"
#include "cli/status.h"

#include <stdio.h>
#include <string.h>

static const struct argp_option options[] = {
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	switch (key) {
	case KEY_JSON:
		*(bool *)state->input = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int cmd_status(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "",  "Shows what is active.",
					 NULL,	  NULL,	 NULL};
	struct state_entry *list = NULL;
	json_t *out = json_array();
	bool json = false;
	size_t n = 0;

	cli__parse(&argp, argc, argv, &json);
	if (cli__list_runs(&list, &n)) {
		json_decref(out);
		return EXIT_RUNTIME;
	}
	for (size_t i = 0; i < n; i++) {
		struct error err;
		json_t *status = list[i].alive ? state__request(&list[i], "status", &err) : NULL;

		if (json)
			json_array_append_new(
				out, json_pack("{s:s,s:I,s:b,s:O*,s:O*}", "id", list[i].id, "user",
					       (json_int_t)list[i].uid, "alive", list[i].alive,
					       "info", list[i].info, "status", status));
		else
			status__print(stdout, &list[i], status);
		json_decref(status);
	}
	if (json)
		cli__print_json(out);
	else if (!n)
		printf("nothing is active\n");
	state__free_list(list, n);
	json_decref(out);
	return 0;
}
