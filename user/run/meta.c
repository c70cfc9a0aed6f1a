// SPDX-License-Identifier: GPL-2.0-only
/* meta.c: the "run" event, from which a report can be made without the experiment. */
#include "run/internal.h"

#include <string.h>
#include <sys/utsname.h>

static json_t *names(char *const *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(v[i]));
	return a;
}

static json_t *fault_windows(const struct windows *w)
{
	json_t *a = json_array();

	for (size_t i = 0; i < w->n; i++)
		json_array_append_new(a, json_pack("[I,I]", (json_int_t)w->v[i].start_ns,
						   (json_int_t)w->v[i].end_ns));
	return a;
}

static json_t *fault_edges(const struct experiment *e, const struct edges *edges)
{
	json_t *a = json_array();

	for (size_t i = 0; i < edges->n; i++)
		json_array_append_new(a, json_pack("[s,s]", plan__edge_name(e, edges->v[i].from),
						   plan__edge_name(e, edges->v[i].to)));
	return a;
}

static json_t *fault_sides(const struct experiment *e, size_t fault)
{
	_cleanup_free_ int *side = calloc(e->n_endpoints + 1, sizeof(*side));
	json_t *a = json_array(), *one;
	int n = side ? schedule__sides(e, fault, side) : 0;

	for (int s = 0; s < n; s++) {
		one = json_array();
		for (size_t i = 0; i < e->n_endpoints; i++)
			if (side[i] == s)
				json_array_append_new(one, json_string(e->endpoints[i].name));
		json_array_append_new(a, one);
	}
	return a;
}

static json_t *faults(const struct run *run)
{
	const struct experiment *e = run->e;
	json_t *a = json_array();

	for (size_t i = 0; i < e->n_faults; i++) {
		char mechanism[128] = "none";

		json_t *parts = json_array();

		if (run->dp)
			dataplane__fault_mechanism(run->dp, i, mechanism, sizeof(mechanism));
		for (unsigned int bit = 0; fault__part_name(bit); bit++)
			if (e->faults[i].parts & (1U << bit))
				json_array_append_new(parts, json_string(fault__part_name(bit)));
		json_array_append_new(a, json_pack("{s:s,s:o,s:o,s:o,s:o,s:s}", "name",
						   e->faults[i].name, "parts", parts, "windows",
						   fault_windows(&run->plan->windows[i]), "edges",
						   fault_edges(e, &run->plan->edges[i]), "sides",
						   fault_sides(e, i), "mechanism", mechanism));
	}
	return a;
}

static json_t *resources(const struct experiment *e)
{
	json_t *a = json_array();

	for (size_t i = 0; i < e->n_roles; i++)
		json_array_append_new(
			a, json_pack("{s:s,s:s,s:o,s:I}", "resource", e->roles[i].resource,
				     "system", e->roles[i].system, "nodes",
				     names(e->roles[i].endpoints, e->roles[i].n_endpoints),
				     "every_ns", (json_int_t)e->roles[i].every_ns));
	return a;
}

static json_t *retry(const struct retry *t)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:i,s:f}", "policy", retry_policies[t->policy],
			 "delay_ns", (json_int_t)t->delay_ns, "base_ns", (json_int_t)t->base_ns,
			 "cap_ns", (json_int_t)t->cap_ns, "attempts", (int)t->attempts, "budget",
			 t->budget);
}

static json_t *workload(const struct workload *w)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:o,s:i,s:s,s:f,s:I,s:o,s:s,s:s?}", "name", w->name,
			      "system", w->system, "check", w->check, "nodes",
			      names(w->endpoints, w->n_endpoints), "clients", (int)w->clients,
			      "mode", w->mode == LOAD_CLOSED ? "closed" : "open", "reads", w->reads,
			      "timeout_ns", (json_int_t)w->timeout_ns, "retry", retry(&w->retry),
			      "connections", w->connect_anew ? "new" : "keep", "target", w->target);

	if (w->mode == LOAD_CLOSED) {
		json_object_set_new(o, "think_ns", json_integer(w->think_ns));
		return o;
	}
	json_object_set_new(o, "rate_per_s", json_real(w->rate_per_s));
	json_object_set_new(o, "arrival", json_string(w->poisson ? "poisson" : "even"));
	return o;
}

static json_t *workloads(const struct experiment *e)
{
	json_t *a = json_array();

	for (size_t i = 0; i < e->n_workloads; i++)
		json_array_append_new(a, workload(&e->workloads[i]));
	return a;
}

json_t *meta__run_event(const struct run *run)
{
	const struct experiment *e = run->e;
	json_t *o = json_object(), *nodes = json_array(), *expect = json_array();
	json_t *exempt = json_array();
	const char *hold = run->dp ? dataplane__hold_mechanism(run->dp) : NULL;
	char mechanism[64], kernel[256];
	struct utsname u = {0};

	uname(&u);
	snprintf(kernel, sizeof(kernel), "%.100s %.100s", u.release, u.machine);
	snprintf(mechanism, sizeof(mechanism), "%s%s%s",
		 run->dp ? dataplane__mechanism(run->dp) : "none", hold ? ", " : "",
		 hold ? hold : "");
	for (size_t i = 0; i < e->n_endpoints; i++)
		json_array_append_new(nodes, json_string(e->endpoints[i].name));
	for (size_t i = 0; i < e->n_expect; i++)
		json_array_append_new(expect, json_string(e->expect[i].text));
	/* An address that several protocols are exempt at is told once; they stand together. */
	for (size_t i = 0; run->plan && i < run->plan->dp.n_exempts; i++) {
		const struct dp_exempt *x = &run->plan->dp.exempts[i];

		if (!i || strcmp(x->what, x[-1].what) != 0)
			json_array_append_new(exempt, json_string(x->what));
	}

	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "name", json_string(e->name));
	json_object_set_new(o, "description",
			    e->description ? json_string(e->description) : json_null());
	json_object_set_new(o, "run_id", json_string(run->id));
	json_object_set_new(o, "seed", json_integer((json_int_t)e->seed));
	json_object_set_new(o, "kernel", json_string(kernel));
	json_object_set_new(o, "tool", json_string("chaos " CHAOS_VERSION));
	json_object_set_new(o, "duration_ns", json_integer(e->duration_ns));
	json_object_set_new(o, "start_monotonic_ns", json_integer(run->t0_ns));
	json_object_set_new(o, "start_realtime_ns",
			    json_integer(run->start_realtime_ns
						 ?: clock__realtime() - clock__now() + run->t0_ns));
	json_object_set_new(o, "places", run->places ? run_places__json(run) : json_array());
	if (run->opts->node)
		json_object_set_new(o, "node", json_string(run->opts->node));
	if (run->joined_ns)
		json_object_set_new(o, "joined_ns", json_integer(run->joined_ns));
	json_object_set_new(o, "traffic_bin_ns", json_integer(e->traffic_bin_ns));
	json_object_set_new(o, "mechanism", json_string(mechanism));
	json_object_set_new(o, "nodes", nodes);
	json_object_set_new(o, "faults", run->plan ? faults(run) : json_array());
	json_object_set_new(o, "resources", resources(e));
	json_object_set_new(o, "workloads", workloads(e));
	json_object_set_new(o, "expect", expect);
	json_object_set_new(o, "exempt", exempt);
	return o;
}
