// SPDX-License-Identifier: GPL-2.0-only
/* merge_run.c: the run event of all, and the end event of all. */
#include "report/merge_internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* --- what the parts' run events say of one thing ---------------------------------------------- */

/* A member of the run event itself, or of the element of @list whose @key is @name. */
struct thing {
	const char *list, *key, *name;
};

static const json_t *element(const json_t *array, const char *key, const char *name)
{
	const json_t *x;
	size_t i;

	json_array_foreach(array, i, x) {
		const char *s = json_string_value(json_object_get(x, key));

		if (s && !strcmp(s, name))
			return x;
	}
	return NULL;
}

static json_t *member_of(const struct part *p, const struct thing *t, const char *member)
{
	const json_t *o = p->run;

	if (t)
		o = element(json_object_get(o, t->list), t->key, t->name);
	return json_object_get(o, member);
}

/* An array: what any part has in it, each once. */
static json_t *united(const struct merge *m, const struct thing *t, const char *member)
{
	_cleanup_(json_decrefp) json_t *seen = json_object();
	json_t *all = json_array(), *x;
	size_t k;

	for (size_t i = 0; i < m->n; i++)
		json_array_foreach(member_of(&m->parts[i], t, member), k, x) {
			_cleanup_free_ char *text = json_dumps(x, JSON_COMPACT | JSON_ENCODE_ANY);

			if (!text || json_object_get(seen, text))
				continue;
			json_object_set_new(seen, text, json_true());
			json_array_append(all, x);
		}
	return all;
}

/* A word: each different one, "6.1.0 x86_64, 5.10.0 x86_64"; null if none says it. */
static json_t *listed(const struct merge *m, const struct thing *t, const char *member)
{
	_cleanup_(json_decrefp) json_t *seen = json_object();
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	json_t *ret;

	for (size_t i = 0; f && i < m->n; i++) {
		const char *s = json_string_value(member_of(&m->parts[i], t, member));

		if (!s || json_object_get(seen, s))
			continue;
		fprintf(f, "%s%s", json_object_size(seen) ? ", " : "", s);
		json_object_set_new(seen, s, json_true());
	}
	if (!f || fclose(f) || !len)
		return json_null();
	ret = json_string(text);
	return ret ? ret : json_null();
}

/* The longest array: a node that joined late may have left out what was over. */
static json_t *longest(const struct merge *m, const struct thing *t, const char *member)
{
	json_t *best = NULL;

	for (size_t i = 0; i < m->n; i++) {
		json_t *v = member_of(&m->parts[i], t, member);

		if (!best || json_array_size(v) > json_array_size(best))
			best = v;
	}
	return best ? json_incref(best) : json_array();
}

/* The elements of every part's @list, each name once, as the first has it. */
static json_t *all_of(const struct merge *m, const char *list, const char *key)
{
	_cleanup_(json_decrefp) json_t *seen = json_object();
	json_t *all = json_array(), *x;
	size_t k;

	for (size_t i = 0; i < m->n; i++)
		json_array_foreach(json_object_get(m->parts[i].run, list), k, x) {
			const char *name = json_string_value(json_object_get(x, key));

			if (!name || json_object_get(seen, name))
				continue;
			json_object_set_new(seen, name, json_true());
			json_array_append_new(all, json_deep_copy(x));
		}
	return all;
}

static struct thing thing_of(const char *list, const char *key, const json_t *x)
{
	return (struct thing){list, key, json_string_value(json_object_get(x, key))};
}

/* --- the run event ---------------------------------------------------------------------------- */

static json_t *faults(struct merge *m)
{
	json_t *all = all_of(m, "faults", "name"), *x;
	size_t i;

	json_array_foreach(all, i, x) {
		struct thing t = thing_of("faults", "name", x);

		json_object_set_new(x, "windows", longest(m, &t, "windows"));
		json_object_set_new(x, "edges", united(m, &t, "edges"));
		json_object_set_new(x, "sides", longest(m, &t, "sides"));
		json_object_set_new(x, "mechanism", listed(m, &t, "mechanism"));
	}
	return all;
}

