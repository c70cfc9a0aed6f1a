// SPDX-License-Identifier: GPL-2.0-only
/* parse_pods.c: which pods, and how many of them. */
#include "experiment/parse.h"
#include "lib/cleanup.h"

#include <string.h>

/* --- lists ---------------------------------------------------------------------------------------- */

static void read_each(struct reader *r, const struct yaml_node *n, enum target_key key,
		      const char *what, void *obj)
{
	size_t count = reader__list(r, n, what);

	for (size_t i = 0; i < count; i++)
		parse_target_key(r, reader__item(n, i), key, obj);
}

static void pod_namespaces(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_each(r, n, TARGET_KEY_POD_NAMESPACES, "namespaces of pods", obj);
}

static void pod_names(struct reader *r, const struct yaml_node *n, void *obj)
{
	read_each(r, n, TARGET_KEY_PODS, "pods as NAMESPACE/NAME", obj);
}

/* --- what the API server knows ----------------------------------------------------------------------- */

/* False after a finding: on one machine nobody knows @what. */
static bool is_known(struct reader *r, const struct yaml_node *n, const char *what,
		     const char *instead)
{
	if (r->place != EXPERIMENT_HERE)
		return true;
	reader__fault(r, n->pos, "%s are known to the API server only; expected %s", what, instead);
	return false;
}

static void pod_annotations(struct reader *r, const struct yaml_node *n, void *obj)
{
	if (is_known(r, n, "annotations of pods", "`labels`"))
		parse_pod_pairs(r, n, TARGET_KEY_POD_ANNOTATION, "annotation", "team: shop", obj);
}

static void pod_nodes(struct reader *r, const struct yaml_node *n, void *obj)
{
	if (is_known(r, n, "other nodes", "`node`"))
		read_each(r, n, TARGET_KEY_POD_NODES, "names of nodes", obj);
}

static void pod_node_labels(struct reader *r, const struct yaml_node *n, void *obj)
{
	if (is_known(r, n, "labels of nodes", "`node`"))
		parse_pod_pairs(r, n, TARGET_KEY_POD_NODE_LABEL, "label", "zone: a", obj);
}

static void pod_phases(struct reader *r, const struct yaml_node *n, void *obj)
{
	const struct target_selector *t = obj;
	bool lives = false;

	if (!is_known(r, n, "phases of pods", "none: only what runs is seen"))
		return;
	read_each(r, n, TARGET_KEY_POD_PHASE, "phases of pods", obj);
	for (size_t i = 0; i < t->n_phases; i++)
		lives |= strcmp(t->phases[i], "Succeeded") != 0 &&
			 strcmp(t->phases[i], "Failed") != 0;
	if (t->n_phases && !lives)
		reader__fault(r, n->pos,
			      "pods that have ended have no network to disturb; expected Running");
}

static void pod_fields(struct reader *r, const struct yaml_node *n, void *obj)
{
	if (is_known(r, n, "fields of pods", "`name`, `namespace` or `node`"))
		parse_pod_pairs(r, n, TARGET_KEY_POD_FIELD, "field", "status.podIP: 10.1.0.7", obj);
}

static void host_network(struct reader *r, const struct yaml_node *n, void *obj)
{
	bool allowed = true;

	reader__bool(r, n, &allowed);
	((struct target_selector *)obj)->no_host_network = !allowed;
}

/* --- expressions ---------------------------------------------------------------------------------- */

struct expression {
	char *key;
	int op; /* -1: a finding */
	const struct yaml_node *values;
};

static void expression_operator(struct reader *r, const struct yaml_node *n, void *obj)
{
	((struct expression *)obj)->op =
		reader__word(r, n, "operator", target_operators, ARRAY_SIZE(target_operators));
}

static void expression_values(struct reader *r, const struct yaml_node *n, void *obj)
{
	(void)r;
	((struct expression *)obj)->values = n;
}

static const struct option expression_options[] = {
	FIELD("key", STRING, expression, key, .required = true),
	OPTION("operator", CUSTOM, .required = true, .parse = expression_operator),
	OPTION("values", CUSTOM, .parse = expression_values),
};

static void add_expression(struct reader *r, const struct yaml_node *n, const struct expression *x,
			   struct target_selector *t)
{
	const struct yaml_node *list = x->values;
	size_t count = !list || (list->kind == YAML_SEQUENCE && !list->n)
			       ? 0
			       : reader__list(r, list, "values of a label");
	_cleanup_free_ const char **values = calloc(count + 1, sizeof(*values));
	struct error err = {0};
	char found[FOUND_SIZE];
	int e;

