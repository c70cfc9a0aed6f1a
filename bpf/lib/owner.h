/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * owner.h: whose socket sends and whose receives. At egress the packet has its sender's socket, and takes the
 * process's number along to the hook of a receiver on this machine (CHAOS_SENDER); there the receiving socket
 * is looked up. What belongs to no socket (ICMP, ARP, answers of the kernel for connections that are over, later
 * fragments on their way in) is known by its addresses alone.
 */
#ifndef OWNER_H
#define OWNER_H

#include "maps.h"
#include "packet.h"

enum {
	NETNS_CURRENT = -1, /* BPF_F_CURRENT_NETNS */
};

/* Who an owner's socket is at an address that is @ident's alone. */
static __always_inline struct chaos_ident owner__join(__u32 owner, struct chaos_ident ident)
{
	struct chaos_join_key key = {.owner = owner, .class_id = ident.class_id};
	struct chaos_ident *found = bpf_map_lookup_elem(&joins, &key);

	return found ? *found : ident;
}

/* Its process has ended and its row was taken away, but it is not done: the receiver's hook needs the row. */
static __noinline int process__left(__u32 tgid, __u32 owner)
{
	struct chaos_process row = {.owner = owner, .heirs = CHAOS_PROCESS_ENDED};
	__u32 key = 0;
	struct chaos_control *ctl = bpf_map_lookup_elem(&control, &key);

	row.born_ns = bpf_ktime_get_ns();
	if (!bpf_map_update_elem(&processes, &tgid, &row, BPF_NOEXIST) && ctl)
		__sync_fetch_and_add(&ctl->n_ended, 1);
	return 0;
}

static __always_inline __u32 socket__owner(struct chaos_socket *s, __u32 epoch)
{
	struct chaos_process *process;

	if (s->epoch != epoch) {
		process = bpf_map_lookup_elem(&processes, &s->tgid);
		/* Of an ended one it stays what it was. */
		if (process && process->heirs != CHAOS_PROCESS_ENDED)
			s->owner = process->owner;
		else if (!process && s->owner)
			process__left(s->tgid, s->owner);
		*(volatile __u32 *)&s->epoch = epoch;
	}
	return s->owner;
}

/* owner__join(), remembered with the socket: it has one local address as a rule. */
static __always_inline struct chaos_ident socket__join(struct chaos_socket *s, __u32 owner,
						       __u32 epoch, struct chaos_ident ident)
{
	__u64 joined = *(volatile __u64 *)&s->joined;
	__u32 asked = (epoch & 0xffff) | ident.class_id << 16;
	struct chaos_ident who;

	if (ident.class_id <= 0xffff && (__u32)joined == asked && joined >> 32) {
		who.class_id = (joined >> 32) & 0xffff;
		who.node = joined >> 48;
		return who;
	}
	who = owner__join(owner, ident);
	if (ident.class_id <= 0xffff && who.class_id <= 0xffff && who.node <= 0xffff)
		*(volatile __u64 *)&s->joined =
			asked | (__u64)who.class_id << 32 | (__u64)who.node << 48;
	/* The socket may have changed hands meanwhile. */
	if (*(volatile __u32 *)&s->owner != owner)
		*(volatile __u64 *)&s->joined = 0;
	return who;
}

/* A full socket's, or of what is not one yet its listener's. */
static __always_inline struct chaos_socket *socket__get(struct bpf_sock *sk)
{
	struct bpf_sock *full = bpf_sk_fullsock(sk);

	if (!full)
		full = bpf_get_listener_sock(sk);
	return full ? bpf_sk_storage_get(&sockets, full, NULL, 0) : NULL;
}

/* --- the sender, at egress -------------------------------------------------------------------- */

static __always_inline void owner__take_along(struct __sk_buff *skb, __u32 tgid)
{
	__u32 flow = bpf_get_hash_recalc(skb);

	bpf_set_hash(skb, (flow & ~CHAOS_SENDER_TGID) | (tgid & CHAOS_SENDER_TGID));
	skb->tc_index = CHAOS_SENDER;
}

/* What a hook before this one on the machine has found; this run's or another's. */
static __always_inline void owner__brought(struct __sk_buff *skb, struct flow *flow)
{
	__u32 tgid = skb->hash & CHAOS_SENDER_TGID;
	struct chaos_process *process;

	if (skb->tc_index != CHAOS_SENDER)
		return;
	process = bpf_map_lookup_elem(&processes, &tgid);
	if (!process)
		return;
	flow->src_owner = process->owner;
	flow->src = owner__join(process->owner, flow->src);
}

