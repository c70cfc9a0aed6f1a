// SPDX-License-Identifier: GPL-2.0-only
/* netchaos_selector.c: a PodSelectorSpec of Chaos Mesh, and its external targets. */
#include "experiment/netchaos.h"
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

/* --- lists ---------------------------------------------------------------------------------------- */

static bool is_empty(const struct yaml_node *n)
{
	return yaml__is_null(n) || (n->kind != YAML_SCALAR && !n->n);
}

static void add_text(struct reader *r, struct pos pos, struct netchaos_texts *t, const char *text)
{
	char **v = APPEND(r, t->v, t->n);

	if (v)
		*v = reader__strdup(r, text);
	t->pos = pos;
}

static void read_texts(struct reader *r, const struct yaml_node *n, const char *what,
		       struct netchaos_texts *t)
{
	size_t count = is_empty(n) ? 0 : reader__list(r, n, what);

	for (size_t i = 0; i < count && !r->nomem; i++) {
		_cleanup_free_ char *text = NULL;

		if (reader__string(r, reader__item(n, i), what, &text))
			add_text(r, n->pos, t, text);
	}
}

static void read_pairs(struct reader *r, const struct yaml_node *n, const char *what,
		       struct netchaos_texts *t)
{
	size_t count = is_empty(n) ? 0 : reader__pairs(r, n, what);

	for (size_t i = 0; i < count && !r->nomem; i++) {
		const struct yaml_node *value = n->items[2 * i + 1];
		_cleanup_free_ char *text = NULL;
		char found[FOUND_SIZE];

		if (value->kind != YAML_SCALAR) {
			reader__fault(r, value->pos, "found %s; expected text",
				      reader__found(value, found));
		} else if (asprintf(&text, "%s=%s", n->items[2 * i]->text, value->text) < 0) {
			text = NULL;
			r->nomem = true;
		} else {
			add_text(r, n->pos, t, text);
		}
	}
}

/* --- fields --------------------------------------------------------------------------------------- */

static struct target_selector *pods_of(void *obj)
{
	return &((struct netchaos_peer *)obj)->pods;
}

static void selector_namespaces(struct reader *r, const struct yaml_node *n, void *obj)
{
	size_t count = is_empty(n) ? 0 : reader__list(r, n, "namespaces");

	for (size_t i = 0; i < count; i++)
		parse_target_key(r, reader__item(n, i), TARGET_KEY_POD_NAMESPACES, pods_of(obj));
}

static void selector_labels(struct reader *r, const struct yaml_node *n, void *obj)
{
	if (!is_empty(n))
		parse_pod_labels(r, n, pods_of(obj));
}

static void selector_expressions(struct reader *r, const struct yaml_node *n, void *obj)
{
	if (!is_empty(n))
		parse_pod_expressions(r, n, pods_of(obj));
}

static void selector_annotations(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_pairs(r, n, "annotations, as {key: value}",
		   &((struct netchaos_peer *)obj)->annotations);
}

static void selector_nodes(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_texts(r, n, "names of nodes", &((struct netchaos_peer *)obj)->nodes);
}

static void selector_node_labels(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_pairs(r, n, "labels of nodes, as {key: value}",
		   &((struct netchaos_peer *)obj)->node_labels);
}

static void selector_fields(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct netchaos_peer *p = obj;

	/* on one machine the first three are what is seen of a pod too */
	if (r->place != EXPERIMENT_HERE) {
		read_pairs(r, n, "fields, as {metadata.name: web-0}", &p->fields);
		return;
	}
	size_t count = is_empty(n) ? 0 : reader__pairs(r, n, "fields, as {metadata.name: web-0}");

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *value = n->items[2 * i + 1];
		int word = reader__word(r, n->items[2 * i], "field of pods that is known here",
					target_fields, FIELD_NODE + 1);
		_cleanup_free_ char *node = NULL;

		if (word == FIELD_NAME)
			parse_target_key(r, value, TARGET_KEY_POD, &p->pods);
		else if (word == FIELD_NAMESPACE)
			parse_target_key(r, value, TARGET_KEY_POD_NAMESPACE, &p->pods);
		else if (word == FIELD_NODE &&
			 reader__string(r, value, "the name of a node", &node))
			add_text(r, n->pos, &p->nodes, node);
	}
}

/* On one machine, what is seen of a pod is that it runs. */
static void selector_phases(struct reader *r, const struct yaml_node *n, void *obj)
{
	size_t count = is_empty(n) ? 0 : reader__list(r, n, "phases of pods");
	bool running = !count || r->place != EXPERIMENT_HERE;

	for (size_t i = 0; i < count; i++) {
		int phase = reader__word(r, reader__item(n, i), "phase of a pod", target_phases,
					 ARRAY_SIZE(target_phases));

		if (phase >= 0)
			add_text(r, n->pos, &((struct netchaos_peer *)obj)->phases,
				 target_phases[phase]);
		running |= phase == 1 || phase < 0;
	}
	if (!running)
		reader__fault(r, n->pos, "only pods in phase Running have a network to disturb");
}

static void add_pod(struct reader *r, const struct yaml_node *ns, const struct yaml_node *n,
		    struct target_selector *t)
{
	_cleanup_free_ char *name = NULL, *path = NULL;
	struct error err = {0};
	int e = 0;

