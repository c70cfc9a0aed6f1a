// SPDX-License-Identifier: GPL-2.0-only
#include "agent/resolve.h"

#include "agent/resolve_words.h"
#include "lib/cleanup.h"

#include <string.h>

void resolution__reset(struct resolution *r)
{
	json_decref(r->members);
	json_decref(r->picked);
	*r = (struct resolution){0};
}

static void cleanup_resolution(struct resolution *r)
{
	resolution__reset(r);
}

/* A pod that a selector chooses, and its place in the order of a pick. */
struct choice {
	const struct pod *pod;
	struct pod_facts facts;
	size_t at; /* in the store */
	uint64_t rank;
};

struct choices {
	struct choice *v;
	size_t n;
};

static void cleanup_choices(struct choices *c)
{
	free(c->v);
}

struct resolver {
	const struct pods *p;
	const struct cluster_object *o;
	const char *node;
	const json_t *picked; /* NULL: at the start */
	bool *chosen;	      /* pods of p: counted already */
	struct resolution ret;
	struct error *err;
};

static int no_memory(const struct resolver *r)
{
	return err__set(r->err, -ENOMEM, "out of memory");
}

/* --- which ---------------------------------------------------------------------------------------------- */

static bool is_excluded(const struct pods *p, const struct pod *pod,
			const struct target_selector *t)
{
	for (size_t i = 0; i < t->n_excludes; i++)
		if (pod__matches(p, pod, &t->excludes[i]))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;
	int c = strcmp(x->facts.ns, y->facts.ns);

	return c ? c : strcmp(x->facts.name, y->facts.name);
}

/* The seed decides; who has the same rank, the name. */
static int by_rank(const void *a, const void *b)
{
	const struct choice *x = a, *y = b;

	return x->rank != y->rank ? (x->rank > y->rank) - (x->rank < y->rank) : by_name(a, b);
}

static bool is_allowed(const struct resolver *r, const struct pod_facts *f)
{
	return !f->host_network || r->o->e->allow_host;
}

/*
 * All that live and match, in the order of their names. @ret_host: one of those that are left out because they are in
 * a node's own network, or NULL.
 */
static int find(const struct resolver *r, const struct target_selector *t, struct choices *ret,
		const struct pod **ret_host)
{
	const struct pod *pod;

	*ret_host = NULL;
	ret->n = 0;
	ret->v = calloc(pods__count(r->p) + 1, sizeof(*ret->v));
	if (!ret->v)
		return no_memory(r);
	for (size_t i = 0; (pod = pods__at(r->p, i)) != NULL; i++) {
		struct pod_facts f;

		if (!pod__lives(pod) || !pod__matches(r->p, pod, t) || is_excluded(r->p, pod, t))
			continue;
		f = pod__facts(r->p, pod);
		if (is_allowed(r, &f))
			ret->v[ret->n++] = (struct choice){.pod = pod, .facts = f, .at = i};
		else
			*ret_host = pod;
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return 0;
}

/* All pods of the cluster that could be, and those of several namespaces: nobody means that by accident. */
static bool is_everything(const struct resolver *r, const struct choices *c)
{
	const struct pod *pod;
	size_t n = 0;

	if (!c->n || !strcmp(c->v[0].facts.ns, c->v[c->n - 1].facts.ns))
		return false;
	for (size_t i = 0; (pod = pods__at(r->p, i)) != NULL; i++) {
		struct pod_facts f = pod__facts(r->p, pod);

		n += pod__lives(pod) && is_allowed(r, &f);
	}
	return n == c->n;
}

static int check_start(const struct resolver *r, const struct endpoint *ep,
		       const struct selector *s, const struct choices *c, const struct pod *host)
{
	if (host) {
		struct pod_facts f = pod__facts(r->p, host);

		return err__set(
			r->err, -EINVAL,
			"%s: pod `%s/%s` is in its node's own network (hostNetwork): a fault "
			"on it would meet the node",
			resolve__path(ep, s), f.ns, f.name);
	}
	if (!c->n)
		return resolve__nothing(r->p, ep, s, r->err);
	if (s->target->pick.mode == PICK_ALL && !r->o->e->max_endpoints && is_everything(r, c))
		return err__set(
			r->err, -EINVAL,
			"%s: a selector that matches everything: all %zu pods of the cluster; "
			"if that is meant, say so by %s",
			resolve__path(ep, s), c->n,
			r->o->type == OBJECT_EXPERIMENT ? "spec.maxEndpoints"
							: "annotation netchaos.dev/max-endpoints");
	return 0;
}

/* --- how many ------------------------------------------------------------------------------------------- */

/* Keep those that the seed picks, of those that are not about to end. */
static int pick_now(const struct resolver *r, const struct endpoint *ep, const struct selector *s,
		    const char *key, struct choices *c)
{
	uint64_t seed = r->o->e->seed;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (!c->v[i].facts.deleting)
			c->v[n++] = c->v[i];
	c->n = n;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *name = NULL;

		if (asprintf(&name, "%s/%s", c->v[i].facts.ns, c->v[i].facts.name) < 0) {
			name = NULL;
			return no_memory(r);
		}
		c->v[i].rank = target_pick__rank(seed, key, name);
	}
	if (!n)
		return err__set(r->err, -ENOENT, "%s: all pods that match are about to end",
				resolve__path(ep, s));
	qsort(c->v, n, sizeof(*c->v), by_rank);
	c->n = target_pick__count(&s->target->pick, n, seed, key);
	qsort(c->v, c->n, sizeof(*c->v), by_name);
	return 0;
}

