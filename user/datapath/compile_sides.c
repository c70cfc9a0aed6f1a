// SPDX-License-Identifier: GPL-2.0-only
/* compile_sides.c: edges, as few as say the same, and for each member the sides that it is on. */
#include "datapath/compile_internal.h"

#include "lib/cleanup.h"

#include <string.h>

static int no_memory(struct compiler *c)
{
	return err__set(c->err, -ENOMEM, "out of memory");
}

static int by_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Sort, drop repetitions; returns how many remain. */
static size_t sort_unique(uint32_t *v, size_t n)
{
	size_t m = 0;

	if (n > 1)
		qsort(v, n, sizeof(*v), by_u32);
	for (size_t i = 0; i < n; i++)
		if (!m || v[m - 1] != v[i])
			v[m++] = v[i];
	return m;
}

static int put_set(struct intern *sets, uint32_t *v, size_t n, uint32_t *ret)
{
	n = sort_unique(v, n);
	return intern__put(sets, v, n * sizeof(*v), ret);
}

static int add_node_name(struct compile_numbers *n, const char *name)
{
	if (grow_vec(n->node_names, n->n_node_names, n->cap_node_names))
		return -ENOMEM;
	n->node_names[n->n_node_names++] = name;
	return 0;
}

int compiler__node(struct compiler *c, const char *name, uint32_t *ret)
{
	struct compile_numbers *n = c->num;
	uint32_t id;

	if (intern__put(&n->nodes, name, strlen(name), &id))
		return -ENOMEM;
	if (id + 1 == n->n_node_names && add_node_name(n, name))
		return -ENOMEM;
	*ret = id + 1;
	return 0;
}

/* All that the plan names, before anything is found: the numbers follow from the plan alone. */
static int name_nodes(struct compiler *c)
{
	const struct compile_input *in = c->in;
	size_t n = c->plan->n_members;
	uint32_t node;
	int r = c->num->n_node_names ? 0 : add_node_name(c->num, "other");

	c->member_node = calloc(n + 1, sizeof(*c->member_node));
	c->place_node = calloc(in->n_places + 1, sizeof(*c->place_node));
	if (!c->member_node || !c->place_node)
		return no_memory(c);
	for (size_t i = 0; i < n && !r; i++)
		r = compiler__node(c, c->plan->members[i].name, &c->member_node[i]);
	for (size_t i = 0; i < in->n_places && !r; i++) {
		c->place_node[i] = c->member_node[in->places[i].member];
		if (in->places[i].label)
			r = compiler__node(c, in->places[i].label, &c->place_node[i]);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < c->plan->members[i].n_prefixes && !r; k++)
			if (c->plan->members[i].prefixes[k].label)
				r = compiler__node(c, c->plan->members[i].prefixes[k].label, &node);
	return r ? no_memory(c) : 0;
}

static int bad_ports(struct compiler *c, const struct dp_fault *f, int r)
{
	switch (r) {
	case -EINVAL:
		return err__set(c->err, -EINVAL, "fault `%s`: a port range ends before it begins",
				f->name);
	case -E2BIG:
		return err__set(c->err, -EINVAL, "fault `%s`: more than %d port ranges on one side",
				f->name, CHAOS_PORTS_PER_MATCH);
	case -ENOENT:
		return err__set(c->err, -EINVAL,
				"fault `%s`: the ports of its match and those of its endpoints "
				"have none in "
				"common",
				f->name);
	default:
		return no_memory(c);
	}
}

/* What both the fault's match and the side of the edge allow. */
static int side_ports(const struct chaos_port_range *match, size_t n_match,
		      const struct dp_side *side, struct port_set *ret)
{
	struct port_set a, b;
	int r = port_set__from(match, n_match, &a);

	if (!r)
		r = port_set__from(side->ports, side->n_ports, &b);
	if (!r)
		r = port_set__intersect(&a, &b, ret);
	return r ?: ret->n > CHAOS_PORTS_PER_MATCH ? -E2BIG : 0;
}

static int side_set(struct compiler *c, const struct dp_fault *f, const struct dp_side *side,
		    struct intern *sets, uint32_t *ret)
{
	_cleanup_free_ uint32_t *v = NULL;

	if (side->any) {
		*ret = SET_ANY;
		return 0;
	}
	if (!side->n_members)
		return err__set(c->err, -EINVAL, "fault `%s`: one side of an edge has nobody on it",
				f->name);
	v = malloc(side->n_members * sizeof(*v));
	if (!v)
		return no_memory(c);
	for (size_t i = 0; i < side->n_members; i++) {
		if (side->members[i] >= c->plan->n_members)
			return err__set(c->err, -EINVAL, "fault `%s`: no member %zu", f->name,
					side->members[i]);
		v[i] = (uint32_t)side->members[i];
	}
	return put_set(sets, v, side->n_members, ret) ? no_memory(c) : 0;
}

