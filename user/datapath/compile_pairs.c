// SPDX-License-Identifier: GPL-2.0-only
/* compile_pairs.c: from edges between sets to rules between classes, each at the one hook where
 * it stands. */
#include "datapath/compile_internal.h"

#include "lib/cleanup.h"

#include <stdio.h>
#include <string.h>

/* One edge on one pair of classes. */
struct use {
	uint32_t scope; /* with key, as in struct compiled_pair */
	struct chaos_pair_key key;
	uint32_t fault;
	uint32_t box;
};

/* Of a use and of a compiled pair. */
#define PAIR_KEY_SIZE offsetof(struct use, fault)
_Static_assert(offsetof(struct compiled_pair, pair) == PAIR_KEY_SIZE &&
		       offsetof(struct compiled_pair, key) == offsetof(struct use, key),
	       "both begin alike");

struct uses {
	struct use *v;
	size_t n, cap;
};

/* The rules that a fault needs for a list of boxes; kept, since the same list comes with many
 * pairs. */
struct rule_list {
	uint32_t n;
	uint32_t rule[BOXES_MAX];
};

struct rule_lists {
	struct intern keys; /* fault, boxes... */
	struct rule_list *v;
	size_t cap;
};

static int no_memory(struct compiler *c)
{
	return err__set(c->err, -ENOMEM, "out of memory");
}

static bool class_has(const struct compiler *c, uint32_t class_id, uint32_t set)
{
	size_t n, lo = 0;
	const uint32_t *v = compiler__class_sets(c, class_id, &n);

	while (n > lo) {
		size_t mid = (lo + n) / 2;

		if (v[mid] == set)
			return true;
		if (v[mid] < set)
			lo = mid + 1;
		else
			n = mid;
	}
	return false;
}

/* set -> classes */
static int make_set_classes(struct compiler *c, struct csr *ret)
{
	_cleanup_free_ struct csr_pair *pairs = NULL;
	size_t total = 0, k = 0, n;

	for (uint32_t i = 0; i < c->num->classes.n; i++) {
		compiler__class_sets(c, i, &n);
		total += n;
	}
	pairs = malloc((total + 1) * sizeof(*pairs));
	if (!pairs)
		return no_memory(c);
	for (uint32_t i = 0; i < c->num->classes.n; i++) {
		const uint32_t *v = compiler__class_sets(c, i, &n);

		for (size_t j = 0; j < n; j++)
			pairs[k++] = (struct csr_pair){v[j], i};
	}
	return csr__make(ret, c->sets.n, pairs, total) ? no_memory(c) : 0;
}

static int add_use(struct compiler *c, const struct cedge *e, uint32_t src, uint32_t dst,
		   struct uses *u)
{
	/* Where the receiver is ours its ingress decides, which sees the addresses after
	 * translation and drops without the sender's knowledge; where it is another machine's, that
	 * one's; else the sender's egress, if that is ours. */
	uint32_t there = compiler__class_home(c, dst),
		 here = there ? there : compiler__class_home(c, src);
	struct use *x;

	if (!home__is_here(here))
		return 0;
	if (u->n == COMPILE_PAIRS_MAX)
		return err__set(c->err, -EINVAL,
				"the edges come to more than %d pairs of endpoints that are told "
				"apart; use "
				"larger groups",
				COMPILE_PAIRS_MAX);
	if (grow_vec(u->v, u->n, u->cap))
		return no_memory(c);
	x = &u->v[u->n++];
	*x = (struct use){
		.scope = home__scope(here),
		.key = {.src_class = src,
			.dst_class = dst,
			.direction = there ? CHAOS_INGRESS : CHAOS_EGRESS},
		.fault = e->fault,
		.box = e->box,
	};
	return 0;
}

struct class_list {
	const uint32_t *v; /* NULL: all classes that are not in @but */
	size_t n;
	uint32_t but;
};

