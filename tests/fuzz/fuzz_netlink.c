// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as what is received from netlink: dumps of links, addresses, qdiscs, filters, sockets, and
 * events of the proc connector. The kernel sends none of this malformed, but whoever is root in a
 * container can send to our port from inside its namespace.
 */
#include "datapath/netns.h"
#include "datapath/tc.h"
#include "discover/internal.h"
#include "lib/netlink.h"
#include "lib/rtnl.h"
#include "recorder/probe_internal.h"
#include "fuzz.h"

#include <libmnl/libmnl.h>
#include <sys/socket.h>

static void run(const void *buf, size_t size, mnl_cb_t cb, void *data)
{
	/* Any sequence number, any port. */
	netlink__run(buf, size, 0, 0, cb, data);
}

static void try_scan(const void *buf, size_t size)
{
	struct netns_scan s = {0};

	run(buf, size, netns_scan__on_link, &s);
	run(buf, size, netns_scan__on_addr, &s);
	for (size_t i = 0; i < s.n_links; i++)
		MUST(memchr(s.links[i].name, 0, sizeof(s.links[i].name)) &&
		     memchr(s.links[i].kind, 0, sizeof(s.links[i].kind)));
	for (size_t i = 0; i < s.n_addrs; i++)
		MUST(s.addrs[i].family == AF_INET || s.addrs[i].family == AF_INET6);
	netns_scan__reset(&s);
}

static void try_tc(const void *buf, size_t size)
{
	struct tc_clsacts clsacts = {0};
	struct tc_filters filters = {0};

	run(buf, size, tc_filters__on_message, &filters);
	run(buf, size, tc_clsacts__on_message, &clsacts);
	for (size_t i = 0; i < filters.n; i++)
		MUST(memchr(filters.v[i].kind, 0, sizeof(filters.v[i].kind)));
	tc_filters__reset(&filters);
	free(clsacts.v);
}

static void try_sockets(const void *buf, size_t size)
{
	struct discover_netns n = {0};
	struct listing l = {.netns = &n, .proto = DISCOVER_TCP};

	run(buf, size, listing__take, &l);
	l.proto = DISCOVER_UDP;
	run(buf, size, listing__take, &l);
	for (size_t i = 0; i < n.n_sockets; i++)
		MUST(n.sockets[i].inode);
	free(n.sockets);
}

static void try_others(const void *buf, size_t size)
{
	struct vrrp_address vip = {.family = AF_INET, .addr = {10, 99, 0, 100}};
	struct rtnl_queues queues = {0};
	uint64_t packets = 0;
	int ifindex = 0;

	run(buf, size, rtnl__on_ifindex, &ifindex);
	run(buf, size, rtnl__on_tx_dropped, &packets);
	run(buf, size, rtnl__on_queue, &queues);
	run(buf, size, vrrp__on_address, &vip);
	vip.family = AF_INET6;
	run(buf, size, vrrp__on_address, &vip);
}

static void try_connector(const void *buf, size_t size)
{
	struct changes c = {0};

	MUST(changes__take(&c, buf, size) == 0);
	MUST(c.n_processes <= 1);
	changes__reset(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *buf = fuzz__bytes(data, size);

	try_scan(buf, size);
	try_tc(buf, size);
	try_sockets(buf, size);
	try_others(buf, size);
	try_connector(buf, size);
	free(buf);
	return 0;
}
