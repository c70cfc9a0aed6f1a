// SPDX-License-Identifier: GPL-2.0-only
#include "run/internal.h"

#include "discover/discover.h"
#include "run/exempt.h"
#include "run/members.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

/* The first global address of the namespace, IPv4 before IPv6; false: it has none, and the loopback's must do. */
static bool first_address(int netns_fd, char *buf, size_t size)
{
	struct netns_scan scan = {0};

	snprintf(buf, size, "127.0.0.1");
	if (netns__scan(netns_fd, &scan) < 0)
		return false;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < scan.n_addrs; i++) {
			const struct addr_info *a = &scan.addrs[i];
			bool lo = a->family == AF_INET ? a->addr[0] == 127 : !a->addr[0];
			bool link_local = a->family == AF_INET6 && a->addr[0] == 0xfe;

			if (a->family != (pass ? AF_INET6 : AF_INET) || lo || link_local)
				continue;
			inet_ntop(a->family, a->addr, buf, (socklen_t)size);
			netns_scan__reset(&scan);
			return true;
		}
	netns_scan__reset(&scan);
	return false;
}

/* ---- what an endpoint is now ---- */

/* A namespace that an endpoint has, or what stands for a pod of another node. */
struct found {
	const char *label; /* NULL: it has none of its own */
	const struct selector *selector;
	struct netns_id netns;
	int fd; /* borrowed; -1: elsewhere */
	const struct member_pod *pod;
};

struct finds {
	struct found *v;
	size_t n;
};

static bool add(struct finds *f, const struct found *x)
{
	struct found *v = reallocarray(f->v, f->n + 1, sizeof(*v));

	if (!v)
		return false;
	f->v = v;
	v[f->n++] = *x;
	return true;
}

static bool has_netns(const struct finds *f, const struct netns_id *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].fd >= 0 && f->v[i].netns.ino == id->ino && f->v[i].netns.dev == id->dev)
			return true;
	return false;
}

static void find_here(const struct select *sel, const struct selected *x, struct finds *f)
{
	const struct dp_member *m = &sel->dp->members[x->member];
	int whole = dp_member__netns(m);

	/* the namespace that the member is all of, before others that it has sockets in */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < m->n_places; i++) {
			const struct dp_place *p = &m->places[i];
			struct found one = {.label = p->label, .fd = p->netns_fd};

			if ((p->netns_fd == whole) != !pass || netns__id(p->netns_fd, &one.netns) ||
			    has_netns(f, &one.netns))
				continue;
			one.selector = &sel->e->endpoints[x->endpoint].selectors[x->selector];
			add(f, &one);
		}
}

static bool has_label(const struct finds *f, const char *label)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].label && !strcmp(f->v[i].label, label))
			return true;
	return false;
}

static void find_elsewhere(const struct select *sel, const struct selected *x, struct finds *f)
{
	size_t n = 0;
	const struct member_pod *v =
		sel->members ? members__of(sel->members, x->endpoint, x->selector, &n) : NULL;

	for (size_t i = 0; i < n; i++) {
		struct found one = {.label = v[i].place, .fd = -1, .pod = &v[i]};

		if (!has_label(f, one.label))
			add(f, &one);
	}
}

static struct finds find(const struct run *run, size_t endpoint)
{
	const struct select *sel = run->plan->select;
	struct finds f = {0};

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < sel->n; i++)
			if (sel->v[i].endpoint == endpoint)
				(pass ? find_elsewhere : find_here)(sel, &sel->v[i], &f);
	return f;
}

/* ---- names ---- */

/* One that may be many: its places have names of their own, however many there are now. */
static bool may_be_many(const struct run *run, size_t endpoint, const struct finds *f)
{
	const struct endpoint *e = &run->e->endpoints[endpoint];

	for (size_t i = 0; i < e->n_selectors; i++) {
		const struct target_selector *t = e->selectors[i].target;

		if (e->selectors[i].kind == SELECTOR_NODE)
			return false;
		if (e->selectors[i].kind == SELECTOR_PODS && t && !t->name && t->n_pods != 1)
			return true;
	}
	return f->n > 1;
}

/* A pod or container that has a process in the namespace. */
static const char *tenant(const struct snapshot *s, const struct netns_id *id)
{
	const char *container = NULL, *name = NULL;

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct discover_process *p = &s->processes[i];
		const struct discover_cgroup *c;

		if (p->netns == DISCOVER_NONE || p->cgroup == DISCOVER_NONE ||
		    s->netns[p->netns].id.ino != id->ino || s->netns[p->netns].id.dev != id->dev)
			continue;
		c = &s->cgroups[p->cgroup];
		if (c->pod != DISCOVER_NONE && s->pods[c->pod].name)
			return s->pods[c->pod].name;
		if (c->container != DISCOVER_NONE && !container)
			container =
				s->containers[c->container].name ?: s->containers[c->container].id;
	}
	for (size_t i = 0; i < s->n_netns && !container; i++)
		if (s->netns[i].id.ino == id->ino && s->netns[i].id.dev == id->dev)
			name = s->netns[i].name;
	return container ?: name;
}

