// SPDX-License-Identifier: GPL-2.0-only
/* select_find.c: what one selector matches now, and what of it is news. */
#include "run/select_internal.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "run/exempt.h"
#include "run/hosts.h"
#include "run/prefix.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define at(sel, s) (sel)->e->file, (s)->pos.line, (s)->pos.col

void fresh__empty(struct dp_member *m)
{
	free(m->places);
	free(m->processes);
	free(m->cgroups);
	free(m->prefixes);
	m->places = NULL;
	m->processes = NULL;
	m->cgroups = NULL;
	m->prefixes = NULL;
	m->n_places = m->n_processes = m->n_cgroups = m->n_prefixes = 0;
}

bool selector__wants_snapshot(const struct selector *s)
{
	switch (s->kind) {
	case SELECTOR_PROCESS:
	case SELECTOR_CGROUP:
	case SELECTOR_UNIT:
	case SELECTOR_CONTAINER:
	case SELECTOR_PODS:
		return true;
	case SELECTOR_NETNS:
		return s->target && s->target->n_excludes;
	default:
		return false;
	}
}

static int add_place(struct dp_member *m, int fd, bool by_socket)
{
	struct dp_place *v = realloc(m->places, (m->n_places + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	m->places = v;
	v[m->n_places++] = (struct dp_place){.netns_fd = fd, .by_socket = by_socket};
	return 0;
}

/* ---- addresses ---- */

/* As the parser left it, or, without a target, from its text. */
static bool cidr_of(const struct selector *s, struct dp_prefix *ret)
{
	const struct target_selector *t = s->target;
	char text[INET6_ADDRSTRLEN + 8], *slash;
	uint8_t bytes[16];
	int family;

	if (t) {
		*ret = prefix__make(t->family, t->addr, t->prefixlen);
		return true;
	}
	snprintf(text, sizeof(text), "%s", s->value);
	slash = strchr(text, '/');
	if (slash)
		*slash++ = 0;
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(family, text, bytes) != 1)
		return false;
	*ret = prefix__make(family, bytes, slash ? (unsigned int)strtoul(slash, NULL, 10) : 128);
	return true;
}

static int find_cidr(const struct selector *s, struct dp_member *m, struct error *err)
{
	_cleanup_(prefixes__reset) struct prefixes left = {0};
	const struct target_selector *t = s->target;
	struct dp_prefix p;
	int r;

	if (!cidr_of(s, &p))
		return err__set(err, -EINVAL, "`%s` is no address", s->value);
	r = prefixes__add(&left, &p);
	for (size_t i = 0; !r && t && i < t->n_excludes; i++) {
		const struct target_selector *x = &t->excludes[i];

		if (x->kind != TARGET_CIDR)
			return err__set(err, -EINVAL,
					"`not`: of addresses only other addresses can be left out");
		p = prefix__make(x->family, x->addr, x->prefixlen);
		r = prefixes__subtract(&left, &p);
	}
	if (r)
		return r;
	if (!left.n)
		return err__set(err, -ENOENT, "`not` leaves nothing of `%s`", s->value);
	m->prefixes = TAKE_PTR(left.v);
	m->n_prefixes = left.n;
	return 0;
}

static int find_host(struct select *sel, const struct selected *x, struct dp_member *m,
		     struct error *err)
{
	_cleanup_free_ struct chaos_addr *v = NULL;
	size_t n = 0;
	int r = hosts__get(sel->hosts, (size_t)x->host, &v, &n, err);

	if (r)
		return r;
	m->prefixes = calloc(n, sizeof(*m->prefixes));
	if (!m->prefixes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		m->prefixes[m->n_prefixes++] = (struct dp_prefix){.addr = v[i], .len = 128};
	return 0;
}

/* ---- namespaces by name ---- */

static bool has_device(int fd, const char *ifname, int *ret_error)
{
	struct netns_scan scan = {0};
	bool found = false;

	*ret_error = netns__scan(fd, &scan);
	for (size_t i = 0; i < scan.n_links && !found; i++)
		found = !strcmp(scan.links[i].name, ifname);
	netns_scan__reset(&scan);
	return found;
}

/* What is only to be checked before anything is touched; the device may go and come back later. */
static int check_named(const struct select *sel, const struct selector *s, const char *ns, int fd,
		       struct error *err)
{
	_cleanup_close_ int self = netns__open_self();
	const char *shown = ns ? ns : "this namespace";
	int r = 0;

	if (s->kind == SELECTOR_NETNS && !sel->allow_host && netns__same(fd, self))
		return err__set(err, -EINVAL,
				"`%s` is the namespace that chaos itself runs in: a fault on it "
				"may cut you off; name an interface, or ask for it with "
				"`allowHost: true` or --allow-host",
				shown);
	if (s->kind == SELECTOR_INTERFACE && !has_device(fd, s->value, &r) && !r)
		return err__set(err, -EINVAL, "no interface `%s` in %s", s->value, shown);
	return r ? err__set(err, r, "cannot list the devices of `%s`: %s%s", shown, strerror(-r),
			    r == -EPERM ? " (entering it needs CAP_SYS_ADMIN)" : "")
		 : 0;
}

static bool is_node(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_nodes; i++)
		if (!strcmp(e->nodes[i].name, name))
			return true;
	return false;
}

/* A whole namespace, or a device in one. */
static int find_named(struct select *sel, const struct selector *s, bool start, struct dp_member *m,
		      struct error *err)
{
	const char *ns = s->kind == SELECTOR_INTERFACE ? s->netns : s->value;
	int fd, r;

	if (ns && is_node(sel->e, ns)) {
		if (!sel->lab) /* nothing to look at before the run has made it */
			return 0;
		fd = fcntl(lab__netns(sel->lab, ns), F_DUPFD_CLOEXEC, 3);
	} else {
		fd = ns ? netns__open(ns, err) : netns__open_self();
	}
	if (fd < 0)
		return fd;
	fd = select__keep_fd(sel, fd);
	if (fd < 0)
		return fd;
	r = start ? check_named(sel, s, ns, fd, err) : 0;
	return r ? r : add_place(m, fd, false);
}

static int find_node(struct select *sel, const struct selector *s, struct dp_member *m)
{
	return sel->lab ? add_place(m, lab__netns(sel->lab, s->value), false) : 0;
}

/* ---- processes and what they are in ---- */

static int take_picked(struct select *sel, const struct snapshot *s, struct picked *p,
		       struct dp_member *m)
{
	m->processes = calloc(p->n_processes + 1, sizeof(*m->processes));
	if (!m->processes)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_processes; i++)
		m->processes[m->n_processes++] = (struct dp_process){
			.pid = s->processes[p->processes[i]].pid, .heirs = p->heirs};
	m->cgroups = TAKE_PTR(p->cgroups);
	m->n_cgroups = p->n_cgroups;
	for (size_t i = 0; i < p->n_places; i++) {
		int fd = select__netns_fd(sel, s, p->places[i].netns);
		int r = fd < 0 ? fd : add_place(m, fd, p->places[i].by_socket);

		if (r == -ENOENT) /* it has ended since */
			continue;
		if (r)
			return r;
	}
	return 0;
}

