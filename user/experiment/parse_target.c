// SPDX-License-Identifier: GPL-2.0-only
/* parse_target.c: what a selector looks for: the values of `process`, `pods` and so on. */
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

bool parse_target_key(struct reader *r, const struct yaml_node *n, enum target_key key,
		      struct target_selector *t)
{
	static const char *const expected[N_TARGET_KEYS] = {
		[TARGET_KEY_PID] = "a process id",
		[TARGET_KEY_COMM] = "the name of a process, as etcd",
		[TARGET_KEY_EXE] = "a program, as /usr/bin/etcd or etcd",
		[TARGET_KEY_ARGS] = "a glob over the arguments, as \"*--name n1*\"",
		[TARGET_KEY_USER] = "a user, by name or number",
		[TARGET_KEY_CGROUP] = "a path, as /system.slice/nginx.service",
		[TARGET_KEY_UNIT] = "a unit or a glob, as nginx.service",
		[TARGET_KEY_CONTAINER] = "a name or the beginning of an id",
		[TARGET_KEY_CONTAINER_ID] = "the beginning of an id",
		[TARGET_KEY_CONTAINER_POD] = "the name of a pod",
		[TARGET_KEY_POD] = "the name of a pod",
		[TARGET_KEY_POD_NAMESPACE] = "a namespace of pods",
		[TARGET_KEY_POD_NODE] = "the name of a node",
		[TARGET_KEY_POD_NAMESPACES] = "a namespace of pods",
		[TARGET_KEY_PODS] = "a pod as NAMESPACE/NAME",
		[TARGET_KEY_POD_DEVICE] = "an interface, as eth0",
		[TARGET_KEY_POD_ANNOTATION] = "an annotation as KEY=VALUE",
		[TARGET_KEY_POD_NODES] = "the name of a node",
		[TARGET_KEY_POD_NODE_LABEL] = "a label as KEY=VALUE",
		[TARGET_KEY_POD_PHASE] = "a phase of pods, as Running",
		[TARGET_KEY_POD_FIELD] = "a field as KEY=VALUE",
		[TARGET_KEY_NETNS] = "a network namespace: a name, a path or a pid",
		[TARGET_KEY_CIDR] = "a network, as 10.0.0.0/8",
		[TARGET_KEY_DEVICE] = "an interface, as eth0",
		[TARGET_KEY_DEVICE_NETNS] = "a network namespace: a name, a path or a pid",
	};
	_cleanup_free_ char *text = NULL;
	struct error err = {0};
	int e;

	if (!reader__string(r, n, expected[key], &text))
		return false;
	e = target_selector__set(t, key, text, &err);
	if (e == -ENOMEM)
		r->nomem = true;
	else if (e)
		reader__fault(r, n->pos, "%s", err.msg);
	return !e;
}

static size_t n_found(const struct reader *r)
{
	return r->n_findings + r->n_dropped;
}

bool parse_target_keys(struct reader *r, const struct yaml_node *n, const char *what,
		       const struct option *options, size_t n_options, struct target_selector *t)
{
	size_t before = n_found(r);

	if (!reader__map(r, n, what, options, n_options, t))
		return false;
	for (size_t i = 0; i < n_options; i++) {
		const struct yaml_node *value = yaml__get(n, options[i].key);

		if (value && options[i].type == OPTION_HANDLED)
			parse_target_key(r, value, (enum target_key)options[i].lo, t);
	}
	return n_found(r) == before && !r->nomem;
}

static bool is_scalar(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && !yaml__is_null(n);
}

/* --- processes ---------------------------------------------------------------------------------- */

static bool parse_process(struct reader *r, const struct yaml_node *n, struct target_selector *t)
{
	static const struct option options[] = {
		OPTION("pid", HANDLED, .lo = TARGET_KEY_PID),
		OPTION("comm", HANDLED, .lo = TARGET_KEY_COMM),
		OPTION("exe", HANDLED, .lo = TARGET_KEY_EXE),
		OPTION("args", HANDLED, .lo = TARGET_KEY_ARGS),
		OPTION("user", HANDLED, .lo = TARGET_KEY_USER),
		FIELD("tree", BOOL, target_selector, tree),
	};

	t->kind = TARGET_PROCESS;
	if (is_scalar(n) && n->plain && *n->text &&
	    strspn(n->text, "0123456789") == strlen(n->text)) {
		reader__fault(r, n->pos,
			      "`%.32s` is a number; expected {pid: %.32s}, or a name in quotes",
			      n->text, n->text);
		return false;
	}
	if (is_scalar(n))
		return parse_target_key(r, n, TARGET_KEY_COMM, t);
	if (!parse_target_keys(r, n, "a process", options, ARRAY_SIZE(options), t))
		return false;
	if (t->pid || t->comm || t->exe || t->args || t->user)
		return true;
	reader__fault(r, n->pos, "a process needs one of pid, comm, exe, args, user");
	return false;
}

