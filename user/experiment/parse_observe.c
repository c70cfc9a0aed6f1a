// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

#define LIST_SYSTEMS "redis, sentinel, etcd, vrrp"

const char *const role_systems[] = {"redis", "sentinel", "etcd", "vrrp"};
const size_t n_role_systems = ARRAY_SIZE(role_systems);

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

static void read_endpoints(struct reader *r, const struct yaml_node *n, char ***names,
			   size_t *n_names)
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

/* --- roles ---------------------------------------------------------------------------------------- */

static const struct custom_system *find_custom(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_systems; i++) {
		if (e->systems[i].name && !strcmp(e->systems[i].name, name))
			return &e->systems[i];
	}
	return NULL;
}

static bool is_role_system(const char *name)
{
	for (size_t i = 0; i < n_role_systems; i++) {
		if (!strcmp(role_systems[i], name))
			return true;
	}
	return false;
}

static void role_system(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;
	struct experiment *e = r->e;
	_cleanup_free_ const char **words = calloc(n_role_systems + e->n_systems, sizeof(*words));
	char hint[HINT_SIZE];

	if (!words) {
		r->nomem = true;
		return;
	}
	if (!reader__string(r, n, "a system: " LIST_SYSTEMS " or a name of `systems`",
			    &w->system) ||
	    is_role_system(w->system) || find_custom(e, w->system))
		return;
	for (size_t i = 0; i < n_role_systems; i++)
		words[i] = role_systems[i];
	for (size_t i = 0; i < e->n_systems; i++)
		words[n_role_systems + i] = e->systems[i].name ? e->systems[i].name : "";
	reader__hint(r, w->system, words, n_role_systems + e->n_systems, hint);
	reader__fault(r, n->pos, "unknown system `%.64s`%s", w->system,
		      *hint ? hint : "; expected " LIST_SYSTEMS " or a name of `systems`");
	free(w->system);
	w->system = NULL;
}

static void role_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;

	read_endpoints(r, n, &w->endpoints, &w->n_endpoints);
}

static void role_vip(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct role_watch *w = obj;

	if (reader__string(r, n, "an address", &w->vip) && !parse_is_address(w->vip))
		reader__fault(r, n->pos,
			      "`%.64s` is no address; expected one as 10.99.0.100, without length",
			      w->vip);
}

static const struct option role_options[] = {
	FIELD("resource", STRING, role_watch, resource, .required = true),
	OPTION("system", CUSTOM, .required = true, .parse = role_system),
	OPTION("endpoints", CUSTOM, .required = true, .parse = role_endpoints),
	FIELD("port", PORT, role_watch, port),
	FIELD("master_name", STRING, role_watch, master_name),
	OPTION("vip", CUSTOM, .parse = role_vip),
	FIELD("every", DURATION, role_watch, every_ns, .lo = NS_PER_MS, .hi = 60 * NS_PER_S),
};

/* Options that only some systems have. */
static void check_role(struct reader *r, const struct yaml_node *n, struct role_watch *w)
{
	const struct yaml_node *vip = yaml__get(n, "vip"), *port = yaml__get(n, "port");
	const struct yaml_node *master = yaml__get(n, "master_name");
	bool vrrp = !strcmp(w->system, "vrrp"), sentinel = !strcmp(w->system, "sentinel");
	const struct custom_system *custom = find_custom(r->e, w->system);

	if (vrrp && !vip)
		reader__fault(r, n->pos, "system vrrp needs `vip`, the address that moves");
	if (!vrrp && vip)
		reader__fault(r, vip->pos, "`vip` belongs to system vrrp, not to %s", w->system);
	if (!sentinel && master)
		reader__fault(r, master->pos, "`master_name` belongs to system sentinel, not to %s",
			      w->system);
	if (port && (vrrp || (custom && custom->kind != EXCHANGE_TCP)))
		reader__fault(r, port->pos, "system %s has no port", w->system);
	if (sentinel && !w->master_name)
		w->master_name = reader__strdup(r, "mymaster");
}

