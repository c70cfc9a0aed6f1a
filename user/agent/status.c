// SPDX-License-Identifier: GPL-2.0-only
/* status.c: phase and conditions of an object, from what its nodes say: the same for whoever computes it. */
#include "agent/status.h"

#include "lib/cleanup.h"

#include <stdbool.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

json_t *status__diff(const json_t *have, const json_t *want)
{
	json_t *d = json_object();
	const json_t *v;
	const char *key;

	if (!d)
		return NULL;
	json_object_foreach((json_t *)want, key, v) {
		const json_t *old = json_object_get(have, key);

		if (old && json_equal(old, v))
			continue;
		if (json_is_object(v) && json_is_object(old))
			json_object_set_new(d, key, status__diff(old, v));
		else
			json_object_set_new(d, key, json_deep_copy(v));
	}
	json_object_foreach((json_t *)have, key, v) {
		if (!json_object_get(want, key))
			json_object_set_new(d, key, json_null());
	}
	return d;
}

bool status__is_final(const char *phase)
{
	return phase && (!strcmp(phase, "Finished") || !strcmp(phase, "Failed") ||
			 !strcmp(phase, "Stopped"));
}

/* What the nodes say, counted. */
struct tally {
	size_t n, running, done, failed, paused, refused;
	size_t pods, injected;
	const char *failed_node, *failed_why, *silent_node;
};

static void tally_pods(struct tally *t, const json_t *node)
{
	const json_t *pod;
	const char *name;

	json_object_foreach(json_object_get(node, "pods"), name, pod) {
		const char *phase = text(pod, "phase");

		t->pods++;
		t->injected += phase && !strcmp(phase, "Injected");
	}
}

static struct tally tally(const json_t *obj)
{
	struct tally t = {0};
	const json_t *node;
	const char *name;

	json_object_foreach(json_object_get(json_object_get(obj, "status"), "nodes"), name, node) {
		const char *phase = text(node, "phase");

		t.n++;
		tally_pods(&t, node);
		if (!phase || !strcmp(phase, "Waiting") || !strcmp(phase, "Armed")) {
			t.silent_node = name;
		} else if (!strcmp(phase, "Running")) {
			t.running++;
			t.silent_node = name;
		} else if (!strcmp(phase, "Paused")) {
			t.paused++;
			t.silent_node = name;
		} else if (!strcmp(phase, "Done")) {
			t.done++;
		} else {
			t.failed++;
			t.failed_node = t.failed_node ? t.failed_node : name;
			t.failed_why = t.failed_why ? t.failed_why : text(node, "message");
		}
	}
	return t;
}

static const json_t *stopped(const json_t *obj)
{
	return json_object_get(json_object_get(obj, "status"), "stopped");
}

static const char *phase_of(const json_t *obj, const struct object_facts *f, const struct tally *t)
{
	const char *was = text(json_object_get(obj, "status"), "phase");
	bool stop = f->stop || json_is_object(stopped(obj)), all = t->done + t->failed == t->n;
	bool over = f->end_ns && f->now_ns >= f->end_ns, given_up, failed;

	if (f->refused)
		return "Refused";
	if (!f->start_at_ns)
		return f->stop ? "Stopped" : f->paused ? "Paused" : "Pending";
	given_up = (over && f->now_ns >= f->end_ns + STATUS_SILENT_NS) ||
		   (stop && f->stop_seen_ns && f->now_ns >= f->stop_seen_ns + STATUS_SILENT_NS);
	/* What is final stays: a stop that comes later changes nothing. */
	if (status__is_final(was))
		return was;
	/* Before the start a node that can take part may not have said so yet. */
	failed = all && t->n && t->failed == t->n && f->now_ns >= f->start_at_ns;
	if (!over && !stop && !failed)
		return f->paused ? "Paused" : f->now_ns < f->start_at_ns ? "Pending" : "Running";
	if (!all && !given_up)
		return "Running";
	if (t->failed)
		return "Failed";
	return stop && !over ? "Stopped" : "Finished";
}

const char *status__phase(const json_t *obj, const struct object_facts *f)
{
	const struct tally t = tally(obj);

	return phase_of(obj, f, &t);
}

/* A condition as it is now, its time of change kept where it has not changed. */
static void add_condition(json_t *list, const json_t *obj, const struct object_facts *f,
			  const char *type, const char *status, const char *reason)
{
	const char *since = NULL;
	const json_t *was;
	char at[40];
	size_t i;

	json_array_foreach(json_object_get(json_object_get(obj, "status"), "conditions"), i, was) {
		const char *is = text(was, "type"), *s = text(was, "status");

		if (is && !strcmp(is, type) && s && !strcmp(s, status))
			since = text(was, "lastTransitionTime");
	}
	/* Whole seconds: how Kubernetes writes a metav1.Time. */
	instant__format(f->now_ns, at, sizeof(at));
	at[19] = 'Z';
	at[20] = '\0';
	json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s}", "type", type, "status", status,
					      "reason", reason, "lastTransitionTime",
					      since ? since : at));
}

