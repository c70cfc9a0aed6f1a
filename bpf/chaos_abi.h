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
 * Time: t0_ns is an instant of CLOCK_MONOTONIC (bpf_ktime_get_ns); every window is relative to it. Nothing
 * applies while t0_ns is 0, so one store arms all faults and one store lifts them all. A window has
 * an end that the packet path checks: when user space is stopped or gone, faults end by themselves.
 */
#ifndef CHAOS_ABI_H
#define CHAOS_ABI_H

#define CHAOS_ABI_VERSION 1

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
};

/* Constant data of one loaded instance of the programs (.rodata); one instance per namespace. */
struct chaos_hook {
	struct chaos_ident ident;
	__u32 flags; /* enum chaos_hook_flags */
	__u32 pad;
};
_Static_assert(sizeof(struct chaos_hook) == 16, "ABI");

/* control[0], mmapped by user space. */
struct chaos_control {
	__u64 t0_ns; /* CLOCK_MONOTONIC instant of run time 0; 0: every fault is off */
	__u32 n_exempt; /* entries in the exempt map; 0 saves its look-ups */
	__u32 pad;
};
_Static_assert(sizeof(struct chaos_control) == 16, "ABI");

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
	__u8 pad;
	struct chaos_port_range sport[CHAOS_PORTS_PER_MATCH];
	struct chaos_port_range dport[CHAOS_PORTS_PER_MATCH];
	struct chaos_port_range port[CHAOS_PORTS_PER_MATCH];
};
_Static_assert(sizeof(struct chaos_match) == 104, "ABI");

/* What a rule does; several may be set. Order of application is the order of the bits. */
enum chaos_action {
	CHAOS_ACT_PARTITION = 1 << 0, /* drop all */
	CHAOS_ACT_LOSS = 1 << 1,      /* drop each wire packet with a probability */
};

struct chaos_loss {
	__u64 threshold; /* a 32-bit draw below it is a loss: probability x 2^32, 2^32 = always */
};

struct chaos_rule {
	__u32 fault;   /* index into windows[], and of the counters */
	__u32 actions; /* enum chaos_action bits */
	__u64 seed;    /* of this rule's generator: draw i is a hash of (seed, i) */
	struct chaos_match match;
	struct chaos_loss loss;
};
_Static_assert(sizeof(struct chaos_rule) == 128, "ABI");

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
	__u64 dropped;	     /* wire packets dropped */
	__u64 first_hit_ns;  /* CLOCK_MONOTONIC of the first and the last packet that was */
	__u64 last_hit_ns;   /* dropped (later faults: changed in any way); 0 = none */
};
_Static_assert(sizeof(struct chaos_edge_counts) == 40, "ABI");

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

/* Totals of all hooks, stats[0], per CPU. */
struct chaos_stats {
	__u64 packets;	     /* skbs seen while armed */
	__u64 unparsed;	     /* passed because they could not be parsed */
	__u64 exempted;	     /* would have met a fault but are exempt */
	__u64 edge_overflow; /* hits that found no room in the edge counters */
};
_Static_assert(sizeof(struct chaos_stats) == 32, "ABI");

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
