/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* packet.h: what the later stages know of a packet. */
#ifndef PACKET_H
#define PACKET_H

enum {
	LOOPBACK_IFINDEX =
		1, /* the first device of every namespace (register_netdevice_notifier) */
};

enum packet_flags {
	PACKET_PORTS = 1 << 0,	   /* sport and dport are known */
	PACKET_TCP_FLAGS = 1 << 1, /* tcp_flags is known */
	PACKET_NEIGHBOUR = 1 << 2, /* ARP or IPv6 neighbour discovery */
	PACKET_GROUP = 1 << 3,	   /* sent to more than one receiver */
	PACKET_TAGGED = 1 << 4,	   /* belongs to a VLAN */
	PACKET_QUERY = 1 << 5,	   /* ICMP or ICMPv6, and no error message */
	PACKET_LATER = 1 << 6,	   /* a fragment that is not the first */
};

enum {
	TCP_FLAG_FIN = 0x01,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	TCP_FLAG_ACK = 0x10,
};

struct packet {
	struct chaos_addr src;
	struct chaos_addr dst;
	__u16 sport; /* host byte order, as ports everywhere here */
	__u16 dport;
	__u8 proto; /* IPPROTO_*; 0 for ARP */
	__u8 tcp_flags;
	__u16 flags;  /* enum packet_flags */
	__u32 base;   /* BPF_HDR_START_*: what offsets count from */
	__u32 l3;     /* offset of the IP header */
	__u32 l3_len; /* length of the IP packet as its header has it; 0: the header does not say */
	__u32 l4;     /* offset behind the IP header and its extensions */
	__u32 payload; /* offset behind the transport header */
	__u8 version;  /* of IP; 0: not IP */
	__u8 dscp;
	__u8 ecn; /* 0: not capable, 3: congestion experienced (RFC 3168) */
	__u8 pad;
};

/* One packet on its way through the stages. */
struct flow {
	struct chaos_ident src;
	struct chaos_ident dst;
	__u32 direction; /* enum chaos_direction of the hook */
	__u32 segs;	 /* packets that it is on a wire */
	__u32 src_owner; /* of the sockets, as far as they are known; CHAOS_OWNER_NONE */
	__u32 dst_owner;
	__u64 bytes; /* their bytes, link header included */
	__u32 src_here; /* its address is one of a namespace behind a hook */
	__u32 dst_here;
	__u64 faults; /* that did something to it: chaos_captured.faults */
};

/* What the rules decided on the line; done when all of them have had their say. */
enum outcome_flags {
	OUTCOME_COPY = 1 << 0, /* a duplicate */
	OUTCOME_CORRUPT = 1 << 1,
	OUTCOME_SILENT = 1 << 2, /* the corruption keeps the checksum right */
	OUTCOME_ECN = 1 << 3,
	OUTCOME_RESET_SENDER = 1 << 4,
	OUTCOME_RESET_RECEIVER = 1 << 5,
	OUTCOME_UNREACHABLE = 1 << 6, /* ICMP destination unreachable, icmp_code */
	OUTCOME_TOO_BIG = 1 << 7,     /* ICMP fragmentation needed, mtu */
};

struct outcome {
	__u64 due_ns; /* when it leaves the line */
	__u64 draw;   /* which bit to corrupt */
	__u32 flags;  /* enum outcome_flags */
	__u32 mtu;
	__u32 icmp_code;
	__u32 pad;
};

enum {
	/* What an ICMP error quotes of the packet; a multiple of 4, RFC 792 asks for the IP header
	 * and 8 bytes. */
	QUOTE_MAX = 128,
};

/*
 * The packet that this CPU works on. It is in a map and not on the stack so that the verifier forgets by
 * which way parsing came to its values: else every way through the parser is a way of its own through
 * everything behind it. Programs of one CPU do not interrupt one another (bottom halves are off). A
 * duplicate's program runs within that of its original: it has the second place.
 */
struct passage {
	struct packet pkt;
	struct flow flow;
	struct outcome out;
	__u8 quote[QUOTE_MAX];
};

#endif
