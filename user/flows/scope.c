// SPDX-License-Identifier: GPL-2.0-only
/*
 * scope.c: what runs publish of themselves (run/publish.c), read back: whom each fault is about, what
 * it does now. The files are another process's; what makes no sense in them is left out.
 */
#include "flows/internal.h"

#include "lib/clock.h"

#include <arpa/inet.h>
#include <string.h>

const char *const flow_hits[FLOW_HITS] = {"dropped",	"delayed",   "reordered",
					  "duplicated", "corrupted", "shaped",
					  "reset",	"rejected",  "marked"};

static char *copy(const json_t *j)
{
	const char *s = json_string_value(j);

	return s ? strdup(s) : NULL;
}

/* ---- what is freed ---- */

static void side__reset(struct scope_side *s)
{
	free(s->members);
	free(s->ports);
}

static void fault__reset(struct scope_fault *f)
{
	for (size_t i = 0; i < f->n_edges; i++) {
		side__reset(&f->edges[i].from);
		side__reset(&f->edges[i].to);
	}
	free(f->edges);
	free(f->sports);
	free(f->dports);
	free(f->ports);
	free(f->name);
	free(f->does);
}

static void forget_scope(struct scope_run *r)
{
	for (size_t i = 0; i < r->n_members; i++) {
		free(r->members[i].name);
		free(r->members[i].device);
		free(r->members[i].prefixes);
		free(r->members[i].netns);
		free(r->members[i].processes);
	}
	for (size_t i = 0; i < r->n_faults; i++)
		fault__reset(&r->faults[i]);
	free(r->members);
	free(r->faults);
	free(r->exempts);
	r->members = NULL;
	r->faults = NULL;
	r->exempts = NULL;
	r->n_members = r->n_faults = r->n_exempts = 0;
	r->known = false;
	r->at_ns = 0;
	scope_cache__free(r->cache);
	r->cache = NULL;
}

static void run__reset(struct scope_run *r)
{
	forget_scope(r);
	free(r->id);
	free(r->phase);
}

void scopes__reset(struct scopes *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		run__reset(&s->runs[i]);
	free(s->runs);
	*s = (struct scopes){0};
}

/* ---- rounds ---- */

void scopes__begin(struct scopes *s)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		s->runs[i].seen = false;
		scope_cache__free(s->runs[i].cache);
		s->runs[i].cache = NULL;
	}
}

struct scope_run *scopes__run(struct scopes *s, const char *id)
{
	struct scope_run *v;

	for (size_t i = 0; i < s->n_runs; i++)
		if (!strcmp(s->runs[i].id, id)) {
			s->runs[i].seen = true;
			return &s->runs[i];
		}
	v = reallocarray(s->runs, s->n_runs + 1, sizeof(*v));
	if (!v)
		return NULL;
	s->runs = v;
	v += s->n_runs;
	*v = (struct scope_run){.id = strdup(id), .seen = true};
	if (!v->id)
		return NULL;
	s->n_runs++;
	return v;
}

void scopes__end(struct scopes *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_runs; i++) {
		if (s->runs[i].seen)
			s->runs[n++] = s->runs[i];
		else
			run__reset(&s->runs[i]);
	}
	s->n_runs = n;
}

/* ---- scope.json ---- */

static int read_ranges(const json_t *a, struct chaos_port_range **ret, size_t *ret_n)
{
	struct chaos_port_range *v = calloc(json_array_size(a) + 1, sizeof(*v));
	const json_t *j;
	size_t i;

	if (!v)
		return -ENOMEM;
	*ret = v;
	json_array_foreach((json_t *)a, i, j) {
		json_int_t lo = json_integer_value(json_array_get(j, 0));
		json_int_t hi = json_integer_value(json_array_get(j, 1));

		if (lo < 0 || hi > UINT16_MAX || lo > hi)
			return -EINVAL;
		v[(*ret_n)++] = (struct chaos_port_range){(uint16_t)lo, (uint16_t)hi};
	}
	return 0;
}

