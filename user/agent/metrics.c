// SPDX-License-Identifier: GPL-2.0-only
#include "agent/metrics.h"

#include "analysis/history.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

static const struct family {
	const char *name, *help;
	bool counter;
	const char *labels[METRICS_LABELS_MAX];
} families[METRIC_COUNT] = {
	[METRIC_BUILD_INFO] = {"chaos_build_info",
			       "Always 1; version of the agent and of its kernel.",
			       false,
			       {"version", "kernel"}},
	[METRIC_RUNS] = {"chaos_runs",
			 "Objects that ask for faults, by the phase of the whole run.",
			 false,
			 {"phase"}},
	[METRIC_CHILDREN] = {"chaos_children",
			     "Processes that hold faults on this node now.",
			     false,
			     {NULL}},
	[METRIC_FAULT_ACTIVE] = {"chaos_fault_active",
				 "1 while the fault is in force on this node.",
				 false,
				 {"kind", "namespace", "run", "fault"}},
	[METRIC_FAULT_HITS] =
		{"chaos_fault_hits_total",
		 "Packets that a fault has acted on at a place (endpoint or pod) of this node.",
		 true,
		 {"kind", "namespace", "run", "fault", "effect", "place"}},
	[METRIC_FAULT_FIRST_HIT] =
		{"chaos_fault_first_hit_seconds",
		 "Time from the start of the run to the first packet hit on this node.",
		 false,
		 {"kind", "namespace", "run", "fault"}},
	[METRIC_API_REQUESTS] = {"chaos_api_requests_total",
				 "Answers of the API server by HTTP status; 0: none came.",
				 true,
				 {"code"}},
	[METRIC_API_LAST_CONTACT] = {"chaos_api_last_contact_seconds",
				     "Time since the API server last answered.",
				     false,
				     {NULL}},
	[METRIC_WATCH_RESTARTS] = {"chaos_watch_restarts_total",
				   "Times that the contact of a watch was lost.",
				   true,
				   {NULL}},
	[METRIC_CLOCK_OFFSET] =
		{"chaos_clock_offset_seconds",
		 "This node's clock minus the API server's, the middle of what it may be.",
		 false,
		 {NULL}},
	[METRIC_CLOCK_EPSILON] = {"chaos_clock_epsilon_seconds",
				  "Half the width of what the clock offset may be.",
				  false,
				  {NULL}},
	[METRIC_RECORDER_LOST_EVENTS] = {"chaos_recorder_lost_events_total",
					 "Events that the recorder of a run has lost on this node.",
					 true,
					 {"kind", "namespace", "run"}},
	[METRIC_EVENTS_DROPPED] = {"chaos_events_dropped_total",
				   "Kubernetes Events that were not sent: too many, or refused.",
				   true,
				   {NULL}},
	[METRIC_SERIES_REFUSED] =
		{"chaos_metrics_series_refused_total",
		 "Series beyond the bound of a metric, by how often they were set.",
		 true,
		 {NULL}},
};

struct series {
	char *labels; /* {a="x",b="y"} as in the text, or "" */
	double value, seen;
	uint64_t round; /* of runs, in which its source was there last; 0: it has none */
};

struct metrics {
	struct table {
		struct series *v;
		size_t n;
		json_t *index; /* labels -> index in v */
	} tables[METRIC_COUNT];
	int64_t started_ns; /* CLOCK_REALTIME */
	uint64_t round;
};

/* ---- series ---- */

static void put_escaped(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"')
			fputc('\\', f);
		if (*s == '\n')
			fputs("\\n", f);
		else
			fputc(*s, f);
	}
}

/* The labels as text: also what tells series apart. */
static char *labels_text(const struct family *f, const char *const *values)
{
	size_t size = 0;
	char *s = NULL;
	FILE *out = open_memstream(&s, &size);

	if (!out)
		return NULL;
	for (size_t i = 0; i < METRICS_LABELS_MAX && f->labels[i]; i++) {
		fprintf(out, "%s%s=\"", i ? "," : "{", f->labels[i]);
		put_escaped(out, *values ? *values : "");
		values += *values != NULL;
		fputc('"', out);
	}
	if (f->labels[0])
		fputc('}', out);
	if (fclose(out) == 0)
		return s;
	free(s);
	return NULL;
}

/* Its source was in neither this round of runs nor the one before. */
static bool is_stale(const struct metrics *m, const struct series *s)
{
	return s->round && s->round + 1 < m->round;
}

/* Make room: what runs that are no more have counted has been read long ago. */
static void drop_stale(struct metrics *m, struct table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct series s = t->v[i];

		if (is_stale(m, &s)) {
			json_object_del(t->index, s.labels);
			free(s.labels);
			continue;
		}
		json_object_set_new(t->index, s.labels, json_integer((json_int_t)n));
		t->v[n++] = s;
	}
	t->n = n;
}

