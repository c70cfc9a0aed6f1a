/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.h: a run as recorded, in plain arrays: events.jsonl (recorder/recorder.h) after it has
 * been checked. Nothing here is computed but order: every array is sorted as its comment says,
 * and every name that appears is one that the "run" event declares.
 *
 * Nodes, resources, workloads and faults are indexes into the arrays of struct history. Times are
 * nanoseconds of run time, within +-HISTORY_T_MAX, so that differences never overflow. Strings
 * belong to the history.
 */
#ifndef CHAOS_ANALYSIS_HISTORY_H
#define CHAOS_ANALYSIS_HISTORY_H

#include "lib/error.h"

#include "lib/hist.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HISTORY_NONE INT64_MIN		    /* a number that was not measured */
#define HISTORY_T_MAX 1000000000000000000LL /* 31 years */
#define HISTORY_N_MAX 1000000000000000LL    /* counters, and values either side of 0 */
#define HISTORY_KEY_MAX 1000000		    /* keys of a workload are 0 to that */
#define HISTORY_KEY_NONE (-1)		    /* an attempt without a key */
#define HISTORY_BINS_MAX 1000000	    /* bins of one event */
#define HISTORY_BIN_MAX 1000000000000LL	    /* counted in one: sums of millions do not overflow */
#define HISTORY_OTHER (-1)		    /* an edge's end: anyone who is no node */

struct history_names {
	const char **v;
	size_t n;
};

struct history_nodes {
	int *v; /* index of the node */
	size_t n;
};

struct history_window {
	int64_t start_ns, end_ns; /* start <= end */
};

struct history_edge {
	int from, to; /* node or HISTORY_OTHER */
};

/* A machine of a cluster that took part; all others have one clock, and none of these. */
struct history_host {
	const char *name;
	const char *kernel, *mechanism; /* or NULL */
	/* its clock minus the reference: offset +- epsilon; HISTORY_NONE: not known */
	int64_t offset_ns, epsilon_ns;
	/* how far its times can be from those of a clock in the middle of all hosts'; 0: not known */
	int64_t error_ns;
	struct history_segment {
		int64_t from_ns, to_ns;
		const char *status; /* NULL: it has no end */
	} * segments;
	size_t n_segments;
};
#define HISTORY_NO_HOST (-1)

/* A machine that took part, and of which there is no record. */
struct history_missing {
	const char *node, *why;
};

/* A pod or another part of an endpoint, with a node of its own unless it is all of the endpoint. */
struct history_place {
	int node, endpoint;
};

/* A place came or went at a host. Sorted by (node, t_ns). */
struct history_presence {
	int64_t t_ns;
	int node, host;
	bool joined;
};

struct history_fault {
	const char *name;
	const char *mechanism;	    /* may be NULL */
	struct history_names parts; /* "partition", "loss" ... */
	bool partition;
	struct history_window *windows; /* as planned, in order */
	size_t n_windows;
	struct history_edge *edges;
	size_t n_edges;
	struct history_nodes *sides; /* of a partition */
	size_t n_sides;
	struct history_window *happened; /* as recorded: see history__window() */
	size_t n_happened;
	bool standing; /* the last of them was never cleared */
};

struct history_resource {
	const char *name, *system;
	struct history_nodes nodes;
	int64_t every_ns; /* > 0 */
};

struct history_workload {
	const char *name, *system, *check;
	struct history_nodes nodes;
	bool is_set;		     /* the check is `set` */
	bool closed;		     /* mode closed: a client waits for its answer, then thinks */
	int64_t clients, timeout_ns; /* HISTORY_NONE if not said */
	double rate_per_s, reads;    /* -1 if not said */
	const char *retry;	     /* the policy: "none", "immediate" ... or NULL */
	const char *target;	     /* the endpoint that is asked, or NULL */
};

enum role { ROLE_NONE, ROLE_FOLLOWER, ROLE_CANDIDATE, ROLE_LEADER, ROLE_ERROR };
const char *role__name(enum role r);

/* Sorted by (resource, node, send_ns). */
struct history_role {
	int resource, node, host; /* host: or HISTORY_NO_HOST */
	int64_t send_ns, recv_ns; /* send <= recv */
	int64_t epoch;		  /* or HISTORY_NONE */
	enum role role;
	bool claim;	    /* never with ROLE_ERROR */
	const char *leader; /* whom it names, or NULL */
	const char *error;  /* or NULL */
};

/*
 * OP_ADD: all that would change something; the verb says what. OP_REQUEST: nobody knows what it
 * changes: it counts as an answer, never as a write.
 */
enum op_kind { OP_ADD, OP_READ, OP_REQUEST };
enum op_verb {
	VERB_ADD,  /* to a set */
	VERB_READ, /* of a set: is the value there? of others: the value */
	VERB_WRITE,
	VERB_CAS,
	VERB_INC,
	VERB_PUSH,
	VERB_POP,
	VERB_ACQUIRE,
	VERB_RELEASE,
	VERB_USE, /* what a lock protects: the value is the token */
	VERB_REQUEST,
	VERB_COUNT
};
enum op_outcome { OP_OK, OP_FAIL, OP_UNKNOWN };

