/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * record.h: traffic in bins (struct chaos_bin), before our faults.
 *
 * What a packet costs: for one that is counted here a look-up of its subject (a hash), of the ports' table and of the bins (arrays,
 * no calls); a SYN, a SYN-ACK, and for a minute after the last SYN of anybody a packet with payload from a server that arrives
 * at its client, one more of the connection. Nothing while traffic is not recorded.
 */
#ifndef RECORD_H
#define RECORD_H

#include "record_subject.h"
#include "run_time.h"

enum {
	/* A server's first byte is looked for this long after the last SYN that anybody has sent. */
	FIRST_BYTE_MAX_S = 60,
	/* Samples of the RTT in one bin: of many packets the first. */
	RTT_SAMPLES = 16,
	TCP_SEQ = 4,	/* offset in the header */
	SRTT_SHIFT = 3, /* tcp_sock.srtt_us is eight times the time */
};

static __always_inline struct chaos_recording *recording__get(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&recording, &key);
}

/* A new subject; 0: there is no room. */
static __always_inline __u32 subject__number(struct chaos_recording *rec, bool is_sum)
{
	__u32 key = 0, id = 0, room = is_sum ? rec->max : rec->max - rec->reserve;
	struct subjects_lock *l = bpf_map_lookup_elem(&subjects_lock, &key);

	if (!l)
		return 0;
	bpf_spin_lock(&l->lock);
	if (rec->n_subjects < room)
		id = rec->n_subjects++;
	bpf_spin_unlock(&l->lock);
	return id;
}

static __always_inline __u32 subject__make(struct chaos_recording *rec,
					   const struct chaos_subject *s)
{
	__u32 id = subject__number(rec, !s->port && !s->proto), *found;

	if (!id)
		return 0;
	bpf_map_update_elem(&subject_keys, &id, s, BPF_ANY);
	/* Fails if another CPU was first: its number counts, and ours stays empty. */
	bpf_map_update_elem(&subjects, s, &id, BPF_NOEXIST);
	found = bpf_map_lookup_elem(&subjects, s);
	return found ? *found : 0;
}

static __always_inline __u32 subject__get(struct chaos_subject *s)
{
	__u32 *found = bpf_map_lookup_elem(&subjects, s), id;
	struct chaos_recording *rec;

	if (found)
		return *found;
	rec = recording__get();
	if (!rec)
		return CHAOS_SUBJECT_REST;
	id = subject__make(rec, s);
	if (id)
		return id;
	record__add(rec->refused, 1);
	s->port = 0;
	s->proto = 0;
	found = bpf_map_lookup_elem(&subjects, s);
	return found ? *found : subject__make(rec, s);
}

static __always_inline void conn__key(const struct packet *pkt, bool to_server,
				      struct chaos_conn_key *key)
{
	key->client = to_server ? pkt->src : pkt->dst;
	key->server = to_server ? pkt->dst : pkt->src;
	key->client_port = to_server ? pkt->sport : pkt->dport;
	key->server_port = to_server ? pkt->dport : pkt->sport;
}

static __always_inline void record__syn(struct __sk_buff *skb, const struct packet *pkt,
					struct chaos_bin *bin, __u32 subject, __u64 now_ns)
{
	struct chaos_conn_key key;
	struct chaos_conn *seen, new = {.syn_ns = now_ns, .subject = subject};
	struct chaos_recording *rec = recording__get();

	if (bpf_skb_load_bytes_relative(skb, pkt->l4 + TCP_SEQ, &new.isn, sizeof(new.isn),
					pkt->base))
		return;
	conn__key(pkt, true, &key);
	seen = bpf_map_lookup_elem(&conns, &key);
	if (seen && seen->isn == new.isn) {
		record__add(bin->syn_again, 1);
		return;
	}
	bpf_map_update_elem(&conns, &key, &new, BPF_ANY);
	record__add(bin->syn, 1);
	if (rec)
		*(volatile __u64 *)&rec->last_syn_ns = now_ns;
}

/* SYN-ACK and first payload, where they come nearest to the client. */
static __always_inline void record__answer(const struct packet *pkt, __u64 now_ns, __u64 run_ns)
{
	bool synack = pkt->tcp_flags & TCP_FLAG_SYN;
	__u32 what = synack ? CHAOS_CONN_ANSWERED : CHAOS_CONN_FIRST;
	struct chaos_conn_key key;
	struct chaos_conn *conn;
	struct chaos_bin *bin;
	__u64 us;

	conn__key(pkt, false, &key);
	conn = bpf_map_lookup_elem(&conns, &key);
	if (!conn || (conn->flags & what) || now_ns < conn->syn_ns)
		return;
	conn->flags |= what;
	bin = bin__get(conn->subject, run_ns);
	if (!bin)
		return;
	us = (now_ns - conn->syn_ns) / 1000;
	if (synack) {
		record__add(bin->connect_us, us);
		record__add(bin->connect_n, 1);
	} else {
		record__add(bin->first_byte_us, us);
		record__add(bin->first_byte_n, 1);
	}
}

