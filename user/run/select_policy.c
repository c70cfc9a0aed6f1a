// SPDX-License-Identifier: GPL-2.0-only
#include "run/select.h"

#include "lib/cleanup.h"

#include <string.h>

void picked__reset(struct picked *p)
{
	free(p->places);
	free(p->processes);
	free(p->cgroups);
	*p = (struct picked){0};
}

bool select__needs_links(const struct target_selector *t)
{
	bool needs = t->kind == TARGET_INTERFACE || t->kind == TARGET_CIDR;

	for (size_t i = 0; i < t->n_excludes; i++)
		needs |= select__needs_links(&t->excludes[i]);
	return needs;
}

static bool is_infra(const struct snapshot *s, const struct discover_process *p)
{
	uint32_t k = p->cgroup == DISCOVER_NONE ? DISCOVER_NONE : s->cgroups[p->cgroup].container;

	return k != DISCOVER_NONE && s->containers[k].infra;
}

/* chaos and what it started: probes that enter a namespace for a moment do not make it shared. */
static bool is_own(const struct snapshot *s, const struct discover_process *p)
{
	/* The number of steps bounds a circle, which only a lying /proc has. */
	for (size_t steps = 0; p && steps <= s->n_processes; steps++) {
		if (p->pid == s->self)
			return true;
		p = p->ppid ? snapshot__process(s, p->ppid) : NULL;
	}
	return false;
}

/* Namespaces with a process that is not of the match: the flag of each. NULL: no memory. */
static bool *shared_netns(const struct snapshot *s, const struct discover_match *m)
{
	_cleanup_free_ bool *in = calloc(s->n_processes + 1, sizeof(*in));
	_cleanup_free_ bool *candidate = calloc(s->n_netns + 1, sizeof(*candidate));
	bool *shared = calloc(s->n_netns + 1, sizeof(*shared));

	if (!in || !candidate || !shared) {
		free(shared);
		return NULL;
	}
	for (size_t i = 0; i < m->n_processes; i++)
		in[m->processes[i]] = true;
	for (size_t i = 0; i < m->n_netns; i++)
		candidate[m->netns[i]] = true;
	for (size_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];

		if (in[i] || p->netns == DISCOVER_NONE || !candidate[p->netns] ||
		    shared[p->netns] || p->kernel || is_infra(s, p) || is_own(s, p))
			continue;
		shared[p->netns] = true;
	}
	return shared;
}

/* Chosen by where it lives, not by what it is. */
static bool by_place(enum target_kind kind)
{
	return kind == TARGET_CGROUP || kind == TARGET_UNIT || kind == TARGET_CONTAINER ||
	       kind == TARGET_PODS;
}

static bool is_whole(const struct discover_netns *ns, const struct target_selector *t, bool shared,
		     bool allow_host)
{
	if (t->kind == TARGET_PROCESS)
		return false;
	if (t->kind == TARGET_NETNS && !t->n_excludes)
		return true;
	return !shared && (by_place(t->kind) ? !ns->host : true) && (!ns->self || allow_host);
}

static int pick_places(const struct snapshot *s, const struct target_selector *t,
		       const struct discover_match *m, bool allow_host, struct picked *p)
{
	_cleanup_free_ bool *shared = shared_netns(s, m);

	p->places = calloc(m->n_netns + 1, sizeof(*p->places));
	if (!shared || !p->places)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_netns; i++) {
		const struct discover_netns *ns = &s->netns[m->netns[i]];
		bool whole = is_whole(ns, t, shared[m->netns[i]], allow_host);

		if (whole && ns->self && !allow_host)
			return -EPERM;
		p->places[p->n_places++] = (struct picked_place){m->netns[i], !whole};
	}
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int pick_cgroups(const struct snapshot *s, const struct discover_match *m, struct picked *p)
{
	size_t n = 0;

	p->cgroups = calloc(m->n_cgroups + 1, sizeof(*p->cgroups));
	if (!p->cgroups)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_cgroups; i++)
		if (s->cgroups[m->cgroups[i]].id)
			p->cgroups[n++] = s->cgroups[m->cgroups[i]].id;
	qsort(p->cgroups, n, sizeof(*p->cgroups), by_id);
	/* Several pairs of v1 and v2 paths may have one v2 cgroup. */
	for (size_t i = 0; i < n; i++)
		if (!p->n_cgroups || p->cgroups[p->n_cgroups - 1] != p->cgroups[i])
			p->cgroups[p->n_cgroups++] = p->cgroups[i];
	return 0;
}

static int pick_processes(const struct snapshot *s, const struct discover_match *m,
			  struct picked *p)
{
	_cleanup_free_ bool *by_socket = calloc(s->n_netns + 1, sizeof(*by_socket));

	p->processes = calloc(m->n_processes + 1, sizeof(*p->processes));
	if (!by_socket || !p->processes)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_places; i++)
		by_socket[p->places[i].netns] = p->places[i].by_socket;
	for (size_t i = 0; i < m->n_processes; i++) {
		const struct discover_process *proc = &s->processes[m->processes[i]];

		if (!proc->kernel && proc->netns != DISCOVER_NONE && by_socket[proc->netns])
			p->processes[p->n_processes++] = m->processes[i];
	}
	return 0;
}

/* Where the match has no process with sockets, there is nothing for them to be looked for in. */
static int drop_empty(const struct snapshot *s, struct picked *p)
{
	_cleanup_free_ bool *has = calloc(s->n_netns + 1, sizeof(*has));
	size_t n = 0;

	if (!has)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_processes; i++)
		has[s->processes[p->processes[i]].netns] = true;
	for (size_t i = 0; i < p->n_places; i++)
		if (!p->places[i].by_socket || has[p->places[i].netns])
			p->places[n++] = p->places[i];
	p->n_places = n;
	return 0;
}

int select__pick(const struct snapshot *s, const struct target_selector *t,
		 const struct discover_match *m, bool allow_host, struct picked *ret)
{
	_cleanup_(picked__reset) struct picked p = {0};
	bool sockets = false;
	int r = pick_places(s, t, m, allow_host, &p);

	if (!r)
		r = pick_processes(s, m, &p);
	if (!r)
		r = drop_empty(s, &p);
	for (size_t i = 0; i < p.n_places; i++)
		sockets |= p.places[i].by_socket;
	/* A cgroup's processes are those of the match, and those of a kind that goes by cgroup always will be. */
	if (!r && sockets && by_place(t->kind) && !t->n_excludes && m->cgroups_exact)
		r = pick_cgroups(s, m, &p);
	if (r)
		return r;
	p.heirs = t->kind != TARGET_PROCESS || !t->pid || t->tree;
	*ret = p;
	p = (struct picked){0};
	return 0;
}

bool select__only_ancestors(const struct snapshot *s, const struct discover_match *m)
{
	const struct discover_process *self = snapshot__process(s, s->self);

	if (!self || !m->n_processes)
		return false;
	for (size_t i = 0; i < m->n_processes; i++) {
		const struct discover_process *p = &s->processes[m->processes[i]], *a = self;
		size_t steps = 0;

		while (a && a != p && steps++ <= s->n_processes)
			a = a->ppid ? snapshot__process(s, a->ppid) : NULL;
		if (a != p)
			return false;
	}
	return true;
}
