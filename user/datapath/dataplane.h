/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dataplane.h: the kernel's side of a run. From a plan (members with their addresses and
 * namespaces, faults with their edges) it compiles disjoint identities and pair rules (compile.c,
 * pure), loads the programs, attaches them, keeps them attached while devices and addresses come
 * and go, flips windows and reads counters. It knows nothing of experiments.
 *
 * Not thread-safe: one thread, the run controller's, owns a dataplane.
 */
#ifndef CHAOS_DATAPLANE_H
#define CHAOS_DATAPLANE_H

#include "lib/error.h"

#include "datapath/chaos_abi_user.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dp_prefix {
	struct chaos_addr addr; /* ::ffff:a.b.c.d for IPv4 */
	uint8_t len;		/* of 128 bits */
	/* Another machine's hooks guard what goes to it: no rule towards it stands here, or faults would act twice. */
	bool elsewhere;
	const char *
		label; /* its name in reports, borrowed as long as the plan lives; NULL: the member's */
};

/* A network namespace on this machine that a member is in. */
struct dp_place {
	int netns_fd; /* borrowed */
	/* The member is not all of it: only the sockets of the member's processes and cgroups. */
	bool by_socket;
	const char *label; /* as a prefix's */
};

struct dp_process {
	pid_t pid;
	bool heirs; /* what it forks is the member's too, from its first packet on */
};

/*
 * One thing that sends and receives packets: a lab node, namespaces, a CIDR, a host's addresses, a device,
 * the sockets of processes. All but the name may change while a dataplane is open: change it, then call
 * dataplane__resync() with @changed.
 */
struct dp_member {
	char *name;   /* in reports; members of one name share a node and its counters */
	char *ifname; /* only what passes this device of the places; NULL = the whole namespace */
	struct dp_place *places; /* none: not on this machine or not known, addresses only */
	size_t n_places;
	struct dp_process *processes; /* of the places by_socket */
	size_t n_processes;
	uint64_t *cgroups; /* v2 ids: a process that starts in one is the member's at once */
	size_t n_cgroups;
	struct dp_prefix *prefixes; /* fixed addresses (cidr, host); a namespace's own are found */
	size_t n_prefixes;
};

/* The namespace that the member is all of, the first if it is in several; -1: none. */
int dp_member__netns(const struct dp_member *m);

/* One side of an edge: members, restricted to ports. DP_ANY: everybody who is not the other
 * side. */
struct dp_side {
	bool any;
	size_t *members; /* indices into plan->members */
	size_t n_members;
	struct chaos_port_range *ports; /* of this side */
	size_t n_ports;
};

struct dp_edge {
	struct dp_side from, to;
};

struct dp_fault {
	char *name;
	/* As the kernel has it. .fault is set by the compilation, match.sport and .dport are
	 * intersected with the sides' ports, .delay.table is set where `table` is given. */
	struct chaos_rule rule;
	int16_t *
		table; /* of rule.delay, rule.delay.table_len values in ascending order; NULL: built in */
	struct dp_edge *edges;
	size_t n_edges;
};

/* One side of a flow that stays open whatever the rules say. */
struct dp_exempt {
	struct chaos_addr addr;
	uint16_t port; /* 0 = any */
	uint8_t proto;
	char what[64]; /* for people: "ssh session from 192.0.2.1:5000" */
};

enum dp_attach_mode { DP_ATTACH_AUTO, DP_ATTACH_TCX, DP_ATTACH_CLSACT };

/* What holds delayed packets. */
enum dp_hold_mode { DP_HOLD_AUTO, DP_HOLD_FQ, DP_HOLD_TAP };

