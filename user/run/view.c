// SPDX-License-Identifier: GPL-2.0-only
/* view.c: how things stand now, for the terminal and for `chaos status`. */
#include "run/internal.h"

#include <string.h>

/* A node for each place that there is now, with room for what is watched there. */
static int make_nodes(struct run *run)
{
	struct run_view *v = &run->view;
	struct view_node *nodes = calloc(run->n_places + 1, sizeof(*nodes));
	struct view_role *roles = calloc(run->n_probes + 1, sizeof(*roles));
	size_t k = 0;

	if (!nodes || !roles) {
		free(nodes);
		free(roles);
		return -ENOMEM;
	}
	for (size_t i = 0; i < run->n_places; i++) {
		nodes[i].name = run->places[i]->name;
		nodes[i].roles = roles + k;
		for (size_t j = 0; j < run->n_probes; j++)
			k += run->probes[j]->place == run->places[i];
	}
	free(v->nodes);
	free(run->view_roles);
	v->nodes = nodes;
	v->n_nodes = run->n_places;
	run->view_roles = roles;
	run->view_probes = run->n_probes;
	return 0;
}

int view__init(struct run *run)
{
	const struct experiment *e = run->e;
	struct run_view *v = &run->view;

	v->faults = calloc(e->n_faults + 1, sizeof(*v->faults));
	v->loads = calloc(e->n_workloads + 1, sizeof(*v->loads));
	if (!v->faults || !v->loads)
		return -ENOMEM;
	v->id = run->state ? state__id(run->state) : run->id;
	v->name = e->name;
	v->dir = run->dir;
	v->n_faults = e->n_faults;
	v->duration_ns = run->opts->lease ? -1 : e->duration_ns;
	return make_nodes(run);
}

void view__free(struct run *run)
{
	free(run->view.nodes);
	free(run->view.faults);
	free(run->view.loads);
	free(run->view_roles);
}

static bool has_clients(const struct run *run, const struct place *place)
{
	for (size_t i = 0; i < run->n_loads; i++)
		for (size_t j = 0; j < run->loads[i].n_places; j++)
			if (run->loads[i].place[j] == place && !place->elsewhere)
				return true;
	return false;
}

static void update_node(struct run *run, size_t i)
{
	struct view_node *n = &run->view.nodes[i];
	const struct place *p = run->places[i];
	unsigned int now = run->rate_pos, then = (now + 1) % RATE_SLOTS;
	struct probe_state st;

	n->n_roles = 0;
	for (size_t j = 0; j < run->n_probes; j++) {
		struct view_role *r;

		if (run->probes[j]->place != p || !run->probes[j]->probe)
			continue;
		probe__state(run->probes[j]->probe, &st);
		r = &n->roles[n->n_roles++];
		r->resource = run->probes[j]->watch->resource;
		memcpy(r->role, st.role, sizeof(r->role));
		r->claim = st.claim;
		r->epoch = st.epoch;
	}
	n->acks_per_s = n->fails_per_s = -1;
	if (has_clients(run, p)) {
		n->acks_per_s = (double)(p->rate.acked[now] - p->rate.acked[then]);
		n->fails_per_s = (double)(p->rate.failed[now] - p->rate.failed[then]);
	}
	n->exited = p->exited;
}

static void update_load(const struct run_load *rl, struct view_load *v)
{
	struct load_latency lat;

	load__latency(rl->load, &lat);
	*v = (struct view_load){
		.name = rl->workload->name,
		.intended_p50_ns = lat.intended_p50_ns,
		.intended_p99_ns = lat.intended_p99_ns,
		.service_p50_ns = lat.service_p50_ns,
		.service_p99_ns = lat.service_p99_ns,
	};
}

