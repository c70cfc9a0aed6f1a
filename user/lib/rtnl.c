// SPDX-License-Identifier: GPL-2.0-only
#include "lib/rtnl.h"

#include "lib/cleanup.h"
#include "lib/netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <string.h>

/* A request is some 200 bytes, an answer is an error or one link: some 2 KiB. */
#define BUF_SIZE 8192

int rtnl__open(struct rtnl *rt)
{
	*rt = (struct rtnl){.nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)};
	if (!rt->nl)
		return -errno;
	if (mnl_socket_bind(rt->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		rtnl__close(rt);
		return r;
	}
	return 0;
}

void rtnl__close(struct rtnl *rt)
{
	if (rt->nl)
		mnl_socket_close(rt->nl);
	rt->nl = NULL;
}

static struct nlmsghdr *request(struct rtnl *rt, char *buf, int type, int flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = (uint16_t)type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_seq = ++rt->seq;
	return h;
}

/* Send @h and read until its acknowledgement or, with @cb, its answer; the buffer of @h is used for it. */
static int talk(struct rtnl *rt, struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	unsigned int portid = mnl_socket_get_portid(rt->nl);
	unsigned int seq = h->nlmsg_seq;
	char *buf = (char *)h;
	ssize_t n;
	int r;

	if (mnl_socket_sendto(rt->nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		n = netlink__receive(rt->nl, buf, BUF_SIZE);
		if (n < 0)
			return (int)n;
		r = netlink__run(buf, (size_t)n, seq, portid, cb, arg);
	} while (r > 0);
	return r < 0 ? -errno : 0;
}

static int transact(struct rtnl *rt, struct nlmsghdr *h)
{
	h->nlmsg_flags |= NLM_F_ACK;
	return talk(rt, h, NULL, NULL);
}

static struct ifinfomsg *put_link(struct nlmsghdr *h, int ifindex, unsigned int flags)
{
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(h, sizeof(*ifi));

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	ifi->ifi_flags = flags;
	ifi->ifi_change = flags;
	return ifi;
}

int rtnl__on_ifindex(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(h);

	if (h->nlmsg_type == RTM_NEWLINK && mnl_nlmsg_get_payload_len(h) >= sizeof(*ifi))
		*(int *)arg = ifi->ifi_index;
	return MNL_CB_OK;
}

/* Not if_nametoindex(): its socket would be in the thread's namespace, not in ours. */
int rtnl__ifindex(struct rtnl *rt, const char *name)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_GETLINK, NLM_F_ACK);
	int ifindex = -ENODEV, r;

	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	r = talk(rt, h, rtnl__on_ifindex, &ifindex);
	return r < 0 ? r : ifindex;
}

int rtnl__up(struct rtnl *rt, int ifindex)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWLINK, 0);

	put_link(h, ifindex, IFF_UP);
	return transact(rt, h);
}

int rtnl__add_bridge(struct rtnl *rt, const char *name)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data;

	put_link(h, 0, IFF_UP);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	mnl_attr_put_u32(h, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u32(h, IFLA_BR_FORWARD_DELAY, 0);
	mnl_attr_put_u8(h, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return transact(rt, h);
}

int rtnl__add_veth(struct rtnl *rt, const char *name, int master, const char *peer, int peer_netns,
		   const uint8_t peer_mac[6])
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *other;

	put_link(h, 0, IFF_UP);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	mnl_attr_put_u32(h, IFLA_MASTER, (uint32_t)master);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(h, VETH_INFO_PEER);
	/* Down: veth cannot be opened before both ends are there. */
	put_link(h, 0, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, peer);
	mnl_attr_put(h, IFLA_ADDRESS, 6, peer_mac);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)peer_netns);
	mnl_attr_nest_end(h, other);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return transact(rt, h);
}

int rtnl__add_address(struct rtnl *rt, int ifindex, int family, const void *addr,
		      unsigned int prefixlen)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(h, sizeof(*ifa));
	size_t len = family == AF_INET ? 4 : 16;

	ifa->ifa_family = (uint8_t)family;
	ifa->ifa_prefixlen = (uint8_t)prefixlen;
	ifa->ifa_index = (uint32_t)ifindex;
	mnl_attr_put(h, IFA_LOCAL, len, addr);
	mnl_attr_put(h, IFA_ADDRESS, len, addr);
	if (family == AF_INET) {
		uint32_t host = prefixlen < 32 ? htonl(UINT32_MAX >> prefixlen) : 0, brd;

		memcpy(&brd, addr, sizeof(brd));
		mnl_attr_put_u32(h, IFA_BROADCAST, brd | host);
	} else {
		ifa->ifa_flags = IFA_F_NODAD;
	}
	return transact(rt, h);
}

static int set_u32(struct rtnl *rt, int ifindex, uint16_t attr, uint32_t value)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWLINK, 0);

	put_link(h, ifindex, 0);
	mnl_attr_put_u32(h, attr, value);
	return transact(rt, h);
}

int rtnl__set_mtu(struct rtnl *rt, int ifindex, uint32_t mtu)
{
	return set_u32(rt, ifindex, IFLA_MTU, mtu);
}

int rtnl__set_queue_len(struct rtnl *rt, int ifindex, uint32_t packets)
{
	return set_u32(rt, ifindex, IFLA_TXQLEN, packets);
}

