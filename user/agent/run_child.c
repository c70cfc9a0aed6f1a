// SPDX-License-Identifier: GPL-2.0-only
/* run_child.c: this node's part of a run: who is selected, and the child that acts on them. */
#include "agent/runs_internal.h"

#include "agent/coordinate.h"
#include "agent/resolve.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "run/run.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum {
	LIVE_EVERY_MS = 500,
	END_LIMIT_S = 20,  /* from SIGTERM to SIGKILL; the engine's own clean-up takes 1-2 s */
	LATE_LIMIT_S = 60, /* for a child after the run's end */
};

void run__set_message(struct run *r, const char *words)
{
	char *copy = words ? strdup(words) : NULL;

	free(r->message);
	r->message = copy;
	r->dirty = true;
}

static const json_t *own_status(const struct run *r)
{
	return json_object_get(json_object_get(json_object_get(r->obj, "status"), "nodes"),
			       r->runs->c.node);
}

bool run__concerned(const struct run *r)
{
	return r->start_at_ns &&
	       (r->segments || r->child || r->n_here || r->failed || own_status(r));
}

enum node_phase run__node_phase(const struct run *r)
{
	bool before = run__realtime(r) < r->start_at_ns;

	if (r->child)
		return before ? NODE_ARMED : NODE_RUNNING;
	/* Who says Done or Failed is waited for no more: the record goes before. */
	if (r->over && r->segments && (r->record == RECORD_NONE || r->record == RECORD_PACKED))
		return NODE_RUNNING;
	if (r->failed)
		return r->segments ? NODE_FAILED : NODE_REFUSED;
	if (r->over)
		return NODE_DONE;
	if (coordinate__paused(r->obj))
		return NODE_PAUSED;
	return NODE_WAITING;
}

/* --- what an agent before this one left --------------------------------------------------------- */

/*
 * What the node said of itself. A patch that was on its way when the object was deleted may have come to the one that was
 * made with its name: what it said of that run is not of this one.
 */
static const json_t *said_before(const struct run *r)
{
	const json_t *own = own_status(r);
	const char *uid = json_string_value(json_object_get(own, "uid"));

	return !uid || !strcmp(uid, r->uid) ? own : NULL;
}

/* True if its part was over. */
static bool said_it_was_over(struct run *r)
{
	const json_t *own = said_before(r), *record = json_object_get(own, "record");
	const char *phase = json_string_value(json_object_get(own, "phase")),
		   *message = json_string_value(json_object_get(own, "message"));
	bool failed = phase && !strcmp(phase, "Failed");

	if (!phase || (strcmp(phase, "Done") != 0 && !failed))
		return false;
	r->failed = failed;
	if (message)
		run__set_message(r, message);
	r->record = record ? RECORD_SENT : RECORD_LOST;
	r->size.chunks = (unsigned int)json_integer_value(json_object_get(record, "chunks"));
	r->size.bytes = (uint64_t)json_integer_value(json_object_get(record, "bytes"));
	return true;
}

void run__look(struct run *r)
{
	const json_t *own = said_before(r);
	json_int_t told = json_integer_value(json_object_get(own, "segments"));

	if (r->looked)
		return;
	r->looked = true;
	if (r->folder)
		r->segments = run_folder__segments(r->folder);
	if (told > r->segments && told < (json_int_t)RECORD_SEGMENTS_MAX)
		r->segments = (unsigned int)told;
	if (r->folder && !r->members)
		r->members = run_folder__read_json(r->folder, "members.json");
	if (r->folder && r->segments && !r->live) {
		char name[40];

		snprintf(name, sizeof(name), "segment-%u.json", r->segments);
		r->live = run_folder__read_json(r->folder, name);
	}
	r->over = own && said_it_was_over(r);
}

bool run__end_left_over(struct run *r)
{
	int64_t now = run__now(r);

	if (!r->folder || r->left_over_since_ns < 0)
		return true;
	if (!r->left_over_since_ns)
		r->left_over_since_ns = now;
	if (!child__end_left_over(r->folder, now > r->left_over_since_ns + 5 * NS_PER_S)) {
		r->left_over_since_ns = -1;
		return true;
	}
	run__wake_at(r, now + 100 * NS_PER_MS);
	return false;
}

/* --- members ------------------------------------------------------------------------------------- */

static int write_members(struct run *r, json_t *members)
{
	const char *traffic = json_string_value(
		json_object_get(json_object_get(json_object_get(r->obj, "metadata"), "annotations"),
				"netchaos.dev/node-traffic"));
	const struct runs_config *c = &r->runs->c;
	struct error err = {0};
	json_t *exempt = traffic && !strcmp(traffic, "fault") ? NULL : c->ops->exempt(c->arg);

	if (exempt)
		json_object_set_new(members, "exempt", exempt);
	if (r->members && json_equal(r->members, members)) {
		json_decref(members);
		return 0;
	}
	if (r->folder && run_folder__write_json(r->folder, "members.json", members, &err) < 0) {
		log_error("%s", err.msg);
		json_decref(members);
		return err.code;
	}
	json_decref(r->members);
	r->members = members;
	return 0;
}

