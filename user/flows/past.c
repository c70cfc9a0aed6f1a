// SPDX-License-Identifier: GPL-2.0-only
/* past.c: the counters of the snapshot before, by who the socket or device is. */
#include "flows/internal.h"

#include <string.h>

struct past_link {
	ino_t netns;
	int ifindex;
	struct link_stats stats;
};

struct flow_past {
	struct table cookies, links_by;
	struct discover_traffic *sockets;
	size_t n_sockets;
	struct past_link *links;
	size_t n_links;
};

static uint64_t link_key(const struct discover_netns *n, const struct link_info *l)
{
	return (uint64_t)n->id.ino << 32 ^ (uint32_t)l->ifindex;
}

static int keep(struct flow_past *p, const struct discover_netns *n)
{
	for (size_t i = 0; n->traffic && i < n->n_sockets; i++) {
		p->sockets[p->n_sockets] = n->traffic[i];
		if (table__put(&p->cookies, n->traffic[i].cookie, (uint32_t)p->n_sockets++) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < n->scan.n_links; i++) {
		const struct link_info *l = &n->scan.links[i];

		p->links[p->n_links] = (struct past_link){n->id.ino, l->ifindex, l->stats};
		if (table__put(&p->links_by, link_key(n, l), (uint32_t)p->n_links++) < 0)
			return -ENOMEM;
	}
	return 0;
}

struct flow_past *flow_past__of(const struct snapshot *s)
{
	struct flow_past *p = calloc(1, sizeof(*p));
	size_t sockets = 0, links = 0;

	for (size_t i = 0; i < s->n_netns; i++) {
		sockets += s->netns[i].n_sockets;
		links += s->netns[i].scan.n_links;
	}
	if (!p)
		return NULL;
	p->sockets = calloc(sockets + 1, sizeof(*p->sockets));
	p->links = calloc(links + 1, sizeof(*p->links));
	for (size_t i = 0; p->sockets && p->links && i < s->n_netns; i++)
		if (keep(p, &s->netns[i]) < 0)
			return flow_past__free(p), NULL;
	if (!p->sockets || !p->links)
		return flow_past__free(p), NULL;
	return p;
}

void flow_past__free(struct flow_past *p)
{
	if (!p)
		return;
	table__reset(&p->cookies);
	table__reset(&p->links_by);
	free(p->sockets);
	free(p->links);
	free(p);
}

static uint64_t forward64(uint64_t was, uint64_t now)
{
	return now > was ? now - was : 0;
}

/* A counter of 32 bits wraps; more than half of its range in one step is a step back. */
static uint32_t forward32(uint32_t was, uint32_t now)
{
	uint32_t d = now - was;

	return d <= INT32_MAX ? d : 0;
}

struct flow_delta flow_past__delta(const struct flow_past *p, const struct discover_traffic *t)
{
	static const struct discover_traffic zero;
	const struct discover_traffic *was = &zero;
	uint32_t i = p ? table__get(&p->cookies, t->cookie) : TABLE_NONE;

	if (!p)
		return (struct flow_delta){0};
	if (i != TABLE_NONE)
		was = &p->sockets[i];
	return (struct flow_delta){
		.known = t->counted,
		.fresh = i == TABLE_NONE,
		.bytes_sent = forward64(was->bytes_sent, t->bytes_sent),
		.bytes_received = forward64(was->bytes_received, t->bytes_received),
		.segs_out = forward32(was->segs_out, t->segs_out),
		.segs_in = forward32(was->segs_in, t->segs_in),
		.retrans = forward32(was->retrans, t->retrans),
		.drops = forward32(was->drops, t->drops),
	};
}

const struct link_stats *flow_past__link(const struct flow_past *p, const struct discover_netns *n,
					 const struct link_info *l)
{
	uint32_t i = p ? table__get(&p->links_by, link_key(n, l)) : TABLE_NONE;

	if (i == TABLE_NONE || p->links[i].netns != n->id.ino || p->links[i].ifindex != l->ifindex)
		return NULL;
	return &p->links[i].stats;
}
