// SPDX-License-Identifier: GPL-2.0-only
/*
 * lanes_roles.c: who says that it leads.
 *
 *   roles [{resource, system, leads, nodes [{node, samples, spans, claims, gaps}], overlaps}]
 *     leads: its nodes lead; a Sentinel only names whom it takes for the leader.
 *     spans [[from_us, to_us, role, epoch, whom it names]]: what the samples said, each until the
 *       next; epoch and name may be null.
 *     claims [{from_us, to_us, out_from_us, out_to_us, epoch}]: certain, and possible (claims.c).
 *     gaps [[from_us, to_us]]: without a valid sample for longer than a probe gap.
 *     overlaps [{from_us, to_us, certain, nodes, same_epoch}]: two or more claims at once; a
 *       possible one only where no certain one lies in it.
 */
#include "analysis/lanes_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <stdlib.h>

static json_t *epoch__json(int64_t epoch)
{
	return epoch == HISTORY_NONE ? json_null() : json_integer(epoch);
}

/* ---- what the samples said ---- */

struct role_span {
	int64_t from_ns, to_ns;
	const struct history_role *say;
};

static bool says_same(const struct history_role *a, const struct history_role *b)
{
	/* equal strings of a history are one string */
	return a->role == b->role && a->epoch == b->epoch && a->leader == b->leader;
}

static json_t *span__json(const struct role_span *s)
{
	return json_pack("[o, o, s, o, o]", lanes__us(s->from_ns), lanes__us(s->to_ns),
			 role__name(s->say->role), epoch__json(s->say->epoch),
			 s->say->leader ? json_string(s->say->leader) : json_null());
}

static size_t changes(const struct history_role *s, size_t n)
{
	size_t c = 0;

	for (size_t i = 1; i < n; i++)
		c += !says_same(&s[i - 1], &s[i]);
	return c;
}

/* Of two that are too short to be told apart, the one that matters more: a leader, an error. */
static bool matters_more(const struct history_role *a, const struct history_role *b)
{
	return a->role > b->role && b->role != ROLE_LEADER;
}

/* @s: the @n samples of one node, in order. */
static json_t *spans(const struct history_role *s, size_t n, int64_t limit_ns,
		     const struct lanes_axis *a)
{
	int64_t quantum = changes(s, n) > LANES_POINTS_MAX ? axis__quantum(a) : 0;
	struct role_span cur = {.say = NULL};
	json_t *out = json_array();

	for (size_t i = 0; i < n; i++) {
		int64_t until = i + 1 < n ? s[i + 1].recv_ns : s[i].recv_ns;
		bool near, adjacent;

		if (until - s[i].recv_ns > limit_ns)
			until = s[i].recv_ns;
		adjacent = cur.say && s[i].recv_ns <= cur.to_ns;
		near = cur.say && until - cur.from_ns < quantum;
		if ((adjacent && says_same(cur.say, &s[i])) || near) {
			if (matters_more(&s[i], cur.say))
				cur.say = &s[i];
			cur.to_ns = until;
			continue;
		}
		if (cur.say)
			json_array_append_new(out, span__json(&cur));
		cur = (struct role_span){s[i].recv_ns, until, &s[i]};
	}
	if (cur.say)
		json_array_append_new(out, span__json(&cur));
	return out;
}

/* ---- claims ---- */

static json_t *claim__json(const struct claim *c)
{
	int64_t start = c->inner.start_ns, end = c->inner.end_ns;

	/* one sample alone makes a claim possible around it, and certain for no time */
	if (start > end)
		start = end;
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "from_us", lanes__us(start), "to_us",
			 lanes__us(end), "out_from_us", lanes__us(c->outer.start_ns), "out_to_us",
			 lanes__us(c->outer.end_ns), "epoch", epoch__json(c->epoch));
}

static json_t *claims(const struct claims *cs, int node, const struct lanes_axis *a)
{
	int64_t near = cs->n > LANES_POINTS_MAX ? axis__quantum(a) : INT64_MIN;
	json_t *out = json_array();
	struct claim cur;
	bool open = false;

	for (size_t i = 0; i < cs->n; i++) {
		const struct claim *c = &cs->v[i];

		if (c->node != node)
			continue;
		if (open && near > 0 && c->inner.start_ns - cur.inner.end_ns < near) {
			cur.inner.end_ns = c->inner.end_ns;
			cur.outer.end_ns = c->outer.end_ns;
			continue;
		}
		if (open)
			json_array_append_new(out, claim__json(&cur));
		cur = *c;
		open = true;
	}
	if (open)
		json_array_append_new(out, claim__json(&cur));
	return out;
}

static json_t *gaps(const struct analysis *an, size_t resource, int node)
{
	const struct claims *cs = &an->claims[resource];
	const struct history *h = an->h;
	json_t *out = json_array();

	for (size_t i = 0; cs->leads && i < cs->n_unseen; i++)
		if (cs->unseen[i].node == node)
			json_array_append_new(out,
					      json_pack("[o, o]", lanes__us(cs->unseen[i].from_ns),
							lanes__us(cs->unseen[i].to_ns)));
	for (size_t i = 0; !cs->leads && i < h->n_gaps; i++)
		if (h->gaps[i].resource == (int)resource && h->gaps[i].node == node)
			json_array_append_new(out,
					      json_pack("[o, o]", lanes__us(h->gaps[i].from_ns),
							lanes__us(h->gaps[i].to_ns)));
	return out;
}