static int nothing_to_pick(const struct snapshot *s, const struct discover_match *m,
			   struct error *err)
{
	for (size_t i = 0; i < m->n_processes; i++)
		if (!s->processes[m->processes[i]].kernel)
			return err__set(
				err, -EINVAL,
				"the network namespaces of what it matches may not be read");
	return err__set(err, -EINVAL,
			"it matches kernel threads only, which have no sockets of their own");
}

/* Sockets have no device of their own to go by. */
static int check_device(const struct selector *sr, const struct picked *p, struct error *err)
{
	for (size_t i = 0; i < p->n_places && sr->target->device; i++)
		if (p->places[i].by_socket)
			return err__set(
				err, -EINVAL,
				"`%s`: it shares its network with others, whose packets pass "
				"device `%s` as well",
				sr->value, sr->target->device);
	return 0;
}

static int find_target(struct select *sel, const struct selected *x, const struct snapshot *s,
		       bool start, struct fresh *ret, struct error *err)
{
	_cleanup_(picked__reset) struct picked p = {0};
	const struct selector *sr = selected__selector(sel, x);
	struct target_selector allowed;
	const struct target_selector *t = &allowed;
	int r;

	if (!sr->target)
		return err__set(err, -EINVAL, "`%s` chooses nothing", sr->value);
	allowed = *sr->target;
	allowed.no_host_network &= !sel->allow_host;
	r = discover__match_only(s, t, x->picked ? &x->only : NULL, &ret->match, err);
	if (r)
		return r;
	if (start && !sel->allow_host && t->kind != TARGET_NETNS &&
	    select__only_ancestors(s, &ret->match))
		return err__set(err, -EINVAL,
				"`%s` matches only what chaos itself was started by%s: a fault on "
				"it may cut you off; ask for it with `allowHost: true` or "
				"--allow-host",
				sr->value, ret->match.n_self ? " and chaos" : "");
	r = select__pick(s, t, &ret->match, sel->allow_host, &p);
	if (r == -EPERM)
		return err__set(err, -EINVAL, "`%s` is the namespace that chaos itself runs in",
				sr->value);
	if (r)
		return r;
	if (start && !p.n_places)
		return nothing_to_pick(s, &ret->match, err);
	r = check_device(sr, &p, err);
	if (r)
		return r;
	return take_picked(sel, s, &p, &ret->m);
}

