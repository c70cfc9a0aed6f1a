/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * chaos_abi.h: the one contract between the BPF programs and user space. It includes only types
 * (vmlinux.h or linux/types.h come before it), every field has a fixed width, every pad is named and
 * zero, every size is asserted, and a test compares the BTF of the built object with it.
 *
 * What a packet costs: identity of either side (one hash look-up each, a longest-prefix look-up
 * only for an address that is not known exactly; none for the side that the hook itself names), one
 * look-up of the pair of identities, then the rules of that pair. The number of rules in the run does
 * not matter.
 *
 * Time: t0_ns is an instant of CLOCK_MONOTONIC (bpf_ktime_get_ns), below 0 in two's complement where
 * the machine came up after it; every window is relative to it. Nothing applies while t0_ns is 0, so
 * one store arms all faults and one store lifts them all. A window has an end that the packet path
 * checks: when user space is stopped or gone, faults end by themselves.
 *
 * Where: a partition is decided at the hook itself. Every other fault acts on packets of a wire: the hook
 * sends the packet on a detour, a veth pair of ours (the line) whose first end cuts GSO packets into wire
 * packets where that matters; behind it the rules decide, a queue holds what is delayed, and the
 * packet comes back to the hook that it left. What is on a detour belongs to no socket, so the sender's
 * TCP is not throttled by our queue (tcp_small_queue_check()).
 */
#ifndef CHAOS_ABI_H
#define CHAOS_ABI_H

#define CHAOS_ABI_VERSION 3

enum chaos_direction {
	CHAOS_INGRESS = 0,
	CHAOS_EGRESS = 1,
};

enum {
	/* Rules on one ordered pair of identities; bounds the loop of the packet path. */
	CHAOS_RULES_PER_PAIR = 15,
	/* Port ranges in each list of a match. */
	CHAOS_PORTS_PER_MATCH = 8,
	/* Windows of one fault that may be pending at once: the running one and the next one. */
	CHAOS_WINDOWS = 2,
	/* node 0: anyone who is no named endpoint. */
	CHAOS_NODE_OTHER = 0,
	CHAOS_CLASS_OTHER = 0,
};

/* No pair has it: whose socket it is, no fault touches. */
#define CHAOS_CLASS_EXEMPT 0xffffffffU

/* An address: IPv6, or IPv4 as ::ffff:a.b.c.d, in network byte order. */
struct chaos_addr {
	__u32 w[4];
};
_Static_assert(sizeof(struct chaos_addr) == 16, "ABI");

/* Key of the prefixes trie. prefixlen counts from the 128 bits of chaos_addr: IPv4 /24 is 120. */
struct chaos_prefix {
	__u32 prefixlen;
	struct chaos_addr addr;
};
_Static_assert(sizeof(struct chaos_prefix) == 20, "ABI");

/*
 * Who an address is. class_id: which selectors it belongs to, one class for each set of selectors
 * that occurs, so classes are disjoint however selectors overlap; rules are keyed by it. node: the
 * name it has in reports; counters are keyed by it.
 */
struct chaos_ident {
	__u32 class_id;
	__u32 node;
};
_Static_assert(sizeof(struct chaos_ident) == 8, "ABI");

enum chaos_hook_flags {
	/* Whatever passes this hook is from/to ident: the namespace is one endpoint and forwards
	 * nothing. No look-up for the local side. */
	CHAOS_HOOK_FIXED = 1 << 0,
	/* ident is who receives multicast and broadcast here; unicast goes by address. */
	CHAOS_HOOK_GROUP = 1 << 1,
	/* VLAN devices stand on this device in the same namespace: leave tagged frames to them. */
	CHAOS_HOOK_SKIP_TAGGED = 1 << 2,
	/* Count traffic per node and device class into traffic[]. */
	CHAOS_HOOK_TRAFFIC = 1 << 3,
	/* Processes are told apart here: the local side has the socket's owner too. */
	CHAOS_HOOK_OWNERS = 1 << 4,
};

/* Constant data of one loaded instance of the programs (.rodata); one instance per namespace. */
struct chaos_hook {
	struct chaos_ident ident;
	__u32 flags; /* enum chaos_hook_flags */
	__u32 netns; /* number of the namespace; part of the key of devices */
};
_Static_assert(sizeof(struct chaos_hook) == 16, "ABI");

