/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netns.h: network namespaces: open one by name, path or pid, enter it for a moment, and list the
 * devices and addresses in it (rtnetlink by libmnl).
 */
#ifndef CHAOS_NETNS_H
#define CHAOS_NETNS_H

#include "lib/error.h"

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Who a namespace is: device and inode of its nsfs file. */
struct netns_id {
	dev_t dev;
	ino_t ino;
};

/*
 * Open @name: a path (contains '/'), a pid (digits), else /run/netns/@name. Returns an fd (CLOEXEC)
 * or -ENOENT, -EINVAL (exists but is no network namespace), -ESRCH (pid), with a message that names
 * the nearest existing namespace.
 */
int netns__open(const char *name, struct error *err);
int netns__open_self(void); /* the caller's own namespace; fd or negative errno */
int netns__id(int fd, struct netns_id *ret);
bool netns__same(int fd_a, int fd_b);

/* Move the calling thread into @fd; @ret_old is an fd for the way back, give it to
 * netns__leave(). */
int netns__enter(int fd, int *ret_old);
void netns__leave(int *old); /* NULL or *old < 0: nothing; sets *old = -1 */

/* Of one device since it is there, as it counts: a packet may be 64 KiB of TCP (GSO, GRO). */
struct link_stats {
	uint64_t rx_bytes, tx_bytes, rx_packets, tx_packets, rx_dropped, tx_dropped;
};

struct link_info {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16]; /* "veth", "bridge", "vlan", ... or "" */
	bool loopback;
	bool up;
	int master; /* ifindex of the bridge or bond that it is a port of, 0 = none */
	int lower;  /* ifindex of the device below it in the same namespace (VLAN), 0 = none */
	struct link_stats stats; /* zeros where the kernel tells none */
};

struct addr_info {
	int ifindex;
	uint8_t family; /* AF_INET, AF_INET6 */
	uint8_t addr[16];
	uint8_t prefixlen;
};

struct netns_scan {
	struct link_info *links;
	size_t n_links;
	struct addr_info *addrs;
	size_t n_addrs;
	bool forwards; /* net.ipv4.ip_forward or net.ipv6.conf.all.forwarding is on */
};

/* List what is in the namespace @fd. Negative errno on failure, @ret zeroed then. */
int netns__scan(int fd, struct netns_scan *ret);
void netns_scan__reset(struct netns_scan *s);

/*
 * One message of a dump into a struct netns_scan; for libmnl. It need not be the kernel's: root in a
 * container may send to our port from inside that namespace.
 */
struct nlmsghdr;
int netns_scan__on_link(const struct nlmsghdr *h, void *data);
int netns_scan__on_addr(const struct nlmsghdr *h, void *data);

/* A netlink socket in the namespace @fd that becomes readable when a link or an address changes. */
int netns__monitor(int fd);
/* Read all pending changes from it; true if there were any (an overrun counts as one). */
bool netns__drain(int monitor_fd);

#endif
