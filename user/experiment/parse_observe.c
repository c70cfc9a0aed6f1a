// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* --- shared by roles and workloads ---------------------------------------------------------------- */

/* A probe or client runs inside the endpoint: it must have a network namespace to run in. */
static bool is_enterable(const struct endpoint *ep)
{
	for (size_t i = 0; i < ep->n_selectors; i++)
		switch (ep->selectors[i].kind) {
		case SELECTOR_NODE:
		case SELECTOR_NETNS:
		case SELECTOR_PODS:
		case SELECTOR_CONTAINER:
			return true;
		default:
			break;
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
				      "expected %s",
				      item->text,
				      r->place == EXPERIMENT_HERE
					      ? "a lab node, a netns, pods or a container"
					      : "pods");
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
	char hint[HINT_SIZE], list[256] = "";

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

static const struct custom_system *find_custom(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_systems; i++) {
		if (e->systems[i].name && !strcmp(e->systems[i].name, name))
			return &e->systems[i];
	}
	return NULL;
}

/* What each system of load_systems has beside what all have. */
static const struct load_system {
	const char *name;
	bool login, queue_type;
	const char *checks; /* those that it has; NULL = all */
	bool no_reads;	    /* while it is written */
} load_systems[] = {
	{"redis", false, false, NULL},
	{"etcd", false, false, "set register cas counter lock"},
	{"consul", false, false, "set register cas counter lock"},
	{"postgres", true, false, "set register cas counter queue"},
	{"mysql", true, false, "set register cas counter queue"},
	{"rabbitmq", true, true, "queue"},
	{"zookeeper", false, false, "set register cas counter"},
	{"redis-cluster", false, false, NULL},
	{"kafka", false, false, "set", .no_reads = true},
	{"nats", true, false, "set register cas counter queue"},
	{"http", false, false, NULL},
};

static const struct load_system *find_load_system(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(load_systems); i++)
		if (!strcmp(load_systems[i].name, name))
			return &load_systems[i];
	return NULL;
}

bool parse_is_load_system(const char *name)
{
	return find_load_system(name) != NULL;
}

static void workload_system(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;
	const char *words[ARRAY_SIZE(load_systems) + 1];
	const struct custom_system *custom = NULL;

	if (n->kind == YAML_SCALAR)
		custom = find_custom(r->e, n->text);
	for (size_t i = 0; i < ARRAY_SIZE(load_systems); i++)
		words[i] = load_systems[i].name;
	words[ARRAY_SIZE(load_systems)] = custom && custom->workload ? custom->name : "";
	read_word(r, n, "workload system", words,
		  ARRAY_SIZE(load_systems) + (custom && custom->workload), &w->system);
}

static void workload_queue_type(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"classic", "quorum"};

	read_word(r, n, "queue type", words, ARRAY_SIZE(words),
		  &((struct workload *)obj)->login.queue_type);
}

static void workload_check(struct reader *r, const struct yaml_node *n, void *obj)
{
	static const char *const words[] = {"set",   "register", "cas", "counter",
					    "queue", "lock",	 "none"};

	read_word(r, n, "check", words, ARRAY_SIZE(words), &((struct workload *)obj)->check);
}

static void workload_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	parse_enterables(r, n, &w->endpoints, &w->n_endpoints);
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

static void workload_resource(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct workload *w = obj;

	if (reader__string(r, n, "an endpoint", &w->resource) &&
	    parse_endpoint_name(r, n) == SIZE_MAX) {
		free(w->resource);
		w->resource = NULL;
	}
}

