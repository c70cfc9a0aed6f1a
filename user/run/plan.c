// SPDX-License-Identifier: GPL-2.0-only
#include "run/plan.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "run/exempt.h"
#include "run/rules.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define at(p, s) (p)->e->file, (s)->pos.line, (s)->pos.col

const char *plan__edge_name(const struct experiment *e, size_t i)
{
	return i == EDGE_ANY ? "other" : e->endpoints[i].name;
}

void plan__free(struct plan *p)
{
	if (!p)
		return;
	dp_plan__reset(&p->dp);
	for (size_t i = 0; i < p->n_fds; i++)
		safe_close(p->fds[i]);
	for (size_t i = 0; i < p->e->n_faults; i++) {
		if (p->windows)
			free(p->windows[i].v);
		if (p->edges)
			free(p->edges[i].v);
	}
	free(p->windows);
	free(p->edges);
	free(p->fds);
	free(p->resolved);
	free(p);
}

static int keep_fd(struct plan *p, int fd)
{
	int *v = realloc(p->fds, (p->n_fds + 1) * sizeof(*v));

	if (!v) {
		safe_close(fd);
		return -ENOMEM;
	}
	p->fds = v;
	v[p->n_fds++] = fd;
	return fd;
}

/* The member that is @netns_fd (and @ifname) already, or a new one. Negative errno on failure. */
static ssize_t member_for(struct plan *p, const char *name, int netns_fd, const char *ifname)
{
	struct dp_member *v, *m;

	for (size_t i = 0; netns_fd >= 0 && i < p->dp.n_members; i++) {
		m = &p->dp.members[i];
		if (!m->n_places || !netns__same(m->places[0].netns_fd, netns_fd))
			continue;
		if (!m->ifname == !ifname && (!ifname || !strcmp(m->ifname, ifname)))
			return (ssize_t)i;
	}
	v = realloc(p->dp.members, (p->dp.n_members + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->dp.members = v;
	m = &v[p->dp.n_members];
	*m = (struct dp_member){.name = strdup(name)};
	if (netns_fd >= 0) {
		m->places = malloc(sizeof(*m->places));
		if (m->places)
			m->places[m->n_places++] = (struct dp_place){.netns_fd = netns_fd};
	}
	if (ifname)
		m->ifname = strdup(ifname);
	p->dp.n_members++;
	if (!m->name || (netns_fd >= 0 && !m->places) || (ifname && !m->ifname))
		return -ENOMEM;
	return (ssize_t)(p->dp.n_members - 1);
}

static int add_prefix(struct dp_member *m, const struct chaos_addr *addr, uint8_t len)
{
	struct dp_prefix *v = realloc(m->prefixes, (m->n_prefixes + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	m->prefixes = v;
	v[m->n_prefixes++] = (struct dp_prefix){.addr = *addr, .len = len};
	return 0;
}

static ssize_t resolve_cidr(struct plan *p, const char *name, const struct selector *s,
			    struct error *err)
{
	char text[64], *slash;
	struct chaos_addr addr;
	unsigned long len;
	ssize_t m;

	snprintf(text, sizeof(text), "%s", s->value);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = 0;
	if (addr__parse(text, &addr))
		return err__set(err, -EINVAL, "%s:%d:%d: `%s` is no address", at(p, s), s->value);
	len = slash ? strtoul(slash, NULL, 10) : 128;
	if (slash && !strchr(text, ':'))
		len += 96;
	m = member_for(p, name, -1, NULL);
	if (m >= 0 && add_prefix(&p->dp.members[m], &addr, (uint8_t)len))
		return -ENOMEM;
	return m;
}

static ssize_t resolve_host(struct plan *p, const char *name, const struct selector *s,
			    struct error *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	int r = getaddrinfo(s->value, NULL, &hints, &list);
	ssize_t m;

	if (r)
		return err__set(err, -EINVAL, "%s:%d:%d: host `%s` does not resolve: %s", at(p, s),
				s->value, gai_strerror(r));
	m = member_for(p, name, -1, NULL);
	for (struct addrinfo *a = list; a && m >= 0; a = a->ai_next) {
		struct chaos_addr addr = {.w = {0, 0, htonl(0xffff), 0}};

		if (a->ai_family == AF_INET)
			memcpy(&addr.w[3], &((struct sockaddr_in *)a->ai_addr)->sin_addr, 4);
		else if (a->ai_family == AF_INET6)
			memcpy(&addr, &((struct sockaddr_in6 *)a->ai_addr)->sin6_addr, 16);
		else
			continue;
		if (add_prefix(&p->dp.members[m], &addr, 128))
			m = -ENOMEM;
	}
	freeaddrinfo(list);
	return m;
}

static bool is_lab_node(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_nodes; i++)
		if (!strcmp(e->nodes[i].name, name))
			return true;
	return false;
}

/* A namespace, or a device in one. */
static ssize_t resolve_netns(struct plan *p, const struct lab *lab, const char *name,
			     const struct selector *s, bool allow_host, struct error *err)
{
	const char *ns = s->kind == SELECTOR_INTERFACE ? s->netns : s->value;
	const char *ifname = s->kind == SELECTOR_INTERFACE ? s->value : NULL;
	_cleanup_close_ int self = netns__open_self();
	struct netns_scan scan = {0};
	bool found = !ifname, is_self;
	int fd, r;

	if (ns && is_lab_node(p->e, ns)) {
		if (!lab) /* nothing to look at before the run has made it */
			return member_for(p, name, -1, ifname);
		fd = fcntl(lab__netns(lab, ns), F_DUPFD_CLOEXEC, 3);
	} else {
		fd = ns ? netns__open(ns, err) : netns__open_self();
	}
	if (fd < 0)
		return ns ? err__prefix(err, "%s:%d:%d", at(p, s)) ?: fd : fd;
	fd = keep_fd(p, fd);
	if (fd < 0)
		return fd;
	is_self = netns__same(fd, self);
	if (is_self)
		p->host_is_target = true;
	if (is_self && !ifname && !allow_host)
		return err__set(err, -EINVAL,
				"%s:%d:%d: `%s` is the namespace that chaos itself runs in: a fault on it "
				"may cut you off; name an interface, or ask for it with "
				"`allowHost: true` or --allow-host",
				at(p, s), ns ? ns : name);
	r = netns__scan(fd, &scan);
	if (r)
		return err__set(err, r, "%s:%d:%d: cannot list the devices of `%s`: %s%s", at(p, s),
				ns ? ns : "this namespace", strerror(-r),
				r == -EPERM ? " (entering it needs CAP_SYS_ADMIN)" : "");
	for (size_t i = 0; i < scan.n_links && !found; i++)
		found = !strcmp(scan.links[i].name, ifname);
	netns_scan__reset(&scan);
	if (!found)
		return err__set(err, -EINVAL, "%s:%d:%d: no interface `%s` in %s", at(p, s), ifname,
				ns ? ns : "this namespace");
	return member_for(p, name, fd, ifname);
}

static ssize_t resolve(struct plan *p, const struct lab *lab, const struct endpoint *ep,
		       const struct selector *s, bool allow_host, struct error *err)
{
	switch (s->kind) {
	case SELECTOR_NODE:
		if (lab)
			return member_for(p, s->value, lab__netns(lab, s->value), NULL);
		for (size_t i = 0; i < p->dp.n_members; i++)
			if (!strcmp(p->dp.members[i].name, s->value))
				return (ssize_t)i;
		return member_for(p, s->value, -1, NULL);
	case SELECTOR_CIDR:
		return resolve_cidr(p, ep->name, s, err);
	case SELECTOR_HOST:
		return resolve_host(p, ep->name, s, err);
	case SELECTOR_NETNS:
	case SELECTOR_INTERFACE:
		return resolve_netns(p, lab, ep->name, s, allow_host, err);
	case SELECTOR_PROCESS:
	case SELECTOR_CGROUP:
	case SELECTOR_UNIT:
	case SELECTOR_CONTAINER:
	case SELECTOR_PODS:
		break;
	}
	return -EINVAL;
}

static int resolve_all(struct plan *p, const struct lab *lab, bool allow_host, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->e->n_endpoints; i++)
		n += p->e->endpoints[i].n_selectors;
	p->resolved = calloc(n ? n : 1, sizeof(*p->resolved));
	if (!p->resolved)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < p->e->n_endpoints; i++) {
		const struct endpoint *ep = &p->e->endpoints[i];

		for (size_t j = 0; j < ep->n_selectors; j++) {
			ssize_t m = resolve(p, lab, ep, &ep->selectors[j], allow_host, err);

			if (m == -ENOMEM)
				return err__set(err, -ENOMEM, "out of memory");
			if (m < 0)
				return (int)m;
			p->resolved[p->n_resolved++] = (struct resolved){i, j, (size_t)m};
		}
	}
	if (p->e->max_endpoints && p->dp.n_members > p->e->max_endpoints)
		return err__set(err, -EINVAL,
				"%s: the endpoints match %zu things and maxEndpoints allows %u", p->e->file,
				p->dp.n_members, p->e->max_endpoints);
	return 0;
}

static bool same_ports(const struct ports *a, const struct ports *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n * sizeof(*a->v)));
}