static char *name_of(const struct run *run, size_t endpoint, const struct found *x)
{
	const char *e = run->e->endpoints[endpoint].name, *own = NULL;
	char *name;
	int r;

	if (x->label)
		return strdup(x->label);
	if (x->selector->kind == SELECTOR_NETNS)
		own = strrchr(x->selector->value, '/') ? strrchr(x->selector->value, '/') + 1
						       : x->selector->value;
	else
		own = tenant(&run->plan->select->snapshot, &x->netns);
	r = own ? asprintf(&name, "%s/%s", e, own)
		: asprintf(&name, "%s/netns-%llu", e, (unsigned long long)x->netns.ino);
	if (r < 0)
		return NULL;
	/* a runtime's file may hold anything */
	for (unsigned char *c = (unsigned char *)name; *c; c++)
		if (*c < 0x20 || *c >= 0x7f)
			*c = '?';
	return name;
}

/* ---- the places ---- */

struct place *run_places__of(const struct run *run, const char *name, const struct place *after)
{
	bool past = !after;

	for (size_t i = 0; i < run->n_places; i++) {
		struct place *p = run->places[i];

		if (past && !strcmp(run->e->endpoints[p->endpoint].name, name))
			return p;
		past |= p == after;
	}
	return NULL;
}

/* Takes @name over. */
static struct place *make(struct run *run, size_t endpoint, char *name)
{
	struct place *p = calloc(1, sizeof(*p)), **v;

	v = reallocarray(run->places, run->n_places + 1, sizeof(struct place *));
	if (v)
		run->places = v;
	if (!p || !v || !name) {
		free(p);
		free(name);
		return NULL;
	}
	p->name = name;
	p->endpoint = endpoint;
	p->netns_fd = -1;
	return v[run->n_places++] = p;
}

static struct place *find_place(const struct run *run, size_t endpoint, const char *name)
{
	for (size_t i = 0; i < run->n_places; i++)
		if (run->places[i]->endpoint == endpoint && !strcmp(run->places[i]->name, name))
			return run->places[i];
	return NULL;
}

static void record(struct run *run, const struct place *p, const char *event, bool here)
{
	run__record(run, "place", run__now(run),
		    json_pack("{s:s,s:s,s:s,s:b,s:s*}", "place", p->name, "endpoint",
			      run->e->endpoints[p->endpoint].name, "event", event, "here", here,
			      "ip", *p->ip ? p->ip : NULL));
}

static void leave(struct place *p)
{
	p->netns_fd = safe_close(p->netns_fd);
	p->netns = (struct netns_id){0};
	p->ip[0] = '\0';
	p->addressless = false;
}

/* A namespace may be there, and have its name, before it has an address. */
static bool look_for_address(struct place *p)
{
	char ip[sizeof(p->ip)];

	if (!p->addressless || !first_address(p->netns_fd, ip, sizeof(ip)))
		return false;
	memcpy(p->ip, ip, sizeof(ip));
	p->addressless = false;
	p->generation++;
	return true;
}

/* What has become of @p is @x. True: it is not what it was. */
static bool become(struct run *run, struct place *p, const struct found *x)
{
	bool elsewhere = x->fd < 0, was = p->seen;
	const char *ip = p->node ? lab__ip(run->lab, p->node) : NULL;

	p->seen = true;
	/* two of one name at once: the first one is it */
	if (was)
		return false;
	if (elsewhere) {
		char text[INET6_ADDRSTRLEN] = "";

		if (x->pod && x->pod->n_ips)
			addr__format(&x->pod->ips[0], text, sizeof(text));
		/* one that is to be here, and has not come up yet, has no address to talk to */
		if (x->pod && x->pod->here)
			text[0] = '\0';
		if (p->netns_fd < 0 && p->elsewhere == !x->pod->here && !strcmp(p->ip, text))
			return false;
		leave(p);
		p->elsewhere = !x->pod->here;
		snprintf(p->ip, sizeof(p->ip), "%s", text);
		return true;
	}
	if (p->netns_fd >= 0 && p->netns.ino == x->netns.ino && p->netns.dev == x->netns.dev)
		return look_for_address(p);
	leave(p);
	p->elsewhere = false;
	p->netns = x->netns;
	p->netns_fd = fcntl(x->fd, F_DUPFD_CLOEXEC, 3);
	p->generation++;
	if (ip)
		snprintf(p->ip, sizeof(p->ip), "%s", ip);
	else if (p->netns_fd >= 0)
		p->addressless = !first_address(p->netns_fd, p->ip, sizeof(p->ip));
	return true;
}

