// SPDX-License-Identifier: GPL-2.0-only
/*
 * timeline.c: walks each fault through its windows. The kernel turns faults on and off by its own
 * clock; this file keeps the running and the next window programmed, and records what happened.
 */
#include "run/internal.h"

#include <string.h>

enum {
	FIRST_HIT_MS = 20, /* how often to look for the first hit of an occurrence */
};

int timeline__init(struct run *run)
{
	run->faults = calloc(run->e->n_faults + 1, sizeof(*run->faults));
	if (!run->faults)
		return -ENOMEM;
	for (size_t i = 0; i < run->e->n_faults; i++)
		run->faults[i].cleared_ns = -1;
	return 0;
}

size_t timeline__first(const struct windows *w, int64_t now)
{
	size_t lo = 0, hi = w->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->v[mid].end_ns <= now)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static uint64_t kernel_end(const struct run *run, const struct window *w)
{
	int64_t end = run->leased && w->end_ns > run->lease_end_ns ? run->lease_end_ns : w->end_ns;

	/* There is no time before run time 0 in the kernel. */
	return end > 0 ? (uint64_t)end : 0;
}

/* Put window @k of @fault into its slot; the slot's former window (k - 2) is over. */
static void program(struct run *run, size_t fault, size_t k)
{
	const struct windows *w = &run->plan->windows[fault];

	if (k < w->n)
		dataplane__set_window(run->dp, fault, k % CHAOS_WINDOWS, (uint64_t)w->v[k].start_ns,
				      kernel_end(run, &w->v[k]));
}

static void move_ends(struct run *run)
{
	for (size_t i = 0; i < run->e->n_faults; i++) {
		const struct windows *w = &run->plan->windows[i];
		size_t first = run->faults[i].next;

		for (size_t k = first; k < w->n && k < first + CHAOS_WINDOWS; k++)
			dataplane__move_end(run->dp, i, k % CHAOS_WINDOWS,
					    kernel_end(run, &w->v[k]));
	}
}

/* A fault that should have been on beyond the lease's end. */
static bool any_beyond(const struct run *run)
{
	for (size_t i = 0; i < run->e->n_faults; i++) {
		const struct fault_state *fs = &run->faults[i];

		if (fs->active && run->plan->windows[i].v[fs->next].end_ns > run->lease_end_ns)
			return true;
	}
	return false;
}

void timeline__renew(struct run *run, int64_t now)
{
	int64_t was = run->lease_end_ns;
	bool lapsed = now > was && any_beyond(run);

	if (!run->leased || now < was - (LEASE_S - 1) * NS_PER_S)
		return;
	run->lease_end_ns = now + LEASE_S * NS_PER_S;
	move_ends(run);
	if (lapsed)
		run__note(run, "warning",
			  "faults were off for up to %.1f s, until %.1f s: chaos did not come to run, and "
			  "their lease of %d s ended",
			  (double)(now - was) / NS_PER_S, (double)now / NS_PER_S, LEASE_S);
}

bool timeline__any_skipped(const struct run *run)
{
	for (size_t i = 0; i < run->e->n_faults; i++)
		if (run->faults[i].first)
			return true;
	return false;
}

void timeline__prime(struct run *run, int64_t now)
{
	run->leased = run->opts->lease || dataplane__outlives_us(run->dp);
	run->lease_end_ns = now + LEASE_S * NS_PER_S;
	for (size_t i = 0; i < run->e->n_faults; i++) {
		struct fault_state *fs = &run->faults[i];

		fs->first = fs->next =
			run->joined_ns ? timeline__first(&run->plan->windows[i], run->joined_ns)
				       : 0;
		for (size_t k = 0; k < CHAOS_WINDOWS; k++)
			program(run, i, fs->first + k);
	}
}

json_t *timeline__effects(const struct chaos_edge_counts *c)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "dropped",
			 (json_int_t)c->dropped, "delayed", (json_int_t)c->delayed, "reordered",
			 (json_int_t)c->reordered, "duplicated", (json_int_t)c->duplicated,
			 "corrupted", (json_int_t)c->corrupted, "shaped", (json_int_t)c->shaped,
			 "reset", (json_int_t)c->reset, "rejected", (json_int_t)c->rejected,
			 "marked", (json_int_t)c->marked, "overflowed", (json_int_t)c->overflowed);
}

json_t *timeline__hits(const struct run *run, size_t fault)
{
	return timeline__effects(&run->faults[fault].total);
}

static json_t *hit_time(const struct run *run, uint64_t mono_ns)
{
	return mono_ns ? json_integer((json_int_t)mono_ns - run->t0_ns) : json_null();
}

json_t *timeline__edges(const struct run *run, size_t fault)
{
	_cleanup_free_ struct dp_edge_hits *hits = NULL;
	json_t *a = json_array();
	size_t n = 0;

	if (dataplane__hits(run->dp, fault, &hits, &n) < 0)
		return a;
	for (size_t i = 0; i < n; i++) {
		const struct chaos_edge_counts *c = &hits[i].counts;

		json_array_append_new(
			a, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o}", "from", hits[i].from,
				     "to", hits[i].to, "matched", (json_int_t)c->matched,
				     "matched_bytes", (json_int_t)c->matched_bytes, "dropped",
				     (json_int_t)c->dropped, "delayed", (json_int_t)c->delayed,
				     "first_hit_ns", hit_time(run, c->first_hit_ns), "last_hit_ns",
				     hit_time(run, c->last_hit_ns)));
	}
	return a;
}

