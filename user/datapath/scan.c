// SPDX-License-Identifier: GPL-2.0-only
/* scan.c: the devices and addresses of a namespace, and word of their changes (rtnetlink). */
#include "datapath/netns.h"

#include "lib/cleanup.h"
#include "lib/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* A dump that changes made inconsistent is begun again; a namespace where this many in a row
 * were disturbed is scanned as it is and the monitor reports the rest. */
#define SCAN_TRIES 8

static void cleanup_mnl(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

/* A socket stays with the namespace it was opened in. */
static int rtnl_open(int netns_fd, struct mnl_socket **ret)
{
	_cleanup_(netns__leave) int old = -1;
	_cleanup_(cleanup_mnl) struct mnl_socket *nl = NULL;
	int r = netns__enter(netns_fd, &old);

	if (r < 0)
		return r;
	nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	*ret = TAKE_PTR(nl);
	return 0;
}

static int dump(struct mnl_socket *nl, uint16_t type, size_t body, uint32_t ext_mask, mnl_cb_t cb,
		void *data)
{
	static unsigned int seq;
	unsigned int port = mnl_socket_get_portid(nl);
	/* NLMSG_GOODSIZE of the kernel's dumps is at most 32 KiB. */
	_cleanup_free_ char *buf = malloc(32768);
	struct nlmsghdr *h;
	ssize_t n;
	int r;

	if (!buf)
		return -ENOMEM;
	h = mnl_nlmsg_put_header(buf);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++seq;
	mnl_nlmsg_put_extra_header(h, body);
	if (ext_mask)
		mnl_attr_put_u32(h, IFLA_EXT_MASK, ext_mask);
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		n = netlink__receive(nl, buf, 32768);
		if (n < 0)
			return (int)n;
		r = netlink__run(buf, (size_t)n, seq, port, cb, data);
	} while (r > 0);
	return r < 0 ? -errno : 0;
}

struct link_attrs {
	const struct nlattr *name, *master, *link, *link_netns, *info, *stats;
};

static int link_attr(const struct nlattr *a, void *data)
{
	struct link_attrs *t = data;

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		t->name = a;
		break;
	case IFLA_MASTER:
		t->master = a;
		break;
	case IFLA_LINK:
		t->link = a;
		break;
	case IFLA_LINK_NETNSID:
		t->link_netns = a;
		break;
	case IFLA_LINKINFO:
		t->info = a;
		break;
	case IFLA_STATS64:
		t->stats = a;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int info_kind(const struct nlattr *a, void *data)
{
	if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
		*(const struct nlattr **)data = a;
	return MNL_CB_OK;
}

static void copy_str(char *dst, size_t size, const struct nlattr *a)
{
	size_t n = strnlen(mnl_attr_get_str(a), mnl_attr_get_payload_len(a));

	n = n < size ? n : size - 1;
	memcpy(dst, mnl_attr_get_str(a), n);
	dst[n] = 0;
}

static uint32_t get_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= 4 ? mnl_attr_get_u32(a) : 0;
}

static void copy_stats(const struct nlattr *a, struct link_stats *ret)
{
	/* What is read lies before this in the structures of all kernels. */
	const size_t len = offsetof(struct rtnl_link_stats64, multicast);
	struct rtnl_link_stats64 st;

	if (!a || mnl_attr_get_payload_len(a) < len)
		return;
	memcpy(&st, mnl_attr_get_payload(a), len);
	*ret = (struct link_stats){
		.rx_bytes = st.rx_bytes,
		.tx_bytes = st.tx_bytes,
		.rx_packets = st.rx_packets,
		.tx_packets = st.tx_packets,
		.rx_dropped = st.rx_dropped,
		.tx_dropped = st.tx_dropped,
	};
}

int netns_scan__on_link(const struct nlmsghdr *h, void *data)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *kind = NULL;
	struct netns_scan *s = data;
	struct link_attrs t = {0};
	struct link_info *l;

	if (h->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    m->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(*m), link_attr, &t);
	if (!t.name)
		return MNL_CB_OK;
	/* Grow by doubling: a host of many pods has thousands of devices. */
	if ((s->n_links & (s->n_links - 1)) == 0) {
		l = realloc(s->links, (s->n_links ? s->n_links * 2 : 1) * sizeof(*l));
		if (!l) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		s->links = l;
	}
	l = &s->links[s->n_links++];
	*l = (struct link_info){
		.ifindex = m->ifi_index,
		.loopback = m->ifi_flags & IFF_LOOPBACK,
		.up = m->ifi_flags & IFF_UP,
		.master = (int)get_u32(t.master),
	};
	copy_str(l->name, sizeof(l->name), t.name);
	copy_stats(t.stats, &l->stats);
	if (t.info)
		mnl_attr_parse_nested(t.info, info_kind, &kind);
	if (kind)
		copy_str(l->kind, sizeof(l->kind), kind);
	/* IFLA_LINK is a peer, not a lower device, for the two pair kinds, and an index of another
	 * namespace where IFLA_LINK_NETNSID stands beside it. */
	if (!t.link_netns && strcmp(l->kind, "veth") != 0 && strcmp(l->kind, "netkit") != 0 &&
	    (int)get_u32(t.link) != l->ifindex)
		l->lower = (int)get_u32(t.link);
	return MNL_CB_OK;
}

