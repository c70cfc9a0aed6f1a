/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * experiment.h: an experiment as the user wrote it, checked, with defaults filled in. Pure: what is in
 * these structs came from the text alone; nothing here has looked at the machine. Durations are
 * nanoseconds, instants are nanoseconds since run time 0. All strings are owned by the experiment.
 */
#ifndef CHAOS_EXPERIMENT_H
#define CHAOS_EXPERIMENT_H

#include "discover/target.h"
#include "experiment/custom.h"
#include "lib/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A seed is a number of the record, and integers of JSON are int64_t here and in Kubernetes. */
#define EXPERIMENT_SEED_MAX ((uint64_t)INT64_MAX)

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
	SELECTOR_PROCESS,   /* what the sockets of processes send and receive */
	SELECTOR_CGROUP,
	SELECTOR_UNIT,
	SELECTOR_CONTAINER,
	SELECTOR_PODS,
};

struct selector {
	enum selector_kind kind;
	/*
	 * As the user wrote it, for words: the name, path or network; of processes and pods what they are
	 * chosen by, as "comm:etcd user:postgres" and "shop/app=web".
	 */
	char *value;
	char *netns; /* SELECTOR_INTERFACE only; NULL = the caller's namespace */
	/*
	 * What discover__match() looks for, with the excludes of `not:`. NULL for nodes and hosts, and for
	 * an interface in a namespace that is a lab node: what has none has no `not:`.
	 */
	struct target_selector *target;
	/* Only its packets of this protocol, on these of its own ports. */
	uint8_t proto; /* IPPROTO_*, 0 = any */
	struct ports ports;
	struct pos pos;
	char *path; /* of an object of the API: its field, as spec.endpoints.web; else NULL */
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
	char *user; /* whose its commands, files and folder are; NULL = the caller's */
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

/*
 * A parameter that may move while a fault is on: from `from` to `to`, in proportion to the time since
 * the occurrence began, over the fault's ramp. Equal values stand still.
 */
struct moving {
	double from, to;
};

/*
 * Something that happens to a packet with probability p, [0,1], per wire packet. correlation, [0,1), is
 * that of one packet's outcome with the one before it on the same edge; p stays what it is.
 */
struct chance {
	struct moving p;
	double correlation;
};

enum loss_model {
	LOSS_RANDOM, /* chance */
	LOSS_BURST, /* chance.p of all packets, in bursts of geometric length, on average `burst` */
	LOSS_GEMODEL, /* Gilbert-Elliott: p good to bad, r bad to good, h and k: share that is delivered in bad, in good */
	LOSS_STATE,   /* four states: p13 p31 p32 p23 p14 (Salsano et al.; netem's `loss state`) */
	LOSS_EVERY,   /* each packet whose number on the edge is a multiple of `every` */
	LOSS_FIRST,   /* the first `first` packets of an edge in each occurrence */
};

struct loss {
	enum loss_model model;
	struct chance chance;
	struct moving burst; /* packets, above 1 */
	struct moving p, r, h, k;
	struct moving p13, p31, p32, p23, p14;
	uint32_t every, first;
	struct pos pos;
};

enum distribution {
	DISTRIBUTION_UNIFORM, /* latency - jitter ... latency + jitter */
	DISTRIBUTION_NORMAL,  /* jitter is the standard deviation, also of the following */
	DISTRIBUTION_PARETO,
	DISTRIBUTION_PARETONORMAL,
	DISTRIBUTION_TABLE, /* table_file, in netem's .dist format */
};

struct delay {
	struct moving latency_ns, jitter_ns;
	double correlation; /* [0,1): of a packet's jitter with that of the one before it */
	enum distribution distribution;
	char *table_file; /* as written; relative to the experiment file */
	bool in_order;	  /* a packet waits for those before it; else jitter reorders */
	struct pos pos;
};

/* Beside a delay: a packet that is chosen overtakes, it is not delayed. With gap N, at most every Nth. */
struct reorder {
	struct chance chance;
	uint32_t gap; /* 0 and 1: any */
	struct pos pos;
};

struct corrupt {
	struct chance chance;
	bool silent; /* a payload bit, checksum mended: reaches the application. Else as the wire: the checksum fails */
	struct pos pos;
};

struct rate_limit {
	struct moving bytes_per_s;
	uint64_t burst_bytes; /* may pass at once after a pause */
	uint64_t queue_bytes; /* 0: by queue_ns */
	int64_t queue_ns;     /* the queue holds what the rate takes this long for */
	struct pos pos;
};

enum reset_ends { RESET_BOTH, RESET_SENDER, RESET_RECEIVER };

struct reset {
	struct chance chance;
	enum reset_ends ends; /* who gets the RST; the packet itself is dropped */
	struct pos pos;
};

enum reject_kind { REJECT_PORT, REJECT_HOST, REJECT_NET, REJECT_PROHIBITED };

struct reject {
	struct chance chance;
	enum reject_kind kind; /* ICMP or ICMPv6 destination unreachable, code */
	struct pos pos;
};

struct mtu {
	struct moving bytes; /* IP packets longer than this are dropped */
	bool icmp; /* "fragmentation needed" or "packet too big" goes back; else a black hole */
	struct pos pos;
};

struct duplicate {
	struct chance chance;
	struct pos pos;
};

struct ecn {
	struct chance chance; /* ECN-capable packets are marked CE */
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
	/* The IP packet, header included; 0..65535 = any. */
	uint32_t length_lo, length_hi;
	int dscp; /* 0..63, -1 = any */
	enum match_state {
		MATCH_ANY,
		MATCH_NEW,
		MATCH_ESTABLISHED
	} state;	/* TCP: with SYN, without */
	uint32_t nth;	/* of those that match so far, on one edge: each nth; 0 and 1 = all */
	uint32_t first; /* of those, the first so many of an occurrence; 0 = all */
};

/* Whether it takes every packet. */
bool match__is_any(const struct match *m);

enum fault_parts {
	FAULT_PARTITION = 1 << 0,
	FAULT_LOSS = 1 << 1,
	FAULT_DELAY = 1 << 2,
	FAULT_REORDER = 1 << 3, /* only with FAULT_DELAY */
	FAULT_DUPLICATE = 1 << 4,
	FAULT_CORRUPT = 1 << 5,
	FAULT_RATE = 1 << 6,
	FAULT_RESET = 1 << 7,
	FAULT_REJECT = 1 << 8,
	FAULT_MTU = 1 << 9,
	FAULT_ECN = 1 << 10,
};

/* "partition" for bit 0 and so on: the keys of the file, the names in reports; NULL past the last. */
const char *fault__part_name(unsigned int bit);

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