/* One that is all of its endpoint stays in its namespace while that is matched, and until another is. */
static bool follow_one(struct run *run, struct place *p, const struct finds *f)
{
	if (!f->n)
		return false;
	if (p->netns_fd >= 0 && has_netns(f, &p->netns))
		return look_for_address(p);
	return become(run, p, &f->v[0]);
}

/* Of the many; with words of it if it changed. */
static bool follow_place(struct run *run, struct place *p, const struct found *x, bool tell)
{
	bool was_here = p->netns_fd >= 0;

	if (!become(run, p, x))
		return false;
	if (tell && was_here && p->netns_fd < 0)
		record(run, p, "left", true);
	if (tell && (p->netns_fd >= 0 || p->elsewhere))
		record(run, p, "joined", p->netns_fd >= 0);
	return true;
}

static bool follow_many(struct run *run, size_t endpoint, const struct finds *f, bool tell)
{
	bool any = false;

	for (size_t i = 0; i < run->n_places; i++)
		run->places[i]->seen = run->places[i]->endpoint != endpoint;
	for (size_t i = 0; i < f->n; i++) {
		char *name = name_of(run, endpoint, &f->v[i]);
		struct place *p = name ? find_place(run, endpoint, name) : NULL;

		if (p)
			free(name);
		else
			p = make(run, endpoint, name);
		any |= p && follow_place(run, p, &f->v[i], tell);
	}
	for (size_t i = 0; i < run->n_places; i++) {
		struct place *p = run->places[i];

		if (p->seen || (p->netns_fd < 0 && !*p->ip && !p->elsewhere))
			continue;
		any = true;
		if (tell)
			record(run, p, "left", p->netns_fd >= 0);
		leave(p);
		p->elsewhere = false;
	}
	return any;
}

static bool follow_endpoint(struct run *run, size_t i, bool tell)
{
	struct finds f = find(run, i);
	struct place *only =
		run->many[i] ? NULL : run_places__of(run, run->e->endpoints[i].name, NULL);
	bool any;

	if (only)
		only->seen = false;
	any = only ? follow_one(run, only, &f) : follow_many(run, i, &f, tell);
	if (any && only && tell)
		record(run, only, "joined", true);
	free(f.v);
	return any;
}

static int by_name(const void *a, const void *b)
{
	const struct place *x = *(const struct place *const *)a;
	const struct place *y = *(const struct place *const *)b;

	if (x->endpoint != y->endpoint)
		return x->endpoint < y->endpoint ? -1 : 1;
	return strcmp(x->name, y->name);
}

int run_places__open(struct run *run, struct error *err)
{
	const struct experiment *e = run->e;

	run->places = calloc(1, sizeof(struct place *));
	run->many = calloc(e->n_endpoints + 1, sizeof(*run->many));
	run->traffic = calloc(e->n_endpoints + 1, sizeof(*run->traffic));
	if (!run->places || !run->many || !run->traffic)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < e->n_endpoints; i++) {
		struct finds f = find(run, i);
		struct place *p;

		run->many[i] = run->plan->select->members || may_be_many(run, i, &f);
		/* whom the file does not speak of are as without it */
		for (size_t k = 0; k < e->endpoints[i].n_selectors && run->plan->select->members;
		     k++)
			if (e->endpoints[i].selectors[k].kind != SELECTOR_PODS)
				run->many[i] = may_be_many(run, i, &f);
		free(f.v);
		p = run->many[i] ? NULL : make(run, i, strdup(e->endpoints[i].name));
		if (!run->many[i] && !p)
			return err__set(err, -ENOMEM, "out of memory");
		if (p && run->lab && lab__ip(run->lab, p->name))
			p->node = p->name;
		follow_endpoint(run, i, false);
	}
	/* all nodes of a cluster have them in this order: it numbers the clients */
	qsort(run->places, run->n_places, sizeof(struct place *), by_name);
	return 0;
}

bool run_places__follow(struct run *run)
{
	bool any = false;

	for (size_t i = 0; i < run->e->n_endpoints; i++)
		any |= follow_endpoint(run, i, true);
	run->places_order += any;
	if (any)
		qsort(run->places, run->n_places, sizeof(struct place *), by_name);
	return any;
}

bool run_places__are_new(const struct run *run)
{
	for (size_t i = 0; i < run->n_places; i++)
		if (run->places[i]->addressless)
			return true;
	return false;
}

void run_places__free(struct run *run)
{
	for (size_t i = 0; i < run->n_places; i++) {
		safe_close(run->places[i]->netns_fd);
		free(run->places[i]->name);
		free(run->places[i]);
	}
	free(run->places);
	free(run->many);
	free(run->traffic);
}

json_t *run_places__json(const struct run *run)
{
	json_t *a = json_array();

	for (size_t i = 0; i < run->n_places; i++) {
		const struct place *p = run->places[i];

		json_array_append_new(a, json_pack("{s:s,s:s,s:b}", "place", p->name, "endpoint",
						   run->e->endpoints[p->endpoint].name, "here",
						   p->netns_fd >= 0));
	}
	return a;
}
