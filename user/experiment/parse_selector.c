// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

#define KINDS_TEXT "netns, cidr, host, interface, process, cgroup, unit, container, pods"

bool parse_is_address(const char *s)
{
	struct in6_addr a;

	return inet_pton(AF_INET, s, &a) == 1 || inet_pton(AF_INET6, s, &a) == 1;
}

static const struct option selector_options[] = {
	OPTION("netns", HANDLED, .lo = SELECTOR_NETNS),
	OPTION("cidr", HANDLED, .lo = SELECTOR_CIDR),
	OPTION("host", HANDLED, .lo = SELECTOR_HOST),
	OPTION("interface", HANDLED, .lo = SELECTOR_INTERFACE),
	OPTION("process", HANDLED, .lo = SELECTOR_PROCESS),
	OPTION("cgroup", HANDLED, .lo = SELECTOR_CGROUP),
	OPTION("unit", HANDLED, .lo = SELECTOR_UNIT),
	OPTION("container", HANDLED, .lo = SELECTOR_CONTAINER),
	OPTION("pods", HANDLED, .lo = SELECTOR_PODS),
	OPTION("ports", HANDLED),
	OPTION("proto", HANDLED),
	OPTION("not", HANDLED),
	OPTION("pick", HANDLED),
};

/* Kinds stand first in selector_options. */
#define N_KINDS 9

static bool is_node(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_nodes; i++) {
		if (e->nodes[i].name && !strcmp(e->nodes[i].name, name))
			return true;
	}
	return false;
}

/* --- one selector ------------------------------------------------------------------------------- */

/* The option of @n that says of which kind it is, or NULL after a finding. */
static const struct option *find_kind(struct reader *r, const struct yaml_node *n, bool quiet)
{
	const struct option *kind = NULL;

	/* netns beside interface says where the interface is */
	for (size_t i = N_KINDS; i-- > 0;) {
		if (!yaml__get(n, selector_options[i].key))
			continue;
		if (kind && !(i == 0 && kind->lo == SELECTOR_INTERFACE))
			reader__fault(r, n->pos,
				      "`%s` and `%s` in one selector; expected one of them",
				      selector_options[i].key, kind->key);
		else if (!kind)
			kind = &selector_options[i];
	}
	if (!kind && !quiet)
		reader__fault(r, n->pos, "a selector needs one of " KINDS_TEXT);
	return kind;
}

static bool parse_host(struct reader *r, const struct yaml_node *n, struct selector *s)
{
	if (!reader__string(r, n, "a host name, as db.example.org", &s->value))
		return false;
	if (selector__is_host(s->value))
		return true;
	reader__fault(r, n->pos, "`%.64s` is no host name; expected one as db.example.org",
		      s->value);
	return false;
}

/* Into @s->target, which stays NULL for what is not looked for on the machine. */
static bool parse_kind(struct reader *r, const struct yaml_node *n, const struct option *kind,
		       struct selector *s)
{
	const struct yaml_node *netns = yaml__get(n, "netns"), *pick = yaml__get(n, "pick");
	const char *lab;

	s->kind = (enum selector_kind)kind->lo;
	if (s->kind == SELECTOR_HOST)
		return parse_host(r, yaml__get(n, kind->key), s);
	s->target = calloc(1, sizeof(*s->target));
	if (!s->target) {
		r->nomem = true;
		return false;
	}
	if (!parse_target(r, yaml__get(n, kind->key), s->kind, s->target))
		return false;
	if (pick && s->kind == SELECTOR_PODS)
		parse_pick(r, pick, s->target);
	else if (pick)
		reader__fault(r, pick->pos, "`pick` with `%s`; expected it with `pods`", kind->key);
	if (s->kind == SELECTOR_INTERFACE && netns &&
	    !parse_target_key(r, netns, TARGET_KEY_DEVICE_NETNS, s->target))
		return false;
	if (!selector__fill(s)) {
		r->nomem = true;
		return false;
	}
	lab = s->kind == SELECTOR_NETNS ? s->value : s->netns;
	if (lab && is_node(r->e, lab)) {
		target_selector__reset(s->target);
		free(s->target);
		s->target = NULL;
		s->kind = s->kind == SELECTOR_NETNS ? SELECTOR_NODE : s->kind;
	}
	return true;
}

static void parse_packets(struct reader *r, const struct yaml_node *n, struct selector *s)
{
	const struct yaml_node *ports = yaml__get(n, "ports"), *proto = yaml__get(n, "proto");

	if (ports)
		parse_ports(r, ports, &s->ports);
	if (proto)
		parse_proto(r, proto, &s->proto);
	if (ports && !parse_proto_has_ports(s->proto))
		reader__fault(r, ports->pos, "%s has no ports; expected proto tcp, udp or sctp",
			      proto->text);
}

/* --- several ------------------------------------------------------------------------------------ */

static int by_meaning(const void *a, const void *b)
{
	const struct selector *const *x = a, *const *y = b;
	int c = selector__compare(*x, *y);

	return c ? c : (*x > *y) - (*x < *y);
}