struct addr_attrs {
	const struct nlattr *address, *local;
};

static int addr_attr(const struct nlattr *a, void *data)
{
	struct addr_attrs *t = data;

	if (mnl_attr_get_type(a) == IFA_ADDRESS)
		t->address = a;
	else if (mnl_attr_get_type(a) == IFA_LOCAL)
		t->local = a;
	return MNL_CB_OK;
}

int netns_scan__on_addr(const struct nlmsghdr *h, void *data)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct netns_scan *s = data;
	struct addr_attrs t = {0};
	struct addr_info *a;
	size_t size;

	if (h->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return MNL_CB_OK;
	size = m->ifa_family == AF_INET ? 4 : 16;
	mnl_attr_parse(h, sizeof(*m), addr_attr, &t);
	/* With a point-to-point peer IFA_ADDRESS is the peer's. */
	if (!t.local)
		t.local = t.address;
	if (!t.local || mnl_attr_get_payload_len(t.local) < size)
		return MNL_CB_OK;
	if ((s->n_addrs & (s->n_addrs - 1)) == 0) {
		a = realloc(s->addrs, (s->n_addrs ? s->n_addrs * 2 : 1) * sizeof(*a));
		if (!a) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		s->addrs = a;
	}
	a = &s->addrs[s->n_addrs++];
	*a = (struct addr_info){
		.ifindex = (int)m->ifa_index,
		.family = m->ifa_family,
		.prefixlen = m->ifa_prefixlen,
	};
	memcpy(a->addr, mnl_attr_get_payload(t.local), size);
	return MNL_CB_OK;
}

/* /proc/sys/net shows the namespace of the thread that opens it. */
static bool sysctl_on(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	return f && fgetc(f) > '0';
}

static int read_forwards(int netns_fd, bool *ret)
{
	_cleanup_(netns__leave) int old = -1;
	int r = netns__enter(netns_fd, &old);

	if (r < 0)
		return r;
	*ret = sysctl_on("/proc/sys/net/ipv4/ip_forward") ||
	       sysctl_on("/proc/sys/net/ipv6/conf/all/forwarding");
	return 0;
}

int netns__scan(int fd, struct netns_scan *ret)
{
	_cleanup_(cleanup_mnl) struct mnl_socket *nl = NULL;
	int r;

	*ret = (struct netns_scan){0};
	r = rtnl_open(fd, &nl);
	for (int i = 0; r == 0 && i < SCAN_TRIES; i++) {
		netns_scan__reset(ret);
		r = dump(nl, RTM_GETLINK, sizeof(struct ifinfomsg), RTEXT_FILTER_SKIP_STATS,
			 netns_scan__on_link, ret);
		if (r == 0)
			r = dump(nl, RTM_GETADDR, sizeof(struct ifaddrmsg), 0, netns_scan__on_addr,
				 ret);
		/* NLM_F_DUMP_INTR: what was read may be torn. */
		if (r != -EINTR)
			break;
		if (i + 1 < SCAN_TRIES) {
			mnl_socket_close(TAKE_PTR(nl));
			r = rtnl_open(fd, &nl);
		} else {
			r = 0;
		}
	}
	if (r == 0)
		r = read_forwards(fd, &ret->forwards);
	if (r < 0)
		netns_scan__reset(ret);
	return r;
}

void netns_scan__reset(struct netns_scan *s)
{
	free(s->links);
	free(s->addrs);
	*s = (struct netns_scan){0};
}

int netns__monitor(int fd)
{
	/* Forwarding decides how packets are attributed, so its changes count too. */
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
				     RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};
	const struct sockaddr_nl any = {.nl_family = AF_NETLINK};
	_cleanup_(netns__leave) int old = -1;
	_cleanup_close_ int nl = -1;
	int r = netns__enter(fd, &old);

	if (r < 0)
		return r;
	nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	/* A socket without a port of its own has the kernel's, 0, to whom its own messages are
	 * not sent. */
	if (nl < 0 || bind(nl, (const struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (setsockopt(nl, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return -errno;
	return TAKE_FD(nl);
}

bool netns__drain(int monitor_fd)
{
	bool any = false;
	char buf[8192];

	for (;;) {
		ssize_t n = recv(monitor_fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);

		/* ENOBUFS: some were lost, so there were some. */
		if (n > 0 || (n < 0 && errno == ENOBUFS))
			any = true;
		else if (n == 0 || errno != EINTR)
			return any;
	}
}
