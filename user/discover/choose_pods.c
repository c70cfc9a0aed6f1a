// SPDX-License-Identifier: GPL-2.0-only
/* choose__pods.c: by container and pod. */
#include "discover/choose.h"

#include <string.h>
#include <strings.h>

static const char *container_name(const struct snapshot *s, size_t i)
{
	return s->containers[i].name ? s->containers[i].name : s->containers[i].id;
}

static const char *pod_of(const struct snapshot *s, size_t i)
{
	return s->pods[i].name ? s->pods[i].name : s->pods[i].uid;
}

/* Its name, its UID or, of a podman pod, the beginning of that. */
static bool pod_is_called(const struct discover_pod *p, const char *name)
{
	if (p->podman && strlen(name) >= 4 && strncmp(p->uid, name, strlen(name)) == 0)
		return true;
	return strcmp(p->uid, name) == 0 || (p->name && strcmp(p->name, name) == 0);
}

/* In the pod and the namespace of pods that @t names, if any. */
static bool pod_fits(const struct snapshot *s, uint32_t pod, const struct target_selector *t)
{
	const struct discover_pod *p = pod == DISCOVER_NONE ? NULL : &s->pods[pod];

	if (t->pod_namespace && (!p || !p->ns || strcmp(p->ns, t->pod_namespace) != 0))
		return false;
	return !t->pod || (p && pod_is_called(p, t->pod));
}

int choose__container(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		      struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));
	_cleanup_free_ bool *container = calloc(s->n_containers + 1, sizeof(*container));
	size_t n = strlen(t->name), names = 0, ids = 0;

	if (!cgroup || !container)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_containers; i++) {
		const char *name = s->containers[i].name;

		container[i] = name && !t->by_id && strcmp(name, t->name) == 0 &&
			       pod_fits(s, s->containers[i].pod, t);
		names += container[i];
	}
	for (size_t i = 0; i < s->n_containers && !names; i++) {
		container[i] = strncmp(s->containers[i].id, t->name, n) == 0 &&
			       pod_fits(s, s->containers[i].pod, t);
		ids += container[i];
	}
	if (ids > 1)
		return err__set(err, -EINVAL,
				"`%s` begins the ids of %zu containers: more of it is needed",
				t->name, ids);
	for (size_t i = 0; i < s->n_cgroups; i++) {
		uint32_t k = s->cgroups[i].container;

		/* A parent has a smaller index or is no parent: cgroup paths have an end. */
		for (int depth = 0; k != DISCOVER_NONE && depth < FACTS_CONTAINERS; depth++) {
			cgroup[i] |= container[k];
			k = s->containers[k].parent;
		}
	}
	if (choose__of_cgroups(s, cgroup, c))
		return 0;
	return choose__none_of(s, "running container", t->name, s->n_containers, container_name,
			       err);
}

static bool has_label(const struct discover_pod *p, const char *label)
{
	for (size_t i = 0; i < p->n_labels; i++)
		if (strcmp(p->labels[i], label) == 0)
			return true;
	return false;
}

static bool pod_matches(const struct discover_pod *p, const struct target_selector *t)
{
	if (t->pod_namespace && (!p->ns || strcmp(p->ns, t->pod_namespace) != 0))
		return false;
	if (t->name && !pod_is_called(p, t->name))
		return false;
	for (size_t i = 0; i < t->n_labels; i++)
		if (!has_label(p, t->labels[i]))
			return false;
	return true;
}

static int no_pod(const struct snapshot *s, const struct target_selector *t, struct error *err)
{
	size_t unlabelled = 0;

	if (t->name)
		return choose__none_of(s, "running pod", t->name, s->n_pods, pod_of, err);
	for (size_t i = 0; i < s->n_pods; i++) {
		const char *ns = s->pods[i].ns;

		if (!t->pod_namespace || (ns && strcmp(ns, t->pod_namespace) == 0))
			unlabelled += !s->pods[i].labels_known;
	}
	if (t->n_labels && unlabelled)
		return err__set(err, -ENOENT,
				"no pod here is known to have these labels; of %zu, no label is "
				"kept on this node: "
				"choose them by name, or run where the API server can be asked",
				unlabelled);
	return err__set(err, -ENOENT, "no such pod runs here");
}

/* The kubelet calls a node by its host name in lower case, unless it is told otherwise. */
static bool is_this_node(const struct snapshot *s, const char *name, char node[65])
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t n;

	snprintf(node, 65, "?");
	if (asprintf(&path, "%s/proc/sys/kernel/hostname", s->root) < 0) {
		path = NULL;
		return false;
	}
	if (read__file(-1, path, 256, true, &text, &n) < 0)
		return false;
	snprintf(node, 65, "%.*s", (int)strcspn(text, "\n"), text);
	return strcasecmp(node, name) == 0;
}

int choose__pods(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		 struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));
	_cleanup_free_ bool *pod = calloc(s->n_pods + 1, sizeof(*pod));
	char node[65]; /* __NEW_UTS_LEN */

	if (!cgroup || !pod)
		return -ENOMEM;
	if (t->node && !is_this_node(s, t->node, node))
		return err__set(err, -ENOENT, "this machine is node `%s`, not `%s`", node, t->node);
	for (size_t i = 0; i < s->n_pods; i++)
		pod[i] = pod_matches(&s->pods[i], t);
	for (size_t i = 0; i < s->n_cgroups; i++)
		cgroup[i] = s->cgroups[i].pod != DISCOVER_NONE && pod[s->cgroups[i].pod];
	return choose__of_cgroups(s, cgroup, c) ? 0 : no_pod(s, t, err);
}
