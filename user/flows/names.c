// SPDX-License-Identifier: GPL-2.0-only
/* names.c: what people call a process and the place where it lives. */
#include "flows/internal.h"

#include <string.h>

enum { SHORT_ID = 12 }; /* of a container, as the runtimes print it */

int names__init(struct names *n, const struct snapshot *s, const struct scopes *scopes,
		struct arena *arena)
{
	*n = (struct names){.s = s, .scopes = scopes, .arena = arena};
	n->process = calloc(s->n_processes + 1, sizeof(*n->process));
	n->netns = calloc(s->n_netns + 1, sizeof(*n->netns));
	if (n->process && n->netns)
		return 0;
	names__reset(n);
	return -ENOMEM;
}

void names__reset(struct names *n)
{
	free(n->process);
	free(n->netns);
	*n = (struct names){0};
}

static const char *make_netns(struct names *n, const struct discover_netns *ns)
{
	const char *name = ns->name;

	if (!name)
		name = scopes__name(n->scopes, ns->id.ino);
	if (name)
		return arena__str(n->arena, name);
	if (ns->host || ns->self)
		return "";
	return arena__printf(n->arena, "netns:%d", ns->pid);
}

const char *names__netns(struct names *n, uint32_t netns)
{
	if (netns == DISCOVER_NONE)
		return "";
	if (!n->netns[netns])
		n->netns[netns] = make_netns(n, &n->s->netns[netns]);
	return n->netns[netns];
}

/* A pod or container; NULL: none. */
static const char *make_group(struct names *n, const struct discover_process *p)
{
	const struct discover_cgroup *c =
		p->cgroup == DISCOVER_NONE ? NULL : &n->s->cgroups[p->cgroup];
	const struct discover_container *k;

	if (c && c->pod != DISCOVER_NONE) {
		const struct discover_pod *pod = &n->s->pods[c->pod];
		const char *name = pod->name ? pod->name : pod->uid;

		return pod->ns ? arena__printf(n->arena, "%s/%s", pod->ns, name) : name;
	}
	if (!c || c->container == DISCOVER_NONE)
		return NULL;
	k = &n->s->containers[c->container];
	return k->name ? k->name : arena__printf(n->arena, "%.*s", SHORT_ID, k->id);
}

const char *names__process(struct names *n, uint32_t i)
{
	const struct discover_process *p = &n->s->processes[i];
	const char *place;

	if (n->process[i])
		return n->process[i];
	place = make_group(n, p);
	/* A machine of which all is one container needs no name for that. */
	if (!place || (p->netns != DISCOVER_NONE && n->s->netns[p->netns].self &&
		       !n->s->netns[p->netns].host))
		place = names__netns(n, p->netns);
	if (!place)
		return NULL;
	n->process[i] = *place ? arena__printf(n->arena, "%s/%s", place, p->comm) : p->comm;
	return n->process[i];
}

const char *scopes__name(const struct scopes *s, uint64_t netns)
{
	for (size_t i = 0; s && i < s->n_runs; i++)
		for (size_t k = 0; k < s->runs[i].n_members; k++) {
			const struct scope_member *m = &s->runs[i].members[k];

			if (numbers__have(m->netns, m->n_netns, netns) && !m->device && m->name)
				return m->name;
		}
	return NULL;
}