static int add_edge(struct compiler *c, size_t fault, const struct dp_edge *e, struct intern *sets,
		    struct cedge *ret)
{
	const struct dp_fault *f = &c->plan->faults[fault];
	struct port_box box = {0};
	int r;

	r = side_ports(f->rule.match.sport, f->rule.match.n_sport, &e->from, &box.sport);
	if (!r)
		r = side_ports(f->rule.match.dport, f->rule.match.n_dport, &e->to, &box.dport);
	if (r)
		return bad_ports(c, f, r);
	ret->fault = (uint32_t)fault;
	if (intern__put(&c->boxes, &box, sizeof(box), &ret->box))
		return no_memory(c);
	r = side_set(c, f, &e->from, sets, &ret->from);
	return r ?: side_set(c, f, &e->to, sets, &ret->to);
}

static int by_from(const void *a, const void *b)
{
	const struct cedge *x = a, *y = b;

	if (x->fault != y->fault)
		return x->fault < y->fault ? -1 : 1;
	if (x->box != y->box)
		return x->box < y->box ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return (x->to > y->to) - (x->to < y->to);
}

static int by_to(const void *a, const void *b)
{
	const struct cedge *x = a, *y = b;

	if (x->fault != y->fault)
		return x->fault < y->fault ? -1 : 1;
	if (x->box != y->box)
		return x->box < y->box ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (x->from > y->from) - (x->from < y->from);
}

/* The union of sets[from..to) of one side, as a set of @out. A single set goes through
 * unchanged. */
