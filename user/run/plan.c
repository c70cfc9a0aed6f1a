// SPDX-License-Identifier: GPL-2.0-only
#include "run/plan.h"

#include "lib/cleanup.h"
#include "run/exempt.h"
#include "run/rules.h"

#include <string.h>

#define at(p, s) (p)->e->file, (s)->pos.line, (s)->pos.col

const char *plan__edge_name(const struct experiment *e, size_t i)
{
	return i == EDGE_ANY ? "other" : e->endpoints[i].name;
}

void plan__free(struct plan *p)
{
	if (!p)
		return;
	select__close(p->select);
	free(p->node_exempts.v);
	dp_plan__reset(&p->dp);
	for (size_t i = 0; i < p->e->n_faults; i++) {
		if (p->windows)
			free(p->windows[i].v);
		if (p->edges)
			free(p->edges[i].v);
	}
	free(p->windows);
	free(p->edges);
	free(p);
}

/* Whether they narrow what they choose in the same way. */
static bool same_ports(const struct selector *a, const struct selector *b)
{
	return a->proto == b->proto && a->ports.n == b->ports.n &&
	       (!a->ports.n || !memcmp(a->ports.v, b->ports.v, a->ports.n * sizeof(*a->ports.v)));
}

static struct chaos_port_range *dup_ports(const struct ports *ports)
{
	struct chaos_port_range *v = calloc(ports->n ? ports->n : 1, sizeof(*v));

	for (size_t i = 0; v && i < ports->n; i++)
		v[i] = (struct chaos_port_range){ports->v[i].lo, ports->v[i].hi};
	return v;
}

/* Selectors of some endpoints, in order. */
struct chosen {
	const struct selector *selector;
	size_t endpoint, index;
};

static struct chosen *chosen_of(const struct experiment *e, const size_t *endpoints, size_t n,
				size_t *ret_n)
{
	struct chosen *v;
	size_t total = 0, k = 0;

	for (size_t i = 0; i < n; i++)
		total += e->endpoints[endpoints[i]].n_selectors;
	v = calloc(total + 1, sizeof(*v));
	for (size_t i = 0; v && i < n; i++) {
		const struct endpoint *ep = &e->endpoints[endpoints[i]];

		for (size_t j = 0; j < ep->n_selectors; j++)
			v[k++] = (struct chosen){&ep->selectors[j], endpoints[i], j};
	}
	*ret_n = k;
	return v;
}

/* The first of the @nth group of selectors with equal ports and protocol, NULL past the last one. */
static const struct selector *port_group(const struct chosen *v, size_t n, size_t nth)
{
	size_t group = 0;

	for (size_t i = 0; i < n; i++) {
		bool first = true;

		for (size_t j = 0; j < i && first; j++)
			first = !same_ports(v[i].selector, v[j].selector);
		if (first && group++ == nth)
			return v[i].selector;
	}
	return NULL;
}

/*
 * Side number @nth of @n endpoints taken together (none: everybody else): their selectors grouped by
 * equal ports, since ports narrow a selector, not the endpoint. -ENOENT past the last one. @ret_proto: all its
 * packets are of this protocol, 0 = any.
 */
static int make_side(const struct plan *p, const size_t *endpoints, size_t n, size_t nth,
		     struct dp_side *ret, uint8_t *ret_proto)
{
	_cleanup_free_ struct chosen *sel = NULL;
	const struct selector *like;
	struct dp_side side = {0};
	size_t n_sel;

	if (!n) {
		if (nth)
			return -ENOENT;
		*ret = (struct dp_side){.any = true};
		*ret_proto = 0;
		return 0;
	}
	sel = chosen_of(p->e, endpoints, n, &n_sel);
	if (!sel)
		return -ENOMEM;
	like = port_group(sel, n_sel, nth);
	if (!like)
		return -ENOENT;
	side.members = calloc(n_sel, sizeof(*side.members));
	side.ports = dup_ports(&like->ports);
	side.n_ports = like->ports.n;
	if (!side.members || !side.ports) {
		free(side.members);
		free(side.ports);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n_sel; i++)
		for (size_t j = 0; j < p->select->n; j++) {
			const struct selected *r = &p->select->v[j];

			if (r->endpoint == sel[i].endpoint && r->selector == sel[i].index &&
			    same_ports(sel[i].selector, like))
				side.members[side.n_members++] = r->member;
		}
	*ret = side;
	*ret_proto = like->proto;
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

/*
 * A rule is of one protocol, or of all: what the fault's own match says, and what the selectors on both sides of
 * its edges say. -EPROTO when they do not agree.
 */
static int agree_on_proto(const struct plan *p, struct dp_fault *f, uint8_t from, uint8_t to)
{
	uint8_t own = p->e->faults[f - p->dp.faults].match.proto, of_edge = from ? from : to;

	if (from && to && from != to)
		return -EPROTO;
	if (own)
		return of_edge && of_edge != own ? -EPROTO : 0;
	if (f->n_edges && of_edge != f->rule.match.proto)
		return -EPROTO;
	f->rule.match.proto = of_edge;
	return 0;
}

/* An experiment's edge becomes one edge for each pair of its ends' port groups. */
static int add_edge(const struct plan *p, struct dp_fault *f, struct end from, struct end to)
{
	uint8_t from_proto, to_proto;
	struct dp_edge *v;
	int r;

	for (size_t i = 0;; i++) {
		for (size_t j = 0;; j++) {
			struct dp_edge de = {0};

			r = make_side(p, from.v, from.n, i, &de.from, &from_proto);
			if (r)
				return r == -ENOENT ? 0 : r;
			r = make_side(p, to.v, to.n, j, &de.to, &to_proto);
			if (!r)
				r = agree_on_proto(p, f, from_proto, to_proto);
			v = r ? NULL : realloc(f->edges, (f->n_edges + 1) * sizeof(*v));
			if (!v) {
				side__reset(&de.from);
				side__reset(&de.to);
				if (r == -ENOENT)
					break;
				return r ? r : -ENOMEM;
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
	if (r == -EPROTO)
		return err__set(
			err, -EINVAL,
			"%s:%d:%d: fault `%s`: its match and the selectors of its endpoints name "
			"different protocols; expected one, or a fault for each",
			at(p, f), f->name);
	if (r)
		return err__set(err, r, "%s:%d:%d: fault `%s`: %s", at(p, f), f->name,
				r == -E2BIG ? "more than 100,000 occurrences" : strerror(-r));
	return 0;
}

int plan__make(const struct experiment *e, const struct lab *lab, const struct plan_options *opts,
	       struct plan **ret, struct error *err)
{
	_cleanup_(cleanup_plan) struct plan *p = calloc(1, sizeof(*p));
	struct select_options so = {.allow_host = e->allow_host || opts->allow_host,
				    .members = opts->members};
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
	p->dp.capture_snaplen = e->capture.on ? e->capture.snaplen : 0;
	p->dp.mode = opts->mode;
	p->dp.hold = opts->hold;

	r = select__open(e, lab, &so, &p->dp, &p->select, err);
	for (size_t i = 0; !r && i < e->n_faults; i++)
		r = make_fault(p, i, err);
	if (!r)
		r = exempt__find(&p->dp, p->select->host_is_target);
	if (!r && p->select->members)
		r = exempt__node(&p->node_exempts, &p->dp, NULL, p->select->members);
	if (r)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}
