// SPDX-License-Identifier: GPL-2.0-only
/*
 * netchaos_emit.c: the endpoints and faults that a NetworkChaos comes to, as nodes of an experiment's tree that stand
 * where the manifest said it: what is wrong about them is found there.
 */
#include "experiment/netchaos.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <inttypes.h>
#include <string.h>

/* --- nodes ---------------------------------------------------------------------------------------- */

/* What is built stands at @pos; without memory all of it is NULL, and yaml__put() and yaml__add() say so. */
struct at {
	struct yaml *y;
	struct pos pos;
	int r;
};

static struct yaml_node *placed(const struct at *at, struct yaml_node *n)
{
	if (n)
		n->pos = at->pos;
	return n;
}

static struct yaml_node *mapping(const struct at *at)
{
	return placed(at, yaml__new_mapping(at->y));
}

static struct yaml_node *sequence(const struct at *at)
{
	return placed(at, yaml__new_sequence(at->y));
}

static void put(struct at *at, struct yaml_node *map, const char *key, struct yaml_node *value)
{
	if (!at->r)
		at->r = map ? yaml__put(at->y, map, key, value) : -ENOMEM;
}

static void add(struct at *at, struct yaml_node *list, struct yaml_node *value)
{
	if (!at->r)
		at->r = list ? yaml__add(list, value) : -ENOMEM;
}

static void put_plain(struct at *at, struct yaml_node *map, const char *key, const char *value)
{
	put(at, map, key, placed(at, yaml__new_scalar(at->y, value)));
}

/* Text of others' choosing: `true` and `1` stay text. */
static void put_text(struct at *at, struct yaml_node *map, const char *key, const char *value)
{
	put(at, map, key, placed(at, yaml__new_text(at->y, value)));
}

static void put_number(struct at *at, struct yaml_node *map, const char *key, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	put_plain(at, map, key, text);
}

static void put_percent(struct at *at, struct yaml_node *map, const char *key, double percent)
{
	char text[40];

	/* enough digits for all that a percentage is written with, and none of a binary fraction's */
	snprintf(text, sizeof(text), "%.15f", percent);
	for (size_t n = strlen(text); text[n - 1] == '0' || text[n - 1] == '.'; n--) {
		bool point = text[n - 1] == '.';

		text[n - 1] = '\0';
		if (point)
			break;
	}
	strcat(text, "%");
	put_plain(at, map, key, text);
}

/* In the largest unit of which it is a whole number: exact. */
static void put_time(struct at *at, struct yaml_node *map, const char *key, int64_t ns)
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {{3600 * NS_PER_S, "h"}, {60 * NS_PER_S, "m"}, {NS_PER_S, "s"},
		     {NS_PER_MS, "ms"},	     {NS_PER_US, "us"},	   {1, "ns"}};
	char text[32];
	size_t i = 0;

	while (ns % units[i].ns)
		i++;
	if (ns)
		snprintf(text, sizeof(text), "%" PRId64 "%s", ns / units[i].ns, units[i].name);
	put_plain(at, map, key, ns ? text : "0s");
}

/* --- endpoints ------------------------------------------------------------------------------------ */

static struct yaml_node *texts(struct at *at, char *const *v, size_t n)
{
	struct yaml_node *list = sequence(at);

	for (size_t i = 0; i < n; i++)
		add(at, list, placed(at, yaml__new_text(at->y, v[i])));
	return list;
}

/* "key=value" */
static struct yaml_node *pairs(struct at *at, char *const *v, size_t n)
{
	struct yaml_node *map = mapping(at);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *key = strndup(v[i], strcspn(v[i], "="));

		if (!key)
			at->r = -ENOMEM;
		else
			put_text(at, map, key, v[i] + strlen(key) + 1);
	}
	return map;
}

static struct yaml_node *expressions(struct at *at, const struct target_selector *t)
{
	struct yaml_node *list = sequence(at);

	for (size_t i = 0; i < t->n_expressions; i++) {
		const struct target_expression *x = &t->expressions[i];
		struct yaml_node *map = mapping(at);

		put_text(at, map, "key", x->key);
		put_plain(at, map, "operator", target_operators[x->op]);
		if (x->n_values)
			put(at, map, "values", texts(at, x->values, x->n_values));
		add(at, list, map);
	}
	return list;
}

static struct yaml_node *pick(struct at *at, const struct target_pick *p)
{
	struct yaml_node *map = mapping(at);

	put_plain(at, map, "mode", pick_modes[p->mode]);
	if (p->value)
		put_number(at, map, "value", p->value);
	return map;
}

static void put_texts(struct at *at, struct yaml_node *map, const char *key,
		      const struct netchaos_texts *t)
{
	const struct pos pos = at->pos;

	at->pos = t->pos;
	if (t->n)
		put(at, map, key, texts(at, t->v, t->n));
	at->pos = pos;
}

