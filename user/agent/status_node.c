// SPDX-License-Identifier: GPL-2.0-only
/* status_node.c: what this node says of its part: status.nodes[NODE]. */
#include "agent/status.h"

#include "agent/collect.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <math.h>
#include <string.h>

const char *const node_phases[] = {
	[NODE_WAITING] = "Waiting", [NODE_ARMED] = "Armed", [NODE_RUNNING] = "Running",
	[NODE_PAUSED] = "Paused",   [NODE_DONE] = "Done",   [NODE_FAILED] = "Failed",
	[NODE_REFUSED] = "Refused",
};

#define ATTACH_NS (5LL * NS_PER_S)

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

/* Run time in seconds to an instant. False: @t is none, or no time that a run has. */
static bool instant_at(int64_t start_ns, const json_t *t, char *buf, size_t size)
{
	double s = json_number_value(t);

	if (!json_is_number(t) || !(fabs(s) < 1e9))
		return false;
	instant__format(start_ns + (int64_t)(s * (double)NS_PER_S), buf, size);
	return true;
}

/* An edge of a fault, where @place is one of its ends. */
static bool touches(const json_t *edge, const char *place)
{
	const char *from = text(edge, "from"), *to = text(edge, "to");

	return (from && !strcmp(from, place)) || (to && !strcmp(to, place));
}

/* Add the counters of @edge to @hits. */
static void add_hits(json_t *hits, const json_t *edge)
{
	const json_t *v;
	const char *key;

	json_object_foreach((json_t *)edge, key, v) {
		if (json_is_integer(v) && json_integer_value(v) > 0)
			json_object_set_new(
				hits, key,
				json_integer(json_integer_value(v) +
					     json_integer_value(json_object_get(hits, key))));
	}
}

struct pod_effect {
	json_t *hits;
	const json_t *first, *cleared; /* run times in seconds; NULL: none */
	bool active;
	const char *mechanism;
};

static void take_first(struct pod_effect *x, const json_t *at)
{
	if (json_is_number(at) &&
	    (!x->first || json_number_value(at) < json_number_value(x->first)))
		x->first = at;
}

/* What one fault did to the pod at @place. */
static void take_fault(struct pod_effect *x, const json_t *fault, const char *place)
{
	const json_t *cleared = json_object_get(fault, "cleared_at_s"), *edge;
	const char *how = text(fault, "mechanism");
	bool touched = false;
	size_t i;

	json_array_foreach(json_object_get(fault, "edges"), i, edge) {
		if (!touches(edge, place))
			continue;
		touched = true;
		add_hits(x->hits, edge);
		take_first(x, json_object_get(edge, "first_hit_at_s"));
	}
	if (json_is_true(json_object_get(fault, "active"))) {
		x->active = true;
		x->mechanism = how ? how : x->mechanism;
	}
	if (!touched)
		return;
	if (json_is_number(cleared) &&
	    (!x->cleared || json_number_value(cleared) > json_number_value(x->cleared)))
		x->cleared = cleared;
}

static bool attached(const json_t *live, const char *place)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(live, "places"), i, p) {
		const char *is = text(p, "place");

		if (is && !strcmp(is, place))
			return json_is_true(json_object_get(p, "attached"));
	}
	return false;
}

static const char *pod_phase(const struct node_facts *f, const struct pod_effect *x,
			     const char *place)
{
	bool hit = json_object_size(x->hits) > 0, on = attached(f->live, place);

	if (f->ended || f->phase == NODE_PAUSED || f->phase == NODE_DONE || f->phase == NODE_FAILED)
		return on || hit ? "Recovered" : "NotInjected";
	if (f->phase == NODE_WAITING || f->phase == NODE_REFUSED || !on)
		return "Waiting";
	if (x->active)
		return f->phase == NODE_ARMED ? "Armed" : "Injected";
	return x->cleared || hit ? "Recovered" : "Armed";
}

