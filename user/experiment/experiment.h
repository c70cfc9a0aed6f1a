/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * experiment.h: an experiment as the user wrote it, checked, with defaults filled in. Pure: what is in
 * these structs came from the text alone; nothing here has looked at the machine. Durations are
 * nanoseconds, instants are nanoseconds since run time 0. All strings are owned by the experiment.
 */
#ifndef CHAOS_EXPERIMENT_H
#define CHAOS_EXPERIMENT_H

#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct port_range {
	uint16_t lo, hi; /* inclusive */
};

struct ports {
	struct port_range *v;
	size_t n;
};

enum selector_kind {
	SELECTOR_NODE,	    /* a lab node, by name */
	SELECTOR_NETNS,	    /* a network namespace: name in /run/netns, path, or pid */
	SELECTOR_CIDR,	    /* addresses, wherever they are; value is canonical a.b.c.d/len */
	SELECTOR_HOST,	    /* a DNS name */
	SELECTOR_INTERFACE, /* what passes this device; in namespace `netns`, else the caller's */
};

struct selector {
	enum selector_kind kind;
	char *value;
	char *netns; /* SELECTOR_INTERFACE only; NULL = the caller's namespace */
	struct ports ports;
	struct pos pos;
};

/* A name for the union of its selectors. Each lab node is an endpoint of the same name. */
struct endpoint {
	char *name;
	struct selector *selectors;
	size_t n_selectors;
	struct pos pos;
};

/* --- lab ------------------------------------------------------------------------------------ */

struct lab_file {
	char *name;	/* relative to ${dir}, no ".." */
	char *template; /* with ${...}; see experiment__expand() */
	struct pos pos;
};

struct lab_need {
	char *program;
	char *package; /* Debian package that has it */
};

enum ready_kind { READY_NONE, READY_TCP, READY_HTTP, READY_COMMAND };

struct ready {
	enum ready_kind kind;
	uint16_t port;	   /* TCP */
	char *url;	   /* HTTP, template; 2xx is ready */
	char *command;	   /* COMMAND, template; exit 0 is ready */
	int64_t within_ns; /* default 10 s */
	struct pos pos;
};

struct lab_node {
	char *name;
	struct lab_file *files;
	size_t n_files;
	char **run; /* command lines, templates; started in order */
	size_t n_run;
	bool sh; /* run each by /bin/sh -c instead of splitting into words */
	struct ready ready;
	struct lab_need *needs;
	size_t n_needs;
	struct pos pos;
};

/* --- faults --------------------------------------------------------------------------------- */

enum partition_kind {
	PARTITION_ISOLATE, /* group[0] from everyone else, named or not */
	PARTITION_HALVES,  /* group[0] from group[1] */
	PARTITION_GROUPS,  /* every group from every other */
	PARTITION_BRIDGE,  /* group[0] sees all; group[1] and group[2] do not see each other */
	PARTITION_MAJORITIES_RING, /* each node sees a majority, no two the same one */
	PARTITION_SIMPLEX, /* packets from group[0] to group[1] are cut, the way back is open */
};

/* A set of endpoints: by name, or drawn under the seed when the experiment is compiled. */
struct name_set {
	char **names;
	size_t n;
};

struct partition {
	enum partition_kind kind;
	struct name_set *groups; /* random sets are already drawn */
	size_t n_groups;
	bool l2; /* ARP and neighbour discovery too: a pulled cable */
	struct pos pos;
};

struct loss {
	double probability; /* (0,1], per wire packet */
	struct pos pos;
};

enum tcp_flag_bits {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
	TCP_URG = 0x20,
};

struct match {
	uint8_t proto;		     /* IPPROTO_*, 0 = any */
	uint8_t tcp_mask, tcp_flags; /* mask 0 = any */
	struct ports ports;	     /* either side */
	struct ports sports, dports;
};

enum fault_parts {
	FAULT_PARTITION = 1 << 0,
	FAULT_LOSS = 1 << 1,
};

enum direction { DIRECTION_TO, DIRECTION_FROM, DIRECTION_BOTH };

struct flap {
	bool set;
	int64_t down_lo_ns, down_hi_ns, up_lo_ns, up_hi_ns;
};

struct fault {
	char *name;	    /* unique; "fault-1" ... when not given */
	unsigned int parts; /* enum fault_parts */

	int64_t at_ns;
	int64_t for_ns;	    /* of one occurrence; -1 = to the end of the run */
	int64_t every_ns;   /* 0 = once */
	unsigned int times; /* occurrences; 0 with every = as often as fits */
	struct flap
		flap; /* instead of every: down/up in turn, drawn from the ranges under the seed */

