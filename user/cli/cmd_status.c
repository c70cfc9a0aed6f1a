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

/* Another user's run may answer anything: no control characters reach root's terminal. */
static const char *word(const json_t *o, const char *key, char *buf, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));

	snprintf(buf, size, "%s", s ? s : "?");
	for (char *p = buf; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return buf;
}

static void print_faults(const json_t *status)
{
	char name[80], effects[200];
	json_t *f;
	size_t i;

	json_array_foreach(json_object_get(status, "faults"), i, f)
		printf("  %-20s %-8s %lld matched, %s\n", word(f, "name", name, sizeof(name)),
		       json_is_true(json_object_get(f, "active")) ? "ACTIVE" : "off",
		       (long long)json_integer_value(json_object_get(f, "matched")),
		       word(f, "effects", effects, sizeof(effects)));
}

/* " (user 1000)", for those that are not the caller's. */
static const char *whose(const struct state_entry *s, char *buf, size_t size)
{
	if (s->uid == geteuid())
		return "";
	snprintf(buf, size, " (user %u)", (unsigned int)s->uid);
	return buf;
}

static void print_alive(const struct state_entry *s, const json_t *status)
{
	json_int_t pid = json_integer_value(json_object_get(s->info, "pid"));
	char user[32], phase[32];

	if (!status) {
		printf("%s%s  pid %lld  does not answer (stopped?); its faults end by their own "
		       "deadlines\n",
		       s->id, whose(s, user, sizeof(user)), (long long)pid);
		return;
	}
	printf("%s%s  pid %lld  %s  %.1f s", s->id, whose(s, user, sizeof(user)), (long long)pid,
	       word(status, "phase", phase, sizeof(phase)),
	       json_real_value(json_object_get(status, "t_s")));
	if (json_is_real(json_object_get(status, "duration_s")))
		printf(" of %.0f s", json_real_value(json_object_get(status, "duration_s")));
	printf("\n");
	print_faults(status);
}

int cmd_status(int argc, char **argv)
{
	static const struct argp argp = {options, parse, "",  "Shows what is active.",
					 NULL,	  NULL,	 NULL};
	struct state_entry *list = NULL;
	json_t *out = json_array();
	bool json = false;
	char dir[64];
	size_t n = 0;
	int r;

	cli__parse(&argp, argc, argv, &json);
	r = state__list(&list, &n);
	if (r) {
		json_decref(out);
		fprintf(stderr, "chaos: cannot read %s: %s\n",
			state__dir(geteuid(), dir, sizeof(dir)), strerror(-r));
		return EXIT_RUNTIME;
	}
	for (size_t i = 0; i < n; i++) {
		struct error err;
		json_t *status = list[i].alive ? state__request(&list[i], "status", &err) : NULL;
		char user[32];

		if (json)
			json_array_append_new(
				out, json_pack("{s:s,s:I,s:b,s:O*,s:O*}", "id", list[i].id, "user",
					       (json_int_t)list[i].uid, "alive", list[i].alive,
					       "info", list[i].info, "status", status));
		else if (list[i].alive)
			print_alive(&list[i], status);
		else
			printf("%s%s  crashed; no fault of it is left; `chaos clear` removes the "
			       "rest\n",
			       list[i].id, whose(&list[i], user, sizeof(user)));
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
