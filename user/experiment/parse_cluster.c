// SPDX-License-Identifier: GPL-2.0-only
/*
 * parse_cluster.c: what an experiment may not hold when it is an object of the API. Whoever may create one has the
 * rights of that API, not those of root on every node: it chooses pods and addresses, and runs no program.
 */
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

/* Item @i of what is a list or stands for one. */
static size_t count_of(const struct yaml_node *n)
{
	return !n ? 0 : n->kind == YAML_SEQUENCE ? n->n : 1;
}

/* --- namespaces ------------------------------------------------------------------------------------- */

static bool names_namespace(const struct yaml_node *pods)
{
	const struct yaml_node *fields = yaml__get(pods, "fields");

	return yaml__get(pods, "namespace") || yaml__get(pods, "namespaces") ||
	       yaml__get(pods, "names") || yaml__get(fields, target_fields[FIELD_NAMESPACE]);
}

static void fill_namespace(struct reader *r, struct yaml *y, const struct yaml_node *selector)
{
	struct yaml_node *pods = yaml__get(selector, "pods"), *ns;

	if (!pods || pods->kind != YAML_MAPPING || !pods->n || names_namespace(pods) || r->nomem)
		return;
	if (!strcmp(r->ns, PARSE_SYSTEM_NS)) {
		reader__fault(
			r, pods->pos,
			"the cluster's own pods are chosen only by naming the namespace; expected "
			"`namespace: " PARSE_SYSTEM_NS "`");
		return;
	}
	ns = yaml__new_text(y, r->ns);
	if (ns)
		ns->pos = pods->pos;
	r->nomem |= yaml__put(y, pods, "namespace", ns) != 0;
}

void parse_cluster_namespaces(struct reader *r, struct yaml *y)
{
	const struct yaml_node *endpoints = yaml__get(yaml__get(y->root, "spec"), "endpoints");

	if (!r->ns || !endpoints || endpoints->kind != YAML_MAPPING)
		return;
	for (size_t i = 1; i < endpoints->n; i += 2)
		for (size_t k = 0; k < count_of(endpoints->items[i]); k++) {
			const struct yaml_node *s = reader__item(endpoints->items[i], k);
			const struct yaml_node *not = yaml__get(s, "not");

			fill_namespace(r, y, s);
			for (size_t x = 0; x < count_of(not ); x++)
				fill_namespace(r, y, reader__item(not, x));
		}
}

/* --- refused ------------------------------------------------------------------------------------------ */

static void refuse(struct reader *r, const struct yaml_node *n, const char *why)
{
	if (n)
		reader__fault(r, n->pos, "%s", why);
}

static void check_selector(struct reader *r, const struct selector *s)
{
	static const char *const names[] = {
		[SELECTOR_NODE] = "a lab node",	    [SELECTOR_NETNS] = "netns",
		[SELECTOR_INTERFACE] = "interface", [SELECTOR_PROCESS] = "process",
		[SELECTOR_CGROUP] = "cgroup",	    [SELECTOR_UNIT] = "unit",
		[SELECTOR_CONTAINER] = "container",
	};
	const struct target_selector *t = s->target;

	if (s->kind != SELECTOR_PODS && s->kind != SELECTOR_CIDR && s->kind != SELECTOR_HOST) {
		reader__fault(r, s->pos,
			      "`%s` is of one machine, and a cluster has many; expected pods, cidr "
			      "or host",
			      names[s->kind]);
		return;
	}
	for (size_t i = 0; t && i < t->n_excludes; i++)
		if (t->excludes[i].kind != t->kind)
			reader__fault(
				r, s->pos,
				"`not` of another kind; in a cluster pods are left out of pods, "
				"and networks out of networks");
}

#define NO_COMMAND                                                                           \
	"a program would run as root on the nodes, and who may create this object need not " \
	"have that right; expected an exchange by http or tcp"
#define NO_FILE                                                                            \
	"a file of the node, which who may create this object need not have the right to " \
	"read"

static void check_system(struct reader *r, const struct custom_system *s)
{
	const struct custom_workload *w = s->workload;

	if (s->has_probe && s->kind == EXCHANGE_COMMAND)
		reader__fault(r, s->pos, NO_COMMAND);
	if (w && (w->setup || w->session))
		reader__fault(r, w->pos, NO_COMMAND);
	for (size_t i = 0; w && i < w->n_exchanges; i++)
		if (w->exchanges[i].via == VIA_COMMAND)
			reader__fault(r, w->exchanges[i].pos, NO_COMMAND);
}

/* @keys of each item of @list. */
static void check_files(struct reader *r, const struct yaml_node *list, const char *const *keys,
			size_t n_keys)
{
	for (size_t i = 0; i < count_of(list); i++)
		for (size_t k = 0; k < n_keys; k++)
			refuse(r, yaml__get(reader__item(list, i), keys[k]), NO_FILE);
}

static void check_capture(struct reader *r, const struct yaml_node *capture)
{
	if (r->e->capture.on)
		refuse(r, capture,
		       "captured packets would stay on the nodes; expected none, or run chaos "
		       "there");
}

void parse_cluster_check(struct reader *r, const struct yaml *y, const struct experiment_mode *mode)
{
	static const char *const role_files[] = {"ca_file", "token_file"};
	static const char *const delay_files[] = {"table"};
	const struct yaml_node *spec = yaml__get(y->root, "spec");
	const struct yaml_node *observe = yaml__get(spec, "observe");
	const struct yaml_node *faults = yaml__get(spec, "faults");
	const struct experiment *e = r->e;

	refuse(r, yaml__get(spec, "lab"),
	       "a lab is made on one machine; here the pods are there already: expected endpoints");
	if (e->allow_host && !mode->allow_host)
		refuse(r, yaml__get(spec, "allowHost"),
		       "faults on a node's own network may cut it off; this agent does not permit "
		       "it");
	for (size_t i = e->n_nodes; i < e->n_endpoints; i++)
		for (size_t k = 0; k < e->endpoints[i].n_selectors; k++)
			if (e->endpoints[i].selectors[k].value)
				check_selector(r, &e->endpoints[i].selectors[k]);
	for (size_t i = 0; i < e->n_systems; i++)
		check_system(r, &e->systems[i]);
	check_files(r, yaml__get(observe, "roles"), role_files, ARRAY_SIZE(role_files));
	for (size_t i = 0; i < count_of(faults); i++)
		check_files(r, yaml__get(reader__item(faults, i), "delay"), delay_files,
			    ARRAY_SIZE(delay_files));
	check_capture(r, yaml__get(observe, "capture"));
}