static struct class_list side_classes(const struct compiler *c, const struct csr *set_classes,
				      uint32_t set, uint32_t other)
{
	if (set == SET_ANY)
		return (struct class_list){.n = c->num->classes.n, .but = other};
	return (struct class_list){
		.v = set_classes->v + set_classes->off[set],
		.n = set_classes->off[set + 1] - set_classes->off[set],
	};
}

/* Class @i of the list, or false if that one is not on the side. */
static bool list_at(const struct compiler *c, const struct class_list *l, size_t i, uint32_t *ret)
{
	*ret = l->v ? l->v[i] : (uint32_t)i;
	return l->v || l->but == SET_ANY || !class_has(c, *ret, l->but);
}

static int edge_uses(struct compiler *c, const struct csr *set_classes, const struct cedge *e,
		     struct uses *u)
{
	struct class_list from = side_classes(c, set_classes, e->from, e->to);
	struct class_list to = side_classes(c, set_classes, e->to, e->from);
	uint32_t s, d;
	int r = 0;

	for (size_t i = 0; i < from.n && !r; i++) {
		if (!list_at(c, &from, i, &s))
			continue;
		for (size_t j = 0; j < to.n && !r; j++)
			if (list_at(c, &to, j, &d))
				r = add_use(c, e, s, d, u);
	}
	return r;
}

/* --- what cannot be --------------------------------------------------------------------------- */

static bool set_here(const struct compiler *c, uint32_t set)
{
	const uint32_t *v;
	size_t len;

	if (set == SET_ANY)
		return c->in->n_netns > 0;
	v = intern__get(&c->sets, set, &len);
	for (size_t i = 0; i < len / sizeof(*v); i++)
		if (c->member_here[v[i]])
			return true;
	return false;
}

static const char *side_name(const struct compiler *c, uint32_t set, char *buf, size_t size)
{
	const uint32_t *v;
	size_t len;

	if (set == SET_ANY)
		return "anybody";
	v = intern__get(&c->sets, set, &len);
	len /= sizeof(*v);
	if (len == 1)
		snprintf(buf, size, "`%s`", c->plan->members[v[0]].name);
	else
		snprintf(buf, size, "`%s` and %zu more", c->plan->members[v[0]].name, len - 1);
	return buf;
}

static int check_edge(struct compiler *c, const struct csr *set_classes, const struct cedge *e)
{
	const struct dp_fault *f = &c->plan->faults[e->fault];
	char from[128], to[128], text[64];
	struct conflict k;
	int r;

	if (!c->in->again && !c->plan->growing && !set_here(c, e->from) && !set_here(c, e->to))
		return err__set(c->err, -EINVAL,
				"fault `%s`: neither %s nor %s is on this machine: faults act in "
				"the network "
				"namespace of at least one side",
				f->name, side_name(c, e->from, from, sizeof(from)),
				side_name(c, e->to, to, sizeof(to)));
	if (!(f->rule.actions & CHAOS_ACT_PARTITION) || e->from == SET_ANY || e->to == SET_ANY ||
	    e->from == e->to)
		return 0;
	/* Only a class that is on both sides can hold such an address. */
	for (size_t i = set_classes->off[e->from]; i < set_classes->off[e->from + 1]; i++) {
		if (!class_has(c, set_classes->v[i], e->to))
			continue;
		r = compiler__conflict(c, e->from, e->to, &k);
		if (r == -ENOENT)
			return 0;
		if (r)
			return r;
		return err__set(c->err, -EINVAL,
				"fault `%s`: %s is in both `%s` and `%s`, which cannot be cut from "
				"each other",
				f->name, dp_addr__text(&k.addr, k.len, text, sizeof(text)),
				c->plan->members[k.from_member].name,
				c->plan->members[k.to_member].name);
	}
	return 0;
}

/* --- rules ------------------------------------------------------------------------------------ */

static int make_rule(struct compiler *c, uint32_t fault, const struct port_box *box, uint32_t *ret)
{
	struct {
		uint32_t fault, pad;
		struct port_box box;
	} key = {.fault = fault, .box = *box};

	return intern__put(&c->num->rules, &key, sizeof(key), ret) ? no_memory(c) : 0;
}

