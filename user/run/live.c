// SPDX-License-Identifier: GPL-2.0-only
#include "run/internal.h"

#include "lib/log.h"
#include "run/members.h"
#include "run/put.h"

#include <fcntl.h>
#include <string.h>

enum { WARNINGS_MAX = 16 };

struct live {
	int dir_fd;
	char *name;
	json_t *warnings;
	json_t *last;	  /* NULL: nothing was attached yet */
	uint64_t written; /* what was written last, for short */
	int64_t next_ns;  /* run time of the next writing in any case */
	bool failed;	  /* and said so */
};

int live__open(const struct run_options *opts, struct live **ret, struct error *err)
{
	_cleanup_free_ char *dir = NULL;
	const char *slash;
	struct live *l;

	if (!opts->live)
		return 0;
	slash = strrchr(opts->live, '/');
	dir = slash ? strndup(opts->live, (size_t)(slash - opts->live + 1)) : strdup(".");
	l = calloc(1, sizeof(*l));
	if (l)
		*l = (struct live){.dir_fd = -1,
				   .name = strdup(slash ? slash + 1 : opts->live),
				   .warnings = json_array(),
				   .next_ns = INT64_MIN};
	if (!dir || !l || !l->name || !l->warnings) {
		live__close(l);
		return err__set(err, -ENOMEM, "out of memory");
	}
	l->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0) {
		int r = err__set(err, -errno, "cannot write `%s`: %s", opts->live, strerror(errno));

		live__close(l);
		return r;
	}
	*ret = l;
	return 0;
}

void live__close(struct live *l)
{
	if (!l)
		return;
	safe_close(l->dir_fd);
	json_decref(l->warnings);
	json_decref(l->last);
	free(l->name);
	free(l);
}

void live__note(struct live *l, const char *level, const char *text)
{
	if (!l || !strcmp(level, "info"))
		return;
	if (json_array_size(l->warnings) == WARNINGS_MAX)
		json_array_remove(l->warnings, 0);
	/* What is no UTF-8 is no JSON string; chaos.log has it. */
	json_array_append_new(l->warnings, json_string(text));
	l->next_ns = INT64_MIN;
}

static json_t *seconds(int64_t ns)
{
	/* to the microsecond: more digits say nothing */
	int64_t us = ns / NS_PER_US;

	return json_real((double)us / 1e6);
}

/* Of an instant of CLOCK_MONOTONIC; 0: there was none. */
static json_t *run_seconds(const struct run *run, uint64_t mono_ns)
{
	return mono_ns ? seconds((int64_t)mono_ns - run->t0_ns) : json_null();
}

static json_t *edges(const struct run *run, size_t fault)
{
	_cleanup_free_ struct dp_edge_hits *hits = NULL;
	json_t *a = json_array();
	size_t n = 0;

	if (dataplane__hits(run->dp, fault, &hits, &n) < 0)
		return a;
	for (size_t i = 0; i < n; i++) {
		json_t *o = timeline__effects(&hits[i].counts);

		json_object_set_new(o, "from", json_string(hits[i].from));
		json_object_set_new(o, "to", json_string(hits[i].to));
		json_object_set_new(o, "matched", json_integer((json_int_t)hits[i].counts.matched));
		json_object_set_new(o, "first_hit_at_s",
				    run_seconds(run, hits[i].counts.first_hit_ns));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *fault(const struct run *run, size_t i)
{
	const struct fault_state *fs = &run->faults[i];
	char mechanism[128];

	dataplane__fault_mechanism(run->dp, i, mechanism, sizeof(mechanism));
	return json_pack("{s:s,s:b,s:s,s:o,s:o,s:o,s:o}", "name", run->e->faults[i].name, "active",
			 fs->active, "mechanism", mechanism, "hits", timeline__hits(run, i),
			 "first_hit_at_s", run_seconds(run, fs->total.first_hit_ns), "cleared_at_s",
			 fs->cleared_ns < 0 ? json_null() : seconds(fs->cleared_ns), "edges",
			 edges(run, i));
}

static bool has_attachment(const struct run *run, const char *place)
{
	const struct dp_attachment *v;
	size_t n = dataplane__attachments(run->dp, &v);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i].node, place))
			return true;
	return false;
}

