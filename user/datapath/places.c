// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/places.h"

#include "datapath/compile_internal.h"
#include "datapath/intern.h"
#include "lib/cleanup.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

static const char *name_of(const struct places *p, const struct dp_plan *plan, size_t netns)
{
	for (size_t i = 0; i < p->n_standing; i++)
		if (p->standing[i].netns == netns)
			return plan->members[p->standing[i].member].name;
	return "?";
}

static int watch(struct places *p, struct place_netns *ns)
{
	struct epoll_event ev = {.events = EPOLLIN};

	ns->monitor = netns__monitor(ns->fd);
	if (ns->monitor < 0)
		return ns->monitor;
	return epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, ns->monitor, &ev) < 0 ? -errno : 0;
}

/* An address that was there keeps its place in time; one that came gets the next. */
static int stamp(struct places *p, const struct place_netns *old, struct place_netns *now)
{
	struct intern had = {0};
	uint64_t *since = calloc(now->scan.n_addrs + 1, sizeof(*since));
	_cleanup_free_ uint64_t *had_since = calloc(old->scan.n_addrs + 1, sizeof(*had_since));
	int r = since && had_since ? 0 : -ENOMEM;
	uint32_t k;

	/* The same address may be on two devices: the earlier of the two counts. */
	for (size_t i = 0; i < old->scan.n_addrs && !r; i++) {
		size_t before = had.n;

		r = intern__put(&had, old->scan.addrs[i].addr, sizeof(old->scan.addrs[i].addr), &k);
		if (!r && k == before)
			had_since[k] = old->since[i];
	}
	for (size_t i = 0; i < now->scan.n_addrs && !r; i++) {
		if (intern__find(&had, now->scan.addrs[i].addr, sizeof(now->scan.addrs[i].addr),
				 &k) == 0)
			since[i] = had_since[k];
		else
			since[i] = ++p->addr_seq;
	}
	intern__reset(&had);
	if (r) {
		free(since);
		return r;
	}
	now->since = since;
	return 0;
}

static int look(struct places *p, struct place_netns *ns)
{
	struct place_netns now = *ns;
	int r = netns__scan(ns->fd, &now.scan);

	if (!r)
		r = stamp(p, ns, &now);
	if (r) {
		netns_scan__reset(&now.scan);
		return r;
	}
	netns_scan__reset(&ns->scan);
	free(ns->since);
	*ns = now;
	return 0;
}

static void place__reset(struct place_netns *ns)
{
	safe_close(ns->monitor);
	safe_close(ns->fd);
	netns_scan__reset(&ns->scan);
	free(ns->since);
	*ns = (struct place_netns){.fd = -1, .monitor = -1};
}

/* --- where members are ------------------------------------------------------------------------ */

struct netns_key {
	uint64_t dev, ino;
};

static struct netns_key key_of(const struct netns_id *id)
{
	return (struct netns_key){id->dev, id->ino};
}

/* The number for a namespace that has none yet. */
static ssize_t free_number(struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].fd < 0)
			return (ssize_t)i;
	if (grow_vec(p->v, p->n, p->cap))
		return -ENOMEM;
	p->v[p->n] = (struct place_netns){.fd = -1, .monitor = -1};
	return (ssize_t)p->n++;
}

/* Watched first: what changes during the look is looked at again. */
static ssize_t settle(struct places *p, int fd, const struct netns_id *id)
{
	ssize_t at = free_number(p);
	struct place_netns *ns;
	int r;

	if (at < 0)
		return at;
	ns = &p->v[at];
	ns->id = *id;
	ns->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	r = ns->fd < 0 ? -errno : watch(p, ns);
	if (!r)
		r = look(p, ns);
	if (r) {
		place__reset(ns);
		return r;
	}
	return at;
}

static int no_way_in(const struct dp_member *m, int r, struct error *err)
{
	if (r == -EPERM)
		return err__set(err, r,
				"may not enter the network namespace of `%s`: run as root, or with "
				"CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF",
				m->name);
	return err__set(err, r, "cannot list the devices of `%s`: %s", m->name, strerror(-r));
}

