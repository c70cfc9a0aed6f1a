/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * job.h: work that takes seconds, in a process of its own, so that the agent's loop goes on. The process has
 * none of the agent's descriptors, dies with it, is nice to what else runs here, and is the first that the
 * kernel kills when memory is short.
 */
#ifndef CHAOS_AGENT_JOB_H
#define CHAOS_AGENT_JOB_H

#include <jansson.h>

#define JOB_RESULT_MAX (8U << 20) /* bytes, as JSON text */

struct job;

/* Runs in the process; returns what it came to (new reference), NULL: it failed. */
typedef json_t *job_fn(void *arg);

/* @arg is copied by the fork. 0 or a negative errno. */
int job__start(job_fn *fn, void *arg, struct job **ret);
/* To poll for POLLIN: something can be read by job__poll(). -1 for NULL. */
int job__fd(const struct job *j);
/* 0: it still works; 1: done, @ret_result is a new reference; -EIO: it ended without a result. */
int job__poll(struct job *j, json_t **ret_result);
/* Kills what still works. */
void job__free(struct job *j);

#endif
