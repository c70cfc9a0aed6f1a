// SPDX-License-Identifier: GPL-2.0-only
/*
 * match.c: from a selector to processes, and from them to namespaces and cgroups. Whatever can be
 * decided for a container, pod, cgroup or namespace is decided once for it and not for each of its
 * processes.
 */
#include "discover/internal.h"

#include "lib/nearest.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* What one selector chooses: a flag for each process. Namespaces alone, where no process need be. */
struct chosen {
	bool *process, *netns;
};

static void chosen__reset(struct chosen *c)
{
	free(c->process);
	free(c->netns);
	*c = (struct chosen){0};
}

static int chosen__init(const struct snapshot *s, struct chosen *c)
{
	c->process = calloc(s->n_processes + 1, sizeof(bool));
	c->netns = calloc(s->n_netns + 1, sizeof(bool));
	if (c->process && c->netns)
		return 0;
	chosen__reset(c);
	return -ENOMEM;
}

/* ---- nothing matched: what was probably meant ---- */

/* -ENOENT for @what `@value`, with the nearest of @words (@n of them, borrowed). */
static int none(const char *what, const char *value, const char *const *words, size_t n,
		struct error *err)
{
	const char *near = nearest__word(value, words, n);

	if (near)
		return err__set(err, -ENOENT, "no %s `%s`; did you mean `%s`?", what, value, near);
	return err__set(err, -ENOENT, "no %s `%s`; `chaos targets` lists what there is", what,
			value);
}

/* By a list of names that @name gives for each of @n things, NULL for those that have none. */
static int none_of(const struct snapshot *s, const char *what, const char *value, size_t n,
		   const char *(*name)(const struct snapshot *s, size_t i), struct error *err)
{
	_cleanup_free_ const char **words = calloc(n + 1, sizeof(*words));
	_cleanup_(table__reset) struct table seen = {0};
	size_t k = 0;

	for (size_t i = 0; words && i < n; i++) {
		const char *w = name(s, i);

		if (!w || table__get_str(&seen, w) != TABLE_NONE)
			continue;
		if (table__put_str(&seen, w, 1) < 0)
			break;
		words[k++] = w;
	}
	return none(what, value, words, k, err);
}

static const char *comm_of(const struct snapshot *s, size_t i)
{
	return s->processes[i].comm;
}

static const char *exe_of(const struct snapshot *s, size_t i)
{
	return s->processes[i].exe;
}

static const char *user_of(const struct snapshot *s, size_t i)
{
	return s->processes[i].user;
}

static const char *cgroup_of(const struct snapshot *s, size_t i)
{
	const struct discover_cgroup *c = &s->cgroups[i];

	return c->path && (c->path[1] || !c->path_v1) ? c->path : c->path_v1;
}

static const char *unit_of(const struct snapshot *s, size_t i)
{
	return s->cgroups[i].unit;
}

static const char *container_of_(const struct snapshot *s, size_t i)
{
	return s->containers[i].name ? s->containers[i].name : s->containers[i].id;
}

static const char *pod_of(const struct snapshot *s, size_t i)
{
	return s->pods[i].name ? s->pods[i].name : s->pods[i].uid;
}

static const char *netns_of(const struct snapshot *s, size_t i)
{
	return s->netns[i].name;
}

/* ---- processes ---- */

/* A pid that is none of ours: gone, or a thread of another process. */
static int no_process(const struct snapshot *s, pid_t pid, struct error *err)
{
	_cleanup_free_ char *path = NULL, *status = NULL;
	const struct discover_process *p;
	const char *at;
	size_t n;
	int tgid;

	if (asprintf(&path, "%s/proc/%d/status", s->root, pid) < 0) {
		path = NULL;
		return err__set(err, -ENOMEM, "out of memory");
	}
	if (read__file(-1, path, 4096, true, &status, &n) < 0 ||
	    !(at = strstr(status, "\nTgid:")) || sscanf(at, "\nTgid: %d", &tgid) != 1)
		return err__set(err, -ESRCH, "no process %d", pid);
	if (tgid == pid)
		return err__set(err, -ESRCH, "process %d has ended or has just begun", pid);
	p = snapshot__process(s, tgid);
	return err__set(err, -EINVAL,
			"%d is a thread of process %d%s%s%s; processes are chosen whole: pid:%d",
			pid, tgid, p ? " (" : "", p ? p->comm : "", p ? ")" : "", tgid);
}

