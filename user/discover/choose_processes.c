// SPDX-License-Identifier: GPL-2.0-only
/* choose__processes.c: by what a process is, its cgroup, its unit. */
#include "discover/choose.h"

#include <string.h>

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

int choose__processes(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		      struct error *err)
{
	bool any = false;

	if (t->pid && !snapshot__process(s, t->pid))
		return choose__no_process(s, t->pid, err);
	if (t->pid == s->self)
		return err__set(err, -EINVAL, "%d is chaos itself", t->pid);
	for (size_t i = 0; i < s->n_processes; i++) {
		c->process[i] = process_matches(&s->processes[i], t);
		any |= c->process[i];
	}
	if (any)
		return t->tree ? choose__descendants(s, c->process) : 0;
	if (t->comm)
		return choose__none_of(s, "process called", t->comm, s->n_processes, comm_of, err);
	if (t->exe)
		return choose__none_of(s, "process of", t->exe, s->n_processes, exe_of, err);
	if (t->user)
		return choose__none_of(s, "process of user", t->user, s->n_processes, user_of, err);
	return err__set(err, -ENOENT, "no process with arguments like `%s`",
			t->args ? t->args : "*");
}

/* ---- cgroups, units ---- */

static const char *cgroup_of(const struct snapshot *s, size_t i)
{
	const struct discover_cgroup *c = &s->cgroups[i];

	return c->path && (c->path[1] || !c->path_v1) ? c->path : c->path_v1;
}

static const char *unit_of(const struct snapshot *s, size_t i)
{
	return s->cgroups[i].unit;
}

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

int choose__cgroup(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		   struct error *err)
{
	_cleanup_free_ bool *cgroup = calloc(s->n_cgroups + 1, sizeof(*cgroup));

	if (!cgroup)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_cgroups; i++)
		cgroup[i] = cgroup_matches(s, &s->cgroups[i], t);
	if (choose__of_cgroups(s, cgroup, c))
		return 0;
	return choose__none_of(s, "process in cgroup", t->name, s->n_cgroups, cgroup_of, err);
}

int choose__unit(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
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
	if (choose__of_cgroups(s, cgroup, c))
		return 0;
	return choose__none_of(s, "running unit", name, s->n_cgroups, unit_of, err);
}
