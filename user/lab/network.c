// SPDX-License-Identifier: GPL-2.0-only
/*
 * network.c: a lab's namespaces and what connects them. A thread of its own makes them, since to make a
 * namespace is to move into it: the caller stays where it is, whatever happens.
 */
#include "lab/internal.h"
#include "lib/rtnl.h"

#include "lib/cleanup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LO_IFINDEX 1

struct sysctl {
	const char *path; /* below /proc/sys/net */
	const char *value;
};

/*
 * A new namespace has some of the host's settings (devconf_inherit_init_net): a router's, or those of
 * a hardened host. A lab is the same on every host. What is not there or not writable stays.
 */
static const struct sysctl node_sysctls[] = {
	{"ipv4/ip_forward", "0"},
	{"ipv4/conf/all/rp_filter", "0"},
	{"ipv4/conf/default/rp_filter", "0"},
	{"ipv4/conf/all/arp_ignore", "0"},
	{"ipv4/conf/all/arp_announce", "0"},
	{"ipv4/conf/all/arp_filter", "0"},
	{"ipv6/conf/all/forwarding", "0"},
	{"ipv6/conf/all/disable_ipv6", "0"},
	{"ipv6/conf/default/disable_ipv6", "0"},
	/* Link-local addresses are usable at once too, and nobody waits for a router. */
	{"ipv6/conf/all/accept_dad", "0"},
	{"ipv6/conf/default/accept_dad", "0"},
	{"ipv6/conf/default/router_solicitations", "0"},
};

/* The bridge has no addresses and says nothing of its own. */
static const struct sysctl bridge_sysctls[] = {
	{"ipv6/conf/default/disable_ipv6", "1"},
};

static void set_sysctls(const struct sysctl *s, size_t n)
{
	for (; n; n--, s++) {
		_cleanup_close_ int fd = -1;
		char path[128];

		snprintf(path, sizeof(path), "/proc/sys/net/%s", s->path);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd >= 0)
			(void)!write(fd, s->value, strlen(s->value));
	}
}

/* Move into a new network namespace with lo up; an fd of it. */
static int new_netns(const struct sysctl *sysctls, size_t n, struct error *err)
{
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	_cleanup_close_ int fd = -1;
	int r;

	if (unshare(CLONE_NEWNET))
		return err__set(err, -errno, "cannot make a network namespace: %s%s",
				strerror(errno), errno == EPERM ? " (root is needed)" : "");
	fd = netns__open_self();
	if (fd < 0)
		return err__set(err, fd, "cannot open a network namespace: %s", strerror(-fd));
	set_sysctls(sysctls, n);
	r = rtnl__open(&rt);
	if (!r)
		r = rtnl__up(&rt, LO_IFINDEX);
	if (r)
		return err__set(err, r, "cannot bring lo up: %s", strerror(-r));
	return TAKE_FD(fd);
}

static int make_namespaces(struct lab *lab, struct error *err)
{
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		struct node *n = &lab->nodes[i];
		int r = new_netns(node_sysctls, ARRAY_SIZE(node_sysctls), err);

		if (r < 0)
			return r;
		n->netns = r;
		r = netns__id(r, &n->id);
		if (r)
			return err__set(err, r, "%s: network namespace: %s", n->spec->name,
					strerror(-r));
	}
	lab->bridge_netns = new_netns(bridge_sysctls, ARRAY_SIZE(bridge_sysctls), err);
	return lab->bridge_netns < 0 ? lab->bridge_netns : 0;
}

/* Called in the bridge's namespace. */
static int make_links(struct lab *lab, struct error *err)
{
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	int bridge, r = rtnl__open(&rt);

	if (!r)
		r = rtnl__add_bridge(&rt, "br0");
	bridge = r ? r : rtnl__ifindex(&rt, "br0");
	if (bridge < 0)
		return err__set(err, bridge, "cannot make a bridge: %s%s", strerror(-bridge),
				bridge == -EOPNOTSUPP ? " (kernel module bridge)" : "");
	for (size_t i = 0; i < lab->e->n_nodes; i++) {
		/* Locally administered, the same in each run: 02:00 and the IPv4 address. */
		uint8_t mac[6] = {0x02, 0x00, 10, 99, 0, (uint8_t)(i + 1)};
		char port[32]; /* "port254" */

		snprintf(port, sizeof(port), "port%zu", i + 1);
		r = rtnl__add_veth(&rt, port, bridge, "eth0", lab->nodes[i].netns, mac);
		if (r)
			return err__set(err, r, "%s: cannot make a veth pair: %s%s",
					lab->nodes[i].spec->name, strerror(-r),
					r == -EOPNOTSUPP ? " (kernel module veth)" : "");
	}
	return 0;
}

static int configure_node(const struct node *n)
{
	_cleanup_(cleanup_rtnl) struct rtnl rt = {0};
	struct in6_addr ip6;
	struct in_addr ip;
	int eth0, r;

	if (setns(n->netns, CLONE_NEWNET))
		return -errno;
	r = rtnl__open(&rt);
	if (r)
		return r;
	eth0 = rtnl__ifindex(&rt, "eth0");
	if (eth0 < 0)
		return eth0;
	r = rtnl__up(&rt, eth0);
	inet_pton(AF_INET, n->ip, &ip);
	inet_pton(AF_INET6, n->ip6, &ip6);
	if (!r)
		r = rtnl__add_address(&rt, eth0, AF_INET, &ip, 24);
	if (!r && n->has_ip6)
		r = rtnl__add_address(&rt, eth0, AF_INET6, &ip6, 64);
	return r;
}

struct build {
	struct lab *lab;
	struct error *err;
	int result;
};

static int build(struct lab *lab, struct error *err)
{
	int r = make_namespaces(lab, err);

	if (!r)
		r = make_links(lab, err);
	for (size_t i = 0; !r && i < lab->e->n_nodes; i++) {
		r = configure_node(&lab->nodes[i]);
		if (r)
			err__set(err, r, "%s: cannot configure eth0: %s", lab->nodes[i].spec->name,
				 strerror(-r));
	}
	return r;
}

static void *build_main(void *arg)
{
	struct build *b = arg;

	b->result = build(b->lab, b->err);
	return NULL;
}

int lab__make_network(struct lab *lab, struct error *err)
{
	struct build b = {.lab = lab, .err = err};
	sigset_t all, old;
	pthread_t thread;
	int r;

	/* Signals are for the caller's thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&thread, NULL, build_main, &b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r)
		return err__set(err, -r, "cannot start a thread: %s", strerror(r));
	pthread_join(thread, NULL);
	return b.result;
}