/* Of a socket of this namespace, while it sends. */
static __always_inline void record__rtt(struct __sk_buff *skb, struct chaos_bin *bin)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tp;

	if (!sk || bin->rtt_n >= RTT_SAMPLES)
		return;
	sk = bpf_sk_fullsock(sk);
	tp = sk ? bpf_tcp_sock(sk) : NULL;
	if (!tp || !tp->srtt_us)
		return;
	record__add(bin->rtt_us, tp->srtt_us >> SRTT_SHIFT);
	record__add(bin->rtt_n, 1);
}

static __always_inline bool packet__is_syn(const struct packet *pkt)
{
	return (pkt->flags & PACKET_TCP_FLAGS) &&
	       (pkt->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN;
}

/* Connections to it are tried. */
static __always_inline void service__note(__u16 port)
{
	struct chaos_services *s = services__get();

	if (s && !s->tcp[port])
		s->tcp[port] = 1;
}

static __always_inline void record__tcp(const struct packet *pkt, struct chaos_bin *bin,
					bool to_server)
{
	__u8 flags = pkt->tcp_flags;

	if (flags & TCP_FLAG_RST) {
		if (to_server)
			record__add(bin->rst, 1);
		else
			record__add(bin->back_rst, 1);
	}
	if (flags & TCP_FLAG_FIN) {
		if (to_server)
			record__add(bin->fin, 1);
		else
			record__add(bin->back_fin, 1);
	}
	if ((flags & TCP_FLAG_SYN) && (flags & TCP_FLAG_ACK))
		record__add(bin->synack, 1);
}

static __always_inline bool packet__has_payload(const struct packet *pkt)
{
	return !pkt->l3_len || pkt->l3 + pkt->l3_len > pkt->payload;
}

/* Is this as near to its client as it is seen, and may the client be waiting for it? */
static __always_inline bool packet__is_answer(const struct packet *pkt, const struct flow *flow,
					      __u64 now_ns)
{
	struct chaos_recording *rec;

	/* The client's own hook comes after. */
	if (flow->direction == CHAOS_EGRESS && flow->dst_here)
		return false;
	if (pkt->tcp_flags & TCP_FLAG_SYN)
		return true;
	rec = recording__get();
	return rec &&
	       now_ns - *(volatile __u64 *)&rec->last_syn_ns < FIRST_BYTE_MAX_S * 1000000000ULL;
}

/* Is this where the packet is counted? What a namespace forwards came in by a device, @came_by. */
static __always_inline bool packet__counts_here(const struct flow *flow, __u32 came_by)
{
	return flow->direction == CHAOS_EGRESS ? !came_by : !flow->src_here;
}

/* May it be a SYN-ACK or payload, seen by its client? */
static __always_inline bool packet__may_answer(const struct packet *pkt)
{
	return (pkt->flags & PACKET_TCP_FLAGS) &&
	       ((pkt->tcp_flags & TCP_FLAG_SYN) || packet__has_payload(pkt));
}

static __always_inline void record__counts(struct __sk_buff *skb, const struct packet *pkt,
					   const struct flow *flow, struct chaos_subject *subject,
					   bool to_server, __u64 now_ns, __u64 run_ns)
{
	__u32 id = subject__get(subject);
	struct chaos_bin *bin = bin__get(id, run_ns);

	if (!bin)
		return;
	if (to_server) {
		record__add(bin->packets, flow->segs);
		record__add(bin->bytes, flow->bytes);
	} else {
		record__add(bin->back_packets, flow->segs);
		record__add(bin->back_bytes, flow->bytes);
	}
	if (!(pkt->flags & PACKET_TCP_FLAGS))
		return;
	record__tcp(pkt, bin, to_server);
	if (packet__is_syn(pkt))
		record__syn(skb, pkt, bin, id, now_ns);
	else if (flow->direction == CHAOS_EGRESS)
		record__rtt(skb, bin);
}

/* Not static: as rule__at_hook(). The packet is that of the first passage. */
__noinline int record__packet(struct __sk_buff *skb, __u64 t0_ns)
{
	struct passage *p = passage__get(0);
	/* Read at once: the compiler must not keep the place instead. */
	__u32 came_by = *(volatile __u32 *)&skb->ingress_ifindex;
	struct chaos_subject subject;
	bool to_server, counts;
	__u64 now_ns;

	if (!p || !traffic_bin_ns || !p->pkt.version)
		return 0;
	counts = packet__counts_here(&p->flow, came_by);
	if (!counts && !packet__may_answer(&p->pkt))
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (!run__has_begun(now_ns, t0_ns))
		return 0;
	if (packet__is_syn(&p->pkt))
		service__note(p->pkt.dport);
	to_server = subject__of(&p->pkt, &p->flow, &subject);
	if (counts)
		record__counts(skb, &p->pkt, &p->flow, &subject, to_server, now_ns, now_ns - t0_ns);
	if (!to_server && packet__may_answer(&p->pkt) &&
	    packet__is_answer(&p->pkt, &p->flow, now_ns))
		record__answer(&p->pkt, now_ns, now_ns - t0_ns);
	return 0;
}

#endif