static int find(struct select *sel, const struct selected *x, const struct snapshot *s, bool start,
		struct fresh *ret, struct error *err)
{
	const struct selector *sr = selected__selector(sel, x);

	if (sr->kind == SELECTOR_NODE)
		return find_node(sel, sr, &ret->m);
	if (sr->kind == SELECTOR_CIDR)
		return find_cidr(sr, &ret->m, err);
	if (sr->kind == SELECTOR_HOST)
		return find_host(sel, x, &ret->m, err);
	if (selected__is_told(sel, x))
		return members__find(sel, x, s, &ret->m, err);
	if (selector__wants_snapshot(sr))
		return find_target(sel, x, s, start, ret, err);
	return find_named(sel, sr, start, &ret->m, err);
}

/* To have looked and found nothing, or what may not be meant, is a result; not to have been able to look is none. */
static bool is_result(int r)
{
	return r == -ENOENT || r == -ESRCH || r == -EAGAIN || r == -EINVAL;
}

int fresh__find(struct select *sel, const struct selected *x, const struct snapshot *s, bool start,
		struct fresh *ret, struct error *err)
{
	const struct selector *sr = selected__selector(sel, x);
	int r = x->alias ? 0 : find(sel, x, s, start, ret, err);

	if (!r)
		return 0;
	fresh__empty(&ret->m);
	discover_match__reset(&ret->match);
	if (r == -ENOMEM)
		return r;
	if (!start)
		return is_result(r) ? 0 : r;
	err__prefix(err, "%s:%d:%d", at(sel, sr));
	/* To whoever asked, all of it is a wrong experiment; only what was not allowed to be looked at is not. */
	return r == -ENOENT || r == -ESRCH || r == -EAGAIN ? -EINVAL : r;
}

/* ---- news ---- */

struct teller {
	select_news_fn *tell;
	void *arg;
	size_t endpoint;
	bool any;
};

__attribute__((format(printf, 4, 5))) static void news(struct teller *t, bool joined, pid_t pid,
						       const char *fmt, ...)
{
	struct select_news n = {.endpoint = t->endpoint, .joined = joined, .pid = pid};
	va_list ap;

	t->any = true;
	if (!t->tell)
		return;
	va_start(ap, fmt);
	vsnprintf(n.what, sizeof(n.what), fmt, ap);
	va_end(ap);
	t->tell(t->arg, &n);
}

static const char *comm_of(const struct snapshot *s, pid_t pid, uint64_t *ret_start)
{
	const struct discover_process *p = snapshot__process(s, pid);

	*ret_start = p ? p->start : 0;
	return p ? p->comm : "?";
}