static struct series *series_new(struct metrics *m, enum metric what, char *labels)
{
	struct table *t = &m->tables[what];
	struct series *v;

	if (t->n == METRICS_SERIES_MAX)
		drop_stale(m, t);
	if (t->n == METRICS_SERIES_MAX) {
		metrics__add(m, METRIC_SERIES_REFUSED, NO_LABELS, 1);
		return NULL;
	}
	v = reallocarray(t->v, t->n + 1, sizeof(*v));
	if (!v)
		return NULL;
	t->v = v;
	/* what is no UTF-8 is no label of Prometheus either */
	if (json_object_set_new(t->index, labels, json_integer((json_int_t)t->n)) < 0)
		return NULL;
	v = &t->v[t->n++];
	*v = (struct series){.labels = labels};
	return v;
}

static struct series *series(struct metrics *m, enum metric what, const char *const *values)
{
	_cleanup_free_ char *labels = labels_text(&families[what], values);
	struct table *t = &m->tables[what];
	const json_t *at = labels ? json_object_get(t->index, labels) : NULL;
	struct series *v;

	if (at)
		return &t->v[json_integer_value(at)];
	v = labels ? series_new(m, what, labels) : NULL;
	if (v)
		TAKE_PTR(labels);
	return v;
}

void metrics__set(struct metrics *m, enum metric what, const char *const *labels, double value)
{
	struct series *s = series(m, what, labels);

	if (s)
		s->value = value;
}

void metrics__add(struct metrics *m, enum metric what, const char *const *labels, double by)
{
	struct series *s = series(m, what, labels);

	if (s && (by >= 0 || !families[what].counter))
		s->value += by;
}

void metrics__follow(struct metrics *m, enum metric what, const char *const *labels, double value)
{
	struct series *s = series(m, what, labels);

	if (!s)
		return;
	s->round = m->round;
	if (!(value >= 0) || isinf(value))
		return;
	s->value += value < s->seen ? value : value - s->seen;
	s->seen = value;
}

void metrics__clear(struct metrics *m, enum metric what)
{
	struct table *t = &m->tables[what];

	for (size_t i = 0; i < t->n; i++)
		free(t->v[i].labels);
	free(t->v);
	json_object_clear(t->index);
	t->v = NULL;
	t->n = 0;
}

/* ---- runs ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

void metrics__begin_runs(struct metrics *m)
{
	static const char *const phases[] = {"Pending", "Running", "Paused", "Finished",
					     "Failed",	"Refused", "Stopped"};

	m->round++;
	metrics__clear(m, METRIC_RUNS);
	metrics__clear(m, METRIC_FAULT_ACTIVE);
	metrics__clear(m, METRIC_FAULT_FIRST_HIT);
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		metrics__set(m, METRIC_RUNS, LABELS(phases[i]), 0);
}

static bool is_here(const json_t *live, const char *place)
{
	const json_t *x;
	size_t i;

	json_array_foreach(json_object_get(live, "places"), i, x)
		if (!strcmp(text(x, "place"), place))
			return json_is_true(json_object_get(x, "here"));
	return false;
}

struct run_labels {
	const char *kind, *ns, *name;
};

/* Effects of one fault by place. Of an edge between two places of this node the sender has them. */
static json_t *by_place(const json_t *live, const json_t *fault)
{
	const json_t *hits = json_object_get(fault, "hits"), *edge;
	json_t *all = json_object();
	size_t i;

	json_array_foreach(json_object_get(fault, "edges"), i, edge) {
		const char *from = text(edge, "from"), *to = text(edge, "to"),
			   *place = is_here(live, from) ? from
				    : is_here(live, to) ? to
							: "";
		json_t *sums = json_object_get(all, place);

		if (!sums) {
			sums = json_object();
			json_object_set_new(all, place, sums);
		}
		for (size_t k = 0; k < HIT_COUNT; k++) {
			const char *effect = history_hit_names[k];
			const json_t *n = json_object_get(edge, effect);
			json_int_t before = json_integer_value(json_object_get(sums, effect));

			/* null in the fault's hits: this fault cannot have that effect */
			if (json_is_integer(json_object_get(hits, effect)) && json_is_integer(n) &&
			    json_integer_value(n) >= 0 &&
			    json_integer_value(n) <= INT64_MAX - before)
				json_object_set_new(sums, effect,
						    json_integer(before + json_integer_value(n)));
		}
	}
	return all;
}