	struct name_set from, to; /* empty = everyone; not with a partition */
	enum direction direction;
	struct match match;

	struct partition partition;
	struct loss loss;
	struct pos pos;
};

/* --- observation ------------------------------------------------------------------------------ */

/* A probe or exchange of a system that the user describes (`systems:`). */
enum exchange_kind { EXCHANGE_COMMAND, EXCHANGE_HTTP, EXCHANGE_TCP };

struct custom_system {
	char *name;
	enum exchange_kind kind;
	char *command;	 /* template */
	char *url;	 /* template */
	uint16_t port;	 /* TCP */
	char *send;	 /* TCP: what to send first, C escapes already resolved */
	char *leader_re; /* POSIX extended; matching the answer means: claims leadership */
	char *epoch_re;	 /* its first group is the epoch; NULL = none */
	struct pos pos;
};

struct role_watch {
	char *resource;
	char *system; /* redis | sentinel | etcd | vrrp | a custom_system's name */
	char **endpoints;
	size_t n_endpoints;
	uint16_t port;	   /* 0 = the system's default */
	char *master_name; /* sentinel; default "mymaster" */
	char *vip;	   /* vrrp: the virtual address */
	int64_t every_ns;  /* default 20 ms, 1 ms ... 60 s */
	struct pos pos;
};

struct workload {
	char *name;
	char *system; /* redis | etcd */
	char *check;  /* "set" */
	char **endpoints;
	size_t n_endpoints;
	uint16_t port;
	unsigned int clients; /* total; client i runs inside endpoint i mod n */
	double rate_per_s;    /* of all clients together */
	double reads;	      /* fraction of operations that read, [0,1), default 0.1 */
	int64_t timeout_ns;   /* of one operation, default 1 s */
	struct pos pos;
};

struct expectation {
	char *text;
	struct pos pos;
};

struct guard {
	char *when;
	struct pos pos;
};

struct experiment {
	char *name;
	char *description; /* metadata.description: what it shows and what would fix it; may be NULL */
	char *file;	   /* as given, for messages */
	uint64_t seed;
	bool seed_drawn; /* the file had none */
	int64_t duration_ns;
	bool allow_host;	    /* spec.allowHost: the caller's own namespace may be a target */
	unsigned int max_endpoints; /* 0 = no bound */

	bool has_lab;
	struct lab_node *nodes;
	size_t n_nodes;
	struct endpoint *endpoints; /* lab nodes first, then the named ones */
	size_t n_endpoints;
	struct fault *faults;
	size_t n_faults;
	struct custom_system *systems;
	size_t n_systems;
	int64_t traffic_bin_ns; /* default 100 ms, 10 ms ... 10 s */
	struct role_watch *roles;
	size_t n_roles;
	struct workload *workloads;
	size_t n_workloads;
	struct expectation *expect;
	size_t n_expect;
	struct guard *guards;
	size_t n_guards;

	char *resolved; /* the file as YAML with the seed and the name filled in: running it replays */
};

/*
 * Parse @text (@len bytes; YAML 1.2 or JSON) named @file in messages. @draw_seed is used when the
 * file has no seed. On failure returns -EINVAL and @err holds every finding, one a line, as
 * "file:line:col: what; expected ...; did you mean `x`?". A hostile file fails, it does not crash.
 */
int experiment__parse(const char *file, const char *text, size_t len, uint64_t draw_seed,
		      struct experiment **ret, struct error *err);

/* Read @path (at most 1 MiB) and parse it. -ENOENT etc. with a message when it cannot be read. */
int experiment__load(const char *path, uint64_t draw_seed, struct experiment **ret,
		     struct error *err);

void experiment__free(struct experiment *e);
static inline void cleanup_experiment(struct experiment **e)
{
	experiment__free(*e);
}

const struct endpoint *experiment__endpoint(const struct experiment *e, const char *name);

/*
 * The command line's short selector: netns:NAME, cidr:10.0.0.0/8, host:NAME, interface:DEV or
 * interface:NETNS/DEV, each with optional #PORT[,PORT...] at the end. -EINVAL with the nearest kind.
 */
int selector__parse_short(const char *s, struct selector *ret, struct error *err);
void selector__reset(struct selector *s); /* free what it owns and zero it */

/*
 * Replace ${name} in @template by what @lookup returns for "name" ("$$" is "$"). Returns a new string, or NULL with @err
 * set for an unknown name (with the nearest of @names) or an unclosed brace.
 */
char *experiment__expand(const char *template, const char *(*lookup)(const char *name, void *arg),
			 void *arg, struct error *err);

#endif