/* Who is selected now. Keeps what was when that cannot be said. */
static void resolve(struct run *r)
{
	const json_t *picked = json_object_get(json_object_get(r->obj, "status"), "picked");
	struct resolution res = {0};
	struct error err = {0};
	json_t *none;
	int rc;

	if (!r->runs->pods || r->pods_seen == r->runs->pods_version)
		return;
	/* Nothing was picked: then nothing may be chosen anew, either. */
	none = picked ? NULL : json_object();
	rc = resolve__pods(r->runs->pods, &r->o, r->runs->c.node, picked ? picked : none, &res,
			   &err);
	json_decref(none);
	if (rc != -ENOMEM)
		r->pods_seen = r->runs->pods_version;
	if (rc == -EINVAL) {
		run__set_message(r, err.msg);
		r->failed = r->failed || (!r->segments && !r->child);
	}
	if (rc < 0)
		return;
	r->n_here = res.n_here;
	if (res.members && (r->n_here || r->members || r->segments))
		write_members(r, json_incref(res.members));
	json_decref(res.members);
	json_decref(res.picked);
}

/* --- the child ------------------------------------------------------------------------------------ */

static size_t count_children(const struct runs *runs)
{
	size_t n = 0;

	for (const struct run *r = runs->first; r; r = r->next)
		n += r->child != NULL;
	return n;
}

static void fail(struct run *r, const char *why)
{
	r->failed = true;
	run__set_message(r, why);
	run__event(r, true, "NodeFailed", why);
}

static int prepare_folder(struct run *r, struct error *err)
{
	const char *text = r->o.e->resolved;
	bool fresh = !r->folder;
	int rc = 0;

	if (fresh)
		rc = run_folder__make(r->runs->c.dir, r->uid, &r->folder, err);
	if (rc == 0 && (fresh || !r->segments))
		rc = run_folder__write_json(r->folder, "object.json", r->obj, err);
	if (rc == 0)
		rc = run_folder__write(r->folder, "experiment.yaml", text, strlen(text), err);
	if (rc == 0)
		rc = run_folder__write_json(r->folder, "members.json", r->members, err);
	return rc;
}

static void start_child(struct run *r)
{
	struct child_spec s = {
		.exe = r->runs->c.exe,
		.node = r->runs->c.node,
		.segment = r->segments + 1,
		.start_at_ns = r->start_at_ns,
	};
	struct error err = {0};
	char words[100];

	if (count_children(r->runs) >= RUNS_CHILDREN_MAX) {
		snprintf(words, sizeof(words),
			 "%d runs are active on this node, which is all that it takes",
			 RUNS_CHILDREN_MAX);
		if (!r->message || strcmp(r->message, words) != 0)
			run__set_message(r, words);
		run__wake_at(r, run__now(r) + NS_PER_S);
		return;
	}
	if (s.segment > RECORD_SEGMENTS_MAX) {
		fail(r, "too many restarts");
		r->over = true;
		return;
	}
	if (prepare_folder(r, &err) == 0) {
		s.folder = r->folder;
		child__start(&s, &r->child, &err);
	}
	if (!r->child) {
		fail(r, err.msg);
		r->over = true;
		return;
	}
	run__set_message(r, NULL);
	r->segments = s.segment;
	r->ending = END_NONE;
	json_decref(r->live);
	r->live = NULL;
	r->live_at_ns = 0;
	r->clock_known = r->runs->c.ops->clock(r->runs->c.arg, &r->clock_lo_ns, &r->clock_hi_ns);
	log_info("%s %s/%s: segment %u started", run_kinds[r->kind].kind, r->ns, r->name,
		 s.segment);
}

/* First in order; who does not follow is killed. */
static void ask_to_end(struct run *r)
{
	int64_t now = run__now(r);

	if (r->ending == END_NONE) {
		child__end(r->child, false);
		r->ending = END_ASKED;
		r->ending_since_ns = now;
	} else if (r->ending == END_ASKED && now >= r->ending_since_ns + END_LIMIT_S * NS_PER_S) {
		child__end(r->child, true);
		r->ending = END_KILLED;
	}
	if (r->ending == END_ASKED)
		run__wake_at(r, r->ending_since_ns + END_LIMIT_S * NS_PER_S);
}

bool run__end_child(struct run *r)
{
	int status;

	if (!r->child)
		return true;
	if (child__ended(r->child, &status)) {
		child__free(r->child);
		r->child = NULL;
		return true;
	}
	ask_to_end(r);
	return false;
}