/* Sorted, equal selectors are neighbours: a list of thousands stays cheap. */
static void refuse_twins(struct reader *r, const struct selector *v, size_t n)
{
	_cleanup_free_ const struct selector **sorted = calloc(n + 1, sizeof(struct selector *));
	size_t k = 0;

	if (!sorted) {
		r->nomem = true;
		return;
	}
	/* one without a value has its finding already */
	for (size_t i = 0; i < n; i++)
		if (v[i].value)
			sorted[k++] = &v[i];
	qsort(sorted, k, sizeof(struct selector *), by_meaning);
	for (size_t i = 1; i < k; i++) {
		char path[256] = "";

		if (selector__compare(sorted[i - 1], sorted[i]))
			continue;
		if (r->root)
			reader__path_to(r->root, sorted[i - 1]->pos, path, sizeof(path));
		else
			snprintf(path, sizeof(path), "at %d:%d", sorted[i - 1]->pos.line,
				 sorted[i - 1]->pos.col);
		reader__fault(r, sorted[i]->pos, "the same selector as %s", path);
	}
}

static void parse_exclude(struct reader *r, const struct yaml_node *n, struct selector *s)
{
	static const char *const refused[] = {"ports", "proto", "not", "pick"};
	const struct option *kind;
	size_t before = r->n_findings;

	s->pos = n->pos;
	if (!reader__map(r, n, "a selector", selector_options, ARRAY_SIZE(selector_options), s))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const struct yaml_node *value = yaml__get(n, refused[i]);

		if (value)
			reader__fault(r, value->pos,
				      "`%s` inside `not`; expected a selector without it",
				      refused[i]);
	}
	kind = find_kind(r, n, r->n_findings != before);
	if (!kind || !parse_kind(r, n, kind, s) || s->target)
		return;
	reader__fault(r, n->pos,
		      s->kind == SELECTOR_HOST
			      ? "`host` inside `not`; expected what is looked for on this machine"
			      : "`%.64s` is a lab node; `not` is for what is there before the run",
		      s->kind == SELECTOR_NODE ? s->value : s->netns);
}

/* Excludes @v of @s, which are all good, go to its target. */
static void keep_excludes(struct reader *r, struct selector *s, struct selector *v, size_t n)
{
	const struct target_selector bare = *s->target; /* as yet without excludes */

	for (size_t i = 0; i < n; i++) {
		struct target_selector *x;

		if (!v[i].target)
			continue;
		if (!target_selector__compare(v[i].target, &bare)) {
			reader__fault(r, v[i].pos, "`not` excludes all that the selector chooses");
			continue;
		}
		x = APPEND(r, s->target->excludes, s->target->n_excludes);
		if (!x)
			return;
		*x = *v[i].target;
		*v[i].target = (struct target_selector){0};
	}
}

static void parse_not(struct reader *r, const struct yaml_node *n, struct selector *s)
{
	size_t count, n_excludes = 0;
	struct selector *v = NULL;

	if (!s->target) {
		reader__fault(r, n->pos,
			      "`not` with %s; expected it with what is looked for on this machine",
			      s->kind == SELECTOR_HOST ? "a host" : "a lab node");
		return;
	}
	count = reader__list(r, n, "a selector or a list of them");
	for (size_t i = 0; i < count; i++) {
		struct selector *x = APPEND(r, v, n_excludes);

		if (!x)
			break;
		parse_exclude(r, reader__item(n, i), x);
	}
	refuse_twins(r, v, n_excludes);
	keep_excludes(r, s, v, n_excludes);
	for (size_t i = 0; i < n_excludes; i++)
		selector__reset(&v[i]);
	free(v);
}

static void parse_selector(struct reader *r, const struct yaml_node *n, struct selector *s)
{
	const struct yaml_node *not = yaml__get(n, "not");
	const struct option *kind;
	size_t before = r->n_findings;

	s->pos = n->pos;
	if (!reader__map(r, n, "a selector", selector_options, ARRAY_SIZE(selector_options), s))
		return;
	parse_packets(r, n, s);
	kind = find_kind(r, n, r->n_findings != before);
	if (!kind || !parse_kind(r, n, kind, s))
		return;
	if (not )
		parse_not(r, not, s);
}

static bool endpoint_name(struct reader *r, const struct yaml_node *key)
{
	if (!reader__check_name(r, key->pos, key->text))
		return false;
	if (!strcmp(key->text, "all") || !strcmp(key->text, "other")) {
		reader__fault(r, key->pos, "`%s` is reserved; choose another name", key->text);
		return false;
	}
	if (experiment__endpoint(r->e, key->text)) {
		reader__fault(r, key->pos, "`%.64s` is a lab node; choose another name", key->text);
		return false;
	}
	return true;
}

void parse_endpoints(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t n_pairs = reader__pairs(r, n, "endpoints by name");

	for (size_t i = 0; i < n_pairs; i++) {
		const struct yaml_node *key = n->items[2 * i], *value = n->items[2 * i + 1];
		struct endpoint *ep;
		size_t count;

		if (!endpoint_name(r, key))
			continue;
		/* known from here on, even if its selectors are wrong: one finding for one mistake */
		ep = APPEND(r, e->endpoints, e->n_endpoints);
		if (!ep)
			return;
		ep->name = reader__strdup(r, key->text);
		ep->pos = key->pos;
		count = reader__list(r, value, "a selector or a list of them");
		for (size_t j = 0; j < count; j++) {
			struct selector *s = APPEND(r, ep->selectors, ep->n_selectors);

			if (!s)
				return;
			parse_selector(r, reader__item(value, j), s);
		}
		refuse_twins(r, ep->selectors, ep->n_selectors);
	}
}
