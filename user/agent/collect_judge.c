// SPDX-License-Identifier: GPL-2.0-only
/* collect_judge.c: the pure parts of collect.h. */
#include "agent/collect_internal.h"

#include "agent/record.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <string.h>

/* Words that come from a server's answer or an error, in a status that people read. */
enum { WORDS_MAX = 256, WORDS_MOST = 1024, FAILED_MAX = 10 };

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool is_over(const json_t *node)
{
	static const char *const phases[] = {"Done", "Failed", "Refused"};
	const char *phase = text(node, "phase");

	for (size_t i = 0; phase && i < ARRAY_SIZE(phases); i++)
		if (!strcmp(phase, phases[i]))
			return true;
	return false;
}

static json_t *ms_to_ns(const json_t *ms)
{
	double v = json_number_value(ms);

	/* a clock that is a century off is no clock */
	if (!json_is_number(ms) || v < -3e12 || v > 3e12)
		return json_null();
	return json_integer((json_int_t)(v * NS_PER_MS));
}

/* The node's chunks, 0: none. What a hostile status says is bounded here. */
static json_int_t chunks_of(const json_t *node)
{
	json_int_t n =
		json_integer_value(json_object_get(json_object_get(node, "record"), "chunks"));

	return n >= 1 && n <= RECORD_CHUNKS_MAX ? n : 0;
}

static json_t *have(const char *name, const json_t *node)
{
	const json_t *clock = json_object_get(node, "clock");

	return json_pack("{s:s,s:I,s:o,s:o}", "node", name, "chunks", chunks_of(node), "offset_ns",
			 ms_to_ns(json_object_get(clock, "offsetMs")), "epsilon_ns",
			 ms_to_ns(json_object_get(clock, "epsilonMs")));
}

json_t *collect__words(size_t most, const char *before, const char *s)
{
	char buf[WORDS_MOST + 1];
	size_t n = (size_t)snprintf(buf, most + 1, "%s%s", before, s);
	json_t *o;

	if (n > most) {
		/* the last character may be cut: without it, then */
		for (n = most; n && ((unsigned char)buf[n - 1] & 0xc0) == 0x80;)
			n--;
		n -= n && (unsigned char)buf[n - 1] >= 0xc0;
	}
	o = json_stringn(buf, n);
	if (o)
		return o;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)buf[i] >= 0x80)
			buf[i] = '?';
	return json_stringn(buf, n);
}

static json_t *words(const char *s)
{
	return collect__words(WORDS_MAX, "", s);
}

static void miss(json_t *missing, const char *node, const char *why)
{
	json_array_append_new(missing, json_pack("{s:s,s:o}", "node", node, "why", words(why)));
}

static bool has_pods(const json_t *node)
{
	return json_object_size(json_object_get(node, "pods")) > 0;
}

static void sort_out(const json_t *nodes, const json_t *expected, json_t *ret_have, json_t *missing)
{
	const json_t *node, *x;
	const char *name;
	size_t i;

	json_object_foreach((json_t *)nodes, name, node) {
		const char *message = text(node, "message");

		if (chunks_of(node) && record__name_ok(name))
			json_array_append_new(ret_have, have(name, node));
		else if (has_pods(node))
			miss(missing, name,
			     message	     ? message
			     : is_over(node) ? "it has recorded nothing"
					     : "it has not told its end");
	}
	json_array_foreach(expected, i, x) {
		name = json_string_value(x);
		if (name && !json_object_get(nodes, name))
			miss(missing, name, "no agent has told of it");
	}
}

static bool all_over(const json_t *nodes, const json_t *expected)
{
	const json_t *node, *x;
	const char *name;
	size_t i;

	json_object_foreach((json_t *)nodes, name, node)
		if (!is_over(node))
			return false;
	json_array_foreach(expected, i, x)
		if (json_is_string(x) && !json_object_get(nodes, json_string_value(x)))
			return false;
	return json_object_size(nodes) > 0;
}

enum collect_advice collect__judge(const json_t *obj, const json_t *expected, int64_t end_ns,
				   int64_t now_ns, int64_t *ret_at_ns, json_t **ret_have,
				   json_t **ret_missing)
{
	const json_t *status = json_object_get(obj, "status"),
		     *nodes = json_object_get(status, "nodes");
	int64_t at_ns = end_ns < INT64_MAX - COLLECT_WAIT_NS ? end_ns + COLLECT_WAIT_NS : INT64_MAX;

	if (json_is_string(json_object_get(status, "verdict")))
		return COLLECT_OVER;
	if (!all_over(nodes, expected) && now_ns < at_ns) {
		*ret_at_ns = at_ns;
		return COLLECT_NOT_YET;
	}
	*ret_have = json_array();
	*ret_missing = json_array();
	sort_out(nodes, expected, *ret_have, *ret_missing);
	return COLLECT_GO;
}

/* ---- the short summary ---- */

/* @o[@group] = {@keys: as in the summary}, without what was not measured. */
static void take(json_t *o, const json_t *summary, const char *group, const char *const *keys)
{
	const json_t *from = json_object_get(summary, group);
	json_t *to = json_object();

	for (; *keys; keys++) {
		json_t *v = json_object_get(from, *keys);

		if (v && !json_is_null(v))
			json_object_set(to, *keys, v);
	}
	if (json_object_size(to))
		json_object_set_new(o, group, to);
	else
		json_decref(to);
}

static json_t *expectation(const json_t *x, const char *verdict)
{
	const char *expr = text(x, "expr"), *reason = text(x, "reason");
	json_t *o = json_pack("{s:o,s:s}", "expr", words(expr ? expr : ""), "verdict", verdict);

	if (reason && *reason)
		json_object_set_new(o, "reason", words(reason));
	return o;
}

static void take_expectations(json_t *o, const json_t *summary)
{
	const json_t *all = json_object_get(summary, "expectations"), *x;
	json_t *others = json_array();
	json_int_t n = 0, pass = 0, fail = 0;
	size_t i;

	json_array_foreach(all, i, x) {
		const char *verdict = text(x, "verdict");

		n++;
		pass += verdict && !strcmp(verdict, "pass");
		fail += verdict && !strcmp(verdict, "fail");
		if (verdict && strcmp(verdict, "pass") != 0 && json_array_size(others) < FAILED_MAX)
			json_array_append_new(others, expectation(x, verdict));
	}
	json_object_set_new(
		o, "expectations",
		json_pack("{s:I,s:I,s:I}", "pass", pass, "fail", fail, "unknown", n - pass - fail));
	if (json_array_size(others))
		json_object_set(o, "not_passed", others);
	json_decref(others);
}

json_t *collect__short(const json_t *summary)
{
	json_t *o = json_object();

	take(o, summary, "split_brain", (const char *const[]){"level", NULL});
	take(o, summary, "writes", (const char *const[]){"acked", "lost", NULL});
	take(o, summary, "herd", (const char *const[]){"kind", NULL});
	take(o, summary, "recovery", (const char *const[]){"time_s", NULL});
	take_expectations(o, summary);
	return o;
}