struct dp_plan {
	struct dp_member *members;
	size_t n_members;
	struct dp_fault *faults;
	size_t n_faults;
	struct dp_exempt *exempts;
	size_t n_exempts;
	bool by_socket; /* members are, or may come to be, by their sockets */
	bool growing; /* places and addresses may come by the hundred later; at first nobody need be here */
	/* With by_socket: no fault touches the sockets of this process; those of its children are not meant. 0 = none */
	pid_t exempt_pid;
	uint64_t as_of_ns;  /* CLOCK_MONOTONIC: when members' processes were as they say */
	bool count_traffic; /* per member that has a namespace */
	uint64_t
		traffic_bin_ns; /* with count_traffic: per client and service too, in bins of so long; 0 = not */
	uint32_t capture_snaplen; /* bytes of each packet to hand out: capture.h; 0: none */
	enum dp_attach_mode mode; /* AUTO: tcx where the kernel has it, else clsact */
	enum dp_hold_mode hold; /* AUTO: fq where the kernel has it, else a process behind a TAP */
};

void dp_plan__reset(struct dp_plan *p); /* frees what it owns; not the namespace fds */

struct dataplane;

/*
 * Compile, load, attach. Nothing is faulted until dataplane__arm(). On failure everything is undone
 * and @err says what, with what to do about it (missing capability, kernel feature). -EINVAL for a
 * plan that contradicts itself (an address on both sides of a cut, too many rules on a pair, an
 * edge with neither side here). @plan is borrowed until dataplane__close().
 */
int dataplane__open(const struct dp_plan *plan, struct dataplane **ret, struct error *err);

/* Lift everything with one store, detach, free. NULL is fine. Removes our clsact filters, and
 * the clsact qdisc only if we added it and nobody else uses it. */
void dataplane__close(struct dataplane *dp);
static inline void cleanup_dataplane(struct dataplane **dp)
{
	dataplane__close(*dp);
}

/*
 * One store: run time 0 is the CLOCK_MONOTONIC instant @t0_ns, which may be below 0: a run that began before this
 * machine did. Windows apply from here on.
 */
void dataplane__arm(struct dataplane *dp, int64_t t0_ns);
/* One store: every fault of the run is off at once. */
void dataplane__disarm(struct dataplane *dp);

/* Put [start,end) (run time) into @slot of @fault; end 0 empties it. Plain stores, no system
 * call. */
void dataplane__set_window(struct dataplane *dp, size_t fault, unsigned int slot, uint64_t start_ns,
			   uint64_t end_ns);
/* Only its end; nothing of the window is off for an instant meanwhile. */
void dataplane__move_end(struct dataplane *dp, size_t fault, unsigned int slot, uint64_t end_ns);

/* Add or remove an exempt flow while running (a probe's own socket). */
int dataplane__exempt(struct dataplane *dp, const struct dp_exempt *x, bool add);

/* --- what it did ------------------------------------------------------------------------------ */

struct dp_edge_hits {
	const char *from, *to;		 /* node names; "other" for who is no member */
	struct chaos_edge_counts counts; /* summed over CPUs; first/last in CLOCK_MONOTONIC */
};

/* Counters of @fault on each edge that saw a packet. Caller frees *ret. */
int dataplane__hits(struct dataplane *dp, size_t fault, struct dp_edge_hits **ret, size_t *ret_n);
/* Sum over the edges of @fault. */
int dataplane__total(struct dataplane *dp, size_t fault, struct chaos_edge_counts *ret);
/* Cumulative traffic of the member called @node; -ENOENT if it has none here. */
int dataplane__traffic(struct dataplane *dp, const char *node, struct chaos_traffic *ret);
int dataplane__stats(struct dataplane *dp, struct chaos_stats *ret);

/* Bins of one client and service, of which at least one is not all zero. */
struct dp_bins {
	const char *client, *server; /* node names, "other" */
	uint16_t port;
	uint8_t proto;
	const struct chaos_bin *v; /* one for each bin asked for */
	size_t n;
};
typedef void dp_bins_fn(const struct dp_bins *b, void *arg);

/*
 * Take bins @from ... @to - 1 (bin i begins at run time i * traffic_bin_ns) out of the kernel: at most CHAOS_BINS, all
 * over for a while, each asked for once and in order. -ENOENT if the plan has no bins.
 */