static bool exe_matches(const struct discover_process *p, const char *exe)
{
	const char *last = strrchr(p->exe, '/');

	if (strchr(exe, '/') || !last)
		return strcmp(p->exe, exe) == 0;
	return strcmp(last + 1, exe) == 0;
}

static bool user_matches(const struct discover_process *p, const char *user)
{
	uint64_t uid;

	return strcmp(p->user, user) == 0 ||
	       (read__number(user, UINT32_MAX, &uid) && p->uid == uid);
}

static bool process_matches(const struct discover_process *p, const struct target_selector *t)
{
	char args[16 * 1024 + 1];

	if (t->pid && p->pid != t->pid)
		return false;
	if (t->comm && strcmp(p->comm, t->comm) != 0)
		return false;
	if (t->exe && !exe_matches(p, t->exe))
		return false;
	if (t->user && !user_matches(p, t->user))
		return false;
	return !t->args || glob__matches(t->args, discover_process__args(p, args, sizeof(args)));
}

/* The flag of every process whose parent has it, to any depth; @s->processes are in no such order. */
static int add_descendants(const struct snapshot *s, bool *process)
{
	_cleanup_free_ uint32_t *path = calloc(s->n_processes + 1, sizeof(*path));
	_cleanup_free_ bool *known = calloc(s->n_processes + 1, sizeof(*known));

	if (!path || !known)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];
		bool in = false;
		size_t n = 0;

		/* Up to one whose answer is known, then that answer back down: each is asked once. */
		while (p) {
			uint32_t k = (uint32_t)(p - s->processes);

			if (process[k] || known[k]) {
				in = process[k];
				break;
			}
			known[k] = true; /* also ends a circle, which only a lying /proc has */
			path[n++] = k;
			p = p->ppid ? snapshot__process(s, p->ppid) : NULL;
		}
		while (n)
			process[path[--n]] = in;
	}
	return 0;
}

static int choose_processes(const struct snapshot *s, const struct target_selector *t,
			    struct chosen *c, struct error *err)
{
	bool any = false;

	if (t->pid && !snapshot__process(s, t->pid))
		return no_process(s, t->pid, err);
	if (t->pid == s->self)
		return err__set(err, -EINVAL, "%d is chaos itself", t->pid);
	for (size_t i = 0; i < s->n_processes; i++) {
		c->process[i] = process_matches(&s->processes[i], t);
		any |= c->process[i];
	}
	if (any)
		return t->tree ? add_descendants(s, c->process) : 0;
	if (t->comm)
		return none_of(s, "process called", t->comm, s->n_processes, comm_of, err);
	if (t->exe)
		return none_of(s, "process of", t->exe, s->n_processes, exe_of, err);
	if (t->user)
		return none_of(s, "process of user", t->user, s->n_processes, user_of, err);
	return err__set(err, -ENOENT, "no process with arguments like `%s`",
			t->args ? t->args : "*");
}

/* ---- cgroups, units ---- */

/* @path is @of or, unless @exact, below it. Slashes at the end and the start do not matter. */
static bool path_in(const char *path, const char *of, bool exact)
{
	size_t n;

	path += strspn(path, "/");
	of += strspn(of, "/");
	n = strlen(of);
	while (n && of[n - 1] == '/')
		n--;
	if (!n)
		return !exact || !*path;
	return strncmp(path, of, n) == 0 && (!path[n] || (!exact && path[n] == '/'));
}

static bool cgroup_matches(const struct snapshot *s, const struct discover_cgroup *c,
			   const struct target_selector *t)
{
	const char *name = t->name;
	size_t mount = s->cgroup_mount ? strlen(s->cgroup_mount) : 0;

	/* As `ls` shows it. */
	if (mount && strncmp(name, s->cgroup_mount, mount) == 0 &&
	    (!name[mount] || name[mount] == '/'))
		name += mount;
	if (c->path && path_in(c->path, name, t->exact))
		return true;
	return c->path_v1 && path_in(c->path_v1, name, t->exact) && name[strspn(name, "/")];
}

static bool unit_in_path(const char *path, const char *name)
{
	while (path && *path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n && cgroup__is_unit(path, n, name))
			return true;
		path += n;
	}
	return false;
}

