// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/places.h"

#include "datapath/intern.h"
#include "lib/cleanup.h"

#include <string.h>
#include <sys/epoll.h>

/* Namespaces are opened once for each member that is in them; an fd of one of them is enough. */
static int collect(struct places *p, const struct dp_plan *plan, struct error *err)
{
	struct intern ids = {0};
	int r = 0;

	p->v = calloc(plan->n_members + 1, sizeof(*p->v));
	p->of_member = calloc(plan->n_members + 1, sizeof(*p->of_member));
	if (!p->v || !p->of_member)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < plan->n_members && !r; i++) {
		struct {
			uint64_t dev, ino;
		} key;
		struct netns_id id;
		uint32_t k;

		p->of_member[i] = -1;
		if (plan->members[i].netns_fd < 0)
			continue;
		r = netns__id(plan->members[i].netns_fd, &id);
		if (r) {
			r = err__set(err, r, "the namespace of `%s`: %s", plan->members[i].name,
				     strerror(-r));
			break;
		}
		key.dev = id.dev;
		key.ino = id.ino;
		if (intern__put(&ids, &key, sizeof(key), &k)) {
			r = err__set(err, -ENOMEM, "out of memory");
			break;
		}
		p->of_member[i] = (ssize_t)k;
		if (k == p->n)
			p->v[p->n++] = (struct place_netns){.fd = plan->members[i].netns_fd,
							    .monitor = -1};
	}
	intern__reset(&ids);
	return r;
}

static const char *name_of(const struct places *p, const struct dp_plan *plan, size_t netns)
{
	for (size_t i = 0; i < plan->n_members; i++)
		if (p->of_member[i] == (ssize_t)netns)
			return plan->members[i].name;
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

int places__open(const struct dp_plan *plan, struct places *ret, struct error *err)
{
	struct places p = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	int r = p.epoll_fd < 0 ? err__set(err, -errno, "epoll: %s", strerror(errno)) : 0;

	if (!r)
		r = collect(&p, plan, err);
	for (size_t i = 0; i < p.n && !r; i++) {
		/* Watched first: what changes during the look is looked at again. */
		r = watch(&p, &p.v[i]);
		if (!r)
			r = look(&p, &p.v[i]);
		if (r == -EPERM)
			r = err__set(
				err, r,
				"may not enter the network namespace of `%s`: run as root, or with "
				"CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF",
				name_of(&p, plan, i));
		else if (r)
			r = err__set(err, r, "cannot list the devices of `%s`: %s",
				     name_of(&p, plan, i), strerror(-r));
	}
	if (r) {
		places__close(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void places__close(struct places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		safe_close(p->v[i].monitor);
		netns_scan__reset(&p->v[i].scan);
		free(p->v[i].since);
	}
	free(p->v);
	free(p->of_member);
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

		if (!netns__drain(p->v[i].monitor))
			continue;
		*ret_changed = true;
		r = look(p, &p->v[i]);
		if (r && !first)
			first = err__set(err, r, "cannot list the devices of `%s`: %s",
					 name_of(p, plan, i), strerror(-r));
	}
	return first;
}