int dataplane__take_bins(struct dataplane *dp, uint64_t from, uint64_t to, dp_bins_fn *fn,
			 void *arg);
/* New connections and packets that had to be counted with others since there were too many services. */
uint64_t dataplane__bins_refused(const struct dataplane *dp);
/* A server listens at this TCP port of a member: who speaks to it is the client. */
void dataplane__add_service(struct dataplane *dp, uint16_t port);

/* What the kernel gives reasons for: packets that it dropped (Linux 5.17), RSTs that its TCP sent (Linux 6.10). */
enum dp_why { DP_WHY_DROPPED, DP_WHY_RESET, DP_N_WHY };

/* So many, since the start of the run. */
struct dp_reason {
	const char *node; /* that dropped, that sent; NULL: not known */
	/* As enum skb_drop_reason or sk_rst_reason has it, without SKB_DROP_REASON_, SK_RST_REASON_; NULL: it has it not */
	const char *reason;
	uint32_t code;
	uint64_t packets;
};
/* Caller frees *ret. -ENOENT if the kernel gives no reasons. */
int dataplane__reasons(struct dataplane *dp, enum dp_why why, struct dp_reason **ret,
		       size_t *ret_n);
/* Why not all of the bins' numbers are there; NULL: they are. */
const char *dataplane__bins_missing(const struct dataplane *dp);

/* "tcx" or "clsact": what the programs are attached by. */
const char *dataplane__mechanism(const struct dataplane *dp);
/* Filters outlive their process, links do not: windows should then end soon unless somebody moves their ends. */
bool dataplane__outlives_us(const struct dataplane *dp);
/* In words, how @fault acts: "tcx, BPF drop", "tcx, per wire packet on a veth line, EDT with fq". */
void dataplane__fault_mechanism(const struct dataplane *dp, size_t fault, char *buf, size_t size);
/* "fq", "tap"; NULL when no fault of the plan holds packets. */
const char *dataplane__hold_mechanism(const struct dataplane *dp);

struct dp_line_stats {
	uint64_t held; /* packets on the line now */
	uint64_t
		overflowed; /* dropped because a queue of the line was full: loss that nobody asked for */
	uint64_t no_line; /* passed without their fault: there was no way onto the line */
	uint64_t late_p50_us,
		late_p99_us; /* tap: release after the due time, upper bounds; fq: 0 */
};
/* -ENOENT without a line. */
int dataplane__line_stats(struct dataplane *dp, struct dp_line_stats *ret);

/* Readable when the line has failed (its process was killed), -1 if that cannot be: the run should end. */
int dataplane__failed_fd(const struct dataplane *dp);

/* Attachments, for `check`, `status` and messages. */
struct dp_attachment {
	const char *node; /* member it serves */
	char ifname[16];
	int ifindex;
};
size_t dataplane__attachments(const struct dataplane *dp, const struct dp_attachment **ret);

/* --- churn ------------------------------------------------------------------------------------ */

/* Readable when a device or address of a target's namespace changed: then call
 * dataplane__resync(). */
int dataplane__event_fd(const struct dataplane *dp);
/* Attach to new devices, forget gone ones, update identities and owners. @changed: so have the plan's
 * members. Errors are of single namespaces and are collected in @err while the others go on. */
int dataplane__resync(struct dataplane *dp, bool changed, struct error *err);

/* --- without a run ---------------------------------------------------------------------------- */

struct dp_feature {
	char name[32]; /* "tcx", "clsact", "btf", "bpf", "netns", ... */
	bool ok;
	char detail[192]; /* what was tried; when missing, what to do */
};
/* Probe by doing it, in a scratch namespace that is gone afterwards. Caller frees *ret. */
int dataplane__features(struct dp_feature **ret, size_t *ret_n);

/*
 * Remove filters of ours that a killed controller left by the clsact mechanism, in the caller's
 * namespace, in all of /run/netns and in those of all processes. @ret_removed counts. tcx links die
 * with their owner.
 */
int dataplane__clear_stale(unsigned int *ret_removed, struct error *err);

#endif