static bool has_unit_suffix(const char *name)
{
	static const char *const suffixes[] = {".service", ".scope", ".slice",
					       ".socket",  ".mount", ".swap"};
	size_t n = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t k = strlen(suffixes[i]);

		if (n > k && strcmp(name + n - k, suffixes[i]) == 0)
			return true;
	}
	return false;
}

/* All processes of the cgroups whose flag is set; false: none. */
static bool spread_cgroups(const struct snapshot *s, const bool *cgroup, struct chosen *c)
{
	bool any = false;

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];

		c->process[i] = p->cgroup != DISCOVER_NONE && cgroup[p->cgroup];
		any |= c->process[i];
	}
	return any;
}

static int choose_cgroup(const struct snapshot *s, const struct target_selector *t,
			 struct chosen *c, struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));

	if (!cgroup)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_cgroups; i++)
		cgroup[i] = cgroup_matches(s, &s->cgroups[i], t);
	if (spread_cgroups(s, cgroup, c))
		return 0;
	return none_of(s, "process in cgroup", t->name, s->n_cgroups, cgroup_of, err);
}

static int choose_unit(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		       struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));
	_cleanup_free_ char *name = NULL;

	if (!cgroup ||
	    asprintf(&name, "%s%s", t->name, has_unit_suffix(t->name) ? "" : ".service") < 0)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_cgroups; i++) {
		const struct discover_cgroup *g = &s->cgroups[i];

		cgroup[i] = unit_in_path(g->path && g->path[1] ? g->path : g->path_v1, name);
	}
	if (spread_cgroups(s, cgroup, c))
		return 0;
	return none_of(s, "running unit", name, s->n_cgroups, unit_of, err);
}

/* ---- containers, pods ---- */

static int choose_container(const struct snapshot *s, const struct target_selector *t,
			    struct chosen *c, struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));
	_cleanup_free_ bool *container = calloc(s->n_containers + 1, sizeof(*container));
	size_t n = strlen(t->name), names = 0, ids = 0;

	if (!cgroup || !container)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_containers; i++) {
		const char *name = s->containers[i].name;

		container[i] = name && strcmp(name, t->name) == 0;
		names += container[i];
	}
	for (size_t i = 0; i < s->n_containers && !names; i++) {
		container[i] = strncmp(s->containers[i].id, t->name, n) == 0;
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
	if (spread_cgroups(s, cgroup, c))
		return 0;
	return none_of(s, "running container", t->name, s->n_containers, container_of_, err);
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
	bool by_uid = t->name && p->podman && strlen(t->name) >= 4 &&
		      strncmp(p->uid, t->name, strlen(t->name)) == 0;

	if (t->pod_namespace && (!p->ns || strcmp(p->ns, t->pod_namespace) != 0))
		return false;
	if (t->name && !by_uid && strcmp(p->uid, t->name) != 0 &&
	    (!p->name || strcmp(p->name, t->name) != 0))
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
		return none_of(s, "running pod", t->name, s->n_pods, pod_of, err);
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

static int choose_pods(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		       struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));
	_cleanup_free_ bool *pod = calloc(s->n_pods + 1, sizeof(*pod));

	if (!cgroup || !pod)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_pods; i++)
		pod[i] = pod_matches(&s->pods[i], t);
	for (size_t i = 0; i < s->n_cgroups; i++)
		cgroup[i] = s->cgroups[i].pod != DISCOVER_NONE && pod[s->cgroups[i].pod];
	return spread_cgroups(s, cgroup, c) ? 0 : no_pod(s, t, err);
}

/* ---- namespaces ---- */

static void spread_netns(const struct snapshot *s, struct chosen *c)
{
	for (size_t i = 0; i < s->n_processes; i++)
		c->process[i] =
			s->processes[i].netns != DISCOVER_NONE && c->netns[s->processes[i].netns];
}