static int note_picked(struct resolver *r, const char *key, const struct choices *c)
{
	json_t *list = json_array();
	int bad = list ? 0 : -1;

	for (size_t i = 0; i < c->n && !bad; i++)
		bad = json_array_append_new(
			list, json_sprintf("%s/%s", c->v[i].facts.ns, c->v[i].facts.name));
	if (bad)
		json_decref(list);
	return bad || json_object_set_new(r->ret.picked, key, list) ? no_memory(r) : 0;
}

static bool is_listed(const json_t *list, const struct pod_facts *f)
{
	size_t i, len = strlen(f->ns);
	const json_t *item;

	json_array_foreach(list, i, item) {
		const char *s = json_string_value(item);

		if (s && !strncmp(s, f->ns, len) && s[len] == '/' && !strcmp(s + len + 1, f->name))
			return true;
	}
	return false;
}

/*
 * Of those that were picked, who live. One that took a place by its name may lack what the selector asks for, as a
 * label that was changed to take it out of service: it stays what it is, a member of this run.
 */
static int take_picked(struct resolver *r, const char *key, struct choices *c)
{
	json_t *list = json_object_get(r->picked, key);
	const struct pod *pod;

	c->n = 0;
	for (size_t i = 0; json_is_array(list) && (pod = pods__at(r->p, i)) != NULL; i++) {
		struct pod_facts f = pod__facts(r->p, pod);

		if (pod__lives(pod) && is_allowed(r, &f) && is_listed(list, &f))
			c->v[c->n++] = (struct choice){.pod = pod, .facts = f, .at = i};
	}
	qsort(c->v, c->n, sizeof(*c->v), by_name);
	if (!json_is_array(list))
		return json_object_set_new(r->ret.picked, key, json_array()) ? no_memory(r) : 0;
	return json_object_set(r->ret.picked, key, list) ? no_memory(r) : 0;
}

static int pick(struct resolver *r, const struct endpoint *ep, size_t index, struct choices *c)
{
	const struct selector *s = &ep->selectors[index];
	_cleanup_free_ char *key = NULL;
	int e;

	if (s->target->pick.mode == PICK_ALL)
		return 0;
	if (asprintf(&key, "%s/%zu", ep->name, index) < 0) {
		key = NULL;
		return no_memory(r);
	}
	if (r->picked)
		return take_picked(r, key, c);
	e = pick_now(r, ep, s, key, c);
	return e ? e : note_picked(r, key, c);
}

