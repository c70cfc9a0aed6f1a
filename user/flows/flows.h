/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flows.h: who talks to whom, how fast, and under which fault: snapshots of sockets with their
 * counters, two of which make rates, joined with what runs publish of themselves. Nothing here does
 * I/O or reads a clock.
 *
 * A connection of two ends on this machine is seen twice, and counted once, from its caller's side.
 * What came and went between two snapshots is known only where one end is in TIME_WAIT: that it was.
 */
#ifndef CHAOS_FLOWS_H
#define CHAOS_FLOWS_H

#include "datapath/chaos_abi_user.h"
#include "discover/discover.h"

#include <jansson.h>

/* ---- scope.c: what runs publish ------------------------------------------------------------------ */

/* Kinds of hits, as they are named in JSON. */
enum { FLOW_HITS = 9 };
extern const char *const flow_hits[FLOW_HITS];

/* Faults beyond so many that are active at once are not marked on flows. */
enum { FLOW_MAX_ACTIVE = 64 };

struct scope_side {
	bool any;	   /* whoever is not on the other side */
	uint64_t *members; /* of the run, a bit each */
	struct chaos_port_range *ports;
	size_t n_ports;
};

struct scope_edge {
	struct scope_side from, to;
};

struct scope_fault {
	char *name;
	char *does; /* in words */
	uint8_t proto;
	struct chaos_port_range *sports, *dports, *ports; /* of these, either one's */
	size_t n_sports, n_dports, n_ports;
	struct scope_edge *edges;
	size_t n_edges;

	bool active;
	int64_t until_ns; /* CLOCK_MONOTONIC; off by itself from then on */
	uint64_t hits[FLOW_HITS];
	double per_s[FLOW_HITS]; /* below 0: not known yet */
};

struct scope_member {
	char *name;
	uint64_t *netns; /* inodes; sorted */
	size_t n_netns;
	uint64_t *processes; /* whose sockets it is; sorted */
	size_t n_processes;
	char *device;	/* of the namespace, or NULL */
	struct chaos_prefix *prefixes;
	size_t n_prefixes;
};

struct scope_exempt {
	struct chaos_addr addr;
	uint16_t port; /* 0: any */
	uint8_t proto;
};

struct scope_cache;

struct scope_run {
	char *id;
	char *phase;
	double t_s;
	bool alive;
	bool known;    /* the lists below are filled */
	bool seen;     /* in this round */
	int64_t at_ns; /* of the newest counts, CLOCK_MONOTONIC; 0: none yet */
	struct scope_member *members;
	size_t n_members;
	struct scope_fault *faults;
	size_t n_faults;
	struct scope_exempt *exempts;
	size_t n_exempts;
	struct scope_cache *cache;
};

struct scopes {
	struct scope_run *runs;
	size_t n_runs;
};

/* A round of news: begin, update for each run that there is, end. What got no news is forgotten. */
void scopes__begin(struct scopes *s);
/* The run @id, made if it is new; NULL: no memory. */
struct scope_run *scopes__run(struct scopes *s, const char *id);
void scopes__end(struct scopes *s);
void scopes__reset(struct scopes *s);

/* What it published. Anything that makes no sense is left out; 0, -EINVAL or -ENOMEM. */
int scope_run__scope(struct scope_run *r, const json_t *scope);
void scope_run__live(struct scope_run *r, const json_t *live);

/* Whether @f is on at the CLOCK_MONOTONIC instant @now_ns. */
bool scope_fault__active(const struct scope_fault *f, int64_t now_ns);

/* One end of a flow. */
struct flow_end {
	const struct discover_netns *netns; /* NULL: not of this machine */
	struct chaos_addr addr;
	uint16_t port;
	pid_t pid; /* who has the socket; 0: not known */
};

/*
 * Whether packets from @from to @to meet @f of @r. Who an end is is remembered until the next round,
 * in which namespaces may have other addresses.
 */
bool scope_fault__meets(struct scope_run *r, const struct scope_fault *f, uint8_t proto,
			const struct flow_end *from, const struct flow_end *to);

/* What a run calls the namespace of inode @netns; NULL: no run has a name for it. */
const char *scopes__name(const struct scopes *s, uint64_t netns);

/* ---- past.c: two snapshots make a difference ------------------------------------------------------ */