static const struct option workload_options[] = {
	FIELD("name", STRING, workload, name, .required = true),
	OPTION("system", CUSTOM, .required = true, .parse = workload_system),
	OPTION("check", CUSTOM, .parse = workload_check),
	OPTION("endpoints", CUSTOM, .required = true, .parse = workload_endpoints),
	OPTION("target", CUSTOM, .parse = workload_target),
	OPTION("resource", CUSTOM, .parse = workload_resource),
	FIELD("fenced", BOOL, workload, fenced),
	FIELD("port", PORT, workload, port),
	FIELD("user", STRING, workload, login.user),
	FIELD("password", STRING, workload, login.password),
	FIELD("database", STRING, workload, login.database),
	OPTION("queue_type", CUSTOM, .parse = workload_queue_type),
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

/* One of the words of @list. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p++)
		if ((p == list || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

/* What only some systems have. */
static void check_workload_system(struct reader *r, const struct yaml_node *n,
				  const struct workload *w)
{
	static const char *const keys[] = {"user", "password", "database", "queue_type"};
	const struct load_system *s = find_load_system(w->system);
	const struct custom_system *custom = s ? NULL : find_custom(r->e, w->system);
	const struct yaml_node *check = yaml__get(n, "check");
	struct pos pos = check ? check->pos : n->pos;

	if (s && s->checks && !has_word(s->checks, w->check))
		reader__fault(r, pos, "%s has no %s to check; expected one of %s", s->name,
			      w->check, s->checks);
	if (custom && custom->workload && custom->workload->n_exchanges &&
	    !custom__has_check(custom->workload, w->check))
		reader__fault(r, pos, "system `%s` has no operations for check %s", w->system,
			      w->check);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *key = yaml__get(n, keys[i]);
		bool fits = s && (i == 3 ? s->queue_type : s->login);

		if (key && !fits)
			reader__fault(r, key->pos, "`%s` does not belong to system %s", keys[i],
				      w->system);
	}
	if (yaml__get(n, "resource") &&
	    (strcmp(w->check, "lock") != 0 || strcmp(w->system, "redis") != 0))
		reader__fault(
			r, yaml__get(n, "resource")->pos,
			"`resource` belongs to check lock of system redis: what its holders use");
	if (yaml__get(n, "fenced") && !yaml__get(n, "resource"))
		reader__fault(r, yaml__get(n, "fenced")->pos,
			      "`fenced` without a `resource` to fence");
	if (s && s->no_reads && w->reads > 0)
		reader__fault(r, yaml__get(n, "reads")->pos,
			      "%s has no reads of single values; its set is read in the end",
			      s->name);
	if (custom && yaml__get(n, "port"))
		reader__fault(r, yaml__get(n, "port")->pos, "system %s has no port", w->system);
}

static double default_reads(const struct workload *w)
{
	const struct load_system *s = w->system ? find_load_system(w->system) : NULL;

	if (s && s->no_reads)
		return 0;
	return is_check(w, "register") || is_check(w, "cas") ? 0.5 : 0.1;
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
		w->reads = default_reads(w);
	if (w->system && w->check)
		check_workload_system(r, n, w);
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

static void capture_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct capture_options *c = obj;

	parse_enterables(r, n, &c->endpoints, &c->n_endpoints);
}

static const struct option capture_options[] = {
	FIELD("snaplen", UINT, capture_options, snaplen, .lo = 64, .hi = 2048),
	FIELD("max", SIZE, capture_options, max, .lo = 64 << 10, .hi = 4LL << 30),
	OPTION("endpoints", CUSTOM, .parse = capture_endpoints),
};

static void observe_capture(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;

	e->capture.on = reader__map(r, n, "capture", capture_options, ARRAY_SIZE(capture_options),
				    &e->capture);
	if (e->capture.max.from != e->capture.max.to)
		reader__fault(r, n->pos, "`max` cannot move; expected one size");
}

static const struct option observe_options[] = {
	OPTION("capture", CUSTOM, .parse = observe_capture),
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
		    g->when) {
			g->pos = yaml__get(item, "when")->pos;
			g->quoted = !yaml__get(item, "when")->plain;
		}
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
		x->quoted = !item->plain;
		reader__string(r, item, "an expectation, as in writes.lost == 0", &x->text);
	}
}
