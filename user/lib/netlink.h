/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netlink.h: what libmnl leaves to its callers. A netlink socket has an address in its namespace, mostly
 * our pid, and whoever has CAP_NET_ADMIN there may send to it: root in a container that we look into.
 */
#ifndef CHAOS_NETLINK_H
#define CHAOS_NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <sys/types.h>

/* The next datagram that the kernel has sent; its length or negative errno, -ENOSPC: longer than @size. */
ssize_t netlink__receive(struct mnl_socket *nl, void *buf, size_t size);

/*
 * mnl_cb_run() on @len bytes, of which every message is known to be whole first: libmnl takes a length
 * above INT_MAX for one that fits, and follows it. MNL_CB_ERROR with EBADMSG if one is not.
 */
int netlink__run(const void *buf, size_t len, unsigned int seq, unsigned int port, mnl_cb_t cb,
		 void *data);

#endif