static json_t *with_nodes(const struct merge *m, const char *list, const char *key)
{
	json_t *all = all_of(m, list, key), *x;
	size_t i;

	json_array_foreach(all, i, x) {
		struct thing t = thing_of(list, key, x);

		json_object_set_new(x, "nodes", united(m, &t, "nodes"));
	}
	return all;
}

static json_t *time_or_null(int64_t ns)
{
	return ns == RECORD_CLOCK_UNKNOWN ? json_null() : json_integer(ns);
}

/* A place is told once, and is here if any node has it: of which, its events say. */
static json_t *places(const struct merge *m)
{
	json_t *all = all_of(m, "places", "place"), *x;
	size_t i;

	json_array_foreach(all, i, x) {
		const char *name = json_string_value(json_object_get(x, "place"));

		json_object_set_new(x, "here", json_boolean(json_object_get(m->anywhere, name)));
	}
	return all;
}

static json_t *segment(const struct part *p)
{
	return json_pack("{s:I,s:I,s:O?}", "from_ns", (json_int_t)p->from_ns, "to_ns",
			 (json_int_t)p->last_ns, "status", json_object_get(p->end, "status"));
}

static json_t *cluster(const struct merge *m)
{
	json_t *nodes = json_array(), *segments = NULL;

	for (size_t i = 0; i < m->n; i++) {
		const struct part *p = &m->parts[i];
		const json_t *run = p->run;

		if (!p->segment) {
			segments = json_array();
			json_array_append_new(
				nodes,
				json_pack("{s:s,s:O?,s:O?,s:O?,s:o,s:o,s:o}", "node", p->node,
					  "kernel", json_object_get(run, "kernel"), "mechanism",
					  json_object_get(run, "mechanism"), "run_id",
					  json_object_get(run, "run_id"), "clock_offset_ns",
					  time_or_null(p->clock_offset_ns), "clock_epsilon_ns",
					  time_or_null(p->clock_epsilon_ns), "segments", segments));
		}
		json_array_append_new(segments, segment(p));
	}
	return json_pack("{s:o,s:o}", "nodes", nodes, "missing",
			 m->missing ? json_deep_copy(m->missing) : json_array());
}

static json_t *the_same(const struct merge *m, const char *key)
{
	json_t *v = json_object_get(m->parts[0].run, key);

	for (size_t i = 1; i < m->n; i++)
		if (!json_equal(v, json_object_get(m->parts[i].run, key)))
			return json_null();
	return v ? json_incref(v) : json_null();
}

int merge__run(struct merge *m)
{
	json_t *o = json_deep_copy(m->parts[0].run);
	static const char *const words[] = {"kernel", "tool", "mechanism"};
	static const char *const lists[] = {"nodes", "expect", "exempt"};

	if (!o)
		return err__set(m->err, -ENOMEM, "out of memory");
	json_object_del(o, "t_ns");
	json_object_del(o, "type");
	json_object_del(o, "node");
	json_object_del(o, "joined_ns");
	json_object_del(o, "clock_offset_ns");
	json_object_del(o, "clock_epsilon_ns");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		json_object_set_new(o, words[i], listed(m, NULL, words[i]));
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		json_object_set_new(o, lists[i], united(m, NULL, lists[i]));
	json_object_set_new(o, "seed", the_same(m, "seed"));
	/* of several machines, or of several boots */
	json_object_set_new(o, "start_monotonic_ns", the_same(m, "start_monotonic_ns"));
	json_object_set_new(o, "faults", faults(m));
	json_object_set_new(o, "resources", with_nodes(m, "resources", "resource"));
	json_object_set_new(o, "workloads", with_nodes(m, "workloads", "name"));
	if (json_object_size(m->anywhere) || json_object_get(o, "places"))
		json_object_set_new(o, "places", places(m));
	json_object_set_new(o, "cluster", cluster(m));
	return merge__emit(m, "run", 0, o);
}

