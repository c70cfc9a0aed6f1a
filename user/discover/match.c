// SPDX-License-Identifier: GPL-2.0-only
/*
 * match.c: from a selector to processes, and from them to namespaces and cgroups. Whatever can be
 * decided for a container, pod, cgroup or namespace is decided once for it and not for each of its
 * processes.
 */
#include "discover/choose.h"

#include <string.h>

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

static int choose(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		  struct error *err)
{
	switch (t->kind) {
	case TARGET_PROCESS:
		return choose__processes(s, t, c, err);
	case TARGET_CGROUP:
		return choose__cgroup(s, t, c, err);
	case TARGET_UNIT:
		return choose__unit(s, t, c, err);
	case TARGET_CONTAINER:
		return choose__container(s, t, c, err);
	case TARGET_PODS:
		return choose__pods(s, t, c, err);
	case TARGET_NETNS:
		return choose__netns(s, t, c, err);
	case TARGET_CIDR:
		return choose__cidr(s, t, c, err);
	case TARGET_INTERFACE:
		return choose__interface(s, t, c, err);
	}
	return err__set(err, -EINVAL, "no such kind of selector");
}

/* ---- the result ---- */

/* Take away what one of the excludes chooses. One that chooses nothing takes nothing away. */
static int exclude(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		   struct error *err)
{
	for (size_t k = 0; k < t->n_excludes; k++) {
		_cleanup_(chosen__reset) struct chosen out = {0};
		int r = chosen__init(s, &out);

		if (!r)
			r = choose(s, &t->excludes[k], &out, err);
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
	r = choose__descendants(s, own);
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
	return discover__match_only(s, t, NULL, ret, err);
}

int discover__match_only(const struct snapshot *s, const struct target_selector *t,
			 const struct discover_only *only, struct discover_match *ret,
			 struct error *err)
{
	_cleanup_(chosen__reset) struct chosen c = {0};
	_cleanup_(discover_match__reset) struct discover_match m = {0};
	int r = chosen__init(s, &c);

	c.only = only;
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