static void record(struct run *run, size_t fault, const char *event, int64_t t_ns)
{
	const struct fault_state *fs = &run->faults[fault];
	json_t *o = json_pack("{s:s,s:I,s:s}", "fault", run->e->faults[fault].name, "occurrence",
			      (json_int_t)fs->next, "event", event);

	if (!strcmp(event, "cleared")) {
		json_object_set_new(o, "hits", timeline__hits(run, fault));
		json_object_set_new(o, "edges", timeline__edges(run, fault));
	}
	run__record(run, "fault", t_ns, o);
}

const char *timeline__changes(const struct chaos_edge_counts *was,
			      const struct chaos_edge_counts *now, char *buf, size_t size)
{
	const struct {
		const char *word;
		uint64_t n;
	} rows[] = {
		{"dropped", now->dropped - was->dropped},
		{"delayed", now->delayed - was->delayed},
		{"reordered", now->reordered - was->reordered},
		{"duplicated", now->duplicated - was->duplicated},
		{"corrupted", now->corrupted - was->corrupted},
		{"shaped", now->shaped - was->shaped},
		{"reset", now->reset - was->reset},
		{"rejected", now->rejected - was->rejected},
		{"marked", now->marked - was->marked},
	};
	size_t n = 0;

	snprintf(buf, size, "no packet hit");
	for (size_t i = 0; i < ARRAY_SIZE(rows) && n < size; i++)
		if (rows[i].n)
			n += (size_t)snprintf(buf + n, size - n, "%s%llu %s%s", n ? ", " : "",
					      (unsigned long long)rows[i].n,
					      n		       ? ""
					      : rows[i].n == 1 ? "packet "
							       : "packets ",
					      rows[i].word);
	return buf;
}

static void begin(struct run *run, size_t i, int64_t t_ns)
{
	struct fault_state *fs = &run->faults[i];

	fs->active = true;
	fs->hit = false;
	fs->before = fs->total;
	record(run, i, "armed", t_ns);
	run__say(run, t_ns, "%s: armed", run->e->faults[i].name);
}

static void end(struct run *run, size_t i, int64_t t_ns)
{
	struct fault_state *fs = &run->faults[i];
	char buf[256];

	dataplane__total(run->dp, i, &fs->total);
	record(run, i, "cleared", t_ns);
	run__say(run, t_ns, "%s: cleared, %s", run->e->faults[i].name,
		 timeline__changes(&fs->before, &fs->total, buf, sizeof(buf)));
	fs->active = false;
	fs->cleared_ns = t_ns;
	fs->next++;
}

/* The first occurrence has the packet's own time; later ones the time at which it was seen here. */
static void look_for_hit(struct run *run, size_t i, int64_t now)
{
	struct fault_state *fs = &run->faults[i];
	int64_t t_ns = now;

	if (dataplane__total(run->dp, i, &fs->total) < 0 || fs->hit ||
	    fs->total.last_hit_ns == fs->before.last_hit_ns)
		return;
	fs->hit = true;
	if (fs->next == fs->first && fs->total.first_hit_ns)
		t_ns = (int64_t)fs->total.first_hit_ns - run->t0_ns;
	record(run, i, "first_hit", t_ns);
	run__say(run, t_ns, "%s: first packet hit", run->e->faults[i].name);
}

static void tick_fault(struct run *run, size_t i, int64_t now)
{
	const struct windows *w = &run->plan->windows[i];
	struct fault_state *fs = &run->faults[i];

	while (fs->next < w->n && now >= w->v[fs->next].start_ns) {
		/* One that is joined in the middle was not in effect here before. */
		if (!fs->active)
			begin(run, i,
			      w->v[fs->next].start_ns > run->joined_ns ? w->v[fs->next].start_ns
								       : run->joined_ns);
		look_for_hit(run, i, now);
		if (run->opts->lease || now < w->v[fs->next].end_ns)
			break;
		end(run, i, w->v[fs->next].end_ns);
		program(run, i, fs->next + CHAOS_WINDOWS - 1);
	}
}

void timeline__tick(struct run *run, int64_t now)
{
	timeline__renew(run, now);
	for (size_t i = 0; i < run->e->n_faults; i++)
		tick_fault(run, i, now);
}

int64_t timeline__next(const struct run *run, int64_t now)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < run->e->n_faults; i++) {
		const struct windows *w = &run->plan->windows[i];
		const struct fault_state *fs = &run->faults[i];
		int64_t t;

		if (fs->next >= w->n)
			continue;
		t = fs->active ? w->v[fs->next].end_ns : w->v[fs->next].start_ns;
		if (fs->active && !fs->hit && now + FIRST_HIT_MS * NS_PER_MS < t)
			t = now + FIRST_HIT_MS * NS_PER_MS;
		if (t < next)
			next = t;
	}
	return next;
}

bool timeline__any_active(const struct run *run)
{
	for (size_t i = 0; i < run->e->n_faults; i++)
		if (run->faults[i].active)
			return true;
	return false;
}

bool timeline__all_done(const struct run *run)
{
	for (size_t i = 0; i < run->e->n_faults; i++)
		if (run->faults[i].next < run->plan->windows[i].n)
			return false;
	return true;
}

void timeline__end(struct run *run, int64_t now)
{
	for (size_t i = 0; i < run->e->n_faults; i++)
		if (run->faults[i].active)
			end(run, i, now);
}