	int64_t ramp_ns; /* over which `struct moving` goes from -> to; 0 = nothing moves */

	struct partition partition;
	struct loss loss;
	struct delay delay;
	struct reorder reorder;
	struct duplicate duplicate;
	struct corrupt corrupt;
	struct rate_limit rate;
	struct reset reset;
	struct reject reject;
	struct mtu mtu;
	struct ecn ecn;
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
	/* what it is if `leader` does not match, the first that does; NULL = none */
	char *candidate_re, *follower_re;
	char *epoch_re;	 /* its first group is the epoch; NULL = none */
	bool has_probe;	 /* the above; else it is for workloads only */
	struct custom_workload *workload; /* NULL = it is for role probes only */
	struct pos pos;
};

struct role_watch {
	char *resource;
	char *system; /* one of role_systems[] (parse_role.c) or a custom_system's name */
	char **endpoints;
	size_t n_endpoints;
	uint16_t port;	   /* 0 = the system's default */
	char *master_name; /* sentinel; default "mymaster" */
	char *vip;	   /* vrrp: the virtual address */
	char *url;	   /* template: http(s)://HOST:PORT in place of the node's address and port */
	char *ca_file, *token_file;
	char *user, *password, *database;
	char *identity; /* template: what the system calls the node; lease, kafka */
	char *lease;	/* NAMESPACE/NAME */
	unsigned int slot; /* redis-cluster */
	int64_t every_ns;  /* default 20 ms, 1 ms ... 60 s */
	struct pos pos;
};

/* What some systems ask of a client; NULL where the file says nothing. */
struct workload_login {
	char *user, *password, *database;
	char *queue_type; /* rabbitmq: classic | quorum */
};