static const char *truth(bool b)
{
	return b ? "True" : "False";
}

static void add_passed(json_t *list, const json_t *obj, const struct object_facts *f)
{
	const char *verdict = text(json_object_get(obj, "status"), "verdict");

	if (!verdict)
		add_condition(list, obj, f, "Passed", "Unknown", "NoVerdictYet");
	else if (!strcmp(verdict, "pass"))
		add_condition(list, obj, f, "Passed", "True", "Passed");
	else if (!strcmp(verdict, "fail"))
		add_condition(list, obj, f, "Passed", "False", "Failed");
	else
		add_condition(list, obj, f, "Passed", "Unknown", "Inconclusive");
}

static json_t *conditions(const json_t *obj, const struct object_facts *f, const struct tally *t,
			  const char *phase)
{
	bool started = f->start_at_ns && f->now_ns >= f->start_at_ns,
	     final = status__is_final(phase) || !strcmp(phase, "Refused"), running;
	json_t *list = json_array();

	add_condition(list, obj, f, "Started", truth(started), phase);
	add_condition(list, obj, f, "Finished", truth(final), phase);
	add_passed(list, obj, f);
	if (!f->chaosmesh)
		return list;
	running = !final && started && t->running == t->n && t->n;
	add_condition(list, obj, f, "Selected", truth(f->start_at_ns != 0), phase);
	add_condition(list, obj, f, "AllInjected",
		      truth(running && t->pods && t->injected == t->pods), phase);
	/* Before the start nothing is injected, and nothing has recovered either: as Chaos Mesh has it. */
	add_condition(list, obj, f, "AllRecovered",
		      truth(started && (final || (t->n && !t->running && t->paused == t->n))),
		      phase);
	add_condition(list, obj, f, "Paused", truth(!final && f->paused), phase);
	return list;
}

/* What the phase alone does not say. */
static json_t *message(const json_t *obj, const struct object_facts *f, const struct tally *t,
		       const char *phase)
{
	const json_t *by = stopped(obj);

	if (f->refused)
		return json_string(f->refused);
	if (!strcmp(phase, "Pending") && f->pending && !f->start_at_ns)
		return json_string(f->pending);
	if (t->failed && (status__is_final(phase) || t->failed_why))
		return json_sprintf("node %s: %s", t->failed_node,
				    t->failed_why ? t->failed_why : "failed");
	if (json_is_object(by))
		return json_sprintf("node %s: %s", text(by, "by") ? text(by, "by") : "?",
				    text(by, "why") ? text(by, "why") : "stopped");
	if (status__is_final(phase) && t->silent_node)
		return json_sprintf("node %s has not said how its part ended", t->silent_node);
	if (status__is_final(phase) && !t->n)
		return json_string("no selected pod was on a node with an agent");
	return NULL;
}

/* The part of @status that status__object() speaks of. */
static json_t *own_part(const json_t *status)
{
	static const char *const keys[] = {"phase", "message", "conditions", "observedGeneration"};
	const char *desired = text(json_object_get(status, "experiment"), "desiredPhase");
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *v = json_object_get(status, keys[i]);

		if (v && !json_is_null(v))
			json_object_set(o, keys[i], v);
	}
	if (desired)
		json_object_set_new(o, "experiment", json_pack("{s:s}", "desiredPhase", desired));
	return o;
}

json_t *status__object(const json_t *obj, const struct object_facts *f)
{
	const json_t *status = json_object_get(obj, "status");
	const struct tally t = tally(obj);
	const char *phase = phase_of(obj, f, &t);
	json_t *want = json_object(), *have = own_part(status), *words, *d, *observed;

	if (!want || !have) {
		json_decref(want);
		json_decref(have);
		return NULL;
	}
	json_object_set_new(want, "phase", json_string(phase));
	json_object_set_new(want, "conditions", conditions(obj, f, &t, phase));
	words = message(obj, f, &t, phase);
	if (words)
		json_object_set_new(want, "message", words);
	/* Of a run that has started: the generation whose spec it goes by. */
	observed = f->start_at_ns ? json_object_get(status, "observedGeneration")
				  : json_object_get(json_object_get(obj, "metadata"), "generation");
	if (observed)
		json_object_set(want, "observedGeneration", observed);
	if (f->chaosmesh)
		json_object_set_new(
			want, "experiment",
			json_pack("{s:s}", "desiredPhase",
				  !f->refused && !f->paused && !f->stop && !status__is_final(phase)
					  ? "Run"
					  : "Stop"));
	d = status__diff(have, want);
	json_decref(want);
	json_decref(have);
	return d;
}