/*
 * What a client wanted, once, however many attempts it took (history_intents.c): sent first at
 * invoke_ns, settled at return_ns. Sorted by return_ns.
 */
struct history_op {
	int64_t intended_ns;
	int64_t invoke_ns; /* HISTORY_NONE: never sent */
	int64_t return_ns; /* >= invoke_ns */
	/* of the attempt that settled it, from its own sending; HISTORY_NONE: never sent */
	int64_t service_ns;
	/* HISTORY_NONE: a read before anything was acknowledged; of others than sets: nothing */
	int64_t value;
	int64_t more; /* VERB_CAS: what it was before; VERB_ACQUIRE: the token; VERB_USE: its place; or NONE */
	int64_t lease_ns;  /* VERB_ACQUIRE, or HISTORY_NONE */
	int64_t intent;	   /* unique in its workload; HISTORY_NONE: it was tried once */
	const char *error; /* or NULL */
	int workload, client, node;
	int host;     /* or HISTORY_NO_HOST */
	int key;      /* from 0 */
	int attempts; /* that were sent */
	enum op_kind kind;
	enum op_verb verb;
	enum op_outcome outcome;
	bool found; /* a read that is OP_OK: the value was there */
};

/* Everything that was sent for the operations. Sorted by invoke_ns. */
struct history_attempt {
	int64_t intended_ns, invoke_ns, return_ns;
	int64_t intent; /* HISTORY_NONE: it is the only attempt of its operation */
	int workload, client, node;
	int attempt; /* 0: the first of its intent */
	int key;     /* from 0, or HISTORY_KEY_NONE */
	int status;  /* of HTTP, or 0 */
	enum op_outcome outcome;
	bool conn; /* a new connection was made for it */
};

/* Inclusive runs of values, sorted and disjoint. */
struct history_run {
	int64_t first, last;
};

/* In the order of the file. */
struct history_final {
	int64_t t_ns;
	int workload, node;
	bool ok;
	struct history_run *runs;
	size_t n_runs;
	int64_t attempt; /* from 0 or 1 up; the last of each node counts */
	const char *error;
};

/* Sorted by (node, t_ns). */
struct history_traffic {
	int node;
	int64_t t_ns, bin_ns; /* the bin (t_ns - bin_ns, t_ns] */
	int64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	int64_t rx_syn, tx_syn, rx_rst, tx_rst, dropped;
};

enum bins_count {
	BINS_PACKETS,
	BINS_BYTES,
	BINS_BACK_PACKETS,
	BINS_BACK_BYTES,
	BINS_SYN,
	BINS_SYN_AGAIN,
	BINS_SYNACK,
	BINS_RST,
	BINS_BACK_RST,
	BINS_FIN,
	BINS_BACK_FIN,
	BINS_RETRANSMITS,
	BINS_BACK_RETRANSMITS,
	BINS_OPENED,
	BINS_CLOSED,
	BINS_DROPPED,
	BINS_CONNECT_US,
	BINS_CONNECT_N,
	BINS_FIRST_BYTE_US,
	BINS_FIRST_BYTE_N,
	BINS_RTT_US,
	BINS_RTT_N,
	BINS_COUNT
};
extern const char *const history_bins_names[BINS_COUNT];

/* What went between a client and a service. Sorted by (server, port, proto, start_ns). */
struct history_bins {
	int client, server; /* nodes or HISTORY_OTHER */
	int proto, port;    /* of IP: 6 is TCP; 0: no port */
	int64_t start_ns, bin_ns;
	size_t n;
	int64_t *counts[BINS_COUNT]; /* n of each; NULL: all 0 */
};

/* The queue of a listening socket. Sorted by (node, port, t_ns). */
struct history_listen {
	int64_t t_ns, queue, backlog; /* backlog: HISTORY_NONE if not said */
	int64_t overflows, drops;     /* of the node's namespace since the start, or NONE */
	int node, port;
};

/* What the kernel dropped by itself, or the RSTs that its TCP sent. In the order of the file. */
struct history_reason {
	int64_t t_ns, from_ns;
	int node; /* or HISTORY_OTHER: not known */
	const char *reason;
	int64_t packets;
};

enum history_hit {
	HIT_DROPPED,
	HIT_DELAYED,
	HIT_REORDERED,
	HIT_DUPLICATED,
	HIT_CORRUPTED,
	HIT_SHAPED,
	HIT_RESET,
	HIT_REJECTED,
	HIT_MARKED,
	HIT_OVERFLOWED, /* of dropped: the queue of a rate was full */
	HIT_COUNT
};
extern const char *const history_hit_names[HIT_COUNT];

struct history_edge_hits {
	struct history_edge edge;
	int64_t matched, matched_bytes, dropped;
	int64_t first_hit_ns, last_hit_ns; /* or HISTORY_NONE */
};

enum fault_event { FAULT_ARMED, FAULT_FIRST_HIT, FAULT_CLEARED };