enum load_mode {
	LOAD_OPEN,  /* operations are due at a rate, whatever became of those before */
	LOAD_CLOSED /* each client waits after each operation, then does the next */
};

enum retry_policy {
	RETRY_NONE,
	RETRY_IMMEDIATE,
	RETRY_FIXED,	   /* delay_ns */
	RETRY_EXPONENTIAL, /* min(cap_ns, base_ns * 2^k) after attempt k = 0, 1, ... */
	RETRY_FULL_JITTER, /* uniform over 0 to that */
};
#define RETRY_POLICIES (RETRY_FULL_JITTER + 1)
extern const char *const retry_policies[RETRY_POLICIES];

/* When an operation that failed is tried again. */
struct retry {
	enum retry_policy policy;
	int64_t delay_ns;	 /* default 1 s */
	int64_t base_ns, cap_ns; /* defaults 100 ms and 10 s */
	unsigned int attempts;	 /* of one operation, the first included; default 10 */
	double budget; /* retries are at most this share of the operations; 0: no such bound */
};

struct http_header {
	char *name, *value;
};

/* What an HTTP client asks for: templates, also with ${key}. */
struct http_load {
	char *url, *method, *body; /* method: default GET, with a body POST; body may be NULL */
	struct http_header *headers;
	size_t n_headers;
	unsigned int status_lo, status_hi; /* that are a success, inclusive; default 200..299 */
	unsigned int keys;		   /* ${key} is 0 to keys - 1; default 1 */
	double zipf; /* exponent of the keys' popularity; 0: all alike */
};

struct workload {
	char *name;
	char *system; /* of load_systems, or a custom_system's name */
	struct workload_login login;
	char *check;  /* set | register | cas | counter | queue | lock | none */
	char **endpoints;
	size_t n_endpoints;
	char *resource; /* lock: endpoint whose server its holders use; NULL: they do not */
	bool fenced;	/* and it refuses a token that is lower than one it has seen */
	char *target; /* endpoint whose server all clients talk to; NULL: each to its own */
	uint16_t port;
	unsigned int clients; /* total; client i runs inside endpoint i mod n */
	enum load_mode mode;
	double rate_per_s; /* LOAD_OPEN: of all clients together */
	bool poisson;	   /* LOAD_OPEN: arrivals are random instead of even */
	int64_t think_ns;  /* LOAD_CLOSED: mean, exponential; default 1 s */
	double reads; /* fraction of operations that read, [0,1), default 0.1; register, cas: 0.5 */
	int64_t timeout_ns; /* of one attempt, default 1 s */
	struct retry retry;
	bool connect_anew; /* a connection for each attempt, instead of one kept by each client */
	struct http_load http;
	struct pos pos;
};

struct expectation {
	char *text;
	struct pos pos;
	bool quoted; /* in the file: the text begins a column after @pos */
};

/* capture.pcapng of the run folder. */
struct capture_options {
	bool on;
	unsigned int snaplen; /* bytes of a packet that are kept; default 256, 64 ... 2048 */
	struct moving max;    /* bytes of the file, both ends alike; default 64 MiB */
	char **endpoints;     /* whose devices; none: all that there are hooks for */
	size_t n_endpoints;
};

struct guard {
	char *when;
	struct pos pos;
	bool quoted;
};

struct experiment {
	char *name;
	char *description; /* metadata.description: what it shows and what would fix it; may be NULL */
	char *file;	   /* as given, for messages */
	uint64_t seed;
	bool seed_drawn; /* the file had none */
	int64_t duration_ns;
	bool until_stopped; /* `duration: until-stopped`: duration_ns is only a bound, faults are on all the time */
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
	struct capture_options capture;
	struct role_watch *roles;
	size_t n_roles;
	struct workload *workloads;
	size_t n_workloads;
	struct expectation *expect;
	size_t n_expect;
	struct guard *guards;
	size_t n_guards;

	char **system_files; /* as messages name them */
	size_t n_system_files;
	char *resolved; /* the file as YAML with the seed, the name and the systems of files filled in:
			 * running it replays */
};

