// SPDX-License-Identifier: GPL-2.0-only
/*
 * compile_idents.c: addresses to classes. All addresses and prefixes are sorted, so that a prefix
 * comes right before all that lies in it; a stack holds those that contain the current one, and
 * each adds its sides to what it got from the one around it.
 */
#include "datapath/compile_internal.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <string.h>

/* Prefixes around one address; each is longer than the one before. */
#define DEPTH_MAX 129

struct frame {
	size_t first, end; /* its entries */
	uint32_t sig;	   /* with those of all frames below */
	uint32_t node;
	uint32_t home; /* packets to it pass a hook of ours, wherever in it they go */
	bool here;     /* something in it is behind a hook */
};

struct walk {
	struct frame stack[DEPTH_MAX];
	size_t depth;
};

static int no_memory(struct compiler *c)
{
	return err__set(c->err, -ENOMEM, "out of memory");
}

static struct chaos_addr masked(const struct chaos_addr *a, unsigned int len)
{
	struct chaos_addr m = *a;

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int keep = len > 32 * i ? len - 32 * i : 0;

		if (keep < 32)
			m.w[i] &= keep ? htonl(~0U << (32 - keep)) : 0;
	}
	return m;
}

static bool contains(const struct entry *outer, const struct entry *inner)
{
	struct chaos_addr m;

	if (outer->len > inner->len)
		return false;
	m = masked(&inner->addr, outer->len);
	return !memcmp(&m, &outer->addr, sizeof(m));
}

static int add_entry(struct compiler *c, struct entry e)
{
	if (grow_vec(c->entries, c->n_entries, c->cap_entries))
		return no_memory(c);
	e.addr = masked(&e.addr, e.len);
	c->entries[c->n_entries++] = e;
	return 0;
}

static int given_entries(struct compiler *c)
{
	int r = 0;

	for (size_t i = 0; i < c->plan->n_members && !r; i++) {
		const struct dp_member *m = &c->plan->members[i];

		for (size_t j = 0; j < m->n_prefixes && !r; j++) {
			uint32_t node = c->member_node[i];

			if (m->prefixes[j].label && compiler__node(c, m->prefixes[j].label, &node))
				return no_memory(c);
			if (m->prefixes[j].len > 128)
				return err__set(c->err, -EINVAL, "`%s`: a prefix of %d bits",
						m->name, m->prefixes[j].len);
			r = add_entry(c, (struct entry){
						 .addr = m->prefixes[j].addr,
						 .len = m->prefixes[j].len,
						 .netns = m->prefixes[j].elsewhere
								  ? -1
								  : (int32_t)c->member_netns[i],
						 .member = (uint32_t)i,
						 .node = node,
						 .elsewhere = m->prefixes[j].elsewhere,
					 });
		}
	}
	return r;
}

static const struct link_info *link_of(const struct netns_scan *s, int ifindex)
{
	for (size_t i = 0; i < s->n_links; i++)
		if (s->links[i].ifindex == ifindex)
			return &s->links[i];
	return NULL;
}

/* Is member @m of a namespace what passes @link of it? */
static bool is_on(const struct dp_member *m, const struct link_info *link)
{
	return !m->ifname || (link && !strcmp(m->ifname, link->name));
}

static int found_entries(struct compiler *c, size_t ns)
{
	const struct compile_netns *n = &c->in->netns[ns];
	const struct link_info *link = NULL;
	int r = 0;

	for (size_t i = 0; i < n->scan->n_addrs; i++) {
		const struct addr_info *a = &n->scan->addrs[i];
		struct entry e = {
			.addr = dp_addr__from(a->family, a->addr),
			.len = 128,
			.found = true,
			.ifindex = a->ifindex,
			.netns = (int32_t)ns,
			.since = n->since ? n->since[i] : 0,
		};
		bool anybody = false;

		if (dp_addr__is_loopback(&e.addr))
			continue;
		/* Addresses come device by device. */
		if (!link || link->ifindex != a->ifindex)
			link = link_of(n->scan, a->ifindex);
		for (size_t k = c->netns_places.off[ns]; k < c->netns_places.off[ns + 1] && !r;
		     k++) {
			uint32_t place = c->netns_places.v[k];

			e.member = c->in->places[place].member;
			e.node = c->place_node[place];
			if (!is_on(&c->plan->members[e.member], link))
				continue;
			r = add_entry(c, e);
			anybody = true;
		}
		/* Members by their sockets have its packets pass our hooks all the same. */
		e.member = MEMBER_NONE;
		e.node = CHAOS_NODE_OTHER;
		if (!r && !anybody && c->by_socket[ns])
			r = add_entry(c, e);
		if (r)
			return r;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = memcmp(&x->addr, &y->addr, sizeof(x->addr));

	if (r)
		return r;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	if (x->found != y->found)
		return x->found ? 1 : -1;
	if (x->found && x->netns != y->netns)
		return x->netns < y->netns ? -1 : 1;
	return (x->member > y->member) - (x->member < y->member);
}

int compiler__class(struct compiler *c, uint32_t sig, uint32_t home, uint32_t node, uint32_t *ret)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t len;

	intern__get(&c->sigs, sig, &len);
	v = malloc(sizeof(*v) + len);
	if (!v)
		return no_memory(c);
	v[0] = home;
	memcpy(v + 1, intern__get(&c->sigs, sig, NULL), len);
	if (intern__put(&c->num->classes, v, sizeof(*v) + len, ret))
		return no_memory(c);
	while (*ret >= c->cap_classes) {
		size_t cap = c->cap_classes ? c->cap_classes * 2 : 64;
		struct cclass *k = realloc(c->classes, cap * sizeof(*k));

		if (!k)
			return no_memory(c);
		memset(k + c->cap_classes, 0, (cap - c->cap_classes) * sizeof(*k));
		c->classes = k;
		c->cap_classes = cap;
	}
	if (!c->classes[*ret].node)
		c->classes[*ret].node = node;
	c->classes[*ret].of_address |= !c->joining;
	return 0;
}