	if (!reader__string(r, n, "the name of a pod", &name))
		return;
	if (asprintf(&path, "%s/%s", ns->text, name) < 0) {
		path = NULL;
		e = -ENOMEM;
	}
	if (!e)
		e = target_selector__set(t, TARGET_KEY_PODS, path, &err);
	if (e == -ENOMEM)
		r->nomem = true;
	else if (e)
		reader__fault(r, n->pos, "%s", err.msg);
}

static void selector_pods(struct reader *r, const struct yaml_node *n, void *obj)
{
	size_t count = is_empty(n) ? 0 : reader__pairs(r, n, "pods, as {shop: [web-0, web-1]}");

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *list = n->items[2 * i + 1];
		size_t names = is_empty(list) ? 0 : reader__list(r, list, "names of pods");

		for (size_t k = 0; k < names; k++)
			add_pod(r, n->items[2 * i], reader__item(list, k), pods_of(obj));
	}
}

static const struct option selector_options[] = {
	OPTION("namespaces", CUSTOM, .parse = selector_namespaces),
	OPTION("labelSelectors", CUSTOM, .parse = selector_labels),
	OPTION("expressionSelectors", CUSTOM, .parse = selector_expressions),
	OPTION("annotationSelectors", CUSTOM, .parse = selector_annotations),
	OPTION("fieldSelectors", CUSTOM, .parse = selector_fields),
	OPTION("nodes", CUSTOM, .parse = selector_nodes),
	OPTION("pods", CUSTOM, .parse = selector_pods),
	OPTION("nodeSelectors", CUSTOM, .parse = selector_node_labels),
	OPTION("podPhaseSelectors", CUSTOM, .parse = selector_phases),
};

/* Chaos Mesh takes `pods` and looks at nothing else of the selector; nobody who writes both means that. */
static void check_pods_alone(struct reader *r, const struct yaml_node *n)
{
	const struct yaml_node *pods = yaml__get(n, "pods");

	if (!pods || is_empty(pods))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(selector_options); i++) {
		const char *key = selector_options[i].key;
		const struct yaml_node *other = yaml__get(n, key);

		if (other && strcmp(key, "pods") != 0 && strcmp(key, "namespaces") != 0 &&
		    !is_empty(other))
			reader__fault(
				r, other->pos,
				"`%s` beside `pods`, which Chaos Mesh takes alone; expected one "
				"of them",
				key);
	}
}

void netchaos__read_selector(struct reader *r, const struct yaml_node *n, struct netchaos_peer *p)
{
	if (reader__map(r, n, "a selector", selector_options, ARRAY_SIZE(selector_options), p))
		check_pods_alone(r, n);
}

/* --- external targets ------------------------------------------------------------------------------- */

/* An address or a network at @text; host bits are no mistake, as with Go's ParseCIDR(). */
static bool read_network(struct reader *r, const char *text, char **ret)
{
	char buf[INET6_ADDRSTRLEN];
	_cleanup_free_ char *copy = strdup(text);
	char *slash = copy ? strchr(copy, '/') : NULL, *end = NULL;
	uint8_t addr[16] = {0};
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	unsigned long bits = family == AF_INET6 ? 128 : 32, len = bits;

	if (slash) {
		*slash++ = '\0';
		len = isdigit((unsigned char)*slash) ? strtoul(slash, &end, 10) : bits + 1;
		if (len > bits || (end && *end))
			return false;
	}
	if (!copy || inet_pton(family, copy, addr) != 1) {
		r->nomem |= !copy;
		return false;
	}
	for (unsigned long i = len; i < bits; i++)
		addr[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	inet_ntop(family, addr, buf, sizeof(buf));
	if (asprintf(ret, "%s/%lu", buf, len) < 0) {
		*ret = NULL;
		r->nomem = true;
	}
	return *ret != NULL;
}

/* A name, not an address that is none: the last part of one has a letter. */
static bool is_name(const char *s)
{
	const char *dot = strrchr(s, '.'), *last = dot && dot[1] ? dot + 1 : s;

	return selector__is_host(s) && strspn(last, "0123456789") != strlen(last);
}

/* Cut [ADDRESS]:PORT, HOST:PORT or ADDRESS:PORT at @text; NULL: no port. */
static char *cut_port(char **text)
{
	char *s = *text, *close = strchr(s, ']'), *colon = strchr(s, ':');

	if (*s == '[' && close && (!close[1] || close[1] == ':')) {
		*text = s + 1;
		*close = '\0';
		return close[1] ? close + 2 : NULL;
	}
	if (!colon || strchr(colon + 1, ':'))
		return NULL;
	*colon = '\0';
	return colon + 1;
}

void netchaos__read_external(struct reader *r, const struct yaml_node *n,
			     struct netchaos_external *x)
{
	_cleanup_free_ char *whole = NULL;
	struct port_range range = {0};
	char *text, *port;

	x->pos = n->pos;
	if (!reader__string(r, n, "an address, a network or a host name", &whole))
		return;
	text = whole;
	port = cut_port(&text);
	if (port && (!parse_port_range(port, &range) || range.lo != range.hi)) {
		reader__fault(r, n->pos, "`%.64s` is no port; expected 1 to 65535", port);
		return;
	}
	x->port = range.lo;
	if (read_network(r, text, &x->addr) || r->nomem)
		return;
	if (is_name(text)) {
		x->host = reader__strdup(r, text);
		return;
	}
	reader__fault(
		r, n->pos,
		"`%.64s` is no target; expected an address, a network or a host name, with an "
		"optional port, as 10.0.0.0/8, [fd00::1]:80 or example.org:443",
		n->text);
}
