/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netchaos.h: a NetworkChaos of Chaos Mesh (chaos-mesh.org/v1alpha1) as a struct, and from that to faults of an
 * experiment. The struct says what the object says, whoever acts on it; what cannot be known or done on one
 * machine is refused on the way to an experiment, not while it is read. Pure.
 */
#ifndef CHAOS_NETCHAOS_H
#define CHAOS_NETCHAOS_H

#include "experiment/reader.h"

enum netchaos_action {
	NETCHAOS_NETEM,
	NETCHAOS_DELAY,
	NETCHAOS_LOSS,
	NETCHAOS_DUPLICATE,
	NETCHAOS_CORRUPT,
	NETCHAOS_PARTITION,
	NETCHAOS_BANDWIDTH,
};
#define NETCHAOS_ACTIONS (NETCHAOS_BANDWIDTH + 1)
extern const char *const netchaos_actions[NETCHAOS_ACTIONS];

struct netchaos_texts {
	char **v;
	size_t n;
	struct pos pos;
};

/* `selector`, `mode` and `value` of the object or of its target. */
struct netchaos_peer {
	bool set;
	struct target_selector pods; /* namespaces, names, labels, expressions, device, pick */
	struct netchaos_texts nodes, phases;
	struct netchaos_texts annotations, node_labels, fields; /* "key=value" */
	struct pos pos;
};

struct netchaos_external {
	char *addr; /* a.b.c.d/len or IPv6, without host bits; NULL: */
	char *host;
	uint16_t port; /* of the external side; 0: all */
	struct pos pos;
};

/* In percent, 0 to 100. */
struct netchaos_chance {
	bool set;
	double percent, correlation;
	struct pos pos;
};

struct netchaos_delay {
	bool set;
	int64_t latency_ns, jitter_ns;
	double correlation;
	struct netchaos_chance reorder;
	unsigned int gap; /* 0: not given */
	struct pos pos;
};

struct netchaos_rate {
	bool set;
	char *rate;		    /* as tc has it: bps are bytes a second */
	unsigned int limit, buffer; /* bytes; bandwidth only */
	struct pos pos;
};

struct network_chaos {
	char *name, *ns;
	char *seed;	     /* annotation netchaos.dev/seed; NULL: none */
	int64_t run_ns;	     /* annotation netchaos.dev/duration: of the run; 0: none */
	char *max_endpoints; /* annotation netchaos.dev/max-endpoints; NULL: none */
	struct pos seed_pos;
	enum netchaos_action action;
	struct netchaos_peer source, target;
	enum direction direction;
	struct netchaos_external *externals;
	size_t n_externals;
	int64_t duration_ns; /* 0: until it is stopped */
	bool reject;	     /* partitionBehavior */
	struct netchaos_delay delay;
	struct netchaos_chance loss, duplicate, corrupt;
	struct netchaos_rate rate, bandwidth;
	struct pos pos;
};

void network_chaos__reset(struct network_chaos *c);

/* ---- netchaos_read.c: from an object; findings go to @r, whose path is where @n stands ---- */

/* `metadata` of an object of Chaos Mesh. @obj here and below: a struct network_chaos. */
void netchaos__read_metadata(struct reader *r, const struct yaml_node *n, void *obj);
/* `spec` of a NetworkChaos, and wherever else one is embedded. */
void netchaos__read_spec(struct reader *r, const struct yaml_node *n, void *obj);
/* A Go duration above 0. */
bool netchaos__read_duration(struct reader *r, const struct yaml_node *n, int64_t *ret);

/* netchaos_selector.c */
void netchaos__read_selector(struct reader *r, const struct yaml_node *n, struct netchaos_peer *p);
/* Of `externalTargets`. */
void netchaos__read_external(struct reader *r, const struct yaml_node *n,
			     struct netchaos_external *x);

/* ---- netchaos_check.c ---- */

/* What cannot be honoured where it is to run is a finding. */
void netchaos__check(struct reader *r, const struct network_chaos *c);

/* ---- netchaos_emit.c: to an experiment ---- */

struct emission {
	struct reader *r;
	struct yaml *y;
	struct yaml_node *endpoints, *faults;
	size_t n; /* objects so far */
	int64_t end_ns;
	size_t n_endless; /* of them last until they are stopped */
	struct pos endless_pos;
};

/*
 * Add @c from run time @at_ns on: for @for_ns, 0 to the end of the run; again each @every_ns, 0: once. 0 or -ENOMEM.
 */
int netchaos__emit(struct emission *em, const struct network_chaos *c, int64_t at_ns,
		   int64_t for_ns, int64_t every_ns);

/* ---- chaosmesh.c, chaosmesh_workflow.c: kinds ---- */

/* Whether @root says that it is Chaos Mesh's. */
bool chaosmesh__is(const struct yaml_node *root);
/*
 * All documents of @y, which are Chaos Mesh's, as the tree of one experiment, in @y. NULL after a finding or without
 * memory (r->nomem).
 */
struct yaml_node *chaosmesh__translate(struct reader *r, struct yaml *y);

/* `spec` of a Workflow, with @c for what its metadata said. */
void chaosmesh__workflow(struct reader *r, const struct yaml_node *spec,
			 const struct network_chaos *meta, struct emission *em);

#endif
