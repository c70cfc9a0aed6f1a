/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h: what the files of this room share about the one run in progress. */
#ifndef CHAOS_RUN_INTERNAL_H
#define CHAOS_RUN_INTERNAL_H

#include "datapath/dataplane.h"
#include "experiment/schedule.h"
#include "lab/lab.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "recorder/load.h"
#include "recorder/probe.h"
#include "recorder/recorder.h"
#include "run/follow.h"
#include "run/place.h"
#include "run/plan.h"
#include "run/run.h"
#include "run/state.h"

/* What one resource's role is at one place. */
struct run_probe {
	struct probe *probe;   /* NULL: the place is not here now */
	struct probe *leaving; /* of the namespace before: told to stop */
	unsigned int generation; /* of the place's namespace that it is in */
	struct custom_system custom; /* expanded for this node; owned strings */
	const struct role_watch *watch;
	const struct place *place;
	uint64_t gaps; /* of the probes before */
	bool claimed;  /* as told to the ui last */
	bool failed;   /* it could not be started, and this was said */
};

/* What the templates of a custom system look their names up in. */
struct run_load_place {
	const struct lab *lab; /* NULL: none */
	const struct place *place;
	char ip[46]; /* of it when the clients were started: they look while it may change */
};

struct run_load {
	struct load *load;
	const struct workload *workload;
	/* of each of its places, in the same order at all nodes of a cluster; one that comes later has no clients */
	struct load_place *places;
	const struct place **place;
	unsigned int *generation; /* of the namespace that its clients are in */
	bool *away;		  /* they wait for it */
	struct run_load_place *names;
	size_t n_places;
	const struct place *target, *resource; /* or NULL */
	char target_ip[46], resource_ip[46];   /* as its clients have it */
};

/* A fault without an end, and all that are attached by clsact, outlive a stopped or killed controller by this much. */
enum { LEASE_S = 5 };

/* Progress of one fault through its windows. */
struct fault_state {
	size_t next; /* window that is active, or comes next */
	bool active, hit;
	size_t first; /* the window that it began with: that were not over yet when the run was joined */
	int64_t cleared_ns;		 /* run time of the last end; -1: none */
	struct chaos_edge_counts before; /* total at the start of this occurrence */
	struct chaos_edge_counts total;
};

struct run {
	const struct experiment *e;
	const struct run_options *opts;
	char *dir; /* absolute; NULL without a folder */
	char id[160];
	int log_fd;
	struct state *state;
	struct recorder *rec; /* NULL without a folder */
	struct lab *lab;
	struct plan *plan;
	struct dataplane *dp;
	struct follow *follow;	 /* NULL: nothing to follow */
	struct capture *capture; /* NULL: none was asked for */
	int64_t t0_ns;
	int64_t start_realtime_ns; /* that t0_ns was made of; 0: it was not given */
	int64_t joined_ns; /* run time at which it was joined in the middle; 0: at its start */
	struct live *live; /* NULL: nobody asked for it */

	struct place **places; /* by endpoint, then name */
	size_t n_places;
	unsigned int places_order; /* one more when they have changed */
	bool *many; /* of each endpoint: its places have names of their own */
	struct run_probe **probes;
	size_t n_probes;
	bool probing, loading; /* they have been started, and follow the places */
	struct run_load *loads;
	size_t n_loads;
	unsigned int rate_pos;

	struct fault_state *faults;
	bool leased; /* windows end with the lease, which is renewed each second */
	int64_t lease_end_ns; /* run time */

	struct chaos_traffic *traffic;	  /* of each endpoint at the end of the last bin */
	int64_t next_bin_ns, last_bin_ns; /* run time */
	int64_t next_guard_ns;		  /* run time */
	int64_t next_publish_ns;	  /* run time */
	size_t published_active;

	struct run_traffic *bins; /* NULL without a record */

	json_t *early; /* events before the record is begun: [[mono_ns, type, fields]] */

	struct run_view view; /* arrays owned by the run, filled by view__update() */
	struct view_role *view_roles;
	size_t view_probes; /* that it has room for */
	unsigned int view_order;
	const char *phase;

	bool stop_asked;
	const char *end_status; /* "complete" ... */
	char end_reason[512];
	bool line_failed; /* the process behind the TAP has died */
};

static inline int64_t run__now(const struct run *run)
{
	return clock__now() - run->t0_ns;
}