static void read_live(struct run *r, bool now)
{
	json_t *live;

	if (!now && run__now(r) < r->live_at_ns) {
		run__wake_at(r, r->live_at_ns);
		return;
	}
	live = child__live(r->child);
	if (json_is_object(live)) {
		json_decref(r->live);
		r->live = live;
	} else {
		json_decref(live);
	}
	r->live_at_ns = run__now(r) + LIVE_EVERY_MS * NS_PER_MS;
	run__wake_at(r, r->live_at_ns);
}

static void crashed(struct run *r, int status)
{
	char said[400], words[600];

	child__last_words(r->child, said, sizeof(said));
	if (WIFSIGNALED(status))
		snprintf(words, sizeof(words), "the run's process was killed by signal %d (%s)%s%s",
			 WTERMSIG(status), strsignal(WTERMSIG(status)), said[0] ? ": " : "", said);
	else if (said[0])
		snprintf(words, sizeof(words), "%s", said);
	else
		snprintf(words, sizeof(words), "the run's process ended with status %d",
			 WEXITSTATUS(status));
	fail(r, words);
}

/* Words of the last live.json; NULL: none. */
static const char *live_text(const struct run *r, const char *key)
{
	const char *s = json_string_value(json_object_get(r->live, key));

	return s && *s ? s : NULL;
}

/* The last segment was ended by a guard. */
static bool was_aborted(const struct run *r)
{
	const char *how = live_text(r, "status");

	return r->segments && !r->child && how && !strcmp(how, "aborted");
}

/* Not as `chaos run` ends, or as it ends when it could not do its work. */
static bool is_crash(const struct run *r, int status)
{
	if (WIFSIGNALED(status))
		return r->ending == END_NONE;
	switch (WEXITSTATUS(status)) {
	case EXIT_HOLDS:
	case EXIT_EXPECTATION:
	case EXIT_INTERRUPTED:
		return false;
	case EXIT_RUNTIME:
		return !live_text(r, "status") || strcmp(live_text(r, "status"), "aborted") != 0;
	default:
		return true;
	}
}

static void child_has_ended(struct run *r, int status)
{
	bool asked = r->ending != END_NONE;

	read_live(r, true);
	if (is_crash(r, status))
		crashed(r, status);
	else if (!asked && WEXITSTATUS(status) == EXIT_INTERRUPTED)
		run__set_message(r, "ended on the node");
	/*
	 * Of what it is asked to end for only a stop, and the run's end and a guard's, which run__follow() sees, are for
	 * good. A pause may have been taken back while it ended.
	 */
	r->over = !asked || r->failed || coordinate__stop(r->obj);
	log_info("%s %s/%s: segment %u ended, status %d", run_kinds[r->kind].kind, r->ns, r->name,
		 r->segments, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	child__free(r->child);
	r->child = NULL;
	r->ending = END_NONE;
	r->record = RECORD_NONE;
	r->dirty = true;
}

/* So its status says, and nobody looks for its faults any more: one whose clock is late must not begin or go on. */
static bool is_over_for_all(const struct run *r)
{
	return status__is_final(
		json_string_value(json_object_get(json_object_get(r->obj, "status"), "phase")));
}

static void follow_child(struct run *r, bool past_end)
{
	int64_t limit = r->end_ns + LATE_LIMIT_S * NS_PER_S;
	int status;

	if (child__ended(r->child, &status)) {
		child_has_ended(r, status);
		return;
	}
	resolve(r);
	read_live(r, false);
	if (r->ending != END_NONE || coordinate__stop(r->obj) || coordinate__paused(r->obj) ||
	    is_over_for_all(r) || (past_end && run__realtime(r) > limit))
		ask_to_end(r);
	else if (r->end_ns)
		run__wake_at(r, run__due_at(r, limit) + NS_PER_MS);
}

/* One that a guard ended is over everywhere, and for good: also if the agent died before it could say so. */
static void pass_on_abort(struct run *r)
{
	const char *why = live_text(r, "reason");

	if (!was_aborted(r))
		return;
	r->over = true;
	if (!r->message)
		run__set_message(r, why ? why : "a guard's limit");
	run__send_stop(r, r->message ? r->message : "aborted");
}

void run__follow(struct run *r)
{
	bool past_end = r->end_ns && run__realtime(r) >= r->end_ns;

	if (r->child) {
		follow_child(r, past_end);
		if (r->child)
			return;
	}
	if (!r->over && !run__end_left_over(r))
		return;
	if (!r->over && (past_end || coordinate__stop(r->obj) || is_over_for_all(r)))
		r->over = true;
	pass_on_abort(r);
	if (r->over && r->segments && !r->folder && r->record == RECORD_NONE) {
		r->record = RECORD_LOST;
		fail(r, "no record of this run is left on this node");
	}
	if (r->over || r->runs->ending)
		return;
	resolve(r);
	if (r->end_ns)
		run__wake_at(r, run__due_at(r, r->end_ns) + NS_PER_MS);
	if (!coordinate__paused(r->obj) && r->n_here && r->members && !r->failed)
		start_child(r);
}