uint32_t compiler__class_home(const struct compiler *c, uint32_t class_id)
{
	return *(const uint32_t *)intern__get(&c->num->classes, class_id, NULL);
}

uint32_t compiler__home(const struct compiler *c, size_t netns)
{
	return c->in->netns[netns].scan->forwards ? HOME_OWN + (uint32_t)netns : HOME_SHARED;
}

const uint32_t *compiler__class_sets(const struct compiler *c, uint32_t class_id, size_t *ret_n)
{
	const uint32_t *v = intern__get(&c->num->classes, class_id, ret_n);

	*ret_n = *ret_n / sizeof(*v) - 1;
	return v + 1;
}

/* What is behind a hook makes its members, and those of the prefixes around it, be here. */
static void pop(struct compiler *c, struct walk *w)
{
	const struct frame *f = &w->stack[--w->depth];

	if (!f->here)
		return;
	for (size_t i = f->first; i < f->end; i++)
		if (c->entries[i].member != MEMBER_NONE)
			c->member_here[c->entries[i].member] = true;
	if (w->depth)
		w->stack[w->depth - 1].here = true;
}

/* Push the frame of the given entries among [first, end), inside of what contains it. */
static int push(struct compiler *c, struct walk *w, size_t first, size_t end)
{
	const struct entry *e = c->entries;
	struct frame f = {.first = first, .end = end};
	bool named = false;

	while (w->depth && !contains(&e[w->stack[w->depth - 1].first], &e[first]))
		pop(c, w);
	if (w->depth) {
		const struct frame *outer = &w->stack[w->depth - 1];

		f.sig = outer->sig;
		f.node = outer->node;
		f.home = outer->home;
	}
	for (size_t i = first; i < end && !e[i].found; i++) {
		if (compiler__sig_union(c, f.sig, c->member_sig[e[i].member], &f.sig))
			return no_memory(c);
		if (e[i].elsewhere)
			f.home = HOME_ELSEWHERE;
		else if (e[i].netns >= 0 && f.home != HOME_ELSEWHERE)
			f.home = compiler__home(c, (size_t)e[i].netns);
		/* The most specific name; of several, that of the first. */
		if (!named)
			f.node = e[i].node;
		named = true;
	}
	f.here = home__is_here(f.home);
	w->stack[w->depth++] = f;
	return 0;
}

/* The entries from @i on that are of one namespace (found), or given. */
static size_t run_end(const struct compiler *c, size_t i, size_t end)
{
	size_t j = i + 1;

	while (j < end && c->entries[j].found == c->entries[i].found &&
	       (!c->entries[i].found || c->entries[j].netns == c->entries[i].netns))
		j++;
	return j;
}

/* An address as the namespace of entries [i, j) has it. */
static int own_address(struct compiler *c, const struct frame *f, size_t i, size_t j,
		       struct chaos_ident *ret)
{
	const struct entry *e = &c->entries[i];
	uint32_t sig = f->sig;
	struct own_addr *own;

	for (size_t k = i; k < j && c->entries[k].member != MEMBER_NONE; k++)
		if (compiler__sig_union(c, sig, c->member_sig[c->entries[k].member], &sig))
			return no_memory(c);
	ret->node = e->member == MEMBER_NONE ? f->node : e->node;
	if (compiler__class(c, sig, compiler__home(c, (size_t)e->netns), ret->node, &ret->class_id))
		return -ENOMEM;
	if (grow_vec(c->own, c->n_own, c->cap_own))
		return no_memory(c);
	own = &c->own[c->n_own++];
	*own = (struct own_addr){(uint32_t)e->netns, e->ifindex, ret->class_id};
	return 0;
}

/* Where the namespace that has the address now begins in [first, end): first is not found if
 * none has. */
static size_t winner(const struct compiler *c, size_t first, size_t end)
{
	size_t best = end;

	for (size_t i = first, j; i < end; i = j) {
		j = run_end(c, i, end);
		if (c->entries[i].found &&
		    (best == end || c->entries[i].since >= c->entries[best].since))
			best = i;
	}
	return best;
}