static int no_ipv6_addresses(struct rtnl *rt, int ifindex)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWLINK, 0);
	struct nlattr *spec, *inet6;

	put_link(h, ifindex, 0);
	spec = mnl_attr_nest_start(h, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(h, AF_INET6);
	mnl_attr_put_u8(h, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(h, inet6);
	mnl_attr_nest_end(h, spec);
	return transact(rt, h);
}

int rtnl__up_silent(struct rtnl *rt, int ifindex)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	int r = no_ipv6_addresses(rt, ifindex);
	struct ifinfomsg *ifi;
	struct nlmsghdr *h;

	/* A kernel without IPv6, or with it switched off, gives no addresses either. */
	if (r && r != -EAFNOSUPPORT && r != -EOPNOTSUPP)
		return r;
	h = request(rt, buf, RTM_NEWLINK, 0);
	ifi = put_link(h, ifindex, IFF_UP | IFF_NOARP);
	ifi->ifi_change |= IFF_MULTICAST;
	return transact(rt, h);
}

int rtnl__on_tx_dropped(const struct nlmsghdr *h, void *arg)
{
	struct rtnl_link_stats64 st;
	const struct nlattr *a;

	if (h->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(a) != IFLA_STATS64 ||
		    mnl_attr_get_payload_len(a) < offsetof(struct rtnl_link_stats64, multicast))
			continue;
		memcpy(&st, mnl_attr_get_payload(a), offsetof(struct rtnl_link_stats64, multicast));
		*(uint64_t *)arg = st.tx_dropped;
	}
	return MNL_CB_OK;
}

int rtnl__tx_dropped(struct rtnl *rt, int ifindex, uint64_t *ret)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_GETLINK, NLM_F_ACK);
	uint64_t n = UINT64_MAX;
	int r;

	put_link(h, ifindex, 0);
	r = talk(rt, h, rtnl__on_tx_dropped, &n);
	if (!r && n == UINT64_MAX)
		r = -ENODATA;
	if (!r)
		*ret = n;
	return r;
}

enum { LINE_MTU = 65535 };

static void put_line_end(struct nlmsghdr *h, const struct rtnl_veth_end *end)
{
	mnl_attr_put_strz(h, IFLA_IFNAME, end->name);
	mnl_attr_put_u32(h, IFLA_MTU, LINE_MTU);
	if (end->gso_max_segs)
		mnl_attr_put_u32(h, IFLA_GSO_MAX_SEGS, end->gso_max_segs);
}

int rtnl__add_line(struct rtnl *rt, const struct rtnl_veth_end *here,
		   const struct rtnl_veth_end *there, int netns_there)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *other;

	put_link(h, 0, 0)->ifi_flags = IFF_NOARP;
	put_line_end(h, here);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(h, VETH_INFO_PEER);
	put_link(h, 0, 0);
	put_line_end(h, there);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)netns_there);
	mnl_attr_nest_end(h, other);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	return transact(rt, h);
}

int rtnl__delete_link(struct rtnl *rt, int ifindex)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_DELLINK, 0);

	put_link(h, ifindex, 0);
	return transact(rt, h);
}

enum { FQ_BUCKETS_LOG = 14, FQ_TIMER_SLACK_NS = 1000 };

int rtnl__add_fq(struct rtnl *rt, int ifindex, uint32_t limit, int64_t horizon_ns)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);
	struct tcmsg *tcm = mnl_nlmsg_put_extra_header(h, sizeof(*tcm));
	struct nlattr *options;

	tcm->tcm_family = AF_UNSPEC;
	tcm->tcm_ifindex = ifindex;
	tcm->tcm_parent = TC_H_ROOT;
	mnl_attr_put_strz(h, TCA_KIND, "fq");
	options = mnl_attr_nest_start(h, TCA_OPTIONS);
	mnl_attr_put_u32(h, TCA_FQ_PLIMIT, limit);
	mnl_attr_put_u32(h, TCA_FQ_FLOW_PLIMIT, limit);
	mnl_attr_put_u32(h, TCA_FQ_BUCKETS_LOG, FQ_BUCKETS_LOG);
	mnl_attr_put_u32(h, TCA_FQ_ORPHAN_MASK, UINT32_MAX);
	mnl_attr_put_u32(h, TCA_FQ_TIMER_SLACK, FQ_TIMER_SLACK_NS);
	mnl_attr_put_u32(h, TCA_FQ_HORIZON, (uint32_t)(horizon_ns / 1000));
	mnl_attr_nest_end(h, options);
	return transact(rt, h);
}

int rtnl__on_queue(const struct nlmsghdr *h, void *arg)
{
	struct rtnl_queues *sum = arg;
	const struct nlattr *a, *b;

	if (h->nlmsg_type != RTM_NEWQDISC)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(struct tcmsg))
	{
		if (mnl_attr_get_type(a) != TCA_STATS2)
			continue;
		mnl_attr_for_each_nested(b, a)
		{
			struct gnet_stats_queue q;

			if (mnl_attr_get_type(b) != TCA_STATS_QUEUE ||
			    mnl_attr_get_payload_len(b) < sizeof(q))
				continue;
			memcpy(&q, mnl_attr_get_payload(b), sizeof(q));
			sum->packets += q.qlen;
			sum->drops += q.drops;
		}
	}
	return MNL_CB_OK;
}

int rtnl__queues(struct rtnl *rt, struct rtnl_queues *ret)
{
	char buf[BUF_SIZE] __attribute__((aligned(8)));
	struct nlmsghdr *h = request(rt, buf, RTM_GETQDISC, NLM_F_DUMP);
	struct rtnl_queues sum = {0};
	int r;

	mnl_nlmsg_put_extra_header(h, sizeof(struct tcmsg));
	r = talk(rt, h, rtnl__on_queue, &sum);
	if (!r)
		*ret = sum;
	return r;
}
