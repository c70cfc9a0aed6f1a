/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h: events.jsonl written by hand, for the tests of this room. Times are given in
 * milliseconds.
 */
#ifndef CHAOS_TESTS_EVENTS_H
#define CHAOS_TESTS_EVENTS_H

#include "analysis/internal.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct events {
	FILE *f;
	char *text;
	size_t len;
};

static inline void ev__open(struct events *e)
{
	e->f = open_memstream(&e->text, &e->len);
	assert_non_null(e->f);
}

__attribute__((format(printf, 2, 3))) static inline void ev__line(struct events *e, const char *fmt,
								  ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(e->f, fmt, ap);
	va_end(ap);
	fputc('\n', e->f);
}

/* What a run event may have; each member is JSON, NULL for the usual. */
struct run {
	const char *faults, *resources, *workloads, *expect;
	const char *more; /* further members, with a comma before the first */
};

#define MS_JSON "000000"
#define CUT                                                                                        \
	"{\"name\":\"cut\",\"parts\":[\"partition\"],\"windows\":[[10000" MS_JSON ",20000" MS_JSON \
	"]],\"edges\":[[\"n1\",\"n2\"],[\"n2\",\"n1\"]],\"sides\":[[\"n1\"],[\"n2\",\"n3\"]],"     \
	"\"mechanism\":\"tcx\"}"
#define ROLES                                                                              \
	"{\"resource\":\"db\",\"system\":\"etcd\",\"nodes\":[\"n1\",\"n2\"],\"every_ns\":" \
	"20" MS_JSON "}"
#define CLIENTS                                                                              \
	"{\"name\":\"set\",\"system\":\"etcd\",\"check\":\"set\",\"nodes\":[\"n1\",\"n2\"]," \
	"\"clients\":2,\"rate_per_s\":100,\"reads\":0.1,\"timeout_ns\":1000" MS_JSON "}"

static inline void ev__run(struct events *e, struct run r)
{
	ev__line(e,
		 "{\"t_ns\":0,\"type\":\"run\",\"version\":1,\"name\":\"test\",\"seed\":42,"
		 "\"kernel\":\"6.18\",\"duration_ns\":30000" MS_JSON
		 ",\"traffic_bin_ns\":100" MS_JSON ","
		 "\"nodes\":[\"n1\",\"n2\",\"n3\"],\"faults\":[%s],\"resources\":[%s],"
		 "\"workloads\":[%s],"
		 "\"expect\":[%s]%s}",
		 r.faults ? r.faults : CUT, r.resources ? r.resources : ROLES,
		 r.workloads ? r.workloads : CLIENTS, r.expect ? r.expect : "",
		 r.more ? r.more : "");
}

static inline void ev__phase(struct events *e, int64_t ms, const char *phase)
{
	ev__line(e, "{\"t_ns\":%lld,\"type\":\"phase\",\"phase\":\"%s\"}", (long long)ms * 1000000,
		 phase);
}

static inline void ev__armed(struct events *e, const char *fault, int64_t ms)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"fault\",\"fault\":\"%s\",\"occurrence\":0,\"event\":"
		 "\"armed\"}",
		 (long long)ms * 1000000, fault);
}

static inline void ev__cleared(struct events *e, const char *fault, int64_t ms, int dropped)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"fault\",\"fault\":\"%s\",\"occurrence\":0,\"event\":"
		 "\"cleared\","
		 "\"hits\":{\"dropped\":%d,\"delayed\":null},\"edges\":[{\"from\":\"n1\",\"to\":"
		 "\"n2\","
		 "\"matched\":%d,\"matched_bytes\":0,\"dropped\":%d,\"first_hit_ns\":null,\"last_"
		 "hit_ns\":null}]}",
		 (long long)ms * 1000000, fault, dropped, dropped, dropped);
}

/* A sample sent at @ms and answered 1 ms later. @epoch < 0: none. @claim < 0: it failed. */
static inline void ev__role_of(struct events *e, const char *resource, const char *node, int64_t ms,
			       int claim, int64_t epoch)
{
	char number[32] = "null";

	if (epoch >= 0)
		snprintf(number, sizeof(number), "%lld", (long long)epoch);
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"role\",\"resource\":\"%s\",\"node\":\"%s\",\"send_ns\":"
		 "%lld,"
		 "\"recv_ns\":%lld,\"role\":\"%s\",\"claim\":%s,\"epoch\":%s,\"leader\":null%s}",
		 (long long)(ms + 1) * 1000000, resource, node, (long long)ms * 1000000,
		 (long long)(ms + 1) * 1000000,
		 claim < 0 ? "error"
		 : claim   ? "leader"
			   : "follower",
		 claim > 0 ? "true" : "false", number, claim < 0 ? ",\"error\":\"deaf\"" : "");
}

static inline void ev__role(struct events *e, const char *node, int64_t ms, int claim,
			    int64_t epoch)
{
	ev__role_of(e, "db", node, ms, claim, epoch);
}

/* Samples every 20 ms in [@from_ms, @to_ms). */
static inline void ev__roles(struct events *e, const char *node, int64_t from_ms, int64_t to_ms,
			     int claim, int64_t epoch)
{
	for (int64_t t = from_ms; t < to_ms; t += 20)
		ev__role(e, node, t, claim, epoch);
}