/* --- cgroups, containers, pods ------------------------------------------------------------------ */

static void cgroup_subtree(struct reader *r, const struct yaml_node *n, void *obj)
{
	struct target_selector *t = obj;
	bool subtree = true;

	reader__bool(r, n, &subtree);
	t->exact = !subtree;
}

static bool parse_cgroup(struct reader *r, const struct yaml_node *n, struct target_selector *t)
{
	static const struct option options[] = {
		OPTION("path", HANDLED, .lo = TARGET_KEY_CGROUP, .required = true),
		OPTION("subtree", CUSTOM, .parse = cgroup_subtree),
	};

	t->kind = TARGET_CGROUP;
	return is_scalar(n) ? parse_target_key(r, n, TARGET_KEY_CGROUP, t)
			    : parse_target_keys(r, n, "a cgroup", options, ARRAY_SIZE(options), t);
}

static bool parse_container(struct reader *r, const struct yaml_node *n, struct target_selector *t)
{
	static const struct option options[] = {
		OPTION("name", HANDLED, .lo = TARGET_KEY_CONTAINER),
		OPTION("id", HANDLED, .lo = TARGET_KEY_CONTAINER_ID),
		OPTION("pod", HANDLED, .lo = TARGET_KEY_CONTAINER_POD),
		OPTION("namespace", HANDLED, .lo = TARGET_KEY_POD_NAMESPACE),
	};

	t->kind = TARGET_CONTAINER;
	if (is_scalar(n))
		return parse_target_key(r, n, TARGET_KEY_CONTAINER, t);
	if (!parse_target_keys(r, n, "a container", options, ARRAY_SIZE(options), t))
		return false;
	if (!!yaml__get(n, "name") + !!yaml__get(n, "id") == 1)
		return true;
	reader__fault(r, n->pos,
		      t->name ? "`name` and `id` of one container; expected one of them"
			      : "a container needs its `name` or its `id`");
	return false;
}

void parse_pod_pairs(struct reader *r, const struct yaml_node *n, enum target_key to,
		     const char *what, const char *example, struct target_selector *t)
{
	char found[FOUND_SIZE], expected[96];
	size_t n_pairs;

	snprintf(expected, sizeof(expected), "%ss, as {%s}", what, example);
	n_pairs = reader__pairs(r, n, expected);
	if (n->kind == YAML_MAPPING && !n->n)
		reader__fault(r, n->pos, "no %ss; expected some, as {%s}", what, example);
	for (size_t i = 0; i < n_pairs; i++) {
		const struct yaml_node *key = n->items[2 * i], *value = n->items[2 * i + 1];
		_cleanup_free_ char *label = NULL;
		struct error err = {0};
		int e;

		if (!is_scalar(value) || strchr(key->text, '=')) {
			reader__fault(r, value->pos, "found %s; expected the value of %s `%.64s`",
				      reader__found(value, found), what, key->text);
			continue;
		}
		if (asprintf(&label, "%s=%s", key->text, value->text) < 0) {
			label = NULL;
			r->nomem = true;
			return;
		}
		e = target_selector__set(t, to, label, &err);
		if (e == -ENOMEM)
			r->nomem = true;
		else if (e)
			reader__fault(r, key->pos, "%s", err.msg);
	}
}

void parse_pod_labels(struct reader *r, const struct yaml_node *n, void *obj)
{
	parse_pod_pairs(r, n, TARGET_KEY_POD_LABEL, "label", "app: web", obj);
}

/* --- kinds -------------------------------------------------------------------------------------- */

bool parse_target(struct reader *r, const struct yaml_node *n, enum selector_kind kind,
		  struct target_selector *t)
{
	switch (kind) {
	case SELECTOR_PROCESS:
		return parse_process(r, n, t);
	case SELECTOR_CGROUP:
		return parse_cgroup(r, n, t);
	case SELECTOR_UNIT:
		t->kind = TARGET_UNIT;
		return parse_target_key(r, n, TARGET_KEY_UNIT, t);
	case SELECTOR_CONTAINER:
		return parse_container(r, n, t);
	case SELECTOR_PODS:
		return parse_pods(r, n, t);
	case SELECTOR_NETNS:
		t->kind = TARGET_NETNS;
		return parse_target_key(r, n, TARGET_KEY_NETNS, t);
	case SELECTOR_CIDR:
		t->kind = TARGET_CIDR;
		return parse_target_key(r, n, TARGET_KEY_CIDR, t);
	case SELECTOR_INTERFACE:
		t->kind = TARGET_INTERFACE;
		return parse_target_key(r, n, TARGET_KEY_DEVICE, t);
	case SELECTOR_NODE:
	case SELECTOR_HOST:
		break;
	}
	return false;
}