static int make_rules(struct compiler *c, const uint32_t *key, size_t n_key, struct rule_list *ret)
{
	const struct dp_fault *f = &c->plan->faults[key[0]];
	_cleanup_free_ struct port_box *boxes = calloc(BOXES_MAX, sizeof(*boxes));
	size_t n = n_key - 1;
	int r;

	if (!boxes)
		return no_memory(c);
	if (n <= BOXES_MAX) {
		for (size_t i = 0; i < n; i++)
			boxes[i] =
				*(const struct port_box *)intern__get(&c->boxes, key[1 + i], NULL);
		r = port_boxes__disjoint(boxes, n);
	} else {
		r = -E2BIG;
	}
	if (r == -E2BIG)
		return err__set(
			c->err, -EINVAL,
			"fault `%s`: its edges between the same endpoints have too many different "
			"ports",
			f->name);
	if (r < 0)
		return no_memory(c);
	ret->n = (uint32_t)r;
	for (uint32_t i = 0; i < ret->n; i++) {
		r = make_rule(c, key[0], &boxes[i], &ret->rule[i]);
		if (r)
			return r;
	}
	return 0;
}

/* The rules for the uses [0, n) of one fault on one pair. */
static int rules_for(struct compiler *c, struct rule_lists *l, const struct use *u, size_t n,
		     const struct rule_list **ret)
{
	_cleanup_free_ uint32_t *key = malloc((n + 1) * sizeof(*key));
	size_t n_key = 1, had = l->keys.n;
	uint32_t id;
	int r;

	if (!key)
		return no_memory(c);
	key[0] = u[0].fault;
	for (size_t i = 0; i < n; i++)
		if (n_key == 1 || key[n_key - 1] != u[i].box)
			key[n_key++] = u[i].box;
	if (intern__put(&l->keys, key, n_key * sizeof(*key), &id))
		return no_memory(c);
	if (id == had) {
		if (grow_vec(l->v, had, l->cap))
			return no_memory(c);
		r = make_rules(c, key, n_key, &l->v[id]);
		if (r)
			return r;
	}
	*ret = &l->v[id];
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int r = memcmp(x, y, PAIR_KEY_SIZE);

	if (r)
		return r;
	if (x->fault != y->fault)
		return x->fault < y->fault ? -1 : 1;
	return (x->box > y->box) - (x->box < y->box);
}

/* One that is in the class; classes of earlier compilations may have nobody any more. */
static const char *class_name(const struct compiler *c, uint32_t class_id)
{
	return c->num->node_names[class_id < c->cap_classes ? c->classes[class_id].node
							    : CHAOS_NODE_OTHER];
}

static int too_many(struct compiler *c, const struct chaos_pair_key *key)
{
	return err__set(c->err, -EINVAL,
			"more than %d rules for packets from `%s` to `%s`; a packet can meet %d",
			CHAOS_RULES_PER_PAIR, class_name(c, key->src_class),
			class_name(c, key->dst_class), CHAOS_RULES_PER_PAIR);
}

/* The pair that uses [i, ret) are of. */
static int make_pair(struct compiler *c, struct rule_lists *l, const struct uses *u, size_t i,
		     size_t *ret)
{
	struct compiled_pair *p = &c->out->pairs[c->out->n_pairs++];
	const struct rule_list *rules = NULL;
	size_t j;
	int r;

	memcpy(p, &u->v[i], PAIR_KEY_SIZE);
	for (; i < u->n && !memcmp(&u->v[i], p, PAIR_KEY_SIZE); i = j) {
		for (j = i + 1; j < u->n && u->v[j].fault == u->v[i].fault &&
				!memcmp(&u->v[j], p, PAIR_KEY_SIZE);)
			j++;
		r = rules_for(c, l, &u->v[i], j - i, &rules);
		if (r)
			return r;
		if (p->pair.n_rules + rules->n > CHAOS_RULES_PER_PAIR)
			return too_many(c, &p->key);
		memcpy(&p->pair.rule[p->pair.n_rules], rules->rule,
		       rules->n * sizeof(*rules->rule));
		p->pair.n_rules += rules->n;
	}
	*ret = i;
	return 0;
}

