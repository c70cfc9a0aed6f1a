// SPDX-License-Identifier: GPL-2.0-only
#include "datapath/scratch.h"

#include "datapath/netns.h"
#include "lib/cleanup.h"
#include "lib/netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

static const char *const names[2] = {"probe0", "probe1"};

static void cleanup_mnl(struct mnl_socket **nl)
{
	if (*nl)
		mnl_socket_close(*nl);
}

/* Send @h in the current namespace and wait for the answer. */
static int request(struct nlmsghdr *h)
{
	_cleanup_(cleanup_mnl) struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	char buf[4096];
	ssize_t n;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	h->nlmsg_seq = 1;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return -errno;
	n = netlink__receive(nl, buf, sizeof(buf));
	if (n < 0)
		return (int)n;
	return netlink__run(buf, (size_t)n, 1, mnl_socket_get_portid(nl), NULL, NULL) < 0 ? -errno
											  : 0;
}

static int make_netns(void)
{
	_cleanup_(netns__leave) int old = netns__open_self();

	if (old < 0)
		return old;
	if (unshare(CLONE_NEWNET) < 0) {
		int r = -errno;

		/* Nothing to come back from. */
		old = safe_close(old);
		return r;
	}
	return netns__open_self();
}

static int make_veth(int peer_netns)
{
	char buf[1024] = {0};
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nlattr *info, *data, *peer;

	h->nlmsg_type = RTM_NEWLINK;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, names[0]);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(h, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(h, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(h, IFLA_IFNAME, names[1]);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)peer_netns);
	mnl_attr_nest_end(h, peer);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return request(h);
}

static int set_up(int ifindex)
{
	char buf[256] = {0};
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *m;

	h->nlmsg_type = RTM_NEWLINK;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifi_index = ifindex;
	m->ifi_flags = m->ifi_change = IFF_UP;
	return request(h);
}

static int add_address(int ifindex, struct in_addr addr)
{
	char buf[256] = {0};
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *m;

	h->nlmsg_type = RTM_NEWADDR;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifa_family = AF_INET;
	m->ifa_prefixlen = 24;
	m->ifa_index = (unsigned int)ifindex;
	mnl_attr_put_u32(h, IFA_LOCAL, addr.s_addr);
	mnl_attr_put_u32(h, IFA_ADDRESS, addr.s_addr);
	return request(h);
}

static int configure(struct scratch *s, int which)
{
	_cleanup_(netns__leave) int old = -1;
	int r = netns__enter(s->netns[which], &old);

	if (r)
		return r;
	s->ifindex[which] = (int)if_nametoindex(names[which]);
	if (!s->ifindex[which])
		return -errno;
	r = add_address(s->ifindex[which], s->addr[which]);
	return r ?: set_up(s->ifindex[which]);
}

static int make_devices(struct scratch *s)
{
	_cleanup_(netns__leave) int old = -1;
	int r = netns__enter(s->netns[0], &old);

	return r ?: make_veth(s->netns[1]);
}

int scratch__open(struct scratch *ret, const char **ret_step, struct error *err)
{
	/* TEST-NET-1 (RFC 5737); nobody else is in there. */
	struct scratch s = {.netns = {-1, -1}, .addr = {{htonl(0xc0000201)}, {htonl(0xc0000202)}}};
	int r = 0;

	*ret_step = "netns";
	for (int i = 0; i < 2 && !r; i++) {
		s.netns[i] = make_netns();
		r = s.netns[i] < 0 ? s.netns[i] : 0;
	}
	if (r) {
		r = err__set(err, r, "cannot make a network namespace: %s", strerror(-r));
	} else {
		*ret_step = "veth";
		r = make_devices(&s);
		for (int i = 0; i < 2 && !r; i++)
			r = configure(&s, i);
		if (r)
			r = err__set(err, r, "cannot make a veth pair: %s", strerror(-r));
	}
	if (r) {
		scratch__close(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void scratch__close(struct scratch *s)
{
	for (int i = 0; i < 2; i++)
		s->netns[i] = safe_close(s->netns[i]);
}

int scratch__try_qdisc(const struct scratch *s, const char *kind)
{
	_cleanup_(netns__leave) int old = -1;
	char buf[256] = {0};
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct tcmsg *m;
	int r = netns__enter(s->netns[0], &old);

	if (r)
		return r;
	h->nlmsg_type = RTM_NEWQDISC;
	h->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->tcm_ifindex = s->ifindex[0];
	m->tcm_parent = TC_H_ROOT;
	mnl_attr_put_strz(h, TCA_KIND, kind);
	/* netem insists on its options: none of its faults, default limit. */
	if (!strcmp(kind, "netem")) {
		struct tc_netem_qopt opt = {.limit = 1000};

		mnl_attr_put(h, TCA_OPTIONS, sizeof(opt), &opt);
	}
	return request(h);
}

int scratch__socket(const struct scratch *s, int which)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET, .sin_addr = s->addr[which], .sin_port = htons(SCRATCH_PORT)};
	_cleanup_(netns__leave) int old = -1;
	_cleanup_close_ int fd = -1;
	int r = netns__enter(s->netns[which], &old);

	if (r)
		return r;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return -errno;
	return TAKE_FD(fd);
}