	for (size_t i = 0; i < count && values; i++) {
		const struct yaml_node *v = reader__item(list, i);

		if (v->kind != YAML_SCALAR || yaml__is_null(v)) {
			reader__fault(r, v->pos, "found %s; expected a label's value",
				      reader__found(v, found));
			return;
		}
		values[i] = v->text;
	}
	e = values ? target_selector__add_expression(t, x->key, (enum target_operator)x->op, values,
						     count, &err)
		   : -ENOMEM;
	if (e == -ENOMEM)
		r->nomem = true;
	else if (e)
		reader__fault(r, list ? list->pos : n->pos, "%s", err.msg);
}

void parse_pod_expressions(struct reader *r, const struct yaml_node *n, void *obj)
{
	size_t count = reader__list(r, n, "expressions over labels");

	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *item = reader__item(n, i);
		struct expression x = {.op = -1};
		size_t before = r->n_findings + r->n_dropped;

		if (reader__map(r, item, "an expression", expression_options,
				ARRAY_SIZE(expression_options), &x) &&
		    x.key && x.op >= 0 && r->n_findings + r->n_dropped == before)
			add_expression(r, item, &x, obj);
		free(x.key);
	}
}

/* --- all of it ------------------------------------------------------------------------------------ */

bool parse_pods(struct reader *r, const struct yaml_node *n, struct target_selector *t)
{
	static const struct option options[] = {
		OPTION("namespace", HANDLED, .lo = TARGET_KEY_POD_NAMESPACE),
		OPTION("name", HANDLED, .lo = TARGET_KEY_POD),
		OPTION("labels", CUSTOM, .parse = parse_pod_labels),
		OPTION("node", HANDLED, .lo = TARGET_KEY_POD_NODE),
		OPTION("namespaces", CUSTOM, .parse = pod_namespaces),
		OPTION("names", CUSTOM, .parse = pod_names),
		OPTION("expressions", CUSTOM, .parse = parse_pod_expressions),
		OPTION("hostNetwork", CUSTOM, .parse = host_network),
		OPTION("device", HANDLED, .lo = TARGET_KEY_POD_DEVICE),
		OPTION("annotations", CUSTOM, .parse = pod_annotations),
		OPTION("nodes", CUSTOM, .parse = pod_nodes),
		OPTION("nodeLabels", CUSTOM, .parse = pod_node_labels),
		OPTION("phases", CUSTOM, .parse = pod_phases),
		OPTION("fields", CUSTOM, .parse = pod_fields),
	};
	size_t chosen = n->kind == YAML_MAPPING ? n->n / 2 : 0;

	t->kind = TARGET_PODS;
	if (!parse_target_keys(r, n, "pods", options, ARRAY_SIZE(options), t))
		return false;
	chosen -= yaml__get(n, "hostNetwork") != NULL;
	chosen -= yaml__get(n, "device") != NULL;
	if (chosen)
		return true;
	reader__fault(
		r, n->pos,
		r->place == EXPERIMENT_HERE
			? "pods need one of namespace, name, labels, node, namespaces, names, "
			  "expressions"
			: "pods need one of namespace, name, labels, node, namespaces, names, "
			  "expressions, annotations, nodes, nodeLabels, phases, fields");
	return false;
}

/* --- how many ------------------------------------------------------------------------------------- */

static void pick_mode(struct reader *r, const struct yaml_node *n, void *obj)
{
	int i = reader__word(r, n, "mode", pick_modes, ARRAY_SIZE(pick_modes));

	if (i >= 0)
		((struct target_pick *)obj)->mode = (enum pick_mode)i;
}

static const struct option pick_options[] = {
	OPTION("mode", CUSTOM, .required = true, .parse = pick_mode),
	FIELD("value", UINT, target_pick, value, .lo = 1, .hi = 1000000),
};

void parse_pick(struct reader *r, const struct yaml_node *n, struct target_selector *t)
{
	const struct yaml_node *value = yaml__get(n, "value");
	struct target_pick p = {0};
	size_t before = r->n_findings + r->n_dropped;
	bool counts, percent;

	reader__short(r, n, "a pick", pick_options, ARRAY_SIZE(pick_options), &p);
	if (r->n_findings + r->n_dropped != before)
		return;
	counts = p.mode >= PICK_FIXED;
	percent = p.mode >= PICK_FIXED_PERCENT;
	if (counts != !!value)
		reader__fault(r, value ? value->pos : n->pos,
			      counts ? "mode %s needs `value`" : "mode %s takes no `value`",
			      pick_modes[p.mode]);
	else if (percent && p.value > 100)
		reader__fault(r, value->pos, "%u %% of the pods; expected 1 to 100", p.value);
	else
		t->pick = p;
}
