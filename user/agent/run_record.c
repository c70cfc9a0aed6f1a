// SPDX-License-Identifier: GPL-2.0-only
/* run_record.c: a run's record on its way to the API: chunk by chunk, each a ConfigMap that goes with the object. */
#include "agent/runs_internal.h"

#include "lib/cleanup.h"
#include "lib/log.h"

#include <string.h>

/* Tries of one chunk that the server refuses before the record stays where it is. */
enum { REFUSALS_MAX = 5 };

static json_t *owner(const struct run *r)
{
	return json_pack("{s:s,s:s,s:s,s:s}", "apiVersion", run_kinds[r->kind].group_version,
			 "kind", run_kinds[r->kind].kind, "name", r->name, "uid", r->uid);
}

static json_t *chunk_map(const struct run *r, const char *name, const char *base64)
{
	char run[RECORD_NAME_MAX], node[RECORD_NAME_MAX];

	return json_pack("{s:s,s:s,s:{s:s,s:s,s:{s:s,s:s},s:[o]},s:{s:s}}", "apiVersion", "v1",
			 "kind", "ConfigMap", "metadata", "name", name, "namespace", r->ns,
			 "labels", RECORD_LABEL_RUN, record__label(r->uid, run, sizeof(run)),
			 RECORD_LABEL_NODE, record__label(r->runs->c.node, node, sizeof(node)),
			 "ownerReferences", owner(r), "binaryData", "chunk", base64);
}

static void give_up(struct run *r, const char *why)
{
	_cleanup_free_ char *words = NULL;

	if (asprintf(&words, "the record stays in %s on this node: %s", r->folder, why) < 0)
		words = NULL;
	run__set_message(r, words);
	r->record = RECORD_LOST;
}

/* A quota, a policy (webhooks say 400), a limit: not what passes by itself, as a token that is renewed. */
static bool is_refused(int status)
{
	return status >= 400 && status < 429 && status != 401 && status != 404 && status != 408 &&
	       status != 409;
}

static void chunk_done(void *arg, const struct kube_answer *a)
{
	struct send *s = arg;
	struct run *r = s->run;

	/* There from before: an upload that a restart cut short, or of fewer segments. */
	if (a->status == 409 && !r->replace) {
		s->busy = false;
		r->replace = true;
		r->dirty = true;
		return;
	}
	if (send__answered(s, a)) {
		r->replace = false;
		if (++r->next_chunk == r->size.chunks)
			r->record = RECORD_SENT;
		return;
	}
	r->replace = r->replace && a->status != 404;
	if (is_refused(a->status) && s->failures >= REFUSALS_MAX)
		give_up(r, a->why);
}

static void packed(struct run *r, int rc, const struct error *err)
{
	if (rc > 0) {
		r->record = RECORD_PACKED;
		r->next_chunk = 0;
	} else if (rc == -ENOENT) {
		r->record = RECORD_LOST;
		if (!r->message)
			run__set_message(r, "nothing was recorded on this node");
	} else {
		give_up(r, err->msg);
	}
}

/* At once, or by a process beside the loop if there is much. */
static void pack(struct run *r)
{
	_cleanup_free_ char *file = run_folder__path(r->folder, "record.gz");
	struct error err = {0};
	int rc = !file	      ? -ENOMEM
		 : r->packing ? record__pack_poll(r->packing, &r->size, &err)
			      : record__pack_begin(r->folder, file, &r->packing, &r->size, &err);

	if (!rc)
		return;
	job__free(r->packing);
	r->packing = NULL;
	packed(r, rc, &err);
}

void run__send_record(struct run *r)
{
	_cleanup_free_ char *file = NULL, *base64 = NULL, *path = NULL;
	char name[RECORD_NAME_MAX];
	struct error err = {0};
	json_t *map;

	if (!r->over || r->child || !r->folder || !r->segments || r->gone)
		return;
	if (r->record == RECORD_NONE)
		pack(r);
	if (r->record != RECORD_PACKED || !send__may(&r->chunk))
		return;
	file = run_folder__path(r->folder, "record.gz");
	if (!file || record__chunk(file, r->next_chunk, &base64, &err) < 0) {
		give_up(r, file ? err.msg : "no memory");
		return;
	}
	record__map_name(r->uid, r->runs->c.node, r->next_chunk, name, sizeof(name));
	map = chunk_map(r, name, base64);
	if (asprintf(&path, "/api/v1/namespaces/%s/configmaps%s%s", r->ns, r->replace ? "/" : "",
		     r->replace ? name : "") < 0) {
		path = NULL;
		json_decref(map);
		return;
	}
	send__go(&r->chunk, r->replace ? "PUT" : "POST", path, map, chunk_done);
}

/* --- the report of all nodes' records --------------------------------------------------------------- */

/* Nodes that hold selected pods, by what the last members say. */
static json_t *nodes_with_pods(const struct run *r)
{
	const json_t *endpoint, *pod;
	json_t *set = json_object(), *list = json_array();
	const char *name;
	json_t *v;
	size_t i, k;

	json_array_foreach(json_object_get(r->members, "endpoints"), i, endpoint)
		json_array_foreach(json_object_get(endpoint, "pods"), k, pod) {
			const char *node = json_string_value(json_object_get(pod, "node"));

			if (node && *node)
				json_object_set_new(set, node, json_true());
		}
	json_object_foreach(set, name, v)
		json_array_append_new(list, json_string(name));
	json_decref(set);
	return list;
}

static void open_collector(struct run *r)
{
	_cleanup_free_ char *dir = run_folder__path(r->folder, ".report");
	const struct run_kind_info *k = &run_kinds[r->kind];
	const struct runs_ops *o = r->runs->c.ops;
	struct collect_config c = {
		.node = r->runs->c.node,
		.dir = dir,
		.group_version = k->group_version,
		.kind = k->kind,
		.plural = k->plural,
		.ops = o->collect,
		.arg = r->runs->c.arg,
	};

	if (!dir || collector__new(&c, r->obj, &r->collector) < 0)
		return;
	json_decref(r->collector_saw);
	r->collector_saw = json_incref(r->obj);
}

static void close_collector(struct run *r)
{
	collector__free(r->collector);
	r->collector = NULL;
	json_decref(r->collector_saw);
	r->collector_saw = NULL;
}

void run__collect(struct run *r)
{
	/* By a clock that is ahead the end would be too early: what the others do until then would be missing. */
	int64_t end = r->end_ns ? r->end_ns + run__ahead(r) : 0,
		at = r->stop_seen_ns && (!end || r->stop_seen_ns < end) ? r->stop_seen_ns : end;
	const json_t *status = json_object_get(r->obj, "status");
	json_t *nodes;

	/* An agent that was started later does not load what is settled; all that could be waited for has been. */
	if (!at && status__is_final(json_string_value(json_object_get(status, "phase"))))
		at = r->start_at_ns;
	if (!r->collector) {
		if (!r->over || r->child || !r->folder || !r->segments ||
		    json_object_get(status, "verdict"))
			return;
		open_collector(r);
		if (!r->collector)
			return;
		nodes = nodes_with_pods(r);
		collector__expect(r->collector, nodes);
		json_decref(nodes);
	}
	if (r->collector_saw != r->obj) {
		collector__put(r->collector, r->obj);
		json_decref(r->collector_saw);
		r->collector_saw = json_incref(r->obj);
	}
	collector__set_end(r->collector, at ? at : INT64_MAX);
	run__wake_at(r, collector__step(r->collector));
	if (collector__done(r->collector))
		close_collector(r);
}
