/* SPDX-License-Identifier: GPL-2.0-only */
/* dataplane_internal.h: the inside of struct dataplane, for dataplane.c, follow.c and
 * counters.c. */
#ifndef CHAOS_DATAPLANE_INTERNAL_H
#define CHAOS_DATAPLANE_INTERNAL_H

#include "datapath/attach.h"
#include "datapath/compile_internal.h"
#include "datapath/dataplane.h"
#include "datapath/line.h"
#include "datapath/owners.h"
#include "datapath/places.h"
#include "datapath/tables.h"

enum dp_map {
	DP_CONTROL,
	DP_WINDOWS,
	DP_RULES,
	DP_LINKS,
	DP_TABLES,
	DP_DEVICES,
	DP_PORTS,
	DP_PAIRS,
	DP_IDENTS,
	DP_PREFIXES,
	DP_EXEMPT,
	DP_EDGES,
	DP_TRAFFIC,
	DP_STATS,
	DP_PASSAGES,
	DP_SOCKETS,
	DP_PROCESSES,
	DP_CGROUPS,
	DP_JOINS,
	DP_SUBJECTS,
	DP_SUBJECT_KEYS,
	DP_BINS,
	DP_RECORDING,
	DP_SUBJECTS_LOCK,
	DP_SERVICES,
	DP_CONNS,
	DP_SPACES,
	DP_DROPS,
	DP_RESETS,
	DP_CAPTURED,
	DP_CAPTURES,
	DP_N_MAPS,
};

/* Programs at a device. */
struct attached {
	size_t netns; /* index into places */
	uint32_t instance;
	struct attach at;
};

/* What tells instances of the programs apart. */
struct instance_key {
	struct chaos_hook hook;
	uint32_t scope;
};

/* Programs of the line (bpf/line.bpf.c) that look up the pairs of one scope. */
struct line_progs {
	int turn, decide, to_hook, back; /* -1: not loaded */
};

enum { TRACING_PROGS = 5 };

/* Tracepoints of the kernel's TCP (bpf/traffic.bpf.c), as links. */
struct tracing {
	int link[TRACING_PROGS]; /* -1: not there */
	bool tcp, drops, resets;
	char missing[192]; /* why not all but resets is; "" */
};

struct dataplane {
	const struct dp_plan *plan; /* borrowed until dataplane__close() */
	struct places places;
	struct compile_numbers numbers;
	struct compiled now; /* what the maps hold */
	bool *node_here;     /* by node number: has or had a namespace */
	size_t n_node_here;
	int map[DP_N_MAPS];
	struct chaos_control *control;
	struct chaos_windows *windows;
	size_t windows_size;

	/* Tables of pairs by scope (struct compiled_pair); [0] is map[DP_PAIRS]; -1: not made yet */
	int *pairs;
	size_t n_pairs;

	struct intern hooks_seen; /* struct instance_key -> instance: equal ones share programs */
	struct attach_progs *instances;
	size_t cap_instances;
	bool tcx;
	bool have_set_tstamp; /* the kernel's bpf_skb_set_tstamp(), of Linux 5.18 */

	struct chaos_recording *recording; /* NULL: the plan has no bins */
	struct chaos_subject *subject_keys;
	struct chaos_bins *bins;
	struct chaos_services *services;
	struct tracing tracing;

	struct owners *owners;	       /* NULL: no member is by its sockets */
	struct line *line;	       /* NULL: no fault needs it */
	struct line_progs *line_progs; /* by scope, as pairs */

	struct attached *attached;
	struct dp_attachment *shown; /* the same, for others; in the same order */
	size_t n_attached, cap_attached, cap_shown;
};

static inline struct table_fds dataplane__table_fds(const struct dataplane *dp)
{
	return (struct table_fds){.idents = dp->map[DP_IDENTS],

				  .prefixes = dp->map[DP_PREFIXES],
				  .joins = dp->map[DP_JOINS],
				  .pairs = dp->pairs,
				  .rules = dp->map[DP_RULES]};
}

static inline uint32_t at_least_1(size_t n)
{
	return n ? (uint32_t)n : 1;
}

/* What a system call of BPF refused: @r, in words, with what the kernel or libbpf said of it. Returns @r. */
int dataplane__fail(struct error *err, int r, const char *what);

/* The programs for @hook, loaded if they are not yet. */
int dataplane__instance(struct dataplane *dp, const struct compiled_hook *hook, uint32_t *ret,
			struct error *err);
/* What is attached stays; it is loaded again if a hook needs it. */
void instance__close(struct attach_progs *p);

/* The line's programs for the scope of @hook, loaded if they are not yet. */
int dataplane__line_programs(struct dataplane *dp, uint32_t scope, struct error *err);

/* Room for as many scopes as there are numbers of namespaces. */
int dataplane__need_scopes(struct dataplane *dp, struct error *err);

/* The programs of bpf/owner.bpf.c and their maps; -1 for one that this kernel cannot have. */
int dataplane__owner_programs(struct dataplane *dp, struct owner_progs *ret, struct error *err);

/* Have the tables of pairs that the hooks and pairs of @c refer to. */
int dataplane__need_pairs(struct dataplane *dp, const struct compiled *c, struct error *err);

/* Numbers there are for subjects of the plan's bins; 1 without bins. */
uint32_t dataplane__subjects_max(const struct dataplane *dp);
int dataplane__open_bins(struct dataplane *dp, struct error *err);
void dataplane__close_bins(struct dataplane *dp);
/* The tracing programs with the run's maps, attached; what the kernel lacks is left out and in ret->missing. */
int dataplane__open_tracing(struct dataplane *dp, struct tracing *ret, struct error *err);
/* Tell them which namespaces are the run's. */
int dataplane__set_spaces(struct dataplane *dp, struct error *err);

/* Tell the kernel whose processes are whose, as in dp->now. */
int dataplane__set_owners(struct dataplane *dp, struct error *err);

/* Mark the nodes that have a namespace now. */
int dataplane__note_here(struct dataplane *dp, struct error *err);

/* What the plan means with what is in its namespaces now. */
int dataplane__compile(struct dataplane *dp, bool again, struct compiled *ret, struct error *err);

/* Have programs at the devices of dp->now.hooks and no others. With @all any failure ends it,
 * else the other devices go on and @err collects. A device that is gone is no failure. */
int dataplane__attach_all(struct dataplane *dp, bool all, struct error *err);
void dataplane__detach_all(struct dataplane *dp);

#endif