/* Set @netns for what @name, a name, path or pid, stands for. */
static int find_netns(const struct snapshot *s, const char *name, bool *netns, struct error *err)
{
	const struct discover_process *p;
	uint64_t pid = 0;
	bool any = false;

	if (read__number(name, INT_MAX, &pid) && pid) {
		p = snapshot__process(s, (pid_t)pid);
		if (!p)
			return no_process(s, (pid_t)pid, err);
		if (p->netns == DISCOVER_NONE)
			return err__set(err, -EACCES,
					"the network namespace of process %d may not be read",
					p->pid);
		netns[p->netns] = true;
		return 0;
	}
	for (size_t i = 0; i < s->n_netns; i++) {
		const struct discover_netns *n = &s->netns[i];

		netns[i] = (n->name && strcmp(n->name, name) == 0) ||
			   (n->path && strcmp(n->path, name) == 0);
		any |= netns[i];
	}
	return any ? 0 : none_of(s, "network namespace", name, s->n_netns, netns_of, err);
}

static int choose_netns(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
			struct error *err)
{
	int r = find_netns(s, t->name, c->netns, err);

	if (!r)
		spread_netns(s, c);
	return r;
}

static bool in_prefix(const struct addr_info *a, const struct target_selector *t)
{
	unsigned int whole = t->prefixlen / 8, bits = t->prefixlen % 8;
	unsigned int mask = 0xff00u >> bits & 0xff;

	return a->family == t->family && memcmp(a->addr, t->addr, whole) == 0 &&
	       (!bits || (a->addr[whole] & mask) == (t->addr[whole] & mask));
}

static int choose_cidr(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		       struct error *err)
{
	bool any = false;

	for (size_t i = 0; i < s->n_netns; i++) {
		const struct netns_scan *scan = &s->netns[i].scan;

		for (size_t k = 0; k < scan->n_addrs; k++)
			c->netns[i] |= in_prefix(&scan->addrs[k], t);
		any |= c->netns[i];
	}
	spread_netns(s, c);
	return any ? 0
		   : err__set(err, -ENOENT,
			      "no namespace of this machine has an address in that range");
}

static const char *device_in_self(const struct snapshot *s, size_t i)
{
	for (size_t k = 0; k < s->n_netns; k++)
		if (s->netns[k].self)
			return i < s->netns[k].scan.n_links ? s->netns[k].scan.links[i].name : NULL;
	return NULL;
}

static int choose_interface(const struct snapshot *s, const struct target_selector *t,
			    struct chosen *c, struct error *err)
{
	enum { MAX_NAMED = 64 }; /* devices that a message looks for the nearest in */
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < s->n_netns; i++)
		c->netns[i] = !t->netns && s->netns[i].self;
	if (t->netns)
		r = find_netns(s, t->netns, c->netns, err);
	if (r)
		return r;
	for (size_t i = 0; i < s->n_netns; i++) {
		const struct netns_scan *scan = &s->netns[i].scan;
		bool has = false;

		for (size_t k = 0; k < scan->n_links; k++)
			has |= strcmp(scan->links[k].name, t->name) == 0;
		c->netns[i] &= has;
		any |= c->netns[i];
	}
	spread_netns(s, c);
	if (any)
		return 0;
	if (t->netns)
		return err__set(err, -ENOENT, "no device `%s` in network namespace `%s`", t->name,
				t->netns);
	return none_of(s, "device", t->name, MAX_NAMED, device_in_self, err);
}

static int choose(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		  struct error *err)
{
	switch (t->kind) {
	case TARGET_PROCESS:
		return choose_processes(s, t, c, err);
	case TARGET_CGROUP:
		return choose_cgroup(s, t, c, err);
	case TARGET_UNIT:
		return choose_unit(s, t, c, err);
	case TARGET_CONTAINER:
		return choose_container(s, t, c, err);
	case TARGET_PODS:
		return choose_pods(s, t, c, err);
	case TARGET_NETNS:
		return choose_netns(s, t, c, err);
	case TARGET_CIDR:
		return choose_cidr(s, t, c, err);
	case TARGET_INTERFACE:
		return choose_interface(s, t, c, err);
	}
	return err__set(err, -EINVAL, "no such kind of selector");
}

/* ---- the result ---- */

/* Take away what one of the excludes chooses. One that chooses nothing takes nothing away. */
static int exclude(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		   struct error *err)
{
	for (size_t k = 0; k < t->n_not; k++) {
		_cleanup_(chosen__reset) struct chosen out = {0};
		int r = chosen__init(s, &out);

		if (!r)
			r = choose(s, &t->not [k], &out, err);
		if (r == -ENOENT || r == -ESRCH)
			continue;
		if (r)
			return r;
		for (size_t i = 0; i < s->n_processes; i++)
			c->process[i] &= !out.process[i];
		for (size_t i = 0; i < s->n_netns; i++)
			c->netns[i] &= !out.netns[i];
	}
	return 0;
}

