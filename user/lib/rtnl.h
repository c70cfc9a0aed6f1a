/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rtnl.h: the few rtnetlink requests that our own networks need: a lab's, the delay line's. Everything
 * acts in the network namespace that the calling thread was in at rtnl__open(). All return 0 or the
 * kernel's negative errno.
 */
#ifndef CHAOS_RTNL_H
#define CHAOS_RTNL_H

#include <stddef.h>
#include <stdint.h>

struct mnl_socket;

struct rtnl {
	struct mnl_socket *nl;
	unsigned int seq;
};

int rtnl__open(struct rtnl *rt);
void rtnl__close(struct rtnl *rt); /* an unopened, zeroed one is fine */
static inline void cleanup_rtnl(struct rtnl *rt)
{
	rtnl__close(rt);
}

/* The index of @name; -ENODEV if there is none. */
int rtnl__ifindex(struct rtnl *rt, const char *name);

int rtnl__up(struct rtnl *rt, int ifindex);

/*
 * A bridge that forwards at once and floods multicast: no spanning tree, forward delay 0, no IGMP
 * or MLD snooping. It is up.
 */
int rtnl__add_bridge(struct rtnl *rt, const char *name);

/*
 * A veth pair: @name here, up and a port of bridge @master; @peer with @peer_mac, down, in the
 * namespace @peer_netns, without a moment in any other.
 */
int rtnl__add_veth(struct rtnl *rt, const char *name, int master, const char *peer, int peer_netns,
		   const uint8_t peer_mac[6]);

/* @family is AF_INET or AF_INET6; an IPv6 address is usable at once (no duplicate detection). */
int rtnl__add_address(struct rtnl *rt, int ifindex, int family, const void *addr,
		      unsigned int prefixlen);

int rtnl__set_mtu(struct rtnl *rt, int ifindex, uint32_t mtu);

/* 0 before the device is first up: it gets no qdisc. */
int rtnl__set_queue_len(struct rtnl *rt, int ifindex, uint32_t packets);

/* Up, and without a packet of its own: no IPv6 address, no ARP, no multicast group. */
int rtnl__up_silent(struct rtnl *rt, int ifindex);

/* Packets that the device itself dropped: a TAP drops what its queue has no room for, a veth what its
 * peer has none for. */
int rtnl__tx_dropped(struct rtnl *rt, int ifindex, uint64_t *ret);

/* One end of a veth pair that carries our own detour and nobody's addresses. */
struct rtnl_veth_end {
	const char *name;
	unsigned int
		gso_max_segs; /* 0: the kernel's default; 1: GSO packets are cut up before it */
};

/* A veth pair, both ends down, with the largest MTU that there is: @here, and @there in @netns_there. */
int rtnl__add_line(struct rtnl *rt, const struct rtnl_veth_end *here,
		   const struct rtnl_veth_end *there, int netns_there);
int rtnl__delete_link(struct rtnl *rt, int ifindex);

/*
 * The fq qdisc at the root of a device, for packets that carry their own time (EDT): no flow limit, @limit
 * packets, times up to @horizon_ns ahead. -ENOENT: this kernel has no fq.
 */
int rtnl__add_fq(struct rtnl *rt, int ifindex, uint32_t limit, int64_t horizon_ns);

/* All qdiscs of the namespace together. */
struct rtnl_queues {
	uint64_t packets; /* waiting */
	uint64_t drops;
};
int rtnl__queues(struct rtnl *rt, struct rtnl_queues *ret);

/* One message of an answer into an int, a uint64_t, a struct rtnl_queues; for libmnl. */
struct nlmsghdr;
int rtnl__on_ifindex(const struct nlmsghdr *h, void *arg);
int rtnl__on_tx_dropped(const struct nlmsghdr *h, void *arg);
int rtnl__on_queue(const struct nlmsghdr *h, void *arg);

#endif
