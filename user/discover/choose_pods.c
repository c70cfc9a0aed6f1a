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

/* What Kubernetes calls a pod without a namespace of its own is in `default`; podman has no namespaces. */
static const char *namespace_of(const struct discover_pod *p)
{
	return p->ns ? p->ns : p->podman ? "default" : "";
}

char *discover_pod__path(const struct discover_pod *p)
{
	char *path;

	if (asprintf(&path, "%s/%s", namespace_of(p), p->name ? p->name : p->uid) < 0)
		return NULL;
	return path;
}

static bool is_one_of(const char *s, char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i], s) == 0)
			return true;
	return false;
}

static bool is_listed(const struct discover_pod *p, const char *path)
{
	const char *ns = namespace_of(p), *slash = strchr(path, '/');

	return strncmp(path, ns, strlen(ns)) == 0 && path + strlen(ns) == slash &&
	       pod_is_called(p, slash + 1);
}

/* In the lists of @t. Of labels that are not known nothing holds, not even that one is not there. */
static bool in_lists(const struct discover_pod *p, const struct target_selector *t)
{
	bool listed = !t->n_pods;

	if (t->n_namespaces && !is_one_of(namespace_of(p), t->namespaces, t->n_namespaces))
		return false;
	for (size_t i = 0; i < t->n_pods && !listed; i++)
		listed = is_listed(p, t->pods[i]);
	if (!listed || (t->n_expressions && !p->labels_known))
		return false;
	for (size_t i = 0; i < t->n_expressions; i++)
		if (!target_expression__holds(&t->expressions[i], p->labels, p->n_labels))
			return false;
	return true;
}

static bool pod_matches(const struct discover_pod *p, const struct target_selector *t)
{
	if (!in_lists(p, t))
		return false;
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
	if ((t->n_labels || t->n_expressions) && unlabelled)
		return err__set(err, -ENOENT,
				"no pod here is known to have these labels; of %zu, no label is "
				"kept on this node: "
				"choose them by name, or run where the API server can be asked",
				unlabelled);
	return err__set(err, -ENOENT, "no such pod runs here%s",
			t->n_namespaces || t->n_pods ? " (podman's are in namespace default)" : "");
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

/* The flag of each pod that has a process in the machine's own network namespace. */
static void find_host_pods(const struct snapshot *s, bool *pod)
{
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];
		uint32_t k = p->cgroup == DISCOVER_NONE ? DISCOVER_NONE : s->cgroups[p->cgroup].pod;

		if (k != DISCOVER_NONE && p->netns != DISCOVER_NONE &&
		    (s->netns[p->netns].host || s->netns[p->netns].self))
			pod[k] = true;
	}
}

/* The flag of each pod that has a process, and of each that @t means: all, or those of @only. */
static int flag_pods(const struct snapshot *s, const struct target_selector *t,
		     const struct discover_only *only, bool *pod)
{
	_cleanup_free_ bool *host = calloc(s->n_pods + 1, sizeof(*host));

	if (!host)
		return -ENOMEM;
	if (t->no_host_network)
		find_host_pods(s, host);
	for (size_t i = 0; i < s->n_pods; i++) {
		_cleanup_free_ char *path = only ? discover_pod__path(&s->pods[i]) : NULL;

		if (only && !path)
			return -ENOMEM;
		pod[i] = pod_matches(&s->pods[i], t) && !host[i] &&
			 (!only || is_one_of(path, only->pods, only->n_pods));
	}
	return 0;
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
	if (flag_pods(s, t, c->only, pod))
		return -ENOMEM;
	for (size_t i = 0; i < s->n_cgroups; i++)
		cgroup[i] = s->cgroups[i].pod != DISCOVER_NONE && pod[s->cgroups[i].pod];
	return choose__of_cgroups(s, cgroup, c) ? 0 : no_pod(s, t, err);
}

/* ---- how many of them ---- */