/* Of the namespace that @place is in; -1: none. The selectors have one descriptor for each. */
static int netns_of(const struct dp_plan *plan, const char *place)
{
	for (size_t i = 0; i < plan->n_members; i++)
		for (size_t k = 0; k < plan->members[i].n_places; k++) {
			const struct dp_place *p = &plan->members[i].places[k];

			if (p->label && !strcmp(p->label, place))
				return p->netns_fd;
		}
	return -1;
}

/* A pod of several endpoints is a place of each, and its devices serve one of them by name. */
static bool is_attached(const struct run *run, const char *place)
{
	const struct dp_plan *plan = &run->plan->dp;
	int netns;

	if (has_attachment(run, place))
		return true;
	netns = netns_of(plan, place);
	for (size_t i = 0; i < plan->n_members && netns >= 0; i++)
		for (size_t k = 0; k < plan->members[i].n_places; k++) {
			const struct dp_place *p = &plan->members[i].places[k];

			if (p->netns_fd == netns && p->label && has_attachment(run, p->label))
				return true;
		}
	return false;
}

static json_t *places(const struct run *run)
{
	const struct members *m = run->plan->select->members;
	json_t *a = json_array();

	for (size_t i = 0; m && i < m->n_pods; i++) {
		const struct member_pod *p = &m->pods[i];

		json_array_append_new(a, json_pack("{s:s,s:s,s:s,s:b,s:b}", "place", p->place,
						   "namespace", p->ns, "name", p->name, "here",
						   p->here, "attached",
						   p->here && is_attached(run, p->place)));
	}
	return a;
}

/* Without what only counts. */
static uint64_t signature(const struct run *run)
{
	const struct members *m = run->plan->select->members;
	const struct dp_attachment *v;
	uint64_t s = (m ? m->generation : 0) * 1000003 + dataplane__attachments(run->dp, &v);

	for (size_t i = 0; i < run->e->n_faults; i++) {
		const struct fault_state *fs = &run->faults[i];

		s = s * 1000003 + fs->next * 4 + fs->active * 2 + fs->hit;
	}
	for (const char *p = run->phase; *p; p++)
		s = s * 31 + (unsigned char)*p;
	return s;
}

static void put(struct live *l, json_t *o)
{
	int r = o ? put__json(l->dir_fd, l->name, 0644, o) : -ENOMEM;

	if (r && !l->failed)
		log_warn("cannot write `%s`: %s", l->name, strerror(-r));
	l->failed = r < 0;
	json_decref(o);
}

static json_t *describe(struct run *run, int64_t now)
{
	json_t *faults = json_array();

	for (size_t i = 0; i < run->e->n_faults; i++) {
		dataplane__total(run->dp, i, &run->faults[i].total);
		json_array_append_new(faults, fault(run, i));
	}
	return json_pack("{s:o,s:s,s:s,s:o,s:o,s:o,s:O,s:I}", "t_s", seconds(now), "phase", run->phase,
			 "mechanism", dataplane__mechanism(run->dp), "until_s",
			 run->opts->lease ? json_null() : seconds(run->e->duration_ns), "faults",
			 faults, "places", places(run), "warnings", run->live->warnings, "lost_events",
			 run->rec ? (json_int_t)recorder__lost(run->rec) : 0);
}

void live__tick(struct run *run, int64_t now)
{
	struct live *l = run->live;
	uint64_t s;

	if (!l)
		return;
	s = signature(run);
	if (now < l->next_ns && s == l->written)
		return;
	l->written = s;
	l->next_ns = now + NS_PER_S;
	json_decref(l->last);
	l->last = describe(run, now);
	put(l, json_incref(l->last));
}

void live__end(struct run *run, const char *status, const char *reason)
{
	struct live *l = run->live;
	json_t *o;

	if (!l)
		return;
	o = l->last ? json_incref(l->last) : json_object();
	json_object_set_new(o, "phase", json_string("end"));
	json_object_set_new(o, "t_s", seconds(run__now(run)));
	json_object_set_new(o, "status", json_string(status));
	json_object_set_new(o, "reason", json_string(reason));
	json_object_set(o, "warnings", l->warnings);
	put(l, o);
}