static int exact_address(struct compiler *c, struct walk *w, size_t first, size_t end)
{
	struct frame *f = &w->stack[w->depth - 1];
	struct compiled_ident *out = &c->out->idents[c->out->n_idents];
	size_t best = winner(c, first, end);
	struct chaos_ident ident;
	int r;

	out->addr = c->entries[first].addr;
	for (size_t i = first, j; i < end; i = j) {
		j = run_end(c, i, end);
		if (!c->entries[i].found)
			continue;
		f->here = true;
		r = own_address(c, f, i, j, &ident);
		if (r)
			return r;
		if (i == best) {
			out->ident = ident;
			out->ident.node |= CHAOS_NODE_HERE;
		}
	}
	if (best == end) {
		out->ident.node = f->node;
		r = compiler__class(c, f->sig, f->home, f->node, &out->ident.class_id);
		if (r)
			return r;
	}
	c->out->n_idents++;
	return 0;
}

static int prefix(struct compiler *c, struct walk *w, size_t first)
{
	const struct frame *f = &w->stack[w->depth - 1];
	struct compiled_prefix *out = &c->out->prefixes[c->out->n_prefixes++];

	out->key.prefixlen = c->entries[first].len;
	out->key.addr = c->entries[first].addr;
	out->ident.node = f->node;
	return compiler__class(c, f->sig, f->home, f->node, &out->ident.class_id);
}

static size_t group_end(const struct compiler *c, size_t i)
{
	const struct entry *e = c->entries;
	size_t j = i + 1;

	while (j < c->n_entries && e[j].len == e[i].len &&
	       !memcmp(&e[j].addr, &e[i].addr, sizeof(e->addr)))
		j++;
	return j;
}

static int by_prefix_bytes(const void *a, const void *b)
{
	const struct compiled_prefix *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

int compiler__idents(struct compiler *c)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	uint32_t other;
	int r = w ? 0 : no_memory(c);

	/* Class 0 is nobody, on no side and behind no hook. */
	if (!r)
		r = compiler__class(c, 0, HOME_NONE, CHAOS_NODE_OTHER, &other);
	if (!r)
		r = given_entries(c);
	for (size_t i = 0; i < c->in->n_netns && !r; i++)
		r = found_entries(c, i);
	if (r)
		return r;
	if (c->n_entries > 1)
		qsort(c->entries, c->n_entries, sizeof(*c->entries), by_place);
	c->out->idents = calloc(c->n_entries + 1, sizeof(*c->out->idents));
	c->out->prefixes = calloc(c->n_entries + 1, sizeof(*c->out->prefixes));
	if (!c->out->idents || !c->out->prefixes)
		return no_memory(c);
	for (size_t i = 0, j; i < c->n_entries && !r; i = j) {
		j = group_end(c, i);
		r = push(c, w, i, j);
		if (!r)
			r = c->entries[i].len == 128 ? exact_address(c, w, i, j) : prefix(c, w, i);
	}
	while (w->depth)
		pop(c, w);
	if (c->out->n_prefixes > 1)
		qsort(c->out->prefixes, c->out->n_prefixes, sizeof(*c->out->prefixes),
		      by_prefix_bytes);
	return r;
}

/* Which side of an edge a member is on, when it is on one only. */
static void note_side(const struct compiler *c, uint32_t from, uint32_t to, uint32_t member,
		      struct conflict *k, bool *has_from, bool *has_to)
{
	bool in_from = compiler__set_has(c, from, member), in_to = compiler__set_has(c, to, member);

	if (member == MEMBER_NONE)
		return;
	if (in_from && !in_to && !*has_from) {
		*has_from = true;
		k->from_member = member;
	} else if (in_to && !in_from && !*has_to) {
		*has_to = true;
		k->to_member = member;
	}
}

int compiler__conflict(struct compiler *c, uint32_t from, uint32_t to, struct conflict *ret)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	const struct entry *e = c->entries;

	if (!w)
		return no_memory(c);
	for (size_t i = 0, j; i < c->n_entries; i = j) {
		struct conflict k = {.addr = e[i].addr, .len = e[i].len};
		bool has_from = false, has_to = false;
		size_t best;

		j = group_end(c, i);
		best = winner(c, i, j);
		while (w->depth && !contains(&e[w->stack[w->depth - 1].first], &e[i]))
			w->depth--;
		w->stack[w->depth++] = (struct frame){.first = i, .end = j};
		for (size_t d = 0; d < w->depth; d++) {
			for (size_t n = w->stack[d].first; n < w->stack[d].end; n++)
				if (!e[n].found || (best < j && e[n].netns == e[best].netns))
					note_side(c, from, to, e[n].member, &k, &has_from, &has_to);
		}
		if (has_from && has_to &&
		    c->member_node[k.from_member] != c->member_node[k.to_member]) {
			*ret = k;
			return 0;
		}
	}
	return -ENOENT;
}