static void parse_role(struct reader *r, const struct yaml_node *n, size_t index)
{
	struct role_watch *w = &r->e->roles[index];
	const struct yaml_node *name = yaml__get(n, "resource");

	w->pos = n->pos;
	w->every_ns = 20 * NS_PER_MS;
	if (!reader__map(r, n, "a role", role_options, ARRAY_SIZE(role_options), w))
		return;
	if (w->system)
		check_role(r, n, w);
	if (!w->resource || !reader__check_name(r, name->pos, w->resource))
		return;
	for (size_t i = 0; i < index; i++) {
		const struct role_watch *other = &r->e->roles[i];

		if (other->resource && !strcmp(other->resource, w->resource))
			reader__fault(r, name->pos,
				      "a second role of resource `%s`; the first is on line %d",
				      w->resource, other->pos.line);
	}
}

static void observe_roles(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t count = reader__list(r, n, "a list of roles");

	for (size_t i = 0; i < count && !r->nomem; i++) {
		if (APPEND(r, e->roles, e->n_roles))
			parse_role(r, reader__item(n, i), i);
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
	static const char *const words[] = {"redis", "etcd", "http"};

	read_word(r, n, "workload system", words, ARRAY_SIZE(words),
		  &((struct workload *)obj)->system);
}

static void workload_check(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"set", "register", "cas", "counter",
					    "queue", "lock",	 "none"};

	read_word(r, n, "check", words, ARRAY_SIZE(words), &((struct workload *)obj)->check);
}

static void workload_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	read_endpoints(r, n, &w->endpoints, &w->n_endpoints);
}

static void workload_target(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	if (reader__string(r, n, "an endpoint", &w->target) &&
	    parse_endpoint_name(r, n) == SIZE_MAX) {
		free(w->target);
		w->target = NULL;
	}
}

static const struct option workload_options[] = {
	FIELD("name", STRING, workload, name, .required = true),
	OPTION("system", CUSTOM, .required = true, .parse = workload_system),
	OPTION("check", CUSTOM, .parse = workload_check),
	OPTION("endpoints", CUSTOM, .required = true, .parse = workload_endpoints),
	OPTION("target", CUSTOM, .parse = workload_target),
	FIELD("port", PORT, workload, port),
	FIELD("clients", UINT, workload, clients, .lo = 1, .hi = 10000),
	OPTION("mode", CUSTOM, .parse = workload__mode),
	FIELD("rate", RATE, workload, rate_per_s, .hi = 100000),
	OPTION("arrival", CUSTOM, .parse = workload__arrival),
	FIELD("think", DURATION, workload, think_ns, .lo = 0, .hi = 3600 * NS_PER_S),
	FIELD("reads", FRACTION, workload, reads),
	FIELD("timeout", DURATION, workload, timeout_ns, .lo = NS_PER_MS, .hi = 600 * NS_PER_S),
	OPTION("retry", CUSTOM, .parse = workload__retry),
	OPTION("connections", CUSTOM, .parse = workload__connections),
	OPTION("url", CUSTOM, .parse = workload__url),
	OPTION("method", CUSTOM, .parse = workload__method),
	OPTION("body", CUSTOM, .parse = workload__body),
	OPTION("headers", CUSTOM, .parse = workload__headers),
	OPTION("expect_status", CUSTOM, .parse = workload__status),
	OPTION("keys", CUSTOM, .parse = workload__keys),
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
	w->timeout_ns = w->think_ns = NS_PER_S;
	w->retry = (struct retry){.delay_ns = NS_PER_S,
				  .base_ns = 100 * NS_PER_MS,
				  .cap_ns = 10 * NS_PER_S,
				  .attempts = 10};
	w->http.status_lo = 200;
	w->http.status_hi = 299;
	w->http.keys = 1;
	if (!reader__map(r, n, "a workload", workload_options, ARRAY_SIZE(workload_options), w))
		return;
	workload__check(r, n, w);
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
	OPTION("roles", CUSTOM, .parse = observe_roles),
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
