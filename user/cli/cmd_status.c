// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "run/state.h"

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

static void print_faults(const json_t *status)
{
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(status, "faults"), i, f)
		printf("  %-20s %-8s %lld matched, %s\n",
		       json_string_value(json_object_get(f, "name")),
		       json_is_true(json_object_get(f, "active")) ? "ACTIVE" : "off",
		       (long long)json_integer_value(json_object_get(f, "matched")),
		       json_string_value(json_object_get(f, "effects")));
}

static void print_alive(const struct state_entry *s, const json_t *status)
{
	json_int_t pid = json_integer_value(json_object_get(s->info, "pid"));

	if (!status) {
		printf("%s  pid %lld  does not answer (stopped?); its faults end by their own deadlines\n",
		       s->id, (long long)pid);
		return;
	}
	printf("%s  pid %lld  %s  %.1f s", s->id, (long long)pid,
	       json_string_value(json_object_get(status, "phase")),
	       json_real_value(json_object_get(status, "t_s")));
	if (json_is_real(json_object_get(status, "duration_s")))
		printf(" of %.0f s", json_real_value(json_object_get(status, "duration_s")));
	printf("\n");
	print_faults(status);
}

int cmd_status(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "", "Shows what is active.", NULL, NULL, NULL};
	struct state_entry *list = NULL;
	json_t *out = json_array();
	bool json = false;
	size_t n = 0;
	int r;

	cli__parse(&argp, argc, argv, &json);
	r = state__list(&list, &n);
	if (r) {
		json_decref(out);
		fprintf(stderr, "chaos: cannot read " STATE_DIR ": %s\n", strerror(-r));
		return EXIT_RUNTIME;
	}
	for (size_t i = 0; i < n; i++) {
		struct error err;
		json_t *status = list[i].alive ? state__request(list[i].id, "status", &err) : NULL;

		if (json)
			json_array_append_new(out, json_pack("{s:s,s:b,s:O*,s:O*}", "id", list[i].id,
							     "alive", list[i].alive, "info",
							     list[i].info, "status", status));
		else if (list[i].alive)
			print_alive(&list[i], status);
		else
			printf("%s  crashed; no fault of it is left; `chaos clear` removes the rest\n",
			       list[i].id);
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
