/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h: one run of one experiment, from the empty machine back to the empty machine: lab, data
 * plane, probes and clients, the timeline, the record, the report. The order of what it takes down
 * is the order of harm: faults first, by one store.
 */
#ifndef CHAOS_RUN_H
#define CHAOS_RUN_H

#include "analysis/analysis.h"
#include "datapath/dataplane.h"
#include "experiment/experiment.h"
#include "lib/error.h"

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Exit statuses of the contract. */
enum {
	EXIT_HOLDS = 0,	      /* all expectations hold */
	EXIT_EXPECTATION = 1, /* one failed or is unknown */
	EXIT_USAGE = 2,	      /* usage or experiment file wrong, nothing touched */
	EXIT_RUNTIME = 3,     /* failed at run time, network restored */
	EXIT_INTERRUPTED = 130,
};

struct run_view;

/* Told of what happens; all may be NULL. Called from the thread of run__execute(). */
struct run_ui {
	/* One line for people about something that happened just now, at run time @t_ns. */
	void (*event)(void *arg, int64_t t_ns, const char *text);
	/* Several times a second: how things stand. */
	void (*tick)(void *arg, const struct run_view *view);
	void *arg;
};

struct run_options {
	const char *out; /* run folder; NULL: chaos-runs/NAME-TIMESTAMP */
	bool no_folder;	 /* inject: no folder, no record, no report */
	bool allow_host;
	bool last;	/* of this process: privileges are given up for good */
	bool lease;	/* no end: faults last until stopped, by leases of 5 s */
	bool no_report; /* the record alone: whoever has all nodes' records renders them */
	/* Run time 0, ns of CLOCK_REALTIME; 0: as soon as all is ready. In the past: the run is joined in the middle. */
	int64_t start_realtime_ns;
	const char *
		members; /* members.json (members.h): whom the pods: selectors mean; NULL: what is found here */
	const char *live; /* file that says how things stand; NULL: none */
	const char *node; /* of the cluster, for the record; NULL: none */
	enum dp_attach_mode mode;
	enum dp_hold_mode hold;
	const volatile int *stop; /* set by signal handlers: 0 = go on, else the signal */
	int wake_fd;		  /* readable when *stop was set */
	struct run_ui ui;
};

struct run_result {
	int status;	 /* exit status */
	char *dir;	 /* absolute run folder, NULL if none was made */
	json_t *summary; /* NULL if the record says nothing or no report was wanted */
	bool unwritten;	 /* the run folder lacks files of the report */
	json_t *faults;	 /* [{name, matched, dropped, hits, edges}] for inject */
	int64_t over_ns; /* it was over so long ago, and nothing was done; 0: it ran */
};

/*
 * Returns the exit status; @err has the words for 2 and 3. The network is as before when it returns. @ret must be
 * reset by run_result__reset().
 */
int run__execute(const struct experiment *e, const struct run_options *opts, struct run_result *ret,
		 struct error *err);
void run_result__reset(struct run_result *r);

/* With a start that is given: the run would be over by now. @ret_since_ns: for how long. */
bool run__is_over(const struct experiment *e, const struct run_options *opts,
		  int64_t *ret_since_ns);

/* The capabilities (lib/privilege.h) without which no run of @e is possible. */
uint64_t run__privileges(const struct experiment *e);

/* --- how things stand, for display ------------------------------------------------------------- */

struct view_role {
	const char *resource;
	char role[16];
	bool claim;
	int64_t epoch; /* -1 = none */
};

struct view_node {
	const char *name;
	struct view_role *roles;
	size_t n_roles;
	double acks_per_s, fails_per_s; /* over the last second; < 0 = no clients here */
	bool exited;			/* a command of it has ended */
};

struct view_fault {
	const char *name;
	bool active;
	int64_t next_start_ns, end_ns; /* run time; -1 = none */
	uint64_t matched, dropped;
	char effects[160]; /* in words: "12 packets dropped, 3 delayed" */
};

struct view_load {
	const char *name;
	/* of attempts that succeeded in the last full second; -1 = there was none */
	int64_t intended_p50_ns, intended_p99_ns, service_p50_ns, service_p99_ns;
};

struct run_view {
	const char *id, *name, *dir, *phase;
	int64_t t_ns, duration_ns; /* duration < 0: until stopped */
	struct view_node *nodes;
	size_t n_nodes;
	struct view_fault *faults;
	size_t n_faults;
	struct view_load *loads;
	size_t n_loads; /* that have begun */
};

json_t *run_view__json(const struct run_view *v);

#endif
