// SPDX-License-Identifier: GPL-2.0-only
/*
 * traffic.c: what the kernel counts of traffic, taken out a few times a second and recorded: bins, queues of listening
 * sockets, why the kernel dropped and reset.
 */
#include "run/internal.h"

#include "recorder/bins.h"
#include "recorder/listen.h"

#include <string.h>

/* A bin is taken so long after its end: a program that has looked at the clock in it is through by then. */
#define GRACE_NS (50 * NS_PER_MS)
#define REASONS_EVERY_NS NS_PER_S
/* Bins of one event: so many, but no less and no more than these. */
#define EVENT_BINS 10
#define EVENT_MIN_NS (500 * NS_PER_MS)
#define EVENT_MAX_NS (2 * NS_PER_S)

struct run_traffic {
	struct listens *listens;
	uint64_t next_bin; /* the first that is not taken yet */
	uint64_t late, refused;
	int64_t next_reasons_ns, reasons_from_ns;
	struct dp_reason *reasons[DP_N_WHY]; /* as recorded last */
	size_t n_reasons[DP_N_WHY];
};

int traffic__open(struct run *run, struct error *err)
{
	struct run_traffic *t = calloc(1, sizeof(*t));
	int r = 0;

	if (t)
		t->listens = listens__new();
	run->bins = t;
	if (!t || !t->listens)
		return err__set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < run->n_places && !r; i++)
		if (run->places[i]->netns_fd >= 0)
			r = listens__add(t->listens, run->places[i]->name, run->places[i]->netns_fd,
					 err);
	if (!r && dataplane__bins_missing(run->dp))
		run__say(run, 0, "%s", dataplane__bins_missing(run->dp));
	return r;
}

void traffic__follow(struct run *run)
{
	struct error err = {0};

	for (size_t i = 0; run->bins && i < run->n_places; i++)
		if (run->places[i]->netns_fd >= 0 &&
		    listens__add(run->bins->listens, run->places[i]->name, run->places[i]->netns_fd,
				 &err))
			run__note(run, "warning", "%s", err.msg);
}

void traffic__join(struct run *run, int64_t now)
{
	struct run_traffic *t = run->bins;

	if (!t)
		return;
	t->next_bin = (uint64_t)(now / run->e->traffic_bin_ns);
	t->next_reasons_ns = t->reasons_from_ns = now;
}

void traffic__free(struct run *run)
{
	if (!run->bins)
		return;
	listens__free(run->bins->listens);
	for (size_t i = 0; i < DP_N_WHY; i++)
		free(run->bins->reasons[i]);
	free(run->bins);
	run->bins = NULL;
}

/* --- bins ------------------------------------------------------------------------------------- */

struct batch {
	struct run *run;
	int64_t now, start_ns, bin_ns;
};

static void record_bins(const struct dp_bins *b, void *arg)
{
	const struct batch *batch = arg;

	run__record(batch->run, "bins", batch->now, bins__event(b, batch->start_ns, batch->bin_ns));
}

static uint64_t bins_per_event(int64_t bin_ns)
{
	int64_t ns = EVENT_BINS * bin_ns;

	if (ns < EVENT_MIN_NS)
		ns = EVENT_MIN_NS;
	if (ns > EVENT_MAX_NS)
		ns = EVENT_MAX_NS;
	return ns > bin_ns ? (uint64_t)(ns / bin_ns) : 1;
}

/* Record the bins before @end, in events of at most @per bins. */
static void take_bins(struct run *run, int64_t now, uint64_t end, uint64_t per)
{
	struct run_traffic *t = run->bins;
	const int64_t bin_ns = run->e->traffic_bin_ns;
	/* Bins that are written to now have their places in the ring too. */
	const uint64_t ring = CHAOS_BINS - 2 - (uint64_t)(GRACE_NS / bin_ns);

	if (end > t->next_bin + ring) {
		t->late += end - ring - t->next_bin;
		t->next_bin = end - ring;
	}
	while (t->next_bin < end) {
		uint64_t to = t->next_bin + per < end ? t->next_bin + per : end;
		struct batch b = {run, now, (int64_t)t->next_bin * bin_ns, bin_ns};

		if (dataplane__take_bins(run->dp, t->next_bin, to, record_bins, &b))
			return;
		t->next_bin = to;
	}
}

/* --- listening sockets ------------------------------------------------------------------------ */

static void record_listen(const struct listen_sample *s, void *arg)
{
	struct run *run = arg;

	dataplane__add_service(run->dp, s->port);
	run__record(run, "listen", run__now(run),
		    json_pack("{s:s,s:i,s:I,s:I,s:I,s:I}", "node", s->node, "port", (int)s->port,
			      "queue", (json_int_t)s->queue, "backlog", (json_int_t)s->backlog,
			      "overflows", (json_int_t)s->overflows, "drops",
			      (json_int_t)s->drops));
}

/* --- reasons ---------------------------------------------------------------------------------- */

static void record_why(struct run *run, enum dp_why why, const char *event, int64_t now)
{
	struct run_traffic *t = run->bins;
	_cleanup_(json_decrefp) json_t *events = NULL;
	struct dp_reason *v;
	json_t *e;
	size_t n, i;

	if (dataplane__reasons(run->dp, why, &v, &n))
		return;
	events = reasons__events(t->reasons[why], t->n_reasons[why], v, n, t->reasons_from_ns);
	json_array_foreach(events, i, e)
		run__record(run, event, now, json_incref(e));
	free(t->reasons[why]);
	t->reasons[why] = v;
	t->n_reasons[why] = n;
}

static void record_reasons(struct run *run, int64_t now)
{
	record_why(run, DP_WHY_DROPPED, "drops", now);
	record_why(run, DP_WHY_RESET, "resets", now);
	run->bins->reasons_from_ns = now;
}

/* --- the run ---------------------------------------------------------------------------------- */

void traffic__tick(struct run *run, int64_t now)
{
	struct run_traffic *t = run->bins;
	const int64_t bin_ns = run->e->traffic_bin_ns;
	uint64_t per, end;

	if (!t)
		return;
	listens__sample(t->listens, record_listen, run);
	if (now >= t->next_reasons_ns) {
		record_reasons(run, now);
		t->next_reasons_ns = now + REASONS_EVERY_NS;
	}
	per = bins_per_event(bin_ns);
	end = now > GRACE_NS ? (uint64_t)((now - GRACE_NS) / bin_ns) : 0;
	/* Whole events: all that are recorded at one time begin and end together. */
	end -= end % per;
	take_bins(run, now, end, per);
}

void traffic__end(struct run *run, int64_t now)
{
	struct run_traffic *t = run->bins;

	if (!t)
		return;
	listens__sample(t->listens, record_listen, run);
	record_reasons(run, now);
	take_bins(run, now, (uint64_t)(now / run->e->traffic_bin_ns) + 1,
		  bins_per_event(run->e->traffic_bin_ns));
	t->refused = dataplane__bins_refused(run->dp);
	if (t->refused)
		run__note(
			run, "warning",
			"too many services: %llu connections and packets are recorded under port 0",
			(unsigned long long)t->refused);
	if (t->late)
		run__note(run, "warning",
			  "%llu bins of traffic were taken late: their counts may be in later ones",
			  (unsigned long long)t->late);
}

uint64_t traffic__late(const struct run *run)
{
	return run->bins ? run->bins->late : 0;
}

uint64_t traffic__refused(const struct run *run)
{
	return run->bins ? run->bins->refused : 0;
}
