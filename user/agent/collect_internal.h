/* SPDX-License-Identifier: GPL-2.0-only */
/* collect_internal.h: what the files of collect.h share. */
#ifndef CHAOS_AGENT_COLLECT_INTERNAL_H
#define CHAOS_AGENT_COLLECT_INTERNAL_H

#include "agent/collect.h"
#include "agent/job.h"
#include "agent/record.h"

enum state { WAITING, CLAIMING, FETCHING, RENDERING, WRITING, TELLING, DONE };

enum {
	RANK_S = 2, /* between the tries of two nodes */
	RANK_MAX = 10,
	REFUSALS_MAX = 6, /* of one thing in a row, then it is left out */
};

struct collector {
	/* Requests are told apart, and cancelled, by the address of one of these. */
	struct call {
		struct collector *c;
		bool busy;
	} main, renew;
	char *node, *dir, *group_version, *kind, *plural;
	struct collect_ops ops;
	void *arg;
	json_t *obj, *expected;
	char *uid, *ns, *name;
	int64_t end_ns;

	enum state state;
	unsigned int failures; /* in a row */
	int64_t not_before_ns;
	int64_t go_since_ns; /* since when it could be done; 0: not yet */
	json_t *claim;	     /* another's, as last seen */
	int64_t claim_since_ns, renewed_ns;

	json_t *have, *missing;
	size_t at; /* in have */
	unsigned int chunk;
	struct record_unpack *unpack;
	struct job *job;
	int64_t job_since_ns;
	json_t *result;
	char map[RECORD_NAME_MAX]; /* the ConfigMap's name */
	bool other_name, replace;
};

/* ---- collect.c ---- */

int64_t collector__now(const struct collector *c);
const char *collect__meta(const json_t *obj, const char *key);
const json_t *collector__status(const struct collector *c, const char *key);
void collector__later(struct collector *c, int64_t ns);
/* After a failure: 0.5 s, doubled each time up to 30 s. */
void collector__back_off(struct collector *c);
/* A merge patch of the object's status, or a request about a ConfigMap; they take @patch and @body over. */
void collector__ask_object(struct collector *c, struct call *call, json_t *patch,
			   kube_done_fn *done);
void collector__ask_map(struct collector *c, const char *method, const char *name, json_t *body,
			kube_done_fn *done);
void collector__forget_parts(struct collector *c);
void collector__become(struct collector *c, enum state s);
bool collect__is_ok(const struct kube_answer *a);
/* The server has understood and says no; asking again is of use only if someone changes something. */
bool collect__is_refused(const struct kube_answer *a);

/* ---- one function for each state ---- */

int64_t collector__wait(struct collector *c);
void collector__renew(struct collector *c);
void collector__fetch(struct collector *c);
void collector__render(struct collector *c);
/* Nothing can be rendered: that is the summary. */
void collector__say_unknown(struct collector *c, const char *why);
void collector__write(struct collector *c);
void collector__tell(struct collector *c);

#endif