/*
 * Where the text of a file that an experiment names (`systems: FILE`) comes from: 0 with @ret_text,
 * which is the caller's to free, or a negative errno and why, without the path, in @err.
 */
struct experiment_source {
	int (*read)(const char *path, void *arg, char **ret_text, size_t *ret_len,
		    struct error *err);
	void *arg;
};

/*
 * Parse @text (@len bytes; YAML 1.2 or JSON) named @file in messages. @draw_seed is used when the
 * file has no seed. On failure returns -EINVAL and @err holds every finding, one a line, as
 * "file:line:col: what; expected ...; did you mean `x`?". A hostile file fails, it does not crash.
 */
int experiment__parse(const char *file, const char *text, size_t len, uint64_t draw_seed,
		      struct experiment **ret, struct error *err);
/* The same for one that may name files, by their paths from the folder of @file; @source may be NULL. */
int experiment__parse_with(const char *file, const char *text, size_t len, uint64_t draw_seed,
			   const struct experiment_source *source, struct experiment **ret,
			   struct error *err);

/* Where an experiment is to run, which says what it may hold. */
enum experiment_place {
	EXPERIMENT_HERE,    /* on this machine alone */
	EXPERIMENT_CLUSTER, /* in a cluster: pods are those that the API server knows */
	EXPERIMENT_MEMBERS, /* one node's part of that: its text is `resolved` of the former, which says who the pods are */
};

struct experiment_mode {
	enum experiment_place place;
	/* an object of the API: findings say the path of the field, as "spec.faults[0].at: what", instead of its place */
	bool paths;
	/* EXPERIMENT_CLUSTER: */
	const char *ns;	 /* of the object: that of pods without one */
	bool allow_host; /* may spec.allowHost be set? */
};

/* @source and @mode may be NULL: no files, EXPERIMENT_HERE. */
int experiment__parse_as(const char *file, const char *text, size_t len, uint64_t draw_seed,
			 const struct experiment_source *source, const struct experiment_mode *mode,
			 struct experiment **ret, struct error *err);

#define EXPERIMENT_MAX_BYTES (1024 * 1024) /* with the files that it names */
#define EXPERIMENT_MAX_FILES 16

/*
 * Read @path (at most 1 MiB) and the files that it names, and parse them. -ENOENT etc. with a message
 * when it cannot be read.
 */
int experiment__load(const char *path, uint64_t draw_seed, struct experiment **ret,
		     struct error *err);

int experiment__load_as(const char *path, uint64_t draw_seed, const struct experiment_mode *mode,
			struct experiment **ret, struct error *err);

void experiment__free(struct experiment *e);
static inline void cleanup_experiment(struct experiment **e)
{
	experiment__free(*e);
}

const struct endpoint *experiment__endpoint(const struct experiment *e, const char *name);

/*
 * What @f does, in words on one line: "delay 100ms +-20ms normal, loss 1%; only tcp port 6379". Writes
 * @buf, cut at @size, and returns it.
 */
const char *experiment__describe_fault(const struct fault *f, char *buf, size_t size);

/*
 * The command line's short selector: those of target_selector__parse() and host:NAME, each with optional
 * #PORT[,PORT...][/PROTO] at the end; a # of the value is written ##. -EINVAL with words.
 */
int selector__parse_short(const char *s, struct selector *ret, struct error *err);
void selector__reset(struct selector *s); /* free what it owns and zero it */

/* A total order; 0: the same packets by the same words, wherever they stand. */
int selector__compare(const struct selector *a, const struct selector *b);

/* "comm:etcd but not user:postgres, port 80,8000-8100 tcp"; writes @buf, cut at @size, and returns it. */
const char *selector__describe(const struct selector *s, char *buf, size_t size);

/* "tcp" or the number. */
const char *proto__format(uint8_t proto, char *buf, size_t size);

/*
 * Replace ${name} in @template by what @lookup returns for "name" ("$$" is "$"). Returns a new string, or NULL with @err
 * set for an unknown name (with the nearest of @names) or an unclosed brace.
 */
char *experiment__expand(const char *template, const char *(*lookup)(const char *name, void *arg),
			 void *arg, struct error *err);

#endif