/* --- the end event ---------------------------------------------------------------------------- */

/* The worst first. */
static const char *const statuses[] = {"failed", "aborted", "interrupted", "complete"};

static size_t rank(const char *status)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(statuses) - 1 && strcmp(status, statuses[i]) != 0)
		i++;
	return i;
}

/* What became of a node, by its last segment. */
static const char *status_of(const struct part *p)
{
	const char *s = json_string_value(json_object_get(p->end, "status"));

	return s ? s : "failed";
}

static const char *reason_of(const struct part *p)
{
	const char *s = json_string_value(json_object_get(p->end, "reason"));

	if (!p->end)
		return "its record has no end";
	return s && *s ? s : status_of(p);
}

/* "no record came from node n3 (why); n1: killed; n2: ..." of all nodes that are not complete. */
static char *reasons(const struct merge *m)
{
	char *text = NULL;
	size_t len = 0, k;
	FILE *f = open_memstream(&text, &len);
	const json_t *x;

	if (!f)
		return NULL;
	json_array_foreach(m->missing, k, x)
		fprintf(f, "%snode %s (%s)", k ? ", " : "no record came from ",
			json_string_value(json_object_get(x, "node")),
			json_string_value(json_object_get(x, "why")));
	for (size_t i = 0; i < m->n; i++)
		if (m->parts[i].last_segment && strcmp(status_of(&m->parts[i]), "complete") != 0)
			fprintf(f, "%s%s: %s", ftell(f) > 0 ? "; " : "", m->parts[i].node,
				reason_of(&m->parts[i]));
	fclose(f);
	return text;
}

static json_t *recorder(const struct merge *m)
{
	static const char *const keys[] = {"events", "lost_events", "probe_gaps", "late_bins",
					   "unnamed_flows"};
	json_t *o = json_object();

	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		json_int_t sum = 0;
		bool any = false;

		for (size_t i = 0; i < m->n; i++) {
			const json_t *rec = json_object_get(m->parts[i].end, "recorder");
			const json_t *v = json_object_get(rec, keys[k]);
			json_int_t n = json_integer_value(v);

			/* what a killed one wrote is known */
			if (!k && !json_is_integer(v))
				n = (json_int_t)m->parts[i].events;
			any |= !k || json_is_integer(v);
			if (n < 0 || __builtin_add_overflow(sum, n, &sum))
				sum = INT64_MAX / 2;
		}
		json_object_set_new(o, keys[k], any ? json_integer(sum) : json_null());
	}
	return o;
}

int merge__end(struct merge *m)
{
	_cleanup_free_ char *reason = NULL;
	size_t worst = ARRAY_SIZE(statuses) - 1;
	int64_t last = INT64_MIN;
	bool missing = json_array_size(m->missing) > 0, any = missing, restored = true;
	json_t *text;
	int r;

	for (size_t i = 0; i < m->n; i++) {
		const struct part *p = &m->parts[i];

		any |= p->end != NULL;
		last = p->last_ns > last ? p->last_ns : last;
		if (!p->last_segment)
			continue;
		if (rank(status_of(p)) < worst)
			worst = rank(status_of(p));
		/* the kernel takes a killed one's faults away */
		restored &= !p->end || json_is_true(json_object_get(p->end, "restored"));
	}
	if (!any)
		return 0; /* a record that no one has ended reads so */
	/* a run of which a node's record is missing did not end well, whatever the others say */
	if (missing && worst == rank("complete"))
		worst = rank("failed");
	reason = reasons(m);
	text = json_string(reason ? reason : "");
	r = merge__emit(m, "phase", last, json_pack("{s:s}", "phase", "end"));
	return r ? r
		 : merge__emit(m, "end", last,
			       json_pack("{s:s,s:o,s:b,s:o}", "status", statuses[worst], "reason",
					 text ? text : json_null(), "restored", (int)restored,
					 "recorder", recorder(m)));
}