static void put_pairs(struct at *at, struct yaml_node *map, const char *key,
		      const struct netchaos_texts *t)
{
	const struct pos pos = at->pos;

	at->pos = t->pos;
	if (t->n)
		put(at, map, key, pairs(at, t->v, t->n));
	at->pos = pos;
}

/* @ns is the object's own namespace, which is meant where the selector names none. */
static struct yaml_node *peer(struct at *at, const struct netchaos_peer *p, const char *ns,
			      bool cluster)
{
	const struct target_selector *t = &p->pods;
	struct yaml_node *selector = mapping(at), *pods = mapping(at), *own = sequence(at);

	add(at, own, placed(at, yaml__new_text(at->y, ns ? ns : "default")));
	if (t->n_pods)
		put(at, pods, "names", texts(at, t->pods, t->n_pods));
	else
		put(at, pods, "namespaces",
		    t->n_namespaces ? texts(at, t->namespaces, t->n_namespaces) : own);
	if (t->pod_namespace)
		put_text(at, pods, "namespace", t->pod_namespace);
	if (t->name)
		put_text(at, pods, "name", t->name);
	if (t->n_labels)
		put(at, pods, "labels", pairs(at, t->labels, t->n_labels));
	if (t->n_expressions)
		put(at, pods, "expressions", expressions(at, t));
	if (p->nodes.n == 1 && !p->node_labels.n)
		put_text(at, pods, "node", p->nodes.v[0]);
	else
		put_texts(at, pods, "nodes", &p->nodes);
	put_pairs(at, pods, "nodeLabels", &p->node_labels);
	put_pairs(at, pods, "annotations", &p->annotations);
	put_pairs(at, pods, "fields", &p->fields);
	if (cluster)
		put_texts(at, pods, "phases", &p->phases);
	if (t->device)
		put_text(at, pods, "device", t->device);
	put_plain(at, pods, "hostNetwork", "false");
	put(at, selector, "pods", pods);
	if (t->pick.mode != PICK_ALL)
		put(at, selector, "pick", pick(at, &t->pick));
	return selector;
}

static struct yaml_node *externals(struct at *at, const struct network_chaos *c)
{
	struct yaml_node *list = sequence(at);

	for (size_t i = 0; i < c->n_externals; i++) {
		const struct netchaos_external *x = &c->externals[i];
		struct yaml_node *map;

		at->pos = x->pos;
		map = mapping(at);
		put_text(at, map, x->host ? "host" : "cidr", x->host ? x->host : x->addr);
		if (x->port)
			put_number(at, map, "ports", x->port);
		add(at, list, map);
	}
	return list;
}

/* Names of endpoints: those of the second object end in -2. */
struct names {
	char source[24], target[24], external[24];
};

static struct names name_endpoints(size_t n)
{
	struct names names;
	char end[12] = "";

	if (n)
		snprintf(end, sizeof(end), "-%u", (unsigned int)n + 1);
	snprintf(names.source, sizeof(names.source), "selected%s", end);
	snprintf(names.target, sizeof(names.target), "target%s", end);
	snprintf(names.external, sizeof(names.external), "external%s", end);
	return names;
}

/* --- faults --------------------------------------------------------------------------------------- */

static struct yaml_node *others(struct at *at, const struct network_chaos *c, const struct names *n)
{
	struct yaml_node *list = sequence(at);

	if (c->target.set)
		add(at, list, placed(at, yaml__new_scalar(at->y, n->target)));
	if (c->n_externals)
		add(at, list, placed(at, yaml__new_scalar(at->y, n->external)));
	return list;
}

static struct yaml_node *own(struct at *at, const struct names *n)
{
	struct yaml_node *list = sequence(at);

	add(at, list, placed(at, yaml__new_scalar(at->y, n->source)));
	return list;
}

static bool has_others(const struct network_chaos *c)
{
	return c->target.set || c->n_externals;
}

static void put_sides(struct at *at, struct yaml_node *f, const struct network_chaos *c,
		      const struct names *n)
{
	static const char *const directions[] = {"to", "from", "both"};

	put(at, f, "from", own(at, n));
	if (has_others(c))
		put(at, f, "to", others(at, c, n));
	put_plain(at, f, "direction", directions[c->direction]);
}

