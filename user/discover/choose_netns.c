// SPDX-License-Identifier: GPL-2.0-only
/* choose__netns.c: by network namespace, and by what is in it. */
#include "discover/choose.h"

#include <limits.h>
#include <string.h>

static const char *netns_of(const struct snapshot *s, size_t i)
{
	return s->netns[i].name;
}

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
			return choose__no_process(s, (pid_t)pid, err);
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
	return any ? 0 : choose__none_of(s, "network namespace", name, s->n_netns, netns_of, err);
}

int choose__netns(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
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

int choose__cidr(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
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

int choose__interface(const struct snapshot *s, const struct target_selector *t, struct chosen *c,
		      struct error *err)
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
	return choose__none_of(s, "device", t->name, MAX_NAMED, device_in_self, err);
}