/* control[0], mmapped by user space. */
struct chaos_control {
	__u64 t0_ns;	/* CLOCK_MONOTONIC instant of run time 0; 0: every fault is off */
	__u32 n_exempt; /* entries in the exempt map; 0 saves its look-ups */
	/* The delay line's TAP in the line's namespace; 0: fq on the line's device holds packets. */
	__u32 tap_ifindex;
	__u32 owners_epoch; /* of processes[]: what sockets[] remembers of it is good while this stands */
	__u32 scan; /* number of the look at all sockets under way (owner_scan); + 1 in its second pass */
	__u32 n_ended; /* rows of processes[] that came to be of ended ones; user space clears it */
	__u32 pad;
};
_Static_assert(sizeof(struct chaos_control) == 32, "ABI");

/*
 * Owners: which processes a socket is of. An owner is a set of processes that the experiment does not
 * tell apart; it has a number from 1 on, 0 is nobody's.
 *
 * From the egress hook, where the sending socket is known, to the ingress hook of a receiver on this machine
 * a packet takes the sending process's number along in its hash: all runs write the same, and each knows whose
 * the process is to it. tc_index says that it is so. The hash keeps its upper bits, which are what queues
 * and processors are chosen by. On a detour both sides' owners are in it.
 */
enum {
	CHAOS_OWNER_NONE = 0,
	CHAOS_OWNERS_MAX = 0xffff,
	CHAOS_SENDER =
		0x5e4d, /* tc_index: the hash's CHAOS_SENDER_TGID bits are a tgid; no CHAOS_LINE_BACK */
	CHAOS_SENDER_TGID = (1 << 22) - 1, /* PID_MAX_LIMIT */
};

/* Value of sockets, a BPF_MAP_TYPE_SK_STORAGE that an accepted socket inherits from its listener. */
struct chaos_socket {
	__u32 tgid; /* of its owner, in the first pid namespace */
	__u32 scan; /* chaos_control.scan when the owner was found to hold it; 0: at its creation */
	/* What processes[tgid] said, good while epoch is chaos_control.owners_epoch. Whoever changes tgid
	 * sets epoch to 0. */
	__u32 epoch;
	__u32 owner;
	/* What joins[] said last, one store: bits 0-15 the epoch's, 16-31 class_id of the key, 32-47 class and
	 * 48-63 node of the value. */
	__u64 joined;
};
_Static_assert(sizeof(struct chaos_socket) == 24, "ABI");

/*
 * processes[tgid]. A process that has ended leaves its row: what its sockets still send (the rest of their
 * data, their FINs) is its owner's. One that no member has any more has a row with owner 0, till it ends.
 */
#define CHAOS_PROCESS_ENDED 0xffffffffU
struct chaos_process {
	__u32 owner;
	__u32 heirs;   /* owner that a child of it begins with; CHAOS_PROCESS_ENDED */
	__u64 born_ns; /* CLOCK_MONOTONIC: the kernel saw it begin; 0: user space put it here */
};
_Static_assert(sizeof(struct chaos_process) == 16, "ABI");

/* Key of joins; the value is who an owner's socket is when the packet's address alone is of class
 * class_id. */
struct chaos_join_key {
	__u32 owner;
	__u32 class_id;
};
_Static_assert(sizeof(struct chaos_join_key) == 8, "ABI");

/* Run-relative, half-open [start, end). end == 0: the slot is empty. Writers store end = 0, then
 * start, then end, so that a reader never sees a window that was never asked for. */
struct chaos_window {
	__u64 start_ns;
	__u64 end_ns;
};

/* windows[fault], mmapped by user space. */
struct chaos_windows {
	struct chaos_window slot[CHAOS_WINDOWS];
};
_Static_assert(sizeof(struct chaos_windows) == 32, "ABI");

/* Key of pairs: which rules a packet from one class to another meets at this hook. Each rule of an
 * edge stands at exactly one of the two hooks that the packet passes. */
struct chaos_pair_key {
	__u32 src_class;
	__u32 dst_class;
	__u32 direction; /* enum chaos_direction */
};
_Static_assert(sizeof(struct chaos_pair_key) == 12, "ABI");

struct chaos_pair {
	__u32 n_rules;
	__u32 rule[CHAOS_RULES_PER_PAIR]; /* indices into rules[], in the order of the experiment */
};
_Static_assert(sizeof(struct chaos_pair) == 64, "ABI");

struct chaos_port_range {
	__u16 lo;
	__u16 hi; /* inclusive, host byte order */
};