static struct chaos_port_range *dup_ports(const struct ports *ports)
{
	struct chaos_port_range *v = calloc(ports->n ? ports->n : 1, sizeof(*v));

	for (size_t i = 0; v && i < ports->n; i++)
		v[i] = (struct chaos_port_range){ports->v[i].lo, ports->v[i].hi};
	return v;
}

/* Selectors of some endpoints, in order. */
struct selection {
	const struct selector *selector;
	size_t endpoint, index;
};

static struct selection *selection_of(const struct experiment *e, const size_t *endpoints, size_t n,
				      size_t *ret_n)
{
	struct selection *v;
	size_t total = 0, k = 0;

	for (size_t i = 0; i < n; i++)
		total += e->endpoints[endpoints[i]].n_selectors;
	v = calloc(total + 1, sizeof(*v));
	for (size_t i = 0; v && i < n; i++) {
		const struct endpoint *ep = &e->endpoints[endpoints[i]];

		for (size_t j = 0; j < ep->n_selectors; j++)
			v[k++] = (struct selection){&ep->selectors[j], endpoints[i], j};
	}
	*ret_n = k;
	return v;
}

/* The ports of the @nth group of selectors with equal ports, NULL past the last one. */
static const struct ports *port_group(const struct selection *v, size_t n, size_t nth)
{
	size_t group = 0;

	for (size_t i = 0; i < n; i++) {
		bool first = true;

		for (size_t j = 0; j < i && first; j++)
			first = !same_ports(&v[i].selector->ports, &v[j].selector->ports);
		if (first && group++ == nth)
			return &v[i].selector->ports;
	}
	return NULL;
}

