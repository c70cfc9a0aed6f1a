// SPDX-License-Identifier: GPL-2.0-only
/* compile_owners.c: processes and cgroups to owners, and who an owner's socket is at each address. */
#include "datapath/compile_internal.h"

#include "lib/cleanup.h"

#include <string.h>

/* One process or cgroup by way of one member. */
struct claim {
	uint64_t id; /* pid, or id of the cgroup */
	uint32_t member;
	bool heirs;
};

/* Owners and joins of one plan: at some 100 bytes of kernel memory each. */
#define JOINS_MAX (1 << 20)

static int no_memory(struct compiler *c)
{
	return err__set(c->err, -ENOMEM, "out of memory");
}

static int by_claim(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->member > y->member) - (x->member < y->member);
}

/* What tells owners apart: the name in reports, then the sets. */
static int put_owner(struct compiler *c, uint32_t sig, uint32_t node, uint32_t *ret)
{
	_cleanup_free_ uint32_t *key = NULL;
	const void *sets;
	size_t len;

	sets = intern__get(&c->sigs, sig, &len);
	key = malloc(sizeof(*key) + len);
	if (!key)
		return no_memory(c);
	key[0] = node;
	memcpy(key + 1, sets, len);
	if (intern__put(&c->num->owners, key, sizeof(*key) + len, ret))
		return no_memory(c);
	if (++*ret > CHAOS_OWNERS_MAX)
		return err__set(c->err, -EINVAL,
				"processes of more than %d different kinds are told apart; use "
				"larger groups",
				CHAOS_OWNERS_MAX);
	return 0;
}

/* The owner of what claims [v, v + n) are of; with @heirs of those alone that children inherit. */
static int owner_of(struct compiler *c, const struct claim *v, size_t n, bool heirs, uint32_t *ret)
{
	uint32_t sig = 0, node = CHAOS_NODE_OTHER;

	*ret = CHAOS_OWNER_NONE;
	for (size_t i = 0; i < n; i++) {
		if (heirs && !v[i].heirs)
			continue;
		if (compiler__sig_union(c, sig, c->member_sig[v[i].member], &sig))
			return no_memory(c);
		if (node == CHAOS_NODE_OTHER)
			node = c->member_node[v[i].member];
	}
	/* On no side of any edge: it need not be known. */
	return sig ? put_owner(c, sig, node, ret) : 0;
}

static size_t claim_end(const struct claim *v, size_t n, size_t i)
{
	size_t j = i + 1;

	while (j < n && v[j].id == v[i].id)
		j++;
	return j;
}

/* An owner of its own, which is on no side of any edge, nor among those that are on none. */
static int make_exempt(struct compiler *c)
{
	static const uint32_t key[] = {UINT32_MAX, UINT32_MAX};
	struct compiled_process *p = &c->out->processes[c->out->n_processes];
	uint32_t owner;

	if (!c->plan->exempt_pid)
		return 0;
	if (intern__put(&c->num->owners, key, sizeof(key), &owner))
		return no_memory(c);
	if (owner >= CHAOS_OWNERS_MAX)
		return err__set(c->err, -EINVAL, "too many kinds of processes");
	c->exempt_owner = owner + 1;
	*p = (struct compiled_process){.pid = c->plan->exempt_pid, .owner = owner + 1};
	c->out->n_processes++;
	return 0;
}

static int make_processes(struct compiler *c)
{
	_cleanup_free_ struct claim *v = NULL;
	size_t n = 0, k = 0;
	int r = 0;

	for (size_t i = 0; i < c->plan->n_members; i++)
		n += c->plan->members[i].n_processes;
	v = calloc(n + 1, sizeof(*v));
	c->out->processes = calloc(n + 2, sizeof(*c->out->processes));
	if (!v || !c->out->processes)
		return no_memory(c);
	for (size_t i = 0; i < c->plan->n_members; i++) {
		const struct dp_member *m = &c->plan->members[i];

		for (size_t j = 0; j < m->n_processes; j++)
			v[k++] = (struct claim){(uint64_t)m->processes[j].pid, (uint32_t)i,
						m->processes[j].heirs};
	}
	if (n > 1)
		qsort(v, n, sizeof(*v), by_claim);
	for (size_t i = 0, j; i < n && !r; i = j) {
		struct compiled_process *p = &c->out->processes[c->out->n_processes];

		j = claim_end(v, n, i);
		p->pid = (pid_t)v[i].id;
		r = owner_of(c, v + i, j - i, false, &p->owner);
		if (!r)
			r = owner_of(c, v + i, j - i, true, &p->heirs);
		c->out->n_processes += !r && p->owner != CHAOS_OWNER_NONE;
	}
	return r;
}

