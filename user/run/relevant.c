// SPDX-License-Identifier: GPL-2.0-only
#include "run/relevant.h"

#include "lib/cleanup.h"
#include "run/select_internal.h"

#include <fcntl.h>
#include <string.h>

enum { CGROUP_MAX = 4096 };

/* What kinds of selectors there are. */
struct kinds {
	bool by_process, by_place, by_name;
};

static struct kinds kinds_of(const struct select *sel)
{
	struct kinds k = {0};

	for (size_t i = 0; i < sel->n; i++) {
		const struct selector *s = selected__selector(sel, &sel->v[i]);
		const struct target_selector *t = s->target;

		k.by_name |= s->kind == SELECTOR_NETNS || s->kind == SELECTOR_INTERFACE;
		if (!selector__wants_snapshot(s))
			continue;
		k.by_process |= s->kind == SELECTOR_PROCESS;
		k.by_place |= s->kind != SELECTOR_PROCESS;
		for (size_t x = 0; t && x < t->n_excludes; x++) {
			k.by_process |= t->excludes[x].kind == TARGET_PROCESS;
			k.by_place |= t->excludes[x].kind != TARGET_PROCESS;
		}
	}
	return k;
}

/* The file @name of process @pid, as the kernel shows it; its length, or -1. */
static ssize_t read_proc(const struct snapshot *s, pid_t pid, const char *name, char *buf,
			 size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/proc/%d/%s", s->root, pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	buf[n < 0 ? 0 : n] = 0;
	return n;
}

static ssize_t link_proc(const struct snapshot *s, pid_t pid, const char *name, char *buf,
			 size_t size)
{
	char path[256];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/proc/%d/%s", s->root, pid, name);
	n = readlink(path, buf, size - 1);
	buf[n < 0 ? 0 : n] = 0;
	return n;
}

static bool is_member(const struct select *sel, size_t i, pid_t pid)
{
	const struct discover_process *p = snapshot__process(&sel->snapshot, pid);
	const struct discover_match *m = &sel->v[i].match;
	uint32_t k = p ? (uint32_t)(p - sel->snapshot.processes) : 0;
	size_t lo = 0, hi = p ? m->n_processes : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->processes[mid] < k)
			lo = mid + 1;
		else
			hi = mid;
	}
	return p && lo < m->n_processes && m->processes[lo] == k;
}

static bool is_any_member(const struct select *sel, pid_t pid)
{
	for (size_t i = 0; i < sel->n; i++)
		if (is_member(sel, i, pid))
			return true;
	return false;
}

/* By what is read quickly: false is certain, true is not. */
static bool may_match(const struct snapshot *s, const struct target_selector *t, pid_t pid)
{
	char text[CGROUP_MAX];
	const char *last;

	if (t->tree)
		return true;
	if (t->pid && t->pid != pid)
		return false;
	if (t->comm) {
		if (read_proc(s, pid, "comm", text, sizeof(text)) < 0)
			return false;
		text[strcspn(text, "\n")] = 0;
		if (strcmp(text, t->comm) != 0)
			return false;
	}
	if (t->exe && !strchr(t->exe, '/')) {
		if (link_proc(s, pid, "exe", text, sizeof(text)) < 0)
			return false;
		last = strrchr(text, '/');
		return strncmp(last ? last + 1 : text, t->exe, strlen(t->exe)) == 0;
	}
	if (t->exe) {
		if (link_proc(s, pid, "exe", text, sizeof(text)) < 0)
			return false;
		return strncmp(text, t->exe, strlen(t->exe)) == 0; /* may end in " (deleted)" */
	}
	return true;
}

/* Whether @pid, which runs or is called something else now, begins or ceases to be chosen by what it is. */
static bool process_matters(const struct select *sel, pid_t pid)
{
	for (size_t i = 0; i < sel->n; i++) {
		const struct target_selector *t = selected__selector(sel, &sel->v[i])->target;
		bool is, may;

		for (size_t x = 0; t && x < t->n_excludes; x++)
			if (t->excludes[x].kind == TARGET_PROCESS &&
			    may_match(&sel->snapshot, &t->excludes[x], pid))
				return true;
		if (!t || t->kind != TARGET_PROCESS)
			continue;
		is = is_member(sel, i, pid);
		may = may_match(&sel->snapshot, t, pid);
		/* User and arguments are worth a look of their own; who left an exclude shows in it, too. */
		if (is != may || (may && (t->user || t->args)) || (!is && t->n_excludes && may))
			return true;
	}
	return false;
}

static bool same_cgroup(const struct snapshot *s, pid_t a, pid_t b)
{
	char x[CGROUP_MAX], y[CGROUP_MAX];

	return read_proc(s, a, "cgroup", x, sizeof(x)) >= 0 &&
	       read_proc(s, b, "cgroup", y, sizeof(y)) >= 0 && strcmp(x, y) == 0;
}

static bool same_netns(const struct snapshot *s, pid_t a, pid_t b)
{
	char x[64], y[64];

	return link_proc(s, a, "ns/net", x, sizeof(x)) >= 0 &&
	       link_proc(s, b, "ns/net", y, sizeof(y)) >= 0 && strcmp(x, y) == 0;
}

static bool is_there(const struct snapshot *s, pid_t pid)
{
	char comm[64];

	return read_proc(s, pid, "comm", comm, sizeof(comm)) >= 0;
}

static pid_t parent_of(const struct snapshot *s, pid_t pid)
{
	char stat[1024];
	const char *end;
	int ppid = 0;

	/* "PID (COMM) STATE PPID ...", and any byte may be in COMM. */
	if (read_proc(s, pid, "stat", stat, sizeof(stat)) < 0)
		return 0;
	end = strrchr(stat, ')');
	return end && sscanf(end, ") %*c %d", &ppid) == 1 ? ppid : 0;
}

static bool change_matters(const struct select *sel, const struct kinds *kinds,
			   const struct change *c)
{
	const struct snapshot *s = &sel->snapshot;
	pid_t parent;

	switch (c->kind) {
	case CHANGE_ENDED:
		return is_any_member(sel, c->pid);
	case CHANGE_STARTED:
		/* It is what its parent is, where that is, unless it was made into another cgroup. */
		return kinds->by_place && !same_cgroup(s, c->pid, c->ppid) && is_there(s, c->pid);
	case CHANGE_EXEC:
	case CHANGE_RENAMED:
		if (kinds->by_process && process_matters(sel, c->pid))
			return true;
		if (c->kind == CHANGE_RENAMED || !kinds->by_place)
			return false;
		/* Whoever enters a container or namespace runs a program there. */
		parent = parent_of(s, c->pid);
		return is_there(s, c->pid) && (!parent || !same_cgroup(s, c->pid, parent) ||
					       !same_netns(s, c->pid, parent));
	}
	return true;
}

bool relevant__changes(const struct select *sel, const struct changes *c)
{
	struct kinds kinds = kinds_of(sel);

	if (c->all || (c->cgroups && kinds.by_place) || (c->netns && kinds.by_name))
		return true;
	if (!kinds.by_process && !kinds.by_place)
		return false;
	if (c->n_processes > RELEVANT_PROCESSES_MAX)
		return true;
	for (size_t i = 0; i < c->n_processes; i++)
		if (change_matters(sel, &kinds, &c->processes[i]))
			return true;
	return false;
}
