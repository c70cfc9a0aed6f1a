/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.h: one run on this node: its folder, and the process in it that does the work, `chaos run` of the same
 * program. The process gets what it needs by files, tells how it stands by a file, and dies with the agent.
 *
 *   DIR/UID/object.json          the object as it was when its run began
 *   DIR/UID/experiment.yaml      what it comes to
 *   DIR/UID/members.json         who is selected, rewritten as pods come and go
 *   DIR/UID/pid                  "PID START": the process, its start as /proc/PID/stat has it
 *   DIR/UID/segment-N/           the Nth process' run folder (events.jsonl and so on)
 *   DIR/UID/segment-N.json       how it stands
 *   DIR/UID/segment-N.log        what it prints
 */
#ifndef CHAOS_AGENT_CHILD_H
#define CHAOS_AGENT_CHILD_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* --- the folder of a run ------------------------------------------------------------------------- */

/* Make @dir/@uid; 0 or a negative errno with words. @uid must be a name without "/" and no "." or "..". */
int run_folder__make(const char *dir, const char *uid, char **ret, struct error *err);
/* The path of what is there, or NULL (no memory). */
char *run_folder__path(const char *folder, const char *name);
/* Replace a file as a whole: who reads it sees the old text or the new one. */
int run_folder__write(const char *folder, const char *name, const char *text, size_t len,
		      struct error *err);
int run_folder__write_json(const char *folder, const char *name, const json_t *j,
			   struct error *err);
/* NULL: not there, no JSON, or longer than 16 MiB. */
json_t *run_folder__read_json(const char *folder, const char *name);
/* The highest N of segment-N, 0: none. */
unsigned int run_folder__segments(const char *folder);
/* With all that is in it. */
void run_folder__remove(const char *folder);

/* --- the process -------------------------------------------------------------------------------- */

struct child_spec {
	const char *exe;    /* "/proc/self/exe" */
	const char *folder; /* has experiment.yaml and members.json */
	const char *node;
	unsigned int segment; /* from 1; its folder must not be there */
	int64_t start_at_ns;  /* CLOCK_REALTIME */
};

struct child;

int child__start(const struct child_spec *s, struct child **ret, struct error *err);
/* Readable when it has ended. */
int child__fd(const struct child *c);
/* Ask it to end in order (SIGTERM), or @now (SIGKILL): the kernel then drops its faults, with clsact within LEASE_S. */
void child__end(struct child *c, bool now);
/* Whether it has ended, with its wait status. */
bool child__ended(struct child *c, int *ret_status);
/* live.json if it has changed since the last call, else NULL. */
json_t *child__live(struct child *c);
/* What it said last, for a message about its crash: writes @buf, cut at @size, and returns it. */
const char *child__last_words(const struct child *c, char *buf, size_t size);
/* Kills it if it is still there. */
void child__free(struct child *c);

/*
 * A process that an agent before this one started in @folder and that is still there: it has been asked to end, or
 * killed if @now. False: there is none.
 */
bool child__end_left_over(const char *folder, bool now);

#endif
