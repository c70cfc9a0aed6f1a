// SPDX-License-Identifier: GPL-2.0-only
/*
 * publish.c: what a run tells whoever watches. Two files in its state folder: scope.json, written
 * anew when members have come or gone, says whom its faults are about; live.json, once a second, what they have done. Files and not
 * answers, so that nobody who reads can hold a run up, and a run that is stopped holds up no reader.
 */
#include "run/internal.h"

#include "datapath/netns.h"

#include <arpa/inet.h>
#include <string.h>

static json_t *ranges_json(const struct chaos_port_range *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_pack("[i,i]", v[i].lo, v[i].hi));
	return a;
}

static json_t *member_json(const struct dp_member *m)
{
	json_t *prefixes = json_array(), *netns = json_array(), *processes = json_array();
	struct netns_id id;

	for (size_t i = 0; i < m->n_prefixes; i++) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(AF_INET6, &m->prefixes[i].addr, text, sizeof(text));
		json_array_append_new(prefixes, json_pack("{s:s,s:i}", "address", text, "length",
							  m->prefixes[i].len));
	}
	for (size_t i = 0; i < m->n_places; i++)
		if (!m->places[i].by_socket && !netns__id(m->places[i].netns_fd, &id))
			json_array_append_new(netns, json_integer((json_int_t)id.ino));
	for (size_t i = 0; i < m->n_processes; i++)
		json_array_append_new(processes, json_integer(m->processes[i].pid));
	return json_pack("{s:s,s:o,s:o,s:s*,s:o}", "name", m->name, "netns", netns, "processes",
			 processes, "device", m->ifname, "prefixes", prefixes);
}

/* ---- edges: a -> b, a -> c and d -> b, d -> c are told as {a, d} -> {b, c} ---- */

/* One side, or the union of several with the same ports; a bit for each member. */
struct side {
	const struct dp_side *like; /* any, ports */
	uint64_t *members;
};

struct wide_edge {
	struct side side[2]; /* from, to */
};

struct wide_edges {
	struct wide_edge *v;
	size_t n, words;
};

static void wide_edges__reset(struct wide_edges *w)
{
	for (size_t i = 0; w->v && i < w->n; i++) {
		free(w->v[i].side[0].members);
		free(w->v[i].side[1].members);
	}
	free(w->v);
}

static int side_make(const struct dp_side *of, size_t words, struct side *ret)
{
	ret->like = of;
	ret->members = calloc(words, sizeof(*ret->members));
	for (size_t i = 0; ret->members && i < of->n_members; i++)
		ret->members[of->members[i] / 64] |= 1ULL << of->members[i] % 64;
	return ret->members ? 0 : -ENOMEM;
}

/* Whether two sides differ in more than their members. */
static int compare_like(const struct side *a, const struct side *b)
{
	if (a->like->any != b->like->any)
		return a->like->any ? -1 : 1;
	if (a->like->n_ports != b->like->n_ports)
		return a->like->n_ports < b->like->n_ports ? -1 : 1;
	return a->like->n_ports ? memcmp(a->like->ports, b->like->ports,
					 a->like->n_ports * sizeof(*a->like->ports))
				: 0;
}

struct order {
	size_t words;
	int by; /* the side that is to be equal */
};

static int compare_edges(const void *a, const void *b, void *data)
{
	const struct wide_edge *x = a, *y = b;
	const struct order *o = data;

	return compare_like(&x->side[o->by], &y->side[o->by])
		?: compare_like(&x->side[!o->by], &y->side[!o->by])
		?: memcmp(x->side[o->by].members, y->side[o->by].members,
			  o->words * sizeof(*x->side[0].members));
}

/* Edges that are equal on the one side become one, whose other side is the union. */
static void merge(struct wide_edges *w, int by)
{
	struct order o = {w->words, by};
	size_t kept = 0;

	if (w->n)
		qsort_r(w->v, w->n, sizeof(*w->v), compare_edges, &o);
	for (size_t i = 0; i < w->n; i++) {
		struct wide_edge *e = &w->v[i];

		if (!kept || compare_edges(&w->v[kept - 1], e, &o)) {
			w->v[kept++] = *e;
			continue;
		}
		for (size_t k = 0; k < w->words; k++)
			w->v[kept - 1].side[!by].members[k] |= e->side[!by].members[k];
		free(e->side[0].members);
		free(e->side[1].members);
	}
	w->n = kept;
}

