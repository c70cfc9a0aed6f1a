/* SPDX-License-Identifier: GPL-2.0-only */
/* herd.h: attempts and bins of a crowd, written by hand, and what is said of it. */
#ifndef CHAOS_TESTS_HERD_H
#define CHAOS_TESTS_HERD_H

#include "analysis/herd_internal.h"
#include "unit/analysis/events.h"

#define HTTP                                                                                  \
	"{\"name\":\"web\",\"system\":\"http\",\"check\":\"none\",\"nodes\":[\"n1\"],"        \
	"\"clients\":20,\"mode\":\"closed\",\"retry\":{\"policy\":\"fixed\"},\"timeout_ns\":" \
	"1000" MS_JSON ",\"target\":\"n2\"}"

/* One attempt; @more is JSON after a comma, or "". A time of -1: never sent. */
static inline void attempt(struct events *e, const char *workload, const char *op, int intent,
			   int n, const char *value, int64_t intended, int64_t invoke, int64_t back,
			   const char *outcome, const char *more)
{
	char sent[32] = "null";

	if (invoke >= 0)
		snprintf(sent, sizeof(sent), "%lld", (long long)invoke * 1000000);
	ev__line(e,
		 "{\"t_ns\":%lld,\"type\":\"op\",\"workload\":\"%s\",\"client\":%d,\"node\":\"n1\","
		 "\"op\":\"%s\",\"value\":%s,\"intent\":%d,\"attempt\":%d,\"intended_ns\":%lld,"
		 "\"invoke_ns\":%s,\"return_ns\":%lld,\"outcome\":\"%s\",\"error\":%s%s}",
		 (long long)back * 1000000, workload, intent % 20, op, value, intent, n,
		 (long long)intended * 1000000, sent, (long long)back * 1000000, outcome,
		 strcmp(outcome, "ok") ? "\"late\"" : "null", more);
}

static inline void request(struct events *e, int intent, int n, int64_t intended, int64_t invoke,
			   int64_t back, const char *outcome, const char *more)
{
	attempt(e, "web", "request", intent, n, "null", intended, invoke, back, outcome, more);
}

static inline const json_t *metric(const json_t *s, const char *name, const char *key,
				   const char *of)
{
	const json_t *m;
	size_t i;

	json_array_foreach(at(s, "herd.metrics"), i, m) {
		const char *owner = json_string_value(json_object_get(m, key));

		if (owner && !strcmp(owner, of) &&
		    !strcmp(json_string_value(at(m, "metric")), name))
			return m;
	}
	fail_msg("there is no metric %s of %s %s", name, key, of);
	return NULL;
}

static inline bool says(const json_t *list, const char *member, const char *what)
{
	const json_t *x;
	size_t i;

	json_array_foreach(list, i, x) {
		const char *s = json_string_value(member ? json_object_get(x, member) : x);

		if (s && strstr(s, what))
			return true;
	}
	return false;
}

struct series {
	const char *client, *server;
	int port;
	int64_t bin_ms;
	int n;
	int (*syn)(int i), (*opened)(int i), (*closed)(int i), (*first_us)(int i), (*bytes)(int i),
		(*packets)(int i);
};

static inline void array(struct events *e, const char *name, int n, int (*of)(int i))
{
	if (!of)
		return;
	fprintf(e->f, ",\"%s\":[", name);
	for (int i = 0; i < n; i++)
		fprintf(e->f, "%s%d", i ? "," : "", of(i));
	fprintf(e->f, "]");
}

static inline void bins(struct events *e, struct series s)
{
	fprintf(e->f,
		"{\"t_ns\":30000000000,\"type\":\"bins\",\"client\":\"%s\",\"server\":\"%s\","
		"\"proto\":\"tcp\",\"port\":%d,\"start_ns\":0,\"bin_ns\":%lld,\"n\":%d",
		s.client, s.server, s.port, (long long)s.bin_ms * 1000000, s.n);
	array(e, "syn", s.n, s.syn);
	array(e, "opened", s.n, s.opened);
	array(e, "closed", s.n, s.closed);
	array(e, "bytes", s.n, s.bytes);
	array(e, "packets", s.n, s.packets);
	if (s.first_us) {
		array(e, "first_byte_us", s.n, s.first_us);
		array(e, "first_byte_n", s.n, s.syn);
	}
	fprintf(e->f, "}\n");
}

static inline void a_cut(struct events *e, const char *workloads)
{
	ev__open(e);
	ev__run(e, (struct run){.workloads = workloads ? workloads : HTTP});
	ev__armed(e, "cut", 10000);
	ev__cleared(e, "cut", 20000, 5);
}

#endif