static int read_addr(const json_t *j, struct chaos_addr *ret)
{
	const char *s = json_string_value(json_object_get(j, "address"));

	return s && inet_pton(AF_INET6, s, ret) == 1 ? 0 : -EINVAL;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int read_numbers(const json_t *j, uint64_t **ret, size_t *ret_n)
{
	uint64_t *v = calloc(json_array_size(j) + 1, sizeof(*v));
	const json_t *number;
	size_t i;

	if (!v)
		return -ENOMEM;
	json_array_foreach((json_t *)j, i, number) {
		v[i] = (uint64_t)json_integer_value(number);
	}
	qsort(v, json_array_size(j), sizeof(*v), by_number);
	*ret = v;
	*ret_n = json_array_size(j);
	return 0;
}

static int read_member(const json_t *j, struct scope_member *m)
{
	const json_t *prefixes = json_object_get(j, "prefixes"), *p;
	size_t i;

	m->name = copy(json_object_get(j, "name"));
	m->device = copy(json_object_get(j, "device"));
	if (read_numbers(json_object_get(j, "netns"), &m->netns, &m->n_netns) ||
	    read_numbers(json_object_get(j, "processes"), &m->processes, &m->n_processes))
		return -ENOMEM;
	m->prefixes = calloc(json_array_size(prefixes) + 1, sizeof(*m->prefixes));
	if (!m->prefixes)
		return -ENOMEM;
	json_array_foreach((json_t *)prefixes, i, p) {
		struct chaos_prefix *v = &m->prefixes[m->n_prefixes];
		json_int_t len = json_integer_value(json_object_get(p, "length"));

		if (len < 0 || len > 128 || read_addr(p, &v->addr))
			return -EINVAL;
		v->prefixlen = (uint32_t)len;
		m->n_prefixes++;
	}
	return 0;
}

static int read_side(const struct scope_run *r, const json_t *j, struct scope_side *s)
{
	const json_t *members = json_object_get(j, "members"), *m;
	size_t i;

	s->any = !json_is_object(j);
	if (s->any)
		return 0;
	s->members = calloc(scope_run__words(r), sizeof(*s->members));
	if (!s->members)
		return -ENOMEM;
	json_array_foreach((json_t *)members, i, m) {
		json_int_t k = json_integer_value(m);

		if (k < 0 || (size_t)k >= r->n_members)
			return -EINVAL;
		s->members[k / 64] |= 1ULL << k % 64;
	}
	return read_ranges(json_object_get(j, "ports"), &s->ports, &s->n_ports);
}

static int read_fault(const struct scope_run *r, const json_t *j, struct scope_fault *f)
{
	const json_t *edges = json_object_get(j, "edges"), *e;
	int bad;
	size_t i;

	f->name = copy(json_object_get(j, "name"));
	f->does = copy(json_object_get(j, "does"));
	f->proto = (uint8_t)json_integer_value(json_object_get(j, "proto"));
	f->edges = calloc(json_array_size(edges) + 1, sizeof(*f->edges));
	if (!f->edges)
		return -ENOMEM;
	for (i = 0; i < FLOW_HITS; i++)
		f->per_s[i] = -1;
	bad = read_ranges(json_object_get(j, "sports"), &f->sports, &f->n_sports);
	if (!bad)
		bad = read_ranges(json_object_get(j, "dports"), &f->dports, &f->n_dports);
	if (!bad)
		bad = read_ranges(json_object_get(j, "ports"), &f->ports, &f->n_ports);
	json_array_foreach((json_t *)edges, i, e) {
		if (!bad)
			bad = read_side(r, json_object_get(e, "from"), &f->edges[f->n_edges].from);
		if (!bad)
			bad = read_side(r, json_object_get(e, "to"), &f->edges[f->n_edges].to);
		f->n_edges++;
	}
	return bad ?: f->name ? 0 : -EINVAL;
}

static int read_exempt(const json_t *j, struct scope_exempt *x)
{
	json_int_t port = json_integer_value(json_object_get(j, "port"));

	x->port = (uint16_t)port;
	x->proto = (uint8_t)json_integer_value(json_object_get(j, "proto"));
	return port < 0 || port > UINT16_MAX ? -EINVAL : read_addr(j, &x->addr);
}

int scope_run__scope(struct scope_run *r, const json_t *scope)
{
	json_t *members = json_object_get(scope, "members"), *j;
	json_t *faults = json_object_get(scope, "faults");
	json_t *exempts = json_object_get(scope, "exempts");
	int bad = json_is_array(members) && json_is_array(faults) ? 0 : -EINVAL;
	size_t i;

	forget_scope(r);
	if (bad)
		return bad;
	r->members = calloc(json_array_size(members) + 1, sizeof(*r->members));
	r->faults = calloc(json_array_size(faults) + 1, sizeof(*r->faults));
	r->exempts = calloc(json_array_size(exempts) + 1, sizeof(*r->exempts));
	if (!r->members || !r->faults || !r->exempts)
		bad = -ENOMEM;
	json_array_foreach(members, i, j)
		bad = bad ?: read_member(j, &r->members[r->n_members++]);
	json_array_foreach(faults, i, j)
		bad = bad ?: read_fault(r, j, &r->faults[r->n_faults++]);
	json_array_foreach(exempts, i, j)
		bad = bad ?: read_exempt(j, &r->exempts[r->n_exempts++]);
	if (bad)
		forget_scope(r);
	r->known = !bad;
	return bad;
}

/* ---- live.json ---- */

static void read_hits(struct scope_fault *f, const json_t *hits, double seconds)
{
	for (size_t i = 0; i < FLOW_HITS; i++) {
		json_int_t n = json_integer_value(json_object_get(hits, flow_hits[i]));
		uint64_t now = n < 0 ? 0 : (uint64_t)n;

		if (seconds > 0)
			f->per_s[i] = now > f->hits[i] ? (double)(now - f->hits[i]) / seconds : 0;
		f->hits[i] = now;
	}
}

void scope_run__live(struct scope_run *r, const json_t *live)
{
	json_int_t at = json_integer_value(json_object_get(live, "at_ns"));
	const json_t *faults = json_object_get(live, "faults"), *j;
	double seconds = r->at_ns ? (double)(at - r->at_ns) / NS_PER_S : -1;
	size_t i;

	/* The same file again: what its counts said of the last second still stands. */
	if (at <= r->at_ns)
		return;
	free(r->phase);
	r->phase = copy(json_object_get(live, "phase"));
	r->t_s = json_number_value(json_object_get(live, "t_s"));
	r->at_ns = at;
	json_array_foreach((json_t *)faults, i, j) {
		struct scope_fault *f = i < r->n_faults ? &r->faults[i] : NULL;
		const char *name = json_string_value(json_object_get(j, "name"));

		if (!f || !name || strcmp(f->name, name) != 0)
			continue;
		f->active = json_is_true(json_object_get(j, "active"));
		f->until_ns = json_integer_value(json_object_get(j, "until_ns"));
		read_hits(f, json_object_get(j, "hits"), seconds);
	}
}

bool scope_fault__active(const struct scope_fault *f, int64_t now_ns)
{
	return f->active && now_ns < f->until_ns;
}