struct ranked {
	uint64_t rank;
	char *path;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank)
				  : strcmp(x->path, y->path);
}

/* Pods that run: in one of @s's processes' cgroups. */
static void find_running(const struct snapshot *s, bool *running)
{
	for (size_t i = 0; i < s->n_processes; i++) {
		uint32_t k = s->processes[i].cgroup;

		if (k != DISCOVER_NONE && s->cgroups[k].pod != DISCOVER_NONE)
			running[s->cgroups[k].pod] = true;
	}
}

static int take_first(struct ranked *v, size_t n, size_t count, struct discover_only *ret)
{
	ret->pods = calloc(count + 1, sizeof(*ret->pods));
	if (!ret->pods)
		return -ENOMEM;
	qsort(v, n, sizeof(*v), by_rank);
	for (size_t i = 0; i < count; i++) {
		ret->pods[ret->n_pods++] = v[i].path;
		v[i].path = NULL;
	}
	return 0;
}

int discover__pick(const struct snapshot *s, const struct target_selector *t, uint64_t seed,
		   const char *salt, struct discover_only *ret)
{
	_cleanup_free_ bool *pod = calloc(s->n_pods + 1, sizeof(*pod));
	_cleanup_free_ bool *running = calloc(s->n_pods + 1, sizeof(*running));
	_cleanup_free_ struct ranked *v = calloc(s->n_pods + 1, sizeof(*v));
	size_t n = 0;
	int r = pod && running && v ? flag_pods(s, t, NULL, pod) : -ENOMEM;

	if (!r)
		find_running(s, running);
	for (size_t i = 0; i < s->n_pods && !r; i++) {
		if (!pod[i] || !running[i])
			continue;
		v[n].path = discover_pod__path(&s->pods[i]);
		r = v[n].path ? 0 : -ENOMEM;
		v[n].rank = r ? 0 : target_pick__rank(seed, salt, v[n].path);
		n += !r;
	}
	if (!r)
		r = take_first(v, n, target_pick__count(&t->pick, n, seed, salt), ret);
	for (size_t i = 0; i < n; i++)
		free(v[i].path);
	return r;
}

void discover_only__reset(struct discover_only *o)
{
	for (size_t i = 0; i < o->n_pods; i++)
		free(o->pods[i]);
	free(o->pods);
	*o = (struct discover_only){0};
}

static void say_missing(const struct snapshot *s, const struct target_selector *t, const bool *running,
			struct error *err)
{
	for (size_t i = 0; i < t->n_pods && !err->msg[0]; i++) {
		bool found = false;

		for (size_t k = 0; k < s->n_pods && !found; k++)
			found = running[k] && is_listed(&s->pods[k], t->pods[i]);
		if (!found)
			err__set(err, -ENOENT, "no running pod `%s`", t->pods[i]);
	}
}

int discover__check_pods(const struct snapshot *s, const struct target_selector *t,
			 struct error *err)
{
	_cleanup_free_ bool *host = calloc(s->n_pods + 1, sizeof(*host));
	_cleanup_free_ bool *running = calloc(s->n_pods + 1, sizeof(*running));
	struct error why = {0};

	if (!host || !running)
		return err__set(err, -ENOMEM, "out of memory");
	find_running(s, running);
	say_missing(s, t, running, &why);
	if (why.msg[0])
		return err__set(err, -ENOENT, "%s", why.msg);
	if (!t->no_host_network)
		return 0;
	find_host_pods(s, host);
	for (size_t i = 0; i < s->n_pods; i++) {
		if (host[i] && pod_matches(&s->pods[i], t))
			return err__set(err, -EINVAL,
					"pod `%s/%s` is in the machine's own network (hostNetwork): a "
					"fault on it may meet the machine; ask for it with "
					"--allow-host, which takes only the pod's own sockets",
					namespace_of(&s->pods[i]), pod_of(s, i));
	}
	return 0;
}