/* The number of the namespace of @place, which may be new. */
static ssize_t number_of(struct places *p, struct intern *known, uint32_t **numbers, size_t *cap,
			 const struct dp_place *place)
{
	struct netns_key key;
	struct netns_id id;
	size_t had = known->n;
	ssize_t at;
	uint32_t k;
	int r = netns__id(place->netns_fd, &id);

	if (r)
		return r;
	key = key_of(&id);
	if (intern__put(known, &key, sizeof(key), &k))
		return -ENOMEM;
	if (k < had)
		return (*numbers)[k] == UINT32_MAX ? -ESTALE : (ssize_t)(*numbers)[k];
	if (grow_vec(*numbers, had, *cap))
		return -ENOMEM;
	(*numbers)[k] = UINT32_MAX;
	at = settle(p, place->netns_fd, &id);
	if (at >= 0)
		(*numbers)[k] = (uint32_t)at;
	return at;
}

static size_t count_places(const struct dp_plan *plan)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_members; i++)
		n += plan->members[i].n_places;
	return n;
}

/* Numbers that namespaces have already. */
static int know(const struct places *p, struct intern *known, uint32_t **numbers, size_t *cap)
{
	for (size_t i = 0; i < p->n; i++) {
		struct netns_key key = key_of(&p->v[i].id);
		size_t had = known->n;
		uint32_t k;

		if (p->v[i].fd < 0)
			continue;
		if (intern__put(known, &key, sizeof(key), &k) || grow_vec(*numbers, had, *cap))
			return -ENOMEM;
		(*numbers)[k] = (uint32_t)i;
	}
	return 0;
}

/* @all: any namespace that cannot be entered ends it. */
static int stand(struct places *p, const struct dp_plan *plan, bool all, struct error *err)
{
	_cleanup_free_ struct compile_place *v = calloc(count_places(plan) + 1, sizeof(*v));
	_cleanup_free_ uint32_t *numbers = NULL;
	struct intern known = {0};
	size_t cap = 0, n = 0;
	int r = v ? know(p, &known, &numbers, &cap) : -ENOMEM;

	if (r)
		err__set(err, r, "out of memory");
	for (size_t i = 0; i < plan->n_members && !r; i++) {
		const struct dp_member *m = &plan->members[i];

		for (size_t j = 0; j < m->n_places && !r; j++) {
			ssize_t at = number_of(p, &known, &numbers, &cap, &m->places[j]);

			if (at >= 0) {
				v[n++] = (struct compile_place){(uint32_t)i, (uint32_t)at,
								m->places[j].by_socket,
								m->places[j].label};
				p->v[at].left = false;
				continue;
			}
			if (at != -ESTALE)
				no_way_in(m, (int)at, err);
			r = all ? (int)at : 0;
		}
	}
	intern__reset(&known);
	if (r)
		return r;
	free(p->standing);
	p->standing = TAKE_PTR(v);
	p->n_standing = n;
	return 0;
}

int places__open(const struct dp_plan *plan, struct places *ret, struct error *err)
{
	struct places p = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	int r = p.epoll_fd < 0 ? err__set(err, -errno, "epoll: %s", strerror(errno)) : 0;

	if (!r)
		r = stand(&p, plan, true, err);
	if (r) {
		places__close(&p);
		return r;
	}
	*ret = p;
	return 0;
}

int places__move(struct places *p, const struct dp_plan *plan, struct error *err)
{
	int r;

	for (size_t i = 0; i < p->n; i++)
		p->v[i].left = p->v[i].fd >= 0;
	r = stand(p, plan, false, err);
	for (size_t i = 0; r && i < p->n; i++)
		p->v[i].left = false;
	return r;
}

void places__leave(struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].left)
			place__reset(&p->v[i]);
}

void places__close(struct places *p)
{
	for (size_t i = 0; i < p->n; i++)
		place__reset(&p->v[i]);
	free(p->v);
	free(p->standing);
	safe_close(p->epoll_fd);
	*p = (struct places){.epoll_fd = -1};
}

int places__rescan(struct places *p, const struct dp_plan *plan, bool *ret_changed,
		   struct error *err)
{
	int first = 0;

	*ret_changed = false;
	for (size_t i = 0; i < p->n; i++) {
		int r;

		if (p->v[i].fd < 0 || !netns__drain(p->v[i].monitor))
			continue;
		*ret_changed = true;
		r = look(p, &p->v[i]);
		if (r && !first)
			first = err__set(err, r, "cannot list the devices of `%s`: %s",
					 name_of(p, plan, i), strerror(-r));
	}
	return first;
}
