// SPDX-License-Identifier: GPL-2.0-only
#include "run/select.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "run/exempt.h"
#include "run/hosts.h"
#include "run/select_internal.h"

#include <fcntl.h>
#include <string.h>

#define at(sel, s) (sel)->e->file, (s)->pos.line, (s)->pos.col

const struct selector *selected__selector(const struct select *sel, const struct selected *x)
{
	return &sel->e->endpoints[x->endpoint].selectors[x->selector];
}

bool selected__is_told(const struct select *sel, const struct selected *x)
{
	return sel->members && selected__selector(sel, x)->kind == SELECTOR_PODS;
}

/* ---- members, made once ---- */

static bool is_lab_node(const struct experiment *e, const char *name)
{
	for (size_t i = 0; i < e->n_nodes; i++)
		if (!strcmp(e->nodes[i].name, name))
			return true;
	return false;
}

/* Of those before @i, the one that names the same lab node; NULL: none. */
static const struct selected *same_node(const struct select *sel, size_t i)
{
	const struct selector *s = selected__selector(sel, &sel->v[i]);

	for (size_t k = 0; k < i && s->kind == SELECTOR_NODE; k++) {
		const struct selector *o = selected__selector(sel, &sel->v[k]);

		if (o->kind == SELECTOR_NODE && !strcmp(o->value, s->value))
			return &sel->v[k];
	}
	return NULL;
}

static int make_member(struct select *sel, size_t i)
{
	struct selected *x = &sel->v[i];
	const struct selector *s = selected__selector(sel, x);
	const struct selected *node = same_node(sel, i);
	const char *device = NULL;
	struct dp_member *m;

	if (node) {
		x->member = node->member;
		x->alias = true;
		return 0;
	}
	x->member = sel->dp->n_members++;
	m = &sel->dp->members[x->member];
	m->name = strdup(s->kind == SELECTOR_NODE ? s->value : sel->e->endpoints[x->endpoint].name);
	if (s->kind == SELECTOR_INTERFACE)
		device = s->value;
	else if (s->target)
		device = s->target->device;
	if (device)
		m->ifname = strdup(device);
	return m->name && (!device || m->ifname) ? 0 : -ENOMEM;
}

/* Devices come and go by the data plane's own watch, nodes and networks not at all. */
static void note_needs(struct select *sel, const struct selector *s)
{
	const struct target_selector *t = s->target;
	bool lab = s->kind == SELECTOR_INTERFACE && s->netns && is_lab_node(sel->e, s->netns);

	if (s->kind == SELECTOR_NODE || s->kind == SELECTOR_CIDR || lab)
		return;
	sel->follows = true;
	if (!selector__wants_snapshot(s))
		return;
	sel->needs_snapshot = true;
	if (sel->members && s->kind == SELECTOR_PODS) {
		sel->dp->growing = true;
		return;
	}
	sel->dp->by_socket = true;
	sel->needs_links |= select__needs_links(t);
}

static int make_members(struct select *sel)
{
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < sel->e->n_endpoints; i++)
		n += sel->e->endpoints[i].n_selectors;
	sel->v = calloc(n + 1, sizeof(*sel->v));
	sel->dp->members = calloc(n + 1, sizeof(*sel->dp->members));
	if (!sel->v || !sel->dp->members)
		return -ENOMEM;
	for (size_t i = 0; i < sel->e->n_endpoints && !r; i++)
		for (size_t j = 0; j < sel->e->endpoints[i].n_selectors && !r; j++) {
			sel->v[sel->n] =
				(struct selected){.endpoint = i, .selector = j, .host = -1};
			note_needs(sel, &sel->e->endpoints[i].selectors[j]);
			r = make_member(sel, sel->n++);
		}
	return r;
}

static int start_hosts(struct select *sel, struct error *err)
{
	_cleanup_free_ const char **names = calloc(sel->n + 1, sizeof(*names));
	size_t n = 0;
	int r;

	if (!names)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < sel->n; i++) {
		const struct selector *s = selected__selector(sel, &sel->v[i]);

		if (s->kind != SELECTOR_HOST)
			continue;
		sel->v[i].host = (ssize_t)n;
		names[n++] = s->value;
	}
	if (!n)
		return 0;
	r = hosts__start(names, n, &sel->hosts, err);
	if (!r)
		hosts__wait(sel->hosts);
	return r;
}

/* ---- namespaces, open once each ---- */