static int unite_sets(const struct intern *sets, const struct cedge *e, size_t n, bool of_to,
		      struct intern *out, uint32_t *ret)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t total = 0, len;

	for (size_t i = 0; i < n; i++) {
		intern__get(sets, of_to ? e[i].to : e[i].from, &len);
		total += len / sizeof(*v);
	}
	v = malloc((total ? total : 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	total = 0;
	for (size_t i = 0; i < n; i++) {
		const void *members = intern__get(sets, of_to ? e[i].to : e[i].from, &len);

		memcpy(v + total, members, len);
		total += len / sizeof(*v);
	}
	return put_set(out, v, total, ret);
}

/*
 * Edges of one fault and one box that share a side (the from side, or with @of_to false the to
 * side) become one whose other side is the union. a -> b, a -> c becomes a -> {b, c}: the packets
 * are the same, and fewer sets mean fewer classes. The sides move from @sets to @out.
 */
static int merge_edges(struct cedge *e, size_t *n, bool of_to, const struct intern *sets,
		       struct intern *out)
{
	size_t kept = 0;

	if (*n > 1)
		qsort(e, *n, sizeof(*e), of_to ? by_from : by_to);
	for (size_t i = 0, j; i < *n; i = j) {
		uint32_t moving = of_to ? e[i].to : e[i].from;
		struct cedge m = e[i];

		for (j = i + 1; j < *n; j++) {
			if (e[j].fault != m.fault || e[j].box != m.box ||
			    (of_to ? e[j].from != m.from : e[j].to != m.to))
				break;
			/* Anybody is everybody but the other side, so edges that have it are
			 * only equal to those that agree on both. It sorts last. */
			if ((of_to ? m.from : m.to) == SET_ANY ||
			    (of_to ? e[j].to : e[j].from) == SET_ANY)
				break;
		}
		if (moving != SET_ANY &&
		    unite_sets(sets, &e[i], j - i, of_to, out, of_to ? &m.to : &m.from))
			return -ENOMEM;
		if (of_to ? m.from != SET_ANY : m.to != SET_ANY) {
			struct cedge one = m;

			if (unite_sets(sets, &one, 1, !of_to, out, of_to ? &m.from : &m.to))
				return -ENOMEM;
		}
		e[kept++] = m;
	}
	*n = kept;
	return 0;
}

static int make_edges(struct compiler *c)
{
	struct intern raw = {0}, half = {0};
	size_t total = 0;
	int r = 0;

	for (size_t i = 0; i < c->plan->n_faults; i++)
		total += c->plan->faults[i].n_edges;
	c->edges = calloc(total + 1, sizeof(*c->edges));
	if (!c->edges)
		return no_memory(c);
	for (size_t i = 0; i < c->plan->n_faults && !r; i++)
		for (size_t j = 0; j < c->plan->faults[i].n_edges && !r; j++)
			r = add_edge(c, i, &c->plan->faults[i].edges[j], &raw,
				     &c->edges[c->n_edges++]);
	if (!r && (merge_edges(c->edges, &c->n_edges, true, &raw, &half) ||
		   merge_edges(c->edges, &c->n_edges, false, &half, &c->sets)))
		r = no_memory(c);
	intern__reset(&raw);
	intern__reset(&half);
	return r;
}

/* For each member the sets that it is in; since sets are gone through in order, each row is
 * sorted. */
static int make_member_sets(struct compiler *c)
{
	_cleanup_free_ struct csr_pair *pairs = NULL;
	size_t n = 0, k = 0, len;

	for (uint32_t s = 0; s < c->sets.n; s++) {
		intern__get(&c->sets, s, &len);
		n += len / sizeof(uint32_t);
	}
	pairs = calloc(n + 1, sizeof(*pairs));
	if (!pairs)
		return no_memory(c);
	for (uint32_t s = 0; s < c->sets.n; s++) {
		const uint32_t *v = intern__get(&c->sets, s, &len);

		for (size_t i = 0; i < len / sizeof(*v); i++)
			pairs[k++] = (struct csr_pair){v[i], s};
	}
	return csr__make(&c->member_sets, c->plan->n_members, pairs, n) ? no_memory(c) : 0;
}

static int make_signatures(struct compiler *c)
{
	size_t n = c->plan->n_members;
	uint32_t none;

	c->member_sig = calloc(n + 1, sizeof(*c->member_sig));
	c->member_here = calloc(n + 1, sizeof(*c->member_here));
	/* Signature 0 is the empty one. */
	if (!c->member_sig || !c->member_here || intern__put(&c->sigs, "", 0, &none))
		return no_memory(c);
	for (size_t i = 0; i < n; i++) {
		const size_t *off = &c->member_sets.off[i];

		if (intern__put(&c->sigs, c->member_sets.v + off[0],
				(off[1] - off[0]) * sizeof(uint32_t), &c->member_sig[i]))
			return no_memory(c);
	}
	return 0;
}

static int make_netns_places(struct compiler *c)
{
	_cleanup_free_ struct csr_pair *pairs = calloc(c->in->n_places + 1, sizeof(*pairs));
	size_t n = 0;

	c->by_socket = calloc(c->in->n_netns + 1, sizeof(*c->by_socket));
	c->member_netns = calloc(c->plan->n_members + 1, sizeof(*c->member_netns));
	if (!pairs || !c->by_socket || !c->member_netns)
		return no_memory(c);
	for (size_t i = 0; i < c->plan->n_members; i++)
		c->member_netns[i] = -1;
	for (size_t i = 0; i < c->in->n_places; i++) {
		const struct compile_place *p = &c->in->places[i];

		if (p->by_socket)
			c->by_socket[p->netns] = true;
		else
			pairs[n++] = (struct csr_pair){p->netns, (uint32_t)i};
		if (!p->by_socket && c->member_netns[p->member] < 0)
			c->member_netns[p->member] = p->netns;
		/* A namespace that has no address yet is here as well. */
		c->member_here[p->member] = true;
	}
	return csr__make(&c->netns_places, c->in->n_netns, pairs, n) ? no_memory(c) : 0;
}

int compiler__sides(struct compiler *c)
{
	int r = name_nodes(c);

	if (!r)
		r = make_edges(c);
	if (!r)
		r = make_member_sets(c);
	if (!r)
		r = make_signatures(c);
	if (!r)
		r = make_netns_places(c);
	return r;
}

static int find_u32(const void *key, const void *v)
{
	return by_u32(key, v);
}

bool compiler__set_has(const struct compiler *c, uint32_t set, uint32_t member)
{
	const uint32_t *v;
	size_t len;

	if (set == SET_ANY)
		return false;
	v = intern__get(&c->sets, set, &len);
	return bsearch(&member, v, len / sizeof(*v), sizeof(*v), find_u32) != NULL;
}

int compiler__sig_union(struct compiler *c, uint32_t a, uint32_t b, uint32_t *ret)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t na = 0, nb = 0;

	if (a == b || b == 0) {
		*ret = a;
		return 0;
	}
	if (a == 0) {
		*ret = b;
		return 0;
	}
	intern__get(&c->sigs, a, &na);
	intern__get(&c->sigs, b, &nb);
	v = malloc(na + nb);
	if (!v)
		return -ENOMEM;
	memcpy(v, intern__get(&c->sigs, a, NULL), na);
	memcpy((char *)v + na, intern__get(&c->sigs, b, NULL), nb);
	return put_set(&c->sigs, v, (na + nb) / sizeof(*v), ret);
}

int csr__make(struct csr *ret, size_t n_rows, const struct csr_pair *pairs, size_t n)
{
	struct csr c = {.n = n_rows};

	c.off = calloc(n_rows + 2, sizeof(*c.off));
	c.v = malloc((n + 1) * sizeof(*c.v));
	if (!c.off || !c.v) {
		csr__reset(&c);
		return -ENOMEM;
	}
	/* off[row + 2] counts, off[row + 1] then runs from the row's beginning to its end. */
	for (size_t i = 0; i < n; i++)
		c.off[pairs[i].row + 2]++;
	for (size_t i = 2; i < n_rows + 2; i++)
		c.off[i] += c.off[i - 1]; /* NOLINT(clang-analyzer-core.*): calloc() made it zero */
	for (size_t i = 0; i < n; i++)
		c.v[c.off[pairs[i].row + 1]++] = pairs[i].value;
	*ret = c;
	return 0;
}

void csr__reset(struct csr *c)
{
	free(c->off);
	free(c->v);
	*c = (struct csr){0};
}