/* --- members -------------------------------------------------------------------------------------------- */

static json_t *ips_of(const struct pod *pod, size_t n)
{
	json_t *list = json_array();
	char buf[46];

	for (size_t i = 0; list && i < n; i++)
		if (json_array_append_new(list, json_string(pod__ip(pod, i, buf)))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *member(const struct resolver *r, const struct endpoint *ep, const struct choice *c)
{
	const struct pod_facts *f = &c->facts;
	_cleanup_free_ char *place = resolve__place(ep, f->ns, f->name);
	bool here = !strcmp(f->node, r->node);
	json_t *ips = ips_of(c->pod, f->n_ips), *m;

	if (!place || !ips) {
		json_decref(ips);
		return NULL;
	}
	m = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b}", "place", place, "namespace", f->ns,
		      "name", f->name, "uid", f->uid, "node", f->node, "ips", ips, "here", here);
	if (m && f->host_network && json_object_set_new(m, "hostNetwork", json_true())) {
		json_decref(m);
		return NULL;
	}
	return m;
}

static void count(struct resolver *r, const struct choices *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct choice *x = &c->v[i];

		r->ret.n_all += !r->chosen[x->at];
		r->ret.n_here += !r->chosen[x->at] && !strcmp(x->facts.node, r->node);
		r->chosen[x->at] = true;
	}
}

static int add_members(struct resolver *r, const struct endpoint *ep, size_t index,
		       const struct choices *c)
{
	json_t *list = json_array(), *entry;
	int bad = list ? 0 : -1;

	for (size_t i = 0; i < c->n && !bad; i++)
		bad = json_array_append_new(list, member(r, ep, &c->v[i]));
	if (bad) {
		json_decref(list);
		return no_memory(r);
	}
	entry = json_pack("{s:s, s:I, s:o}", "endpoint", ep->name, "selector", (json_int_t)index,
			  "pods", list);
	if (!entry || json_array_append_new(json_object_get(r->ret.members, "endpoints"), entry))
		return no_memory(r);
	count(r, c);
	return 0;
}

static int resolve_selector(struct resolver *r, const struct endpoint *ep, size_t index)
{
	_cleanup_(cleanup_choices) struct choices c = {0};
	const struct selector *s = &ep->selectors[index];
	const struct pod *host;
	int e = find(r, s->target, &c, &host);

	if (!e && !r->picked)
		e = check_start(r, ep, s, &c, host);
	return e ?: pick(r, ep, index, &c) ?: add_members(r, ep, index, &c);
}

static int resolve_all(struct resolver *r)
{
	const struct experiment *e = r->o->e;

	for (size_t i = 0; i < e->n_endpoints; i++)
		for (size_t k = 0; k < e->endpoints[i].n_selectors; k++) {
			int err = e->endpoints[i].selectors[k].kind == SELECTOR_PODS
					  ? resolve_selector(r, &e->endpoints[i], k)
					  : 0;

			if (err)
				return err;
		}
	if (!e->max_endpoints || r->ret.n_all <= e->max_endpoints)
		return 0;
	return err__set(r->err, -EINVAL,
			"spec.maxEndpoints: the selectors choose %zu pods, %u are allowed",
			r->ret.n_all, e->max_endpoints);
}

int resolve__pods(const struct pods *p, const struct cluster_object *o, const char *node,
		  const json_t *picked, struct resolution *ret, struct error *err)
{
	_cleanup_free_ bool *chosen = calloc(pods__count(p) + 1, sizeof(*chosen));
	_cleanup_(cleanup_resolution) struct resolution made = {
		.members = json_pack("{s:s, s:[]}", "node", node, "endpoints"),
		.picked = json_object(),
	};
	struct resolver r = {p, o, node, picked, chosen, made, err};
	int e;

	if (!chosen || !made.members || !made.picked)
		return err__set(err, -ENOMEM, "out of memory");
	e = resolve_all(&r);
	if (e)
		return e;
	*ret = r.ret;
	made = (struct resolution){0};
	return 0;
}
