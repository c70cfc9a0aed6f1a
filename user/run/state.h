/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h: which runs there are. Each live run holds ID/lock by flock(2) and answers on ID/control, in /run/chaos if
 * it is root's and in /tmp/chaos-UID if not; a folder whose lock is free belongs to a run that crashed. Nothing in it
 * holds a fault in place: faults die with their process and by their deadlines.
 */
#ifndef CHAOS_STATE_H
#define CHAOS_STATE_H

#include "lib/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_ABOVE_ROOT "/run"
#define STATE_ABOVE_USERS "/tmp"
#define STATE_NAME "chaos"

/* Files of a run's folder that others read at any time: whom its faults are about, what they do. */
#define STATE_SCOPE "scope.json"
#define STATE_LIVE  "live.json"

struct state;

/* Where the runs of @uid are listed. Writes @buf, returns it. */
char *state__dir(uid_t uid, char *buf, size_t size);

/* Register a run as @id (made unique by a suffix if taken). @info is copied into its info.json. */
int state__create(const char *id, json_t *info, struct state **ret, struct error *err);
const char *state__id(const struct state *s);
/* Listening socket for requests; readable when one waits. */
int state__fd(const struct state *s);
/* Accept one request and answer it: "status" by @status (borrowed), "stop" by setting *ret_stop. Never blocks for more than 100 ms on
 * a client that says nothing. */
void state__serve(struct state *s, const json_t *status, bool *ret_stop);
/* Put @j into the file @name (STATE_SCOPE, STATE_LIVE) at once: a reader has the old one or the new. */
int state__publish(struct state *s, const char *name, const json_t *j);
void state__remove(struct state *s); /* NULL is fine */

/* --- seen from other processes ------------------------------------------------------------------ */

struct state_entry {
	char id[128];
	uid_t uid; /* whose it is; what @info and its answers say is theirs too */
	bool alive;
	json_t *info; /* may be NULL for a half-written folder */
};

/*
 * The caller's, and for root those of all users (of each other user 16 at most); caller frees by state__free_list().
 * In the order of their starts; none at all is an empty list.
 */
int state__list(struct state_entry **ret, size_t *ret_n);
void state__free_list(struct state_entry *v, size_t n);

/* Ask a live run; returns its answer (new reference), within 3 s, or NULL with *err set. */
json_t *state__request(const struct state_entry *e, const char *request, struct error *err);
/* What a run has published as @name; NULL: nothing yet, or nothing that can be read. */
json_t *state__published(const struct state_entry *e, const char *name);
/* Of an info.json; 0 if it does not tell one that can be a run's. */
pid_t state__pid(const json_t *info);
/* Wait until the run's lock is free; 0, or -ETIME after @limit_ns. */
int state__wait_end(const struct state_entry *e, int64_t limit_ns);
/* SIGKILL to its process; -EPERM if the process that its record names is not of the run's user. */
int state__kill(const struct state_entry *e);
/* Remove a dead run's folder. */
int state__forget(const struct state_entry *e);

#endif
