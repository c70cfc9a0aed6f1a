// SPDX-License-Identifier: GPL-2.0-only
/*
 * probe_vrrp.c: who holds the virtual address: a dump of the addresses in the namespace, by
 * rtnetlink. Whatever implements VRRP or CARP, this is what it does in the end.
 */
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/netlink.h"
#include "recorder/probe_internal.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

struct vrrp_probe {
	struct mnl_socket *nl;
	struct vrrp_address vip;
	uint32_t seq;
};

static void vrrp_close(void *state)
{
	struct vrrp_probe *p = state;

	if (p->nl)
		mnl_socket_close(p->nl);
	free(p);
}

static int connect_netlink(struct vrrp_probe *p)
{
	/* The kernel answers at once; a lost answer must not hang the probe. */
	struct timeval limit = {.tv_usec = 100000};

	p->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!p->nl || mnl_socket_bind(p->nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(mnl_socket_get_fd(p->nl), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) <
		    0)
		return -errno;
	return 0;
}

static int vrrp_open(const struct probe_spec *spec, void **ret_state, struct error *err)
{
	struct vrrp_probe *p;
	char vip[INET6_ADDRSTRLEN];
	size_t n = strcspn(spec->vip, "/"); /* keepalived writes a prefix length behind it */
	int r;

	snprintf(vip, sizeof(vip), "%.*s", n < sizeof(vip) ? (int)n : 0, spec->vip);
	p = calloc(1, sizeof(*p));
	if (!p)
		return err__set(err, -ENOMEM, "out of memory");
	*ret_state = p;
	p->vip.family = strchr(vip, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(p->vip.family, vip, p->vip.addr) != 1)
		return err__set(err, -EINVAL, "`%s` is no IPv4 or IPv6 address", spec->vip);
	r = connect_netlink(p);
	return r ? err__set(err, r, "netlink: %s", strerror(-r)) : 0;
}

static int on_attr(const struct nlattr *a, void *data)
{
	const struct nlattr **tb = data;
	uint16_t type = mnl_attr_get_type(a);

	if (type <= IFA_LOCAL)
		tb[type] = a;
	return MNL_CB_OK;
}

int vrrp__on_address(const struct nlmsghdr *h, void *data)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *tb[IFA_LOCAL + 1] = {0}, *a;
	struct vrrp_address *vip = data;
	size_t len = vip->family == AF_INET ? 4 : 16;

	if (h->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(h) < sizeof(*m) ||
	    m->ifa_family != vip->family)
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(*m), on_attr, tb);
	/* With a peer, IFA_ADDRESS is the peer's. */
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (a && mnl_attr_get_payload_len(a) == len &&
	    !memcmp(mnl_attr_get_payload(a), vip->addr, len))
		vip->held = true;
	return MNL_CB_OK;
}

static int dump(struct vrrp_probe *p, int64_t deadline_ns)
{
	char buf[32768];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	unsigned int port = mnl_socket_get_portid(p->nl);
	int r = MNL_CB_OK;

	h->nlmsg_type = RTM_GETADDR;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++p->seq;
	m->ifa_family = p->vip.family;
	p->vip.held = false;
	if (mnl_socket_sendto(p->nl, h, h->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		ssize_t n = netlink__receive(p->nl, buf, sizeof(buf));

		if (n < 0)
			return n == -EAGAIN ? -ETIMEDOUT : (int)n;
		r = netlink__run(buf, (size_t)n, p->seq, port, vrrp__on_address, &p->vip);
		if (r < 0)
			return -errno;
		if (clock__now() > deadline_ns)
			return -ETIMEDOUT;
	}
	return 0;
}

static void vrrp_ask(void *state, int64_t deadline_ns, struct sample *s)
{
	struct vrrp_probe *p = state;
	int r = p->nl ? dump(p, deadline_ns) : connect_netlink(p);

	/* EINTR: addresses changed during the dump, which may have missed some. The next one is
	 * whole. */
	if (r == -EINTR)
		r = dump(p, deadline_ns);
	s->recv_ns = clock__now();
	if (r) {
		sample__error(s, "netlink: %s", strerror(-r));
		if (p->nl)
			mnl_socket_close(p->nl);
		p->nl = NULL;
		return;
	}
	s->claim = p->vip.held;
	s->role = p->vip.held ? PROBE_LEADER : PROBE_NONE;
}

const struct probe_ops probe_vrrp = {
	.name = "vrrp",
	.open = vrrp_open,
	.ask = vrrp_ask,
	.close = vrrp_close,
};
