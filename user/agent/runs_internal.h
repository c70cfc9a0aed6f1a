/* SPDX-License-Identifier: GPL-2.0-only */
/* runs_internal.h: what the files of runs.h share. */
#ifndef CHAOS_AGENT_RUNS_INTERNAL_H
#define CHAOS_AGENT_RUNS_INTERNAL_H

#include "agent/child.h"
#include "agent/collect.h"
#include "agent/job.h"
#include "agent/object.h"
#include "agent/record.h"
#include "agent/runs.h"
#include "agent/status.h"

struct run;

/* One kind of request of a run, of which one is on its way at a time. */
struct send {
	struct run *run;
	const char *what; /* for messages */
	bool busy;
	unsigned int failures; /* in a row */
	int64_t not_before_ns; /* CLOCK_MONOTONIC */
};

enum child_end { END_NONE, END_ASKED, END_KILLED };

enum record_state { RECORD_NONE, RECORD_PACKED, RECORD_SENT, RECORD_LOST };

struct run {
	struct runs *runs;
	struct run *next;
	enum run_kind kind;
	char *uid, *ns, *name, *path;
	json_t *obj; /* the newest version that is known, with kind and apiVersion */
	bool gone;
	bool dirty;
	int64_t due_ns;

	/* what its spec comes to */
	bool loaded;
	json_int_t generation; /* that was loaded, or refused */
	struct cluster_object o;
	char *refused; /* the whole: why */
	char *pending; /* what it waits for */
	bool change_told;
	int64_t start_at_ns, end_ns; /* CLOCK_REALTIME; 0: no start, no end */
	int64_t stop_seen_ns;

	/* this node's part */
	char *folder; /* NULL: there is none */
	bool looked;  /* into the folder of an agent before this one */
	int64_t left_over_since_ns;
	unsigned int segments;
	struct child *child;
	enum child_end ending;
	int64_t ending_since_ns;
	bool over; /* no child will be started again */
	bool failed;
	char *message;
	unsigned long pods_seen; /* version of the pods that members come from */
	size_t n_here;
	json_t *members, *live;
	bool clock_known;
	int64_t clock_lo_ns, clock_hi_ns;
	int64_t live_at_ns; /* when live.json is looked at next */

	enum record_state record;
	struct record_size size;
	struct job *packing; /* NULL: no process does it */
	unsigned int next_chunk;
	bool replace; /* the next chunk is there from before */
	struct collector *collector;
	json_t *collector_saw; /* the version that it was given last */

	struct send start, node, whole, chunk, stop;
	int64_t node_sent_ns;	/* when the last patch went */
	int64_t whole_since_ns; /* since when the whole's status is not as it should be; 0: it is */
	json_t *pods_told; /* this node's status when Events on pods were last told; NULL: never */
	char told[16];	   /* the phase that was last told by an Event */
};

struct runs {
	struct runs_config c;
	struct run *first;
	const struct pods *pods;
	unsigned long pods_version;
	char *trouble; /* why pods are not known */
	bool ending;
};

/* run_api.c: what is sent. */
int64_t run__now(const struct run *r);
int64_t run__realtime(const struct run *r);
/* By how much, at least, our clock is before the API server's; 0: not for sure. */
int64_t run__ahead(const struct run *r);
/* @real_ns of CLOCK_REALTIME on CLOCK_MONOTONIC; to wait for. */
int64_t run__due_at(const struct run *r, int64_t real_ns);
void run__wake_at(struct run *r, int64_t mono_ns);
void run__event(struct run *r, bool warning, const char *reason, const char *words);
/* A newer version of the object; takes a reference. */
void run__take(struct run *r, const json_t *obj);
/* 0: it is on its way; takes @body over. */
int send__go(struct send *s, const char *method, const char *path, json_t *body,
	     kube_done_fn *done);
bool send__may(struct send *s);
/* What every answer means for the next try; true: it is a success. */
bool send__answered(struct send *s, const struct kube_answer *a);
void run__send_start(struct run *r, const json_t *picked);
void run__send_node(struct run *r);
void run__send_whole(struct run *r);
void run__send_stop(struct run *r, const char *why);

/* run_record.c */
void run__send_record(struct run *r);
/* The report of all nodes' records. */
void run__collect(struct run *r);

/* run_child.c: this node's part. */
void run__follow(struct run *r);
void run__look(struct run *r);
/* True: the child has gone. */
bool run__end_child(struct run *r);
/* A child of an agent that died may need a moment to follow it. True: there is none (any more). */
bool run__end_left_over(struct run *r);
void run__set_message(struct run *r, const char *words);
enum node_phase run__node_phase(const struct run *r);
/* Whether this node takes part, or did. */
bool run__concerned(const struct run *r);

#endif
