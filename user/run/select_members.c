// SPDX-License-Identifier: GPL-2.0-only
/* select_members.c: pods that the members' file names: those that are here in their namespaces, others as addresses. */
#include "run/select_internal.h"

#include "lib/cleanup.h"
#include "run/exempt.h"

#include <arpa/inet.h>
#include <string.h>

/* The process that a pod's network namespace is known by: its infrastructure container's, else the oldest. What its
 * containers make for themselves below that sends and receives through it. */
static bool knows_better(const struct snapshot *s, uint32_t a, uint32_t b)
{
	const struct discover_process *x = &s->processes[a], *y;
	uint32_t k;
	bool infra[2];

	if (b == DISCOVER_NONE)
		return true;
	y = &s->processes[b];
	for (int i = 0; i < 2; i++) {
		k = s->cgroups[(i ? y : x)->cgroup].container;
		infra[i] = k != DISCOVER_NONE && s->containers[k].infra;
	}
	if (infra[0] != infra[1])
		return infra[0];
	return x->start < y->start;
}

/* For each pod of the snapshot that process, or DISCOVER_NONE. NULL: no memory. */
static uint32_t *pod_processes(const struct snapshot *s)
{
	uint32_t *v = malloc((s->n_pods + 1) * sizeof(*v));

	if (!v)
		return NULL;
	for (size_t i = 0; i < s->n_pods; i++)
		v[i] = DISCOVER_NONE;
	for (uint32_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];
		uint32_t pod =
			p->cgroup == DISCOVER_NONE ? DISCOVER_NONE : s->cgroups[p->cgroup].pod;

		if (pod != DISCOVER_NONE && p->netns != DISCOVER_NONE && !p->kernel &&
		    knows_better(s, i, v[pod]))
			v[pod] = i;
	}
	return v;
}

static const struct discover_process *find_pod(const struct snapshot *s, const uint32_t *processes,
					       const char *uid)
{
	for (size_t i = 0; i < s->n_pods; i++)
		if (processes[i] != DISCOVER_NONE && !strcmp(s->pods[i].uid, uid))
			return &s->processes[processes[i]];
	return NULL;
}

static int add_place(struct select *sel, const struct snapshot *s, const struct member_pod *pod,
		     const struct discover_process *p, struct dp_member *m)
{
	const struct discover_netns *ns = &s->netns[p->netns];
	struct dp_place *v;
	int fd;

	/* hostNetwork: its network is the machine's, which is not the pod's to be cut off from. */
	if (ns->host || ns->self)
		return 0;
	fd = select__netns_fd(sel, s, p->netns);
	if (fd == -ENOENT) /* it has ended since */
		return 0;
	v = fd < 0 ? NULL : realloc(m->places, (m->n_places + 1) * sizeof(*v));
	if (!v)
		return fd < 0 ? fd : -ENOMEM;
	m->places = v;
	v[m->n_places++] = (struct dp_place){.netns_fd = fd, .label = pod->place};
	return 0;
}

static int add_addresses(const struct member_pod *pod, struct dp_member *m)
{
	struct dp_prefix *v = realloc(m->prefixes, (m->n_prefixes + pod->n_ips + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	m->prefixes = v;
	for (size_t i = 0; i < pod->n_ips; i++)
		v[m->n_prefixes++] = (struct dp_prefix){
			.addr = pod->ips[i], .len = 128, .elsewhere = true, .label = pod->place};
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct dp_prefix *x = a, *y = b;
	int r = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	return r ? r : strcmp(x->label, y->label);
}

int members__find(struct select *sel, const struct selected *x, const struct snapshot *s,
		  struct dp_member *ret, struct error *err)
{
	_cleanup_free_ uint32_t *processes = pod_processes(s);
	const struct member_pod *v;
	size_t n;
	int r = processes ? 0 : -ENOMEM;

	v = members__of(sel->members, x->endpoint, x->selector, &n);
	for (size_t i = 0; i < n && !r; i++) {
		const struct discover_process *p =
			v[i].here ? find_pod(s, processes, v[i].uid) : NULL;

		sel->n_missing += v[i].here && !p;
		if (p)
			r = add_place(sel, s, &v[i], p, ret);
		else if (!v[i].here)
			r = add_addresses(&v[i], ret);
		if (r && r != -ENOMEM)
			err__set(err, r, "cannot open the network namespace of pod `%s/%s`: %s",
				 v[i].ns, v[i].name, strerror(-r));
	}
	if (ret->n_prefixes)
		qsort(ret->prefixes, ret->n_prefixes, sizeof(*ret->prefixes), by_address);
	return r;
}

/* ---- news ---- */

static bool has_place(const struct dp_member *m, const struct dp_place *p)
{
	for (size_t i = 0; i < m->n_places; i++)
		if (m->places[i].netns_fd == p->netns_fd && m->places[i].label == p->label)
			return true;
	return false;
}

static bool compare_places(const struct dp_member *a, const struct dp_member *b,
			   struct select_news *news, select_news_fn *tell, void *arg)
{
	bool any = false;

	for (size_t i = 0; i < a->n_places; i++) {
		if (has_place(b, &a->places[i]))
			continue;
		any = true;
		snprintf(news->what, sizeof(news->what), "%s", a->places[i].label);
		if (tell)
			tell(arg, news);
	}
	return any;
}

static void tell_address(const struct dp_prefix *p, struct select_news *news, select_news_fn *tell,
			 void *arg)
{
	char ip[INET6_ADDRSTRLEN];

	addr__format(&p->addr, ip, sizeof(ip));
	snprintf(news->what, sizeof(news->what), "%.70s at %s", p->label, ip);
	if (tell)
		tell(arg, news);
}

/* Of @a what is not in @b; both are sorted. */
static bool compare_addresses(const struct dp_member *a, const struct dp_member *b,
			      struct select_news *news, select_news_fn *tell, void *arg)
{
	bool any = false;
	size_t k = 0;

	for (size_t i = 0; i < a->n_prefixes; i++) {
		int order = -1;

		while (k < b->n_prefixes &&
		       (order = by_address(&b->prefixes[k], &a->prefixes[i])) < 0)
			k++;
		if (k < b->n_prefixes && order == 0)
			continue;
		any = true;
		tell_address(&a->prefixes[i], news, tell, arg);
	}
	return any;
}

bool members__compare(const struct dp_member *was, const struct dp_member *now, size_t endpoint,
		      select_news_fn *tell, void *arg)
{
	struct select_news news = {.endpoint = endpoint};
	bool any = compare_places(was, now, &news, tell, arg);

	any |= compare_addresses(was, now, &news, tell, arg);
	news.joined = true;
	any |= compare_places(now, was, &news, tell, arg);
	any |= compare_addresses(now, was, &news, tell, arg);
	return any;
}