/* What was done between two snapshots; all in one second where a table has it. */
struct flow_done {
	double bytes[2]; /* from the caller, to the caller; acknowledged ones of TCP */
	double segs[2];
	double retrans; /* by both ends that are here */
	double opened;	/* connections */
	double drops;	/* datagrams that found no room in the receiver's queue */
};

struct flow_past;

/* Keep of @s, which has traffic, what the next one is compared with. NULL: no memory. */
struct flow_past *flow_past__of(const struct snapshot *s);
void flow_past__free(struct flow_past *p);

struct flow_delta {
	bool known; /* there was a snapshot before, and this socket counts */
	bool fresh; /* the socket is new since that one */
	uint64_t bytes_sent, bytes_received;
	uint32_t segs_out, segs_in, retrans, drops;
};

/* Since @p (NULL: nothing is known). Counters that went backwards did nothing. */
struct flow_delta flow_past__delta(const struct flow_past *p, const struct discover_traffic *t);

/* ---- table.c ------------------------------------------------------------------------------------- */

enum { FLOW_TO, FLOW_BACK }; /* directions: of the caller's packets, of the answers */

struct flow_party {
	const char *name;	/* place/comm, or an address */
	uint32_t process;	/* of the snapshot; the first of them; or DISCOVER_NONE */
	uint32_t netns;		/* of the snapshot, or DISCOVER_NONE */
	struct chaos_addr addr; /* of the first connection */
};

/* All connections from one party to one port of another. */
struct flow_row {
	struct flow_party from, to;
	uint8_t proto; /* enum discover_proto */
	uint16_t port;
	/* Set up; still without an answer. Neither: all that there was is over, @done.opened says how much. */
	uint32_t connections, connecting;
	bool counted;	       /* @done is known */
	struct flow_done done; /* a second */
	uint32_t rtt_us;       /* the longest; 0: not known */
	uint64_t queued;       /* bytes that wait at either end, to be sent or to be read */
	uint64_t faults[2];    /* by direction, of flow_table.active */
};

struct flow_active {
	struct scope_run *run;
	const struct scope_fault *fault;
};

struct flow_device {
	const char *netns; /* name of the place; "" for this machine's own */
	const struct link_info *link;
	bool known;
	double rx_bytes, tx_bytes, rx_packets, tx_packets, drops; /* a second */
};

struct flow_table {
	struct flow_row *rows;
	size_t n_rows;
	struct flow_device *devices; /* but loopback, by traffic, the most first */
	size_t n_devices;
	struct flow_active active[FLOW_MAX_ACTIVE];
	size_t n_active;
	bool rated; /* there was something to compare with: rates are known, bytes and segments where a row counted */
	size_t n_sockets, n_connections; /* all that were looked at; those in rows */
	size_t n_folded; /* connections in the last row, which had no room of their own */
	struct arena *arena;
};

/* What rows are wanted: those with an end in @m, which @t chose. */
struct flow_filter {
	const struct target_selector *t;
	const struct discover_match *m;
};

/*
 * The table of @s. @past and @seconds: what it is compared with and how long ago that was; @past may be
 * NULL. @filter may be NULL. @now_ns: CLOCK_MONOTONIC, for faults. @ret borrows from @s and @scopes.
 * 0 or -ENOMEM.
 */
int flow_table__make(const struct snapshot *s, const struct flow_past *past, double seconds,
		     struct scopes *scopes, int64_t now_ns, const struct flow_filter *filter,
		     struct flow_table *ret);
void flow_table__reset(struct flow_table *t);

enum flow_order {
	FLOW_BY_FAULT, /* those under a fault first, then by rate */
	FLOW_BY_RATE,
	FLOW_BY_SEGMENTS,
	FLOW_BY_RETRANS,
	FLOW_BY_RTT,
	FLOW_BY_CONNECTIONS,
	FLOW_BY_NEW,
	FLOW_BY_NAME,
	FLOW_N_ORDERS,
};
extern const char *const flow_orders[FLOW_N_ORDERS + 1]; /* NULL at the end */

/* Equal rows stand by name, so that they do not jump about. */
void flow_table__sort(struct flow_table *t, enum flow_order order, bool reverse);

/* An address as people write it into @buf; returns @buf. */
const char *flow_addr__text(const struct chaos_addr *a, char *buf, size_t size);

#endif