/*
 * Side number @nth of @n endpoints taken together (none: everybody else): their selectors grouped by
 * equal ports, since ports narrow a selector, not the endpoint. -ENOENT past the last one.
 */
static int make_side(const struct plan *p, const size_t *endpoints, size_t n, size_t nth,
		     struct dp_side *ret)
{
	_cleanup_free_ struct selection *sel = NULL;
	const struct ports *ports;
	struct dp_side side = {0};
	size_t n_sel;

	if (!n) {
		if (nth)
			return -ENOENT;
		*ret = (struct dp_side){.any = true};
		return 0;
	}
	sel = selection_of(p->e, endpoints, n, &n_sel);
	if (!sel)
		return -ENOMEM;
	ports = port_group(sel, n_sel, nth);
	if (!ports)
		return -ENOENT;
	side.members = calloc(n_sel, sizeof(*side.members));
	side.ports = dup_ports(ports);
	side.n_ports = ports->n;
	if (!side.members || !side.ports) {
		free(side.members);
		free(side.ports);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_sel; i++)
		for (size_t j = 0; j < p->n_resolved; j++) {
			const struct resolved *r = &p->resolved[j];

			if (r->endpoint == sel[i].endpoint && r->selector == sel[i].index &&
			    same_ports(&sel[i].selector->ports, ports))
				side.members[side.n_members++] = r->member;
		}
	*ret = side;
	return 0;
}

static void side__reset(struct dp_side *s)
{
	free(s->members);
	free(s->ports);
	*s = (struct dp_side){0};
}