static int by_index(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static bool in_match(const struct snapshot *s, const struct discover_match *m, pid_t pid)
{
	const struct discover_process *p = snapshot__process(s, pid);
	uint32_t at = p ? (uint32_t)(p - s->processes) : DISCOVER_NONE;

	return p && m->n_processes &&
	       bsearch(&at, m->processes, m->n_processes, sizeof(at), by_index);
}

/*
 * Both lists ascend by pid. A pid that was given again is another process. One that is no longer told apart because
 * all of its namespace is meant now, or the other way round, was chosen before and is after.
 */
static void compare_processes(const struct select *sel, const struct selected *x,
			      const struct snapshot *new_s, const struct fresh *fresh,
			      struct teller *t)
{
	const struct dp_member *old = &sel->dp->members[x->member], *now = &fresh->m;
	const struct snapshot *old_s = &sel->snapshot;

	size_t i = 0, k = 0;

	while (i < old->n_processes || k < now->n_processes) {
		pid_t a = i < old->n_processes ? old->processes[i].pid : 0;
		pid_t b = k < now->n_processes ? now->processes[k].pid : 0;
		uint64_t a_start = 0, b_start = 0;
		const char *a_comm = a ? comm_of(old_s, a, &a_start) : NULL;
		const char *b_comm = b ? comm_of(new_s, b, &b_start) : NULL;
		bool same = a && a == b && a_start == b_start;

		t->any |= !same;
		if (!same && a && (!b || a <= b) && (a == b || !in_match(new_s, &fresh->match, a)))
			news(t, false, a, "%s", a_comm);
		if (!same && b && (!a || b <= a) && (a == b || !in_match(old_s, &x->match, b)))
			news(t, true, b, "%s", b_comm);
		i += a && (!b || a <= b);
		k += b && (!a || b <= a);
	}
}

static const struct dp_place *place_of(const struct dp_member *m, int fd)
{
	for (size_t i = 0; i < m->n_places; i++)
		if (m->places[i].netns_fd == fd)
			return &m->places[i];
	return NULL;
}

/* Those that have a whole namespace of @a that @b has not. A place by socket shows by its processes. */
static void compare_places(const struct select *sel, const struct dp_member *a,
			   const struct dp_member *b, bool joined, struct teller *t)
{
	for (size_t i = 0; i < a->n_places; i++) {
		const struct dp_place *p = &a->places[i], *q = place_of(b, p->netns_fd);

		if (q && q->by_socket == p->by_socket)
			continue;
		t->any = true;
		for (size_t k = 0; k < sel->n_netns && !p->by_socket; k++)
			if (sel->netns[k].fd == p->netns_fd)
				news(t, joined, 0, "all of network namespace %lu",
				     (unsigned long)sel->netns[k].id.ino);
	}
}

static void compare_prefixes(const struct dp_member *a, const struct dp_member *b, bool joined,
			     struct teller *t)
{
	for (size_t i = 0; i < a->n_prefixes; i++) {
		char buf[INET6_ADDRSTRLEN];
		bool found = false;

		for (size_t k = 0; k < b->n_prefixes && !found; k++)
			found = !memcmp(&a->prefixes[i].addr, &b->prefixes[k].addr,
					sizeof(a->prefixes[i].addr));
		if (!found)
			news(t, joined, 0, "%s",
			     addr__format(&a->prefixes[i].addr, buf, sizeof(buf)));
	}
}

bool fresh__compare(const struct select *sel, const struct selected *x, const struct snapshot *s,
		    const struct fresh *now, select_news_fn *tell, void *arg)
{
	const struct dp_member *old = &sel->dp->members[x->member];
	struct teller t = {.tell = tell, .arg = arg, .endpoint = x->endpoint};

	if (x->alias)
		return false;
	if (selected__is_told(sel, x))
		return members__compare(old, &now->m, x->endpoint, tell, arg);
	compare_processes(sel, x, s, now, &t);
	compare_places(sel, old, &now->m, false, &t);
	compare_places(sel, &now->m, old, true, &t);
	if (selected__selector(sel, x)->kind == SELECTOR_HOST) {
		compare_prefixes(old, &now->m, false, &t);
		compare_prefixes(&now->m, old, true, &t);
	}
	if (old->n_cgroups != now->m.n_cgroups ||
	    (old->n_cgroups &&
	     memcmp(old->cgroups, now->m.cgroups, old->n_cgroups * sizeof(*old->cgroups)) != 0))
		t.any = true;
	return t.any;
}