static inline void ev__add(struct events *e, const char *node, int64_t value, int64_t invoke_ms,
			   int64_t return_ms, const char *outcome)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"op\",\"workload\":\"set\",\"client\":0,\"node\":\"%s\","
		 "\"op\":\"add\",\"value\":%lld,\"intended_ns\":%lld,\"invoke_ns\":%lld,\"return_"
		 "ns\":%lld,"
		 "\"outcome\":\"%s\",\"error\":%s}",
		 (long long)return_ms * 1000000, node, (long long)value,
		 (long long)invoke_ms * 1000000, (long long)invoke_ms * 1000000,
		 (long long)return_ms * 1000000, outcome,
		 !strcmp(outcome, "fail") ? "\"full\"" : "null");
}

static inline void ev__read(struct events *e, const char *node, int64_t value, int64_t invoke_ms,
			    int64_t return_ms, const char *outcome, bool found)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"op\",\"workload\":\"set\",\"client\":0,\"node\":\"%s\","
		 "\"op\":\"read\",\"value\":%lld,\"intended_ns\":%lld,\"invoke_ns\":%lld,\"return_"
		 "ns\":%lld,"
		 "\"outcome\":\"%s\",\"error\":null,\"found\":%s}",
		 (long long)return_ms * 1000000, node, (long long)value,
		 (long long)invoke_ms * 1000000, (long long)invoke_ms * 1000000,
		 (long long)return_ms * 1000000, outcome, found ? "true" : "false");
}

/* @runs is JSON: "[0,9],[11,12]". */
static inline void ev__final(struct events *e, const char *node, int attempt, int64_t ms, bool ok,
			     const char *runs)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"final\",\"workload\":\"set\",\"node\":\"%s\",\"ok\":%s,"
		 "\"values\":%s%s%s,\"error\":null,\"attempt\":%d}",
		 (long long)ms * 1000000, node, ok ? "true" : "false", ok ? "[" : "",
		 ok ? runs : "null", ok ? "]" : "", attempt);
}

static inline void ev__end(struct events *e, int64_t ms, const char *status, int lost_events)
{
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"end\",\"status\":\"%s\",\"reason\":null,\"restored\":"
		 "true,"
		 "\"recorder\":{\"events\":99,\"lost_events\":%d,\"probe_gaps\":0}}",
		 (long long)ms * 1000000, status, lost_events);
}

static inline struct history *ev__history(struct events *e)
{
	_cleanup_fclose_ FILE *f = NULL;
	struct history *h = NULL;
	struct error err = {0};

	fclose(e->f);
	f = fmemopen(e->text, e->len, "r");
	assert_non_null(f);
	if (history__read(f, "events.jsonl", &h, &err) != 0)
		fail_msg("%s", err.msg);
	free(e->text);
	return h;
}

static inline json_t *ev__summary(struct events *e)
{
	_cleanup_(cleanup_history) struct history *h = ev__history(e);
	json_t *s = analysis__summary(h);

	assert_non_null(s);
	return s;
}

static inline void cleanup_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

/* A member by a path of names parted by dots; a number is a position. */
static inline const json_t *at(const json_t *j, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *save = NULL;

	for (char *k = strtok_r(copy, ".", &save); k; k = strtok_r(NULL, ".", &save)) {
		j = json_is_array(j) ? json_array_get(j, (size_t)atoi(k)) : json_object_get(j, k);
		if (!j)
			fail_msg("there is no %s in %s", k, path);
	}
	return j;
}

/* A run with a fault `cut` from 10 to 20 s. */
static inline void ev__cut(struct events *e)
{
	ev__open(e);
	ev__run(e, (struct run){0});
	ev__armed(e, "cut", 10000);
	ev__cleared(e, "cut", 20000, 5);
}

/* Is @what in one of the findings? */
static inline bool ev__says(const json_t *summary, const char *what)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(summary, "findings"), i, s)
		if (strstr(json_string_value(s), what))
			return true;
	return false;
}

#define assert_number(j, path, x) assert_double_near(__LINE__, at(j, path), path, x)
static inline void assert_double_near(int line, const json_t *v, const char *path, double x)
{
	double d = json_number_value(v) - x;

	if (!json_is_number(v) || d > 1e-9 || d < -1e-9) {
		_cleanup_free_ char *s = json_dumps(v, JSON_ENCODE_ANY);

		fail_msg("line %d: %s is %s, expected %.9f", line, path, s, x);
	}
}

#define assert_null_at(j, path) assert_true(json_is_null(at(j, path)))
#define assert_word_at(j, path, s) assert_string_equal(json_string_value(at(j, path)), s)

struct made {
	struct history *h;
	struct analysis a;
};

static inline void make(struct events *e, struct made *m)
{
	*m = (struct made){.h = ev__history(e)};
	assert_int_equal(analysis__make(m->h, &m->a), 0);
}

static inline void unmake(struct made *m)
{
	analysis__free(&m->a);
	history__free(m->h);
}
#define _cleanup_made_ _cleanup_(unmake)

#endif
