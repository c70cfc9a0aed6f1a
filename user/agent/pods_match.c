// SPDX-License-Identifier: GPL-2.0-only
/* pods_match.c: what a pod is, and whether a selector chooses it. */
#include "agent/pods_internal.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>

struct pod_facts pod__facts(const struct pods *p, const struct pod *pod)
{
	return (struct pod_facts){
		.ns = texts__get(&p->namespaces, pod->ns),
		.name = pod__name(pod),
		.uid = pod__uid(pod),
		.node = texts__get(&p->nodes_named, pod->node),
		.phase = (enum pod_phase)pod->phase,
		.host_network = pod->host_network,
		.deleting = pod->deleting,
		.n_ips = pod->n_ips,
	};
}

const char *pod__ip(const struct pod *pod, size_t i, char buf[46])
{
	const struct pod_ip *ip = &pod__ips(pod)[i];

	return inet_ntop(ip->family, ip->addr, buf, INET6_ADDRSTRLEN);
}

bool pod__lives(const struct pod *pod)
{
	return pod->n_ips && pod->phase != POD_SUCCEEDED && pod->phase != POD_FAILED;
}

const char *pod__label(const struct pods *p, const struct pod *pod, size_t i)
{
	return i < pod->n_labels ? texts__get(&p->labels, pod__labels(pod)[i]) : NULL;
}

/* --- conditions --------------------------------------------------------------------------------------- */

static bool is_one_of(const char *s, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], s))
			return true;
	return false;
}

/* Whether all of @wanted are among the numbers @labels. */
static bool has_labels(const struct pods *p, const uint32_t *labels, size_t n_labels,
		       char *const *wanted, size_t n_wanted)
{
	for (size_t i = 0; i < n_wanted; i++) {
		uint32_t id = texts__find(&p->labels, wanted[i]);
		bool has = false;

		for (size_t k = 0; id != TEXTS_NONE && k < n_labels && !has; k++)
			has = labels[k] == id;
		if (!has)
			return false;
	}
	return true;
}

/* A pod has one value of a label: that is all that @x asks for. */
static bool holds(const struct pods *p, const struct pod *pod, const struct target_expression *x)
{
	size_t len = strlen(x->key);
	const char *label;

	for (size_t i = 0; (label = pod__label(p, pod, i)) != NULL; i++)
		if (!strncmp(label, x->key, len) && label[len] == '=')
			return target_expression__holds(x, &label, 1);
	return target_expression__holds(x, NULL, 0);
}

static bool has_annotations(const struct pod *pod, const struct target_selector *t)
{
	for (size_t i = 0; i < t->n_annotations; i++) {
		uint64_t hash = texts__hash(t->annotations[i], strlen(t->annotations[i]), 0);
		bool has = false;

		for (size_t k = 0; k < pod->n_annotations && !has; k++)
			has = pod->annotations[k] == hash;
		if (!has)
			return false;
	}
	return true;
}

/* On one of the nodes, or on one with the labels: Chaos Mesh joins the two lists. */
static bool is_on(const struct pods *p, const struct pod *pod, const struct target_selector *t)
{
	const struct node *node;

	if (!t->n_nodes && !t->n_node_labels)
		return true;
	if (pod->node == TEXTS_NONE)
		return false;
	if (is_one_of(texts__get(&p->nodes_named, pod->node), t->nodes, t->n_nodes))
		return true;
	node = t->n_node_labels ? pods__find_node(p, pod->node) : NULL;
	return node &&
	       has_labels(p, node->labels, node->n_labels, t->node_labels, t->n_node_labels);
}

static bool has_ip(const struct pod *pod, const char *text)
{
	struct pod_ip ip = {.family = strchr(text, ':') ? AF_INET6 : AF_INET};

	if (inet_pton(ip.family, text, ip.addr) != 1)
		return false;
	for (size_t i = 0; i < pod->n_ips; i++)
		if (!memcmp(&pod__ips(pod)[i], &ip, sizeof(ip)))
			return true;
	return false;
}

static bool has_field(const struct pods *p, const struct pod *pod, const char *field)
{
	const char *value = strchr(field, '=') + 1;
	const char *const values[ARRAY_SIZE(target_fields)] = {
		[FIELD_NAME] = pod__name(pod),
		[FIELD_NAMESPACE] = texts__get(&p->namespaces, pod->ns),
		[FIELD_NODE] = texts__get(&p->nodes_named, pod->node),
		[FIELD_PHASE] = target_phases[pod->phase],
	};

	for (size_t i = 0; i < FIELD_IP; i++)
		if (!strncmp(field, target_fields[i], (size_t)(value - 1 - field)))
			return !strcmp(value, values[i]);
	return has_ip(pod, value);
}

static bool is_listed(const struct pods *p, const struct pod *pod, const struct target_selector *t)
{
	const char *ns = texts__get(&p->namespaces, pod->ns);
	size_t len = strlen(ns);

	for (size_t i = 0; i < t->n_pods; i++)
		if (!strncmp(t->pods[i], ns, len) && t->pods[i][len] == '/' &&
		    !strcmp(t->pods[i] + len + 1, pod__name(pod)))
			return true;
	return !t->n_pods;
}

bool pod__matches(const struct pods *p, const struct pod *pod, const struct target_selector *t)
{
	const char *ns = texts__get(&p->namespaces, pod->ns);

	if (t->pod_namespace && strcmp(t->pod_namespace, ns) != 0)
		return false;
	if (t->n_namespaces && !is_one_of(ns, t->namespaces, t->n_namespaces))
		return false;
	if (t->name && strcmp(t->name, pod__name(pod)) != 0)
		return false;
	if (t->node && strcmp(t->node, texts__get(&p->nodes_named, pod->node)) != 0)
		return false;
	if (t->n_phases && !is_one_of(target_phases[pod->phase], t->phases, t->n_phases))
		return false;
	if (!is_listed(p, pod, t) || !is_on(p, pod, t) || !has_annotations(pod, t) ||
	    !has_labels(p, pod__labels(pod), pod->n_labels, t->labels, t->n_labels))
		return false;
	for (size_t i = 0; i < t->n_expressions; i++)
		if (!holds(p, pod, &t->expressions[i]))
			return false;
	for (size_t i = 0; i < t->n_fields; i++)
		if (!has_field(p, pod, t->fields[i]))
			return false;
	return true;
}
