// SPDX-License-Identifier: GPL-2.0-only
/* targets_view.c: a snapshot put into the order in which people look for things. */
#include "cli/targets.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- groups ---- */

static struct target_group group_of(const struct snapshot *s, uint32_t i)
{
	const struct discover_process *p = &s->processes[i];
	const struct discover_cgroup *c =
		p->cgroup == DISCOVER_NONE ? NULL : &s->cgroups[p->cgroup];
	struct target_group g = {
		.kind = GROUP_NONE,
		.netns = p->netns,
		.pod = c ? c->pod : DISCOVER_NONE,
		.container = c ? c->container : DISCOVER_NONE,
	};
	const char *path = c && c->path && (c->path[1] || !c->path_v1) ? c->path
			   : c					       ? c->path_v1
								       : NULL;

	if (g.pod != DISCOVER_NONE) {
		g.kind = GROUP_POD;
	} else if (g.container != DISCOVER_NONE) {
		g.kind = GROUP_CONTAINER;
	} else if (c && c->unit) {
		g.kind = GROUP_UNIT;
		g.name = c->unit;
	} else if (path && path[1]) {
		g.kind = GROUP_CGROUP;
		g.name = path;
	}
	return g;
}

static int by_number(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_group(const struct target_group *a, const struct target_group *b)
{
	int r = by_number(a->netns, b->netns);

	if (!r)
		r = by_number(a->kind, b->kind);
	if (!r)
		r = by_number(a->pod, b->pod);
	if (!r)
		r = by_number(a->container, b->container);
	if (!r && a->name && b->name)
		r = strcmp(a->name, b->name);
	return r;
}

static int by_place(const void *a, const void *b, void *data)
{
	const struct snapshot *s = data;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	struct target_group gx = group_of(s, x), gy = group_of(s, y);
	int r = by_group(&gx, &gy);

	return r ? r : by_number(x, y);
}

static int make_groups(struct target_view *v)
{
	struct target_group *g = calloc(v->n_processes + 1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	v->groups = g;
	for (size_t i = 0; i < v->n_processes; i++) {
		struct target_group next = group_of(v->s, v->processes[i]);

		if (!v->n_groups || by_group(&g[v->n_groups - 1], &next) != 0) {
			next.processes = &v->processes[i];
			g[v->n_groups++] = next;
		}
		g[v->n_groups - 1].n_processes++;
	}
	return 0;
}

/* Those of @m, or all; without kernel threads, which are only counted, and without chaos. */
static void take_process(struct target_view *v, uint32_t i)
{
	const struct discover_process *p = &v->s->processes[i];

	if (p->kernel && p->netns != DISCOVER_NONE)
		v->kernel_threads[p->netns]++;
	if (!p->kernel && p->pid != v->s->self)
		v->processes[v->n_processes++] = i;
}

int target_view__make(const struct snapshot *s, const struct discover_match *m,
		      struct target_view *ret)
{
	_cleanup_(target_view__reset) struct target_view v = {.s = s};
	size_t n = m ? m->n_processes : s->n_processes;

	v.netns = calloc(s->n_netns + 1, sizeof(*v.netns));
	v.kernel_threads = calloc(s->n_netns + 1, sizeof(*v.kernel_threads));
	v.processes = calloc(n + 1, sizeof(*v.processes));
	if (!v.netns || !v.kernel_threads || !v.processes)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_netns; i++)
		v.netns[i] = !m;
	for (size_t i = 0; m && i < m->n_netns; i++)
		v.netns[m->netns[i]] = true;
	for (uint32_t i = 0; i < n; i++)
		take_process(&v, m ? m->processes[i] : i);
	if (v.n_processes)
		qsort_r(v.processes, v.n_processes, sizeof(*v.processes), by_place, (void *)s);
	if (make_groups(&v) < 0)
		return -ENOMEM;
	*ret = v;
	v = (struct target_view){0};
	return 0;
}

void target_view__reset(struct target_view *v)
{
	free(v->netns);
	free(v->processes);
	free(v->groups);
	free(v->kernel_threads);
	*v = (struct target_view){0};
}

/* ---- names ---- */

const char *target_netns__selector(const struct discover_netns *n, char *buf, size_t size)
{
	if (n->name)
		snprintf(buf, size, "netns:%s", n->name);
	else if (n->pid)
		snprintf(buf, size, "netns:%d", n->pid);
	else
		snprintf(buf, size, "netns:%s", n->path ? n->path : "?");
	return buf;
}

static const char *container_name(const struct discover_container *c, char *buf, size_t size)
{
	if (c->name)
		snprintf(buf, size, "%s", c->name);
	else
		snprintf(buf, size, "%.12s", c->id);
	return buf;
}

const char *target_group__selector(const struct snapshot *s, const struct target_group *g,
				   char *buf, size_t size)
{
	const struct discover_pod *pod = g->pod == DISCOVER_NONE ? NULL : &s->pods[g->pod];
	char name[256];

	switch (g->kind) {
	case GROUP_POD:
		snprintf(buf, size, "pod:%s%s%s", pod->ns ? pod->ns : "", pod->ns ? "/" : "",
			 pod->name ? pod->name : pod->uid);
		return buf;
	case GROUP_CONTAINER:
		snprintf(buf, size, "container:%s",
			 container_name(&s->containers[g->container], name, sizeof(name)));
		return buf;
	case GROUP_UNIT:
		snprintf(buf, size, "unit:%s", g->name);
		return buf;
	case GROUP_CGROUP:
		snprintf(buf, size, "cgroup:%s", g->name);
		return buf;
	case GROUP_NONE:
		break;
	}
	buf[0] = 0;
	return buf;
}

/* ---- sockets ---- */

/* An address with a port: v6 in brackets, v4-mapped as the v4 that it is; port 0: none. */
static void format_address(uint8_t family, const uint8_t *addr, uint16_t port, char *buf,
			   size_t size)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char text[INET6_ADDRSTRLEN] = "?", number[8] = "";

	if (family == AF_INET6 && memcmp(addr, mapped, sizeof(mapped)) == 0) {
		family = AF_INET;
		addr += sizeof(mapped);
	}
	inet_ntop(family, addr, text, sizeof(text));
	if (port)
		snprintf(number, sizeof(number), ":%u", port);
	if (family == AF_INET6 && port)
		snprintf(buf, size, "[%s]%s", text, number);
	else
		snprintf(buf, size, "%s%s", text, number);
}