/* ---- overlaps ---- */

static bool within(const struct claim *c, bool certain, const struct history_window *w)
{
	const struct history_window *i = certain ? &c->inner : &c->outer;

	return i->start_ns < w->end_ns && w->start_ns < i->end_ns;
}

/* Do two nodes claim in one epoch during @w? */
static bool same_epoch(const struct claims *cs, bool certain, const struct history_window *w)
{
	for (size_t i = 0; i < cs->n; i++) {
		const struct claim *c = &cs->v[i];

		if (c->epoch == HISTORY_NONE || !within(c, certain, w))
			continue;
		for (size_t j = i + 1; j < cs->n; j++)
			if (cs->v[j].node != c->node && cs->v[j].epoch == c->epoch &&
			    within(&cs->v[j], certain, w))
				return true;
	}
	return false;
}

static json_t *overlap__json(const struct history *h, const struct claims *cs, bool certain,
			     const struct history_window *w)
{
	json_t *nodes = json_array();
	int last = -1;

	for (size_t i = 0; i < cs->n; i++) {
		/* claims stand by node */
		if (cs->v[i].node == last || !within(&cs->v[i], certain, w))
			continue;
		last = cs->v[i].node;
		json_array_append_new(nodes, json_string(history__node(h, last)));
	}
	return json_pack("{s:o, s:o, s:b, s:o, s:b}", "from_us", lanes__us(w->start_ns), "to_us",
			 lanes__us(w->end_ns), "certain", certain, "nodes", nodes, "same_epoch",
			 same_epoch(cs, certain, w));
}

/*
 * Possible ones that no certain one lies in: a certain one has its possible rim drawn by its
 * claims.
 */
static void possible(const struct history *h, const struct claims *cs,
		     const struct split_resource *s, json_t *out)
{
	_cleanup_free_ struct span *v = calloc(cs->n + 1, sizeof(*v));
	_cleanup_free_ struct history_window *w = NULL;
	size_t n = 0, k = 0;

	for (size_t i = 0; v && i < cs->n; i++)
		v[i] = (struct span){cs->v[i].node, cs->v[i].outer.start_ns, cs->v[i].outer.end_ns};
	if (!v || overlap__sweep(v, cs->n, h->nodes.n, &w, &n) < 0)
		return;
	for (size_t i = 0; i < n && json_array_size(out) < LANES_POINTS_MAX; i++) {
		while (k < s->n_must && s->must[k].end_ns <= w[i].start_ns)
			k++;
		if (k == s->n_must || s->must[k].start_ns >= w[i].end_ns)
			json_array_append_new(out, overlap__json(h, cs, false, &w[i]));
	}
}

static json_t *overlaps(const struct analysis *an, size_t resource)
{
	const struct split_resource *s = &an->split.v[resource];
	json_t *out = json_array();

	for (size_t i = 0; i < s->n_must && i < LANES_POINTS_MAX; i++)
		json_array_append_new(
			out, overlap__json(an->h, &an->claims[resource], true, &s->must[i]));
	possible(an->h, &an->claims[resource], s, out);
	return out;
}

/* ---- all of it ---- */

static json_t *node__lane(const struct analysis *an, const struct lanes_axis *a, size_t resource,
			  int node)
{
	const struct history *h = an->h;
	const struct history_resource *r = &h->resources[resource];
	size_t from = 0, n = 0;

	while (from < h->n_roles &&
	       (h->roles[from].resource != (int)resource || h->roles[from].node != node))
		from++;
	while (from + n < h->n_roles && h->roles[from + n].resource == (int)resource &&
	       h->roles[from + n].node == node)
		n++;
	return json_pack("{s:s, s:I, s:o, s:o, s:o}", "node", history__node(h, node), "samples",
			 (json_int_t)n, "spans",
			 spans(n ? &h->roles[from] : NULL, n, 5 * r->every_ns + 50 * NS_PER_MS, a),
			 "claims", claims(&an->claims[resource], node, a), "gaps",
			 gaps(an, resource, node));
}

json_t *lanes__roles(const struct analysis *an, const struct lanes_axis *a)
{
	const struct history *h = an->h;
	json_t *out = json_array();

	for (size_t i = 0; i < h->n_resources; i++) {
		const struct history_resource *r = &h->resources[i];
		json_t *nodes = json_array();

		for (size_t j = 0; j < r->nodes.n; j++)
			json_array_append_new(nodes, node__lane(an, a, i, r->nodes.v[j]));
		json_array_append_new(out,
				      json_pack("{s:s, s:s, s:b, s:o, s:o}", "resource", r->name,
						"system", r->system, "leads", an->claims[i].leads,
						"nodes", nodes, "overlaps", overlaps(an, i)));
	}
	return out;
}