void view__update(struct run *run, int64_t now)
{
	static const struct chaos_edge_counts nothing;
	struct run_view *v = &run->view;

	v->t_ns = now;
	v->phase = run->phase;
	/* places come, and are put in order; without memory for it what is shown stays as it was */
	if ((v->n_nodes != run->n_places || run->view_probes != run->n_probes ||
	     run->view_order != run->places_order) &&
	    make_nodes(run))
		v->n_nodes = 0;
	run->view_order = run->places_order;
	for (size_t i = 0; i < v->n_nodes; i++)
		update_node(run, i);
	v->n_loads = 0;
	for (size_t i = 0; i < run->n_loads; i++)
		if (run->loads[i].load)
			update_load(&run->loads[i], &v->loads[v->n_loads++]);
	for (size_t i = 0; i < v->n_faults; i++) {
		const struct windows *w = &run->plan->windows[i];
		struct fault_state *fs = &run->faults[i];
		struct view_fault *f = &v->faults[i];

		dataplane__total(run->dp, i, &fs->total);
		f->name = run->e->faults[i].name;
		f->active = fs->active;
		f->next_start_ns = fs->next < w->n ? w->v[fs->next].start_ns : -1;
		f->end_ns = fs->next < w->n && !run->opts->lease ? w->v[fs->next].end_ns : -1;
		f->matched = fs->total.matched;
		f->dropped = fs->total.dropped;
		timeline__changes(&nothing, &fs->total, f->effects, sizeof(f->effects));
	}
}

static json_t *number_or_null(double x)
{
	return x < 0 ? json_null() : json_real(x);
}

static json_t *seconds_or_null(int64_t ns)
{
	return ns < 0 ? json_null() : json_real((double)ns / NS_PER_S);
}

static json_t *ms_or_null(int64_t ns)
{
	return ns < 0 ? json_null() : json_real((double)ns / NS_PER_MS);
}

static json_t *load_json(const struct view_load *l)
{
	return json_pack("{s:s,s:{s:o,s:o},s:{s:o,s:o}}", "workload", l->name, "intended_ms", "p50",
			 ms_or_null(l->intended_p50_ns), "p99", ms_or_null(l->intended_p99_ns),
			 "service_ms", "p50", ms_or_null(l->service_p50_ns), "p99",
			 ms_or_null(l->service_p99_ns));
}

static json_t *node_json(const struct view_node *n)
{
	json_t *roles = json_array();

	for (size_t i = 0; i < n->n_roles; i++)
		json_array_append_new(
			roles,
			json_pack("{s:s,s:s,s:b,s:o}", "resource", n->roles[i].resource, "role",
				  n->roles[i].role, "claim", n->roles[i].claim, "epoch",
				  n->roles[i].epoch < 0 ? json_null()
							: json_integer(n->roles[i].epoch)));
	return json_pack("{s:s,s:o,s:o,s:o,s:b}", "node", n->name, "roles", roles, "acks_per_s",
			 number_or_null(n->acks_per_s), "fails_per_s",
			 number_or_null(n->fails_per_s), "exited", n->exited);
}

json_t *run_view__json(const struct run_view *v)
{
	json_t *nodes = json_array(), *faults = json_array(), *loads = json_array();

	for (size_t i = 0; i < v->n_nodes; i++)
		json_array_append_new(nodes, node_json(&v->nodes[i]));
	for (size_t i = 0; i < v->n_loads; i++)
		json_array_append_new(loads, load_json(&v->loads[i]));
	for (size_t i = 0; i < v->n_faults; i++) {
		const struct view_fault *f = &v->faults[i];

		json_array_append_new(
			faults,
			json_pack("{s:s,s:b,s:o,s:o,s:I,s:I,s:s}", "name", f->name, "active",
				  f->active, "start_s", seconds_or_null(f->next_start_ns), "end_s",
				  seconds_or_null(f->end_ns), "matched", (json_int_t)f->matched,
				  "dropped", (json_int_t)f->dropped, "effects", f->effects));
	}
	return json_pack("{s:s,s:s,s:s*,s:s,s:f,s:o,s:o,s:o,s:o}", "id", v->id, "name", v->name,
			 "dir", v->dir, "phase", v->phase, "t_s", (double)v->t_ns / NS_PER_S,
			 "duration_s", seconds_or_null(v->duration_ns), "faults", faults, "nodes",
			 nodes, "workloads", loads);
}