enum chaos_match_flags {
	/* Also ARP and IPv6 neighbour discovery, which are otherwise never touched. */
	CHAOS_MATCH_NEIGHBOUR = 1 << 0,
	CHAOS_MATCH_DSCP = 1 << 1,   /* only packets with this dscp */
	CHAOS_MATCH_LENGTH = 1 << 2, /* only IP packets of length_lo ... length_hi bytes */
};

/*
 * Which packets of the pair a rule takes. An empty list takes all. A rule with ports takes no packet
 * without ports: non-first fragments, ICMP.
 */
struct chaos_match {
	__u8 proto;	/* IPPROTO_*, 0 = any */
	__u8 flags;	/* enum chaos_match_flags */
	__u8 tcp_mask;	/* TCP flag bits to look at; 0 = any, else only TCP matches */
	__u8 tcp_flags; /* their values */
	__u8 n_sport;
	__u8 n_dport;
	__u8 n_port; /* either the source or the destination port is in port[] */
	__u8 dscp;
	struct chaos_port_range sport[CHAOS_PORTS_PER_MATCH];
	struct chaos_port_range dport[CHAOS_PORTS_PER_MATCH];
	struct chaos_port_range port[CHAOS_PORTS_PER_MATCH];
	__u16 length_lo; /* inclusive, IP header included */
	__u16 length_hi;
	/* Of the packets of one edge that match so far, counted anew in each window: every nth (0: all),
	 * and of these the first so many (0: all). */
	__u32 nth;
	__u32 first;
	__u32 pad;
};
_Static_assert(sizeof(struct chaos_match) == 120, "ABI");

/* What a rule does; several may be set. Order of application is the order of the bits. */
enum chaos_action {
	CHAOS_ACT_PARTITION = 1 << 0, /* drop all; at the hook, all others on the line */
	CHAOS_ACT_DUPLICATE =
		1 << 1, /* before the losses: one copy of two may be lost, as in netem */
	CHAOS_ACT_RESET = 1 << 2,
	CHAOS_ACT_REJECT = 1 << 3,
	CHAOS_ACT_MTU = 1 << 4,
	CHAOS_ACT_LOSS = 1 << 5,
	CHAOS_ACT_CORRUPT = 1 << 6,
	CHAOS_ACT_ECN = 1 << 7,
	CHAOS_ACT_RATE = 1 << 8, /* the time to put it on the wire, then the time to travel */
	CHAOS_ACT_DELAY = 1 << 9,
};

/* A number that moves from one value to another over the rule's ramp; equal: it stands still. */
struct chaos_param {
	__u64 from;
	__u64 to;
};

/* Something that happens with probability p, 2^32 = always. correlation, 2^32 = 1, is that of the
 * outcome with the packet before it on the edge (a two-state chain, so p stays exact). */
struct chaos_chance {
	struct chaos_param p;
	__u64 correlation;
};
_Static_assert(sizeof(struct chaos_chance) == 24, "ABI");

enum { CHAOS_LOSS_STATES = 4 };

/*
 * n_states 0: by chance alone. Else a Markov chain: the state moves, then the packet is lost with
 * the new state's probability. move[s] are cumulated: a 32-bit draw below move[s][j] and not below
 * move[s][j - 1] goes to state j, one below none to the last state.
 */
struct chaos_loss {
	struct chaos_chance chance;
	__u32 n_states;
	__u32 every; /* each packet of the edge whose number is a multiple; 0 = no */
	__u32 first; /* the first so many packets of the edge in each window; 0 = no */
	__u32 pad;
	struct chaos_param move[CHAOS_LOSS_STATES][CHAOS_LOSS_STATES - 1];
	struct chaos_param lost[CHAOS_LOSS_STATES];
};
_Static_assert(sizeof(struct chaos_loss) == 296, "ABI");

enum chaos_delay_flags {
	CHAOS_DELAY_IN_ORDER = 1 << 0, /* never before a packet that came before it */
	CHAOS_DELAY_REORDER = 1 << 1,  /* some overtake: they are not delayed */
};

/* Where the tables begin in tables[], in entries; a fault's own follow. Values are netem's: signed, in
 * 1/8192 of the jitter; PHI is the normal distribution's, 2^32 = 1, over -4 ... 4 standard deviations. */