static int make_cgroups(struct compiler *c)
{
	_cleanup_free_ struct claim *v = NULL;
	size_t n = 0, k = 0;
	int r = 0;

	for (size_t i = 0; i < c->plan->n_members; i++)
		n += c->plan->members[i].n_cgroups;
	v = calloc(n + 1, sizeof(*v));
	c->out->cgroups = calloc(n + 1, sizeof(*c->out->cgroups));
	if (!v || !c->out->cgroups)
		return no_memory(c);
	for (size_t i = 0; i < c->plan->n_members; i++)
		for (size_t j = 0; j < c->plan->members[i].n_cgroups; j++)
			v[k++] = (struct claim){c->plan->members[i].cgroups[j], (uint32_t)i, true};
	if (n > 1)
		qsort(v, n, sizeof(*v), by_claim);
	for (size_t i = 0, j; i < n && !r; i = j) {
		struct compiled_cgroup *g = &c->out->cgroups[c->out->n_cgroups];

		j = claim_end(v, n, i);
		g->id = v[i].id;
		r = owner_of(c, v + i, j - i, false, &g->owner);
		c->out->n_cgroups += !r && g->owner != CHAOS_OWNER_NONE;
	}
	return r;
}

/* The signature and the node of owner @owner. The sets are numbered alike in every compilation. */
static int owner_sig(struct compiler *c, uint32_t owner, uint32_t *ret_sig, uint32_t *ret_node)
{
	size_t len;
	const uint32_t *key = intern__get(&c->num->owners, owner - 1, &len);

	*ret_node = key[0];
	return intern__put(&c->sigs, key + 1, len - sizeof(*key), ret_sig) ? no_memory(c) : 0;
}

static int class_sig(struct compiler *c, uint32_t class_id, uint32_t *ret)
{
	size_t n;
	const uint32_t *sets = compiler__class_sets(c, class_id, &n);

	return intern__put(&c->sigs, sets, n * sizeof(*sets), ret) ? no_memory(c) : 0;
}

/* Who @owner is at addresses of @class_id: on the sides of both; where the address is. */
static int join(struct compiler *c, uint32_t owner, uint32_t class_id, struct compiled_join *ret)
{
	uint32_t own, of_class, sig, node;
	int r;

	*ret = (struct compiled_join){
		.key = {.owner = owner, .class_id = class_id},
		.ident = {.node = CHAOS_NODE_OTHER, .class_id = CHAOS_CLASS_EXEMPT},
	};
	if (owner == c->exempt_owner)
		return 0;
	r = owner_sig(c, owner, &own, &node);
	if (!r)
		r = class_sig(c, class_id, &of_class);
	if (r)
		return r;
	if (compiler__sig_union(c, of_class, own, &sig))
		return no_memory(c);
	ret->ident.node = node;
	return compiler__class(c, sig, compiler__class_home(c, class_id), node,
			       &ret->ident.class_id);
}

static int by_join(const void *a, const void *b)
{
	const struct compiled_join *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

static int make_joins(struct compiler *c)
{
	_cleanup_free_ uint32_t *classes = calloc(c->num->classes.n + 1, sizeof(*classes));
	size_t n_owners = c->num->owners.n, n = 0;
	int r = 0;

	if (!classes)
		return no_memory(c);
	for (uint32_t i = 0; i < c->num->classes.n && i < c->cap_classes; i++)
		if (c->classes[i].of_address || i == CHAOS_CLASS_OTHER)
			classes[n++] = i;
	if (n * n_owners > JOINS_MAX)
		return err__set(
			c->err, -EINVAL,
			"%zu kinds of processes at %zu kinds of addresses are more than can be "
			"told apart; use larger groups",
			n_owners, n);
	c->joining = true;
	c->out->joins = calloc(n * n_owners + 1, sizeof(*c->out->joins));
	if (!c->out->joins)
		return no_memory(c);
	for (uint32_t o = 1; o <= n_owners && !r; o++)
		for (size_t i = 0; i < n && !r; i++)
			r = join(c, o, classes[i], &c->out->joins[c->out->n_joins++]);
	if (c->out->n_joins > 1)
		qsort(c->out->joins, c->out->n_joins, sizeof(*c->out->joins), by_join);
	return r;
}

int compiler__owners(struct compiler *c)
{
	int r;

	if (!c->plan->by_socket)
		return 0;
	r = make_processes(c);
	if (!r)
		r = make_exempt(c);
	if (!r)
		r = make_cgroups(c);
	return r ?: make_joins(c);
}
