// SPDX-License-Identifier: GPL-2.0-only
#include "cli/check.h"
#include "cli/cli.h"

#include "lab/lab.h"
#include "lib/units.h"
#include "run/plan.h"

#include <stdio.h>
#include <string.h>

struct check_args {
	const char **files;
	size_t n_files;
	bool json, allow_host;
};

static const struct argp_option options[] = {
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{"allow-host", KEY_ALLOW_HOST, NULL, 0,
	 "the caller's own network namespace may be a target", 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct check_args *a = state->input;

	(void)arg;
	switch (key) {
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_ALLOW_HOST:
		a->allow_host = true;
		return 0;
	case ARGP_KEY_ARGS:
		a->files = (const char **)(state->argv + state->next);
		a->n_files = (size_t)(state->argc - state->next);
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which experiment? Give a FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static json_t *fault_json(const struct plan *p, size_t i)
{
	json_t *edges = json_array(), *windows = json_array(), *parts = json_array();
	const struct fault *f = &p->e->faults[i];
	char words[512];

	for (size_t j = 0; j < p->edges[i].n; j++)
		json_array_append_new(edges, json_pack("[s,s]",
						       plan__edge_name(p->e, p->edges[i].v[j].from),
						       plan__edge_name(p->e, p->edges[i].v[j].to)));
	for (size_t j = 0; j < p->windows[i].n; j++)
		json_array_append_new(windows,
				      json_pack("[f,f]", (double)p->windows[i].v[j].start_ns / 1e9,
						(double)p->windows[i].v[j].end_ns / 1e9));
	for (unsigned int bit = 0; fault__part_name(bit); bit++)
		if (f->parts & (1U << bit))
			json_array_append_new(parts, json_string(fault__part_name(bit)));
	return json_pack("{s:s,s:o,s:s,s:o,s:o}", "fault", f->name, "parts", parts, "what",
			 experiment__describe_fault(f, words, sizeof(words)), "windows_s", windows,
			 "edges", edges);
}

static json_t *describe(const struct experiment *e, const struct plan *p)
{
	json_t *endpoints = json_array(), *faults = json_array(), *exempt = json_array();

	for (size_t i = 0; i < e->n_endpoints; i++)
		json_array_append_new(endpoints, check_members__json(p, i));
	for (size_t i = 0; i < e->n_faults; i++)
		json_array_append_new(faults, fault_json(p, i));
	for (size_t i = 0; i < p->dp.n_exempts; i++)
		json_array_append_new(exempt, json_string(p->dp.exempts[i].what));
	return json_pack("{s:s,s:s,s:I,s:f,s:b,s:o,s:o,s:o}", "file", e->file, "name", e->name,
			 "seed", (json_int_t)e->seed, "duration_s", (double)e->duration_ns / 1e9,
			 "until_stopped", e->until_stopped, "endpoints", endpoints, "faults",
			 faults, "exempt", exempt);
}

static void print_list(const char *head, const json_t *list)
{
	json_t *x;
	size_t i;

	if (!json_array_size(list))
		return;
	printf("%s", head);
	json_array_foreach(list, i, x)
		printf(" %s", json_string_value(x));
}

/* Seconds, without an exponent up to the 30 days that a run may last. */
static void print_window(const json_t *w, bool until_stopped)
{
	if (until_stopped)
		printf(" until stopped");
	else
		printf(" %.10g-%.10g s", json_real_value(json_array_get(w, 0)),
		       json_real_value(json_array_get(w, 1)));
}

static void print_faults(const json_t *list, bool until_stopped)
{
	json_t *f, *x;
	size_t i, j;

	json_array_foreach(list, i, f) {
		printf("  %s: %s\n    when:", json_string_value(json_object_get(f, "fault")),
		       json_string_value(json_object_get(f, "what")));
		json_array_foreach(json_object_get(f, "windows_s"), j, x) {
			if (j == 8) {
				printf(" and %zu more",
				       json_array_size(json_object_get(f, "windows_s")) - j);
				break;
			}
			print_window(x, until_stopped);
		}
		printf("\n    packets:");
		json_array_foreach(json_object_get(f, "edges"), j, x) {
			if (j == 12) {
				printf(" and %zu more",
				       json_array_size(json_object_get(f, "edges")) - j);
				break;
			}
			printf(" %s->%s", json_string_value(json_array_get(x, 0)),
			       json_string_value(json_array_get(x, 1)));
		}
		printf("\n");
	}
}

static void print(const json_t *d)
{
	bool until_stopped = json_is_true(json_object_get(d, "until_stopped"));

	printf("%s: %s, seed %llu, ", json_string_value(json_object_get(d, "file")),
	       json_string_value(json_object_get(d, "name")),
	       (unsigned long long)json_integer_value(json_object_get(d, "seed")));
	if (until_stopped)
		printf("until stopped\n");
	else
		printf("%.10g s\n", json_real_value(json_object_get(d, "duration_s")));
	printf("endpoints\n");
	check_members__print(json_object_get(d, "endpoints"));
	printf("faults (BPF programs at tc, tcx where the kernel has it, else clsact; see chaos "
	       "doctor)\n");
	print_faults(json_object_get(d, "faults"), until_stopped);
	if (json_array_size(json_object_get(d, "exempt")))
		print_list("exempt:", json_object_get(d, "exempt")), printf("\n");
	printf("Nothing was touched.\n");
}

static int check_file(const char *path, const struct check_args *a, json_t *out)
{
	_cleanup_(cleanup_experiment) struct experiment *e = NULL;
	_cleanup_(cleanup_plan) struct plan *p = NULL;
	struct plan_options po = {.allow_host = a->allow_host};
	struct error err = {0};
	json_t *d;

	if (experiment__load(path, cli__draw_seed(), &e, &err) < 0 ||
	    cli__precheck(e, a->allow_host, &err) || plan__make(e, NULL, &po, &p, &err) < 0)
		return cli__fail(EXIT_USAGE, &err);
	d = describe(e, p);
	if (a->json) {
		json_array_append_new(out, d);
	} else {
		print(d);
		json_decref(d);
	}
	return 0;
}

int cmd_check(int argc, char **argv)
{
	static const struct argp argp = {options,
					 parse,
					 "FILE...",
					 "Parses experiments, resolves their endpoints and says "
					 "what would be touched. Touches "
					 "nothing.",
					 NULL,
					 NULL,
					 NULL};
	struct check_args a = {0};
	json_t *out = json_array();
	int status = 0;

	cli__parse(&argp, argc, argv, &a);
	for (size_t i = 0; i < a.n_files; i++)
		status = check_file(a.files[i], &a, out) ?: status;
	if (a.json)
		cli__print_json(out);
	json_decref(out);
	return status;
}