enum {
	CHAOS_TABLE_LEN = 4096,
	CHAOS_TABLE_NORMAL = 0,
	CHAOS_TABLE_PHI = CHAOS_TABLE_LEN,
	CHAOS_TABLE_PARETO = 2 * CHAOS_TABLE_LEN,
	CHAOS_TABLE_PARETONORMAL = 3 * CHAOS_TABLE_LEN,
	CHAOS_TABLES_OWN = 4 * CHAOS_TABLE_LEN,
	CHAOS_TABLE_UNIT = 8192,
};

struct chaos_delay {
	struct chaos_param latency_ns;
	struct chaos_param jitter_ns; /* uniform: half the width; else the standard deviation */
	__u32 table;		      /* first entry in tables[] */
	__u32 table_len;	      /* 0: uniform */
	__u32 correlation;	      /* of the jitter (Gaussian copula), 2^16 = 1 */
	__u32 innovation;	      /* sqrt(1 - correlation^2), 2^16 = 1 */
	__u32 flags;		      /* enum chaos_delay_flags */
	__u32 gap;		      /* CHAOS_DELAY_REORDER: at most every gap-th overtakes */
	struct chaos_chance overtake;
};
_Static_assert(sizeof(struct chaos_delay) == 80, "ABI");

struct chaos_rate {
	struct chaos_param bytes_per_s; /* at least 1 */
	__u64 burst_bytes;		/* may pass at once after a pause */
	__u64 queue_bytes;		/* waiting at most, else dropped; 0: see queue_ns */
	__u64 queue_ns;			/* waiting at most this long; 0: no limit */
};
_Static_assert(sizeof(struct chaos_rate) == 40, "ABI");

enum chaos_effect_flags {
	CHAOS_CORRUPT_SILENT = 1 << 0, /* the payload, its checksum mended */
	CHAOS_RESET_SENDER = 1 << 1,
	CHAOS_RESET_RECEIVER = 1 << 2,
	CHAOS_MTU_ICMP = 1 << 3, /* say so to the sender */
};

struct chaos_rule {
	__u32 fault;   /* index into windows[], and of the counters */
	__u32 actions; /* enum chaos_action bits */
	__u64 seed;    /* of this rule's generator: draw i is a hash of (seed, edge, i) */
	struct chaos_match match;
	__u64 ramp_step_ns; /* 1/65536 of the ramp; 0: parameters have their first value */
	__u32 effects;	    /* enum chaos_effect_flags */
	__u8 icmp4_code;    /* CHAOS_ACT_REJECT: of ICMP type 3 */
	__u8 icmp6_code;    /* of ICMPv6 type 1 */
	__u16 pad;
	struct chaos_chance duplicate;
	struct chaos_chance reset;
	struct chaos_chance reject;
	struct chaos_param mtu; /* IP packets longer than this are dropped */
	struct chaos_chance corrupt;
	struct chaos_chance ecn;
	struct chaos_loss loss;
	struct chaos_rate rate;
	struct chaos_delay delay;
};
_Static_assert(sizeof(struct chaos_rule) == 704, "ABI");

/* Parts of __sk_buff.tc_index on a detour. */
enum {
	CHAOS_LINE_RELEASED = 1 << 15, /* decided, and no longer held */
	CHAOS_LINE_COPY = 1 << 14,     /* a duplicate, which is not duplicated again */
	CHAOS_LINE_PORT = (1 << 14) - 1,
	/* With the low bits of the ifindex of near, from which it comes: on the way back to the hook that it
	 * left, and cleared there. Runs that meet at a device have different nears in its namespace. */
	CHAOS_LINE_BACK = CHAOS_LINE_RELEASED | CHAOS_LINE_COPY,
	/* IPv4 on loopback that has come back and lost its route: chaos_last leads it into near. */
	CHAOS_LINE_ROUTELESS = CHAOS_LINE_RELEASED,
};

/* Of chaos_port. */
enum chaos_loopback {
	CHAOS_LOOPBACK_NOT = 0,
	CHAOS_LOOPBACK_HOOKS = 1,  /* back to the hook, for those of other runs behind it */
	CHAOS_LOOPBACK_DIRECT = 2, /* to the receiver: a program of somebody else is behind it */
};

/* Which line a device's packets take: key and value of devices. */
struct chaos_device_key {
	__u32 netns; /* chaos_hook.netns */
	__u32 ifindex;
};

struct chaos_device {
	__u32 port; /* even; + enum chaos_direction */
	__u32 line; /* ifindex of the line's end in the device's namespace */
};