/* One end of an edge: endpoints taken together, none for everybody else. */
struct end {
	const size_t *v;
	size_t n;
};

/* An experiment's edge becomes one edge for each pair of its ends' port groups. */
static int add_edge(const struct plan *p, struct dp_fault *f, struct end from, struct end to)
{
	struct dp_edge *v;
	int r;

	for (size_t i = 0;; i++) {
		for (size_t j = 0;; j++) {
			struct dp_edge de = {0};

			r = make_side(p, from.v, from.n, i, &de.from);
			if (r)
				return r == -ENOENT ? 0 : r;
			r = make_side(p, to.v, to.n, j, &de.to);
			if (r) {
				side__reset(&de.from);
				if (r == -ENOENT)
					break;
				return r;
			}
			v = realloc(f->edges, (f->n_edges + 1) * sizeof(*v));
			if (!v) {
				side__reset(&de.from);
				side__reset(&de.to);
				return -ENOMEM;
			}
			f->edges = v;
			v[f->n_edges++] = de;
		}
	}
}

/*
 * Several endpoints that are isolated together see each other: their edges to everybody else become
 * one edge, whose other side is everybody outside all of them.
 */
static int add_together(const struct plan *p, struct dp_fault *f, const struct edges *edges)
{
	_cleanup_free_ size_t *named = calloc(edges->n + 1, sizeof(*named));
	struct end set = {.v = named}, any = {0};

	if (!named)
		return -ENOMEM;
	for (size_t i = 0; i < edges->n; i++)
		if (edges->v[i].to == EDGE_ANY)
			named[set.n++] = edges->v[i].from;
	return add_edge(p, f, set, any) ?: add_edge(p, f, any, set);
}

static int add_edges(const struct plan *p, struct dp_fault *f, const struct edges *edges)
{
	int r = 0;

	if (edges->together)
		return add_together(p, f, edges);
	for (size_t i = 0; !r && i < edges->n; i++) {
		const struct edge *e = &edges->v[i];

		r = add_edge(p, f, (struct end){&e->from, e->from != EDGE_ANY},
			     (struct end){&e->to, e->to != EDGE_ANY});
	}
	return r;
}

static int make_fault(struct plan *p, size_t i, struct error *err)
{
	const struct fault *f = &p->e->faults[i];
	struct dp_fault *df = &p->dp.faults[i];
	/* Each fault draws from its own sequence, whatever the others do. */
	uint64_t seed = p->e->seed + (i + 1) * 0x9e3779b97f4a7c15ULL;
	int r;

	df->name = strdup(f->name);
	if (!df->name)
		return err__set(err, -ENOMEM, "out of memory");
	r = rules__make(f, seed, p->e->file, df, err);
	if (r)
		return r;
	r = schedule__windows(p->e, i, &p->windows[i]);
	if (!r)
		r = schedule__edges(p->e, i, &p->edges[i]);
	if (!r)
		r = add_edges(p, df, &p->edges[i]);
	if (r)
		return err__set(err, r, "%s:%d:%d: fault `%s`: %s", at(p, f), f->name,
				r == -E2BIG ? "more than 100,000 occurrences" : strerror(-r));
	return 0;
}

int plan__make(const struct experiment *e, const struct lab *lab, const struct plan_options *opts,
	       struct plan **ret, struct error *err)
{
	_cleanup_(cleanup_plan) struct plan *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	p->e = e;
	p->windows = calloc(e->n_faults + 1, sizeof(*p->windows));
	p->edges = calloc(e->n_faults + 1, sizeof(*p->edges));
	p->dp.faults = calloc(e->n_faults + 1, sizeof(*p->dp.faults));
	if (!p->windows || !p->edges || !p->dp.faults)
		return err__set(err, -ENOMEM, "out of memory");
	p->dp.n_faults = e->n_faults;
	p->dp.count_traffic = true;
	p->dp.mode = opts->mode;
	p->dp.hold = opts->hold;

	r = resolve_all(p, lab, e->allow_host || opts->allow_host, err);
	for (size_t i = 0; !r && i < e->n_faults; i++)
		r = make_fault(p, i, err);
	if (!r)
		r = exempt__find(&p->dp, p->host_is_target);
	if (r)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}
