// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* --- shared by roles and workloads ---------------------------------------------------------------- */

/* A probe or client runs inside the endpoint: it must have a network namespace to run in. */
static bool is_enterable(const struct endpoint *ep)
{
	for (size_t i = 0; i < ep->n_selectors; i++) {
		if (ep->selectors[i].kind == SELECTOR_NODE ||
		    ep->selectors[i].kind == SELECTOR_NETNS)
			return true;
	}
	return false;
}

void parse_enterables(struct reader *r, const struct yaml_node *n, char ***names, size_t *n_names)
{
	size_t count = reader__list(r, n, "an endpoint or a list of them");

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader__item(n, i);
		size_t index = parse_endpoint_name(r, item);
		char **name;

		if (index == SIZE_MAX)
			continue;
		if (!is_enterable(&r->e->endpoints[index])) {
			reader__fault(r, item->pos,
				      "`%s` is no network namespace that could be entered; "
				      "expected a lab node or a netns",
				      item->text);
			continue;
		}
		for (size_t j = 0; j < *n_names; j++) {
			if (!(*names)[j] || strcmp((*names)[j], item->text))
				continue;
			reader__fault(r, item->pos, "`%s` stands twice in this list", item->text);
			index = SIZE_MAX;
			break;
		}
		if (index == SIZE_MAX)
			continue;
		name = APPEND(r, *names, *n_names);
		if (name)
			*name = reader__strdup(r, item->text);
	}
}

/* --- workloads ------------------------------------------------------------------------------------ */

/* One of @words, else the nearest. */
static void read_word(struct reader *r, const struct yaml_node *n, const char *what,
		      const char *const *words, size_t n_words, char **ret)
{
	char hint[HINT_SIZE], list[64] = "";

	if (!reader__string(r, n, what, ret))
		return;
	for (size_t i = 0; i < n_words; i++) {
		if (!strcmp(*ret, words[i]))
			return;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			 words[i]);
	}
	reader__hint(r, *ret, words, n_words, hint);
	reader__fault(r, n->pos, "unknown %s `%.64s`; expected %s%s", what, *ret, list, hint);
}

static void workload_system(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"redis", "etcd"};

	read_word(r, n, "workload system", words, ARRAY_SIZE(words),
		  &((struct workload *)obj)->system);
}

static void workload_check(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"set", "register", "cas", "counter", "queue", "lock"};

	read_word(r, n, "check", words, ARRAY_SIZE(words), &((struct workload *)obj)->check);
}

static void workload_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	parse_enterables(r, n, &w->endpoints, &w->n_endpoints);
}

static const struct option workload_options[] = {
	FIELD("name", STRING, workload, name, .required = true),
	OPTION("system", CUSTOM, .required = true, .parse = workload_system),
	OPTION("check", CUSTOM, .required = true, .parse = workload_check),
	OPTION("endpoints", CUSTOM, .required = true, .parse = workload_endpoints),
	FIELD("port", PORT, workload, port),
	FIELD("clients", UINT, workload, clients, .lo = 1, .hi = 1000),
	FIELD("rate", RATE, workload, rate_per_s, .hi = 100000),
	FIELD("reads", FRACTION, workload, reads),
	FIELD("timeout", DURATION, workload, timeout_ns, .lo = NS_PER_MS, .hi = 600 * NS_PER_S),
};

static bool is_check(const struct workload *w, const char *check)
{
	return w->check && !strcmp(w->check, check);
}

static void parse_workload(struct reader *r, const struct yaml_node *n, size_t index)
{
	struct workload *w = &r->e->workloads[index];
	const struct yaml_node *name = yaml__get(n, "name");

	w->pos = n->pos;
	w->rate_per_s = 100;
	w->timeout_ns = NS_PER_S;
	if (!reader__map(r, n, "a workload", workload_options, ARRAY_SIZE(workload_options), w))
		return;
	if (!yaml__get(n, "reads"))
		w->reads = is_check(w, "register") || is_check(w, "cas") ? 0.5 : 0.1;
	if (w->system && !strcmp(w->system, "etcd") && is_check(w, "queue"))
		reader__fault(r, yaml__get(n, "check")->pos, "etcd has no queues to check");
	if (!w->clients)
		w->clients = w->n_endpoints ? (unsigned int)w->n_endpoints : 1;
	if (!w->name || !reader__check_name(r, name->pos, w->name))
		return;
	for (size_t i = 0; i < index; i++) {
		const struct workload *other = &r->e->workloads[i];

		if (other->name && !strcmp(other->name, w->name))
			reader__fault(r, name->pos,
				      "a second workload called `%s`; the first is on line %d",
				      w->name, other->pos.line);
	}
}

static void observe_workloads(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of workloads");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		if (APPEND(r, e->workloads, e->n_workloads))
			parse_workload(r, reader__item(n, i), i);
	}
}

/* --- observe -------------------------------------------------------------------------------------- */

static const struct option traffic_options[] = {
	FIELD("bin", DURATION, experiment, traffic_bin_ns, .lo = 10 * NS_PER_MS,
	      .hi = 10 * NS_PER_S),
};

static void observe_traffic(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__map(r, n, "traffic", traffic_options, ARRAY_SIZE(traffic_options), obj);
}

static const struct option observe_options[] = {
	OPTION("traffic", CUSTOM, .parse = observe_traffic),
	OPTION("roles", CUSTOM, .parse = parse_roles),
	OPTION("workloads", CUSTOM, .parse = observe_workloads),
};

void parse_observe(struct reader *r, const struct yaml_node *n, void *obj)
{
	reader__map(r, n, "observe", observe_options, ARRAY_SIZE(observe_options), obj);
}

/* --- guard and expect ------------------------------------------------------------------------------ */

static void guard_then(struct reader *r, const struct yaml_node *n, void *obj)
{
	char found[FOUND_SIZE];

	(void)obj;
	if (n->kind != YAML_SCALAR || strcmp(n->text, "abort"))
		reader__fault(r, n->pos, "%s is nothing a guard does; expected abort",
			      reader__found(n, found));
}

static const struct option guard_options[] = {
	FIELD("when", STRING, guard, when, .required = true),
	OPTION("then", CUSTOM, .parse = guard_then),
};

void parse_guards(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of guards");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct guard *g = APPEND(r, e->guards, e->n_guards);

		if (!g)
			return;
		if (reader__map(r, item, "a guard", guard_options, ARRAY_SIZE(guard_options), g) &&
		    g->when)
			g->pos = yaml__get(item, "when")->pos;
	}
}

void parse_expect(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of expectations");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct expectation *x = APPEND(r, e->expect, e->n_expect);

		if (!x)
			return;
		x->pos = item->pos;
		reader__string(r, item, "an expectation, as in writes.lost == 0", &x->text);
	}
}