static json_t *pod_json(const struct node_facts *f, const char *place)
{
	struct pod_effect x = {.hits = json_object()};
	json_t *o = json_object();
	const json_t *fault;
	char at[40];
	size_t i;

	json_array_foreach(json_object_get(f->live, "faults"), i, fault)
		take_fault(&x, fault, place);
	json_object_set_new(o, "place", json_string(place));
	json_object_set_new(o, "phase", json_string(pod_phase(f, &x, place)));
	if (x.mechanism)
		json_object_set_new(o, "mechanism", json_string(x.mechanism));
	if (x.first && instant_at(f->start_at_ns, x.first, at, sizeof(at)))
		json_object_set_new(o, "firstHitAt", json_string(at));
	if (x.cleared && !x.active && instant_at(f->start_at_ns, x.cleared, at, sizeof(at)))
		json_object_set_new(o, "clearedAt", json_string(at));
	json_object_set_new(o, "hits", x.hits);
	return o;
}

/* The pods of this node, by "ns/name". */
static json_t *pods_json(const struct node_facts *f)
{
	const json_t *endpoint, *pod;
	json_t *o = json_object();
	size_t i, k;

	json_array_foreach(json_object_get(f->members, "endpoints"), i, endpoint)
		json_array_foreach(json_object_get(endpoint, "pods"), k, pod) {
			const char *ns = text(pod, "namespace"), *name = text(pod, "name"),
				   *place = text(pod, "place");
			char key[512];

			if (!ns || !name || !place || !json_is_true(json_object_get(pod, "here")))
				continue;
			snprintf(key, sizeof(key), "%s/%s", ns, name);
			json_object_set_new(o, key, pod_json(f, place));
		}
	return o;
}

/* Milliseconds, to the microsecond: what is finer only makes patches. */
static json_t *ms(int64_t ns)
{
	int64_t us = ns / 1000;

	return json_real((double)us / 1000.0);
}

/* A fault is on, and this pod has been without it for longer than attaching takes; or it was so to the end. */
static bool is_left_out(const struct node_facts *f, const json_t *pod)
{
	const char *phase = text(pod, "phase");
	const json_t *fault;
	size_t i;

	if (!phase || f->now_ns < f->start_at_ns + ATTACH_NS)
		return false;
	if (f->ended)
		return !strcmp(phase, "NotInjected");
	if (f->phase != NODE_RUNNING || strcmp(phase, "Waiting") != 0)
		return false;
	json_array_foreach(json_object_get(f->live, "faults"), i, fault)
		if (json_is_true(json_object_get(fault, "active")))
			return true;
	return false;
}

/* What is to be told: the agent's words, else the child's last warning, else that a pod is left out. */
static json_t *message(const struct node_facts *f, const json_t *pods)
{
	const json_t *warnings = json_object_get(f->live, "warnings"), *pod;
	size_t n = json_array_size(warnings);
	const char *last = n ? json_string_value(json_array_get(warnings, n - 1)) : NULL, *name;

	if (f->message && f->message[0])
		return collect__words(1024, "", f->message); /* a server's words may be cut */
	if (last && f->phase != NODE_PAUSED)
		return json_sprintf("%.500s", last) ?: json_string("warnings are in its chaos.log");
	json_object_foreach((json_t *)pods, name, pod)
		if (is_left_out(f, pod))
			return json_sprintf(
				"nothing is attached to pod %s: it was not found on this node, "
				"or no fault concerns it",
				name);
	return NULL;
}

json_t *status__node(const struct node_facts *f)
{
	const char *how = text(f->live, "mechanism");
	json_t *o = json_object(), *pods = pods_json(f), *words;

	if (!o || !pods) {
		json_decref(o);
		json_decref(pods);
		return NULL;
	}
	words = message(f, pods);
	json_object_set_new(o, "phase", json_string(node_phases[f->phase]));
	json_object_set_new(o, "segments", json_integer(f->segments));
	json_object_set_new(o, "pods", pods);
	if (how)
		json_object_set_new(o, "mechanism", json_string(how));
	if (words)
		json_object_set_new(o, "message", words);
	if (f->agent)
		json_object_set_new(o, "agent", json_string(f->agent));
	if (f->uid)
		json_object_set_new(o, "uid", json_string(f->uid));
	if (f->clock_known)
		json_object_set_new(o, "clock",
				    json_pack("{s:o,s:o}", "offsetMs",
					      ms((f->clock_lo_ns + f->clock_hi_ns) / 2),
					      "epsilonMs",
					      ms((f->clock_hi_ns - f->clock_lo_ns + 1) / 2)));
	if (f->chunks)
		json_object_set_new(o, "record",
				    json_pack("{s:I,s:I}", "chunks", (json_int_t)f->chunks, "bytes",
					      (json_int_t)f->bytes));
	return o;
}