/* In the order of time. */
struct history_fault_event {
	int64_t t_ns;
	int fault;
	int64_t occurrence;
	enum fault_event event;
	/* FAULT_CLEARED: of the whole run so far; HISTORY_NONE = this part is not used */
	int64_t hits[HIT_COUNT];
	struct history_edge_hits *edges;
	size_t n_edges;
};

/* In the order of time. */
struct history_gap {
	int resource, node;
	int64_t from_ns, to_ns; /* from <= to */
};

/* Someone sent VRRP advertisements, as one node saw it. In the order of the file. */
struct history_sender {
	int resource, node;
	const char *who; /* "SOURCE (MAC)" */
	int64_t vrid, family, interval_ns;
	int64_t from_ns, to_ns; /* from <= to */
	bool stopped;		/* false: the same from_ns may follow, with what came of it */
};

/* An address was announced from another MAC than before. In the order of the file. */
struct history_garp {
	int resource, node;
	int64_t t_ns;
	const char *address, *mac;
	const char *was; /* or NULL: the first time */
};

struct history_phase {
	int64_t t_ns;
	const char *phase;
};

struct history_node_event {
	int64_t t_ns;
	int node;
	const char *event, *command, *status; /* command, status: or NULL */
};

struct history_note {
	int64_t t_ns;
	const char *level, *text; /* "info", "warning", "error"; a guard that fired is an error */
};

struct history_end {
	bool present; /* false: the run crashed, or still runs */
	int64_t t_ns;
	const char
		*status; /* "complete" "interrupted" "failed" "aborted"; "crashed" if not present */
	const char *reason; /* or NULL */
	bool restored;
	int64_t events, lost_events, probe_gaps; /* HISTORY_NONE if not said */
	int64_t late_bins, unnamed_flows;	 /* likewise */
};

struct history {
	/* the "run" event */
	json_t *seed; /* integer as recorded, or null */
	const char *name, *description, *run_id, *kernel, *tool, *mechanism; /* NULL if not said */
	int64_t duration_ns;						     /* planned */
	int64_t start_realtime_ns;					     /* or HISTORY_NONE */
	int64_t start_monotonic_ns;					     /* or HISTORY_NONE */
	int64_t traffic_bin_ns;						     /* > 0 */
	/* endpoints, and after them places that have names of their own */
	struct history_names nodes;
	/* of each node: the endpoint that it is a place of, or itself; and whether it has such places */
	int *endpoint_of;
	bool *has_places;
	struct history_place *places;
	size_t n_places;
	struct history_presence *presence;
	size_t n_presence;
	struct history_host *hosts; /* of a cluster */
	size_t n_hosts;
	struct history_missing *missing;
	size_t n_missing;
	struct history_fault *faults;
	size_t n_faults;
	struct history_resource *resources;
	size_t n_resources;
	struct history_workload *workloads;
	size_t n_workloads;
	struct history_names expect, exempt;

	struct history_role *roles;
	size_t n_roles;
	struct history_op *ops;
	size_t n_ops;
	struct history_attempt *attempts;
	size_t n_attempts;
	struct history_names keys; /* those that are words; their numbers follow HISTORY_KEY_MAX */
	struct history_final *finals;
	size_t n_finals;
	struct history_bins *bins;
	size_t n_bins;
	struct history_listen *listens;
	size_t n_listens;
	struct history_reason *drops;
	size_t n_drops;
	struct history_reason *resets;
	size_t n_resets;
	struct history_traffic *traffic;
	size_t n_traffic;
	struct history_fault_event *fault_events;
	size_t n_fault_events;
	struct history_gap *gaps;
	size_t n_gaps;
	struct history_sender *senders;
	size_t n_senders;
	struct history_garp *garps;
	size_t n_garps;
	struct hist *
		lateness; /* of the clients of all workloads, as they say themselves; NULL: they do not */
	/* in the order of time */
	struct history_phase *phases;
	size_t n_phases;
	struct history_node_event *node_events;
	size_t n_node_events;
	struct history_note *notes;
	size_t n_notes;

	struct history_end end;
	int64_t last_ns; /* the latest t_ns of all: where the record ends */
	size_t n_events; /* lines */

	json_t *strings; /* owner of every string above: the keys of an object */
};

/*
 * As history__load(), from @f, named @name in messages. Reads to the end of @f.
 */
int history__read(FILE *f, const char *name, struct history **ret, struct error *err);

/* How far a time of @host can be from one of another host: 0 if there is no other. */
int64_t history__clock_error(const struct history *h, int host);

/* Did clients do what no one recorded? A machine's record is missing, or it ends, once or for good, without an end. */
bool history__has_holes(const struct history *h);

/* The name of a node, "other" for HISTORY_OTHER. */
const char *history__node(const struct history *h, int node);

/*
 * When fault @f was in force for the @i-th time (from 0), as recorded. False if it was not armed
 * that often. What was armed and never cleared (the run crashed) ends with the record.
 */
bool history__window(const struct history *h, size_t f, size_t i, struct history_window *ret);

#endif