/* ports[port]: the hook that a packet on the line has left, and to which it returns. */
struct chaos_port {
	struct chaos_hook hook;
	__u32 ifindex;	 /* of its device, in its namespace */
	__u32 direction; /* enum chaos_direction */
	__u32 line; /* ifindex of the line's far end, in the line's namespace; 0: no such port */
	__u32 loopback; /* enum chaos_loopback */
};
_Static_assert(sizeof(struct chaos_port) == 32, "ABI");

/* Key of links: what a rule remembers of an edge; internal to the programs but for its size. */
struct chaos_link_key {
	__u32 rule;
	__u32 src_node;
	__u32 dst_node;
};
_Static_assert(sizeof(struct chaos_link_key) == 12, "ABI");

/* Counters of one fault on one edge; per CPU, user space sums (first: minimum, last: maximum). */
struct chaos_edge_key {
	__u32 fault;
	__u32 src_node;
	__u32 dst_node;
};
_Static_assert(sizeof(struct chaos_edge_key) == 12, "ABI");

struct chaos_edge_counts {
	__u64 matched;	     /* wire packets that met the fault while it was on */
	__u64 matched_bytes; /* their bytes, link header included */
	__u64 dropped;	     /* wire packets dropped, for whatever reason */
	__u64 first_hit_ns;  /* CLOCK_MONOTONIC of the first and the last packet that was */
	__u64 last_hit_ns;   /* dropped or changed in any way; 0 = none */
	__u64 delayed;
	__u64 reordered; /* sent ahead of delayed ones */
	__u64 duplicated;
	__u64 corrupted;
	__u64 shaped;	  /* waited for the rate */
	__u64 overflowed; /* of dropped: the rate's queue was full */
	__u64 reset;
	__u64 rejected; /* of dropped: an ICMP error went back */
	__u64 marked;	/* CE */
};
_Static_assert(sizeof(struct chaos_edge_counts) == 112, "ABI");

/* Traffic of one node at its own non-loopback devices, before faults at egress, before faults at ingress;
 * per CPU. Wire packets. */
struct chaos_traffic {
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_packets;
	__u64 tx_bytes;
	__u64 rx_syn; /* SYN without ACK */
	__u64 tx_syn;
	__u64 rx_rst;
	__u64 tx_rst;
	__u64 dropped; /* by our faults, at this node's hooks, either direction */
};
_Static_assert(sizeof(struct chaos_traffic) == 72, "ABI");

/*
 * What is recorded of traffic in bins of time, for each (client, server, protocol, service port): a subject.
 * A packet is counted once: at egress where it is sent, or at ingress if its source is not behind a hook of this run.
 * The client is who speaks to a service's port: one that SYNs go to or that is listened on, else the lower one.
 *
 * bins[subject].bin[run time / bin_ns % CHAOS_BINS] is only ever added to here; user space takes what is in it (an
 * exchange with 0) once its time is over. So nothing is reset on the packet path and nothing is lost: if user space comes
 * late by a whole ring, counts are in a bin of the next turn, and it knows that they may be.
 *
 * Memory: 14 KiB for each subject, of which there are 128 + 16 for each node but at most 1,024 (14 MiB); 64 KiB of ports; some
 * 4 MiB of connection attempts. It does not grow.
 */
enum {
	CHAOS_BINS = 128,	  /* in the ring of one subject */
	CHAOS_SUBJECT_REST = 0,	  /* the subject of whatever finds no room */
	CHAOS_CONNS_MAX = 32768,  /* connection attempts that are remembered; the least recent one goes */
	CHAOS_PORTS_ALL = 1 << 16,
};

/* In chaos_ident.node of idents: the address is one of a namespace behind a hook. */
#define CHAOS_NODE_HERE 0x80000000U

struct chaos_subject {
	__u32 client; /* nodes */
	__u32 server;
	__u16 port; /* 0: a protocol without ports, or the sum of those that found no room */
	__u8 proto; /* IPPROTO_*; 0 with port 0: all of them that found no room */
	__u8 pad[5]; /* an array's elements are multiples of 8 bytes, and user space maps one of these */
};
_Static_assert(sizeof(struct chaos_subject) == 16, "ABI");