/* Record (if there is a record) an event at run time @t_ns; steals @fields. */
void run__record(struct run *run, const char *type, int64_t t_ns, json_t *fields);
/* Tell people: one line to the ui and to chaos.log. */
void run__say(struct run *run, int64_t t_ns, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void run__note(struct run *run, const char *level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void run__set_phase(struct run *run, const char *phase);

/* start.c: CLOCK_MONOTONIC of an instant of CLOCK_REALTIME, as the two stand now. */
int64_t start__instant(int64_t realtime_ns);

/* What waits for run time 0 is called so, in what is shown of the run; the record does not begin before. */
#define PHASE_ARMED "armed"
/* loop.c: to run time 0, with all attached and armed. False: it ends before that; end_status says why. */
bool loop__wait_start(struct run *run);
/* From then on to the end of the experiment or to what ends it before. */
void loop__run(struct run *run);

/* folder.c */
int folder__create(struct run *run, struct error *err);
/* Undo folder__create(): the experiment was refused, so nothing of it stays. */
void folder__remove(struct run *run);

/* meta.c: the "run" event */
json_t *meta__run_event(const struct run *run);

/* timeline.c */
int timeline__init(struct run *run);
/* The first of @w that is not over at @now. */
size_t timeline__first(const struct windows *w, int64_t now);
/* Program the first windows that are not over when the run is joined; call right before arming. */
void timeline__prime(struct run *run, int64_t now);
/* The lease, where it is due; before run time 0, too. */
void timeline__renew(struct run *run, int64_t now);
/* Windows were over before the run was joined. */
bool timeline__any_skipped(const struct run *run);
/* Record what began and ended by @now (run time), program what comes. */
void timeline__tick(struct run *run, int64_t now);
int64_t timeline__next(const struct run *run,
		       int64_t now); /* run time of the next change, or INT64_MAX */
bool timeline__any_active(const struct run *run);
bool timeline__all_done(const struct run *run);
/* Everything was disarmed at @now: record what was still active as cleared. */
void timeline__end(struct run *run, int64_t now);
/* "12 packets dropped, 3 delayed": what was done since @was; what did not happen is not said. Writes @buf, returns it. */
const char *timeline__changes(const struct chaos_edge_counts *was,
			      const struct chaos_edge_counts *now, char *buf, size_t size);
/* {"dropped": n, "delayed": n, ...} */
json_t *timeline__effects(const struct chaos_edge_counts *c);
json_t *timeline__hits(const struct run *run, size_t fault);
json_t *timeline__edges(const struct run *run, size_t fault);

/* capture.c: capture.pcapng; nothing without observe.capture */
int capture__open(struct run *run, struct error *err);
void capture__drain(struct run *run);
void capture__close(struct run *run);

/* observe.c */
int observe__start_probes(struct run *run, struct error *err);
int observe__start_loads(struct run *run, struct error *err);
void observe__stop_loads(struct run *run);
bool observe__has_final(const struct run *run); /* some workload can be read back */
void observe__final(struct run *run);
void observe__stop_probes(struct run *run);
/* The places may have changed: what was there goes, what is there now comes. */
void observe__follow(struct run *run);
void observe__free(struct run *run);
void observe__tick(struct run *run, int64_t now);    /* every 100 ms: rates, changes of claims */
void observe__traffic(struct run *run, int64_t now); /* when a bin has ended */
uint64_t observe__gaps(const struct run *run);

/*
 * traffic.c: bins, listening sockets and the kernel's drops. Opened when all is attached; a tick is due every 100 ms; after
 * traffic__end(), which comes when nothing is armed any more, all that was counted is recorded.
 */
int traffic__open(struct run *run, struct error *err);
/* The run is joined at run time @now: what was before is not there to be taken. */
void traffic__join(struct run *run, int64_t now);
void traffic__follow(struct run *run); /* the places have changed */
void traffic__tick(struct run *run, int64_t now);
void traffic__end(struct run *run, int64_t now);
/* Members of the end event's recorder: what is not in its place. */
uint64_t traffic__late(const struct run *run);
uint64_t traffic__refused(const struct run *run);
void traffic__free(struct run *run);

/* privileges.c: all is loaded and attached; what the rest of the run does not need goes. */
int privileges__give_up(const struct run *run, struct error *err);

/* guard.c: true if a guard fired; end_reason says which. */
bool guard__tick(struct run *run, int64_t now);

/* publish.c: for who watches; what cannot be written is not seen, and no harm to the run */
void publish__scope(struct run *run);
void publish__live(struct run *run,
		   int64_t now); /* after view__update(); once a second, and on changes */

/*
 * live.c: how things stand, in a file for who started the run: at each change of a fault or of the members, else once a
 * second, and a last time when it has ended. NULL is fine everywhere.
 */
int live__open(const struct run_options *opts, struct live **ret, struct error *err);
void live__close(struct live *l);
/* A note of level @level: all but "info" are shown. */
void live__note(struct live *l, const char *level, const char *text);
void live__tick(struct run *run, int64_t now);
void live__end(struct run *run, const char *status, const char *reason);

/* view.c */
int view__init(struct run *run);
void view__update(struct run *run, int64_t now);
void view__free(struct run *run);

#endif