/*
 * chaos must never be its own target: it and the processes of it that run the same program. What it
 * started of others' programs, a lab's servers, may be chosen.
 */
static int leave_out_self(const struct snapshot *s, struct chosen *c, size_t *ret_n)
{
	_cleanup_free_ bool *own = calloc(s->n_processes + 1, sizeof(*own));
	const struct discover_process *self = snapshot__process(s, s->self);
	size_t n = 0;
	int r;

	*ret_n = 0;
	if (!own)
		return -ENOMEM;
	if (!self)
		return 0;
	own[self - s->processes] = true;
	r = add_descendants(s, own);
	if (r)
		return r;
	for (size_t i = 0; i < s->n_processes; i++) {
		own[i] = own[i] && strcmp(s->processes[i].exe, self->exe) == 0;
		n += own[i] && c->process[i];
		c->process[i] &= !own[i];
	}
	*ret_n = n;
	return 0;
}

/* The indices of the flags that are set; NULL: no memory. */
static uint32_t *indices(const bool *flags, size_t n, size_t *ret_n)
{
	uint32_t *v;
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += flags[i];
	v = calloc(k + 1, sizeof(*v));
	if (!v)
		return NULL;
	k = 0;
	for (uint32_t i = 0; i < n; i++)
		if (flags[i])
			v[k++] = i;
	*ret_n = k;
	return v;
}

/* No process outside has a v2 cgroup that one inside has. */
static int are_exact(const struct snapshot *s, const bool *process, bool *ret)
{
	_cleanup_(table__reset) struct table inside = {0};
	bool exact = true;

	for (size_t i = 0; i < s->n_processes; i++) {
		uint32_t k = s->processes[i].cgroup;
		uint64_t id = k == DISCOVER_NONE ? 0 : s->cgroups[k].id;

		if (!process[i])
			continue;
		exact &= id != 0;
		if (id && table__put(&inside, id, 1) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < s->n_processes; i++) {
		uint32_t k = s->processes[i].cgroup;

		if (!process[i] && k != DISCOVER_NONE &&
		    table__get(&inside, s->cgroups[k].id) != TABLE_NONE)
			exact = false;
	}
	*ret = exact;
	return 0;
}

static int collect(const struct snapshot *s, struct chosen *c, struct discover_match *m)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));

	if (!cgroup)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];

		if (c->process[i] && p->netns != DISCOVER_NONE)
			c->netns[p->netns] = true;
		if (c->process[i] && p->cgroup != DISCOVER_NONE)
			cgroup[p->cgroup] = true;
	}
	m->processes = indices(c->process, s->n_processes, &m->n_processes);
	m->netns = indices(c->netns, s->n_netns, &m->n_netns);
	m->cgroups = indices(cgroup, s->n_cgroups, &m->n_cgroups);
	if (!m->processes || !m->netns || !m->cgroups)
		return -ENOMEM;
	return are_exact(s, c->process, &m->cgroups_exact);
}

int discover__match(const struct snapshot *s, const struct target_selector *t,
		    struct discover_match *ret, struct error *err)
{
	_cleanup_(chosen__reset) struct chosen c = {0};
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	int r = chosen__init(s, &c);

	if (!r)
		r = choose(s, t, &c, err);
	if (!r)
		r = exclude(s, t, &c, err);
	if (!r)
		r = leave_out_self(s, &c, &m.n_self);
	if (!r)
		r = collect(s, &c, &m);
	if (r == -ENOMEM)
		return err__set(err, r, "out of memory");
	if (r)
		return r;
	if (!m.n_processes && !m.n_netns)
		return m.n_self ? err__set(err, -EINVAL,
					   "the selector matches chaos itself and nothing else")
				: err__set(err, -ENOENT,
					   "the excludes leave nothing of what matches");
	*ret = m;
	m = (struct discover_match){0};
	return 0;
}

void discover_match__reset(struct discover_match *m)
{
	free(m->processes);
	free(m->netns);
	free(m->cgroups);
	*m = (struct discover_match){0};
}
