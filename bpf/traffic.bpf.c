// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * traffic.bpf.c: what only the kernel knows of traffic: segments sent again, connections established and closed, and
 * for which reason packets were dropped and connections reset. It goes into the same bins as what the hooks count, reasons
 * into tables of their own. A socket of a namespace that has no hook costs one look-up.
 */
#include "vmlinux.h"

#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "chaos_abi.h"
#include "lib/kernel.h"
#include "lib/identity.h"
#include "lib/parse_addr.h"
#include "lib/record_subject.h"
#include "lib/run_time.h"
#include "lib/uapi.h"

struct map_control control SEC(".maps");
struct map_idents idents SEC(".maps");
struct map_prefixes prefixes SEC(".maps");
struct map_subjects subjects SEC(".maps");
struct map_bins bins SEC(".maps");
struct map_services services SEC(".maps");
struct map_conns conns SEC(".maps");
struct map_spaces spaces SEC(".maps");
struct map_reasons drops SEC(".maps");
struct map_reasons resets SEC(".maps");

const volatile __u32 have_prefixes = 1;
const volatile __u64 traffic_bin_ns = 1;

enum tcp_state {
	STATE_ESTABLISHED = 1,
	STATE_SYN_SENT = 2,
	STATE_SYN_RECV = 3,
	STATE_CLOSE = 7,
	STATE_LISTEN = 10,
};

/* A socket's connection, and who is at its ends. */
struct ends {
	struct chaos_addr local, remote;
	struct chaos_ident local_ident, remote_ident;
	__u16 local_port, remote_port;
	bool server; /* the local end is */
	bool remote_here;
};

/* Run time; 0: not armed. */
static __always_inline __u64 now__run(void)
{
	__u32 key = 0;
	struct chaos_control *ctl = bpf_map_lookup_elem(&control, &key);
	__u64 t0_ns = ctl ? *(volatile __u64 *)&ctl->t0_ns : 0, now_ns = bpf_ktime_get_ns();

	return t0_ns && run__has_begun(now_ns, t0_ns) ? now_ns - t0_ns : 0;
}

static __always_inline struct chaos_space *space__of(const struct net *net)
{
	__u32 inum = net->ns.inum;

	return bpf_map_lookup_elem(&spaces, &inum);
}

static __always_inline bool ends__addresses(const struct sock_common *sk, struct ends *e)
{
	__u32 i;

	if (sk->skc_family == FAMILY_INET) {
		addr__from_ipv4(&e->local, sk->skc_rcv_saddr);
		addr__from_ipv4(&e->remote, sk->skc_daddr);
		return true;
	}
	if (sk->skc_family != FAMILY_INET6 || !bpf_core_field_exists(sk->skc_v6_daddr))
		return false;
	for (i = 0; i < 4; i++) {
		e->local.w[i] = sk->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
		e->remote.w[i] = sk->skc_v6_daddr.in6_u.u6_addr32[i];
	}
	return true;
}

static __always_inline __u32 ends__subject(const struct ends *e)
{
	struct chaos_conn_key key = {
		.client = e->server ? e->remote : e->local,
		.server = e->server ? e->local : e->remote,
		.client_port = e->server ? e->remote_port : e->local_port,
		.server_port = e->server ? e->local_port : e->remote_port,
	};
	struct chaos_conn *conn = bpf_map_lookup_elem(&conns, &key);
	struct chaos_subject s = {.port = key.server_port, .proto = IPPROTO_TCP};

	/* The hooks know sockets' owners too. */
	if (conn)
		return conn->subject;
	s.client = e->server ? e->remote_ident.node : e->local_ident.node;
	s.server = e->server ? e->local_ident.node : e->remote_ident.node;
	return subject__find(&s);
}

/* The bin to count in; NULL for a connection that no hook has seen a packet of, one of lo say. */
static __always_inline struct chaos_bin *ends__bin(const struct ends *e, __u64 run_ns)
{
	__u32 subject = ends__subject(e);

	return subject == CHAOS_SUBJECT_REST ? NULL : bin__get(subject, run_ns);
}

/* False: not of the run. */
static __always_inline bool ends__of(const struct sock_common *sk, const struct chaos_space *space,
				     __u16 local_port, struct ends *e)
{
	__u32 node = space->node;

	if (!ends__addresses(sk, e))
		return false;
	e->local_port = local_port;
	e->remote_port = bpf_ntohs(sk->skc_dport);
	e->server = !ports__to_server(IPPROTO_TCP, e->local_port, e->remote_port);
	e->local_ident = ident__lookup(&e->local);
	e->remote_ident = ident__lookup(&e->remote);
	e->remote_here = e->remote_ident.node & CHAOS_NODE_HERE;
	e->local_ident.node &= ~CHAOS_NODE_HERE;
	e->remote_ident.node &= ~CHAOS_NODE_HERE;
	if (node != CHAOS_NODE_OTHER)
		e->local_ident.node = node;
	return true;
}

