// SPDX-License-Identifier: GPL-2.0-only
/*
 * vrrp.c: what was seen on the wire: who sent as which virtual router and when two did at once, and
 * addresses that moved between MAC addresses.
 */
#include "analysis/vrrp.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

/* The number of @who among the first @n of @names; adds it if it is new. */
static size_t index_of(const char **names, size_t *n, const char *who)
{
	size_t i = 0;

	while (i < *n && strcmp(names[i], who) != 0)
		i++;
	if (i == *n)
		names[(*n)++] = who;
	return i;
}

static bool same_router(const struct history_sender *a, const struct history_sender *b)
{
	return a->resource == b->resource && a->vrid == b->vrid && a->family == b->family;
}

/* A later event of the same spell tells more. */
static bool told_again(const struct history *h, size_t i)
{
	const struct history_sender *a = &h->senders[i];

	for (size_t j = i + 1; !a->stopped && j < h->n_senders; j++) {
		const struct history_sender *b = &h->senders[j];

		if (b->stopped && b->node == a->node && b->from_ns == a->from_ns &&
		    same_router(a, b) && !strcmp(a->who, b->who))
			return true;
	}
	return false;
}

/* Keep what is no handover. */
static void keep_long(struct vrrp_router *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_both; i++) {
		int64_t ns = r->both[i].end_ns - r->both[i].start_ns;

		if (ns <= r->interval_ns)
			continue;
		r->both[n++] = r->both[i];
		r->both_ns += ns;
	}
	r->n_both = n;
}

static int router(const struct history *h, size_t first, struct vrrp_router *r)
{
	const struct history_sender *f = &h->senders[first];

	*r = (struct vrrp_router){.resource = f->resource, .vrid = f->vrid, .family = f->family};
	r->spans = calloc(h->n_senders, sizeof(*r->spans));
	r->names = calloc(h->n_senders, sizeof(*r->names));
	if (!r->spans || !r->names)
		return -ENOMEM;
	for (size_t i = first; i < h->n_senders; i++) {
		const struct history_sender *s = &h->senders[i];

		if (!same_router(f, s) || told_again(h, i))
			continue;
		r->spans[r->n_spans++] =
			(struct span){(int)index_of(r->names, &r->n_names, s->who), s->from_ns,
				      s->stopped ? s->to_ns : h->last_ns};
		if (s->interval_ns > r->interval_ns)
			r->interval_ns = s->interval_ns;
	}
	if (overlap__sweep(r->spans, r->n_spans, r->n_names, &r->both, &r->n_both) < 0)
		return -ENOMEM;
	keep_long(r);
	return 0;
}

static int routers(const struct history *h, struct vrrp *v)
{
	for (size_t i = 0; h->n_senders <= VRRP_EVENTS_MAX && i < h->n_senders; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = same_router(&h->senders[j], &h->senders[i]);
		if (seen || v->n_routers == VRRP_ROUTERS_MAX)
			continue;
		if (router(h, i, &v->routers[v->n_routers++]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Whether event @i puts the address where it was once, by events from @first on. */
static bool is_back(const struct history *h, size_t first, size_t i)
{
	const struct history_garp *g = &h->garps[i];

	for (size_t j = first; j < i; j++) {
		const struct history_garp *x = &h->garps[j];

		if (x->node == g->node && x->resource == g->resource &&
		    !strcmp(x->address, g->address) &&
		    (!strcmp(x->mac, g->mac) || (x->was && !strcmp(x->was, g->mac))))
			return true;
	}
	return false;
}

static int address(const struct history *h, size_t first, struct vrrp_address *a)
{
	const struct history_garp *f = &h->garps[first];

	*a = (struct vrrp_address){.address = f->address, .node = f->node};
	a->at = calloc(h->n_garps, sizeof(*a->at));
	if (!a->at)
		return -ENOMEM;
	for (size_t i = first; i < h->n_garps; i++) {
		const struct history_garp *g = &h->garps[i];

		if (g->resource != f->resource || g->node != f->node ||
		    strcmp(g->address, f->address) != 0 || !g->was)
			continue;
		a->at[a->moves++] = g->t_ns;
		a->back = a->back || is_back(h, first, i);
	}
	return 0;
}

static int addresses(const struct history *h, struct vrrp *v)
{
	for (size_t i = 0; h->n_garps <= VRRP_EVENTS_MAX && i < h->n_garps; i++) {
		bool seen = false;

		for (size_t j = 0; j < i && !seen; j++)
			seen = !strcmp(h->garps[j].address, h->garps[i].address);
		if (seen || v->n_addresses == VRRP_ROUTERS_MAX)
			continue;
		if (address(h, i, &v->addresses[v->n_addresses++]) < 0)
			return -ENOMEM;
	}
	return 0;
}

int vrrp__find(const struct history *h, struct vrrp *v)
{
	int r = routers(h, v);

	return r ? r : addresses(h, v);
}

void vrrp__reset(struct vrrp *v)
{
	for (size_t i = 0; i < v->n_routers; i++) {
		free(v->routers[i].names);
		free(v->routers[i].spans);
		free(v->routers[i].both);
	}
	for (size_t i = 0; i < v->n_addresses; i++)
		free(v->addresses[i].at);
	*v = (struct vrrp){0};
}

const char *vrrp__name(const struct history *h, const struct vrrp_router *r, char *buf, size_t size)
{
	snprintf(buf, size, "%.200s/%lld%s", h->resources[r->resource].name, (long long)r->vrid,
		 r->family == 6 ? "/ipv6" : "");
	return buf;
}

/*
 * wire {vrrp [{router "RESOURCE/VRID", senders [], overlap_s}], garp [{address, moves}]}; null if
 * nothing was seen.
 */
json_t *vrrp__json(const struct history *h)
{
	_cleanup_(vrrp__reset) struct vrrp v = {0};
	json_t *routers_json, *garp;
	char name[256];

	if (vrrp__find(h, &v) < 0 || (!v.n_routers && !v.n_addresses))
		return json_null();
	routers_json = json_array();
	garp = json_array();
	for (size_t i = 0; i < v.n_routers; i++) {
		const struct vrrp_router *r = &v.routers[i];
		json_t *senders = json_array();

		for (size_t k = 0; k < r->n_names; k++)
			json_array_append_new(senders, json_string(r->names[k]));
		json_array_append_new(routers_json,
				      json_pack("{s:s,s:o,s:o}", "router",
						vrrp__name(h, r, name, sizeof(name)), "senders",
						senders, "overlap_s", json_seconds(r->both_ns)));
	}
	for (size_t i = 0; i < v.n_addresses; i++)
		json_array_append_new(garp, json_pack("{s:s,s:o}", "address",
						      v.addresses[i].address, "moves",
						      json_count((int64_t)v.addresses[i].moves)));
	return json_pack("{s:o,s:o}", "vrrp", routers_json, "garp", garp);
}