static json_t *side_json(const struct side *s, size_t words)
{
	json_t *members;

	if (s->like->any)
		return json_null();
	members = json_array();
	for (size_t i = 0; i < words * 64; i++)
		if (s->members[i / 64] & 1ULL << i % 64)
			json_array_append_new(members, json_integer((json_int_t)i));
	return json_pack("{s:o,s:o}", "members", members, "ports",
			 ranges_json(s->like->ports, s->like->n_ports));
}

static json_t *edges_json(const struct dp_plan *p, const struct dp_fault *f)
{
	_cleanup_(wide_edges__reset) struct wide_edges w = {.words = p->n_members / 64 + 1};
	json_t *a = json_array();

	w.v = calloc(f->n_edges + 1, sizeof(*w.v));
	for (; w.v && w.n < f->n_edges; w.n++)
		if (side_make(&f->edges[w.n].from, w.words, &w.v[w.n].side[0]) < 0 ||
		    side_make(&f->edges[w.n].to, w.words, &w.v[w.n].side[1]) < 0)
			return a;
	merge(&w, 0);
	merge(&w, 1);
	for (size_t i = 0; i < w.n; i++)
		json_array_append_new(a, json_pack("{s:o,s:o}", "from",
						   side_json(&w.v[i].side[0], w.words), "to",
						   side_json(&w.v[i].side[1], w.words)));
	return a;
}

static json_t *fault_json(const struct dp_plan *p, const struct dp_fault *f, const struct fault *of)
{
	const struct chaos_match *m = &f->rule.match;
	char words[256];

	return json_pack("{s:s,s:s,s:i,s:o,s:o,s:o,s:o}", "name", f->name, "does",
			 experiment__describe_fault(of, words, sizeof(words)), "proto", m->proto,
			 "sports", ranges_json(m->sport, m->n_sport), "dports",
			 ranges_json(m->dport, m->n_dport), "ports",
			 ranges_json(m->port, m->n_port), "edges", edges_json(p, f));
}

static json_t *exempt_json(const struct dp_exempt *x)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &x->addr, text, sizeof(text));
	return json_pack("{s:s,s:i,s:i}", "address", text, "port", x->port, "proto", x->proto);
}

void publish__scope(struct run *run)
{
	const struct dp_plan *p = &run->plan->dp;
	json_t *members = json_array(), *faults = json_array(), *exempts = json_array();
	_cleanup_(json_decrefp) json_t *scope = NULL;

	for (size_t i = 0; i < p->n_members; i++) {
		json_t *m = member_json(&p->members[i]);

		/* A name that is no UTF-8 must not move those behind it. */
		json_array_append_new(members, m ? m : json_object());
	}
	for (size_t i = 0; i < p->n_faults; i++)
		json_array_append_new(faults, fault_json(p, &p->faults[i], &run->e->faults[i]));
	for (size_t i = 0; i < p->n_exempts; i++)
		json_array_append_new(exempts, exempt_json(&p->exempts[i]));
	scope = json_pack("{s:o,s:o,s:o}", "members", members, "faults", faults, "exempts",
			  exempts);
	if (scope)
		state__publish(run->state, STATE_SCOPE, scope);
}

/* CLOCK_MONOTONIC until which the fault that is active now lasts without any doing of ours. */
static int64_t until(const struct run *run, const struct view_fault *f)
{
	int64_t end = f->end_ns;

	if (run->leased && (end < 0 || end > run->lease_end_ns))
		end = run->lease_end_ns;

	return run->t0_ns + end;
}

void publish__live(struct run *run, int64_t now)
{
	_cleanup_(json_decrefp) json_t *live = NULL;
	json_t *faults;
	size_t active = 0;
	json_int_t at;

	for (size_t i = 0; i < run->view.n_faults; i++)
		active += run->view.faults[i].active;
	if (now < run->next_publish_ns && active == run->published_active)
		return;
	run->next_publish_ns = now + NS_PER_S;
	run->published_active = active;
	faults = json_array();
	for (size_t i = 0; i < run->view.n_faults; i++) {
		const struct view_fault *f = &run->view.faults[i];

		json_array_append_new(faults, json_pack("{s:s,s:b,s:I,s:I,s:o}", "name", f->name,
							"active", f->active, "until_ns",
							(json_int_t)(f->active ? until(run, f) : 0),
							"matched", (json_int_t)f->matched, "hits",
							timeline__hits(run, i)));
	}
	at = run->t0_ns + now;
	live = json_pack("{s:I,s:s,s:f,s:o}", "at_ns", at, "phase", run->phase, "t_s",
			 (double)now / NS_PER_S, "faults", faults);
	if (live)
		state__publish(run->state, STATE_LIVE, live);
}