/* By where it is mounted, else by one of its processes, which may end at any moment. */
static int open_netns(const struct snapshot *s, uint32_t netns)
{
	const struct discover_netns *n = &s->netns[netns];
	char path[64];

	for (size_t i = 0; i <= s->n_processes; i++) {
		_cleanup_close_ int fd = -1;
		struct netns_id id;

		if (i == 0 && !n->path)
			continue;
		if (i && s->processes[i - 1].netns != netns)
			continue;
		if (i)
			snprintf(path, sizeof(path), "/proc/%d/ns/net", s->processes[i - 1].pid);
		fd = open(i ? path : n->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && netns__id(fd, &id) == 0 && id.ino == n->id.ino &&
		    id.dev == n->id.dev)
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

static int find_fd(const struct select *sel, const struct netns_id *id)
{
	for (size_t i = 0; i < sel->n_netns; i++)
		if (sel->netns[i].id.ino == id->ino && sel->netns[i].id.dev == id->dev)
			return sel->netns[i].fd;
	return -1;
}

static int keep(struct select *sel, int fd, const struct netns_id *id)
{
	struct select_netns *v = realloc(sel->netns, (sel->n_netns + 1) * sizeof(*v));

	if (!v) {
		safe_close(fd);
		return -ENOMEM;
	}
	sel->netns = v;
	v[sel->n_netns++] = (struct select_netns){*id, fd};
	return fd;
}

int select__keep_fd(struct select *sel, int fd)
{
	struct netns_id id;
	int r = netns__id(fd, &id), have = r ? -1 : find_fd(sel, &id);

	if (!r && have < 0)
		return keep(sel, fd, &id);
	safe_close(fd);
	return r ? r : have;
}

/* -ENOENT: it has ended since the snapshot. */
int select__netns_fd(struct select *sel, const struct snapshot *s, uint32_t netns)
{
	int fd = find_fd(sel, &s->netns[netns].id);

	if (fd >= 0)
		return fd;
	fd = sel->open_netns(s, netns);
	return fd < 0 ? fd : keep(sel, fd, &s->netns[netns].id);
}

void select__settle(struct select *sel)
{
	size_t n = 0;

	for (size_t i = 0; i < sel->n_netns; i++) {
		bool used = false;

		for (size_t k = 0; k < sel->dp->n_members && !used; k++)
			for (size_t p = 0; p < sel->dp->members[k].n_places && !used; p++)
				used = sel->dp->members[k].places[p].netns_fd == sel->netns[i].fd;
		if (used)
			sel->netns[n++] = sel->netns[i];
		else
			safe_close(sel->netns[i].fd);
	}
	sel->n_netns = n;
}

/* ---- all of them ---- */

static int by_pid(const void *a, const void *b)
{
	const struct dp_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Those that are nobody's child here: a server's workers are not more of it. */
static size_t count_processes(const struct snapshot *s, const struct dp_member *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_processes; i++) {
		const struct discover_process *p = snapshot__process(s, m->processes[i].pid);
		const struct dp_process parent = {.pid = p ? p->ppid : 0};

		n += !bsearch(&parent, m->processes, m->n_processes, sizeof(parent), by_pid);
	}
	return n;
}

/* A network counts once, whatever was cut out of it; what the lab has yet to make, too. */
static size_t count_one(const struct select *sel, const struct selected *x,
			const struct snapshot *s, const struct dp_member *m)
{
	const struct selector *sr = selected__selector(sel, x);
	size_t n = count_processes(s, m) + m->n_prefixes;

	if (sr->kind == SELECTOR_CIDR || sr->kind == SELECTOR_NODE ||
	    sr->kind == SELECTOR_INTERFACE)
		return 1;
	if (selected__is_told(sel, x)) {
		members__of(sel->members, x->endpoint, x->selector, &n);
		return n;
	}
	for (size_t i = 0; i < m->n_places; i++)
		n += !m->places[i].by_socket;
	return n;
}

static int check_bound(const struct select *sel, const struct snapshot *s,
		       const struct fresh *fresh, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < sel->n; i++)
		if (!sel->v[i].alias)
			n += count_one(sel, &sel->v[i], s, &fresh[i].m);
	if (!sel->e->max_endpoints || n <= sel->e->max_endpoints)
		return 0;
	return err__set(err, -EINVAL,
			"%s: the endpoints match %zu things and maxEndpoints allows %u",
			sel->e->file, n, sel->e->max_endpoints);
}

static void free_fresh(const struct select *sel, struct fresh *fresh)
{
	for (size_t i = 0; i < sel->n; i++) {
		fresh__empty(&fresh[i].m);
		discover_match__reset(&fresh[i].match);
	}
	free(fresh);
}

/* The namespace that chaos runs in: whole, or what passes a device of it. */
static void note_host(struct select *sel)
{
	_cleanup_close_ int self = netns__open_self();

	sel->host_is_target = false;
	for (size_t i = 0; i < sel->dp->n_members && self >= 0; i++)
		for (size_t k = 0; k < sel->dp->members[i].n_places; k++) {
			const struct dp_place *p = &sel->dp->members[i].places[k];

			if (!p->by_socket && netns__same(p->netns_fd, self))
				sel->host_is_target = true;
		}
}

/* What was found takes the place of what was there, which goes into @fresh. */
static void swap_in(struct select *sel, struct fresh *fresh, struct snapshot *s)
{
	struct snapshot old = sel->snapshot;

	for (size_t i = 0; i < sel->n; i++) {
		struct dp_member *m = &sel->dp->members[sel->v[i].member], was = *m;
		struct discover_match match = sel->v[i].match;

		sel->v[i].match = fresh[i].match;
		fresh[i].match = match;
		if (sel->v[i].alias)
			continue;
		*m = fresh[i].m;
		m->name = was.name;
		m->ifname = was.ifname;
		fresh[i].m = was;
	}
	if (s) {
		sel->snapshot = *s;
		*s = old;
	}
}

/* Of pods, what must be true now, and which are picked from now on. */
static int choose_pods(struct select *sel, struct selected *x, struct error *err)
{
	const struct selector *s = selected__selector(sel, x);
	struct target_selector t;
	int r;

	if (s->kind != SELECTOR_PODS || !s->target || sel->members)
		return 0;
	t = *s->target;
	t.no_host_network &= !sel->allow_host;
	r = discover__check_pods(&sel->snapshot, &t, err);
	if (r == -ENOMEM)
		return r;
	if (r) {
		err__prefix(err, "%s:%d:%d", at(sel, s));
		return -EINVAL;
	}
	x->picked = t.pick.mode != PICK_ALL;
	return x->picked ? discover__pick(&sel->snapshot, &t, sel->e->seed,
					  sel->e->endpoints[x->endpoint].name, &x->only)
			 : 0;
}

int select__open(const struct experiment *e, const struct lab *lab,
		 const struct select_options *opts, struct dp_plan *dp, struct select **ret,
		 struct error *err)
{
	struct select *sel = calloc(1, sizeof(*sel));
	struct fresh *fresh = NULL;
	int r = -ENOMEM;

	if (sel) {
		*sel = (struct select){
			.e = e, .lab = lab, .dp = dp, .allow_host = opts->allow_host};
		sel->open_netns = opts->open_netns ? opts->open_netns : open_netns;
		r = opts->members ? members__open(opts->members, e, &sel->members, err) : 0;
	}
	if (!r)
		r = make_members(sel);
	if (!r)
		r = start_hosts(sel, err);
	dp->as_of_ns = (uint64_t)clock__now();
	dp->exempt_pid = getpid(); /* probes and clients are threads of ours */
	if (!r && sel->needs_snapshot)
		r = snapshot__take(opts->root ? opts->root : "", &sel->snapshot, err);
	if (!r && sel->needs_links)
		r = snapshot__load_links(&sel->snapshot);
	if (!r)
		r = (fresh = calloc(sel->n + 1, sizeof(*fresh))) ? 0 : -ENOMEM;
	for (size_t i = 0; !r && i < sel->n; i++)
		r = choose_pods(sel, &sel->v[i], err);
	for (size_t i = 0; !r && i < sel->n; i++)
		r = fresh__find(sel, &sel->v[i], &sel->snapshot, true, &fresh[i], err);
	if (!r)
		r = check_bound(sel, &sel->snapshot, fresh, err);
	if (!r)
		swap_in(sel, fresh, NULL);
	if (fresh)
		free_fresh(sel, fresh);
	if (r) {
		select__close(sel);
		return r == -ENOMEM ? err__set(err, r, "out of memory") : r;
	}
	note_host(sel);
	*ret = sel;
	return 0;
}

int select__reload(struct select *sel, bool *ret_changed, struct error *err)
{
	int r = sel->members ? members__reload(sel->members, err) : 0;

	*ret_changed = r > 0;
	return r < 0 ? r : 0;
}

int select__update(struct select *sel, struct snapshot *s, select_news_fn *tell, void *arg,
		   bool *ret_changed, struct error *err)
{
	struct fresh *fresh = calloc(sel->n + 1, sizeof(*fresh));
	const struct snapshot *in = s ? s : &sel->snapshot;
	bool changed = false;
	int r = fresh ? 0 : -ENOMEM;

	sel->n_missing = 0;
	if (!r && s && sel->needs_links)
		r = snapshot__load_links(s);
	for (size_t i = 0; !r && i < sel->n; i++) {
		struct error one = {0};

		r = fresh__find(sel, &sel->v[i], in, false, &fresh[i], &one);
		if (r)
			err__set(err, r, "`%s`: %s", selected__selector(sel, &sel->v[i])->value,
				 one.msg[0] ? one.msg : strerror(-r));
	}
	if (!r)
		r = check_bound(sel, in, fresh, err);
	for (size_t i = 0; !r && i < sel->n; i++)
		changed |= fresh__compare(sel, &sel->v[i], in, &fresh[i], tell, arg);
	if (!r) {
		swap_in(sel, fresh, s);
		note_host(sel);
		*ret_changed = changed;
	}
	if (fresh)
		free_fresh(sel, fresh);
	if (s)
		snapshot__reset(s);
	return r == -ENOMEM ? err__set(err, r, "out of memory") : r;
}

void select__close(struct select *sel)
{
	if (!sel)
		return;
	for (size_t i = 0; i < sel->n; i++) {
		discover_match__reset(&sel->v[i].match);
		discover_only__reset(&sel->v[i].only);
	}
	for (size_t i = 0; i < sel->n_netns; i++)
		safe_close(sel->netns[i].fd);
	hosts__stop(sel->hosts);
	members__close(sel->members);
	snapshot__reset(&sel->snapshot);
	free(sel->netns);
	free(sel->v);
	free(sel);
}
