// SPDX-License-Identifier: GPL-2.0-only
#include "experiment/parse.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/nearest.h"

#include <ctype.h>
#include <string.h>

/* 10.99.0.1 ... 10.99.0.250, with room for the bridge and a gateway. */
#define NODES_MAX 250
#define NODE_NAME_MAX 15
#define READY_WITHIN_NS (10 * NS_PER_S)
#define READY_WITHIN_MAX_NS (3600 * NS_PER_S)

/* --- templates --------------------------------------------------------------------------------- */

static const char *const own_names[] = {"ip", "ip6", "node", "dir"};

const char *parse_known_name(const char *name, void *arg)
{
	const struct experiment *e = arg;
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; i < ARRAY_SIZE(own_names); i++) {
		if (!strcmp(name, own_names[i]))
			return "";
	}
	if (!dot || (strcmp(dot, ".ip") && strcmp(dot, ".ip6")))
		return NULL;
	for (size_t i = 0; i < e->n_nodes; i++) {
		const char *node = e->nodes[i].name;

		if (node && strlen(node) == (size_t)(dot - name) &&
		    !strncmp(node, name, (size_t)(dot - name)))
			return "";
	}
	return NULL;
}

bool parse_template(struct reader *r, const struct yaml_node *n)
{
	_cleanup_free_ char *text = NULL;
	struct error err = {0};

	if (n->kind != YAML_SCALAR)
		return false;
	text = experiment__expand(n->text, parse_known_name, r->e, &err);
	if (!text)
		reader__fault(r, n->pos,
			      "%s; expected ip, ip6, node, dir, or NODE.ip, NODE.ip6 of a lab node",
			      err.msg);
	return text != NULL;
}

/* --- one node ---------------------------------------------------------------------------------- */

/* Relative to ${dir} and inside it. */
static bool is_inside(const char *path)
{
	if (!*path || *path == '/' || strlen(path) > 255 || path[strlen(path) - 1] == '/')
		return false;
	for (const char *p = path; *p; p += *p == '/') {
		size_t n = strcspn(p, "/");

		if (!n || (n == 1 && *p == '.') || (n == 2 && !strncmp(p, "..", 2)))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (iscntrl((unsigned char)p[i]))
				return false;
		}
		p += n;
	}
	return true;
}

static void node_files(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct lab_node *node = obj;
	size_t n_pairs = reader__pairs(r, n, "file names with their text");

	for (size_t i = 0; i < n_pairs; i++) {
		const struct yaml_node *key = n->items[2 * i], *value = n->items[2 * i + 1];
		struct lab_file *file;
		char found[FOUND_SIZE];

		if (!is_inside(key->text)) {
			reader__fault(r, key->pos,
				      "`%.64s` is not inside the node's folder; expected a "
				      "relative path without `..`",
				      key->text);
			continue;
		}
		if (value->kind != YAML_SCALAR) {
			reader__fault(r, value->pos, "found %s; expected the file's text",
				      reader__found(value, found));
			continue;
		}
		file = APPEND(r, node->files, node->n_files);
		if (!file)
			return;
		file->name = reader__strdup(r, key->text);
		file->template = reader__strdup(r, yaml__is_null(value) ? "" : value->text);
		file->pos = key->pos;
		parse_template(r, value);
	}
}

static void node_run(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct lab_node *node = obj;
	size_t count = reader__list(r, n, "a command line or a list of them");

	for (size_t i = 0; i < count; i++) {
		char **line = APPEND(r, node->run, node->n_run);

		if (!line)
			return;
		if (reader__string(r, reader__item(n, i), "a command line", line))
			parse_template(r, reader__item(n, i));
		else
			node->n_run--;
	}
}

static void node_needs(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct lab_node *node = obj;
	size_t n_pairs = reader__pairs(r, n, "programs with their Debian packages");

	for (size_t i = 0; i < n_pairs; i++) {
		struct lab_need *need = APPEND(r, node->needs, node->n_needs);

		if (!need)
			return;
		need->program = reader__strdup(r, n->items[2 * i]->text);
		reader__string(r, n->items[2 * i + 1], "a Debian package", &need->package);
	}
}

static const struct option ready_options[] = {
	FIELD("tcp", PORT, ready, port),
	FIELD("http", STRING, ready, url),
	FIELD("command", STRING, ready, command),
	FIELD("within", DURATION, ready, within_ns, .lo = 1, .hi = READY_WITHIN_MAX_NS),
};

static bool is_http_url(const char *s)
{
	return !strncmp(s, "http://", 7) || !strncmp(s, "https://", 8);
}