static __always_inline void owner__sender(struct __sk_buff *skb, struct flow *flow, __u32 epoch,
					  bool here)
{
	struct bpf_sock *sk = here ? skb->sk : NULL;
	struct chaos_socket *s = sk ? socket__get(sk) : NULL;
	__u32 owner = s ? socket__owner(s, epoch) : CHAOS_OWNER_NONE;

	if (!owner) {
		owner__brought(skb, flow);
		return;
	}
	flow->src_owner = owner;
	flow->src = socket__join(s, owner, epoch, flow->src);
	owner__take_along(skb, s->tgid);
}

/* --- the receiver, at ingress ----------------------------------------------------------------- */

static __always_inline __u32 tuple__fill(const struct packet *pkt, struct bpf_sock_tuple *t)
{
	if (pkt->version == 4) {
		t->ipv4.saddr = pkt->src.w[3];
		t->ipv4.daddr = pkt->dst.w[3];
		t->ipv4.sport = bpf_htons(pkt->sport);
		t->ipv4.dport = bpf_htons(pkt->dport);
		return sizeof(t->ipv4);
	}
	__builtin_memcpy(t->ipv6.saddr, &pkt->src, sizeof(pkt->src));
	__builtin_memcpy(t->ipv6.daddr, &pkt->dst, sizeof(pkt->dst));
	t->ipv6.sport = bpf_htons(pkt->sport);
	t->ipv6.dport = bpf_htons(pkt->dport);
	return sizeof(t->ipv6);
}

/* What the receiving socket's storage gives, while the reference is held. */
static __always_inline void owner__of_found(struct bpf_sock *sk, struct flow *flow, __u32 epoch)
{
	struct chaos_socket *s = socket__get(sk);
	__u32 owner = s ? socket__owner(s, epoch) : CHAOS_OWNER_NONE;

	if (!owner)
		return;
	flow->dst_owner = owner;
	flow->dst = socket__join(s, owner, epoch, flow->dst);
}

static __always_inline void owner__receiver(struct __sk_buff *skb, const struct packet *pkt,
					    struct flow *flow, __u32 epoch)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 len;

	if (!(pkt->flags & PACKET_PORTS))
		return;
	len = tuple__fill(pkt, &tuple);
	if (pkt->proto == IPPROTO_TCP) {
		/* The constant length is what the verifier wants to see. */
		sk = len == sizeof(tuple.ipv4)
			     ? bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), NETNS_CURRENT, 0)
			     : bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), NETNS_CURRENT,
						  0);
	} else if (pkt->proto == IPPROTO_UDP) {
		sk = len == sizeof(tuple.ipv4)
			     ? bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv4), NETNS_CURRENT, 0)
			     : bpf_sk_lookup_udp(skb, &tuple, sizeof(tuple.ipv6), NETNS_CURRENT, 0);
	} else {
		return;
	}
	if (!sk)
		return;
	owner__of_found(sk, flow, epoch);
	bpf_sk_release(sk);
}

/* --- both ------------------------------------------------------------------------------------- */

/* After flow__identify(). */
static __always_inline void flow__own(struct __sk_buff *skb, const volatile struct chaos_hook *hook,
				      const struct packet *pkt, struct flow *flow, __u32 epoch)
{
	bool here = hook->flags & CHAOS_HOOK_OWNERS;

	if (flow->direction == CHAOS_EGRESS) {
		owner__sender(skb, flow, epoch, here);
		return;
	}
	owner__brought(skb, flow);
	if (here)
		owner__receiver(skb, pkt, flow, epoch);
}

/* Onto the line, and there: both numbers. */
static __always_inline void flow__pack_owners(struct __sk_buff *skb, const struct flow *flow)
{
	bpf_set_hash(skb, flow->src_owner << 16 | flow->dst_owner);
}

static __always_inline void flow__unpack_owners(struct __sk_buff *skb, struct flow *flow)
{
	__u32 owners = skb->hash;

	flow->src_owner = owners >> 16;
	flow->dst_owner = owners & 0xffff;
	if (flow->src_owner)
		flow->src = owner__join(flow->src_owner, flow->src);
	if (flow->dst_owner)
		flow->dst = owner__join(flow->dst_owner, flow->dst);
}

#endif