static int make_pairs(struct compiler *c, struct uses *u)
{
	struct rule_lists l = {0};
	size_t i = 0;
	int r = 0;

	if (u->n > 1)
		qsort(u->v, u->n, sizeof(*u->v), by_key);
	c->out->pairs = calloc(u->n + 1, sizeof(*c->out->pairs));
	if (!c->out->pairs)
		return no_memory(c);
	while (i < u->n && !r)
		r = make_pair(c, &l, u, i, &i);
	intern__reset(&l.keys);
	free(l.v);
	return r;
}

static void put_ports(const struct port_set *s, struct chaos_port_range *ret, __u8 *ret_n)
{
	memset(ret, 0, CHAOS_PORTS_PER_MATCH * sizeof(*ret));
	memcpy(ret, s->r, s->n * sizeof(*ret));
	*ret_n = (__u8)s->n;
}

/* Rules that cut a fault's ports among them must not draw the same numbers. Depends on the ports
 * alone, so a plan's rules draw the same in every run. */
static uint64_t rule_seed(const struct dp_fault *f, const struct port_box *box)
{
	const unsigned char *p = (const unsigned char *)box;
	uint64_t h = 0;

	if (port_box__all(box))
		return f->rule.seed;
	for (size_t i = 0; i < sizeof(*box); i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return f->rule.seed ^ (h * 0x9e3779b97f4a7c15ULL);
}

/* Faults' own tables stand behind the built-in ones, in the order of the faults. */
static uint32_t own_table(const struct dp_plan *plan, uint32_t fault)
{
	uint32_t at = CHAOS_TABLES_OWN;

	for (uint32_t i = 0; i < fault; i++)
		if (plan->faults[i].table)
			at += plan->faults[i].rule.delay.table_len;
	return at;
}

static int emit_rules(struct compiler *c)
{
	struct {
		uint32_t fault, pad;
		struct port_box box;
	} key;

	c->out->rules = calloc(c->num->rules.n + 1, sizeof(*c->out->rules));
	if (!c->out->rules)
		return no_memory(c);
	for (uint32_t i = 0; i < c->num->rules.n; i++) {
		struct chaos_rule *rule = &c->out->rules[i];
		const struct dp_fault *f;

		memcpy(&key, intern__get(&c->num->rules, i, NULL), sizeof(key));
		f = &c->plan->faults[key.fault];
		*rule = f->rule;
		rule->fault = key.fault;
		rule->seed = rule_seed(f, &key.box);
		if (f->table)
			rule->delay.table = own_table(c->plan, key.fault);
		put_ports(&key.box.sport, rule->match.sport, &rule->match.n_sport);
		put_ports(&key.box.dport, rule->match.dport, &rule->match.n_dport);
	}
	c->out->n_rules = c->num->rules.n;
	return 0;
}

/* --- both ends in one namespace --------------------------------------------------------------- */

/*
 * Loopback carries what a namespace sends to itself. An edge means that when it has the namespace
 * on both sides, by one member or two, or different addresses of it. A node's packets to itself are no
 * business of an edge between it and others, even where these others are a prefix around its own
 * address.
 */
static void mark_loopback(struct compiler *c, const struct csr *set_classes,
			  const struct csr *class_netns, const struct csr *member_netns,
			  const struct cedge *e, uint32_t stamp, uint32_t *stamps, uint32_t *whole)
{
	const uint32_t *v;
	size_t len;

	if (e->from == SET_ANY || e->to == SET_ANY)
		return;
	v = intern__get(&c->sets, e->from, &len);
	for (size_t i = 0; i < len / sizeof(*v); i++) {
		if (c->plan->members[v[i]].ifname)
			continue;
		for (size_t k = member_netns->off[v[i]]; k < member_netns->off[v[i] + 1]; k++)
			whole[member_netns->v[k]] = stamp;
	}
	v = intern__get(&c->sets, e->to, &len);
	for (size_t i = 0; i < len / sizeof(*v); i++) {
		if (c->plan->members[v[i]].ifname)
			continue;
		for (size_t k = member_netns->off[v[i]]; k < member_netns->off[v[i] + 1]; k++)
			if (whole[member_netns->v[k]] == stamp)
				c->lo_needed[member_netns->v[k]] = true;
	}
	for (size_t i = set_classes->off[e->from]; i < set_classes->off[e->from + 1]; i++) {
		uint32_t k = set_classes->v[i];

		if (class_has(c, k, e->to))
			continue;
		for (size_t j = class_netns->off[k]; j < class_netns->off[k + 1]; j++)
			stamps[class_netns->v[j]] = stamp;
	}
	for (size_t i = set_classes->off[e->to]; i < set_classes->off[e->to + 1]; i++) {
		uint32_t k = set_classes->v[i];

		if (class_has(c, k, e->from))
			continue;
		for (size_t j = class_netns->off[k]; j < class_netns->off[k + 1]; j++)
			if (stamps[class_netns->v[j]] == stamp)
				c->lo_needed[class_netns->v[j]] = true;
	}
}

/* Where members are all, or a device, of a namespace. */
static int make_member_netns(struct compiler *c, struct csr *ret)
{
	_cleanup_free_ struct csr_pair *pairs = malloc((c->in->n_places + 1) * sizeof(*pairs));
	size_t n = 0;

	if (!pairs)
		return no_memory(c);
	for (size_t i = 0; i < c->in->n_places; i++)
		if (!c->in->places[i].by_socket)
			pairs[n++] =
				(struct csr_pair){c->in->places[i].member, c->in->places[i].netns};
	return csr__make(ret, c->plan->n_members, pairs, n) ? no_memory(c) : 0;
}

static int mark_loopbacks(struct compiler *c, const struct csr *set_classes)
{
	_cleanup_free_ struct csr_pair *pairs = malloc((c->n_own + 1) * sizeof(*pairs));
	_cleanup_free_ uint32_t *stamps = calloc(c->in->n_netns + 1, sizeof(*stamps));
	_cleanup_free_ uint32_t *whole = calloc(c->in->n_netns + 1, sizeof(*whole));
	struct csr class_netns = {0}, member_netns = {0};
	size_t n = 0;
	int r;

	c->lo_needed = calloc(c->in->n_netns + 1, sizeof(*c->lo_needed));
	if (!pairs || !stamps || !whole || !c->lo_needed)
		return no_memory(c);
	/* Neighbours in own[] are often of one class and namespace. */
	for (size_t i = 0; i < c->n_own; i++)
		if (!n || pairs[n - 1].row != c->own[i].class_id ||
		    pairs[n - 1].value != c->own[i].netns)
			pairs[n++] = (struct csr_pair){c->own[i].class_id, c->own[i].netns};
	r = make_member_netns(c, &member_netns);
	if (!r && csr__make(&class_netns, c->num->classes.n, pairs, n))
		r = no_memory(c);
	for (size_t i = 0; i < c->n_edges && !r; i++)
		mark_loopback(c, set_classes, &class_netns, &member_netns, &c->edges[i],
			      (uint32_t)i + 1, stamps, whole);
	/* Processes of one namespace reach each other there and nowhere else. */
	for (size_t i = 0; i < c->in->n_netns && !r; i++)
		c->lo_needed[i] |= c->by_socket[i];
	csr__reset(&class_netns);
	csr__reset(&member_netns);
	return r;
}

int compiler__pairs(struct compiler *c)
{
	struct csr set_classes = {0};
	struct uses u = {0};
	int r = make_set_classes(c, &set_classes);

	for (size_t i = 0; i < c->n_edges && !r; i++) {
		r = check_edge(c, &set_classes, &c->edges[i]);
		if (!r)
			r = edge_uses(c, &set_classes, &c->edges[i], &u);
	}
	if (!r)
		r = mark_loopbacks(c, &set_classes);
	if (!r)
		r = make_pairs(c, &u);
	if (!r)
		r = emit_rules(c);
	free(u.v);
	csr__reset(&set_classes);
	return r;
}