/* Without others, or one way without them, it is a loss of all packets: a partition has two sides. */
static void put_partition(struct at *at, struct yaml_node *f, const struct network_chaos *c,
			  const struct names *n)
{
	struct yaml_node *p = mapping(at), *groups = sequence(at), *with = mapping(at);
	bool from = c->direction == DIRECTION_FROM;

	if (c->reject || !has_others(c)) {
		put_sides(at, f, c, n);
		put_plain(at, with, c->reject ? "with" : "probability",
			  c->reject ? "port" : "100%");
		put(at, f, c->reject ? "reject" : "loss", with);
		return;
	}
	if (c->direction == DIRECTION_BOTH) {
		add(at, groups, own(at, n));
		add(at, groups, others(at, c, n));
		put(at, p, "groups", groups);
	} else {
		put(at, with, "from", from ? others(at, c, n) : own(at, n));
		put(at, with, "to", from ? own(at, n) : others(at, c, n));
		put(at, p, "simplex", with);
	}
	put(at, f, "partition", p);
}

static void put_chance(struct at *at, struct yaml_node *f, const char *key,
		       const struct netchaos_chance *c)
{
	struct yaml_node *map;

	at->pos = c->pos;
	map = mapping(at);
	if (!c->set || c->percent <= 0)
		return;
	put_percent(at, map, "probability", c->percent);
	if (c->correlation > 0 && c->percent < 100)
		put_percent(at, map, "correlation", c->correlation);
	put(at, f, key, map);
}

static void put_delay(struct at *at, struct yaml_node *f, const struct netchaos_delay *d)
{
	struct yaml_node *map, *reorder;

	at->pos = d->pos;
	map = mapping(at);
	if (!d->latency_ns && !d->jitter_ns)
		return;
	put_time(at, map, "latency", d->latency_ns);
	if (d->jitter_ns)
		put_time(at, map, "jitter", d->jitter_ns);
	/* of the jitter, without which it says nothing */
	if (d->jitter_ns && d->correlation > 0)
		put_percent(at, map, "correlation", d->correlation);
	put(at, f, "delay", map);
	at->pos = d->reorder.pos;
	reorder = mapping(at);
	if (!d->reorder.set || d->reorder.percent <= 0)
		return;
	put_percent(at, reorder, "probability", d->reorder.percent);
	if (d->reorder.correlation > 0)
		put_percent(at, reorder, "correlation", d->reorder.correlation);
	if (d->gap)
		put_number(at, reorder, "gap", d->gap);
	put(at, f, "reorder", reorder);
}

static void put_rate(struct at *at, struct yaml_node *f, const struct netchaos_rate *rate)
{
	struct yaml_node *map;

	if (!rate->set)
		return;
	at->pos = rate->pos;
	map = mapping(at);
	put_plain(at, map, "bandwidth", rate->rate);
	if (rate->buffer)
		put_number(at, map, "burst", rate->buffer);
	if (rate->limit)
		put_number(at, map, "queue", rate->limit);
	put(at, f, "rate", map);
}

static void put_parts(struct at *at, struct yaml_node *f, const struct network_chaos *c,
		      const struct names *n)
{
	if (c->action == NETCHAOS_PARTITION) {
		put_partition(at, f, c, n);
		return;
	}
	put_sides(at, f, c, n);
	put_chance(at, f, "loss", &c->loss);
	if (c->delay.set)
		put_delay(at, f, &c->delay);
	put_chance(at, f, "duplicate", &c->duplicate);
	put_chance(at, f, "corrupt", &c->corrupt);
	put_rate(at, f, &c->rate);
	put_rate(at, f, &c->bandwidth);
}

/* Faults of one experiment have names of their own; those of objects need not differ. */
static bool has_fault(const struct yaml_node *faults, const char *name)
{
	for (size_t i = 0; i < faults->n; i++) {
		const struct yaml_node *other = yaml__get(faults->items[i], "name");

		if (other && !strcmp(other->text, name))
			return true;
	}
	return false;
}

int netchaos__emit(struct emission *em, const struct network_chaos *c, int64_t at_ns,
		   int64_t for_ns, int64_t every_ns)
{
	const bool cluster = em->r->place != EXPERIMENT_HERE;
	const struct names names = name_endpoints(em->n);
	struct at at = {.y = em->y, .pos = c->pos};
	struct yaml_node *f = mapping(&at);

	em->n++;
	if (c->name && !has_fault(em->faults, c->name))
		put_text(&at, f, "name", c->name);
	put_time(&at, f, "at", at_ns);
	if (for_ns)
		put_time(&at, f, "for", for_ns);
	if (every_ns)
		put_time(&at, f, "every", every_ns);
	at.pos = c->source.pos;
	put(&at, em->endpoints, names.source, peer(&at, &c->source, c->ns, cluster));
	at.pos = c->target.pos;
	if (c->target.set)
		put(&at, em->endpoints, names.target, peer(&at, &c->target, c->ns, cluster));
	if (c->n_externals)
		put(&at, em->endpoints, names.external, externals(&at, c));
	at.pos = c->pos;
	put_parts(&at, f, c, &names);
	add(&at, em->faults, f);
	return at.r;
}