static const char *proto_name(uint8_t proto)
{
	return proto == DISCOVER_TCP ? "tcp" : "udp";
}

static bool is_any(const struct discover_socket *k)
{
	static const uint8_t any[16];

	return memcmp(k->local, any, k->family == AF_INET ? 4 : 16) == 0;
}

static int add_listen(struct target_traffic *t, const struct discover_socket *k)
{
	char address[72], **v;

	v = reallocarray(t->listens, t->n_listens + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->listens = v;
	if (is_any(k))
		snprintf(address, sizeof(address), "%u", k->local_port);
	else
		format_address(k->family, k->local, k->local_port, address, sizeof(address));
	if (asprintf(&v[t->n_listens], "%s:%s", proto_name(k->proto), address) < 0)
		return -ENOMEM;
	t->n_listens++;
	return 0;
}

/* Ports as numbers: 80 before 443. */
static int by_text(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* "tcp:80" of 0.0.0.0 and of :: are one to who reads them. */
static void unique_listens(struct target_traffic *t)
{
	size_t n = 0;

	if (t->n_listens)
		qsort(t->listens, t->n_listens, sizeof(*t->listens), by_text);
	for (size_t i = 0; i < t->n_listens; i++) {
		if (n && strcmp(t->listens[n - 1], t->listens[i]) == 0)
			free(t->listens[i]);
		else
			t->listens[n++] = t->listens[i];
	}
	t->n_listens = n;
}

static int by_remote(const void *a, const void *b)
{
	const struct target_peer *x = a, *y = b;
	int r = by_number(x->accepted, y->accepted);

	if (!r)
		r = by_number(x->proto, y->proto);
	return r ? r : strcmp(x->remote, y->remote);
}

static int by_count(const void *a, const void *b)
{
	const struct target_peer *x = a, *y = b;
	int r = by_number(y->n, x->n);

	return r ? r : by_remote(a, b);
}

static void sum_peers(struct target_traffic *t)
{
	size_t n = 0;

	if (!t->n_peers)
		return;
	qsort(t->peers, t->n_peers, sizeof(*t->peers), by_remote);
	for (size_t i = 0; i < t->n_peers; i++) {
		if (n && by_remote(&t->peers[n - 1], &t->peers[i]) == 0)
			t->peers[n - 1].n += t->peers[i].n;
		else
			t->peers[n++] = t->peers[i];
	}
	t->n_peers = n;
	qsort(t->peers, n, sizeof(*t->peers), by_count);
}

/* The owners of process @i: a slice of the snapshot's, which are sorted by process. */
static const struct discover_owner *owners_of(const struct snapshot *s, uint32_t i, size_t *ret_n)
{
	size_t lo = 0, hi = s->n_owners, n = 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->owners[mid].process < i)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo + n < s->n_owners && s->owners[lo + n].process == i)
		n++;
	*ret_n = n;
	return s->owners + lo;
}

int target_traffic__of(const struct snapshot *s, uint32_t i, struct target_traffic *ret)
{
	_cleanup_(target_traffic__reset) struct target_traffic t = {0};
	_cleanup_free_ uint8_t *listening =
		calloc(2, 8192); /* a bit for each port of tcp and udp */
	size_t n;
	const struct discover_owner *o = owners_of(s, i, &n);

	t.peers = calloc(n + 1, sizeof(*t.peers));
	if (!t.peers)
		return -ENOMEM;
	for (size_t k = 0; k < n; k++) {
		const struct discover_socket *x = &s->netns[o[k].netns].sockets[o[k].socket];
		struct target_peer *p = &t.peers[t.n_peers];

		if (x->listening && x->local_port && add_listen(&t, x) < 0)
			return -ENOMEM;
		if (x->listening)
			continue;
		*p = (struct target_peer){.proto = x->proto, .accepted = x->accepted, .n = 1};
		format_address(x->family, x->remote, x->accepted ? 0 : x->remote_port, p->remote,
			       sizeof(p->remote));
		t.n_peers++;
	}
	unique_listens(&t);
	sum_peers(&t);
	*ret = t;
	t = (struct target_traffic){0};
	return 0;
}

void target_traffic__reset(struct target_traffic *t)
{
	for (size_t i = 0; i < t->n_listens; i++)
		free(t->listens[i]);
	free(t->listens);
	free(t->peers);
	*t = (struct target_traffic){0};
}
