// SPDX-License-Identifier: GPL-2.0-only
/* traffic.c: what the kernel says that a socket has done. */
#include "discover/internal.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
/* Not netinet/tcp.h, whose struct tcp_info ends before the byte counters. */
#include <linux/tcp.h>
#include <string.h>

/* All that is read lies before this; what later kernels added follows it. */
#define INFO_LEN offsetof(struct tcp_info, tcpi_notsent_bytes)

static void read_info(const struct nlattr *a, struct discover_traffic *t)
{
	struct tcp_info info = {0};

	if (mnl_attr_get_payload_len(a) < INFO_LEN)
		return;
	memcpy(&info, mnl_attr_get_payload(a), INFO_LEN);
	t->counted = true;
	t->bytes_sent = info.tcpi_bytes_acked;
	t->bytes_received = info.tcpi_bytes_received;
	t->segs_out = info.tcpi_segs_out;
	t->segs_in = info.tcpi_segs_in;
	t->retrans = info.tcpi_total_retrans;
	t->rtt_us = info.tcpi_rtt;
}

void traffic__read(const struct nlmsghdr *h, struct discover_traffic *ret)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	*ret = (struct discover_traffic){
		.cookie = (uint64_t)m->id.idiag_cookie[1] << 32 | m->id.idiag_cookie[0],
		.state = m->idiag_state,
		.rqueue = m->idiag_rqueue,
		.wqueue = m->idiag_wqueue,
	};
	mnl_attr_for_each(a, h, sizeof(*m))
	{
		uint32_t mem[SK_MEMINFO_VARS];

		if (mnl_attr_get_type(a) == INET_DIAG_INFO) {
			read_info(a, ret);
		} else if (mnl_attr_get_type(a) == INET_DIAG_SKMEMINFO &&
			   mnl_attr_get_payload_len(a) >= sizeof(mem)) {
			memcpy(mem, mnl_attr_get_payload(a), sizeof(mem));
			ret->drops = mem[SK_MEMINFO_DROPS];
		}
	}
}