/* The socket's number of its port is 0 once it has given it back. */
static __always_inline __u16 sock__port(const struct sock *sk)
{
	const struct inet_sock *inet = (const void *)sk;
	__be16 port = 0;

	bpf_core_read(&port, sizeof(port), &inet->inet_sport);
	return bpf_ntohs(port);
}

SEC("tp_btf/inet_sock_set_state")
int traffic_state(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	int from = ctx[1], to = ctx[2];
	struct chaos_space *space = space__of(sk->__sk_common.skc_net.net);
	struct ends e = {};
	struct chaos_bin *bin;
	__u64 run_ns;
	bool opened;

	if (!space || sk->sk_protocol != IPPROTO_TCP)
		return 0;
	opened = to == STATE_ESTABLISHED && (from == STATE_SYN_RECV || from == STATE_SYN_SENT);
	if (!opened && (to != STATE_CLOSE || from == STATE_SYN_SENT || from == STATE_SYN_RECV ||
			from == STATE_LISTEN || from == STATE_CLOSE))
		return 0;
	run_ns = now__run();
	if (!run_ns || !ends__of(&sk->__sk_common, space, sock__port(sk), &e))
		return 0;
	/* Once: where the server is, or at the client if that is elsewhere. */
	if (opened)
		e.server = from == STATE_SYN_RECV;
	if (!e.server && e.remote_here)
		return 0;
	bin = ends__bin(&e, run_ns);
	if (!bin)
		return 0;
	if (opened)
		record__add(bin->opened, 1);
	else
		record__add(bin->closed, 1);
	return 0;
}

static __always_inline void retransmit__count(const struct ends *e, __u32 segs, __u64 run_ns)
{
	struct chaos_bin *bin = ends__bin(e, run_ns);

	if (!bin)
		return;
	if (e->server)
		record__add(bin->back_retransmits, segs);
	else
		record__add(bin->retransmits, segs);
}

SEC("tp_btf/tcp_retransmit_skb")
int traffic_retransmit(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	const struct sk_buff *skb = (const void *)ctx[1];
	struct chaos_space *space = space__of(sk->__sk_common.skc_net.net);
	const struct tcp_skb_cb *cb;
	struct ends e = {};
	__u16 segs = 0;
	__u64 run_ns;

	if (!space)
		return 0;
	run_ns = now__run();
	if (!run_ns || !ends__of(&sk->__sk_common, space, sk->__sk_common.skc_num, &e))
		return 0;
	cb = (const void *)skb->cb;
	bpf_core_read(&segs, sizeof(segs), &cb->tcp_gso_segs);
	retransmit__count(&e, segs ? segs : 1, run_ns);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int traffic_synack(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	const struct request_sock *req = (const void *)ctx[1];
	struct chaos_space *space = space__of(sk->__sk_common.skc_net.net);
	struct ends e = {};
	__u64 run_ns;

	if (!space)
		return 0;
	run_ns = now__run();
	if (!run_ns || !ends__of(&req->__req_common, space, req->__req_common.skc_num, &e))
		return 0;
	e.server = true;
	retransmit__count(&e, 1, run_ns);
	return 0;
}

/* Of a packet and of a socket, either of which may be NULL. */
static __always_inline struct chaos_space *space__of_either(const struct sk_buff *skb,
							    const struct sock *sk)
{
	struct chaos_space *space = NULL;
	const struct net_device *dev;

	if (skb) {
		dev = skb->dev;
		/* Where skb->dev is something else (it shares its place), that is no namespace of ours. */
		if (dev)
			space = space__of(dev->nd_net.net);
	}
	if (!space && sk)
		space = space__of(sk->__sk_common.skc_net.net);
	return space;
}

static __always_inline void reason__count(struct map_reasons *map, const struct chaos_space *space,
					  __u32 reason)
{
	struct chaos_reason_key key = {.reason = reason};
	__u64 one = 1, *n;

	if (!space || !now__run())
		return;
	key.node = space->shown;
	n = bpf_map_lookup_elem(map, &key);
	if (!n) {
		if (!bpf_map_update_elem(map, &key, &one, BPF_NOEXIST))
			return;
		n = bpf_map_lookup_elem(map, &key);
	}
	if (n)
		record__add(*n, 1);
}

/* Linux 5.17 gives the reason. */
SEC("tp_btf/kfree_skb")
int traffic_drop(__u64 *ctx)
{
	const struct sk_buff *skb = (const void *)ctx[0];

	reason__count(&drops, space__of_either(skb, skb->sk), ctx[2]);
	return 0;
}

/*
 * Linux 6.10 gives the reason. An answer to a packet that no socket wants has no socket, what a socket sends of its own
 * has no packet.
 */
SEC("tp_btf/tcp_send_reset")
int traffic_reset(__u64 *ctx)
{
	const struct sock *sk = (const void *)ctx[0];
	const struct sk_buff *skb = (const void *)ctx[1];

	reason__count(&resets, space__of_either(skb, sk), ctx[2]);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