static void node_ready(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct ready *ready = &((struct lab_node *)obj)->ready;
	unsigned int kinds = 0;

	ready->pos = n->pos;
	ready->within_ns = READY_WITHIN_NS;
	if (!reader__map(r, n, "a readiness probe", ready_options, ARRAY_SIZE(ready_options),
			 ready))
		return;
	for (unsigned int i = 0; i < 3; i++) {
		const struct yaml_node *value = yaml__get(n, ready_options[i].key);

		if (!value)
			continue;
		kinds++;
		ready->kind = READY_TCP + i;
		if (ready->kind != READY_TCP)
			parse_template(r, value);
	}
	if (kinds != 1)
		reader__fault(r, n->pos, "%u kinds of probe; expected one of tcp, http, command",
			      kinds);
	else if (ready->kind == READY_HTTP && ready->url && !is_http_url(ready->url))
		reader__fault(r, yaml__get(n, "http")->pos,
			      "`%.64s` is no URL; expected one as http://${ip}:8080/health",
			      ready->url);
}

static const struct option node_options[] = {
	OPTION("files", CUSTOM, .parse = node_files),
	OPTION("run", CUSTOM, .parse = node_run),
	FIELD("sh", BOOL, lab_node, sh),
	FIELD("user", STRING, lab_node, user),
	OPTION("ready", CUSTOM, .parse = node_ready),
	OPTION("needs", CUSTOM, .parse = node_needs),
};

/* --- all nodes --------------------------------------------------------------------------------- */

/* Names of devices and folders derive from it. */
static bool node_name(struct reader *r, const struct yaml_node *key)
{
	const char *name = key->text;
	bool ok = *name && strlen(name) <= NODE_NAME_MAX && *name != '-';

	for (const char *p = name; *p && ok; p++)
		ok = (*p >= 'a' && *p <= 'z') || isdigit((unsigned char)*p) || *p == '-';
	if (!ok)
		reader__fault(r, key->pos,
			      "`%.64s` is no node name; expected a-z, 0-9 and `-`, at most %d, "
			      "beginning with a letter or digit",
			      name, NODE_NAME_MAX);
	else if (!strcmp(name, "all") || !strcmp(name, "other"))
		reader__fault(r, key->pos, "`%s` is reserved; choose another name", name);
	return ok;
}

/* Every node is an endpoint of its own name. */
static void add_node(struct reader *r, const struct yaml_node *key)
{
	struct experiment *e = r->e;
	struct lab_node *node = APPEND(r, e->nodes, e->n_nodes);
	struct endpoint *ep = APPEND(r, e->endpoints, e->n_endpoints);
	struct selector *s = ep ? APPEND(r, ep->selectors, ep->n_selectors) : NULL;

	if (!node || !ep || !s)
		return;
	node->name = reader__strdup(r, key->text);
	node->pos = key->pos;
	node->ready.within_ns = READY_WITHIN_NS;
	ep->name = reader__strdup(r, key->text);
	ep->pos = key->pos;
	s->kind = SELECTOR_NODE;
	s->value = reader__strdup(r, key->text);
	s->pos = key->pos;
}

static void lab_nodes(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;
	size_t n_pairs = reader__pairs(r, n, "nodes by name");
	_cleanup_free_ const struct yaml_node **values = calloc(n_pairs + 1, sizeof(*values));

	if (n->kind == YAML_MAPPING && !n->n)
		reader__fault(r, n->pos, "a lab without nodes; expected at least one");
	if (n_pairs > NODES_MAX) {
		reader__fault(r, n->pos, "%zu nodes; expected at most %d", n_pairs, NODES_MAX);
		return;
	}
	/* all names first: files of one node may hold the address of another */
	for (size_t i = 0; i < n_pairs && values; i++) {
		if (!node_name(r, n->items[2 * i]))
			continue;
		add_node(r, n->items[2 * i]);
		if (e->n_nodes)
			values[e->n_nodes - 1] = n->items[2 * i + 1];
	}
	if (r->nomem || !values) {
		r->nomem = true;
		return;
	}
	for (size_t i = 0; i < e->n_nodes; i++) {
		if (!yaml__is_null(values[i]))
			reader__map(r, values[i], "a node", node_options, ARRAY_SIZE(node_options),
				    &e->nodes[i]);
	}
}

static const struct option lab_options[] = {
	OPTION("nodes", CUSTOM, .required = true, .parse = lab_nodes),
};

void parse_lab(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct experiment *e = obj;

	e->has_lab = reader__map(r, n, "a lab", lab_options, ARRAY_SIZE(lab_options), e);
}