/* Sums of one bin of a subject. "back": from the server to the client. */
struct chaos_bin {
	__u64 bytes; /* on a wire, link header included */
	__u64 back_bytes;
	__u64 connect_us; /* first SYN to first SYN-ACK */
	__u64 first_byte_us;
	__u64 rtt_us;
	__u32 packets; /* on a wire */
	__u32 back_packets;
	__u32 syn; /* of a tuple with an ISN that was not seen before */
	__u32 syn_again;
	__u32 synack;
	__u32 rst;
	__u32 back_rst;
	__u32 fin;
	__u32 back_fin;
	__u32 retransmits;
	__u32 back_retransmits;
	__u32 opened;
	__u32 closed;
	__u32 dropped; /* by our faults, both ways */
	__u32 connect_n;
	__u32 first_byte_n;
	__u32 rtt_n;
	__u32 pad;
};
_Static_assert(sizeof(struct chaos_bin) == 112, "ABI");

struct chaos_bins {
	struct chaos_bin bin[CHAOS_BINS];
};

/* recording[0], mmapped by user space. */
struct chaos_recording {
	__u32 n_subjects; /* that have a number; the first is CHAOS_SUBJECT_REST */
	__u32 reserve;	  /* of the numbers, those that only sums by node (proto and port 0) may have */
	__u32 max;	  /* numbers there are */
	__u32 refused;	  /* connections and flows' packets that went to a sum for want of room */
	__u64 last_syn_ns; /* CLOCK_MONOTONIC */
};
_Static_assert(sizeof(struct chaos_recording) == 24, "ABI");

/* services[0], mmapped by user space: 1 for a port that is a server's. */
struct chaos_services {
	__u8 tcp[CHAOS_PORTS_ALL];
};

/* Key of conns, an LRU table: a connection attempt. */
struct chaos_conn_key {
	struct chaos_addr client;
	struct chaos_addr server;
	__u16 client_port;
	__u16 server_port;
};
_Static_assert(sizeof(struct chaos_conn_key) == 36, "ABI");

enum chaos_conn_flags {
	CHAOS_CONN_ANSWERED = 1 << 0, /* a SYN-ACK was seen */
	CHAOS_CONN_FIRST = 1 << 1,    /* payload of the server was seen */
};

struct chaos_conn {
	__u64 syn_ns; /* CLOCK_MONOTONIC of the first SYN */
	__be32 isn;
	__u32 subject;
	__u32 flags; /* enum chaos_conn_flags */
	__u32 pad;
};
_Static_assert(sizeof(struct chaos_conn) == 24, "ABI");

/* Value of spaces, by the inode number of a namespace with hooks. */
struct chaos_space {
	__u32 node;  /* of all that is in it; CHAOS_NODE_OTHER: its addresses say */
	__u32 shown; /* node that its drops and resets are shown under */
};
_Static_assert(sizeof(struct chaos_space) == 8, "ABI");

/* Key of drops, packets that the kernel dropped, and of resets, RSTs that its TCP sent. */
struct chaos_reason_key {
	__u32 node;   /* chaos_space.shown */
	__u32 reason; /* enum skb_drop_reason, enum sk_rst_reason of this kernel */
};
_Static_assert(sizeof(struct chaos_reason_key) == 8, "ABI");

/* Totals of all hooks, stats[0], per CPU. */
struct chaos_stats {
	__u64 packets;	     /* skbs seen while armed */
	__u64 unparsed;	     /* passed because they could not be parsed */
	__u64 exempted;	     /* would have met a fault but are exempt */
	__u64 edge_overflow; /* hits that found no room in the edge counters */
	__u64 no_line;	     /* passed because there was no line to take */
	__u64 stray;	     /* on a line, from no hook of ours: dropped */
};
_Static_assert(sizeof(struct chaos_stats) == 48, "ABI");

/* One side of a flow that no fault may touch: the caller's SSH peer, its DNS server, a probe's own
 * socket. port 0: any port of that address, and what has no ports. proto 0 with port 0: its ARP and
 * neighbour discovery, which rules with CHAOS_MATCH_NEIGHBOUR would starve. */
struct chaos_exempt_key {
	struct chaos_addr addr;
	__u16 port; /* host byte order */
	__u8 proto; /* IPPROTO_* */
	__u8 pad;
};
_Static_assert(sizeof(struct chaos_exempt_key) == 20, "ABI");

/*
 * In front of a frame that the packet path hands to the delay line in user space, on kernels without
 * fq (user/line/hold.h).
 */
struct chaos_held {
	__u64 due_ns;	  /* CLOCK_MONOTONIC */
	__u16 port;	  /* comes back as the TCI of an 802.1Q tag */
	__u16 vlan_proto; /* the tag that was on the frame, in host byte order; 0 = none */
	__u16 vlan_tci;
	__u16 pad;
};
_Static_assert(sizeof(struct chaos_held) == 16, "ABI");

#endif
