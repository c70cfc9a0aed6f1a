/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collect.h: what the nodes have recorded of one run, made into one report. Each agent that takes part has a
 * collector for the run; one of them does it:
 *
 *   1. It waits until all nodes' parts are over, or 30 s after the run's end.
 *   2. It claims the work in status.collector {node, since, renewed}, by a merge patch that carries the object's version;
 *      the first by name tries first. A claim that is not renewed for 60 s (it is, every 20 s) is another's.
 *   3. It fetches the records chunk by chunk (record.h), merges them and renders, in a process of its own (job.h).
 *   4. It writes the ConfigMap NAME-chaos: summary.json, junit.xml, report.html.gz, as far as they fit into 1 MiB.
 *   5. It writes status.verdict and status.summary, the short form. Then the collectors of all nodes are done.
 *
 * A node that has, or had, selected pods and whose record did not come is named (`missing`), and no expectation
 * passes without it. Nothing here waits or sleeps; the world is reached by collect_ops.
 */
#ifndef CHAOS_AGENT_COLLECT_H
#define CHAOS_AGENT_COLLECT_H

#include "kube/kube.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define COLLECT_WAIT_NS (30LL * 1000000000)	/* after the end, for nodes that have not told */
#define COLLECT_TAKEOVER_NS (60LL * 1000000000) /* without a renewed claim */
#define COLLECT_RENEW_NS (20LL * 1000000000)
#define COLLECT_RENDER_NS (600LL * 1000000000)	      /* then it is given up */
#define COLLECT_MAP_BYTES ((size_t)(1 << 20) - 16384) /* of a ConfigMap's values together */

struct collect_ops {
	int (*request)(void *arg, const struct kube_request *r); /* as kube__request() */
	void (*cancel)(void *arg, const void *who);		 /* as kube__cancel() */
	int64_t (*now)(void *arg);				 /* CLOCK_MONOTONIC */
	int64_t (*realtime)(void *arg);
};

/* Strings are copied. */
struct collect_config {
	const char *node; /* ours */
	/*
	 * A folder of this run's alone, emptied and made anew; the report stays in it. If it is in the folder
	 * that record__pack() packs, its name begins with a dot.
	 */
	const char *dir;
	const char *group_version, *kind, *plural; /* of the object: "netchaos.dev/v1alpha1"... */
	const struct collect_ops *ops;
	void *arg;
};

struct collector;

/* @obj: the run's object. 0, -EINVAL: it has no uid, name or namespace; -ENOMEM. */
int collector__new(const struct collect_config *c, const json_t *obj, struct collector **ret);
/* Requests are cancelled, the rendering ends. NULL is fine. */
void collector__free(struct collector *c);

/* A newer version of the object. */
void collector__put(struct collector *c, const json_t *obj);
/* When the run is over for all (CLOCK_REALTIME, ns); INT64_MAX: not known yet. */
void collector__set_end(struct collector *c, int64_t end_ns);
/* Nodes that hold selected pods, an array of names: whoever of them says nothing is missing. */
void collector__expect(struct collector *c, const json_t *nodes);

/*
 * Do what is due; also after each collector__put() and each kube__wait(), which may have brought an answer. Returns when
 * to come again at the latest (CLOCK_MONOTONIC, ns; INT64_MAX: not by time).
 */
int64_t collector__step(struct collector *c);
/* To poll for POLLIN, then step; -1: none now, or NULL. */
int collector__fd(const struct collector *c);
/* The verdict is in the object, by whomever; or the object is gone. */
bool collector__done(const struct collector *c);

/* ---- its parts, for who has the records already ---- */

/* What is rendered: DIR/NODE/SEGMENT/events.jsonl of the nodes in @have; @node is who does it. */
struct collect_render {
	const char *dir, *node;
	const json_t *have, *missing; /* as of collect__judge() */
};

/*
 * A job_fn over a struct collect_render. {"verdict", "summary": the short one, "data": {name: text}, "binary":
 * {name: base64}}, or {"error": words}; NULL: no memory. The folder then holds the merged events.jsonl and what was
 * rendered, no parts.
 */
json_t *collect__render(void *render);

/* ---- pure parts ---- */

enum collect_advice { COLLECT_NOT_YET, COLLECT_GO, COLLECT_OVER };

/*
 * Is the object's record to be collected at @now_ns? @expected may be NULL. @ret_at_ns: when to look again for NOT_YET.
 * For GO, new references: @ret_have an array of {node, chunks, offset_ns, epsilon_ns} (the clock null if not known),
 * @ret_missing of {node, why}.
 */
enum collect_advice collect__judge(const json_t *obj, const json_t *expected, int64_t end_ns,
				   int64_t now_ns, int64_t *ret_at_ns, json_t **ret_have,
				   json_t **ret_missing);

/*
 * What of summary.json goes into status.summary: split_brain.level, writes.acked and lost, herd.kind, recovery.time_s,
 * the expectations that do not hold (at most ten, words cut at 256 bytes). No nulls: merge patches have none.
 */
json_t *collect__short(const json_t *summary);

/*
 * Words for a status: @before and @s in at most @most bytes (1024 at most), not cut within a character; bytes that are no
 * UTF-8 become question marks. Never NULL but for lack of memory.
 */
json_t *collect__words(size_t most, const char *before, const char *s);

#endif
