// SPDX-License-Identifier: GPL-2.0-only
#include "cli/cli.h"

#include "datapath/netns.h"
#include "lab/lab.h"
#include "lib/units.h"
#include "run/exempt.h"
#include "run/plan.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct check_args {
	const char **files;
	size_t n_files;
	bool json, allow_host;
};

static const struct argp_option options[] = {
	{"json", KEY_JSON, NULL, 0, "print JSON", 0},
	{"allow-host", KEY_ALLOW_HOST, NULL, 0, "the caller's own network namespace may be a target", 0},
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

/* Devices that would get our programs, as [name]. */
static json_t *devices_of(const struct dp_member *m)
{
	struct netns_scan scan = {0};
	json_t *a = json_array();

	if (dp_member__netns(m) < 0 || netns__scan(dp_member__netns(m), &scan) < 0)
		return a;
	for (size_t i = 0; i < scan.n_links; i++) {
		const struct link_info *l = &scan.links[i];

		if (l->loopback || l->master || (m->ifname && strcmp(m->ifname, l->name) != 0))
			continue;
		json_array_append_new(a, json_string(l->name));
	}
	netns_scan__reset(&scan);
	return a;
}

static json_t *addresses_of(const struct dp_member *m)
{
	struct netns_scan scan = {0};
	json_t *a = json_array();
	char buf[64];

	for (size_t i = 0; i < m->n_prefixes; i++) {
		const struct dp_prefix *p = &m->prefixes[i];
		char text[80];
		bool v4;

		addr__format(&p->addr, buf, sizeof(buf));
		v4 = !strchr(buf, ':');
		snprintf(text, sizeof(text), "%s/%d", buf, v4 ? p->len - 96 : p->len);
		json_array_append_new(a, json_string(text));
	}
	if (dp_member__netns(m) < 0 || netns__scan(dp_member__netns(m), &scan) < 0)
		return a;
	for (size_t i = 0; i < scan.n_addrs; i++) {
		if (!inet_ntop(scan.addrs[i].family, scan.addrs[i].addr, buf, sizeof(buf)))
			continue;
		json_array_append_new(a, json_string(buf));
	}
	netns_scan__reset(&scan);
	return a;
}

static json_t *endpoint_json(const struct plan *p, size_t i)
{
	json_t *members = json_array();

	for (size_t j = 0; j < p->n_resolved; j++) {
		const struct resolved *r = &p->resolved[j];
		const struct selector *s = &p->e->endpoints[i].selectors[r->selector];
		const struct dp_member *m = &p->dp.members[r->member];
		bool node = s->kind == SELECTOR_NODE;

		if (r->endpoint != i)
			continue;
		json_array_append_new(
			members,
			json_pack("{s:s,s:s,s:o,s:o}", "match", s->value, "where",
				  node		       ? "a node of the lab, made by the run"
				  : dp_member__netns(m) >= 0 ? "a network namespace here"
						     : "addresses",
				  "devices", node ? json_pack("[s]", "eth0") : devices_of(m),
				  "addresses", addresses_of(m)));
	}
	return json_pack("{s:s,s:o}", "endpoint", p->e->endpoints[i].name, "members", members);
}

static json_t *fault_json(const struct plan *p, size_t i)
{
	json_t *edges = json_array(), *windows = json_array(), *parts = json_array();
	const struct fault *f = &p->e->faults[i];
	char words[512];

	for (size_t j = 0; j < p->edges[i].n; j++)
		json_array_append_new(edges,
				      json_pack("[s,s]", plan__edge_name(p->e, p->edges[i].v[j].from),
						plan__edge_name(p->e, p->edges[i].v[j].to)));
	for (size_t j = 0; j < p->windows[i].n; j++)
		json_array_append_new(
			windows, json_pack("[f,f]", (double)p->windows[i].v[j].start_ns / 1e9,
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
		json_array_append_new(endpoints, endpoint_json(p, i));
	for (size_t i = 0; i < e->n_faults; i++)
		json_array_append_new(faults, fault_json(p, i));
	for (size_t i = 0; i < p->dp.n_exempts; i++)
		json_array_append_new(exempt, json_string(p->dp.exempts[i].what));
	return json_pack("{s:s,s:s,s:I,s:f,s:o,s:o,s:o}", "file", e->file, "name", e->name, "seed",
			 (json_int_t)e->seed, "duration_s", (double)e->duration_ns / 1e9,
			 "endpoints", endpoints, "faults", faults, "exempt", exempt);
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

static void print_endpoints(const json_t *list)
{
	json_t *ep, *m;
	size_t i, j;

	json_array_foreach(list, i, ep) {
		printf("  %s\n", json_string_value(json_object_get(ep, "endpoint")));
		json_array_foreach(json_object_get(ep, "members"), j, m) {
			printf("    %s: %s", json_string_value(json_object_get(m, "match")),
			       json_string_value(json_object_get(m, "where")));
			print_list(", devices", json_object_get(m, "devices"));
			print_list(", addresses", json_object_get(m, "addresses"));
			printf("\n");
		}
	}
}

static void print_faults(const json_t *list)
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
			printf(" %.4g-%.4g s", json_real_value(json_array_get(x, 0)),
			       json_real_value(json_array_get(x, 1)));
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
	printf("%s: %s, seed %lld, %.4g s\n", json_string_value(json_object_get(d, "file")),
	       json_string_value(json_object_get(d, "name")),
	       (long long)json_integer_value(json_object_get(d, "seed")),
	       json_real_value(json_object_get(d, "duration_s")));
	printf("endpoints\n");
	print_endpoints(json_object_get(d, "endpoints"));
	printf("faults (BPF programs at tc, tcx where the kernel has it, else clsact; see chaos doctor)\n");
	print_faults(json_object_get(d, "faults"));
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
	static const struct argp argp = {
		options, parse, "FILE...",
		"Parses experiments, resolves their endpoints and says what would be touched. Touches "
		"nothing.",
		NULL, NULL, NULL};
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