static void count_hits(struct metrics *m, const struct run_labels *l, const json_t *live,
		       const json_t *fault)
{
	json_t *all = by_place(live, fault), *sums, *n;
	const char *place, *effect;

	json_object_foreach(all, place, sums)
		json_object_foreach(sums, effect, n)
			metrics__follow(
				m, METRIC_FAULT_HITS,
				LABELS(l->kind, l->ns, l->name, text(fault, "name"), effect, place),
				(double)json_integer_value(n));
	json_decref(all);
}

void metrics__run(void *metrics, const json_t *obj, const char *node_phase, const json_t *live)
{
	const json_t *meta = json_object_get(obj, "metadata"), *fault;
	const char *phase = text(json_object_get(obj, "status"), "phase");
	struct run_labels l = {text(obj, "kind"), text(meta, "namespace"), text(meta, "name")};
	const json_t *lost = json_object_get(live, "lost_events");
	struct metrics *m = metrics;
	size_t i;

	(void)node_phase;
	if (json_is_integer(lost))
		metrics__follow(m, METRIC_RECORDER_LOST_EVENTS, LABELS(l.kind, l.ns, l.name),
				(double)json_integer_value(lost));
	metrics__add(m, METRIC_RUNS, LABELS(*phase ? phase : "Pending"), 1);
	json_array_foreach(json_object_get(live, "faults"), i, fault) {
		const char *const *labels = LABELS(l.kind, l.ns, l.name, text(fault, "name"));
		const json_t *first = json_object_get(fault, "first_hit_at_s");

		metrics__set(m, METRIC_FAULT_ACTIVE, labels,
			     json_is_true(json_object_get(fault, "active")));
		if (json_is_number(first))
			metrics__set(m, METRIC_FAULT_FIRST_HIT, labels, json_number_value(first));
		count_hits(m, &l, live, fault);
	}
}

/* ---- the text ---- */

static void put_number(FILE *f, double v)
{
	if (isnan(v))
		fputs("NaN", f);
	else if (isinf(v))
		fputs(v > 0 ? "+Inf" : "-Inf", f);
	else if (v == floor(v) && fabs(v) < 9007199254740992.0) /* 2^53: exact */
		fprintf(f, "%" PRId64, (int64_t)v);
	else
		fprintf(f, "%.15g", v);
	fputc('\n', f);
}

static void put_head(FILE *f, const char *name, const char *help, bool counter)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, counter ? "counter" : "gauge");
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", "..", and its own */
}

static double resident_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		return 0;
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

/* The names that all programs give these. */
static void put_process(FILE *f, const struct metrics *m)
{
	struct rusage u = {0};

	getrusage(RUSAGE_SELF, &u);
	put_head(f, "process_cpu_seconds_total", "Processor time of the agent itself.", true);
	fputs("process_cpu_seconds_total ", f);
	put_number(f, (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			      (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
	put_head(f, "process_resident_memory_bytes", "Memory of the agent itself.", false);
	fputs("process_resident_memory_bytes ", f);
	put_number(f, resident_bytes());
	put_head(f, "process_open_fds", "Open file descriptors of the agent itself.", false);
	fputs("process_open_fds ", f);
	put_number(f, (double)open_files());
	put_head(f, "process_start_time_seconds", "Start of the agent, in seconds since 1970.",
		 false);
	fputs("process_start_time_seconds ", f);
	put_number(f, (double)m->started_ns / NS_PER_S);
}

char *metrics__text(const struct metrics *m, size_t *ret_len)
{
	size_t len = 0;
	char *s = NULL;
	FILE *f = open_memstream(&s, &len);

	if (!f)
		return NULL;
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		const struct table *t = &m->tables[i];

		put_head(f, families[i].name, families[i].help, families[i].counter);
		for (size_t k = 0; k < t->n; k++) {
			fprintf(f, "%s%s ", families[i].name, t->v[k].labels);
			put_number(f, t->v[k].value);
		}
	}
	put_process(f, m);
	if (fclose(f) != 0) {
		free(s);
		return NULL;
	}
	*ret_len = len;
	return s;
}

/* ---- life ---- */

struct metrics *metrics__new(void)
{
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->started_ns = clock__realtime();
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		m->tables[i].index = json_object();
		if (!m->tables[i].index) {
			metrics__free(m);
			return NULL;
		}
	}
	/* A counter without labels is there from the start, so that its first rise is seen as one. */
	for (size_t i = 0; i < METRIC_COUNT; i++)
		if (families[i].counter && !families[i].labels[0])
			metrics__add(m, (enum metric)i, NO_LABELS, 0);
	return m;
}

void metrics__free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < METRIC_COUNT; i++) {
		metrics__clear(m, (enum metric)i);
		json_decref(m->tables[i].index);
	}
	free(m);
}
