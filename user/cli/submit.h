/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * submit.h: `chaos run --kubeconfig`: the run is done by the agents of a cluster. The object is created there, followed to its
 * end, and its record is brought back into a run folder like one of a run here.
 */
#ifndef CHAOS_CLI_SUBMIT_H
#define CHAOS_CLI_SUBMIT_H

#include "cli/cli.h"
#include "kube/kube.h"

struct submit_options {
	const char *kubeconfig, *context, *ns; /* NULL: as kubectl chooses */
	const char *out;		       /* run folder; NULL: chaos-runs/NAME-TIMESTAMP */
	bool replace;			       /* an object of this name is deleted first */
	bool keep;			       /* the object stays when all is over */
	bool json;
	const volatile int *stop; /* cli__catch_signals() */
	int wake_fd;
};

/* Exit statuses as of a run here; says what there is to say. */
int submit__verb(const char *file, const struct submit_options *opts);

/* ---- submit_object.c ---- */

/* What is submitted. */
struct submission {
	json_t *obj;
	char *text; /* of the file */
	const char *group_version, *kind, *plural;
	char *ns, *name;     /* name: NULL until the server makes one of generateName */
	int64_t duration_ns; /* 0: until it is stopped */
};

/*
 * The object of @file, as the cluster would take it: -EINVAL with findings, each a line with the file's name and where. @ns:
 * NULL: the file's, else @default_ns.
 */
int submission__load(const char *file, const char *ns, const char *default_ns,
		     struct submission *ret, struct error *err);
void submission__reset(struct submission *s);

/* A YAML tree as JSON, plain scalars as YAML 1.2's core schema has them. NULL without memory. */
struct yaml_node;
json_t *submit__json(const struct yaml_node *n);

/* ---- submit_view.c: how things stand, from the object's status; pure ---- */

/* What is new in @now since @before, a line each, "" if nothing; allocated. Status may be NULL. */
char *submit_view__news(const json_t *before, const json_t *now);
/* The whole in a few lines without colours: a head, one for each of @most nodes, and how many there are more; allocated. */
char *submit_view__text(const struct submission *s, const json_t *status, int64_t t_ns,
			size_t most);
/* Finished, Failed, Stopped or Refused. */
bool submit_view__is_over(const json_t *status);

/* ---- submit_fetch.c ---- */

/*
 * The record of the run @obj from @k into the new folder @dir, merged and rendered. @ret_summary: a new reference. -ENOENT:
 * nobody has recorded anything; -EIO: what there is cannot be read; -EINTR: @wake_fd became readable first. @ret_unread, in any
 * case: the server holds something that it did not give.
 */
int submit__fetch(struct kube *k, const struct submission *s, const json_t *obj, const char *dir,
		  int wake_fd, json_t **ret_summary, bool *ret_unread, struct error *err);
/* A new folder: @out, or chaos-runs/NAME-TIMESTAMP. @ret is absolute. -EINVAL: it is there already. */
int submit__folder(const char *out, const char *name, char **ret, struct error *err);

#endif
